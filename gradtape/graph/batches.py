"""A callee for many examples at once: its operations done again in a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradtape.autodiff.batching import BatchedTensor, batching, spread
from gradtape.core.shapes import Spec
from gradtape.core.state import frame
from gradtape.graph.callee import Callee, Replay, derived, deriving, stand_ins

Mask = tuple[bool, ...]


def size_of(mask: Mask, tensors: Sequence[Any]) -> Any:
    """The number of examples."""
    return next(t._shape[0] for t, b in zip(tensors, mask, strict=True) if b)


class _Batch:
    """The operations of a callee in a batch.

    Args:
        mask: which inputs have a batch axis in front.

    Attributes:
        wide: which outputs differ between the examples.
    """

    def __init__(self, callee: Callee, mask: Mask, size: Any) -> None:
        self.callee = callee
        with deriving(callee) as mode:
            self.mode = mode
            specs = [
                Spec((size, *v.shape), v.dtype) if b else v
                for v, b in zip(callee.inputs, mask, strict=True)
            ]
            self.inputs = stand_ins(mode, specs)
            with batching(size) as batch:
                self.batch = batch
                examples = [
                    BatchedTensor(t, None, batch) if b else t
                    for t, b in zip(self.inputs, mask, strict=True)
                ]
                self.found = Replay(callee, examples).outputs()
        self.wide = tuple([batch.owns(t) for t in self.found])

    def made(self, outputs: Mask) -> Callee:
        """The batched callee, whose outputs have a batch axis in front where that is asked."""
        with frame((), (), self.mode):
            pairs = zip(self.found, outputs, strict=True)
            results = [spread(t, self.batch) if b else t for t, b in pairs]
        return derived(self.callee, self.mode, self.inputs, results, "batch")


def _batch(callee: Callee, mask: Mask, size: Any) -> _Batch:
    key = "batch", mask, size
    if key not in callee.derived:
        callee.derived[key] = _Batch(callee, mask, size)
    return callee.derived[key]


def widened(callee: Callee, mask: Mask, size: Any) -> Mask:
    """Which outputs differ between examples, when the inputs of a mask do."""
    return _batch(callee, mask, size).wide


def lasting_width(callee: Callee, count: int, mask: Mask, size: Any) -> Mask:
    """Which of the `count` inputs in front differ between examples after any number of rounds, in
    each of which the outputs in front take their place."""
    state = mask[:count]
    while True:
        wide = widened(callee, (*state, *mask[count:]), size)
        after = tuple([s or w for s, w in zip(state, wide, strict=False)])
        if after == state:
            return state
        state = after


def batched(callee: Callee, mask: Mask, size: Any, outputs: Mask | None = None) -> Callee:
    """The callee for many examples, with a batch axis in front of the inputs where the mask says
    so, and in front of these outputs; by default of all."""
    wide = outputs if outputs is not None else (True,) * len(callee.outputs)
    key = "batched", mask, size, wide
    if key not in callee.derived:
        callee.derived[key] = _batch(callee, mask, size).made(wide)
    return callee.derived[key]
