"""`explain`: why a gradient is None, zero, a part of itself, or not finite.

Three things are looked at. The values: is the target a tensor of floating-point numbers at all. The
history, if one was kept: every path from the target to the source, and where it is cut (`paths`).
The records: the gradient is computed once more, without using the tape up, to see whether it is
zero or not finite and in which rule it became so (`trial`)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from gradtape.autodiff import reasons
from gradtape.autodiff.asking import held, node_of
from gradtape.autodiff.dataflow import argument_names, elements
from gradtape.autodiff.explanation import Cause, Explanation
from gradtape.autodiff.history import Event, History, Place, users_call, users_stack
from gradtape.autodiff.paths import Paths, variable_behind
from gradtape.autodiff.picture import picture
from gradtape.autodiff.trial import Trial
from gradtape.core import nest
from gradtape.core.dtypes import differentiable
from gradtape.core.record import Recording
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable

ASK = (
    "The lines of the program, and what went on outside of the tape, are known where a history is"
    " kept: run it within `with tf.debug_gradients():`, or write tf.GradientTape(explain=True)."
)
CUTS = frozenset(
    {
        "not watched", "watched late", "left", "integer", "flat", "assigned", "replaced", "before",
        "after", "thread", "not recording", "reset", "none given", "no tensor",
    }
)  # fmt: skip


def explain(
    recording: Recording | None,
    history: History | None,
    target: Any,
    sources: Any,
    cuts_alone: bool = False,
) -> Any:
    """What `GradientTape.explain` returns; with `cuts_alone` nothing is computed again, and only
    cuts are looked for."""
    trace = users_stack()
    target_name, names = _spelled(argument_names(*users_call()), sources)
    answers = []
    for source, name in zip(map(held, nest.flatten(sources)), names, strict=True):
        question = Question(recording, history, target, source, (target_name, name), cuts_alone)
        with nullcontext() if history is None else history.resting():
            answers.append(question.answer(trace))
    return nest.pack_sequence_as(sources, answers) if nest.is_nested(sources) else answers[0]


def _spelled(given: list[str], sources: Any) -> tuple[str, list[str]]:
    """What the program calls the target and each of the sources, if it says so in few words."""
    target, spelled = (given[0], given[1]) if len(given) >= 2 else ("the target", "the source")
    flat = nest.flatten(sources)
    names = [spelled] if not nest.is_nested(sources) else elements(spelled)
    if len(names) != len(flat):
        names = ["the source"] * len(flat)
    names = [_named(n, held(s)) for n, s in zip(names, flat)]
    return target if len(target) <= 40 else "the target", names


def _named(name: str, source: Any) -> str:
    if len(name) <= 40 and name != "the source":
        return name
    return source.name.removesuffix(":0") if isinstance(source, Variable) else "the source"


class Question:
    """One source of one tape, and a target or several, whose sum is meant."""

    def __init__(
        self,
        recording: Recording | None,
        history: History | None,
        target: Any,
        source: Any,
        names: tuple[str, str],
        cuts_alone: bool,
    ) -> None:
        self.recording = recording
        self.history = history
        self.target = target
        self.targets = nest.flatten(target) if nest.is_nested(target) else [target]
        self.source = source
        self.target_name, self.source_name = names
        self.cuts_alone = cuts_alone

    def answer(self, trace: tuple[Place, ...]) -> Explanation:
        """The explanation."""
        if not isinstance(self.source, (Tensor, Variable)):
            return self._said("none", [reasons.no_tensor("source", self.source)])
        if not differentiable(self.source._dtype):
            return self._said("none", [self._integer("source", self.source)])
        paths = self._paths()
        if not all([isinstance(t, (Tensor, Variable)) for t in self.targets]) or not self.targets:
            return self._foreign(paths, trace)
        if any([t is self.source for t in self.targets]):
            return self._said("sound", [])
        if not any([differentiable(t._dtype) for t in self.targets]):
            return self._said("none", self._integers(paths))
        trial = Trial(self.recording, self.targets, self.source, self.cuts_alone)
        if paths is None:
            return self._by_records(trial)
        for event in self._events(trace):
            paths.follow(event)
        verdict = self._verdict(paths, trial)
        return self._said(verdict, self._causes(verdict, paths, trial), *self._notes(paths))

    def _said(self, verdict: str, causes: list[Cause], *notes: str) -> Explanation:
        names = self.target_name, self.source_name
        return Explanation(*names, verdict, tuple(causes), notes, self._drawing())

    def _drawing(self) -> Callable[[dict[int, str]], Any] | None:
        """Draws what the tape recorded for the target."""
        recording, target = self.recording, self.target
        tensors = [t for t in self.targets if isinstance(t, (Tensor, Variable))]
        nodes = [node_of(t) for t in tensors]
        if recording is None or not any([n is not None and recording in n.tapes for n in nodes]):
            return None
        facts = None if self.history is None else self.history.fact
        return lambda marks: picture(recording, target, None, facts=facts, marks=marks)

    # by the history

    def _paths(self) -> Paths | None:
        if self.history is None:
            return None
        node = node_of(self.source)
        return Paths(self.history, self.recording, self._test(), self.source_name, node)

    def _test(self) -> Callable[[Event], bool]:
        """Tells the events of the source: of a variable, its values since the tape began."""
        source, history = self.source, self.history
        assert history is not None
        if not isinstance(source, Variable):
            event = history.known(source)
            return lambda e: e is event
        spans = () if self.recording is None else history.spans.get(self.recording, ())
        start = spans[0].start if spans else 0
        return lambda e: (
            e.kind == "variable"
            and e.owner is not None
            and e.owner() is source
            and (e.until is None or e.until > start)
        )

    def _events(self, trace: tuple[Place, ...]) -> list[Event]:
        """The events of the targets; a target that nothing made is what this line names."""
        assert self.history is not None
        found = []
        for target in self.targets:
            event = self.history.known(target)
            if event is None:
                event = Event("data", "")
                event.trace = trace
            found.append(event)
        return found

    def _foreign(self, paths: Paths | None, trace: tuple[Place, ...]) -> Explanation:
        """A target is a number of Python or an array of NumPy."""
        strange = [t for t in self.targets if not isinstance(t, (Tensor, Variable))]
        causes = [reasons.no_tensor("target", strange[0] if strange else self.target)]
        if paths is None:
            return self._said("none", causes, ASK)
        event = Event("data", "")
        event.trace = trace
        handed = [h for h in paths.handed(event) if paths.depends(h.event)]
        return self._said("none", [*causes, *[reasons.left(h) for h in handed]])

    def _integer(self, role: str, value: Any) -> Cause:
        name = self.target_name if role == "target" else self.source_name
        event = None if self.history is None else self.history.known(value)
        place = None if event is None else event.place
        return reasons.no_derivative(role, f"`{name}`", value.dtype.name, place)

    def _integers(self, paths: Paths | None) -> list[Cause]:
        """Why all targets are integers: what made them of floating-point numbers."""
        if paths is not None and self.history is not None:
            for target in self.targets:
                event = self.history.known(target)
                if event is not None and event.kind == "operation":
                    paths.follow(event)
            if paths.causes or paths.masks:
                return [*paths.causes, *paths.masks]
        return [self._integer("target", self.targets[0])]

    def _verdict(self, paths: Paths, trial: Trial) -> str:
        if trial.lacking or any([c.kind == "owed" for c in paths.causes]):
            return "owed"
        if trial.error is not None:
            return "owed"
        if trial.verdict in ("zero", "not finite"):
            return trial.verdict
        if not paths.connected or trial.lost:
            return "none"
        severe = [c for c in paths.causes if not c.intended]
        return "partly cut" if severe or trial.missing else "sound"

    def _causes(self, verdict: str, paths: Paths, trial: Trial) -> list[Cause]:
        if verdict in ("zero", "not finite"):
            return [*trial.causes(self.history), *paths.causes]
        if trial.error is not None:
            return [reasons.raised(*trial.failed(self.history), trial.error)]
        causes = [*trial.owed(self.history), *paths.causes, *trial.none_given(self.history)]
        if verdict == "none" and not causes:
            causes = paths.earlier or paths.masks or paths.perhaps or paths.choices
            causes = causes or [self._unrelated(paths)]
        return list(causes)

    def _notes(self, paths: Paths) -> list[str]:
        """Where a truth value stands in for a number: right wherever there is a derivative."""
        if not paths.connected:
            return []
        return [
            f"Nothing flows through {c.text.split(' makes')[0]} ({c.code}), which is right except"
            " where it jumps."
            for c in paths.masks
        ]

    def _unrelated(self, paths: Paths) -> Cause:
        """Why there is no path at all."""
        history = self.history
        assert history is not None
        target, source = history.known(self.targets[0]), history.known(self.source)
        names = f"`{self.target_name}`", f"`{self.source_name}`"
        if target is None:
            span = paths.spans[0] if paths.spans else None
            return reasons.unseen_before(names[0], span)
        if target.kind == "data":
            return reasons.constant(names[0], target)
        if source is not None and source.kind == "operation":
            for parent in source.parents:
                whole = Paths(history, self.recording, lambda e, p=parent: e is p, "")
                if whole.depends(target):
                    variable = variable_behind(source)
                    if variable is not None:
                        return reasons.replaced(names[1], source, variable)
                    return reasons.another_tensor(names[1], source)
        return reasons.independent(*names, target.place, _unseen(target))

    # by the records alone

    def _by_records(self, trial: Trial) -> Explanation:
        """What the records alone can say."""
        if trial.error is not None:
            return self._said("owed", [reasons.raised(*trial.failed(None), trial.error)], ASK)
        if trial.lacking:
            return self._said("owed", trial.owed(None), ASK)
        if trial.verdict == "sound":
            dropped = trial.none_given(None)
            return self._said("partly cut" if dropped else "perhaps", dropped, ASK)
        if trial.verdict != "none":
            return self._said(trial.verdict, trial.causes(None), ASK)
        return self._said("none", [*trial.none_given(None), self._unrecorded()], ASK)

    def _unrecorded(self) -> Cause:
        """Which of the two the tape does not know."""
        recording = self.recording
        if recording is None or not (recording.watched or recording.records):
            return Cause(
                "used up",
                "The tape holds no record: it was never entered, or a gradient used it up.",
                None,
                "Make it with tf.GradientTape(persistent=True).",
            )
        nodes = [node_of(t) for t in self.targets]
        if not any([n is not None and recording in n.tapes for n in nodes]):
            return Cause(
                "not recorded",
                f"`{self.target_name}` was not recorded by this tape: it was made from nothing that"
                " the tape watches, by operations without a derivative, by NumPy, before the tape"
                " began or after it ended, or on another thread.",
            )
        if not recording.knows(node_of(self.source)):
            return Cause(
                "not watched",
                f"`{self.source_name}` is neither watched by this tape nor computed on it.",
                None,
                f"Write tape.watch({self.source_name}) before it is used, or make it a"
                " tf.Variable.",
            )
        names = f"`{self.target_name}`", f"`{self.source_name}`"
        return reasons.independent(*names, None, None)


def _unseen(target: Event) -> Event | None:
    """A value of some size that a target was made of, and that nobody saw being made."""
    pending, seen = [target], {target}
    while pending:
        event = pending.pop()
        if event.kind == "data" and not event.name and event.spec[0]:
            return event
        for parent in event.parents:
            if parent not in seen:
                seen.add(parent)
                pending.append(parent)
    return None
