"""Putting tensors together along an axis and taking them apart: concat, a range of an axis, zero
padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradtape.core.dispatch import apply
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.ops.basis import broadcast_to, zeros


def _concat_vjp(ct: Any, shapes: Any, wanted: Any, axis: int) -> list[Any]:
    given, start = [], 0
    for shape, want in zip(shapes, wanted, strict=True):
        stop = start + shape[axis]
        given.append(slice_axis(ct, start, stop, axis) if want else None)
        start = stop
    return given


def _concat_jvp(tangents: Any, inputs: Any, axis: int) -> Any:
    filled = [
        zeros(x._shape, x._dtype) if t is None else t for t, x in zip(tangents, inputs, strict=True)
    ]
    return concat(filled, axis)


def _concat_batch(mask: Any, *inputs: Any, axis: int) -> Any:
    size = next(t._shape[0] for t, b in zip(inputs, mask, strict=True) if b)
    spread = [
        t if b else broadcast_to(t, (size, *t._shape)) for t, b in zip(inputs, mask, strict=True)
    ]
    return concat(spread, axis + 1)


def _concat_shape(*specs: Any, axis: int) -> Spec:
    shape = list(specs[0]._shape)
    shape[axis] = sum([s._shape[axis] for s in specs])
    return Spec(shape, specs[0]._dtype)


_concat = primitive(
    "concat",
    lambda xp, *arrays, axis: xp.concatenate(arrays, axis=axis),
    joint_vjp=_concat_vjp,
    joint_jvp=_concat_jvp,
    batch=_concat_batch,
    shape=_concat_shape,
    linear=True,
    family="structural",
)


def concat(tensors: Sequence[Any], axis: int) -> Any:
    """The tensors one behind the other along a non-negative axis."""
    return apply(_concat, tuple(tensors), {"axis": axis})


def _range_of(axis: int, start: int, stop: int) -> tuple[slice, ...]:
    return (*[slice(None)] * axis, slice(start, stop))


_slice_axis = primitive(
    "slice_axis",
    lambda xp, x, *, start, stop, axis: x[_range_of(axis, start, stop)],
    vjps=[
        lambda ct, x_shape, start, stop, axis: pad_axis(ct, start, x_shape[axis] - stop, axis),
    ],
    jvps=[lambda t, start, stop, axis: slice_axis(t, start, stop, axis)],
    batch=lambda mask, x, start, stop, axis: slice_axis(x, start, stop, axis + 1),
    shape=lambda x, start, stop, axis: Spec(_with(x._shape, axis, stop - start), x._dtype),
    linear=True,
    family="structural",
)


def slice_axis(x: Any, start: int, stop: int, axis: int) -> Any:
    """The places start to stop (0 <= start <= stop <= size) of an axis."""
    return apply(_slice_axis, (x,), {"start": start, "stop": stop, "axis": axis})


def _pad_kernel(xp: Any, x: Any, *, before: int, after: int, axis: int) -> Any:
    widths = [(0, 0)] * x.ndim
    widths[axis] = (before, after)
    return xp.pad(x, widths)


_pad_axis = primitive(
    "pad_axis",
    _pad_kernel,
    vjps=[lambda ct, x_shape, before, axis: slice_axis(ct, before, before + x_shape[axis], axis)],
    jvps=[lambda t, before, after, axis: pad_axis(t, before, after, axis)],
    batch=lambda mask, x, before, after, axis: pad_axis(x, before, after, axis + 1),
    shape=lambda x, before, after, axis: Spec(
        _with(x._shape, axis, before + x._shape[axis] + after), x._dtype
    ),
    linear=True,
    family="structural",
)


def pad_axis(x: Any, before: int, after: int, axis: int) -> Any:
    """Zeros before and after the places of an axis."""
    return apply(_pad_axis, (x,), {"before": before, "after": after, "axis": axis})


def _with(shape: tuple[Any, ...], axis: int, size: Any) -> tuple[Any, ...]:
    return (*shape[:axis], size, *shape[axis + 1 :])
