"""How many digits f, f', f'' and f''' keep, in units in the last place of float64, against mpmath.

The thirty functions are compared at points over wide ranges, tails included: there the usual formulas
1 - tanh^2, s (1 - s) and exp(-x * x) lose what a difference or a rounded square loses. The bound of
16 units is held wherever the table does not name another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import gradtape as tf
from gradtape.ops.neural import gelu, silu

BOUND = 16.0
POINTS = 200
EPS = 2.0**-52


def uniform(low: float, high: float) -> Any:
    return np.random.default_rng(5).uniform(low, high, POINTS)


def geometric(low: float, high: float) -> Any:
    return np.exp(np.random.default_rng(6).uniform(np.log(low), np.log(high), POINTS))


def both(values: Any) -> Any:
    return values * np.random.default_rng(7).choice([-1.0, 1.0], POINTS)


def log_gamma(x: Any) -> Any:
    return mpmath.log(abs(mpmath.gamma(x)))


def half_erfc(x: Any) -> Any:
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


# name: gradtape's function, mpmath's, points
FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any], Any]] = {
    "exp": (tf.exp, mpmath.exp, uniform(-700, 700)),
    "expm1": (
        tf.math.expm1,
        mpmath.expm1,
        np.r_[uniform(-36, 40)[:100], both(geometric(1e-10, 1))[:100]],
    ),
    "log": (tf.math.log, mpmath.log, geometric(1e-100, 1e100)),
    "log1p": (
        tf.math.log1p,
        mpmath.log1p,
        np.r_[geometric(1e-10, 1e10)[:140], uniform(-0.99, 0)[:60]],
    ),
    "sqrt": (tf.sqrt, mpmath.sqrt, geometric(1e-40, 1e40)),
    "rsqrt": (tf.math.rsqrt, lambda x: 1 / mpmath.sqrt(x), geometric(1e-40, 1e40)),
    "sin": (tf.sin, mpmath.sin, uniform(-10, 10)),
    "cos": (tf.cos, mpmath.cos, uniform(-10, 10)),
    "tan": (tf.tan, mpmath.tan, uniform(-1.5, 1.5)),
    "asin": (tf.asin, mpmath.asin, both(1 - geometric(1e-6, 1))),
    "acos": (tf.acos, mpmath.acos, both(1 - geometric(1e-6, 1))),
    "atan": (tf.atan, mpmath.atan, both(geometric(1e-3, 1e4))),
    "sinh": (tf.sinh, mpmath.sinh, uniform(-50, 50)),
    "cosh": (tf.cosh, mpmath.cosh, uniform(-50, 50)),
    "tanh": (tf.tanh, mpmath.tanh, uniform(-18, 18)),
    "asinh": (tf.asinh, mpmath.asinh, both(geometric(1e-3, 1e6))),
    "acosh": (tf.acosh, mpmath.acosh, 1 + geometric(1e-4, 1e6)),
    "atanh": (tf.atanh, mpmath.atanh, both(1 - geometric(1e-6, 1))),
    "erf": (tf.math.erf, mpmath.erf, uniform(-5.5, 5.5)),
    "erfc": (tf.math.erfc, mpmath.erfc, uniform(-5, 25)),
    "lgamma": (tf.math.lgamma, log_gamma, geometric(1e-2, 1e3)),
    "digamma": (tf.math.digamma, mpmath.digamma, geometric(1e-2, 1e3)),
    "sigmoid": (tf.sigmoid, lambda x: 1 / (1 + mpmath.exp(-x)), uniform(-700, 40)),
    "softplus": (tf.nn.softplus, lambda x: mpmath.log1p(mpmath.exp(x)), uniform(-700, 40)),
    "log_sigmoid": (
        tf.math.log_sigmoid,
        lambda x: -mpmath.log1p(mpmath.exp(-x)),
        uniform(-40, 700),
    ),
    "square": (tf.square, lambda x: x * x, both(geometric(1e-10, 1e10))),
    "reciprocal": (tf.math.reciprocal, lambda x: 1 / x, both(geometric(1e-10, 1e10))),
    "pow1.5": (lambda x: tf.pow(x, 1.5), lambda x: x**1.5, geometric(1e-10, 1e10)),
    "silu": (silu, lambda x: x / (1 + mpmath.exp(-x)), uniform(-700, 40)),
    "gelu": (lambda x: gelu(x, approximate=False), lambda x: x * half_erfc(x), uniform(-35, 8)),
}

# bounds of f, f', f'', f''' that are not 16, with the reason
OTHERS: dict[str, tuple[float, float, float, float]] = {
    "gelu": (16, 32, 16, 16),  # two points lie close to the root of f' at -0.75, where terms cancel
}


def derivatives(function: Callable[..., Any], points: Any) -> list[Any]:
    """f, f', f'', f''' by nested tapes."""
    x = tf.constant(points)
    with tf.GradientTape() as third:
        third.watch(x)
        with tf.GradientTape() as second:
            second.watch(x)
            with tf.GradientTape() as first:
                first.watch(x)
                y = function(x)
            slope = first.gradient(y, x)
        curvature = second.gradient(slope, x)
    jerk = third.gradient(curvature, x)
    return [
        np.zeros_like(points) if v is None else np.asarray(v) for v in (y, slope, curvature, jerk)
    ]


def exact(function: Callable[..., Any], points: Any) -> list[list[Any]]:
    """f and its derivatives by mpmath: Taylor expansions of f(x u) at u = 1 with 60 digits."""
    with mpmath.workdps(60):
        numbers = [mpmath.mpf(float(p)) for p in points]
        rows = [mpmath.taylor(lambda u, x=x: function(x * u), 1, 3, chop=False) for x in numbers]
        return [
            [row[k] * mpmath.factorial(k) / x**k for row, x in zip(rows, numbers, strict=True)]
            for k in range(4)
        ]


def errors(name: str) -> list[float]:
    """The largest relative errors of f, f', f'', f''' in units in the last place."""
    function, reference, points = FUNCTIONS[name]
    found = []
    for have, wanted in zip(derivatives(function, points), exact(reference, points), strict=True):
        worst = 0.0
        for a, b in zip(have.tolist(), wanted, strict=True):
            scale = abs(b) if abs(b) > 1e-290 else mpmath.mpf(1e-290)
            worst = max(worst, float(abs(mpmath.mpf(a) - b) / scale) / EPS)
        found.append(worst)
    return found


@pytest.fixture(scope="module")
def table() -> dict[str, list[float]]:
    return {name: errors(name) for name in FUNCTIONS}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_units_in_the_last_place(name: str, table: dict[str, list[float]]) -> None:
    for have, bound in zip(table[name], OTHERS.get(name, (BOUND,) * 4), strict=True):
        assert have <= bound, f"{name}: {table[name]}"


def test_how_many_keep_their_digits(table: dict[str, list[float]]) -> None:
    assert len(table) == 30
    counts = [sum(row[k] <= BOUND for row in table.values()) for k in range(4)]
    for name, row in table.items():
        print(f"{name:12}" + "".join(f"{e:12.3g}" for e in row))
    print(
        f"within {BOUND:g} units, of 30: f {counts[0]}, f' {counts[1]}, f'' {counts[2]}, f''' {counts[3]}"
    )
    assert counts[1] >= 27
    assert counts[2] >= 27
    assert counts[3] >= 24
