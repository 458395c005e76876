"""The same elements in another shape or order: reshape, transpose, tile, roll, reverse, squeeze and the like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec, TensorShape
from gradtape.core.tensor import Tensor
from gradtape.ops import basis
from gradtape.ops.basis import conj, size_of
from gradtape.ops.gathering import gather_axis
from gradtape.ops.static import (
    check_size,
    static,
    static_axes,
    static_axis,
    static_int,
    static_shape,
)
from gradtape.ops.striding import WHOLE, strided_slice


def reshape(tensor: Any, shape: Any, name: str | None = None) -> Any:
    """Return the elements of a tensor, in order, in another shape.

    Args:
        tensor: any tensor.
        shape: integers, of which one may be -1: what the number of elements leaves for it.

    Raises:
        InvalidArgumentError: when the number of elements differs.

    Example:
        >>> import gradtape as tf
        >>> tf.reshape([1, 2, 3, 4], [2, -1]).numpy()
        array([[1, 2],
               [3, 4]], dtype=int32)
    """
    x = tensor if type(tensor) is Tensor else as_tensor(tensor, "reshape")
    items = shape if type(shape) in (tuple, list) else static(shape)
    if type(items) not in (tuple, list):
        items = (items,)
    sizes = tuple([n if type(n) is int else static_int(n, "reshape", "shape") for n in items])
    size = math.prod(x._shape) if None not in x._shape else None
    if sizes and min(sizes) < 0:
        sizes = _inferred(x, sizes, size)
    elif size is not None and math.prod(sizes) != size:
        raise _misfit(x, sizes, size)
    return basis.reshape(x, sizes)


def _inferred(x: Any, sizes: tuple[int, ...], size: Any) -> tuple[Any, ...]:
    """The shape with the number that -1 stands for."""
    if sizes.count(-1) > 1 or min(sizes) < -1:
        raise InvalidArgumentError(
            f"gradtape.reshape({brief(x)}, {list(sizes)}): only one size may be -1 and none less."
        )
    if size is None:
        return tuple([None if n == -1 else n for n in sizes])
    known = -math.prod(sizes)
    if known == 0 and size == 0:
        return tuple([1 if n == -1 else n for n in sizes])
    if known == 0 or size % known:
        raise _misfit(x, sizes, size)
    return tuple([size // known if n == -1 else n for n in sizes])


def _misfit(x: Any, sizes: tuple[int, ...], size: int) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"gradtape.reshape({brief(x)}, {list(sizes)}): the tensor has {size} elements and the shape "
        f"{abs(math.prod(sizes))}{' times an unknown size' if -1 in sizes else ''}. "
        "Write -1 for a size that is to be computed."
    )


def new_axis(axis: Any, x: Any, function: str) -> int:
    """Where a new axis comes among those of x, as a number in [0, rank]."""
    number = static_int(axis, function, "axis")
    rank = len(x._shape)
    if not -rank - 1 <= number <= rank:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): axis {number} is not in [{-rank - 1}, {rank}], the "
            "places for a new axis."
        )
    return number % (rank + 1)


def transpose(a: Any, perm: Any = None, conjugate: bool = False, name: str = "transpose") -> Any:
    """Return the tensor with its axes in another order: axis i of the result is axis perm[i].

    Args:
        a: any tensor.
        perm: a permutation of the axes; reversed by default.
        conjugate: also take the complex conjugate.

    Raises:
        InvalidArgumentError: when `perm` is no permutation of the axes.

    Example:
        >>> import gradtape as tf
        >>> tf.transpose([[1, 2, 3], [4, 5, 6]]).numpy()
        array([[1, 4],
               [2, 5],
               [3, 6]], dtype=int32)
    """
    x = as_tensor(a, "transpose")
    rank = len(x._shape)
    if perm is None:
        order = tuple(range(rank - 1, -1, -1))
    else:
        items = static(perm)
        items = items if isinstance(items, list) else [items]
        order = tuple(static_int(p, "transpose", "perm") for p in items)
        order = tuple(p + rank if -rank <= p < 0 else p for p in order)
        if sorted(order) != list(range(rank)):
            raise InvalidArgumentError(
                f"gradtape.transpose({brief(x)}): perm {items} is no permutation of {list(range(rank))}."
            )
    out = basis.transpose(x, order)
    return conj(out) if conjugate else out


def expand_dims(input: Any, axis: Any, name: str | None = None) -> Any:
    """Return the tensor with a new axis of size 1.

    Args:
        input: any tensor with r axes.
        axis: the place of the new axis in the result, in [-r - 1, r].

    Raises:
        InvalidArgumentError: for an axis out of range.

    Example:
        >>> import gradtape as tf
        >>> tf.expand_dims([1, 2, 3], 0).shape
        TensorShape([1, 3])
    """
    x = as_tensor(input, "expand_dims")
    place = static(axis)
    place = place[0] if isinstance(place, list) and len(place) == 1 else place
    number = new_axis(place, x, "expand_dims")
    return basis.reshape(x, (*x._shape[:number], 1, *x._shape[number:]))


def squeeze(input: Any, axis: Any = None, name: str | None = None) -> Any:
    """Return the tensor without axes of size 1.

    Args:
        input: any tensor.
        axis: which ones, an integer or a list; all by default.

    Raises:
        InvalidArgumentError: when a named axis has another size than 1.

    Example:
        >>> import gradtape as tf
        >>> tf.squeeze([[[1, 2]]], axis=[0]).shape
        TensorShape([1, 2])
    """
    x = as_tensor(input, "squeeze")
    shape = x._shape
    if axis is None or axis == []:
        return basis.reshape(x, tuple([n for n in shape if n != 1]))
    axes = static_axes(axis, len(shape), "squeeze")
    for a in axes:
        if shape[a] != 1:
            raise InvalidArgumentError(
                f"gradtape.squeeze({brief(x)}): axis {a} has size {shape[a]}, not 1. "
                "Leave axis out to drop every axis of size 1."
            )
    return basis.reshape(x, tuple([n for a, n in enumerate(shape) if a not in axes]))


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
    items = static(shape)
    items = items if isinstance(items, list) else [items]
    have = (1,) * (len(items) - len(x._shape)) + x._shape
    wanted = tuple(
        h if n == -1 else n
        for n, h in zip(items, have + (1,) * (len(items) - len(have)), strict=False)
    )
    sizes = static_shape(wanted, "broadcast_to", x._dtype)
    if len(have) > len(sizes) or any(
        h not in (1, n) for h, n in zip(have, sizes, strict=True) if h is not None
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
    try:
        return TensorShape(basis.broadcast_shapes(tuple(x), tuple(y)))
    except ValueError:
        raise InvalidArgumentError(
            f"gradtape.broadcast_static_shape: incompatible shapes for broadcasting: {x} and {y}. "
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
    return Tensor(np.array(broadcast_static_shape(static(x), static(y)), wide))


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
    items = static(multiples)
    times = [
        static_int(m, "tile", "multiples") for m in (items if isinstance(items, list) else [items])
    ]
    if len(times) != len(x._shape) or min(times, default=0) < 0:
        raise InvalidArgumentError(
            f"gradtape.tile({brief(x)}): multiples {times} must be {len(x._shape)} non-negative numbers, "
            "one for each axis."
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
    items = static(repeats)
    items = items if isinstance(items, list) else [items]
    times = [static_int(n, "repeat", "repeats") for n in items]
    size = x._shape[number]
    if min(times, default=0) < 0 or len(times) not in (1, size):
        raise InvalidArgumentError(
            f"gradtape.repeat({brief(x)}): repeats {times} must be one non-negative number, or {size}, "
            f"one for each slice along axis {number}."
        )
    lead, rest = x._shape[:number], x._shape[number + 1 :]
    check_size((*lead, sum(times) if len(times) == size else times[0] * size, *rest), "repeat")
    if len(times) != 1:
        return gather_axis(x, Tensor(np.repeat(np.arange(size), times)), number)
    spread = basis.broadcast_to(
        basis.reshape(x, (*lead, size, 1, *rest)), (*lead, size, times[0], *rest)
    )
    return basis.reshape(spread, (*lead, size * times[0], *rest))


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
    shifts, axes = static(shift), static(axis)
    shifts = shifts if isinstance(shifts, list) else [shifts]
    axes = axes if isinstance(axes, list) else [axes]
    if len(shifts) != len(axes):
        raise InvalidArgumentError(
            f"gradtape.roll({brief(x)}): shift {shifts} and axis {axes} differ in length. Give one "
            "shift for each axis."
        )
    return roll_axes(
        x,
        tuple(static_int(s, "roll", "shift") for s in shifts),
        tuple(static_axis(a, len(x._shape), "roll") for a in axes),
    )


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
    axes = static_axes(static(axis), len(x._shape), "reverse")
    return flip(x, axes)


def flip(x: Any, axes: Sequence[int]) -> Any:
    """x with the order along non-negative axes turned around."""
    last = max(axes, default=-1)
    return strided_slice(
        x, tuple([(None, None, -1) if a in axes else WHOLE for a in range(last + 1)])
    )


def identity(input: Any, name: str | None = None) -> Any:
    """Return a tensor of the same value, on a path of its own for derivatives.

    Example:
        >>> import gradtape as tf
        >>> tf.identity([1.0, 2.0]).numpy()
        array([1., 2.], dtype=float32)
    """
    x = as_tensor(input, "identity")
    return basis.reshape(x, x._shape)


def identity_n(input: Sequence[Any], name: str | None = None) -> list[Any]:
    """Return a list of tensors of the same values.

    Example:
        >>> import gradtape as tf
        >>> [float(x) for x in tf.identity_n([1.0, 2.0])]
        [1.0, 2.0]
    """
    return [identity(x) for x in input]


def ensure_shape(x: Any, shape: Any, name: str | None = None) -> Any:
    """Return the tensor after checking that it has a shape, of which None leaves sizes open.

    Raises:
        InvalidArgumentError: when the shape differs.

    Example:
        >>> import gradtape as tf
        >>> tf.ensure_shape([[1, 2]], [None, 2]).shape
        TensorShape([1, 2])
    """
    x = as_tensor(x, "ensure_shape")
    wanted = TensorShape(static(shape))
    if not wanted.is_compatible_with(x._shape):
        raise InvalidArgumentError(
            f"gradtape.ensure_shape: Shape of tensor {brief(x)} is not compatible with expected shape "
            f"{wanted}. Write tf.reshape(x, shape) to change it."
        )
    return x
