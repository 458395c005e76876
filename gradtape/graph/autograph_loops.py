"""The variables of a rewritten loop as the state of a recorded one.

Tensors, numbers and structures of them become the state; anything else must stay what it is. What a
loop does to its variables is seen while its body is recorded. A number that stands before a loop
takes the dtype and the shape that the loop gives it, as it would in Python; a variable that exists
only inside a loop starts as zeros. Then the body is recorded again. Where it cannot be recorded
with tensors for numbers, two rounds are done with the numbers themselves, to see what becomes of
them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nest import optree
from gradtape.core.shapes import Spec
from gradtape.core.sizes import Size, same
from gradtape.core.state import frame, here
from gradtape.core.tensor import Tensor
from gradtape.graph.autograph_states import (
    ABSENT,
    SetState,
    State,
    leaves_of,
    numeric,
    shown,
    zeros_like,
)
from gradtape.graph.bodies import Body
from gradtape.graph.branches import value_or_none
from gradtape.graph.loops import while_loop
from gradtape.graph.rows import Rows
from gradtape.graph.scanning import scanned
from gradtape.graph.unrolling import InPython, InPythonIfNeeded, stop_recording
from gradtape.ops.basis import broadcast_shapes, broadcast_to, zeros
from gradtape.ops.stepwise import less, logical_and

INT32 = np.dtype(np.int32)
NUMBERS = (bool, int, float, complex)
MOST_ATTEMPTS = 6


class Again(Exception):
    """A loop is to be recorded again, because a variable starts as something else."""

    def __init__(self, state: LoopState) -> None:
        super().__init__()
        self.state = state


class LoopState:
    """The variables of a loop: those that become tensors, and those that stay what they are."""

    def __init__(self, before: tuple[Any, ...], names: Sequence[str]) -> None:
        self.names = names
        self.before = list(before)
        self.moving = [i for i, value in enumerate(before) if _moves(value)]
        self._mode = here.mode

    def start(self) -> tuple[Any, ...]:
        """The values that the loop starts with."""
        return tuple([self.before[i] for i in self.moving])

    def whole(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """All variables, when those that become tensors have these values."""
        found = [list(v) if type(v) is list else v for v in self.before]
        for i, value in zip(self.moving, values, strict=True):
            found[i] = value
        return tuple(found)

    def after(self, state: tuple[Any, ...]) -> tuple[Any, ...]:
        """The values of those that become tensors after a round; the others must be the same.

        Raises:
            Again: when a variable should have started as something else.
            TypeError, InvalidArgumentError: when a variable does not stay of one kind.
        """
        if self.adapted(state):
            raise Again(self)
        for i, value in enumerate(state):
            if i in self.moving:
                _check_kept(self.names[i], self.before[i], value)
            else:
                _check_same(self.names[i], self.before[i], value)
        return tuple([state[i] for i in self.moving])

    def adapted(self, state: tuple[Any, ...]) -> bool:
        """Take over from a round what a variable will be: absent ones start as zeros, and numbers
        take its dtype and shape. Whether anything changed."""
        changed = False
        for i, value in enumerate(state):
            now = self.before[i]
            with frame((), (), self._mode):
                found = _first(now, value)
            if found is not None:
                self.before[i] = found
                self.moving = sorted({*self.moving, i})
                changed = True
            elif hasattr(now, "learn") and hasattr(value, "learn"):
                changed = now.learn(value) or changed
        return changed


def _moves(value: Any) -> bool:
    leaves, _ = leaves_of(value)
    return bool(leaves) and all([numeric(v) or hasattr(v, "as_output") for v in leaves])


def _first(now: Any, after: Any) -> Any:
    """What a variable should have been before a round that left a value; None when it was that."""
    if isinstance(now, ABSENT):
        leaves, _ = leaves_of(after)
        known = not isinstance(after, ABSENT) and all([numeric(v) for v in leaves])
        return optree.tree_map(zeros_like, after, none_is_leaf=True) if known else None
    if type(now) not in NUMBERS:
        return None
    if type(after) in NUMBERS:
        wider = NUMBERS.index(type(after)) > NUMBERS.index(type(now))
        return type(after)(now) if wider else None
    return _number_like(now, after) if isinstance(after, Tensor) else None


def _number_like(number: Any, after: Tensor) -> Any:
    """A number as a tensor of the dtype and shape that it has after a round; None when it is that
    already."""
    tensor = as_tensor(number)
    if tensor._dtype == after._dtype and after._shape == ():
        return None
    kinds = "biufcV" if type(number) is not complex else "c"
    if after._dtype.kind not in kinds or (type(number) is float and after._dtype.kind in "biu"):
        return None
    tensor = as_tensor_like(number, after._dtype, "loop")
    shape = broadcast_shapes((), after._shape)
    return broadcast_to(tensor, shape) if shape else tensor


def _check_same(name: str, before: Any, after: Any) -> None:
    if type(before) is list and type(after) is list:
        if len(before) == len(after) and all([a is b for a, b in zip(before, after, strict=True)]):
            return
        stop_recording(f"the list {name!r} changes")
        raise TypeError(
            f"the list {name!r} changes in a recorded loop, from {len(before)} to {len(after)}"
            " elements. A loop of known length over a list runs in Python; otherwise write to a"
            " tf.TensorArray: a = a.write(i, x)."
        )
    if after is not before and (isinstance(after, Tensor) or after != before):
        stop_recording(f"{name!r} is replaced")
        raise TypeError(
            f"{name!r} is {shown(before)} before a recorded loop and {shown(after)} after a round:"
            " it must be a tensor before, or stay as it is."
        )


def _check_kept(name: str, before: Any, after: Any) -> None:
    """Raise unless a variable keeps its structure, dtypes and shapes."""
    leaves, tree = leaves_of(before)
    others, other_tree = leaves_of(after)
    if tree != other_tree:
        stop_recording(f"{name!r} changes its structure")
        raise TypeError(
            f"{name!r} must keep its structure in a recorded loop: it is {shown(before)} before and"
            f" {shown(after)} after a round."
        )
    for a, b in zip(leaves, others, strict=True):
        if not (numeric(a) and numeric(b)):
            continue
        a = as_tensor(a)
        b = as_tensor_like(b, a._dtype, "loop") if type(b) in NUMBERS else as_tensor(b)
        if a._dtype != b._dtype:
            raise InvalidArgumentError(
                f"{name!r} is {brief(a)} before a recorded loop and {brief(b)} after a round: the"
                " dtype must stay. Write tf.cast, or start with the dtype that it will have."
            )
        if len(a._shape) != len(b._shape) or not all(map(same, a._shape, b._shape)):
            stop_recording(f"{name!r} changes its shape")
            raise InvalidArgumentError(
                f"{name!r} is {brief(a)} before a recorded loop and {brief(b)} after a round: the"
                " shape must stay. Write into a tf.TensorArray or a tensor of the final size."
            )


def _recorded(
    state: LoopState,
    build: Callable[[], Any],
    set_state: SetState,
    one_round: Callable[[], tuple[Any, ...]],
) -> None:
    """Record a loop, again where its variables should have started as something else.

    Args:
        build: records it, and returns the variables that become tensors.
        one_round: does a round on the variables as they are, and returns them.
    """
    if any([not getattr(leaf, "known", True) for leaf in leaves_of(state.before)[0]]):
        _learned(state, set_state, one_round)
    for _ in range(MOST_ATTEMPTS):
        try:
            found = build()
        except Again as again:
            if again.state is not state:
                raise
        except InPython:
            raise
        except Exception:
            if not any([type(v) in NUMBERS for v in state.before]):
                raise
            if not _learned(state, set_state, one_round):
                raise
        else:
            set_state(state.whole(found))
            return
    raise TypeError(
        f"the variables {', '.join(state.names)} of a recorded loop do not settle to one dtype and"
        " shape. Make them tensors before the loop."
    )


def _learned(state: LoopState, set_state: SetState, one_round: Callable[[], Any]) -> bool:
    """Whether rounds with the numbers themselves show that variables should be something else."""
    places = [i for i in state.moving if type(state.before[i]) not in NUMBERS]
    tensors, tree = leaves_of([state.before[i] for i in places])
    specs = [Spec(t._shape, t._dtype) for t in map(as_tensor, filter(numeric, tensors))]
    seen: list[Any] = []

    def traced(*inputs: Any) -> list[Any]:
        rest = iter(inputs)
        values = tree.unflatten([next(rest) if numeric(t) else t for t in tensors])
        whole = list(state.whole(state.start()))
        for i, value in zip(places, values, strict=True):
            whole[i] = value
        set_state(tuple(whole))
        for _ in range(2):
            seen[:] = one_round()
        return []

    try:
        Body(traced, specs, "two rounds of a loop")
    except Exception:  # the one that led here is more to the point
        if not seen:
            return False
    return state.adapted(tuple(seen))


# statements


def loop_states(
    test: Callable[[], Any],
    body: Callable[[], Any],
    get_state: State,
    set_state: SetState,
    names: Sequence[str],
    most: int | None = None,
) -> None:
    """`while test: body` with a symbolic test, for at most so many rounds."""
    state = LoopState(get_state(), names)

    def check(*values: Any) -> Any:
        set_state(state.whole(values))
        return test()

    def step(*values: Any) -> Any:
        set_state(state.whole(values))
        body()
        return state.after(get_state())

    def one_round() -> tuple[Any, ...]:
        body()
        return get_state()

    def build() -> Any:
        return while_loop(check, step, state.start(), maximum_iterations=most)

    _recorded(state, build, set_state, one_round)


def rows_states(
    rows: Rows,
    extra_test: Callable[[], Any] | None,
    body: Callable[[Any], Any],
    get_state: State,
    set_state: SetState,
    names: Sequence[str],
) -> None:
    """`for target in rows: body(target)` over rows that are symbolic.

    Raises:
        InPython: when a list takes a tensor, or an array grows elsewhere than at the number of the
            round, and the loop's length is a size.
    """
    state = LoopState(get_state(), names)
    length = rows.length()

    def one_round() -> tuple[Any, ...]:
        body(rows.row(zeros((), INT32)))
        return get_state()

    if type(length) is int and extra_test is None:
        over_known = _over_known(rows, length, state, body, get_state, set_state)
        _recorded(state, over_known, set_state, one_round)
        return
    limit = as_tensor(length)

    def check(i: Any, values: Any) -> Any:
        set_state(state.whole(values))
        goes_on = less(i, limit)
        return goes_on if extra_test is None else logical_and(goes_on, as_tensor(extra_test()))

    by_size = type(rows.size) is Size and extra_test is None

    def step(i: Any, values: Any) -> Any:
        row = rows.row(i)
        set_state(state.whole(_with_room(values, rows, length, row if _counting(rows) else i)))
        with InPythonIfNeeded() if by_size else nullcontext():
            body(row)
            return i + 1, state.after(get_state())

    def build() -> Any:
        first = Tensor(limit._dtype.type(0))
        start = _with_room(state.start(), rows, length, None)
        return _map_arrays(while_loop(check, step, (first, start))[1], lambda a: a.released())

    _recorded(state, build, set_state, one_round)


def _over_known(
    rows: Rows, length: int, state: LoopState, body: Any, get_state: State, set_state: SetState
) -> Callable[[], Any]:
    """What records a loop of known length, as a scan: its derivative keeps what it needs of every
    round."""
    numbers = Tensor(np.arange(length, dtype=np.int32))
    flat = [numbers] if rows.tensors is None else [numbers, rows.tensors]
    counting = _counting(rows)

    def step(values: Any, row: Any) -> tuple[Any, Any]:
        number = row[1] if counting else row[0]
        set_state(state.whole(_map_arrays(values, lambda a: a.reserved(length, number))))
        with InPythonIfNeeded():
            body(rows.row(row[0]) if rows.tensors is None else row[1])
            return state.after(get_state()), ()

    def build() -> Any:
        start = _map_arrays(state.start(), lambda a: a.reserved(length, None))
        after = scanned(step, start, flat, flat, False, "for")[0]
        return _map_arrays(after, lambda a: a.released())

    return build


def _with_room(values: Any, rows: Rows, length: Any, number: Any) -> Any:
    """The variables of a loop that may end early; arrays that grow have a row for each round."""
    if type(length) is not int:
        return values
    return _map_arrays(values, lambda a: a.reserved(length, number, early=True))


def _counting(rows: Rows) -> bool:
    """Whether the rows are 0, 1, 2, ..."""
    known = None if rows.tensors is None else value_or_none(rows.tensors)
    return known is not None and known.ndim == 1 and np.array_equal(known, np.arange(len(known)))


def _map_arrays(values: Any, function: Callable[[Any], Any]) -> Any:
    return optree.tree_map(
        lambda v: function(v) if hasattr(v, "reserved") else v, values, none_is_leaf=True
    )
