"""Rows of matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import NUMERIC, Case


def product(a: Any, b: Any) -> Any:
    """The matrix product, summed in a wide type and rounded once."""
    wide = np.result_type(a, np.float64) if a.dtype.kind in "fcV" else np.int64
    return np.sum(a.astype(wide)[..., :, :, None] * b.astype(wide)[..., None, :, :], axis=-2)


CASES = [
    Case(
        "matmul",
        [(2, 3), (3, 4)],
        product,
        dtypes=NUMERIC,
        complex_rules=True,
        variants=[[(0, 3), (3, 4)], [(2, 0), (0, 4)], [(1, 1), (1, 1)]],
    ),
    Case(
        "matmul",
        [(5, 1, 2, 3), (4, 3, 2)],
        product,
        dtypes=NUMERIC,
        complex_rules=True,
        variants=[[(0, 2, 3), (1, 3, 2)], [(2, 3), (4, 3, 1)], [(4, 2, 3), (3, 1)]],
        label="stacked",
    ),
]
