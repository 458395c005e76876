"""Clipping of gradients: at once, or as one operation of a graph for all of them."""

from __future__ import annotations

from typing import Any

from gradtape.core.dispatch import apply
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.state import here
from gradtape.core.xp_numpy import restore, silence, xp
from gradtape.train.gradients import Rows, norm
from gradtape.train.operations import shared_by_examples

NORM, GLOBAL, VALUE = "norm", "global", "value"


def clipped(gradients: list[Any], how: str, limit: float) -> list[Any]:
    """Prepared gradients, clipped.

    Args:
        gradients: arrays or `Rows`; tensors and `Rows` of tensors in a graph.
        how: NORM: each gradient g with a norm above the limit becomes limit g / |g|. GLOBAL: all
            are scaled alike, so that the norm of all together is at most the limit; as in
            TensorFlow a norm that is inf or nan makes every gradient nan. VALUE: each element is
            put into [-limit, limit]; nan stays nan.
        limit: a positive number.
    """
    given = [g.values if isinstance(g, Rows) else g for g in gradients]
    if here.mode is None:
        token = silence()
        try:
            found = _kernel(xp, *given, how=how, limit=limit)
        finally:
            restore(token)
    else:
        found = apply(_clip, tuple(given), {"how": how, "limit": limit})
    return [
        g._replace(values=f) if isinstance(g, Rows) else f
        for g, f in zip(gradients, found, strict=True)
    ]


def _kernel(xp: Any, *gradients: Any, how: str, limit: float) -> Any:
    if how == VALUE:
        return tuple([xp.clip(g, -limit, limit) for g in gradients])
    norms = [_norm(xp, g) for g in gradients]
    if how == NORM:
        factors = [xp.where(n <= limit, 1.0, limit / n) for n in norms]
    else:
        total = xp.linalg.norm(xp.stack(norms))
        rest = xp.where(xp.isfinite(total), limit / total, xp.nan)
        factors = [xp.where(total <= limit, 1.0, rest)] * len(norms)
    return tuple([_scaled(xp, g, f) for g, f in zip(gradients, factors, strict=True)])


def _norm(xp: Any, gradient: Any) -> Any:
    """The norm in float64, which neither overflows nor underflows on the way."""
    if xp.name == "numpy":
        return xp.float64(norm(gradient))
    wide = gradient.astype(xp.float64)
    if gradient.dtype != xp.float64:
        return xp.sqrt(xp.sum(wide * wide))
    peak = xp.max(xp.abs(wide), initial=0.0)
    usual = (peak > 0.0) & (peak < xp.inf)
    unit = wide / xp.where(usual, peak, 1.0)
    return xp.where(usual, peak * xp.sqrt(xp.sum(unit * unit)), peak)


def _scaled(xp: Any, gradient: Any, factor: Any) -> Any:
    if xp.name == "numpy" and factor == 1.0:
        return gradient
    return gradient * factor.astype(gradient.dtype)


_clip = primitive(
    "clip_gradients",
    _kernel,
    batch=shared_by_examples,
    shape=lambda *gradients, how, limit: tuple([Spec(g._shape, g._dtype) for g in gradients]),
    several=True,
    differentiable=False,
    family="optimizer",
)
