"""Rows of what puts tensors together along an axis and takes them apart."""

from __future__ import annotations

import numpy as np

from tests.ops.case import NUMERIC, Case

THREE = [(2, 3), (2, 1), (2, 4)]

CASES = [
    Case(
        "concat",
        THREE,
        lambda *xs, axis: np.block([list(xs)]),
        {"axis": 1},
        dtypes=NUMERIC,
        complex_rules=True,
        variants=[[(0, 2), (0, 1)], [(3, 0), (3, 2)], [(2, 3)]],
    ),
    Case(
        "concat",
        [(1, 2), (3, 2)],
        lambda x, y, axis: np.array([*x, *y]),
        {"axis": 0},
        label="rows",
    ),
    Case(
        "slice_axis",
        [(3, 5)],
        lambda x, start, stop, axis: np.take(x, range(start, stop), axis),
        {"start": 1, "stop": 4, "axis": 1},
        dtypes=NUMERIC,
        complex_rules=True,
        variants=[[(0, 4)]],
    ),
    Case(
        "pad_axis",
        [(3, 2)],
        lambda x, before, after, axis: np.concatenate(
            [np.zeros((3, before)), x, np.zeros((3, after))], 1
        ),
        {"before": 2, "after": 1, "axis": 1},
        dtypes=NUMERIC,
        variants=[[(3, 0)]],
    ),
    Case(
        "stack",
        [(2, 3), (2, 3), (2, 3)],
        lambda *xs, axis: np.moveaxis(np.array(xs), 0, axis),
        {"axis": 1},
        dtypes=NUMERIC,
        complex_rules=True,
        variants=[[(4, 0), (4, 0)], [(1, 1)]],
    ),
    Case("stack", [(), ()], lambda *xs, axis: np.array(xs), {"axis": 0}, label="scalars"),
    Case(
        "unstack",
        [(2, 3)],
        lambda x, axis: tuple(x.T),
        {"axis": 1},
        dtypes=NUMERIC,
        complex_rules=True,
        variants=[[(0, 2)]],
    ),
    Case("unstack", [(3,)], lambda x, axis: tuple(x), {"axis": 0}, label="scalars"),
    Case(
        "split",
        [(2, 6)],
        lambda x, sizes, axis: tuple(np.split(x, np.cumsum(sizes)[:-1], axis)),
        {"sizes": (1, 3, 0, 2), "axis": 1},
        dtypes=NUMERIC,
        complex_rules=True,
        variants=[[(0, 6)]],
    ),
    Case(
        "where",
        [(2, 3), (2, 3), (2, 3)],
        lambda c, x, y: np.choose(c, [y, x]),
        integers={0: lambda rng: rng.integers(0, 2, (2, 3)).astype(bool)},
        dtypes=NUMERIC,
        complex_rules=True,
    ),
    Case(
        "where",
        [(3,), (2, 1), ()],
        lambda c, x, y: np.choose(c, [y + 0 * x, x + 0 * y]),
        integers={0: lambda rng: rng.integers(0, 2, (3,)).astype(bool)},
        dtypes=NUMERIC,
        label="broadcast",
        variants=[[(3,), (0, 1), ()], [(3,), (), ()]],
    ),
]
