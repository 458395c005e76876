"""XLA's verbs of linear algebra; they cannot raise, so that a matrix without a result gives NaN."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.polynomial.legendre import leggauss

from gradtape.graph.xp_jax_base import verb

# solving


@verb
def solve_linear(a: Any, b: Any) -> Any:
    """The solution of a x = b."""
    return jnp.linalg.solve(*_together(a, b))


def _together(a: Any, b: Any) -> tuple[Any, Any]:
    """Both stacks with the same leading axes."""
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return (
        jnp.broadcast_to(a, (*lead, *a.shape[-2:])),
        jnp.broadcast_to(b, (*lead, *b.shape[-2:])),
    )


@verb
def inverse(a: Any) -> Any:
    """The inverse."""
    return jnp.linalg.inv(a)


@verb
def solve_triangular(a: Any, b: Any, lower: bool, adjoint: bool) -> Any:
    """The solution of a x = b, or of the adjoint system, for a triangle of a."""
    a, b = _together(a, b)
    return jax.lax.linalg.triangular_solve(
        a, b, left_side=True, lower=lower, transpose_a=adjoint, conjugate_a=adjoint
    )


@verb
def solve_tridiagonal(diagonals: Any, b: Any) -> Any:
    """The solution for matrices given by superdiagonal, diagonal and subdiagonal, (..., 3, n)."""
    diagonals, b = _together(diagonals, b)
    n = b.shape[-2]
    upper = jnp.where(jnp.arange(n) < n - 1, diagonals[..., 0, :], 0)
    lower = jnp.where(jnp.arange(n) > 0, diagonals[..., 2, :], 0)
    return jax.lax.linalg.tridiagonal_solve(lower, diagonals[..., 1, :], upper, b)


# factorisations


@verb
def cholesky_lower(a: Any) -> Any:
    """The lower Cholesky factor; the upper triangle of a is not read."""
    return jnp.tril(jax.lax.linalg.cholesky(a, symmetrize_input=False))


@verb
def lu_packed(a: Any) -> tuple[Any, Any]:
    """Both triangles in one matrix, and the permutation: a[permutation] = L U."""
    packed, _, permutation = jax.lax.linalg.lu(a)
    return packed, permutation.astype(np.int32)


@verb
def qr_parts(a: Any, full: bool) -> tuple[Any, Any]:
    """Q and R."""
    found = jnp.linalg.qr(a, "complete" if full else "reduced")
    return found[0], found[1]


@verb
def svd_parts(a: Any, full: bool) -> tuple[Any, Any, Any]:
    """Singular values, left and right singular vectors as columns."""
    u, s, vh = jnp.linalg.svd(a, full_matrices=full)
    return s, u, jnp.conj(jnp.swapaxes(vh, -1, -2))


@verb
def singular_values(a: Any) -> Any:
    """Singular values, largest first."""
    return jnp.linalg.svd(a, compute_uv=False)


@verb
def hermitian_parts(a: Any) -> tuple[Any, Any]:
    """Eigenvalues, smallest first, and eigenvectors as columns; only the lower triangle is read."""
    vectors, values = jax.lax.linalg.eigh(a, lower=True, symmetrize_input=False)
    return values, vectors


@verb
def hermitian_values(a: Any) -> Any:
    """Eigenvalues, smallest first; only the lower triangle is read."""
    return hermitian_parts(a)[0]


@verb
def general_parts(a: Any) -> tuple[Any, Any]:
    """Eigenvalues and eigenvectors as complex numbers."""
    found = jnp.linalg.eig(a)
    return found[0], found[1]


@verb
def general_values(a: Any) -> Any:
    """Eigenvalues as complex numbers."""
    return jnp.linalg.eigvals(a)


# functions of matrices


@verb
def matrix_exponential(a: Any) -> Any:
    """The exponential of matrices."""
    return jax.scipy.linalg.expm(a) if a.size else a


def _largest(a: Any) -> Any:
    return jnp.max(jnp.abs(a), initial=0.0)


@verb
def matrix_square_root(a: Any) -> Any:
    """The principal square root of matrices: the product form of Denman and Beavers' iteration.

    M and X with X^2 = a M converge together to 1 and the root (Higham, Functions of Matrices,
    SIAM 2008, eq. 6.29).
    """
    if a.size == 0:
        return a
    one = jnp.eye(a.shape[-1], dtype=a.dtype)
    limit = 10 * a.shape[-1] * jnp.finfo(a.dtype).eps

    def unfinished(state: Any) -> Any:
        step, m, _ = state
        return (step < 60) & (_largest(m - one) > limit)

    def improve(state: Any) -> Any:
        step, m, x = state
        back = jnp.linalg.inv(m)
        return step + 1, one / 2 + (m + back) / 4, x @ (one + back) / 2

    _, _, root = jax.lax.while_loop(unfinished, improve, (0, a, a))
    return root


# for the integral of x / (1 + t x) over t from 0 to 1; plain floats take the matrix's dtype
GAUSS = [((1 + t) / 2, w / 2) for t, w in zip(*map(np.ndarray.tolist, leggauss(8)), strict=True)]


@verb
def matrix_logarithm(a: Any) -> Any:
    """The principal logarithm of matrices: square roots until near 1, then a Pade approximant.

    log(1 + x) is the sum of w x / (1 + t x) over Gauss and Legendre's nodes, which is the diagonal
    Pade approximant in partial fractions (Higham, Functions of Matrices, SIAM 2008, eq. 11.18).
    """
    if a.size == 0:
        return a
    one = jnp.eye(a.shape[-1], dtype=a.dtype)

    def far(state: Any) -> Any:
        step, x = state
        return (step < 60) & (_largest(jnp.sum(jnp.abs(x - one), -2)) > 0.25)

    def halve(state: Any) -> Any:
        step, x = state
        return step + 1, matrix_square_root(x)

    steps, root = jax.lax.while_loop(far, halve, (0, a))
    x = root - one
    total = jnp.zeros_like(a)
    for node, weight in GAUSS:
        total = total + weight * jnp.linalg.solve(one + node * x, x)
    return total * (2.0**steps).astype(total.real.dtype)
