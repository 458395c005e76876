"""Functions of elements: map, filter, take_while, scan, ignore_errors."""

from __future__ import annotations

import warnings
from typing import Any

from gradtape.core.errors import ConversionError, brief
from gradtape.data.calling import Call
from gradtape.data.coding import State, coded, decoded
from gradtape.data.elements import Element, element_of, mapped, scalar_bool, value_of
from gradtape.data.plan import UNKNOWN, Layer, Plan, RowStream
from gradtape.data.specs import loose_spec
from gradtape.data.stream import END, Stream, Through


class Map(Layer):
    """A function of each element, one after the other."""

    name = "map"

    def __init__(self, below: Plan, call: Call) -> None:
        super().__init__(below)
        self.call = call
        self._spec: Element | None = None

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return MapStream(inputs[0], self.call)

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        if self._spec is None:
            self._spec = self.call.spec(self.below)
        return self._spec

    def first(self) -> Element:
        """An element to look at, read without moving any position."""
        return self.call.element(self.below.first())


class MapStream(Through):
    """A function of each item of another stream."""

    name = "map"

    def __init__(self, below: Stream, call: Call) -> None:
        super().__init__(below)
        self._call = call

    def next(self) -> Any:
        """The next item, or END."""
        item = self.below.next()
        return END if item is END else self._call.element(item)

    def pull(self, count: int) -> Any:
        """The next items, fewer where the stream ends."""
        if not isinstance(self.below, RowStream):
            return super().pull(count)
        found: list[Element] = []
        while len(found) < count:
            rows = self.below.ahead(count - len(found))
            if not rows:
                break
            wanted = len(found) + len(rows)
            try:
                self._call.elements(rows, found)
            except BaseException:
                self.below.back(wanted - len(found) - 1)
                raise
        return found


class Filter(Layer):
    """The elements for which a predicate is true."""

    name = "filter"

    def __init__(self, below: Plan, call: Call) -> None:
        super().__init__(below)
        self._call = call

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return FilterStream(inputs[0], self._call)

    def count(self) -> int:
        """The number of elements: UNKNOWN."""
        return UNKNOWN


class FilterStream(Through):
    """The items of another stream for which a predicate is true."""

    name = "filter"

    def __init__(self, below: Stream, call: Call) -> None:
        super().__init__(below)
        self._call = call

    def _true(self, item: Any) -> bool:
        return scalar_bool(self._call.value(item), self._call.method, self._call.argument)

    def next(self) -> Any:
        """The next item, or END."""
        while True:
            item = self.below.next()
            if item is END or self._true(item):
                return item


class TakeWhile(Filter):
    """The elements before the first one for which a predicate is false."""

    name = "take_while"

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return TakeWhileStream(inputs[0], self._call)


class TakeWhileStream(FilterStream):
    """The items of another stream up to one for which a predicate is false."""

    name = "take_while"
    _over = False

    def next(self) -> Any:
        """The next item, or END."""
        item = END if self._over else self.below.next()
        self._over = item is END or not self._true(item)
        return END if self._over else item

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._over = False
        super().restart()

    def position(self) -> State:
        """What `save` writes down."""
        return {"over": self._over, **super().position()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._over = state["over"]
        super().go(state)


class Scan(Layer):
    """A function of a state and each element, which gives the next state and an element."""

    name = "scan"

    def __init__(self, below: Plan, start: Element, call: Call) -> None:
        super().__init__(below)
        self.start, self.call = start, call
        self._spec: Element | None = None

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return ScanStream(inputs[0], self)

    def step(self, state: Element, item: Element) -> tuple[Element, Element]:
        """The next state and the output, of a state and an element."""
        result = self.call.of(value_of(state), value_of(item))
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise ConversionError(
                "gradtape.data.Dataset.scan: `scan_func` should return a pair consisting of new"
                f" state and the output value, not {brief(result)}."
            )
        return kept(state, result[0], self.call.method), self.call.made(result[1])

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        if self._spec is None:
            self._spec = mapped(loose_spec, self.first())
        return self._spec

    def first(self) -> Element:
        """An element to look at, read without moving any position."""
        return self.step(self.start, self.below.first())[1]


class ScanStream(Through):
    """The state of a scan, and the items that it reads."""

    name = "scan"

    def __init__(self, below: Stream, plan: Scan) -> None:
        super().__init__(below)
        self._plan = plan
        self._state = plan.start

    def next(self) -> Any:
        """The next item, or END."""
        item = self.below.next()
        if item is END:
            return END
        self._state, output = self._plan.step(self._state, item)
        return output

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._state = self._plan.start
        super().restart()

    def position(self) -> State:
        """What `save` writes down."""
        return {"state": coded(self._state), **super().position()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._state = decoded(state["state"], lambda: self._plan.start[0])
        super().go(state)


class IgnoreErrors(Layer):
    """The elements that come without an error."""

    name = "ignore_errors"

    def __init__(self, below: Plan, log: bool) -> None:
        super().__init__(below)
        self._log = log

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return IgnoreErrorsStream(inputs[0], self._log)

    def count(self) -> int:
        """The number of elements: UNKNOWN."""
        return UNKNOWN


class IgnoreErrorsStream(Through):
    """The items of another stream that come without an error."""

    name = "ignore_errors"

    def __init__(self, below: Stream, log: bool) -> None:
        super().__init__(below)
        self._log = log

    def next(self) -> Any:
        """The next item, or END."""
        while True:
            try:
                return self.below.next()
            except Exception as error:
                if self._log:
                    warnings.warn(f"ignore_errors: {type(error).__name__}: {error}", stacklevel=2)


def kept(before: Element, value: Any, function: str) -> Element:
    """A state that a function returned, which must be like the one before."""
    state = element_of(value, function)
    alike = state[0] == before[0] and [a.dtype for a in state[1]] == [b.dtype for b in before[1]]
    if not alike:
        raise ConversionError(
            f"gradtape.{function}: the function must return a state like the one it got,"
            f" {brief(value_of(before))}; it returned {brief(value)}. Write tf.cast, or another"
            " initial state."
        )
    return state
