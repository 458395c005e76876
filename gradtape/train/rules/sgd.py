"""Gradient descent, with momentum and with Nesterov's momentum, as Keras writes them.

w <- w - lr g                                       momentum 0
v <- mu v - lr g,   w <- w + v                      momentum (Polyak 1964)
v <- mu v - lr g,   w <- w + mu v - lr g            Nesterov (Nesterov 1983; Sutskever et al. 2013)
"""

from __future__ import annotations

from typing import Any, NamedTuple


class SGDSlots(NamedTuple):
    """The velocity v, None without momentum."""

    momentum: Any = None


def sgd(
    xp: Any,
    gradient: Any,
    value: Any,
    slots: SGDSlots,
    *,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> tuple[Any, SGDSlots]:
    """One step of gradient descent."""
    move = learning_rate * gradient
    if slots.momentum is None:
        return value - move, slots
    velocity = momentum * slots.momentum
    velocity -= move
    if not nesterov:
        return value + velocity, SGDSlots(velocity)
    ahead = momentum * velocity
    ahead -= move
    ahead += value
    return ahead, SGDSlots(velocity)
