"""Choices that are made when values are there: `cond`, `switch_case`, `case`.

Where the predicate has a value the branch is simply called. While a graph is recorded all branches
are traced, and one operation, `switch`, holds them; every branch takes the same operands. Its
derivative is a switch among the branches' derivatives: operands that the branch taken does not use
get zeros. In a batch whose examples choose differently every branch runs for all and the results
are picked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import gradtape.core.xp_numpy_control  # noqa: F401  the verbs
from gradtape.autodiff.batching import Shared, one_by_one
from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nest import optree
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import same
from gradtape.core.state import frame, here
from gradtape.core.tensor import Tensor
from gradtape.graph.batches import batched, size_of, widened
from gradtape.graph.bodies import Body, Surroundings
from gradtape.graph.call import pulled, pushed
from gradtape.graph.callee import Callee, Replay, derived, deriving, stand_ins
from gradtape.graph.lines import runnable
from gradtape.ops.arithmetic import maximum, minimum
from gradtape.ops.basis import broadcast_to, cast, reshape, scalar, zeros
from gradtape.ops.choosing import select
from gradtape.ops.effects import check
from gradtape.ops.sparse import IndexedSlices
from gradtape.ops.static import callable_or_raise, listed, static_int
from gradtape.ops.stepwise import equal

INT32 = np.dtype(np.int32)
Branches = tuple[Callee, ...]


def cond(
    pred: Any,
    true_fn: Callable[[], Any] | None = None,
    false_fn: Callable[[], Any] | None = None,
    name: str | None = None,
) -> Any:
    """Return true_fn() if a predicate holds and false_fn() otherwise.

    Args:
        pred: a boolean scalar tensor, or a Python bool.
        true_fn, false_fn: functions without arguments whose results have one structure, and while a
            graph is recorded one shape and dtype each.
        name: ignored, for compatibility.

    Raises:
        TypeError: when the predicate is no boolean scalar, or the branches return different
            structures or dtypes.

    In a graph the derivative with respect to what only the other branch uses is 0.

    Example:
        >>> import gradtape as tf
        >>> x = tf.constant(3.0)
        >>> float(tf.cond(x > 0.0, lambda: x * x, lambda: -x))
        9.0
    """
    for argument, function in (("true_fn", true_fn), ("false_fn", false_fn)):
        callable_or_raise(function, "cond", argument)
    assert true_fn is not None
    assert false_fn is not None
    if isinstance(pred, (bool, np.bool_)):
        return _tensors(true_fn() if pred else false_fn())
    pred = scalar(as_tensor(pred, "cond"))
    if pred._dtype.kind != "b" or pred._shape != ():
        raise TypeError(
            f"gradtape.cond: pred must be a boolean scalar, not {brief(pred)}. Write tf.reduce_any"
            " or tf.reduce_all, or compare."
        )
    known = value_or_none(pred)
    if known is not None:
        return _tensors(true_fn() if known else false_fn())
    return _switched(cast(pred, INT32), [false_fn, true_fn], ["false_fn", "true_fn"], "cond")


def switch_case(
    branch_index: Any, branch_fns: Any, default: Any = None, name: str | None = None
) -> Any:
    """Return the result of the function with a number.

    Args:
        branch_index: an int32 scalar.
        branch_fns: a list of functions without arguments, or a dict or list of pairs from their
            numbers to them; results as for `cond`.
        default: the function for any other number; by default the one with the largest number.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> int(tf.switch_case(tf.constant(1), [lambda: 10, lambda: 20]))
        20
    """
    index = as_tensor(branch_index, "switch_case")
    if index._dtype.kind not in "iu" or index._shape != ():
        raise TypeError(
            f"gradtape.switch_case: branch_index must be an integer scalar, not {brief(index)}."
            " Write tf.cast(x, tf.int32)."
        )
    pairs = _numbered(branch_fns)
    last = default if default is not None else max(pairs.items(), key=lambda p: p[0])[1]
    callable_or_raise(last, "switch_case", "default")
    known = value_or_none(index)
    if known is not None:
        return _tensors(pairs.get(int(known), last)())
    numbers = sorted(pairs)
    functions = [pairs[n] for n in numbers] + [last]
    place: Any = Tensor(np.int32(len(numbers)))
    index = cast(index, INT32)
    for k, number in enumerate(numbers):
        place = select(equal(index, Tensor(np.int32(number))), Tensor(np.int32(k)), place)
    names = [f"branch {n}" for n in numbers] + ["default"]
    return _switched(place, functions, names, "switch_case")


def _numbered(branch_fns: Any) -> dict[int, Callable[[], Any]]:
    items: Any = branch_fns.items() if isinstance(branch_fns, dict) else branch_fns
    items = listed(items, "switch_case", "branch_fns", "a list or dict of functions")
    if items and all(callable(f) for f in items):
        items = list(enumerate(items))
    if not items:
        raise ValueError("gradtape.switch_case: branch_fns is empty: give at least one function.")
    for pair in items:
        if not (isinstance(pair, tuple) and len(pair) == 2 and callable(pair[1])):
            raise TypeError(
                f"gradtape.switch_case: branch_fns must hold functions, or pairs of an integer and"
                f" a function, not {brief(pair)}."
            )
    return {static_int(n, "switch_case", "the number of a branch"): f for n, f in items}


def case(
    pred_fn_pairs: Any,
    default: Any = None,
    exclusive: bool = False,
    strict: bool = False,
    name: str = "case",
) -> Any:
    """Return the result of the first function whose predicate holds.

    Args:
        pred_fn_pairs: pairs of a boolean scalar and a function without arguments.
        default: the function when none holds; without it, the last pair's is taken.
        exclusive: whether at most one predicate may hold, which is checked.
        strict: ignored, for compatibility.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> x = tf.constant(0.5)
        >>> int(tf.case([(x < 0.0, lambda: -1), (x < 1.0, lambda: 0)], default=lambda: 1))
        0
    """
    needed = "a list of pairs of a predicate and a function"
    pairs = listed(pred_fn_pairs, "case", "pred_fn_pairs", needed)
    for pair in pairs:
        if not (isinstance(pair, (tuple, list)) and len(pair) == 2 and callable(pair[1])):
            raise TypeError(
                "gradtape.case: pred_fn_pairs must hold pairs of a predicate and a function, not"
                f" {brief(pair)}."
            )
    if not pairs:
        raise ValueError("gradtape.case: pred_fn_pairs is empty: give at least one pair.")
    if exclusive:
        check(_check_exclusive, *[as_tensor(p, "case") for p, _ in pairs])
    rest = default if default is not None else pairs[-1][1]
    chosen = rest
    for predicate, function in reversed(pairs):
        chosen = _nested(predicate, function, chosen)
    return _tensors(chosen())


def _check_exclusive(*predicates: Any) -> None:
    if sum(map(bool, predicates)) > 1:
        raise InvalidArgumentError(
            f"gradtape.case: exclusive=True, but {sum(map(bool, predicates))} predicates hold."
        )


def _tensors(result: Any) -> Any:
    """What a branch returned, with tensors for numbers and arrays, as in a recorded graph."""
    return optree.tree_map(_tensor_of_number, result, none_is_leaf=True)


def _tensor_of_number(leaf: Any) -> Any:
    plain = isinstance(leaf, (bool, int, float, complex, np.ndarray, np.generic))
    return as_tensor(leaf) if plain else leaf


def _nested(predicate: Any, function: Any, rest: Any) -> Callable[[], Any]:
    return lambda: cond(predicate, function, rest)


def value_or_none(tensor: Any) -> Any:
    """The value of a tensor where it is known now, else None."""
    if tensor.concrete:
        return tensor._array
    try:
        return np.asarray(tensor)
    except TypeError:
        return None


def _switched(
    index: Any, functions: Sequence[Callable[[], Any]], names: Sequence[str], caller: str
) -> Any:
    """Trace all branches and hold them in one operation."""
    bodies = [Body(f, [], n) for f, n in zip(functions, names, strict=True)]
    first = bodies[0]
    for body in bodies[1:]:
        _check_structure(first, body, caller)
    _fit_numbers(bodies)
    for body in bodies[1:]:
        _check_specs(first, body, caller)
    around = Surroundings(bodies)
    branches = tuple([around.callee(b, [], b.outputs) for b in bodies])
    found = switch(index, branches, [*around.states(), *around.tensors()])
    count = len(first.outputs)
    around.put(found[count:])
    return first.result.packed(found[:count])


NUMBERS = (bool, int, float, complex)


def beside(value: Any, other: Any, function: str) -> Any:
    """A value as a tensor: a number takes the dtype of the other value, or is as wide as it."""
    if type(value) in NUMBERS:
        if isinstance(other, Tensor):
            return as_tensor_like(value, other._dtype, function)
        if type(other) in NUMBERS[NUMBERS.index(type(value)) + 1 :]:
            value = type(other)(value)
    return as_tensor(value, function)


def _fit_numbers(bodies: Sequence[Body]) -> None:
    """Give numbers that branches return the dtype of what others return in their place."""
    for i, values in enumerate(zip(*[b.result.given for b in bodies], strict=True)):
        others = [v for v in values if type(v) not in NUMBERS]
        widest = max([v for v in values if type(v) in NUMBERS], key=_width, default=None)
        for body, value in zip(bodies, values, strict=True):
            if type(value) in NUMBERS:
                with frame((), (), body.mode):
                    tensor = beside(value, others[0] if others else widest, body.name)
                    body.outputs[i] = body.mode.value(tensor)


def _width(number: Any) -> int:
    return NUMBERS.index(type(number))


def _check_structure(first: Body, other: Body, caller: str) -> None:
    """Raise unless two branches return the same structure."""
    if first.result.tree != other.result.tree or len(first.outputs) != len(other.outputs):
        raise TypeError(
            f"gradtape.{caller}: {first.name} and {other.name} must have the same nested structure"
            f" in their return values, but return {first.returned!r} and {other.returned!r}."
            " Return the same kind of value from each; tf.zeros_like(y) for what is not there."
        )


def _check_specs(first: Body, other: Body, caller: str) -> None:
    """Raise unless two branches return the same shapes and dtypes."""
    for a, b in zip(first.outputs, other.outputs, strict=True):
        if a.dtype != b.dtype:
            raise TypeError(
                f"gradtape.{caller}: {first.name} returns {brief(a)} where {other.name} returns"
                f" {brief(b)}: the dtypes differ. Write tf.cast in one of them."
            )
        if len(a.shape) != len(b.shape) or not all(map(same, a.shape, b.shape)):
            raise InvalidArgumentError(
                f"gradtape.{caller}: {first.name} returns {brief(a)} where {other.name} returns"
                f" {brief(b)}: in a recorded graph the shapes must agree. Pad or broadcast one."
            )


# the operation


def switch(index: Any, branches: Branches, operands: Sequence[Any]) -> list[Any]:
    """The outputs of the branch with a number, of operands that all branches take."""
    if here.mode is None or (index.concrete and not here.tapes):
        known = value_or_none(index)
        if known is not None and isinstance(known, (np.integer, np.ndarray)):
            number = int(np.clip(known, 0, len(branches) - 1))
            return Replay(branches[number], operands).outputs()
    return list(apply(_switch, (index, *operands), {"branches": branches}))


def _kernel(xp: Any, index: Any, *operands: Any, branches: Branches) -> Any:
    functions = [runnable(xp, b.runner.program, operands) for b in branches]
    return xp.switch(index, functions, operands)


def _specs(index: Any, *operands: Any, branches: Branches) -> Any:
    return tuple([Spec(v.shape, v.dtype) for v in branches[0].outputs])


def _pull(ct: Any, inputs: Any, branches: Branches, wanted: Any) -> list[Any]:
    """A switch among the derivatives of the branches."""
    index, *operands = inputs
    wanted = wanted[1:]
    present = tuple([c is not None for c in ct])
    made = [pulled(b, wanted, present) for b in branches]
    arrives = [
        any([not _nothing(given[i]) for _, given in made]) if w else False
        for i, w in enumerate(wanted)
    ]
    backs = tuple([_filled(callee, given, arrives, operands) for callee, given in made])
    cts = [c for c in ct if c is not None]
    results = iter(switch(index, backs, [*operands, *cts]))
    return [None, *[next(results) if a else None for a in arrives]]


def _nothing(given: Any) -> bool:
    return not isinstance(given, (Tensor, IndexedSlices))


def _filled(callee: Callee, given: list[Any], arrives: Sequence[bool], operands: Any) -> Callee:
    """A branch's derivative with a dense cotangent wherever some branch has one."""
    key = "filled", tuple(arrives)
    if key not in callee.derived:
        with deriving(callee) as mode:
            inputs = stand_ins(mode, callee.inputs)
            results = iter(Replay(callee, inputs).outputs())
            outputs = []
            for g, a, operand in zip(given, arrives, inputs, strict=False):
                found = None
                if isinstance(g, IndexedSlices):
                    found = IndexedSlices(next(results), next(results), operand._shape).dense()
                elif not _nothing(g):
                    found = next(results)
                if a:
                    outputs.append(found if found is not None else _zeros_like(operand))
        callee.derived[key] = derived(callee, mode, inputs, outputs, "dense")
    return callee.derived[key]


