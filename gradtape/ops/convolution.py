"""The n-dimensional convolution (correlation) from which every other one is made, channels last.

    out[n, p, o] = sum over k, c of x'[n, p * strides + k * dilations - before, c] * w[k, c, o]

where x' is x with `input_dilations - 1` zeros between its elements. It is linear in x and in w, and
both transposes are convolutions again: of the dilated cotangent with the reversed filter, and of
the input with the cotangent as a dilated filter, batch and channels having changed places. So
derivatives of every order are convolutions. The padding formulas are those of Dumoulin and Visin,
"A guide to convolution arithmetic for deep learning" (2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape.core.xp_numpy_convolution  # noqa: F401
from gradtape.core.dispatch import apply
from gradtape.core.shapes import Spec
from gradtape.core.windows import places, spread
from gradtape.ops.basis import conj, reshape, transpose
from gradtape.ops.families import bilinear
from gradtape.ops.striding import strided_slice

Ints = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]
BACKWARDS = (None, None, -1)


def _kernel(
    xp: Any,
    x: Any,
    w: Any,
    *,
    strides: Ints,
    padding: Pairs,
    dilations: Ints,
    input_dilations: Ints,
    groups: int,
) -> Any:
    dtype = x.dtype
    if dtype.itemsize == 2 and dtype.kind in "fV":
        x, w = x.astype(np.float32), w.astype(np.float32)
    out = xp.convolve(x, w, strides, padding, dilations, input_dilations, groups)
    return out.astype(dtype) if out.dtype != dtype else out


def _shape(
    x: Any,
    w: Any,
    strides: Ints,
    padding: Pairs,
    dilations: Ints,
    input_dilations: Ints,
    groups: int,
) -> Spec:
    spatial = [
        places(spread(n, a), k, s, d, p)
        for n, a, k, s, d, p in zip(
            x._shape[1:-1], input_dilations, w._shape[:-2], strides, dilations, padding, strict=True
        )
    ]
    return Spec((x._shape[0], *spatial, w._shape[-1]), x._dtype)


def transposed(
    ct: Any,
    w: Any,
    x_shape: Any,
    strides: Ints,
    padding: Pairs,
    dilations: Ints,
    input_dilations: Ints,
    groups: int,
) -> Any:
    """The transpose of the convolution: the dilated cotangent with the reversed filter, whose
    channels change places.
    """
    *size, inward, outward = w._shape
    around = []
    for n, m, k, s, d, a, (before, _) in zip(
        x_shape[1:-1],
        ct._shape[1:-1],
        size,
        strides,
        dilations,
        input_dilations,
        padding,
        strict=True,
    ):
        first = spread(k, d) - 1 - before
        around.append((first, spread(n, a) + spread(k, d) - 1 - spread(m, s) - first))
    rank = len(size)
    w = strided_slice(w, (BACKWARDS,) * rank)
    w = reshape(w, (*size, inward, groups, outward // groups))
    w = transpose(w, (*range(rank), rank + 2, rank + 1, rank))
    w = reshape(w, (*size, outward // groups, groups * inward))
    return conv(ct, w, input_dilations, tuple(around), dilations, strides, groups)


def _input_vjp(
    ct: Any,
    w: Any,
    x_shape: Any,
    strides: Ints,
    padding: Pairs,
    dilations: Ints,
    input_dilations: Ints,
    groups: int,
) -> Any:
    return transposed(ct, conj(w), x_shape, strides, padding, dilations, input_dilations, groups)


def _filter_vjp(
    ct: Any,
    x: Any,
    w_shape: Any,
    strides: Ints,
    padding: Pairs,
    dilations: Ints,
    input_dilations: Ints,
    groups: int,
) -> Any:
    """The input with the cotangent as a filter; examples are summed over like channels."""
    around = []
    for n, m, k, s, d, a, (before, _) in zip(
        x._shape[1:-1],
        ct._shape[1:-1],
        w_shape[:-2],
        strides,
        dilations,
        input_dilations,
        padding,
        strict=True,
    ):
        around.append((before, spread(m, s) + spread(k, d) - 1 - spread(n, a) - before))
    rank = len(around)
    count, *sizes, channels = x._shape
    if groups == 1:
        x = transpose(x, (rank + 1, *range(1, rank + 1), 0))
    else:
        x = reshape(x, (count, *sizes, groups, channels // groups))
        x = transpose(x, (rank + 2, *range(1, rank + 1), rank + 1, 0))
        x = reshape(x, (channels // groups, *sizes, groups * count))
    ct = transpose(ct, (*range(1, rank + 1), 0, rank + 1))
    out = conv(conj(x), ct, dilations, tuple(around), strides, input_dilations, groups)
    return transpose(out, (*range(1, rank + 1), 0, rank + 1))


def _batch(
    mask: Any,
    x: Any,
    w: Any,
    strides: Ints,
    padding: Pairs,
    dilations: Ints,
    input_dilations: Ints,
    groups: int,
) -> Any:
    """Fold a batch of inputs into examples, of filters into output channels, of both into
    groups.
    """
    options = strides, padding, dilations, input_dilations
    if not mask[1]:
        many, count, *rest = x._shape
        out = conv(reshape(x, (many * count, *rest)), w, *options, groups)
        return reshape(out, (many, count, *out._shape[1:]))
    many, *size, inward, outward = w._shape
    rank = len(size)
    if mask[0]:
        _, count, *sizes, channels = x._shape
        x = reshape(
            transpose(x, (*range(1, rank + 2), 0, rank + 2)), (count, *sizes, many * channels)
        )
        w = transpose(w, (*range(1, rank + 2), 0, rank + 2))
        out = conv(x, reshape(w, (*size, inward, many * outward)), *options, many * groups)
        out = reshape(out, (*out._shape[:-1], many, outward))
        return transpose(out, (rank + 1, *range(rank + 1), rank + 2))
    w = reshape(w, (many, *size, inward, groups, outward // groups))
    w = transpose(w, (*range(1, rank + 3), 0, rank + 3))
    out = conv(x, reshape(w, (*size, inward, many * outward)), *options, groups)
    out = reshape(out, (*out._shape[:-1], groups, many, outward // groups))
    out = transpose(out, (rank + 2, *range(rank + 2), rank + 3))
    return reshape(out, (*out._shape[:-2], outward))


_conv = bilinear(
    "conv", _kernel, _input_vjp, _filter_vjp, batch=_batch, shape=_shape, kinds="iufcV"
)


def conv(
    x: Any,
    w: Any,
    strides: Ints,
    padding: Pairs,
    dilations: Ints,
    input_dilations: Ints,
    groups: int = 1,
) -> Any:
    """Correlate x (n, *space, groups * c) with w (*window, c, groups * o): (n, *places, groups *
    o).
    """
    params = {
        "strides": strides,
        "padding": padding,
        "dilations": dilations,
        "input_dilations": input_dilations,
        "groups": groups,
    }
    return apply(_conv, (x, w), params)
