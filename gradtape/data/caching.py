"""Cache: the elements of the first full round, kept in memory for the next ones."""

from __future__ import annotations

from typing import Any

from gradtape.data.coding import State
from gradtape.data.elements import Element
from gradtape.data.plan import Layer, Plan
from gradtape.data.stream import END, Stream, Through


class Cache(Layer):
    """The elements, read once and kept."""

    name = "cache"

    def __init__(self, below: Plan) -> None:
        super().__init__(below)
        self.kept: list[Element] | None = None  # when one iterator has come to the end
        self.start: State = {}  # where the round began that is kept

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return CacheStream(inputs[0], self)

    def first(self) -> Element:
        """An element to look at, read without moving any position."""
        return self.kept[0] if self.kept else self.below.first()


class CacheStream(Through):
    """A round of another stream that is being kept, or one that was kept."""

    name = "cache"

    def __init__(self, below: Stream, plan: Cache) -> None:
        super().__init__(below)
        self._plan = plan
        self._start = below.save()
        self._read: list[Element] = []
        self._at = 0

    def next(self) -> Any:
        """The next item, or END."""
        kept = self._plan.kept
        if kept is None:
            return self._new()
        if self._at >= len(kept):
            return END
        self._at += 1
        return kept[self._at - 1]

    def _new(self) -> Any:
        item = self.below.next()
        if item is END:
            self._plan.kept, self._plan.start = self._read, self._start
            self._read = []
        else:
            self._read.append(item)
            self._at += 1
        return item

    def restart(self) -> None:
        """Begin a new round from the first item: what was read of one that did not end is lost."""
        self._at, self._read = 0, []
        if self._plan.kept is None:
            super().restart()
            self._start = self.below.save()

    def position(self) -> State:
        """What `save` writes down: the elements themselves are computed again."""
        full = self._plan.kept is not None
        start = self._plan.start if full else self._start
        return {"full": full, "start": start, "at": self._at}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        if self._plan.kept is None or self._plan.start != state["start"]:
            self._plan.kept = None
            self.below.load(state["start"])
            self._start, self._read, self._at = state["start"], [], 0
            while (state["full"] or self._at < state["at"]) and self._new() is not END:
                pass
        self._at = state["at"]
