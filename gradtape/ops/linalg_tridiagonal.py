"""Tridiagonal matrices, given by three diagonals: products and linear systems; banded triangles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, UnimplementedError, brief
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import same, same_shape
from gradtape.ops.assembly import concat, pad_axis, slice_axis
from gradtape.ops.basis import (
    add,
    broadcast_shapes,
    conj,
    multiply,
    negative,
    reshape,
    subtract,
    sum_axes,
)
from gradtape.ops.calls import mixed_dtypes, pair
from gradtape.ops.choosing import nonzero
from gradtape.ops.gathering import gather_axis
from gradtape.ops.linalg_checks import check_dtype, matrices, system
from gradtape.ops.linalg_diagonals import put_diagonals, take_diagonals
from gradtape.ops.linalg_solving import by_matrices, side_by_side, solve_with_triangle
from gradtape.ops.linalg_spectra import hermitian_eigen, hermitian_values
from gradtape.ops.products import swapped
from gradtape.ops.stepwise import greater, less_equal, logical_and

FORMATS = ("compact", "sequence", "matrix")


def shifted(x: Any, by: int) -> Any:
    """x with its rows (the second axis from the end) moved up (1) or down (-1), zero at the end."""
    axis, n = len(x._shape) - 2, x._shape[-2]
    if by > 0:
        return pad_axis(slice_axis(x, 1, n, axis), 0, 1, axis)
    return pad_axis(slice_axis(x, 0, n - 1, axis), 1, 0, axis)


def _column(x: Any, row: int) -> Any:
    """One of the three diagonals as a column, (..., n, 1)."""
    taken = slice_axis(x, row, row + 1, len(x._shape) - 2)
    return swapped(taken)


def _stacked(upper: Any, middle: Any, lower: Any) -> Any:
    """Three columns as compact diagonals, (..., 3, n)."""
    return swapped(concat([upper, middle, lower], len(upper._shape) - 1))


def transposed_bands(x: Any) -> Any:
    """The diagonals of the conjugate transpose."""
    upper, middle, lower = (_column(x, i) for i in range(3))
    return conj(_stacked(shifted(lower, 1), middle, shifted(upper, -1)))


def banded_product(x: Any, rhs: Any) -> Any:
    """The product of tridiagonal matrices with dense ones."""
    upper, middle, lower = (_column(x, i) for i in range(3))
    if rhs._shape[-2] == 0:
        return multiply(middle, rhs)
    beside = add(multiply(upper, shifted(rhs, 1)), multiply(lower, shifted(rhs, -1)))
    return add(multiply(middle, rhs), beside)


def _cotangent(given: Any, out: Any) -> Any:
    """The cotangent of the diagonals from that of the right side."""
    axis = (len(given._shape) - 1,)
    parts = [
        sum_axes(multiply(given, conj(moved)), axis, True)
        for moved in (shifted(out, 1), out, shifted(out, -1))
    ]
    return negative(_stacked(*parts))


def _vjp(ct: Any, diagonals: Any, out: Any, wanted: Any) -> list[Any]:
    given = solve_bands(transposed_bands(diagonals), ct)
    return [_cotangent(given, out) if wanted[0] else None, given]


def _jvp(tangents: Any, diagonals: Any, out: Any) -> Any:
    moved, rhs = tangents
    if moved is not None:
        change = banded_product(moved, out)
        rhs = negative(change) if rhs is None else subtract(rhs, change)
    return solve_bands(diagonals, rhs)


def _shape(diagonals: Any, rhs: Any) -> Spec:
    lead = broadcast_shapes(diagonals._shape[:-2], rhs._shape[:-2])
    return Spec((*lead, *rhs._shape[-2:]), rhs._dtype)


_tridiagonal_solve = primitive(
    "tridiagonal_solve",
    lambda xp, diagonals, rhs: xp.solve_tridiagonal(diagonals, rhs),
    joint_vjp=_vjp,
    joint_jvp=_jvp,
    batch=by_matrices(lambda diagonals, rhs: solve_bands(diagonals, rhs)),
    shape=_shape,
    broadcasts=True,
    kinds="fc",
    family="linalg",
)


def solve_bands(diagonals: Any, rhs: Any) -> Any:
    """The solution for compact diagonals."""
    return side_by_side(lambda a, b: apply(_tridiagonal_solve, (a, b)), diagonals, rhs)


def _compact(diagonals: Any, form: Any, function: str) -> Any:
    """The diagonals as superdiagonal, diagonal and subdiagonal in one tensor (..., 3, n)."""
    if form not in FORMATS:
        raise ValueError(
            f"gradtape.{function}: diagonals_format must be compact, sequence or matrix, "
            f"not {form!r}."
        )
    if form == "matrix":
        x = matrices(diagonals, function)
        if not same(x._shape[-1], x._shape[-2]):
            raise InvalidArgumentError(f"gradtape.{function}({brief(x)}): needs square matrices.")
        x = put_corners(x)
    elif form == "sequence":
        x = _from_sequence(diagonals, function)
    else:
        x = matrices(diagonals, function)
    if not same(x._shape[-2], 3):
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): Expected diagonals of shape (..., 3, n): "
            "superdiagonal, diagonal, subdiagonal."
        )
    return x


def put_corners(x: Any) -> Any:
    """The three middle diagonals of matrices, (..., 3, n)."""
    if x._shape[-1] == 1:
        return pad_axis(x, 1, 1, len(x._shape) - 2)
    return take_diagonals(x, (-1, 1), "LEFT_RIGHT")


def _from_sequence(diagonals: Any, function: str) -> Any:
    if not isinstance(diagonals, (list, tuple)) or len(diagonals) != 3:
        raise InvalidArgumentError(
            f"gradtape.{function}: needs a sequence of three diagonals, not {brief(diagonals)}."
        )
    upper, middle, lower = (as_tensor(d, function) for d in diagonals)
    n = middle._shape[-1]
    for tensor in (upper, middle, lower):
        check_dtype(tensor, function)
    rows = []
    for tensor, before in ((upper, 0), (middle, 0), (lower, 1)):
        missing = n - tensor._shape[-1]
        if missing:
            tensor = pad_axis(tensor, before, missing - before, len(tensor._shape) - 1)
        rows.append(reshape(tensor, (*tensor._shape[:-1], 1, n)))
    return concat(rows, len(rows[0]._shape) - 2)


def tridiagonal_matmul(
    diagonals: Any, rhs: Any, diagonals_format: str = "compact", name: str | None = None
) -> Any:
    """Return products of tridiagonal matrices with matrices.

    Args:
        diagonals: "compact": (..., 3, n), superdiagonal (its last element is ignored), diagonal,
            subdiagonal (its first element is ignored); "sequence": three tensors (..., n), the
            outer ones may have n - 1 elements; "matrix": (..., n, n).
        rhs: (..., n, k) of the same dtype, float32, float64 or complex.
        diagonals_format: one of compact, sequence, matrix.
        name: ignored, for compatibility.

    Returns:
        (..., n, k).

    Raises:
        InvalidArgumentError: when shapes or dtypes do not fit.

    Example:
        >>> import gradtape as tf
        >>> d = [[1.0, 0.0], [2.0, 2.0], [0.0, 3.0]]
        >>> tf.linalg.tridiagonal_matmul(d, [[1.0], [1.0]]).numpy()
        array([[3.],
               [5.]], dtype=float32)
    """
    x, rhs = _banded_system(diagonals, rhs, diagonals_format, "tridiagonal_matmul")
    return banded_product(x, rhs)


def _banded_system(diagonals: Any, rhs: Any, form: Any, function: str) -> tuple[Any, Any]:
    x = _compact(diagonals, form, function)
    x, rhs = pair(x, rhs, function)
    if x._dtype != rhs._dtype:
        raise mixed_dtypes(function, x, rhs)
    if len(rhs._shape) < 2 or not same(rhs._shape[-2], x._shape[-1]):
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}, {brief(rhs)}): the right side must have the shape "
            f"(..., {x._shape[-1]}, k)."
        )
    return x, rhs


def tridiagonal_solve(
    diagonals: Any,
    rhs: Any,
    diagonals_format: str = "compact",
    transpose_rhs: bool = False,
    conjugate_rhs: bool = False,
    name: str | None = None,
    partial_pivoting: bool = True,
    perturb_singular: bool = False,
) -> Any:
    """Solve linear systems of tridiagonal matrices, in time proportional to their size.

    Args:
        diagonals: as for `tf.linalg.tridiagonal_matmul`.
        rhs: (..., n) or (..., n, k) of the same dtype, float32, float64 or complex.
        diagonals_format: one of compact, sequence, matrix.
        transpose_rhs: swap the last two axes of the right side first.
        conjugate_rhs: conjugate the right side first.
        name: ignored, for compatibility.
        partial_pivoting: accepted for compatibility: LAPACK always pivots.
        perturb_singular: must be False.

    Returns:
        The solution, in the shape of the right side.

    Raises:
        InvalidArgumentError: for singular matrices, and shapes or dtypes that do not fit.
        UnimplementedError: for perturb_singular.

    Example:
        >>> import gradtape as tf
        >>> d = [[1.0, 0.0], [2.0, 2.0], [0.0, 3.0]]
        >>> tf.linalg.tridiagonal_solve(d, [3.0, 5.0]).numpy().round(4)
        array([1., 1.], dtype=float32)
    """
    if perturb_singular:
        raise UnimplementedError(
            "gradtape.tridiagonal_solve: perturb_singular is not supported. Add a small "
            "number to the diagonal instead."
        )
    x = _compact(diagonals, diagonals_format, "tridiagonal_solve")
    x, rhs = pair(x, rhs, "tridiagonal_solve")
    vector = len(rhs._shape) == len(x._shape) - 1
    rhs = conj(rhs) if conjugate_rhs else rhs
    if vector:
        rhs = reshape(rhs, (*rhs._shape, 1))
    elif transpose_rhs and len(rhs._shape) >= 2:
        rhs = swapped(rhs)
    x, rhs = _banded_system(x, rhs, "compact", "tridiagonal_solve")
    out = solve_bands(x, rhs)
    return reshape(out, out._shape[:-1]) if vector else out


def banded_triangular_solve(
    bands: Any, rhs: Any, lower: bool = True, adjoint: bool = False, name: str | None = None
) -> Any:
    """Solve linear systems of triangular matrices that are given by their diagonals.

    Args:
        bands: (..., number of diagonals, n): for lower triangles the main diagonal first and the
            others aligned to the right, for upper ones the main diagonal last, aligned to the left.
        rhs: (..., n, k) of the same dtype, float32, float64 or complex.
        lower: whether the triangles are lower ones.
        adjoint: solve with the conjugate transposes.
        name: ignored, for compatibility.

    Returns:
        (..., n, k).

    Raises:
        InvalidArgumentError: for a zero on the diagonal, and shapes or dtypes that do not fit.

    Example:
        >>> import gradtape as tf
        >>> bands = [[2.0, 1.0], [0.0, 1.0]]
        >>> tf.linalg.banded_triangular_solve(bands, [[2.0], [3.0]]).numpy()
        array([[1.],
               [2.]], dtype=float32)
    """
    x = matrices(bands, "banded_triangular_solve")
    count, n = x._shape[-2:]
    if not 1 <= count <= max(n, 1):
        raise InvalidArgumentError(
            f"gradtape.banded_triangular_solve({brief(x)}): a matrix with {n} rows has 1 to {n} "
            "diagonals in a triangle."
        )
    k = (1 - count, 0) if lower else (0, count - 1)
    if count == 1:
        x = reshape(x, (*x._shape[:-2], n))
    dense = put_diagonals(x, k, n, n, "LEFT_RIGHT")
    dense, rhs = system(dense, rhs, "banded_triangular_solve")
    return solve_with_triangle(dense, rhs, bool(lower), bool(adjoint))


def eigh_tridiagonal(
    alpha: Any,
    beta: Any,
    eigvals_only: bool = True,
    select: str = "a",
    select_range: Any = None,
    tol: Any = None,
    name: str | None = None,
) -> Any:
    """Return eigenvalues, and eigenvectors on demand, of Hermitian tridiagonal matrices.

    Args:
        alpha: (..., n) the diagonal, float32, float64 or complex (its real part counts).
        beta: (..., n - 1) the superdiagonal, of the same dtype; the subdiagonal is its conjugate.
        eigvals_only: whether to return only values.
        select: "a" for all, "i" for those with numbers in select_range, "v" for those in the
            half-open interval (low, high] of select_range.
        select_range: (low, high), both included for "i".
        tol, name: ignored, for compatibility: values are always found to rounding.

    Returns:
        Values (..., m), smallest first, and vectors (..., n, m).

    Raises:
        InvalidArgumentError: for shapes, dtypes or ranges that do not fit.
        ValueError: for another `select`.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.eigh_tridiagonal([2.0, 2.0], [1.0]).numpy().round(4)
        array([1., 3.], dtype=float32)
    """
    alpha, beta = pair(alpha, beta, "eigh_tridiagonal")
    check_dtype(alpha, "eigh_tridiagonal")
    if alpha._dtype != beta._dtype:
        raise mixed_dtypes("eigh_tridiagonal", alpha, beta)
    lead = alpha._shape[:-1]
    if not alpha._shape or not same_shape(beta._shape, (*lead, alpha._shape[-1] - 1)):
        raise InvalidArgumentError(
            f"gradtape.eigh_tridiagonal({brief(alpha)}, {brief(beta)}): beta must have one "
            "element less than alpha in the last axis."
        )
    n = alpha._shape[-1]
    below = put_diagonals(conj(beta), (-1, -1), n, n)
    dense = add(put_diagonals(alpha, (0, 0), n, n), below)
    if eigvals_only:
        values, vectors = hermitian_values(dense), None
    else:
        values, vectors = hermitian_eigen(dense)
    chosen = _chosen(values, select, select_range)
    values = chosen(values, len(values._shape) - 1)
    return values if vectors is None else (values, chosen(vectors, len(vectors._shape) - 1))


def _chosen(values: Any, select: str, bounds: Any) -> Callable[[Any, int], Any]:
    """What cuts the wanted places out of an axis."""
    n = values._shape[-1]
    if select == "a":
        return lambda x, axis: x
    if select not in ("i", "v"):
        raise ValueError(f"gradtape.eigh_tridiagonal: select must be a, i or v, not {select!r}.")
    low, high = bounds if isinstance(bounds, (list, tuple)) and len(bounds) == 2 else (1, 0)
    if not low <= high or (select == "i" and not 0 <= low <= high < n):
        raise InvalidArgumentError(
            f"gradtape.eigh_tridiagonal: select_range={bounds!r} is no (low, high) for "
            f"select={select!r} and {n} values."
        )
    if select == "i":
        return lambda x, axis: slice_axis(x, int(low), int(high) + 1, axis)
    if len(values._shape) > 1:
        raise InvalidArgumentError(
            "gradtape.eigh_tridiagonal: select='v' takes one matrix, because the number of values "
            "depends on it."
        )
    inside = nonzero(logical_and(greater(values, low), less_equal(values, high)))
    places = reshape(inside, (inside._shape[0],))
    return lambda x, axis: gather_axis(x, places, axis)
