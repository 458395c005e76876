"""Forward mode: tangents pushed along with the values, and `ForwardAccumulator`, which does it.

An accumulator is an observer: after every operation it asks whether an input has a tangent, and if
so pushes it through the primitive's jvp rules. Tangents hang on *nodes*, weakly, as cotangents do:
a tangent lives as long as the value that it belongs to. The rules run in the state in which the
accumulator was entered, so that tapes and accumulators outside see them as ordinary operations and
what was opened inside does not: that is all there is to nesting.

Where a function gives only the reverse direction (a custom gradient), `transposed` finds the
forward one: u -> J'u is linear, so its own reverse derivative is J."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from gradtape.autodiff.asking import (
    UnconnectedGradients,
    node_of,
    packed,
    unconnected_mode,
    warn_first,
)
from gradtape.autodiff.walk import walk
from gradtape.core import nest
from gradtape.core.convert import as_tensor, convert_to_tensor
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import Nothing, Owed
from gradtape.core.primitive import Primitive
from gradtape.core.record import Node, Part, Recording
from gradtape.core.state import frame, here
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.ops.basis import add, broadcast_to, sum_to, zeros
from gradtape.ops.sparse import IndexedSlices

# one primitive


class _Live:
    """What a rule may ask for, in place of a record."""

    __slots__ = ("inputs", "out", "params", "parents")

    def __init__(self, inputs: tuple[Any, ...], out: Any, params: dict[str, Any]) -> None:
        self.inputs = inputs
        self.out = out
        self.params = params
        self.parents: tuple[Any, ...] = ()

    def output(self) -> Any:
        """The result of the operation."""
        return self.out


def push_forward(
    primitive: Primitive, inputs: tuple[Any, ...], tangents: tuple[Any, ...], params: dict[str, Any]
) -> tuple[Any, list[Any]]:
    """Run a primitive and push tangents through it.

    Args:
        tangents: one for each input, None where it does not move.

    Returns:
        The result, and the list of the tangents of its differentiable parts.
    """
    out = apply(primitive, inputs, params)
    return out, push_tangents(primitive, inputs, tangents, params, out)


def push_tangents(
    primitive: Primitive,
    inputs: tuple[Any, ...],
    tangents: tuple[Any, ...],
    params: dict[str, Any],
    out: Any,
) -> list[Any]:
    """The tangents of the differentiable parts of a result that is there already."""
    pushed = moving(primitive, inputs, tangents, params, out)
    return [
        zeros(o._shape, o._dtype) if t is None else t
        for t, o in zip(pushed, parts_of(primitive, out), strict=True)
    ]


def parts_of(primitive: Primitive, out: Any) -> list[Any]:
    """The differentiable parts of a result."""
    return [o for o in (out if primitive.several else (out,)) if differentiable(o._dtype)]


def moving(
    primitive: Primitive,
    inputs: tuple[Any, ...],
    tangents: tuple[Any, ...],
    params: dict[str, Any],
    out: Any,
) -> list[Any]:
    """`push_tangents` with None for the parts that no rule moves."""
    live = _Live(inputs, out, params)
    outs = parts_of(primitive, out)
    if not primitive.differentiable or not outs:
        return [None] * len(outs)
    if primitive.joint_jvp is not None:
        given = primitive.joint_jvp(tangents, live)
        pushed = list(given) if primitive.several else [given]
    elif primitive.jvps:
        pushed = _added(primitive, tangents, live, len(outs))
    else:
        pushed = _by_reverse(primitive, tangents, live, outs)
    return [_fitting(t, o) for t, o in zip(pushed, outs, strict=True)]


def _added(primitive: Primitive, tangents: Any, live: _Live, count: int) -> list[Any]:
    """The sum of what the rule of each moving input gives."""
    totals: list[Any] = [None] * count
    for tangent, rule in zip(tangents, primitive.jvps, strict=True):
        if tangent is None or isinstance(rule, Nothing):
            continue
        if isinstance(rule, Owed):
            raise LookupError(f"gradtape.{primitive.name} has no forward rule: {rule.why}")
        given = rule(tangent, live)
        for k, part in enumerate(given if primitive.several else [given]):
            if part is not None and not isinstance(part, Nothing):
                totals[k] = part if totals[k] is None else add(totals[k], part)
    return totals


def _by_reverse(primitive: Primitive, tangents: Any, live: _Live, outs: list[Any]) -> list[Any]:
    """The tangents by transposing the vjp rules, for a primitive that has no others."""
    live.parents = tuple([None if t is None else True for t in tangents])

    def pull(cts: list[Any]) -> list[Any]:
        given = primitive.pull(live, tuple(cts) if primitive.several else cts[0])
        if not primitive.broadcasts:
            return given
        pairs = zip(given, live.inputs, strict=True)
        return [sum_to(g, x._shape) if isinstance(g, Tensor) else g for g, x in pairs]

    given = live.out if primitive.several else (live.out,)
    found = transposed(pull, [(o._shape, o._dtype) for o in given], list(tangents))
    return [t for t, o in zip(found, given, strict=True) if differentiable(o._dtype)]


def _fitting(tangent: Any, out: Any) -> Any:
    """A tangent in its output's shape; None where nothing moved."""
    if tangent is None or isinstance(tangent, Nothing) or tangent._shape == out._shape:
        return None if isinstance(tangent, Nothing) else tangent
    return broadcast_to(tangent, out._shape)


