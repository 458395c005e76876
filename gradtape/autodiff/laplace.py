"""`laplacian`: the sum of the pure second derivatives, without the mixed ones.

The Hessian is never there. Where operations run at once and the function returns one number, the
columns of the Hessian are found in batches, and of each only its own element counts. Otherwise each
direction is pushed forward twice: its first derivative along the function's operations, and the
derivative of that along the same direction. That takes results of any shape, and is what XLA runs
faster (a network of 20-64-64-1: 0.08 against 0.11 ms); at once it takes half again as long."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gradtape.autodiff.batching import BatchedTensor, batching, spread
from gradtape.autodiff.budget import columns_at_once
from gradtape.autodiff.forward import ForwardAccumulator
from gradtape.autodiff.jacobian import checked_bytes, unit_rows
from gradtape.autodiff.primals import Primals, Results, chosen, recorded
from gradtape.autodiff.pullbacks import pulled
from gradtape.autodiff.trail import Step, Trail
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import ConversionError, brief
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import add, multiply, ones, size_of, sum_axes, zeros
from gradtape.ops.static import callable_or_raise

Second = Callable[[Trail, int, Tensor], list[Any]]


def laplacian(
    f: Callable[..., Any], argnums: int | tuple[int, ...] = 0, max_bytes: int | None = None
) -> Callable[..., Any]:
    """Make the function that returns the Laplacian of f, the trace of its Hessian.

    Each element of the argument is one direction; the second derivative along it is found in
    forward mode. With n elements that costs about 3 n times what f costs, and memory for as many
    directions as go at once; the Hessian is not formed.

    Args:
        f: a function that returns a real tensor, or a structure of them. It is run once.
        argnums: the place of the positional argument to differentiate by, or a tuple of places,
            whose second derivatives are summed. The argument may be a structure of tensors.
        max_bytes: about how much memory the directions that go at once may take, by default
            2**28.

    Returns:
        A function of f's arguments. It returns the Laplacian of each element of f's results, in
        their structure, shape and dtype; None for integers.

    Raises:
        ConversionError: when an argument is of integers or complex numbers.
        InvalidArgumentError: when argnums do not fit.

    Example:
        >>> import gradtape as tf
        >>> float(tf.laplacian(lambda x: tf.reduce_sum(x**3))([1.0, 2.0]))
        18.0
    """
    callable_or_raise(f, "laplacian", "f")
    most = checked_bytes(max_bytes, "laplacian")

    @functools.wraps(f, updated=())
    def laplacian_of(*args: Any, **kwargs: Any) -> Any:
        places, _ = chosen(argnums, len(args), "laplacian")
        inputs = Primals(args, places, "laplacian")
        _refuse_complex(inputs.tensors)
        trail, results, slopes = _ran(lambda: inputs.call(f, kwargs), inputs.tensors)
        trail.finish(slopes or results.tensors)
        second = _of_slope if slopes else _twice
        return results.structured(_traces(trail, results.tensors, second, most))

    return laplacian_of


def _refuse_complex(sources: list[Any]) -> None:
    for source in sources:
        if source._dtype.kind == "c":
            raise ConversionError(
                f"gradtape.laplacian: the argument {brief(source)} is complex. Make it a function "
                "of the real and the imaginary part."
            )


def _ran(run: Callable[[], Any], sources: list[Any]) -> tuple[Trail, Results, list[Any]]:
    """Run a function of sources on a trail, and its gradient if that is what to differentiate."""
    slopes: list[Any] = []
    with Trail(sources) as trail:
        with recorded(sources if here.mode is None else []) as recording:
            results = Results(run(), "laplacian")
        targets = results.tensors
        if here.mode is None and len(sources) == len(targets) == 1 and _is_number(targets[0]):
            slopes = pulled(recording, targets, [ones((), targets[0]._dtype)], sources)
    recording.close()
    return trail, results, slopes


def _is_number(target: Any) -> bool:
    return target._shape == () and target._dtype.kind in "fV" and differentiable(target._dtype)


def _traces(trail: Trail, targets: list[Any], second: Second, most: int | None) -> list[Any]:
    """For each target the sum of its second derivatives along all elements of the sources."""
    totals: list[Any] = [None] * len(targets)
    for number, source in enumerate(trail.tensors):
        count = size_of(source._shape)
        step = columns_at_once(trail, count, most, 3)
        for start in range(0, count, step):
            units = unit_rows(start, min(start + step, count), source._shape, source)
            for k, found in enumerate(second(trail, number, Tensor(units))):
                if found is not None:
                    totals[k] = found if totals[k] is None else add(totals[k], found)
    return [_or_zeros(total, t) for total, t in zip(totals, targets, strict=True)]


def _of_slope(trail: Trail, number: int, units: Tensor) -> list[Any]:
    """The derivatives of the gradient's elements, each along its own direction, summed."""
    (found,) = trail.push([units], units._shape[0])
    if found is None:
        return [None]
    return [sum_axes(multiply(found, units), tuple(range(len(units._shape))))]


def _twice(trail: Trail, number: int, units: Tensor) -> list[Any]:
    """The second derivatives of the targets along a batch of tangents, summed over the batch."""
    with batching(units._shape[0]) as mode:
        tangents: list[Any] = [None] * len(trail.tensors)
        tangents[number] = BatchedTensor(units, None, mode)
        with ForwardAccumulator([], []) as again:

            def move(step: Step, given: Any) -> None:
                for tensor, tangent in zip(step.inputs, given, strict=True):
                    if tangent is not None:
                        again._put(tensor, tangent)
                # the result moves too: the rule may name it
                again.see(step.primitive, step.inputs, step.params, step.out)

            firsts = trail.pushed(tangents, move)
        found = [None if t is None else again.jvp(t) for t in firsts]
    return [None if t is None else sum_axes(spread(t, mode), (0,)) for t in found]


def _or_zeros(total: Any, target: Any) -> Any:
    if total is None and differentiable(target._dtype):
        return zeros(target._shape, target._dtype)
    return total
