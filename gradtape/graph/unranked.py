"""Graphs with placeholders of unknown rank: what depends on them is completed when they are fed.

Operations element by element are written down as they are; a gradient is written down as one
operation that is still to be worked out, because its rules ask for shapes. When a session feeds the
placeholders, the operations of its run are done again in a graph of their own, for these shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradtape.core.dispatch import apply
from gradtape.core.nothing import UNCONNECTED, Nothing
from gradtape.core.record import Node
from gradtape.core.shapes import Spec
from gradtape.core.sizes import bind, closed
from gradtape.core.state import frame
from gradtape.core.unranked import EVERY_AXIS, UnknownShape
from gradtape.graph.graph import CONSTANT, GRADIENTS, NOTHING, PLACEHOLDER, SOURCES, Operation
from gradtape.graph.program import missing
from gradtape.graph.symbolic import SymbolicTensor, Value
from gradtape.graph.tracing import ASSIGN
from gradtape.ops.basis import zeros
from gradtape.ops.sparse import IndexedSlices


def deferred(
    mode: Any,
    ys: Sequence[Any],
    given: Sequence[Any],
    xs: Sequence[Any],
    stops: Sequence[Any],
    connected: Sequence[bool],
) -> list[Any]:
    """The gradients of ys as one operation that is worked out later."""
    sources = [x for x, c in zip(xs, connected, strict=True) if c]
    tensors = [*ys, *[g for g in given if g is not None]]
    takes = tuple(
        [mode.value(t.__tf_tensor__() if hasattr(t, "__tf_tensor__") else t) for t in tensors]
    )
    params = {
        "given": tuple([g is not None for g in given]),
        "xs": tuple([_stable(mode, x) for x in sources]),
        "stops": tuple([_stable(mode, s) for s in stops]),
    }
    op = mode.graph.add(GRADIENTS, takes, params, [Node(x._shape, x._dtype) for x in sources])
    found = iter(op.outputs)
    return [next(found) if c else UNCONNECTED for c in connected]


def _stable(mode: Any, x: Any) -> Any:
    """A tensor as its value; a variable as it is."""
    return mode.value(x) if isinstance(x, SymbolicTensor) else x


def unranked(order: Sequence[Operation], fed: Sequence[Value]) -> bool:
    """Whether operations have results with an unknown number of axes, or what is fed has."""
    values = [*fed, *[v for op in order for v in op.values]]
    return any([type(v.shape) is UnknownShape for v in values])


class Completed:
    """The operations of a run, done again in a new graph for the shapes that are fed.

    Args:
        mode: what fills the new graph.
        order: the operations.
        dragged: the operations that are done whenever another one is done.
        shapes: the shapes of what is fed.
        pulled: works out gradients.
    """

    def __init__(
        self,
        mode: Any,
        order: Sequence[Operation],
        dragged: dict[Operation, list[Operation]],
        shapes: dict[Value, tuple[int, ...]],
        pulled: Callable[..., list[Any]],
    ) -> None:
        self.mode = mode
        self.graph = mode.graph
        self._tensors: dict[Value, Any] = {}
        self._operations: dict[Operation, Operation] = {}
        self._shapes = shapes
        self._sizes: dict[Any, int] = {}
        self._pulled = pulled
        with frame((), (), mode):
            for value, shape in shapes.items():
                if type(value.shape) is not UnknownShape:
                    bind(value.shape, shape, self._sizes)
                spec = Spec(shape, value.dtype)
                self._tensors[value] = SymbolicTensor(self.graph.source(PLACEHOLDER, spec))
            for op in order:
                self._do(op)
        for op in order:
            for other in dragged.get(op, ()):
                mode.dragged.setdefault(self.operation(op), []).append(self.operation(other))

    def value(self, value: Value) -> Value:
        """What stands for a value in the new graph."""
        return self.mode.value(self._tensors[value])

    def operation(self, op: Operation) -> Operation:
        """What stands for an operation in the new graph."""
        return self._operations[op]

    def _do(self, op: Operation) -> None:
        control = [self._operations[c] for c in op.control]
        with self.graph.control_dependencies(control):
            start = len(self.graph.operations)
            if not op.values or any([v not in self._shapes for v in op.values]):
                for value, tensor in zip(op.values, self._results(op), strict=True):
                    self._tensors.setdefault(value, tensor)
            if len(self.graph.operations) == start:
                self.graph.add(NOTHING, (), {}, [])
        self._operations[op] = self.graph.operations[-1]

    def _results(self, op: Operation) -> Sequence[Any]:
        given = tuple([self._tensors[v] for v in op.takes])
        if op.primitive in (*SOURCES, ASSIGN):
            return self._source(op, given)
        params = closed(op.params, self._sizes)
        params = {k: _completed(v, given) for k, v in params.items()}
        found = apply(op.primitive, given, params)
        return found if op.primitive.several else (found,)

    def _source(self, op: Operation, given: Sequence[Any]) -> Sequence[Any]:
        if op.primitive is CONSTANT:
            return (op.params["value"],)
        if op.primitive is GRADIENTS:
            return self._gradients(op, given)
        if op.primitive is PLACEHOLDER and type(op.values[0].shape) is UnknownShape:
            raise missing(op)
        takes = tuple([self.mode.value(t) for t in given])
        specs = [Spec(closed(v.shape, self._sizes), v.dtype) for v in op.values]
        return self.graph.add(op.primitive, takes, op.params, specs).outputs

    def _gradients(self, op: Operation, given: Sequence[Any]) -> list[Any]:
        flags = op.params["given"]
        rest = iter(given[len(flags) :])
        starts = [next(rest) if f else None for f in flags]
        xs, stops = [[self._again(x) for x in op.params[k]] for k in ("xs", "stops")]
        found = self._pulled(self.mode, given[: len(flags)], starts, xs, stops)
        return [_dense(f, x) for f, x in zip(found, xs, strict=True)]

    def _again(self, x: Any) -> Any:
        return self._tensors[x] if isinstance(x, Value) else x


def _completed(param: Any, given: Sequence[Any]) -> Any:
    """A parameter that was to wait for the shape of the first input."""
    if param is EVERY_AXIS:
        return tuple(range(len(given[0]._shape)))
    return given[0]._shape if type(param) is UnknownShape else param


def _dense(found: Any, x: Any) -> Any:
    if isinstance(found, Nothing):
        return zeros(x._shape, x._dtype)
    return found.dense() if isinstance(found, IndexedSlices) else found
