"""The verb of convolution on XLA, and on a CPU the shapes in which it keeps all cores busy.

XLA hands a convolution of a CPU to a library that runs it on one core (jaxlib 0.10; it is fast
there, 90 of the core's 100 GFLOP/s). Two things get it onto all cores. More than eight independent
pieces: that many ready operations, and no fewer, are shared among threads. Or an output that is
larger than the input, which that library refuses: Eigen then does it, in parallel. Measured within
the training step of a network (3 x 3 windows, 28 x 28 images, batch 64), two cores, and singly with
the numbers at each function below.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradtape.core.products import two_axes
from gradtape.core.windows import Window, exchanged, spread
from gradtape.graph import xp_jax_calls
from gradtape.graph.xp_jax_base import on_cpu, verb
from gradtape.graph.xp_jax_lowering import stored
from gradtape.graph.xp_jax_transposing import source, transpose

HEAVY = 2**27  # products, about 2 ms on one core: what is less is not worth cutting up
PIECES = 9  # more than eight
WIDE = 16  # channels: with fewer, Eigen is up to three times as slow as XLA's own
FEW_ROWS = 32
MOST_TAPS = 64


@verb
def convolve(
    x: Any, w: Any, strides: Any, padding: Any, dilations: Any, input_dilations: Any, groups: int
) -> Any:
    """Correlate x (n, *space, groups * c) with w (*window, c, out): the result is (n, *places,
    out).
    """
    window = Window(tuple(w.shape[:-2]), tuple(strides), tuple(dilations), tuple(padding))
    if not math.prod(window.size):  # XLA knows no such windows
        sizes = zip(x.shape[1:-1], input_dilations, strict=True)
        counts = window.places(tuple([spread(n, d) for n, d in sizes]))
        return jnp.zeros((x.shape[0], *counts, w.shape[-1]), x.dtype)
    if x.dtype in (np.float32, np.float64) and on_cpu() and x.size and w.size:
        if 1 < groups == x.shape[-1] and math.prod(window.size) <= MOST_TAPS:
            return _tap_by_tap(x, w, window, input_dilations)
        larger = math.prod(window.size) > math.prod(x.shape[1:-1])
        if larger and groups == max(dilations) == 1 < max(input_dilations):
            return _exchanged(x, w, window, tuple(input_dilations))
        if groups == min(max(input_dilations), max(strides)) == 1:
            found = _handed_over(x, w, window, tuple(input_dilations))
            if found is not None:
                return found
        run = _for_cpu(x, w, window) if groups == max(input_dilations) == 1 else None
        if run is not None:
            return run(x, w, window)
    return _convolved(x, w, window, input_dilations, groups)


def _convolved(x: Any, w: Any, window: Window, apart: Any = None, groups: int = 1) -> Any:
    """XLA's own convolution."""
    rank = len(window.size)
    space = "DHW"[-rank:] if rank <= 3 else "ABDEFGHJKLMPQR"[:rank]
    return jax.lax.conv_general_dilated(
        x,
        w,
        window.strides,
        window.padding,
        lhs_dilation=apart,
        rhs_dilation=window.dilations,
        dimension_numbers=(f"N{space}C", f"{space}IO", f"N{space}C"),
        feature_group_count=groups,
    )


def _exchanged(x: Any, w: Any, window: Window, apart: tuple[int, ...]) -> Any:
    """The convolution with image and filter exchanged, where the filter is the larger one: in the
    gradient by the filter of a transposed convolution.
    """
    rank = len(window.size)
    sizes = tuple([spread(n, d) for n, d in zip(x.shape[1:-1], apart, strict=True)])
    other = exchanged(window, x.shape[1:-1], window.places(sizes), apart)
    image = transpose(w, (rank + 1, *range(rank + 1)))
    taps = transpose(x, (*range(1, rank + 2), 0))
    found = convolve(image, taps, other.strides, other.padding, other.dilations, (1,) * rank, 1)
    return transpose(jnp.flip(found, range(1, rank + 1)), (rank + 1, *range(1, rank + 1), 0))


def _handed_over(x: Any, w: Any, window: Window, apart: tuple[int, ...]) -> Any:
    """The convolution by machine code of ours, or None. What the rule for filters asks for, of an
    input and a cotangent that it turned, is computed from both as they lie.
    """
    if len(window.size) == 1:
        return _handed_over_row(x, w, window, apart)
    (image, image_axes), (cotangent, cotangent_axes) = source(x), source(w)
    if image_axes == (3, 1, 2, 0) and cotangent_axes == (1, 2, 0, 3) and max(apart) == 1:
        size = window.places(x.shape[1:-1])
        forward = Window(size, window.dilations, window.strides, window.padding)
        return xp_jax_calls.filter_gradient(image, cotangent, forward)
    return xp_jax_calls.convolve(x, w, window, apart)


def _handed_over_row(x: Any, w: Any, window: Window, apart: tuple[int, ...]) -> Any:
    """The same over one axis."""
    (row, row_axes), (cotangent, cotangent_axes) = source(x), source(w)
    if row_axes == (2, 1, 0) and cotangent_axes == (1, 0, 2):
        x, w = transpose(row[:, None], (3, 1, 2, 0)), transpose(cotangent[:, None], (1, 2, 0, 3))
    else:
        x, w = x[:, None], w[None]
    found = _handed_over(x, w, two_axes(window), (1, *apart))
    return None if found is None else found[:, 0]


