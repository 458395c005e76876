"""The primitives that draw: uniform, integers, normal, and gamma, Poisson and binomial numbers of
given parameters.

Each is a pure function of a key of two 64-bit words (see `core.xp_numpy_random`); `random_keys`
makes keys of seeds. A key may have leading axes: then there is a draw for each. Gamma numbers are
drawn by inverting the distribution function, so that a sample is a smooth function of its parameter
at a fixed key, and its derivative that of M. Figurnov et al., "Implicit reparameterization
gradients", 2018: dz/da = -(dP/da) / p(z)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import gradtape.core.xp_numpy_random  # noqa: F401  the verbs
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import bfloat16
from gradtape.core.nothing import INTEGER, STEPWISE
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.ops.basis import broadcast_to, safe_multiply
from gradtape.ops.special_incomplete import igamma_quantile_slope

BITS = {np.dtype(np.float16): 11, bfloat16.numpy_dtype: 8, np.dtype(np.float32): 24}


def _words(xp: Any, key: Any, count: int, wide: bool) -> Any:
    """Random words for each key: of 64 bits, or as many of 32 bits."""
    if wide:
        return xp.random_bits(key, count)
    return xp.halves(xp.random_bits(key, (count + 1) // 2))[..., :count]


def _unit(xp: Any, key: Any, count: int, dtype: Any) -> Any:
    """Numbers uniform on [0, 1), (..., count): all multiples of 2**-bits are equally likely."""
    if dtype == np.float64:
        return (_words(xp, key, count, True) >> np.uint64(11)).astype(dtype) * 2.0**-53
    bits = BITS[dtype]
    words = _words(xp, key, count, False) >> np.uint32(32 - bits)
    return words.astype(dtype) * np.asarray(2.0**-bits, dtype)


def _uniform_kernel(xp: Any, key: Any, *, shape: tuple[int, ...], dtype: Any) -> Any:
    return _unit(xp, key, math.prod(shape), dtype).reshape((*key.shape[:-1], *shape))


def _integers_kernel(
    xp: Any, key: Any, *, shape: tuple[int, ...], low: int, high: int, dtype: Any
) -> Any:
    words = _words(xp, key, math.prod(shape), True)
    if high - low < 2**64:
        words = words % np.uint64(high - low)
    shifted = words + np.uint64(low % 2**64)
    return shifted.astype(dtype).reshape((*key.shape[:-1], *shape))


def _normal_kernel(xp: Any, key: Any, *, shape: tuple[int, ...], dtype: Any) -> Any:
    """Pairs of normal numbers of pairs of uniform ones (G. Box and M. Muller, 1958)."""
    count = math.prod(shape)
    half = (count + 1) // 2
    work = dtype if dtype == np.float64 else np.dtype(np.float32)
    units = _unit(xp, key, 2 * half, work)
    radius = xp.sqrt(-2 * xp.log1p(-units[..., :half]))
    angle = np.asarray(2 * np.pi, work) * units[..., half:]
    pairs = xp.concatenate([radius * xp.cos(angle), radius * xp.sin(angle)], axis=-1)
    return pairs[..., :count].astype(dtype).reshape((*key.shape[:-1], *shape))


def _gamma_kernel(xp: Any, key: Any, alpha: Any) -> Any:
    lead = key.shape[:-1]
    count = math.prod(alpha.shape[len(lead) :])
    units = _unit(xp, key, count, np.dtype(np.float64)).reshape(alpha.shape)
    return xp.gammaincinv(alpha.astype(np.float64), units).astype(alpha.dtype)


def _drawn(name: str, kernel: Any) -> Any:
    """A primitive of a key alone, whose keywords give shape and dtype."""
    made = primitive(
        name,
        kernel,
        vjps=[INTEGER],
        jvps=[INTEGER],
        batch=lambda mask, key, **params: apply(made, (key,), params),
        shape=lambda key, shape, dtype, **_: Spec((*key._shape[:-1], *shape), dtype),
        differentiable=False,
        family="random",
    )
    return made


_uniform = _drawn("random_uniform", _uniform_kernel)
_integers = _drawn("random_integers", _integers_kernel)
_normal = _drawn("random_normal", _normal_kernel)


def unit(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Numbers uniform on [0, 1)."""
    return apply(_uniform, (key,), {"shape": shape, "dtype": dtype})


def integers(key: Any, shape: tuple[int, ...], low: int, high: int, dtype: Any) -> Any:
    """Integers uniform on [low, high)."""
    params = {"shape": shape, "low": low, "high": high, "dtype": dtype}
    return apply(_integers, (key,), params)


def standard_normal(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Numbers of mean 0 and standard deviation 1."""
    return apply(_normal, (key,), {"shape": shape, "dtype": dtype})


def _spread(mask: Any, inputs: Any) -> list[Any]:
    """Inputs that all have the batch axis."""
    size = next(t._shape[0] for t, b in zip(inputs, mask, strict=True) if b)
    return [
        t if b else broadcast_to(t, (size, *t._shape)) for t, b in zip(inputs, mask, strict=True)
    ]


def _gamma_slope(t: Any, alpha: Any, out: Any) -> Any:
    """How a gamma number moves with its parameter."""
    return safe_multiply(t, igamma_quantile_slope(alpha, out))


_gamma = primitive(
    "random_gamma",
    _gamma_kernel,
    vjps=[INTEGER, _gamma_slope],
    jvps=[INTEGER, _gamma_slope],
    batch=lambda mask, *inputs: standard_gamma(*_spread(mask, inputs)),
    shape=lambda key, alpha: Spec(alpha._shape, alpha._dtype),
    kinds="fV",
    family="random",
)


def standard_gamma(key: Any, alpha: Any) -> Any:
    """A gamma number of scale 1 for each shape parameter; differentiable in it."""
    return apply(_gamma, (key, alpha))


_poisson = primitive(
    "random_poisson",
    lambda xp, key, rate: xp.random_poisson(key, rate),
    vjps=[INTEGER, STEPWISE],
    jvps=[INTEGER, STEPWISE],
    batch=lambda mask, *inputs: poisson_of(*_spread(mask, inputs)),
    shape=lambda key, rate: Spec(rate._shape, rate._dtype),
    differentiable=False,
    family="random",
)


def poisson_of(key: Any, rate: Any) -> Any:
    """A Poisson number for each rate."""
    return apply(_poisson, (key, rate))


_binomial = primitive(
    "random_binomial",
    lambda xp, key, counts, probs: xp.random_binomial(key, counts, probs),
    vjps=[INTEGER, STEPWISE, STEPWISE],
    jvps=[INTEGER, STEPWISE, STEPWISE],
    batch=lambda mask, *inputs: binomial_of(*_spread(mask, inputs)),
    shape=lambda key, counts, probs: Spec(counts._shape, counts._dtype),
    differentiable=False,
    family="random",
)


def binomial_of(key: Any, counts: Any, probs: Any) -> Any:
    """A binomial number for each pair of a count and a probability."""
    return apply(_binomial, (key, counts, probs))
