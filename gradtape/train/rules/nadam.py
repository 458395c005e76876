"""Nadam: Adam with Nesterov's momentum, whose coefficient grows with time.

    mu_t = b1 (1 - 0.96^t / 2),   M_t = mu_1 mu_2 ... mu_t
    m <- b1 m + (1 - b1) g
    v <- b2 v + (1 - b2) g^2
    w <- w - lr ( mu_{t+1} m / (1 - M_{t+1}) + (1 - mu_t) g / (1 - M_t) ) / ( sqrt(v / (1 - b2^t))
    + eps )

Dozat 2015 (cs229.stanford.edu/proj2015/054_report.pdf), with his schedule of mu.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class NadamSlots(NamedTuple):
    """The means m and v."""

    momentum: Any
    velocity: Any


def schedule(beta_1: float, step: Any) -> Any:
    """The momentum mu_t of step t = 1, 2, ..."""
    return beta_1 * (1 - 0.5 * 0.96**step)


def nadam(
    xp: Any,
    gradient: Any,
    value: Any,
    slots: NadamSlots,
    *,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    momenta: tuple[float, float],
    product: float,
    power: float,
    epsilon: float,
) -> tuple[Any, NadamSlots]:
    """One step of Nadam; `momenta` are mu_t and mu_{t+1}, `product` is M_t and `power` b2^t."""
    now, then = momenta
    mean = beta_1 * slots.momentum
    mean += (1 - beta_1) * gradient
    square = gradient * gradient
    square *= 1 - beta_2
    square += beta_2 * slots.velocity
    move = (learning_rate * then / (1 - product * then)) * mean
    move += (learning_rate * (1 - now) / (1 - product)) * gradient
    scale = xp.sqrt(square * (1 / (1 - power)))
    scale += epsilon
    move /= scale
    return value - move, NadamSlots(mean, square)
