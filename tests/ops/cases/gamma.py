"""Rows of the gamma function; references by mpmath."""

from __future__ import annotations

import mpmath

from tests.ops.cases.special import real

CASES = [
    real("gamma", mpmath.gamma, (0.6, 5.0)),
    real("gamma", mpmath.gamma, (-1.8, -1.2), label="negative"),
]
