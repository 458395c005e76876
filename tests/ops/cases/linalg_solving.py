"""Rows of linear systems and inverses, checked in double precision by other routes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import Case
from tests.ops.drawing import MATRIX_DTYPES, drawn, normal, well_conditioned, wide


def solved(matrix: Any, rhs: Any, adjoint: bool = False) -> Any:
    """By the inverse."""
    matrix = wide(matrix)
    matrix = np.conj(np.swapaxes(matrix, -1, -2)) if adjoint else matrix
    return np.linalg.inv(matrix) @ wide(rhs)


def solved_with_triangle(matrix: Any, rhs: Any, lower: bool, adjoint: bool) -> Any:
    return solved(np.tril(matrix) if lower else np.triu(matrix), rhs, adjoint)


def tridiagonal(d: Any, b: Any) -> Any:
    n = d.shape[-1]
    dense = np.zeros((*d.shape[:-2], n, n), wide(d).dtype)
    for i in range(n):
        dense[..., i, i] = d[..., 1, i]
        if i + 1 < n:
            dense[..., i, i + 1] = d[..., 0, i]
            dense[..., i + 1, i] = d[..., 2, i + 1]
    return solved(dense, b)


def bands(rng: Any, shape: Any, dtype: Any) -> Any:
    x = normal(rng, shape, dtype)
    x[..., 1, :] += 6
    return x


def inverted(x: Any) -> Any:
    """By Gauss and Jordan's elimination."""
    n = x.shape[-1]
    work = np.concatenate([wide(x), np.broadcast_to(np.eye(n), x.shape)], -1)
    for i in range(n):
        work[..., i, :] /= work[..., i, i, None]
        for j in range(n):
            if j != i:
                work[..., j, :] -= work[..., j, i, None] * work[..., i, :]
    return work[..., n:]


CASES = [
    *[
        Case(
            "solve",
            reference=solved,
            params={"adjoint": conjugated},
            draw=drawn((well_conditioned, matrix), (normal, rhs)),
            dtypes=MATRIX_DTYPES,
            complex_rules=True,
            label=f"{matrix}-{rhs}-{conjugated}",
        )
        for matrix, rhs, conjugated in [
            ((3, 3), (3, 2), False),
            ((3, 3), (3, 2), True),
            ((2, 3, 3), (2, 3, 2), False),
            ((2, 1, 3, 3), (4, 3, 1), True),
            ((3, 3), (4, 3, 2), False),
            ((0, 3, 3), (0, 3, 2), False),
            ((0, 0), (0, 2), False),
        ]
    ],
    *[
        Case(
            "triangular_solve",
            reference=solved_with_triangle,
            params={"lower": lower, "adjoint": conjugated},
            draw=drawn((well_conditioned, matrix), (normal, rhs)),
            dtypes=MATRIX_DTYPES,
            complex_rules=True,
            label=f"{matrix}-{rhs}-{lower}-{conjugated}",
        )
        for matrix, rhs, lower, conjugated in [
            ((3, 3), (3, 2), True, False),
            ((3, 3), (3, 2), True, True),
            ((3, 3), (3, 2), False, False),
            ((2, 3, 3), (2, 3, 2), False, True),
            ((2, 1, 3, 3), (4, 3, 1), True, True),
            ((3, 3), (4, 3, 2), False, False),
            ((0, 3, 3), (0, 3, 2), True, False),
        ]
    ],
    *[
        Case(
            "inv",
            reference=inverted,
            draw=drawn((well_conditioned, shape)),
            dtypes=MATRIX_DTYPES,
            complex_rules=True,
            label=str(shape),
        )
        for shape in [(3, 3), (2, 3, 3), (0, 2, 2), (2, 0, 0)]
    ],
    *[
        Case(
            "tridiagonal_solve",
            reference=tridiagonal,
            draw=drawn((bands, diagonals), (normal, rhs)),
            dtypes=MATRIX_DTYPES,
            complex_rules=True,
            label=f"{diagonals}-{rhs}",
        )
        for diagonals, rhs in [
            ((3, 4), (4, 2)),
            ((2, 3, 4), (2, 4, 1)),
            ((2, 1, 3, 4), (3, 4, 2)),
            ((3, 4), (2, 4, 2)),
            ((3, 1), (1, 1)),
        ]
    ],
]
