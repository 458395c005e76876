"""Methods that call functions of elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from gradtape.core.errors import ConversionError, InvalidArgumentError, brief
from gradtape.data.calling import Call, number_of
from gradtape.data.elements import element_of, leaf_of, value_of, whole
from gradtape.data.grouping import Group
from gradtape.data.mapping import Map, Scan, kept
from gradtape.data.mixing import Interleave
from gradtape.data.parallel import ParallelMap
from gradtape.data.pipeline import AUTOTUNE, Pipeline, positive, threads_of
from gradtape.data.specs import up_to
from gradtape.ops.static import static_int

CYCLE = 4  # datasets that interleave opens at once unless it is told


class Computing(Pipeline):
    """The methods that call functions of elements."""

    def map(
        self,
        map_func: Any,
        num_parallel_calls: Any = None,
        deterministic: bool | None = None,
        synchronous: bool | None = None,
        use_unbounded_threadpool: bool = False,
        name: str | None = None,
    ) -> Self:
        """Call a function for each element; what it returns are the elements.

        The function runs as Python, on tensors, when its element is asked for, so that NumPy,
        files and print work in it. Decorated with `tf.function` it runs compiled, which pays for
        whole batches.

        Args:
            map_func: from an element to a structure of tensors, arrays or numbers; a tuple gives
                several arguments. A list that it returns is a tuple.
            num_parallel_calls: call it in so many threads, which pays for functions that leave
                Python, such as NumPy's; `tf.data.AUTOTUNE` for as many as there are processors, if
                a call takes longer than 0.2 ms.
            deterministic: whether elements keep their order when there are threads; True unless
                options say otherwise.
            synchronous, use_unbounded_threadpool, name: without effect.

        Example:
            >>> import gradtape as tf
            >>> ds = tf.data.Dataset.from_tensor_slices(([1, 2], [10, 20]))
            >>> [int(i) for i in ds.map(lambda a, b: a + b)]
            [11, 22]
        """
        call = Call(map_func, "map", "map_func")
        threads = threads_of(num_parallel_calls, "map")
        if not threads:
            return self._then(Map(self._plan, call))
        chosen = self._options.deterministic if deterministic is None else deterministic
        timed = num_parallel_calls is not None and int(num_parallel_calls) == AUTOTUNE
        return self._then(ParallelMap(self._plan, call, threads, chosen is not False, timed))

    def flat_map(self, map_func: Any, name: str | None = None) -> Self:
        """Call a function that returns a dataset for each element, and join the datasets.

        Args:
            map_func: from an element to a dataset; a tuple gives several arguments.
            name: without effect.

        Example:
            >>> import gradtape as tf
            >>> [int(i) for i in tf.data.Dataset.range(4).flat_map(tf.data.Dataset.range)]
            [0, 0, 1, 0, 1, 2]
        """
        return self._then(Interleave(self._plan, Call(map_func, "flat_map", "map_func")))

    def interleave(
        self,
        map_func: Any,
        cycle_length: Any = None,
        block_length: Any = None,
        num_parallel_calls: Any = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> Self:
        """Call a function that returns a dataset for each element, and take from several in turn.

        Args:
            map_func: from an element to a dataset; a tuple gives several arguments.
            cycle_length: how many datasets are open at once; 4 by default.
            block_length: how many elements each gives in its turn; 1 by default.
            num_parallel_calls: when given, each open dataset is read ahead by a thread of its own.
            deterministic, name: without effect: the order is always the same.

        Example:
            >>> import gradtape as tf
            >>> ds = tf.data.Dataset.range(3)
            >>> ds = ds.interleave(lambda i: tf.data.Dataset.from_tensors(i).repeat(3), 2, 2)
            >>> [int(i) for i in ds]
            [0, 0, 1, 1, 0, 1, 2, 2, 2]
        """
        cycle = CYCLE if cycle_length in (None, AUTOTUNE) else cycle_length
        cycle = positive(cycle, "interleave", "cycle_length", "cycle_length")
        block = 1 if block_length is None else block_length
        block = positive(block, "interleave", "block_length", "block_length")
        ahead = threads_of(num_parallel_calls, "interleave") > 0
        call = Call(map_func, "interleave", "map_func")
        return self._then(Interleave(self._plan, call, cycle, block, ahead))

    def scan(self, initial_state: Any, scan_func: Any, name: str | None = None) -> Self:
        """Call a function of a state and each element, which returns the next state and an element.

        Args:
            initial_state: a structure of tensors.
            scan_func: from (state, element) to (next state, element of the result).
            name: without effect.

        Example:
            >>> import gradtape as tf
            >>> ds = tf.data.Dataset.range(1, 5)
            >>> zero = tf.constant(0, tf.int64)
            >>> [int(i) for i in ds.scan(zero, lambda total, i: (total + i, total + i))]
            [1, 3, 6, 10]
        """
        start = element_of(initial_state, "data.Dataset.scan")
        return self._then(Scan(self._plan, start, Call(scan_func, "scan", "scan_func")))

    def reduce(self, initial_state: Any, reduce_func: Any, name: str | None = None) -> Any:
        """Compute one state from all elements.

        Args:
            initial_state: a structure of tensors.
            reduce_func: from (state, element) to the next state, of the same structure and dtypes.
            name: without effect.

        Returns:
            The last state.

        Example:
            >>> import gradtape as tf
            >>> int(tf.data.Dataset.range(5).reduce(tf.constant(0, tf.int64), lambda s, i: s + i))
            10
        """
        call = Call(reduce_func, "reduce", "reduce_func")
        state = element_of(initial_state, call.method)
        for element in self:  # type: ignore[attr-defined]
            state = kept(state, call.of(value_of(state), element), call.method)
        return value_of(state)

    def apply(self, transformation_func: Any) -> Any:
        """Call a function of the dataset that returns a dataset.

        Example:
            >>> import gradtape as tf
            >>> [int(i) for i in tf.data.Dataset.range(4).apply(lambda ds: ds.skip(2))]
            [2, 3]
        """
        call = Call(transformation_func, "apply", "transformation_func")
        found = call.of(self)
        if not isinstance(found, Pipeline):
            raise ConversionError(
                "gradtape.data.Dataset.apply: `transformation_func` must return a Dataset, not"
                f" {brief(found)}."
            )
        return found

    def group_by_window(
        self,
        key_func: Any,
        reduce_func: Any,
        window_size: Any = None,
        window_size_func: Any = None,
        name: str | None = None,
    ) -> Self:
        """Gather elements of equal keys into windows, and join what a function makes of each.

        Args:
            key_func: from an element to an integer.
            reduce_func: from (key, dataset of the window) to a dataset.
            window_size: how many elements are a window. window_size_func: the same by the key.
            name: without effect.

        Example:
            >>> import gradtape as tf
            >>> ds = tf.data.Dataset.range(6)
            >>> ds = ds.group_by_window(lambda i: i % 2, lambda key, w: w.batch(2), window_size=2)
            >>> [batch.numpy().tolist() for batch in ds]
            [[0, 2], [1, 3], [4], [5]]
        """
        if (window_size is None) == (window_size_func is None):
            raise InvalidArgumentError(
                "gradtape.data.Dataset.group_by_window: give either `window_size` or"
                " `window_size_func`."
            )
        if window_size is None:
            size = Call(window_size_func, "group_by_window", "window_size_func")
            sizes = lambda key: number_of(size.of(value_of((None, [np.int64(key)]))), size.method)
        else:
            number = positive(window_size, "group_by_window", "window_size", "Window size")
            sizes = lambda key: number
        keys = Call(key_func, "group_by_window", "key_func")
        reduce = Call(reduce_func, "group_by_window", "reduce_func")
        return self._then(Group(self._plan, keys, reduce, sizes, self._then))

    def bucket_by_sequence_length(
        self,
        element_length_func: Any,
        bucket_boundaries: Sequence[int],
        bucket_batch_sizes: Sequence[int],
        padded_shapes: Any = None,
        padding_values: Any = None,
        pad_to_bucket_boundary: bool = False,
        no_padding: bool = False,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Self:
        """Batch elements of about one length together, each batch padded.

        Args:
            element_length_func: from an element to its length.
            bucket_boundaries: the first lengths of the second and further buckets.
            bucket_batch_sizes: a batch size for each bucket, one more than boundaries.
            padded_shapes, padding_values, drop_remainder: as for `padded_batch`.
            pad_to_bucket_boundary: pad sizes that are open to the boundary less one.
            no_padding: batch without padding.
            name: without effect.

        Example:
            >>> import gradtape as tf
            >>> ds = tf.data.Dataset.range(1, 6).map(lambda n: tf.ones([int(n)]))
            >>> ds = ds.bucket_by_sequence_length(lambda x: len(x), [3], [2, 2])
            >>> [batch.shape.as_list() for batch in ds]
            [[2, 2], [2, 4], [1, 5]]
        """
        method = "data.Dataset.bucket_by_sequence_length"
        bounds = [static_int(b, method, "bucket_boundaries") for b in bucket_boundaries]
        sizes = [static_int(b, method, "bucket_batch_sizes") for b in bucket_batch_sizes]
        if len(sizes) != len(bounds) + 1:
            raise InvalidArgumentError(
                f"gradtape.{method}: `bucket_batch_sizes` must have one more number than"
                f" `bucket_boundaries`: {sizes} and {bounds}."
            )
        length = Call(element_length_func, "bucket_by_sequence_length", "element_length_func")

        def bucket(*element: Any) -> int:
            size = int(np.asarray(leaf_of(length.of(*element), method)))
            return int(np.searchsorted(bounds, size, side="right"))

        def batch(key: Any, window: Any) -> Any:
            size = sizes[int(key)]
            if no_padding:
                return window.batch(size, drop_remainder)
            shapes = padded_shapes
            if pad_to_bucket_boundary:
                shapes = self._up_to_boundary(int(key), bounds, padded_shapes)
            return window.padded_batch(size, shapes, padding_values, drop_remainder)

        return self.group_by_window(bucket, batch, window_size_func=lambda key: sizes[int(key)])

    def _up_to_boundary(self, bucket: int, bounds: Sequence[int], shapes: Any) -> Any:
        """The padded shapes with the boundary of a bucket, less one, for sizes that are open."""
        if bucket == len(bounds):
            raise InvalidArgumentError(
                "gradtape.data.Dataset.bucket_by_sequence_length: When pad_to_bucket_boundary=True,"
                f" elements must have length < max(bucket_boundaries), {max(bounds)}."
            )
        tree, leaves = self._plan.spec()
        given = [leaf.shape for leaf in leaves] if shapes is None else up_to(tree, shapes)
        open_ = (None, -1)
        return whole(tree, [[bounds[bucket] - 1 if n in open_ else n for n in s] for s in given])
