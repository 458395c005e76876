"""`while_loop`: a loop whose length depends on values.

Where the condition has a value the loop simply runs. While a graph is recorded its test and body
are traced once, and one operation holds them (see `loop`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nest import optree
from gradtape.core.shapes import Spec
from gradtape.core.sizes import same
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.graph.bodies import Body, Surroundings
from gradtape.graph.branches import value_or_none
from gradtape.graph.counting import run_counted
from gradtape.graph.loop import Loop, run_loop
from gradtape.ops.static import callable_or_raise
from gradtape.ops.stepwise import less, logical_and


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    shape_invariants: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    maximum_iterations: Any = None,
    name: str | None = None,
) -> Any:
    """Repeat body while cond holds.

    Args:
        cond: takes the loop variables, returns a boolean scalar.
        body: takes the loop variables, returns new ones in the same structure; in a recorded graph
            also of the same shapes and dtypes.
        loop_vars: a list, tuple or structure of tensors, numbers and `tf.TensorArray`s.
        shape_invariants, parallel_iterations, swap_memory, name: ignored, for compatibility.
        back_prop: False stops derivatives.
        maximum_iterations: an integer; the loop ends after so many steps at the latest.

    Returns:
        The loop variables at the end, in the structure of `loop_vars`.

    Raises:
        InvalidArgumentError: when a variable changes its shape or dtype in a recorded graph.
        ValueError: when body returns another structure.

    Derivatives of every order work without `maximum_iterations`, compiled or not.

    Example:
        >>> import gradtape as tf
        >>> i, x = tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2.0), [0, 1.0])
        >>> int(i), float(x)
        (3, 8.0)
    """
    callable_or_raise(cond, "while_loop", "cond")
    callable_or_raise(body, "while_loop", "body")
    if not isinstance(loop_vars, (list, tuple, dict)):
        loop_vars = (loop_vars,)
    if maximum_iterations is not None:
        cond, body, loop_vars = _counted(cond, body, loop_vars, maximum_iterations)
    found = None
    if here.mode is None or not here.mode.symbolic:
        found = _at_once(cond, body, Structure(loop_vars, "while_loop", whole=True))
    if found is None:
        _learn(body, loop_vars)
        found = _recorded(cond, body, Structure(loop_vars, "while_loop"))
    if maximum_iterations is not None:
        found = found[1]
    return found


class Structure:
    """Loop variables as flat tensors, and how to put tensors in their place.

    A `TensorArray` counts as its tensor, or as itself when arrays are to be left `whole`.
    """

    def __init__(self, variables: Any, function: str, whole: bool = False) -> None:
        leaves, self.tree = optree.tree_flatten(variables, none_is_leaf=True)
        self.function = function
        self.whole = whole
        self.tensors: list[Any] = []
        self.makers: list[Callable[[Any], Any]] = []
        for leaf in leaves:
            if hasattr(leaf, "as_output") and whole:
                self.tensors.append(leaf)
                self.makers.append(next)
            elif hasattr(leaf, "as_output"):
                tensors, make = leaf.as_output()
                self.tensors += tensors
                self.makers.append(_maker(make, len(tensors)))
            elif leaf is None:
                self.makers.append(lambda rest: None)
            else:
                self.tensors.append(as_tensor(leaf, function))
                self.makers.append(next)

    def packed(self, tensors: Sequence[Any]) -> Any:
        """Tensors in the structure of the variables."""
        rest = iter(tensors)
        return self.tree.unflatten([make(rest) for make in self.makers])

    def flat(self, variables: Any) -> list[Any]:
        """New values of the variables as flat tensors; numbers take the variable's dtype."""
        leaves, tree = optree.tree_flatten(_like(variables, self.tree), none_is_leaf=True)
        if tree != self.tree:
            raise ValueError(
                f"gradtape.{self.function}: the body must return the structure of the loop"
                f" variables, {self.packed(self.tensors)!r}, but returned {variables!r}."
            )
        found: list[Any] = []
        dtypes = iter([t._dtype for t in self.tensors])
        for leaf in leaves:
            if hasattr(leaf, "as_output"):
                tensors = [leaf] if self.whole else leaf.as_output()[0]
                found += tensors
                for _ in tensors:
                    next(dtypes)
            elif leaf is not None:
                found.append(as_tensor_like(leaf, next(dtypes), self.function))
        return found


def _maker(make: Any, count: int) -> Callable[[Any], Any]:
    return lambda rest: make([next(rest) for _ in range(count)])


def _like(variables: Any, tree: Any) -> Any:
    """A single value, a list or a tuple as the sequence that is expected."""
    if tree.type in (list, tuple):
        if not isinstance(variables, (list, tuple)):
            variables = (variables,)
        if type(variables) in (list, tuple):
            return tree.type(variables)
    return variables


def _called(function: Callable[..., Any], variables: Any) -> Any:
    return function(**variables) if isinstance(variables, dict) else function(*variables)


