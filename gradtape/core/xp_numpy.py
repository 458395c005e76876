"""The array namespace of eager execution: NumPy, plus the few verbs in which namespaces differ.

Kernels receive it as `xp`. Everything in `numpy.__all__` is here under its own name; `special` is
SciPy's module of special functions and `linalg`, `fft` are NumPy's. SciPy is imported when it is
first used."""

from __future__ import annotations

import importlib
import math
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from gradtape.core.quick import fast


def _set_errors() -> Any:
    return np.seterr(all="ignore")


def _set_alarm() -> Any:
    return np.seterr(all="ignore", invalid="raise")


def _reset_errors(token: Any) -> None:
    np.seterr(**token)


# `silence()` stops NumPy from warning of inf and nan, `alarm()` lets it raise FloatingPointError
# where an operation makes nan of other numbers, and `restore(token)` undoes either
silence: Any = _set_errors
alarm: Any = _set_alarm
restore: Any = _reset_errors
quiet: Any = None  # the context variable that `silence` sets, and the value
try:  # the public np.errstate costs more than the operations that it would guard: 0.7 us, not 0.08
    from numpy._core.umath import _extobj_contextvar, _make_extobj

    quiet = _extobj_contextvar, _make_extobj(all="ignore")
    silence = partial(_extobj_contextvar.set, quiet[1])
    alarm = partial(_extobj_contextvar.set, _make_extobj(all="ignore", invalid="raise"))
    restore = _extobj_contextvar.reset
except ImportError:  # pragma: no cover - a NumPy with other insides
    pass


class Lazy:
    """A guest module that is imported at the first use of one of its names."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        value = getattr(importlib.import_module(self._module), name)
        setattr(self, name, value)
        return value


# only what is loaded: np.f2py, np.testing, np.ma, np.random would double the time of the import
_names = [name for name in np.__all__ if name in vars(np)]
xp: Any = SimpleNamespace(**{name: fast(vars(np)[name]) for name in _names})
xp.name = "numpy"
xp.fft = Lazy("numpy.fft")
xp.special = Lazy("scipy.special")
xp.scipy_linalg = Lazy("scipy.linalg")


verbs = SimpleNamespace()  # what we added, or put in the place of a function of the library


def verb(function: Any) -> Any:
    """Add a function to the namespace under its own name; each name once."""
    if hasattr(verbs, function.__name__):
        raise ValueError(f"There is a verb {function.__name__!r} already: choose another name.")
    setattr(verbs, function.__name__, function)
    setattr(xp, function.__name__, function)
    return function


@verb
def at_set(array: Any, index: Any, value: Any) -> Any:
    """A copy of the array with `array[index] = value`."""
    array = np.array(array)
    array[index] = value
    return array


@verb
def broadcast_to(array: Any, shape: tuple[int, ...]) -> Any:
    """The array repeated to a shape: a copy where it is small, because NumPy's view costs 3 us to
    make.
    """
    if math.prod(shape) > 4096:
        return np.broadcast_to(array, shape)
    result = np.empty(shape, array.dtype)
    result[...] = array
    return result
