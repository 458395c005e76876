"""Keras's functions of linear algebra."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras.src import tree

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor
from keras_gradtape.src.ops.promoting import floating, pair


def cholesky(a: Any, upper: bool = False) -> Any:
    """The Cholesky factor."""
    found = tf.linalg.cholesky(convert_to_tensor(a))
    return tf.linalg.adjoint(found) if upper else found


def cholesky_inverse(a: Any, upper: bool = False) -> Any:
    """The inverse of a matrix from its Cholesky factor."""
    a = convert_to_tensor(a)
    one = tf.eye(int(a.shape[-1]), dtype=a.dtype)
    inverse = tf.linalg.triangular_solve(a, tf.broadcast_to(one, a.shape), lower=not upper)
    if upper:
        return tf.matmul(inverse, inverse, transpose_b=True)
    return tf.matmul(inverse, inverse, transpose_a=True)


def det(a: Any) -> Any:
    """The determinant."""
    return tf.linalg.det(convert_to_tensor(a))


def eig(a: Any) -> Any:
    """Eigenvalues and eigenvectors."""
    return tuple(tf.linalg.eig(convert_to_tensor(a)))


def eigh(a: Any) -> Any:
    """Eigenvalues and eigenvectors of a Hermitian matrix."""
    return tuple(tf.linalg.eigh(convert_to_tensor(a)))


def inv(a: Any) -> Any:
    """The inverse."""
    return tf.linalg.inv(convert_to_tensor(a))


def lu_factor(a: Any) -> Any:
    """The LU decomposition as SciPy packs it: factors and pivots.

    A wide matrix is its square part and the rest, L^-1 P B; a tall one is factorised by its first
    rows, once they are in the order that pivoting gives them.
    """
    a = convert_to_tensor(a)
    rows, columns = (int(n) for n in a.shape[-2:])
    if rows > columns:
        return _tall(a, rows, columns)
    factors, order = tf.linalg.lu(a[..., :rows])
    if columns > rows:
        rest = tf.gather(a[..., rows:], order, axis=-2, batch_dims=len(a._shape) - 2)
        one = tf.eye(rows, dtype=a.dtype)
        lower = tf.linalg.band_part(factors, -1, 0)
        lower = lower - tf.linalg.band_part(factors, 0, 0) + one
        factors = tf.concat([factors, tf.linalg.triangular_solve(lower, rest)], -1)
    return factors, _pivots(order, rows)


def _tall(a: Any, rows: int, columns: int) -> Any:
    padded = tf.pad(a, [[0, 0]] * (len(a._shape) - 1) + [[0, rows - columns]])
    order = tf.linalg.lu(tf.stop_gradient(padded)).p
    ordered = tf.gather(a, order, axis=-2, batch_dims=len(a._shape) - 2)
    top = tf.linalg.lu(ordered[..., :columns, :]).lu
    upper = tf.linalg.matrix_transpose(tf.linalg.band_part(top, 0, -1))
    below = tf.linalg.matrix_transpose(ordered[..., columns:, :])
    below = tf.linalg.matrix_transpose(tf.linalg.triangular_solve(upper, below))
    return tf.concat([top, below], -2), _pivots(order, columns)


def _pivots(order: Any, count: int) -> Any:
    """The successive exchanges of rows that make a permutation."""
    start = tf.broadcast_to(tf.range(int(order.shape[-1])), order.shape)

    def step(i: Any, have: Any, found: Any) -> Any:
        wanted = tf.gather(order, tf.reshape(i, [1]), axis=-1)
        moved = tf.gather(have, tf.reshape(i, [1]), axis=-1)
        here = tf.equal(have, wanted)
        place = tf.argmax(tf.cast(here, tf.int32), -1, output_type=tf.int32)
        now = tf.equal(tf.range(int(order.shape[-1])), i)
        have = tf.where(now, wanted, tf.where(here, moved, have))
        return i + 1, have, tf.where(now[:count], place[..., None], found)

    found = tf.zeros([*order.shape[:-1], count], tf.int32)
    return tf.while_loop(lambda i, *_: i < count, step, (tf.constant(0), start, found))[2]


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors or matrices."""
    x = floating(x)
    if axis is None and ord is not None and len(x._shape) == 1:
        axis = 0
    axes = list(range(len(x._shape))) if axis is None else [int(a) for a in np.atleast_1d(axis)]
    if not all([-len(x._shape) <= a < len(x._shape) for a in axes]):
        raise ValueError(f"Invalid axis for shape {tuple(x.shape)}. Received: axis={axis}")
    if ord is None or (ord == "fro" and len(axes) == 2):
        found = tf.sqrt(tf.reduce_sum(tf.abs(x) ** 2, axes, keepdims))
        return found
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    if len(axes) == 2:
        return _matrix_norm(x, ord, axes, keepdims)
    raise ValueError(f"Invalid axis. Expected a vector or matrix. Received: axis={axis}")


