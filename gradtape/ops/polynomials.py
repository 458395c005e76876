"""Polynomials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradtape.core.convert import as_tensor
from gradtape.core.errors import brief
from gradtape.ops.basis import add, multiply


def polyval(coeffs: Sequence[Any], x: Any, name: str | None = None) -> Any:
    """Return coeffs[0] x^(n-1) + ... + coeffs[n-1], by Horner's scheme.

    Args:
        coeffs: a list of tensors, the highest power first; they broadcast with x.
        x: a numeric tensor.
        name: ignored, for compatibility.

    Raises:
        ValueError: when coeffs is no list.

    Example:
        >>> import gradtape as tf
        >>> float(tf.math.polyval([1.0, 2.0, 3.0], 2.0))
        11.0
    """
    if not isinstance(coeffs, (list, tuple)):
        raise ValueError(f"gradtape.math.polyval: coeffs must be a list, not {brief(coeffs)}.")
    x = as_tensor(x, "math.polyval")
    total = multiply(x, 0)
    for coefficient in coeffs:
        total = add(multiply(total, x), coefficient)
    return total
