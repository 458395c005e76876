"""Exponentials, logarithms and hyperbolic functions on a CPU, in vector instructions.

    log(2^k m) = k log 2 + log m,  log m = log((1 + s)/(1 - s)) = 2 s + s^3 p(s^2)

with s = (m - 1)/(m + 1) and m between sqrt(1/2) and sqrt(2), the terms added in the order of W.
Kahan and K. Ng (fdlibm, 1993), in which the largest is added last and loses nothing. The logarithm
that XLA has for float32 is fast by itself; the hyperbolic functions and their inverses have one
exponential or logarithm each. Errors are below 3 units in the last place, where XLA has 128 for
log1p, and 500 for sinh and cosh, in double precision, and 25 for these in single precision.

Measured, a million numbers on two cores, milliseconds by XLA and so: float64 log 3.8 and 0.8, log1p
4.3 and 1.1, sinh 4.0 and 1.0, cosh 2.6 and 0.8, asinh 9.3 and 2.0, acosh 7.9 and 1.8, atanh 8.9 and
1.6; float32 sinh 1.0 and 0.4, atanh 1.0 and 0.8.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradtape.graph.xp_jax_lowering import DOUBLE, SINGLE, horner, lowered, signed

LOG_2 = (0.6931471805598903, 5.497923018708371e-14)  # 42 bits, for exact multiples, and the rest
LOG = (
    0.6666666666666735, 0.39999999999407454, 0.28571428744147065, 0.22222198377967006,
    0.18183575189782591, 0.15313755172700128, 0.14799071768039876,
)  # fmt: skip
ROOT_HALF = int(np.float64(0.5**0.5).view(np.int64))
MANTISSA = 52
# sinh x = x + x^3 p(x^2) for x to 1
SINH = {
    SINGLE: (
        0.1666666716337204, 0.008333350531756878, 0.0001983606634894386, 2.8174395083624404e-06
    ),
    DOUBLE: (
        0.16666666666666669, 0.008333333333333139, 0.00019841269841437684, 2.755731915533602e-06,
        2.5052123398663635e-08, 1.605724033416778e-10, 7.759312390705565e-13,
    ),
}  # fmt: skip
HIGHEST = {SINGLE: 80.0, DOUBLE: 700.0}  # the exponentials up to here have a reciprocal, and exist
SQUARES = 2.0**28  # above, x^2 + 1 is x^2


def _split(x: Any) -> tuple[Any, Any]:
    """The power of two k and m - 1, for positive normal float64 numbers."""
    bits = jax.lax.bitcast_convert_type(x, jnp.int64)
    k = (bits - ROOT_HALF) >> MANTISSA
    m = jax.lax.bitcast_convert_type(bits - (k << MANTISSA), DOUBLE)
    return k.astype(jnp.int32).astype(DOUBLE), m - 1


def _joined(k: Any, f: Any, more: Any) -> Any:
    """k log 2 + log(1 + f) + more."""
    s = f / (2 + f)
    z = s * s
    half = 0.5 * f * f
    rest = s * (half + z * horner(z, LOG)) + (k * LOG_2[1] + more)
    return k * LOG_2[0] - ((half - rest) - f)


@lowered(jnp.exp, SINGLE)
def exp(x: Any) -> Any:
    """e^x: XLA's own, which floats of 16 bits do not have."""
    return jnp.exp(x)


@lowered(jnp.log, DOUBLE)
def log(x: Any) -> Any:
    """The natural logarithm."""
    bits = jax.lax.bitcast_convert_type(x, jnp.int64)
    tiny = (bits > 0) & (bits < 1 << MANTISSA)  # multiples of 2^-1074
    k, f = _split(jnp.where(tiny, bits.astype(DOUBLE), x))
    value = _joined(k - jnp.where(tiny, 1074, 0), f, 0)
    value = jnp.where(x == jnp.inf, jnp.inf, jnp.where(x >= 0, value, jnp.nan))
    return jnp.where((bits << 1) == 0, -jnp.inf, value)


@lowered(jnp.log1p, DOUBLE)
def log1p(x: Any) -> Any:
    """log(1 + x)."""
    one = jnp.where(jnp.isnan(x), x, 1.0)  # XLA makes (1 + x) - 1 into x
    u = one + x
    k, f = _split(u)
    lost = jnp.where(k > 1, one - (u - x), x - (u - one)) / u
    near = k == 0
    value = _joined(k, jnp.where(near, x, f), jnp.where(near, 0, lost))
    value = jnp.where(x == jnp.inf, jnp.inf, jnp.where(x > -1, value, jnp.nan))
    return jnp.where(x == -1, -jnp.inf, jnp.where(x == 0, x, value))


def _exponentials(x: Any) -> tuple[Any, Any, Any]:
    """Whether e^|x| may be too large, then e^|x| or else its root, and half the reciprocal."""
    size = jnp.abs(x)
    high = size > HIGHEST[x.dtype]
    e = jnp.exp(jnp.where(high, 0.5 * size, size))
    return high, e, 0.5 / e


@lowered(jnp.sinh, SINGLE, DOUBLE)
def sinh(x: Any) -> Any:
    """The hyperbolic sine."""
    high, e, less = _exponentials(x)
    z = x * x
    near = x + x * (z * horner(z, SINH[x.dtype]))
    value = jnp.where(high, 0.5 * e * e, 0.5 * e - less)
    return jnp.where(jnp.abs(x) < 1, near, signed(x, value))


@lowered(jnp.cosh, SINGLE, DOUBLE)
def cosh(x: Any) -> Any:
    """The hyperbolic cosine."""
    high, e, more = _exponentials(x)
    return jnp.where(high, 0.5 * e * e, 0.5 * e + more)


@lowered(jnp.arcsinh, DOUBLE)
def arcsinh(x: Any) -> Any:
    """The inverse of sinh: log(x + sqrt(x^2 + 1))."""
    size = jnp.abs(x)
    far = size > SQUARES
    z = jnp.where(far, 1, size * size)
    value = log1p(jnp.where(far, size - 1, size + z / (1 + jnp.sqrt(1 + z))))
    return signed(x, value + jnp.where(far, np.log(2), 0))


@lowered(jnp.arccosh, DOUBLE)
def arccosh(x: Any) -> Any:
    """The inverse of cosh: log(x + sqrt(x^2 - 1))."""
    far = x > SQUARES
    t = x - 1
    value = log1p(jnp.where(far, t, t + jnp.sqrt(t * (t + 2))))
    return jnp.where(x >= 1, value + jnp.where(far, np.log(2), 0), jnp.nan)


@lowered(jnp.arctanh, SINGLE, DOUBLE)
def arctanh(x: Any) -> Any:
    """The inverse of tanh: half of log((1 + x)/(1 - x))."""
    size = jnp.abs(x)
    double = size + size
    more = jnp.where(size < 0.5, double + double * size / (1 - size), double / (1 - size))
    logarithm = log1p if x.dtype == DOUBLE else jnp.log1p
    return signed(x, 0.5 * logarithm(more))
