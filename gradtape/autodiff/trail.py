"""A trail: the operations of a run that inputs move, kept so that tangents go along them later.

A `ForwardAccumulator` pushes tangents while a function runs. A trail only notes the operations, with
their inputs and results; then tangents are pushed as often as wanted, singly or many at once as a
batch, and the function is not run again. What does not lead to a result is left out, and a tangent
is dropped after its last use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradtape.autodiff.forward import moving, parts_of
from gradtape.core.primitive import Primitive
from gradtape.core.record import Node, Part
from gradtape.core.state import here


class Step:
    """One operation on the trail: its places are keys of nodes, None for what does not move."""

    __slots__ = ("dying", "inputs", "out", "params", "parts", "places", "primitive", "results")

    def __init__(
        self,
        primitive: Primitive,
        inputs: tuple[Any, ...],
        params: dict[str, Any],
        out: Any,
        places: tuple[Any, ...],
    ) -> None:
        self.primitive = primitive
        self.inputs = inputs
        self.params = params
        self.out = out
        self.places = places
        self.parts = parts_of(primitive, out)
        self.results = [_place(t.own_node()) for t in self.parts]
        self.dying: list[Any] = []


class Trail:
    """The observer that keeps the operations which some tensors move.

    Args:
        sources: the tensors that move.
    """

    def __init__(self, sources: Sequence[Any]) -> None:
        self.tensors = sources
        self.sources = [None if t._node is None else _place(t._node) for t in sources]
        self.steps: list[Step] = []
        self._known = {p for p in self.sources if p is not None}
        self._targets: list[Any] = []

    def __enter__(self) -> Trail:
        here.set_observers((*here.observers, self))
        return self

    def __exit__(self, *exception: Any) -> None:
        here.set_observers(tuple([o for o in here.observers if o is not self]))

    def see(
        self, primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any], out: Any
    ) -> None:
        """Keep an operation if an input moves; `dispatch` calls this."""
        if not primitive.differentiable:
            return
        known = self._known
        places = tuple([None if t._node is None else _place(t._node) for t in inputs])
        places = tuple([p if p in known else None for p in places])
        if all([p is None for p in places]):
            return
        step = Step(primitive, inputs, params, out, places)
        if step.results:
            known.update(step.results)
            self.steps.append(step)

    def finish(self, targets: Sequence[Any]) -> None:
        """Leave out what does not lead to the targets."""
        self._targets = [None if t._node is None else _place(t._node) for t in targets]
        needed = {p for p in self._targets if p is not None}
        kept = []
        while self.steps:
            step = self.steps.pop()
            if not any([r in needed for r in step.results]):
                continue
            step.dying = [p for p in {*step.places} if p is not None and p not in needed]
            needed.update(step.dying)
            kept.append(step)
        self.steps = kept[::-1]
        self._known = set()

    def push(
        self, tangents: Sequence[Any], note: Callable[[Any, Any], None] | None = None
    ) -> list[Any]:
        """The tangents of the targets; None for a source that does not move, or a target.

        `note` is told of every value that moves, and its tangent, before it is used.
        """
        pairs = zip(self.sources, tangents, strict=True)
        now = {p: t for p, t in pairs if p is not None and t is not None}
        for step in self.steps:
            if note is not None:
                _tell(note, step, now)
            given = tuple([None if p is None else now.get(p) for p in step.places])
            for p in step.dying:
                now.pop(p, None)
            if all([t is None for t in given]):
                continue
            pushed = moving(step.primitive, step.inputs, given, step.params, step.out)
            for place, tangent in zip(step.results, pushed, strict=True):
                if tangent is not None:
                    now[place] = tangent
        return [None if p is None else now.get(p) for p in self._targets]


def _tell(note: Callable[[Any, Any], None], step: Step, now: dict[Any, Any]) -> None:
    for place, tensor in zip(step.places, step.inputs, strict=True):
        if place is not None and now.get(place) is not None:
            note(tensor, now[place])


def _place(node: Node) -> Any:
    """The key of a node; the nodes of one result of several are many, but one place."""
    return (node.parents[0], node.index) if type(node) is Part else node
