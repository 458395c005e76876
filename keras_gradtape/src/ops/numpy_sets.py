"""Keras's functions of NumPy that take arrays for sets."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor
from keras_gradtape.src.ops.promoting import pair


def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether elements occur among others."""
    x1, x2 = pair(convert_to_tensor(x1), convert_to_tensor(x2))
    found = tf.reduce_any(tf.equal(x1[..., None], tf.reshape(x2, [-1])), -1)
    return tf.logical_not(found) if invert else found


def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different elements, or slices along an axis; it has no derivative.

    With a `size` there are so many: further ones are left out, missing ones filled up.
    """
    x = np.asarray(convert_to_tensor(x))
    axis = None if axis is None else axis % x.ndim
    values, index, inverse, counts = np.unique(x, True, True, True, axis, equal_nan=False)
    if size is not None:
        values = _sized(values, size, 0 if fill_value is None else fill_value, axis or 0)
        index = _sized(index, size, index[0] if index.size else 0, 0)
        counts = _sized(counts, size, 0, 0)
    more = [(index, return_index), (inverse, return_inverse), (counts, return_counts)]
    found = [convert_to_tensor(a, "int32") for a, wanted in more if wanted]
    values = convert_to_tensor(values)
    return (values, *found) if found else values


def _sized(values: Any, size: int, fill: Any, axis: int) -> Any:
    """So many elements along an axis."""
    count = values.shape[axis]
    if count >= size:
        return np.take(values, range(size), axis)
    shape = [size - count if i == axis else n for i, n in enumerate(values.shape)]
    return np.concatenate([values, np.full(shape, fill, values.dtype)], axis)
