"""RMSprop: the gradient divided by the root of a running mean of its square.

    v <- rho v + (1 - rho) g^2
    c <- rho c + (1 - rho) g                            centered (Graves 2013, arXiv:1308.0850);
    otherwise c = 0 u <- mu u + lr g / sqrt(v - c^2 + eps) w <- w - u

Hinton 2012 (lecture 6e of "Neural Networks for Machine Learning").
"""

from __future__ import annotations

from typing import Any, NamedTuple


class RMSpropSlots(NamedTuple):
    """The mean square v; u and c, None without momentum and when not centered."""

    velocity: Any
    momentum: Any = None
    average_gradient: Any = None


def rmsprop(
    xp: Any,
    gradient: Any,
    value: Any,
    slots: RMSpropSlots,
    *,
    learning_rate: float,
    rho: float,
    momentum: float,
    epsilon: float,
) -> tuple[Any, RMSpropSlots]:
    """One step of RMSprop."""
    square = gradient * gradient
    square *= 1 - rho
    square += rho * slots.velocity
    variance, mean = square, None
    if slots.average_gradient is not None:
        mean = rho * slots.average_gradient
        mean += (1 - rho) * gradient
        variance = square - mean * mean
    move = learning_rate * gradient
    move /= xp.sqrt(variance + epsilon)
    if slots.momentum is None:
        return value - move, RMSpropSlots(square, None, mean)
    move += momentum * slots.momentum
    return value - move, RMSpropSlots(square, move, mean)
