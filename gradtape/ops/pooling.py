"""Pooling, channels last: the maximum and the mean in windows, and what moves their gradients.

The derivative of the maximum goes to the first element of the window that has it (in row-major
order). Its number, the *winner*, is constant between ties, so that gathering t at the winners and
scattering ct to them, linear and each other's transpose, are all derivatives there are. The mean
counts the elements of the input alone, not the padding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape.core.xp_numpy_pooling  # noqa: F401
from gradtape.core.dispatch import apply
from gradtape.core.nothing import INTEGER, STEPWISE
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.windows import Window
from gradtape.core.xp_numpy_pooling import winner_dtype
from gradtape.ops.basis import broadcast_to, reshape
from gradtape.ops.families import linear

Sizes = tuple[int, ...]


def _merged(x: Any) -> Any:
    """x with its batch axis made part of the examples."""
    return reshape(x, (x._shape[0] * x._shape[1], *x._shape[2:]))


def _batch(run: Any) -> Any:
    """The batching rule: batched and repeated inputs become more examples."""

    def rule(mask: Any, *inputs: Any, **params: Any) -> Any:
        many = next(t._shape[0] for t, b in zip(inputs, mask, strict=True) if b)
        count = inputs[0]._shape[1 if mask[0] else 0]
        spread = [
            t if b else broadcast_to(reshape(t, (1, *t._shape)), (many, *t._shape))
            for t, b in zip(inputs, mask, strict=True)
        ]
        out = run(*map(_merged, spread), **params)
        return reshape(out, (many, count, *out._shape[1:]))

    return rule


def _pooled(x: Any, window: Window) -> Spec:
    return Spec((x._shape[0], *window.places(x._shape[1:-1]), x._shape[-1]), x._dtype)


def _unpooled(ct: Any, sizes: Sizes) -> Spec:
    return Spec((ct._shape[0], *sizes, ct._shape[-1]), ct._dtype)


def _max_vjp(ct: Any, x: Any, out: Any, window: Window) -> Any:
    return scatter(ct, winner(x, out, window), window, x._shape[1:-1])


def _max_jvp(t: Any, x: Any, out: Any, window: Window) -> Any:
    return gather(t, winner(x, out, window), window)


_max = primitive(
    "max_pool",
    lambda xp, x, *, window: xp.pool_max(x, window),
    vjps=[_max_vjp],
    jvps=[_max_jvp],
    batch=_batch(lambda x, window: maximum(x, window)),
    shape=_pooled,
    kinds="iufV",
    family="reduction",
)


def maximum(x: Any, window: Window) -> Any:
    """The maximum in each window."""
    return apply(_max, (x,), {"window": window})


_winner = primitive(
    "pool_winner",
    lambda xp, x, out, *, window: xp.pool_winner(x, out, window),
    vjps=[STEPWISE, STEPWISE],
    jvps=[STEPWISE, STEPWISE],
    batch=_batch(lambda x, out, window: winner(x, out, window)),
    shape=lambda x, out, window: Spec(out._shape, winner_dtype(window)),
    kinds="iufV",
    differentiable=False,
    family="stepwise",
)


def winner(x: Any, out: Any, window: Window) -> Any:
    """The number of the first tap of each window that has its maximum `out`."""
    return apply(_winner, (x, out), {"window": window})


_gather = primitive(
    "pool_gather",
    lambda xp, t, winner, *, window: xp.pool_gather(t, winner, window),
    vjps=[lambda ct, winner, t_shape, window: scatter(ct, winner, window, t_shape[1:-1]), INTEGER],
    jvps=[lambda t2, winner, window: gather(t2, winner, window), INTEGER],
    batch=_batch(lambda t, winner, window: gather(t, winner, window)),
    shape=lambda t, winner, window: Spec(winner._shape, t._dtype),
    family="indexing",
)


def gather(t: Any, winner: Any, window: Window) -> Any:
    """The element of t that each window's winner names."""
    return apply(_gather, (t, winner), {"window": window})


_scatter = primitive(
    "pool_scatter",
    lambda xp, ct, winner, *, window, sizes: xp.pool_scatter(ct, winner, window, sizes),
    vjps=[lambda ct2, winner, window: gather(ct2, winner, window), INTEGER],
    jvps=[lambda t, winner, window, sizes: scatter(t, winner, window, sizes), INTEGER],
    batch=_batch(lambda ct, winner, window, sizes: scatter(ct, winner, window, sizes)),
    shape=lambda ct, winner, window, sizes: _unpooled(ct, sizes),
    family="indexing",
)


def scatter(ct: Any, winner: Any, window: Window, sizes: Sizes) -> Any:
    """Zeros of these spatial sizes, to which each window's cotangent is added at its winner."""
    return apply(_scatter, (ct, winner), {"window": window, "sizes": sizes})


def _weights(window: Window, sizes: Sizes, dtype: Any) -> Any:
    """One over the number of elements of the input in each window, as (*places, 1)."""
    counts = np.ones((), np.int64)
    for n, m, k, s, d, (before, _) in zip(
        sizes, window.places(sizes), *window[:3], window.padding, strict=True
    ):
        at = np.arange(m)[:, None] * s + np.arange(k) * d - before
        counts = counts[..., None] * ((at >= 0) & (at < n)).sum(1)
    return (1 / counts)[..., None].astype(dtype)


def _in_single(xp: Any, x: Any) -> Any:
    return x.astype(np.float32) if x.dtype.itemsize == 2 else x


def _mean_kernel(xp: Any, x: Any, *, window: Window) -> Any:
    wide = _in_single(xp, x)
    mean = xp.pool_sum(wide, window) * _weights(window, x.shape[1:-1], wide.dtype)
    return mean.astype(x.dtype)


def _spread_kernel(xp: Any, ct: Any, *, window: Window, sizes: Sizes) -> Any:
    wide = _in_single(xp, ct)
    return xp.pool_spread(wide * _weights(window, sizes, wide.dtype), window, sizes).astype(
        ct.dtype
    )


_mean = linear(
    "mean_pool",
    _mean_kernel,
    lambda ct, x_shape, window: spread_mean(ct, window, x_shape[1:-1]),
    batch=_batch(lambda x, window: mean(x, window)),
    shape=_pooled,
    kinds="fV",
)


def mean(x: Any, window: Window) -> Any:
    """The mean in each window of the elements that are not padding."""
    return apply(_mean, (x,), {"window": window})


_spread_mean = linear(
    "spread_mean",
    _spread_kernel,
    lambda ct, window: mean(ct, window),
    batch=_batch(lambda ct, window, sizes: spread_mean(ct, window, sizes)),
    shape=lambda ct, window, sizes: _unpooled(ct, sizes),
    kinds="fV",
)


def spread_mean(ct: Any, window: Window, sizes: Sizes) -> Any:
    """The transpose of the mean in windows over an input of these spatial sizes."""
    return apply(_spread_mean, (ct,), {"window": window, "sizes": sizes})
