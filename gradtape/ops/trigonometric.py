"""Trigonometric and inverse hyperbolic functions.

The slopes of the inverse functions are operations of their own with derivatives in closed form:
1 - x^2 as (1 - x)(1 + x), and no difference that cancels at the second or third order.
"""

from __future__ import annotations

from typing import Any

from gradtape.core.convert import as_tensor
from gradtape.ops.basis import (
    add,
    cast,
    chain_multiply,
    full,
    multiply,
    negative,
    real,
    safe_divide,
)
from gradtape.ops.complexes import imag
from gradtape.ops.families import FLOATING, elementwise, pairwise
from gradtape.ops.powers import square
from gradtape.ops.quotients import safe_cube
from gradtape.ops.stepwise import less

sin = elementwise(
    "sin", lambda xp, x: xp.sin(x), lambda x: cos(x), "Return the sine of x, in radians.", (0.0, 0)
)
cos = elementwise(
    "cos",
    lambda xp, x: xp.cos(x),
    lambda x: negative(sin(x)),
    "Return the cosine of x, in radians.",
    (0.0, 1),
)
tan = elementwise(
    "tan",
    lambda xp, x: xp.tan(x),
    lambda out: add(1.0, square(out)),
    "Return the tangent of x, in radians.",
    (0.0, 0),
)


# slopes of the inverse functions


asin_slope = elementwise(
    "asin_slope",
    lambda xp, x: xp.reciprocal(xp.sqrt(1 - x) * xp.sqrt(1 + x)),
    lambda x, out: multiply(x, safe_cube(out)),
    "Return 1 / sqrt(1 - x^2), the slope of asin.",
    wide=True,
)
asinh_slope = elementwise(
    "asinh_slope",
    lambda xp, x: xp.reciprocal(
        xp.sqrt(1 + x * x) if x.dtype.kind == "c" else xp.hypot(x, xp.ones((), x.dtype))
    ),
    lambda x, out: negative(multiply(x, safe_cube(out))),
    "Return 1 / sqrt(1 + x^2), the slope of asinh.",
    wide=True,
)
acosh_slope = elementwise(
    "acosh_slope",
    lambda xp, x: xp.reciprocal(xp.sqrt(x - 1) * xp.sqrt(x + 1)),
    lambda x, out: negative(multiply(x, safe_cube(out))),
    "Return 1 / sqrt(x^2 - 1), the slope of acosh.",
    wide=True,
)
atan_slope = elementwise(
    "atan_slope",
    lambda xp, x: xp.reciprocal(1 + x * x),
    lambda x, out: multiply(multiply(-2.0, x), square(out)),
    "Return 1 / (1 + x^2), the slope of atan.",
    wide=True,
)
atanh_slope = elementwise(
    "atanh_slope",
    lambda xp, x: xp.reciprocal((1 - x) * (1 + x)),
    lambda x, out: multiply(multiply(2.0, x), square(out)),
    "Return 1 / (1 - x^2), the slope of atanh.",
    wide=True,
)

# inverse functions

asin = elementwise(
    "asin",
    lambda xp, x: xp.arcsin(x),
    lambda x: asin_slope(x),
    "Return the angle in [-pi/2, pi/2] whose sine is x.",
    (1.0, 1.5708),
)
acos = elementwise(
    "acos",
    lambda xp, x: xp.arccos(x),
    lambda x: negative(asin_slope(x)),
    "Return the angle in [0, pi] whose cosine is x.",
    (0.0, 1.5708),
)
atan = elementwise(
    "atan",
    lambda xp, x: xp.arctan(x),
    lambda x: atan_slope(x),
    "Return the angle in (-pi/2, pi/2) whose tangent is x.",
    (1.0, 0.785398),
)
asinh = elementwise(
    "asinh",
    lambda xp, x: xp.arcsinh(x),
    lambda x: asinh_slope(x),
    "Return the number whose hyperbolic sine is x.",
    (1.0, 0.881374),
)
acosh = elementwise(
    "acosh",
    lambda xp, x: xp.arccosh(x),
    lambda x: acosh_slope(x),
    "Return the number that is not negative and whose hyperbolic cosine is x.",
    (2.0, 1.31696),
)
atanh = elementwise(
    "atanh",
    lambda xp, x: xp.arctanh(x),
    lambda x: atanh_slope(x),
    "Return the number whose hyperbolic tangent is x.",
    (0.5, 0.549306),
)

# angles


def _over_square(t: Any, a: Any, x: Any, y: Any) -> Any:
    """t a / (x^2 + y^2), and 0 where both are 0."""
    return safe_divide(chain_multiply(t, a), add(square(x), square(y)))


_atan2 = pairwise(
    "atan2",
    lambda xp, x, y: xp.arctan2(x, y),
    lambda t, x, y: _over_square(t, y, x, y),
    lambda t, x, y: negative(_over_square(t, x, x, y)),
    "Return the angle of a point by its height and its abscissa.",
    kinds=FLOATING,
)


def atan2(y: Any, x: Any, name: str | None = None) -> Any:
    """Return the angle of the point (x, y), in [-pi, pi], broadcasting.

    At the origin, where there is no angle, the derivatives are 0.

    Args:
        y: a floating-point tensor, the height.
        x: a tensor of the same dtype, the abscissa.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> tf.atan2([1.0, 0.0], [0.0, -1.0]).numpy()
        array([1.5707964, 3.1415927], dtype=float32)
    """
    return _atan2(y, x)


PI = 3.141592653589793


def angle(input: Any, name: str | None = None) -> Any:
    """Return the argument of a complex number; of a real one 0, or pi where it is negative.

    Args:
        input: a floating-point or complex tensor of any shape.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> print(f"{tf.math.angle(tf.constant(1 + 1j)):.6g}")
        0.785398
    """
    x = as_tensor(input, "angle")
    if x._dtype.kind == "c":
        return atan2(imag(x), real(x))
    return multiply(full((), PI, x._dtype), cast(less(x, 0), x._dtype))
