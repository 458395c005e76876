"""The verbs of signal processing on XLA; cosine transforms are made of Fourier transforms."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from gradtape.graph.xp_jax_base import verb


@verb
def fourier(x: Any, axes: tuple[int, ...], inverse: bool, norm: str) -> Any:
    """The discrete Fourier transform of a complex array over axes."""
    if x.size == 0:
        return x
    for axis in axes:
        x = (jnp.fft.ifft if inverse else jnp.fft.fft)(x, axis=axis, norm=norm)
    return x


@verb
def real_fourier(x: Any) -> Any:
    """The first half of the Fourier transform of the last axis of a real array, not scaled."""
    if x.size == 0:
        return jnp.zeros(
            (*x.shape[:-1], x.shape[-1] // 2 + 1), np.result_type(x.dtype, np.complex64)
        )
    return jnp.fft.rfft(x)


@verb
def inverse_real_fourier(y: Any, n: int) -> Any:
    """The real array of n elements in the last axis with this half of a Fourier transform."""
    if y.size == 0 or n == 0:
        return jnp.zeros((*y.shape[:-1], n), np.finfo(y.dtype).dtype)
    return jnp.fft.irfft(y, n)


@verb
def cosine(x: Any, kind: int) -> Any:
    """The discrete cosine transform of type 1 to 4 of the last axis, not scaled."""
    if x.size == 0:
        return x
    n = x.shape[-1]
    if kind == 1:  # of the even extension
        return jnp.fft.rfft(jnp.concatenate([x, x[..., -2:0:-1]], -1)).real
    angle = np.pi * np.arange(n) / (2 * n)
    complex_dtype = np.result_type(x.dtype, np.complex64)
    turn = jnp.asarray(np.exp(-1j * angle), complex_dtype)
    if kind == 2:
        return 2 * (jnp.fft.rfft(x, 2 * n)[..., :n] * turn).real
    if kind == 3:
        halved = x.at[..., 0].multiply(0.5)
        return 2 * jnp.fft.fft(halved * turn, 2 * n)[..., :n].real
    half = jnp.asarray(np.exp(-1j * np.pi * (2 * np.arange(n) + 1) / (4 * n)), complex_dtype)
    return 2 * (jnp.fft.fft(x * turn, 2 * n)[..., :n] * half).real


@verb
def framed(x: Any, length: int, step: int) -> Any:
    """Windows of the last axis, `step` apart: (..., count, length)."""
    count = max(0, 1 + (x.shape[-1] - length) // step)
    return x[..., np.arange(count)[:, None] * step + np.arange(length)]


@verb
def overlapped(frames: Any, step: int, size: int) -> Any:
    """Zeros (..., size) to which frame i of (..., count, length) is added from i * step on."""
    *lead, count, length = frames.shape
    pieces = -(-length // step)
    lengthened = [(0, 0)] * len(lead) + [(0, 0), (0, pieces * step - length)]
    blocks = jnp.pad(frames, lengthened).reshape(*lead, count, pieces, step)
    total = jnp.zeros((*lead, count + pieces, step), frames.dtype)
    for j in range(pieces):
        total = total.at[..., j : j + count, :].add(blocks[..., j, :])
    flat = total.reshape(*lead, -1)
    missing = max(0, size - flat.shape[-1])
    return jnp.pad(flat, [(0, 0)] * len(lead) + [(0, missing)])[..., :size]
