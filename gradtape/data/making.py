"""How datasets are made: of arrays, numbers, generators and other datasets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from gradtape.core.dtypes import as_dtype, from_numpy
from gradtape.core.errors import ConversionError, InvalidArgumentError, brief, wrong_type
from gradtape.core.shapes import TensorSpec
from gradtape.core.tensor import Tensor
from gradtape.data.elements import element_of, leaf_of, numpy_of, parts
from gradtape.data.mixing import Choose, Dice, Zip
from gradtape.data.pipeline import Pipeline
from gradtape.data.plan import Plan
from gradtape.data.seeds import Seeds
from gradtape.data.sources import (
    Counter,
    Generated,
    Iterated,
    Listed,
    Random,
    Range,
    Slices,
    specs_of,
)
from gradtape.ops.static import callable_or_raise, static_int

SLICES = "data.Dataset.from_tensor_slices"
FROM_GENERATOR = "data.Dataset.from_generator"


class Making(Pipeline):
    """The ways to make a dataset."""

    @classmethod
    def from_tensor_slices(cls, tensors: Any, name: str | None = None) -> Self:
        """Make a dataset of the slices of arrays along their first axis.

        Args:
            tensors: an array, or a structure (tuples, dicts) of them, of one first size; lists are
                arrays, and so is what NumPy can read, such as tensors of other libraries, series
                and frames. Arrays are copied; tensors, read-only arrays and memory maps are not.
            name: without effect.

        Raises:
            ValueError: when there is a scalar, or the first sizes differ.

        Example:
            >>> import gradtape as tf
            >>> ds = tf.data.Dataset.from_tensor_slices({"x": [[1, 2], [3, 4]], "y": [5, 6]})
            >>> [(e["x"].numpy().tolist(), int(e["y"])) for e in ds]
            [([1, 2], 5), ([3, 4], 6)]
        """
        tree, values = parts(tensors)
        columns = [_column(value) for value in values]
        if not columns:
            raise InvalidArgumentError(
                f"gradtape.{SLICES}: Invalid `element`. `element` should not be empty."
            )
        if any([np.ndim(column) == 0 for column in columns]):
            raise InvalidArgumentError(
                f"gradtape.{SLICES}: Unbatching a tensor is only supported for rank >= 1, but a"
                " value is a scalar. A dataset of one element is made by from_tensors."
            )
        sizes = sorted({len(column) for column in columns})
        if len(sizes) > 1:
            raise InvalidArgumentError(
                f"gradtape.{SLICES}: Dimensions {sizes[0]} and {sizes[1]} are not compatible: the"
                " arrays must have one first size."
            )
        return cls._made(Slices(tree, columns))

    @classmethod
    def from_tensors(cls, tensors: Any, name: str | None = None) -> Self:
        """Make a dataset of a single element.

        Args:
            tensors: a tensor, or a structure (tuples, dicts) of them.
            name: without effect.

        Example:
            >>> import gradtape as tf
            >>> [e.shape for e in tf.data.Dataset.from_tensors([[1, 2], [3, 4]])]
            [TensorShape([2, 2])]
        """
        element = element_of(tensors, "data.Dataset.from_tensors")
        if not element[1]:
            raise InvalidArgumentError(
                "gradtape.data.Dataset.from_tensors: Invalid `element`. `element` should not be"
                " empty."
            )
        return cls._made(Listed([element], "from_tensors"))

    @classmethod
    def from_generator(
        cls,
        generator: Any,
        output_types: Any = None,
        output_shapes: Any = None,
        args: Any = None,
        output_signature: Any = None,
        name: str | None = None,
    ) -> Self:
        """Make a dataset of what a Python generator yields.

        Args:
            generator: a function that returns an iterable; it is called for each round. Or an
                iterable that can be gone through more than once, such as a list, or a loader or
                a dataset of another library. A list that it yields is a tuple where the signature
                has one.
            output_types: a structure of dtypes, with `output_shapes` a structure of shapes.
            args: tensors that the function gets, as NumPy arrays.
            output_signature: instead of both, a structure of `tf.TensorSpec`. Of an iterable the
                first element tells the structure and the dtypes, and sizes are open.
            name: without effect.

        Raises:
            TypeError: when a function has neither types nor a signature; when an element that is
                yielded does not fit them.

        Example:
            >>> import gradtape as tf
            >>> def count(stop):
            ...     for i in range(stop):
            ...         yield i, [1.0] * i
            >>> ds = tf.data.Dataset.from_generator(
            ...     count,
            ...     args=(3,),
            ...     output_signature=(tf.TensorSpec((), tf.int32), tf.TensorSpec([None])),
            ... )
            >>> [(int(i), x.shape) for i, x in ds]
            [(0, TensorShape([0])), (1, TensorShape([1])), (2, TensorShape([2]))]
        """
        if not callable(generator):
            generator, plan = _repeatable(generator)
            if output_signature is None and output_types is None:
                return cls._made(plan)
        if output_signature is not None:
            if output_types is not None or output_shapes is not None:
                raise ConversionError(
                    f"gradtape.{FROM_GENERATOR}: `output_signature` stands for `output_types` and"
                    " `output_shapes`: leave them out."
                )
            spec = parts(output_signature)
            for leaf in spec[1]:
                if leaf is not None and not isinstance(leaf, TensorSpec):
                    raise wrong_type(FROM_GENERATOR, "output_signature", "tf.TensorSpec", leaf)
        elif output_types is None:
            raise ConversionError(
                f"gradtape.{FROM_GENERATOR}: To specify the output signature you need to provide"
                " either the `output_signature` argument or the `output_types` argument."
            )
        else:
            spec = specs_of(output_types, output_shapes)
        arguments = [numpy_of(element_of(value, FROM_GENERATOR)) for value in args or ()]
        return cls._made(Generated(generator, arguments, spec))

    @classmethod
    def range(cls, *args: Any, output_type: Any = np.int64, name: str | None = None) -> Self:
        """Make a dataset of numbers at equal distances: `range(stop)`, `range(start, stop, step)`.

        Args:
            args: integers, as Python's range takes them.
            output_type: the dtype of the numbers.
            name: without effect.

        Example:
            >>> import gradtape as tf
            >>> list(tf.data.Dataset.range(1, 10, 3).as_numpy_iterator())
            [np.int64(1), np.int64(4), np.int64(7)]
        """
        if not 1 <= len(args) <= 3:
            raise InvalidArgumentError(
                "gradtape.data.Dataset.range: Invalid `args`. The length of `args` should be"
                f" between 1 and 3 but was {len(args)}."
            )
        numbers = [static_int(value, "data.Dataset.range", "args") for value in args]
        if len(numbers) == 3 and numbers[2] == 0:
            raise InvalidArgumentError(
                "gradtape.data.Dataset.range: step must be a non-zero integer."
            )
        steps = range(*numbers)
        dtype = as_dtype(output_type).numpy_dtype
        return cls._made(Range(steps.start, steps.step, len(steps), dtype))

    @classmethod
    def counter(
        cls, start: Any = 0, step: Any = 1, dtype: Any = np.int64, name: str | None = None
    ) -> Self:
        """Make a dataset that counts without end.

        Args:
            start: the first number. step: the distance to the next. dtype: that of the numbers.
            name: without effect.

        Example:
            >>> import gradtape as tf
            >>> [int(i) for i in tf.data.Dataset.counter(5, 2).take(3)]
            [5, 7, 9]
        """
        first = static_int(start, "data.Dataset.counter", "start")
        distance = static_int(step, "data.Dataset.counter", "step")
        return cls._made(Counter(first, distance, as_dtype(dtype).numpy_dtype))

    @classmethod
    def random(
        cls, seed: Any = None, rerandomize_each_iteration: Any = None, name: str | None = None
    ) -> Self:
        """Make a dataset of random int64 numbers in [0, 2**32), without end.

        Args:
            seed: an integer. rerandomize_each_iteration: whether each iterator and each round has
                other numbers. name: without effect.

        Example:
            >>> import gradtape as tf
            >>> ds = tf.data.Dataset.random(seed=1).take(2)
            >>> list(ds.as_numpy_iterator()) == list(ds.as_numpy_iterator())
            True
        """
        seeds = Seeds(seed, bool(rerandomize_each_iteration), "data.Dataset.random")
        return cls._made(Random(seeds))

    @classmethod
    def _zipped(cls, datasets: Any) -> Self:
        tree, found = parts(datasets)
        for dataset in found:
            if not isinstance(dataset, Pipeline):
                hint = " Python `list` is not supported and you should use `tuple` instead."
                raise ConversionError(
                    "gradtape.data.Dataset.zip: Invalid input to `zip`. Inputs are expected to be"
                    f" (nested) structures of `tf.data.Dataset` objects, not {brief(dataset)}."
                    f"{hint if isinstance(dataset, list) else ''}"
                )
        return cls._made(Zip(tree, [dataset._plan for dataset in found]))

    @classmethod
    def sample_from_datasets(
        cls,
        datasets: Sequence[Any],
        weights: Any = None,
        seed: Any = None,
        stop_on_empty_dataset: bool = False,
        rerandomize_each_iteration: Any = None,
    ) -> Self:
        """Take each element from one of several datasets, which is drawn.

        Args:
            datasets: datasets of one element spec.
            weights: a number for each, the chance that it is drawn; equal by default.
            seed: an integer.
            stop_on_empty_dataset: whether all ends with the first dataset that ends; otherwise with
                the last one.
            rerandomize_each_iteration: whether each iterator and each round has other draws.

        Raises:
            ValueError: when there are no datasets, or weights do not fit them.

        Example:
            >>> import gradtape as tf
            >>> zeros, ones = (tf.data.Dataset.from_tensors(i).repeat() for i in (0, 1))
            >>> ds = tf.data.Dataset.sample_from_datasets([zeros, ones], [0.0, 1.0]).take(3)
            >>> [int(i) for i in ds]
            [1, 1, 1]
        """
        plans = _plans(datasets, "sample_from_datasets")
        shares = np.ones(len(plans)) if weights is None else np.asarray(weights, np.float64)
        if shares.shape != (len(plans),):
            raise InvalidArgumentError(
                "gradtape.data.Dataset.sample_from_datasets: Invalid `weights`. `weights` should"
                f" have the same length as `datasets` but got {list(shares.shape)} vs."
                f" `len(datasets)={len(plans)}`."
            )
        if not (shares >= 0).all() or not shares.sum() > 0:
            raise InvalidArgumentError(
                "gradtape.data.Dataset.sample_from_datasets: `weights` must be non-negative, and"
                f" one of them positive: {shares.tolist()}."
            )
        again = bool(rerandomize_each_iteration)
        dice = Dice(shares.tolist(), Seeds(seed, again, "data.Dataset.sample_from_datasets"))
        return cls._made(Choose(dice, plans, stop_on_empty_dataset, "sample_from_datasets"))

    @classmethod
    def choose_from_datasets(
        cls, datasets: Sequence[Any], choice_dataset: Any, stop_on_empty_dataset: bool = True
    ) -> Self:
        """Take each element from one of several datasets, which another one chooses.

        Args:
            datasets: datasets of one element spec.
            choice_dataset: a dataset of scalars in [0, len(datasets)).
            stop_on_empty_dataset: whether all ends with the first dataset that ends when it is
                chosen; otherwise its choices are passed over.

        Example:
            >>> import gradtape as tf
            >>> letters = [tf.data.Dataset.from_tensors(i).repeat() for i in (10, 20)]
            >>> choice = tf.data.Dataset.from_tensor_slices([0, 1, 1])
            >>> [int(i) for i in tf.data.Dataset.choose_from_datasets(letters, choice)]
            [10, 20, 20]
        """
        plans = _plans(datasets, "choose_from_datasets")
        if not isinstance(choice_dataset, Pipeline):
            function = "data.Dataset.choose_from_datasets"
            raise wrong_type(function, "choice_dataset", "a Dataset", choice_dataset)
        choices = choice_dataset._plan
        return cls._made(Choose(choices, plans, stop_on_empty_dataset, "choose_from_datasets"))


class Zipping:
    """`zip` of a class or of a dataset: `Dataset.zip(a, b)`, `Dataset.zip((a, b))`, `a.zip(b)`."""

    def __get__(self, dataset: Any, owner: Any) -> Any:
        def zip(*args: Any, datasets: Any = None, name: str | None = None) -> Any:
            """Put the elements of several datasets side by side, until one of them ends.

            Args:
                args: datasets, or one structure (tuples, dicts) of them. Called on a dataset, that
                    is the first.
                datasets: the structure, by name.
                name: without effect.

            Example:
                >>> import gradtape as tf
                >>> a, b = tf.data.Dataset.range(3), tf.data.Dataset.range(10, 15)
                >>> [(int(x), int(y)) for x, y in tf.data.Dataset.zip(a, b)]
                [(0, 10), (1, 11), (2, 12)]
            """
            if not args and datasets is None:
                raise ConversionError("gradtape.data.Dataset.zip: Must pass at least one dataset.")
            if args and datasets is not None:
                raise ConversionError(
                    "gradtape.data.Dataset.zip: Both `*args` and `datasets` cannot be set."
                )
            if dataset is not None:
                return owner._zipped((dataset, *(args or (datasets,))))
            if len(args) == 1:
                datasets = args[0]
            return owner._zipped(args if datasets is None else datasets)

        return zip


def _column(value: Any) -> Any:
    """An array whose rows are elements; copied unless nobody can write to it, or it is a file."""
    given = isinstance(value, np.ndarray) and value.dtype.isnative and value.dtype.kind in "fiubc"
    if given and (isinstance(value, np.memmap) or not value.flags.writeable):
        from_numpy(value.dtype)
        return value.view(np.ndarray)
    try:
        column = leaf_of(value, SLICES)
    except ConversionError as error:
        if hasattr(value, "columns"):  # of a frame
            error.add_note("Columns of several kinds are arrays of their own: write dict(frame).")
        raise
    if not isinstance(column, (np.ndarray, np.generic)):
        raise wrong_type(SLICES, "tensors", "arrays", value)
    return column


def _repeatable(iterable: Any) -> tuple[Callable[[], Any], Iterated]:
    """A function that returns an iterable, and the plan without a signature; TypeError for what can
    be gone through only once, or not at all."""
    if not hasattr(iterable, "__iter__"):
        callable_or_raise(iterable, FROM_GENERATOR, "generator")
    if hasattr(iterable, "__next__"):
        raise ConversionError(
            f"gradtape.{FROM_GENERATOR}: {brief(iterable)} can be gone through only once, and every"
            " round begins anew. Give a function that returns a new one, such as the generator"
            " function itself."
        )
    return lambda: iterable, Iterated(iterable)


def _plans(datasets: Any, method: str) -> list[Plan]:
    if datasets is not None and not isinstance(datasets, (list, tuple, Tensor, Pipeline)):
        raise wrong_type(f"data.Dataset.{method}", "datasets", "a list of datasets", datasets)
    if isinstance(datasets, (Tensor, Pipeline)) or not datasets:
        raise InvalidArgumentError(
            f"gradtape.data.Dataset.{method}: Invalid `datasets`. `datasets` should not be empty:"
            " give a list of datasets."
        )
    for dataset in datasets:
        if not isinstance(dataset, Pipeline):
            raise wrong_type(f"data.Dataset.{method}", "datasets", "a list of datasets", dataset)
    return [dataset._plan for dataset in datasets]


def enumerated(plan: Plan, start: int) -> Plan:
    """The elements of a plan, each with its number."""
    return Zip(2, [Counter(start, 1, np.dtype(np.int64)), plan])
