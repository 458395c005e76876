"""The verbs of convolution and pooling on NumPy: windows become rows of a matrix, and BLAS does the
rest.

The rows are copied block by block, so that a block stays in the cache and the whole never exists. A
convolution that gives the gradient of a filter sees its input transposed: its windows are read in
the order in which they lie in memory and summed over blocks. A dilated input (the gradient of a
strided convolution, a transposed convolution) is not filled with zeros: each element's products are
added where they belong.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from gradtape.core.products import FILTERS, covers, products, run, two_axes
from gradtape.core.windows import Window, exchanged, spread
from gradtape.core.xp_numpy import verb

BLOCK_BYTES = 2**22  # of window rows at a time: measured, 1 to 8 MiB are equal


@verb
def convolve(
    x: Any, w: Any, strides: Any, padding: Any, dilations: Any, input_dilations: Any, groups: int
) -> Any:
    """Correlate x (n, *space, groups * c) with w (*window, c, out): the result is (n, *places,
    out).
    """
    sizes = tuple([spread(n, d) for n, d in zip(x.shape[1:-1], input_dilations, strict=True)])
    window = Window(w.shape[:-2], strides, dilations, padding)
    shape = (x.shape[0], *window.places(sizes), w.shape[-1])
    if 0 in shape or x.size == 0 or w.size == 0:
        return np.zeros(shape, x.dtype)
    apart = max(input_dilations) > 1
    larger = math.prod(window.size) > math.prod(x.shape[1:-1])
    if apart and larger and groups == max(dilations) == 1:
        return _exchanged(x, w, window, input_dilations, shape)
    if groups == 1 and min(max(input_dilations), max(strides)) == 1:
        found = _by_extension(x, w, window, input_dilations, shape)
        if found is not None:
            return found
    if max(strides) == 1 and groups == 1 and (apart or _narrow(w)):
        return _scattered(x, w, window, input_dilations, shape)
    if apart:
        x = _dilated(x, input_dilations, sizes)
    if 1 < groups == x.shape[-1] and math.prod(window.size) <= 64:
        return _tap_by_tap(x, w, window, shape)
    x = _padded(x, padding)
    if math.prod(window.size) == 1 and groups == 1:
        x = x[(slice(None), *[slice(None, None, s) for s in strides])]
        return (x.reshape(-1, x.shape[-1]) @ w.reshape(w.shape[-2:])).reshape(shape)
    seen = _windows(x, window, shape[1:-1])
    if groups > 1:
        return _grouped(seen, w, groups, shape)
    if x.strides[-1] > x.strides[0]:
        return _summed_over_blocks(seen, w, shape)
    return _row_by_row(seen, w, shape)


def _exchanged(x: Any, w: Any, window: Window, apart: Any, shape: tuple[int, ...]) -> Any:
    """The convolution with image and filter exchanged, where the filter is the larger one: in the
    gradient by the filter of a transposed convolution.
    """
    rank = len(window.size)
    other = exchanged(window, x.shape[1:-1], shape[1:-1], tuple(apart))
    image = w.transpose(rank + 1, *range(rank + 1))
    taps = x.transpose(*range(1, rank + 2), 0)
    found = convolve(image, taps, other.strides, other.padding, other.dilations, (1,) * rank, 1)
    backwards = (slice(None), *[slice(None, None, -1)] * rank)
    return found[backwards].transpose(rank + 1, *range(1, rank + 1), 0)


def _by_extension(x: Any, w: Any, window: Window, apart: Any, shape: tuple[int, ...]) -> Any:
    """The convolution by machine code of ours, or None. What the rule for filters asks for, of an
    input and a cotangent that it turned, is computed from both as they lie.
    """
    if x.ndim == 3:
        wide = shape[0], 1, *shape[1:]
        found = _by_extension(x[:, None], w[None], two_axes(window), (1, *apart), wide)
        return None if found is None else found.reshape(shape)
    if x.ndim == 4 and x.strides[-1] > x.strides[0] and max(apart) == 1:
        image, cotangent = x.transpose(3, 1, 2, 0), w.transpose(2, 0, 1, 3)
        forward = Window(shape[1:-1], window.dilations, window.strides, window.padding)
        if covers(x.dtype, forward, image.shape, cotangent.shape):
            return run(products.filter_gradient, image, cotangent, shape, forward)
    elif shape[-1] >= FILTERS and covers(x.dtype, window, x.shape, shape):
        return run(products.convolve, x, w, shape, window, apart)
    return None


def _narrow(w: Any) -> bool:
    """Whether so few channels come out that adding products is cheaper than copying windows."""
    return 8 * w.shape[-1] <= w.shape[-2] and math.prod(w.shape[:-2]) <= 32


def _padded(x: Any, padding: Any) -> Any:
    """x with zeros around its spatial axes, or cut where the padding is negative."""
    if any(before < 0 or after < 0 for before, after in padding):
        cut = [slice(max(0, -b), n - max(0, -a)) for n, (b, a) in zip(x.shape[1:-1], padding)]
        x = x[(slice(None), *cut)]
        padding = [(max(0, b), max(0, a)) for b, a in padding]
    if not any(map(any, padding)):
        return x
    inside = x.shape[1:-1]
    sizes = [n + before + after for n, (before, after) in zip(inside, padding, strict=True)]
    out = _like(x, (x.shape[0], *sizes, x.shape[-1]))
    middle = [slice(b, b + n) for n, (b, _) in zip(inside, padding, strict=True)]
    out[(slice(None), *middle)] = x
    return out


def _like(x: Any, shape: tuple[int, ...]) -> Any:
    """Zeros whose axes lie in memory in the order of x's: a transposed view stays one."""
    order = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))
    out = np.zeros([shape[axis] for axis in order], x.dtype)
    return out.transpose(sorted(range(x.ndim), key=order.__getitem__))


