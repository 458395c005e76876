"""Where pipelines begin: slices of arrays, numbers, lists of elements, generators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from gradtape.core.errors import ConversionError, InvalidArgumentError, brief
from gradtape.core.shapes import TensorSpec
from gradtape.data.coding import State
from gradtape.data.elements import Element, element_of, leaf_of, mapped, parts
from gradtape.data.plan import INFINITE, Plan, Rows
from gradtape.data.seeds import Seeds
from gradtape.data.specs import loose_spec, spec_of_leaf, unbatched, up_to
from gradtape.data.stacking import room, stacked
from gradtape.data.stream import END, Stream

MOST = 2**62  # rows of a table without end


class Numbers(Stream):
    """The numbers of the rows of a table, in order."""

    name = "numbers"
    indexed = True

    def __init__(self, size: int) -> None:
        self._size = size
        self._at = 0

    def next(self) -> Any:
        """The next item, or END."""
        at = self._at
        if at >= self._size:
            return END
        self._at = at + 1
        return at

    def pull(self, count: int) -> Any:
        """The next items, fewer where the stream ends."""
        start = self._at
        self._at = min(start + count, self._size)
        return np.arange(start, self._at)

    def skip(self, count: int) -> None:
        """Leave out the next items."""
        self._at = min(self._at + count, self._size)

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._at = 0

    def position(self) -> State:
        """What `save` writes down."""
        return {"at": self._at}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._at = state["at"]


class Tabled(Plan):
    """A plan whose elements can be read by their number."""

    size: int

    def rows(self) -> Rows | None:
        """The same plan as numbers of rows."""
        return Rows(self, lambda: Numbers(self.size))

    def count(self) -> int:
        """The number of elements."""
        return self.size

    def row(self, index: int) -> Element:
        """One element."""
        raise NotImplementedError

    def several(self, numbers: Sequence[int]) -> Sequence[Element]:
        """The elements with these numbers."""
        return [self.row(number) for number in numbers]

    def take(self, indices: Any) -> Element:
        """Elements of an array of numbers, stacked along a new first axis."""
        raise NotImplementedError


class Slices(Tabled):
    """The slices of arrays along their first axis."""

    name = "from_tensor_slices"

    def __init__(self, tree: Any, columns: Sequence[Any]) -> None:
        self._tree = tree
        self._columns = columns
        self.size = len(columns[0])

    def row(self, index: int) -> Element:
        """One element."""
        return self._tree, [column[index] for column in self._columns]

    def several(self, numbers: Sequence[int]) -> Sequence[Element]:
        """The elements with these numbers."""
        rows = zip(*[map(column.__getitem__, numbers) for column in self._columns], strict=True)
        return list(zip(repeat(self._tree), rows))

    def take(self, indices: Any) -> Element:
        """Elements of an array of numbers, stacked along a new first axis; without a copy where
        they follow each other."""
        first, count = int(indices[0]), len(indices)
        if int(indices[-1]) - first == count - 1 and (np.diff(indices) == 1).all():
            return self._tree, [column[first : first + count] for column in self._columns]
        return self._tree, [_gathered(column, indices) for column in self._columns]

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        return self._tree, [unbatched(spec_of_leaf(column)) for column in self._columns]


def _gathered(column: Any, indices: Any) -> Any:
    out = room((len(indices), *column.shape[1:]), column.dtype)
    return np.take(column, indices, axis=0, out=out, mode="clip")


class Listed(Tabled):
    """Elements that are there: a window of another dataset, or a single element."""

    def __init__(
        self, elements: Sequence[Element], name: str, spec: Callable[[], Element] | None = None
    ) -> None:
        self.elements = elements
        self.size = len(elements)
        self.name = name
        self._spec = spec or (lambda: mapped(spec_of_leaf, elements[0]))

    def row(self, index: int) -> Element:
        """One element."""
        return self.elements[index]

    def take(self, indices: Any) -> Element:
        """Elements of an array of numbers, stacked along a new first axis."""
        return stacked([self.elements[i] for i in indices.tolist()], "data.Dataset.batch")

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        return self._spec()


class Range(Tabled):
    """Numbers at equal distances."""

    name = "range"

    def __init__(self, start: int, step: int, size: int, dtype: np.dtype[Any]) -> None:
        self._start, self._step, self.size, self._dtype = start, step, size, dtype

    def row(self, index: int) -> Element:
        """One element."""
        return None, [self._dtype.type(self._start + index * self._step)]

    def take(self, indices: Any) -> Element:
        """Elements of an array of numbers, stacked along a new first axis."""
        return None, [(self._start + indices * self._step).astype(self._dtype)]

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        return None, [TensorSpec((), self._dtype)]


class Counter(Range):
    """Numbers at equal distances, without end."""

    name = "counter"

    def __init__(self, start: int, step: int, dtype: np.dtype[Any]) -> None:
        super().__init__(start, step, MOST, dtype)

    def count(self) -> int:
        """The number of elements: INFINITE."""
        return INFINITE


class Joined(Tabled):
    """Tables side by side: a zip of tables is one."""

    name = "zip"

    def __init__(self, tables: Sequence[Tabled], join: Callable[[Sequence[Element]], Element]):
        self._tables = tables
        self._join = join
        self.size = min([table.size for table in tables])

    def row(self, index: int) -> Element:
        """One element."""
        return self._join([table.row(index) for table in self._tables])

    def take(self, indices: Any) -> Element:
        """Elements of an array of numbers, stacked along a new first axis."""
        return self._join([table.take(indices) for table in self._tables])

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        return self._join([table.spec() for table in self._tables])


class Random(Plan):
    """Random numbers without end."""

    name = "random"

    def __init__(self, seeds: Seeds) -> None:
        self._seeds = seeds

    def over(self, *inputs: Stream) -> Stream:
        """A stream at the first element."""
        return RandomStream(self._seeds.line())

    def count(self) -> int:
        """The number of elements: INFINITE."""
        return INFINITE

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        return None, [TensorSpec((), np.int64)]


class RandomStream(Stream):
    """Random numbers of 32 bits."""

    name = "random"

    def __init__(self, line: Any) -> None:
        self._line = line
        self._bits = line.generator().bit_generator
        self._drawn = 0

    def next(self) -> Any:
        """The next item."""
        self._drawn += 1
        return None, [np.int64(self._bits.random_raw() >> 32)]

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._line.advance()
        self._bits, self._drawn = self._line.generator().bit_generator, 0

    def position(self) -> State:
        """What `save` writes down."""
        return {"line": self._line.save(), "drawn": self._drawn}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._line.load(state["line"])
        self._drawn = state["drawn"]
        self._bits = self._line.generator().bit_generator.advance(self._drawn)


class Generated(Plan):
    """What a Python generator yields."""

    name = "from_generator"

    def __init__(self, generator: Callable[..., Any], args: Sequence[Any], spec: Element) -> None:
        self._generator, self._args, self._spec = generator, args, spec

    def over(self, *inputs: Stream) -> Stream:
        """A stream at the first element."""
        return GeneratorStream(self)

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        return self._spec

    def begin(self) -> Iterator[Any]:
        """A new run of the generator."""
        made = self._generator(*self._args)
        try:
            return iter(made)
        except TypeError:
            raise TypeError(
                "gradtape.data.Dataset.from_generator: `generator` must return an object that can"
                f" be iterated over, not {brief(made)}."
            ) from None

    def converted(self, value: Any) -> Element:
        """What was yielded as an element of the specs."""
        tree, specs = self.spec()
        if isinstance(value, list) and len(value) == tree:  # loaders of PyTorch yield lists
            value = tuple(value)
        try:
            values = up_to(tree, value)
        except (ValueError, TypeError):
            raise ConversionError(
                "gradtape.data.Dataset.from_generator: `generator` yielded an element that did not"
                " match the expected structure. The expected structure was"
                f" {self.element_spec()}, but the yielded element was {brief(value)}."
            ) from None
        return tree, [_converted(v, s) for v, s in zip(values, specs, strict=True)]


class Iterated(Generated):
    """What an iterable gives each time; the first element tells the specs, with open sizes."""

    def __init__(self, iterable: Iterable[Any]) -> None:
        super().__init__(lambda: iterable, (), (None, ()))
        self._found: Element | None = None

    def spec(self) -> Element:
        """The tree of the elements, with the specs of the leaves."""
        if self._found is None:
            first = next(self.begin(), END)
            if first is END:
                raise InvalidArgumentError(
                    "gradtape.data.Dataset.from_generator: the iterable is empty, so that no"
                    " element tells the dtypes: give `output_signature`."
                )
            if isinstance(first, list) and all([hasattr(part, "__array__") for part in first]):
                first = tuple(first)
            element = element_of(first, "data.Dataset.from_generator")
            self._found = mapped(loose_spec, element)
        return self._found


def _keep_all(array: Any, wanted: np.dtype[Any]) -> None:
    """TypeError where a conversion drops fractions, imaginary parts or high bits."""
    have = array.dtype
    if have == wanted or not array.size:
        return
    if have.kind in "iu" and wanted.kind in "iu":
        limits = np.iinfo(wanted)
        lost = array.min() < limits.min or array.max() > limits.max
    else:
        lost = have.kind in "fc" and wanted.kind in ("iub" if have.kind == "f" else "iubfV")
    if lost:
        raise TypeError("the conversion would lose something")


def _converted(value: Any, spec: Any) -> Any:
    if not isinstance(spec, TensorSpec):
        return None if spec is None else leaf_of(value, "data.Dataset.from_generator")
    wanted = spec.dtype.numpy_dtype
    try:
        _keep_all(np.asarray(value), wanted)
        array = np.array(value, dtype=wanted)
    except (TypeError, ValueError, OverflowError):
        raise ConversionError(
            "gradtape.data.Dataset.from_generator: `generator` yielded an element that could not be"
            f" converted to the expected type. The expected type was {spec.dtype.name}, but the"
            f" yielded element was {brief(value)}."
        ) from None
    if array.shape != tuple(spec.shape) and not spec.shape.is_compatible_with(array.shape):
        raise ConversionError(
            f"gradtape.data.Dataset.from_generator: `generator` yielded an element of shape"
            f" {array.shape} where an element of shape {spec.shape} was expected."
        )
    return array if array.ndim else array[()]


class GeneratorStream(Stream):
    """A run of a generator. Going to a position runs it anew up to there."""

    name = "generator"

    def __init__(self, plan: Generated) -> None:
        self._plan = plan
        self._run: Iterator[Any] | None = None
        self._seen = 0

    def next(self) -> Any:
        """The next item, or END."""
        if self._run is None:
            self._run = self._plan.begin()
        value = next(self._run, END)
        if value is END:
            return END
        self._seen += 1
        return self._plan.converted(value)

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._run, self._seen = None, 0

    def position(self) -> State:
        """What `save` writes down."""
        return {"seen": self._seen}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._run, self._seen = self._plan.begin(), state["seen"]
        for _ in range(self._seen):
            if next(self._run, END) is END:
                raise InvalidArgumentError(
                    "gradtape.data.Iterator.load_state_dict: the generator ended before the"
                    f" position {self._seen} of the state; it must yield again what it yielded."
                )


def specs_of(types: Any, shapes: Any) -> Element:
    """The specs of a structure of dtypes and one of shapes, which may be None."""
    tree, dtypes = parts(types)
    sizes = [None] * len(dtypes) if shapes is None else up_to(tree, shapes)
    return tree, [TensorSpec(s, d) for s, d in zip(sizes, dtypes, strict=True)]
