"""`Tracing`: the mode that writes operations down in a graph instead of running them.

Whatever is symbolic is written down; integers and booleans that are known are computed at once,
because shapes and axes are made of them. A tensor of an outer trace, or of a batch around it, is
*captured*: it becomes an input of this graph, and whoever runs the graph hands it over. A variable
is read once, at the first use; a change puts another tensor in its place for the rest of the trace,
and the graph notes it as an effect. Tapes and accumulators that were open outside see nothing of
what happens inside; they see the call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gradtape.core.dispatch import FAILURES, execute, explained
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import brief
from gradtape.core.mode import Mode
from gradtape.core.places import users_place
from gradtape.core.primitive import Primitive
from gradtape.core.record import Part
from gradtape.core.sizes import open_sizes
from gradtape.core.state import frame, here
from gradtape.graph.graph import CAPTURE, PLACEHOLDER, VARIABLE, Graph, Source
from gradtape.graph.scopes import entered, label_by_call
from gradtape.graph.sums_inward import summed
from gradtape.graph.symbolic import SymbolicTensor, Value, out_of_scope
from gradtape.graph.updates import held, updated

ASSIGN = Source("Assign")
ASSIGN.effect = True
LARGEST_FOLDED = 1024


class Tracing(Mode):
    """The mode of one graph.

    Args:
        graph: where operations are written down.
        outside: the state around it: tapes, observers, mode.
    """

    symbolic = True
    folds = True

    def __init__(self, graph: Graph, outside: Any = None) -> None:
        self.graph = graph
        self.outside = outside or (here.tapes, here.observers, here.mode)
        self.current: dict[int, SymbolicTensor] = {}  # by the variable's id
        self.reads: dict[int, Value] = {}  # the inputs that hold variables before
        self.variables: dict[int, Any] = {}
        self.written: dict[int, Any] = {}
        self.functions: dict[Any, Any] = {}  # traces of functions that hold tensors of this one
        self.captures: dict[int, tuple[Any, Value]] = {}  # by the outer tensor's or value's id
        self._known: dict[Any, Any] = {}
        self._aside = False  # whether changes of variables are forgotten after the block
        self._key: Any = None
        self._stepped = 0  # how many operations there were when the last rules had run
        graph.outer = self.outside[2]

    # operations

    def apply(self, primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Write an operation down; compute it at once when its integers are known."""
        try:
            if self.folds and self._foldable(primitive, inputs, params):
                return execute(primitive, inputs, params)
            specs = self.specs(primitive, inputs, params)
        except FAILURES as error:
            raise explained(error, primitive.name, inputs, params) from error
        takes = tuple([self.value(t) for t in inputs])
        if self.folds and primitive.name == "reduce_sum":
            with frame((), (), self):
                found = summed(takes[0], **params)
            if found is not None:
                return SymbolicTensor(found._value)
        op = self._shared(primitive, takes, params)
        if op is None:
            op = self.graph.add(primitive, takes, params, specs if primitive.several else (specs,))
            self.note(op)
            if self._key is not None:
                self._known[self._key] = op
        else:
            op.repeated = True
        if primitive.several:
            return tuple([SymbolicTensor(v) for v in op.values])
        return SymbolicTensor(op.values[0])

    def specs(self, primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Shape and dtype of the results of an operation."""
        return primitive.shape(*inputs, **params)

    def note(self, op: Any) -> None:
        """Note where the program asked for an operation, and under which name."""
        function, program = entered()
        if function is not None and program is not None:
            op.where = users_place(program.f_code.co_filename, program.f_lineno)
            label_by_call(op, function)

    def recorded(self, out: Any) -> None:
        """Take note of the operation that a record stands for."""
        tensor = (out[0] if out else None) if isinstance(out, tuple) else out
        if isinstance(tensor, SymbolicTensor) and tensor._node is not None:
            node: Any = tensor._node
            record = node.parents[0] if type(node) is Part else node
            self.graph.forwards[record] = tensor._value.op

    def stepped(self, record: Any) -> None:
        """Take note that what was written down since the last step is of a record's rules."""
        forward = None if record is None else self.graph.forwards.get(record)
        for op in self.graph.operations[self._stepped :] if forward is not None else ():
            op.forward = op.forward or forward
        self._stepped = len(self.graph.operations)

    def called(self, replay: Any) -> list[Any]:
        """The results of a recorded function whose operations are written down here again."""
        return replay.outputs()

    def _shared(self, primitive: Primitive, takes: Any, params: dict[str, Any]) -> Any:
        """The operation that does the same already, None where there is none."""
        self._key = None
        if not self.folds or primitive.effect or primitive.family == "loop":
            return None
        key = (primitive, takes, *params_key(params))
        try:
            found = self._known.get(key)
        except TypeError:  # a parameter that cannot be a key
            return None
        self._key = key
        return found

    def _foldable(self, primitive: Primitive, inputs: Any, params: dict[str, Any]) -> bool:
        if primitive.effect or primitive.family == "loop":
            return False
        if not all([t.concrete and t._dtype.kind in "iub" for t in inputs]):
            return False
        if open_sizes(params):
            return False
        specs = primitive.shape(*inputs, **params)
        size = 1
        for spec in specs if primitive.several else (specs,):
            for n in spec._shape:
                if type(n) is not int:
                    return False
                size *= n
        return size <= LARGEST_FOLDED

    def value(self, tensor: Any) -> Value:
        """What stands for a tensor in this graph."""
        if isinstance(tensor, SymbolicTensor):
            value = tensor._value
            return value if value.op.graph is self.graph else self.captured(tensor)
        return self.graph.constant(tensor) if tensor.concrete else self.captured(tensor)

    def captured(self, tensor: Any) -> Value:
        """The input that stands for a tensor from around this graph."""
        symbolic = isinstance(tensor, SymbolicTensor)
        if symbolic and not _encloses(self.outside[2], tensor.graph):
            raise out_of_scope(tensor)
        key = id(tensor._value) if symbolic else id(tensor)
        found = self.captures.get(key)
        if found is None:
            value = self.graph.source(CAPTURE, tensor, of=brief(tensor))
            found = self.captures[key] = (tensor, value)
        return found[1]

    def hold(self, tensor: Any) -> None:
        """Make an input for a tensor from around this graph."""
        if isinstance(tensor, SymbolicTensor) and _encloses(self.outside[2], tensor.graph):
            self.captured(tensor)

    def assume(self, a: Any, b: Any) -> None:
        """Take for granted that two sizes agree; that is checked when values come."""
        self.graph.assumptions.append((a, b))

    # variables

    def read(self, variable: Any) -> Any:
        """The present value of a variable in this graph, a tensor on the variable's node."""
        tensor = self.current.get(id(variable))
        if tensor is None:
            tensor = self.current[id(variable)] = self.before(variable)
        elif id(variable) in self.written and tensor._node is None:
            tensor = self.current[id(variable)] = self.held(variable)
        return tensor

    def before(self, variable: Any) -> SymbolicTensor:
        """The value that a variable has when the graph starts."""
        value = self.reads.get(id(variable))
        if value is None:
            value = self.graph.source(VARIABLE, variable, variable=variable)
            self.reads[id(variable)] = value
            self.variables[id(variable)] = variable
        return SymbolicTensor(value, variable._leaf)

    def held(self, variable: Any) -> SymbolicTensor:
        """The value of a variable that was changed, on the variable's node: no derivative passes
        through an assignment."""
        tensor = self.current[id(variable)]
        if differentiable(variable._dtype):
            with frame((), (), self):
                tensor = held(tensor, self.before(variable))
        return tensor.placed(variable._leaf)

    def update(self, variable: Any, how: str, *values: Any) -> Any:
        """Note a change of a variable."""
        tensor = updated(variable, lambda: self.read(variable), how, values)
        self.assign(variable, tensor)
        return variable

    def assign(self, variable: Any, tensor: Any) -> None:
        """Put a tensor in the place of a variable's value."""
        value = self.value(tensor)
        if self._aside:
            self.current[id(variable)] = SymbolicTensor(value, variable._leaf)
            return
        self.graph.add(ASSIGN, (value,), {"variable": variable}, [tensor])
        self.variables[id(variable)] = self.written[id(variable)] = variable
        self.current[id(variable)] = SymbolicTensor(value)

    def snapshot(self) -> Snapshot:
        """What variables hold now, for `at`."""
        for variable in self.written.values():
            self.read(variable)
        return Snapshot(self)

    @contextmanager
    def at(self, snapshot: Snapshot) -> Iterator[None]:
        """A block in which variables hold what they held at a snapshot, and after which they hold
        what they held before it. What is done in it is not shared with what was done before."""
        before = self.current, self._known, self._aside
        self.current, self._known, self._aside = snapshot.values(), {}, True
        try:
            yield
        finally:
            self.current, self._known, self._aside = before

    def initial(self, value: Any) -> Any:
        """The initial value of a variable, made outside the graph."""
        with outside(self):
            return super().initial(value)

    def variable(self, kind: Any, initial_value: Any, **options: Any) -> Any:
        """Make a variable, outside the graph."""
        with outside(self):
            mode = here.mode
        if mode is None:
            return super().variable(kind, initial_value, **options)
        value = self.initial(initial_value)
        with outside(self):
            return mode.variable(kind, value, **options)


class Snapshot:
    """What the variables of a trace held at one time."""

    def __init__(self, mode: Tracing) -> None:
        self._mode = mode
        self._current = dict(mode.current)

    def values(self) -> dict[int, SymbolicTensor]:
        """The tensors by the variables' ids; what was first read later had its first value."""
        mode = self._mode
        first = {i: SymbolicTensor(v, mode.variables[i]._leaf) for i, v in mode.reads.items()}
        return {**first, **self._current}


def params_key(params: dict[Any, Any]) -> list[Any]:
    """Parameters as parts of a key; numbers count with their types, as 1 == 1.0 == True."""
    key: list[Any] = []
    for name, value in params.items():
        kind = type(value)
        key += (name, kind, params_key(dict(enumerate(value))) if kind is list else value)
        if kind is tuple and value:
            key += map(type, value)
    return [tuple(k) if type(k) is list else k for k in key]


def _encloses(mode: Any, graph: Graph) -> bool:
    """Whether a mode, or one around it, fills a graph."""
    while mode is not None:
        if isinstance(mode, Tracing) and mode.graph is graph:
            return True
        mode = mode.outside[2]
    return False


@contextmanager
def tracing(graph: Graph) -> Iterator[Tracing]:
    """Run a block whose operations are written down in a graph."""
    mode = Tracing(graph)
    with frame((), (), mode):
        yield mode


@contextmanager
def outside(mode: Any) -> Iterator[None]:
    """Run a block in the state around a trace, and around all traces around it: eagerly, or in a
    graph that sessions run."""
    while mode is not None and mode.symbolic and not mode.by_session:
        mode = mode.outside[2]
    with frame((), (), mode):
        yield


def placeholder(graph: Graph, spec: Any, name: str | None = None) -> SymbolicTensor:
    """A new input of a graph."""
    value = graph.source(PLACEHOLDER, spec)
    value.op.label = name
    return SymbolicTensor(value)


def traced(
    function: Callable[..., Any], specs: list[Any], names: list[str] | None = None
) -> tuple[Tracing, list[SymbolicTensor], Any]:
    """Call a function on placeholders of these specs and write down what it does.

    Returns:
        The mode with its graph, the placeholders, and what the function returned.
    """
    graph = Graph()
    labels = names or [None] * len(specs)
    inputs = [placeholder(graph, s, n) for s, n in zip(specs, labels, strict=True)]
    with tracing(graph) as mode:
        result = function(*inputs)
    return mode, inputs, result
