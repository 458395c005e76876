"""Shuffle: a buffer from which elements are drawn at random, and which is filled up again.

Rows of arrays are shuffled as row numbers. Their position is written down as the beginning of the
round and the number of draws, and found again by drawing once more, which takes microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradtape.data.coding import State, coded, decoded
from gradtape.data.plan import Plan, Selection
from gradtape.data.seeds import Line, Seeds
from gradtape.data.stream import END, Stream, Through


class Shuffle(Selection):
    """The elements in an order that is drawn, through a buffer of `size` of them."""

    name = "shuffle"

    def __init__(self, below: Plan, size: int, seeds: Seeds) -> None:
        super().__init__(below)
        self.size, self.seeds = size, seeds

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return ShuffleStream(inputs[0], self, self.seeds.line())


class ShuffleStream(Through):
    """A buffer of items: each that leaves is drawn, and the next one of the input takes its place.

    When the input has ended, the rest leaves in a drawn order. Draws that fill up again and the
    last order are of two generators, so that it does not matter how many items are asked at once.
    """

    name = "shuffle"

    def __init__(self, below: Stream, plan: Shuffle, line: Line) -> None:
        super().__init__(below)
        self._plan, self._line = plan, line
        self._waiting: Any = None  # the buffer; None before the first item of a round
        self._left = 0  # of the last order, what has not left yet; 0 while the input goes on
        self._drawn = 0
        self._start: State = {}

    def next(self) -> Any:
        """The next item, or END."""
        items = self.pull(1)
        if not len(items):
            return END
        return int(items[0]) if self.indexed else items[0]

    def pull(self, count: int) -> Sequence[Any]:
        """The next items, fewer where the stream ends."""
        if self._waiting is None:
            self._fill()
        if self._ended:
            return self._rest(count)
        found = self._exchanged(count)
        if len(found) < count:
            self._end()
            rest = self._rest(count - len(found))
            if not found:
                return rest
            found = [*found, *rest]
        return np.array(found, np.int64) if self.indexed else found

    def _fill(self) -> None:
        if self.indexed:
            self._start = self.below.save()
        self._random = self._line.generator()
        self._drawn, self._ended = 0, False
        self._waiting = self.below.pull(self._plan.size)
        if len(self._waiting) < self._plan.size:
            self._end()
        elif self.indexed:
            self._waiting = self._waiting.tolist()

    def _exchanged(self, count: int) -> list[Any]:
        """Items drawn from the full buffer, as many as the input still gives."""
        fresh = self.below.pull(count)
        places = (self._random.random(len(fresh)) * len(self._waiting)).astype(np.int64).tolist()
        self._drawn += len(fresh)
        waiting, found = self._waiting, []
        for place, item in zip(places, fresh.tolist() if self.indexed else fresh, strict=True):  # type: ignore[attr-defined]
            found.append(waiting[place])
            waiting[place] = item
        return found

    def _end(self) -> None:
        """The input has ended: draw the order in which the rest leaves, from the end."""
        self._ended = True
        order = self._line.generator(1).permutation(len(self._waiting))
        if self.indexed:
            self._waiting = np.asarray(self._waiting, np.int64)[order]
        else:
            self._waiting = [self._waiting[i] for i in order.tolist()]
        self._left = len(order)

    def _rest(self, count: int) -> Sequence[Any]:
        start, self._left = self._left, max(self._left - count, 0)
        found = self._waiting[self._left : start][::-1]
        if not self.indexed:
            del self._waiting[self._left :]
        self._drawn += len(found)
        return found

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._waiting = None
        self._line.advance()
        self.below.restart()

    def position(self) -> State:
        """What `save` writes down."""
        state: State = {"line": self._line.save()}
        if self._waiting is None:
            return {**state, **super().position()}
        if self.indexed:
            return {**state, "start": self._start, "drawn": self._drawn}
        waiting = [coded(item) for item in self._waiting]
        more = {"waiting": waiting, "ended": self._ended, "drawn": self._drawn}
        return {**state, **more, **super().position()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._line.load(state["line"])
        self._waiting = None
        if "start" in state:
            self.below.load(state["start"])
            self.pull(state["drawn"])
            return
        super().go(state)
        if "waiting" in state:
            self._random = self._line.generator()
            self._drawn, self._ended = state["drawn"], state["ended"]
            self._random.bit_generator.advance(self._drawn)  # type: ignore[attr-defined]
            self._waiting = [decoded(code, self._plan.tree) for code in state["waiting"]]
            self._left = len(self._waiting)
