"""Rows of the gather and scatter primitives."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import INEXACT, NUMERIC, Case


def _draw(low: int, high: int, shape: tuple[int, ...], dtype: Any = np.int64) -> Any:
    return lambda rng: rng.integers(low, high, shape).astype(dtype)


def _wide(values: Any) -> Any:
    return values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)


def _gather(x: Any, indices: Any, axis: int, batch: int) -> Any:
    """Element by element, by the definition."""
    shape = (*x.shape[:axis], *indices.shape[batch:], *x.shape[axis + 1 :])
    out = np.zeros(shape, x.dtype)
    count = indices.ndim - batch
    for place in np.ndindex(*shape):
        outer, inner, rest = place[:axis], place[axis : axis + count], place[axis + count :]
        out[place] = x[(*outer, indices[(*outer[:batch], *inner)], *rest)]
    return out


def _scatter(values: Any, indices: Any, axis: int, batch: int, size: int) -> Any:
    count = indices.ndim - batch
    out = np.zeros((*values.shape[:axis], size, *values.shape[axis + count :]), _wide(values).dtype)
    for place in np.ndindex(*values.shape):
        outer, inner, rest = place[:axis], place[axis : axis + count], place[axis + count :]
        out[(*outer, indices[(*outer[:batch], *inner)], *rest)] += _wide(values[place])
    return out


def _along(x: Any, indices: Any, axis: int) -> Any:
    out = np.zeros(indices.shape, x.dtype)
    for place in np.ndindex(*indices.shape):
        out[place] = x[(*place[:axis], indices[place], *place[axis + 1 :])]
    return out


def _add_along(values: Any, indices: Any, axis: int, size: int) -> Any:
    shape = (*values.shape[:axis], size, *values.shape[axis + 1 :])
    out = np.zeros(shape, _wide(values).dtype)
    for place in np.ndindex(*values.shape):
        out[(*place[:axis], indices[place], *place[axis + 1 :])] += _wide(values[place])
    return out


def _put(x: Any, indices: Any, values: Any) -> Any:
    rows = list(x)
    for i, value in zip(indices, values, strict=True):
        rows[i] = value
    return np.stack(rows)


def _extreme(x: Any, indices: Any, values: Any, largest: bool) -> Any:
    rows = list(x)
    for i, value in zip(indices, values, strict=True):
        rows[i] = np.where((value > rows[i]) == largest, value, rows[i])
    return np.stack(rows)


CASES = [
    Case(
        "gather",
        [(2, 4, 3), ()],
        _gather,
        {"axis": 1, "batch": 0},
        integers={1: _draw(0, 4, (2, 5), np.int32)},
        dtypes=NUMERIC,
        complex_rules=True,
    ),
    Case(
        "gather",
        [(2, 4, 3), ()],
        _gather,
        {"axis": 1, "batch": 1},
        integers={1: _draw(0, 4, (2, 5))},
        dtypes=NUMERIC,
        label="batch",
    ),
    Case(
        "gather",
        [(2, 3, 4), ()],
        _gather,
        {"axis": 2, "batch": 1},
        integers={1: _draw(0, 4, (2,))},
        label="batch-scalar",
    ),
    Case(
        "gather",
        [(4, 2), ()],
        _gather,
        {"axis": 0, "batch": 0},
        integers={1: _draw(0, 4, ())},
        label="scalar",
    ),
    Case(
        "scatter_add",
        [(2, 2, 5, 3), ()],
        _scatter,
        {"axis": 1, "batch": 0, "size": 4},
        integers={1: _draw(0, 4, (2, 5), np.int32)},
        dtypes=INEXACT,
        complex_rules=True,
    ),
    Case(
        "scatter_add",
        [(2, 5), ()],
        _scatter,
        {"axis": 1, "batch": 1, "size": 4},
        integers={1: _draw(0, 4, (2, 5))},
        dtypes=INEXACT,
        label="batch",
    ),
    Case(
        "scatter_add",
        [(2, 3, 5, 2), ()],
        _scatter,
        {"axis": 2, "batch": 1, "size": 4},
        integers={1: _draw(0, 4, (2, 5))},
        label="batch-inner",
    ),
    Case(
        "take_along",
        [(2, 4, 3), ()],
        _along,
        {"axis": 1},
        integers={1: _draw(0, 4, (2, 5, 3))},
        dtypes=NUMERIC,
        complex_rules=True,
    ),
    Case(
        "add_along",
        [(2, 5, 3), ()],
        _add_along,
        {"axis": 1, "size": 4},
        integers={1: _draw(0, 4, (2, 5, 3))},
        dtypes=INEXACT,
        complex_rules=True,
    ),
    Case(
        "put_rows",
        [(4, 3), (), (5, 3)],
        _put,
        integers={1: _draw(0, 4, (5,))},
        dtypes=NUMERIC,
        complex_rules=True,
    ),
    Case("put_rows", [(4,), (), (2,)], _put, integers={1: _draw(0, 4, (2,))}, label="elements"),
    Case(
        "last_rows",
        [()],
        lambda i, rows: np.array([k not in i[n + 1 :] for n, k in enumerate(i)]),
        {"rows": 3},
        integers={0: _draw(0, 3, (6,))},
    ),
    Case(
        "extreme_rows",
        [(4, 3), (), (5, 3)],
        _extreme,
        {"largest": True},
        integers={1: _draw(0, 4, (5,))},
        dtypes=("float16", "float32", "float64", "int32"),
    ),
    Case(
        "extreme_rows",
        [(4, 3), (), (5, 3)],
        _extreme,
        {"largest": False},
        integers={1: _draw(0, 4, (5,))},
        label="smallest",
    ),
    Case(
        "flat_indices",
        [()],
        lambda i, shape: np.ravel_multi_index(tuple(np.moveaxis(i, -1, 0)), shape),
        {"shape": (3, 4)},
        integers={0: _draw(0, 3, (2, 5, 2), np.int32)},
    ),
]
