"""The verbs of elementwise mathematics on JAX: masking, complex numbers and the functions that JAX lacks."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gradtape.graph.xp_jax import verb


@verb
def keep(values: Any, mask: Any) -> Any:
    """The values where the mask is true and zeros elsewhere, whatever the values are there."""
    return jnp.where(mask, values, jnp.zeros((), values.dtype))


@verb
def as_complex(real: Any, imag: Any) -> Any:
    """real + i imag, without the 0 * inf = nan of that formula."""
    return jax.lax.complex(*jnp.broadcast_arrays(real, imag))


@verb
def bits_as(array: Any, dtype: Any) -> Any:
    """The bits of the array read as another dtype; the sizes differ by an axis at the end."""
    return jax.lax.bitcast_convert_type(array, dtype)


@verb
def refuse_zero(divisor: Any) -> None:
    """Nothing: a compiled integer division by zero gives what XLA gives."""
