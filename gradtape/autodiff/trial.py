"""A trial walk: the gradient once more, without using the tape up, watching every edge.

The walk itself is `walk`'s, step by step; between the steps it is noted where a cotangent became
zero, where it became inf or nan, and where a rule gave nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradtape.autodiff import reasons
from gradtape.autodiff.asking import node_of, starting_cotangent
from gradtape.autodiff.explanation import Cause
from gradtape.autodiff.finite_arrays import described, finding
from gradtape.autodiff.finite_hints import Seen, hint
from gradtape.autodiff.history import Event, History, Place
from gradtape.autodiff.walk import walk
from gradtape.core.asked import public_name
from gradtape.core.nothing import Nothing
from gradtape.core.record import Node, Record, Recording
from gradtape.core.state import frame, here
from gradtape.core.xp_numpy import restore, silence
from gradtape.ops.sparse import IndexedSlices

CUSTOM = frozenset({"custom_gradient", "host_call"})


@dataclass(frozen=True)
class Edge:
    """What a record's rule made of its cotangent for one input."""

    record: Record
    parent: Node
    taken: Any
    given: Any


class Trial:
    """The gradient of targets with respect to one source, with what happened on the way.

    Args:
        cuts_alone: do not compute it: whether it is zero or not finite is not asked.

    Attributes:
        verdict: "sound", "none", "zero" or "not finite".
        lost: whether nothing at all arrived at the source.
        lacking: what the walk says of a rule that is owed.
        error: what a rule of the program raised.
    """

    def __init__(
        self, recording: Recording | None, targets: list[Any], source: Any, cuts_alone: bool
    ) -> None:
        self.recording = recording
        self.edges: list[Edge] = []
        self.missing: list[tuple[Record, Node]] = []
        self.lacking = ""
        self.error: Exception | None = None
        self.lost, self.verdict = False, "sound"
        self.goal = node_of(source)
        if cuts_alone:
            return
        pairs = [(node_of(t), starting_cotangent(t, None)) for t in targets]
        pairs = [(n, ct) for n, ct in pairs if n is not None and ct is not None]
        found = None
        if recording is not None and pairs and self.goal is not None:
            token = silence()
            try:
                with frame((), (), here.mode):
                    found = self._walked(pairs)
            finally:
                restore(token)
        self.lost = found is None
        self.verdict = _verdict(found)

    def _walked(self, pairs: Any) -> Any:
        try:
            (found,) = walk(pairs, [self.goal], self.recording, see=self._see)
        except LookupError as error:
            if str(error).startswith(("gradtape.", "gradient registry has no entry")):
                self.lacking = str(error)
            else:
                self.error = error
            return None
        except Exception as error:  # a gradient function of the program
            self.error = error
            return None
        return None if isinstance(found, Nothing) else found

    def _see(self, record: Record, ct: Any, given: list[Any]) -> None:
        """Note what a record's rule made of its cotangent."""
        for parent, value in zip(record.parents, given):
            if parent is None:
                continue
            if value is None or isinstance(value, Nothing):
                if record.primitive.name in CUSTOM and _derived(record):
                    self.missing.append((record, parent))
                continue
            self.edges.append(Edge(record, parent, ct, value))

    # what it means

    def owed(self, history: History | None) -> list[Cause]:
        """The rule that is owed, with the line of its operation."""
        if not self.lacking:
            return []
        for record in self._records():
            if record.primitive.name in self.lacking:
                name, place = named(record, history)
                text = f"{name} has a derivative, but no rule for it: {self.lacking}"
                return [Cause("owed", text, place, "", node=record.number)]
        return [Cause("owed", self.lacking)]

    def failed(self, history: History | None) -> tuple[str, Place | None]:
        """The name and the line of the operation whose rule raised."""
        done = {edge.record for edge in self.edges}
        for record in self._records():
            if record.primitive.fallible and record not in done:
                return named(record, history)
        return "an operation", None

    def _records(self) -> list[Record]:
        """The records of the tape, the latest first."""
        references = [] if self.recording is None else self.recording.records
        found = [r for r in [reference() for reference in references] if r is not None]
        return sorted(found, key=lambda r: -r.number)

    def causes(self, history: History | None) -> list[Cause]:
        """Why the gradient is zero or not finite."""
        if self.verdict == "zero":
            return self._zero(history)
        if self.verdict == "not finite":
            return self._not_finite(history)
        return []

    def _zero(self, history: History | None) -> list[Cause]:
        found = [e for e in self.edges if _some(e.taken) and not _some(e.given)]
        causes = []
        for edge in found:
            name, place = named(edge.record, history)
            causes.append(
                Cause(
                    "zero",
                    f"The derivative of {name} is zero here for every element"
                    f"{_inputs(edge.record, False)}, so that nothing flows back.{_why_zero(edge)}",
                    place,
                    node=edge.record.number,
                )
            )
        if not causes:
            causes.append(
                Cause(
                    "zero",
                    "Two paths to the source carry opposite gradients, which add up to zero.",
                    None,
                    "Check the signs: the source cancels out of the target.",
                )
            )
        return causes

    def _not_finite(self, history: History | None) -> list[Cause]:
        event = None if history is None else self._first_value(history)
        if event is not None:
            record = event.node()
            text = f"{event.name} made a value that is not finite of finite ones{_inputs(record)}."
            number = reasons.number_of(event)
            return [Cause("not finite", text, event.place, _hint(record, "value"), node=number)]
        for edge in self.edges:
            found = [finding(a, True) for a in _arrays(edge.given)]
            if any(found) and _finite(edge.taken):
                name, place = named(edge.record, history)
                text = (
                    f"The derivative of {name} is not finite{_inputs(edge.record)}: of a finite"
                    f" cotangent its rule made {next(str(f) for f in found if f)}."
                )
                remedy = _hint(edge.record, "cotangent", edge)
                return [Cause("not finite", text, place, remedy, node=edge.record.number)]
        return []

    def _first_value(self, history: History) -> Event | None:
        """The first operation on the way whose value is not finite though its inputs are."""
        events = [history.known_node(e.record) for e in self.edges]
        bad = [
            e
            for e in events
            if e is not None and not e.finite and all([p.finite for p in e.parents])
        ]
        return min(bad, key=lambda e: e.number, default=None)

    def none_given(self, history: History | None) -> list[Cause]:
        """The rules of the program that gave nothing."""
        found = []
        for record, _ in self.missing:
            name, place = named(record, history)
            found.append(reasons.none_given(name, place, record.number))
        return found


