"""The largest and the smallest element over axes, and logsumexp, the smooth maximum."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.dispatch import apply
from gradtape.core.nothing import STEPWISE
from gradtape.core.primitive import Primitive, primitive
from gradtape.core.shapes import Spec
from gradtape.ops.basis import (
    broadcast_to,
    kept_shape,
    negative,
    reduced_shape,
    reshape,
    safe_multiply,
    size_of,
    sum_axes,
)
from gradtape.ops.families import FLOATING, REAL, pairwise
from gradtape.ops.reductions import (
    Axis,
    batch_reduction,
    empty_error,
    kept,
    reduced,
    reduced_spec,
    reduction,
    spread_all,
    up,
)


def _selected(xp: Any, x: Any, extreme: Any) -> Any:
    """Where x is its extreme; where that is nan, the nans."""
    hit = x == extreme
    if xp.name != "numpy" or (extreme != extreme).any():
        hit = hit | (x != x)
    return hit


def _share_kernel(xp: Any, ct: Any, x: Any, extreme: Any, *, axis: Any) -> Any:
    hit = _selected(xp, x, extreme)
    count = hit.sum(axis=axis, keepdims=True, dtype=np.int32).astype(ct.dtype)
    return hit * (ct / count)


def _gather_kernel(xp: Any, t: Any, x: Any, extreme: Any, *, axis: Any) -> Any:
    hit = _selected(xp, x, extreme)
    count = hit.sum(axis=axis, keepdims=True, dtype=np.int32).astype(t.dtype)
    return (hit * t).sum(axis=axis, keepdims=True, dtype=t.dtype) / count


_share = primitive(
    "share_extreme",
    _share_kernel,
    vjps=[lambda ct, x, extreme, axis: _gathered(ct, x, extreme, axis), STEPWISE, STEPWISE],
    jvps=[lambda t, x, extreme, axis: _shared(t, x, extreme, axis), STEPWISE, STEPWISE],
    batch=lambda mask, *inputs, axis: _shared(*spread_all(mask, inputs), axis=up(axis)),
    shape=lambda ct, x, extreme, axis: Spec(x._shape, ct._dtype),
    kinds=REAL,
    family="reduction",
)
_gather = primitive(
    "gather_extreme",
    _gather_kernel,
    vjps=[lambda ct, x, extreme, axis: _shared(ct, x, extreme, axis), STEPWISE, STEPWISE],
    jvps=[lambda t, x, extreme, axis: _gathered(t, x, extreme, axis), STEPWISE, STEPWISE],
    batch=lambda mask, *inputs, axis: _gathered(*spread_all(mask, inputs), axis=up(axis)),
    shape=lambda t, x, extreme, axis: Spec(kept_shape(x._shape, axis), t._dtype),
    kinds=REAL,
    family="reduction",
)


def _shared(ct: Any, x: Any, extreme: Any, axis: tuple[int, ...]) -> Any:
    """ct (with the axes kept) in equal parts to the elements of x that are the extreme."""
    return apply(_share, (ct, x, extreme), {"axis": axis})


def _gathered(t: Any, x: Any, extreme: Any, axis: tuple[int, ...]) -> Any:
    """The mean of t over the elements of x that are the extreme, the axes kept."""
    return apply(_gather, (t, x, extreme), {"axis": axis})


def _extreme_vjp(ct: Any, x: Any, out: Any, axis: Any) -> Any:
    shape = x._shape
    return _shared(kept(ct, shape, axis), x, kept(out, shape, axis), axis)


def _extreme_jvp(t: Any, x: Any, out: Any, axis: Any) -> Any:
    if t._shape != x._shape:
        t = broadcast_to(t, x._shape)
    return reshape(_gathered(t, x, kept(out, x._shape, axis), axis), out._shape)


def _extreme(name: str, method: str, ufunc: Any) -> Primitive:
    def kernel(xp: Any, x: Any, *, axis: Any, keepdims: bool) -> Any:
        if not x.size:
            return xp.zeros(reduced_shape(x.shape, axis, keepdims), x.dtype)
        if xp.name == "numpy":  # the method takes a step in Python before it comes here: 70 ns
            return ufunc.reduce(x, axis, None, None, keepdims)
        return getattr(xp, method)(x, axis=axis, keepdims=keepdims)

    made = primitive(
        name,
        kernel,
        vjps=[_extreme_vjp],
        jvps=[_extreme_jvp],
        batch=batch_reduction(lambda: made),
        shape=reduced_spec,
        kinds=REAL,
        family="reduction",
    )
    return made


_max = _extreme("reduce_max", "max", np.maximum)
_min = _extreme("reduce_min", "min", np.minimum)


def _reduce_extreme(made: Primitive, value: Any, axis: Axis, keepdims: Any) -> Any:
    x, axes = reduction(made.name, value, axis, REAL)
    if 0 in x._shape and size_of(reduced_shape(x._shape, axes, False)):
        raise empty_error(made.name, x, axes)
    return reduced(made, x, axes, keepdims)


def reduce_max(
    input_tensor: Any, axis: Axis = None, keepdims: bool = False, name: str | None = None
) -> Any:
    """Return the largest element over axes; of several, each has an equal part in the derivative.

    Args:
        input_tensor: a real tensor; a nan makes the result nan.
        axis: None for all axes, or the axis or axes to reduce.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for bool or complex numbers, an axis that the tensor does not have,
            or nothing to reduce.

    Example:
        >>> import gradtape as tf
        >>> tf.reduce_max([[1.0, 2.0], [3.0, 4.0]], axis=1).numpy()
        array([2., 4.], dtype=float32)
    """
    return _reduce_extreme(_max, input_tensor, axis, keepdims)


def reduce_min(
    input_tensor: Any, axis: Axis = None, keepdims: bool = False, name: str | None = None
) -> Any:
    """Return the smallest element over axes; of several, each has a part in the derivative.

    Args:
        input_tensor: a real tensor; a nan makes the result nan.
        axis: None for all axes, or the axis or axes to reduce.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for bool or complex numbers, an axis that the tensor does not have,
            or nothing to reduce.

    Example:
        >>> import gradtape as tf
        >>> tf.reduce_min([[1.0, 2.0], [3.0, 4.0]], axis=1).numpy()
        array([1., 3.], dtype=float32)
    """
    return _reduce_extreme(_min, input_tensor, axis, keepdims)


# logsumexp


def _exp_difference(xp: Any, x: Any, y: Any) -> Any:
    return xp.exp(x - xp.where(y == -np.inf, xp.zeros((), y.dtype), y))


exp_difference = pairwise(
    "exp_difference",
    _exp_difference,
    lambda t, out: safe_multiply(t, out),
    lambda t, out: negative(safe_multiply(t, out)),
    "Return exp(x - y), and 0 where both are -inf.",
    kinds=FLOATING,
    wide=True,
)


def _logsumexp_kernel(xp: Any, x: Any, *, axis: Any, keepdims: bool) -> Any:
    dtype = x.dtype
    if not x.size:
        return xp.full(reduced_shape(x.shape, axis, keepdims), -np.inf, dtype)
    if dtype.itemsize == 2:
        x = x.astype(np.float32)
    largest = x.max(axis=axis, keepdims=True)
    finite = xp.where(xp.isinf(largest), xp.zeros((), x.dtype), largest)
    total = xp.log(xp.exp(x - finite).sum(axis=axis, keepdims=True)) + finite
    return xp.reshape(total, reduced_shape(x.shape, axis, keepdims)).astype(dtype)


def _logsumexp_vjp(ct: Any, x: Any, out: Any, axis: Any) -> Any:
    shape = x._shape
    return safe_multiply(kept(ct, shape, axis), exp_difference(x, kept(out, shape, axis)))


def _logsumexp_jvp(t: Any, x: Any, out: Any, axis: Any, keepdims: Any) -> Any:
    slope = exp_difference(x, kept(out, x._shape, axis))
    return sum_axes(safe_multiply(t, slope), axis, keepdims)


_logsumexp = primitive(
    "reduce_logsumexp",
    _logsumexp_kernel,
    vjps=[_logsumexp_vjp],
    jvps=[_logsumexp_jvp],
    batch=batch_reduction(lambda: _logsumexp),
    shape=reduced_spec,
    kinds=FLOATING,
    family="reduction",
)


def reduce_logsumexp(
    input_tensor: Any, axis: Axis = None, keepdims: bool = False, name: str | None = None
) -> Any:
    """Return log(sum(exp(x))) over axes, without overflow; -inf, with derivative 0, of -inf.

    Args:
        input_tensor: a floating-point tensor.
        axis: None for all axes, or the axis or axes to reduce.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> print(f"{tf.reduce_logsumexp([1000.0, 1000.0]):.2f}")
        1000.69
    """
    x, axes = reduction("reduce_logsumexp", input_tensor, axis, FLOATING)
    return reduced(_logsumexp, x, axes, keepdims)
