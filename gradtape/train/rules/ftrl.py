"""FTRL-proximal: follow the regularised leader, which sets small weights to exactly zero.

    n' = n + g^2
    z <- z + g + 2 s w - (n'^-p - n^-p) / lr w
    w <- 0 where |z| <= l1, otherwise (sign(z) l1 - z) / ((beta + n'^-p) / lr + 2 l2)
    n <- n'

McMahan et al. 2013 (research.google.com/pubs/archive/41159.pdf), algorithm 1, with p = -1/2 there;
the factor 2 of l2 and the shrinkage s are TensorFlow's.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class FtrlSlots(NamedTuple):
    """The sum n of squared gradients and the linear term z."""

    accumulator: Any
    linear: Any


def ftrl(
    xp: Any,
    gradient: Any,
    value: Any,
    slots: FtrlSlots,
    *,
    learning_rate: float,
    learning_rate_power: float,
    l1: float,
    l2: float,
    shrinkage: float,
    beta: float,
) -> tuple[Any, FtrlSlots]:
    """One step of FTRL-proximal."""
    total = gradient * gradient
    total += slots.accumulator
    root = _power(xp, total, -learning_rate_power)
    linear = root - _power(xp, slots.accumulator, -learning_rate_power)
    linear *= -1 / learning_rate
    linear += 2 * shrinkage
    linear *= value
    linear += slots.linear
    linear += gradient
    quadratic = root + beta
    quadratic *= 1 / learning_rate
    quadratic += 2 * l2
    rest = xp.clip(linear, -l1, l1)
    rest -= linear
    rest /= quadratic
    return rest, FtrlSlots(total, linear)


def _power(xp: Any, base: Any, exponent: float) -> Any:
    return xp.sqrt(base) if exponent == 0.5 else base**exponent
