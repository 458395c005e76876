"""Elements repeated or moved along axes: broadcast_to, tile, repeat, roll, reverse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec, TensorShape
from gradtape.core.sizes import same
from gradtape.core.tensor import Tensor
from gradtape.ops import basis
from gradtape.ops.basis import size_of
from gradtape.ops.gathering import gather_axis
from gradtape.ops.host import computed
from gradtape.ops.remainders import floormod
from gradtape.ops.static import (
    check_size,
    later,
    static,
    static_axes,
    static_axis,
    static_int,
    static_shape,
    static_sizes,
)
from gradtape.ops.striding import WHOLE, strided_slice


def broadcast_to(input: Any, shape: Any, name: str | None = None) -> Any:
    """Return the tensor repeated along new leading axes and along axes of size 1.

    Args:
        input: any tensor.
        shape: the shape of the result; -1 keeps a size.

    Raises:
        InvalidArgumentError: when the shape does not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.broadcast_to([1, 2], [2, 2]).numpy()
        array([[1, 2],
               [1, 2]], dtype=int32)
    """
    x = as_tensor(input, "broadcast_to")
    items = static_sizes(shape, "broadcast_to", "shape")
    items = items if isinstance(items, list) else [items]
    have = (1,) * (len(items) - len(x._shape)) + x._shape
    wanted = tuple(
        h if n == -1 else n
        for n, h in zip(items, have + (1,) * (len(items) - len(have)), strict=False)
    )
    sizes = static_shape(wanted, "broadcast_to", x._dtype)
    if len(have) > len(sizes) or not all(
        h == 1 or same(h, n) for h, n in zip(have, sizes, strict=True)
    ):
        raise InvalidArgumentError(
            f"gradtape.broadcast_to({brief(x)}, {items}): incompatible shapes. Only axes of size 1 "
            "and new leading axes are repeated; write tf.tile for others."
        )
    return basis.broadcast_to(x, sizes)


def broadcast_static_shape(shape_x: Any, shape_y: Any) -> TensorShape:
    """Return the shape to which two shapes broadcast.

    Raises:
        ValueError: when they do not.

    Example:
        >>> import gradtape as tf
        >>> tf.broadcast_static_shape(tf.TensorShape([3, 1]), tf.TensorShape([2]))
        TensorShape([3, 2])
    """
    x, y = TensorShape(shape_x), TensorShape(shape_y)
    if x.rank is None or y.rank is None:
        return TensorShape(None)
    return TensorShape(_broadcast(tuple(x), tuple(y), "broadcast_static_shape"))


def _broadcast(x: tuple[Any, ...], y: tuple[Any, ...], function: str) -> tuple[Any, ...]:
    try:
        return basis.broadcast_shapes(x, y)
    except ValueError:
        raise InvalidArgumentError(
            f"gradtape.{function}: incompatible shapes for broadcasting: {x} and {y}. "
            "Sizes must be equal or 1."
        ) from None


def broadcast_dynamic_shape(shape_x: Any, shape_y: Any) -> Any:
    """Return the shape to which two shapes broadcast as an int32 tensor.

    Raises:
        InvalidArgumentError: when they do not.

    Example:
        >>> import gradtape as tf
        >>> tf.broadcast_dynamic_shape([3, 1], [2]).numpy()
        array([3, 2], dtype=int32)
    """
    x, y = as_tensor(shape_x, "broadcast_dynamic_shape"), as_tensor(shape_y)
    wide = np.int64 if np.int64 in (x._dtype, y._dtype) else np.int32
    function = "broadcast_dynamic_shape"
    sizes = _broadcast(static_shape(x, function), static_shape(y, function), function)
    return basis.numbers(sizes, np.dtype(wide))


def tile(input: Any, multiples: Any, name: str | None = None) -> Any:
    """Return the tensor repeated as a whole, multiples[i] times along axis i.

    Args:
        input: any tensor.
        multiples: a non-negative integer for each axis.

    Raises:
        InvalidArgumentError: when there is not one number for each axis, or one is negative.

    Example:
        >>> import gradtape as tf
        >>> tf.tile([[1, 2]], [2, 2]).numpy()
        array([[1, 2, 1, 2],
               [1, 2, 1, 2]], dtype=int32)
    """
    x = as_tensor(input, "tile")
    items = static_sizes(multiples, "tile", "multiples")
    times = [
        static_int(m, "tile", "multiples") for m in (items if isinstance(items, list) else [items])
    ]
    if len(times) != len(x._shape) or any([m < 0 for m in times]):
        raise InvalidArgumentError(
            f"gradtape.tile({brief(x)}): multiples {times} must be {len(x._shape)} non-negative "
            "numbers, one for each axis."
        )
    result = tuple([m * n for m, n in zip(times, x._shape, strict=True)])
    check_size(result, "tile", x._dtype.itemsize)
    lying = [k for n in x._shape for k in (1, n)]
    spread = [k for m, n in zip(times, x._shape, strict=True) for k in (m, n)]
    return basis.reshape(basis.broadcast_to(basis.reshape(x, tuple(lying)), tuple(spread)), result)


def repeat(input: Any, repeats: Any, axis: Any = None, name: str | None = None) -> Any:
    """Return the tensor with each slice along an axis repeated.

    Args:
        input: any tensor.
        repeats: a non-negative integer, or one for each slice.
        axis: the axis; by default the tensor is flattened first.

    Raises:
        InvalidArgumentError: when there is not one number for each slice, or one is negative.

    Example:
        >>> import gradtape as tf
        >>> tf.repeat([1, 2, 3], [0, 1, 2]).numpy()
        array([2, 3, 3], dtype=int32)
    """
    x = as_tensor(input, "repeat")
    if axis is None:
        x, number = basis.reshape(x, (size_of(x._shape),)), 0
    else:
        number = static_axis(axis, len(x._shape), "repeat")
    if later(repeats) and repeats._shape not in ((), (1,)):
        return _repeated(x, repeats, number)
    items = static_sizes(repeats, "repeat", "repeats")
    items = items if isinstance(items, list) else [items]
    times = [static_int(n, "repeat", "repeats") for n in items]
    size = x._shape[number]
    if any([n < 0 for n in times]) or not (len(times) == 1 or same(len(times), size)):
        raise InvalidArgumentError(
            f"gradtape.repeat({brief(x)}): repeats {times} must be one non-negative number, or "
            f"{size}, one for each slice along axis {number}."
        )
    lead, rest = x._shape[:number], x._shape[number + 1 :]
    total = times[0] * size if len(times) == 1 else sum(times)
    check_size((*lead, total, *rest), "repeat")
    if len(times) != 1:
        return gather_axis(x, Tensor(np.repeat(np.arange(len(times)), times)), number)
    spread = basis.broadcast_to(
        basis.reshape(x, (*lead, size, 1, *rest)), (*lead, size, times[0], *rest)
    )
    return basis.reshape(spread, (*lead, total, *rest))


def _repeated(x: Any, repeats: Any, axis: int) -> Any:
    """x with each slice repeated as often as a vector says that is known later."""
    if len(repeats._shape) != 1 or not same(repeats._shape[0], x._shape[axis]):
        raise InvalidArgumentError(
            f"gradtape.repeat({brief(x)}): repeats {brief(repeats)} must have one number for each "
            f"of the {x._shape[axis]} slices along axis {axis}."
        )

    def places(times: Any) -> list[Any]:
        if (times < 0).any():
            raise InvalidArgumentError(
                f"gradtape.repeat: repeats {times.tolist()} must not be negative."
            )
        return [np.repeat(np.arange(len(times)), times)]

    (found,) = computed("repeat", places, [repeats], (((None,), basis.INT64),))
    return gather_axis(x, found, axis)


def _roll_kernel(xp: Any, x: Any, *, shift: tuple[int, ...], axis: tuple[int, ...]) -> Any:
    return xp.roll(x, shift, axis)


_roll = primitive(
    "roll",
    _roll_kernel,
    vjps=[lambda ct, shift, axis: roll_axes(ct, tuple([-s for s in shift]), axis)],
    jvps=[lambda t, shift, axis: roll_axes(t, shift, axis)],
    batch=lambda mask, x, shift, axis: roll_axes(x, shift, tuple([a + 1 for a in axis])),
    shape=lambda x, shift, axis: Spec(x._shape, x._dtype),
    linear=True,
    family="structural",
)


def roll_axes(x: Any, shift: tuple[int, ...], axis: tuple[int, ...]) -> Any:
    """x with element i of an axis moved to place i + shift, around the end."""
    return apply(_roll, (x,), {"shift": shift, "axis": axis})


def roll(input: Any, shift: Any, axis: Any, name: str | None = None) -> Any:
    """Return the tensor with element i of an axis moved to place i + shift, around the end.

    Args:
        input: any tensor.
        shift: an integer, or one for each axis of `axis`.
        axis: an integer in [-r, r), or several; the shifts of an axis that is named twice add up.

    Raises:
        InvalidArgumentError: when there is not one shift for each axis.

    Example:
        >>> import gradtape as tf
        >>> tf.roll([0, 1, 2, 3, 4], 2, 0).numpy()
        array([3, 4, 0, 1, 2], dtype=int32)
    """
    x = as_tensor(input, "roll")
    shifts, axes = _shifts(shift), static(axis, "roll", "axis")
    axes = axes if isinstance(axes, list) else [axes]
    if len(shifts) != len(axes):
        raise InvalidArgumentError(
            f"gradtape.roll({brief(x)}): shift {shifts} and axis {axes} differ in length. Give one "
            "shift for each axis."
        )
    axes = [static_axis(a, len(x._shape), "roll") for a in axes]
    for by, along in zip(shifts, axes, strict=True):
        if later(by):
            x = _rolled(x, by, along)
    known = [i for i, by in enumerate(shifts) if not later(by)]
    numbers = [static_int(shifts[i], "roll", "shift") for i in known]
    return roll_axes(x, tuple(numbers), tuple([axes[i] for i in known])) if known else x


def _shifts(shift: Any) -> list[Any]:
    """The shifts, each a number or a tensor that is known later."""
    if later(shift):
        count = shift._shape[0] if shift._shape else 0
        return [strided_slice(shift, (i,)) for i in range(count)] or [shift]
    shifts = shift if isinstance(shift, (list, tuple)) else static(shift, "roll", "shift")
    return list(shifts) if isinstance(shifts, (list, tuple)) else [shifts]


def _rolled(x: Any, shift: Any, axis: int) -> Any:
    """x rolled by what is known later."""
    size = x._shape[axis]
    places = basis.subtract(basis.places(size), basis.cast(shift, basis.INT64))
    return gather_axis(x, floormod(places, basis.numbers(size, basis.INT64)), axis)


def reverse(tensor: Any, axis: Any, name: str | None = None) -> Any:
    """Return the tensor with the order along some axes turned around.

    Args:
        tensor: any tensor.
        axis: a list of axes in [-r, r), each at most once.

    Raises:
        InvalidArgumentError: for an axis out of range or named twice.

    Example:
        >>> import gradtape as tf
        >>> tf.reverse([[1, 2], [3, 4]], [1]).numpy()
        array([[2, 1],
               [4, 3]], dtype=int32)
    """
    x = as_tensor(tensor, "reverse")
    axes = static_axes(axis, len(x._shape), "reverse")
    return flip(x, axes)


def flip(x: Any, axes: Sequence[int]) -> Any:
    """x with the order along non-negative axes turned around."""
    last = max(axes, default=-1)
    return strided_slice(
        x, tuple([(None, None, -1) if a in axes else WHOLE for a in range(last + 1)])
    )
