"""A moving average, whose value follows another one: a <- weight a + (1 - weight) x."""

from __future__ import annotations

from typing import Any, NamedTuple


class FollowSlots(NamedTuple):
    """A moving average keeps nothing but itself."""


def follow(
    xp: Any, followed: Any, value: Any, slots: FollowSlots, *, weight: float
) -> tuple[Any, FollowSlots]:
    """One step of the average `value` towards the array `followed`."""
    moved = weight * value
    moved += (1 - weight) * followed
    return moved, slots
