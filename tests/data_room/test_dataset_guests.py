"""Data of other libraries: stand-ins that keep to the protocols of pandas, PyTorch, Hugging Face."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape import keras

Dataset = tf.data.Dataset


class Guest:
    """What has an array, as series and tensors of other libraries."""

    def __init__(self, values: Any, dtype: Any) -> None:
        self.values = np.array(values, dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.values if dtype is None else self.values.astype(dtype)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, key: Any) -> Any:
        return self.values[key]


class Frame(Guest):
    """What has columns of several dtypes, and an array of their common one."""

    def __init__(self, **columns: Guest) -> None:
        self.columns = columns
        arrays = [np.asarray(c) for c in columns.values()]
        words = any([a.dtype.kind == "U" for a in arrays])
        self.values = np.stack([a.astype(object) if words else a for a in arrays], 1)

    def keys(self) -> Any:
        return self.columns.keys()

    def __getitem__(self, key: Any) -> Any:
        return self.columns[key]


class Loader:
    """Batches as lists of tensors, anew each time, as PyTorch's DataLoader gives them."""

    def __iter__(self) -> Iterator[Any]:
        for start in (0, 2):
            rows = range(start, start + 2)
            yield [Guest([[i, 0.5] for i in rows], np.float32), Guest(rows, np.int64)]


class Rows:
    """Rows as dicts of Python values, as a dataset of Hugging Face gives them."""

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[Any]:
        for i, word in enumerate(["oak", "fir", "elm"]):
            yield {"size": [float(i), 0.5], "label": i, "name": word}


def plain(ds: Any) -> list[Any]:
    """The elements as Python values."""
    return [
        tf.nest.map_structure(lambda x: x if isinstance(x, str) else x.numpy().tolist(), element)
        for element in ds
    ]


FRAME = Frame(a=Guest([1.0, 2.0], np.float64), n=Guest([3, 4], np.int64))


def test_a_frame_is_an_array_and_its_columns_are_arrays() -> None:
    assert plain(Dataset.from_tensor_slices(FRAME)) == [[1.0, 3.0], [2.0, 4.0]]
    ds = Dataset.from_tensor_slices((dict(FRAME), FRAME["n"]))
    assert plain(ds) == [({"a": 1.0, "n": 3}, 3), ({"a": 2.0, "n": 4}, 4)]
    assert [s.dtype for s in ds.element_spec[0].values()] == [tf.float64, tf.int64]


def test_a_frame_of_words_and_numbers_is_told_how_to_come_in() -> None:
    frame = Frame(a=Guest([1.0, 2.0], np.float64), name=Guest(["oak", "fir"], str))
    with pytest.raises(ValueError, match="dtype object") as caught:
        Dataset.from_tensor_slices(frame)
    assert caught.value.__notes__ == [
        "Columns of several kinds are arrays of their own: write dict(frame)."
    ]
    assert plain(Dataset.from_tensor_slices(dict(frame)))[1] == {"a": 2.0, "name": "fir"}


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int8, np.bool_])
def test_tensors_of_other_libraries_keep_their_dtype(dtype: Any) -> None:
    guest = Guest([0, 1], dtype)
    for made in (
        tf.constant(guest),
        tf.Variable(guest),
        tf.convert_to_tensor([guest, guest])[0],
        next(iter(Dataset.from_tensors(guest))),
        tf.reshape(guest, [2]),
    ):
        assert made.dtype == tf.as_dtype(dtype)
        assert made.numpy().tolist() == guest.values.tolist()
    assert (tf.constant([1.0, 2.0]) * Guest([2.0, 4.0], np.float64)).dtype == tf.float32


SIGNATURE = (tf.TensorSpec([None, 2]), tf.TensorSpec([None], tf.int64))


@pytest.mark.parametrize(
    "ds",
    [
        Dataset.from_generator(Loader()),
        Dataset.from_generator(Loader(), output_signature=SIGNATURE),
        Dataset.from_generator(Loader, output_signature=SIGNATURE),
    ],
)
def test_a_loader_comes_in_again_and_again(ds: Any) -> None:
    batches = [([[0.0, 0.5], [1.0, 0.5]], [0, 1]), ([[2.0, 0.5], [3.0, 0.5]], [2, 3])]
    for _ in range(2):
        assert plain(ds) == batches
    assert plain(ds.unbatch().batch(4).prefetch(1)) == [
        ([[0.0, 0.5], [1.0, 0.5], [2.0, 0.5], [3.0, 0.5]], [0, 1, 2, 3])
    ]
    assert [spec.dtype for spec in ds.element_spec] == [tf.float32, tf.int64]


def test_rows_come_in_as_dicts() -> None:
    ds = Dataset.from_generator(Rows())
    assert plain(ds)[2] == {"label": 2, "name": "elm", "size": [2.0, 0.5]}
    assert ds.element_spec["label"] == tf.TensorSpec([], tf.int32)
    batches = plain(ds.map(lambda row: (row["size"], row["label"])).batch(3))
    assert batches == [([[0.0, 0.5], [1.0, 0.5], [2.0, 0.5]], [0, 1, 2])]


def test_nothing_is_read_before_somebody_iterates() -> None:
    read = []

    class Told(Loader):
        def __iter__(self) -> Iterator[Any]:
            read.append(1)
            return super().__iter__()

    ds = Dataset.from_generator(Told()).prefetch(1)
    assert read == []
    next(iter(ds))
    assert read


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(1.5, tf.int32), ([0, 300], tf.uint8), (np.int64(2**40), tf.int32), (1j, tf.float32)],
)
def test_what_does_not_fit_a_signature_is_refused(value: Any, dtype: Any) -> None:
    ds = Dataset.from_generator(lambda: [value], output_signature=tf.TensorSpec(None, dtype))
    with pytest.raises(TypeError, match="could not be converted to the expected type"):
        next(iter(ds))


def test_keras_takes_them() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.set_weights([np.zeros((2, 1)), np.zeros(1)])
    model.compile("sgd", "mse")
    batches = list(Loader())
    x, y = (np.concatenate([np.asarray(b[i]) for b in batches]) for i in range(2))
    known = model.evaluate(x, y, batch_size=2, verbose=0)
    assert known == pytest.approx(np.mean(y.astype(float) ** 2))
    loaded = Dataset.from_generator(Loader())
    assert model.evaluate(loaded, steps=2, verbose=0) == pytest.approx(known)
    rows = Dataset.from_generator(Rows()).map(lambda r: (r["size"], tf.cast(r["label"], "float32")))
    assert model.evaluate(rows.batch(2), steps=2, verbose=0) == pytest.approx(5.0 / 3.0)
