"""Adagrad by dual averaging: the weights follow from the sum of all gradients, so that unseen ones
stay exactly zero.

    G <- G + g,   A <- A + g^2
    w <- - lr sign(G) max(|G| - l1 t, 0) / (l2 t lr + sqrt(A))

Duchi, Hazan and Singer 2011 (jmlr.org/papers/v12/duchi11a.html), the primal-dual subgradient
update with a diagonal matrix; t counts the steps.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class AdagradDASlots(NamedTuple):
    """The sums G of gradients and A of squared gradients."""

    gradient_accumulator: Any
    gradient_squared_accumulator: Any


def adagrad_da(
    xp: Any,
    gradient: Any,
    value: Any,
    slots: AdagradDASlots,
    *,
    learning_rate: float,
    l1: float,
    l2: float,
    step: int,
) -> tuple[Any, AdagradDASlots]:
    """One step of Adagrad by dual averaging; `step` is t = 1, 2, ..."""
    total = slots.gradient_accumulator + gradient
    squares = gradient * gradient
    squares += slots.gradient_squared_accumulator
    shrunk = total
    if l1 > 0:
        threshold = l1 * step * xp.ones((), total.dtype)
        shrunk = total - xp.clip(total, -threshold, threshold)
    scale = xp.sqrt(squares)
    scale += l2 * step * learning_rate
    return -learning_rate * shrunk / scale, AdagradDASlots(total, squares)
