"""`Rows`: what a recorded `for` runs over: the rows of tensors, a range whose bounds are tensors,
or several of them at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import Size, same
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.graph.branches import value_or_none
from gradtape.graph.symbolic import SymbolicTensor
from gradtape.ops.arithmetic import divide, maximum, minimum
from gradtape.ops.basis import add, cast, multiply, negative, numbers, subtract
from gradtape.ops.remainders import floordiv
from gradtape.ops.slicing import getitem
from gradtape.ops.stepwise import ceil

FLOAT64, INT32 = np.dtype(np.float64), np.dtype(np.int32)


class TensorRange:
    """The numbers first, first + step, ... before last, of which some are tensors.

    Args:
        dtype: that of the numbers.
    """

    def __init__(self, first: Any, last: Any, step: Any, dtype: Any) -> None:
        self.dtype = dtype
        self.exact = dtype.kind in "iu"
        wide = dtype if self.exact else FLOAT64
        self.first, self.last, self.step = [
            cast(as_tensor_like(b, wide, "range"), wide) for b in (first, last, step)
        ]

    @staticmethod
    def of_python(first: Any, last: Any = None, step: Any = 1) -> TensorRange:
        """Python's `range` of tensors."""
        if last is None:
            first, last = 0, first
        tensors = [as_tensor(b) for b in (first, last, step) if isinstance(b, (Tensor, Variable))]
        dtype = tensors[0]._dtype
        if dtype.kind not in "iu" or tensors[0]._shape != ():
            raise TypeError(
                f"range() needs integer scalars, not {brief(tensors[0])}. Write"
                " tf.cast(x, tf.int32)."
            )
        return TensorRange(first, last, step, dtype)

    def count(self) -> Any:
        """How many numbers there are: ceil((last - first) / step), at least 0."""
        gap = subtract(self.last, self.first)
        if self.exact:
            steps = negative(floordiv(negative(gap), self.step))
        else:
            steps = cast(ceil(divide(gap, self.step)), INT32)
        return maximum(steps, Tensor(steps._dtype.type(0)))

    def row(self, i: Any) -> Any:
        """The number with an index."""
        index = cast(as_tensor(i), self.first._dtype)
        if value_or_none(self.first) == 0 and value_or_none(self.step) == 1:
            return cast(index, self.dtype)
        return cast(add(self.first, multiply(index, self.step)), self.dtype)


def _range_ends(value: Any) -> tuple[Any, ...] | None:
    """The ends and the step of what `tf.range` made of tensors without a value; else None."""
    if not isinstance(value, SymbolicTensor):
        return None
    op = value.op
    if op.params.get("name") != "range" or op.primitive.name != "computed":
        return None
    return op.inputs


class Rows:
    """Something with a length and rows.

    Args:
        size: the number of rows: an int, a `Size`, or a function that gives it as a tensor.
        row: from an index (an int or a tensor) to the row.
        tensors: the tensors whose rows these are, where they are the rows of tensors.
    """

    def __init__(self, size: Any, row: Callable[[Any], Any], tensors: Any = None) -> None:
        self.size = size
        self.row = row
        self.tensors = tensors

    @staticmethod
    def of(value: Any) -> Rows | None:
        """The rows of what a recorded loop may run over, else None."""
        if isinstance(value, Rows):
            return value
        if isinstance(value, TensorRange):
            count = value.count()
            known = value_or_none(count)
            size = count if known is None else int(known)
            return Rows(size, value.row)
        ends = _range_ends(value)
        if ends is not None:
            first, last, step = ends
            return Rows.of(TensorRange(first, last, step, value._dtype))
        recording = here.mode is not None and here.mode.symbolic
        if isinstance(value, Tensor) and (recording or not value.concrete):
            if not value._shape:
                raise TypeError(f"iterating over {brief(value)}: a scalar tensor has no rows.")
            return Rows(value._shape[0], lambda i: getitem(value, i), value)
        return None

    def length(self) -> Any:
        """The number of rows as an int where it is known, else as a tensor."""
        return numbers(self.size, INT32) if type(self.size) is Size else self.size

    def limited(self, most: int) -> Rows:
        """The first rows, at most so many."""
        size = self.length()
        size = min(size, most) if type(size) is int else minimum(size, Tensor(INT32.type(most)))
        return Rows(size, self.row)

    def numbered(self, start: Any) -> Rows:
        """`enumerate` of the rows."""
        from_zero = type(start) is int and start == 0  # the number of the round itself
        number = as_tensor if from_zero else lambda i: add(as_tensor(i), as_tensor(start))
        return Rows(self.size, lambda i: (number(i), self.row(i)))

    @staticmethod
    def together(parts: list[Any]) -> Rows:
        """`zip` of rows."""
        size = parts[0].size
        for other in parts[1:]:
            if isinstance(size, Tensor) or isinstance(other.size, Tensor):
                continue
            if not same(size, other.size):
                raise InvalidArgumentError(
                    f"zip of tensors with {size} and {other.size} rows: the numbers must agree."
                )
        return Rows(size, lambda i: tuple([p.row(i) for p in parts]))
