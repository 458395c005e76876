"""Spread and size: variance, standard deviation, vector norms, and half the sum of squares."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.ops.arithmetic import absolute, divide
from gradtape.ops.basis import (
    broadcast_to,
    cast,
    conj,
    multiply,
    numbers,
    real,
    real_dtype,
    reduced_shape,
    reshape,
    safe_divide,
    safe_multiply,
    sum_axes,
)
from gradtape.ops.calls import wrong_kind
from gradtape.ops.extremes import reduce_max
from gradtape.ops.families import FLOATING, INEXACT, linear
from gradtape.ops.powers import power
from gradtape.ops.reductions import (
    Axis,
    batch_reduction,
    count_of,
    kept,
    reduced,
    reduction,
    up,
)


def _wide(x: Any) -> Any:
    return x.astype(np.float32) if x.dtype.itemsize == 2 else x


def _from_mean(xp: Any, x: Any, axis: Any) -> Any:
    """x minus its mean; the first element is taken off before, so that of equals 0 is left."""
    if not x.size:
        return x
    first = tuple([slice(0, 1) if i in axis else slice(None) for i in range(x.ndim)])
    x = x - x[first]
    return x - x.sum(axis=axis, keepdims=True) / x.dtype.type(count_of(x.shape, axis))


_centred = linear(
    "centred",
    lambda xp, x, *, axis: _from_mean(xp, _wide(x), axis).astype(x.dtype),
    lambda ct, axis: centred(ct, axis),
    batch=lambda mask, x, axis: centred(x, up(axis)),
    shape=lambda x, axis: Spec(x._shape, x._dtype),
    kinds=INEXACT,
)


def centred(x: Any, axis: tuple[int, ...]) -> Any:
    """x minus its mean over the axes."""
    return apply(_centred, (x,), {"axis": axis})


def _mean_square(xp: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    d = _from_mean(xp, _wide(x), axis)
    squares = d * d if d.dtype.kind != "c" else (d * xp.conj(d)).real
    count = count_of(x.shape, axis)
    return squares.sum(axis=axis, keepdims=keepdims) / squares.dtype.type(count)


def _real_spec(x: Any, axis: Any, keepdims: bool) -> Spec:
    return Spec(reduced_shape(x._shape, axis, keepdims), real_dtype(x._dtype))


def _like(x: Any, value: Any) -> Any:
    """A real value in the dtype of x."""
    return cast(value, x._dtype)


def _variance_vjp(ct: Any, x: Any, axis: Any) -> Any:
    part = divide(ct, _half_of(x._shape, axis, ct._dtype))
    return safe_multiply(_like(x, kept(part, x._shape, axis)), centred(x, axis))


def _half_of(shape: tuple[int, ...], axis: tuple[int, ...], dtype: Any) -> Any:
    return multiply(numbers(count_of(shape, axis), dtype), 0.5)


def _full(t: Any, x: Any) -> Any:
    return t if t._shape == x._shape else broadcast_to(t, x._shape)


def _variance_jvp(t: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    moved = sum_axes(safe_multiply(_full(t, x), conj(centred(x, axis))), axis, keepdims)
    moved = real(moved)
    return divide(moved, _half_of(x._shape, axis, moved._dtype))


_variance = primitive(
    "reduce_variance",
    lambda xp, x, *, axis, keepdims: _mean_square(xp, x, axis, keepdims).astype(
        real_dtype(x.dtype)
    ),
    vjps=[_variance_vjp],
    jvps=[_variance_jvp],
    batch=batch_reduction(lambda: _variance),
    shape=_real_spec,
    kinds=INEXACT,
    family="reduction",
)


def _std_slope(x: Any, out: Any, axis: Any) -> Any:
    """(x - mean) / (n * std), 0 where all are equal."""
    scaled = divide(centred(x, axis), numbers(count_of(x._shape, axis), x._dtype))
    return safe_divide(scaled, _like(x, kept(out, x._shape, axis)))


def _std_vjp(ct: Any, x: Any, out: Any, axis: Any) -> Any:
    return safe_multiply(_like(x, kept(ct, x._shape, axis)), _std_slope(x, out, axis))


def _std_jvp(t: Any, x: Any, out: Any, axis: Any, keepdims: bool) -> Any:
    moved = safe_multiply(_full(t, x), conj(_std_slope(x, out, axis)))
    return real(sum_axes(moved, axis, keepdims))


_std = primitive(
    "reduce_std",
    lambda xp, x, *, axis, keepdims: xp.sqrt(_mean_square(xp, x, axis, keepdims)).astype(
        real_dtype(x.dtype)
    ),
    vjps=[_std_vjp],
    jvps=[_std_jvp],
    batch=batch_reduction(lambda: _std),
    shape=_real_spec,
    kinds=INEXACT,
    family="reduction",
)


def reduce_variance(
    input_tensor: Any, axis: Axis = None, keepdims: bool = False, name: str | None = None
) -> Any:
    """Return the mean of |x - mean|**2 over axes, divided by n and not by n - 1.

    Args:
        input_tensor: a floating-point or complex tensor.
        axis: None for all axes, or the axis or axes to reduce.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> float(tf.math.reduce_variance([1.0, 2.0, 3.0, 4.0]))
        1.25
    """
    x, axes = reduction("reduce_variance", input_tensor, axis, INEXACT)
    return reduced(_variance, x, axes, keepdims)


def reduce_std(
    input_tensor: Any, axis: Axis = None, keepdims: bool = False, name: str | None = None
) -> Any:
    """Return the root of the variance over axes; its derivative is 0 where all are equal.

    Args:
        input_tensor: a floating-point or complex tensor.
        axis: None for all axes, or the axis or axes to reduce.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> float(tf.math.reduce_std([1.0, 1.0, 3.0, 3.0]))
        1.0
    """
    x, axes = reduction("reduce_std", input_tensor, axis, INEXACT)
    return reduced(_std, x, axes, keepdims)


# the Euclidean norm


def _squares(xp: Any, x: Any) -> Any:
    return x * x if x.dtype.kind != "c" else x.real * x.real + x.imag * x.imag


def _norm_kernel(xp: Any, x: Any, *, axis: Any, keepdims: bool) -> Any:
    """The root of the sum of squares, scaled where the squares would over- or underflow."""
    wide = _wide(x)
    total = _squares(xp, wide).sum(axis=axis, keepdims=True)
    tiny = np.finfo(total.dtype).tiny / np.finfo(total.dtype).eps
    bad = ~((total > tiny) & (total < np.inf))
    norm = xp.sqrt(total)
    if x.size and (xp.name != "numpy" or bad.any()):
        largest = abs(wide).max(axis=axis, keepdims=True)
        scale = xp.where((largest > 0) & xp.isfinite(largest), largest, xp.ones((), total.dtype))
        again = scale * xp.sqrt(_squares(xp, wide / scale).sum(axis=axis, keepdims=True))
        norm = xp.where(bad, again, norm)
    return xp.reshape(norm, reduced_shape(x.shape, axis, keepdims)).astype(real_dtype(x.dtype))


def _norm_slope(x: Any, out: Any, axis: Any) -> Any:
    return safe_divide(x, _like(x, kept(out, x._shape, axis)))


def _norm_jvp(t: Any, x: Any, out: Any, axis: Any, keepdims: bool) -> Any:
    moved = safe_multiply(_full(t, x), conj(_norm_slope(x, out, axis)))
    return real(sum_axes(moved, axis, keepdims))


_norm = primitive(
    "reduce_euclidean_norm",
    _norm_kernel,
    vjps=[
        lambda ct, x, out, axis: safe_multiply(
            _like(x, kept(ct, x._shape, axis)), _norm_slope(x, out, axis)
        )
    ],
    jvps=[_norm_jvp],
    batch=batch_reduction(lambda: _norm),
    shape=_real_spec,
    kinds=INEXACT,
    family="reduction",
)


def reduce_euclidean_norm(
    input_tensor: Any, axis: Axis = None, keepdims: bool = False, name: str | None = None
) -> Any:
    """Return sqrt(sum(|x|**2)) over axes, without overflow; the derivative at 0 is 0.

    Args:
        input_tensor: a floating-point or complex tensor.
        axis: None for all axes, or the axis or axes to reduce.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> float(tf.math.reduce_euclidean_norm([3.0, 4.0]))
        5.0
    """
    x, axes = reduction("reduce_euclidean_norm", input_tensor, axis, INEXACT)
    return reduced(_norm, x, axes, keepdims)


def vector_norm(x: Any, ord: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """The p-norm of the elements over axes: ord is "euclidean", "fro", inf or a positive number.

    The derivative at 0 is 0 for every ord; that of inf goes in equal parts to all that are
    largest.
    """
    if ord in ("euclidean", "fro", 2, 2.0):
        return reduced(_norm, x, axis, keepdims)
    size = absolute(x)
    if ord == np.inf:
        return reduce_max(size, axis, keepdims)
    if ord == 1:
        return sum_axes(size, axis, keepdims)
    return _power_norm(size, float(ord), axis, keepdims)


def _power_norm(size: Any, ord: float, axis: tuple[int, ...], keepdims: bool) -> Any:
    """(sum(size**p))**(1/p) of sizes that are divided by the largest one first."""
    largest = reduce_max(size, axis, keepdims=True)
    parts = safe_divide(size, largest)
    total = sum_axes(power(parts, ord), axis, True)
    norm = multiply(largest, power(total, 1.0 / ord))
    return norm if keepdims else reshape(norm, reduced_shape(size._shape, axis, False))


# half the sum of squares


_l2_loss = primitive(
    "l2_loss",
    lambda xp, t: (xp.sum(_wide(t) * _wide(t)) / 2).astype(t.dtype),
    vjps=[lambda ct, t: safe_multiply(ct, t)],
    jvps=[lambda v, t: sum_axes(safe_multiply(v, t), tuple(range(len(t._shape))))],
    batch=lambda mask, t: _half_squares(t, tuple(range(1, len(t._shape)))),
    shape=lambda t: Spec((), t._dtype),
    kinds=FLOATING,
    family="reduction",
)


def _half_squares(t: Any, axis: tuple[int, ...]) -> Any:
    return multiply(sum_axes(multiply(t, t), axis), 0.5)


def l2_loss(t: Any, name: str | None = None) -> Any:
    """Return sum(t**2) / 2.

    Args:
        t: a floating-point tensor of any shape.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype.

    Example:
        >>> import gradtape as tf
        >>> float(tf.nn.l2_loss([3.0, 4.0]))
        12.5
    """
    x = as_tensor(t, "l2_loss")
    if x._dtype.kind not in FLOATING:
        raise wrong_kind("l2_loss", FLOATING, x)
    return apply(_l2_loss, (x,))
