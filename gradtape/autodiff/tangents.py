"""Tangents through one primitive: by its jvp rules, or by transposing its vjp rules.

Where a function gives only the reverse direction (a custom gradient), `transposed` finds the
forward one: u -> J'u is linear, so its own reverse derivative is J. Tangents of many directions at
once (`moving_rows`) have one axis more in front; the same rules run on them in a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradtape.autodiff.batching import BatchedTensor, batching, spread
from gradtape.autodiff.walk import walk
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import differentiable
from gradtape.core.nothing import Nothing, Owed
from gradtape.core.primitive import Primitive
from gradtape.core.record import Node, Recording
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import add, broadcast_to, sum_to, zeros
from gradtape.ops.sparse import IndexedSlices


class Live:
    """What a rule may ask for, in place of a record."""

    __slots__ = ("inputs", "out", "params", "parents")

    def __init__(
        self, inputs: tuple[Any, ...], out: Any, params: dict[str, Any], parents: Any = ()
    ) -> None:
        self.inputs = inputs
        self.out = out
        self.params = params
        self.parents: tuple[Any, ...] = parents

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
        The result, and the list of the tangents of its differentiable parts, zeros where nothing
        moves.
    """
    out = apply(primitive, inputs, params)
    pushed = moving(primitive, inputs, tangents, params, out)
    parts = parts_of(primitive, out)
    return out, [
        zeros(o._shape, o._dtype) if t is None else t for t, o in zip(pushed, parts, strict=True)
    ]


def parts_of(primitive: Primitive, out: Any) -> list[Any]:
    """The differentiable parts of a result."""
    return [o for o in (out if primitive.several else (out,)) if differentiable(o._dtype)]


def moving(
    primitive: Primitive,
    inputs: tuple[Any, ...],
    tangents: tuple[Any, ...],
    params: dict[str, Any],
    out: Any,
) -> list[Any]:
    """The tangents of the differentiable parts of a result, None for those that do not move."""
    outs = parts_of(primitive, out)
    pushed = by_rules(primitive, inputs, tangents, params, out)
    return [t if t is None else _fitting(t, o) for t, o in zip(pushed, outs, strict=True)]


def moving_rows(
    primitive: Primitive,
    inputs: tuple[Any, ...],
    rows: tuple[Any, ...],
    params: dict[str, Any],
    out: Any,
    count: int,
) -> list[Any]:
    """`moving` for `count` directions at once: tangents with one axis more in front."""
    with batching(count, warn=False) as mode:
        tangents = tuple([None if r is None else BatchedTensor(r, None, mode) for r in rows])
        pushed = moving(primitive, inputs, tangents, params, out)
    return [None if t is None else spread(t, mode) for t in pushed]


def by_rules(
    primitive: Primitive,
    inputs: tuple[Any, ...],
    tangents: tuple[Any, ...],
    params: dict[str, Any],
    out: Any,
) -> list[Any]:
    """What the rules give: tangents that may still have to be broadcast to their outputs."""
    live = Live(inputs, out, params)
    outs = parts_of(primitive, out)
    if not primitive.differentiable or not outs:
        return [None] * len(outs)
    if primitive.joint_jvp is not None:
        given = primitive.joint_jvp(tangents, live)
        pushed = list(given) if primitive.several else [given]
    elif primitive.jvps:
        pushed = _added(primitive, tangents, live, len(outs))
    else:
        pushed = _by_reverse(primitive, tangents, live, outs)
    return [None if isinstance(t, Nothing) else t for t in pushed]


def _added(primitive: Primitive, tangents: Any, live: Live, count: int) -> list[Any]:
    """The sum of what the rule of each moving input gives."""
    totals: list[Any] = [None] * count
    for tangent, rule in zip(tangents, primitive.jvps, strict=True):
        if tangent is None or isinstance(rule, Nothing):
            continue
        if isinstance(rule, Owed):
            raise LookupError(f"gradtape.{primitive.name} has no forward rule: {rule.why}")
        given = rule(tangent, live)
        for k, part in enumerate(given if primitive.several else [given]):
            if part is not None and not isinstance(part, Nothing):
                totals[k] = part if totals[k] is None else add(totals[k], part)
    return totals


def _by_reverse(primitive: Primitive, tangents: Any, live: Live, outs: list[Any]) -> list[Any]:
    """The tangents by transposing the vjp rules, for a primitive that has no others."""
    live.parents = tuple([None if t is None else True for t in tangents])

    def pull(cts: list[Any]) -> list[Any]:
        given = primitive.pull(live, tuple(cts) if primitive.several else cts[0])
        if not primitive.broadcasts:
            return given
        pairs = zip(given, live.inputs, strict=True)
        return [sum_to(g, x._shape) if isinstance(g, Tensor) else g for g, x in pairs]

    given = live.out if primitive.several else (live.out,)
    found = transposed(pull, [(o._shape, o._dtype) for o in given], list(tangents))
    return [t for t, o in zip(found, given, strict=True) if differentiable(o._dtype)]


def _fitting(tangent: Any, out: Any) -> Any:
    """A tangent in its output's shape."""
    return tangent if tangent._shape == out._shape else broadcast_to(tangent, out._shape)


def transposed(
    pull: Callable[[list[Any]], Sequence[Any]], specs: list[tuple[Any, Any]], tangents: list[Any]
) -> list[Any]:
    """Push tangents forward through a function that pulls cotangents back.

    `pull` maps u to J'u. Its derivative in u, pulled back along the tangents t, is J t.

    Args:
        pull: takes a list of cotangents of the outputs, returns those of the inputs.
        specs: the shape and dtype of each output.
        tangents: one for each input, None where it does not move.

    Returns:
        For each output its tangent, or None where it is not connected.
    """
    recording = Recording(automatic=False)
    directions = [zeros(shape, dtype) for shape, dtype in specs]
    for u in directions:
        if differentiable(u._dtype):
            u._node = Node(u._shape, u._dtype)
            recording.watched[u._node] = None
    before = here.tapes
    here.set_tapes((*before, recording))
    try:
        given = [g.dense() if isinstance(g, IndexedSlices) else g for g in pull(directions)]
    finally:
        here.set_tapes(before)
    pairs = [
        (g._node, t)
        for g, t in zip(given, tangents, strict=True)
        if t is not None and isinstance(g, Tensor)
    ]
    found = walk(pairs, [u._node for u in directions], recording, consume=True)
    found = [f.dense() if isinstance(f, IndexedSlices) else f for f in found]
    return [None if isinstance(f, Nothing) else f for f in found]
