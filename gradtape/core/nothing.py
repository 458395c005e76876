"""Cotangents that are not there, each with its reason: stopped, not differentiable, owed,
unconnected.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Nothing:
    """The absence of a derivative.

    `kind` is one of "unconnected", "stopped", "stepwise", "dtype"; `why` is a sentence for
    `explain`."""

    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class Owed:
    """A derivative that exists in mathematics but that no rule gives; differentiating raises
    `why`.
    """

    why: str


UNCONNECTED = Nothing("unconnected", "the target does not depend on the source")
STOPPED = Nothing("stopped", "the path passes through stop_gradient")
STEPWISE = Nothing("stepwise", "the operation is constant between jumps")
INTEGER = Nothing("dtype", "integers and booleans carry no derivative")
