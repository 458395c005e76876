"""Prefetch: a thread that reads ahead into a buffer while the program computes."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import Any

from gradtape.data.coding import State, coded, decoded
from gradtape.data.failures import Failure
from gradtape.data.plan import Layer, Plan
from gradtape.data.stream import END, Stream, Through
from gradtape.data.threads import Team


class Prefetch(Layer):
    """The same elements, read ahead."""

    name = "prefetch"

    def __init__(self, below: Plan, size: int) -> None:
        super().__init__(below)
        self._size = size

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return PrefetchStream(inputs[0], self.below, self._size) if self._size else inputs[0]

    def first(self) -> Any:
        """An element to look at, read without moving any position."""
        return self.below.first()


class Reader(Team):
    """A thread that reads a stream ahead, as far as there is room."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.room: SimpleQueue[bool] = SimpleQueue()
        self.ready: SimpleQueue[Any] = SimpleQueue()
        self.reading = threading.Lock()  # held while the stream moves
        for _ in range(size):
            self.room.put(True)

    def read(self, below: Stream) -> None:
        """What the thread does."""
        while self.room.get() and not self.over:
            with self.reading:
                if self.over or self._ended(below):
                    break
        self.ready.put(END)

    def _ended(self, below: Stream) -> bool:
        """Read one item: in a frame of its own, so that the thread keeps none."""
        try:
            item = below.next()
        except BaseException as error:
            item = Failure(error)
        if item is not END:
            self.ready.put(item)
        return item is END

    def dismiss(self) -> None:
        """Let the thread end after the item that it is reading."""
        super().dismiss()
        self.room.put(False)


class PrefetchStream(Through):
    """The items of another stream, which a thread reads ahead."""

    name = "prefetch"

    def __init__(self, below: Stream, plan: Plan, size: int) -> None:
        super().__init__(below)
        self._plan, self._size = plan, size
        self._reader: Reader | None = None
        self._saved: list[Any] = []  # what a state held, the last first
        self._ended = False

    def next(self) -> Any:
        """The next item, or END."""
        if self._reader is None and not self._ended:
            self._reader = Reader(self._size)
            self._reader.serve(self)
            self._reader.start(Reader.read, self.below)
        item = self._saved.pop() if self._saved else self._read()
        if isinstance(item, Failure):
            raise item.error
        return item

    def _read(self) -> Any:
        reader = self._reader
        if reader is None:
            return END
        item = reader.ready.get()
        reader.room.put(True)
        if item is END:
            reader.dismiss()
            self._reader, self._ended = None, True
        return item

    def _stop(self) -> None:
        """Stop reading, and forget what was read."""
        if self._reader is not None:
            with self._reader.reading:
                self._reader.dismiss()
        self._reader, self._ended, self._saved = None, False, []

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._stop()
        super().restart()

    def position(self) -> State:
        """What `save` writes down."""
        if self._reader is None:
            return {"waiting": [], "ended": self._ended, **super().position()}
        with self._reader.reading:
            ready, waiting = self._reader.ready, self._saved[::-1]
            read = [ready.get() for _ in range(ready.qsize())]
            for item in read:
                ready.put(item)
            waiting += [item for item in read if item is not END]
            codes = [Failure.coded(item) or coded(item) for item in waiting]
            return {"waiting": codes, "ended": False, **super().position()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._stop()
        super().go(state)
        self._ended = state["ended"]
        tree = self._plan.tree
        self._saved = [Failure.decoded(c) or decoded(c, tree) for c in state["waiting"][::-1]]