def _zeros_like(tensor: Any) -> Any:
    return zeros(tensor._shape, tensor._dtype)


def _push(tangents: Any, inputs: Any, branches: Branches) -> list[Any]:
    """A switch among the forward derivatives of the branches."""
    index, *operands = inputs
    moving = tuple([t is not None for t in tangents[1:]])
    made = [pushed(b, moving) for b in branches]
    moved = [any(flags) for flags in zip(*[m for _, m in made], strict=True)]
    outs = [v for v in branches[0].outputs if differentiable(v.dtype)]
    pushes = tuple([_moved(callee, m, moved, outs) for callee, m in made])
    given = [t for t in tangents[1:] if t is not None]
    results = iter(switch(index, pushes, [*operands, *given]))
    return [next(results) if m else None for m in moved]


def _moved(callee: Callee, mine: Sequence[bool], moved: Sequence[bool], outs: Any) -> Callee:
    """A branch's forward derivative with a tangent wherever some branch has one."""
    key = "moved", tuple(moved)
    if key not in callee.derived:
        with deriving(callee) as mode:
            inputs = stand_ins(mode, callee.inputs)
            results = iter(Replay(callee, inputs).outputs())
            found = [next(results) if m else None for m in mine]
            outputs = [
                t if t is not None else zeros(v.shape, v.dtype)
                for t, m, v in zip(found, moved, outs, strict=True)
                if m
            ]
        callee.derived[key] = derived(callee, mode, inputs, outputs, "moved")
    return callee.derived[key]


