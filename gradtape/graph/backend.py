"""The module that compiles, loaded when a program is first compiled: it brings JAX along; and
whether its code waits for a Python function that it called."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any

_found: list[Any] = []


class _HostCall(threading.local):
    running = False


host_call = _HostCall()


def xla() -> Any:
    """The module that compiles, or None where JAX is not installed."""
    if not _found:
        try:
            _found.append(import_module("gradtape.graph.compile"))
        except ImportError:
            _found.append(None)
    return _found[0]
