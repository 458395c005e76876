"""The paths from a target back to a source through the history, and where they are cut.

Every event that the target was made of is asked whether it depends on the source in any way: by
operations, assignments, or values that went through Python. From the target the paths are followed
back through such events. A path is *live* as long as the tape recorded it. Where an operation lets
nothing through, or was done while the tape did not record, it is cut, and that is a cause; a path
that arrives dead was never watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from gradtape.autodiff import reasons
from gradtape.autodiff.dataflow import came_back
from gradtape.autodiff.explanation import Cause
from gradtape.autodiff.history import Event, HandedOver, History, Span
from gradtape.core.dtypes import differentiable
from gradtape.core.nothing import Nothing, Owed
from gradtape.core.record import Node, Recording

MOST_LOOKED_AT = 1000


class Paths:
    """What leads from a target to a source.

    Args:
        history: what happened.
        recording: what the tape recorded; None if it was never entered.
        is_source: tells the events of the source.
        name: what the program calls the source.
        node: the node of the source.

    Attributes:
        causes: where paths are cut.
        masks: where a truth value lets nothing through, which is right but at its jumps.
        choices: where the source only decides what is taken.
        perhaps: where a value left that may have come back: the program's source is not to be had.
        earlier: what was cut before the tape began.
        connected: whether a path lives.
    """

    def __init__(
        self,
        history: History,
        recording: Recording | None,
        is_source: Callable[[Event], bool],
        name: str,
        node: Node | None = None,
    ) -> None:
        self.history = history
        self.recording = recording
        self.is_source = is_source
        self.name = name
        self.node = node
        self.spans: list[Span] = [] if recording is None else history.spans.get(recording, [])
        self.causes: list[Cause] = []
        self.masks: list[Cause] = []
        self.choices: list[Cause] = []
        self.perhaps: list[Cause] = []
        self.earlier: list[Cause] = []
        self.connected = False
        self._depends: dict[Event, bool] = {}
        self._handed: dict[Event, list[HandedOver]] = {}
        self._used: Event | None = None

    # dependence

    def depends(self, target: Event) -> bool:
        """Whether an event has the source in its past, in whatever way."""
        known = self._depends
        pending = [target]
        while pending:
            event = pending[-1]
            if event in known:
                pending.pop()
                continue
            if self.is_source(event):
                known[event] = True
                continue
            before = list(self._past(event))
            missing = [e for e in before if e not in known and e.number < event.number]
            if missing:
                pending.extend(missing)
                continue
            known[event] = any([known.get(e, False) for e in before])
            if any([self.is_source(e) for e in event.parents]) and not event.in_rule:
                self._used = event if self._used is None else min(self._used, event, key=_number)
        return known[target]

    def _past(self, event: Event) -> Iterator[Event]:
        yield from event.parents
        if not event.parents and event.kind != "operation":
            for handed in self.handed(event):
                yield handed.event

    def handed(self, event: Event) -> list[HandedOver]:
        """The values that left the library before and may have come back as this one."""
        found = self._handed.get(event)
        if found is None:
            found = self._handed[event] = [
                h
                for h in self.history.handed_over
                if h.number < event.number
                and h.event is not event
                and came_back(h.trace, event.trace) is not False
            ]
        return found

    # following paths

    def follow(self, target: Event) -> None:
        """Follow every path from the target back."""
        seen: set[tuple[Event, bool]] = set()
        pending: list[tuple[Event, bool, Event | None]] = [(target, True, None)]
        while pending:
            event, live, child = pending.pop()
            if (event, live) in seen or not self.depends(event):
                continue
            seen.add((event, live))
            if self.is_source(event):
                self._arrived(event, live, child)
            elif event.kind == "operation":
                pending += [(p, now, event) for p, now in self._through(event, live, child)]
            else:
                self._begins_anew(event, child)

    def _arrived(self, event: Event, live: bool, child: Event | None) -> None:
        self.connected = self.connected or live
        if not live and child is not None:
            self._add(self._unwatched(event, child), child)

    def _begins_anew(self, event: Event, child: Event | None) -> None:
        """A variable that was assigned to, or data."""
        if event.kind == "variable" and event.parents:
            self._cut(event.number, reasons.assigned(event), child)
        for handed in self.handed(event) if not event.parents else []:
            if not self.depends(handed.event):
                continue
            if came_back(handed.trace, event.trace):
                self._cut(handed.number, reasons.left(handed), child)
            else:
                self.perhaps.append(reasons.left(handed))

    def _cut(self, number: int, cause: Cause, child: Event | None) -> None:
        """Note a cause, apart where the tape had not begun."""
        if self.spans and number < self.spans[0].start:
            self.earlier.append(cause)
        else:
            self._add(cause, child)

    def _through(
        self, event: Event, live: bool, child: Event | None
    ) -> Iterator[tuple[Event, bool]]:
        """The parents to which the path goes on, and whether it lives."""
        part = live and child is not None and child.call == event.call
        off = self._off_tape(event)
        if off is not None:
            self._add(off, child)
            return
        if _without_derivative(event):
            if part or event.in_rule:  # what the library does inside is its own affair
                return
            for parent in event.parents:
                if self.depends(parent) and parent.spec[1].kind in "biu":
                    yield parent, False
                elif self.depends(parent) and event.spec[1].kind == "b":
                    self.masks.append(reasons.without_derivative(event, parent))
                elif self.depends(parent):
                    self._add(reasons.without_derivative(event, parent), child)
            return
        for number, (parent, rule) in enumerate(zip(event.parents, self._rules(event))):
            if not self.depends(parent):
                continue
            if isinstance(rule, Owed):
                self._add(reasons.owed(event, rule), child)
            elif isinstance(rule, Nothing):
                self._blocked(event, parent, rule, part or event.in_rule)
            else:
                yield parent, live and self.recording in event.linked[number]

    def _rules(self, event: Event) -> Any:
        primitive = event.primitive
        if primitive.name == "custom_gradient":  # what its body computes has no say
            return [None] * len(event.params["call"].inputs)
        return primitive.vjps if primitive.joint_vjp is None else [None] * len(event.parents)

    def _blocked(self, event: Event, parent: Event, rule: Nothing, part: bool) -> None:
        if parent.spec[1].kind in "biu":
            self.choices.append(reasons.choice(event, parent))
        elif not part:
            stopped = rule.kind == "stopped"
            self._add(reasons.stopped(event) if stopped else reasons.flat(event), None)

    def _add(self, cause: Cause, child: Event | None) -> None:
        """Note a cause; a picture shows it at the operation that the tape recorded next."""
        if cause.node is None and child is not None:
            cause = replace(cause, node=reasons.number_of(child))
        if cause not in self.causes:
            self.causes.append(cause)

    # what the tape did not record

    def _off_tape(self, event: Event) -> Cause | None:
        """Why the tape did not record when an operation was done, None if it did."""
        recording = self.recording
        if recording is None or recording in event.active or recording in event.tapes:
            return None
        if not self.spans:
            return None
        first = self.spans[0]
        if all([s.thread != event.thread for s in self.spans]):
            return reasons.off_tape(event, first, "thread")
        if any([s.stop is not None and s.start < event.number < s.stop for s in self.spans]):
            return reasons.off_tape(event, first, "reset")
        ended = [s for s in self.spans if s.stop is not None and s.stop < event.number]
        if not ended:
            return reasons.off_tape(event, first, "before")
        return reasons.off_tape(event, first, ended[-1].ended)

    def _unwatched(self, event: Event, child: Event) -> Cause:
        """Why a tape that recorded did not know the source."""
        recording = self.recording
        name = f"`{self.name}`"
        child = self._used or child
        watches = [] if recording is None else self.history.watches.get(recording, [])
        for number, watched, trace in watches:
            if watched() is self.node and number > child.number:
                return reasons.watched_late(name, child, trace[0] if trace else None)
        if event.kind == "variable":
            owner = event.owner()
            trainable = owner is None or owner.trainable
            automatic = recording is None or recording.automatic
            return reasons.variable_not_watched(event.name, child, trainable, automatic)
        variable = variable_behind(event)
        if event.kind == "operation" and variable is not None and recording not in event.active:
            return reasons.replaced(name, event, variable)
        return reasons.not_watched(name, child, None)


def _number(event: Event) -> int:
    return event.number


def variable_behind(event: Event) -> Event | None:
    """A variable that a value was made of."""
    pending, seen = [event], {event}
    while pending and len(seen) < MOST_LOOKED_AT:
        one = pending.pop()
        if one.kind == "variable":
            return one
        for parent in one.parents:
            if parent not in seen:
                seen.add(parent)
                pending.append(parent)
    return None


def _without_derivative(event: Event) -> bool:
    primitive = event.primitive
    if primitive.name == "host_call":
        return not event.params["call"].derivative
    return not primitive.differentiable or not differentiable(event.spec[1])
