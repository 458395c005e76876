"""Elements by what they are: windows of equal keys, and each element once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradtape.core.errors import InvalidArgumentError, wrong_type
from gradtape.data.calling import Call, number_of
from gradtape.data.coding import State, coded, decoded
from gradtape.data.elements import Element, mapped, shown
from gradtape.data.plan import UNKNOWN, Layer, Plan
from gradtape.data.sources import Listed
from gradtape.data.specs import all_open
from gradtape.data.stream import END, Stream, Through


class Group(Layer):
    """Elements of equal keys gathered into windows, and what a function makes of each window."""

    name = "group_by_window"

    def __init__(
        self,
        below: Plan,
        key: Call,
        reduce: Call,
        size: Callable[[int], int],
        wrap: Callable[[Plan], Any],
    ) -> None:
        super().__init__(below)
        self.key, self._reduce, self._size, self._wrap = key, reduce, size, wrap

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return GroupStream(inputs[0], self)

    def count(self) -> int:
        """The number of elements: UNKNOWN."""
        return UNKNOWN

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        element = self.below.first()
        found = self.made(number_of(self.key.value(element), self.key.method), [element]).spec()
        return mapped(all_open, found)  # what is made of another window may have other sizes

    def size(self, key: int) -> int:
        """How many elements of a key are a window."""
        size = self._size(key)
        if size <= 0:
            raise InvalidArgumentError(
                "gradtape.data.Dataset.group_by_window: Window size must be greater than zero, but"
                f" got {size} for the key {key}."
            )
        return size

    def made(self, key: int, elements: Sequence[Element]) -> Plan:
        """The plan of the dataset that the function makes of a window."""
        window = Listed(elements, "window", self.below.spec)
        found = self._reduce.of(shown(np.int64(key)), self._wrap(window))
        if not hasattr(found, "as_plan"):
            raise wrong_type(self._reduce.method, "the result of reduce_func", "a Dataset", found)
        return found.as_plan


class GroupStream(Through):
    """The elements that wait for their windows to be full, and the window that is being read."""

    name = "group_by_window"

    def __init__(self, below: Stream, plan: Group) -> None:
        super().__init__(below)
        self._plan = plan
        self._begin()

    def _begin(self) -> None:
        self._groups: dict[int, list[Element]] = {}
        self._open: tuple[int, list[Element], Stream] | None = None
        self._ended = False

    def next(self) -> Any:
        """The next item, or END."""
        while True:
            if self._open is not None:
                item = self._open[2].next()
                if item is not END:
                    return item
                self._open = None
            key = self._full()
            if key is None:
                return END
            elements = self._groups.pop(key)
            self._open = key, elements, self._plan.made(key, elements).open()

    def _full(self) -> int | None:
        """The key of the next window: one that is full, at the end each that is left."""
        while not self._ended:
            item = self.below.next()
            if item is END:
                self._ended = True
                break
            call = self._plan.key
            key = number_of(call.value(item), call.method)
            group = self._groups.setdefault(key, [])
            group.append(item)
            if len(group) >= self._plan.size(key):
                return key
        return min(self._groups, default=None)

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._begin()
        super().restart()

    def position(self) -> State:
        """What `save` writes down."""
        groups = [[key, [coded(e) for e in group]] for key, group in self._groups.items()]
        opened = None
        if self._open is not None:
            key, elements, stream = self._open
            opened = [key, [coded(e) for e in elements], stream.save()]
        return {"groups": groups, "open": opened, "ended": self._ended, **super().position()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        super().go(state)
        tree = self._plan.below.tree
        self._groups = {k: [decoded(c, tree) for c in group] for k, group in state["groups"]}
        self._ended = state["ended"]
        self._open = None
        if state["open"] is not None:
            key, codes, inner = state["open"]
            elements = [decoded(code, tree) for code in codes]
            stream = self._plan.made(key, elements).open()
            stream.load(inner)
            self._open = key, elements, stream


class Unique(Layer):
    """Each element once, where it comes first."""

    name = "unique"

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return UniqueStream(inputs[0], self)

    def count(self) -> int:
        """The number of elements: UNKNOWN."""
        return UNKNOWN


class UniqueStream(Through):
    """The items of another stream that were not there before."""

    name = "unique"

    def __init__(self, below: Stream, plan: Plan) -> None:
        super().__init__(below)
        self._plan = plan
        self._seen: dict[Any, Element] = {}

    def next(self) -> Any:
        """The next item, or END."""
        while True:
            item = self.below.next()
            if item is END:
                return END
            key = tuple([_key(leaf) for leaf in item[1]])
            if key not in self._seen:
                self._seen[key] = item
                return item

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._seen = {}
        super().restart()

    def position(self) -> State:
        """What `save` writes down."""
        return {"seen": [coded(item) for item in self._seen.values()], **super().position()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        items = [decoded(code, self._plan.tree) for code in state["seen"]]
        self._seen = {tuple([_key(leaf) for leaf in item[1]]): item for item in items}
        super().go(state)


def _key(leaf: Any) -> Any:
    """What is equal for equal leaves."""
    return leaf if not isinstance(leaf, np.ndarray) else (leaf.shape, leaf.tobytes())
