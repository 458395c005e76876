"""NumPy's verbs of linear algebra: LAPACK through NumPy and SciPy, with errors that help."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from gradtape.core.xp_numpy import verb, xp

SINGULAR = (
    "Input matrix is not invertible. Use tf.linalg.pinv or tf.linalg.lstsq, or add a multiple of "
    "the identity."
)
FAILED = (
    "LAPACK found no solution. Look for NaN and infinite values with tf.debugging.check_numerics."
)


def saying(text: str) -> Callable[..., Any]:
    """Raise with this text in place of LAPACK's."""

    def dress(function: Any) -> Any:
        @wraps(function)
        def call(*arrays: Any, **options: Any) -> Any:
            try:
                return function(*arrays, **options)
            except np.linalg.LinAlgError:
                raise np.linalg.LinAlgError(text) from None

        return call

    return dress


# solving


@verb
@saying(SINGULAR)
def solve_linear(a: Any, b: Any) -> Any:
    """The solution of a x = b."""
    return np.linalg.solve(a, b)


@verb
@saying(SINGULAR)
def inverse(a: Any) -> Any:
    """The inverse."""
    return np.linalg.inv(a)


@verb
def solve_triangular(a: Any, b: Any, lower: bool, adjoint: bool) -> Any:
    """The solution of a x = b, or of the adjoint system, for a triangle of a."""
    if not np.diagonal(a, 0, -2, -1).all():
        raise np.linalg.LinAlgError(SINGULAR)
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if b.size == 0 or math.prod(lead) == 0:
        return np.zeros((*lead, *b.shape[-2:]), b.dtype)
    if not lead:
        return _triangular(a, b, lower, adjoint)
    if math.prod(lead) > a.shape[-1]:
        return _substituted(a, b, lower, adjoint, lead)
    out = np.empty((*lead, *b.shape[-2:]), b.dtype)
    a, b = np.broadcast_to(a, (*lead, *a.shape[-2:])), np.broadcast_to(b, out.shape)
    for place in np.ndindex(lead):
        out[place] = _triangular(a[place], b[place], lower, adjoint)
    return out


def _triangular(a: Any, b: Any, lower: bool, adjoint: bool) -> Any:
    return xp.scipy_linalg.solve_triangular(
        a, b, lower=lower, trans="C" if adjoint else "N", check_finite=False
    )


def _substituted(a: Any, b: Any, lower: bool, adjoint: bool, lead: tuple[int, ...]) -> Any:
    """Substitution row by row, for all matrices of a large stack at once."""
    if adjoint:
        a, lower = np.conj(a.swapaxes(-1, -2)), not lower
    n = a.shape[-1]
    x = np.zeros((*lead, *b.shape[-2:]), b.dtype)
    for i in range(n) if lower else range(n - 1, -1, -1):
        known = slice(0, i) if lower else slice(i + 1, n)
        seen = np.matmul(a[..., i : i + 1, known], x[..., known, :])[..., 0, :]
        x[..., i, :] = (b[..., i, :] - seen) / a[..., i, i, None]
    return x


@verb
@saying(SINGULAR)
def solve_tridiagonal(diagonals: Any, b: Any) -> Any:
    """The solution for matrices given by superdiagonal, diagonal and subdiagonal, (..., 3, n)."""
    lead = np.broadcast_shapes(diagonals.shape[:-2], b.shape[:-2])
    out = np.empty((*lead, *b.shape[-2:]), b.dtype)
    if out.size == 0:
        return out
    bands = np.zeros((*lead, 3, b.shape[-2]), b.dtype)
    bands[..., 0, 1:] = diagonals[..., 0, :-1]
    bands[..., 1, :] = diagonals[..., 1, :]
    bands[..., 2, :-1] = diagonals[..., 2, 1:]
    if b.shape[-2] == 1 and not bands[..., 1, :].all():  # SciPy divides: nan
        raise np.linalg.LinAlgError
    b = np.broadcast_to(b, out.shape)
    for place in np.ndindex(lead):
        out[place] = xp.scipy_linalg.solve_banded(
            (1, 1), bands[place], b[place], check_finite=False
        )
    return out


# factorisations


@verb
@saying(
    "Cholesky decomposition was not successful. The input might not be positive definite: "
    "add a small multiple of the identity, or use tf.linalg.eigh."
)
def cholesky_lower(a: Any) -> Any:
    """The lower Cholesky factor; the upper triangle of a is not read."""
    return np.linalg.cholesky(a)


