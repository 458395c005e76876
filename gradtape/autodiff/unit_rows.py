"""Batches of rows in which each element is nonzero in few rows, kept as what is nonzero.

The rows of the identity, pulled back through elementwise operations, stay diagonal: the Jacobian of
tanh(x W) is a diagonal times a matrix. Dense, n rows of n numbers pay n * n for every operation; as
`UnitRows` they pay n. Such a batch is a sum of *parts*, each a tensor of the shape of one row with
an axis of size 1 before it; `places` says for each of its elements in which row it stands, from 1;
0 is nowhere:

    row r at s  =  sum over parts p of  values[p][0, s] if places[p, s] == r + 1 else 0

What an operation does to such rows follows from its rules. One that is elementwise and proportional
to the rows acts on the values; one that moves elements, or fills up with zeros, does the same to
values and places. For both a part is a batch of one like any other, so that the primitive's
batching rule does it. In a sum the parts stand side by side: in one tensor they would have to be
put together and taken apart again, which XLA does not fuse with what comes before and after. A
product with a matrix scales its rows. For everything else, and beyond `MOST` parts, the rows become
the dense batch that they stand for (`UnitRows._array`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from gradtape.autodiff.batching import BatchedTensor, Batching
from gradtape.core.primitive import Primitive, Rule
from gradtape.core.state import frame
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import xp
from gradtape.ops.assembly import concat
from gradtape.ops.basis import add, multiply, negative, reshape, size_of, subtract, transpose
from gradtape.ops.gathering import gather_axis

MOST = 4  # parts
FEW = 4096  # elements of dense rows, for which NumPy takes as long as for starting an operation
SUMS = {"add": add, "subtract": subtract}

Array = np.ndarray[Any, Any]


class UnitRows(BatchedTensor):
    """A batched tensor with the parts of its rows; `_array` makes them dense, once.

    Args:
        places: in which row each element of each part stands.
        values: the elements of each part.
        mode: the batch.
        make: gives the dense rows, where that is cheaper than from the parts.
    """

    __slots__ = ("_dense", "_make", "places", "values")
    thin = True

    def __init__(
        self,
        places: Array,
        values: Sequence[Any],
        mode: Batching,
        make: Callable[[], Any] | None = None,
        node: Any = None,
    ) -> None:
        self._node = node
        self._mode = mode
        self._make = make
        self._dense: Any = None
        self.places = places
        self.values = tuple(values)

    def placed(self, node: Any) -> UnitRows:
        """The same value on another node."""
        made = UnitRows(self.places, self.values, self.mode, self._make, node)
        made._dense = self._dense
        return made

    @property
    def mode(self) -> Batching:
        """The batch that it belongs to."""
        assert self._mode is not None
        return self._mode

    @property
    def _shape(self) -> tuple[int, ...]:
        return self.values[0]._shape[1:]

    @property
    def _dtype(self) -> Any:
        return self.values[0]._dtype

    @property
    def _array(self) -> Any:  # type: ignore[override]
        if self._dense is None:
            with frame(*self.mode.outside):
                self._dense = self._make() if self._make else self._spread()
        return self._dense

    def _spread(self) -> Any:
        """The dense rows: the values and a zero, each number taken where it stands."""
        zero, shape = Tensor(np.zeros(1, self._dtype)), (size_of(self._shape),)
        row = concat([zero, *[reshape(v, shape) for v in self.values]], 0)
        places = indices(self.places, self.mode.size)
        found = [gather_axis(row, Tensor(index), 0) for index in places]
        return found[0] if len(found) == 1 else sum(found[1:], found[0])

    def carried(self, primitive: Primitive, inputs: Any, mask: Any, params: Any) -> Any:
        """The result of an operation on rows and perhaps others, in the state outside of the batch;
        None where the rule for dense rows is to run."""
        if primitive.several or primitive.batch is None or len(inputs) > 2:
            return None
        if len(inputs) == 1:
            return self._alone(primitive, params)
        if mask[0] and mask[1]:
            return self._summed(primitive, *inputs)
        number = 0 if mask[0] else 1
        other = inputs[1 - number]
        if primitive.name == "matmul" and number == 0:
            return self._times(other)
        if params or primitive.family != "elementwise" or not proportional(primitive, number):
            return None
        if not _fits(other._shape, self._shape):
            return None
        pairs = [(v, other) if number == 0 else (other, v) for v in self.values]
        return UnitRows(self.places, [primitive.batch(mask, *p) for p in pairs], self.mode)

    def _alone(self, primitive: Primitive, params: Any) -> Any:
        """An operation that is linear in each element, or that moves elements."""
        batch = primitive.batch
        if not primitive.linear or batch is None:
            return None
        places = self.places
        if primitive.family == "structural" and primitive.name != "cast":
            with frame((), (), None):
                places = batch((True,), Tensor(places), **params)._array
        elif primitive.family != "elementwise":
            return None
        return UnitRows(places, [batch((True,), v, **params) for v in self.values], self.mode)

    def _summed(self, primitive: Primitive, left: Any, right: Any) -> Any:
        """A sum or difference of rows."""
        combine = SUMS.get(primitive.name)
        if combine is None or not (left.thin and right.thin and left._shape == right._shape):
            return None
        if left.places is right.places or np.array_equal(left.places, right.places):
            values = [combine(*pair) for pair in zip(left.values, right.values, strict=True)]
            return UnitRows(left.places, values, self.mode)
        pairs = paired(left.places, right.places)
        if len(pairs) > MOST:
            return None
        places = np.stack([_both(left.places, right.places, *pair) for pair in pairs])
        values = [_combined(combine, left.values, right.values, *pair) for pair in pairs]
        return UnitRows(places, values, self.mode)

    def _times(self, matrix: Any) -> Any:
        """The product of a diagonal with a matrix (k, n): its rows, each scaled by a number."""
        values, size = self.values[0], self.mode.size
        _, *lead, last = values._shape
        if len(self.values) > 1 or not lead or len(matrix._shape) != 2 or last != size:
            return None
        if not (self.places == np.arange(1, size + 1)).all():
            return None
        rank = len(lead)
        scales = transpose(reshape(values, (*lead, size)), (rank, *range(rank)))
        scaled = reshape(matrix, (size, *[1] * rank, matrix._shape[1]))
        return BatchedTensor(multiply(reshape(scales, (size, *lead, 1)), scaled), None, self.mode)


def identity(mode: Batching, start: int, shape: tuple[int, ...], target: Any) -> BatchedTensor:
    """Rows of the identity on `shape`, the last axes of a target, repeated along the others; as
    many as the batch has examples, from the row `start` on.

    They are dense at once where NumPy computes and they are few: parts have a cost of their own."""
    size, count, whole = mode.size, size_of(shape), target._shape
    lead = [1] * (len(whole) - len(shape))

    def make() -> Any:
        rows = np.zeros((size, count), target._dtype)
        np.fill_diagonal(rows[:, start:], 1)
        return Tensor(np.broadcast_to(rows.reshape((size, *lead, *shape)), (size, *whole)))

    if not mode.symbolic and size * size_of(whole) <= FEW:
        return BatchedTensor(make(), None, mode)
    places = np.arange(1 - start, 1 - start + count)
    places[(places < 1) | (places > size)] = 0
    places = np.broadcast_to(places.reshape(shape), (1, *whole))
    values = (places > 0).astype(target._dtype)
    return UnitRows(places, [Tensor(values)], mode, make)


def indices(places: Array, size: int) -> list[Array]:
    """For each element of the dense rows which of the parts' elements it is, counted from 1; 0 is
    none. Where parts meet in an element, a second (third, ...) array has the next."""
    count = places[0].size
    found: list[Array] = []
    for number, part in enumerate(places):
        elements = np.flatnonzero(part)
        at = (part.reshape(-1)[elements] - 1, elements)
        index = next((i for i in found if not i[at].any()), None)
        if index is None:
            found.append(index := np.zeros((size, count), np.int32))
        index[at] = 1 + number * count + elements
    return [index.reshape((size, *places.shape[1:])) for index in found]


def paired(left: Array, right: Array) -> list[tuple[int | None, int | None]]:
    """Which part on the left goes with which on the right: those that have no element in different
    rows. None stands for nothing on that side."""
    pairs: list[tuple[int | None, int | None]] = [(i, None) for i in range(len(left))]
    for j, places in enumerate(right):
        for i, (number, other) in enumerate(pairs):
            if number is not None and other is None and _agree(left[number], places):
                pairs[i] = number, j
                break
        else:
            pairs.append((None, j))
    return pairs


def _agree(left: Array, right: Array) -> bool:
    return not ((left != right) & (left != 0) & (right != 0)).any()


def _both(left: Array, right: Array, i: int | None, j: int | None) -> Array:
    """The places of two parts that go together; each is nowhere where the other is somewhere."""
    if i is None or j is None:
        return left[i] if j is None else right[j]
    return np.maximum(left[i], right[j])


def _combined(combine: Any, left: Any, right: Any, i: int | None, j: int | None) -> Any:
    """The sum or difference of two parts; a value is 0 where its place is nowhere."""
    if i is None:
        return negative(right[j]) if combine is subtract else right[j]
    return left[i] if j is None else combine(left[i], right[j])


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
