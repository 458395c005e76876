"""Selecting without looking: take, skip, shard, repeat, concatenate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradtape.core.errors import ConversionError
from gradtape.data.coding import State
from gradtape.data.elements import Element, whole
from gradtape.data.plan import INFINITE, Plan, Selection
from gradtape.data.specs import merged
from gradtape.data.stream import END, Stream, Through


class Take(Selection):
    """The first elements; all where the number is negative."""

    name = "take"

    def __init__(self, below: Plan, number: int) -> None:
        super().__init__(below)
        self._number = number

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return TakeStream(inputs[0], self._number) if self._number >= 0 else inputs[0]

    def count(self) -> int:
        """The number of elements, INFINITE or UNKNOWN."""
        below = self.below.count()
        if self._number < 0 or below < INFINITE:
            return below
        return self._number if below == INFINITE else min(below, self._number)


class TakeStream(Through):
    """The first items of another stream."""

    name = "take"

    def __init__(self, below: Stream, number: int) -> None:
        super().__init__(below)
        self._number = self._left = number

    def next(self) -> Any:
        """The next item, or END."""
        if self._left == 0:
            return END
        item = self.below.next()
        if item is not END:
            self._left -= 1
        return item

    def pull(self, count: int) -> Any:
        """The next items, fewer where the stream ends."""
        count = min(count, self._left)
        self._left -= count
        return self.below.pull(count)

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._left = self._number
        self.below.restart()

    def position(self) -> State:
        """What `save` writes down."""
        return {"left": self._left, **super().position()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._left = state["left"]
        super().go(state)


class Skip(Selection):
    """All but the first elements; none where the number is negative."""

    name = "skip"

    def __init__(self, below: Plan, number: int) -> None:
        super().__init__(below)
        self._number = number

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        if self._number < 0:
            return TakeStream(inputs[0], 0)
        return ShardStream(inputs[0], self._number, 1)

    def count(self) -> int:
        """The number of elements, INFINITE or UNKNOWN."""
        below = self.below.count()
        if self._number < 0:
            return 0
        return below if below < 0 else max(below - self._number, 0)


class Shard(Selection):
    """Every so many elements one."""

    name = "shard"

    def __init__(self, below: Plan, shards: int, index: int) -> None:
        super().__init__(below)
        self._shards, self._index = shards, index

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return ShardStream(inputs[0], self._index, self._shards)

    def count(self) -> int:
        """The number of elements, INFINITE or UNKNOWN."""
        below = self.below.count()
        return below if below < 0 else len(range(self._index, below, self._shards))


class ShardStream(Through):
    """The items of another stream from one on, at equal distances."""

    name = "shard"

    def __init__(self, below: Stream, start: int, stride: int) -> None:
        super().__init__(below)
        self._start, self._stride = start, stride
        self._ahead = start  # items to leave out before the next

    def next(self) -> Any:
        """The next item, or END."""
        if self._ahead:
            self.below.skip(self._ahead)
        self._ahead = self._stride - 1
        return self.below.next()

    def pull(self, count: int) -> Any:
        """The next items, fewer where the stream ends."""
        if self._stride > 1:
            return super().pull(count)
        self.below.skip(self._ahead)
        self._ahead = 0
        return self.below.pull(count)

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._ahead = self._start
        self.below.restart()

    def position(self) -> State:
        """What `save` writes down."""
        return {"ahead": self._ahead, **super().position()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._ahead = state["ahead"]
        super().go(state)


class Repeat(Selection):
    """The elements again and again; for ever where the number is negative."""

    name = "repeat"

    def __init__(self, below: Plan, number: int) -> None:
        super().__init__(below)
        self._number = number

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return RepeatStream(inputs[0], self._number)

    def count(self) -> int:
        """The number of elements, INFINITE or UNKNOWN."""
        below = self.below.count()
        if self._number < 0:
            return 0 if below == 0 else INFINITE
        return 0 if self._number == 0 else below if below < 0 else below * self._number


class RepeatStream(Through):
    """Round after round of another stream, as long as they are not empty."""

    name = "repeat"

    def __init__(self, below: Stream, number: int) -> None:
        super().__init__(below)
        self._number = number
        self._round, self._empty = 0, True

    def next(self) -> Any:
        """The next item, or END."""
        while self._round != self._number:
            item = self.below.next()
            if item is not END:
                self._empty = False
                return item
            self._begin_round()
        return END

    def pull(self, count: int) -> Any:
        """The next items, fewer where the stream ends."""
        found: list[Sequence[Any]] = []
        while count and self._round != self._number:
            items = self.below.pull(count)
            if len(items):
                self._empty = False
                found.append(items)
                count -= len(items)
            if count:
                self._begin_round()
        if len(found) == 1:
            return found[0]
        if self.indexed:
            return np.concatenate(found) if found else np.empty(0, np.int64)
        return [item for items in found for item in items]

    def _begin_round(self) -> None:
        self._round = self._number if self._empty else self._round + 1
        self._empty = True
        if self._round != self._number:
            self.below.restart()

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._round, self._empty = 0, True
        self.below.restart()

    def position(self) -> State:
        """What `save` writes down."""
        return {"round": self._round, "empty": self._empty, **super().position()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._round, self._empty = state["round"], state["empty"]
        super().go(state)


class Concatenate(Plan):
    """The elements of one plan, then those of another."""

    name = "concatenate"

    def __init__(self, first: Plan, second: Plan) -> None:
        self.inputs = (first, second)

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return ConcatenateStream(*inputs)

    def count(self) -> int:
        """The number of elements, INFINITE or UNKNOWN."""
        counts = [plan.count() for plan in self.inputs]
        return INFINITE if INFINITE in counts else min(counts) if min(counts) < 0 else sum(counts)

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        return common_spec([plan.spec() for plan in self.inputs], "concatenate")

    def first(self) -> Element:
        """An element to look at, read without moving any position."""
        return self.inputs[0].first()


def common_spec(specs: Sequence[Element], method: str) -> Element:
    """The specs that the elements of several plans fit, or TypeError."""
    tree, leaves = specs[0]
    for other in specs[1:]:
        both = [merged(a, b) for a, b in zip(leaves, other[1])] if other[0] == tree else [None]
        if any([m is None and leaf is not None for m, leaf in zip(both, leaves)]):
            raise ConversionError(
                f"gradtape.data.Dataset.{method}: Incompatible dataset elements:"
                f" {whole(tree, leaves)} vs. {whole(*other)}. Bring them to one structure and one"
                " dtype by map."
            )
        leaves = both
    return tree, leaves


class ConcatenateStream(Stream):
    """The items of one stream after those of another."""

    name = "concatenate"

    def __init__(self, *streams: Stream) -> None:
        self._streams = streams
        self._at = 0

    def next(self) -> Any:
        """The next item, or END."""
        while self._at < len(self._streams):
            item = self._streams[self._at].next()
            if item is not END:
                return item
            self._at += 1
        return END

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._at = 0
        for stream in self._streams:
            stream.restart()

    def position(self) -> State:
        """What `save` writes down."""
        return {"at": self._at, "streams": [stream.save() for stream in self._streams]}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._at = state["at"]
        for stream, inner in zip(self._streams, state["streams"], strict=True):
            stream.load(inner)
