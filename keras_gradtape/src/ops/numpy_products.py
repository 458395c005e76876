"""Keras's functions of NumPy that multiply and add up."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras.src.backend.common import standardize_dtype

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor
from keras_gradtape.src.ops.lattice import common
from keras_gradtape.src.ops.numpy_shaping import moveaxis
from keras_gradtape.src.ops.promoting import floating, pair

INT8 = np.dtype(np.int8)


def _tensors(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Two tensors of one dtype; products of int8 are int32."""
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    if x1._dtype == x2._dtype == INT8:
        return tf.cast(x1, tf.int32), tf.cast(x2, tf.int32)
    return pair(x1, x2)


def _of_truth(function: Any, x1: Any, x2: Any) -> Any:
    if x1._dtype.kind == "b":
        return tf.cast(function(tf.cast(x1, tf.int32), tf.cast(x2, tf.int32)), tf.bool)
    return function(x1, x2)


def matmul(x1: Any, x2: Any) -> Any:
    """The product of matrices; vectors count as rows on the left and columns on the right."""
    return _of_truth(_matmul, *_tensors(x1, x2))


def _matmul(x1: Any, x2: Any) -> Any:
    rank1, rank2 = len(x1._shape), len(x2._shape)
    if rank1 == 1 and rank2 == 1:
        return tf.tensordot(x1, x2, 1)
    if rank1 == 1:
        return tf.squeeze(tf.matmul(x1[None, :], x2), -2)
    if rank2 == 1:
        return tf.linalg.matvec(x1, x2)
    if rank2 == 2 and rank1 > 2:
        return tf.tensordot(x1, x2, 1)
    return tf.matmul(x1, x2)


def dot(x1: Any, x2: Any) -> Any:
    """NumPy's dot product: last axis with the last but one."""
    x1, x2 = pair(x1, x2)
    if not len(x1._shape) or not len(x2._shape):
        return tf.logical_and(x1, x2) if x1.dtype == tf.bool else x1 * x2
    axes = [[-1], [-1 if len(x2._shape) == 1 else -2]]
    return _of_truth(lambda a, b: tf.tensordot(a, b, axes), x1, x2)


def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """Products added up along pairs of axes."""
    x1, x2 = pair(x1, x2)
    if not isinstance(axes, int):
        axes = [[int(a) for a in np.atleast_1d(side)] for side in axes]
    return _of_truth(lambda a, b: tf.tensordot(a, b, axes), x1, x2)


def inner(x1: Any, x2: Any) -> Any:
    """Products added up along the last axes."""
    x1, x2 = pair(x1, x2)
    if not len(x1._shape) or not len(x2._shape):
        return dot(x1, x2)
    return _of_truth(lambda a, b: tf.tensordot(a, b, [[-1], [-1]]), x1, x2)


def outer(x1: Any, x2: Any) -> Any:
    """Each element times each."""
    x1, x2 = pair(x1, x2)
    return dot(tf.reshape(x1, [-1, 1]), tf.reshape(x2, [1, -1]))


def vdot(x1: Any, x2: Any) -> Any:
    """The inner product of all elements, the first ones conjugated."""
    x1, x2 = pair(x1, x2)
    x1 = tf.math.conj(x1) if x1.dtype.is_complex else x1
    return dot(tf.reshape(x1, [-1]), tf.reshape(x2, [-1]))


