"""Factorisations: Cholesky, LU and QR.

Their derivatives take the differential of the product of the factors apart into triangles: for Cholesky
I. Murray, Differentiation of the Cholesky decomposition (2016); for QR S. F. Walter and L. Lehmann,
Algorithmic differentiation of linear algebra functions (2010), which for wide matrices splits off the
columns beyond the square.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import INTEGER
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.tensor import Tensor
from gradtape.ops.assembly import concat, pad_axis, slice_axis
from gradtape.ops.basis import (
    add,
    broadcast_shapes,
    cast,
    multiply,
    negative,
    real,
    reshape,
    subtract,
)
from gradtape.ops.linalg_checks import matrices, square, square_system
from gradtape.ops.linalg_diagonals import (
    lower_part,
    masked_band,
    on_diagonal,
    take_diagonals,
    upper_part,
)
from gradtape.ops.linalg_solving import by_matrices, solve_with_triangle
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


# LU


class Lu(NamedTuple):
    """The packed triangles and the permutation that `tf.linalg.lu` returns."""

    lu: Any
    p: Any


def _unit(x: Any) -> Any:
    """The unit lower triangle of packed factors."""
    eye = Tensor(np.eye(x._shape[-1], dtype=x._dtype))
    return add(lower_part(x, -1), eye)


def as_rows(permutation: Any) -> Any:
    """Permutations (..., n) as columns."""
    return reshape(permutation, (*permutation._shape, 1))


def _lu_vjp(ct: Any, out: Any) -> list[Any]:
    packed, permutation = out
    lower, upper = _unit(packed), upper_part(packed)
    given = lower_part(product(adjoint_of(lower), lower_part(ct[0], -1)), -1)
    given = add(given, upper_part(product(upper_part(ct[0]), adjoint_of(upper))))
    left = solve_with_triangle(lower, given, adjoint=True)
    moved = divided_right(left, upper, lower=False, adjoint=True)
    return [permuted_rows(moved, inverse_permutation(as_rows(permutation)))]


def _lu_jvp(tangents: Any, out: Any) -> list[Any]:
    packed, permutation = out
    lower, upper = _unit(packed), upper_part(packed)
    left = solve_with_triangle(lower, permuted_rows(tangents[0], as_rows(permutation)))
    middle = divided_right(left, upper, lower=False, adjoint=False)
    return [
        add(product(lower, lower_part(middle, -1)), product(upper_part(middle), upper)),
    ]


_lu = primitive(
    "lu",
    lambda xp, x: xp.lu_packed(x),
    joint_vjp=_lu_vjp,
    joint_jvp=_lu_jvp,
    batch=lambda mask, x: apply(_lu, (x,)),
    shape=lambda x: (Spec(x._shape, x._dtype), Spec(x._shape[:-1], np.dtype(np.int32))),
    several=True,
    kinds="fc",
    family="linalg",
)


def _rows(xp: Any, x: Any, rows: Any) -> Any:
    missing = x.ndim - rows.ndim
    if missing < 0:
        x = x.reshape((*[1] * -missing, *x.shape))
    elif missing > 0:
        rows = rows.reshape((*[1] * missing, *rows.shape))
    return xp.take_along_axis(x, rows, -2)


_permuted_rows = primitive(
    "permuted_rows",
    _rows,
    vjps=[lambda ct, rows: permuted_rows(ct, inverse_permutation(rows)), INTEGER],
    jvps=[lambda t, rows: permuted_rows(t, rows), INTEGER],
    batch=by_matrices(lambda x, rows: permuted_rows(x, rows)),
    shape=lambda x, rows: Spec(
        (*broadcast_shapes(x._shape[:-2], rows._shape[:-2]), *x._shape[-2:]), x._dtype
    ),
    broadcasts=True,
    family="indexing",
)
_inverse_permutation = primitive(
    "inverse_rows",
    lambda xp, rows: xp.argsort(rows, axis=-2).astype(rows.dtype),
    vjps=[INTEGER],
    jvps=[INTEGER],
    batch=lambda mask, rows: inverse_permutation(rows),
    shape=lambda rows: Spec(rows._shape, rows._dtype),
    differentiable=False,
    kinds="iu",
    family="indexing",
)


def permuted_rows(x: Any, rows: Any) -> Any:
    """The rows of matrices in the order of permutations (..., n, 1)."""
    return apply(_permuted_rows, (x, rows))


def inverse_permutation(rows: Any) -> Any:
    """The permutations (..., n, 1) that undo others."""
    return apply(_inverse_permutation, (rows,))


def lu(input: Any, output_idx_type: Any = np.int32, name: str | None = None) -> Lu:
    """Factorise square matrices: x[p] = L U, with rows permuted for stability.

    Args:
        input: (..., n, n), float32, float64 or complex.
        output_idx_type: int32 or int64, the dtype of the permutation.
        name: ignored, for compatibility.

    Returns:
        A named tuple: `lu` (..., n, n), the strict lower triangle of L (whose diagonal is 1) and U
        in one matrix; `p` (..., n).

    Raises:
        InvalidArgumentError: for matrices that are not square.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.lu([[2.0, 1.0], [4.0, 4.0]]).p.numpy()
        array([1, 0], dtype=int32)
    """
    x = square(input, "lu")
    index = as_dtype(output_idx_type)
    if index.name not in ("int32", "int64"):
        raise InvalidArgumentError(
            f"gradtape.lu: output_idx_type must be tf.int32 or tf.int64, not {index.name}."
        )
    packed, rows = apply(_lu, (x,))
    return Lu(packed, cast(rows, index.numpy_dtype))


def _factors(lower_upper: Any, perm: Any, function: str) -> tuple[Any, Any]:
    """Packed factors and the permutation as a column."""
    packed = square(lower_upper, function)
    perm = as_tensor(perm, function)
    if perm._dtype.kind not in "iu" or perm._shape != packed._shape[:-1]:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(packed)}, {brief(perm)}): perm must hold integers of shape "
            f"{packed._shape[:-1]}. Pass both results of tf.linalg.lu."
        )
    return packed, as_rows(perm)


def lu_reconstruct(
    lower_upper: Any, perm: Any, validate_args: bool = False, name: str | None = None
) -> Any:
    """Multiply the factors that `tf.linalg.lu` returned.

    Args:
        lower_upper: (..., n, n).
        perm: (..., n).
        validate_args, name: ignored: arguments are always checked.

    Returns:
        (..., n, n), the matrices that were factorised.

    Raises:
        InvalidArgumentError: when the shapes do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.lu_reconstruct(*tf.linalg.lu([[2.0, 1.0], [4.0, 4.0]])).numpy()
        array([[2., 1.],
               [4., 4.]], dtype=float32)
    """
    packed, rows = _factors(lower_upper, perm, "lu_reconstruct")
    return permuted_rows(product(_unit(packed), upper_part(packed)), inverse_permutation(rows))


def _solved_by_lu(packed: Any, rows: Any, rhs: Any) -> Any:
    middle = solve_with_triangle(_unit(packed), permuted_rows(rhs, rows))
    return solve_with_triangle(packed, middle, lower=False)


def lu_solve(
    lower_upper: Any, perm: Any, rhs: Any, validate_args: bool = False, name: str | None = None
) -> Any:
    """Solve linear systems by the factors that `tf.linalg.lu` returned.

    Args:
        lower_upper: (..., n, n).
        perm: (..., n).
        rhs: (..., n, k) of the same dtype.
        validate_args, name: ignored: arguments are always checked.

    Returns:
        (..., n, k).

    Raises:
        InvalidArgumentError: for singular matrices, or when the shapes do not fit.

    Example:
        >>> import gradtape as tf
        >>> factors = tf.linalg.lu([[2.0, 0.0], [0.0, 4.0]])
        >>> tf.linalg.lu_solve(*factors, [[2.0], [2.0]]).numpy()
        array([[1. ],
               [0.5]], dtype=float32)
    """
    packed, rows = _factors(lower_upper, perm, "lu_solve")
    packed, rhs = square_system(packed, rhs, "lu_solve")
    return _solved_by_lu(packed, rows, rhs)


def lu_matrix_inverse(
    lower_upper: Any, perm: Any, validate_args: bool = False, name: str | None = None
) -> Any:
    """Return the inverses of matrices by the factors that `tf.linalg.lu` returned.

    Args:
        lower_upper: (..., n, n).
        perm: (..., n).
        validate_args, name: ignored: arguments are always checked.

    Returns:
        (..., n, n).

    Raises:
        InvalidArgumentError: for singular matrices, or when the shapes do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.lu_matrix_inverse(*tf.linalg.lu([[2.0, 0.0], [0.0, 4.0]])).numpy()
        array([[0.5 , 0.  ],
               [0.  , 0.25]], dtype=float32)
    """
    packed, rows = _factors(lower_upper, perm, "lu_matrix_inverse")
    return _solved_by_lu(packed, rows, Tensor(np.eye(packed._shape[-1], dtype=packed._dtype)))


# QR


class Qr(NamedTuple):
    """The factors that `tf.linalg.qr` returns."""

    q: Any
    r: Any


def columns(x: Any, start: int, stop: int) -> Any:
    """Columns start to stop of matrices."""
    return slice_axis(x, start, stop, len(x._shape) - 1)


def rows_of(x: Any, start: int, stop: int) -> Any:
    """Rows start to stop of matrices."""
    return slice_axis(x, start, stop, len(x._shape) - 2)


def _mirrored(x: Any) -> Any:
    """The Hermitian matrix with the upper triangle of x, and the real part of its diagonal."""
    upper = upper_part(x, 1)
    return add(add(upper, adjoint_of(upper)), real_diagonal(x))


def _tall_vjp(ct_q: Any, ct_r: Any, q: Any, r: Any) -> Any:
    """For A = Q R with R square: (ct_q + Q herm(ct_r R^H - Q^H ct_q)) R^-H."""
    k, m = r._shape[-1], q._shape[-1]
    first, ct_first = (q, ct_q) if m == k else (columns(q, 0, k), columns(ct_q, 0, k))
    square_r, ct_r = (r, ct_r) if m == k else (rows_of(r, 0, k), rows_of(ct_r, 0, k))
    inner = product(ct_r, adjoint_of(square_r))
    inner = _mirrored(subtract(inner, product(adjoint_of(first), ct_first)))
    total = add(ct_first, product(first, inner))
    if m > k:  # the further columns of a full Q turn against the first ones
        rest, ct_rest = columns(q, k, m), columns(ct_q, k, m)
        total = subtract(total, product(rest, product(adjoint_of(ct_rest), first)))
    return divided_right(total, square_r, lower=False, adjoint=True)


def _qr_vjp(ct: Any, x: Any, out: Any) -> list[Any]:
    (ct_q, ct_r), (q, r) = ct, out
    m, n = r._shape[-2:]
    if m >= n:
        return [_tall_vjp(ct_q, ct_r, q, r)]
    rest, ct_rest = columns(x, m, n), columns(ct_r, m, n)
    ct_q = add(ct_q, product(rest, adjoint_of(ct_rest)))
    left = _tall_vjp(ct_q, columns(ct_r, 0, m), q, columns(r, 0, m))
    return [concat([left, product(q, ct_rest)], len(r._shape) - 1)]


def _tall_jvp(t: Any, q: Any, r: Any) -> tuple[Any, Any]:
    k, m = r._shape[-1], q._shape[-1]
    first, square_r = (q, r) if m == k else (columns(q, 0, k), rows_of(r, 0, k))
    scaled = divided_right(t, square_r, lower=False, adjoint=False)
    inner = product(adjoint_of(first), scaled)
    turned = add(upper_part(inner, 1), real_diagonal(inner))
    turned = add(turned, adjoint_of(lower_part(inner, -1)))
    moved_q, moved_r = subtract(scaled, product(first, turned)), product(turned, square_r)
    if m > k:
        rest = columns(q, k, m)
        away = product(adjoint_of(rest), scaled)
        moved_rest = negative(product(first, adjoint_of(away)))
        moved_q = concat([moved_q, moved_rest], len(q._shape) - 1)
        moved_r = pad_axis(moved_r, 0, m - k, len(r._shape) - 2)
    return moved_q, moved_r


def _qr_jvp(tangents: Any, x: Any, out: Any) -> list[Any]:
    (t,), (q, r) = tangents, out
    m, n = r._shape[-2:]
    if m >= n:
        return list(_tall_jvp(t, q, r))
    moved_q, left = _tall_jvp(columns(t, 0, m), q, columns(r, 0, m))
    right = product(adjoint_of(moved_q), columns(x, m, n))
    right = add(right, product(adjoint_of(q), columns(t, m, n)))
    return [moved_q, concat([left, right], len(r._shape) - 1)]


def _qr_shape(x: Any, full: bool) -> tuple[Spec, Spec]:
    *lead, m, n = x._shape
    inner = m if full else None if m is None or n is None else min(m, n)
    return Spec((*lead, m, inner), x._dtype), Spec((*lead, inner, n), x._dtype)


_qr = primitive(
    "qr",
    lambda xp, x, *, full: xp.qr_parts(x, full),
    joint_vjp=_qr_vjp,
    joint_jvp=_qr_jvp,
    batch=lambda mask, x, full: apply(_qr, (x,), {"full": full}),
    shape=_qr_shape,
    several=True,
    kinds="fc",
    family="linalg",
)


def qr(input: Any, full_matrices: bool = False, name: str | None = None) -> Qr:
    """Factorise matrices: x = Q R with orthonormal columns of Q and an upper triangle R.

    Args:
        input: (..., m, n), float32, float64 or complex; differentiating needs independent columns
            (the first m ones of a wide matrix).
        full_matrices: whether Q is square; then the columns beyond n are some basis of the rest, and
            only functions that do not depend on the choice have a meaningful derivative.
        name: ignored, for compatibility.

    Returns:
        A named tuple: `q` (..., m, k) and `r` (..., k, n), where k is m if full, else min(m, n).

    Raises:
        InvalidArgumentError: for fewer than two axes; in the derivative, for dependent columns.

    Example:
        >>> import gradtape as tf
        >>> q, r = tf.linalg.qr([[3.0], [4.0]])
        >>> print(f"{abs(r[0, 0]):.4f}")
        5.0000
    """
    q, r = apply(_qr, (matrices(input, "qr"),), {"full": bool(full_matrices)})
    return Qr(q, r)
