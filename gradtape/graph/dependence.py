"""What depends on what in a callee: inputs that are needed, outputs that are reached."""

from __future__ import annotations

from collections.abc import Sequence

from gradtape.core.dtypes import differentiable
from gradtape.graph.callee import Callee
from gradtape.graph.graph import needed


def used(callee: Callee) -> set[int]:
    """The numbers of the inputs that a callee's outputs and effects need."""
    operations = set(needed(callee.outputs, callee.roots))
    return {i for i, v in enumerate(callee.inputs) if v.op in operations}


def reached(callee: Callee, sources: Sequence[bool]) -> list[bool]:
    """Which outputs depend on some inputs by a path of derivatives."""
    values = {v for v, s in zip(callee.inputs, sources, strict=True) if s}
    for op in needed(callee.outputs):
        if op.primitive.differentiable and any([v in values for v in op.takes]):
            values.update([v for v in op.values if differentiable(v.dtype)])
    return [v in values for v in callee.outputs]
