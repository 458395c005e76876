"""Rows of running sums and products, of the recurrence and of the product over axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.ops.case import COMPLEX, FLOATS, HALVES, INTEGERS, Case

FLOATING = FLOATS + HALVES
BOTH = ((0, False, ""), (1, True, "reverse"))


def double(x: Any) -> Any:
    return (
        x
        if x.dtype.kind in "iu"
        else x.astype(
            np.result_type(x.dtype.char, np.float64) if x.dtype.kind in "fc" else np.float64
        )
    )


def running(step: Any) -> Any:
    """A scan by a plain loop."""

    def reference(*arrays: Any, axis: int, reverse: bool) -> Any:
        moved = [np.moveaxis(double(a), axis, 0) for a in arrays]
        moved = [m[::-1] if reverse else m for m in moved]
        rows: list[Any] = []
        for place in zip(*moved, strict=True):
            rows.append(step(rows[-1] if rows else None, *place))
        out = np.array(rows).reshape(moved[0].shape).astype(moved[0].dtype)
        return np.moveaxis(out[::-1] if reverse else out, 0, axis)

    return reference


cumsum = running(lambda last, x: x if last is None else last + x)
cumprod = running(lambda last, x: x if last is None else last * x)
cumulative = running(lambda last, x: x if last is None else last + np.log1p(np.exp(x - last)))
recurrence = running(lambda last, a, b: b if last is None else b + a * last)


def product(x: Any, axis: Any, keepdims: bool) -> Any:
    moved = np.moveaxis(double(x), axis, range(-len(axis), 0))
    flat = moved.reshape(*moved.shape[: x.ndim - len(axis)], -1) if x.size else None
    out = (
        np.apply_along_axis(lambda v: math.prod(v.tolist()), -1, flat)
        if x.size
        else np.ones([n for i, n in enumerate(x.shape) if i not in axis])
    )
    return np.expand_dims(out, axis) if keepdims else out


def with_zeros(rng: np.random.Generator, dtype: Any) -> list[Any]:
    x = rng.uniform(0.5, 1.5, (3, 4)).astype(dtype)
    x[0, 1] = x[1, 0] = x[1, 3] = 0
    return [x]


CASES = [
    Case("cumsum", [(3, 4)], cumsum, {"axis": 0, "reverse": False}, dtypes=FLOATING + COMPLEX + INTEGERS, complex_rules=True, variants=[[(0, 4)], [(3, 0)]]),
    Case("cumsum", [(3, 4)], cumsum, {"axis": 1, "reverse": True}, label="reverse"),
    Case("cumprod", [(3, 4)], cumprod, {"axis": 0, "reverse": False}, dtypes=FLOATING + COMPLEX + INTEGERS, complex_rules=True, variants=[[(0, 4)], [(3, 0)]]),
    Case("cumprod", [(3, 4)], cumprod, {"axis": 1, "reverse": True}, label="reverse"),
    Case("cumprod", reference=cumprod, params={"axis": 1, "reverse": False}, draw=with_zeros, label="zeros"),
    Case("cumulative_logsumexp", [(3, 4)], cumulative, {"axis": 0, "reverse": False}, dtypes=FLOATING, domain=(-4.0, 4.0), variants=[[(0, 4)], [(3, 0)]]),
    Case("cumulative_logsumexp", [(3, 4)], cumulative, {"axis": 1, "reverse": True}, label="reverse"),
    Case("linear_recurrence", [(3, 4), (3, 4)], recurrence, {"axis": 0, "reverse": False}, dtypes=FLOATING + COMPLEX, complex_rules=True, variants=[[(3, 0), (3, 0)]]),
    Case("linear_recurrence", [(3, 4), (3, 4)], recurrence, {"axis": 1, "reverse": True}, label="reverse"),
    Case("linear_recurrence", [(50, 2), (50, 2)], recurrence, {"axis": 0, "reverse": False}, domain=(-1.0, 1.0), label="long"),
    Case("reduce_prod", [(2, 3, 4)], product, {"axis": (0, 2), "keepdims": False}, dtypes=FLOATING + COMPLEX + INTEGERS, complex_rules=True, variants=[[(0, 3, 2)], [(2, 0, 3)]]),
    Case("reduce_prod", [(2, 3, 4)], product, {"axis": (1,), "keepdims": True}, label="kept"),
    Case("reduce_prod", reference=product, params={"axis": (1,), "keepdims": False}, draw=with_zeros, label="zeros"),
]  # fmt: skip
