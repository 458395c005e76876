"""Rows of taking rows and adding into them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import INEXACT, NUMERIC, Case


def _draw(low: int, high: int, shape: tuple[int, ...], dtype: Any = np.int64) -> Any:
    return lambda rng: rng.integers(low, high, shape).astype(dtype)


def summed(values: Any, indices: Any, rows: int) -> Any:
    """Rows added one after the other, in double precision."""
    wide = np.complex128 if values.dtype.kind == "c" else np.float64
    total = np.zeros((rows, *values.shape[1:]), wide)
    for value, i in zip(values, indices, strict=True):
        total[i] += value.astype(wide)
    return total


CASES = [
    Case(
        "take_rows",
        [(4, 3), ()],
        lambda x, i: np.stack([np.stack([x[k] for k in row]) for row in i]),
        integers={1: _draw(0, 4, (2, 5), np.int32)},
        dtypes=NUMERIC,
        complex_rules=True,
    ),
    Case(
        "take_rows",
        [(4,), ()],
        lambda x, i: x[int(i)],
        integers={1: _draw(0, 4, ())},
        label="scalar",
    ),
    Case(
        "add_rows",
        [(5, 3), ()],
        summed,
        {"rows": 4},
        integers={1: _draw(0, 4, (5,), np.int32)},
        dtypes=INEXACT,
        complex_rules=True,
    ),
    Case(
        "add_rows",
        [(600, 20), ()],
        summed,
        {"rows": 30},
        integers={1: _draw(0, 30, (600,))},
        dtypes=("float64", "complex128", "float32", "float16"),
        label="large",
    ),
    Case(
        "add_rows",
        [(0, 3), ()],
        summed,
        {"rows": 4},
        integers={1: _draw(0, 4, (0,))},
        label="empty",
    ),
    Case(
        "row_numbers",
        [()],
        lambda i, rows, axis: i + rows * np.array([[0], [1], [2]]),
        {"rows": 4, "axis": 0},
        integers={0: _draw(0, 4, (3, 2), np.int32)},
    ),
]
