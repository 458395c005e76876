"""Sums over the rounds of a loop that need not be added up in it.

In the derivative of a loop the cotangent of a weight is a sum over the rounds. Where every summand
is a product of matrices, the sum is one product of matrices stacked along the axis that is summed
over; where it is itself a sum over axes, it is one sum more. The loop then returns the factors, and
nothing is added up round by round: 64 small products become one large one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradtape.graph.symbolic import SymbolicTensor, Value
from gradtape.ops.basis import add, reshape, sum_axes, transpose
from gradtape.ops.products import product

MOST_SUMS = 12  # sums within sums: a value that is added to itself doubles at every step
Look = Callable[[Value], Any]  # the stacked tensor of a value of the step


class Product:
    """The sum of a @ b over all rounds, of two matrices of each round."""

    def __init__(self, a: Value, b: Value) -> None:
        self.a, self.a_turned = _untransposed(a)
        self.b, self.b_turned = _untransposed(b)
        self.needs = [self.a, self.b]

    def total(self, stacked: Look) -> Any:
        """The sum, from the stacked matrices."""
        a, b = stacked(self.a), stacked(self.b)
        if self.a_turned:  # (rounds, k, m), of which each is turned to (m, k)
            a = transpose(reshape(a, (a._shape[0] * a._shape[1], a._shape[2])), (1, 0))
        else:
            a = transpose(a, (1, 0, 2))
            a = reshape(a, (a._shape[0], a._shape[1] * a._shape[2]))
        if self.b_turned:
            b = transpose(b, (0, 2, 1))
        return product(a, reshape(b, (b._shape[0] * b._shape[1], b._shape[2])))


class Total:
    """The sum over all rounds of the sum of a tensor over axes."""

    def __init__(self, x: Value, axis: tuple[int, ...], keepdims: bool) -> None:
        self.x, self.axis, self.keepdims = x, axis, keepdims
        self.needs = [x]

    def total(self, stacked: Look) -> Any:
        """The sum, from the stacked tensors."""
        found = sum_axes(stacked(self.x), (0, *[a + 1 for a in self.axis]), self.keepdims)
        return reshape(found, found._shape[1:]) if self.keepdims else found


def _untransposed(value: Value) -> tuple[Value, bool]:
    """A matrix, or the one that it is the transpose of."""
    if value.op.primitive.name == "transpose" and value.op.params["perm"] == (1, 0):
        return value.op.takes[0], True
    return value, False


def summands(tensor: Any) -> list[Any] | None:
    """A cotangent as a list of `Product` and `Total`, None where it is something else too."""
    if not isinstance(tensor, SymbolicTensor):
        return None
    return _summands(tensor._value)


def _summands(value: Value, depth: int = MOST_SUMS) -> list[Any] | None:
    op = value.op
    name = op.primitive.name
    if name == "add" and op.takes[0].shape == op.takes[1].shape == value.shape:
        left = _summands(op.takes[0], depth - 1) if depth else None
        right = None if left is None else _summands(op.takes[1], depth - 1)
        return None if left is None or right is None else left + right
    if name == "matmul" and len(op.takes[0].shape) == len(op.takes[1].shape) == 2:
        return [Product(*op.takes)]
    if name == "reduce_sum":
        return [Total(op.takes[0], op.params["axis"], op.params["keepdims"])]
    return None


def total(parts: Sequence[Any], stacked: Look) -> Any:
    """The sum of all parts over all rounds."""
    found = parts[0].total(stacked)
    for part in parts[1:]:
        found = add(found, part.total(stacked))
    return found
