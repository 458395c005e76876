"""What all groups of methods of a dataset stand on: its plan, and how a method makes a new one."""

from __future__ import annotations

import os
from typing import Any, Self

from gradtape.core.errors import InvalidArgumentError
from gradtape.data.options import Options
from gradtape.data.plan import Plan
from gradtape.ops.static import static_int

AUTOTUNE = -1
READ_AHEAD = 4  # elements that prefetch(AUTOTUNE) keeps


class Pipeline:
    """A plan and its options."""

    _plan: Plan
    _options: Options

    @classmethod
    def _made(cls, plan: Plan, options: Options | None = None) -> Self:
        made = object.__new__(cls)
        made._plan, made._options = plan, options or Options()
        return made

    def _then(self, plan: Plan) -> Self:
        return self._made(plan, self._options)

    @property
    def as_plan(self) -> Plan:
        """The plan of this dataset."""
        return self._plan


def positive(value: Any, method: str, argument: str, words: str) -> int:
    """An integer of at least one."""
    number = static_int(value, f"data.Dataset.{method}", argument)
    if number <= 0:
        raise InvalidArgumentError(
            f"gradtape.data.Dataset.{method}: {words} must be greater than zero, but {argument} is"
            f" {number}."
        )
    return number


def threads_of(num_parallel_calls: Any, method: str) -> int:
    """How many threads an argument `num_parallel_calls` allows; 0 for none."""
    if num_parallel_calls is None:
        return 0
    number = static_int(num_parallel_calls, f"data.Dataset.{method}", "num_parallel_calls")
    return (
        os.cpu_count() or 1
        if number == AUTOTUNE
        else positive(number, method, "num_parallel_calls", "The number of parallel calls")
    )
