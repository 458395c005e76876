"""Rows of determinants, cofactors and functions of matrices."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np

from tests.ops.case import Case
from tests.ops.drawing import MATRIX_DTYPES, drawn, normal, well_conditioned, wide


def det(x: Any) -> Any:
    """Leibniz's sum over permutations."""
    x = wide(x)
    n = x.shape[-1]
    total = np.zeros(x.shape[:-2], x.dtype)
    for order in permutations(range(n)):
        sign = (-1) ** sum(order[i] > order[j] for i in range(n) for j in range(i + 1, n))
        total = total + sign * np.prod([x[..., i, order[i]] for i in range(n)], axis=0)
    return total


def cofactors(x: Any) -> Any:
    """The determinants of minors."""
    x = wide(x)
    out = np.empty_like(x)
    for i, j in np.ndindex(x.shape[-2:]):
        minor = np.delete(np.delete(x, i, -2), j, -1)
        out[..., i, j] = (-1) ** (i + j) * det(minor)
    return out


def cofactor_slope(x: Any, t: Any) -> Any:
    """By differences: the cofactors are a polynomial of degree n - 1 along a line."""
    x, t = wide(x), wide(t)
    return (
        8 * (cofactors(x + 0.5 * t) - cofactors(x - 0.5 * t)) - cofactors(x + t) + cofactors(x - t)
    ) / 6


def slogdet(x: Any) -> Any:
    value = det(x)
    return value / np.abs(value), np.log(np.abs(value)).astype(value.dtype)


def rank_deficient(rng: Any, shape: Any, dtype: Any) -> Any:
    """Matrices with a column of zeros, whose determinant is zero without rounding."""
    x = normal(rng, shape, dtype)
    x[..., 1] = 0
    return x


def expm(x: Any) -> Any:
    """By the power series after halving, squared again."""
    x = wide(x) / 64
    total = term = np.broadcast_to(np.eye(x.shape[-1]), x.shape).astype(x.dtype)
    for k in range(1, 20):
        term = term @ x / k
        total = total + term
    return np.linalg.matrix_power(total, 64)


def by_eigenvalues(function: Any) -> Any:
    def call(x: Any) -> Any:
        w, v = np.linalg.eig(wide(x).astype(np.complex128))
        out = (v * function(w)[..., None, :]) @ np.linalg.inv(v)
        return out if x.dtype.kind == "c" else out.real

    return call


SHAPES = [(3, 3), (2, 2, 2), (4, 4), (1, 1)]

CASES = [
    *[
        Case(
            name,
            reference=reference,
            draw=drawn(*[(maker, shape)] * count),
            dtypes=MATRIX_DTYPES,
            complex_rules=True,
            value_tolerance=1024,
            order=order,
            label=f"{shape}-{maker.__name__}",
        )
        for name, reference, count in [
            ("det", det, 1),
            ("cofactors", cofactors, 1),
            ("cofactor_slope", cofactor_slope, 2),
        ]
        for shape, maker, order in [
            ((3, 3), normal, 2),
            ((2, 2, 2), normal, 2),
            ((4, 4), normal, 2),
            ((1, 1), normal, 2),
        ]
    ],
    *[
        Case(
            name,
            reference=reference,
            draw=drawn((rank_deficient, (4, 4))),
            dtypes=("float64", "complex128"),
            complex_rules=True,
            value_tolerance=2.0**12,
            order=order,
            label="singular",
        )
        for name, reference, order in [("det", det, 2), ("cofactors", cofactors, 1)]
    ],
    *[
        Case(
            "slogdet",
            reference=slogdet,
            draw=drawn((normal, shape)),
            dtypes=MATRIX_DTYPES,
            complex_rules=True,
            value_tolerance=1024,
            label=str(shape),
        )
        for shape in SHAPES
    ],
    *[
        Case(
            name,
            reference=reference,
            draw=drawn((maker, shape)),
            dtypes=MATRIX_DTYPES,
            complex_rules=True,
            value_tolerance=2.0**14,
            tolerance=1e-5,
            label=str(shape),
        )
        for name, reference, maker in [
            ("expm", expm, normal),
            ("sqrtm", by_eigenvalues(np.sqrt), well_conditioned),
            ("logm", by_eigenvalues(np.log), well_conditioned),
        ]
        for shape in [(3, 3), (2, 2, 2), (1, 1)]
    ],
]
