"""The bits of integers: and, or, xor, complement and shifts, without a derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradtape.ops.families import INTEGER, stepwise


def _bits(name: str, kernel: Callable[..., Any], sentence: str, arguments: str, value: str) -> Any:
    doc = (
        f"{sentence}\n\nWorks element by element on integers, broadcasting.\n\nExample:\n"
        f"    >>> import gradtape as tf\n    >>> int(tf.bitwise.{name}({arguments}))\n    {value}\n"
    )
    return stepwise(name, kernel, doc, kinds=INTEGER)


bitwise_and = _bits(
    "bitwise_and", lambda xp, x, y: x & y, "Return the bits that x and y both have.", "6, 3", "2"
)
bitwise_or = _bits(
    "bitwise_or", lambda xp, x, y: x | y, "Return the bits that x or y has.", "6, 3", "7"
)
bitwise_xor = _bits(
    "bitwise_xor",
    lambda xp, x, y: x ^ y,
    "Return the bits that exactly one of x and y has.",
    "6, 3",
    "5",
)
invert = _bits("invert", lambda xp, x: ~x, "Return x with every bit turned over.", "6", "-7")


def _within(xp: Any, x: Any, y: Any) -> Any:
    """A shift clamped to the bits there are: C, and so NumPy and XLA, leave others undefined."""
    return xp.clip(y, 0, 8 * x.dtype.itemsize - 1).astype(x.dtype)


left_shift = _bits(
    "left_shift",
    lambda xp, x, y: xp.left_shift(x, _within(xp, x, y)),
    "Return x with its bits moved y places to the left; y is clamped to the places that there are.",
    "3, 2",
    "12",
)
right_shift = _bits(
    "right_shift",
    lambda xp, x, y: xp.right_shift(x, _within(xp, x, y)),
    "Return x with its bits moved y places to the right, keeping the sign; y is clamped likewise.",
    "12, 2",
    "3",
)
