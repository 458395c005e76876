"""The verbs of signal processing on NumPy: Fourier and cosine transforms by SciPy's pocketfft,
frames by strides.

SciPy's transforms keep single precision; NumPy's do not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from gradtape.core.xp_numpy import Lazy, verb, xp

xp.scipy_fft = Lazy("scipy.fft")


@verb
def fourier(x: Any, axes: tuple[int, ...], inverse: bool, norm: str) -> Any:
    """The discrete Fourier transform of a complex array over axes."""
    if x.size == 0:
        return x
    return (xp.scipy_fft.ifftn if inverse else xp.scipy_fft.fftn)(x, axes=axes, norm=norm)


@verb
def real_fourier(x: Any) -> Any:
    """The first half of the Fourier transform of the last axis of a real array, not scaled."""
    if x.size == 0:
        return np.zeros(
            (*x.shape[:-1], x.shape[-1] // 2 + 1), np.result_type(x.dtype, np.complex64)
        )
    return xp.scipy_fft.rfft(x)


@verb
def inverse_real_fourier(y: Any, n: int) -> Any:
    """The real array of n elements in the last axis with this half of a Fourier transform."""
    if y.size == 0 or n == 0:
        return np.zeros((*y.shape[:-1], n), np.finfo(y.dtype).dtype)
    return xp.scipy_fft.irfft(y, n)


@verb
def cosine(x: Any, kind: int) -> Any:
    """The discrete cosine transform of type 1 to 4 of the last axis, not scaled."""
    return xp.scipy_fft.dct(x, kind) if x.size else x


@verb
def framed(x: Any, length: int, step: int) -> Any:
    """Windows of the last axis, `step` apart: (..., count, length). A view."""
    count = max(0, 1 + (x.shape[-1] - length) // step)
    if count == 0:
        return np.zeros((*x.shape[:-1], 0, length), x.dtype)
    step = min(step, x.shape[-1])  # of a single frame the step does not matter
    strides = (*x.strides[:-1], x.strides[-1] * step, x.strides[-1])
    return as_strided(x, (*x.shape[:-1], count, length), strides, writeable=False)


@verb
def overlapped(frames: Any, step: int, size: int) -> Any:
    """Zeros (..., size) to which frame i of (..., count, length) is added from i * step on."""
    *lead, count, length = frames.shape
    out = np.zeros((*lead, size), frames.dtype)
    if step >= length:  # no overlap: all frames at once
        if count and length:
            framed_out = as_strided(
                out, frames.shape, (*out.strides[:-1], out.itemsize * step, out.itemsize)
            )
            framed_out[...] = frames
        return out
    if count < length // step:
        for i in range(count):
            out[..., i * step : i * step + length] += frames[..., i, :]
        return out
    for start in range(0, length, step):  # the part of every frame that begins in its j-th step
        width = min(step, length - start)
        target = as_strided(
            out[..., start:],
            (*lead, count, width),
            (*out.strides[:-1], out.itemsize * step, out.itemsize),
        )
        target += frames[..., start : start + width]
    return out
