"""Forward mode: tangents pushed along with the values, and `ForwardAccumulator`, which does it.

An accumulator is an observer: after every operation it asks whether an input has a tangent, and if
so pushes it through the primitive's jvp rules (`tangents`). Tangents hang on *nodes*, as cotangents
do: a tangent lives as long as the value that it belongs to. The rules run in the state in which the
accumulator was entered, so that tapes and accumulators outside see them as ordinary operations and
what was opened inside does not: that is all there is to nesting.

Where nothing outside looks on, nobody sees the tangents' arithmetic: then they are bare arrays, and
the rules are straight-line code (`straight_forward`).

Many directions at once are tangents with one axis more in front (`batched`): the same rules run on
them in a batch. `pushed_rows(f, primals, rows)` pushes the rows of a matrix through a function in
one pass: with the rows of the identity it gives a whole Jacobian, column by column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

from numpy import ndarray

from gradtape.autodiff.asking import (
    UnconnectedGradients,
    node_of,
    packed,
    unconnected_mode,
    warn_first,
)
from gradtape.autodiff.finite_watch import checking, in_rules, watch
from gradtape.autodiff.straight import MISSING
from gradtape.autodiff.straight_forward import elementwise, straight
from gradtape.autodiff.tangents import moving, moving_rows, parts_of
from gradtape.core import nest
from gradtape.core.convert import as_tensor, convert_to_tensor
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.primitive import Primitive
from gradtape.core.record import Node, Part
from gradtape.core.state import frame, here, lookouts
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.core.xp_numpy import broadcast_to
from gradtape.ops.basis import zeros
from gradtape.ops.sparse import IndexedSlices

class ForwardAccumulator:
    """Compute Jacobian-vector products while the function runs.

    Args:
        primals: a tensor or variable, or a structure of them.
        tangents: the direction, in the same structure; each of its primal's shape and dtype.
        batched: whether the tangents have one axis more in front, the same for all: that many
            directions are pushed in one pass, and `jvp` returns tangents with that axis in front.

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
        >>> with tf.autodiff.ForwardAccumulator(x, tf.eye(2), batched=True) as acc:
        ...     y = x * x
        >>> acc.jvp(y).numpy()
        array([[2., 0.],
               [0., 4.]], dtype=float32)
    """

    def __init__(self, primals: Any, tangents: Any, *, batched: bool = False) -> None:
        self._mark = object()  # names this accumulator at nodes, without keeping it alive
        self._places: list[ref[Node]] = []  # the nodes that have a tangent
        self._limit = 1024
        self._outside: tuple[Any, Any, Any] = ((), (), None)
        self._plain = False
        self._recording = False
        self._batched = batched
        self._count: int | None = None  # of directions, where they have an axis of their own
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

    @classmethod
    def _batch_accumulator(cls, primals: Any, tangents: Any) -> ForwardAccumulator:
        """TensorFlow's private name of `batched=True`."""
        return cls(primals, tangents, batched=True)

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
        self._check(primal, tangent)
        self._put(primal, tangent)

    def _check(self, primal: Any, tangent: Any) -> None:
        """Raise unless a tangent has its primal's shape, behind the directions' axis if any."""
        if not self._batched:
            if tangent._shape != primal._shape:
                raise InvalidArgumentError(
                    f"gradtape.ForwardAccumulator: the tangent {brief(tangent)} has not the shape "
                    f"of its primal {brief(primal)}. Give one number for each element of the primal."
                )
            return
        if not tangent._shape or tangent._shape[1:] != primal._shape:
            raise InvalidArgumentError(
                f"gradtape.ForwardAccumulator: the batched tangent {brief(tangent)} has not the "
                f"shape of its primal {brief(primal)} behind one axis for the directions. "
                "Write tangent[tf.newaxis] for a single direction."
            )
        if self._count is None:
            self._count = tangent._shape[0]
        if tangent._shape[0] != self._count:
            raise InvalidArgumentError(
                f"gradtape.ForwardAccumulator: the batched tangent {brief(tangent)} has "
                f"{tangent._shape[0]} directions, another has {self._count}. Give each primal as "
                "many, zeros where it does not move."
            )

    def __enter__(self) -> ForwardAccumulator:
        if self._recording:
            raise ValueError("Accumulator is already recording.")
        self._recording = True
        self._outside = here.tapes, here.observers, here.mode
        self._plain = not here.tapes and not here.observers and here.mode is None
        here.set_observers((*here.observers, self))
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._recording:
            self._recording = False
            here.set_observers(tuple([o for o in here.observers if o is not self]))
            self._outside = ((), (), None)

    def __del__(self) -> None:
        for place in self._places:
            node = place()
            if node is not None:
                node.tangents.pop(self._mark, None)

    # pushing

    def see(
        self, primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any], out: Any
    ) -> None:
        """Push the tangents of an operation's inputs to its results; `dispatch` calls this, while
        NumPy is silent.

        The elementwise case is written out: functions for its steps would take a third of the
        time."""
        tangents = self._moves(inputs)
        if tangents is None or not primitive.differentiable:
            return
        if not self._plain or lookouts or here.mode is not None:
            self._push_by_rules(primitive, inputs, tangents, params, out)
            return
        if primitive.family != "elementwise" or params or self._count is not None:
            self._push_by_shape(primitive, inputs, tangents, params, out)
            return
        if len(inputs) == 1:
            key: Any = inputs[0]._array.dtype
        else:
            x, y = inputs
            key = x._array.dtype, y._array.dtype, tangents[0] is None, tangents[1] is None
        push = primitive.pushes.get(key, MISSING)
        if push is MISSING:
            push = elementwise(primitive, inputs, tangents, out, key)
        if push is None or out._node is not None:
            self._push_by_shape(primitive, inputs, tangents, params, out)
            return
        tangent = push(tangents, inputs, out)
        array = out._array
        shape = array.shape
        if tangent.shape != shape:
            tangent = broadcast_to(tangent, shape)
        node = out._node = Node(shape, array.dtype)
        node.tangents = {self._mark: tangent}
        self._places.append(ref(node))
        if not node.number & 1023:
            self._tidy()

    def _moves(self, inputs: tuple[Any, ...]) -> list[Any] | None:
        """The tangents of inputs, None for those that do not move; None where none does."""
        mark = self._mark
        plain = self._plain
        tangents: list[Any] = []
        moves = False
        for x in inputs:
            tangent = None
            node = x._node
            if node is not None:
                held = getattr(node, "tangents", None)
                if held is not None:
                    tangent = held.get(mark)
                elif type(node) is Part:
                    tangent = self._of(node)
                if tangent is not None:
                    moves = True
                    if plain and type(tangent) is not ndarray and isinstance(tangent, Tensor):
                        tangent = tangent._array
            tangents.append(tangent)
        return tangents if moves else None

    def _push_by_shape(
        self,
        primitive: Primitive,
        inputs: tuple[Any, ...],
        tangents: list[Any],
        params: dict[str, Any],
        out: Any,
    ) -> None:
        """Push by a function for the operation's signature, else by the rules."""
        push = straight(primitive, inputs, tangents, params, out, self._count)
        if push is None:
            self._push_by_rules(primitive, inputs, tangents, params, out)
            return
        try:
            pushed = push(tangents, inputs, out)
        except Exception:  # a kernel refuses the values: the rule itself says so in full
            self._push_by_rules(primitive, inputs, tangents, params, out)
            return
        if not primitive.several:
            if pushed is not None:
                self._put(out, pushed)
            return
        parts = parts_of(primitive, out)
        for part, tangent in zip(parts, (pushed,) if len(parts) == 1 else pushed or ()):
            if tangent is not None:
                self._put(part, tangent)

    def _push_by_rules(
        self,
        primitive: Primitive,
        inputs: tuple[Any, ...],
        tangents: list[Any],
        params: dict[str, Any],
        out: Any,
    ) -> None:
        """Push by the rules, in the state outside as far as it is still active."""
        tapes = tuple([t for t in self._outside[0] if t in here.tapes])
        observers = tuple([o for o in self._outside[1] if o in here.observers])
        given = tuple([t if t is None or isinstance(t, Tensor) else Tensor(t) for t in tangents])
        with frame(tapes, observers, here.mode), in_rules():
            if self._count is None:
                pushed = moving(primitive, inputs, given, params, out)
            else:
                pushed = moving_rows(primitive, inputs, given, params, out, self._count)
        if lookouts and checking():
            watch.tangents(primitive, inputs, given, parts_of(primitive, out), pushed)
        for part, tangent in zip(parts_of(primitive, out), pushed, strict=True):
            if tangent is not None:
                self._put(part, tangent)

    # tangents at nodes

    def _put(self, value: Any, tangent: Any) -> None:
        """Hang a tangent, a tensor or a bare array, on a value's node."""
        node = node_of(value)
        if node is None:
            node = value._node = Node(value._shape, value._dtype)
        if type(node) is Part:  # its tensors come and go: the record keeps the tangents of all
            index, node = node.index, node.parents[0]
            held = _held(node)
            held.setdefault(self._mark, {})[index] = tangent
        else:
            held = _held(node)
            held[self._mark] = tangent
        self._places.append(ref(node))
        if not node.number & 1023:  # now and then
            self._tidy()

    def _tidy(self) -> None:
        """Forget the nodes that died, when there are twice as many as after the last time."""
        if len(self._places) > self._limit:
            self._places = [r for r in self._places if r() is not None]
            self._limit = 2 * len(self._places) + 1024

    def _of(self, node: Node) -> Any:
        """The tangent at a node, None where there is none."""
        if type(node) is Part:
            parts = getattr(node.parents[0], "tangents", {}).get(self._mark)
            return None if parts is None else parts.get(node.index)
        return getattr(node, "tangents", {}).get(self._mark)

    # asking

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
            For each primal a tensor of its shape and dtype, or None; of batched tangents one axis
            more in front.
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
        if found is not None and not isinstance(found, Tensor):
            found = Tensor(found)
            self._put(primal, found)  # whoever asks again gets the same tensor
        if found is None and mode is UnconnectedGradients.ZERO:
            lead = () if self._count is None else (self._count,)
            return zeros((*lead, *primal._shape), primal._dtype)
        return found


def _held(node: Node) -> dict[Any, Any]:
    """The tangents at a node, by accumulator."""
    held = getattr(node, "tangents", None)
    if held is None:
        held = node.tangents = {}
    return held


def pushed_rows(
    function: Callable[..., Any], primals: Sequence[Any], rows: Sequence[Any]
) -> tuple[Any, Any]:
    """Push many directions through a function in one pass.

    Args:
        function: takes the primals, returns a tensor or a structure of them.
        primals: tensors and variables, each of them once.
        rows: for each primal a tensor of shape (n, *primal.shape), its part of the n directions;
            None where it does not move.

    Returns:
        The function's result, and in its structure the tangents, of shape (n, *result.shape), None
        where nothing moves.
    """
    pairs = [(x, r) for x, r in zip(primals, rows, strict=True) if r is not None]
    moved, directions = [x for x, _ in pairs], [r for _, r in pairs]
    with ForwardAccumulator(moved, directions, batched=True) as accumulator:
        out = function(*primals)
    return out, accumulator.jvp(out)
