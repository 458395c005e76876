"""Who runs a program: NumPy, kernel by kernel, or XLA as one piece of machine code.

A call of compiled code costs some microseconds before it starts, and compiling costs tenths of a
second. So a program whose operations are few and small is run on NumPy (`small`); everything else
is compiled where JAX is installed. The choice depends on the program alone, so that a function
gives the same digits at every call."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from math import prod
from typing import Any

from gradtape.core.deferred import DeferredTensor
from gradtape.core.dispatch import FAILURES, explained
from gradtape.core.sizes import closed
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import restore, silence, xp
from gradtape.graph.lines import as_function
from gradtape.graph.program import Program

AUTOMATIC, ALWAYS, NEVER = None, True, False


def xla() -> Any:
    """The module that compiles, or None where JAX is not installed."""
    if _found and _found[0] is not None:
        return _found[0]
    if not _found:
        try:
            _found.append(import_module("gradtape.graph.compile"))
        except ImportError:
            _found.append(None)
    return _found[0]


_found: list[Any] = []


class Runner:
    """A program with the function that runs it.

    Args:
        program: what to run.
        compile: ALWAYS, NEVER, or AUTOMATIC: as it is measured to be faster.
        donated: the numbers of the inputs whose memory the outputs may take over when nobody else
            holds them.
    """

    def __init__(
        self, program: Program, compile: bool | None = AUTOMATIC, donated: Sequence[int] = ()
    ) -> None:
        self.program = program
        self.compile = compile
        self.donated = tuple(donated)
        self._numpy: Any = None
        self._xla: Any = None
        self._wide: Any = None
        self.count = len(program.inputs)

    @property
    def compiles(self) -> bool:
        """Whether XLA runs it."""
        return self._chosen() is not None

    def _chosen(self) -> Any:
        if self.compile is NEVER:
            return None
        if self.compile is AUTOMATIC and small(self.program):
            return None
        return xla()

    def __call__(self, tensors: Sequence[Any]) -> list[Any]:
        """The outputs for these inputs, as tensors."""
        if self._xla is not None:
            return self._on_device(tensors)
        if self._numpy is not None:
            return self._on_host(tensors)
        module = self._chosen()
        if module is None:
            self._numpy = as_function(self.program) if not self.program.open else {}
        else:
            self._xla = module.compiled(self.program, self.donated)
            self._wide = module.wide
            self._copy = module.copy
        return self(tensors)

    def _on_host(self, tensors: Sequence[Any]) -> list[Any]:
        arrays = [t._array for t in tensors]
        run = self._numpy
        if type(run) is dict:
            key = tuple([a.shape for a in arrays])
            run = self._numpy.get(key)
            if run is None:
                run = self._numpy[key] = as_function(self.program, self.program.sizes(key))
        token = silence()
        try:
            found = run(xp, *arrays)
        except FAILURES as error:
            raise located_failure(self.program, arrays, error) from error
        finally:
            restore(token)
        return [Tensor(a) for a in found]

    def _on_device(self, tensors: Sequence[Any]) -> list[Any]:
        arrays = [t.buffer if type(t) is DeferredTensor else t._array for t in tensors]
        for i in self.donated:
            if type(tensors[i]) is DeferredTensor and _references(tensors, arrays, i) != ALONE:
                arrays[i] = self._copy(arrays[i])
        with self._wide():
            return [DeferredTensor(b) for b in self._xla(*arrays)]


def _references(tensors: Any, arrays: Any, i: int) -> tuple[int, int, bool]:
    """How many hold a tensor and its buffer, and whether the host looked at it."""
    host = tensors[i]._host
    return sys.getrefcount(tensors[i]), sys.getrefcount(arrays[i]), host is not None


def _alone() -> tuple[int, int, bool]:
    """What `_references` finds where only a variable and the call that runs hold a tensor; counts
    say nothing without the GIL."""
    if not hasattr(sys, "getrefcount") or not getattr(sys, "_is_gil_enabled", lambda: True)():
        return (-1, -1, True)
    variable = DeferredTensor(object())
    return _references([variable], [variable.buffer], 0)


ALONE = _alone()


def small(program: Program) -> bool:
    """Whether NumPy runs a program faster than a call of compiled code takes."""
    work = 0.0
    for op in program.steps:
        work += 1.0
        for value in op.values:
            if any([type(n) is not int for n in value.shape]):
                return False
            work += prod(value.shape) / 500
        if work > MOST_WORK:
            return False
        if op.primitive.family == "loop":
            return False
    return True


MOST_WORK = 40.0


def located_failure(program: Program, arrays: Sequence[Any], error: Exception) -> Exception:
    """The error of a kernel with the operation and the line of the program that made it."""
    known = program.sizes([a.shape for a in arrays])
    values = {**program.constants, **dict(zip(program.inputs, arrays, strict=True))}
    for op in program.steps:
        given = [values[v] for v in program.takes(op)]
        try:
            found = op.primitive.kernel(xp, *given, **closed(op.params, known))
        except FAILURES as cause:
            said = explained(cause, op.primitive.name, [Tensor(a) for a in given], op.params)
            if op.where is None:
                return said
            return type(said)(f"{said} (at {op.where[0]}:{op.where[1]})")
        values.update(zip(op.values, found if op.primitive.several else (found,), strict=True))
    return error