def _for_cpu(x: Any, w: Any, window: Window) -> Any:
    """The function that is faster than XLA's own for such shapes, or None."""
    counts = window.places(x.shape[1:-1])
    taps, places = math.prod(window.size), math.prod(counts)
    if not places:
        return None
    if places == 1 or (taps > places and places * x.shape[0] <= FEW_ROWS):
        return _row_by_row
    if taps == 1 and max(window.strides) == 1 and not any(map(any, window.padding)):
        return _point_by_point
    if len(counts) != 2 or x.shape[0] * places * w.size < HEAVY:
        return None
    if taps > places and window.size[0] >= PIECES:
        return _in_slabs
    more = x.shape[1] + 1 - counts[0]
    if window.strides[0] == 1 and w.shape[-2] >= WIDE and 0 < 8 * more <= counts[0]:
        return _with_more_rows
    return _in_parts if x.shape[0] >= PIECES else None


def _padded(x: Any, padding: Any, apart: Any = None) -> Any:
    """x with zeros around its spatial axes (or cut where the padding is negative) and, where they
    are to lie apart, between its elements.
    """
    apart = apart or (1,) * len(padding)
    config = [(*pair, d - 1) for pair, d in zip(padding, apart, strict=True)]
    return jax.lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *config, (0, 0, 0)])


def _point_by_point(x: Any, w: Any, window: Window) -> Any:
    """A window of one element: a product of matrices. With 64 channels at 28 x 28, batch 64, 8 ms
    on one core by XLA's own and 7 ms shared by all cores so.
    """
    out = x.reshape(-1, x.shape[-1]) @ w.reshape(w.shape[-2:])
    return out.reshape(*x.shape[:-1], w.shape[-1])


def _row_by_row(x: Any, w: Any, window: Window) -> Any:
    """One row of a matrix for each example and place: where they are few, as in the gradient of
    the filter of a first layer (3.2 ms by XLA's own, 0.6 ms so) or of a point by point convolution
    (25 ms and 8 ms, 64 channels).

    The padded input is an array of its own, of which rows are copies of slices: where XLA pads and
    cuts in one expression, it asks every element where it lies, and the rows take three times as
    long as the product.
    """
    rank, (count, *_, channels) = len(window.size), x.shape
    counts = window.places(x.shape[1:-1])
    # channels first, then the window: so the transpositions of the rule for filters fall away
    around = [(0, 0, 0), (0, 0, 0), *[(*pair, 0) for pair in window.padding]]
    x = jax.lax.pad(jnp.moveaxis(x, -1, 1), jnp.zeros((), x.dtype), around)
    (x,) = stored(x)
    rows = []
    for place in np.ndindex(*counts):
        seen = [
            slice(p * s, p * s + spread(k, d), d)
            for p, s, k, d in zip(place, window.strides, window.size, window.dilations, strict=True)
        ]
        rows.append(x[(slice(None), slice(None), *seen)])
    matrix = jnp.stack(rows, 1).reshape(count * len(rows), -1)
    out = matrix @ jnp.moveaxis(w, -2, 0).reshape(channels * math.prod(window.size), -1)
    return out.reshape(count, *counts, w.shape[rank + 1])


def _with_more_rows(x: Any, w: Any, window: Window) -> Any:
    """With so much padding that more rows come out than went in, to be cut off again."""
    counts = window.places(x.shape[1:-1])
    (before, after), *rest = window.padding
    padding = ((before, after + x.shape[1] + 1 - counts[0]), *rest)
    return _convolved(x, w, window._replace(padding=padding))[:, : counts[0]]


def _in_parts(x: Any, w: Any, window: Window) -> Any:
    """The examples in parts."""
    step = x.shape[0] // PIECES
    starts = range(0, x.shape[0], step)
    return jnp.concatenate([_convolved(x[i : i + step], w, window) for i in starts])


def _in_slabs(x: Any, w: Any, window: Window) -> Any:
    """The sum over slabs of the window, for windows that are larger than the output: gradients of
    filters. Slabs overlap: where the input comes from pooling and is laid out anew (128 images of
    13 x 13 with 32 channels) they take 21 ms of all cores, and 12 when that is stored first.
    """
    stride, dilation = window.strides[0], window.dilations[0]
    reach = (window.places(x.shape[1:-1])[0] - 1) * stride
    first, *rest = window.padding
    x, w = stored(_padded(x, (first, *[(0, 0) for _ in rest])), w)
    rows = window.size[0]
    step = rows // PIECES
    total = None
    for i in range(0, rows, step):
        part = w[i : i + step]
        slab = Window((part.shape[0], *window.size[1:]), *window[1:3], ((0, 0), *rest))
        start = i * dilation
        seen = x[:, start : start + reach + spread(part.shape[0], dilation)]
        term = _convolved(seen, part, slab)
        total = term if total is None else total + term
    return total


def _tap_by_tap(x: Any, w: Any, window: Window, apart: Any) -> Any:
    """One filter for each channel: products of shifted inputs, added in one loop. With 32 channels
    at 28 x 28, batch 64, 60 ms by XLA's own and 1.5 ms so.
    """
    counts = window.places(tuple([spread(n, d) for n, d in zip(x.shape[1:-1], apart, strict=True)]))
    channels = x.shape[-1]
    x = _padded(x, window.padding, apart)
    w = w.reshape(*window.size, channels, -1)
    total = None
    for tap in window.taps():
        seen = [
            slice(t * d, t * d + (m - 1) * s + 1, s)
            for t, d, m, s in zip(tap, window.dilations, counts, window.strides, strict=True)
        ]
        term = x[(slice(None), *seen)][..., None] * w[tap]
        total = term if total is None else total + term
    return jnp.asarray(total).reshape(x.shape[0], *counts, -1)