def _vector_norm(x: Any, ord: Any, axis: int, keepdims: bool) -> Any:
    size = tf.abs(x)
    if ord in (np.inf, "inf"):
        return tf.reduce_max(size, axis, keepdims)
    if ord == -np.inf:
        return tf.reduce_min(size, axis, keepdims)
    if ord == 0:
        return tf.reduce_sum(tf.cast(tf.not_equal(x, tf.zeros_like(x)), size.dtype), axis, keepdims)
    if isinstance(ord, str):
        raise ValueError(f"Invalid `ord` argument for vector norm. Received: ord={ord}")
    power = tf.cast(ord, size.dtype)
    return tf.pow(tf.reduce_sum(tf.pow(size, power), axis, keepdims), 1.0 / power)


def _matrix_norm(x: Any, ord: Any, axes: list[int], keepdims: bool) -> Any:
    rank = len(x._shape)
    row, column = (a % rank for a in axes)
    if ord in (1, -1, np.inf, -np.inf):
        along, other = (row, column) if abs(ord) == 1 else (column, row)
        sums = tf.reduce_sum(tf.abs(x), along, keepdims=True)
        reduce = tf.reduce_max if ord > 0 else tf.reduce_min
        found = reduce(sums, other, keepdims=True)
    elif ord in (2, -2, "nuc"):
        rest = [i for i in range(rank) if i not in (row, column)]
        s = tf.linalg.svd(tf.transpose(x, (*rest, row, column)), compute_uv=False)
        reduce = {2: tf.reduce_max, -2: tf.reduce_min, "nuc": tf.reduce_sum}[ord]
        found = reduce(s, -1)
        found = tf.reshape(found, [1 if i in (row, column) else x.shape[i] for i in range(rank)])
    else:
        raise ValueError(f"Invalid `ord` argument for matrix norm. Received: ord={ord}")
    return found if keepdims else tf.squeeze(found, sorted((row, column)))


def qr(x: Any, mode: str = "reduced") -> Any:
    """The QR decomposition."""
    if mode not in ("reduced", "complete"):
        raise ValueError(
            "`mode` argument value not supported. Expected one of {'reduced', 'complete'}."
            f" Received: mode={mode}"
        )
    return tuple(tf.linalg.qr(convert_to_tensor(x), full_matrices=mode == "complete"))


def solve(a: Any, b: Any) -> Any:
    """The solution of a x = b."""
    a, b = pair(convert_to_tensor(a), convert_to_tensor(b), float)
    if len(b._shape) == len(a._shape) - 1:
        return tf.squeeze(tf.linalg.solve(a, b[..., None]), -1)
    return tf.linalg.solve(a, b)


def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """The solution of a x = b for a triangular a."""
    a, b = pair(convert_to_tensor(a), convert_to_tensor(b), float)
    if len(b._shape) == len(a._shape) - 1:
        return tf.squeeze(tf.linalg.triangular_solve(a, b[..., None], lower=lower), -1)
    return tf.linalg.triangular_solve(a, b, lower=lower)


def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """The singular value decomposition u, s, vh."""
    x = convert_to_tensor(x)
    if not compute_uv:
        return tf.linalg.svd(x, compute_uv=False)
    s, u, v = tf.linalg.svd(x, full_matrices=full_matrices)
    return u, s, tf.linalg.adjoint(v)


def lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    """The solution of least squares."""
    a, b = pair(convert_to_tensor(a), convert_to_tensor(b), float)
    column = len(b._shape) == 1
    found = tf.matmul(pinv(a, rcond), b[:, None] if column else b)
    return found[:, 0] if column else found


def matrix_rank(x: Any, tol: Any = None) -> Any:
    """The number of singular values above a tolerance."""
    return tf.linalg.matrix_rank(convert_to_tensor(x), tol)


def pinv(x: Any, rcond: float | None = None) -> Any:
    """The pseudoinverse."""
    return tf.linalg.pinv(convert_to_tensor(x), rcond)


def matrix_power(x: Any, n: int) -> Any:
    """The n-th power of square matrices, by squaring; that of the inverse for a negative n."""
    x = floating(x)
    x, n = (tf.linalg.inv(x), -n) if n < 0 else (x, n)
    found = tf.broadcast_to(tf.eye(int(x.shape[-1]), dtype=x.dtype), x.shape)
    while n:
        found = tf.matmul(found, x) if n % 2 else found
        n //= 2
        x = tf.matmul(x, x) if n else x
    return found


def jvp(fun: Any, primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """The value of a function and its derivative along a direction."""
    primals = tree.map_structure(convert_to_tensor, list(primals))
    tangents = tree.map_structure(convert_to_tensor, list(tangents))
    with tf.autodiff.ForwardAccumulator(primals, tangents) as accumulator:
        value = fun(*primals)
    value, aux = value if has_aux else (value, None)
    moved = tree.map_structure(lambda y: accumulator.jvp(y, "zero"), value)
    return (value, moved, aux) if has_aux else (value, moved)
