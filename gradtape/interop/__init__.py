"""Floor 4: one guest library, one file; each is imported when it is first asked for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradtape.interop import sympy as sympy

_GUESTS = {"sympy": "symbolic"}


def __getattr__(name: str) -> Any:
    if name not in _GUESTS:
        raise AttributeError(f"module 'gradtape.interop' has no attribute {name!r}")
    try:
        return import_module(f"gradtape.interop.{name}")
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ModuleNotFoundError(
            f"gradtape.interop.{name} needs {name}, which is not installed: write"
            f" pip install 'gradtape[{_GUESTS[name]}]'.",
            name=name,
        ) from error


def __dir__() -> list[str]:
    return sorted([*globals(), *_GUESTS])
