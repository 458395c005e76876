"""The rows of `benchmarks.kernels` for functions of single numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from benchmarks.kernel_row import FLOATS, MILLION, Kernel, below, uniform

# between which numbers; a whole million takes too long where there are fewer
DOMAINS = {
    "sin": (-9, 9), "cos": (-9, 9), "tan": (-9, 9), "arcsin": (-1, 1), "arccos": (-1, 1),
    "arctan": (-9, 9), "sinh": (-3, 3), "cosh": (-3, 3), "tanh": (-3, 3), "arcsinh": (-9, 9),
    "arccosh": (1, 9), "arctanh": (-1, 1), "exp": (-9, 9), "expm1": (-3, 3), "log": (0, 9),
    "log1p": (-0.9, 9), "sqrt": (0, 9), "reciprocal": (1, 9), "abs": (-9, 9), "sign": (-9, 9),
    "floor": (-9, 9), "ceil": (-9, 9), "rint": (-9, 9), "round": (-9, 9), "trunc": (-9, 9),
    "square": (-9, 9), "isfinite": (-9, 9), "isinf": (-9, 9),
}  # fmt: skip
PAIRS = {
    "arctan2": (-9, 9), "maximum": (-9, 9), "minimum": (-9, 9), "hypot": (-9, 9), "power": (0.1, 9),
    "fmod": (-9, 9), "remainder": (-9, 9), "copysign": (-9, 9), "nextafter": (-9, 9),
}  # fmt: skip
SVML = "NumPy has Intel's vector library"
POWER = "XLA calls the C library's pow number by number"
SPECIAL = {
    "erf": (-3, 3), "erfinv": (-1, 1), "ndtri": (0, 1), "digamma": (0.1, 9), "gamma": (0.1, 9),
    "expi": (0.1, 9), "spence": (0.1, 9), "dawsn": (-3, 3),
}  # fmt: skip
TENTH = MILLION // 10
SERIES = "XLA's series go on until the last element is done"
SCIPYS = "SciPy's, called, on one core"
VIEW = "NumPy's is a view"


def called(name: str, *settings: Any) -> Callable[..., Any]:
    """The function of a namespace with a name; settings come after the arrays."""
    return lambda xp, *arrays: getattr(xp, name)(*arrays, *settings)


def special(name: str) -> Callable[..., Any]:
    """The special function with a name."""
    return lambda xp, *arrays: getattr(xp.special, name)(*arrays)


def of_jax(name: str) -> Any:
    """The function of jax.numpy, None where it has none."""
    return getattr(jnp, name, None)


def elementary() -> list[Kernel]:
    """Functions that NumPy itself has, of one and of two arrays."""
    rows = []
    for dtype in FLOATS:
        for name, ends in DOMAINS.items():
            arrays = partial(one, ends, dtype)
            rows.append(Kernel(name, called(name), arrays, of_jax(name), why=SVML))
        for name, ends in PAIRS.items():
            arrays = partial(two, ends, dtype)
            why = POWER if name == "power" else SVML
            rows.append(Kernel(name, called(name), arrays, of_jax(name), why=why))
    for name in ("left_shift", "right_shift"):
        rows.append(Kernel(name, called(name), lambda: [below(9, MILLION), below(9, MILLION)]))
    halves = partial(one, (-9, 9), np.float16)
    for name in ("exp", "sin", "tanh"):
        rows.append(Kernel(name, called(name), halves, of_jax(name), why=SVML))
    return rows


def one(ends: tuple[float, float], dtype: Any, size: int = MILLION) -> list[Any]:
    """A vector between two ends."""
    return [uniform(*ends, size, dtype=dtype)]


def two(ends: tuple[float, float], dtype: Any, size: int = MILLION) -> list[Any]:
    """Two different vectors between two ends."""
    (x,) = one(ends, dtype, size)
    return [x, x[::-1].copy()]


def masks() -> list[Kernel]:
    """Choices, complex numbers and bits."""
    masked = [uniform(-9, 9), uniform(-9, 9) > 0]
    pair = two((-9, 9), np.float32)
    return [
        Kernel("keep", called("keep"), lambda: masked, lambda x, m: jnp.where(m, x, 0)),
        Kernel(
            "zero_wins",
            called("zero_wins"),
            lambda: [masked[0], masked[0]],
            lambda x, t: jnp.where(t == 0, 0, x),
        ),
        Kernel("where", lambda xp, x, m: xp.where(m, x, -x), lambda: masked),
        Kernel("clip", lambda xp, x: xp.clip(x, -1, 1), lambda: pair[:1]),
        Kernel("as_complex", called("as_complex"), lambda: pair, lambda x, y: x + 1j * y),
        Kernel("real", lambda xp, x, y: xp.real(xp.as_complex(y, x)) + 1, lambda: pair),
        Kernel("imag", lambda xp, x, y: xp.imag(xp.as_complex(y, x)) + 1, lambda: pair),
        Kernel("conj", lambda xp, x, y: xp.conj(xp.as_complex(y, x)), lambda: pair),
        Kernel("bits_as", called("bits_as", np.dtype(np.int32)), lambda: pair[:1], why=VIEW),
        Kernel("halves", called("halves"), lambda: [below(2**62, MILLION).astype(np.uint64)]),
        Kernel(
            "refuse_zero",
            lambda xp, x, y: (xp.refuse_zero(y), xp.floor_divide(x, y))[1],
            lambda: [below(2**20, MILLION), below(9, MILLION) + 1],
            jnp.floor_divide,
        ),
    ]


def fused() -> list[Kernel]:
    """Functions of one number that are one verb, but several functions of NumPy."""
    nn, scipy = jax.nn, jax.scipy.special
    rows = []
    for dtype in FLOATS:
        x = partial(one, (-4, 4), dtype)
        rows += [
            Kernel("bell", called("bell", 1, 1), x, lambda x: nn.sigmoid(x) * nn.sigmoid(-x)),
            Kernel("logistic", called("logistic"), x, nn.sigmoid),
            Kernel("softplus", called("softplus"), x, nn.softplus),
            Kernel("gauss", called("gauss", 1.0), x, lambda x: jnp.exp(-x * x)),
            Kernel("erfc", called("erfc"), x, scipy.erfc),
            Kernel("ndtr", called("ndtr"), x, scipy.ndtr),
        ]
    return rows


def library_betainc(x: Any, y: Any) -> Any:
    """JAX's incomplete beta function."""
    return jax.scipy.special.betainc(x, y, x / 9)


