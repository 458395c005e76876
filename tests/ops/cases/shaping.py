"""Rows of rolling, padding, sizes as tensors and places."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import NUMERIC, Case


def _rolled(x: Any, shift: Any, axis: Any) -> Any:
    for s, a in zip(shift, axis, strict=True):
        n = max(x.shape[a], 1)
        x = np.take(x, [(i - s) % n for i in range(x.shape[a])], a)
    return x


def _padded(x: Any, paddings: Any) -> Any:
    out = np.zeros([n + sum(p) for n, p in zip(x.shape, paddings, strict=True)], x.dtype)
    out[tuple(slice(p[0], p[0] + n) for n, p in zip(x.shape, paddings, strict=True))] = x
    return out


def _number(value: Any, dtype: Any) -> Any:
    return np.array(value).astype(dtype)


INT32 = np.dtype(np.int32)
CASES = [
    Case(
        "roll",
        [(3, 4)],
        _rolled,
        {"shift": (1, -6, 1), "axis": (0, 1, 0)},
        dtypes=NUMERIC,
        complex_rules=True,
        variants=[[(0, 2)]],
    ),
    Case(
        "pad",
        [(2, 3)],
        _padded,
        {"paddings": ((1, 0), (2, 3))},
        dtypes=NUMERIC,
        complex_rules=True,
        variants=[[(0, 2)]],
    ),
    Case("pad", [()], _padded, {"paddings": ()}, label="scalar"),
    Case("sizes", reference=_number, params={"value": (2, 0), "dtype": INT32}, batch=False),
    Case("sizes", reference=_number, params={"value": 7, "dtype": INT32}, batch=False, label="one"),
    Case(
        "places",
        reference=lambda count, dtype: np.array([0, 1, 2, 3], dtype),
        params={"count": 4, "dtype": INT32},
        batch=False,
    ),
]