def _counted(cond: Any, body: Any, variables: Any, most: Any) -> tuple[Any, Any, Any]:
    """The loop with a counter in front."""
    limit = as_tensor(most, "while_loop")
    if limit._dtype.kind not in "iu" or limit._shape != ():
        raise TypeError(
            f"gradtape.while_loop: maximum_iterations must be an integer, not {brief(limit)}."
        )

    def test(count: Any, variables: Any) -> Any:
        return logical_and(less(count, limit), as_tensor(_called(cond, variables)))

    def step(count: Any, variables: Any) -> Any:
        after = _called(body, variables)
        return count + 1, _like(after, optree.tree_structure(variables, none_is_leaf=True))

    return test, step, (Tensor(limit._dtype.type(0)), variables)


def _learn(body: Any, variables: Any) -> None:
    """Run a round in a trace of its own, for arrays that do not know their elements' shape yet."""
    leaves, tree = optree.tree_flatten(variables, none_is_leaf=True)
    arrays = [leaf for leaf in leaves if hasattr(leaf, "as_output") and not leaf.known]
    if not arrays:
        return
    whole = Structure(variables, "while_loop", whole=True)
    tensors = [t for t in whole.tensors if isinstance(t, Tensor)]

    def once(*inputs: Any) -> list[Any]:
        rest = iter(inputs)
        given = [next(rest) if isinstance(t, Tensor) else t for t in whole.tensors]
        after = _like(_called(body, whole.packed(given)), tree)
        others = optree.tree_leaves(after, none_is_leaf=True)
        for leaf, other in zip(leaves, others, strict=False):
            if any([leaf is a for a in arrays]):
                leaf.learn(other)
        return []

    Body(once, [Spec(t._shape, t._dtype) for t in tensors], "first round of a loop")


def _at_once(cond: Any, body: Any, state: Structure) -> Any:
    """Run the loop in Python; None when the condition has no value of its own."""
    variables = state.packed(state.tensors)
    first = True
    while True:
        test = as_tensor(_called(cond, variables), "while_loop")
        known = value_or_none(test) if test.concrete else None
        if known is None:
            if first:
                return None
            raise InvalidArgumentError(
                "gradtape.while_loop: the condition has one value at first and later one for each"
                " example of vectorized_map. Make it depend on the examples from the start."
            )
        _check_test(test)
        if not known:
            return variables
        variables = state.packed(state.flat(_called(body, variables)))
        first = False


def _check_test(test: Any) -> None:
    if test._dtype.kind != "b" or test._shape != ():
        raise TypeError(
            f"gradtape.while_loop: cond must return a boolean scalar, not {brief(test)}. Write"
            " tf.reduce_any or tf.reduce_all, or compare."
        )


def _recorded(cond: Any, body: Any, state: Structure) -> Any:
    """Trace test and body and hold them in one operation."""
    specs = [Spec(t._shape, t._dtype) for t in state.tensors]

    def called(tensors: list[Any]) -> Any:
        return [state.packed(tensors)]

    test = Body(lambda v: _called(cond, v), specs, "cond", called)
    step = Body(lambda v: state.flat(_called(body, v)), specs, "body", called)
    if len(test.outputs) != 1:
        raise TypeError(f"gradtape.while_loop: cond returned {test.returned!r}, not one tensor.")
    _check_test(test.result.tensors[0])
    check_invariant(specs, step.outputs, "while_loop")
    around = Surroundings([test, step])
    if test.written:
        raise InvalidArgumentError(
            f"gradtape.while_loop: cond assigns variable {test.written[0].name!r}. Assign in body."
        )
    inputs = [t._value for t in test.inputs]
    loop = Loop(
        around.callee(test, inputs, test.outputs, changes=False),
        around.callee(step, [t._value for t in step.inputs], step.outputs),
        len(specs) + len(around.written),
    )
    given = [*state.tensors, *around.states()], around.tensors()
    found = run_counted(loop, *given) or run_loop(loop, *given)
    around.put(found[len(specs) :])
    return state.packed(found[: len(specs)])


def check_invariant(specs: Sequence[Any], outputs: Sequence[Any], function: str) -> None:
    """Raise unless a body keeps the shapes and dtypes of its variables."""
    for number, (before, after) in enumerate(zip(specs, outputs, strict=True)):
        if before._dtype != after._dtype:
            raise InvalidArgumentError(
                f"gradtape.{function}: loop variable {number} enters as {brief(before)}, but the"
                f" body returns {brief(after)}: the dtype must stay. Write tf.cast."
            )
        if len(before._shape) != len(after._shape) or not all(
            map(same, before._shape, after._shape)
        ):
            raise InvalidArgumentError(
                f"gradtape.{function}: loop variable {number} enters as {brief(before)}, but the"
                f" body returns {brief(after)}: in a recorded loop the shape must stay. Write into"
                " a tf.TensorArray or a tensor of the final size."
            )
