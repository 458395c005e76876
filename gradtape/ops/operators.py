"""From Python's operators to operations: the table that is installed on `Tensor` and `Variable`.

The functions are installed as they are where a method is the function of its operands: `x + y` is
`add(x, y)` without a step between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gradtape.core.asked import located
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.ops import arithmetic, basis, bitwise, powers, products, remainders, stepwise
from gradtape.ops.calls import binary
from gradtape.ops.indexing import gather, gather_nd
from gradtape.ops.joining import unstack_axis
from gradtape.ops.slicing import getitem, getitem_of_variable
from gradtape.ops.sparse import IndexedSlices

# a scalar times an IndexedSlices stays one
_multiply = binary(basis.multiply.primitive, refused=IndexedSlices)  # type: ignore[attr-defined]


def _logical(name: str, of_bits: Any, of_truth: Any) -> Callable[[Any, Any], Any]:
    """An operator that is logical for booleans and bit by bit for integers."""

    def operator(x: Any, y: Any) -> Any:
        dtype = x._dtype if hasattr(x, "_dtype") else y._dtype
        if dtype.kind == "b":
            return of_truth(x, y)
        if dtype.kind not in "iu":
            raise InvalidArgumentError(
                f"{name} is defined for booleans and integers, not for {brief(x)} and {brief(y)}. "
                "Compare first, as in (x > 0) & (x < 1)."
            )
        return of_bits(x, y)

    return operator


def _invert(x: Any) -> Any:
    return bitwise.invert(x) if x._dtype.kind in "iu" else stepwise.logical_not(x)


def _equal(x: Any, y: Any) -> Any:
    return False if y is None else stepwise.equal(x, y)


def _not_equal(x: Any, y: Any) -> Any:
    return True if y is None else stepwise.not_equal(x, y)


def _positive(x: Any) -> Any:
    return x._read() if isinstance(x, Variable) else x


def _divmod(x: Any, y: Any) -> tuple[Any, Any]:
    return remainders.floordiv(x, y), remainders.floormod(x, y)


def iterate(x: Any) -> Iterator[Any]:
    """The slices along the first axis, one after the other."""
    shape = x._shape
    if not shape:
        raise TypeError(located("Cannot iterate over a scalar tensor. Write tf.reshape(x, [1])."))
    if isinstance(x, Variable):
        x = x._read()
    return iter(unstack_axis(x, 0)) if shape[0] else iter(())


BINARY = {
    "add": basis.add,
    "sub": basis.subtract,
    "mul": basis.multiply,
    "truediv": arithmetic.divide,
    "floordiv": remainders.floordiv,
    "mod": remainders.floormod,
    "divmod": _divmod,
    "pow": powers.power,
    "matmul": products.matmul,
    "and": _logical("&", bitwise.bitwise_and, stepwise.logical_and),
    "or": _logical("|", bitwise.bitwise_or, stepwise.logical_or),
    "xor": _logical("^", bitwise.bitwise_xor, stepwise.logical_xor),
}
OTHER = {
    "mul": _multiply,
    "eq": _equal,
    "ne": _not_equal,
    "lt": stepwise.less,
    "le": stepwise.less_equal,
    "gt": stepwise.greater,
    "ge": stepwise.greater_equal,
    "neg": basis.negative,
    "pos": _positive,
    "abs": arithmetic.absolute,
    "invert": _invert,
    "iter": iterate,
}


def install(kind: type) -> None:
    """Give a class the operators."""
    for name, function in BINARY.items():
        setattr(kind, f"__{name}__", function)
        setattr(kind, f"__r{name}__", reflected(function))
    for name, function in OTHER.items():
        setattr(kind, f"__{name}__", function)


def reflected(function: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """y.op(x) as function(x, y)."""

    def operator(self: Any, other: Any) -> Any:
        return function(other, self)

    return operator


def sparse_read(self: Variable, indices: Any, name: str | None = None) -> Any:
    """The rows of the variable at indices, whose derivative is an `IndexedSlices`."""
    return gather(self, indices)


def gather_nd_of(self: Variable, indices: Any, name: str | None = None) -> Any:
    """The elements or slices of the variable at tuples of indices."""
    return gather_nd(self, indices)


install(Tensor)
install(Variable)
Tensor.__getitem__ = getitem  # type: ignore[attr-defined]
Variable.__getitem__ = getitem_of_variable  # type: ignore[attr-defined]
Variable.sparse_read = sparse_read  # type: ignore[attr-defined]
Variable.gather_nd = gather_nd_of  # type: ignore[attr-defined]
