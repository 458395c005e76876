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
    failures: list[Exception] = [] if _current.failures is None else _current.failures

    def call(*given: Any) -> None:
        if failures:
            return
        try:
            function(*[np.asarray(g)[()] for g in given])
        except Exception as error:
            failures.append(error)

    io_callback(call, None, *arrays, ordered=True)


@verb
def called_on_host(
    function: Callable[..., Sequence[Any]],
    arrays: Sequence[Any],
    specs: Sequence[tuple[Any, Any]],
) -> Any:
    """What a Python function returns for the arrays, arrays of these shapes and dtypes."""
    failures: list[Exception] = [] if _current.failures is None else _current.failures
    blank = [np.zeros(shape, dtype) for shape, dtype in specs]

    def call(*given: Any) -> Any:
        if failures:
            return blank
        try:
            return [np.asarray(v) for v in function(*[np.asarray(g)[()] for g in given])]
        except Exception as error:
            failures.append(error)
            return blank

    wanted = [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in specs]
    return tuple(io_callback(call, wanted, *arrays, ordered=True))
