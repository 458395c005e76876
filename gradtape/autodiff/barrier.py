"""`barrier`: tensors that are to be taken as new ones, so that a compiler does not see that work on
them was done before.

The results also depend on tensors that must come first: with the cotangents among these, work on
the results is not begun before the way back, and what is kept for it are the operands alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradtape.core.dispatch import apply
from gradtape.core.dtypes import differentiable
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.ops.reductions import spread_all


def _kernel(xp: Any, *arrays: Any, count: int) -> Any:
    if xp.name == "numpy":
        return arrays[:count]
    return tuple(xp.lax.optimization_barrier(arrays))[:count]


def _push(tangents: Any, dtypes: Any, count: int) -> list[Any]:
    pairs = zip(tangents[:count], dtypes, strict=False)
    return [t for t, dtype in pairs if differentiable(dtype)]


_barrier = primitive(
    "barrier",
    _kernel,
    joint_vjp=lambda ct, inputs, count: [*ct, *[None] * (len(inputs) - count)],
    joint_jvp=_push,
    batch=lambda mask, *inputs, count: apply(_barrier, spread_all(mask, inputs), {"count": count}),
    shape=lambda *specs, count: tuple([Spec(s._shape, s._dtype) for s in specs[:count]]),
    several=True,
    gaps=True,
    family="structural",
)


def barrier(tensors: Sequence[Any], after: Sequence[Any]) -> list[Any]:
    """The tensors as new ones, which come after others."""
    return list(apply(_barrier, (*tensors, *after), {"count": len(tensors)}))
