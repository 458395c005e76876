"""Batches of rows in which each element is nonzero in one row at most, kept as what is nonzero.

The rows of the identity, pulled back through elementwise operations, stay diagonal: the Jacobian of
tanh(x W) is a diagonal times a matrix. Dense, n rows of n numbers pay n * n for every operation; as
`UnitRows` they pay n. Such a batch is a sum of *parts*. A part is a tensor of values with the shape
of one row, and for each of its elements the number of the row in which it stands, from 1; 0 is
nowhere:

    row r at s  =  sum over parts of  values[s] if place[s] == r + 1 else 0

What an operation does to such rows follows from its rules: one that is elementwise and linear in
the rows acts on the values; one that moves elements, or fills up with zeros, does the same to
values and places; sums are parts side by side, and those with equal places are added. A product
with a matrix scales its rows. For everything else, and beyond `MOST` parts, the rows become the
dense batch that they stand for (`UnitRows._array`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from gradtape.autodiff.batching import BatchedTensor, Batching
from gradtape.core.dispatch import apply
from gradtape.core.primitive import Primitive, Rule
from gradtape.core.state import frame
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import xp
from gradtape.ops.assembly import concat
from gradtape.ops.basis import add, multiply, negative, ones, reshape, size_of, transpose
from gradtape.ops.gathering import gather_axis

MOST = 4

Part = tuple[np.ndarray[Any, Any], Any]  # places, values


class UnitRows(BatchedTensor):
    """A batched tensor with the parts of its rows; `_array` makes them dense, once.

    Args:
        parts: what is nonzero.
        mode: the batch.
        make: gives the dense rows, where that is cheaper than from the parts.
    """

    __slots__ = ("_dense", "_make", "parts")
    thin = True

    def __init__(
        self,
        parts: Sequence[Part],
        mode: Batching,
        make: Callable[[], Any] | None = None,
        node: Any = None,
    ) -> None:
        self._node = node
        self._mode = mode
        self._make = make
        self._dense: Any = None
        self.parts = parts

    def placed(self, node: Any) -> UnitRows:
        """The same value on another node."""
        made = UnitRows(self.parts, self.mode, self._make, node)
        made._dense = self._dense
        return made

    @property
    def mode(self) -> Batching:
        """The batch that it belongs to."""
        assert self._mode is not None
        return self._mode

    @property
    def _shape(self) -> tuple[int, ...]:
        return self.parts[0][1]._shape

    @property
    def _dtype(self) -> Any:
        return self.parts[0][1]._dtype

    @property
    def _array(self) -> Any:  # type: ignore[override]
        if self._dense is None:
            with frame(*self.mode.outside):
                self._dense = self._make() if self._make else dense(self.parts, self.mode.size)
        return self._dense

    def carried(self, primitive: Primitive, inputs: Any, mask: Any, params: Any) -> Any:
        """The result of an operation on rows and perhaps others, in the state outside of the batch;
        None where the rule for dense rows is to run."""
        if primitive.several or len(inputs) > 2:
            return None
        if len(inputs) == 1:
            return self._alone(primitive, params)
        if mask[0] and mask[1]:
            return self._both(primitive, *inputs)
        number = 0 if mask[0] else 1
        other = inputs[1 - number]
        if primitive.name == "matmul" and number == 0:
            return self._times(other)
        if params or primitive.family != "elementwise" or not proportional(primitive, number):
            return None
        if not _fits(other._shape, self._shape):
            return None
        turn = (lambda v: (v, other)) if number == 0 else (lambda v: (other, v))
        return self._with([(p, apply(primitive, turn(v))) for p, v in self.parts])

    def _with(self, parts: Sequence[Part]) -> UnitRows:
        return UnitRows(parts, self.mode)

    def _alone(self, primitive: Primitive, params: Any) -> Any:
        """An operation that is linear in each element, or that moves elements."""
        if not primitive.linear:
            return None
        values = [apply(primitive, (v,), params) for _, v in self.parts]
        if primitive.family == "elementwise" or primitive.name == "cast":
            return self._with([(p, v) for (p, _), v in zip(self.parts, values)])
        if primitive.family != "structural":
            return None
        places = [primitive.kernel(xp, p, **params) for p, _ in self.parts]
        return self._with(summed(list(zip(places, values))))

    def _both(self, primitive: Primitive, left: Any, right: Any) -> Any:
        """A sum or difference of rows."""
        if primitive.name not in ("add", "subtract"):
            return None
        if not (left.thin and right.thin and left._shape == right._shape):
            return None
        turn = negative if primitive.name == "subtract" else lambda v: v
        parts = summed([*left.parts, *[(p, turn(v)) for p, v in right.parts]])
        return self._with(parts) if len(parts) <= MOST else None

    def _times(self, matrix: Any) -> Any:
        """The product of a diagonal with a matrix (k, n): its rows, each scaled by a number."""
        (places, values), *others = self.parts
        shape, size = values._shape, self.mode.size
        if others or len(matrix._shape) != 2 or len(shape) < 2 or shape[-1] != size:
            return None
        if not (places == np.arange(1, size + 1)).all():
            return None
        rank = len(shape)
        scales = reshape(transpose(values, (rank - 1, *range(rank - 1))), (size, *shape[:-1], 1))
        scaled = reshape(matrix, (size, *[1] * (rank - 1), matrix._shape[1]))
        return BatchedTensor(multiply(scales, scaled), None, self.mode)


def unit_rows(mode: Batching, start: int, shape: tuple[int, ...], target: Any) -> UnitRows:
    """Rows of the identity on `shape`, the last axes of a target, repeated along the others; as
    many as the batch has examples, from the row `start` on."""
    lead = target._shape[: len(target._shape) - len(shape)]
    numbers = np.arange(1, size_of(shape) + 1) - start
    numbers[(numbers < 1) | (numbers > mode.size)] = 0
    places = np.broadcast_to(numbers.reshape(shape), target._shape)

    def make() -> Any:
        rows = np.zeros((mode.size, size_of(shape)), target._dtype)
        np.fill_diagonal(rows[:, start:], 1)
        rows = rows.reshape((mode.size, *[1] * len(lead), *shape))
        return Tensor(np.broadcast_to(rows, (mode.size, *target._shape)))

    return UnitRows([(places, ones(target._shape, target._dtype))], mode, make)


def dense(parts: Sequence[Part], size: int) -> Any:
    """The rows that parts stand for: their values and a zero, each number taken where it stands."""
    whole = None
    for group in apart(parts):
        shape = group[0][1]._shape
        count = size_of(shape)
        index = np.zeros((size + 1, count), np.int32)  # of the zero in front; row 0 is nowhere
        for number, (places, _) in enumerate(group):
            here = np.flatnonzero(places)
            index[places.reshape(-1)[here], here] = 1 + number * count + here
        zero = Tensor(np.zeros(1, group[0][1]._dtype))
        values = concat([zero, *[reshape(v, (count,)) for _, v in group]], 0)
        taken = gather_axis(values, Tensor(index[1:].reshape((size, *shape))), 0)
        whole = taken if whole is None else add(whole, taken)
    return whole


def apart(parts: Sequence[Part]) -> list[list[Part]]:
    """Parts in groups that have no place in common."""
    groups: list[list[Part]] = []
    for part in parts:
        places = part[0]
        for group in groups:
            if not any([((places == p) & (places != 0)).any() for p, _ in group]):
                group.append(part)
                break
        else:
            groups.append([part])
    return groups


def summed(parts: Sequence[Part]) -> list[Part]:
    """Parts with those of equal places added."""
    found: list[Part] = []
    for places, values in parts:
        for number, (known, present) in enumerate(found):
            if known is places or np.array_equal(known, places):
                found[number] = known, add(present, values)
                break
        else:
            found.append((places, values))
    return found


def _fits(shape: tuple[int, ...], into: tuple[int, ...]) -> bool:
    """Whether a shape broadcasts to another one."""
    return len(shape) <= len(into) and all([m in (1, n) for m, n in zip(shape[::-1], into[::-1])])


@cache
def proportional(primitive: Primitive, number: int) -> bool:
    """Whether an elementwise operation of two inputs is proportional to one of them: the
    derivative does not ask for that input or the result, and at zero the result is zero."""
    rule = primitive.jvps[number] if primitive.jvps else None
    if type(rule) is not Rule or rule.out or number in rule.tensors:
        return False
    pair = [np.ones(2, np.float32), np.array([1.0, 2.0], np.float32)]
    pair[number] = np.zeros(2, np.float32)
    try:
        return not np.asarray(primitive.kernel(xp, *pair)).any()
    except Exception:  # it takes no numbers
        return False
