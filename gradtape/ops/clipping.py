"""Clipping: of values into an interval, of tensors and lists of gradients to a largest norm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import larger, same_shape
from gradtape.core.tensor import Tensor
from gradtape.ops.arithmetic import divide, maximum, minimum
from gradtape.ops.assembly import concat
from gradtape.ops.basis import (
    add,
    broadcast_shapes,
    cast,
    multiply,
    numbers,
    reshape,
    safe_divide,
    size_of,
    subtract,
    zeros,
)
from gradtape.ops.calls import mixed_dtypes, wrong_kind
from gradtape.ops.families import INEXACT, REAL
from gradtape.ops.norms import vector_norm
from gradtape.ops.sparse import IndexedSlices
from gradtape.ops.static import static_axes


def _values(t: Any, function: str, kinds: str) -> Tensor:
    """The tensor, or the rows of an IndexedSlices."""
    x = t.values if isinstance(t, IndexedSlices) else as_tensor(t, function)
    if x._dtype.kind not in kinds:
        raise wrong_kind(function, kinds, x)
    return x


def _like(t: Any, values: Any) -> Any:
    """The result in the shape of what was given: a tensor, or an IndexedSlices with new rows."""
    return t.with_values(values) if isinstance(t, IndexedSlices) else values


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Any:
    """Return t with values below the smallest and above the largest allowed one replaced by these.

    The derivative is 1 inside the interval and at its ends and 0 outside, where it goes to the
    bound. Where the bounds are crossed, the lower one wins.

    Args:
        t: a real tensor or an `IndexedSlices`.
        clip_value_min: a number or tensor that broadcasts to the shape of t.
        clip_value_max: likewise.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for other dtypes, or bounds that do not broadcast to the shape of t.

    Example:
        >>> import gradtape as tf
        >>> tf.clip_by_value([-2.0, 0.5, 3.0], 0.0, 1.0).numpy()
        array([0. , 0.5, 1. ], dtype=float32)
    """
    x = _values(t, "clip_by_value", REAL)
    low = _bound(x, clip_value_min, "clip_value_min")
    high = _bound(x, clip_value_max, "clip_value_max")
    return _like(t, maximum(minimum(x, high), low))


def _bound(x: Tensor, value: Any, argument: str) -> Tensor:
    bound = as_tensor_like(value, x._dtype, "clip_by_value")
    if bound._dtype != x._dtype:
        raise mixed_dtypes("clip_by_value", x, bound)
    try:
        fits = same_shape(broadcast_shapes(x._shape, bound._shape), x._shape)
    except ValueError:
        fits = False
    if not fits:
        raise InvalidArgumentError(
            f"gradtape.clip_by_value: {argument} {brief(bound)} does not broadcast to the "
            f"shape of t, {brief(x)}. Pass a number, or reshape it."
        )
    return bound


def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Any:
    """Return t, scaled down where its Euclidean norm is larger than clip_norm.

    Args:
        t: a floating-point or complex tensor, or an `IndexedSlices`.
        clip_norm: the largest norm, a scalar; below 0 it counts as 0.
        axes: the axes over which the norm is taken; all by default.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, or an axis that t does not have.

    Example:
        >>> import gradtape as tf
        >>> tf.clip_by_norm([3.0, 4.0], 1.0).numpy()
        array([0.6, 0.8], dtype=float32)
    """
    x = _values(t, "clip_by_norm", INEXACT)
    axis = static_axes(axes, len(x._shape), "clip_by_norm")
    return _like(t, _limited(x, vector_norm(x, 2, axis, True), clip_norm, "clip_by_norm"))


def clip_by_average_norm(t: Any, clip_norm: Any, name: str | None = None) -> Any:
    """Return t, scaled down where its norm over its number of elements is larger than clip_norm.

    Args:
        t: a floating-point or complex tensor, or an `IndexedSlices`.
        clip_norm: the largest norm for each element, a scalar; below 0 it counts as 0.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.clip_by_average_norm([3.0, 4.0], 1.0).numpy()
        array([1.2, 1.6], dtype=float32)
    """
    x = _values(t, "clip_by_average_norm", INEXACT)
    norm = vector_norm(x, 2, tuple(range(len(x._shape))), True)
    average = divide(norm, numbers(larger(size_of(x._shape), 1), norm._dtype))
    return _like(t, _limited(x, average, clip_norm, "clip_by_average_norm"))


def _limited(x: Any, norm: Any, clip_norm: Any, function: str) -> Any:
    """x * clip / max(norm, clip)."""
    clip = as_tensor_like(clip_norm, norm._dtype, function)
    if clip._dtype != norm._dtype:
        raise mixed_dtypes(function, x, clip)
    clip = maximum(clip, zeros((), norm._dtype))
    factor = cast(clip, x._dtype)
    return safe_divide(multiply(x, factor), cast(maximum(norm, clip), x._dtype))


def global_norm(t_list: Sequence[Any], name: str | None = None) -> Any:
    """Return the Euclidean norm of all elements of a list of tensors together.

    The derivative at 0 is 0, and squares of large elements do not overflow.

    Args:
        t_list: tensors of one dtype, `IndexedSlices` (whose rows count one by one) or None, which
            counts nothing.
        name: ignored, for compatibility.

    Raises:
        TypeError: when t_list is no list.
        InvalidArgumentError: for other dtypes than floating-point or complex, or different ones.

    Example:
        >>> import gradtape as tf
        >>> float(tf.linalg.global_norm([[3.0], None, [[4.0]]]))
        5.0
    """
    _require_list(t_list, "global_norm")
    values = [_values(t, "global_norm", INEXACT) for t in t_list if t is not None]
    for x in values[1:]:
        if x._dtype != values[0]._dtype:
            raise mixed_dtypes("global_norm", values[0], x)
    if not values:
        return zeros((), np.dtype(np.float32))
    norms = [vector_norm(x, 2, tuple(range(len(x._shape))), False) for x in values]
    if len(norms) == 1:
        return norms[0]
    return vector_norm(concat([reshape(n, (1,)) for n in norms], 0), 2, (0,), False)


def _require_list(t_list: Any, function: str) -> None:
    if isinstance(t_list, (str, bytes, Mapping)) or not isinstance(t_list, Sequence):
        raise TypeError(
            f"gradtape.{function}: `t_list` should be a sequence of tensors, not {brief(t_list)}. "
            "Write [t] for a single one."
        )


def clip_by_global_norm(
    t_list: Sequence[Any], clip_norm: Any, use_norm: Any = None, name: str | None = None
) -> tuple[list[Any], Any]:
    """Scale a list of tensors down together when the norm of all is larger than clip_norm.

    Each is multiplied by clip_norm / max(norm, clip_norm); a norm that is infinite or nan makes
    all nan, so that it does not pass unnoticed.

    Args:
        t_list: tensors of one dtype, `IndexedSlices` or None, which stays None.
        clip_norm: the largest norm, a scalar.
        use_norm: the norm, where it is known already.
        name: ignored, for compatibility.

    Returns:
        The list of the scaled tensors, and the norm before.

    Raises:
        TypeError: when t_list is no list.
        InvalidArgumentError: for other dtypes than floating-point or complex, or different ones.

    Example:
        >>> import gradtape as tf
        >>> clipped, norm = tf.clip_by_global_norm([[3.0], None, [4.0]], 1.0)
        >>> clipped[0].numpy(), clipped[1], float(norm)
        (array([0.6], dtype=float32), None, 5.0)
    """
    function = "clip_by_global_norm"
    _require_list(t_list, function)
    norm = global_norm(t_list) if use_norm is None else as_tensor(use_norm, function)
    clip = as_tensor_like(clip_norm, norm._dtype, function)
    if clip._dtype != norm._dtype:
        raise mixed_dtypes(function, norm, clip)
    poison = subtract(norm, norm)  # nan where the norm is not finite
    scale = add(safe_divide(clip, maximum(norm, clip)), poison)
    return [t if t is None else _like(t, _scaled(t, scale)) for t in t_list], norm


def _scaled(t: Any, scale: Any) -> Any:
    x = _values(t, "clip_by_global_norm", INEXACT)
    return multiply(x, cast(scale, x._dtype))
