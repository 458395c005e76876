"""The module that compiles, loaded when a program is first compiled: it brings JAX along."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_found: list[Any] = []


def xla() -> Any:
    """The module that compiles, or None where JAX is not installed."""
    if not _found:
        try:
            _found.append(import_module("gradtape.graph.compile"))
        except ImportError:
            _found.append(None)
    return _found[0]
