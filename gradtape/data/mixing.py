"""Several datasets as one: zip, flat_map, interleave, and choices between datasets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradtape.core.errors import InvalidArgumentError, wrong_type
from gradtape.data.calling import Call
from gradtape.data.coding import State, coded, decoded
from gradtape.data.elements import Element, parts, whole
from gradtape.data.ordering import common_spec
from gradtape.data.plan import INFINITE, UNKNOWN, Layer, Plan, Rows
from gradtape.data.prefetching import Prefetch
from gradtape.data.seeds import Line, Seeds
from gradtape.data.sources import Joined, Tabled
from gradtape.data.stream import END, Stream, Through


class Zip(Plan):
    """Elements of several plans side by side, in the structure that the plans stand in."""

    name = "zip"

    def __init__(self, tree: Any, plans: Sequence[Plan]) -> None:
        self._tree = tree
        self.inputs = tuple(plans)
        self._joined: dict[Any, Any] = {}

    def rows(self) -> Rows | None:
        """The same plan as numbers of rows, where it only puts tables side by side."""
        tables = [plan for plan in self.inputs if isinstance(plan, Tabled)]
        if len(tables) < len(self.inputs):
            return None
        return Joined(tables, self.join).rows()

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return ZipStream(inputs, self)

    def join(self, elements: Sequence[Element]) -> Element:
        """The element of elements side by side."""
        trees = tuple([tree for tree, _ in elements])
        leaves = [leaf for _, leaves in elements for leaf in leaves]
        if trees not in self._joined:
            marks = [whole(tree, [0] * len(leaves)) for tree, leaves in elements]
            self._joined[trees] = parts(whole(self._tree, marks))[0]
        return self._joined[trees], leaves

    def count(self) -> int:
        """The number of elements, INFINITE or UNKNOWN."""
        counts = [count for plan in self.inputs if (count := plan.count()) != INFINITE]
        return min(counts, default=INFINITE)

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        return self.join([plan.spec() for plan in self.inputs])

    def first(self) -> Element:
        """An element to look at, read without moving any position."""
        return self.join([plan.first() for plan in self.inputs])


class ZipStream(Stream):
    """Items of several streams side by side, until one of them ends."""

    name = "zip"

    def __init__(self, streams: Sequence[Stream], plan: Zip) -> None:
        self._streams, self._plan = streams, plan

    def next(self) -> Any:
        """The next item, or END."""
        items = []
        for stream in self._streams:
            item = stream.next()
            if item is END:
                return END
            items.append(item)
        return self._plan.join(items)

    def restart(self) -> None:
        """Begin a new round from the first item."""
        for stream in self._streams:
            stream.restart()

    def position(self) -> State:
        """What `save` writes down."""
        return {"streams": [stream.save() for stream in self._streams]}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        for stream, inner in zip(self._streams, state["streams"], strict=True):
            stream.load(inner)


class Interleave(Layer):
    """The elements of the datasets that a function returns, `cycle` of them in turn, `block`
    elements of each at a time. With one at a time that is flat_map."""

    def __init__(
        self, below: Plan, call: Call, cycle: int = 1, block: int = 1, ahead: bool = False
    ) -> None:
        super().__init__(below)
        self.name = call.method.rpartition(".")[2]
        self._call = call
        self.cycle, self.block, self._ahead = cycle, block, ahead

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return InterleaveStream(inputs[0], self)

    def made(self, element: Element) -> Plan:
        """The plan of the dataset that the function returns for an element."""
        found = self._call.value(element)
        if not hasattr(found, "as_plan"):
            what = f"the result of {self._call.argument}"
            raise wrong_type(self._call.method, what, "a Dataset", found)
        plan = found.as_plan
        return Prefetch(plan, self.block) if self._ahead else plan

    def count(self) -> int:
        """The number of elements: UNKNOWN."""
        return 0 if self.below.count() == 0 else UNKNOWN

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        return self.made(self.below.first()).spec()


class Opened:
    """A dataset of an interleave: the element that it was made of, and its stream."""

    def __init__(self, plan: Interleave, element: Element) -> None:
        self.element = element
        self.stream = plan.made(element).open()

    def save(self) -> State:
        """The position, as JSON can hold it."""
        return {"element": coded(self.element), "stream": self.stream.save()}

    @classmethod
    def at(cls, plan: Interleave, state: State) -> Opened:
        """The dataset of a position: the function is called again for its element."""
        found = cls(plan, decoded(state["element"], plan.below.tree))
        found.stream.load(state["stream"])
        return found


class InterleaveStream(Through):
    """The datasets in turn. One that has ended is replaced when its turn comes again."""

    name = "interleave"

    def __init__(self, below: Stream, plan: Interleave) -> None:
        super().__init__(below)
        self._plan = plan
        self._begin()

    def _begin(self) -> None:
        self._open: list[Opened | None] = [None] * self._plan.cycle
        self._turn = self._given = 0
        self._ended = False

    def next(self) -> Any:
        """The next item, or END."""
        while not self._ended or any(self._open):
            opened = self._open[self._turn]
            if opened is not None:
                item = opened.stream.next()
                if item is not END:
                    self._given += 1
                    if self._given == self._plan.block:
                        self._pass_on()
                    return item
                self._open[self._turn] = None
                self._pass_on()
            elif not self._ended:
                element = self.below.next()
                self._ended = element is END
                if not self._ended:
                    self._open[self._turn] = Opened(self._plan, element)
            else:
                self._pass_on()
        return END

    def _pass_on(self) -> None:
        self._turn, self._given = (self._turn + 1) % self._plan.cycle, 0

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._begin()
        super().restart()

    def position(self) -> State:
        """What `save` writes down."""
        opened = [None if o is None else o.save() for o in self._open]
        places = {"turn": self._turn, "given": self._given, "ended": self._ended}
        return {"open": opened, **places, **super().position()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        super().go(state)
        self._open = [None if s is None else Opened.at(self._plan, s) for s in state["open"]]
        self._turn, self._given, self._ended = state["turn"], state["given"], state["ended"]


class Choose(Plan):
    """Elements of several plans, as numbers choose them."""

    def __init__(self, choices: Plan, plans: Sequence[Plan], stop: bool, name: str) -> None:
        self.inputs = (choices, *plans)
        self.stop, self.name = stop, name
        self.spec()  # the plans must agree

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return ChooseStream(inputs, self)

    def count(self) -> int:
        """The number of elements, INFINITE or UNKNOWN."""
        counts = [plan.count() for plan in self.inputs]
        some = INFINITE in counts[1:] if not self.stop else set(counts[1:]) == {INFINITE}
        return INFINITE if counts[0] == INFINITE and some else UNKNOWN

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        return common_spec([plan.spec() for plan in self.inputs[1:]], self.name)

    def first(self) -> Element:
        """An element to look at, read without moving any position."""
        return self.inputs[1].first()


class ChooseStream(Stream):
    """Items of several streams, as a stream of numbers chooses them."""

    name = "choose"

    def __init__(self, streams: Sequence[Stream], plan: Choose) -> None:
        self._streams, self._plan = streams, plan
        self._ended = [False] * len(streams)

    def next(self) -> Any:
        """The next item, or END."""
        while not all(self._ended[1:]):
            place = self._chosen()
            if not place:
                break
            if self._ended[place]:
                continue
            item = self._streams[place].next()
            if item is not END:
                return item
            self._ended[place] = True
            if self._plan.stop:
                break
        self._ended = [True] * len(self._ended)
        return END

    def _chosen(self) -> int:
        """The place of the next stream among all; 0 at the end of the choices."""
        item = self._streams[0].next()
        if item is END:
            return 0
        number = int(item[1][0])
        if not 0 <= number < len(self._streams) - 1:
            raise InvalidArgumentError(
                f"gradtape.data.Dataset.{self._plan.name}: the choice {number} is none of the"
                f" {len(self._streams) - 1} datasets, which are numbered from 0."
            )
        return number + 1

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._ended = [False] * len(self._streams)
        for stream in self._streams:
            stream.restart()

    def position(self) -> State:
        """What `save` writes down."""
        return {"ended": self._ended, "streams": [stream.save() for stream in self._streams]}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._ended = list(state["ended"])
        for stream, inner in zip(self._streams, state["streams"], strict=True):
            stream.load(inner)


class Dice(Plan):
    """Random choices with weights, without end."""

    name = "sample"

    def __init__(self, weights: Sequence[float], seeds: Seeds) -> None:
        self.bounds = np.cumsum(np.asarray(weights, np.float64))
        self._seeds = seeds

    def over(self, *inputs: Stream) -> Stream:
        """A stream at the first element."""
        return DiceStream(self.bounds, self._seeds.line())

    def count(self) -> int:
        """The number of elements: INFINITE."""
        return INFINITE


class DiceStream(Stream):
    """Random choices with weights."""

    name = "sample"

    def __init__(self, bounds: Any, line: Line) -> None:
        self._bounds, self._line = bounds, line
        self._random, self._drawn = line.generator(), 0

    def next(self) -> Any:
        """The next item."""
        self._drawn += 1
        mark = self._random.random() * self._bounds[-1]
        return None, [np.int64(np.searchsorted(self._bounds, mark, side="right"))]

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._line.advance()
        self._random, self._drawn = self._line.generator(), 0

    def position(self) -> State:
        """What `save` writes down."""
        return {"line": self._line.save(), "drawn": self._drawn}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._line.load(state["line"])
        self._random, self._drawn = self._line.generator(), state["drawn"]
        self._random.bit_generator.advance(self._drawn)  # type: ignore[attr-defined]
