"""`gradients` and `hessians`: symbolic derivatives of the tensors of a graph.

A graph holds every operation with its inputs and parameters, which is all that a tape's record
holds. So the operations between the xs and the ys become records, and the one walk goes back along
them; what it does is written down in the same graph."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from gradtape.autodiff.asking import UnconnectedGradients, finished, node_of, unconnected_mode
from gradtape.autodiff.jacobian import Rows
from gradtape.autodiff.walk import walk
from gradtape.core.convert import as_tensor_like
from gradtape.core.dispatch import saved
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import Nothing
from gradtape.core.primitive import Primitive
from gradtape.core.record import Node, Part, Record, Recording
from gradtape.core.sizes import same_shape
from gradtape.core.state import frame, here
from gradtape.core.tensor import Tensor
from gradtape.core.unranked import UnknownShape
from gradtape.core.variable import Variable
from gradtape.graph.graph import GRADIENTS, VARIABLE, Operation, needed
from gradtape.graph.symbolic import SymbolicTensor, Value
from gradtape.graph.tracing import Tracing
from gradtape.graph.unranked import deferred
from gradtape.ops.basis import broadcast_to, ones, reshape, zeros
from gradtape.ops.sparse import IndexedSlices


class AggregationMethod:
    """How gradients that arrive on several paths are added up; all ways give the same numbers.

    Example:
        >>> import gradtape as tf
        >>> tf.AggregationMethod.DEFAULT == tf.AggregationMethod.ADD_N
        True
    """

    ADD_N = DEFAULT = 0
    EXPERIMENTAL_TREE = 1
    EXPERIMENTAL_ACCUMULATE_N = 2


def gradients(
    ys: Any,
    xs: Any,
    grad_ys: Any = None,
    name: str = "gradients",
    gate_gradients: bool = False,
    aggregation_method: int | None = None,
    stop_gradients: Any = None,
    unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE,
) -> list[Any]:
    """Differentiate the sum of the ys with respect to the xs, in a graph or a recorded function.

    Args:
        ys: a tensor, or a list of them.
        xs: a tensor or variable, or a list of them; any tensor of the graph will do.
        grad_ys: cotangents of the ys, by default ones; None entries are ones.
        name: the name scope of the operations.
        gate_gradients: accepted; the values are the same.
        aggregation_method: a member of `tf.AggregationMethod`; the values are the same.
        stop_gradients: tensors that count as constants: partial derivatives.
        unconnected_gradients: None ("none") or zeros ("zero") where the ys do not depend on an x.

    Returns:
        A list with a tensor, an `IndexedSlices` or None for each x.

    Raises:
        RuntimeError: where operations run at once.
        TypeError: when a y or x is no tensor, or a complex y has no cotangent.
        LookupError: when an operation on the way has no derivative rule.

    Example:
        >>> import gradtape as tf
        >>> @tf.function
        ... def slopes(a, b):
        ...     y = a * b
        ...     return tf.gradients(y, [a, b])
        >>> [float(g) for g in slopes(tf.constant(2.0), tf.constant(3.0))]
        [3.0, 2.0]
    """
    outputs = _listed(ys, "ys")
    mode = recording_mode(outputs, "gradients")
    how = unconnected_mode(unconnected_gradients)
    if aggregation_method not in (None, 0, 1, 2):
        raise ValueError(
            f"gradtape.gradients: invalid aggregation_method specified {aggregation_method}."
            " Accepted values are [0, 1, 2], the members of tf.AggregationMethod."
        )
    sources = _listed(xs, "xs")
    stops = [] if stop_gradients is None else _listed(stop_gradients, "stop_gradients")
    given = [None] * len(outputs) if grad_ys is None else _listed(grad_ys, "grad_ys", True)
    if len(given) != len(outputs):
        raise ValueError(
            "gradtape.gradients: Length mismatch. Passed"
            f" {len(given)} grad_ys for {len(outputs)} ys."
        )
    with _inside(mode), mode.graph.name_scope(name), mode.graph.unlabelled():
        tape = None if stops else _watching(sources)
        if tape is None:
            found = pulled(mode, outputs, given, sources, stops)
        else:
            found = _along(tape, outputs, given, sources)
        return [finished(f, x, how) for f, x in zip(found, sources, strict=True)]


def _inside(mode: Tracing) -> AbstractContextManager[Any]:
    """The state in which operations go to a mode's graph."""
    return nullcontext() if here.mode is mode else frame((), (), mode)


def _watching(xs: Sequence[Any]) -> Recording | None:
    """The innermost tape that knows all xs, if there is one."""
    nodes = [node_of(x) for x in xs]
    return next((t for t in reversed(here.tapes) if all(map(t.knows, nodes))), None)


def _along(tape: Recording, ys: Sequence[Any], given: Sequence[Any], xs: Any) -> list[Any]:
    """The same along the records of a tape, which then sees the walk: its derivative of a symbolic
    derivative is right."""
    starts = [starting(y, g) for y, g in zip(ys, given, strict=True)]
    pairs = [(node_of(y), ct) for y, ct in zip(ys, starts, strict=True) if ct is not None]
    return walk(pairs, [node_of(x) for x in xs], tape)


