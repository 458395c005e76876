"""How a verb gets a lowering of ours: for which dtypes, and only where a CPU runs it.

XLA's code for the CPU calls the C library number by number for a sine, an arc tangent, a logarithm
in double precision and a power. What stands in their place is written in additions and products,
which it makes into vector instructions. Coefficients are minimax fits for the relative error
(E. Remez, 1934), computed with 60 digits and rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradtape.graph.xp_jax_base import on_cpu, verb

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


def lowered(
    library: Callable[..., Any], *dtypes: Any, add: Callable[[Any], Any] = verb
) -> Callable[[Any], Any]:
    """Add a function as a verb: for these dtypes on a CPU; all else stays the library's.

    Where float32 is among them, floats of 16 bits are done in it: XLA's own ways with them take as
    long as for float32, or longer (exp of a million float16 2.3 ms and 0.5 so).
    """

    def decorate(function: Callable[..., Any]) -> Any:
        @wraps(function)
        def chosen(*arrays: Any) -> Any:
            dtype = arrays[0].dtype
            if not on_cpu():
                return library(*arrays)
            if dtype in dtypes:
                return function(*[jnp.asarray(a) for a in arrays])
            if SINGLE in dtypes and dtype.itemsize == 2 and jnp.issubdtype(dtype, jnp.floating):
                return function(*[jnp.asarray(a, SINGLE) for a in arrays]).astype(dtype)
            return library(*arrays)

        return add(chosen)

    return decorate


def horner(z: Any, coefficients: Sequence[float]) -> Any:
    """The polynomial with these coefficients, the constant one first."""
    total = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        total = total * z + c
    return total


def signed(sign: Any, value: Any) -> Any:
    """The value, negated where the sign bit of `sign` is set; also zeros have one."""
    return jnp.where(jnp.signbit(sign), -value, value)


def stored(*arrays: Any) -> tuple[Any, ...]:
    """Arrays of floats as they are, each computed once into memory, whoever reads them.

    XLA computes a cheap expression anew in each of its readers, and its compiler for a CPU drops
    `optimization_barrier` before it does so (jaxlib 0.10). What enters a loop is stored, unless the
    compiler sees how often the loop runs: this one does not run, which only the numbers tell.
    """
    first = arrays[0].ravel()[0]
    never = (first != first) & (first == first)
    return jax.lax.fori_loop(0, never.astype(np.int32), lambda _, a: tuple([-x for x in a]), arrays)
