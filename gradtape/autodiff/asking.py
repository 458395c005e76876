"""How a question is put and how its answer is shown: targets, sources and cotangents are checked on
the way in; structures, None and zeros are made on the way out.

Tapes, Jacobians and accumulators share these."""

from __future__ import annotations

import enum
import warnings
from collections.abc import Sequence
from typing import Any

from gradtape.core import nest
from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import Nothing
from gradtape.core.record import Node
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.ops.basis import broadcast_to, ones, zeros
from gradtape.ops.sparse import IndexedSlices


class UnconnectedGradients(enum.Enum):
    """What a gradient is when the target does not depend on the source.

    Example:
        >>> import gradtape as tf
        >>> tf.UnconnectedGradients("zero")
        <UnconnectedGradients.ZERO: 'zero'>
    """

    NONE = "none"
    ZERO = "zero"


def node_of(value: Any) -> Node | None:
    """The node of a tensor or variable."""
    return value._leaf if isinstance(value, Variable) else value._node


def held(value: Any) -> Any:
    """The variable in an object that stands for it, as Keras's does; everything else itself."""
    if isinstance(value, Variable) or not hasattr(value, "_leaf"):
        return value
    return value._value


def unconnected_mode(value: Any) -> UnconnectedGradients:
    """The member of `UnconnectedGradients` that is meant."""
    if type(value) is UnconnectedGradients:
        return value
    try:
        return UnconnectedGradients(value)
    except ValueError:
        raise ValueError(
            f"Unknown value for unconnected_gradients: {value!r}. Write 'none' or 'zero'."
        ) from None


def flat_targets(target: Any) -> list[Any]:
    """The targets as a list of tensors and variables."""
    if target is None:
        raise TypeError(
            "Argument `target` should be a list or nested structure of Tensors, Variables or "
            "CompositeTensors to be differentiated, but received None."
        )
    flat = []
    if type(target) is Tensor:
        return [target]
    for item in nest.flatten(target):
        item = item.values if isinstance(item, IndexedSlices) else item
        flat.append(checked(item, "target"))
    return flat


def flat_sources(sources: Any, method: str = "gradient") -> list[Any]:
    """The sources as a list of tensors and variables."""
    if type(sources) is list:
        for s in sources:
            if type(s) is not Tensor and type(s) is not Variable:
                break
        else:
            return sources
    return [checked(s, "source", method) for s in nest.flatten(sources)]


def checked(item: Any, role: str, method: str = "gradient") -> Any:
    """A tensor or variable, or TypeError."""
    if isinstance(item, (Tensor, Variable)):
        return item
    if hasattr(item, "__tf_tensor__"):
        return as_tensor(item)
    raise TypeError(
        f"GradientTape.{method}: the {role} {brief(item)} is no tensor, so nothing was recorded "
        "for it. Make it with tf.constant or tf.Variable, and keep it out of NumPy."
    )


def starting_cotangents(targets: list[Any], given: Any) -> list[Any]:
    """The cotangents of the targets: ones, or the checked `output_gradients`; None for integers."""
    if given is None:
        return [starting_cotangent(t, None) for t in targets]
    if len(targets) == 1 and not (isinstance(given, (list, tuple)) and len(given) == 1):
        flat = [given]
    else:
        flat = list(given) if isinstance(given, (list, tuple)) else nest.flatten(given)
    if len(flat) != len(targets):
        raise InvalidArgumentError(
            f"GradientTape.gradient: {len(flat)} output_gradients for {len(targets)} targets. "
            "Give one for each."
        )
    return [starting_cotangent(t, ct) for t, ct in zip(targets, flat, strict=True)]


def starting_cotangent(target: Any, given: Any) -> Any:
    """The cotangent of one target, of its shape and dtype."""
    shape, dtype = target._shape, target._dtype
    if not differentiable(dtype):
        return None
    if given is None:
        return ones(shape, dtype)
    ct = as_tensor_like(given, dtype, "GradientTape.gradient")
    if ct._dtype != dtype:
        raise InvalidArgumentError(
            f"GradientTape.gradient: output_gradients {brief(ct)} for the target {brief(target)}: "
            f"the dtypes differ. Write tf.cast(output_gradients, tf.{target.dtype.name})."
        )
    if ct._shape != shape:
        if ct._shape != ():
            raise InvalidArgumentError(
                f"GradientTape.gradient: output_gradients {brief(ct)} for the target "
                f"{brief(target)}: the shapes differ. Give one number for each element of the "
                "target, or a scalar."
            )
        ct = broadcast_to(ct, shape)
    return ct


def finished(result: Any, source: Any, mode: UnconnectedGradients) -> Any:
    """What the public face shows for a source."""
    if not isinstance(result, Nothing):
        return result
    if mode is UnconnectedGradients.ZERO:
        return zeros(source._shape, source._dtype)
    return None


def packed(sources: Any, results: Sequence[Any]) -> Any:
    """The results in the structure of the sources."""
    if type(sources) is list and len(sources) == len(results):
        for s in sources:
            if not isinstance(s, (Tensor, Variable)):
                break
        else:
            return list(results)
    if isinstance(sources, (Tensor, Variable)) or not nest.is_nested(sources):
        return results[0]
    return nest.pack_sequence_as(sources, results)


_warned: dict[str, int] = {}


def warn_first(text: str, times: int = 5) -> None:
    """Warn of something the first few times."""
    _warned[text] = _warned.get(text, 0) + 1
    if _warned[text] <= times:
        warnings.warn(text, stacklevel=4)