def _batch(mask: Any, index: Any, *operands: Any, branches: Branches) -> Any:
    """A switch among the batched branches; where the examples choose differently, all branches for
    all examples, unless there are effects: then each example takes its own."""
    size = size_of(mask, (index, *operands))
    rest = mask[1:]
    if not mask[0]:
        wide = tuple([any(w) for w in zip(*[widened(b, rest, size) for b in branches])])
        many = tuple([batched(b, rest, size, wide) for b in branches])
        found = switch(index, many, operands)
        return tuple([t if b else Shared(t) for t, b in zip(found, wide, strict=True)])
    if any([b.effect for b in branches]):
        run = lambda index, *operands: switch(index, branches, operands)
        return one_by_one(run, mask, (index, *operands))
    many = tuple([batched(b, rest, size) for b in branches])
    number = minimum(maximum(index, Tensor(np.int32(0))), Tensor(np.int32(len(branches) - 1)))
    outputs = [Replay(b, operands).outputs() for b in many]
    picked = []
    for parts in zip(*outputs, strict=True):
        found = parts[0]
        for k, part in enumerate(parts[1:], 1):
            hit = equal(number, Tensor(np.int32(k)))
            shape = (size, *[1] * (len(part._shape) - 1))
            found = select(broadcast_to(reshape(hit, shape), part._shape), part, found)
        picked.append(found)
    return tuple(picked)


_switch = primitive(
    "switch",
    _kernel,
    joint_vjp=_pull,
    joint_jvp=_push,
    batch=_batch,
    shape=_specs,
    several=True,
    gaps=True,
    fallible=True,
    family="loop",
)
