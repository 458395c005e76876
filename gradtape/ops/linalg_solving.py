"""Linear systems: general, triangular and tridiagonal ones, inverses and least squares.

The derivative of x = A^-1 b is A^-1 (db - dA x) (M. B. Giles, Collected Matrix Derivative Results,
2008); its transpose solves the adjoint system.
"""

from __future__ import annotations

from typing import Any

from gradtape.core.dispatch import apply
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.ops.basis import (
    align,
    broadcast_shapes,
    negative,
    reshape,
    size_of,
    subtract,
    transpose,
)
from gradtape.ops.linalg_checks import square, square_system
from gradtape.ops.linalg_diagonals import lower_part, upper_part
from gradtape.ops.products import adjoint as adjoint_of
from gradtape.ops.products import product

import gradtape.core.xp_numpy_linalg  # noqa: F401  isort: skip


def side_by_side(function: Any, matrix: Any, rhs: Any) -> Any:
    """Solve for a stack of right sides of one matrix at once, as columns of one right side."""
    *lead, rows, columns = rhs._shape
    if not lead or len(matrix._shape) > 2:
        return function(matrix, rhs)
    rank = len(rhs._shape)
    wide = transpose(rhs, (rank - 2, *range(rank - 2), rank - 1))
    out = function(matrix, reshape(wide, (rows, size_of((*lead, columns)))))
    out = reshape(out, (out._shape[0], *lead, columns))
    return transpose(out, (*range(1, rank - 1), 0, rank - 1))


def by_matrices(function: Any) -> Any:
    """The batching rule of a function of stacks of matrices, whose leading axes broadcast."""
    return lambda mask, *inputs, **params: function(*align(mask, inputs), **params)


def _solved_shape(matrix: Any, rhs: Any, **params: Any) -> Spec:
    lead = broadcast_shapes(matrix._shape[:-2], rhs._shape[:-2])
    return Spec((*lead, matrix._shape[-1], rhs._shape[-1]), rhs._dtype)


def _moved_rhs(tangents: Any, out: Any, adjoint: bool) -> Any:
    """db - dA x, or that of the adjoint system."""
    moved, rhs = tangents
    if moved is None:
        return rhs
    change = product(adjoint_of(moved) if adjoint else moved, out)
    return negative(change) if rhs is None else subtract(rhs, change)


def _matrix_cotangent(given: Any, out: Any, adjoint: bool) -> Any:
    """The cotangent of A from that of b."""
    left, right = (out, given) if adjoint else (given, out)
    return negative(product(left, adjoint_of(right)))


# general systems


def _solve_kernel(xp: Any, matrix: Any, rhs: Any, *, adjoint: bool) -> Any:
    return xp.solve_linear(xp.conj(xp.swapaxes(matrix, -1, -2)) if adjoint else matrix, rhs)


def _solve_vjp(ct: Any, matrix: Any, out: Any, wanted: Any, adjoint: bool) -> list[Any]:
    given = linear_solve(matrix, ct, not adjoint)
    return [_matrix_cotangent(given, out, adjoint) if wanted[0] else None, given]


def _solve_jvp(tangents: Any, matrix: Any, out: Any, adjoint: bool) -> Any:
    return linear_solve(matrix, _moved_rhs(tangents, out, adjoint), adjoint)


_solve = primitive(
    "solve",
    _solve_kernel,
    joint_vjp=_solve_vjp,
    joint_jvp=_solve_jvp,
    batch=by_matrices(lambda matrix, rhs, adjoint: linear_solve(matrix, rhs, adjoint)),
    shape=_solved_shape,
    broadcasts=True,
    kinds="fc",
    family="linalg",
)


def linear_solve(matrix: Any, rhs: Any, adjoint: bool = False) -> Any:
    """The solution of matrix x = rhs, or of the adjoint system; leading axes broadcast."""
    return side_by_side(lambda a, b: apply(_solve, (a, b), {"adjoint": adjoint}), matrix, rhs)


def solve(matrix: Any, rhs: Any, adjoint: bool = False, name: str | None = None) -> Any:
    """Solve the linear systems matrix x = rhs.

    Args:
        matrix: (..., n, n), float32, float64 or complex.
        rhs: (..., n, k) of the same dtype; leading axes broadcast.
        adjoint: solve with the conjugate transposes of the matrices.
        name: ignored, for compatibility.

    Returns:
        (..., n, k).

    Raises:
        InvalidArgumentError: for singular matrices, and shapes or dtypes that do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [[2.0], [2.0]]).numpy()
        array([[1. ],
               [0.5]], dtype=float32)
    """
    matrix, rhs = square_system(matrix, rhs, "solve")
    return linear_solve(matrix, rhs, bool(adjoint))


# triangular systems


