"""Forward mode: tangents pushed along with the values."""

from __future__ import annotations

from typing import Any

from gradtape.core.dispatch import apply
from gradtape.core.dtypes import differentiable
from gradtape.core.nothing import Nothing, Owed
from gradtape.core.primitive import Primitive
from gradtape.ops.basis import add, broadcast_to, zeros


class _Live:
    """What a jvp rule may ask for, in place of a record."""

    __slots__ = ("inputs", "out", "params")

    def __init__(self, inputs: tuple[Any, ...], out: Any, params: dict[str, Any]) -> None:
        self.inputs = inputs
        self.out = out
        self.params = params

    def output(self) -> Any:
        """The result of the operation."""
        return self.out


def push_forward(
    primitive: Primitive, inputs: tuple[Any, ...], tangents: tuple[Any, ...], params: dict[str, Any]
) -> tuple[Any, list[Any]]:
    """Run a primitive and push tangents through it.

    Args:
        tangents: one for each input, None where it does not move.

    Returns:
        The result, and the list of the tangents of its differentiable parts.
    """
    out = apply(primitive, inputs, params)
    return out, push_tangents(primitive, inputs, tangents, params, out)


def push_tangents(
    primitive: Primitive,
    inputs: tuple[Any, ...],
    tangents: tuple[Any, ...],
    params: dict[str, Any],
    out: Any,
) -> list[Any]:
    """The tangents of the differentiable parts of a result that is there already."""
    live = _Live(inputs, out, params)
    outs = [o for o in (out if primitive.several else (out,)) if differentiable(o._dtype)]
    if primitive.joint_jvp is not None:
        given = primitive.joint_jvp(tangents, live)
        pushed = list(given) if primitive.several else [given]
        return [_fitting(p, o) for p, o in zip(pushed, outs, strict=True)]
    totals: list[Any] = [None] * len(outs)
    for tangent, rule in zip(tangents, primitive.jvps, strict=True):
        if tangent is None or isinstance(rule, Nothing):
            continue
        if isinstance(rule, Owed):
            raise LookupError(f"gradtape.{primitive.name} has no forward rule: {rule.why}")
        given = rule(tangent, live)
        for k, part in enumerate(given if primitive.several else [given]):
            if part is not None and not isinstance(part, Nothing):
                totals[k] = part if totals[k] is None else add(totals[k], part)
    return [_fitting(t, o) for t, o in zip(totals, outs, strict=True)]


def _fitting(tangent: Any, out: Any) -> Any:
    """A tangent in its output's shape; zeros where nothing moved."""
    if tangent is None:
        return zeros(out._shape, out._dtype)
    return tangent if tangent._shape == out._shape else broadcast_to(tangent, out._shape)
