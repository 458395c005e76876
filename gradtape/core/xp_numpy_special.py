"""The verbs of elementwise mathematics on NumPy: masking, complex numbers, fused kernels.

Masking by `np.where` costs twenty times what the bits of a float and an integer mask cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.quick import bind, quick
from gradtape.core.xp_numpy import verb, xp

_BITS = {2: np.dtype(np.int16), 4: np.dtype(np.int32), 8: np.dtype(np.int64)}


@verb
def keep(values: Any, mask: Any) -> Any:
    """The values where the mask is true and zeros elsewhere, whatever the values are there."""
    dtype = values.dtype
    bits = _BITS.get(dtype.itemsize)
    if bits is None:
        return np.where(mask, values, dtype.type(0))
    return (np.negative(mask.astype(bits)) & values.view(bits)).view(dtype)


@verb
def zero_wins(product: Any, *factors: Any) -> Any:
    """The product, with 0 where it is not a number and one of the factors is 0."""
    if defined(product):
        return product
    zero = factors[0] == 0
    for factor in factors[1:]:
        zero = zero | (factor == 0)
    return np.where(zero & (product != product), product.dtype.type(0), product)


def defined(array: Any) -> bool:
    """Whether no element is nan, by the one pass that is cheapest: the sum of the squares of few
    numbers (0.2 us, where the test of each element takes 1.5), the least of many."""
    rank = array.ndim
    if not rank:
        return bool(array == array)
    flat = array if rank == 1 else array.ravel("K")
    if flat.size <= _FEW:
        total = flat.dot(flat)
    elif array.dtype in _MINIMUM:
        total = np.minimum.reduce(flat)
    else:
        return not (flat != flat).any()
    return bool(total == total)


bind(zero_wins=zero_wins, defined=defined)
if quick is not None:
    xp.zero_wins = quick.wins
_FEW = 4096
_MINIMUM = (np.dtype(np.float32), np.dtype(np.float64))


@verb
def as_complex(real: Any, imag: Any) -> Any:
    """real + i imag, without the 0 * inf = nan of that formula."""
    shape = np.broadcast_shapes(real.shape, imag.shape)
    out = np.empty(shape, np.dtype(f"c{2 * real.dtype.itemsize}"))
    out.real = real
    out.imag = imag
    return out if shape else out[()]


@verb
def bits_as(array: Any, dtype: Any) -> Any:
    """The bits of the array read as another dtype; the sizes differ by an axis at the end."""
    have, want = array.dtype.itemsize, dtype.itemsize
    array = np.ascontiguousarray(array).reshape(array.shape)
    if have == want:
        return array.view(dtype)
    if have > want:
        return array[..., None].view(dtype)
    return array.view(dtype)[..., 0]


@verb
def refuse_zero(divisor: Any) -> None:
    """Raise for an integer division by zero, which compiled code cannot see."""
    if divisor.dtype.kind in "iu" and not divisor.all():
        raise ZeroDivisionError("Integer division by zero. Mask the zeros first, with tf.where.")


# the logistic family in few passes: one buffer where there are axes, 16-bit types in float32


def _in_single(function: Any, x: Any, *parameters: Any) -> Any:
    """A function of 16-bit numbers by way of float32."""
    return function(x.astype(np.float32), *parameters).astype(x.dtype)


def _folded(x: Any) -> Any:
    """-|x|, or for a complex number x or -x, that with the real part that is not positive."""
    if x.dtype.kind == "c":
        return np.where(np.real(x) > 0, -x, x)
    return -np.abs(x)


@verb
def bell(x: Any, rate: int, height: int) -> Any:
    """height e / (1 + e)^2 with e = exp(-rate |x|)."""
    if x.dtype.itemsize == 2:
        return _in_single(bell, x, rate, height)
    e = _folded(x)
    if rate != 1:
        e *= rate
    e = np.exp(e)
    below = e + 1
    below *= below
    if height != 1:
        e *= height
    e /= below
    return e


@verb
def logistic(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    if x.dtype.itemsize == 2:
        return _in_single(logistic, x)
    e = np.exp(-x)
    e += 1
    return np.reciprocal(e)


@verb
def softplus(x: Any) -> Any:
    """max(x, 0) + log(1 + exp(-|x|))."""
    if x.dtype.itemsize == 2:
        return _in_single(softplus, x)
    e = np.log1p(np.exp(-np.abs(x)))
    e += np.maximum(x, 0)
    return e


# special functions: where SciPy loses digits, or spells otherwise than JAX

special = xp.special
_ROOT_HALF = 0.7071067811865476


@verb
def gauss(x: Any, rate: float) -> Any:
    """exp(-rate x^2) for a rate of 1 or 1/2, free of the rounding of the square.

    x = high + low with few digits in high: high^2 is exact, and low (x + high) is small.
    """
    if x.dtype.itemsize == 2:
        return _in_single(gauss, x, rate)
    wide = np.minimum(np.abs(x), 40.0)  # the result is 0 there, and no infinity less itself
    grid = 65536.0 if wide.dtype.itemsize == 8 else 128.0
    high = np.rint(wide * grid) / grid
    low = (high - wide) * (wide + high)
    high *= high
    if rate != 1:
        low *= rate
        high *= rate
    return np.exp(-high) * np.exp(low)


@verb
def erfc(x: Any) -> Any:
    """1 - erf(x); by the scaled function where SciPy's own loses digits."""
    value = special.erfc(x)
    if x.dtype != np.float64:
        return value
    tail = np.maximum(x, 0.5)
    return np.where(x > 0.5, special.erfcx(tail) * gauss(tail, 1.0), value)


