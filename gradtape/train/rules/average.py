"""A moving average, whose value follows another one: a <- weight a + (1 - weight) x."""

from __future__ import annotations

from typing import Any, NamedTuple


class AverageSlots(NamedTuple):
    """A moving average keeps nothing but itself."""


def average(
    xp: Any, followed: Any, value: Any, slots: AverageSlots, *, weight: float
) -> tuple[Any, AverageSlots]:
    """One step of the average `value` towards the array `followed`."""
    moved = weight * value
    moved += (1 - weight) * followed
    return moved, slots
