"""Plans: what a dataset is, without a position. A plan opens streams.

Where a chain begins with arrays and only selects or reorders their rows (`shuffle`, `repeat`,
`take`, ...), the same chain is run on row numbers instead (`rows`). A row is read when somebody
looks at it, and `batch` reads all rows of a batch at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from gradtape.core.errors import InvalidArgumentError
from gradtape.data.coding import State
from gradtape.data.elements import Element, whole
from gradtape.data.stream import END, Stream, Through

INFINITE = -1
UNKNOWN = -2


class Table(Protocol):
    """Elements that can be read by their number."""

    def row(self, index: int) -> Element:
        """One element."""
        ...

    def several(self, numbers: Sequence[int]) -> Sequence[Element]:
        """The elements with these numbers."""
        ...

    def take(self, indices: Any) -> Element:
        """Elements of an array of numbers, stacked along a new first axis."""
        ...


class Rows(NamedTuple):
    """A chain that selects elements of a table: the table, and what opens the numbers."""

    table: Table
    open: Callable[[], Stream]


class Plan:
    """What a dataset does, without a position."""

    name = "Dataset"  # of the method that makes it
    inputs: tuple[Plan, ...] = ()

    def open(self) -> Stream:
        """A stream at the first element."""
        rows = self.rows()
        if rows is not None:
            return RowStream(rows.open(), rows.table)
        return self.over(*[plan.open() for plan in self.inputs])

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        raise NotImplementedError

    def rows(self) -> Rows | None:
        """The same plan as numbers of rows, where it only selects."""
        return None

    def count(self) -> int:
        """The number of elements, INFINITE or UNKNOWN."""
        return UNKNOWN

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        raise NotImplementedError

    def tree(self) -> Any:
        """The tree of the elements."""
        return self.spec()[0]

    def first(self) -> Element:
        """An element to look at, read without moving any position."""
        found = self.open().next()
        if found is END:
            raise InvalidArgumentError(
                "gradtape.data.Dataset.element_spec: the dataset is empty, and what its function"
                " returns can only be seen by calling it. Write the function in tensor operations."
            )
        return found

    def __str__(self) -> str:
        return f"{self.inputs[0]}.{self.name}" if self.inputs else self.name

    def element_spec(self) -> Any:
        """The structure of specs that the program sees."""
        return whole(*self.spec())


class Layer(Plan):
    """A plan over one other, whose elements it may change."""

    def __init__(self, below: Plan) -> None:
        self.below = below
        self.inputs = (below,)

    def count(self) -> int:
        """The number of elements, INFINITE or UNKNOWN."""
        return self.below.count()

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        return self.below.spec()


class Selection(Layer):
    """A plan that selects or reorders the elements of another, and looks at none."""

    def rows(self) -> Rows | None:
        """The same plan as numbers of rows, where it only selects."""
        below = self.below.rows()
        if below is None:
            return None
        return Rows(below.table, lambda: self.over(below.open()))

    def first(self) -> Element:
        """An element to look at, read without moving any position."""
        return self.below.first()


BLOCK = 64  # numbers that are read at once


class RowStream(Through):
    """The elements of a table, in the order of a stream of numbers, which are read ahead."""

    name = "rows"

    def __init__(self, below: Stream, table: Table) -> None:
        super().__init__(below)
        self.indexed = False
        self._table = table
        self._begin()

    def _begin(self) -> None:
        self._numbers: list[int] = []
        self._at = 0
        self._before: State | None = None  # where the numbers begin

    def _read(self) -> bool:
        """Read numbers ahead where there are none; whether there are."""
        if self._at == len(self._numbers):
            self._before = self.below.save()
            self._numbers, self._at = self.below.pull(BLOCK).tolist(), 0
        return bool(self._numbers)

    def next(self) -> Any:
        """The next item, or END."""
        if not self._read():
            return END
        self._at += 1
        return self._table.row(self._numbers[self._at - 1])

    def ahead(self, count: int) -> Sequence[Element]:
        """Some of the next items, at most so many; none at the end."""
        if not self._read():
            return []
        numbers = self._numbers[self._at : self._at + count]
        self._at += len(numbers)
        return self._table.several(numbers)

    def back(self, count: int) -> None:
        """Give back the last items of `ahead`."""
        self._at -= count

    def skip(self, count: int) -> None:
        """Leave out the next items."""
        ahead = len(self._numbers) - self._at
        if count <= ahead:
            self._at += count
            return
        self._begin()
        self.below.skip(count - ahead)

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._begin()
        super().restart()

    def position(self) -> State:
        """What `save` writes down."""
        return {"at": self._at, "below": self._before or self.below.save()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        super().go(state)
        self._begin()
        self.below.skip(state["at"])
