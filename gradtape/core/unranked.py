"""`UnknownShape`: the shape of a tensor of which not even the number of axes is known.

A graph may hold such tensors (a placeholder without a shape); operations element by element and
reductions over all axes say nothing of shapes, so that they can be written down. Everything else
asks for axes, and is told what to do."""

from __future__ import annotations

from typing import Any, NoReturn

from gradtape.core.shapes import Spec
from gradtape.core.sizes import UnknownSizeError


class UnknownShape:
    """Stands where a tuple of sizes would."""

    _known = False  # as `TensorShape(None)` says it

    def _refused(self, *ignored: Any) -> NoReturn:
        raise UnknownSizeError(
            "the number of axes of a placeholder without a shape is not known before it is fed."
            " Give it a shape, in which None leaves sizes open:"
            " tf.compat.v1.placeholder(tf.float32, [None, 3])."
        )

    __len__ = __iter__ = __getitem__ = __array__ = _refused

    def __repr__(self) -> str:
        return "<unknown>"


class UnrankedSpec:
    """The dtype of a value whose shape is not known."""

    __slots__ = ("_dtype", "_shape")

    def __init__(self, dtype: Any) -> None:
        self._shape = UnknownShape()
        self._dtype = dtype


class Every:
    """All axes, where nobody knows how many."""

    def __repr__(self) -> str:
        return "every axis"


EVERY_AXIS = Every()


def unranked_specs(primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """The shape rule of operations that say nothing of axes; the others ask for them and raise."""
    if params.get("axis") is EVERY_AXIS:
        (x,) = inputs
        spec = primitive.shape(Spec((), x._dtype), **{**params, "axis": ()})
        return UnrankedSpec(spec._dtype) if params.get("keepdims") else spec
    if primitive.name == "reshape":
        if type(params["shape"]) is UnknownShape:
            return UnrankedSpec(inputs[0]._dtype)
        return primitive.shape(*inputs, **params)
    if primitive.family not in ("elementwise", "stepwise") and primitive.name not in UNMOVED:
        len(next(t._shape for t in inputs if type(t._shape) is UnknownShape))
    spec = primitive.shape(*[Spec((), t._dtype) for t in inputs], **params)
    return UnrankedSpec(spec._dtype)


UNMOVED = ("cast", "where")  # like elementwise operations they keep every element in its place
