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
    """The LU decomposition as SciPy packs it: factors and pivots."""
    factors, order = tf.linalg.lu(convert_to_tensor(a))
    return factors, tf.constant(_pivots(np.asarray(order)))


def _pivots(order: Any) -> Any:
    """Successive exchanges of rows that make a permutation."""
    flat = order.reshape(-1, order.shape[-1])
    found = np.zeros_like(flat)
    for row, wanted in enumerate(flat):
        have = list(range(len(wanted)))
        for i, w in enumerate(wanted):
            j = have.index(w)
            found[row, i] = j
            have[i], have[j] = have[j], have[i]
    return found.reshape(order.shape).astype(np.int32)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norm of vectors or matrices."""
    x = floating(x)
    if axis is None and ord is not None and len(x.shape) == 1:
        axis = 0
    axes = list(range(len(x.shape))) if axis is None else [int(a) for a in np.atleast_1d(axis)]
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
    rank = len(x.shape)
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
    if len(b.shape) == len(a.shape) - 1:
        return tf.squeeze(tf.linalg.solve(a, b[..., None]), -1)
    return tf.linalg.solve(a, b)


def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """The solution of a x = b for a triangular a."""
    a, b = pair(convert_to_tensor(a), convert_to_tensor(b), float)
    if len(b.shape) == len(a.shape) - 1:
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
    column = len(b.shape) == 1
    found = tf.matmul(pinv(a, rcond), b[:, None] if column else b)
    return found[:, 0] if column else found


def matrix_rank(x: Any, tol: Any = None) -> Any:
    """The number of singular values above a tolerance."""
    return tf.linalg.matrix_rank(convert_to_tensor(x), tol)


def pinv(x: Any, rcond: float | None = None) -> Any:
    """The pseudoinverse."""
    return tf.linalg.pinv(convert_to_tensor(x), rcond)


def jvp(fun: Any, primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """The value of a function and its derivative along a direction."""
    primals = tree.map_structure(convert_to_tensor, list(primals))
    tangents = tree.map_structure(convert_to_tensor, list(tangents))
    with tf.autodiff.ForwardAccumulator(primals, tangents) as accumulator:
        value = fun(*primals)
    value, aux = value if has_aux else (value, None)
    moved = tree.map_structure(lambda y: accumulator.jvp(y, "zero"), value)
    return (value, moved, aux) if has_aux else (value, moved)