def _triangular_vjp(
    ct: Any, matrix: Any, out: Any, wanted: Any, lower: bool, adjoint: bool
) -> list[Any]:
    given = solve_with_triangle(matrix, ct, lower, not adjoint)
    if not wanted[0]:
        return [None, given]
    part = lower_part if lower else upper_part
    return [part(_matrix_cotangent(given, out, adjoint)), given]


def _triangular_jvp(tangents: Any, matrix: Any, out: Any, lower: bool, adjoint: bool) -> Any:
    moved, rhs = tangents
    if moved is not None:
        moved = (lower_part if lower else upper_part)(moved)
    rhs = _moved_rhs((moved, rhs), out, adjoint)
    return solve_with_triangle(matrix, rhs, lower, adjoint)


_triangular_solve = primitive(
    "triangular_solve",
    lambda xp, matrix, rhs, *, lower, adjoint: xp.solve_triangular(matrix, rhs, lower, adjoint),
    joint_vjp=_triangular_vjp,
    joint_jvp=_triangular_jvp,
    batch=by_matrices(lambda *inputs, **params: solve_with_triangle(*inputs, **params)),
    shape=_solved_shape,
    broadcasts=True,
    kinds="fc",
    family="linalg",
)


def solve_with_triangle(matrix: Any, rhs: Any, lower: bool = True, adjoint: bool = False) -> Any:
    """The solution of matrix x = rhs for the lower or upper triangle of the matrix."""
    params = {"lower": lower, "adjoint": adjoint}
    return side_by_side(lambda a, b: apply(_triangular_solve, (a, b), params), matrix, rhs)


def triangular_solve(
    matrix: Any, rhs: Any, lower: bool = True, adjoint: bool = False, name: str | None = None
) -> Any:
    """Solve the linear systems matrix x = rhs by substitution; only one triangle is read.

    Args:
        matrix: (..., n, n), float32, float64 or complex.
        rhs: (..., n, k) of the same dtype; leading axes broadcast.
        lower: whether the lower or the upper triangle is meant.
        adjoint: solve with the conjugate transposes of the triangles.
        name: ignored, for compatibility.

    Returns:
        (..., n, k).

    Raises:
        InvalidArgumentError: for a zero on the diagonal, and shapes or dtypes that do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.triangular_solve([[2.0, 0.0], [1.0, 1.0]], [[2.0], [3.0]]).numpy()
        array([[1.],
               [2.]], dtype=float32)
    """
    matrix, rhs = square_system(matrix, rhs, "triangular_solve")
    return solve_with_triangle(matrix, rhs, bool(lower), bool(adjoint))


def cholesky_solve(chol: Any, rhs: Any, name: str | None = None) -> Any:
    """Solve linear systems by the Cholesky factors of their matrices, which `chol` gives.

    Args:
        chol: (..., n, n) lower factors from `tf.linalg.cholesky`.
        rhs: (..., n, k) of the same dtype.
        name: ignored, for compatibility.

    Returns:
        (..., n, k), the solution of (chol chol^H) x = rhs.

    Raises:
        InvalidArgumentError: for a zero on the diagonal, and shapes or dtypes that do not fit.

    Example:
        >>> import gradtape as tf
        >>> float(tf.linalg.cholesky_solve([[2.0]], [[8.0]])[0, 0])
        2.0
    """
    chol, rhs = square_system(chol, rhs, "cholesky_solve")
    return solve_with_triangle(chol, solve_with_triangle(chol, rhs), adjoint=True)


# inverses


def _inverse_vjp(ct: Any, out: Any) -> Any:
    back = adjoint_of(out)
    return negative(product(product(back, ct), back))


_inv = primitive(
    "inv",
    lambda xp, x: xp.inverse(x),
    vjps=[_inverse_vjp],
    jvps=[lambda t, out: negative(product(product(out, t), out))],
    batch=lambda mask, x: inverse(x),
    shape=lambda x: Spec(x._shape, x._dtype),
    kinds="fc",
    family="linalg",
)


def inverse(x: Any) -> Any:
    """The inverses of square matrices."""
    return apply(_inv, (x,))


def inv(input: Any, adjoint: bool = False, name: str | None = None) -> Any:
    """Return the inverses of square matrices; `tf.linalg.solve` is faster and more exact.

    Args:
        input: (..., n, n), float32, float64 or complex.
        adjoint: return the conjugate transposes of the inverses.
        name: ignored, for compatibility.

    Returns:
        (..., n, n).

    Raises:
        InvalidArgumentError: for singular matrices, and shapes or dtypes that do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.inv([[2.0, 0.0], [0.0, 4.0]]).numpy()
        array([[0.5 , 0.  ],
               [0.  , 0.25]], dtype=float32)
    """
    out = inverse(square(input, "inv"))
    return adjoint_of(out) if adjoint else out
