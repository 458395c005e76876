"""A trail: the operations of a run that inputs move, kept so that tangents go along them later.

A `ForwardAccumulator` pushes tangents while a function runs. A trail only notes the operations,
with their inputs and results; then tangents are pushed as often as wanted, singly or many at once
as a batch, and the function is not run again. What does not lead to a result is left out, and a
tangent is dropped after its last use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradtape.autodiff.batching import BatchedTensor, batching, spread
from gradtape.autodiff.straight_forward import straight
from gradtape.autodiff.tangents import moving, moving_rows, parts_of
from gradtape.core.primitive import Primitive
from gradtape.core.record import Node, Part
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import restore, silence


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

    def taken(self, now: dict[Any, Any]) -> tuple[Any, ...] | None:
        """The tangents of the inputs, None where none moves; those used last are dropped."""
        given = tuple([None if p is None else now.get(p) for p in self.places])
        for place in self.dying:
            now.pop(place, None)
        return given if any([t is not None for t in given]) else None

    def give(self, now: dict[Any, Any], pushed: Sequence[Any]) -> None:
        """Put the tangents of the results in their places."""
        for place, tangent in zip(self.results, pushed, strict=True):
            if tangent is not None:
                now[place] = tangent

    def arrays(self, given: tuple[Any, ...], count: int | None) -> Sequence[Any]:
        """The tangents of the results from those of the inputs, as arrays."""
        todo = self.primitive, self.inputs, given, self.params, self.out
        push = straight(*todo, count)
        if push is not None:
            out = self.out
            arrays = tuple([t._array for t in out]) if self.primitive.several else out._array
            try:
                found = push(*given, *[t._array for t in self.inputs], arrays)
            except Exception:  # a kernel refuses the values: the rule itself says so in full
                pass
            else:
                return (found,) if len(self.results) == 1 else found
        tensors = tuple([None if t is None else Tensor(t) for t in given])
        todo = self.primitive, self.inputs, tensors, self.params, self.out
        found = moving(*todo) if count is None else moving_rows(*todo, count)
        return [None if t is None else t._array for t in found]


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

    def push(self, tangents: Sequence[Any], count: int | None = None) -> list[Any]:
        """The tangents of the targets; None for a source that does not move, or a target.

        Args:
            tangents: one for each source; None for one that does not move.
            count: how many directions they hold along an axis more in front, None for one without.
        """
        if not (here.tapes or here.special):
            return self._swept(tangents, count)
        if count is None:
            return self.pushed(tangents)
        with batching(count) as mode:
            moving = [None if t is None else BatchedTensor(t, None, mode) for t in tangents]
            found = self.pushed(moving)
        return [None if t is None else spread(t, mode) for t in found]

    def pushed(
        self, tangents: Sequence[Any], before: Callable[[Step, Any], None] | None = None
    ) -> list[Any]:
        """The tangents of the targets by operations on tensors, which tapes record and modes run.

        `before` is called before each step with the tangents of its inputs.
        """
        now = self._starting(tangents)
        for step in self.steps:
            given = step.taken(now)
            if given is not None:
                if before is not None:
                    before(step, given)
                pushed = moving(step.primitive, step.inputs, given, step.params, step.out)
                step.give(now, pushed)
        return [None if p is None else now.get(p) for p in self._targets]

    def _swept(self, tangents: Sequence[Any], count: int | None) -> list[Any]:
        """The same on arrays, where nobody looks on."""
        now = self._starting([None if t is None else t._array for t in tangents])
        token = silence()
        try:
            for step in self.steps:
                given = step.taken(now)
                if given is not None:
                    step.give(now, step.arrays(given, count))
        finally:
            restore(token)
        found = [None if p is None else now.get(p) for p in self._targets]
        return [None if f is None else Tensor(f) for f in found]

    def _starting(self, tangents: Sequence[Any]) -> dict[Any, Any]:
        pairs = zip(self.sources, tangents, strict=True)
        return {p: t for p, t in pairs if p is not None and t is not None}


def _place(node: Node) -> Any:
    """The key of a node; the nodes of one result of several are many, but one place."""
    return (node.parents[0], node.index) if type(node) is Part else node
