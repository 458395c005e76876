"""The points at which derivatives are infinite or not defined, put into the inputs of the rows.

Elementwise rows take every combination of `POINTS` at once, as one vector; all other rows take one
point at a time, as all their elements and as the first one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gradtape.autodiff.forward import ForwardAccumulator
from gradtape.autodiff.tape import GradientTape
from gradtape.core.tensor import Tensor
from tests.ops import matrix
from tests.ops.case import Case, tensors

INF, NAN = np.inf, np.nan
HUGE, DENORMAL = 1.7e308, 1e-310
POINTS = (0.0, 1.0, -1.0, INF, -INF, NAN, HUGE, DENORMAL, 0.6)
FEWER = (0.0, 1.0, INF, NAN, 0.6)  # where three inputs are combined
REGULAR = -1  # the place of the last point, which is none of them

ELEMENTWISE = ("elementwise", "ladder", "activation")
SUMS = ("reduction", "scan", "indexing", "structural")  # infinite elements count there too
FINITE = (0.0, 1.0)
# sums of products of infinite or undefined numbers: 0 * inf is nan inside of them, as in the value
PRODUCTS = {
    "l2_loss", "linear_recurrence", "add_rows_outer",
}  # fmt: skip


def dtype_of(case: Case) -> str:
    """The widest dtype at which the row has rules."""
    return matrix.rule_dtypes(case)[0] if "float64" in case.dtypes else "complex128"


def is_elementwise(case: Case) -> bool:
    """Whether the row's inputs may be vectors of one length."""
    return case.primitive.family in ELEMENTWISE and case.draw is None and not case.integers


def grid(case: Case) -> list[Any]:
    """The inputs of an elementwise row with every combination of points."""
    arrays = case.arrays(dtype_of(case))
    points = POINTS if len(arrays) < 3 else FEWER
    columns = np.array(list(itertools.product(points, repeat=len(arrays)))).T
    return [c.astype(a.dtype) for c, a in zip(columns, arrays, strict=True)]


def placed(case: Case) -> Iterator[tuple[str, list[Any]]]:
    """The inputs of another row with a point everywhere, and with a point at the first element."""
    arrays = case.arrays(dtype_of(case))
    floats = matrix.active(arrays)
    wide = case.primitive.family in SUMS and case.name not in PRODUCTS
    for point in (*FINITE, INF, -INF, NAN, HUGE, DENORMAL) if wide else FINITE:
        for everywhere in (True, False):
            moved = [np.array(a) for a in arrays]
            for i in floats:
                moved[i].reshape(-1)[: None if everywhere else 1] = point
            yield f"{point} {'everywhere' if everywhere else 'at the first element'}", moved


def zeros(outs: list[Any]) -> list[Any]:
    """A zero cotangent for each output."""
    return [Tensor(np.zeros(o._shape, o._dtype)[()]) for o in outs]


def random(like: list[Any], seed: int) -> list[Any]:
    """A random tensor for each."""
    return [Tensor(matrix.direction(np.ones(t._shape, t._dtype), seed)) for t in like]


# the derivatives of a function of tensors, given a zero cotangent or tangent

Outputs = Callable[[list[Any]], list[Any]]


def pulled(f: Outputs, xs: list[Any]) -> list[Any]:
    """The gradient for zero cotangents."""
    with GradientTape() as tape:
        tape.watch(xs)
        outs = f(xs)
    return present(tape.gradient(outs, xs, output_gradients=zeros(outs)))


def pulled_twice(f: Outputs, xs: list[Any]) -> list[Any]:
    """The gradient, for random cotangents, of the gradient for zero ones."""
    with GradientTape() as tape:
        tape.watch(xs)
        slopes = pulled(f, xs)
    if not slopes:
        return []
    return present(tape.gradient(slopes, xs, output_gradients=random(slopes, 3)))


def pushed(f: Outputs, xs: list[Any]) -> list[Any]:
    """The tangents of the results for zero tangents."""
    with ForwardAccumulator(xs, zeros(xs)) as accumulator:
        outs = f(xs)
    return present(accumulator.jvp(outs))


def pushed_over(f: Outputs, xs: list[Any]) -> list[Any]:
    """The tangents, for random ones, of the gradient for zero cotangents."""
    with ForwardAccumulator(xs, random(xs, 5)) as accumulator:
        slopes = pulled(f, xs)
    return present(accumulator.jvp(slopes)) if slopes else []


WAYS = (pulled, pulled_twice, pushed, pushed_over)


def present(found: Any) -> list[Any]:
    """The derivatives that are there, dense."""
    return [matrix.dense(g) for g in found if g is not None]


def of_floats(case: Case, arrays: list[Any]) -> tuple[Outputs, list[Any]]:
    """The row as a function of the inputs that carry derivatives, and these."""
    given = tensors(arrays)
    floats = matrix.active(arrays)

    def f(xs: list[Any]) -> list[Any]:
        whole = list(given)
        for i, x in zip(floats, xs, strict=True):
            whole[i] = x
        return matrix.outputs(case, whole)

    return f, [given[i] for i in floats]
