"""Quotients, powers, extremes and absolute values."""

from __future__ import annotations

from gradtape.ops.basis import add, multiply, negative, safe_divide, safe_multiply, subtract
from gradtape.ops.families import INEXACT, NUMERIC, REAL, elementwise, pairwise

__all__ = ["add", "divide", "multiply", "negative", "square", "subtract"]

divide = pairwise(
    "divide",
    lambda xp, x, y: x / y,
    lambda t, y: safe_divide(t, y),
    lambda t, y, out: negative(safe_multiply(t, divide(out, y))),
    "Return x / y.",
    ((6.0, 4.0), 1.5),
    kinds=INEXACT,
)

square = elementwise(
    "square", lambda xp, x: x * x, lambda x: x + x, "Return x squared.", (3.0, 9), kinds=NUMERIC
)

power = pairwise(
    "pow",
    lambda xp, x, y: xp.power(x, y),
    lambda t, x, y: t * y * power(x, y - 1),
    lambda t, x, out: t,
    "x**y",
    kinds=NUMERIC,
)
