"""`explain`: why a gradient is None, zero, a part of itself, or not finite.

Three things are looked at. The values: is the target a tensor of floating-point numbers at all. The
history, if one was kept: every path from the target to the source, and where it is cut (`paths`).
The records: the gradient is computed once more, without using the tape up, to see whether it is
zero or not finite and in which rule it became so (`trial`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradtape.autodiff import reasons
from gradtape.autodiff.asking import node_of
from gradtape.autodiff.dataflow import argument_names, elements
from gradtape.autodiff.explanation import Cause, Explanation
from gradtape.autodiff.history import Event, History, Place, users_call, users_stack
from gradtape.autodiff.paths import Paths
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


PARTLY = "That is what the records say; " + ASK[:1].lower() + ASK[1:]
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
) -> Any:
    """What `GradientTape.explain` returns."""
    trace = users_stack()
    target_name, names = _spelled(argument_names(*users_call()), sources)
    answers = []
    for source, name in zip(nest.flatten(sources), names, strict=True):
        question = Question(recording, history, target, source, target_name, name)
        if history is not None:
            history.paused = True
        try:
            answers.append(question.answer(trace))
        finally:
            if history is not None:
                history.paused = False
    return nest.pack_sequence_as(sources, answers) if nest.is_nested(sources) else answers[0]


def _spelled(given: list[str], sources: Any) -> tuple[str, list[str]]:
    """What the program calls the target and each of the sources, if it says so in few words."""
    target, spelled = (given[0], given[1]) if len(given) >= 2 else ("the target", "the source")
    flat = nest.flatten(sources)
    if not nest.is_nested(sources):
        names = [spelled]
    elif len(parts := elements(spelled)) == len(flat):
        names = parts
    else:
        names = [f"source {i}" for i in range(len(flat))]
    return _short(target, "the target"), [_short(n, "the source") for n in names]


def _short(name: str, otherwise: str) -> str:
    return name if len(name) <= 40 else otherwise


class Question:
    """One target and one source of one tape."""

    def __init__(
        self,
        recording: Recording | None,
        history: History | None,
        target: Any,
        source: Any,
        target_name: str,
        source_name: str,
    ) -> None:
        self.recording = recording
        self.history = history
        self.target = target
        self.source = source
        self.target_name = target_name
        self.source_name = source_name

    def answer(self, trace: tuple[Place, ...]) -> Explanation:
        """The explanation."""
        if not isinstance(self.source, (Tensor, Variable)):
            return self._said("none", [reasons.no_tensor("source", self.source)])
        paths = self._paths()
        if not isinstance(self.target, (Tensor, Variable)):
            return self._foreign(paths, trace)
        if self.target is self.source:
            return self._said("sound", [])
        for role, value in (("target", self.target), ("source", self.source)):
            if not differentiable(value._dtype):
                return self._said("none", self._integer(role, value, paths))
        trial = Trial(self.recording, self.target, self.source)
        if paths is None:
            return self._by_records(trial)
        self._follow(paths, trace)
        verdict = self._verdict(paths, trial)
        return self._said(verdict, self._causes(verdict, paths, trial))

    def _said(self, verdict: str, causes: list[Cause], *notes: str) -> Explanation:
        names = self.target_name, self.source_name
        return Explanation(*names, verdict, tuple(causes), notes, self._drawing())

    def _drawing(self) -> Callable[[dict[int, str]], Any] | None:
        """Draws what the tape recorded for the target."""
        node = node_of(self.target) if isinstance(self.target, (Tensor, Variable)) else None
        recording, target = self.recording, self.target
        if recording is None or node is None or recording not in node.tapes:
            return None
        facts = None if self.history is None else self.history.fact
        return lambda marks: picture(recording, target, None, facts=facts, marks=marks)

    # by the history

    def _paths(self) -> Paths | None:
        if self.history is None:
            return None
        return Paths(
            self.history,
            self.recording,
            self._source_test(),
            self.source_name,
            node_of(self.source),
        )

    def _source_test(self) -> Callable[[Event], bool]:
        source, history = self.source, self.history
        if isinstance(source, Variable):
            return lambda e: e.kind == "variable" and e.owner is not None and e.owner() is source
        event = None if history is None else history.known(source)
        return lambda e: e is event

    def _follow(self, paths: Paths, trace: tuple[Place, ...]) -> None:
        assert self.history is not None
        event = self.history.known(self.target)
        if event is None:  # nothing made it, and nothing used it: it is what this line names
            event = Event("data", "")
            event.trace = trace
        paths.follow(event)

    def _foreign(self, paths: Paths | None, trace: tuple[Place, ...]) -> Explanation:
        """The target is a number of Python or an array of NumPy."""
        causes = [reasons.no_tensor("target", self.target)]
        if paths is None:
            return self._said("none", causes, ASK)
        event = Event("data", "")
        event.trace = trace
        handed = [h for h in paths.handed(event) if paths.depends(h.event)]
        return self._said("none", [*causes, *[reasons.left(h) for h in handed]])

    def _integer(self, role: str, value: Any, paths: Paths | None) -> list[Cause]:
        name = self.target_name if role == "target" else self.source_name
        event = None if self.history is None else self.history.known(value)
        place = None if event is None else event.place
        if role == "target" and event is not None and event.kind == "operation" and paths:
            paths.follow(event)
            if paths.causes:
                return paths.causes
        return [reasons.no_derivative(role, f"`{name}`", value.dtype.name, place)]

    def _verdict(self, paths: Paths, trial: Trial) -> str:
        if any([c.kind == "owed" for c in paths.causes]):
            return "owed"
        if trial.verdict != "sound":
            return trial.verdict
        if trial.lost or not paths.connected:
            return "none" if not paths.connected else "sound"
        return "partly cut" if paths.causes or trial.dropped else "sound"

    def _causes(self, verdict: str, paths: Paths, trial: Trial) -> list[Cause]:
        if verdict in ("zero", "not finite"):
            return [*trial.causes(self.history), *paths.causes]
        causes = [*paths.causes, *trial.none_given(self.history)]
        if verdict == "none" and not causes:
            causes = list(paths.choices) or [self._unrelated(paths)]
        return causes

    def _unrelated(self, paths: Paths) -> Cause:
        """Why there is no path at all."""
        history = self.history
        assert history is not None
        target, source = history.known(self.target), history.known(self.source)
        names = f"`{self.target_name}`", f"`{self.source_name}`"
        if target is None or target.kind == "data":
            span = paths.spans[0] if paths.spans else None
            return reasons.unseen_before(names[0], span)
        if source is not None and source.kind == "operation":
            for parent in source.parents:
                whole = Paths(history, self.recording, lambda e, p=parent: e is p, "")
                if whole.depends(target):
                    if parent.kind == "variable":
                        return reasons.replaced(names[1], source, parent)
                    return reasons.another_tensor(names[1], source)
        return reasons.independent(*names, target.place)

    # by the records alone

    def _by_records(self, trial: Trial) -> Explanation:
        """What the records alone can say."""
        causes = trial.causes(None) if trial.verdict in ("zero", "not finite") else []
        if trial.verdict == "sound":
            dropped = trial.none_given(None)
            return self._said("partly cut" if dropped else "sound", dropped, PARTLY)
        if trial.verdict != "none":
            return self._said(trial.verdict, causes, ASK)
        return self._said("none", [*trial.none_given(None), self._unrecorded()], ASK)

    def _unrecorded(self) -> Cause:
        """Which of the two the tape does not know."""
        recording = self.recording
        if recording is None or not self._used():
            return Cause(
                "used up",
                "The tape holds no record: it was never entered, or a gradient used it up.",
                None,
                "Make it with tf.GradientTape(persistent=True).",
            )
        node = node_of(self.target)
        if node is None or recording not in node.tapes:
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
        return reasons.independent(f"`{self.target_name}`", f"`{self.source_name}`", None)

    def _used(self) -> bool:
        recording = self.recording
        return recording is not None and bool(recording.watched or recording.records)
