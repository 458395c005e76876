"""`Callee`: a recorded graph as a function, and `Replay`, which does its operations again.

Everything that is derived from a function is found by doing its operations again under the same
machinery that runs any program: under a recording for its reverse derivative, under an accumulator
for its forward derivative, in a batch for many examples at once, and in another trace where a
function calls a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, OpError, brief
from gradtape.core.sizes import Size, bind, closed, open_sizes, same, value_of
from gradtape.core.state import frame, here
from gradtape.graph.graph import CONSTANT, PLACEHOLDER, SOURCES, VARIABLE, Graph, Operation, needed
from gradtape.graph.program import Program
from gradtape.graph.run import AUTOMATIC, Runner
from gradtape.graph.symbolic import SymbolicTensor, Value
from gradtape.graph.tracing import ASSIGN, Tracing, tracing
from gradtape.ops.sparse import IndexedSlices


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
        self.reads: tuple[Any, ...] = ()  # variables whose values `call` hands over, behind
        self.derived: dict[Any, Any] = {}  # what was found from it, by `call` and its like
        self.results: int | None = None  # how many outputs are results; what follows is kept
        self._runner: Runner | None = None

    @property
    def effect(self) -> bool:
        """Whether it does something besides its outputs."""
        return bool(self.roots)

    def take_variables(self) -> Callee:
        """Make inputs of variables that it reads and that its caller does not hand over."""
        taken = set(self.inputs)
        order = needed(self.outputs, self.roots, taken)
        reads = [op for op in order if op.primitive is VARIABLE and op.values[0] not in taken]
        self.reads = tuple([op.params["variable"] for op in reads])
        self.inputs += tuple([op.values[0] for op in reads])
        for variable in self.reads:
            if getattr(variable, "stands_in", False):
                raise InvalidArgumentError(
                    f"gradtape.function: the gradient of {self.name} reads {brief(variable)}, an"
                    " argument that the function itself does not read. Read it there too."
                )
        return self

    @property
    def host(self) -> bool:
        """Whether something in it runs on NumPy alone."""
        return any([op.host for op in self.graph.operations])

    @property
    def runner(self) -> Runner:
        """Its program, with what runs it."""
        if self._runner is None:
            program = Program(self.inputs, self.outputs, self.roots, None, self.graph.assumptions)
            self._runner = Runner(program, self.compile, self.donated)
            self._runner.name, self._runner.results = self.name, self.results
        return self._runner

    def __repr__(self) -> str:
        return f"<callee {self.name}: {len(self.inputs)} inputs, {len(self.outputs)} outputs>"


class Replay:
    """The operations of a callee, done again on other tensors, as far as they are asked for."""

    def __init__(self, callee: Callee, tensors: Sequence[Any], known: Any = None) -> None:
        self.callee = callee
        self.done: dict[Value, Any] = dict(zip(callee.inputs, tensors, strict=True))
        self.known: dict[Any, Any] = dict(known or {})
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

    def taken(self, tensor: Any) -> Any:
        """What stands for a tensor of the callee, or for one that it takes from around it."""
        value = getattr(tensor, "_value", None)
        if value is not None and value.op.graph is self.callee.graph:
            return self.of(value)
        captured = self.callee.mode.captures.get(id(tensor if value is None else value))
        return tensor if captured is None else self.done.get(captured[1], tensor)

    def do(self, operations: list[Operation]) -> None:
        """Do operations in order."""
        for op in operations:
            if op.values and all([v in self.done for v in op.values]):
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
        graph = None if here.mode is None else here.mode.graph
        count = 0 if graph is None else len(graph.operations)
        try:
            out = _applied(op.primitive, given, params)
        except OpError as error:
            if op.where is not None:
                error.add_note(f"recorded at {op.where[0]}:{op.where[1]}")
            raise
        for made in () if graph is None else graph.operations[count:]:
            made.where, made.forward = op.where or made.where, op.forward or made.forward
        outs = out if op.primitive.several else (out,)
        for value, tensor in zip(op.values, outs, strict=True):
            self.done.setdefault(value, tensor)
        if op.host:
            for value, tensor in zip(op.values, outs, strict=True):
                bind(value.shape, tensor._shape, self.known)

    def rebound(self, function: Callable[[list[Any]], Any], specs: Sequence[Any]) -> Any:
        """A function of a list of tensors (or None) that belongs to the callee's trace, because it
        holds tensors of it, as one that runs where the operations are done again.

        It is recorded in a trace inside the callee's; what it takes from there is handed over.

        Args:
            function: returns a list of tensors, `IndexedSlices` and None.
            specs: shapes and dtypes of the tensors, as the callee knows them.
        """
        recorded: dict[Any, Any] = {}

        def run(tensors: list[Any]) -> list[Any]:
            there = tuple([t is not None for t in tensors])
            if there not in recorded:
                recorded[there] = _Inner(self.callee, function, specs, there)
            return recorded[there].run(self, [t for t in tensors if t is not None])

        return run


class _Inner:
    """A function that was recorded in a trace inside a callee's."""

    def __init__(self, outer: Callee, function: Any, specs: Sequence[Any], there: Any) -> None:
        with frame((), (), outer.mode), tracing(Graph()) as mode:
            inputs = stand_ins(mode, [s for s, t in zip(specs, there, strict=True) if t])
            rest = iter(inputs)
            given = function([next(rest) if t else None for t in there])
            leaves = [_parts(g) for g in given]
            outputs = [mode.value(t) for parts in leaves for t in parts]
        self.makers = [_maker(g) for g in given]
        self.captured = list(mode.captures.values())
        self.reads = [(mode.variables[i], v) for i, v in mode.reads.items()]
        taken = [t._value for t in inputs]
        taken += [v for _, v in self.captured] + [v for _, v in self.reads]
        self.callee = Callee(mode, taken, outputs, outer.name, effects=True)

    def run(self, replay: Replay, tensors: list[Any]) -> list[Any]:
        """What the function returns, where a replay does the operations of the outer callee."""
        mode = replay.callee.mode
        tensors = tensors + [replay.taken(t) for t, _ in self.captured]
        for variable, _ in self.reads:
            held = mode.current.get(id(variable))
            tensors.append(variable._read() if held is None else replay.of(held._value))
        inner = Replay(self.callee, tensors, replay.known)
        rest = iter(inner.outputs())
        return [make(rest) for make in self.makers]


def _parts(given: Any) -> list[Any]:
    """The tensors of one result of a gradient function."""
    if given is None:
        return []
    if isinstance(given, IndexedSlices):
        return [given.values, given.indices]
    return [as_tensor(given)]


def _maker(given: Any) -> Callable[[Any], Any]:
    if given is None:
        return lambda rest: None
    if isinstance(given, IndexedSlices):
        return lambda rest: IndexedSlices(next(rest), next(rest), given._shape)
    return next


def _applied(primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Do an operation again; one that holds functions may do it in another way, for instance so
    that it keeps what a derivative will need.
    """
    for value in params.values():
        again = getattr(value, "again", None)
        if again is not None:
            return again(inputs, params)
    return apply(primitive, inputs, params)


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
    """The callee of a trace that was derived from another callee, with the effects of it."""
    taken = [t._value for t in inputs]
    results = [mode.value(t) for t in outputs]
    name = f"{kind} of {callee.name}"
    return Callee(mode, taken, results, name, callee.compile, effects=True).take_variables()
