"""The verb on XLA that calls a Python function for what it does, and what becomes of its
exception.

Compiled code cannot raise: the exception is noted, later calls of the same run do nothing, and
whoever ran the program raises it afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from jax.experimental import io_callback

from gradtape.core.placement import detours
from gradtape.graph.backend import host_call
from gradtape.graph.xp_jax_base import verb


class _Current(threading.local):
    failures: list[Exception] | None = None


_current = _Current()


@contextmanager
def noting(failures: list[Exception]) -> Iterator[None]:
    """Within the block, while a program is traced: its calls note their exceptions in a list."""
    before, _current.failures = _current.failures, failures
    try:
        yield
    finally:
        _current.failures = before


@verb
def on_host(function: Callable[..., None], arrays: Sequence[Any]) -> None:
    """Call a Python function with the arrays, in its turn among the calls of the program."""
    run = _noted(function)

    def call(*given: Any) -> None:
        run(*given)

    io_callback(call, None, *arrays, ordered=True)


@verb
def called_on_host(
    function: Callable[..., Sequence[Any]],
    arrays: Sequence[Any],
    specs: Sequence[tuple[Any, Any]],
) -> Any:
    """What a Python function returns for the arrays, arrays of these shapes and dtypes."""
    run = _noted(lambda *given: [np.asarray(v) for v in function(*given)])
    blank = [np.zeros(shape, dtype) for shape, dtype in specs]

    def call(*given: Any) -> Any:
        found = run(*given)
        return blank if found is None else found

    wanted = [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in specs]
    return tuple(io_callback(call, wanted, *arrays, ordered=True))


def _noted(function: Callable[..., Any]) -> Callable[..., Any]:
    """What calls a function with arrays and notes its exception; after one it returns None."""
    failures: list[Exception] = [] if _current.failures is None else _current.failures

    def run(*given: Any) -> Any:
        if failures:
            return None
        before, host_call.running = host_call.running, True
        detours.append("host call")
        try:
            return function(*[np.asarray(g)[()] for g in given])
        except Exception as error:
            failures.append(error)
            return None
        finally:
            host_call.running = before
            detours.remove("host call")

    return run
