"""A sum over the rows of a product is a product with the sum over rows.

The cotangent of what was repeated along an axis, a mean that is taken off or an offset that is
added before a layer, is such a sum: sum_i (a @ b)[i, :] = (sum_i a[i, :]) @ b, which needs no
product of the size of the data. The rule is applied where an operation is written down; the product
is left out later if nobody else wants it. In derivatives a factor that is the same in every row is
taken out of the sum, too. (The gradient of a mixture of 25 normal distributions of 64 numbers at
1000 points: 40 ms, and 20 so.)"""

from __future__ import annotations

from typing import Any

from gradtape.graph.symbolic import SymbolicTensor, Value
from gradtape.ops.basis import (
    add,
    chain_multiply,
    multiply,
    negative,
    reshape,
    subtract,
    sum_axes,
)
from gradtape.ops.products import product

TERMS = {"add": add, "subtract": subtract}
PRODUCTS = {"multiply": multiply, "chain_multiply": chain_multiply}
DEEPEST = 6  # how far it is looked for a product: a sum of sums doubles at every step
WIDEST = 4  # times as many columns of the first matrix as of the second: summing is not free


def summed(value: Value, axis: tuple[int, ...], keepdims: bool) -> Any:
    """The sum of a value over axes, with the sums inside of products; None where none is one."""
    rank = len(value.shape)
    if axis != (rank - 2,) or value.dtype.kind not in "fc" or not _pays(value):
        return None
    found = _kept(value)
    shape = value.shape
    return found if keepdims else reshape(found, (*shape[:-2], shape[-1]))


def _pays(value: Value, depth: int = DEEPEST) -> bool:
    """Whether a sum over rows goes into a product."""
    op = value.op
    name = op.primitive.name
    if not depth:
        return False
    if name == "negative":
        return _pays(op.takes[0], depth - 1)
    if name in TERMS:
        return _alike(op.takes, value) and any([_pays(v, depth - 1) for v in op.takes])
    if name == "chain_multiply" and value.dtype.itemsize > 2 and _factors(value):
        return True  # in a derivative; a user's sum might overflow without the factor
    if name in PRODUCTS:
        return any([_pays(v, depth - 1) for v in _factors(value)[:1]])
    if name == "matmul":
        a, b = op.takes
        if a.shape[:-2] != b.shape[:-2] or len(a.shape) < 2:
            return False
        inner, columns = a.shape[-1], b.shape[-1]
        return type(inner) is int and type(columns) is int and inner <= WIDEST * columns
    return False


def _kept(value: Value, depth: int = DEEPEST) -> Any:
    """The sum over rows, as one row."""
    op = value.op
    name = op.primitive.name
    if not _pays(value, depth):
        return sum_axes(SymbolicTensor(value), (len(value.shape) - 2,), True)
    if name == "negative":
        return negative(_kept(op.takes[0], depth - 1))
    if name in TERMS:
        return TERMS[name](*[_kept(v, depth - 1) for v in op.takes])
    if name in PRODUCTS:
        varying, fixed = _factors(value)
        return PRODUCTS[name](_kept(varying, depth - 1), SymbolicTensor(fixed))
    return product(_kept(op.takes[0], depth - 1), SymbolicTensor(op.takes[1]))


def _alike(takes: Any, value: Value) -> bool:
    return all([v.shape == value.shape for v in takes])


def _factors(value: Value) -> tuple[Value, ...]:
    """The factor that differs from row to row, then the one that does not; nothing where there are
    no such two."""
    for a, b in (value.op.takes, value.op.takes[::-1]):
        whole = a.shape == value.shape and len(b.shape) == len(a.shape)
        if whole and b.shape[-2] == 1 and a.shape[-2] != 1:
            return a, b
    return ()
