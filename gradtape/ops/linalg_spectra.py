"""Eigenvalues and singular values, with and without vectors.

The derivatives of values need the vectors and never divide by gaps between values; those of vectors
do (M. B. Giles, Collected Matrix Derivative Results, 2008). Where two values are equal to rounding
their vectors are not determined, and what would turn one into the other is zero in the derivative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.dispatch import apply
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.ops.basis import (
    add,
    cast,
    conj,
    multiply,
    negative,
    real,
    real_dtype,
    reshape,
    safe_multiply,
    subtract,
    sum_axes,
)
from gradtape.ops.linalg_checks import square
from gradtape.ops.linalg_cholesky import half
from gradtape.ops.linalg_diagonals import (
    lower_part,
    masked_band,
    on_diagonal,
    take_diagonals,
)
from gradtape.ops.linalg_solving import linear_solve
from gradtape.ops.products import adjoint as adjoint_of
from gradtape.ops.products import product


def complex_dtype(dtype: Any) -> Any:
    """The complex dtype of a real one's precision."""
    return np.result_type(dtype, np.complex64)


def as_column(x: Any) -> Any:
    """Vectors as columns."""
    return reshape(x, (*x._shape, 1))


def as_row(x: Any) -> Any:
    """Vectors as rows."""
    return reshape(x, (*x._shape[:-1], 1, x._shape[-1]))


def scaled_columns(x: Any, factors: Any) -> Any:
    """x diag(factors)."""
    return multiply(x, cast(as_row(factors), x._dtype))


# inverse gaps


def _tiny(xp: Any, w: Any) -> Any:
    """What counts as no difference: rounding of the largest value."""
    eps = max(4, w.shape[-1]) * np.finfo(real_dtype(w.dtype)).eps
    return eps * xp.max(xp.abs(w), axis=-1, keepdims=True, initial=0.0)


def _inverse_or_zero(xp: Any, gap: Any, tiny: Any) -> Any:
    none = xp.abs(gap) <= tiny
    return xp.where(none, xp.zeros((), gap.dtype), 1 / xp.where(none, xp.ones((), gap.dtype), gap))


def _gaps(xp: Any, w: Any) -> Any:
    return _inverse_or_zero(xp, w[..., None, :] - w[..., :, None], _tiny(xp, w)[..., None])


def _gaps_vjp(ct: Any, out: Any) -> Any:
    slope = safe_multiply(ct, conj(multiply(out, out)))
    last = len(slope._shape) - 1
    return subtract(sum_axes(slope, (last,)), sum_axes(slope, (last - 1,)))


def _gaps_jvp(t: Any, out: Any) -> Any:
    return negative(multiply(multiply(out, out), subtract(as_row(t), as_column(t))))


_inverse_gaps = primitive(
    "inverse_gaps",
    _gaps,
    vjps=[_gaps_vjp],
    jvps=[_gaps_jvp],
    batch=lambda mask, w: inverse_gaps(w),
    shape=lambda w: Spec((*w._shape, w._shape[-1]), w._dtype),
    kinds="fc",
    family="linalg",
)


def inverse_gaps(w: Any) -> Any:
    """The matrices 1 / (w[j] - w[i]), zero where the two are equal to rounding."""
    return apply(_inverse_gaps, (w,))


def _inverse_values(xp: Any, s: Any) -> Any:
    return _inverse_or_zero(xp, s, _tiny(xp, s))


_inverses = primitive(
    "inverse_values",
    _inverse_values,
    vjps=[lambda ct, out: negative(safe_multiply(ct, conj(multiply(out, out))))],
    jvps=[lambda t, out: negative(safe_multiply(t, multiply(out, out)))],
    batch=lambda mask, s: inverse_values(s),
    shape=lambda s: Spec(s._shape, s._dtype),
    kinds="fc",
    family="linalg",
)


def inverse_values(s: Any) -> Any:
    """1 / s, zero where s is rounding of the largest value in the last axis."""
    return apply(_inverses, (s,))


def _values_shape(x: Any) -> Spec:
    return Spec(x._shape[:-1], real_dtype(x._dtype))


# Hermitian matrices


