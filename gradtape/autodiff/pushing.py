"""Tangents of one direction, or of many at once, pushed along while operations run: `Pusher`.

A pusher is an observer: after every operation it asks whether an input has a tangent, and if so
pushes it through the primitive's jvp rules (`tangents`). Tangents hang on *nodes*, as cotangents
do: a tangent lives as long as the value that it belongs to, and the pusher knows the places only
weakly. The rules run in the state in which the pusher was entered, so that tapes and pushers
outside see them as ordinary operations and what was opened inside does not: that is all there is to
nesting.

Where nothing outside looks on, nobody sees the tangents' arithmetic: then they are bare arrays, and
the rules are straight-line code (`straight_forward`). Where nothing else is special inside either,
the pusher runs elementwise operations itself (`run_one`, `run_two`), which otherwise pass through
`dispatch` to come here: for twenty numbers that is a third of the time. There products are formed
without care for 0 * inf, until NumPy says that a nan arose."""

from __future__ import annotations

import threading
from typing import Any
from weakref import ref

from numpy import ndarray

from gradtape.autodiff.asking import node_of
from gradtape.autodiff.finite_watch import checking, in_rules, watch
from gradtape.autodiff.straight import MISSING
from gradtape.autodiff.straight_forward import elementwise, straight
from gradtape.autodiff.tangents import moving, moving_rows, parts_of
from gradtape.core.dispatch import FAILURES, record_one, record_two
from gradtape.core.primitive import Primitive
from gradtape.core.record import Node, Part
from gradtape.core.state import frame, here, lookouts
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import alarm, broadcast_to, restore
from gradtape.core.xp_numpy_special import defined

NO_PARAMS: dict[str, Any] = {}
_making = threading.Lock()  # a variable may be a primal in two threads


