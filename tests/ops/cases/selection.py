"""Rows of order and extremes, and of what occurs how often."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import Case

REAL = ("float32", "float64", "float16", "bfloat16", "int32", "int64")


def _order(x: Any, axis: int, descending: bool) -> Any:
    """By Python's sort, which is stable in both directions."""

    def one(row: Any) -> Any:
        return np.array(
            sorted(range(len(row)), key=row.tolist().__getitem__, reverse=descending), int
        )

    return np.apply_along_axis(one, axis, x.astype(np.float64))


def _top(x: Any, k: int) -> Any:
    return _order(x, x.ndim - 1, True)[..., :k]


def _ties(*shape: int) -> Any:
    """Inputs with many equal elements."""
    return lambda rng, dtype: [rng.integers(-2, 3, shape).astype(dtype)]


def _sorted_rows(rng: Any, dtype: Any) -> list[Any]:
    sequence = np.sort(rng.integers(-3, 4, (2, 6)), axis=-1).astype(dtype)
    return [sequence, rng.integers(-4, 5, (2, 5)).astype(dtype)]


def _predictions(rng: Any, dtype: Any) -> list[Any]:
    predictions = rng.integers(0, 4, (6, 5)).astype(dtype)
    predictions[0, 0] = np.inf
    return [predictions, np.array([0, 1, 2, 3, 4, 9], np.int32)]


def _in_top(predictions: Any, targets: Any, k: int) -> Any:
    result = []
    for row, target in zip(predictions.astype(float), targets, strict=True):
        known = target < len(row) and np.isfinite(row[target])
        result.append(bool(known and sum(p > row[target] for p in row) < k))
    return np.array(result)


def _unique(x: Any) -> Any:
    seen = list(dict.fromkeys(x.tolist()))
    places = np.array([seen.index(v) for v in x.tolist()], int)
    first = [x.tolist().index(v) for v in seen]
    return np.array(first, int), places, np.array([x.tolist().count(v) for v in seen], int)


CASES = [
    Case(
        "argextreme",
        draw=_ties(3, 4),
        reference=lambda x, axis, largest: np.array([r.tolist().index(max(r.tolist())) for r in x]),
        params={"axis": 1, "largest": True},
        dtypes=REAL,
    ),
    Case(
        "argextreme",
        draw=_ties(3, 4),
        reference=lambda x, axis, largest: np.array(
            [c.tolist().index(min(c.tolist())) for c in x.T]
        ),
        params={"axis": 0, "largest": False},
        dtypes=REAL,
        label="smallest",
    ),
    Case(
        "argsort",
        draw=_ties(3, 6),
        reference=_order,
        params={"axis": 1, "descending": False},
        dtypes=REAL,
    ),
    Case(
        "argsort",
        draw=_ties(3, 6),
        reference=_order,
        params={"axis": 0, "descending": True},
        dtypes=REAL,
        label="descending",
    ),
    Case("top_indices", draw=_ties(3, 6), reference=_top, params={"k": 3}, dtypes=REAL),
    Case(
        "top_indices",
        draw=_ties(2, 3000),
        reference=_top,
        params={"k": 40},
        dtypes=("float32", "int32"),
        label="long",
    ),
    Case(
        "in_top_k",
        draw=_predictions,
        reference=_in_top,
        params={"k": 2},
        dtypes=("float32", "float64"),
    ),
    Case(
        "searchsorted",
        draw=_sorted_rows,
        reference=lambda s, v, side: np.array(
            [[sum(e < w for e in row) for w in wanted] for row, wanted in zip(s, v, strict=True)]
        ),
        params={"side": "left"},
        dtypes=REAL,
    ),
    Case(
        "searchsorted",
        draw=_sorted_rows,
        reference=lambda s, v, side: np.array(
            [[sum(e <= w for e in row) for w in wanted] for row, wanted in zip(s, v, strict=True)]
        ),
        params={"side": "right"},
        label="right",
    ),
    Case(
        "unique_places",  # the shape of the result depends on values: eager only
        draw=_ties(9),
        reference=_unique,
        dtypes=REAL,
        jax=False,
        batch=False,
    ),
    Case(
        "nonzero",  # the same
        draw=_ties(3, 4),
        reference=lambda x: np.array([p for p in np.ndindex(*x.shape) if x[p] != 0]).reshape(-1, 2),
        dtypes=("float32", "int32", "complex64"),
        jax=False,
        batch=False,
    ),
    Case(
        "histogram_bins",
        [(3, 4), (), ()],
        lambda v, low, high, count: np.clip(
            np.searchsorted(np.linspace(-1.5, 1.5, count + 1), v.astype(np.float64), "right") - 1,
            0,
            count - 1,
        ).astype(np.int32),
        {"count": 7},
        integers={1: lambda rng: np.float64(-1.5), 2: lambda rng: np.float64(1.5)},
        dtypes=("float32", "float64"),
        variants=[[(0,), (), ()]],
    ),
]
