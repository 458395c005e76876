"""`PerObject`: what is made for each object of a class and forgotten with it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

MOST_HELD = 64  # objects that cannot be referred to weakly


class PerObject:
    """Something for each object, by its identity: objects need neither be hashable nor differ.

    Objects of classes with `__slots__` and without `__weakref__` are kept alive, the last 64 of
    them.
    """

    def __init__(self) -> None:
        self._found: dict[int, tuple[Callable[[], Any], Any]] = {}
        self._held: list[int] = []

    def of(self, owner: Any, make: Callable[[Any], Any]) -> Any:
        """What belongs to an object, made when there is nothing yet."""
        found = self._found.get(id(owner))
        if found is not None and found[0]() is owner:
            return found[1]
        made = make(owner)
        self._found[id(owner)] = self._reference(owner), made
        return made

    def _reference(self, owner: Any) -> Callable[[], Any]:
        number, everything = id(owner), self._found
        try:
            return weakref.ref(owner, lambda _: everything.pop(number, None))
        except TypeError:
            self._held.append(number)
            if len(self._held) > MOST_HELD:
                everything.pop(self._held.pop(0), None)
            return lambda: owner
