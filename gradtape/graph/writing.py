"""Arrays that a scan carries along only to write one row of them in every round.

Such is a `TensorArray` in a loop: `out = out.write(i, x)`. Where it is known which round writes
where, and no place is written twice, the rows leave the scan as one of its results and are put into
the array behind it, all at once: no round copies the array, and none walks back through it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gradtape.autodiff.batching import BatchedTensor, batching, spread
from gradtape.core.errors import OpError
from gradtape.core.state import frame
from gradtape.core.tensor import Tensor
from gradtape.graph.branches import value_or_none
from gradtape.graph.callee import Callee, Replay
from gradtape.graph.graph import CONSTANT, SOURCES, needed
from gradtape.graph.symbolic import Value
from gradtape.ops.basis import reshape
from gradtape.ops.gathering import put_rows


class Write(NamedTuple):
    """A row that a step writes into a state tensor: its place, and the row itself."""

    place: Value
    row: Value


class Writing:
    """The state tensors of a step that are arrays of which a round writes a row.

    Args:
        step: the callee of (state, row of each, around).
        carried: how many tensors the state has.
        rows: how many tensors are taken row by row.

    Attributes:
        writes: by the number of the state tensor.
    """

    def __init__(self, step: Callee, carried: int, rows: int) -> None:
        self.step, self.carried = step, carried
        self.rows = step.inputs[carried : carried + rows]
        order = needed(step.outputs, step.roots)
        read = Counter([v for op in order for v in op.takes]) + Counter(step.outputs)
        read += Counter([v for op in order for other in op.awaited.values() for v in other.values])
        self.writes: dict[int, Write] = {}
        for number in range(carried):
            found = _write(step.inputs[number], step.outputs[number], read)
            if found is not None and self._told(found.place):
                self.writes[number] = found

    def _told(self, place: Value) -> bool:
        """Whether a place depends on rows alone."""
        order = needed([place], (), set(self.rows))
        return not any([op.primitive in SOURCES and op.primitive is not CONSTANT for op in order])

    def places(self, rows: Sequence[Any], length: Any) -> dict[int, np.ndarray]:
        """Where each round writes, for the state tensors of which that is known, and each place
        is another one."""
        found = {}
        for number, write in self.writes.items():
            places = self._all_places(write.place, rows, length)
            if places is not None and len(np.unique(places)) == len(places):
                found[number] = places
        return found

    def _all_places(self, place: Value, rows: Sequence[Any], length: Any) -> np.ndarray | None:
        """The place of every round, None where that is not known."""
        reads = {v for op in needed([place], (), set(self.rows)) for v in op.takes} | {place}
        known = {v: value_or_none(r) for v, r in zip(self.rows, rows, strict=True) if v in reads}
        if not known or length == 0 or any([a is None for a in known.values()]):
            return None
        with frame((), (), None), batching(length) as batch:
            examples = [BatchedTensor(Tensor(a), None, batch) for a in known.values()]
            try:
                (found,) = Replay(Callee(self.step.mode, list(known), [place]), examples).outputs()
            except OpError:
                return None  # a place that is not there: the round that writes it says so
        return np.asarray(spread(found, batch)).reshape(-1)

    def without(self, numbers: Sequence[int]) -> Callee:
        """The step without some arrays, whose rows are results of it."""
        step, carried = self.step, self.carried
        inputs = [v for i, v in enumerate(step.inputs) if i not in numbers]
        outputs = [v for i, v in enumerate(step.outputs[:carried]) if i not in numbers]
        outputs += [*step.outputs[carried:], *[self.writes[i].row for i in numbers]]
        made = Callee(step.mode, inputs, outputs, step.name, step.compile)
        made.roots = step.roots
        return made

    def whole(
        self, found: Sequence[Any], state: Sequence[Any], places: dict[int, np.ndarray]
    ) -> list[Any]:
        """What the step returns, of what it returns without the arrays, and the arrays before."""
        rest, count = iter(found), len(found) - len(places)
        results = [_put(state[n], p, found[count + i]) for i, (n, p) in enumerate(places.items())]
        arrays = dict(zip(places, results, strict=True))
        carried = [arrays[i] if i in arrays else next(rest) for i in range(self.carried)]
        return [*carried, *found[self.carried - len(places) : count]]


def _write(before: Value, after: Value, read: Counter[Value]) -> Write | None:
    """The row that is written into a state tensor, where a step does nothing else with it."""
    put = _same_shape(after, read)
    if put is None or put.op.primitive.name != "put_rows" or read[put] != 1:
        return None
    table, place, row = put.op.takes
    if place.shape != (1,) or type(before.shape[0]) is not int:
        return None
    alone = _same_shape(table, read) is before and read[before] == 1
    return Write(place, row) if alone else None


def _same_shape(value: Value, read: Counter[Value]) -> Value | None:
    """What a value is, but for reshapes to its own shape; None where one of them is read twice."""
    while value.op.primitive.name == "reshape" and value.op.takes[0].shape == value.shape:
        if read[value] != 1:
            return None
        value = value.op.takes[0]
    return value


def _put(array: Any, places: np.ndarray, rows: Any) -> Any:
    """An array with rows at places."""
    rows = reshape(rows, (len(places), *array._shape[1:]))
    if np.array_equal(places, np.arange(array._shape[0])):
        return rows
    return put_rows(array, Tensor(places), rows)
