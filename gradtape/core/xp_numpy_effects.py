"""The verb on NumPy that calls a Python function for what it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradtape.core.xp_numpy import verb


@verb
def on_host(function: Callable[..., None], arrays: Sequence[Any]) -> None:
    """Call a Python function with the arrays; its exception ends the program."""
    function(*arrays)


@verb
def called_on_host(
    function: Callable[..., Sequence[Any]],
    arrays: Sequence[Any],
    specs: Sequence[tuple[Any, Any]],
) -> Any:
    """What a Python function returns for the arrays, arrays of these shapes and dtypes."""
    return tuple(function(*arrays))
