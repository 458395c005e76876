"""Rows of activation functions, against mpmath where the slope has a form of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from tests.ops.case import FLOATS, HALVES, INTEGERS, Case

FLOATING = FLOATS + HALVES
SHAPES = [[()], [(0, 2)]]
HARD = FLOATING + INTEGERS


def exact(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """A function of mpmath, element by element with 40 digits."""

    def one(x: float) -> float:
        with mpmath.workdps(40):
            return float(function(mpmath.mpf(x)))

    def reference(x: Any, **params: Any) -> Any:
        flat = [one(float(v)) for v in np.ravel(x)]
        return np.reshape(np.array(flat, np.float64), np.shape(x))

    return reference


def slope(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: mpmath.diff(function, x)


def silu(x: Any) -> Any:
    return x / (1 + mpmath.exp(-x))


def gelu_tanh(x: Any) -> Any:
    return x / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + 0.044715 * x**3)))


def gelu(x: Any) -> Any:
    return x * mpmath.ncdf(x)


def elu(x: Any) -> Any:
    return x if x > 0 else mpmath.expm1(x)


def selu(x: Any) -> Any:
    return mpmath.mpf("1.0507009873554804934") * (
        x if x > 0 else mpmath.mpf("1.6732632423543772848") * mpmath.expm1(x)
    )


def softsign(x: Any) -> Any:
    return x / (1 + abs(x))


def smooth(name: str, function: Callable[[Any], Any]) -> list[Case]:
    """A function, and its slope as an operation of its own."""
    facts: dict[str, Any] = {"domain": (-3.0, 3.0), "dtypes": FLOATING, "variants": SHAPES}
    return [
        Case(name, [(3, 4)], exact(function), **facts),
        Case(f"{name}_slope", [(3, 4)], exact(slope(function)), **facts),
        Case(name, [(7,)], exact(function), domain=(-12.0, -3.0), label="tail"),
    ]


CASES = [
    Case("relu", [(3, 4)], lambda x: np.where(x > 0, x, 0), dtypes=HARD, variants=SHAPES),
    Case(
        "relu_pull",
        [(3, 4), (3, 4)],
        lambda ct, y: np.where(y > 0, ct, 0),
        dtypes=FLOATING,
        variants=[[(2, 3), (3,)], [(), ()]],
    ),
    Case("relu6", [(3, 4)], lambda x: np.clip(x, 0, 6), domain=(-3.0, 10.0), dtypes=HARD),
    Case(
        "relu6_slope",
        [(3, 4)],
        lambda x: np.where(np.clip(x, 0, 6) == x, x.dtype.type(1), x.dtype.type(0)),
        domain=(-3.0, 9.0),
        dtypes=FLOATING,
    ),
    *[
        Case(
            "leaky_relu",
            [(3, 4)],
            lambda x, alpha: np.where(x > 0, x, alpha * x.astype(np.float64)),
            {"alpha": alpha},
            dtypes=FLOATING,
            variants=SHAPES,
            label=f"alpha {alpha}",
        )
        for alpha in (0.25, 2.0, -0.5)
    ],
    Case(
        "leaky_relu_slope",
        [(3, 4)],
        lambda x, alpha: np.array([[1.0, alpha][int(v <= 0)] for v in x.ravel()]).reshape(x.shape),
        {"alpha": 0.25},
        dtypes=FLOATING,
    ),
    *smooth("elu", elu),
    *smooth("selu", selu),
    *smooth("softsign", softsign),
    *smooth("silu", silu),
    *smooth("gelu", gelu),
    *smooth("gelu_tanh", gelu_tanh),
    Case("normal_density", [(3, 4)], exact(mpmath.npdf), dtypes=FLOATING, domain=(-9.0, 9.0)),
]
