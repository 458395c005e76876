"""LU factorisation, and what its factors are good for.

From P A = L U follows L^-1 P dA U^-1 = L^-1 dL + dU U^-1, a strict lower plus an upper triangle, so
that each part gives one factor's differential.
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
from gradtape.core.sizes import same_shape
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import (
    add,
    broadcast_shapes,
    cast,
    reshape,
)
from gradtape.ops.linalg_checks import square, square_system
from gradtape.ops.linalg_cholesky import divided_right
from gradtape.ops.linalg_diagonals import (
    lower_part,
    upper_part,
)
from gradtape.ops.linalg_solving import by_matrices, solve_with_triangle
from gradtape.ops.products import adjoint as adjoint_of
from gradtape.ops.products import product


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
    if perm._dtype.kind not in "iu" or not same_shape(perm._shape, packed._shape[:-1]):
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(packed)}, {brief(perm)}): perm must hold integers of "
            f"shape {packed._shape[:-1]}. Pass both results of tf.linalg.lu."
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
