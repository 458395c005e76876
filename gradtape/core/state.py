"""What is active in this thread: the recording tapes, other observers, and the mode that runs
operations; and the lookouts, which see the operations of all threads.

Two truth tests are all that the hot path asks: `special` is True when an observer or a lookout
looks on or a mode other than eager NumPy runs operations; `tapes` is empty when nothing records.
An observer that is alone may run elementwise operations itself (`follower`), which spares a third
of what it costs. A
transformation such as batching opens a frame of its own (`frame`): inside it only what was opened
inside observes, and while it works on the values below it stands aside, so that tapes and
transformations nest in any order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gradtape.core.quick import quick


class Lookout:
    """What looks on everywhere, for diagnostics.

    Attributes:
        as_python: whether recorded functions are to run as Python, operation by operation.
        follows: whether it may run elementwise operations itself, when it is alone.
        checks: whether it only looks for what is not finite, which the extension can do too.
    """

    as_python = False
    follows = False
    checks = False

    def see(self, primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any], out: Any) -> Any:
        """An operation was run."""

    def made(self, tensor: Any) -> None:
        """The program made a tensor of numbers."""

    def renamed(self, tensor: Any, again: Any) -> None:
        """A tensor goes on as another object."""

    def left(self, tensor: Any, how: str) -> None:
        """A tensor's value was handed to Python."""

    def read(self, variable: Any, tensor: Any) -> None:
        """A variable was read."""

    def changed(self, variable: Any, how: str, values: tuple[Any, ...]) -> None:
        """A variable was assigned to."""


lookouts: list[Any] = []
newborn: list[Any] = []  # functions that are told of each variable that is made: values wait for it


class State(threading.local):
    """The active tapes (recordings), observers and mode of one thread."""

    tapes: tuple[Any, ...] = ()
    observers: tuple[Any, ...] = ()
    mode: Any = None
    special: bool = False
    # the only observer or lookout, where nothing else is special and it says `follows`
    follower: Any = None

    def set(self, tapes: tuple[Any, ...], observers: tuple[Any, ...], mode: Any) -> None:
        """Replace the whole state."""
        self.tapes = tapes
        self.mode = mode
        self.set_observers(observers)

    def set_tapes(self, tapes: tuple[Any, ...]) -> None:
        """Replace the active tapes."""
        self.tapes = tapes
        if quick is not None:
            quick.set_tapes(tapes)

    def set_observers(self, observers: tuple[Any, ...]) -> None:
        """Replace the active observers."""
        mode = self.mode
        special = bool(observers) or mode is not None
        follower = None
        self.observers = observers
        if special:
            if len(observers) == 1 and mode is None and not lookouts:
                alone = observers[0]
                follower = alone if getattr(alone, "follows", False) else None
            self.special = True
            self.follower = follower
        else:  # the class knows whether lookouts look on, also when that changes
            own = self.__dict__
            own.pop("special", None)
            own.pop("follower", None)
        if quick is not None:
            quick.set_state(self.tapes, special, follower)


here = State()


def post(lookout: Any) -> None:
    """Let a lookout see what every thread does from now on."""
    lookouts.append(lookout)
    _tell()


def withdraw(lookout: Any) -> None:
    """Let a lookout see no more."""
    if lookout in lookouts:
        lookouts.remove(lookout)
        _tell()


def _tell() -> None:
    """Bring `special` up to date: of this thread, and of those that have no state of their own."""
    State.special = bool(lookouts)
    alone = lookouts[0] if len(lookouts) == 1 else None
    if quick is not None:
        quick.set_lookouts(2 if alone is not None and alone.checks else len(lookouts) and 1)
    State.follower = alone if getattr(alone, "follows", False) else None
    here.set(here.tapes, here.observers, here.mode)


@contextmanager
def frame(tapes: tuple[Any, ...], observers: tuple[Any, ...], mode: Any) -> Iterator[None]:
    """Run a block in another state and come back to the present one."""
    before = here.tapes, here.observers, here.mode
    here.set(tapes, observers, mode)
    try:
        yield
    finally:
        here.set(*before)
