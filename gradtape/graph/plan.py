"""`Plan`: what one kind of run of a graph does.

What is fetched needs some operations, and these drag others along; they are done in the order of
the program, those that change variables among them. A reading of a variable gives what the last
change before it left there, if one is done in the same run, and otherwise what the session holds.
So a run becomes a pure function of what is fed and what the session holds, to what is fetched and
what the session holds then."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from gradtape.core.sizes import told_by, unknowns
from gradtape.core.variable import Variable
from gradtape.graph.graph import (
    INITIALIZED,
    IS_INITIALIZED,
    PLACEHOLDER,
    VARIABLE,
    Graph,
    Operation,
)
from gradtape.graph.placeholders import DEFAULT
from gradtape.graph.program import Program, missing
from gradtape.graph.run import AUTOMATIC, NEVER, Runner
from gradtape.graph.symbolic import Value
from gradtape.graph.tracing import ASSIGN

Holds = Callable[[Any], bool]


class Plan:
    """The program of a run, and which variables it reads and changes.

    Args:
        graph: the graph.
        order: the operations that the run does, in order.
        values: what is fetched.
        fed: the values that are given.
        holds: whether the session holds a value of a variable.

    Attributes:
        count: how many of the results are fetched; behind them come the values of variables.
        reads: variables whose values are handed over, with the places for them.
        written: variables with the values that they hold afterwards.
        asked: variables of which the program wants to know whether they are initialised.
        defaults: placeholders that are not fed, with the values that stand for them.
    """

    def __init__(
        self,
        graph: Graph,
        order: Sequence[Operation],
        values: Sequence[Value],
        fed: Sequence[Value],
        holds: Holds,
    ) -> None:
        self.count = len(values)
        self.reads: list[tuple[Any, Value]] = []
        self.asked: list[tuple[Any, Value]] = []
        self.defaults: list[tuple[Value, Value]] = []
        self._instead: dict[Value, Value] = {}
        self._latest: dict[int, Value] = {}  # what variables hold so far, by the variable's id
        written: dict[int, Any] = {}
        given = set(fed)
        for op in order:
            variable = op.params.get("variable")
            if op.primitive is ASSIGN:
                self._instead[op.values[0]] = self._latest[id(variable)] = op.takes[0]
                written[id(variable)] = variable
            elif op.values and op.values[0] in given:
                continue
            elif op.primitive is VARIABLE:
                self._read(variable, op.values[0])
            elif op.primitive is INITIALIZED:
                if holds(variable) or id(variable) in self._latest:
                    self._read(variable, op.values[0])
                else:
                    self._instead[op.values[0]] = op.takes[0]
            elif op.primitive is IS_INITIALIZED:
                self.asked.append((variable, op.values[0]))
            elif op.primitive is DEFAULT:
                self.defaults.append((op.values[0], op.takes[0]))
        self.written = [(v, self._latest[key]) for key, v in written.items()]
        self._measure(graph, order, fed)
        self.runner = self._runner(graph, order, values, fed)

    def _read(self, variable: Any, value: Value) -> None:
        latest = self._latest.get(id(variable))
        if latest is None:
            self._latest[id(variable)] = value
            self.reads.append((variable, value))
        else:
            self._instead[value] = latest

    def _measure(self, graph: Graph, order: Sequence[Operation], fed: Sequence[Value]) -> None:
        """Ask for placeholders whose sizes matter, though their values do not: the derivative of a
        mean is such a case."""
        known = unknowns(tuple([v.shape for v in self._inputs(fed)]))
        needed = unknowns([list(op.params.values()) for op in order]) - known
        for op in graph.operations if needed else ():
            if op.primitive in (PLACEHOLDER, DEFAULT) and unknowns(op.values[0].shape) & needed:
                if op.primitive is PLACEHOLDER:
                    raise missing(op)
                self.defaults.append((op.values[0], op.takes[0]))

    def _inputs(self, fed: Sequence[Value]) -> list[Value]:
        taken = [v for _, v in [*self.reads, *self.asked]]
        return [*fed, *taken, *[v for v, _ in self.defaults]]

    def _runner(self, graph: Graph, order: Any, values: Any, fed: Sequence[Value]) -> Runner:
        inputs = self._inputs(fed)
        outputs = [*values, *[v for _, v in self.written]]
        changed = {id(v) for v, _ in self.written}
        donated = [i for i, (v, _) in enumerate(self.reads, len(fed)) if id(v) in changed]
        program = Program(inputs, outputs, (), self._instead, graph.assumptions, order)
        return Runner(program, NEVER if self._once(values, fed) else AUTOMATIC, donated)

    def _once(self, values: Sequence[Value], fed: Sequence[Value]) -> bool:
        """Whether it only initialises variables, which a program does once: XLA would take longer
        to compile it than NumPy takes to run it."""
        return not (values or fed or any([isinstance(v, Variable) for v, _ in self.reads]))


def reached(
    mode: Any,
    values: Iterable[Value],
    operations: Iterable[Operation],
    given: Collection[Value],
    holds: Holds,
) -> list[Operation]:
    """The operations that a run does, in the order of the program."""
    told = told_by([v.shape for v in given])
    seen: set[Operation] = set()
    pending = [v.op for v in values if v not in given] + list(operations)
    while pending:
        op = pending.pop()
        if op in seen:
            continue
        seen.add(op)
        if not stands(op, holds):
            pending.extend([v.op for v in op.takes if v not in given])
        pending.extend(op.control)
        pending.extend([other for size, other in op.awaited.items() if size not in told])
        pending.extend(mode.dragged.get(op, ()))
    return sorted(seen, key=lambda op: op.number)


def stands(op: Operation, holds: Holds) -> bool:
    """Whether an operation stands for something else than its inputs."""
    if op.primitive is INITIALIZED:
        return holds(op.params["variable"])
    return op.primitive is DEFAULT
