"""Rows of reductions by segment."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import COMPLEX, FLOATS, HALVES, INTEGERS, Case

FLOATING = FLOATS + HALVES
IDS = np.array([2, 0, 2, 1, 0, 2])


def by_segment(reduce: Any, empty: Any) -> Any:
    """A reduction by a plain loop over segments; `empty` is a number or a function of the dtype."""

    def reference(values: Any, ids: Any, rows: int, **params: Any) -> Any:
        nothing = empty(values.dtype, **params) if callable(empty) else empty
        wide = values if values.dtype.kind in "iuc" else values.astype(np.float64)
        out = np.full((rows, *values.shape[1:]), nothing, wide.dtype)
        for row in range(rows):
            if (ids == row).any():
                out[row] = reduce(wide[ids == row], **params)
        return out

    return reference


def limit(dtype: Any, largest: bool) -> Any:
    import ml_dtypes

    info = np.iinfo(dtype) if dtype.kind in "iu" else ml_dtypes.finfo(dtype)
    return info.min if largest else info.max


def extreme(values: Any, largest: bool) -> Any:
    return values.max(axis=0) if largest else values.min(axis=0)


def tied(rng: np.random.Generator, dtype: Any) -> list[Any]:
    values = np.array([[1, 2], [5, 5], [3, 2], [4, 1], [5, 1], [2, 0]]).astype(dtype)
    return [values, IDS]


def zeros(rng: np.random.Generator, dtype: Any) -> list[Any]:
    values = rng.uniform(0.5, 1.5, (6, 2)).astype(dtype)
    values[0, 0] = values[2, 0] = values[1, 1] = values[3, 0] = 0
    return [values, IDS]


def ids(rng: np.random.Generator) -> Any:
    return rng.permutation(IDS)


PRODUCT = by_segment(lambda v: np.prod(v, axis=0), 1)

CASES = [
    *[
        Case("segment_extreme", [(6, 2), (6,)], by_segment(extreme, limit), {"rows": 3, "largest": largest}, integers={1: ids}, dtypes=FLOATING + INTEGERS, label="max" if largest else "min")
        for largest in (True, False)
    ],
    Case("segment_extreme", [(6,), (6,)], by_segment(extreme, limit), {"rows": 3, "largest": True}, integers={1: ids}, label="vector"),
    Case("segment_extreme", reference=by_segment(extreme, limit), params={"rows": 4, "largest": True}, draw=tied, order=0, label="ties and an empty segment"),
    Case("segment_product", [(6, 2), (6,)], PRODUCT, {"rows": 5}, integers={1: ids}, dtypes=FLOATING + INTEGERS + COMPLEX, complex_rules=True),
    Case("segment_product", reference=PRODUCT, params={"rows": 4}, draw=zeros, label="zeros"),
    Case("segment_order", [(6,)], lambda x: np.array(sorted(range(6), key=lambda i: (x[i], i))), integers={0: ids}, dtypes=("int32",)),
]  # fmt: skip