class Pusher:
    """Tangents at nodes, and how they are pushed on.

    Attributes:
        count: how many directions there are in an axis of their own; None for one without.
        follows: whether to run elementwise operations when nothing else is special.
    """

    _places: Any = ()  # the nodes that have a tangent, weakly
    _limit = 256
    _outside: tuple[Any, Any] = ((), ())
    _plain = False
    count: int | None = None
    follows = False

    def __init__(self) -> None:
        self._mark = object()  # names this pusher at nodes, without keeping it alive
        self._places = []

    def _enter(self) -> None:
        """Look on from now on."""
        tapes, observers, mode = here.tapes, here.observers, here.mode
        self._outside = tapes, observers
        self._plain = not tapes and not observers and mode is None
        self.follows = self._plain and self.count is None
        here.set_observers((*observers, self))

    def _leave(self) -> None:
        """Look on no longer."""
        observers = here.observers
        here.set_observers(
            tuple([o for o in observers if o is not self]) if len(observers) > 1 else ()
        )
        self._outside = ((), ())

    def __del__(self) -> None:
        for place in self._places:
            node = place()
            if node is not None:
                node.tangents.pop(self._mark, None)

    # seeing

    def see(
        self, primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any], out: Any
    ) -> None:
        """Push the tangents of an operation's inputs to its results; `dispatch` calls this, while
        NumPy is silent."""
        tangents = self._moves(inputs)
        if tangents is None or not primitive.differentiable:
            return
        if not self._plain or lookouts or here.mode is not None:
            self._push_by_rules(primitive, inputs, tangents, params, out)
        elif primitive.family == "elementwise" and not params and self.count is None:
            self._push_elementwise(primitive, inputs, tangents, out)
        else:
            self._push_by_shape(primitive, inputs, tangents, params, out)

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

    def _push_elementwise(
        self, primitive: Primitive, inputs: tuple[Any, ...], tangents: list[Any], out: Any
    ) -> None:
        """Push by the function for every shape."""
        key: Any = inputs[0]._dtype
        if len(inputs) > 1:
            key = key, inputs[1]._dtype, tangents[0] is None, tangents[1] is None
        found = primitive.pushes.get(key, MISSING)
        if found is MISSING:
            found = elementwise(primitive, inputs, tangents, out, key)
        if found is None:
            self._push_by_shape(primitive, inputs, tangents, NO_PARAMS, out)
            return
        tangent = found[1](*tangents, *[x._array for x in inputs], out._array)
        if tangent.shape != out._shape:
            tangent = broadcast_to(tangent, out._shape)
        self._put(out, tangent)

    def _push_by_shape(
        self,
        primitive: Primitive,
        inputs: tuple[Any, ...],
        tangents: list[Any],
        params: dict[str, Any],
        out: Any,
    ) -> None:
        """Push by a function for the operation's signature, else by the rules."""
        push = straight(primitive, inputs, tangents, params, out, self.count)
        if push is None:
            self._push_by_rules(primitive, inputs, tangents, params, out)
            return
        arrays = tuple([o._array for o in out]) if primitive.several else out._array
        try:
            pushed = push(*tangents, *[x._array for x in inputs], arrays)
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
            if self.count is None:
                pushed = moving(primitive, inputs, given, params, out)
            else:
                pushed = moving_rows(primitive, inputs, given, params, out, self.count)
        if lookouts and checking():
            watch.tangents(primitive, inputs, given, parts_of(primitive, out), pushed)
        for part, tangent in zip(parts_of(primitive, out), pushed, strict=True):
            if tangent is not None:
                self._put(part, tangent)

    # running

    def run_one(self, primitive: Primitive, x: Any, how: Any) -> Any:
        """Run an elementwise operation of one input and push its tangent; None where nothing moves
        or another way must be gone, as at the first time and where a nan arises."""
        mark = self._mark
        node = x._node
        held = None if node is None else getattr(node, "tangents", None)
        tangent = self._of(node) if held is None else held.get(mark)
        if tangent is None or lookouts:
            return None
        array = x._array
        found = primitive.pushes.get(array.dtype)
        if found is None:
            return None
        if type(tangent) is not ndarray and isinstance(tangent, Tensor):
            tangent = tangent._array
        token = alarm()
        try:
            value, tangent = found[0](tangent, array)
        except FAILURES:
            return None
        finally:
            restore(token)
        if not defined(tangent):  # a nan among the operands raises no alarm
            return None
        out = Tensor(value)
        if here.tapes:
            record_one(primitive, x, out, here.tapes, how)
        node = out._node
        if node is None:
            node = out._node = Node(value.shape, value.dtype)
        node.tangents = {mark: tangent}
        places = self._places
        places.append(ref(node))
        if len(places) > self._limit:
            self._tidy()
        return out

    def run_two(self, primitive: Primitive, x: Any, y: Any, table: Any) -> Any:
        """`run_one` for two inputs; a function for the steps that they share would take a tenth of
        the time."""
        mark = self._mark
        node = x._node
        held = None if node is None else getattr(node, "tangents", None)
        left = self._of(node) if held is None else held.get(mark)
        node = y._node
        held = None if node is None else getattr(node, "tangents", None)
        right = self._of(node) if held is None else held.get(mark)
        a = x._array
        b = y._array
        found = primitive.pushes.get((a.dtype, b.dtype, left is None, right is None))
        if found is None or lookouts:
            return None
        if type(left) is not ndarray and isinstance(left, Tensor):
            left = left._array
        if type(right) is not ndarray and isinstance(right, Tensor):
            right = right._array
        token = alarm()
        try:
            value, tangent = found[0](left, right, a, b)
        except FAILURES:
            return None
        finally:
            restore(token)
        if not defined(tangent):  # a nan among the operands raises no alarm
            return None
        shape = value.shape
        if tangent.shape != shape:
            tangent = broadcast_to(tangent, shape)
        out = Tensor(value)
        if here.tapes:
            record_two(primitive, x, y, out, here.tapes, table)
        node = out._node
        if node is None:
            node = out._node = Node(shape, value.dtype)
        node.tangents = {mark: tangent}
        places = self._places
        places.append(ref(node))
        if len(places) > self._limit:
            self._tidy()
        return out

    # tangents at nodes

    def _put(self, value: Any, tangent: Any) -> None:
        """Hang a tangent, a tensor or a bare array, on a value's node."""
        node = value._node if type(value) is Tensor else node_of(value)
        if node is None:
            node = value._node = Node(value._shape, value._dtype)
        places = self._places
        if type(node) is Part:  # its tensors come and go: the record keeps the tangents of all
            index, node = node.index, node.parents[0]
            _held(node).setdefault(self._mark, {})[index] = tangent
        else:
            _held(node)[self._mark] = tangent
        places.append(ref(node))
        if len(places) > self._limit:
            self._tidy()

    def _tidy(self) -> None:
        """Forget the nodes that died, when there are twice as many as after the last time."""
        self._places[:] = [r for r in self._places if r() is not None]
        self._limit = 2 * len(self._places) + 256

    def _of(self, node: Node | None) -> Any:
        """The tangent at a node, None where there is none."""
        if type(node) is Part:
            held = getattr(node.parents[0], "tangents", None)
            parts = None if held is None else held.get(self._mark)
            return None if parts is None else parts.get(node.index)
        held = getattr(node, "tangents", None)
        return None if held is None else held.get(self._mark)


def _held(node: Node) -> dict[Any, Any]:
    """The tangents at a node, by pusher."""
    try:
        return node.tangents
    except AttributeError:
        with _making:
            held = getattr(node, "tangents", None)
            if held is None:
                held = node.tangents = {}
            return held