@verb
def ndtr(x: Any) -> Any:
    """The normal distribution function; by the scaled function in the tail."""
    value = special.ndtr(x)
    if x.dtype != np.float64:
        return value
    tail = np.minimum(x, -0.5)
    return np.where(x < -0.5, 0.5 * special.erfcx(-_ROOT_HALF * tail) * gauss(tail, 0.5), value)


# the Taylor coefficients of lgamma(2 + z) beyond the first: (-1)^k (zeta(k) - 1) / k
_EULER = 0.5772156649015329
_NEAR_ROOT = 0.125
_ZETA_LESS_ONE = (
    0.6449340668482264, 0.2020569031595943, 0.08232323371113819, 0.03692775514336993,
    0.01734306198444914, 0.008349277381922827, 0.00407735619794434, 0.0020083928260822143,
    0.0009945751278180853, 0.0004941886041194645, 0.0002460865533080483, 0.00012271334757848915,
    6.124813505870483e-05, 3.058823630702049e-05, 1.528225940865187e-05, 7.637197637899763e-06,
)  # fmt: skip


def lgamma_near_root(z: Any, root: int) -> Any:
    """lgamma(root + z) for a root of 1 or 2 and small z, by Taylor's series."""
    total = 0.0 * z
    for k in range(len(_ZETA_LESS_ONE) + 1, 1, -1):
        total = total * z + (-1) ** k * (_ZETA_LESS_ONE[k - 2] + (root == 1)) / k
    return z * (total * z + (root - 1 - _EULER))


@verb
def lgamma(x: Any) -> Any:
    """log |gamma(x)|, with the digits near its roots 1 and 2 that SciPy loses."""
    value = special.gammaln(np.maximum(x, np.finfo(x.dtype).min))  # SciPy: -inf at -inf
    if x.dtype != np.float64:
        return value
    for root in (1, 2):
        near = np.abs(x - root) < _NEAR_ROOT
        if near.any():
            z = np.where(near, x - root, 0.0)
            value = np.where(near, lgamma_near_root(z, root), value)
    return value


@verb
def erfcinv(x: Any) -> Any:
    """The inverse of erfc."""
    return special.erfcinv(x)


@verb
def polygamma(order: Any, x: Any) -> Any:
    """(-1)^(n + 1) n! zeta(n + 1, x), and digamma(x) for n = 0."""
    one = x.dtype.type(1)
    sign = np.where(order % 2 == 0, -one, one)
    value = sign * special.gamma(order + one) * special.zeta(order + one, x)
    value = np.where(order == 0, special.digamma(x), value)
    return np.where(order == np.floor(order), value, x.dtype.type(np.nan))


@verb
def bessel(kind: str, order: int, x: Any) -> Any:
    """J, Y, I, K or the scaled I and K of a whole order."""
    direct = {"j": "j", "y": "y", "i": "i", "k": "k", "ie": "i{}e", "ke": "k{}e"}[kind]
    general = {"j": "jv", "y": "yn", "i": "iv", "k": "kv", "ie": "ive", "ke": "kve"}[kind]
    if order > 1:
        value = getattr(special, general)(order, x)
        return np.where(np.isinf(x), 0.0, value) if kind == "ie" else value
    name = direct.format(order) if "{" in direct else f"{direct}{order}"
    return getattr(special, name)(x)


@verb
def fresnel(x: Any) -> Any:
    """The integrals of sin(pi t^2 / 2) and of cos(pi t^2 / 2)."""
    return special.fresnel(x)


@verb
def quadrature(function: Any, nodes: Any, weights: Any) -> Any:
    """The weighted sum of a function's values at the nodes."""
    total = 0.0
    for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
        total = total + weight * function(node)
    return total
