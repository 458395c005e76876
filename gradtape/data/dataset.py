"""`Dataset`: a pipeline of data behind TensorFlow's interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, Self

from gradtape.core.dtypes import int64
from gradtape.core.errors import InvalidArgumentError, UnimplementedError, wrong_type
from gradtape.core.tensor import Tensor
from gradtape.data.coding import windows
from gradtape.data.computing import Computing
from gradtape.data.gathering import Gathering
from gradtape.data.iterator import Iterator, NumpyIterator
from gradtape.data.making import Making, Zipping
from gradtape.data.options import Options
from gradtape.data.plan import INFINITE
from gradtape.data.selecting import Selecting
from gradtape.data.sources import Listed

LEFT_OUT = {
    "list_files": "list files with glob or pathlib, and give the names to from_tensor_slices",
    "save": "save arrays with NumPy",
    "load": "load arrays with NumPy (mmap_mode='r' for large ones), for from_tensor_slices",
    "snapshot": "use cache(), or save arrays with NumPy",
    "ragged_batch": "there are no ragged tensors: use padded_batch",
    "sparse_batch": "there are no sparse tensors: use padded_batch",
    "rejection_resample": "use filter with tf.random.uniform, or sample_from_datasets",
    "fingerprint": "there is no graph of a pipeline",
}


class Dataset(Making, Selecting, Computing, Gathering):
    """A pipeline of data: a source, and what is done to its elements, lazily.

    Elements are tensors, or structures of them: tuples, dicts and named tuples; a list is a tensor.
    A dataset has no position. Iterating over it opens an `Iterator`, whose position can be saved.

    Datasets are made by `from_tensor_slices`, `from_tensors`, `from_generator` and `range`.

    Example:
        >>> import gradtape as tf
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
        >>> ds = tf.data.Dataset.from_tensor_slices((x, y))
        >>> ds = ds.map(lambda x, y: (2.0 * x, y)).batch(3)
        >>> for x, y in ds:
        ...     print(x.numpy().tolist(), y.numpy().tolist())
        [[0.0], [2.0], [4.0]] [0, 1, 0]
        [[6.0]] [1]
    """

    zip = Zipping()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(
            "gradtape.data.Dataset: a dataset is made by from_tensor_slices, from_tensors,"
            " from_generator or range."
        )

    def __iter__(self) -> Iterator:
        return Iterator(self._plan)

    def as_numpy_iterator(self) -> NumpyIterator:
        """Return an iterator over the elements as NumPy arrays, which cannot be written to.

        Example:
            >>> import gradtape as tf
            >>> list(tf.data.Dataset.range(2).as_numpy_iterator())
            [np.int64(0), np.int64(1)]
        """
        return NumpyIterator(self._plan)

    @property
    def element_spec(self) -> Any:
        """The structure of `tf.TensorSpec` that the elements fit.

        Functions given to `map` are recorded to find it, as TensorFlow records them; one that
        cannot be is called for a first element, and the sizes of what it returns are open.
        """
        return self._plan.element_spec()

    def cardinality(self) -> Tensor:
        """Return the number of elements, INFINITE_CARDINALITY or UNKNOWN_CARDINALITY.

        Returns:
            A scalar of dtype int64.

        Example:
            >>> import gradtape as tf
            >>> ds = tf.data.Dataset.range(10).batch(3)
            >>> int(ds.cardinality()), int(ds.repeat().cardinality())
            (4, -1)
        """
        return Tensor(int64.numpy_dtype.type(self._plan.count()))

    def __len__(self) -> int:
        count = self._plan.count()
        if count < 0:
            which = "infinite" if count == INFINITE else "unknown"
            text = (
                "The dataset is infinite."
                if count == INFINITE
                else "The dataset length is unknown."
            )
            hint = "Write ds.take(n)." if which == "infinite" else "Write sum(1 for _ in ds)."
            raise TypeError(f"gradtape.data.Dataset: {text} {hint}")
        return count

    def __bool__(self) -> bool:
        return True

    def get_single_element(self, name: str | None = None) -> Any:
        """Return the only element.

        Raises:
            InvalidArgumentError: when there is no element, or more than one.

        Example:
            >>> import gradtape as tf
            >>> int(tf.data.Dataset.from_tensors(5).get_single_element())
            5
        """
        found = list(self.take(2))
        if len(found) != 1:
            words = "more than one element" if found else "no element"
            raise InvalidArgumentError(
                f"gradtape.data.Dataset.get_single_element: Dataset had {words}. Write"
                " next(iter(ds)) for the first one."
            )
        return found[0]

    def options(self) -> Options:
        """Return the options of this dataset.

        Example:
            >>> import gradtape as tf
            >>> tf.data.Dataset.range(2).options().deterministic is None
            True
        """
        return self._options

    def with_options(self, options: Any, name: str | None = None) -> Self:
        """Return the dataset with options, which what is built on it inherits.

        Args:
            options: a `tf.data.Options`. name: without effect.

        Example:
            >>> import gradtape as tf
            >>> options = tf.data.Options()
            >>> options.deterministic = False
            >>> ds = tf.data.Dataset.range(3).with_options(options)
            >>> sorted(int(i) for i in ds.map(lambda i: 2 * i, num_parallel_calls=2))
            [0, 2, 4]
        """
        if not isinstance(options, Options):
            raise wrong_type("data.Dataset.with_options", "options", "a tf.data.Options", options)
        return self._made(self._plan, self._options.merge(options))

    def __repr__(self) -> str:
        return f"<gradtape.data.Dataset: {self._plan}>"


def _refusing(name: str) -> Callable[..., NoReturn]:
    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise UnimplementedError(f"gradtape.data.Dataset.{name} is left out: {LEFT_OUT[name]}.")

    refuse.__doc__ = f"Raise UnimplementedError: {LEFT_OUT[name]}."
    return refuse


windows.append(lambda elements: Dataset._made(Listed(elements, "window")))
for _name in LEFT_OUT:
    setattr(Dataset, _name, staticmethod(_refusing(_name)))
