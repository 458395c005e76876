"""Padding: `pad` with a constant, or with the tensor's own elements mirrored at its edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import Size
from gradtape.ops.assembly import concat
from gradtape.ops.basis import ones
from gradtape.ops.calls import mixed_dtypes
from gradtape.ops.choosing import select
from gradtape.ops.repeating import flip
from gradtape.ops.static import check_size, static, static_sizes
from gradtape.ops.striding import WHOLE, strided_slice

BOOL = np.dtype(np.bool_)
Widths = tuple[tuple[int, int], ...]


def _inside(x_shape: tuple[int, ...], paddings: Widths) -> tuple[Any, ...]:
    """The key of the place of the tensor in its padded form."""
    return tuple([(b, b + n, None) for (b, _), n in zip(paddings, x_shape, strict=True)])


_pad = primitive(
    "pad",
    lambda xp, x, *, paddings: xp.pad(x, paddings) if paddings else x,
    vjps=[lambda ct, x_shape, paddings: strided_slice(ct, _inside(x_shape, paddings))],
    jvps=[lambda t, paddings: pad_zeros(t, paddings)],
    batch=lambda mask, x, paddings: pad_zeros(x, ((0, 0), *paddings)),
    shape=lambda x, paddings: Spec(_padded(x._shape, paddings), x._dtype),
    linear=True,
    family="structural",
)


def _padded(shape: tuple[Any, ...], paddings: Widths) -> tuple[Any, ...]:
    pairs = zip(shape, paddings, strict=True)
    return tuple([n + before + after for n, (before, after) in pairs])


def pad_zeros(x: Any, paddings: Widths) -> Any:
    """x with zeros before and after each axis."""
    return apply(_pad, (x,), {"paddings": paddings})


def pad(
    tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: Any = None
) -> Any:
    """Return the tensor with elements added before and after each axis.

    Args:
        tensor: (n1, ..., nr) any tensor.
        paddings: (r, 2) non-negative integers: how many elements before and after each axis.
        mode: "CONSTANT"; "REFLECT" mirrors at the outermost elements (at most n - 1), "SYMMETRIC"
            at the edges
            (at most n).
        constant_values: the scalar for "CONSTANT"; differentiable.

    Raises:
        ValueError: for another mode.
        InvalidArgumentError: when the paddings do not fit the tensor.

    Example:
        >>> import gradtape as tf
        >>> tf.pad([1, 2, 3], [[1, 2]], "REFLECT").numpy()
        array([2, 1, 2, 3, 2, 1], dtype=int32)
    """
    x = as_tensor(tensor, "pad")
    kind = mode.upper() if isinstance(mode, str) else mode
    widths = _widths(paddings, x, static_sizes if kind == "CONSTANT" else static)
    check_size(_padded(x._shape, widths), "pad", x._dtype.itemsize)
    if kind == "CONSTANT":
        return _constant(x, widths, constant_values)
    if kind in ("REFLECT", "SYMMETRIC"):
        return _mirrored(x, widths, 1 if kind == "REFLECT" else 0)
    raise ValueError(
        "gradtape.pad: Value of argument `mode` expected to be one of 'CONSTANT', 'REFLECT' or "
        f"'SYMMETRIC', not {mode!r}."
    )


def _widths(paddings: Any, x: Any, numbers: Callable[..., Any]) -> Widths:
    """The paddings as checked pairs."""
    items = numbers(paddings, "pad", "paddings")
    rank = len(x._shape)
    fits = isinstance(items, list) and len(items) == rank
    if not fits or not all(isinstance(p, list) and len(p) == 2 for p in items):
        raise InvalidArgumentError(
            f"gradtape.pad({brief(x)}): paddings must have shape [{rank}, 2], a pair (before, "
            f"after) for each axis; got {items!r}."
        )
    for pair in items:
        for n in pair:
            if not isinstance(n, (int, Size)) or isinstance(n, bool):
                raise TypeError(f"gradtape.pad: paddings must be integers, not {brief(n)}.")
            if n < 0:
                raise InvalidArgumentError(
                    f"gradtape.pad({brief(x)}): Paddings must be non-negative: {items}. "
                    "Slice the tensor to make it smaller."
                )
    return tuple([(p[0], p[1]) for p in items])


def _constant(x: Any, widths: Widths, value: Any) -> Any:
    if type(value) in (int, float) and value == 0:
        return pad_zeros(x, widths)
    value = as_tensor_like(value, x._dtype, "pad")
    if value._dtype != x._dtype:
        raise mixed_dtypes("pad", x, value)
    if value._shape:
        raise InvalidArgumentError(
            f"gradtape.pad: constant_values must be a scalar, not {brief(value)}."
        )
    inside = pad_zeros(ones(x._shape, BOOL), widths)
    return select(inside, pad_zeros(x, widths), value)


def _mirrored(x: Any, widths: Widths, skip: int) -> Any:
    for axis, (before, after) in enumerate(widths):
        size = x._shape[axis]
        if before > size - skip or after > size - skip:
            raise InvalidArgumentError(
                f"gradtape.pad({brief(x)}): the paddings ({before}, {after}) of axis {axis} must "
                f"be at most {size - skip}: there is no more to mirror. Pad in several steps."
            )
        lead = (WHOLE,) * axis
        parts = [x]
        if before:
            parts.insert(0, flip(strided_slice(x, (*lead, (skip, skip + before, None))), (axis,)))
        if after:
            stop = size - skip
            parts.append(flip(strided_slice(x, (*lead, (stop - after, stop, None))), (axis,)))
        x = concat(parts, axis) if len(parts) > 1 else x
    return x
