"""Forward mode: `ForwardAccumulator` computes Jacobian-vector products while a function runs.

How tangents are pushed along with the values is told in `pushing`; this is the public face: what
goes in is checked, what comes out is put into the structure of the question."""

from __future__ import annotations

from typing import Any
from weakref import ref

from gradtape.autodiff.asking import (
    UnconnectedGradients,
    node_of,
    packed,
    unconnected_mode,
    warn_first,
)
from gradtape.autodiff.pushing import Pusher
from gradtape.core import nest
from gradtape.core.convert import as_tensor, convert_to_tensor
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.quick import quick
from gradtape.core.record import Node
from gradtape.core.sizes import same, same_shape
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.ops.basis import zeros
from gradtape.ops.sparse import IndexedSlices


class ForwardAccumulator(Pusher):
    """Compute Jacobian-vector products while the function runs.

    Args:
        primals: a tensor or variable, or a structure of them.
        tangents: the direction, in the same structure; each of its primal's shape and dtype.
        batched: whether the tangents have one axis more in front, the same for all: that many
            directions are pushed in one pass, and `jvp` returns tangents with that axis in front.

    Raises:
        ValueError: when structures, shapes or dtypes differ, a tangent is None, or a primal occurs
            twice.
        TypeError: when a primal is no tensor or variable.

    Example:
        >>> import gradtape as tf
        >>> x = tf.constant([1.0, 2.0])
        >>> with tf.autodiff.ForwardAccumulator(x, tf.constant([1.0, 0.0])) as acc:
        ...     y = x * x
        >>> acc.jvp(y).numpy()
        array([2., 0.], dtype=float32)
        >>> with tf.autodiff.ForwardAccumulator(x, tf.eye(2), batched=True) as acc:
        ...     y = x * x
        >>> acc.jvp(y).numpy()
        array([[2., 0.],
               [0., 4.]], dtype=float32)
    """

    _recording = False

    def __init__(self, primals: Any, tangents: Any, *, batched: bool = False) -> None:
        super().__init__()
        self._batched = batched
        if quick is not None and not batched:
            if quick.watch(self._mark, self._places, primals, tangents):
                return
        if type(primals) is Tensor and type(tangents) is Tensor:
            self._watch(primals, tangents)
            return
        if not (_bare(primals) and _bare(tangents) and len(primals) == len(tangents)):
            nest.assert_same_structure(primals, tangents)
            primals, tangents = nest.flatten(primals), nest.flatten(tangents)
        seen: set[int] = set()
        for primal, tangent in zip(primals, tangents, strict=True):
            if id(primal) in seen:
                raise ValueError(
                    f"Tensor {brief(primal)} was specified as a primal multiple times. This may "
                    "indicate an error. If it was intended, please sum the corresponding tangents."
                )
            seen.add(id(primal))
            self._watch(primal, tangent)

    @classmethod
    def _batch_accumulator(cls, primals: Any, tangents: Any) -> ForwardAccumulator:
        """TensorFlow's private name of `batched=True`."""
        return cls(primals, tangents, batched=True)

    def _watch(self, primal: Any, tangent: Any) -> None:
        if not isinstance(primal, (Tensor, Variable)):
            if not hasattr(primal, "__tf_tensor__"):
                raise TypeError(
                    f"gradtape.ForwardAccumulator: the primal {brief(primal)} is no tensor. "
                    "Write x = tf.constant(value) and use x in the function."
                )
            primal = as_tensor(primal)
        if not differentiable(primal._dtype):
            warn_first(
                "The dtype of the watched primal must be floating (e.g. tf.float32), "
                f"got tf.{primal.dtype.name}: its tangent will be None."
            )
            return
        if tangent is None:
            raise ValueError(
                f"gradtape.ForwardAccumulator: the tangent of {brief(primal)} is None. "
                "Give zeros, or leave the primal out."
            )
        if type(tangent) is not Tensor or tangent._dtype != primal._dtype:
            tangent = convert_to_tensor(tangent, dtype=primal.dtype)
        self._check(primal, tangent)
        self._put(primal, tangent)

    def _check(self, primal: Any, tangent: Any) -> None:
        """Raise unless a tangent has its primal's shape, behind the directions' axis if any."""
        if not self._batched:
            if not same_shape(tangent._shape, primal._shape):
                raise InvalidArgumentError(
                    f"gradtape.ForwardAccumulator: the tangent {brief(tangent)} has not the shape "
                    f"of its primal {brief(primal)}. Give one number for each of its elements."
                )
            return
        if not tangent._shape or not same_shape(tangent._shape[1:], primal._shape):
            raise InvalidArgumentError(
                f"gradtape.ForwardAccumulator: the batched tangent {brief(tangent)} has not the "
                f"shape of its primal {brief(primal)} behind one axis for the directions. "
                "Write tangent[tf.newaxis] for a single direction."
            )
        if self.count is None:
            self.count = tangent._shape[0]
        if not same(tangent._shape[0], self.count):
            raise InvalidArgumentError(
                f"gradtape.ForwardAccumulator: the batched tangent {brief(tangent)} has "
                f"{tangent._shape[0]} directions, another has {self.count}. Give each primal as "
                "many, zeros where it does not move."
            )

    def __enter__(self) -> ForwardAccumulator:
        if self._recording:
            raise ValueError("Accumulator is already recording.")
        self._recording = True
        self._enter()
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._recording:
            self._recording = False
            self._leave()

    # asking

    def jvp(
        self,
        primals: Any,
        unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE,
    ) -> Any:
        """The tangents of results: the Jacobian of the function times the direction.

        Args:
            primals: a tensor or variable, or a structure of them.
            unconnected_gradients: None ("none") or zeros ("zero") where nothing moved.

        Returns:
            For each primal a tensor of its shape and dtype, or None; of batched tangents one axis
            more in front.
        """
        mode = unconnected_mode(unconnected_gradients)
        if type(primals) is Tensor:
            return self._tangent(primals, mode)
        return packed(primals, [self._tangent(p, mode) for p in nest.flatten(primals)])

    def _tangent(self, primal: Any, mode: UnconnectedGradients) -> Any:
        if type(primal) is Tensor and type(node := primal._node) is Node:
            held = getattr(node, "tangents", None)
            if held is not None and (found := held.get(self._mark)) is not None:
                if not isinstance(found, Tensor):  # whoever asks again gets the same tensor
                    found = held[self._mark] = Tensor(found)
                    self._places.append(ref(node))
                return found
        if isinstance(primal, IndexedSlices):
            found = self._tangent(primal.values, mode)
            return None if found is None else primal.with_values(found)
        if not isinstance(primal, (Tensor, Variable)):
            if not hasattr(primal, "__tf_tensor__"):
                raise TypeError(
                    f"ForwardAccumulator.jvp: {brief(primal)} is no tensor, so no tangent was "
                    "pushed to it. Pass what tensor operations returned."
                )
            primal = as_tensor(primal)
        node = node_of(primal)
        found = None if node is None else self._of(node)
        if found is not None and not isinstance(found, Tensor):
            found = Tensor(found)
            self._put(primal, found)  # whoever asks again gets the same tensor
        if found is None and mode is UnconnectedGradients.ZERO:
            lead = () if self.count is None else (self.count,)
            return zeros((*lead, *primal._shape), primal._dtype)
        return found


def _bare(values: Any) -> bool:
    """Whether values are a list of tensors and variables: then it is its own flat form."""
    return type(values) is list and all([type(v) is Tensor or type(v) is Variable for v in values])
