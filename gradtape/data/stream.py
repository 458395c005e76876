"""Streams: a position in a pipeline, which gives one item after the other when it is asked.

Streams are chained; each holds those that it reads from. `next` gives an item, or `END` as often
as it is asked after the last one; `pull` gives many at once. `restart` begins the next round of
`repeat`. `save` and `load` write the position down and go back to it: what waits in a buffer is
written down with it, so that nothing is computed or drawn twice.

Items are elements, or row numbers: where a chain only selects rows of arrays, its streams are
`indexed`, and work on numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.errors import InvalidArgumentError
from gradtape.data.coding import State


class End:
    """The mark after the last item of a stream."""

    def __repr__(self) -> str:
        return "END"


END = End()


class Stream:
    """What gives the items of a pipeline, one after the other."""

    indexed = False  # whether the items are row numbers
    name = "stream"

    def next(self) -> Any:
        """The next item, or END."""
        raise NotImplementedError

    def pull(self, count: int) -> Any:
        """The next items, fewer where the stream ends; an array where they are row numbers."""
        found = []
        for _ in range(count):
            item = self.next()
            if item is END:
                break
            found.append(item)
        return np.array(found, np.int64) if self.indexed else found

    def skip(self, count: int) -> None:
        """Leave out the next items."""
        if self.indexed:
            self.pull(count)
            return
        for _ in range(count):
            if self.next() is END:
                return

    def restart(self) -> None:
        """Begin a new round from the first item."""
        raise NotImplementedError

    def save(self) -> State:
        """The position, as JSON can hold it."""
        return {"kind": self.name, **self.position()}

    def load(self, state: State) -> None:
        """Go to a position that a stream of the same pipeline had."""
        kind = state.get("kind") if isinstance(state, dict) else None
        if kind != self.name:
            raise InvalidArgumentError(
                "gradtape.data.Iterator.load_state_dict: the state is one of another pipeline: it"
                f" has {kind!r} where this one has {self.name!r}. Build the dataset as it was"
                " built when the state was taken."
            )
        self.go(state)

    def position(self) -> State:
        """What `save` writes down."""
        raise NotImplementedError

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        raise NotImplementedError


class Through(Stream):
    """A stream over one other, whose position is that of the other."""

    def __init__(self, below: Stream) -> None:
        self.below = below
        self.indexed = below.indexed

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self.below.restart()

    def position(self) -> State:
        """What `save` writes down."""
        return {"below": self.below.save()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self.below.load(state["below"])