def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Products added up as the letters say."""
    tensors = [convert_to_tensor(x) for x in operands]
    found = {standardize_dtype(x.dtype) for x in tensors}
    dtype = "int32" if found == {"int8"} else common(*found)
    if dtype == "bool":
        whole = tf.einsum(subscripts, *[tf.cast(x, tf.int32) for x in tensors])
        return tf.cast(whole, tf.bool)
    return tf.einsum(subscripts, *[tf.cast(x, dtype) for x in tensors])


def kron(x1: Any, x2: Any) -> Any:
    """The Kronecker product."""
    x1, x2 = pair(x1, x2)
    rank = max(len(x1._shape), len(x2._shape))
    a = [1] * (rank - len(x1._shape)) + list(x1.shape)
    b = [1] * (rank - len(x2._shape)) + list(x2.shape)
    left = tf.reshape(x1, [n for size in a for n in (size, 1)])
    right = tf.reshape(x2, [n for size in b for n in (1, size)])
    product = tf.logical_and(left, right) if x1.dtype == tf.bool else left * right
    return tf.reshape(product, [m * n for m, n in zip(a, b)])


def cross(
    x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Any:
    """The cross product of vectors with two or three components."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x1, x2 = pair(x1, x2)
    a, b = moveaxis(x1, axisa, -1), moveaxis(x2, axisb, -1)
    sizes = a.shape[-1], b.shape[-1]
    if not set(sizes) <= {2, 3}:
        raise ValueError(
            "`x1`'s dim on `axis={axisa}` and `x2`'s must be 2 or 3."
            f" Received: {tuple(x1.shape)} and {tuple(x2.shape)}"
        )
    flat = sizes == (2, 2)
    one, two = [_three(t) for t in (a, b)]
    z = one[0] * two[1] - one[1] * two[0]
    if flat:
        return z
    x = one[1] * two[2] - one[2] * two[1]
    y = one[2] * two[0] - one[0] * two[2]
    return moveaxis(tf.stack([x, y, z], -1), -1, axisc)


def _three(t: Any) -> list[Any]:
    parts = tf.unstack(t, axis=-1)
    return parts if len(parts) == 3 else [*parts, tf.zeros_like(parts[0])]


def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """The cross-correlation of two vectors."""
    x1, x2 = pair(x1, x2)
    dtype = common(x1.dtype, float)
    a, b = tf.cast(x1, dtype), tf.cast(x2, dtype)
    n, m = int(a.shape[0]), int(b.shape[0])
    full = tf.pad(a, [[m - 1, m - 1]])
    places = np.arange(n + m - 1)[:, None] + np.arange(m)[None, :]
    found = tf.linalg.matvec(tf.gather(full, tf.constant(places, tf.int32)), b)
    if mode == "valid":
        low = min(n, m) - 1
        return found[low : low + abs(n - m) + 1]
    if mode == "same":
        size = max(n, m)
        start = (n + m - 1 - size) // 2
        return found[start : start + size]
    return found


def slogdet(x: Any) -> Any:
    """The sign of the determinant and the logarithm of its size."""
    return tuple(tf.linalg.slogdet(floating(x)))


def gcd(x1: Any, x2: Any) -> Any:
    """The greatest common divisor of integers."""
    x1, x2 = pair(x1, x2)
    x1, x2 = tf.broadcast_to(x1, _joint(x1, x2)), tf.broadcast_to(x2, _joint(x1, x2))
    zero = tf.zeros_like(x2)

    def step(a: Any, b: Any) -> Any:
        safe = tf.where(tf.equal(b, zero), tf.ones_like(b), b)
        again = tf.not_equal(b, zero)
        return tf.where(again, b, a), tf.where(again, tf.math.floormod(a, safe), zero)

    goes_on = lambda a, b: tf.reduce_any(tf.not_equal(b, zero))
    return tf.while_loop(goes_on, step, (_size(x1), _size(x2)))[0]


def _size(x: Any) -> Any:
    return x if x.dtype.is_unsigned or x.dtype == tf.bool else tf.abs(x)


def _joint(x1: Any, x2: Any) -> Any:
    return np.broadcast_shapes(tuple(x1.shape), tuple(x2.shape))


def lcm(x1: Any, x2: Any) -> Any:
    """The least common multiple of integers."""
    x1, x2 = pair(x1, x2)
    divisor = gcd(x1, x2)
    safe = tf.where(tf.equal(divisor, tf.zeros_like(divisor)), tf.ones_like(divisor), divisor)
    return _size(tf.math.floordiv(x1, safe) * x2)
