"""Methods that make batches of elements, windows, and elements of batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from gradtape.core.errors import InvalidArgumentError
from gradtape.data.batching import Batch, PaddedBatch, Unbatch, Window
from gradtape.data.padding import Padding
from gradtape.data.pipeline import Pipeline, positive, threads_of
from gradtape.data.plan import Plan
from gradtape.data.rebatching import Rebatch
from gradtape.data.sources import Tabled
from gradtape.ops.static import static


class Gathering(Pipeline):
    """The methods that make batches of elements, windows, and elements of batches."""

    def batch(
        self,
        batch_size: Any,
        drop_remainder: bool = False,
        num_parallel_calls: Any = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> Self:
        """Join so many elements along a new first axis; the last batch may be smaller.

        Args:
            batch_size: how many.
            drop_remainder: whether a smaller last batch is left out.
            num_parallel_calls, deterministic, name: without effect; rows of arrays are read at
                once for a whole batch, and `prefetch` reads ahead.

        Raises:
            InvalidArgumentError: when elements of one batch differ in shape, dtype or structure.

        Example:
            >>> import gradtape as tf
            >>> [batch.numpy().tolist() for batch in tf.data.Dataset.range(5).batch(2)]
            [[0, 1], [2, 3], [4]]
        """
        size = positive(batch_size, "batch", "batch_size", "Batch size")
        threads_of(num_parallel_calls, "batch")
        return self._then(Batch(self._plan, size, bool(drop_remainder)))

    def padded_batch(
        self,
        batch_size: Any,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Self:
        """Join so many elements along a new first axis, each filled up to one shape.

        Args:
            batch_size: how many.
            padded_shapes: the shape for each component, in the structure of the elements; None or
                -1 for a size is the largest one of the batch, and so is everything by default.
            padding_values: what fills up, one scalar or a structure of them; 0 by default.
            drop_remainder: whether a smaller last batch is left out.
            name: without effect.

        Raises:
            DataLossError: when an element is larger than its padded shape.

        Example:
            >>> import gradtape as tf
            >>> ds = tf.data.Dataset.range(1, 4).map(lambda i: tf.fill([i], i))
            >>> [batch.numpy().tolist() for batch in ds.padded_batch(2)]
            [[[1, 0], [2, 2]], [[3, 3, 3]]]
        """
        size = positive(batch_size, "padded_batch", "batch_size", "Batch size")
        fill = Padding(padded_shapes, padding_values).of
        return self._then(PaddedBatch(self._plan, size, bool(drop_remainder), fill))

    def unbatch(self, name: str | None = None) -> Self:
        """Take the elements apart along their first axis.

        Args:
            name: without effect.

        Example:
            >>> import gradtape as tf
            >>> [int(i) for i in tf.data.Dataset.range(4).batch(3).unbatch()]
            [0, 1, 2, 3]
        """
        shapes = [getattr(s, "shape", None) for s in _known(self._plan)]
        if any([shape is not None and shape.rank == 0 for shape in shapes]):
            raise InvalidArgumentError(
                "gradtape.data.Dataset.unbatch: Cannot unbatch an input with scalar components:"
                f" {self._plan.element_spec()}."
            )
        return self._then(Unbatch(self._plan))

    def rebatch(
        self, batch_size: Any, drop_remainder: bool = False, name: str | None = None
    ) -> Self:
        """Join and cut batches to other sizes.

        Args:
            batch_size: the new size, or a list of sizes that take turns.
            drop_remainder: whether a smaller last batch is left out.
            name: without effect.

        Example:
            >>> import gradtape as tf
            >>> [b.numpy().tolist() for b in tf.data.Dataset.range(5).batch(2).rebatch(3)]
            [[0, 1, 2], [3, 4]]
        """
        sizes = static(batch_size, "data.Dataset.rebatch", "batch_size")
        words = ("rebatch", "batch_size", "Batch size")
        sizes = [positive(n, *words) for n in (sizes if isinstance(sizes, list) else [sizes])]
        return self._then(Rebatch(self._plan, sizes, bool(drop_remainder)))

    def window(
        self,
        size: Any,
        shift: Any = None,
        stride: Any = 1,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Self:
        """Make datasets of elements that follow each other.

        An element of the result has, for each component, a dataset; `flat_map` joins them again.

        Args:
            size: how many elements are a window.
            shift: how far the next window begins after the last; by default behind it.
            stride: the distance of the elements of a window.
            drop_remainder: whether smaller last windows are left out.
            name: without effect.

        Example:
            >>> import gradtape as tf
            >>> ds = tf.data.Dataset.range(5).window(3, shift=1, drop_remainder=True)
            >>> [batch.numpy().tolist() for batch in ds.flat_map(lambda w: w.batch(3))]
            [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
        """
        length = positive(size, "window", "size", "Window size")
        step = length if shift is None else positive(shift, "window", "shift", "Window shift")
        distance = positive(stride, "window", "stride", "Window stride")
        drop = bool(drop_remainder)
        return self._then(Window(self._plan, length, step, distance, drop, self._then))


def _known(plan: Plan) -> Sequence[Any]:
    """The specs of the leaves where no function has to be called to see them."""
    return plan.spec()[1] if isinstance(plan, (Tabled, Batch)) else ()
