"""A program as lines of Python: the kernels of its operations one after the other.

    def run(xp, a0, a1):
        v0 = k0(xp, a0, a1)
        v1 = k1(xp, v0, **p1)
        return (v1,)

The same function runs under NumPy and under `jax.numpy`; a value is forgotten after its last use.
Sizes that depend on values are read off the results that have them (`found`), and close the
parameters of what comes later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import local
from typing import Any

from gradtape.core.quick import quick
from gradtape.core.sizes import closed, open_sizes, unknowns
from gradtape.core.steps import single
from gradtape.graph.graph import Operation
from gradtape.graph.program import Program
from gradtape.graph.symbolic import Value


class Looking(local):
    """Who looks at every operation of the programs that this thread runs, None for nobody.

    `behind` is the forward of the program that runs, where that is a backward."""

    on: Any = None
    behind: Any = None


looking = Looking()


def as_function(
    program: Program, known: dict[Any, int] | None = None, eager: bool = False
) -> Callable[..., Any]:
    """The program as a Python function of a namespace and arrays, which returns a tuple.

    Args:
        known: the sizes that are open in the program.
        eager: the namespace will be NumPy's: kernels of a single step are that step.
    """
    key: Any = frozenset(known.items()) if known else None
    key = ("eager", key) if eager else key
    if looking.on is not None:
        key = "looked at", key
    found = program.functions.get(key)
    if found is None:
        found = program.functions[key] = _Writer(program, known or {}, eager).function()
    return found


def runnable(xp: Any, program: Program, arrays: Sequence[Any]) -> Callable[..., Any]:
    """The program as a function of arrays of the shapes of these, in a namespace."""
    run = as_function(program, program.sizes([a.shape for a in arrays]) if program.open else None)
    if looking.on is not None:
        return looking.on.body(program, lambda *given: run(xp, *given))
    return lambda *given: run(xp, *given)


def place_of(error: BaseException) -> tuple[Any, list[Any]] | None:
    """The operation in whose kernel an error arose, and the arrays that it was given."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        steps = trace.tb_frame.f_globals.get("steps_of_program")
        if steps is not None and trace.tb_lineno in steps:
            op, operands = steps[trace.tb_lineno]
            names = {**trace.tb_frame.f_globals, **trace.tb_frame.f_locals}
            found = op, [names[n] for n in operands]
        trace = trace.tb_next
    return found


class _Writer:
    """The lines of a program as far as they are written, and what the names in them stand for."""

    def __init__(self, program: Program, known: dict[Any, int], eager: bool) -> None:
        self.program = program
        self.eager = eager
        self.known = known
        self.scope: dict[str, Any] = {"closed": closed, "found": program.found}
        self.arguments = [f"a{i}" for i in range(len(program.inputs))]
        self.names: dict[Value, str] = dict(zip(program.inputs, self.arguments, strict=True))
        for value, array in program.constants.items():
            self.names[value] = self.constant("c", array)
        self.results = [program.now(v) for v in program.outputs]
        self.last = self._last_uses()
        self.lines = [f"def run({', '.join(['xp', *self.arguments])}):"]
        self.steps: dict[int, tuple[Any, list[str]]] = {}
        self.kernels: dict[Any, str] = {}
        self.looked_at = looking.on is not None

    def constant(self, kind: str, value: Any) -> str:
        """A name for a value."""
        name = f"{kind}{len(self.scope)}"
        self.scope[name] = value
        return name

    def function(self) -> Callable[..., Any]:
        """All lines, as a function."""
        if any([op.host for op in self.program.steps]):
            self.lines.append(f"sizes = dict({self.constant('s', self.known)})")
        for number, op in enumerate(self.program.steps):
            self._step(number, op)
        returned = "".join([f"{self.names[v]}, " for v in self.results])
        self.lines.append(f"return ({returned})")
        self.scope["steps_of_program"] = self.steps
        exec("\n    ".join(self.lines), self.scope)
        return self.scope["run"]

    def _last_uses(self) -> dict[Value, int]:
        last = {
            v: number
            for number, op in enumerate(self.program.steps)
            for v in self.program.takes(op)
        }
        return last | dict.fromkeys(self.results, len(self.program.steps))

    def _step(self, number: int, op: Operation) -> None:
        """The line of an operation, and those that note sizes and forget what is used no more."""
        taken = self.program.takes(op)
        operands = [self.names[v] for v in taken]
        sized = [v for v in op.values if op.host and unknowns(closed(v.shape, self.known))]
        targets = [self._target(v, sized) for v in op.values]
        if self.looked_at and not targets:  # it is done for its effect alone, which was there
            return
        left = ", ".join(targets) + ("," if op.primitive.several else "")
        call = self._call(op, operands)
        name = ""
        if self.looked_at:
            name = self.constant("o", op)
            self.scope.setdefault("looking", looking)
            self.lines.append(f"looking.on.begin({name})")
        self.lines.append(f"{left} = {call}" if targets else call)
        self.steps[len(self.lines)] = op, operands
        if self.looked_at:
            results = "".join([f"{t}, " for t in targets])
            self.lines.append(f"looking.on.end({name}, [{', '.join(operands)}], [{results}])")
        for value in sized:
            shape = self.constant("h", value.shape)
            self.lines.append(f"found({shape}, {self.names[value]}.shape, sizes)")
        gone = {self.names[v] for v in taken if self.last[v] == number and self.names[v][0] == "v"}
        if gone:
            self.lines.append(f"del {', '.join(sorted(gone))}")

    def _call(self, op: Operation, operands: list[str]) -> str:
        """The expression of an operation."""
        kernel = op.primitive.kernel
        step = single(kernel) if self.eager and quick is not None and not op.params else None
        key = op.primitive, step is None
        if key not in self.kernels:
            self.kernels[key] = self.constant("k", kernel if step is None else step)
        given = [*operands, *self._parameters(op.params)]
        return f"{self.kernels[key]}({', '.join(['xp', *given] if step is None else given)})"

    def _parameters(self, params: dict[str, Any]) -> list[str]:
        if not params:
            return []
        if self.known and open_sizes(params):
            params = closed(params, self.known)
        name = self.constant("p", params)
        return [f"**closed({name}, sizes)" if unknowns(params) else f"**{name}"]

    def _target(self, value: Value, sized: list[Value]) -> str:
        """The name of a result; one that the program is given keeps its own."""
        if value in self.names:
            return "_"
        used = value in self.last or value in sized or self.looked_at
        name = self.names[value] = f"v{len(self.names)}" if used else "_"
        return name
