"""The variables of a rewritten `if` as the results of a choice.

A statement's variables are read and written by two functions, `get_state` and `set_state`. Tensors,
numbers and structures of them become symbolic; anything else must be the same after both
branches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nest import optree
from gradtape.core.sizes import same
from gradtape.core.state import frame
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.graph.bodies import Body, Surroundings
from gradtape.graph.branches import beside, switch
from gradtape.ops.basis import cast, zeros

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

    def __getitem__(self, key: Any) -> Any:
        raise KeyError(key)


class UndefinedReturnValue:
    """What a function returns before it has returned."""


ABSENT = (Undefined, UndefinedReturnValue)


def symbolic(value: Any) -> bool:
    """Whether a value is a tensor without a value."""
    return isinstance(value, Tensor) and not value.concrete


def numeric(value: Any) -> bool:
    """Whether a leaf becomes a tensor."""
    return isinstance(
        value, (Tensor, Variable, bool, int, float, complex, np.ndarray, np.generic)
    ) or hasattr(value, "__tf_tensor__")


def leaves_of(value: Any) -> tuple[list[Any], Any]:
    """The leaves of a variable, and their structure."""
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
    for run in (body, orelse):
        set_state(tuple([list(v) if type(v) is list else v for v in before]))
        after: list[Any] = []

        def traced(run: Any = run, after: list[Any] = after) -> list[Any]:
            run()
            after.extend(get_state())
            return []

        branches.append((Body(traced, [], "branch of an if"), after))
    set_state(before)
    (yes, if_state), (no, else_state) = branches
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
        self.makers: dict[int, Callable[[Any], Any]] = {}
        self.values: tuple[list[Any], list[Any]] = ([], [])
        if isinstance(first, ABSENT) and isinstance(second, ABSENT):
            self.static = first
            return
        for absent, other, branch in ((first, second, "if"), (second, first, "else")):
            if isinstance(absent, Undefined):
                raise ValueError(
                    f"{name!r} must also be initialized in the {branch} branch of a recorded `if`:"
                    f" the other branch makes it {shown(other)}. Assign it before the `if`."
                )
        first, second = _filled(first, second), _filled(second, first)
        leaves, tree = leaves_of(first)
        others, other_tree = leaves_of(second)
        if tree != other_tree:
            raise TypeError(
                f"{_called(name)} must have the same nested structure in both branches of a"
                f" recorded `if`, not {shown(first)} and {shown(second)}."
            )
        self.tree = tree
        for number, (a, b) in enumerate(zip(leaves, others, strict=True)):
            if a is b or (not numeric(a) and not numeric(b) and a == b):
                self.fixed[number] = a
            elif hasattr(a, "as_output") and hasattr(b, "as_output"):
                self.makers[number] = self._add_arrays(name, a, b, yes, no)
            else:
                self._add(name, a, b, yes, no)

    def _add_arrays(self, name: str, a: Any, b: Any, yes: Body, no: Body) -> Any:
        """Take the elements of two `TensorArray`s; gives what makes an array of the result."""
        a.learn(b)
        b.learn(a)
        with frame((), (), yes.mode):
            xs, make = a.as_output()
        with frame((), (), no.mode):
            ys, _ = b.as_output()
        for x, y in zip(xs, ys, strict=True):
            self._add(name, x, y, yes, no)
        return lambda results: make([next(results) for _ in xs])

    def _add(self, name: str, a: Any, b: Any, yes: Body, no: Body) -> None:
        if not (numeric(a) and numeric(b)):
            raise TypeError(
                f"{_called(name)} is {shown(a)} in one branch of a recorded `if` and {shown(b)} in"
                " the other: it must be a tensor in both, or the same Python value."
            )
        tensors = []
        for value, other, branch in ((a, b, yes), (b, a, no)):
            with frame((), (), branch.mode):
                tensors.append(beside(value, other, "if"))
        x, y = tensors
        if x._dtype != y._dtype:
            raise TypeError(
                f"{_called(name)} is {brief(x)} in one branch of a recorded `if` and {brief(y)} in"
                " the other: the dtypes must agree. Write tf.cast."
            )
        if len(x._shape) != len(y._shape) or not all(map(same, x._shape, y._shape)):
            raise InvalidArgumentError(
                f"{_called(name)} is {brief(x)} in one branch of a recorded `if` and {brief(y)} in"
                " the other: the shapes must agree. Broadcast or pad one."
            )
        for tensor, branch, values in ((x, yes, self.values[0]), (y, no, self.values[1])):
            with frame((), (), branch.mode):
                values.append(branch.mode.value(tensor))

    def packed(self, results: Any) -> Any:
        """The variable after the statement."""
        if self.tree is None:
            return self.static
        count = self.tree.num_leaves
        return self.tree.unflatten([self._leaf(i, results) for i in range(count)])

    def _leaf(self, number: int, results: Any) -> Any:
        if number in self.fixed:
            return self.fixed[number]
        return self.makers.get(number, next)(results)


def _called(name: str) -> str:
    """A variable in an error; what a function returns is one too."""
    return "what the function returns" if name.startswith("retval_") else repr(name)


def _filled(value: Any, other: Any) -> Any:
    """Zeros for what a branch does not return, because it goes on after the `if`."""
    if not isinstance(value, UndefinedReturnValue):
        return value
    return optree.tree_map(zeros_like, other, none_is_leaf=True)


def zeros_like(value: Any) -> Any:
    """Zeros for a leaf that becomes a tensor; anything else as it is."""
    if not numeric(value):
        return value
    tensor = as_tensor(value)
    return zeros(tensor._shape, tensor._dtype)


def shown(value: Any) -> str:
    """A variable's value in an error."""
    return "undefined" if isinstance(value, ABSENT) else brief(value)
