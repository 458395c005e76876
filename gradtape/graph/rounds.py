"""Scans of few numbers: all their rounds in the extension.

XLA takes a tenth of a microsecond and more from one operation of a loop to the next, Python three
times as long; the extension runs the steps of a small program (`graph.few`) with little in between,
on NumPy as in compiled code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradtape.core.quick import quick
from gradtape.graph.callee import Callee
from gradtape.graph.few import number, planned
from gradtape.graph.lines import looking

LEAST = 32  # rounds; to write down a step takes about as long as to run it so often on NumPy


def run_rounds(
    xp: Any,
    step: Callee,
    arrays: Sequence[Any],
    counts: tuple[int, int],
    length: int,
    reverse: bool,
) -> Any:
    """The last state and the stacked results of a scan of few numbers, or None where the extension
    does not run it.

    Args:
        arrays: the state, the rows of all rounds, and what stays the same.
        counts: how many arrays are state, and how many are rows.
    """
    if quick is None or length < LEAST or looking.on is not None:
        return None
    program = step.runner.program
    plan = planned(program)
    if type(plan) is not quick.Program or not plan.repeats(*counts):
        return None
    specs = [(v.shape, v.dtype) for v in step.outputs]
    return xp.rounds(plan, number(program), arrays, counts, length, reverse, specs)
