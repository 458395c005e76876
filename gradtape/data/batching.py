"""Batches: batch, padded_batch, and back; windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradtape.data.coding import State, coded, decoded
from gradtape.data.elements import Element, mapped
from gradtape.data.plan import UNKNOWN, Layer, Plan, Table
from gradtape.data.sources import Listed
from gradtape.data.specs import DatasetSpec, batched, unbatched, with_shape
from gradtape.data.stacking import padded, rows_of, stacked
from gradtape.data.stream import END, Stream, Through

BATCH = "data.Dataset.batch"


class Batch(Layer):
    """So many elements as one."""

    name = "batch"

    def __init__(self, below: Plan, size: int, drop: bool) -> None:
        super().__init__(below)
        self._size, self._drop = size, drop

    def open(self) -> Stream:
        """A stream at the first element."""
        rows = self.below.rows()
        if rows is not None:
            return RowBatchStream(rows.open(), rows.table, self._size, self._drop)
        return super().open()

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return BatchStream(inputs[0], self._size, self._drop, self._joined)

    def _joined(self, elements: Sequence[Element]) -> Element:
        return stacked(elements, BATCH)

    def count(self) -> int:
        """The number of elements, INFINITE or UNKNOWN."""
        below = self.below.count()
        return (
            below if below < 0 else (below if self._drop else below + self._size - 1) // self._size
        )

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        size = self._size if self._drop else None
        return mapped(lambda spec: batched(spec, size), self.below.spec())


class BatchStream(Through):
    """Items of another stream, so many at a time."""

    name = "batch"

    def __init__(
        self, below: Stream, size: int, drop: bool, join: Callable[[Sequence[Element]], Element]
    ) -> None:
        super().__init__(below)
        self._size, self._drop, self._join = size, drop, join

    def next(self) -> Any:
        """The next item, or END."""
        items = self.below.pull(self._size)
        if not items or (self._drop and len(items) < self._size):
            return END
        return self._join(items)


class RowBatchStream(Through):
    """Rows of a table, so many at a time: read at once."""

    name = "batch of rows"

    def __init__(self, below: Stream, table: Table, size: int, drop: bool) -> None:
        super().__init__(below)
        self.indexed = False
        self._table, self._size, self._drop = table, size, drop

    def next(self) -> Any:
        """The next item, or END."""
        numbers = self.below.pull(self._size)
        if not len(numbers) or (self._drop and len(numbers) < self._size):
            return END
        return self._table.take(numbers)

    def skip(self, count: int) -> None:
        """Leave out the next items."""
        self.below.skip(count * self._size)


class PaddedBatch(Batch):
    """So many elements as one, each padded to the same shape."""

    name = "padded_batch"

    def __init__(
        self, below: Plan, size: int, drop: bool, fill: Callable[[Element], tuple[Any, Any]]
    ) -> None:
        super().__init__(below, size, drop)
        self._fill = fill  # from an element to the shapes and the values of its places

    def open(self) -> Stream:
        """A stream at the first element."""
        return self.over(self.below.open())

    def _joined(self, elements: Sequence[Element]) -> Element:
        shapes, values = self._fill(elements[0])
        return padded(elements, shapes, values, "data.Dataset.padded_batch")

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        tree, leaves = self.below.spec()
        shapes, _ = self._fill((tree, leaves))
        size = self._size if self._drop else None
        wide = [
            with_shape(leaf, None if leaf.shape.rank is None else [None] * len(leaf.shape))
            if shape is None
            else with_shape(leaf, shape)
            for leaf, shape in zip(leaves, shapes, strict=True)
        ]
        return tree, [batched(leaf, size) for leaf in wide]


class Unbatch(Layer):
    """The rows of batches as elements."""

    name = "unbatch"

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return UnbatchStream(inputs[0], self)

    def count(self) -> int:
        """The number of elements, INFINITE or UNKNOWN."""
        below = self.below.count()
        if below <= 0:
            return below
        shapes = [getattr(spec, "shape", None) for spec in self.below.spec()[1]]
        known = [shape[0] for shape in shapes if shape and shape[0] is not None]
        return below * known[0] if known else UNKNOWN

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        return mapped(unbatched, self.below.spec())


class UnbatchStream(Through):
    """The rows of the batches of another stream, one at a time."""

    name = "unbatch"

    def __init__(self, below: Stream, plan: Plan) -> None:
        super().__init__(below)
        self._plan = plan
        self._batch: Element | None = None
        self._at = self._size = 0

    def next(self) -> Any:
        """The next item, or END."""
        while self._at >= self._size:
            batch = self.below.next()
            if batch is END:
                return END
            self._batch, self._at, self._size = batch, 0, rows_of(batch, "data.Dataset.unbatch")
        assert self._batch is not None
        at, (tree, leaves) = self._at, self._batch
        self._at += 1
        if self._at == self._size:
            self._batch = None
        return tree, [leaf[at] for leaf in leaves]

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._batch, self._at, self._size = None, 0, 0
        super().restart()

    def position(self) -> State:
        """What `save` writes down."""
        rest = None
        if self._batch is not None:
            rest = coded(mapped(lambda leaf: leaf[self._at :], self._batch))
        return {"rest": rest, **super().position()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._batch, self._at, self._size = None, 0, 0
        if state["rest"] is not None:
            self._batch = decoded(state["rest"], self._plan.tree)
            self._size = rows_of(self._batch, "data.Dataset.unbatch")
        super().go(state)


class Window(Layer):
    """Datasets of so many elements that follow each other."""

    name = "window"

    def __init__(
        self,
        below: Plan,
        size: int,
        shift: int,
        stride: int,
        drop: bool,
        wrap: Callable[[Plan], Any],
    ) -> None:
        super().__init__(below)
        self.size, self.shift, self.stride, self.drop = size, shift, stride, drop
        self.wrap = wrap  # makes a dataset of a plan

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return WindowStream(inputs[0], self)

    def count(self) -> int:
        """The number of elements, INFINITE or UNKNOWN."""
        below = self.below.count()
        if below < 0:
            return below
        if not self.drop:
            return -(-below // self.shift)
        rest = below - ((self.size - 1) * self.stride + 1)
        return 0 if rest < 0 else rest // self.shift + 1

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        return mapped(lambda spec: DatasetSpec(spec), self.below.spec())

    def made(self, elements: Sequence[Element]) -> Element:
        """The element of a window: for each leaf a dataset."""
        return elements[0][0], [
            self.wrap(
                Listed([(None, [leaves[i]]) for _, leaves in elements], "window", self._of(i))
            )
            for i in range(len(elements[0][1]))
        ]

    def _of(self, place: int) -> Callable[[], Element]:
        """What finds the spec of the elements of the windows of one leaf."""
        return lambda: (None, [self.below.spec()[1][place]])


class WindowStream(Through):
    """The elements that the next window may need."""

    name = "window"

    def __init__(self, below: Stream, plan: Window) -> None:
        super().__init__(below)
        self._plan = plan
        self._waiting: list[Element] = []
        self._ended = False

    def next(self) -> Any:
        """The next item, or END."""
        plan = self._plan
        span = (plan.size - 1) * plan.stride + 1
        while not self._ended and len(self._waiting) < span:
            item = self.below.next()
            self._ended = item is END
            if not self._ended:
                self._waiting.append(item)
        window = self._waiting[: span : plan.stride]
        if not window or (plan.drop and len(window) < plan.size):
            return END
        beyond = plan.shift - len(self._waiting)
        del self._waiting[: plan.shift]
        if beyond > 0 and not self._ended:
            self.below.skip(beyond)
        return plan.made(window)

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._waiting, self._ended = [], False
        super().restart()

    def position(self) -> State:
        """What `save` writes down."""
        waiting = [coded(item) for item in self._waiting]
        return {"waiting": waiting, "ended": self._ended, **super().position()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._waiting = [decoded(code, self._plan.below.tree) for code in state["waiting"]]
        self._ended = state["ended"]
        super().go(state)
