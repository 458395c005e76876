"""Reductions over axes: sum, mean, and, or, counts; and what all reductions share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import gradtape.core.xp_numpy_reductions  # noqa: F401 - installs the verbs
from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import STEPWISE
from gradtape.core.primitive import Primitive, primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import UnknownSizeError
from gradtape.core.tensor import Tensor
from gradtape.core.unranked import EVERY_AXIS
from gradtape.ops.arithmetic import divide
from gradtape.ops.basis import (
    _sum,
    broadcast_to,
    cast,
    kept_shape,
    numbers,
    reduced_shape,
    reshape,
    size_of,
    spread_over,
    sum_axes,
)
from gradtape.ops.calls import wrong_kind
from gradtape.ops.families import NUMERIC
from gradtape.ops.static import static_axes
from gradtape.ops.stepwise import not_equal

EVERY = tuple([tuple(range(rank)) for rank in range(5)])  # all axes, by the number of axes
Axis = Any  # None, an int, a sequence of ints or an integer tensor


def reduction(
    name: str, x: Any, axis: Axis, kinds: str = NUMERIC
) -> tuple[Tensor, tuple[int, ...]]:
    """The input of a reduction as a tensor of the right kind, and its axes in [0, rank)."""
    if type(x) is not Tensor:
        x = as_tensor(x, name)
    if x._dtype.kind not in kinds:
        raise wrong_kind(name, kinds, x)
    try:
        rank = len(x._shape)
    except UnknownSizeError:
        if axis is not None:
            raise
        return x, EVERY_AXIS  # type: ignore[return-value]
    if axis is None:
        return x, EVERY[rank] if rank < 5 else tuple(range(rank))
    if type(axis) is int and -rank <= axis < rank:
        return x, (axis % rank,)
    return x, static_axes(axis, rank, name)


def reduced(made: Primitive, x: Any, axis: tuple[int, ...], keepdims: Any) -> Any:
    """Run a reduction primitive."""
    return apply(made, (x,), {"axis": axis, "keepdims": bool(keepdims)})


def kept(x: Any, shape: tuple[int, ...], axis: tuple[int, ...]) -> Any:
    """A reduced tensor with size 1 at the axes of the shape that were reduced."""
    wanted = kept_shape(shape, axis)
    return x if x._shape == wanted else reshape(x, wanted)


def count_of(shape: tuple[int, ...], axis: tuple[int, ...]) -> int:
    """How many elements of a tensor of this shape go into one result."""
    return size_of(tuple([shape[a] for a in axis]))


def up(axis: tuple[int, ...]) -> tuple[int, ...]:
    """The axes behind one more axis in front."""
    return tuple([a + 1 for a in axis])


def spread_all(mask: tuple[bool, ...], inputs: tuple[Any, ...]) -> Any:
    """All inputs with the leading batch axis that some of them have."""
    size = next(t._shape[0] for t, b in zip(inputs, mask, strict=True) if b)
    return tuple(
        [t if b else broadcast_to(t, (size, *t._shape)) for t, b in zip(inputs, mask, strict=True)]
    )


def reduced_spec(x: Any, axis: tuple[int, ...], keepdims: bool) -> Spec:
    """The shape rule of reductions that keep the dtype."""
    return Spec(reduced_shape(x._shape, axis, keepdims), x._dtype)


def batch_reduction(made: Callable[[], Primitive]) -> Callable[..., Any]:
    """The batching rule of a reduction: the same over the axes behind the batch axis."""
    return lambda mask, x, axis, keepdims: reduced(made(), x, up(axis), keepdims)


def reduce_sum(
    input_tensor: Any, axis: Axis = None, keepdims: bool = False, name: str | None = None
) -> Any:
    """Return the sum of the elements over axes.

    Args:
        input_tensor: a numeric tensor; 16-bit floats are added up as NumPy does.
        axis: None for all axes, or the axis or axes to reduce.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for bool, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> tf.reduce_sum([[1.0, 2.0], [3.0, 4.0]], axis=0).numpy()
        array([4., 6.], dtype=float32)
    """
    x, axes = reduction("reduce_sum", input_tensor, axis)
    return apply(_sum, (x,), {"axis": axes, "keepdims": bool(keepdims)})


# mean


def _mean_kernel(xp: Any, x: Any, *, axis: Any, keepdims: bool) -> Any:
    count = x.size if len(axis) == x.ndim else count_of(x.shape, axis)
    if x.dtype.kind in "iu":
        total = x.sum(axis=axis, keepdims=keepdims, dtype=x.dtype)
        away = xp.sign(total) * (abs(total) // count)  # as C divides: towards zero
        return away.astype(x.dtype)
    if x.dtype.itemsize == 2:
        total = x.sum(axis=axis, keepdims=keepdims, dtype=np.float32)
        return (total / np.float32(count)).astype(x.dtype)
    return xp.add.reduce(x, axis, x.dtype, None, keepdims) / float(count)


def _mean_vjp(ct: Any, x_shape: Any, axis: Any) -> Any:
    part = divide(ct, numbers(count_of(x_shape, axis), ct._dtype))
    return spread_over(part, x_shape, axis)


_mean = primitive(
    "reduce_mean",
    _mean_kernel,
    vjps=[_mean_vjp],
    jvps=[lambda t, axis, keepdims: reduced(_mean, t, axis, keepdims)],
    batch=batch_reduction(lambda: _mean),
    shape=reduced_spec,
    linear=True,
    kinds=NUMERIC,
    family="reduction",
)


def reduce_mean(
    input_tensor: Any, axis: Axis = None, keepdims: bool = False, name: str | None = None
) -> Any:
    """Return the mean over axes; of integers, rounded towards zero; of nothing, nan.

    Args:
        input_tensor: a numeric tensor; 16-bit floats are added up in float32.
        axis: None for all axes, or the axis or axes to reduce.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for bool, an axis that the tensor does not have, or no integers.

    Example:
        >>> import gradtape as tf
        >>> tf.reduce_mean([[1.0, 2.0], [3.0, 4.0]], axis=1).numpy()
        array([1.5, 3.5], dtype=float32)
    """
    x, axes = reduction("reduce_mean", input_tensor, axis)
    if x._dtype.kind in "iu" and count_of(x._shape, axes) == 0:
        raise empty_error("reduce_mean", x, axes)
    return reduced(_mean, x, axes, keepdims)


def empty_error(name: str, x: Any, axes: Any) -> InvalidArgumentError:
    """The error for a reduction that has no value for no elements."""
    return InvalidArgumentError(
        f"gradtape.{name}({brief(x)}, axis={list(axes)}): nothing to reduce, and there is no "
        f"{name[7:]} of nothing. Reduce a tensor with elements, or test tf.size(x) first."
    )


# and, or, counting


def _logical(name: str, method: str) -> Primitive:
    made = primitive(
        name,
        lambda xp, x, *, axis, keepdims: getattr(x, method)(axis=axis, keepdims=keepdims),
        vjps=[STEPWISE],
        jvps=[STEPWISE],
        batch=batch_reduction(lambda: made),
        shape=reduced_spec,
        kinds="b",
        differentiable=False,
        family="stepwise",
    )
    return made


_any = _logical("reduce_any", "any")
_all = _logical("reduce_all", "all")


def reduce_any(
    input_tensor: Any, axis: Axis = None, keepdims: bool = False, name: str | None = None
) -> Any:
    """Return whether any element over axes is true; False of nothing.

    Args:
        input_tensor: a bool tensor.
        axis: None for all axes, or the axis or axes to reduce.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> tf.reduce_any([[True, False], [False, False]], axis=1).numpy()
        array([ True, False])
    """
    x, axes = reduction("reduce_any", input_tensor, axis, "b")
    return reduced(_any, x, axes, keepdims)


def reduce_all(
    input_tensor: Any, axis: Axis = None, keepdims: bool = False, name: str | None = None
) -> Any:
    """Return whether all elements over axes are true; True of nothing.

    Args:
        input_tensor: a bool tensor.
        axis: None for all axes, or the axis or axes to reduce.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> tf.reduce_all([[True, False], [True, True]], axis=1).numpy()
        array([False,  True])
    """
    x, axes = reduction("reduce_all", input_tensor, axis, "b")
    return reduced(_all, x, axes, keepdims)


def count_nonzero(
    input: Any,
    axis: Axis = None,
    keepdims: Any = None,
    dtype: Any = np.int64,
    name: str | None = None,
) -> Any:
    """Return how many elements over axes are not zero.

    Args:
        input: a tensor of any dtype; of bool, the true ones are counted.
        axis: None for all axes, or the axis or axes to reduce.
        keepdims: keep the reduced axes with size 1.
        dtype: the dtype of the counts.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> tf.math.count_nonzero([[0.0, 2.0], [3.0, 4.0]], axis=1).numpy()
        array([1, 2])
    """
    x, axes = reduction("count_nonzero", input, axis, "biufcV")
    hits = x if x._dtype.kind == "b" else not_equal(x, Tensor(x._dtype.type(0)))
    return sum_axes(cast(hits, as_dtype(dtype).numpy_dtype), axes, bool(keepdims))


def zero_fraction(value: Any, name: str | None = None) -> Any:
    """Return the share of the elements that are zero, as float32; nan of nothing.

    Args:
        value: a numeric tensor.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for bool.

    Example:
        >>> import gradtape as tf
        >>> float(tf.math.zero_fraction([0.0, 1.0, 0.0, 2.0]))
        0.5
    """
    x, axes = reduction("zero_fraction", value, None)
    zeros = cast(not_equal(x, Tensor(x._dtype.type(0))), np.dtype(np.float32))
    return reduce_mean(1.0 - zeros, axes)
