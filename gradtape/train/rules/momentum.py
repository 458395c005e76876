"""Gradient descent with momentum as TensorFlow 1 writes it: the learning rate stands outside the
accumulator.

    a <- mu a + g,   w <- w - lr a                      (Polyak 1964)
    a <- mu a + g,   w <- w - lr g - lr mu a            Nesterov (Sutskever et al. 2013)

With a constant learning rate this is the rule of `sgd`; with a changing one the past steps scale
with it.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class MomentumSlots(NamedTuple):
    """The accumulated gradient a."""

    momentum: Any


def heavy_ball(
    xp: Any,
    gradient: Any,
    value: Any,
    slots: MomentumSlots,
    *,
    learning_rate: float,
    momentum: float,
    nesterov: bool = False,
) -> tuple[Any, MomentumSlots]:
    """One step with momentum."""
    accumulated = momentum * slots.momentum
    accumulated += gradient
    if nesterov:
        move = momentum * accumulated
        move += gradient
        move *= learning_rate
    else:
        move = learning_rate * accumulated
    return value - move, MomentumSlots(accumulated)