def _derived(record: Record) -> bool:
    """Whether a rule of the program may have a derivative at all: a call of NumPy has none."""
    call = record.params.get("call")
    return getattr(call, "derivative", True)


def named(record: Record, history: History | None) -> tuple[str, Place | None]:
    """The public name of a record's operation, and its line."""
    event = None if history is None else history.known_node(record)
    if event is not None:
        return event.name, event.place
    return "tf." + public_name(record.primitive).removeprefix("gradtape."), None


def _verdict(found: Any) -> str:
    if found is None:
        return "none"
    if not _finite(found):
        return "not finite"
    return "sound" if _some(found) or not _arrays(found)[0].size else "zero"


def _arrays(value: Any) -> list[Any]:
    """The numbers of a cotangent, which may be one of several results or an `IndexedSlices`."""
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [a for v in value for a in _arrays(v)]
    if isinstance(value, IndexedSlices):
        value = value.values
    return [np.asarray(value._array)] if value.concrete else [np.ones(1)]


def _some(value: Any) -> bool:
    return any([bool(a.any()) for a in _arrays(value)])


def _finite(value: Any) -> bool:
    return all([bool(np.isfinite(a).all()) for a in _arrays(value)])


def _kept(record: Any) -> list[Any]:
    """The arrays of the inputs that a record keeps, None for the others."""
    inputs = () if record is None else record.inputs
    return [t._array if getattr(t, "concrete", False) else None for t in inputs]


def _inputs(record: Any, result: bool = True) -> str:
    """What a record kept of an operation's inputs, or else of its result, in words."""
    shown = [described(a) for a in _kept(record) if a is not None]
    if shown:
        return f" (of {', '.join(shown)})"
    out: Any = getattr(record, "out", None) if result else None
    return f" (its result: {described(out._array)})" if getattr(out, "concrete", False) else ""


def _hint(record: Any, kind: str, edge: Edge | None = None) -> str:
    """What to write instead of an operation whose value or derivative is not finite."""
    if record is None:
        return ""
    result = np.zeros(0) if edge is None else _arrays(edge.given)[0]
    given = None if edge is None else _arrays(edge.taken)[0]
    found = finding(result, True)
    what = "inf" if found is None else found.what
    makers = tuple([p.primitive.name for p in record.parents if type(p) is Record])
    seen = Seen(record.primitive.name, kind, what, _kept(record), result, given, makers=makers)
    text = hint(seen)
    return text[:1].upper() + text[1:]


def _why_zero(edge: Edge) -> str:
    name = edge.record.primitive.name
    taken = _arrays(edge.taken)[0]
    if "softmax" in name and taken.size and np.ptp(taken) == 0:
        return (
            " The sum of its elements is always 1: ask for one of them, or give output_gradients."
        )
    return WHY_ZERO.get(name, "")


WHY_ZERO = {
    "relu": " No element is positive: the units are dead.",
    "relu6": " No element lies between 0 and 6.",
    "clip_by_value": " Every element is clipped.",
    "sigmoid": " The function is saturated.",
    "tanh": " The function is saturated.",
    "softmax": " The function is saturated.",
}
