"""Loops of known length that cannot be recorded as one operation and run in Python instead.

What a round does shows this while the body is recorded: a list takes a tensor, or an array grows
elsewhere than at the number of the round. `stop_recording` then leaves the body, and the loop runs
in Python."""

from __future__ import annotations

import threading
from typing import Any

from gradtape.core.state import here


class InPython(Exception):
    """The innermost loop is to run in Python; says why."""


class _Bodies(threading.local):
    modes: tuple[Any, ...] = ()  # the traces of bodies of loops that can run in Python


_bodies = _Bodies()


class InPythonIfNeeded:
    """A block that belongs to the body of a loop which can run in Python."""

    def __enter__(self) -> None:
        _bodies.modes = (*_bodies.modes, here.mode)

    def __exit__(self, *exception: Any) -> None:
        _bodies.modes = _bodies.modes[:-1]


def stop_recording(reason: str) -> None:
    """Stop the recording of a loop that could run in Python; nothing where there is none."""
    mode = here.mode if _bodies.modes else None
    while mode is not None:
        if mode in _bodies.modes:
            raise InPython(reason)
        mode = mode.outside[2]
