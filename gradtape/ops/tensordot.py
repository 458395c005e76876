"""Sums of products over pairs of axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same
from gradtape.ops.calls import mixed_dtypes, pair, wrong_kind
from gradtape.ops.einsum import FIRST_HIDDEN, NUMERIC, contract
from gradtape.ops.static import static, static_int


def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Any:
    """Return the sum of products over pairs of axes.

    Args:
        a: a numeric tensor.
        b: a tensor of the same dtype.
        axes: a number n: the last n axes of a with the first n of b; or a pair (axes of a, axes of
            b), each a number or a list.
        name: ignored, for compatibility.

    Returns:
        The remaining axes of a, followed by those of b.

    Raises:
        ValueError: when `axes` is malformed.
        InvalidArgumentError: when axes do not exist or differ in size, or dtypes differ.

    Example:
        >>> import gradtape as tf
        >>> float(tf.tensordot([1.0, 2.0], [3.0, 4.0], 1))
        11.0
    """
    a, b = pair(a, b, "tensordot")
    if a._dtype != b._dtype:
        raise mixed_dtypes("tensordot", a, b)
    if a._dtype.kind not in NUMERIC:
        raise wrong_kind("tensordot", NUMERIC, a, b)
    left, right = _dot_axes(axes, a, b)
    for i, j in zip(left, right, strict=True):
        if not same(a._shape[i], b._shape[j]):
            raise InvalidArgumentError(
                f"gradtape.tensordot({brief(a)}, {brief(b)}): axis {i} of a and axis {j} of b "
                "differ in size. Name other axes, or transpose one tensor."
            )
    mine = [chr(FIRST_HIDDEN + i) for i in range(len(a._shape))]
    other = [chr(FIRST_HIDDEN + len(mine) + j) for j in range(len(b._shape))]
    for i, j in zip(left, right, strict=True):
        other[j] = mine[i]
    kept = [c for c in (*mine, *other) if not (c in mine and c in other)]
    return contract(a, b, f"{''.join(mine)},{''.join(other)}->{''.join(kept)}")


def _dot_axes(axes: Any, a: Any, b: Any) -> tuple[list[int], list[int]]:
    """The axes to sum over, as non-negative numbers."""
    items = static(axes, "tensordot", "axes")
    ranks = len(a._shape), len(b._shape)
    if not isinstance(items, list):
        count = static_int(items, "tensordot", "axes")
        if count < 0:
            raise ValueError(f"gradtape.tensordot: `axes` must be at least 0. Received: {count}.")
        if count > min(ranks):
            raise ValueError(
                f"gradtape.tensordot: axes={count} exceeds the number of axes of {brief(a)} "
                f"or {brief(b)}."
            )
        return list(range(ranks[0] - count, ranks[0])), list(range(count))
    if len(items) != 2:
        raise ValueError(
            f"gradtape.tensordot: axes must be a number or a pair of lists, not {items}."
        )
    found = []
    for given, rank in zip(items, ranks, strict=True):
        numbers = [
            static_int(n, "tensordot", "axes") for n in np.atleast_1d(np.array(given, object))
        ]
        if any(not -rank <= n < rank for n in numbers):
            raise InvalidArgumentError(
                f"gradtape.tensordot({brief(a)}, {brief(b)}, axes={items}): no such axis."
            )
        found.append([n % rank for n in numbers])
    if len(found[0]) != len(found[1]) or any(len(set(f)) != len(f) for f in found):
        raise ValueError(
            "gradtape.tensordot: Different number of contraction axes `a` and `b`, or an axis "
            f"named twice: {items}."
        )
    return found[0], found[1]