@verb
def lu_packed(a: Any) -> tuple[Any, Any]:
    """Both triangles in one matrix, and the permutation: a[permutation] = L U."""
    if a.size == 0:
        return a, np.broadcast_to(np.arange(a.shape[-1], dtype=np.int32), a.shape[:-1])
    back, lower, upper = xp.scipy_linalg.lu(a, p_indices=True, check_finite=False)
    return np.tril(lower, -1) + upper, np.argsort(back, axis=-1).astype(np.int32)


@verb
@saying(FAILED)
def qr_parts(a: Any, full: bool) -> tuple[Any, Any]:
    """Q and R."""
    found = np.linalg.qr(a, "complete" if full else "reduced")
    return found[0], found[1]


@verb
@saying(FAILED)
def svd_parts(a: Any, full: bool) -> tuple[Any, Any, Any]:
    """Singular values, left and right singular vectors as columns."""
    u, s, vh = np.linalg.svd(a, full_matrices=full)
    return s, u, np.conj(vh.swapaxes(-1, -2))


@verb
@saying(FAILED)
def singular_values(a: Any) -> Any:
    """Singular values, largest first."""
    return np.linalg.svd(a, compute_uv=False)


@verb
@saying(FAILED)
def hermitian_parts(a: Any) -> tuple[Any, Any]:
    """Eigenvalues, smallest first, and eigenvectors as columns; only the lower triangle is read."""
    found = np.linalg.eigh(a, "L")
    return found[0], found[1]


@verb
@saying(FAILED)
def hermitian_values(a: Any) -> Any:
    """Eigenvalues, smallest first; only the lower triangle is read."""
    return np.linalg.eigvalsh(a, "L")


def _as_complex(x: Any) -> Any:
    return x.astype(np.result_type(x.dtype, np.complex64), copy=False)


@verb
@saying(FAILED)
def general_parts(a: Any) -> tuple[Any, Any]:
    """Eigenvalues and eigenvectors as complex numbers."""
    found = np.linalg.eig(a)
    return _as_complex(found[0]), _as_complex(found[1])


@verb
@saying(FAILED)
def general_values(a: Any) -> Any:
    """Eigenvalues as complex numbers."""
    return _as_complex(np.linalg.eigvals(a))


# functions of matrices


def _each(function: Any, a: Any, what: str) -> Any:
    """The function of each matrix of a stack, in the dtype of the stack."""
    out = np.empty_like(a)
    for place in np.ndindex(a.shape[:-2]):
        if not np.isfinite(a[place]).all():
            raise np.linalg.LinAlgError(f"The matrix has no {what}: it is not finite.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = function(a[place])
        if not np.isfinite(found).all():
            raise np.linalg.LinAlgError(f"The matrix has no {what}.")
        out[place] = _real_if(found, out.dtype, what)
    return out


def _real_if(found: Any, dtype: Any, what: str) -> Any:
    """The result of a real matrix, which must be real but for rounding."""
    if found.dtype.kind != "c" or dtype.kind == "c":
        return found
    limit = 1e3 * np.finfo(dtype).eps * np.max(np.abs(found), initial=0.0)
    if np.max(np.abs(found.imag), initial=0.0) > limit:
        raise np.linalg.LinAlgError(
            f"The matrix has no real {what}. Write tf.cast(x, tf.complex128) for the complex one."
        )
    return found.real


@verb
def matrix_exponential(a: Any) -> Any:
    """The exponential of matrices."""
    return xp.scipy_linalg.expm(a).astype(a.dtype, copy=False)


@verb
def matrix_square_root(a: Any) -> Any:
    """The principal square root of matrices."""
    return _each(xp.scipy_linalg.sqrtm, a, "square root") if a.size else a


@saying("The matrix has no logarithm: it is singular. Add a small multiple of the identity.")
def _nonsingular(a: Any) -> Any:
    np.linalg.inv(a)  # raises for an exact zero, for which SciPy only warns
    return a


@verb
def matrix_logarithm(a: Any) -> Any:
    """The principal logarithm of matrices."""
    if not a.size:
        return a
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    return _each(xp.scipy_linalg.logm, _nonsingular(a.astype(wide)), "logarithm").astype(a.dtype)
