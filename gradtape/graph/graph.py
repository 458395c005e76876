"""`Graph` and `Operation`: what is to be done, written down in the order of the program.

A graph is a list of operations. An operation is what a tape's record is, with every input kept: a
primitive, its inputs, its parameters. Three kinds have no primitive of the catalogue: inputs
(placeholders, arguments, values of variables, tensors taken from around the graph), constants, and
changes of variables. Whoever runs a graph asks for some values, and the operations that these need
and the effects in between are run in order."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from gradtape.core.errors import UnimplementedError, brief
from gradtape.core.sizes import Size, told_by, unknowns
from gradtape.core.xp_numpy import restore, silence, xp
from gradtape.graph.boxes import MOST
from gradtape.graph.drawing import dot, svg
from gradtape.graph.scopes import Scopes
from gradtape.graph.symbolic import UNKNOWN, SymbolicTensor, Value, known_contents
from gradtape.graph.text import GraphText


class Source:
    """What stands in the place of a primitive where an operation has no kernel."""

    effect = False
    host = False
    several = False
    differentiable = False
    notable = False

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<source {self.name}>"


PLACEHOLDER = Source("Placeholder")
CONSTANT = Source("Const")
VARIABLE = Source("ReadVariable")
CAPTURE = Source("Capture")
# in graphs that sessions run
NOTHING = Source("NoOp")  # has no result: it runs others
INITIALIZED = Source("InitializedValue")  # a variable's value, or else its initial value
IS_INITIALIZED = Source("IsInitialized")
GRADIENTS = Source("Gradients")  # of tensors with an unknown number of axes
SOURCES = (
    PLACEHOLDER, CONSTANT, VARIABLE, CAPTURE, NOTHING, INITIALIZED, IS_INITIALIZED, GRADIENTS,
)  # fmt: skip


class Operation:
    """One thing that a graph does; the graph makes it, programs only look at it.

    `type` is the primitive's name, `inputs` and `outputs` are tensors for users; inside, values.

    Example:
        >>> import gradtape as tf
        >>> with tf.Graph().as_default():
        ...     y = tf.sin(tf.constant(1.0), name="y")
        >>> y.op
        <tf.Operation 'y' type=sin>
    """

    __slots__ = (
        "awaited", "control", "device", "effect", "forward", "graph", "host", "label", "number",
        "params", "primitive", "repeated", "scope", "takes", "values", "where",
    )  # fmt: skip

    def __init__(
        self, graph: Graph, primitive: Any, takes: tuple[Value, ...], params: dict[str, Any]
    ) -> None:
        self.graph = graph
        self.primitive = primitive
        self.takes = takes
        self.params = params
        self.effect = primitive.effect or any([_says(p, "effect") for p in params.values()])
        self.host = primitive.host or any([_says(p, "host") for p in params.values()])
        self.values: tuple[Value, ...] = ()
        self.number = len(graph.operations)
        self.repeated = False  # whether the program asked for it several times
        self.label: str | None = None
        self.scope: str | None = graph.scope
        self.control: tuple[Operation, ...] = () if primitive is CONSTANT else graph.control
        self.awaited: dict[Any, Operation] = {}  # by the sizes that they find out
        self.device = graph.device_of(self)
        self.where: tuple[str, int] | None = None
        self.forward: Operation | None = None  # whose rule did it, on the way back

    @property
    def type(self) -> str:
        """The name of the primitive."""
        return self.primitive.name

    @property
    def name(self) -> str:
        """The unique name in the graph."""
        return self.graph.name_of(self)

    @property
    def inputs(self) -> tuple[SymbolicTensor, ...]:
        """The tensors that it takes."""
        return tuple([SymbolicTensor(v) for v in self.takes])

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The tensors that it makes."""
        return [SymbolicTensor(v) for v in self.values]

    @property
    def control_inputs(self) -> list[Operation]:
        """The operations that run before it."""
        return list(self.control)

    def get_attr(self, name: str) -> Any:
        """A parameter by its name; ValueError when there is none."""
        if name not in self.params:
            raise ValueError(
                f"Operation {self.name!r} has no attr named {name!r}; it has {list(self.params)}."
            )
        return self.params[name]

    def run(self, feed_dict: Any = None, session: Any = None) -> None:
        """Run the operation in the default session."""
        self.graph.session(session).run(self, feed_dict)

    def __repr__(self) -> str:
        return f"<tf.Operation '{self.name}' type={self.type}>"


