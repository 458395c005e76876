"""A program as lines of Python: the kernels of its operations one after the other.

    def run(xp, a0, a1):
        v0 = k0(xp, a0, a1)
        v1 = k1(xp, v0, **p1)
        return (v1,)

The same function runs under NumPy and under `jax.numpy`; a value is forgotten after its last use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradtape.core.sizes import closed, open_sizes
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


def _written(program: Program, known: dict[Any, int] | None) -> Callable[..., Any]:
    scope: dict[str, Any] = {}
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
    lines = []
    kernels: dict[Any, str] = {}
    for number, op in enumerate(program.steps):
        primitive, params = op.primitive, op.params
        kernel = kernels.get(primitive)
        if kernel is None:
            kernel = kernels[primitive] = constant("k", primitive.kernel)
        operands = ["xp", *[names[v] for v in program.takes(op)]]
        if params:
            if known and open_sizes(params):
                params = closed(params, known)
            operands.append("**" + constant("p", params))
        targets = []
        for value in op.values:
            names[value] = f"v{len(names)}" if value in last else "_"
            targets.append(names[value])
        left = ", ".join(targets) + ("," if primitive.several else "")
        call = f"{kernel}({', '.join(operands)})"
        lines.append(f"{left} = {call}" if targets else call)
        gone = {names[v] for v in program.takes(op) if last[v] == number and names[v][0] == "v"}
        if gone:
            lines.append(f"del {', '.join(sorted(gone))}")
    returned = "".join([f"{names[v]}, " for v in results])
    lines.append(f"return ({returned})")
    body = "\n    ".join(lines)
    exec(f"def run({', '.join(['xp', *arguments])}):\n    {body}\n", scope)
    return scope["run"]
