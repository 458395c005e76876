"""Shuffle: a buffer from which elements are drawn at random, and which is filled up again.

When the input has ended, the rest leaves in a drawn order. What fills the buffer up again and the
last order are drawn by two generators, so that it does not matter how many items are asked for at
once. Rows of arrays are shuffled as row numbers, many at a time; their position is written down as
the beginning of the round and the number of draws, and found again by drawing once more."""

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
        self.size, self._seeds = size, seeds

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        kind = ShuffleNumbers if inputs[0].indexed else ShuffleStream
        return kind(inputs[0], self, self._seeds.line())


class ShuffleStream(Through):
    """A buffer of elements: one that is drawn leaves, the next one of the input takes its place."""

    name = "shuffle"

    def __init__(self, below: Stream, plan: Shuffle, line: Line) -> None:
        super().__init__(below)
        self._plan, self._line = plan, line
        self._begin()

    def _begin(self) -> None:
        self._waiting: list[Any] = []
        self._full = self._ended = False
        self._random = self._line.generator()
        self._drawn = 0

    def next(self) -> Any:
        """The next item, or END."""
        if not self._full:
            self._fill()
        fresh = END if self._ended else self.below.next()
        if fresh is not END:
            place = int(self._random.random() * len(self._waiting))
            self._drawn += 1
            item, self._waiting[place] = self._waiting[place], fresh
            return item
        if not self._ended:
            self._end()
        return self._waiting.pop() if self._waiting else END

    def _fill(self) -> None:
        while len(self._waiting) < self._plan.size:
            item = self.below.next()
            if item is END:
                self._end()
                break
            self._waiting.append(item)
        self._full = True

    def _end(self) -> None:
        """The input has ended: draw the order in which the rest leaves, from the end."""
        self._ended = True
        order = self._line.generator(1).permutation(len(self._waiting))
        self._waiting = [self._waiting[i] for i in order.tolist()]

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._line.advance()
        self._begin()
        self.below.restart()

    def position(self) -> State:
        """What `save` writes down."""
        return {
            "line": self._line.save(),
            "waiting": [coded(item) for item in self._waiting],
            "full": self._full,
            "ended": self._ended,
            "drawn": self._drawn,
            **super().position(),
        }

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._line.load(state["line"])
        self._begin()
        self._waiting = [decoded(code, self._plan.tree) for code in state["waiting"]]
        self._full, self._ended, self._drawn = state["full"], state["ended"], state["drawn"]
        self._random.bit_generator.advance(self._drawn)  # type: ignore[attr-defined]
        super().go(state)


class ShuffleNumbers(Through):
    """The same for row numbers, many at a time."""

    name = "shuffle of numbers"

    def __init__(self, below: Stream, plan: Shuffle, line: Line) -> None:
        super().__init__(below)
        self._plan, self._line = plan, line
        self._waiting: Any = None  # the buffer, then the last order; None before the first item
        self._ended = False
        self._left = self._drawn = 0
        self._start: State = {}

    def next(self) -> Any:
        """The next item, or END."""
        items = self.pull(1)
        return int(items[0]) if len(items) else END

    def pull(self, count: int) -> Any:
        """The next items, fewer where the stream ends."""
        if self._waiting is None:
            self._fill()
        found: Any = np.empty(0, np.int64) if self._ended else self._exchanged(count)
        if len(found) < count:
            if not self._ended:
                self._end()
            rest = self._rest(count - len(found))
            found = np.concatenate([found, rest]) if len(found) else rest
        self._drawn += len(found)
        return found

    def _fill(self) -> None:
        self._start = self.below.save()
        self._random = self._line.generator()
        self._drawn, self._ended = 0, False
        self._waiting = self.below.pull(self._plan.size)
        if len(self._waiting) < self._plan.size:
            self._end()

    def _exchanged(self, count: int) -> Any:
        """Numbers drawn from the full buffer, as many as the input still gives."""
        fresh = self.below.pull(count)
        places = (self._random.random(len(fresh)) * len(self._waiting)).astype(np.int64)
        waiting = self._waiting
        if len(set(places.tolist())) == len(places):  # no place twice: all at once
            found = waiting[places]
            waiting[places] = fresh
            return found
        found = np.empty(len(fresh), np.int64)
        for i, (place, number) in enumerate(zip(places.tolist(), fresh.tolist(), strict=True)):
            found[i] = waiting[place]
            waiting[place] = number
        return found

    def _end(self) -> None:
        self._ended = True
        order = self._line.generator(1).permutation(len(self._waiting))
        self._waiting = self._waiting[order]
        self._left = len(order)

    def _rest(self, count: int) -> Sequence[Any]:
        end, self._left = self._left, max(self._left - count, 0)
        return self._waiting[self._left : end][::-1]

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
        return {**state, "start": self._start, "drawn": self._drawn}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._line.load(state["line"])
        self._waiting = None
        if "start" not in state:
            super().go(state)
            return
        self.below.load(state["start"])
        self.pull(state["drawn"])
