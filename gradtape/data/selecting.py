"""Methods that select and reorder elements."""

from __future__ import annotations

import sys
from typing import Any, Self

from gradtape.core.errors import InvalidArgumentError, UnimplementedError, wrong_type
from gradtape.data.caching import Cache
from gradtape.data.calling import Call
from gradtape.data.grouping import Unique
from gradtape.data.making import enumerated
from gradtape.data.mapping import Filter, IgnoreErrors, TakeWhile
from gradtape.data.ordering import Concatenate, Repeat, Shard, Skip, Take, common_spec
from gradtape.data.pipeline import AUTOTUNE, READ_AHEAD, Pipeline
from gradtape.data.plan import UNKNOWN
from gradtape.data.prefetching import Prefetch
from gradtape.data.seeds import Seeds
from gradtape.data.shuffling import Shuffle
from gradtape.data.sources import Tabled
from gradtape.ops.static import static_int


class Selecting(Pipeline):
    """The methods that select and reorder elements."""

    def shuffle(
        self,
        buffer_size: Any,
        seed: Any = None,
        reshuffle_each_iteration: bool | None = True,
        name: str | None = None,
    ) -> Self:
        """Draw the order of the elements, through a buffer from which each next one is drawn.

        A buffer as large as the dataset gives every order the same chance. Rows of arrays are
        shuffled as numbers, so that a large buffer costs 8 bytes an element there.

        Args:
            buffer_size: how many elements wait; `tf.data.UNKNOWN_CARDINALITY` for all.
            seed: an integer, which fixes the order together with `tf.random.set_seed`.
            reshuffle_each_iteration: whether each iterator and each round has its own order.
            name: without effect.

        Example:
            >>> import gradtape as tf
            >>> ds = tf.data.Dataset.range(5).shuffle(5, seed=1)
            >>> sorted(int(i) for i in ds)
            [0, 1, 2, 3, 4]
        """
        size = static_int(buffer_size, "data.Dataset.shuffle", "buffer_size")
        if size <= 0 and size != UNKNOWN:
            raise InvalidArgumentError(
                "gradtape.data.Dataset.shuffle: buffer_size must be greater than zero or"
                f" UNKNOWN_CARDINALITY, but is {size}."
            )
        seeds = Seeds(seed, reshuffle_each_iteration is not False, "data.Dataset.shuffle")
        return self._then(Shuffle(self._plan, sys.maxsize if size == UNKNOWN else size, seeds))

    def repeat(self, count: Any = None, name: str | None = None) -> Self:
        """Repeat the dataset, for ever by default.

        Args:
            count: how many rounds; None or -1 for ever. name: without effect.

        Example:
            >>> import gradtape as tf
            >>> [int(i) for i in tf.data.Dataset.range(2).repeat(2)]
            [0, 1, 0, 1]
        """
        number = -1 if count is None else static_int(count, "data.Dataset.repeat", "count")
        return self._then(Repeat(self._plan, number))

    def take(self, count: Any, name: str | None = None) -> Self:
        """Keep the first elements.

        Args:
            count: how many; -1 for all. name: without effect.

        Example:
            >>> import gradtape as tf
            >>> [int(i) for i in tf.data.Dataset.range(9).take(2)]
            [0, 1]
        """
        return self._then(Take(self._plan, static_int(count, "data.Dataset.take", "count")))

    def skip(self, count: Any, name: str | None = None) -> Self:
        """Leave out the first elements.

        Args:
            count: how many; -1 for all. name: without effect.

        Example:
            >>> import gradtape as tf
            >>> [int(i) for i in tf.data.Dataset.range(5).skip(3)]
            [3, 4]
        """
        return self._then(Skip(self._plan, static_int(count, "data.Dataset.skip", "count")))

    def shard(self, num_shards: Any, index: Any, name: str | None = None) -> Self:
        """Keep every `num_shards`-th element, from the one with number `index` on.

        Args:
            num_shards: how many parts there are. index: which of them this is, from 0 on.
            name: without effect.

        Example:
            >>> import gradtape as tf
            >>> [int(i) for i in tf.data.Dataset.range(7).shard(3, 1)]
            [1, 4]
        """
        shards = static_int(num_shards, "data.Dataset.shard", "num_shards")
        number = static_int(index, "data.Dataset.shard", "index")
        if shards <= 0 or not 0 <= number < shards:
            raise InvalidArgumentError(
                "gradtape.data.Dataset.shard: num_shards must be greater than zero, and index in"
                f" [0, num_shards): num_shards is {shards} and index is {number}."
            )
        return self._then(Shard(self._plan, shards, number))

    def concatenate(self, dataset: Any, name: str | None = None) -> Self:
        """Append another dataset of the same structure and dtypes.

        Args:
            dataset: the other dataset. name: without effect.

        Raises:
            TypeError: when the elements do not fit.

        Example:
            >>> import gradtape as tf
            >>> [int(i) for i in tf.data.Dataset.range(2).concatenate(tf.data.Dataset.range(2))]
            [0, 1, 0, 1]
        """
        if not isinstance(dataset, Pipeline):
            raise wrong_type("data.Dataset.concatenate", "dataset", "a Dataset", dataset)
        common_spec([self._plan.spec(), dataset._plan.spec()], "concatenate")
        return self._then(Concatenate(self._plan, dataset._plan))

    def cache(self, filename: Any = "", name: str | None = None) -> Self:
        """Keep the elements in memory when they have all been read once.

        Args:
            filename: left out: elements are kept in memory. name: without effect.

        Raises:
            UnimplementedError: when a file is asked for.

        Example:
            >>> import gradtape as tf
            >>> ds = tf.data.Dataset.range(2).map(lambda i: tf.random.uniform([])).cache()
            >>> [float(i) for i in ds] == [float(i) for i in ds]
            True
        """
        if filename:
            raise UnimplementedError(
                "gradtape.data.Dataset.cache: elements are kept in memory, not in files such as"
                f" {str(filename)!r}. Leave the name out, or save arrays with NumPy and give them,"
                " mapped into memory, to from_tensor_slices."
            )
        if isinstance(self._plan, Tabled):
            return self  # it is in memory
        return self._then(Cache(self._plan))

    def prefetch(self, buffer_size: Any, name: str | None = None) -> Self:
        """Read ahead in a thread while the program computes.

        Args:
            buffer_size: how many elements wait at most; `tf.data.AUTOTUNE` for a few (4).
            name: without effect.

        Example:
            >>> import gradtape as tf
            >>> [int(i) for i in tf.data.Dataset.range(3).prefetch(2)]
            [0, 1, 2]
        """
        size = static_int(buffer_size, "data.Dataset.prefetch", "buffer_size")
        if size < AUTOTUNE:
            raise InvalidArgumentError(
                "gradtape.data.Dataset.prefetch: buffer_size must be >= 0, or tf.data.AUTOTUNE, but"
                f" is {size}."
            )
        return self._then(Prefetch(self._plan, READ_AHEAD if size == AUTOTUNE else size))

    def enumerate(self, start: Any = 0, name: str | None = None) -> Self:
        """Give each element its number: elements are (number, element).

        Args:
            start: the first number. name: without effect.

        Example:
            >>> import gradtape as tf
            >>> [(int(i), int(e)) for i, e in tf.data.Dataset.range(3, 5).enumerate(start=10)]
            [(10, 3), (11, 4)]
        """
        number = static_int(start, "data.Dataset.enumerate", "start")
        return self._then(enumerated(self._plan, number))

    def filter(self, predicate: Any, name: str | None = None) -> Self:
        """Keep the elements for which a predicate is true.

        Args:
            predicate: from an element to a scalar of dtype bool; a tuple gives several arguments.
            name: without effect.

        Example:
            >>> import gradtape as tf
            >>> [int(i) for i in tf.data.Dataset.range(5).filter(lambda i: i % 2 == 0)]
            [0, 2, 4]
        """
        return self._then(Filter(self._plan, Call(predicate, "filter", "predicate")))

    def take_while(self, predicate: Any, name: str | None = None) -> Self:
        """Keep the elements before the first one for which a predicate is false.

        Args:
            predicate: from an element to a scalar of dtype bool; a tuple gives several arguments.
            name: without effect.

        Example:
            >>> import gradtape as tf
            >>> [int(i) for i in tf.data.Dataset.range(9).take_while(lambda i: i < 2)]
            [0, 1]
        """
        return self._then(TakeWhile(self._plan, Call(predicate, "take_while", "predicate")))

    def unique(self, name: str | None = None) -> Self:
        """Keep each element once, where it comes first.

        Args:
            name: without effect.

        Example:
            >>> import gradtape as tf
            >>> [int(i) for i in tf.data.Dataset.from_tensor_slices([1, 2, 1, 3]).unique()]
            [1, 2, 3]
        """
        return self._then(Unique(self._plan))

    def ignore_errors(self, log_warning: bool = False, name: str | None = None) -> Self:
        """Leave out the elements whose computation raises an error.

        Args:
            log_warning: whether to warn of each error. name: without effect.

        Example:
            >>> import gradtape as tf
            >>> ds = tf.data.Dataset.range(3).map(lambda i: 6 // int(i))
            >>> [int(i) for i in ds.ignore_errors()]
            [6, 3]
        """
        return self._then(IgnoreErrors(self._plan, bool(log_warning)))
