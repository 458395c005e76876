"""`GraphBuilding`: the mode that fills a graph for sessions, as TensorFlow 1 does.

Whatever a program computes becomes an operation of the graph, numbers too, and nothing is shared or
computed at once: any tensor may be fed or fetched. A change of a variable is an operation that is
done when somebody runs it, so that every reading is an operation of its own, between the changes
before and after it in the program. Some operations drag others along: a recorded function that is
called does all that it does, and random numbers leave the generator in another state."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gradtape.core import nest
from gradtape.core.primitive import Primitive
from gradtape.core.state import frame, here
from gradtape.core.unranked import UnknownShape, unranked_specs
from gradtape.core.variable import Variable
from gradtape.graph.graph import CONSTANT, NOTHING, VARIABLE, Graph, Operation
from gradtape.graph.symbolic import SymbolicTensor, Value
from gradtape.graph.tracing import ASSIGN, Tracing
from gradtape.graph.updates import updated
from gradtape.graph.variables import GraphVariable
from gradtape.ops.shaping import identity


class GraphBuilding(Tracing):
    """The mode of one graph that sessions run.

    Attributes:
        dragged: the operations that are done whenever another one is done.
        guarded: variables of which it matters whether a session has initialised them.
    """

    folds = False
    by_session = True

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph, ((), (), None))
        graph.by_session = True
        self.dragged: dict[Operation, list[Operation]] = {}
        self.guarded: list[Any] = []
        self._present: dict[int, dict[Any, SymbolicTensor]] = {}  # readings since the last change

    # operations

    def apply(self, primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Write an operation down in the graph that its inputs belong to."""
        others = {t.graph for t in inputs if isinstance(t, SymbolicTensor)} - {self.graph}
        if len(others) == 1:
            (other,) = others
            if other.by_session and not any([_of(t, self.graph) for t in inputs]):
                return mode_of(other).apply(primitive, inputs, params)
        return super().apply(primitive, inputs, params)

    def specs(self, primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Shape and dtype of the results of an operation; the number of axes may be unknown."""
        if any([type(t._shape) is UnknownShape for t in inputs]):
            return unranked_specs(primitive, inputs, params)
        return super().specs(primitive, inputs, params)

    def captured(self, tensor: Any) -> Value:
        """There is nothing around a graph: the tensor belongs to another one."""
        raise ValueError(
            f"{tensor!r} must be from the same graph as the operations beside it: it is not an"
            " element of this graph. Build both in one `with graph.as_default():`."
        )

    def constant(self, tensor: Any, name: str | None = None) -> SymbolicTensor:
        """A tensor that the program made of numbers, as an operation."""
        value = self.graph.source(CONSTANT, tensor, value=tensor)
        value.op.control = self.graph.control
        value.op.label = name
        self.note(value.op)
        return SymbolicTensor(value)

    def group(self, inputs: tuple[Any, ...], name: str | None) -> Operation:
        """An operation that runs others."""
        op = self.graph.add(NOTHING, (), {}, [])
        found = [self.graph.controller(i) for i in nest.flatten(list(inputs))]
        op.control = tuple(dict.fromkeys([*op.control, *[c for c in found if c is not None]]))
        op.label = name or ("group_deps" if inputs else None)
        self.note(op)
        return op

    def effect(self) -> Operation:
        """The effect that was written down last."""
        return self.graph.operations[-1]

    def called(self, replay: Any) -> list[Any]:
        """The results of a recorded function: each of them does all that the function does."""
        start = len(self.graph.operations)
        with self.graph.name_scope(replay.callee.name.strip("<>")):
            outputs = replay.outputs()
            outputs = [t if self._made_since(t, start) else identity(t) for t in outputs]
        effects = [op for op in self.graph.operations[start:] if op.effect]
        for tensor in outputs:
            self.dragged[self.value(tensor).op] = effects
        return outputs

    def _made_since(self, tensor: Any, start: int) -> bool:
        return _of(tensor, self.graph) and tensor.op.number >= start

    # variables

    def variable(self, kind: Any, initial_value: Any, **options: Any) -> GraphVariable:
        """Make a variable whose values are in sessions."""
        made = type.__call__(GraphVariable, self, initial_value, **options)
        self._present[id(made)] = {(): made.handle}
        self.variables[id(made)] = made
        return made

    def read(self, variable: Any) -> Any:
        """A reading of a variable at this place of the program."""
        if getattr(variable, "graph", self.graph) is not self.graph:
            return mode_of(variable.graph).read(variable)
        readings = self._present.setdefault(id(variable), {})
        tensor = readings.get(self.graph.control)
        if tensor is None:
            value = self.graph.source(VARIABLE, variable, variable=variable)
            value.op.scope, value.op.label = "", f"{variable.name.partition(':')[0]}/Read"
            tensor = readings[self.graph.control] = SymbolicTensor(value, variable._leaf)
            self.variables[id(variable)] = variable
        return tensor

    def update(self, variable: Any, how: str, *values: Any) -> Any:
        """An operation that changes a variable; its result is the new value."""
        if getattr(variable, "graph", self.graph) is not self.graph:
            return mode_of(variable.graph).update(variable, how, *values)
        tensor = updated(variable, lambda: self.read(variable), how, values)
        if not isinstance(variable, Variable):  # the state of the random numbers
            return self.put(variable, tensor)
        op = self.assigned(variable, tensor)
        self.note(op)
        return SymbolicTensor(op.values[0])

    def put(self, variable: Any, tensor: Any) -> None:
        """Change a variable whenever the operation that made the tensor is done."""
        op = self.assigned(variable, tensor)
        self.dragged.setdefault(op.takes[0].op, []).append(op)

    def assigned(self, variable: Any, tensor: Any) -> Operation:
        """An operation that puts a tensor in the place of a variable's value."""
        op = self.graph.add(ASSIGN, (self.value(tensor),), {"variable": variable}, [tensor])
        if not isinstance(variable, Variable):
            op.scope, op.label = "", f"{variable.name}/Assign"
        self._present.pop(id(variable), None)
        return op


def _of(tensor: Any, graph: Graph) -> bool:
    return isinstance(tensor, SymbolicTensor) and tensor.graph is graph


def mode_of(graph: Any) -> GraphBuilding:
    """The mode that fills a graph, made when it is first needed."""
    if graph.mode is None:
        graph.mode = GraphBuilding(graph)
    return graph.mode


class _Default(threading.local):
    graph: Graph | None = None
    lasting = False  # whether operations that are in no block go there
    blocks = 0  # how many graphs are entered


_default = _Default()


@contextmanager
def as_default(self: Graph) -> Iterator[Graph]:
    """Write the operations of a block down in this graph."""
    _default.blocks += 1
    try:
        with frame((), (), mode_of(self)):
            yield self
    finally:
        _default.blocks -= 1


Graph.as_default = as_default  # type: ignore[method-assign]


class Together:
    """A block whose changes of variables are one operation; None where they are done at once."""

    operation: Operation | None = None


@contextmanager
def together(name: str) -> Iterator[Together]:
    """Make one operation of the changes of variables in a block, where sessions run them."""
    found = Together()
    mode = here.mode
    if mode is None or not mode.by_session:
        yield found
        return
    graph = mode.graph
    start = len(graph.operations)
    with graph.name_scope(name) as prefix, graph.unlabelled(), graph.variables_under(""):
        yield found
        changes = [op for op in graph.operations[start:] if _changes(op)]
        op = found.operation = mode.group(tuple(changes), name)
        op.scope, op.label = None, prefix.rstrip("/")


def _changes(op: Operation) -> bool:
    """Whether an operation changes a variable, and not for the first time."""
    if op.primitive is not ASSIGN:
        return False
    variable = op.params["variable"]
    return isinstance(variable, Variable) and getattr(variable, "initializer", None) is not op


# the graph of a thread


def get_default_graph() -> Graph:
    """The graph that operations are written down in, or would be without eager execution.

    Example:
        >>> import gradtape as tf
        >>> with tf.Graph().as_default() as graph:
        ...     tf.compat.v1.get_default_graph() is graph
        True
    """
    mode = here.mode
    if mode is not None and mode.graph is not None:
        return mode.graph
    if _default.graph is None:
        _default.graph = Graph()
    return _default.graph


def reset_default_graph() -> None:
    """Start a new default graph in this thread; those of blocks are not concerned.

    Raises:
        AssertionError: inside `with graph.as_default():`, or while a session is entered.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.reset_default_graph()
    """
    if here.mode is not None and not _lasts():
        raise AssertionError(
            "Do not use tf.reset_default_graph() to clear nested graphs. If you need a cleared"
            " graph, exit the nesting and create a new graph."
        )
    _default.graph = Graph()
    if _default.lasting:
        here.set((), here.observers, mode_of(_default.graph))


def _lasts() -> bool:
    return _default.lasting and not _default.blocks and here.mode is mode_of(_default.graph)


def disable_eager_execution() -> None:
    """Write operations down in the default graph from now on, in this thread, as TensorFlow 1 did.

    Raises:
        RuntimeError: inside a graph's block, a session's or a function.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.disable_eager_execution()
        >>> tf.constant(2.0)
        <tf.Tensor 'Const:0' shape=() dtype=float32>
        >>> tf.compat.v1.enable_eager_execution()
    """
    if _default.lasting:
        return
    if here.mode is not None:
        raise RuntimeError(
            "gradtape.compat.v1.disable_eager_execution must be called at the start of a program, "
            "outside of graphs, sessions and functions."
        )
    _default.lasting = True
    here.set((), here.observers, mode_of(get_default_graph()))


def enable_eager_execution(
    config: Any = None, device_policy: Any = None, execution_mode: Any = None
) -> None:
    """Run operations at once again, in this thread; the arguments are accepted for compatibility.

    Raises:
        RuntimeError: inside a graph's block, a session's or a function.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.enable_eager_execution()
        >>> float(tf.constant(2.0))
        2.0
    """
    if not _default.lasting:
        return
    if not _lasts():
        raise RuntimeError(
            "gradtape.compat.v1.enable_eager_execution must be called outside of graphs, sessions "
            "and functions."
        )
    _default.lasting = False
    here.set((), here.observers, None)


def executing_eagerly_outside_functions() -> bool:
    """Whether operations run at once where no function is recorded.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.executing_eagerly_outside_functions()
        True
    """
    mode = here.mode
    while mode is not None and not mode.by_session:
        mode = mode.outside[2]
    return mode is None
