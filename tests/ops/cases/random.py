"""Rows of the random draws: pure functions of a key, whose references work the generator by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from tests.ops.case import FLOATS, Case


def keys(rng: np.random.Generator, dtype: Any) -> list[Any]:
    """One key."""
    return [rng.integers(0, 2**63, 2).astype(np.uint64)]


def words(key: Any, count: int) -> Any:
    """Words of NumPy's own Philox."""
    return np.random.Philox(key=key).random_raw(count)


def uniform(key: Any, shape: Any, dtype: Any) -> Any:
    """The top bits of a word, as a fraction."""
    count = int(np.prod(shape))
    if dtype == np.float64:
        return np.reshape([(int(w) >> 11) / 2**53 for w in words(key, count)], shape)
    low_high = [int(w) >> s & 0xFFFFFFFF for w in words(key, (count + 1) // 2) for s in (0, 32)]
    return np.reshape([(w >> 8) / 2**24 for w in low_high[:count]], shape).astype(dtype)


def normal(key: Any, shape: Any, dtype: Any) -> Any:
    """Box and Muller's pairs as complex numbers."""
    half = (int(np.prod(shape)) + 1) // 2
    units = uniform(key, (2 * half,), np.dtype(dtype)).astype(np.float64)
    pairs = np.sqrt(-2 * np.log1p(-units[:half])) * np.exp(2j * np.pi * units[half:])
    return np.concatenate([pairs.real, pairs.imag])[: int(np.prod(shape))].reshape(shape)


def whole(key: Any, shape: Any, low: int, high: int, dtype: Any) -> Any:
    """Words modulo the range."""
    values = [low + int(w) % (high - low) for w in words(key, int(np.prod(shape)))]
    return np.reshape(np.array(values).astype(dtype), shape)


def with_key(*draws: Any) -> Any:
    """A key, then parameters."""
    return lambda rng, dtype: [
        *keys(rng, dtype),
        *[np.asarray(d(rng)).astype(dtype) for d in draws],
    ]


def gamma(key: Any, alpha: Any) -> Any:
    """The quantile of a chi-square distribution is twice that of a gamma distribution."""
    return special.chdtri(2.0 * alpha, 1 - uniform(key, alpha.shape, np.float64)) / 2


F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
KEY = {"draw": keys, "dtypes": ("uint64",), "order": 0}

CASES = [
    Case("random_uniform", reference=uniform, params={"shape": (2, 5), "dtype": F32}, **KEY),
    Case("random_uniform", reference=uniform, params={"shape": (3,), "dtype": F64}, label="f64", **KEY),
    Case("random_uniform", reference=uniform, params={"shape": (0, 2), "dtype": F64}, label="empty", **KEY),
    Case("random_normal", reference=normal, params={"shape": (2, 5), "dtype": F64}, label="f64", **KEY),
    Case("random_normal", reference=normal, params={"shape": (3,), "dtype": F32}, value_tolerance=1e3, **KEY),
    Case(
        "random_integers", reference=whole,
        params={"shape": (2, 3), "low": -5, "high": 17, "dtype": np.dtype(np.int32)}, **KEY,
    ),
    Case(
        "random_gamma", reference=gamma, draw=with_key(lambda rng: rng.uniform(0.5, 5, (2, 3))), dtypes=FLOATS,
        value_tolerance=1e3,
    ),
    Case(
        "random_poisson", draw=with_key(lambda rng: rng.uniform(0.5, 30, (2, 3))), dtypes=FLOATS,
        reference=lambda key, rate: np.random.Generator(np.random.Philox(key=key)).poisson(rate).astype(rate.dtype),
    ),
    Case(
        "random_binomial", dtypes=FLOATS,
        draw=with_key(lambda rng: np.array([3.0, 10.0]), lambda rng: rng.uniform(0, 1, (2,))),
        reference=lambda key, n, p: np.random.Generator(np.random.Philox(key=key))
        .binomial(n.astype(int), p).astype(n.dtype),
    ),
]  # fmt: skip
