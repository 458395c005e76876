"""Adamax: Adam with the largest recent gradient in the place of the root mean square.

    m <- b1 m + (1 - b1) g
    u <- max(b2 u, |g|)
    w <- w - lr / (1 - b1^t) m / (u + eps)

Kingma and Ba 2014 (arXiv:1412.6980), section 7.1; eps is Keras's.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class AdamaxSlots(NamedTuple):
    """The mean m and the norm u."""

    momentum: Any
    norm: Any


def adamax(
    xp: Any,
    gradient: Any,
    value: Any,
    slots: AdamaxSlots,
    *,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    power: float,
    epsilon: float,
) -> tuple[Any, AdamaxSlots]:
    """One step of Adamax; `power` is b1^t of this step t = 1, 2, ..."""
    mean = beta_1 * slots.momentum
    mean += (1 - beta_1) * gradient
    norm = xp.maximum(beta_2 * slots.norm, xp.abs(gradient))
    move = learning_rate / (1 - power) * mean
    move /= norm + epsilon
    return value - move, AdamaxSlots(mean, norm)
