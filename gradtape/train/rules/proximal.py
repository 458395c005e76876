"""Gradient steps followed by the proximal map of l1 |w| + l2 w^2 / 2, which sets small weights to
exactly zero.

    prox(x, h) = sign(x) max(|x| - h l1, 0) / (1 + h l2)
    w <- prox(w - lr g, lr)                             proximal gradient descent
    a <- a + g^2,   h = lr / sqrt(a),   w <- prox(w - h g, h)       proximal Adagrad

Duchi and Singer 2009 (FOBOS, jmlr.org/papers/v10/duchi09a.html).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gradtape.train.rules.adagrad import AdagradSlots


class ProximalSlots(NamedTuple):
    """Proximal gradient descent keeps nothing."""


def proximal_gradient_descent(
    xp: Any,
    gradient: Any,
    value: Any,
    slots: ProximalSlots,
    *,
    learning_rate: float,
    l1: float,
    l2: float,
) -> tuple[Any, ProximalSlots]:
    """One step of proximal gradient descent."""
    return _prox(xp, value - learning_rate * gradient, learning_rate, l1, l2), slots


def proximal_adagrad(
    xp: Any,
    gradient: Any,
    value: Any,
    slots: AdagradSlots,
    *,
    learning_rate: float,
    l1: float,
    l2: float,
) -> tuple[Any, AdagradSlots]:
    """One step of proximal Adagrad."""
    total = gradient * gradient
    total += slots.accumulator
    step = learning_rate / xp.sqrt(total)
    return _prox(xp, value - step * gradient, step, l1, l2), AdagradSlots(total)


def _prox(xp: Any, x: Any, step: Any, l1: float, l2: float) -> Any:
    if l1 > 0:
        threshold = step * l1 * xp.ones((), x.dtype)
        x = x - xp.clip(x, -threshold, threshold)
    return x / (1 + step * l2)
