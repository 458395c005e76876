"""The verbs of elementwise mathematics on JAX: masking, complex numbers, fused kernels."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradtape.core.xp_numpy import xp as xp_numpy
from gradtape.core.xp_numpy_special import lgamma_near_root
from gradtape.graph.xp_jax_base import verb
from gradtape.graph.xp_jax_logarithms import log1p


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


def _wide(x: Any) -> Any:
    return x.astype(jnp.float32) if x.dtype.itemsize == 2 else x


@verb
def bell(x: Any, rate: int, height: int) -> Any:
    """height e / (1 + e)^2 with e = exp(-rate |x|)."""
    wide = _wide(x)
    is_complex = x.dtype.kind == "c"
    folded = jnp.where(jnp.real(wide) > 0, -wide, wide) if is_complex else -jnp.abs(wide)
    e = jnp.exp(rate * folded)
    return (height * e / ((1 + e) * (1 + e))).astype(x.dtype)


@verb
def logistic(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return (1 / (1 + jnp.exp(-_wide(x)))).astype(x.dtype)


@verb
def softplus(x: Any) -> Any:
    """max(x, 0) + log(1 + exp(-|x|))."""
    wide = _wide(x)
    return (jnp.maximum(wide, 0) + log1p(jnp.exp(-jnp.abs(wide)))).astype(x.dtype)


# special functions: where JAX loses digits, and those that it lacks

special = jax.scipy.special
_ROOT_HALF = 0.7071067811865476


@verb
def gauss(x: Any, rate: float) -> Any:
    """exp(-rate x^2), by a split square as on NumPy."""
    wide = jnp.minimum(jnp.abs(_wide(x)), 40.0)
    grid = 65536.0 if wide.dtype.itemsize == 8 else 128.0
    high = jnp.rint(wide * grid) / grid
    low = (high - wide) * (wide + high)
    return (jnp.exp(-rate * (high * high)) * jnp.exp(rate * low)).astype(x.dtype)


@verb
def erfc(x: Any) -> Any:
    """1 - erf(x); by the scaled function in the tail."""
    tail = jnp.maximum(x, 0.5)
    return jnp.where(x > 0.5, special.erfcx(tail) * gauss(tail, 1.0), special.erfc(x))


@verb
def ndtr(x: Any) -> Any:
    """The normal distribution function; by the scaled function in the tail."""
    tail = jnp.minimum(x, -0.5)
    scaled = 0.5 * special.erfcx(-_ROOT_HALF * tail) * gauss(tail, 0.5)
    return jnp.where(x < -0.5, scaled, special.ndtr(x))


@verb
def lgamma(x: Any) -> Any:
    """log |gamma(x)|, with its digits near the roots 1 and 2."""
    value = special.gammaln(x)
    for root in (1, 2):
        near = jnp.abs(x - root) < 0.125
        value = jnp.where(near, lgamma_near_root(jnp.where(near, x - root, 0.0), root), value)
    return value


@verb
def erfcinv(x: Any) -> Any:
    """The inverse of erfc."""
    return -_ROOT_HALF * special.ndtri(x / 2)


@verb
def polygamma(order: Any, x: Any) -> Any:
    """The derivative of a whole order of digamma."""
    sign = jnp.where(order % 2 == 0, -1, 1)
    value = sign * jnp.exp(special.gammaln(order + 1)) * special.zeta(order + 1, x)
    value = jnp.where(order == 0, special.digamma(x), value)
    return jnp.where(order == jnp.floor(order), value, jnp.nan).astype(x.dtype)


@verb
def bessel(kind: str, order: int, x: Any) -> Any:
    """J, Y, I, K or the scaled I and K of a whole order: JAX's own, else SciPy's by a callback."""
    name = {"i": f"i{order}", "ie": f"i{order}e"}.get(kind)
    if name is not None and order < 2:
        return getattr(special, name)(x)
    return jax.pure_callback(
        lambda v: np.asarray(xp_numpy.bessel(kind, order, np.asarray(v)), v.dtype),
        jax.ShapeDtypeStruct(x.shape, x.dtype),
        x,
        vmap_method="expand_dims",
    )


@verb
def fresnel(x: Any) -> Any:
    """The integrals of sin(pi t^2 / 2) and of cos(pi t^2 / 2)."""
    return special.fresnel(x)


@verb
def quadrature(function: Any, nodes: Any, weights: Any) -> Any:
    """The weighted sum of a function's values at the nodes, which form one more axis."""
    trial = jax.eval_shape(function, jax.ShapeDtypeStruct((), jnp.result_type(float)))
    lead = (-1,) + (1,) * len(trial.shape)
    values = function(jnp.asarray(nodes, trial.dtype).reshape(lead))
    return jnp.sum(values * jnp.asarray(weights, trial.dtype).reshape(lead), axis=0)
