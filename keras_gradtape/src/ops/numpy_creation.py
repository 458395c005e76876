"""Keras's functions of NumPy that make tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras.src.backend.common import standardize_dtype
from keras.src.backend.config import floatx

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor
from keras_gradtape.src.ops.lattice import common
from keras_gradtape.src.ops.numpy_shaping import moveaxis, shape_of
from keras_gradtape.src.ops.promoting import kind, named, operand, pair


def ones(shape: Any, dtype: Any = None) -> Any:
    """Ones of a shape."""
    return tf.ones(shape_of(shape), standardize_dtype(dtype or floatx()))


def zeros(shape: Any, dtype: Any = None) -> Any:
    """Zeros of a shape."""
    return tf.zeros(shape_of(shape), standardize_dtype(dtype or floatx()))


empty = zeros


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """One value in every place."""
    value = convert_to_tensor(fill_value, dtype or floatx())
    return tf.broadcast_to(value, shape_of(shape))


def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones in the shape of another tensor."""
    x = convert_to_tensor(x)
    return tf.ones_like(x, dtype=x.dtype if dtype is None else standardize_dtype(dtype))


def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros in the shape of another tensor."""
    x = convert_to_tensor(x)
    return tf.zeros_like(x, dtype=x.dtype if dtype is None else standardize_dtype(dtype))


empty_like = zeros_like


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """One value in the shape of another tensor."""
    x = convert_to_tensor(x)
    return tf.broadcast_to(convert_to_tensor(fill_value, dtype or x.dtype), x.shape)


def array(x: Any, dtype: Any = None) -> Any:
    """A tensor of a value."""
    return convert_to_tensor(x, dtype=dtype)


def copy(x: Any) -> Any:
    """The same value as a new tensor."""
    return tf.identity(convert_to_tensor(x))


def view(x: Any, dtype: Any = None) -> Any:
    """The bytes of a tensor as another dtype."""
    x = convert_to_tensor(x)
    dtype = standardize_dtype(dtype or x.dtype)
    old, new = x.dtype.size, tf.as_dtype(dtype).size
    if new != old and not len(x._shape):
        raise ValueError(
            "Cannot view a tensor without axes as another dtype of another size. Received:"
            f" x.dtype={x.dtype.name}, dtype={dtype}"
        )
    if new < old:
        found = tf.bitcast(x, dtype)
        return tf.reshape(found, [*x.shape[:-1], -1])
    if new > old:
        x = tf.reshape(x, [*x.shape[:-1], -1, new // old])
    return tf.bitcast(x, dtype)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """Numbers at equal distances."""
    if dtype is None:
        given = [i for i in (start, stop, step) if i is not None]
        dtype = common(*[getattr(i, "dtype", type(i)) for i in given])
    dtype = standardize_dtype(dtype)
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    wide = dtype if dtype not in ("bool", "float16", "bfloat16") else "float32"
    bounds = [
        i if isinstance(i, (int, float)) else convert_to_tensor(i, wide)
        for i in (start, stop, step)
    ]
    if all([isinstance(i, (int, float)) for i in bounds]):
        return convert_to_tensor(np.arange(*bounds).astype(wide), dtype)
    return tf.cast(tf.range(*bounds, dtype=wide), dtype)


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Numbers from start to stop, equally far from each other."""
    if num < 0:
        raise ValueError(f"`num` must be a non-negative integer. Received: num={num}")
    start, stop = operand(start), operand(stop)
    wanted = dtype or common(kind(start), kind(stop), float)
    start, stop = pair(start, stop, float)
    found, step = _spaced(start, stop, num, num - 1 if endpoint else num)
    found = tf.cast(moveaxis(found, 0, axis), wanted)
    return (found, tf.cast(step, wanted)) if retstep else found


def _spaced(start: Any, stop: Any, num: int, gaps: int) -> tuple[Any, Any]:
    """Numbers at equal distances along a new first axis, and the distance; the last is `stop`."""
    step = stop - start
    step = step / tf.cast(gaps, step.dtype) if gaps > 0 else step * tf.cast(np.nan, step.dtype)
    shape = (num, *step.shape)
    if gaps <= 0:
        return tf.broadcast_to(start, shape), step
    places = tf.reshape(tf.cast(tf.range(num), start.dtype), [num, *[1] * len(step._shape)])
    found = start + places * step
    if gaps == num - 1:
        found = tf.where(tf.equal(places, float(gaps)), tf.broadcast_to(stop, shape), found)
    return found, step


def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Powers of a base whose exponents are equally far from each other."""
    found = linspace(start, stop, num, endpoint, axis=axis)
    return tf.cast(tf.pow(tf.cast(base, found.dtype), found), dtype or found.dtype)


def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """Numbers from start to stop with a constant ratio."""
    start, stop = pair(start, stop, float)
    sign = tf.sign(start)
    logs = linspace(tf.math.log(start * sign), tf.math.log(stop * sign), num, endpoint)
    found = moveaxis(sign * tf.exp(logs), 0, axis)
    return tf.cast(found, dtype or found.dtype)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on a diagonal."""
    return convert_to_tensor(np.eye(N, M, k, bool), dtype or floatx())


def identity(n: int, dtype: Any = None) -> Any:
    """The identity matrix."""
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on and below a diagonal."""
    return convert_to_tensor(np.tri(N, M, k, bool), dtype or floatx())


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The powers of the elements as columns."""
    x = convert_to_tensor(x)
    powers = np.arange(x.shape[0] if N is None else N)
    powers = powers if increasing else powers[::-1]
    wide = tf.cast(x, tf.int32) if x.dtype == tf.bool else x
    return tf.pow(wide[..., None], tf.constant(powers.copy(), dtype=wide.dtype))


def _window(name: str, function: Any) -> Any:
    def call(x: Any) -> Any:
        count = int(convert_to_tensor(x))
        return tf.constant(function(count), dtype=floatx())

    return named(name, call)


bartlett = _window("bartlett", np.bartlett)
blackman = _window("blackman", np.blackman)
hamming = _window("hamming", np.hamming)
hanning = _window("hanning", np.hanning)


def kaiser(x: Any, beta: Any) -> Any:
    """Kaiser's window."""
    return tf.constant(np.kaiser(int(convert_to_tensor(x)), float(beta)), dtype=floatx())


def meshgrid(*x: Any, indexing: str = "xy") -> list[Any]:
    """Coordinates as grids."""
    return list(
        tf.meshgrid(*[tf.reshape(convert_to_tensor(i), [-1]) for i in x], indexing=indexing)
    )