def _dilated(x: Any, dilations: Any, sizes: Any) -> Any:
    """x with zeros between its elements."""
    out = np.zeros((x.shape[0], *sizes, x.shape[-1]), x.dtype)
    out[(slice(None), *[slice(None, None, d) for d in dilations])] = x
    return out


def _windows(x: Any, window: Window, counts: Any) -> Any:
    """A view of x as (n, *places, *window, channels)."""
    first, *space, last = x.strides
    moving = [t * s for t, s in zip(space, window.strides, strict=True)]
    inside = [t * d for t, d in zip(space, window.dilations, strict=True)]
    shape = (x.shape[0], *counts, *window.size, x.shape[-1])
    return as_strided(x, shape, (first, *moving, *inside, last), writeable=False)


def _row_by_row(seen: Any, w: Any, shape: tuple[int, ...]) -> Any:
    rank = len(shape) - 2
    matrix = w.reshape(-1, shape[-1])
    each = math.prod(shape[1:-1])
    step = max(1, BLOCK_BYTES // (each * matrix.shape[0] * seen.itemsize))
    out = np.empty(shape, seen.dtype)
    thin = seen.shape[-1] == 1  # runs of one element copy slowly: let the places be the runs
    if thin:
        seen = seen.transpose(*range(rank + 1, 2 * rank + 2), *range(rank + 1))
    for start in range(0, shape[0], step):
        stop = min(start + step, shape[0])
        if thin:
            part = seen[(slice(None),) * (rank + 1) + (slice(start, stop),)]
            rows = part.reshape(matrix.shape[0], -1).T
        else:
            rows = seen[start:stop].reshape(-1, matrix.shape[0])
        np.matmul(rows, matrix, out=out[start:stop].reshape(-1, shape[-1]))
    return out


def _summed_over_blocks(seen: Any, w: Any, shape: tuple[int, ...]) -> Any:
    """For an input whose first axis is the innermost in memory: blocks along the channels, which
    are summed over.
    """
    rank = len(shape) - 2
    seen = seen.transpose(2 * rank + 1, *range(rank + 1, 2 * rank + 1), *range(1, rank + 1), 0)
    w = w.transpose(rank, *range(rank), rank + 1)
    count = math.prod(shape[1:-1]) * shape[0]
    taps = math.prod(w.shape[1:-1])
    step = max(1, BLOCK_BYTES // (taps * count * seen.itemsize))
    total = np.zeros((count, shape[-1]), seen.dtype)
    for start in range(0, w.shape[0], step):
        rows = seen[start : start + step].reshape(-1, count)
        total += rows.T @ w[start : start + step].reshape(-1, shape[-1])
    total = total.reshape(*shape[1:-1], shape[0], shape[-1])
    return total.transpose(rank, *range(rank), rank + 1)


def _grouped(seen: Any, w: Any, groups: int, shape: tuple[int, ...]) -> Any:
    """One product of matrices for each group."""
    rank = len(shape) - 2
    seen = seen.reshape(*seen.shape[:-1], groups, -1)
    rows = np.moveaxis(seen, -2, 0).reshape(groups, shape[0] * math.prod(shape[1:-1]), -1)
    matrix = np.moveaxis(w.reshape(*w.shape[:-1], groups, -1), -2, 0)
    out = rows @ matrix.reshape(groups, rows.shape[-1], -1)
    out = out.reshape(groups, *shape[:-1], -1)
    return np.moveaxis(out, 0, rank + 1).reshape(shape)


def _tap_by_tap(x: Any, w: Any, window: Window, shape: tuple[int, ...]) -> Any:
    """One filter for each channel: sum over the taps, without copying windows."""
    channels = x.shape[-1]
    out = np.zeros((*shape[:-1], channels, shape[-1] // channels), x.dtype)
    w = w.reshape(*window.size, channels, -1)
    for tap in window.taps():
        parts = window.parts(tap, x.shape[1:-1], shape[1:-1])
        if parts is not None:
            seeing, seen = parts
            out[(slice(None), *seeing)] += x[(slice(None), *seen)][..., None] * w[tap]
    return out.reshape(shape)


def _scattered(x: Any, w: Any, window: Window, input_dilations: Any, shape: Any) -> Any:
    """Stride 1 over a dilated input: element i times tap k belongs to place i * input_dilation +
    before - k * dilation.
    """
    out = np.zeros(shape, x.dtype)
    rank = len(shape) - 2
    matrix = w.transpose(rank, *range(rank), rank + 1).reshape(x.shape[-1], -1)
    each = math.prod(x.shape[1:-1]) * matrix.shape[1] * x.itemsize
    step = max(1, BLOCK_BYTES // each)
    for start in range(0, shape[0], step):
        part = x[start : start + step]
        products = (part.reshape(-1, x.shape[-1]) @ matrix).reshape(
            *part.shape[:-1], *window.size, shape[-1]
        )
        for tap in window.taps():
            ranges = _targets(tap, window, input_dilations, x.shape[1:-1], shape[1:-1])
            if ranges is not None:
                source, target = ranges
                block = products[(slice(None), *source, *tap)]
                out[(slice(start, start + step), *target)] += block
    return out


def _targets(tap: Any, window: Window, apart: Any, sizes: Any, counts: Any) -> Any:
    """The elements that a tap carries to places that exist, and those places."""
    source, target = [], []
    for t, d, (before, _), a, n, m in zip(
        tap, window.dilations, window.padding, apart, sizes, counts, strict=True
    ):
        offset = before - t * d
        first = max(0, -(offset // a))
        last = min(n, -((offset - m) // a))
        if first >= last:
            return None
        source.append(slice(first, last))
        start = first * a + offset
        target.append(slice(start, start + (last - first - 1) * a + 1, a))
    return source, target
