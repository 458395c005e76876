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
from typing import Any

from gradtape.core.sizes import closed, open_sizes, unknowns
from gradtape.graph.program import Program
from gradtape.graph.symbolic import Value


def as_function(program: Program, known: dict[Any, int] | None = None) -> Callable[..., Any]:
    """The program as a Python function of a namespace and arrays, which returns a tuple.

    Args:
        known: the sizes that are open in the program.
    """
    key = frozenset(known.items()) if known else None
    found = program.functions.get(key)
    if found is None:
        found = program.functions[key] = _written(program, known)
    return found


def runnable(xp: Any, program: Program, arrays: Sequence[Any]) -> Callable[..., Any]:
    """The program as a function of arrays of the shapes of these, in a namespace."""
    run = as_function(program, program.sizes([a.shape for a in arrays]) if program.open else None)
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


def _written(program: Program, known: dict[Any, int] | None) -> Callable[..., Any]:
    scope: dict[str, Any] = {"closed": closed, "found": program.found}
    names: dict[Value, str] = {}

    def constant(kind: str, value: Any) -> str:
        name = f"{kind}{len(scope)}"
        scope[name] = value
        return name

    arguments = [f"a{i}" for i in range(len(program.inputs))]
    names.update(zip(program.inputs, arguments, strict=True))
    for value, array in program.constants.items():
        names[value] = constant("c", array)
    results = [program.now(v) for v in program.outputs]
    last: dict[Value, int] = {}
    for number, op in enumerate(program.steps):
        for value in program.takes(op):
            last[value] = number
    for value in results:
        last[value] = len(program.steps)
    lines = [f"def run({', '.join(['xp', *arguments])}):"]
    if any([op.host for op in program.steps]):
        lines.append(f"sizes = dict({constant('s', known or {})})")
    steps: dict[int, tuple[Any, list[str]]] = {}
    kernels: dict[Any, str] = {}
    for number, op in enumerate(program.steps):
        primitive, params = op.primitive, op.params
        kernel = kernels.get(primitive)
        if kernel is None:
            kernel = kernels[primitive] = constant("k", primitive.kernel)
        operands = [names[v] for v in program.takes(op)]
        given = ["xp", *operands]
        if params:
            if known and open_sizes(params):
                params = closed(params, known)
            name = constant("p", params)
            given.append(f"**closed({name}, sizes)" if unknowns(params) else f"**{name}")
        sized = [v for v in op.values if op.host and unknowns(closed(v.shape, known or {}))]
        targets = []
        for value in op.values:
            if value in names:  # it is given
                targets.append("_")
                continue
            names[value] = f"v{len(names)}" if value in last or value in sized else "_"
            targets.append(names[value])
        left = ", ".join(targets) + ("," if primitive.several else "")
        call = f"{kernel}({', '.join(given)})"
        lines.append(f"{left} = {call}" if targets else call)
        steps[len(lines)] = op, operands
        for value in sized:
            lines.append(f"found({constant('h', value.shape)}, {names[value]}.shape, sizes)")
        gone = {names[v] for v in program.takes(op) if last[v] == number and names[v][0] == "v"}
        if gone:
            lines.append(f"del {', '.join(sorted(gone))}")
    returned = "".join([f"{names[v]}, " for v in results])
    lines.append(f"return ({returned})")
    scope["steps_of_program"] = steps
    exec("\n    ".join(lines), scope)
    return scope["run"]
