"""Comparisons, logic and rounding: constant between jumps, without a derivative."""

from __future__ import annotations

from gradtape.ops.families import ANY, NUMERIC, REAL, stepwise

equal = stepwise("equal", lambda xp, x, y: x == y, "Return x == y element by element.", dtype=bool)
not_equal = stepwise(
    "not_equal", lambda xp, x, y: x != y, "Return x != y element by element.", dtype=bool
)
less = stepwise("less", lambda xp, x, y: x < y, "Return x < y.", dtype=bool, kinds=REAL)
less_equal = stepwise(
    "less_equal", lambda xp, x, y: x <= y, "Return x <= y.", dtype=bool, kinds=REAL
)
greater = stepwise("greater", lambda xp, x, y: x > y, "Return x > y.", dtype=bool, kinds=REAL)
greater_equal = stepwise(
    "greater_equal", lambda xp, x, y: x >= y, "Return x >= y.", dtype=bool, kinds=REAL
)
