"""Integrals without a closed form: Dawson, Fresnel, exponential integral, dilogarithm."""

from __future__ import annotations

import math
from typing import Any

import gradtape.core.xp_numpy_special  # noqa: F401  the verb fresnel
from gradtape.ops.basis import multiply, subtract
from gradtape.ops.exponential import exp
from gradtape.ops.families import FLOATING, PUBLIC, elementwise
from gradtape.ops.powers import square
from gradtape.ops.quotients import divide
from gradtape.ops.special_ladders import ladder
from gradtape.ops.trigonometric import cos, sin

for name in ("dawsn", "expint", "fresnel_cos", "fresnel_sin", "spence"):
    PUBLIC[name] = f"math.special.{name}"

dawsn = elementwise(
    "dawsn",
    lambda xp, x: xp.special.dawsn(x),
    lambda x, out: subtract(1.0, multiply(multiply(2.0, x), out)),
    "Return Dawson's integral, exp(-x^2) times the integral of exp(t^2) from 0 to x.",
    (1.0, 0.53808),
    kinds=FLOATING,
    wide=True,
)
expint = elementwise(
    "expint",
    lambda xp, x: xp.special.expi(x),
    lambda x: divide(exp(x), x),
    "Return the exponential integral Ei(x), the integral of exp(t) / t from -infinity to x.",
    (1.0, 1.89512),
    kinds=FLOATING,
    wide=True,
)


def _phase(x: Any) -> Any:
    return multiply(math.pi / 2, square(x))


fresnel_cos = elementwise(
    "fresnel_cos",
    lambda xp, x: xp.fresnel(x)[1],
    lambda x: cos(_phase(x)),
    "Return the integral of cos(pi t^2 / 2) from 0 to x.",
    (1.0, 0.779893),
    kinds=FLOATING,
    wide=True,
)
fresnel_sin = elementwise(
    "fresnel_sin",
    lambda xp, x: xp.fresnel(x)[0],
    lambda x: sin(_phase(x)),
    "Return the integral of sin(pi t^2 / 2) from 0 to x.",
    (1.0, 0.438259),
    kinds=FLOATING,
    wide=True,
)

# the dilogarithm's slope log(x) / (1 - x) and its derivatives are smooth at 1: a series there


def _near_one(d: Any, order: int) -> Any:
    """Derivatives of -log(1 + d) / d by its series, for |d| < 1/4."""
    value = 0.0 * d
    for n in range(order + 30, order - 1, -1):
        value = value * d + (-1) ** (n + 1) * math.perm(n, order) / (n + 1)
    return value


def _slope_kernel(xp: Any, x: Any, order: int) -> Any:
    d = x - 1
    near = xp.abs(d) < 0.25
    far = xp.where(near, xp.ones((), d.dtype), d)
    value = xp.log(1 + far) / far
    for m in range(1, order + 1):
        raised = (-1) ** (m - 1) * math.factorial(m - 1) / (1 + far) ** m
        value = (raised - m * value) / far
    return xp.where(near, _near_one(xp.where(near, d, xp.zeros((), d.dtype)), order), -value)


_spence_slope = ladder(
    "spence_slope", _slope_kernel, lambda x, order: _spence_slope(x, order=order + 1)
)

spence = elementwise(
    "spence",
    lambda xp, x: xp.special.spence(x),
    lambda x: _spence_slope(x, order=0),
    "Return the dilogarithm as the integral of log(t) / (1 - t) from 1 to x, for x >= 0.",
    (0.0, 1.64493),
    kinds=FLOATING,
    wide=True,
)
