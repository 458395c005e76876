"""The gamma function itself, which formulas are written with, and the factorial."""

from __future__ import annotations

from typing import Any

from gradtape.ops.basis import add, multiply
from gradtape.ops.families import FLOATING, PUBLIC, elementwise
from gradtape.ops.special import digamma

PUBLIC["gamma"] = "gamma"

gamma = elementwise(
    "gamma",
    lambda xp, x: xp.special.gamma(x),
    lambda x, out: multiply(out, digamma(x)),
    "Return the gamma function, the integral of t^(x - 1) exp(-t) for t from 0 to infinity.",
    (4.0, 6),
    kinds=FLOATING,
    wide=True,
)


def factorial(x: Any, name: str | None = None) -> Any:
    """Return x! = gamma(x + 1), between whole numbers too.

    Args:
        x: a floating-point tensor of any shape.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> print(f"{tf.factorial(3.0):.6g}")
        6
    """
    return gamma(add(x, 1.0))
