"""Adagrad: each element's step shrinks with the root of the sum of its squared gradients.

    a <- a + g^2,   w <- w - lr g / sqrt(a + eps)

Duchi, Hazan and Singer 2011 (jmlr.org/papers/v12/duchi11a.html). A zero gradient changes nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class AdagradSlots(NamedTuple):
    """The sum a of squared gradients."""

    accumulator: Any


def adagrad(
    xp: Any,
    gradient: Any,
    value: Any,
    slots: AdagradSlots,
    *,
    learning_rate: float,
    epsilon: float = 0.0,
) -> tuple[Any, AdagradSlots]:
    """One step of Adagrad."""
    total = gradient * gradient
    total += slots.accumulator
    move = learning_rate * gradient
    move /= xp.sqrt(total + epsilon)
    return value - move, AdagradSlots(total)
