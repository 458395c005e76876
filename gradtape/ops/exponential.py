"""Exponentials, logarithms and trigonometric functions."""

from __future__ import annotations

from gradtape.ops.basis import negative
from gradtape.ops.families import elementwise

exp = elementwise("exp", lambda xp, x: xp.exp(x), lambda out: out, "Return e**x.", (1.0, 2.71828))
log = elementwise(
    "log",
    lambda xp, x: xp.log(x),
    lambda x: 1.0 / x,
    "Return the natural logarithm of x.",
    (1.0, 0),
    singular=True,
)
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
tanh = elementwise(
    "tanh",
    lambda xp, x: xp.tanh(x),
    lambda x: 1.0 / _cosh2(x),
    "Return the hyperbolic tangent.",
    (0.0, 0),
)
