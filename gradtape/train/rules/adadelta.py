"""Adadelta: steps in the units of the variable, from running means of squared gradients and of
squared steps.

    a <- rho a + (1 - rho) g^2
    d  = - sqrt(s + eps) / sqrt(a + eps) g
    s <- rho s + (1 - rho) d^2
    w <- w + lr d

Zeiler 2012 (arXiv:1212.5701), there with lr = 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class AdadeltaSlots(NamedTuple):
    """The mean squared gradient a and the mean squared step s."""

    accumulated_grad: Any
    accumulated_delta_var: Any


def adadelta(
    xp: Any,
    gradient: Any,
    value: Any,
    slots: AdadeltaSlots,
    *,
    learning_rate: float,
    rho: float,
    epsilon: float,
) -> tuple[Any, AdadeltaSlots]:
    """One step of Adadelta."""
    square = gradient * gradient
    square *= 1 - rho
    square += rho * slots.accumulated_grad
    step = xp.sqrt(slots.accumulated_delta_var + epsilon)
    step /= xp.sqrt(square + epsilon)
    step *= gradient
    steps = step * step
    steps *= 1 - rho
    steps += rho * slots.accumulated_delta_var
    step *= learning_rate
    return value - step, AdadeltaSlots(square, steps)
