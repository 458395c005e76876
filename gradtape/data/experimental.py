"""`tf.data.experimental`: transformations for `Dataset.apply`, and what has no method."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.errors import FailedPreconditionError, wrong_type
from gradtape.core.tensor import Tensor
from gradtape.data.coding import State
from gradtape.data.dataset import Dataset
from gradtape.data.iterator import Iterator, Optional
from gradtape.data.pipeline import Pipeline
from gradtape.data.plan import Layer, Plan
from gradtape.data.stream import END, Stream, Through
from gradtape.ops.static import static_int

Transformation = Callable[[Any], Any]


class AutoShardPolicy(enum.IntEnum):
    """How a distributed dataset is cut; accepted in options, without effect."""

    OFF = -1
    AUTO = 0
    FILE = 1
    DATA = 2
    HINT = 3


def cardinality(dataset: Any) -> Tensor:
    """Return the number of elements, INFINITE_CARDINALITY or UNKNOWN_CARDINALITY.

    Example:
        >>> import gradtape as tf
        >>> int(tf.data.experimental.cardinality(tf.data.Dataset.range(4)))
        4
    """
    return _dataset(dataset, "cardinality").cardinality()


def get_structure(dataset_or_iterator: Any) -> Any:
    """Return the structure of specs of the elements.

    Example:
        >>> import gradtape as tf
        >>> tf.data.experimental.get_structure(tf.data.Dataset.range(2))
        TensorSpec(shape=(), dtype=tf.int64, name=None)
    """
    if not isinstance(dataset_or_iterator, (Dataset, Iterator)):
        function = "data.experimental.get_structure"
        raise wrong_type(function, "the argument", "a Dataset or Iterator", dataset_or_iterator)
    return dataset_or_iterator.element_spec


def get_single_element(dataset: Any) -> Any:
    """Return the only element of a dataset.

    Example:
        >>> import gradtape as tf
        >>> int(tf.data.experimental.get_single_element(tf.data.Dataset.from_tensors(3)))
        3
    """
    return _dataset(dataset, "get_single_element").get_single_element()


def get_next_as_optional(iterator: Any) -> Optional:
    """Return the next element as an `Optional`, which is empty after the last one.

    Example:
        >>> import gradtape as tf
        >>> iterator = iter(tf.data.Dataset.range(1))
        >>> int(tf.data.experimental.get_next_as_optional(iterator).get_value())
        0
    """
    if not isinstance(iterator, Iterator):
        function = "data.experimental.get_next_as_optional"
        raise wrong_type(function, "iterator", "an Iterator", iterator)
    return iterator.get_next_as_optional()


def from_list(elements: Any, name: str | None = None) -> Dataset:
    """Make a dataset of a list of elements, which are structures of one kind.

    Example:
        >>> import gradtape as tf
        >>> ds = tf.data.experimental.from_list([(1, [0.5]), (2, [1.5])])
        >>> [(int(i), x.numpy().tolist()) for i, x in ds]
        [(1, [0.5]), (2, [1.5])]
    """
    if not isinstance(elements, (list, tuple)):
        raise wrong_type("data.experimental.from_list", "elements", "a list", elements)
    made = [Dataset.from_tensors(element) for element in elements]
    if not made:
        raise wrong_type("data.experimental.from_list", "elements", "a list that is not empty", [])
    found = made[0]
    for other in made[1:]:
        found = found.concatenate(other)
    return found


def assert_cardinality(expected_cardinality: Any) -> Transformation:
    """Say how many elements there are, for `Dataset.apply`; it is checked when they are read.

    Args:
        expected_cardinality: how many.

    Raises:
        FailedPreconditionError: while reading, when there are fewer or more.

    Example:
        >>> import gradtape as tf
        >>> ds = tf.data.Dataset.range(9).filter(lambda i: i % 3 == 0)
        >>> len(ds.apply(tf.data.experimental.assert_cardinality(3)))
        3
    """
    count = static_int(expected_cardinality, "data.experimental.assert_cardinality", "the number")
    return lambda dataset: dataset._then(Counted(dataset.as_plan, count))


class Counted(Layer):
    """The same elements, whose number is asserted."""

    name = "assert_cardinality"

    def __init__(self, below: Plan, count: int) -> None:
        super().__init__(below)
        self._count = count

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return CountedStream(inputs[0], self._count)

    def count(self) -> int:
        """The number of elements that was asserted."""
        return self._count


class CountedStream(Through):
    """The items of another stream, counted."""

    name = "assert_cardinality"

    def __init__(self, below: Stream, count: int) -> None:
        super().__init__(below)
        self._count, self._seen = count, 0

    def next(self) -> Any:
        """The next item, or END."""
        item = self.below.next()
        self._seen += item is not END
        enough = self._seen >= self._count
        if 0 <= self._count < self._seen or (item is END and not enough):
            least = "at least " if item is not END else ""
            raise FailedPreconditionError(
                "gradtape.data.experimental.assert_cardinality: Input dataset was expected to"
                f" contain {self._count} elements but contained {least}{self._seen} elements."
            )
        return item

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._seen = 0
        super().restart()

    def position(self) -> State:
        """What `save` writes down."""
        return {"seen": self._seen, **super().position()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._seen = state["seen"]
        super().go(state)


def enumerate_dataset(start: Any = 0) -> Transformation:
    """Number the elements, for `Dataset.apply`.

    Example:
        >>> import gradtape as tf
        >>> ds = tf.data.Dataset.range(3, 5).apply(tf.data.experimental.enumerate_dataset())
        >>> [(int(i), int(e)) for i, e in ds]
        [(0, 3), (1, 4)]
    """
    return lambda dataset: dataset.enumerate(start)


def ignore_errors(log_warning: bool = False) -> Transformation:
    """Leave out elements whose computation raises an error, for `Dataset.apply`.

    Example:
        >>> import gradtape as tf
        >>> ds = tf.data.Dataset.range(3).map(lambda i: 6 // int(i))
        >>> [int(i) for i in ds.apply(tf.data.experimental.ignore_errors())]
        [6, 3]
    """
    return lambda dataset: dataset.ignore_errors(log_warning)


def unbatch() -> Transformation:
    """Take the elements apart along their first axis, for `Dataset.apply`.

    Example:
        >>> import gradtape as tf
        >>> ds = tf.data.Dataset.range(3).batch(2)
        >>> [int(i) for i in ds.apply(tf.data.experimental.unbatch())]
        [0, 1, 2]
    """
    return lambda dataset: dataset.unbatch()


def unique() -> Transformation:
    """Keep each element once, for `Dataset.apply`.

    Example:
        >>> import gradtape as tf
        >>> ds = tf.data.Dataset.from_tensor_slices([1, 1, 2])
        >>> [int(i) for i in ds.apply(tf.data.experimental.unique())]
        [1, 2]
    """
    return lambda dataset: dataset.unique()


def take_while(predicate: Any) -> Transformation:
    """Keep the elements before the first one for which a predicate is false, for `Dataset.apply`.

    Example:
        >>> import gradtape as tf
        >>> ds = tf.data.Dataset.range(9).apply(tf.data.experimental.take_while(lambda i: i < 2))
        >>> [int(i) for i in ds]
        [0, 1]
    """
    return lambda dataset: dataset.take_while(predicate)


def scan(initial_state: Any, scan_func: Any) -> Transformation:
    """Call a function of a state and each element, for `Dataset.apply`.

    Example:
        >>> import gradtape as tf
        >>> zero = tf.constant(0, tf.int64)
        >>> sums = tf.data.experimental.scan(zero, lambda s, i: (s + i, s + i))
        >>> [int(i) for i in tf.data.Dataset.range(4).apply(sums)]
        [0, 1, 3, 6]
    """
    return lambda dataset: dataset.scan(initial_state, scan_func)


def group_by_window(
    key_func: Any, reduce_func: Any, window_size: Any = None, window_size_func: Any = None
) -> Transformation:
    """Gather elements of equal keys into windows, for `Dataset.apply`.

    Example:
        >>> import gradtape as tf
        >>> pairs = tf.data.experimental.group_by_window(
        ...     lambda i: i % 2, lambda key, window: window.batch(2), window_size=2
        ... )
        >>> [batch.numpy().tolist() for batch in tf.data.Dataset.range(4).apply(pairs)]
        [[0, 2], [1, 3]]
    """
    return lambda dataset: dataset.group_by_window(
        key_func, reduce_func, window_size, window_size_func
    )


def bucket_by_sequence_length(*args: Any, **kwargs: Any) -> Transformation:
    """Batch elements of about one length together, for `Dataset.apply`.

    The arguments are those of `Dataset.bucket_by_sequence_length`.

    Example:
        >>> import gradtape as tf
        >>> ds = tf.data.Dataset.range(1, 5).map(lambda n: tf.ones([int(n)]))
        >>> buckets = tf.data.experimental.bucket_by_sequence_length(lambda x: len(x), [3], [2, 2])
        >>> [batch.shape.as_list() for batch in ds.apply(buckets)]
        [[2, 2], [2, 4]]
    """
    return lambda dataset: dataset.bucket_by_sequence_length(*args, **kwargs)


def shuffle_and_repeat(buffer_size: Any, count: Any = None, seed: Any = None) -> Transformation:
    """Shuffle, then repeat, for `Dataset.apply`.

    Example:
        >>> import gradtape as tf
        >>> ds = tf.data.Dataset.range(3).apply(tf.data.experimental.shuffle_and_repeat(3, 2))
        >>> sorted(int(i) for i in ds)
        [0, 0, 1, 1, 2, 2]
    """
    return lambda dataset: dataset.shuffle(buffer_size, seed).repeat(count)


def map_and_batch(
    map_func: Any,
    batch_size: Any,
    num_parallel_batches: Any = None,
    drop_remainder: bool = False,
    num_parallel_calls: Any = None,
) -> Transformation:
    """Map, then batch, for `Dataset.apply`.

    Example:
        >>> import gradtape as tf
        >>> twice = tf.data.experimental.map_and_batch(lambda i: 2 * i, 2)
        >>> [batch.numpy().tolist() for batch in tf.data.Dataset.range(3).apply(twice)]
        [[0, 2], [4]]
    """
    calls = num_parallel_calls or num_parallel_batches
    return lambda dataset: dataset.map(map_func, calls).batch(batch_size, drop_remainder)


def prefetch_to_device(device: Any, buffer_size: Any = None) -> Transformation:
    """Read ahead, for `Dataset.apply`; compiled functions move what they are given themselves.

    Example:
        >>> import gradtape as tf
        >>> ds = tf.data.Dataset.range(2)
        >>> [int(i) for i in ds.apply(tf.data.experimental.prefetch_to_device("/cpu:0"))]
        [0, 1]
    """
    return lambda dataset: dataset.prefetch(2 if buffer_size is None else buffer_size)


def counter(start: Any = 0, step: Any = 1, dtype: Any = np.int64) -> Dataset:
    """Count without end.

    Example:
        >>> import gradtape as tf
        >>> [int(i) for i in tf.data.experimental.Counter(1).take(2)]
        [1, 2]
    """
    return Dataset.counter(start, step, dtype)


def _dataset(value: Any, function: str) -> Any:
    if not isinstance(value, Pipeline):
        raise wrong_type(f"data.experimental.{function}", "dataset", "a Dataset", value)
    return value
