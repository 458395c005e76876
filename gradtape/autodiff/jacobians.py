"""`jacobian` as a function of functions, by rows or by columns, whichever are fewer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from gradtape.autodiff.asking import UnconnectedGradients
from gradtape.autodiff.columns import Columns
from gradtape.autodiff.jacobian import Rows, checked_bytes, shown
from gradtape.autodiff.primals import Primals, Results, chosen, recorded, unconnected
from gradtape.autodiff.trail import Trail
from gradtape.core.dtypes import differentiable
from gradtape.ops.basis import size_of
from gradtape.ops.static import callable_or_raise, choice

ZERO = UnconnectedGradients.ZERO
MODES = "auto", "forward", "reverse"


def jacobian(
    f: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    mode: str = "auto",
    has_aux: bool = False,
    max_bytes: int | None = None,
    unconnected_gradients: UnconnectedGradients | str = ZERO,
) -> Callable[..., Any]:
    """Make the function that returns the Jacobian of f.

    Args:
        f: a function that returns a tensor or a structure of tensors. It is run once.
        argnums: the place of the positional argument to differentiate by, or a tuple of places.
            The argument may be a structure of tensors.
        mode: "reverse" pulls back a row for each element of the results, "forward" pushes a column
            for each element of the arguments through the forward rules, "auto" takes columns where
            they are no more than rows.
        has_aux: whether f returns a pair of its value and something that is passed on as it is.
        max_bytes: about how much memory the rows or columns that are computed at once may take
            besides the result, by default 2**28. Fewer go at once then; the numbers are the same.
        unconnected_gradients: zeros ("zero") or None ("none") where a result does not depend on
            an argument.

    Returns:
        A function of f's arguments. For each result, in their structure, it returns the structure
        of the argument (a tuple of these for a tuple of argnums) with a tensor of shape
        result.shape + argument.shape and the argument's dtype. Complex derivatives follow
        `GradientTape.gradient`: the derivative of the result's real part by the real part of
        the argument, plus i times that by its imaginary part.

    Raises:
        ConversionError: when an argument is of integers.
        InvalidArgumentError: when argnums do not fit.
        LookupError: when an operation on the way has no derivative rule.

    Example:
        >>> import gradtape as tf
        >>> tf.jacobian(lambda x: x[0] * x)(tf.constant([2.0, 3.0])).numpy()
        array([[4., 0.],
               [3., 2.]], dtype=float32)
    """
    callable_or_raise(f, "jacobian", "f")
    choice(mode, MODES, "jacobian", "mode")
    show = unconnected(unconnected_gradients, "jacobian")
    most = checked_bytes(max_bytes, "jacobian")

    @functools.wraps(f, updated=())
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        places, single = chosen(argnums, len(args), "jacobian")
        inputs = Primals(args, places, "jacobian")

        def run() -> Results:
            return Results(inputs.call(f, kwargs), "jacobian", has_aux)

        results, blocks = derived(run, inputs.tensors, mode, most)
        shaped = [
            row_of_blocks(row, target, inputs, show, single)
            for row, target in zip(blocks, results.tensors, strict=True)
        ]
        answer = results.structured(shaped)
        return (answer, results.aux) if has_aux else answer

    return jacobian_of


def row_of_blocks(
    row: Sequence[Any], target: Any, inputs: Primals, mode: UnconnectedGradients, single: bool
) -> Any:
    """The blocks of one result, in the structure of the arguments."""
    blocks = [
        shown(block, (*target._shape, *source._shape), source, mode)
        if differentiable(target._dtype)
        else None
        for block, source in zip(row, inputs.tensors, strict=True)
    ]
    packed = inputs.structured(blocks)
    return packed[0] if single else packed


def derived(
    run: Callable[[], Any], sources: list[Any], mode: str, most: int | None
) -> tuple[Any, list[list[Any]]]:
    """Run a function of sources, and differentiate each of its `tensors` by each source.

    Returns:
        What it returned, and for each tensor a list with a block for each source: a tensor with as
        many elements as both together, the result's first, or a `Nothing`.
    """
    trail = Trail(sources)
    along = nullcontext() if mode == "reverse" else trail
    back = nullcontext() if mode == "forward" else recorded(sources)
    with along, back as recording:
        results = run()
    targets = results.tensors
    if recording is None or (mode == "auto" and _columns_are_few(sources, targets)):
        trail.finish(targets)
        blocks = Columns(trail, sources, targets, most).blocks()
    else:
        rows = Rows(recording, False, sources, None, True, most)
        blocks = [rows.pulled(t, t._shape, k == len(targets)) for k, t in enumerate(targets, 1)]
    if recording is not None:
        recording.close()
    return results, blocks


def _columns_are_few(sources: list[Any], targets: list[Any]) -> bool:
    """Whether columns are no more than rows; a column takes two thirds of a row's time or less."""
    columns = sum([size_of(s._shape) * (1 + (s._dtype.kind == "c")) for s in sources])
    rows = sum([size_of(t._shape) for t in targets])
    return type(columns) is type(rows) is int and columns <= rows
