"""Families of special functions that a static whole number tells apart.

Their derivatives are in the family: that of a Bessel function is a sum of its neighbours, that of
an incomplete integral by its parameter the same integral one order up. `ladder` declares such a
family as one primitive with the keyword `order`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.dispatch import apply
from gradtape.core.primitive import Rule, primitive
from gradtape.ops.basis import batch_elementwise, elementwise_shape, safe_multiply
from gradtape.ops.families import FLOATING

_ARITIES: dict[int, Callable[..., Any]] = {
    1: lambda f: lambda xp, x, *, order: f(xp, (x,), order),
    2: lambda f: lambda xp, x, y, *, order: f(xp, (x, y), order),
    3: lambda f: lambda xp, x, y, z, *, order: f(xp, (x, y, z), order),
}


def ladder(
    name: str, kernel: Callable[..., Any], *slopes: Callable[..., Any]
) -> Callable[..., Any]:
    """Declare a family and return `run(*inputs, order)`.

    Args:
        name: its name.
        kernel: `kernel(xp, *arrays, order)`; 16-bit floats come as float32.
        slopes: one for each input, `slope(*inputs, order)`: the partial derivative, in gradtape's
            operations.
    """
    inputs = ("x", "y", "z")[: len(slopes)]

    def computed(xp: Any, arrays: tuple[Any, ...], order: Any) -> Any:
        dtype = arrays[0].dtype
        if dtype.itemsize == 2:
            arrays = tuple([a.astype(np.float32) for a in arrays])
        return kernel(xp, *arrays, order).astype(dtype)

    def run(*tensors: Any, order: Any) -> Any:
        return apply(made, tensors, {"order": order})

    def rule(slope: Callable[..., Any]) -> Rule:
        return Rule(
            lambda ct, *needs: safe_multiply(ct, slope(*needs)), inputs, like=(*inputs, "order")
        )

    made = primitive(
        name,
        _ARITIES[len(slopes)](computed),
        vjps=[rule(s) for s in slopes],
        jvps=[rule(s) for s in slopes],
        batch=batch_elementwise(run),
        shape=lambda *specs, order: elementwise_shape(*specs),
        broadcasts=len(slopes) > 1,
        kinds=FLOATING,
        family="ladder",
    )
    return run


def bell(orders: tuple[int, ...], cumulant: Callable[[tuple[int, ...]], Any]) -> Any:
    """A derivative of exp(g) divided by exp(g): a complete Bell polynomial of those of g.

    Args:
        orders: how often by each variable.
        cumulant: gives the derivative of g of some orders, as arrays or as tensors.
    """
    if not any(orders):
        return 1.0
    first = next(i for i, n in enumerate(orders) if n)
    less = tuple(n - (i == first) for i, n in enumerate(orders))
    total = None
    for taken in np.ndindex(*[n + 1 for n in less]):
        ways = math.prod(math.comb(n, k) for n, k in zip(less, taken, strict=True))
        rest = tuple(n - k for n, k in zip(less, taken, strict=True))
        raised = tuple(k + (i == first) for i, k in enumerate(taken))
        term = cumulant(raised) * bell(rest, cumulant)
        term = term if ways == 1 else float(ways) * term
        total = term if total is None else total + term
    return total
