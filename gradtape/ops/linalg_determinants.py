"""Determinants and their logarithms.

The derivative of a determinant is the matrix of its cofactors (Jacobi), which exists for singular
matrices too. From the singular value decomposition U diag(s) V^H it is det(U) det(V^H) times
conj(U) diag(prod of the other s) V^T, and its own derivative has the products that leave out two of
the s: nothing is divided by. So first and second derivatives are right at every matrix; the third
is written with the inverse and raises at singular ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gradtape.core.dispatch import apply
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import (
    add,
    cast,
    conj,
    multiply,
    real,
    reshape,
    safe_multiply,
    subtract,
    sum_axes,
)
from gradtape.ops.exponential import log
from gradtape.ops.linalg_checks import square
from gradtape.ops.linalg_cholesky import cholesky
from gradtape.ops.linalg_diagonals import take_diagonals
from gradtape.ops.linalg_diagonals_public import trace
from gradtape.ops.linalg_solving import inverse
from gradtape.ops.products import adjoint, product, swapped


def _product_without(xp: Any, s: Any, left_out: Any) -> Any:
    """Products over the last axis of s without the places where the mask is set."""
    return xp.prod(xp.where(left_out, xp.ones((), s.dtype), s), axis=-1)


def _parts(xp: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    """s, U, V and det(U) det(V^H)."""
    s, u, v = xp.svd_parts(x, False)
    return s, u, v, xp.linalg.det(u) * xp.conj(xp.linalg.det(v))


def _transposed(xp: Any, x: Any) -> Any:
    return xp.swapaxes(x, -1, -2)


def _by_inverse(xp: Any, x: Any) -> Any:
    """det(x) x^-T where that loses less than half of the digits, else None: 10 times faster."""
    try:
        back = xp.inverse(x)
    except np.linalg.LinAlgError:
        return None
    limit = np.finfo(x.dtype).eps ** -0.5
    sizes = xp.linalg.norm(x, axis=(-2, -1)) * xp.linalg.norm(back, axis=(-2, -1))
    factor = xp.linalg.det(x)[..., None, None]
    if not (xp.all(sizes < limit) and xp.all(xp.isfinite(factor)) and xp.all(factor != 0)):
        return None
    return factor * _transposed(xp, back)


def _cofactor_kernel(xp: Any, x: Any) -> Any:
    if xp.name == "numpy" and x.shape[-1] > 1:
        found = _by_inverse(xp, x)
        if found is not None:
            return found
    s, u, v, sign = _parts(xp, x)
    others = _product_without(xp, s[..., None, :], xp.eye(x.shape[-1], dtype=bool))
    middle = (sign[..., None] * others)[..., None, :]
    return xp.matmul(xp.conj(u) * middle, _transposed(xp, v)).astype(x.dtype)


def _slope_kernel(xp: Any, x: Any, t: Any) -> Any:
    """The derivative of the cofactors along t.

    With D = U^H t V, the derivative of adj(S + D) has -D_ij prod(s without i, j) beside the
    diagonal and the sum of D_kk prod(s without i, k) on it.
    """
    n = x.shape[-1]
    if n == 1:
        return xp.zeros(xp.broadcast_shapes(x.shape, t.shape), x.dtype)
    s, u, v, sign = _parts(xp, x)
    one = xp.eye(n, dtype=bool)
    pairs = _product_without(xp, s[..., None, None, :], one[:, None] | one)
    pairs = xp.where(one, xp.zeros((), s.dtype), pairs)
    inner = xp.matmul(xp.matmul(xp.conj(_transposed(xp, u)), t), v)
    diagonal = xp.diagonal(inner, 0, -2, -1)
    sums = xp.matmul(pairs.astype(x.dtype), diagonal[..., None])
    middle = xp.where(one, sums, -pairs * inner) * sign[..., None, None]
    middle = xp.matmul(xp.conj(u), xp.matmul(_transposed(xp, middle), _transposed(xp, v)))
    return middle.astype(x.dtype)


def _third(x: Any, t: Any, r: Any) -> Any:
    """The derivative of the slope along t in a further direction r, for invertible matrices."""
    m = inverse(x)
    p, q = product(m, t), product(m, r)
    tp, tq = _scalar(trace(p)), _scalar(trace(q))
    pq, qp = product(p, q), product(q, p)
    total = multiply(subtract(multiply(tp, tq), _scalar(trace(pq))), m)
    total = subtract(total, add(multiply(tp, product(q, m)), multiply(tq, product(p, m))))
    total = add(total, product(add(pq, qp), m))
    return swapped(multiply(_scalar(determinant(x)), total))


def _scalar(x: Any) -> Any:
    """Numbers as 1 x 1 matrices."""
    return reshape(x, (*x._shape, 1, 1))


_slope = primitive(
    "cofactor_slope",
    _slope_kernel,
    vjps=[
        lambda ct, x, t: conj(_third(x, t, conj(ct))),
        lambda ct, x: conj(cofactor_slope(x, conj(ct))),
    ],
    jvps=[lambda moved, x, t: _third(x, t, moved), lambda moved, x: cofactor_slope(x, moved)],
    batch=lambda mask, x, t: cofactor_slope(x, t),
    shape=lambda x, t: Spec(x._shape, x._dtype),
    kinds="fc",
    family="linalg",
)


def cofactor_slope(x: Any, t: Any) -> Any:
    """The derivative of the cofactors of x along t."""
    return apply(_slope, (x, t))


_cofactors = primitive(
    "cofactors",
    _cofactor_kernel,
    vjps=[lambda ct, x: conj(cofactor_slope(x, conj(ct)))],
    jvps=[lambda t, x: cofactor_slope(x, t)],
    batch=lambda mask, x: cofactors(x),
    shape=lambda x: Spec(x._shape, x._dtype),
    kinds="fc",
    family="linalg",
)


def cofactors(x: Any) -> Any:
    """The cofactors of square matrices: the derivative of the determinant by each element."""
    return apply(_cofactors, (x,))


_det = primitive(
    "det",
    lambda xp, x: xp.linalg.det(x),
    vjps=[lambda ct, x: safe_multiply(_scalar(ct), conj(cofactors(x)))],
    jvps=[lambda t, x: trace(product(swapped(cofactors(x)), t))],
    batch=lambda mask, x: determinant(x),
    shape=lambda x: Spec(x._shape[:-2], x._dtype),
    kinds="fc",
    family="linalg",
)


def determinant(x: Any) -> Any:
    """The determinants of square matrices."""
    return apply(_det, (x,))


def det(input: Any, name: str | None = None) -> Any:
    """Return the determinants of square matrices.

    Args:
        input: (..., n, n), float32, float64 or complex; singular matrices have a gradient too, that
            of their cofactors.
        name: ignored, for compatibility.

    Returns:
        (...).

    Raises:
        InvalidArgumentError: for matrices that are not square.

    Example:
        >>> import gradtape as tf
        >>> x = tf.constant([[1.0, 2.0], [2.0, 4.0]])
        >>> with tf.GradientTape() as tape:
        ...     tape.watch(x)
        ...     y = tf.linalg.det(x)
        >>> print(tape.gradient(y, x).numpy().round(4))
        [[ 4. -2.]
         [-2.  1.]]
    """
    return determinant(square(input, "det"))


# logarithms


class LogMatrixDeterminant(NamedTuple):
    """What `tf.linalg.slogdet` returns."""

    sign: Any
    log_abs_determinant: Any


def _slogdet_kernel(xp: Any, x: Any) -> tuple[Any, Any]:
    sign, logarithm = xp.linalg.slogdet(x)
    return sign, logarithm.astype(x.dtype)


def _slogdet_vjp(ct: Any, x: Any, out: Any) -> list[Any]:
    factor = ct[1]
    if x._dtype.kind == "c":
        factor = cast(real(factor), x._dtype)
        turn = multiply(ct[0], conj(out[0]))  # its imaginary part belongs to the phase
        factor = add(factor, subtract(turn, cast(real(turn), x._dtype)))
    return [multiply(_scalar(factor), adjoint(inverse(x)))]


def _slogdet_jvp(tangents: Any, x: Any, out: Any) -> list[Any]:
    change = trace(product(inverse(x), tangents[0]))
    if x._dtype.kind != "c":
        return [multiply(change, Tensor(change._dtype.type(0))), change]
    size = cast(real(change), x._dtype)
    return [multiply(out[0], subtract(change, size)), size]


_slogdet = primitive(
    "slogdet",
    _slogdet_kernel,
    joint_vjp=_slogdet_vjp,
    joint_jvp=_slogdet_jvp,
    batch=lambda mask, x: apply(_slogdet, (x,)),
    shape=lambda x: (Spec(x._shape[:-2], x._dtype), Spec(x._shape[:-2], x._dtype)),
    several=True,
    kinds="fc",
    family="linalg",
)


def slogdet(input: Any, name: str | None = None) -> LogMatrixDeterminant:
    """Return the sign and the logarithm of the absolute value of determinants.

    Args:
        input: (..., n, n), float32, float64 or complex.
        name: ignored, for compatibility.

    Returns:
        A named tuple: `sign` (...) and `log_abs_determinant` (...), both of the input's dtype; for
        singular matrices 0 and -inf.

    Raises:
        InvalidArgumentError: for matrices that are not square; in the derivative, for singular
            ones.

    Example:
        >>> import gradtape as tf
        >>> sign, logarithm = tf.linalg.slogdet([[0.0, 1.0], [1.0, 0.0]])
        >>> float(sign), float(logarithm)
        (-1.0, 0.0)
    """
    sign, logarithm = apply(_slogdet, (square(input, "slogdet"),))
    return LogMatrixDeterminant(sign, logarithm)


def logdet(matrix: Any, name: str | None = None) -> Any:
    """Return the logarithms of determinants of Hermitian positive definite matrices.

    Args:
        matrix: (..., n, n), float32, float64 or complex.
        name: ignored, for compatibility.

    Returns:
        (...), real.

    Raises:
        InvalidArgumentError: for matrices that are not positive definite, or not square.

    Example:
        >>> import gradtape as tf
        >>> print(f"{tf.linalg.logdet([[4.0, 0.0], [0.0, 1.0]]):.4f}")
        1.3863
    """
    logarithms = log(real(take_diagonals(cholesky(square(matrix, "logdet")))))
    return sum_axes(add(logarithms, logarithms), (len(logarithms._shape) - 1,))