def pulled(
    mode: Tracing, ys: Sequence[Any], given: Sequence[Any], xs: Sequence[Any], stops: Sequence[Any]
) -> list[Any]:
    """What arrives at the xs: tensors, `IndexedSlices`, or a `Nothing`."""
    past = Past(mode, ys, xs, stops)
    if past.unranked:
        return deferred(mode, ys, given, xs, stops, past.connected())
    starts = [starting(y, g) for y, g in zip(ys, given, strict=True)]
    pairs = [(n, ct) for n, ct in zip(past.targets, starts, strict=True) if ct is not None]
    return walk(pairs, past.sources, None)


class Past:
    """The records between some tensors of a graph and what they depend on.

    Attributes:
        targets: the nodes of the ys.
        sources: the nodes of the xs, None where the ys do not depend on one.
        unranked: whether a tensor on the way has an unknown number of axes.
    """

    def __init__(
        self, mode: Tracing, ys: Sequence[Any], xs: Sequence[Any], stops: Sequence[Any]
    ) -> None:
        self.unranked = False
        self._mode = mode
        self._stops = {v for s in stops for v in self._values(s)}
        groups = [self._values(x) for x in xs]
        self._leaves: dict[Value, Node] = {}
        for x, values in zip(xs, groups, strict=True):
            leaf = Node(x._shape, x._dtype)
            for value in values:
                self._leaves.setdefault(value, leaf)
        self._nodes = {v: n for v, n in self._leaves.items() if v in self._stops}
        outputs = [mode.value(_read(y)) for y in ys]
        for op in needed(outputs, (), self._stops):
            self._add(op)
        self.targets = [self._nodes.get(v) for v in outputs]
        self.sources = [next((self._nodes[v] for v in g if v in self._nodes), None) for g in groups]

    def connected(self) -> list[bool]:
        """Which of the xs the ys depend on."""
        seen: set[Any] = set()
        pending: list[Any] = [*self.targets]
        while pending:
            node = pending.pop()
            if node is not None and node not in seen:
                seen.add(node)
                pending.extend(getattr(node, "parents", ()))
        return [node in seen for node in self.sources]

    def _values(self, x: Any) -> list[Value]:
        """The values that a source stands for: of a variable, all readings of it."""
        if isinstance(x, Variable):
            return [
                op.values[0] for op in self._mode.graph.operations
                if op.primitive is VARIABLE and op.params["variable"] is x
            ]  # fmt: skip
        value = self._mode.value(x)
        if value.op.repeated:
            raise InvalidArgumentError(
                f"gradtape.gradients: {brief(x)} is computed twice in this function, and equal "
                "work is done once, so that the two cannot be told apart. Compute it once, or use a"
                " tf.GradientTape."
            )
        return [value]

    def _add(self, op: Operation) -> None:
        """Give the results of an operation their nodes."""
        parents = tuple([self._parent(v) for v in op.takes])
        record = None
        if op.primitive is GRADIENTS or (
            isinstance(op.primitive, Primitive) and op.primitive.differentiable and any(parents)
        ):
            record = recorded(op, parents)
            op.graph.forwards[record] = op
        for value in op.values:
            if record is not None and value not in self._stops and differentiable(value.dtype):
                several = op.primitive.several or op.primitive is GRADIENTS
                self._nodes[value] = Part(record, value.index) if several else record
            elif value in self._leaves:
                self._nodes[value] = self._leaves[value]
            if type(value.shape) is UnknownShape:
                self.unranked = True

    def _parent(self, value: Value) -> Node | None:
        return self._nodes.get(value) if differentiable(value.dtype) else None


def recorded(op: Operation, parents: tuple[Node | None, ...]) -> Record:
    """An operation as a record, whose inputs have these nodes."""
    outputs = tuple(op.outputs)
    if op.primitive is GRADIENTS:  # which is worked out before anybody walks along it
        shapes, dtypes = tuple([t._shape for t in outputs]), tuple([t._dtype for t in outputs])
        return Record(op.primitive, parents, (), None, op.params, shapes, dtypes, ())
    kept, keeps_out = op.primitive.kept(tuple([p is not None for p in parents]))
    if op.primitive.several:
        shape, dtype = tuple([t._shape for t in outputs]), tuple([t._dtype for t in outputs])
        out: Any = outputs
    else:
        (out,) = outputs
        shape, dtype = out._shape, out._dtype
    out = out if keeps_out else None
    return Record(
        op.primitive, parents, saved(op.inputs, kept, parents), out, op.params, shape, dtype, ()
    )


# questions


