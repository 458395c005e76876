"""Where compiled functions run: the device that a block names, one for each thread; and what makes
calls of all threads look at where they are."""

from __future__ import annotations

import re
import threading
from typing import Any

from gradtape.core.asked import located
from gradtape.core.errors import brief


class _Placement(threading.local):
    device: tuple[str, int] | None = None


placement = _Placement()

# one entry for each block that names a device and each call from compiled code, in any thread, and
# while functions are to run as Python: calls then leave the straight way (`graph.straight_call`)
detours: list[str] = []


def parsed(name: Any) -> tuple[str, int] | None:
    """A device's name as its kind and number, None for no device.

    It may be "GPU:0", "/GPU:0", "/device:GPU:0" or the full name with job, replica and task.
    """
    if name is None or name == "":
        return None
    if not isinstance(name, str):
        name = getattr(name, "name", name)
    match = (
        re.fullmatch(
            r"(?:/job:[^/]*|/replica:\d+|/task:\d+)*/?(?:physical_device:|device:)?"
            r"([A-Za-z]+)(?::(\d+|\*))?",
            name,
        )
        if isinstance(name, str)
        else None
    )
    if match is None:
        if isinstance(name, str) and re.fullmatch(r"(?:/job:[^/]*|/replica:\d+|/task:\d+)+", name):
            return None
        raise ValueError(
            located(f"gradtape.device: {brief(name)} is no device. Write 'CPU:0', 'GPU:0' or None.")
        )
    number = match[2] or "0"
    return match[1].upper(), 0 if number == "*" else int(number)
