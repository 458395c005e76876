"""`Callee`: a recorded graph as a function, and `Replay`, which does its operations again.

Everything that is derived from a function is found by doing its operations again under the same
machinery that runs any program: under a recording for its reverse derivative, under an accumulator
for its forward derivative, in a batch for many examples at once, and in another trace where a
function calls a function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gradtape.core.dispatch import apply
from gradtape.core.sizes import Size, bind, closed, open_sizes, same, value_of
from gradtape.core.state import frame
from gradtape.graph.graph import CONSTANT, PLACEHOLDER, SOURCES, Graph, Operation, needed
from gradtape.graph.program import Program
from gradtape.graph.run import AUTOMATIC, Runner
from gradtape.graph.symbolic import SymbolicTensor, Value
from gradtape.graph.tracing import ASSIGN, Tracing, tracing


class Callee:
    """A function of tensors that was traced.

    Args:
        mode: the trace.
        inputs: the values that are handed over.
        outputs: the values that come back.
        name: for errors and drawings.
        compile: see `Runner`.
        donated: the numbers of the inputs whose memory the outputs may take over.
        effects: whether the operations with effects are done.
    """

    def __init__(
        self,
        mode: Tracing,
        inputs: Sequence[Value],
        outputs: Sequence[Value],
        name: str = "function",
        compile: bool | None = AUTOMATIC,
        donated: Sequence[int] = (),
        effects: bool = False,
    ) -> None:
        self.mode = mode
        self.graph = mode.graph
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.name = name
        self.compile = compile
        self.donated = tuple(donated)
        self.roots: list[Operation] = []
        if effects:
            self.roots = [
                op for op in self.graph.operations
                if op.effect and op.primitive is not ASSIGN
            ]  # fmt: skip
        self.derived: dict[Any, Any] = {}  # what was found from it, by `call` and its like
        self._runner: Runner | None = None

    @property
    def effect(self) -> bool:
        """Whether it does something besides its outputs."""
        return bool(self.roots)

    @property
    def host(self) -> bool:
        """Whether something in it runs on NumPy alone."""
        return any([op.host for op in self.graph.operations])

    @property
    def runner(self) -> Runner:
        """Its program, with what runs it."""
        if self._runner is None:
            program = Program(
                self.inputs, self.outputs, self.roots, None, self.graph.assumptions
            )
            self._runner = Runner(program, self.compile, self.donated)
        return self._runner

    def __repr__(self) -> str:
        return f"<callee {self.name}: {len(self.inputs)} inputs, {len(self.outputs)} outputs>"


class Replay:
    """The operations of a callee, done again on other tensors, as far as they are asked for."""

    def __init__(self, callee: Callee, tensors: Sequence[Any]) -> None:
        self.callee = callee
        self.done: dict[Value, Any] = dict(zip(callee.inputs, tensors, strict=True))
        self.known: dict[Any, Any] = {}
        for value, tensor in zip(callee.inputs, tensors, strict=True):
            if any([type(n) is Size for n in value.shape]):
                bind(value.shape, tensor._shape, self.known)
        for a, b in callee.graph.assumptions:
            same(value_of(a, self.known), value_of(b, self.known))

    def outputs(self) -> list[Any]:
        """The tensors of the callee's outputs; its effects are done in order."""
        self.do(needed(self.callee.outputs, self.callee.roots, self.done))
        return [self.of(v) for v in self.callee.outputs]

    def of(self, value: Value) -> Any:
        """The tensor in the place of a value."""
        if value not in self.done:
            self.do(needed([value], (), self.done))
        return self.done[value]

    def do(self, operations: list[Operation]) -> None:
        """Do operations in order."""
        for op in operations:
            if op.values and op.values[0] in self.done:
                continue
            if op.primitive is CONSTANT:
                self.done[op.values[0]] = op.params["value"]
            elif op.primitive is ASSIGN:
                self.done[op.values[0]] = self.done[op.takes[0]]
            elif op.primitive in SOURCES:
                self.done[op.values[0]] = self.source(op)
            else:
                self.run(op)

    def source(self, op: Operation) -> Any:
        """An input that was not among those of the callee: it is taken from around."""
        raise LookupError(f"{op.values[0]!r} is no input of {self.callee!r}.")

    def run(self, op: Operation) -> None:
        """Do one operation."""
        params = op.params
        if self.known and open_sizes(params):
            params = closed(params, self.known)
        moving = [k for k, v in params.items() if hasattr(v, "moved")]
        if moving:
            params = {**params, **{k: params[k].moved(self) for k in moving}}
        given = tuple([self.done[v] for v in op.takes])
        out = apply(op.primitive, given, params)
        outs = out if op.primitive.several else (out,)
        self.done.update(zip(op.values, outs, strict=True))
        if op.host:
            for value, tensor in zip(op.values, outs, strict=True):
                bind(value.shape, tensor._shape, self.known)


def stand_ins(mode: Tracing, specs: Sequence[Any]) -> list[SymbolicTensor]:
    """New inputs of a trace's graph, of these shapes and dtypes."""
    return [SymbolicTensor(mode.graph.source(PLACEHOLDER, s)) for s in specs]


@contextmanager
def deriving(callee: Callee) -> Iterator[Tracing]:
    """A trace of a new graph, in the state around the callee."""
    with frame((), (), callee.mode.outside[2]), tracing(Graph()) as mode:
        yield mode


def derived(
    callee: Callee, mode: Tracing, inputs: Sequence[Any], outputs: Sequence[Any], kind: str
) -> Callee:
    """The callee of a trace that was derived from another callee."""
    taken = [t._value for t in inputs]
    return Callee(
        mode, taken, [mode.value(t) for t in outputs], f"{kind} of {callee.name}", callee.compile
    )
