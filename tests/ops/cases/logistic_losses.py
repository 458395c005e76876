"""Rows of the losses of single logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special

from tests.ops.case import FLOATS, HALVES, Case

PAIR = [(3, 4), (3, 4)]
FACTS: dict[str, Any] = {
    "dtypes": FLOATS + HALVES, "domain": ((0.0, 1.0), (-5.0, 5.0)),
    "variants": [[(), ()], [(0, 2), (0, 2)], [(3, 4), (4,)]], "value_tolerance": 200,
}  # fmt: skip


def cross_entropy(x: Any, y: Any) -> Any:
    x, y = x.astype(np.float64), y.astype(np.float64)
    return -x * scipy.special.log_expit(y) - (1 - x) * scipy.special.log_expit(-y)


def residual(x: Any, y: Any) -> Any:
    return scipy.special.expit(y.astype(np.float64)) - x.astype(np.float64)


CASES = [
    Case("sigmoid_cross_entropy", PAIR, cross_entropy, **FACTS),
    Case("logistic_residual", PAIR, residual, **FACTS),
]