def _read_from_lower(given: Any) -> Any:
    """The cotangent of a matrix of which only the lower triangle is read."""
    both = add(given, adjoint_of(given))
    return subtract(lower_part(both), half(masked_band(both, 0, 0)))


def _from_lower(t: Any) -> Any:
    """The Hermitian tangent whose lower triangle is given."""
    strict = lower_part(t, -1)
    middle = on_diagonal(cast(real(take_diagonals(t)), t._dtype))
    return add(add(strict, adjoint_of(strict)), middle)


def _eigvalsh_vjp(ct: Any, x: Any) -> Any:
    _, v = hermitian_eigen(x)
    return _read_from_lower(product(scaled_columns(v, ct), adjoint_of(v)))


def _eigvalsh_jvp(t: Any, x: Any) -> Any:
    _, v = hermitian_eigen(x)
    return real(take_diagonals(product(product(adjoint_of(v), _from_lower(t)), v)))


_eigvalsh = primitive(
    "eigvalsh",
    lambda xp, x: xp.hermitian_values(x),
    vjps=[_eigvalsh_vjp],
    jvps=[_eigvalsh_jvp],
    batch=lambda mask, x: hermitian_values(x),
    shape=_values_shape,
    kinds="fc",
    family="linalg",
)


def hermitian_values(x: Any) -> Any:
    """The eigenvalues of Hermitian matrices."""
    return apply(_eigvalsh, (x,))


def _eigh_vjp(ct: Any, out: Any) -> list[Any]:
    (ct_w, ct_v), (w, v) = ct, out
    inner = product(adjoint_of(v), ct_v)
    inner = multiply(inner, cast(inverse_gaps(w), inner._dtype))
    inner = add(inner, on_diagonal(cast(ct_w, inner._dtype)))
    return [_read_from_lower(product(product(v, inner), adjoint_of(v)))]


def _eigh_jvp(tangents: Any, out: Any) -> list[Any]:
    w, v = out
    inner = product(product(adjoint_of(v), _from_lower(tangents[0])), v)
    turned = multiply(inner, cast(inverse_gaps(w), inner._dtype))
    return [real(take_diagonals(inner)), product(v, turned)]


_eigh = primitive(
    "eigh",
    lambda xp, x: xp.hermitian_parts(x),
    joint_vjp=_eigh_vjp,
    joint_jvp=_eigh_jvp,
    batch=lambda mask, x: hermitian_eigen(x),
    shape=lambda x: (_values_shape(x), Spec(x._shape, x._dtype)),
    several=True,
    kinds="fc",
    family="linalg",
)


def hermitian_eigen(x: Any) -> Any:
    """The eigenvalues and eigenvectors of Hermitian matrices."""
    return apply(_eigh, (x,))


def eigh(tensor: Any, name: str | None = None) -> tuple[Any, Any]:
    """Return the eigenvalues and eigenvectors of Hermitian matrices, smallest first.

    Only the lower triangles are read, and the gradient is lower triangular.

    Args:
        tensor: (..., n, n), float32, float64 or complex.
        name: ignored, for compatibility.

    Returns: Values (..., n), real but of the tensor's dtype, and vectors (..., n, n) as columns. A
        vector's sign (phase) is arbitrary; the gradient of a function that depends on it means
        nothing.

    Raises:
        InvalidArgumentError: for matrices that are not square.

    Example:
        >>> import gradtape as tf
        >>> values, vectors = tf.linalg.eigh([[2.0, 0.0], [0.0, 1.0]])
        >>> values.numpy()
        array([1., 2.], dtype=float32)
    """
    x = square(tensor, "eigh")
    values, vectors = hermitian_eigen(x)
    return cast(values, x._dtype), vectors


def eigvalsh(tensor: Any, name: str | None = None) -> Any:
    """Return the eigenvalues of Hermitian matrices, smallest first.

    Args:
        tensor: (..., n, n), float32, float64 or complex; only the lower triangles are read.
        name: ignored, for compatibility.

    Returns:
        (..., n), real but of the tensor's dtype.

    Raises:
        InvalidArgumentError: for matrices that are not square.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.eigvalsh([[2.0, 0.0], [0.0, 1.0]]).numpy()
        array([1., 2.], dtype=float32)
    """
    x = square(tensor, "eigvalsh")
    return cast(hermitian_values(x), x._dtype)


