"""Rows of variance, standard deviation and norms."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import COMPLEX, FLOATS, HALVES, Case

FLOATING = FLOATS + HALVES
SHAPE = [(2, 3, 4)]
AXES = {"axis": (0, 2), "keepdims": False}
KEPT = {"axis": (1,), "keepdims": True}


def double(x: Any) -> Any:
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)


def over(function: Any) -> Any:
    return lambda x, axis, keepdims: function(double(x), axis=axis, keepdims=keepdims)


def norm(x: Any, axis: Any, keepdims: bool) -> Any:
    return np.hypot.reduce(np.abs(x), axis=axis, keepdims=keepdims)


def rows(name: str, reference: Any) -> list[Case]:
    return [
        Case(
            name, SHAPE, over(reference), AXES, dtypes=FLOATING + COMPLEX, complex_rules=True,
            variants=[[(1, 3, 4)]],
        ),
        Case(name, SHAPE, over(reference), KEPT, label="kept"),
    ]  # fmt: skip


def half_squares(t: Any) -> Any:
    return np.square(double(t)).sum() / 2


CASES = [
    *rows("reduce_variance", np.var),
    *rows("reduce_std", np.std),
    *rows("reduce_euclidean_norm", norm),
    Case(
        "centred",
        SHAPE,
        lambda x, axis: double(x) - double(x).mean(axis=axis, keepdims=True),
        {"axis": (0, 2)},
        dtypes=FLOATING + COMPLEX,
        complex_rules=True,
        variants=[[(2, 0, 4)]],
        value_tolerance=400,
    ),
    Case("l2_loss", [(3, 4)], half_squares, dtypes=FLOATING, variants=[[()], [(0, 2)]]),
]
