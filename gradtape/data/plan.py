"""Plans: what a dataset is, without a position. A plan opens streams.

Where a chain begins with arrays and only selects or reorders their rows (`shuffle`, `repeat`,
`take`, ...), the same chain is run on row numbers instead (`rows`). A row is read when somebody
looks at it, and `batch` reads all rows of a batch at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from gradtape.core.errors import InvalidArgumentError
from gradtape.data.elements import Element, whole
from gradtape.data.stream import END, Stream, Through

INFINITE = -1
UNKNOWN = -2


class Table(Protocol):
    """Elements that can be read by their number."""

    def row(self, index: int) -> Element:
        """One element."""
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


class RowStream(Through):
    """The elements of a table, in the order of a stream of numbers."""

    name = "rows"

    def __init__(self, below: Stream, table: Table) -> None:
        super().__init__(below)
        self.indexed = False
        self._table = table

    def next(self) -> Any:
        """The next item, or END."""
        index = self.below.next()
        return END if index is END else self._table.row(index)

    def pull(self, count: int) -> Any:
        """The next items, fewer where the stream ends."""
        row = self._table.row
        return [row(i) for i in self.below.pull(count).tolist()]  # type: ignore[attr-defined]

    def skip(self, count: int) -> None:
        """Leave out the next items."""
        self.below.skip(count)