def transposed(
    pull: Callable[[list[Any]], Sequence[Any]], specs: list[tuple[Any, Any]], tangents: list[Any]
) -> list[Any]:
    """Push tangents forward through a function that pulls cotangents back.

    `pull` maps u to J'u. Its derivative in u, pulled back along the tangents t, is J t.

    Args:
        pull: takes a list of cotangents of the outputs, returns those of the inputs.
        specs: the shape and dtype of each output.
        tangents: one for each input, None where it does not move.

    Returns:
        For each output its tangent, or None where it is not connected.
    """
    recording = Recording(automatic=False)
    directions = [zeros(shape, dtype) for shape, dtype in specs]
    for u in directions:
        if differentiable(u._dtype):
            u._node = Node(u._shape, u._dtype)
            recording.watched[u._node] = None
    before = here.tapes
    here.set_tapes((*before, recording))
    try:
        given = [g.dense() if isinstance(g, IndexedSlices) else g for g in pull(directions)]
    finally:
        here.set_tapes(before)
    pairs = [
        (g._node, t)
        for g, t in zip(given, tangents, strict=True)
        if t is not None and isinstance(g, Tensor)
    ]
    found = walk(pairs, [u._node for u in directions], recording, consume=True)
    found = [f.dense() if isinstance(f, IndexedSlices) else f for f in found]
    return [None if isinstance(f, Nothing) else f for f in found]


# all operations


