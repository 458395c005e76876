"""The verb on NumPy that calls a Python function for what it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradtape.core.xp_numpy import verb


@verb
def on_host(function: Callable[..., None], arrays: Sequence[Any]) -> None:
    """Call a Python function with the arrays; its exception ends the program."""
    function(*arrays)
