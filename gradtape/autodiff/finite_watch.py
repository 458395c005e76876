"""The lookout that checks every operation while `debug_nans` is on.

It sees the operations of all threads (`core.state`). What runs on NumPy is looked at at once;
operations of a mode (a batch, a trace) are seen where they run below it. For each record it keeps
the place of the program, by the record's number, so that the walk backward can name it. Rules may
go through infinite numbers that they select away; so inside of rules nothing raises before a
cotangent arrives (`finite_walk`), but the first suspect is remembered."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any
from weakref import ref

import numpy as np
from numpy import ndarray, vdot

from gradtape.autodiff.batching import BatchedTensor
from gradtape.autodiff.finite_arrays import REAL, SMALL, finding, sound
from gradtape.autodiff.finite_report import (
    called,
    derivative_error,
    makers,
    value_error,
    variable_error,
)
from gradtape.autodiff.finite_source import Spot, of_code, picked, place, spot
from gradtape.autodiff.finite_verdict import MOVING, Verdict, verdict
from gradtape.core.asked import public_name
from gradtape.core.dispatch import FAILURES, record_one, record_two
from gradtape.core.primitive import Primitive
from gradtape.core.quick import bind, quick
from gradtape.core.record import Part, Record
from gradtape.core.state import Lookout, here, lookouts, post, withdraw
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import restore, silence, xp

MOST_SPOTS = 1 << 17
MOST_READS = 64
# the changes of variables that make infinite numbers; others only move them
SUMS = ("assign_add", "assign_sub", "a step of the optimizer")


class Inside(threading.local):
    """Whether this thread runs a rule, and what was seen in it.

    `suspect` is the first operation of the rule that is to blame for its value, with its place;
    `made` are the numbers of the records that the rule made."""

    rules = 0
    suspect: tuple[Any, Any] | None = None
    made: tuple[int, ...] = ()


inside = Inside()


def _enter(step: int) -> None:
    inside.rules += step
    if quick is not None:
        quick.set_rules(inside.rules)


@contextmanager
def in_rules() -> Iterator[None]:
    """A block in which rules run: nothing raises before a cotangent or tangent arrives."""
    before = inside.suspect, inside.made
    _enter(1)
    inside.suspect, inside.made = None, ()
    try:
        yield
    finally:
        _enter(-1)
        inside.suspect, inside.made = before


class Watch(Lookout):
    """What looks on.

    Attributes:
        infs: whether infinite numbers count.
        spots: the places of records by their numbers.
        rules: for records that a rule made, the records whose rule it was.
    """

    def __init__(self) -> None:
        self.infs = True
        self.spots: dict[int, Spot | None] = {}
        self.rules: dict[int, str] = {}
        self._reads: deque[Any] = deque(maxlen=MOST_READS)
        self._pending: dict[int, tuple[Any, Exception]] = {}  # by the tensor's id

    as_python = False
    follows = True
    checks = True

    def forget(self) -> None:
        """Forget what was seen."""
        self.spots.clear()
        self.rules.clear()
        self._reads.clear()
        self._pending.clear()

    # what the lookout is told

    def see(
        self, primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any], out: Any
    ) -> None:
        """An operation was run.

        The usual case, a real array that is finite, is written out: `sound` for a step would take a
        fifth of the time."""
        if here.tapes:
            self.note(out, sys._getframe(3))
        name = primitive.name
        if type(out) is Tensor and not (name in MOVING and not self._pending):
            array = out._array
            if type(array) is ndarray and array.dtype.char in REAL and array.size <= SMALL:
                if isfinite(vdot(array, array)):
                    return
        elif name in MOVING and not self._pending:
            return
        if here.mode is not None:
            return
        outs = out if type(out) is tuple else (out,)
        if not all([sound(t._array) for t in outs]) or self._pending:
            self._judge(primitive, inputs, outs)

    def run_one(self, primitive: Primitive, x: Any, how: Any) -> Any:
        """Run an elementwise operation of one input and look at it; None where another way must be
        gone. The way through `dispatch` would take half as long again."""
        array = x._array
        if type(x) is not Tensor or array.dtype.kind not in primitive.kinds:
            return None
        token = silence()
        try:
            out = Tensor(primitive.kernel(xp, array))
        except FAILURES:
            return None
        finally:
            restore(token)
        tapes = here.tapes
        if tapes:
            record_one(primitive, x, out, tapes, how)
        self._look(primitive, (x,), out)
        return out

    def run_two(self, primitive: Primitive, x: Any, y: Any, table: Any) -> Any:
        """`run_one` for two inputs."""
        a, b = x._array, y._array
        if not type(x) is type(y) is Tensor or a.dtype != b.dtype:
            return None
        if a.dtype.kind not in primitive.kinds:
            return None
        token = silence()
        try:
            out = Tensor(primitive.kernel(xp, a, b))
        except FAILURES:
            return None
        finally:
            restore(token)
        tapes = here.tapes
        if tapes:
            record_two(primitive, x, y, out, tapes, table)
        self._look(primitive, (x, y), out)
        return out

    def _look(self, primitive: Primitive, inputs: tuple[Any, ...], out: Any) -> None:
        """Look at the result of an operation that was run here."""
        if out._node is not None:
            self.note(out, sys._getframe(3))
        array = out._array
        if type(array) is ndarray and array.dtype.char in REAL and array.size <= SMALL:
            if isfinite(vdot(array, array)):
                return
        if (not sound(array) or self._pending) and primitive.name not in MOVING:
            self._judge(primitive, inputs, (out,))

    def left(self, tensor: Any, how: str) -> None:
        """A tensor's value was handed to Python."""

    def read(self, variable: Any, tensor: Any) -> None:
        """A variable was read."""
        self._reads.append(variable)

    def changed(self, variable: Any, how: str, values: tuple[Any, ...]) -> None:
        """A variable was assigned to; what it started with is data, and infinite numbers may be
        assigned, as the worst value so far."""
        if here.mode is not None or how == "the initial value" or sound(variable._array):
            return
        given = [np.asarray(v._array) for v in values if getattr(v, "concrete", False)]
        found = finding(variable._array, self.infs and how in SUMS)
        if found is not None:
            where = place(spot(sys._getframe(1)))
            raise variable_error(variable, how, found, where, given)

    # records

    def note(self, out: Any, frame: Any) -> None:
        """Keep the place of the record that an operation left, from a frame of the stack."""
        if isinstance(out, (tuple, list)):
            node = out[0]._node if out else None
            if type(node) is Part:
                node = node.parents[0]
        else:
            node = out._node
        if type(node) is not Record:
            return
        if len(self.spots) > MOST_SPOTS:
            for number in list(self.spots)[: MOST_SPOTS // 2]:
                del self.spots[number]
                self.rules.pop(number, None)
        self.spots[node.number] = spot(frame)
        if inside.rules:
            inside.made += (node.number,)

    def place_of(self, record: Record) -> tuple[str, int] | None:
        """Where a record was made, as far as it was seen."""
        return place(self.spots.get(record.number))

    def around(self, record: Record) -> str:
        """A sentence on a record that was made by a rule."""
        name = self.rules.get(record.number)
        return "" if name is None else f"\n  an operation of the rule of {name}, of that line"

    # operations

    def _judge(self, primitive: Any, inputs: tuple[Any, ...], outs: tuple[Any, ...]) -> None:
        """Raise, or keep the error for later, when an operation is to blame."""
        arrays, results = [t._array for t in inputs], [t._array for t in outs]
        error = None if inside.rules else self._awaited(inputs)
        if error is None:
            if primitive.name in MOVING:
                return
            found = verdict(primitive, arrays, results, self.infs)
            if found is None:
                return
            if inside.rules:
                if inside.suspect is None:
                    inside.suspect = (primitive, found), spot(sys._getframe(2))
                return
            error = self.error(primitive, inputs, results, found)
        elif all([finding(a, self.infs) is None for a in results]):
            return
        moves = primitive.name in MOVING and primitive.name != "where"
        if not (moves or picked(spot(sys._getframe(2)))) or primitive.name == "where":
            raise error
        for tensor in outs:
            self._await(tensor, error)

    def error(
        self, primitive: Any, inputs: Sequence[Any], results: list[Any], found: Verdict
    ) -> Exception:
        """The error for an operation that this thread runs."""
        source = ""
        if found.came_in is not None:
            source = self._origin(inputs[found.came_in])
        return value_error(
            primitive,
            found,
            [t._array for t in inputs],
            results,
            place=place(spot(sys._getframe(2))),
            made_by=makers(inputs),
            source=source,
            path=called(),
        )

    def _origin(self, tensor: Any) -> str:
        """Where a tensor comes from that no operation made."""
        for variable in reversed(self._reads):
            if getattr(variable, "_tensor", None) is tensor:
                return f", the value of variable {variable.name!r},"
        return ", a constant or an argument,"

    def _await(self, tensor: Any, error: Exception) -> None:
        """Keep an error until it shows whether `where` leaves the elements out."""
        number = id(tensor)
        self._pending[number] = ref(tensor, lambda _: self._pending.pop(number, None)), error

    def _awaited(self, inputs: Sequence[Any]) -> Exception | None:
        for tensor in inputs:
            found = self._pending.get(id(tensor))
            if found is not None and found[0]() is tensor:
                return found[1]
        return None

    # tangents

    def tangents(
        self,
        primitive: Any,
        inputs: Sequence[Any],
        tangents: Sequence[Any],
        outs: Sequence[Any],
        pushed: Sequence[Any],
    ) -> None:
        """Look at what a forward rule gave."""
        outs = [t for t in outs if concrete(t) is not None]
        self._values_first(primitive, inputs, outs)
        for number, tangent in enumerate(pushed):
            array = None if tangent is None else concrete(tangent)
            if array is None or sound(array):
                continue
            given = [None if t is None else concrete(t) for t in tangents]
            if any([g is not None and not sound(g) for g in given]):
                continue
            found = finding(array, self.infs)
            if found is not None:
                raise derivative_error(
                    primitive,
                    "tangent",
                    number,
                    found,
                    inputs=[concrete(t) for t in inputs],
                    given=next((g for g in given if g is not None), None),
                    result=array,
                    place=place(spot(sys._getframe(1))),
                    made_by=makers(inputs),
                )

    def _values_first(self, primitive: Any, inputs: Any, outs: Any) -> None:
        """A value that is not finite comes before its tangent."""
        if outs and not all([sound(concrete(t)) for t in outs]) and primitive.name not in MOVING:
            arrays = [concrete(t) for t in inputs]
            if None not in [a if a is None else 0 for a in arrays]:
                found = verdict(primitive, arrays, [concrete(t) for t in outs], self.infs)
                if found is not None:
                    raise self.error(primitive, inputs, [concrete(t) for t in outs], found)


def concrete(value: Any) -> Any:
    """The array of a tensor, of all examples of a batched one; None where it comes later."""
    value = getattr(value, "values", value)  # of an `IndexedSlices`
    while type(value) is BatchedTensor:
        value = value._array
    return value._array if value.concrete else None


# the one watch

watch = Watch()
bind(spots=watch.spots, pending=watch._pending, library=of_code, spot=spot)
_lock = threading.Lock()
_count = [0]


def turn_on(infs: bool) -> None:
    """Check from now on; calls are counted."""
    with _lock:
        watch.infs = infs
        _count[0] += 1
        if _count[0] == 1:
            post(watch)


def turn_off(all: bool = False) -> None:
    """Undo one call of `turn_on`, or all."""
    with _lock:
        _count[0] = 0 if all else max(0, _count[0] - 1)
        if not _count[0]:
            withdraw(watch)
            watch.forget()


def checking() -> bool:
    """Whether operations are checked."""
    return bool(_count[0])


def alone() -> bool:
    """Whether nothing but the check makes this thread special, so that walks go on arrays."""
    return bool(
        _count[0] and here.mode is None and not here.observers and not here.tapes
    ) and lookouts == [watch]


def suspected(asked: Spot | None) -> str:
    """What is known of the operation inside of a rule that spoiled its result.

    Args:
        asked: where the gradient was asked for; rules of the library run at that line.
    """
    if inside.suspect is None:
        return ""
    (primitive, found), where = inside.suspect
    text = f"\n  inside of the rule: {public_name(primitive)} gives {found.finding}"
    at = place(where)
    return text + ("" if at is None or at == place(asked) else f", at {at[0]}:{at[1]}")
