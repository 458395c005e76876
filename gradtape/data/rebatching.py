"""Batches of other sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradtape.data.coding import State, coded, decoded
from gradtape.data.elements import Element, mapped
from gradtape.data.plan import UNKNOWN, Layer, Plan
from gradtape.data.specs import batched, unbatched
from gradtape.data.stacking import columns, rows_of
from gradtape.data.stream import END, Stream, Through

REBATCH = "data.Dataset.rebatch"


class Rebatch(Layer):
    """The rows of batches in batches of other sizes, which take turns."""

    name = "rebatch"

    def __init__(self, below: Plan, sizes: Sequence[int], drop: bool) -> None:
        super().__init__(below)
        self.sizes, self.drop = sizes, drop

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return RebatchStream(inputs[0], self)

    def count(self) -> int:
        """The number of elements, INFINITE or UNKNOWN."""
        below = self.below.count()
        return below if below <= 0 else UNKNOWN

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        size = self.sizes[0] if self.drop and len(self.sizes) == 1 else None
        return mapped(lambda spec: batched(unbatched(spec), size), self.below.spec())


class RebatchStream(Through):
    """The batches of which rows are left, and the size that is next."""

    name = "rebatch"

    def __init__(self, below: Stream, plan: Rebatch) -> None:
        super().__init__(below)
        self._plan = plan
        self._left: list[Element] = []
        self._turn = 0

    def next(self) -> Any:
        """The next item, or END."""
        size = self._plan.sizes[self._turn]
        rows = sum([rows_of(batch, REBATCH) for batch in self._left])
        while rows < size:
            batch = self.below.next()
            if batch is END:
                break
            self._left.append(batch)
            rows += rows_of(batch, REBATCH)
        if not rows or (self._plan.drop and rows < size):
            self._left = []
            return END
        whole = _joined(self._left)
        self._left = [mapped(lambda leaf: leaf[size:], whole)] if rows > size else []
        self._turn = (self._turn + 1) % len(self._plan.sizes)
        return mapped(lambda leaf: leaf[:size], whole)

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._left, self._turn = [], 0
        super().restart()

    def position(self) -> State:
        """What `save` writes down."""
        left = [coded(batch) for batch in self._left]
        return {"left": left, "turn": self._turn, **super().position()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._left = [decoded(code, self._plan.tree) for code in state["left"]]
        self._turn = state["turn"]
        super().go(state)


def _joined(batches: Sequence[Element]) -> Element:
    if len(batches) == 1:
        return batches[0]
    tree, places = columns(batches, REBATCH)
    return tree, [np.concatenate(leaves) for leaves in places]
