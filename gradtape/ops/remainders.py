"""Whole quotients and remainders, as Python has them and as C has them."""

from __future__ import annotations

from typing import Any

import gradtape.core.xp_numpy_special  # noqa: F401  the verb refuse_zero
from gradtape.ops.basis import negative, safe_multiply
from gradtape.ops.families import REAL, pairwise, stepwise


def _floordiv(xp: Any, x: Any, y: Any) -> Any:
    if x.dtype.kind in "iu":
        xp.refuse_zero(y)
        return x // y
    return xp.floor(x / y)


floordiv = stepwise(
    "floordiv",
    _floordiv,
    """Return floor(x / y): the quotient of Python's //, broadcasting.

    Raises:
        InvalidArgumentError: for an integer division by zero.

    Example:
        >>> import gradtape as tf
        >>> tf.math.floordiv([7, -7], 2).numpy()
        array([ 3, -4], dtype=int32)
    """,
    kinds=REAL,
)


def _floormod(xp: Any, x: Any, y: Any) -> Any:
    xp.refuse_zero(y)
    return xp.remainder(x, y)


floormod = pairwise(
    "floormod",
    _floormod,
    lambda t: t,
    lambda t, x, y: negative(safe_multiply(t, floordiv(x, y))),
    """Return the remainder of Python's %, which has the sign of y, broadcasting.

    The derivatives are 1 and -floor(x / y).

    Raises:
        InvalidArgumentError: for an integer division by zero.

    Example:
        >>> import gradtape as tf
        >>> tf.math.floormod([7, -7], 3).numpy()
        array([1, 2], dtype=int32)
    """,
    kinds=REAL,
)
mod = floormod


def _truncatediv(xp: Any, x: Any, y: Any) -> Any:
    if x.dtype.kind in "iu":
        xp.refuse_zero(y)
        return (x - xp.fmod(x, y)) // y
    return xp.trunc(x / y)


truncatediv = stepwise(
    "truncatediv",
    _truncatediv,
    """Return x / y rounded towards zero, broadcasting.

    Raises:
        InvalidArgumentError: for an integer division by zero.

    Example:
        >>> import gradtape as tf
        >>> tf.truncatediv([7, -7], 2).numpy()
        array([ 3, -3], dtype=int32)
    """,
    kinds=REAL,
)


def _truncatemod(xp: Any, x: Any, y: Any) -> Any:
    xp.refuse_zero(y)
    return xp.fmod(x, y)


truncatemod = pairwise(
    "truncatemod",
    _truncatemod,
    lambda t: t,
    lambda t, x, y: negative(safe_multiply(t, truncatediv(x, y))),
    """Return the remainder of C's %, which has the sign of x, broadcasting.

    The derivatives are 1 and -trunc(x / y).

    Raises:
        InvalidArgumentError: for an integer division by zero.

    Example:
        >>> import gradtape as tf
        >>> tf.truncatemod([7, -7], 3).numpy()
        array([ 1, -1], dtype=int32)
    """,
    kinds=REAL,
)
