"""Rows of diagonals and bands of matrices, checked element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import NUMERIC, Case


def places(k: tuple[int, int], rows: int, columns: int, align: str) -> Any:
    """(row, column, band, place) of each element of the diagonals, by TensorFlow's description."""
    lengths = {d: len(np.diagonal(np.zeros((rows, columns)), d)) for d in range(k[0], k[1] + 1)}
    longest = max(lengths.values())
    upper, lower = align.split("_")
    for d, length in lengths.items():
        side = upper if d >= 0 else lower
        offset = longest - length if side == "RIGHT" else 0
        for i in range(length):
            yield i + max(-d, 0), i + max(d, 0), k[1] - d, i + offset


def put(x: Any, k: Any, rows: int, columns: int, align: str) -> Any:
    x = x[..., None, :] if k[0] == k[1] else x
    out = np.zeros((*x.shape[:-2], rows, columns), x.dtype)
    for i, j, band, place in places(k, rows, columns, align):
        out[..., i, j] = x[..., band, place]
    return out


def take(x: Any, k: Any, align: str) -> Any:
    rows, columns = x.shape[-2:]
    found = list(places(k, rows, columns, align))
    longest = max([p[3] for p in found], default=-1) + 1
    out = np.zeros((*x.shape[:-2], k[1] - k[0] + 1, longest), x.dtype)
    for i, j, band, place in found:
        out[..., band, place] = x[..., i, j]
    return out[..., 0, :] if k[0] == k[1] else out


def band(x: Any, low: int, high: int, inside: bool) -> Any:
    out = np.zeros_like(x)
    for i, j in np.ndindex(x.shape[-2:]):
        if (low <= j - i <= high) == inside:
            out[..., i, j] = x[..., i, j]
    return out


CASES = [
    *[
        Case(
            "matrix_diag",
            [shape],
            put,
            {"k": k, "rows": rows, "columns": columns, "align": align},
            dtypes=NUMERIC,
            complex_rules=True,
            variants=[[(0, *shape)]],
            label=f"{k}-{align}",
        )
        for shape, k, rows, columns, align in [
            ((2, 3), (0, 0), 3, 3, "RIGHT_LEFT"),
            ((3,), (-1, -1), 5, 3, "RIGHT_LEFT"),
            ((2, 4, 3), (-1, 2), 4, 3, "RIGHT_LEFT"),
            ((4, 3), (-2, 1), 4, 3, "LEFT_RIGHT"),
        ]
    ],
    *[
        Case(
            "matrix_diag_part",
            [shape],
            take,
            {"k": k, "align": align},
            dtypes=NUMERIC,
            complex_rules=True,
            variants=[[(0, *shape)]],
            label=f"{k}-{align}",
        )
        for shape, k, align in [
            ((2, 3, 3), (0, 0), "RIGHT_LEFT"),
            ((3, 5), (2, 2), "RIGHT_LEFT"),
            ((2, 3, 4), (-2, 3), "RIGHT_LEFT"),
            ((4, 3), (-1, 2), "LEFT_RIGHT"),
            ((4, 3), (-1, 2), "LEFT_LEFT"),
            ((4, 3), (1, 2), "RIGHT_RIGHT"),
        ]
    ],
    *[
        Case(
            "band_part",
            [(2, 4, 3)],
            band,
            {"low": low, "high": high, "inside": inside},
            dtypes=NUMERIC,
            complex_rules=True,
            variants=[[(0, 2)], [(3, 3)]],
            label=f"{low}-{high}-{inside}",
        )
        for low, high, inside in [(-1, 0, True), (0, 2**31, True), (-1, 1, False)]
    ],
]
