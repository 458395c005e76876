"""The linear maps of signal processing: Fourier transforms complex and real, cosine transforms,
frames.

The transpose of each is another of them, scaled. That of `rfft`, which keeps half of a symmetric
spectrum, is the inverse transform with the elements that stand for two counted once: weights 1 at
frequency 0 and at half the sampling frequency, 1/2 elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape.core.xp_numpy_fft  # noqa: F401
from gradtape.core.dispatch import apply
from gradtape.core.shapes import Spec
from gradtape.core.sizes import larger
from gradtape.core.tensor import Tensor
from gradtape.ops.assembly import pad_axis, slice_axis
from gradtape.ops.basis import multiply, real_dtype
from gradtape.ops.families import linear

ADJOINT = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def resized(x: Any, size: int, axis: int) -> Any:
    """x with an axis cut or lengthened by zeros behind."""
    have = x._shape[axis]
    if have > size:
        return slice_axis(x, 0, size, axis)
    return x if have == size else pad_axis(x, 0, size - have, axis)


def weighted(x: Any, weights: Any) -> Any:
    """x times constants along its last axis, in its own dtype."""
    return multiply(x, Tensor(np.asarray(weights).astype(x._dtype)))


# Fourier

_fft = linear(
    "fft",
    lambda xp, x, *, axes, inverse, norm: xp.fourier(x, axes, inverse, norm),
    lambda ct, axes, inverse, norm: fft(ct, axes, not inverse, ADJOINT[norm]),
    batch=lambda mask, x, axes, inverse, norm: fft(x, tuple([a + 1 for a in axes]), inverse, norm),
    shape=lambda x, axes, inverse, norm: Spec(x._shape, x._dtype),
    kinds="c",
)


def fft(x: Any, axes: tuple[int, ...], inverse: bool = False, norm: str = "backward") -> Any:
    """The Fourier transform of a complex tensor over axes; `norm` as in NumPy."""
    return apply(_fft, (x,), {"axes": axes, "inverse": inverse, "norm": norm})


def _half(n: Any) -> Any:
    return n // 2 + 1


def _halves(n: int) -> Any:
    """1 at the frequencies of `rfft` that stand for themselves, 1/2 at those that stand for two."""
    weights = np.full((n // 2 + 1,), 0.5)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return weights


_rfft = linear(
    "rfft",
    lambda xp, x: xp.real_fourier(x),
    lambda ct, x_shape: irfft(weighted(ct, x_shape[-1] * _halves(x_shape[-1])), x_shape[-1]),
    batch=lambda mask, x: rfft(x),
    shape=lambda x: Spec(
        (*x._shape[:-1], _half(x._shape[-1])), np.dtype(f"c{2 * x._dtype.itemsize}")
    ),
    kinds="f",
)


def rfft(x: Any) -> Any:
    """The first half of the Fourier transform of the last axis of a real tensor."""
    return apply(_rfft, (x,))


_irfft = linear(
    "irfft",
    lambda xp, y, *, n: xp.inverse_real_fourier(y, n),
    lambda ct, n: weighted(rfft(ct), 1 / (n * _halves(n))) if n else rfft(ct),
    batch=lambda mask, y, n: irfft(y, n),
    shape=lambda y, n: Spec((*y._shape[:-1], n), real_dtype(y._dtype)),
    kinds="c",
)


def irfft(y: Any, n: int) -> Any:
    """The real tensor (..., n) of which y (..., n // 2 + 1) is half of the Fourier transform."""
    return apply(_irfft, (y,), {"n": n})


# cosine transforms: types 2 and 3 are transposes up to the first element; 4 is symmetric


def _ends(n: int, value: float, last: bool) -> Any:
    weights = np.ones((n,))
    if n:
        weights[0] = value
        if last:
            weights[-1] = value
    return weights


def _dct_vjp(ct: Any, x_shape: Any, kind: int) -> Any:
    n = x_shape[-1]
    if kind == 1:
        return weighted(dct(weighted(ct, _ends(n, 2, True)), 1), _ends(n, 0.5, True))
    if kind == 2:
        return dct(weighted(ct, _ends(n, 2, False)), 3)
    if kind == 3:
        return weighted(dct(ct, 2), _ends(n, 0.5, False))
    return dct(ct, 4)


_dct = linear(
    "dct",
    lambda xp, x, *, kind: xp.cosine(x, kind),
    _dct_vjp,
    batch=lambda mask, x, kind: dct(x, kind),
    shape=lambda x, kind: Spec(x._shape, x._dtype),
    kinds="f",
)


def dct(x: Any, kind: int) -> Any:
    """The discrete cosine transform of the last axis, types 1 to 4 as in SciPy, not scaled."""
    return apply(_dct, (x,), {"kind": kind})


# frames


def _framed_shape(x: Any, length: int, step: int) -> Spec:
    n = x._shape[-1]
    count = larger(0, 1 + (n - length) // step)
    return Spec((*x._shape[:-1], count, length), x._dtype)


_frames = linear(
    "frames",
    lambda xp, x, *, length, step: xp.framed(x, length, step),
    lambda ct, x_shape, step: overlap(ct, step, x_shape[-1]),
    batch=lambda mask, x, length, step: frames(x, length, step),
    shape=_framed_shape,
)


def frames(x: Any, length: int, step: int) -> Any:
    """Windows of the last axis that lie in it, `step` apart: (..., count, length)."""
    return apply(_frames, (x,), {"length": length, "step": step})


_overlap = linear(
    "overlap",
    lambda xp, x, *, step, size: xp.overlapped(x, step, size),
    lambda ct, x_shape, step: frames(ct, x_shape[-1], step),
    batch=lambda mask, x, step, size: overlap(x, step, size),
    shape=lambda x, step, size: Spec((*x._shape[:-2], size), x._dtype),
)


def overlap(x: Any, step: int, size: int) -> Any:
    """The transpose of `frames` of an axis of this size: frames are added where they were."""
    return apply(_overlap, (x,), {"step": step, "size": size})
