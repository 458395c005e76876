"""`scan`, `map_fn`, `foldl`, `foldr`: a function for each row of tensors, one after the other.

Where operations run at once this is a loop in Python; while a graph is recorded the function is
traced once and one operation holds it (see `scans`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradtape.autodiff.custom import stop_gradient
from gradtape.core import nest
from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.shapes import Spec
from gradtape.core.sizes import same
from gradtape.core.state import here
from gradtape.graph.bodies import Body, Surroundings
from gradtape.graph.loops import Structure, check_invariant
from gradtape.graph.results import Result
from gradtape.graph.scans import Scan, run_scan
from gradtape.ops.basis import zeros
from gradtape.ops.joining import concat, stack
from gradtape.ops.slicing import getitem
from gradtape.ops.static import callable_or_raise

Step = Callable[[Any, Any], tuple[Any, Any]]


def scan(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    reverse: bool = False,
    name: str | None = None,
) -> Any:
    """Return all accumulators of a function that takes one row after the other.

    Args:
        fn: (accumulator, row) -> the next accumulator, of the same structure.
        elems: a tensor, or a structure of them, with a first axis of one size.
        initializer: the first accumulator; by default the first row, which then is also the first
            result.
        parallel_iterations, swap_memory, infer_shape, name: ignored, for compatibility.
        back_prop: False stops derivatives.
        reverse: whether it starts at the last row.

    Returns:
        The accumulators along a new first axis, in the structure of the initializer.

    Raises:
        InvalidArgumentError: when the first axes differ, or there is no row and no initializer.

    Example:
        >>> import gradtape as tf
        >>> tf.scan(lambda a, x: a + x, tf.constant([1.0, 2.0, 3.0])).numpy()
        array([1., 3., 6.], dtype=float32)
    """
    rows = _rows(fn, elems, "scan")
    first = None
    if initializer is None:
        first, rows = _first_apart(rows, reverse, "scan")
        initializer = nest.pack_sequence_as(elems, first)

    def step(accumulator: Any, row: Any) -> tuple[Any, Any]:
        after = fn(accumulator, row)
        return after, after

    _, results = scanned(step, initializer, elems, rows, reverse, "scan")
    if first is not None:
        flat = [
            _with_first(f, r, reverse) for f, r in zip(first, nest.flatten(results), strict=True)
        ]
        results = nest.pack_sequence_as(results, flat)
    return results if back_prop else nest.map_structure(stop_gradient, results)


def map_fn(
    fn: Callable[[Any], Any],
    elems: Any,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    name: str | None = None,
    fn_output_signature: Any = None,
) -> Any:
    """Apply a function to each row, one after the other; `vectorized_map` does all at once.

    Args:
        fn: takes a row in the structure of `elems`, returns a tensor or a structure of them.
        elems: a tensor, or a structure of them, with a first axis of one size.
        dtype, parallel_iterations, swap_memory, infer_shape, name, fn_output_signature: ignored,
            for compatibility: the function tells what it returns.
        back_prop: False stops derivatives.

    Returns:
        The results along a new first axis.

    Raises:
        InvalidArgumentError: when the first axes differ.

    Example:
        >>> import gradtape as tf
        >>> tf.map_fn(lambda x: x * x, tf.constant([1.0, 2.0, 3.0])).numpy()
        array([1., 4., 9.], dtype=float32)
    """
    rows = _rows(fn, elems, "map_fn")
    _, results = scanned(lambda none, row: (none, fn(row)), (), elems, rows, False, "map_fn")
    return results if back_prop else nest.map_structure(stop_gradient, results)


def foldl(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """Return the last accumulator of a function that takes one row after the other.

    Args, Raises: as for `scan`.

    Example:
        >>> import gradtape as tf
        >>> float(tf.foldl(lambda a, x: 2.0 * a + x, tf.constant([1.0, 2.0, 3.0])))
        11.0
    """
    return _folded(fn, elems, initializer, back_prop, False, "foldl")


def foldr(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """Return the last accumulator of a function that takes the rows from the last to the first.

    Args, Raises: as for `scan`.

    Example:
        >>> import gradtape as tf
        >>> float(tf.foldr(lambda a, x: 2.0 * a + x, tf.constant([1.0, 2.0, 3.0])))
        17.0
    """
    return _folded(fn, elems, initializer, back_prop, True, "foldr")


def _folded(
    fn: Any, elems: Any, initializer: Any, back_prop: bool, reverse: bool, function: str
) -> Any:
    rows = _rows(fn, elems, function)
    if initializer is None:
        first, rows = _first_apart(rows, reverse, function)
        initializer = nest.pack_sequence_as(elems, first)
    last, _ = scanned(lambda a, row: (fn(a, row), ()), initializer, elems, rows, reverse, function)
    return last if back_prop else nest.map_structure(stop_gradient, last)


# rows


def _rows(fn: Any, elems: Any, function: str) -> list[Any]:
    """The tensors whose rows are taken, checked."""
    callable_or_raise(fn, function, "fn")
    rows = [as_tensor(t, function) for t in nest.flatten(elems)]
    if not rows or any([not t._shape for t in rows]):
        shown = ", ".join(brief(t) for t in rows)
        raise InvalidArgumentError(
            f"gradtape.{function}: elems are {shown or 'empty'}, but they need a first axis, the"
            " rows. Write tf.expand_dims(x, 0)."
        )
    for other in rows[1:]:
        if not same(rows[0]._shape[0], other._shape[0]):
            raise InvalidArgumentError(
                f"gradtape.{function}: the first axes of elems differ: {brief(rows[0])} and"
                f" {brief(other)}."
            )
    return rows


def _first_apart(rows: list[Any], reverse: bool, function: str) -> tuple[list[Any], list[Any]]:
    """The row that comes first, and the others."""
    if rows[0]._shape[0] == 0:
        raise InvalidArgumentError(
            f"gradtape.{function}: elems have no rows, so that there is nothing to start from. Give"
            " an initializer."
        )
    if reverse:
        return [getitem(t, -1) for t in rows], [getitem(t, slice(None, -1)) for t in rows]
    return [getitem(t, 0) for t in rows], [getitem(t, slice(1, None)) for t in rows]


def _with_first(first: Any, results: Any, reverse: bool) -> Any:
    row = getitem(first, None)
    return concat([results, row] if reverse else [row, results], 0)


# the loop


def scanned(
    step: Step, state: Any, elems: Any, rows: list[Any], reverse: bool, function: str
) -> tuple[Any, Any]:
    """Repeat step(state, row) -> (state, result) for each row; the last state and the stacked
    results.
    """
    if here.mode is None or not here.mode.symbolic:
        return _at_once(step, state, elems, rows, reverse, function)
    return _recorded(step, state, elems, rows, reverse, function)


def _at_once(
    step: Step, state: Any, elems: Any, rows: list[Any], reverse: bool, function: str
) -> tuple[Any, Any]:
    length = rows[0]._shape[0]
    structure = Structure(state, function, whole=True)
    state = structure.packed(structure.tensors)
    results = []
    for i in reversed(range(length)) if reverse else range(length):
        row = nest.pack_sequence_as(elems, [getitem(t, i) for t in rows])
        after, result = step(state, row)
        state = structure.packed(structure.flat(after))
        results.append(result)
    if not results:
        return state, _empty(step, state, elems, rows, function)
    if reverse:
        results.reverse()
    flat = [nest.flatten(r) for r in results]
    stacked = [stack([as_tensor(t, function) for t in column], 0) for column in zip(*flat)]
    return state, nest.pack_sequence_as(results[0], stacked)


def _empty(step: Step, state: Any, elems: Any, rows: list[Any], function: str) -> Any:
    """The results for no rows, in the shape that one row would give."""
    row = [zeros(t._shape[1:], t._dtype) for t in rows]
    _, result = step(state, nest.pack_sequence_as(elems, row))
    flat = [as_tensor(t, function) for t in nest.flatten(result)]
    return nest.pack_sequence_as(result, [zeros((0, *t._shape), t._dtype) for t in flat])


def _recorded(
    step: Step, state: Any, elems: Any, rows: list[Any], reverse: bool, function: str
) -> tuple[Any, Any]:
    """Trace the step once and hold it in one operation."""
    structure = Structure(state, function)
    count = len(structure.tensors)
    specs = [Spec(t._shape, t._dtype) for t in structure.tensors]
    lines = [Spec(t._shape[1:], t._dtype) for t in rows]
    returned: list[Result] = []

    def called(tensors: list[Any]) -> Any:
        row = nest.pack_sequence_as(elems, tensors[count:])
        return structure.packed(tensors[:count]), row

    def one(state: Any, row: Any) -> list[Any]:
        after, result = step(state, row)
        returned.append(Result(result, function))
        return [*structure.flat(after), *returned[0].tensors]

    body = Body(one, [*specs, *lines], function, called)
    check_invariant(specs, body.outputs[:count], function)
    around = Surroundings([body])
    inputs = [t._value for t in body.inputs]
    changed = len(around.written)
    # changed variables belong to the state: in front of the rows and of the results
    made = around.callee(body, inputs[:count], body.outputs[:count])
    around_inputs = made.inputs[count + changed :]
    made.inputs = (*made.inputs[: count + changed], *inputs[count:], *around_inputs)
    made.outputs = (*made.outputs, *body.outputs[count:])
    held = Scan(made, count + changed, len(rows), rows[0]._shape[0], reverse)
    found = run_scan(held, [*structure.tensors, *around.states(), *rows, *around.tensors()])
    around.put(found[count : count + changed])
    results = returned[0].packed(found[count + changed :])
    return structure.packed(found[:count]), results
