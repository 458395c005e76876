"""The verbs of elementwise mathematics on JAX: masking, complex numbers, fused kernels."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradtape.core.xp_numpy import xp as xp_numpy
from gradtape.core.xp_numpy_special import lgamma_near_root
from gradtape.graph.xp_jax_base import on_cpu, verb, xp
from gradtape.graph.xp_jax_logarithms import log1p
from gradtape.graph.xp_jax_lowering import horner


@verb
def keep(values: Any, mask: Any) -> Any:
    """The values where the mask is true and zeros elsewhere, whatever the values are there."""
    return jnp.where(mask, values, jnp.zeros((), values.dtype))


@verb
def zero_wins(product: Any, *factors: Any) -> Any:
    """The product, with 0 where one of the factors is 0."""
    if any([isinstance(f, np.ndarray) and f.all() and np.isfinite(f).all() for f in factors]):
        return product  # a number times 0 is 0 without being told
    zero = _is_zero(factors[0])
    for factor in factors[1:]:
        zero = zero | _is_zero(factor)
    return jnp.where(zero, jnp.zeros((), product.dtype), product)


def _is_zero(factor: Any) -> Any:
    """Where a factor is 0; a mask is not compared, for which JAX widens it to 8 bytes."""
    return ~factor if factor.dtype == bool else factor == 0


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
xp.special = SimpleNamespace(**vars(special))
ROOT_HALF = 0.7071067811865476


def replaces_special(function: Any) -> Any:
    """Put a function in the place of the library's special function of its name."""
    setattr(xp.special, function.__name__, function)
    return function


EXP = tuple([1 / math.factorial(n) for n in range(6)])


@verb
def gauss(x: Any, rate: float) -> Any:
    """exp(-rate x^2), by a split square as on NumPy.

    The second exponential, of a small number, is its series: XLA would make one of the sum out of a
    product of two, and lose 500 units in the last place in the tails.
    """
    wide = jnp.minimum(jnp.abs(_wide(x)), 40.0)
    grid = 65536.0 if wide.dtype.itemsize == 8 else 128.0
    high = jnp.rint(wide * grid) / grid
    low = rate * ((high - wide) * (wide + high))
    return (jnp.exp(-rate * (high * high)) * horner(low, EXP)).astype(x.dtype)


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
    return -ROOT_HALF * special.ndtri(x / 2)


# On a CPU SciPy's functions are called: XLA goes on through a series with all elements until the
# last is done. A hundred thousand float64 take 125 ms (gammainc) and 201 (betainc), where SciPy
# takes 12 and 39; of the inverse of gammainc ten thousand take 646 by halving and 5.9 so.


def by_scipy(function: Any, *arrays: Any) -> Any:
    """What a function of NumPy's namespace gives, called by compiled code."""
    arrays = tuple(jnp.broadcast_arrays(*arrays))
    like = arrays[0]
    return jax.pure_callback(
        lambda *given: np.asarray(function(*map(np.asarray, given)), like.dtype),
        jax.ShapeDtypeStruct(like.shape, like.dtype),
        *arrays,
        vmap_method="expand_dims",
    )


def _called(name: str) -> None:
    library = getattr(special, name)

    def function(*arrays: Any) -> Any:
        if not on_cpu():
            return library(*arrays)
        return by_scipy(getattr(xp_numpy.special, name), *arrays)

    function.__name__ = name
    replaces_special(function)


for _name in ("gammainc", "gammaincc", "betainc"):
    _called(_name)


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
    return by_scipy(lambda v: xp_numpy.bessel(kind, order, v), x)


@verb
def fresnel(x: Any) -> Any:
    """The integrals of sin(pi t^2 / 2) and of cos(pi t^2 / 2)."""
    return special.fresnel(x)


@verb
def quadrature(function: Any, nodes: Any, weights: Any) -> Any:
    """The weighted sum of a function's values at the nodes, node after node.

    With the nodes as one more axis XLA sums column by column: twenty nodes and a hundred thousand
    float32 take 18 ms so, and 0.7 in a loop.
    """
    number = jax.ShapeDtypeStruct((), jnp.result_type(float), weak_type=True)
    trial = jax.eval_shape(function, number)
    nodes, weights = (jnp.asarray(a, trial.dtype) for a in (nodes, weights))
    start = jnp.zeros(trial.shape, trial.dtype)
    return jax.lax.fori_loop(
        0, len(nodes), lambda i, total: total + weights[i] * function(nodes[i]), start
    )
