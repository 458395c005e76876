"""Rows of factorisations, checked by algorithms written out element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import Case
from tests.ops.drawing import (
    MATRIX_DTYPES,
    drawn,
    hermitian,
    normal,
    positive,
    well_conditioned,
    wide,
)


def stacked(function: Any) -> Any:
    """The function of each matrix of a stack."""

    def call(x: Any, **params: Any) -> Any:
        x = wide(x)
        found = [function(m, **params) for m in x.reshape((-1, *x.shape[-2:]))]
        parts = zip(*found, strict=True)
        return tuple(np.array(p).reshape((*x.shape[:-2], *np.shape(p[0]))) for p in parts)

    return call


def cholesky(x: Any) -> Any:
    """Cholesky and Banachiewicz's algorithm."""
    low = np.zeros_like(x)
    for i in range(len(x)):
        for j in range(i + 1):
            rest = x[i, j] - np.sum(low[i, :j] * np.conj(low[j, :j]))
            low[i, j] = np.sqrt(rest.real) if i == j else rest / low[j, j]
    return (low,)


def lu(x: Any) -> Any:
    """Gauss's elimination with partial pivoting."""
    x, order = x.copy(), np.arange(len(x), dtype=np.int32)
    for k in range(len(x)):
        pivot = k + int(np.argmax(np.abs(x[k:, k].real) + np.abs(x[k:, k].imag)))
        x[[k, pivot]], order[[k, pivot]] = x[[pivot, k]], order[[pivot, k]]
        x[k + 1 :, k] /= x[k, k]
        x[k + 1 :, k + 1 :] -= np.outer(x[k + 1 :, k], x[k, k + 1 :])
    return x, order


def qr(x: Any, full: bool) -> Any:
    """Householder's reflections with LAPACK's choice of signs: the diagonal of R is real."""
    m, n = x.shape
    q, r = np.eye(m, dtype=x.dtype), x.copy()
    for k in range(min(m, n)):
        column = r[k:, k].copy()
        rest = np.linalg.norm(column[1:])
        if rest == 0 and column[0].imag == 0:
            continue
        beta = -np.copysign(np.linalg.norm(column), column[0].real)
        tau = (beta - column[0]) / beta
        v = column / (column[0] - beta)
        v[0] = 1
        turn = np.eye(m, dtype=x.dtype)
        turn[k:, k:] -= tau * np.outer(v, np.conj(v))
        r = np.conj(turn.T) @ r
        q = q @ turn
    size = m if full else min(m, n)
    return q[:, :size], np.triu(r)[:size]


def permuted(x: Any, rows: Any) -> Any:
    lead = np.broadcast_shapes(x.shape[:-2], rows.shape[:-2])
    x = np.broadcast_to(x, (*lead, *x.shape[-2:]))
    rows = np.broadcast_to(rows, (*lead, *rows.shape[-2:]))
    out = np.empty(x.shape, x.dtype)
    for place in np.ndindex(lead):
        for i, row in enumerate(rows[place][:, 0]):
            out[place][i] = x[place][row]
    return out


def first(function: Any) -> Any:
    return lambda *inputs, **params: function(*inputs, **params)[0]


ORDER = {1: lambda rng: np.argsort(rng.random((4, 1)), 0)}
ORDERS = {1: lambda rng: np.argsort(rng.random((2, 4, 1)), 1)}

CASES = [
    *[
        Case(
            "cholesky",
            reference=first(stacked(cholesky)),
            draw=drawn((positive, shape)),
            dtypes=MATRIX_DTYPES,
            complex_rules=True,
            project=hermitian,
            tolerance=1e-5,
            value_tolerance=512,
            label=str(shape),
        )
        for shape in [(3, 3), (2, 2, 2), (1, 1)]
    ],
    *[
        Case(
            "lu",
            reference=stacked(lu),
            draw=drawn((maker, shape)),
            dtypes=MATRIX_DTYPES,
            complex_rules=True,
            value_tolerance=512,
            label=f"{shape}-{maker.__name__}",
        )
        for shape, maker in [
            ((3, 3), well_conditioned),
            ((2, 3, 3), normal),
            ((1, 1), well_conditioned),
        ]
    ],
    *[
        Case(
            "qr",
            reference=stacked(qr),
            params={"full": full},
            draw=drawn((well_conditioned, shape)),
            dtypes=MATRIX_DTYPES,
            complex_rules=True,
            value_tolerance=512,
            label=f"{shape}-{full}",
        )
        for shape, full in [
            ((3, 3), False),
            ((2, 4, 2), False),
            ((2, 4), False),
            ((2, 2, 3), True),
        ]
    ],
    Case("permuted_rows", [(4, 2), (4, 1)], permuted, integers=ORDER, complex_rules=True),
    Case(
        "permuted_rows",
        [(3, 1, 4, 2), (2, 4, 1)],
        permuted,
        integers=ORDERS,
        complex_rules=True,
        label="stack",
    ),
    Case(
        "inverse_rows",
        reference=lambda rows: np.array([[list(rows[:, 0]).index(i)] for i in range(len(rows))]),
        draw=lambda rng, dtype: [np.argsort(rng.random((4, 1)), 0).astype(dtype)],
        dtypes=("int32", "int64"),
    ),
]