# general matrices


def _complex_shape(x: Any) -> Spec:
    return Spec(x._shape[:-1], complex_dtype(x._dtype))


def _eigvals_vjp(ct: Any, x: Any) -> Any:
    _, v = general_eigen(x)
    return linear_solve(v, product(on_diagonal(ct), adjoint_of(v)), adjoint=True)


def _eigvals_jvp(t: Any, x: Any) -> Any:
    _, v = general_eigen(x)
    return take_diagonals(linear_solve(v, product(cast(t, v._dtype), v)))


_eigvals = primitive(
    "eigvals",
    lambda xp, x: xp.general_values(x),
    vjps=[_eigvals_vjp],
    jvps=[_eigvals_jvp],
    batch=lambda mask, x: general_eigenvalues(x),
    shape=_complex_shape,
    kinds="fc",
    family="linalg",
)


def general_eigenvalues(x: Any) -> Any:
    """The eigenvalues of square matrices."""
    return apply(_eigvals, (x,))


def _real_diagonal_product(x: Any, y: Any) -> Any:
    """Re of the column-wise inner products of x and y, as a row."""
    inner = sum_axes(multiply(conj(x), y), (len(x._shape) - 2,), True)
    return cast(real(inner), x._dtype)


def _eig_vjp(ct: Any, out: Any) -> list[Any]:
    (ct_w, ct_v), (w, v) = ct, out
    ct_v = subtract(ct_v, multiply(v, _real_diagonal_product(v, ct_v)))
    inner = multiply(product(adjoint_of(v), ct_v), conj(inverse_gaps(w)))
    inner = add(inner, on_diagonal(ct_w))
    return [linear_solve(v, product(inner, adjoint_of(v)), adjoint=True)]


def _eig_jvp(tangents: Any, out: Any) -> list[Any]:
    w, v = out
    inner = linear_solve(v, product(cast(tangents[0], v._dtype), v))
    moved = product(v, multiply(inner, inverse_gaps(w)))
    moved = subtract(moved, multiply(v, _real_diagonal_product(v, moved)))
    return [take_diagonals(inner), moved]


_eig = primitive(
    "eig",
    lambda xp, x: xp.general_parts(x),
    joint_vjp=_eig_vjp,
    joint_jvp=_eig_jvp,
    batch=lambda mask, x: general_eigen(x),
    shape=lambda x: (_complex_shape(x), Spec(x._shape, complex_dtype(x._dtype))),
    several=True,
    kinds="fc",
    family="linalg",
)


def general_eigen(x: Any) -> Any:
    """The eigenvalues and eigenvectors of square matrices."""
    return apply(_eig, (x,))


def eig(tensor: Any, name: str | None = None) -> tuple[Any, Any]:
    """Return the eigenvalues and eigenvectors of square matrices, in no particular order.

    Near a matrix that cannot be diagonalised derivatives grow without bound.

    Args:
        tensor: (..., n, n), float32, float64 or complex.
        name: ignored, for compatibility.

    Returns:
        Values (..., n) and vectors (..., n, n) of length 1 as columns, complex. A vector's phase is
        arbitrary; the gradient of a function that depends on it means nothing.

    Raises:
        InvalidArgumentError: for matrices that are not square or not finite.

    Example:
        >>> import gradtape as tf
        >>> values, vectors = tf.linalg.eig([[0.0, 1.0], [-1.0, 0.0]])
        >>> values.numpy().imag
        array([ 1., -1.], dtype=float32)
    """
    return general_eigen(square(tensor, "eig"))


def eigvals(tensor: Any, name: str | None = None) -> Any:
    """Return the eigenvalues of square matrices, in no particular order.

    Near a matrix that cannot be diagonalised derivatives grow without bound.

    Args:
        tensor: (..., n, n), float32, float64 or complex.
        name: ignored, for compatibility.

    Returns:
        (..., n), complex.

    Raises:
        InvalidArgumentError: for matrices that are not square or not finite.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.eigvals([[0.0, 1.0], [-1.0, 0.0]]).numpy().imag
        array([ 1., -1.], dtype=float32)
    """
    return general_eigenvalues(square(tensor, "eigvals"))
