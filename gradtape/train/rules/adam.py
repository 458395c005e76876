"""Adam: steps scaled by running means of the gradient and of its square, corrected for their start
at zero.

    m <- b1 m + (1 - b1) g
    v <- b2 v + (1 - b2) g^2
    w <- w - lr sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)

Kingma and Ba 2014 (arXiv:1412.6980), in the form before their section 2.1, where eps is "epsilon
hat". AMSGrad (Reddi et al. 2018) puts the largest v so far in the place of v.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class AdamSlots(NamedTuple):
    """The means m and v, and for AMSGrad the largest v, otherwise None."""

    momentum: Any
    velocity: Any
    velocity_hat: Any = None


def adam(
    xp: Any,
    gradient: Any,
    value: Any,
    slots: AdamSlots,
    *,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    powers: tuple[float, float],
    epsilon: float,
) -> tuple[Any, AdamSlots]:
    """One step of Adam; `powers` are b1^t and b2^t of this step t = 1, 2, ..."""
    alpha = learning_rate * (1 - powers[1]) ** 0.5 / (1 - powers[0])
    mean = beta_1 * slots.momentum
    mean += (1 - beta_1) * gradient
    square = beta_2 * slots.velocity
    fresh = gradient * gradient
    fresh *= 1 - beta_2
    square += fresh
    largest = None
    if slots.velocity_hat is not None:
        largest = xp.maximum(slots.velocity_hat, square)
    scale = xp.sqrt(square if largest is None else largest)
    scale += epsilon
    moved = -alpha * mean
    moved /= scale
    moved += value
    return moved, AdamSlots(mean, square, largest)
