"""Loops whose length is known when they are recorded, as scans.

`while i < 10: ...; i += 1` compares a counter, an integer that every round adds a constant to, with
a constant. Such a loop is a scan over the values of its counters: what a scan knows to do (keep for
the way back instead of repeating, leave work outside, read and write row by row) it gets too. A
loop that would have much to keep stays one of unknown length, whose memory is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from gradtape.core.tensor import Tensor
from gradtape.graph.branches import value_or_none
from gradtape.graph.callee import Callee
from gradtape.graph.graph import CONSTANT, needed
from gradtape.graph.loop import Loop
from gradtape.graph.scans import Scan, run_scan
from gradtape.graph.symbolic import Value

MOST_BYTES = 2**27  # of what all rounds compute; as much as a loop of unknown length keeps
OPEN = 128  # what a size that is not known yet counts for
TURNED = {
    "less": "greater",
    "less_equal": "greater_equal",
    "greater": "less",
    "greater_equal": "less_equal",
    "not_equal": "not_equal",
}


def run_counted(loop: Loop, state: Sequence[Any], around: Sequence[Any]) -> list[Any] | None:
    """The state at the end of a loop of known length, run as a scan; None when it is no such."""
    counters = _counters(loop.body, state)
    length = _length(loop.test, counters)
    if loop.test.effect or length is None or length * _size(loop.body) > MOST_BYTES:
        return None
    values = {k: range(a, a + s * (length + 1), s) for k, (a, s) in counters.items()}
    limits = {k: np.iinfo(state[k]._dtype) for k in values}
    if any([not limits[k].min <= r[-1] <= limits[k].max for k, r in values.items()]):
        return None
    carried = [k for k in range(loop.count) if k not in values]
    inputs, beyond = loop.split(loop.body.inputs)
    taken = [*[inputs[k] for k in carried], *[inputs[k] for k in values], *beyond]
    body = loop.body
    step = Callee(body.mode, taken, [body.outputs[k] for k in carried], body.name, body.compile)
    step.roots = body.roots
    rows = [Tensor(np.array(r[:-1], state[k]._dtype)) for k, r in values.items()]
    scan = Scan(step, len(carried), len(rows), length, False)
    found = run_scan(scan, [*[state[k] for k in carried], *rows, *around])
    last = dict(zip(carried, found, strict=True))
    ends = {k: Tensor(state[k]._dtype.type(r[-1])) for k, r in values.items()}
    return [ends[k] if k in ends else last[k] for k in range(loop.count)]


def _counters(body: Callee, state: Sequence[Any]) -> dict[int, tuple[int, int]]:
    """The numbers of the state tensors that are counters, with the start and the step of each."""
    found = {}
    for k, tensor in enumerate(state):
        step = _step(body.outputs[k], body.inputs[k])
        start = _integer(tensor) if step else None
        if start is not None:
            found[k] = start, step
    return found


def _step(after: Value, before: Value) -> int:
    """What is added to a value in each round, 0 when it is no constant."""
    op = after.op
    if op.primitive.name == "subtract" and op.takes[0] is before:
        return -(_constant(op.takes[1]) or 0)
    if op.primitive.name != "add" or before not in op.takes:
        return 0
    return _constant(op.takes[op.takes[0] is before]) or 0


def _constant(value: Value) -> int | None:
    return _integer(value.op.params["value"]) if value.op.primitive is CONSTANT else None


def _integer(tensor: Any) -> int | None:
    """An integer scalar that is known now."""
    if tensor._dtype.kind not in "iu" or tensor._shape != ():
        return None
    known = value_or_none(tensor)
    return None if known is None else int(known)


def _length(test: Callee, counters: dict[int, tuple[int, int]]) -> int | None:
    """The number of rounds until a test fails, None when that is not known."""
    places = {test.inputs[k]: pair for k, pair in counters.items()}
    waiting, found = [test.outputs[0]], []
    while waiting:
        op = waiting.pop().op
        if op.primitive.name == "logical_and":
            waiting += op.takes
            continue
        if op.primitive.name not in TURNED:
            return None
        name, (left, right) = op.primitive.name, op.takes
        if right in places:
            name, left, right = TURNED[name], right, left
        limit = _constant(right)
        if left not in places or limit is None:
            return None
        found.append(_rounds(name, *places[left], limit))
    lengths = [n for n in found if n is not None]
    return min(lengths) if lengths else None


def _rounds(name: str, start: int, step: int, limit: int) -> int | None:
    """For how many rounds start, start + step, ... compare so with a limit; None for ever."""
    if name == "not_equal":
        rounds, rest = divmod(limit - start, step)
        return rounds if rest == 0 and rounds >= 0 else None
    if name in ("greater", "greater_equal"):
        start, step, limit = -start, -step, -limit
    if name in ("less", "greater"):
        limit -= 1
    if start > limit:
        return 0
    return (limit - start) // step + 1 if step > 0 else None


def _size(body: Callee) -> int:
    """The bytes of what a round computes, about."""
    values = {v for op in needed(body.outputs, body.roots) for v in op.values} - set(body.inputs)
    sizes = [[n if type(n) is int else OPEN for n in v.shape] for v in values]
    return sum([prod(s) * v.dtype.itemsize for s, v in zip(sizes, values, strict=True)])
