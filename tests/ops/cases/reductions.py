"""Rows of reductions over axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special

from tests.ops.case import COMPLEX, FLOATS, HALVES, INTEGERS, Case

REAL = FLOATS + HALVES + INTEGERS
FLOATING = FLOATS + HALVES
SHAPE = [(2, 3, 4)]
EMPTY = [[(0, 3, 2)], [(2, 0, 3)]]


def wide(x: Any) -> Any:
    """Floats in double precision."""
    return (
        x
        if x.dtype.kind in "iub"
        else x.astype(np.result_type(x.dtype.char, np.float64))
        if x.dtype.kind in "fc"
        else x.astype(np.float64)
    )


def mean(x: Any, axis: Any, keepdims: bool) -> Any:
    total = np.add.reduce(wide(x), axis=axis, keepdims=keepdims)
    count = np.prod([x.shape[a] for a in axis])
    return np.trunc(total / count).astype(x.dtype) if x.dtype.kind in "iu" else total / count


def extremes(rng: np.random.Generator, dtype: Any) -> list[Any]:
    """A cotangent, values with ties, and their maxima over axis 1."""
    x = rng.integers(0, 3, (3, 5)).astype(dtype)
    return [rng.standard_normal((3, 1)).astype(dtype), x, x.max(axis=1, keepdims=True)]


def tangents(rng: np.random.Generator, dtype: Any) -> list[Any]:
    _, x, extreme = extremes(rng, dtype)
    return [rng.standard_normal((3, 5)).astype(dtype), x, extreme]


def share(ct: Any, x: Any, extreme: Any, axis: Any) -> Any:
    out = np.zeros(x.shape)
    for row in range(len(x)):
        places = np.flatnonzero(x[row] == extreme[row])
        out[row, places] = float(ct[row, 0]) / len(places)
    return out


def gather(t: Any, x: Any, extreme: Any, axis: Any) -> Any:
    t = t.astype(np.float64)
    return np.array([[t[r][x[r] == extreme[r]].mean()] for r in range(len(x))])


def logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    if not x.size:
        return np.full(np.add.reduce(x, axis=axis, keepdims=keepdims).shape, -np.inf)
    return scipy.special.logsumexp(x.astype(np.float64), axis=axis, keepdims=keepdims)


CASES = [
    Case("reduce_mean", SHAPE, mean, {"axis": (0, 2), "keepdims": False}, dtypes=REAL + COMPLEX, complex_rules=True, domain=(-9.0, 9.0)),
    Case("reduce_mean", SHAPE, mean, {"axis": (1,), "keepdims": True}, label="kept", dtypes=FLOATING, variants=[[(0, 3, 2)]]),
    Case("reduce_mean", [()], mean, {"axis": (), "keepdims": False}, label="scalar", dtypes=FLOATING),
    *[
        Case(name, SHAPE, lambda x, axis, keepdims, f=f: f(x, axis=axis, keepdims=keepdims), {"axis": axis, "keepdims": keepdims}, dtypes=REAL if not keepdims else FLOATS, label=label)
        for name, f in (("reduce_max", np.maximum.reduce), ("reduce_min", np.minimum.reduce))
        for axis, keepdims, label in (((0, 2), False, ""), ((1,), True, "kept"), ((0, 1, 2), False, "all"))
    ],
    Case("share_extreme", reference=share, params={"axis": (1,)}, draw=extremes, still=(1, 2)),
    Case("gather_extreme", reference=gather, params={"axis": (1,)}, draw=tangents, still=(1, 2)),
    Case("exp_difference", [(2, 3), (2, 3)], lambda x, y: np.exp(wide(x) - wide(y)), dtypes=FLOATING, variants=[[(2, 3), (2, 1)], [(), ()], [(0, 3), (1, 3)]]),
    Case("reduce_logsumexp", SHAPE, logsumexp, {"axis": (0, 2), "keepdims": False}, dtypes=FLOATING, domain=(-5.0, 5.0), variants=EMPTY),
    Case("reduce_logsumexp", SHAPE, logsumexp, {"axis": (1,), "keepdims": True}, label="kept"),
    *[
        Case(name, SHAPE, lambda x, axis, keepdims, f=f: f(x, axis=axis, keepdims=keepdims), {"axis": (0, 2), "keepdims": False}, dtypes=("bool",), variants=EMPTY)
        for name, f in (("reduce_any", np.logical_or.reduce), ("reduce_all", np.logical_and.reduce))
    ],
]  # fmt: skip
