"""What a loop's step need not do in every round: work that does not depend on the state.

What depends on the surroundings alone is done once, before the loop. A product that depends on a
row and the surroundings alone is done for all rows at once: 64 products of a (32, 128) by a
(128, 512) matrix become one of (2048, 128) by (128, 512), several times as fast. So are functions
of few numbers, such as the slopes that the way back needs: in a loop each takes longer to start
than to run. So are rows that are read at a place which depends on the round alone, `x[i]`: the scan
then takes them one by one, and on the way back each gets its cotangent, in place of a sum as large
as `x` in every round."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from gradtape.autodiff.batching import BatchedTensor, batching, spread
from gradtape.graph.callee import Callee, Replay
from gradtape.graph.graph import CONSTANT, Operation, needed
from gradtape.graph.symbolic import Value

PRODUCTS = frozenset({"matmul", "convolution", "einsum"})
COMPUTING = frozenset({"elementwise", "stepwise", "activation", "reduction", "ladder"})
BESIDE = COMPUTING | {"structural", "choice", "linear"}  # what may lie between them
FEW = 256  # elements
MOST_ROWS = 1 << 14  # of which functions are kept: 16 to 32 MB each, where they are largest


class Hoisted:
    """The parts of a step that leave the loop.

    Args:
        step: the callee of (state, row of each, around).
        carried: how many tensors the state has.
        rows: how many tensors are taken row by row.
        length: the number of rows.

    Attributes:
        once: values of the surroundings alone.
        for_all: products of rows and surroundings alone, and functions of few of their numbers.
        step: the step that takes them as further rows and surroundings.
    """

    def __init__(self, step: Callee, carried: int, rows: int, length: Any) -> None:
        inputs = step.inputs
        self.state = inputs[:carried]
        self.rows = inputs[carried : carried + rows]
        self.around = inputs[carried + rows :]
        order = needed(step.outputs, step.roots)
        changing = set(self.state)
        varying = {*self.state, *self.rows}
        for op in order:
            takes = [*op.takes, *[v for other in op.awaited.values() for v in other.values]]
            if op.effect or any([v in varying for v in takes]):
                varying.update(op.values)
            if op.effect or op.host or any([v in changing for v in takes]):
                changing.update(op.values)
        read = {v for op in order for v in op.takes} | set(step.outputs)
        given = set(inputs)
        of_rows = [
            op for op in order
            if op.values and op.values[0] in varying and op.values[0] not in changing
            and op.values[0] not in given
        ]  # fmt: skip
        met = {v for op in order if op.values and op.values[0] in changing for v in op.takes}
        functions = _functions(of_rows) if type(length) is int and length <= MOST_ROWS else set()
        self.for_all = [
            v for op in of_rows for v in op.values
            if v in read and (
                op.primitive.name in PRODUCTS or (v in functions and v in met)
                or _reading(op, varying, length)
            )
        ]  # fmt: skip
        late = {v for op in order for v in op.takes if op.values and op.values[0] in varying}
        late |= set(step.outputs)
        self.once: list[Value] = [
            v for op in order if op.primitive is not CONSTANT
            for v in op.values if v not in varying and v in late and v not in given
        ]  # fmt: skip
        taken = [*self.state, *self.rows, *self.for_all, *self.around, *self.once]
        self.step = Callee(step.mode, taken, step.outputs, step.name, step.compile)
        self.step.roots = step.roots

    @property
    def anything(self) -> bool:
        """Whether anything leaves the loop."""
        return bool(self.once or self.for_all)

    def run(self, rows: Sequence[Any], around: Sequence[Any], length: Any) -> tuple[Any, Any]:
        """The further rows and the further surroundings for these rows and surroundings."""
        mode = self.step.mode
        once = Replay(Callee(mode, self.around, self.once), around).outputs() if self.once else []
        if not self.for_all:
            return [], once
        part = Callee(mode, [*self.rows, *self.around, *self.once], self.for_all)
        with batching(length) as batch:
            examples = [BatchedTensor(r, None, batch) for r in rows]
            found = Replay(part, [*examples, *around, *once]).outputs()
        return [spread(t, batch) for t in found], once


def _reading(op: Operation, varying: set[Value], length: Any) -> bool:
    """Whether an operation reads a row of the surroundings, of which there are about as many as
    rounds."""
    if op.primitive.name != "gather" or op.params["axis"] or op.params["batch"]:
        return False
    table, place = op.takes
    lengths = type(length) is int and type(table.shape[0]) is int
    return table not in varying and place.shape == () and lengths and length <= 2 * table.shape[0]


def _functions(of_rows: Sequence[Operation]) -> set[Value]:
    """The values of few numbers that are computed from rows, by operations for which doing all rows
    at once is no loop."""
    apart: set[Value] = set()
    found: set[Value] = set()
    for op in of_rows:
        family = op.primitive.family
        if (
            family not in BESIDE
            or op.primitive.batch is None
            or any([v in apart for v in op.takes])
        ):
            apart.update(op.values)
        elif family in COMPUTING or any([v in found for v in op.takes]):
            found.update(op.values)
    return {v for v in found if few_numbers(v)}


def few_numbers(value: Value) -> bool:
    """Whether a value is so small that an operation takes longer to start than to run."""
    return all([type(n) is int for n in value.shape]) and prod(value.shape) <= FEW
