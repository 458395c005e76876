"""Running sums, products and logsumexps along an axis, and the product over axes.

Derivatives of products come without a division, so that they are exact where elements are zero,
in any order: with r[i] = b[i] + a[i] r[i - 1] (`recurrence`), which is its own kind of derivative,
the product of all elements but one is put together from the two sides.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape.core.xp_numpy_reductions  # noqa: F401 - installs the verbs
from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.primitive import Primitive, primitive
from gradtape.core.shapes import Spec
from gradtape.ops.assembly import concat, pad_axis, slice_axis
from gradtape.ops.basis import (
    chain_multiply,
    conj,
    full,
    kept_shape,
    multiply,
    reshape,
    safe_multiply,
    size_of,
    sum_axes,
    transpose,
)
from gradtape.ops.calls import wrong_kind
from gradtape.ops.extremes import exp_difference
from gradtape.ops.families import FLOATING, INEXACT, NUMERIC, linear
from gradtape.ops.reductions import (
    Axis,
    batch_reduction,
    kept,
    reduced,
    reduced_spec,
    reduction,
    spread_all,
)
from gradtape.ops.static import static_axis


def _same(x: Any, *more: Any, axis: int, reverse: bool) -> Spec:
    return Spec(x._shape, x._dtype)


def _scan(made: Primitive, x: Any, axis: int, reverse: bool) -> Any:
    return apply(made, (x,), {"axis": axis, "reverse": reverse})


def shifted(x: Any, axis: int, reverse: bool, value: float = 0.0) -> Any:
    """x moved one place on along the axis (reverse: back), with a value where it began."""
    n = x._shape[axis]
    if not n:
        return x
    rest = slice_axis(x, 1, n, axis) if reverse else slice_axis(x, 0, n - 1, axis)
    if value == 0.0:
        return pad_axis(rest, 0, 1, axis) if reverse else pad_axis(rest, 1, 0, axis)
    edge = full(kept_shape(x._shape, (axis,)), value, x._dtype)
    return concat([rest, edge] if reverse else [edge, rest], axis)


# sums


_cumsum = linear(
    "cumsum",
    lambda xp, x, *, axis, reverse: xp.scan_sum(x, axis, reverse),
    lambda ct, axis, reverse: _scan(_cumsum, ct, axis, not reverse),
    batch=lambda mask, x, axis, reverse: _scan(_cumsum, x, axis + 1, reverse),
    shape=_same,
    kinds=NUMERIC,
)

# the linear recurrence


def recurrence(a: Any, b: Any, axis: int, reverse: bool) -> Any:
    """r[i] = b[i] + a[i] r[i - 1] along an axis, from r[-1] = 0; reverse: r[i + 1] instead."""
    return apply(_recurrence, (a, b), {"axis": axis, "reverse": reverse})


def _recurrence_by_b(ct: Any, a: Any, axis: int, reverse: bool) -> Any:
    return recurrence(shifted(conj(a), axis, not reverse), ct, axis, not reverse)


def _recurrence_by_a(ct: Any, a: Any, out: Any, axis: int, reverse: bool) -> Any:
    return chain_multiply(_recurrence_by_b(ct, a, axis, reverse), conj(shifted(out, axis, reverse)))


_recurrence = primitive(
    "linear_recurrence",
    lambda xp, a, b, *, axis, reverse: xp.linear_recurrence(a, b, axis, reverse),
    vjps=[_recurrence_by_a, _recurrence_by_b],
    jvps=[
        lambda t, a, out, axis, reverse: recurrence(
            a, chain_multiply(t, shifted(out, axis, reverse)), axis, reverse
        ),
        lambda t, a, axis, reverse: recurrence(a, t, axis, reverse),
    ],
    batch=lambda mask, *inputs, axis, reverse: recurrence(
        *spread_all(mask, inputs), axis=axis + 1, reverse=reverse
    ),
    shape=_same,
    kinds=INEXACT,
    family="scan",
)

# products


def _cumprod_vjp(ct: Any, x: Any, out: Any, axis: int, reverse: bool) -> Any:
    others = conj(shifted(out, axis, reverse, 1.0))
    return chain_multiply(_recurrence_by_b(ct, x, axis, reverse), others)


def _cumprod_jvp(t: Any, x: Any, out: Any, axis: int, reverse: bool) -> Any:
    return recurrence(x, chain_multiply(t, shifted(out, axis, reverse, 1.0)), axis, reverse)


_cumprod = primitive(
    "cumprod",
    lambda xp, x, *, axis, reverse: xp.scan_product(x, axis, reverse),
    vjps=[_cumprod_vjp],
    jvps=[_cumprod_jvp],
    batch=lambda mask, x, axis, reverse: _scan(_cumprod, x, axis + 1, reverse),
    shape=_same,
    kinds=NUMERIC,
    family="scan",
)


def _product_kernel(xp: Any, x: Any, *, axis: Any, keepdims: bool) -> Any:
    dtype = np.float32 if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else x.dtype
    return x.prod(axis=axis, keepdims=keepdims, dtype=dtype).astype(x.dtype)


def _products_of_others(x: Any, axis: tuple[int, ...]) -> Any:
    """For each element the product of all others over the axes, exact where elements are zero."""
    rank, shape = len(x._shape), x._shape
    order = (*[i for i in range(rank) if i not in axis], *axis)
    moved = transpose(x, order)
    split = rank - len(axis)
    flat = reshape(moved, (*moved._shape[:split], size_of(moved._shape[split:])))
    before = _scan(_cumprod, shifted(flat, split, False, 1.0), split, False)
    after = _scan(_cumprod, shifted(flat, split, True, 1.0), split, True)
    others = reshape(multiply(before, after), moved._shape)
    back = tuple(sorted(range(rank), key=order.__getitem__))
    return reshape(transpose(others, back), shape)


def _product_vjp(ct: Any, x: Any, axis: Any) -> Any:
    return safe_multiply(kept(ct, x._shape, axis), conj(_products_of_others(x, axis)))


_prod = primitive(
    "reduce_prod",
    _product_kernel,
    vjps=[_product_vjp],
    jvps=[
        lambda t, x, axis, keepdims: sum_axes(
            safe_multiply(t, _products_of_others(x, axis)), axis, keepdims
        )
    ],
    batch=batch_reduction(lambda: _prod),
    shape=reduced_spec,
    kinds=NUMERIC,
    family="reduction",
)


def reduce_prod(
    input_tensor: Any, axis: Axis = None, keepdims: bool = False, name: str | None = None
) -> Any:
    """Return the product over axes; its derivatives are exact at zeros, in any order.

    Args:
        input_tensor: a numeric tensor.
        axis: None for all axes, or the axis or axes to reduce.
        keepdims: keep the reduced axes with size 1.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for bool, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> tf.reduce_prod([[1.0, 2.0], [3.0, 4.0]], axis=1).numpy()
        array([ 2., 12.], dtype=float32)
    """
    x, axes = reduction("reduce_prod", input_tensor, axis)
    return reduced(_prod, x, axes, keepdims)


# logsumexp


def _cumulative_vjp(ct: Any, x: Any, out: Any, axis: int, reverse: bool) -> Any:
    decay = exp_difference(shifted(out, axis, reverse, -np.inf), out)
    return safe_multiply(_recurrence_by_b(ct, decay, axis, reverse), exp_difference(x, out))


def _cumulative_jvp(t: Any, x: Any, out: Any, axis: int, reverse: bool) -> Any:
    decay = exp_difference(shifted(out, axis, reverse, -np.inf), out)
    return recurrence(decay, safe_multiply(t, exp_difference(x, out)), axis, reverse)


_cumulative_logsumexp = primitive(
    "cumulative_logsumexp",
    lambda xp, x, *, axis, reverse: xp.scan_logsumexp(x, axis, reverse),
    vjps=[_cumulative_vjp],
    jvps=[_cumulative_jvp],
    batch=lambda mask, x, axis, reverse: _scan(_cumulative_logsumexp, x, axis + 1, reverse),
    shape=_same,
    kinds=FLOATING,
    family="scan",
)


def _public(
    made: Primitive, value: Any, axis: Any, exclusive: Any, reverse: Any, start: float
) -> Any:
    """Check the arguments of a scan and run it; exclusive: on the elements moved one place on."""
    x = as_tensor(value, made.name)
    if x._dtype.kind not in made.kinds:
        raise wrong_kind(made.name, made.kinds, x)
    if not x._shape:
        raise InvalidArgumentError(
            f"gradtape.{made.name}({brief(x)}): a scalar has no axis. Pass a tensor of shape [n]."
        )
    number = static_axis(axis, len(x._shape), made.name)
    if exclusive:
        x = shifted(x, number, bool(reverse), start)
    return _scan(made, x, number, bool(reverse))


def cumsum(
    x: Any,
    axis: Any = 0,
    exclusive: bool = False,
    reverse: bool = False,
    name: str | None = None,
) -> Any:
    """Return the running sum along an axis.

    Args:
        x: a numeric tensor with at least one axis.
        axis: the axis.
        exclusive: leave out each element's own place: start with 0.
        reverse: run from the end.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for bool, a scalar, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> tf.cumsum([1.0, 2.0, 3.0], exclusive=True).numpy()
        array([0., 1., 3.], dtype=float32)
    """
    return _public(_cumsum, x, axis, exclusive, reverse, 0.0)


def cumprod(
    x: Any,
    axis: Any = 0,
    exclusive: bool = False,
    reverse: bool = False,
    name: str | None = None,
) -> Any:
    """Return the running product along an axis; its derivatives are exact at zeros, in any order.

    Args:
        x: a numeric tensor with at least one axis.
        axis: the axis.
        exclusive: leave out each element's own place: start with 1.
        reverse: run from the end.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for bool, a scalar, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> tf.math.cumprod([2.0, 3.0, 4.0]).numpy()
        array([ 2.,  6., 24.], dtype=float32)
    """
    return _public(_cumprod, x, axis, exclusive, reverse, 1.0)


def cumulative_logsumexp(
    x: Any,
    axis: Any = 0,
    exclusive: bool = False,
    reverse: bool = False,
    name: str | None = None,
) -> Any:
    """Return the running log(sum(exp(x))) along an axis, without overflow.

    Args:
        x: a floating-point tensor with at least one axis.
        axis: the axis.
        exclusive: leave out each element's own place: start with -inf, the logarithm of 0.
        reverse: run from the end.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, a scalar, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> tf.math.cumulative_logsumexp([0.0, 0.0]).numpy()
        array([0.       , 0.6931472], dtype=float32)
    """
    return _public(_cumulative_logsumexp, x, axis, exclusive, reverse, -np.inf)
