"""The variables of a rewritten statement as the results of a choice or the state of a loop.

A statement's variables are read and written by two functions, `get_state` and `set_state`. Tensors,
numbers and structures of them become symbolic; anything else must stay what it is. A number that
stands before a loop takes the dtype and the shape that the loop gives it, as it would in Python; a
variable that exists only inside a loop starts as zeros."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nest import optree
from gradtape.core.shapes import Spec
from gradtape.core.sizes import same
from gradtape.core.state import frame
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.graph.bodies import Body, Surroundings
from gradtape.graph.branches import switch, value_or_none
from gradtape.graph.loops import while_loop
from gradtape.graph.rows import Rows
from gradtape.graph.scanning import scanned
from gradtape.ops.basis import broadcast_shapes, broadcast_to, cast, zeros
from gradtape.ops.stepwise import less, logical_and

INT32 = np.dtype(np.int32)
State = Callable[[], tuple[Any, ...]]
SetState = Callable[[tuple[Any, ...]], None]


class Undefined:
    """A variable that is not assigned yet."""

    def __init__(self, symbol_name: str) -> None:
        self.symbol_name = symbol_name

    def read(self) -> Any:
        """Raise as Python does."""
        raise UnboundLocalError(f"{self.symbol_name!r} is used before assignment")

    def __getattr__(self, name: str) -> Any:
        return self

    def __getitem__(self, key: Any) -> Any:
        return self


class UndefinedReturnValue:
    """What a function returns before it has returned."""


ABSENT = (Undefined, UndefinedReturnValue)


def _numeric(value: Any) -> bool:
    """Whether a leaf becomes a tensor."""
    return isinstance(
        value, (Tensor, Variable, bool, int, float, complex, np.ndarray, np.generic)
    ) or hasattr(value, "__tf_tensor__")


def _leaves(value: Any) -> tuple[list[Any], Any]:
    return optree.tree_flatten(value, none_is_leaf=True)


# choices


def chosen_states(
    predicate: Any,
    body: Callable[[], Any],
    orelse: Callable[[], Any],
    get_state: State,
    set_state: SetState,
    names: Sequence[str],
    count: int,
) -> None:
    """Let the first `count` variables be what the branch taken leaves in them."""
    before = get_state()
    branches = []
    for run in (orelse, body):
        set_state(before)
        after: list[Any] = []

        def traced(run: Any = run, after: list[Any] = after) -> list[Any]:
            run()
            after.extend(get_state())
            return []

        branches.append((Body(traced, [], "branch of an if"), after))
    set_state(before)
    (no, else_state), (yes, if_state) = branches
    merged = [
        _Merged(name, if_state[i], else_state[i], yes, no)
        for i, name in enumerate(names)
        if i < count
    ]
    around = Surroundings([no, yes])
    made = []
    for body_of, side in ((no, 1), (yes, 0)):
        outputs = [v for m in merged for v in m.values[side]]
        made.append(around.callee(body_of, [], outputs))
    found = switch(cast(predicate, INT32), tuple(made), [*around.states(), *around.tensors()])
    results = iter(found)
    state = [m.packed(results) for m in merged] + list(before[count:])
    around.put(list(results))
    set_state(tuple(state))


class _Merged:
    """One variable after two branches: the same Python value, or tensors of one structure."""

    def __init__(self, name: str, first: Any, second: Any, yes: Body, no: Body) -> None:
        self.static: Any = None
        self.tree: Any = None
        self.fixed: dict[int, Any] = {}
        self.values: tuple[list[Any], list[Any]] = ([], [])
        if isinstance(first, ABSENT) and isinstance(second, ABSENT):
            self.static = first
            return
        for absent, other, branch in ((first, second, "if"), (second, first, "else")):
            if isinstance(absent, Undefined):
                raise ValueError(
                    f"{name!r} must also be initialized in the {branch} branch of a recorded `if`:"
                    f" the other branch makes it {_shown(other)}. Assign it before the `if`."
                )
        first, second = _filled(first, second), _filled(second, first)
        leaves, tree = _leaves(first)
        others, other_tree = _leaves(second)
        if tree != other_tree:
            raise TypeError(
                f"{name!r} must have the same nested structure in both branches of a recorded `if`,"
                f" not {_shown(first)} and {_shown(second)}."
            )
        self.tree = tree
        for number, (a, b) in enumerate(zip(leaves, others, strict=True)):
            if a is b and not isinstance(a, Tensor):
                self.fixed[number] = a
            elif not _numeric(a) and not _numeric(b) and a == b:
                self.fixed[number] = a
            else:
                self._add(name, a, b, yes, no)

    def _add(self, name: str, a: Any, b: Any, yes: Body, no: Body) -> None:
        if hasattr(a, "as_output") and hasattr(b, "as_output"):
            raise TypeError(
                f"{name!r}: a tf.TensorArray is written in one branch of a recorded `if`. Write a"
                " tensor that tf.where chooses, in every round."
            )
        if not (_numeric(a) and _numeric(b)):
            raise TypeError(
                f"{name!r} is {_shown(a)} in one branch of a recorded `if` and {_shown(b)} in the"
                " other: it must be a tensor in both, or the same Python value."
            )
        tensors = []
        for value, other, branch in ((a, b, yes), (b, a, no)):
            with frame((), (), branch.mode):
                if isinstance(other, Tensor) and type(value) in (int, float, bool, complex):
                    value = as_tensor_like(value, other._dtype, "if")
                tensors.append(as_tensor(value, "if"))
        x, y = tensors
        if x._dtype != y._dtype:
            raise TypeError(
                f"{name!r} is {brief(x)} in one branch of a recorded `if` and {brief(y)} in the"
                " other: the dtypes must agree. Write tf.cast."
            )
        if len(x._shape) != len(y._shape) or not all(map(same, x._shape, y._shape)):
            raise InvalidArgumentError(
                f"{name!r} is {brief(x)} in one branch of a recorded `if` and {brief(y)} in the"
                " other: the shapes must agree. Broadcast or pad one."
            )
        for tensor, branch, values in ((x, yes, self.values[0]), (y, no, self.values[1])):
            with frame((), (), branch.mode):
                values.append(branch.mode.value(tensor))

    def packed(self, results: Any) -> Any:
        """The variable after the statement."""
        if self.tree is None:
            return self.static
        count = self.tree.num_leaves
        return self.tree.unflatten(
            [self.fixed[i] if i in self.fixed else next(results) for i in range(count)]
        )


def _filled(value: Any, other: Any) -> Any:
    """Zeros for what a branch does not return, because it goes on after the `if`."""
    if not isinstance(value, UndefinedReturnValue):
        return value
    return optree.tree_map(_zeros_like, other, none_is_leaf=True)


def _zeros_like(value: Any) -> Any:
    if not _numeric(value):
        return value
    tensor = as_tensor(value)
    return zeros(tensor._shape, tensor._dtype)


def _shown(value: Any) -> str:
    return "undefined" if isinstance(value, ABSENT) else brief(value)


# loops


class LoopState:
    """The variables of a loop: those that become tensors, and those that stay what they are."""

    def __init__(self, before: tuple[Any, ...], names: Sequence[str]) -> None:
        self.names = names
        self.before = list(before)
        self.moving: list[int] = []
        for i, value in enumerate(before):
            leaves, _ = _leaves(value)
            if leaves and all([_numeric(v) or hasattr(v, "as_output") for v in leaves]):
                self.moving.append(i)

    def start(self) -> tuple[Any, ...]:
        """The values that the loop starts with."""
        return tuple([self.before[i] for i in self.moving])

    def whole(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """All variables, when those that become tensors have these values."""
        found = list(self.before)
        for i, value in zip(self.moving, values, strict=True):
            found[i] = value
        return tuple(found)

    def after(self, state: tuple[Any, ...]) -> tuple[Any, ...]:
        """The values of those that become tensors after a round; the others must be the same."""
        for i, value in enumerate(state):
            if i not in self.moving and value is not self.before[i] and value != self.before[i]:
                raise TypeError(
                    f"{self.names[i]!r} is {_shown(self.before[i])} before a recorded loop and"
                    f" {_shown(value)} after a round: it must be a tensor before, or stay as it is."
                )
        return tuple([state[i] for i in self.moving])

    def adapted(self, state: tuple[Any, ...]) -> bool:
        """Take over from a first round what a variable will be: absent ones start as zeros, and
        numbers take its dtype and shape. Whether anything changed."""
        changed = False
        for i, value in enumerate(state):
            now = self.before[i]
            if isinstance(now, ABSENT) and not isinstance(value, ABSENT):
                leaves, _ = _leaves(value)
                if all([_numeric(v) for v in leaves]):
                    self.before[i] = optree.tree_map(_zeros_like, value, none_is_leaf=True)
                    self.moving = sorted({*self.moving, i})
                    changed = True
            elif type(now) in (int, float, bool, complex) and isinstance(value, Tensor):
                fitted = _number_like(now, value)
                if fitted is not None:
                    self.before[i] = fitted
                    changed = True
            elif hasattr(now, "learn") and hasattr(value, "learn"):
                changed = now.learn(value) or changed
        return changed


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


def _first_round(state: LoopState, get_state: State, set_state: SetState, run: Any) -> None:
    """Run a round in a trace of its own, to see what becomes of the variables."""
    for _ in range(3):
        tensors, tree = _leaves(state.start())
        flat = [t for t in tensors if not hasattr(t, "as_output")]
        specs = [Spec(t._shape, t._dtype) for t in map(as_tensor, flat)]
        seen: list[Any] = []

        def traced(*inputs: Any, tensors: Any = tensors, tree: Any = tree) -> list[Any]:
            rest = iter(inputs)
            values = tree.unflatten([t if hasattr(t, "as_output") else next(rest) for t in tensors])
            set_state(state.whole(values))
            run()
            seen.extend(get_state())
            return []

        Body(traced, specs, "first round of a loop")
        if not state.adapted(tuple(seen)):
            break
    set_state(tuple(state.before))


def loop_states(
    test: Callable[[], Any],
    body: Callable[[], Any],
    get_state: State,
    set_state: SetState,
    names: Sequence[str],
) -> None:
    """`while test: body` with a symbolic test."""
    state = LoopState(get_state(), names)
    _first_round(state, get_state, set_state, body)

    def check(*values: Any) -> Any:
        set_state(state.whole(values))
        return test()

    def step(*values: Any) -> Any:
        set_state(state.whole(values))
        body()
        return state.after(get_state())

    found = while_loop(check, step, state.start())
    set_state(state.whole(found))


def rows_states(
    rows: Rows,
    extra_test: Callable[[], Any] | None,
    body: Callable[[Any], Any],
    get_state: State,
    set_state: SetState,
    names: Sequence[str],
) -> None:
    """`for target in rows: body(target)` over rows that are symbolic."""
    state = LoopState(get_state(), names)
    _first_round(state, get_state, set_state, lambda: body(rows.row(Tensor(np.int32(0)))))
    length = rows.length()
    if type(length) is int and extra_test is None:
        _over_known(rows, length, state, body, get_state, set_state)
        return
    limit = as_tensor(length)

    def check(i: Any, values: Any) -> Any:
        set_state(state.whole(values))
        goes_on = less(i, limit)
        return goes_on if extra_test is None else logical_and(goes_on, as_tensor(extra_test()))

    def step(i: Any, values: Any) -> Any:
        set_state(state.whole(values))
        body(rows.row(i))
        return i + 1, state.after(get_state())

    _, found = while_loop(check, step, (Tensor(limit._dtype.type(0)), state.start()))
    set_state(state.whole(found))


def _over_known(
    rows: Rows, length: int, state: LoopState, body: Any, get_state: State, set_state: SetState
) -> None:
    """A loop of known length, as a scan: its derivative keeps what it needs of every round."""
    numbers = Tensor(np.arange(length, dtype=np.int32))
    flat = [numbers] if rows.tensors is None else [numbers, rows.tensors]
    counting = rows.tensors is not None and _counts(rows.tensors)

    def step(values: Any, row: Any) -> tuple[Any, Any]:
        number = row[1] if counting else row[0]
        set_state(state.whole(_map_arrays(values, lambda a: a.reserved(length, number))))
        body(rows.row(row[0]) if rows.tensors is None else row[1])
        return state.after(get_state()), ()

    start = _map_arrays(state.start(), lambda a: a.reserved(length, None))
    found, _ = scanned(step, start, flat, flat, False, "for")
    set_state(state.whole(found))


def _counts(tensor: Any) -> bool:
    """Whether the rows of a tensor are 0, 1, 2, ..."""
    known = value_or_none(tensor)
    return known is not None and known.ndim == 1 and np.array_equal(known, np.arange(len(known)))


def _map_arrays(values: Any, function: Callable[[Any], Any]) -> Any:
    return optree.tree_map(
        lambda v: function(v) if hasattr(v, "reserved") else v, values, none_is_leaf=True
    )
