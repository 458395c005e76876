"""Results of programs that are not finite: which operation is to blame.

While `debug_nans` is on, a program runs as fast as ever, and its results are looked at. When one is
not finite the program runs again on the same inputs, on NumPy and operation by operation, also
inside of loops and branches (`Rerun`). An array that is not finite remembers who is to blame for
it, so that values which are masked on the way to the results are left in peace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradtape.autodiff.finite_arrays import Finding, described, finding, sound
from gradtape.autodiff.finite_report import derivative_error, value_error
from gradtape.autodiff.finite_verdict import MOVING, Verdict, verdict
from gradtape.autodiff.finite_watch import watch
from gradtape.core.errors import NotFiniteError
from gradtape.core.xp_numpy import restore, silence, xp
from gradtape.graph.lines import as_function, looking
from gradtape.graph.program import Program


def looked_at(runner: Any, tensors: Sequence[Any]) -> list[Any]:
    """What a runner gives, looked at.

    No buffer is taken over by an output: the inputs must be there for running again."""
    runner = runner.sparing
    found = runner(tensors, False)
    if looking.on is None and not all([sound(t._array) for t in found[: runner.results]]):
        _explain(runner, list(tensors), found[: runner.results])
    return found


def _explain(runner: Any, tensors: list[Any], found: list[Any]) -> None:
    """Raise with the operation that is to blame for a result, if there is one."""
    arrays = [t._array for t in tensors]
    rerun = Rerun(watch.infs)
    if looking.behind is not None:
        looking.behind.run(rerun, arrays)
    results = rerun.run(runner.program, arrays)
    blamed = rerun.blamed(results[: runner.results])
    if blamed is not None:
        raise blamed.error(runner.name)
    for number, (tensor, again) in enumerate(zip(found, results)):
        if sound(again):
            wrong = finding(tensor._array, watch.infs)
            if wrong is not None:
                raise _unexplained(runner, number, wrong, tensor._array, results[number])


def _unexplained(
    runner: Any, number: int, wrong: Finding, array: Any, again: Any
) -> NotFiniteError:
    """The error where compiled code alone gives what is not finite."""
    advice = (
        "compiled code rounds in another order, and the numbers are near the limits of the dtype."
        " Use a wider dtype, or keep the numbers smaller."
    )
    return NotFiniteError(
        f"gradtape.function {runner.name}: result {number} has {wrong} as compiled"
        f" ({described(array)}), but not operation by operation ({described(again)}).\n"
        f"Hint: {advice}",
        operation="gradtape.function",
        kind="value",
        what=wrong.what,
        count=wrong.count,
        size=wrong.size,
        index=wrong.index,
        hint=advice,
    )


class Behind:
    """The forward behind a backward, whose kept values are not all finite: a slope may be.

    Args:
        runner: runs the forward.
        tensors: its inputs.
        first: the number of the backward's input that is the first kept value.
    """

    def __init__(self, runner: Any, tensors: Sequence[Any], first: int) -> None:
        self.runner, self.tensors, self.first = runner, tensors, first

    @classmethod
    def of(cls, runner: Any, tensors: Any, found: Any, first: int) -> Behind | None:
        """What is behind the results of a forward; None where all of them are finite."""
        if all([sound(t._array) for t in found[runner.results :]]):
            return None
        return cls(runner, tensors, first)

    def __enter__(self) -> None:
        looking.behind = self

    def __exit__(self, *exception: Any) -> None:
        looking.behind = None

    def run(self, rerun: Rerun, arrays: list[Any]) -> None:
        """Run the forward again, so that it is known who is to blame for what was kept."""
        kept = rerun.run(self.runner.program, [t._array for t in self.tensors])
        kept = kept[self.runner.results :]
        arrays[self.first : self.first + len(kept)] = kept


class Suspect:
    """An operation that is to blame, and where it ran."""

    def __init__(self, op: Any, arrays: list[Any], outs: list[Any], found: Verdict) -> None:
        self.op, self.arrays, self.outs, self.found = op, arrays, outs, found
        self.where: list[str] = []

    def error(self, function: str) -> NotFiniteError:
        """The error that names it.

        Args:
            function: the name of the function that ran.
        """
        op = self.op
        around = "".join([f"\n  {text}" for text in [f"in {function}, compiled", *self.where]])
        if op.forward is not None and self.found.came_in is None:
            return self._of_rule(around)
        return value_error(
            op.primitive,
            self.found,
            self.arrays,
            self.outs,
            place=op.where,
            made_by=tuple([v.op.primitive.name for v in op.takes]),
            source=self._source(),
            around=around,
        )

    def _of_rule(self, around: str) -> NotFiniteError:
        """The error of an operation on the way back: it names the one forward."""
        op, forward = self.op, self.op.forward
        while forward.forward is not None:
            forward = forward.forward
        result = self.outs[self.found.output]
        return derivative_error(
            forward.primitive,
            "cotangent",
            None,
            self.found.finding,
            inputs=[],
            given=_zeros_at_nan(self.arrays, result),
            result=result,
            place=forward.where,
            made_by=tuple([v.op.primitive.name for v in forward.takes]),
            around=f"{around}\n  its rule does {op.primitive.name} of "
            + ", ".join([described(a) for a in self.arrays]),
        )

    def _source(self) -> str:
        if self.found.came_in is None:
            return ""
        source = self.op.takes[self.found.came_in].op
        if source.primitive.name == "ReadVariable":
            return f", the value of variable {source.params['variable'].name!r},"
        return f", {source.name!r}," if source.primitive.name != "Const" else ", a constant,"


def _zeros_at_nan(arrays: list[Any], result: Any) -> Any:
    """The operand that is zero where the result is NaN: what a mask left of a cotangent."""
    nan = np.isnan(result)
    for array in arrays:
        if np.shape(array) == np.shape(result) and nan.any() and not np.any(array[nan]):
            return array
    return None


class Around:
    """A loop or a choice that runs.

    Args:
        op: the operation.
        first: how many suspects there were when it began.
    """

    def __init__(self, op: Any, first: int) -> None:
        self.op, self.first = op, first
        self.counts: Counter[Any] = Counter()  # the runs of its programs
        self.now: int | None = None  # the number of the run that is going on

    def __str__(self) -> str:
        at = "" if self.op.where is None else f" at {self.op.where[0]}:{self.op.where[1]}"
        name = self.op.primitive.name
        if name == "switch":
            return f"in a branch of the choice{at}"
        if name not in ("while", "scan", "loop_pull") or self.now is None:
            return ""
        back = " backward" if name == "loop_pull" or self.op.forward is not None else ""
        return f"in iteration {self.now} (counted from 0) of the loop{back}{at}"


class Rerun:
    """A program that runs operation by operation; the lines of programs tell it of each.

    Attributes:
        suspects: the operations that are to blame, in order.
    """

    def __init__(self, infs: bool) -> None:
        self.infs = infs
        self.suspects: list[Suspect] = []
        self._blame: dict[int, tuple[Any, Suspect | None]] = {}  # by the ids of arrays, held here
        self._around: list[Around] = []

    def run(self, program: Program, arrays: list[Any]) -> Sequence[Any]:
        """The results of the program."""
        known = program.sizes([a.shape for a in arrays]) if program.open else None
        token = silence()
        looking.on = self
        try:
            return as_function(program, known)(xp, *arrays)
        finally:
            looking.on = None
            restore(token)

    def blamed(self, results: Sequence[Any]) -> Suspect | None:
        """The first operation that is to blame for one of the results."""
        for array in results:
            if not sound(array):
                _, suspect = self._blame.get(id(array), (None, None))
                if suspect is not None:
                    return suspect
        return None

    # what the lines of programs tell

    def begin(self, op: Any) -> None:
        """An operation is about to run."""
        if op.primitive.family == "loop":
            self._around.append(Around(op, len(self.suspects)))

    def body(self, program: Program, run: Callable[..., Any]) -> Callable[..., Any]:
        """A test, a step or a branch, whose runs are counted."""
        if not self._around:
            return run
        around = self._around[-1]

        def counted(*arrays: Any) -> Any:
            around.now = around.counts[program]
            around.counts[program] += 1
            return run(*arrays)

        return counted

    def end(self, op: Any, arrays: list[Any], outs: list[Any]) -> None:
        """An operation has run."""
        first = len(self.suspects)
        if op.primitive.family == "loop":
            first = self._around.pop().first
        for array in outs:
            if not sound(array) and id(array) not in self._blame:
                self._blame[id(array)] = array, self._suspect(op, arrays, outs, first)

    def _suspect(self, op: Any, arrays: list[Any], outs: list[Any], first: int) -> Suspect | None:
        """Who is to blame for the results of an operation; `first` is the number of the first
        suspect that there was after it began."""
        for array in arrays:
            _, suspect = self._blame.get(id(array), (None, None))
            if suspect is not None:
                return suspect
        if op.primitive.family == "loop" and len(self.suspects) > first:
            return self.suspects[first]  # results are collected in new arrays
        if op.primitive.name in MOVING:
            return None
        found = verdict(op.primitive, arrays, outs, self.infs)
        if found is None:
            return None
        suspect = Suspect(op, arrays, outs, found)
        suspect.where = [text for a in reversed(self._around) if (text := str(a))]
        self.suspects.append(suspect)
        return suspect
