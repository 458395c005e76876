"""Linear algebra on matrices of expressions, by formulas that ask for no pivot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from gradtape.interop.sympy_arrays import elementwise


def _each(function: Callable[..., Any], *stacks: Any) -> Any:
    """A function of matrices on each of stacks of matrices, which broadcast."""
    lead = np.broadcast_shapes(*[s.shape[:-2] for s in stacks])
    stacks = tuple([np.broadcast_to(s, (*lead, *s.shape[-2:])) for s in stacks])
    found = np.empty(lead, object)
    for place in np.ndindex(lead):
        found[place] = function(*[sp.Matrix(s[place]) for s in stacks])
    return found


def _matrices(function: Callable[..., Any], *stacks: Any) -> Any:
    """`_each` for a function that returns a matrix."""
    each = _each(function, *stacks)
    if not each.size:
        return each
    shape = each.flat[0].shape
    found = np.empty((*each.shape, *shape), object)
    for place in np.ndindex(each.shape):
        found[place] = np.array(each[place].tolist(), object).reshape(shape)
    return found


def _determinant(matrix: Any) -> Any:
    return matrix.det(method="berkowitz")


def _inverse(matrix: Any) -> Any:
    if not matrix.rows:
        return matrix
    return matrix.adjugate(method="berkowitz") / _determinant(matrix)


def _solved(matrix: Any, rhs: Any, adjoint: bool) -> Any:
    return _matrices(lambda a, b: _inverse(a.H if adjoint else a) * b, matrix, rhs)


def _triangle(matrix: Any, rhs: Any, lower: bool, adjoint: bool) -> Any:
    rows, columns = np.indices(matrix.shape[-2:])
    kept = matrix.copy()
    kept[..., rows < columns if lower else rows > columns] = sp.S.Zero
    return _solved(kept, rhs, adjoint)


def _tridiagonal(diagonals: Any, rhs: Any) -> Any:
    n = diagonals.shape[-1]
    matrix = np.full((*diagonals.shape[:-2], n, n), sp.S.Zero, object)
    for i in range(n):
        matrix[..., i, i] = diagonals[..., 1, i]
        if i + 1 < n:
            matrix[..., i, i + 1] = diagonals[..., 0, i]
            matrix[..., i + 1, i] = diagonals[..., 2, i + 1]
    return _solved(matrix, rhs, False)


def _cholesky(matrix: Any) -> Any:
    """The lower triangle L with L L^H = A, row by row."""
    n = matrix.shape[0]
    lower = sp.zeros(n, n)
    for i in range(n):
        for j in range(i + 1):
            rest = matrix[i, j] - sum(lower[i, k] * sp.conjugate(lower[j, k]) for k in range(j))
            lower[i, j] = sp.sqrt(rest) if i == j else rest / lower[j, j]
    return lower


def _cofactors(matrix: Any) -> Any:
    return matrix.cofactor_matrix(method="berkowitz")


def _cofactor_slope(matrix: Any, moved: Any) -> Any:
    step = sp.Dummy("t", real=True)
    return _cofactors(matrix + step * moved).diff(step).subs(step, 0)


def _signed_logarithm(x: Any) -> tuple[Any, Any]:
    found = _each(_determinant, x)
    return elementwise(sp.sign, found), elementwise(lambda d: sp.log(sp.Abs(d)), found)


MATRICES: dict[str, Callable[..., Any]] = {
    "det": lambda x: _each(_determinant, x),
    "slogdet": _signed_logarithm,
    "inv": lambda x: _matrices(_inverse, x),
    "solve": _solved,
    "triangular_solve": _triangle,
    "tridiagonal_solve": _tridiagonal,
    "cholesky": lambda x: _matrices(_cholesky, x),
    "cofactors": lambda x: _matrices(_cofactors, x),
    "cofactor_slope": lambda x, t: _matrices(_cofactor_slope, x, t),
}