class Graph(Scopes):
    """Operations that are recorded now and run later.

    Example:
        >>> import gradtape as tf
        >>> g = tf.Graph()
        >>> with g.as_default():
        ...     y = tf.constant(2.0) * tf.constant(3.0)
        >>> y
        <tf.Tensor 'multiply:0' shape=() dtype=float32>
        >>> with tf.compat.v1.Session(graph=g) as session:
        ...     float(session.run(y))
        6.0
    """

    def __init__(self) -> None:
        super().__init__()
        self.assumptions: list[tuple[Any, Any]] = []
        self.outer: Any = None  # the tracing around the one that fills this graph
        self.mode: Any = None  # what fills it, when sessions run it
        self.finalized = False
        self.seed: int | None = None  # of the random numbers in each session
        self.origins: dict[Any, Operation] = {}  # of sizes that depend on values
        self.forwards: WeakKeyDictionary[Any, Operation] = WeakKeyDictionary()  # by records
        self._constants: dict[int, Value] = {}

    # building

    if TYPE_CHECKING:  # `building` puts it in its place

        def as_default(self) -> AbstractContextManager[Graph]:
            """Write the operations of a block down in this graph."""
            ...

    def add(
        self,
        primitive: Any,
        takes: tuple[Value, ...],
        params: dict[str, Any],
        specs: Iterable[Any],
    ) -> Operation:
        """Add an operation whose results have these shapes and dtypes."""
        if self.finalized:
            raise RuntimeError("Graph is finalized and cannot be modified.")
        op = Operation(self, primitive, takes, params)
        op.values = tuple([Value(op, i, s._shape, s._dtype) for i, s in enumerate(specs)])
        self.operations.append(op)
        if op.host or self.origins:
            self._order_by_sizes(op)
        return op

    def _order_by_sizes(self, op: Operation) -> None:
        """Note which operation finds out a size that depends on values, and what waits for it."""
        given = unknowns([op.params, [v.shape for v in op.takes]])
        op.awaited = {atom: self.origins[atom] for atom in given if atom in self.origins}
        if op.host:
            for atom in unknowns([v.shape for v in op.values]) - given:
                self.origins[atom] = op

    def source(self, kind: Source, spec: Any, **params: Any) -> Value:
        """Add an input of a kind."""
        return self.add(kind, (), params, [spec]).values[0]

    def constant(self, tensor: Any) -> Value:
        """The value of a tensor that is known; the same for the same tensor."""
        value = self._constants.get(id(tensor))
        if value is None:
            value = self.source(CONSTANT, tensor, value=tensor)
            self._constants[id(tensor)] = value
        return value

    def contents(self, value: Value) -> Any:
        """The contents of a value that depends on constants and shapes alone, else UNKNOWN."""
        op = value.op
        if op.primitive is CONSTANT:
            return np.asarray(op.params["value"])
        if op.primitive in SOURCES or op.effect or op.primitive.several:
            return UNKNOWN
        if op.primitive.name == "sizes":
            return _plain(np.array(op.params["value"], object), value.dtype)
        given = [known_contents(v) for v in op.takes]
        if any(g is None for g in given):
            return UNKNOWN
        if op.primitive.name == "cast" and given[0].dtype == object:
            return given[0]
        token = silence()
        try:
            found = op.primitive.kernel(xp, *[g if g.ndim else g[()] for g in given], **op.params)
            return _plain(np.asarray(found), value.dtype)
        except Exception:  # a kernel that cannot compute with sizes
            return UNKNOWN
        finally:
            restore(token)

    # looking

    def get_operations(self) -> list[Operation]:
        """All operations in the order in which they were added."""
        return list(self.operations)

    def get_operation_by_name(self, name: str) -> Operation:
        """An operation by its name; KeyError when there is none."""
        self.settle()
        if name in self._by_name:
            return self._by_name[name]
        known = ", ".join(self.name_of(op) for op in self.operations[:10])
        raise KeyError(
            f"The name {name!r} refers to an Operation not in the graph. It has {known or 'none'}"
            f"{', ...' if len(self.operations) > 10 else ''}."
        )

    def get_tensor_by_name(self, name: str) -> SymbolicTensor:
        """A tensor by the name of its operation and its number, as in "x:0"."""
        stem, _, index = name.rpartition(":")
        if not stem or not index.isdigit():
            raise ValueError(
                f"The name {name!r} looks like an (invalid) Operation name, not a Tensor. Tensor"
                ' names must be of the form "<op_name>:<output_index>".'
            )
        values = self.get_operation_by_name(stem).values
        if int(index) >= len(values):
            raise KeyError(
                f"The name {name!r} refers to a Tensor which does not exist: the operation has"
                f" {len(values)} outputs."
            )
        return SymbolicTensor(values[int(index)])

    def as_graph_element(
        self, obj: Any, allow_tensor: bool = True, allow_operation: bool = True
    ) -> Any:
        """The tensor or operation that an object or a name stands for."""
        if isinstance(obj, (SymbolicTensor, Operation)):
            if obj.graph is not self:
                raise ValueError(f"{obj!r} is not an element of this graph.")
            return obj
        if isinstance(obj, str):
            return self.get_tensor_by_name(obj) if ":" in obj else self.get_operation_by_name(obj)
        raise TypeError(f"Graph.as_graph_element: {brief(obj)} is no tensor, operation or name.")

    def as_graph_def(self, from_version: Any = None, add_shapes: bool = False) -> GraphText:
        """The operations as names, and as text with a line for each; the arguments are accepted."""
        return GraphText(self.operations)

    def to_dot(self) -> str:
        """The graph as text for Graphviz."""
        return dot(self.operations)

    def to_svg(self, most: int = MOST) -> str:
        """A picture of the graph as SVG.

        Args:
            most: how many boxes there may be; beyond that name scopes and chains are folded.
        """
        return svg(self.operations, most)

    _repr_svg_ = to_svg

    def __str__(self) -> str:
        return str(self.as_graph_def())

    def finalize(self) -> None:
        """Refuse further operations."""
        self.finalized = True

    def gradient_override_map(self, op_type_map: Any) -> Any:
        """Left out: it names rules by strings.

        Raises:
            UnimplementedError: always.
        """
        raise UnimplementedError(
            f"gradtape.Graph.gradient_override_map({brief(op_type_map)}) is not there. Give the"
            " function a rule with @tf.custom_gradient, or the operation one with"
            " @tf.RegisterGradient."
        )

    def __repr__(self) -> str:
        return f"<tf.Graph with {len(self.operations)} operations>"


def _says(param: Any, fact: str) -> bool:
    """Whether a parameter is a function of which a fact is true, or a tuple that holds one."""
    if type(param) is tuple:
        return any([_says(p, fact) for p in param])
    return getattr(param, fact, False) is True


def _plain(array: Any, dtype: Any) -> Any:
    """An array of objects as one of numbers, when no size in it is open."""
    if array.dtype == object and not any(type(n) is Size for n in array.ravel()):
        return array.astype(dtype)
    return array


def needed(
    wanted: Iterable[Value], roots: Iterable[Operation] = (), given: Collection[Value] = ()
) -> list[Operation]:
    """The operations that values need, and those that must run anyway, in the order of the graph.

    The search stops at values that are given."""
    told = told_by([v.shape for v in given])
    seen: set[Operation] = set()
    pending = [v.op for v in wanted if v not in given] + list(roots)
    while pending:
        op = pending.pop()
        if op in seen:
            continue
        seen.add(op)
        pending.extend([v.op for v in op.takes if v not in given])
        pending.extend(op.control)
        pending.extend([other for size, other in op.awaited.items() if size not in told])
    return sorted(seen, key=lambda op: op.number)
