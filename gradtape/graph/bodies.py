"""`Body`: a Python function traced as part of an operation: a branch, a test, a loop's step.

What a body takes from around it (tensors of the trace outside, variables) becomes inputs behind its
arguments; a variable that it changes becomes one of its outputs. The operation that holds the body
hands over the one and puts the other in its place, so that the body itself is a pure function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradtape.core.state import frame
from gradtape.graph.callee import Callee
from gradtape.graph.concrete import put
from gradtape.graph.function_tracing import FunctionTracing
from gradtape.graph.graph import PLACEHOLDER, Graph
from gradtape.graph.results import Result
from gradtape.graph.symbolic import Value
from gradtape.graph.tracing import placeholder


class Body:
    """One traced function.

    Args:
        function: called with one tensor for each spec.
        specs: shapes and dtypes of its arguments.
        what: it is called, in errors.
        arguments: makes the arguments of the tensors; by default they are the tensors.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        specs: Sequence[Any],
        what: str,
        arguments: Callable[[list[Any]], Sequence[Any]] = lambda tensors: tensors,
    ) -> None:
        self.name = what
        self.mode = mode = FunctionTracing(Graph(), what)
        self.inputs = [placeholder(mode.graph, s) for s in specs]
        with frame((), (), mode):
            self.returned = function(*arguments(list(self.inputs)))
            self.result = Result(self.returned, what)
            self.outputs = [mode.value(t) for t in self.result.tensors]

    @property
    def captured(self) -> list[Any]:
        """The tensors that it takes from around it."""
        return [tensor for tensor, _ in self.mode.captures.values()]

    @property
    def read(self) -> list[Any]:
        """The variables that it reads or changes."""
        return list(self.mode.variables.values())

    @property
    def written(self) -> list[Any]:
        """The variables that it changes."""
        return list(self.mode.written.values())

    def value_of(self, variable: Any) -> Value:
        """A variable's value before the body, as an input of its graph."""
        return self.mode.before(variable)._value

    def after(self, variable: Any) -> Value:
        """A variable's value at the end of the body."""
        if id(variable) in self.mode.written:
            return self.mode.held(variable)._value
        return self.value_of(variable)

    def taken(self, tensor: Any) -> Value:
        """The input that stands for a tensor from around it; a new one when it takes no such."""
        for outer, value in self.mode.captures.values():
            if _same(outer, tensor):
                return value
        return self.mode.graph.source(PLACEHOLDER, tensor)


def _same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    value = getattr(a, "_value", None)
    return value is not None and value is getattr(b, "_value", None)


class Surroundings:
    """What several bodies of one operation take from around them, each thing once, and change.

    Attributes:
        captured: the tensors.
        read: the variables that are read and not changed.
        written: the variables that are changed.
    """

    def __init__(self, bodies: Sequence[Body]) -> None:
        self.bodies = bodies
        self.captured: list[Any] = []
        for tensor in [t for b in bodies for t in b.captured]:
            if not any([_same(tensor, t) for t in self.captured]):
                self.captured.append(tensor)
        written = {id(v): v for b in bodies for v in b.written}
        read = {id(v): v for b in bodies for v in b.read if id(v) not in written}
        self.written, self.read = list(written.values()), list(read.values())

    def tensors(self) -> list[Any]:
        """The captured tensors, and the present values of the variables that are only read."""
        return [*self.captured, *[v._read() for v in self.read]]

    def states(self) -> list[Any]:
        """The present values of the variables that are changed."""
        return [v._read() for v in self.written]

    def put(self, tensors: Sequence[Any]) -> None:
        """Give the changed variables their values after the operation."""
        for variable, tensor in zip(self.written, tensors, strict=True):
            put(variable, tensor)

    def callee(
        self, body: Body, inputs: Sequence[Value], outputs: Sequence[Value], changes: bool = True
    ) -> Callee:
        """A body as a callee of inputs, changed variables and surroundings, in this order; its
        outputs are followed by the changed variables.
        """
        before = [body.value_of(v) for v in self.written]
        around = [body.taken(t) for t in self.captured] + [body.value_of(v) for v in self.read]
        after = [body.after(v) for v in self.written] if changes else []
        taken = [*inputs, *before, *around]
        return Callee(body.mode, taken, [*outputs, *after], body.name, effects=True)
