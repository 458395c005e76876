"""Rows of trigonometric and inverse hyperbolic functions; references by mpmath."""

from __future__ import annotations

import mpmath

from tests.ops.case import Case
from tests.ops.cases.exponential import REAL, VARIANTS, exactly, one

CASES = [
    one("sin", mpmath.sin),
    one("cos", mpmath.cos),
    one("tan", mpmath.tan, (-1.2, 1.2)),
    one("asin", mpmath.asin, (-0.8, 0.8)),
    one("acos", mpmath.acos, (-0.8, 0.8)),
    one("atan", mpmath.atan, (-0.8, 0.8)),
    one("asinh", mpmath.asinh, (-0.8, 0.8)),
    one("acosh", mpmath.acosh, (1.2, 3.0)),
    one("atanh", mpmath.atanh, (-0.8, 0.8)),
    one("asin_slope", lambda x: 1 / mpmath.sqrt(1 - x * x), (-0.8, 0.8)),
    one("asinh_slope", lambda x: 1 / mpmath.sqrt(1 + x * x), (-0.8, 0.8)),
    one("acosh_slope", lambda x: 1 / mpmath.sqrt(x - 1) / mpmath.sqrt(x + 1), (1.2, 3.0)),
    one("atan_slope", lambda x: 1 / (1 + x * x), (-0.8, 0.8)),
    one("atanh_slope", lambda x: 1 / (1 - x * x), (-0.8, 0.8)),
    Case(
        "atan2",
        [(2, 3), (2, 3)],
        exactly(mpmath.atan2),
        domain=((0.2, 2.0), (-2.0, 2.0)),
        dtypes=REAL,
        variants=VARIANTS,
    ),
]
