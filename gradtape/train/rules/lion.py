"""Lion: steps of one size, in the direction of the sign of an interpolated momentum.

    w <- w - lr sign(b1 m + (1 - b1) g)
    m <- b2 m + (1 - b2) g

Chen et al. 2023 (arXiv:2302.06675), algorithm 2.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class LionSlots(NamedTuple):
    """The mean m."""

    momentum: Any


def lion(
    xp: Any,
    gradient: Any,
    value: Any,
    slots: LionSlots,
    *,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
) -> tuple[Any, LionSlots]:
    """One step of Lion."""
    direction = beta_1 * slots.momentum
    direction += (1 - beta_1) * gradient
    mean = beta_2 * slots.momentum
    mean += (1 - beta_2) * gradient
    return value - learning_rate * xp.sign(direction), LionSlots(mean)