def recording_mode(tensors: Sequence[Any], function: str) -> Tracing:
    """The mode that fills the graph of some tensors."""
    mode = here.mode
    graphs = [t.graph for t in tensors if isinstance(t, SymbolicTensor)]
    if graphs and graphs[0].by_session and (mode is None or mode.by_session):
        return graphs[0].mode
    if isinstance(mode, Tracing):
        return mode
    if mode is not None and mode.symbolic:
        raise RuntimeError(
            f"gradtape.{function} inside tf.vectorized_map: use a tf.GradientTape there, or "
            "differentiate outside."
        )
    raise RuntimeError(
        f"gradtape.{function} is not supported when eager execution is enabled. Use tf.GradientTape"
        " instead; or differentiate inside a function that is recorded (@tf.function), or in a"
        " graph (with tf.Graph().as_default():, tf.compat.v1.disable_eager_execution())."
    )


def _listed(values: Any, argument: str, gaps: bool = False) -> list[Any]:
    """A tensor, or a list or tuple of them, as a list of tensors and variables."""
    items = list(values) if isinstance(values, (list, tuple)) else [values]
    for item in items:
        if not (isinstance(item, (Tensor, Variable)) or hasattr(item, "__tf_tensor__") or gaps):
            raise TypeError(
                f"gradtape.gradients: {argument} must be a tensor, a variable, or a list or tuple "
                f"of them, not {brief(item)}."
            )
    return items


def _read(y: Any) -> Any:
    return y if isinstance(y, Tensor) else y.__tf_tensor__()


def starting(y: Any, given: Any) -> Any:
    """The cotangent of a y: ones, or the checked one that is given; None for integers."""
    if given is None:
        if y._dtype.kind == "c":
            raise TypeError(
                f"gradtape.gradients: Gradients of complex tensors ({brief(y)}) must set grad_ys:"
                " write grad_ys=tf.ones_like(y), or take tf.math.real(y)."
            )
        return ones(y._shape, y._dtype) if differentiable(y._dtype) else None
    ct = as_tensor_like(given, y._dtype, "gradients")
    real = y._dtype.kind != "c"
    if (real and ct._dtype.kind not in "fiuV") or (not real and ct._dtype.kind != "c"):
        kind = "real or integer" if real else "complex"
        raise TypeError(
            f"Gradient type {ct.dtype.name} generated for {kind}-valued tensor {y} with type"
            f" {y.dtype.name} must be {kind}"
        )
    if not differentiable(y._dtype):
        return None
    if ct._dtype != y._dtype:
        raise TypeError(
            f"gradtape.gradients: grad_ys {brief(ct)} for {brief(y)}: the dtypes differ. Write"
            f" tf.cast(grad_ys, tf.{y.dtype.name})."
        )
    if ct._shape != () and not same_shape(ct._shape, y._shape):
        raise InvalidArgumentError(
            f"gradtape.gradients: grad_ys {brief(ct)} for {brief(y)}: the shapes differ. Give one "
            "number for each element of y, or a scalar."
        )
    return ct if ct._shape == y._shape else broadcast_to(ct, y._shape)


# second derivatives


def hessians(
    ys: Any,
    xs: Any,
    gate_gradients: bool = False,
    aggregation_method: int | None = None,
    name: str = "hessians",
) -> list[Any]:
    """Differentiate the sum of the ys twice with respect to each x, in a graph or a function.

    Args:
        ys: a tensor, or a list of them.
        xs: a tensor or variable, or a list of them.
        gate_gradients: accepted; the values are the same.
        aggregation_method: a member of `tf.AggregationMethod`; the values are the same.
        name: the name scope of the operations.

    Returns:
        A list with a tensor of shape x.shape + x.shape for each x, zeros where the ys are linear in
        it, None where they do not depend on it.

    Raises:
        RuntimeError: where operations run at once.

    Example:
        >>> import gradtape as tf
        >>> @tf.function
        ... def curvature(x):
        ...     return tf.hessians(tf.reduce_sum(x**3), x)[0]
        >>> curvature(tf.constant([1.0, 2.0])).numpy()
        array([[ 6.,  0.],
               [ 0., 12.]], dtype=float32)
    """
    outputs, sources = _listed(ys, "ys"), _listed(xs, "xs")
    mode = recording_mode(outputs, "hessians")
    slopes = gradients(
        outputs, sources, None, name, gate_gradients, aggregation_method
    )  # fmt: skip
    with _inside(mode), mode.graph.name_scope(name), mode.graph.unlabelled():
        return [_rows(mode, g, x) for g, x in zip(slopes, sources, strict=True)]


def _rows(mode: Tracing, slope: Any, x: Any) -> Any:
    """The derivative of a gradient: a batch of walks, one for each of its elements."""
    if slope is None:
        return None
    slope = slope.dense() if isinstance(slope, IndexedSlices) else slope
    past = Past(mode, [slope], [x], [])
    shape = (*slope._shape, *x._shape)
    target, source = slope.placed(past.targets[0]), _read(x).placed(past.sources[0])
    (found,) = Rows(None, True, [source], None, True).pulled(target, slope._shape, True)
    return zeros(shape, x._dtype) if isinstance(found, Nothing) else reshape(found, shape)