def special_functions() -> list[Kernel]:
    """Special functions, of a tenth of a million numbers."""
    scipy = jax.scipy.special
    rows = []
    for dtype in FLOATS:
        positive = partial(one, (0.1, 9), dtype, TENTH)
        pair = partial(two, (0.1, 9), dtype, TENTH)
        for name, ends in SPECIAL.items():
            arrays = partial(one, ends, dtype, TENTH)
            library = getattr(scipy, name)
            rows.append(Kernel(f"special.{name}", special(name), arrays, library))
        for name in ("gammainc", "gammaincc"):
            rows.append(
                Kernel(f"special.{name}", special(name), pair, getattr(scipy, name), why=SCIPYS)
            )
        rows += [
            Kernel("lgamma", called("lgamma"), positive, scipy.gammaln),
            Kernel(
                "erfcinv", called("erfcinv"), partial(one, (0, 2), dtype, TENTH),
                lambda x: scipy.erfinv(1 - x),
            ),
            Kernel(
                "polygamma", lambda xp, x: xp.polygamma(xp.ones((), x.dtype), x), positive,
                lambda x: scipy.polygamma(1, x), why=SERIES,
            ),
            Kernel("special.zeta", lambda xp, x: xp.special.zeta(x + 1, x), positive, why=SERIES),
            Kernel(
                "special.betainc", lambda xp, x, y: xp.special.betainc(x, y, x / 9), pair,
                library_betainc, why=SCIPYS,
            ),
            Kernel("bessel", lambda xp, x: xp.bessel("j", 0, x), positive, why=SCIPYS),
            Kernel("fresnel", lambda xp, x: xp.fresnel(x)[0], positive),
        ]  # fmt: skip
    unit = partial(two, (0.1, 0.9), np.float64, TENTH // 10)
    rows.append(Kernel("gammaincinv", called("gammaincinv"), unit, why=SCIPYS))
    return rows
