"""Cholesky factorisation, and what factorisations share.

The derivative takes the differential of the product of the factors apart into triangles (I. Murray,
Differentiation of the Cholesky decomposition, 2016).
"""

from __future__ import annotations

from typing import Any

from gradtape.core.dispatch import apply
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import (
    add,
    cast,
    multiply,
    real,
    subtract,
)
from gradtape.ops.linalg_checks import square
from gradtape.ops.linalg_diagonals import (
    lower_part,
    masked_band,
    on_diagonal,
    take_diagonals,
)
from gradtape.ops.linalg_solving import solve_with_triangle
from gradtape.ops.products import adjoint as adjoint_of
from gradtape.ops.products import product


def half(x: Any) -> Any:
    """x / 2, in its dtype."""
    return multiply(x, Tensor(x._dtype.type(0.5)))


def hermitian_part(x: Any) -> Any:
    """(x + x^H) / 2."""
    return half(add(x, adjoint_of(x)))


def real_diagonal(x: Any) -> Any:
    """The diagonal matrix of the real parts of the diagonal."""
    return on_diagonal(cast(real(take_diagonals(x)), x._dtype))


def divided_right(x: Any, triangle: Any, lower: bool, adjoint: bool) -> Any:
    """x T^-1 for a triangular matrix T, or x T^-H."""
    return adjoint_of(solve_with_triangle(triangle, adjoint_of(x), lower, not adjoint))


# Cholesky


def _lower_half(x: Any) -> Any:
    """The lower triangle with half of the diagonal."""
    return subtract(lower_part(x), half(masked_band(x, 0, 0)))


def _cholesky_vjp(ct: Any, out: Any) -> Any:
    middle = _lower_half(product(adjoint_of(out), ct))
    left = solve_with_triangle(out, middle, adjoint=True)
    return hermitian_part(divided_right(left, out, lower=True, adjoint=False))


def _cholesky_jvp(t: Any, out: Any) -> Any:
    left = solve_with_triangle(out, hermitian_part(t))
    return product(out, _lower_half(divided_right(left, out, lower=True, adjoint=True)))


_cholesky = primitive(
    "cholesky",
    lambda xp, x: xp.cholesky_lower(x),
    vjps=[_cholesky_vjp],
    jvps=[_cholesky_jvp],
    batch=lambda mask, x: apply(_cholesky, (x,)),
    shape=lambda x: Spec(x._shape, x._dtype),
    kinds="fc",
    family="linalg",
)


def cholesky(input: Any, name: str | None = None) -> Any:
    """Return the lower triangular matrices L with L L^H = input.

    Only the lower triangles of the matrices are read. The gradient is Hermitian: it is that along
    Hermitian directions.

    Args:
        input: (..., n, n), Hermitian and positive definite, float32, float64 or complex.
        name: ignored, for compatibility.

    Returns:
        (..., n, n).

    Raises:
        InvalidArgumentError: for matrices that are not positive definite, or not square.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.cholesky([[4.0, 2.0], [2.0, 2.0]]).numpy()
        array([[2., 0.],
               [1., 1.]], dtype=float32)
    """
    return apply(_cholesky, (square(input, "cholesky"),))
