"""The verbs of control flow on NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradtape.core.xp_numpy import verb


@verb
def switch(index: Any, branches: Sequence[Callable[..., Any]], operands: Sequence[Any]) -> Any:
    """What the branch with a number gives for operands; numbers out of range are clamped."""
    return branches[max(0, min(int(index), len(branches) - 1))](*operands)


@verb
def loop_pull(
    test: Callable[[Any], Any],
    body: Callable[[Any], Any],
    back: Callable[[Any, Any], Any],
    state: Any,
    cts: Any,
    sums: Any,
) -> Any:
    """Repeat a loop and walk back through its states.

    Args:
        test, body: the loop of a state.
        back: from the state before a step and the cotangents after it to the cotangents before it
            and what the step adds to the sums.
    """
    states = []
    while test(state):
        states.append(state)
        state = body(state)
    while states:
        cts, more = back(states.pop(), cts)
        sums = tuple([s + m for s, m in zip(sums, more, strict=True)])
    return (*cts, *sums)


@verb
def scan(
    step: Callable[[Any, Any], Any],
    state: Any,
    rows: Sequence[Any],
    length: int,
    reverse: bool,
    specs: Sequence[tuple[Any, Any]],
    at_once: int = 1,
) -> Any:
    """Repeat a step once for each row; the last state, then the stacked results.

    Args:
        step: from the state and a row of each array to the next state and a row of each result.
        specs: shape and dtype of the results' rows.
        at_once: for compiled code: how many rows a round of the loop takes.
    """
    results = [np.empty((length, *shape), dtype) for shape, dtype in specs]
    for i in reversed(range(length)) if reverse else range(length):
        state, found = step(state, tuple([r[i] for r in rows]))
        for result, row in zip(results, found, strict=True):
            result[i] = row
    return (*state, *results)


@verb
def rounds(
    plan: Any,
    number: tuple[int, int],
    arrays: Sequence[Any],
    counts: tuple[int, int],
    length: int,
    reverse: bool,
    specs: Sequence[tuple[Any, Any]],
) -> Any:
    """The last state and the stacked results of a scan whose step is a small program of the
    extension; None where it cannot run it on such arrays.

    Args:
        plan, number: the program, and by what compiled code knows it.
        arrays: the state, the rows of all rounds, and what stays the same.
        counts: how many arrays are state, and how many are rows.
        specs: shape and dtype of what one round gives.
    """
    plain = tuple([np.ascontiguousarray(a) if a.ndim else a[()] for a in arrays])
    return plan.rounds(plain, *counts, length, reverse)
