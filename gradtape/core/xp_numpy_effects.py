"""The verbs on NumPy that call a Python function of the user's.

Its exception ends the program and is the user's own: it is marked, so that nobody explains it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradtape.core.errors import OF_USER
from gradtape.core.xp_numpy import verb


@verb
def on_host(function: Callable[..., None], arrays: Sequence[Any]) -> None:
    """Call a Python function with the arrays, for what it does."""
    _called(function, arrays)


@verb
def called_on_host(
    function: Callable[..., Sequence[Any]],
    arrays: Sequence[Any],
    specs: Sequence[tuple[Any, Any]],
) -> Any:
    """What a Python function returns for the arrays, arrays of these shapes and dtypes."""
    return tuple(_called(function, arrays))


def _called(function: Callable[..., Any], arrays: Sequence[Any]) -> Any:
    try:
        return function(*arrays)
    except Exception as error:
        setattr(error, OF_USER, True)
        raise