class ForwardAccumulator:
    """Compute Jacobian-vector products while the function runs.

    Args:
        primals: a tensor or variable, or a structure of them.
        tangents: the direction, in the same structure; each of its primal's shape and dtype.

    Raises:
        ValueError: when structures, shapes or dtypes differ, a tangent is None, or a primal occurs
            twice.
        TypeError: when a primal is no tensor or variable.

    Example:
        >>> import gradtape as tf
        >>> x = tf.constant([1.0, 2.0])
        >>> with tf.autodiff.ForwardAccumulator(x, tf.constant([1.0, 0.0])) as acc:
        ...     y = x * x
        >>> acc.jvp(y).numpy()
        array([2., 0.], dtype=float32)
    """

    def __init__(self, primals: Any, tangents: Any) -> None:
        self._tangents: WeakKeyDictionary[Node, Any] = WeakKeyDictionary()
        self._outside: tuple[Any, Any] = ((), ())
        self._recording = False
        nest.assert_same_structure(primals, tangents)
        seen: set[int] = set()
        for primal, tangent in zip(nest.flatten(primals), nest.flatten(tangents), strict=True):
            if id(primal) in seen:
                raise ValueError(
                    f"Tensor {brief(primal)} was specified as a primal multiple times. This may "
                    "indicate an error. If it was intended, please sum the corresponding tangents."
                )
            seen.add(id(primal))
            self._watch(primal, tangent)

    def _watch(self, primal: Any, tangent: Any) -> None:
        if not isinstance(primal, (Tensor, Variable)):
            if not hasattr(primal, "__tf_tensor__"):
                raise TypeError(
                    f"gradtape.ForwardAccumulator: the primal {brief(primal)} is no tensor. "
                    "Write x = tf.constant(value) and use x in the function."
                )
            primal = as_tensor(primal)
        if not differentiable(primal._dtype):
            warn_first(
                "The dtype of the watched primal must be floating (e.g. tf.float32), "
                f"got tf.{primal.dtype.name}: its tangent will be None."
            )
            return
        if tangent is None:
            raise ValueError(
                f"gradtape.ForwardAccumulator: the tangent of {brief(primal)} is None. "
                "Give zeros, or leave the primal out."
            )
        tangent = convert_to_tensor(tangent, dtype=primal.dtype)
        if tangent._shape != primal._shape:
            raise InvalidArgumentError(
                f"gradtape.ForwardAccumulator: the tangent {brief(tangent)} has not the shape of "
                f"its primal {brief(primal)}. Give one number for each element of the primal."
            )
        self._put(primal, tangent)

    def __enter__(self) -> ForwardAccumulator:
        if self._recording:
            raise ValueError("Accumulator is already recording.")
        self._recording = True
        self._outside = here.tapes, here.observers
        here.set_observers((*here.observers, self))
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._recording:
            self._recording = False
            here.set_observers(tuple([o for o in here.observers if o is not self]))
            self._outside = ((), ())

    def see(
        self, primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any], out: Any
    ) -> None:
        """Push the tangents of an operation's inputs to its results; `dispatch` calls this."""
        known = self._tangents
        if not known or not primitive.differentiable:
            return
        tangents = tuple([None if t._node is None else self._of(t._node) for t in inputs])
        if all(t is None for t in tangents):
            return
        tapes = tuple([t for t in self._outside[0] if t in here.tapes])
        observers = tuple([o for o in self._outside[1] if o in here.observers])
        with frame(tapes, observers, here.mode):
            pushed = moving(primitive, inputs, tangents, params, out)
        for part, tangent in zip(parts_of(primitive, out), pushed, strict=True):
            if tangent is not None:
                self._put(part, tangent)

    def _put(self, value: Any, tangent: Any) -> None:
        """Hang a tangent on a value's node; parts of a record share its entry."""
        node = node_of(value)
        if node is None:
            node = value._node = Node(value._shape, value._dtype)
        if type(node) is Part:
            self._tangents.setdefault(node.parents[0], {})[node.index] = tangent
        else:
            self._tangents[node] = tangent

    def _of(self, node: Node) -> Any:
        if type(node) is Part:
            return self._tangents.get(node.parents[0], {}).get(node.index)
        return self._tangents.get(node)

    def jvp(
        self,
        primals: Any,
        unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE,
    ) -> Any:
        """The tangents of results: the Jacobian of the function times the direction.

        Args:
            primals: a tensor or variable, or a structure of them.
            unconnected_gradients: None ("none") or zeros ("zero") where nothing moved.

        Returns:
            For each primal a tensor of its shape and dtype, or None.
        """
        mode = unconnected_mode(unconnected_gradients)
        return packed(primals, [self._tangent(p, mode) for p in nest.flatten(primals)])

    def _tangent(self, primal: Any, mode: UnconnectedGradients) -> Any:
        if isinstance(primal, IndexedSlices):
            found = self._tangent(primal.values, mode)
            return None if found is None else primal.with_values(found)
        if not isinstance(primal, (Tensor, Variable)):
            if not hasattr(primal, "__tf_tensor__"):
                raise TypeError(
                    f"ForwardAccumulator.jvp: {brief(primal)} is no tensor, so no tangent was "
                    "pushed to it. Pass what tensor operations returned."
                )
            primal = as_tensor(primal)
        node = node_of(primal)
        found = None if node is None else self._of(node)
        if found is None and mode is UnconnectedGradients.ZERO:
            return zeros(primal._shape, primal._dtype)
        return found
