"""Jacobians by columns: all tangents of a source pushed forward at once, as one batch.

The counterpart of `jacobian.Rows`. A complex source moves in two directions, 1 and i; the blocks
follow the convention of the rows, so that both ways give the same numbers."""

from __future__ import annotations

from typing import Any

from gradtape.autodiff.budget import columns_at_once
from gradtape.autodiff.jacobian import joined, unit_rows
from gradtape.autodiff.trail import Trail
from gradtape.core.nothing import UNCONNECTED, Nothing
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import cast, real, real_dtype, size_of, transpose, zeros
from gradtape.ops.complexes import complex_of


class Columns:
    """The tangents of targets along each element of some sources.

    Args:
        trail: the finished trail from the sources to the targets.
        sources: the tensors that move.
        targets: the tensors whose tangents are wanted.
        most: how many bytes the columns that go at once may take.
    """

    def __init__(self, trail: Trail, sources: list[Any], targets: list[Any], most: int | None):
        self.trail = trail
        self.sources = sources
        self.targets = targets
        self.most = most

    def blocks(self) -> list[list[Any]]:
        """For each target the list of its blocks, as `jacobians.derived` returns them."""
        columns = [self._of(number) for number in range(len(self.sources))]
        return [list(row) for row in zip(*columns, strict=True)]

    def _of(self, number: int) -> list[Any]:
        """For each target its block by one source."""
        source = self.sources[number]
        count = size_of(source._shape)
        if not count:
            return [zeros((size_of(t._shape), 0), source._dtype) for t in self.targets]
        step = columns_at_once(self.trail, count, self.most)
        pieces = []
        for start in range(0, count, step):
            units = unit_rows(start, min(start + step, count), source._shape, source)
            pieces.append(self._chunk(number, units))
        return [rows_last(joined(piece)) for piece in zip(*pieces, strict=True)]

    def _chunk(self, number: int, units: Any) -> list[Any]:
        """The derivatives along some elements of a source, the elements along the first axis."""
        dtype = self.sources[number]._dtype
        straight = self._pushed(number, units)
        if dtype.kind != "c":
            return [f if isinstance(f, Nothing) else cast(real(f), dtype) for f in straight]
        turned = self._pushed(number, units * dtype.type(1j))
        pairs = zip(straight, turned, strict=True)
        return [f if isinstance(f, Nothing) else _complex(f, g, dtype) for f, g in pairs]

    def _pushed(self, number: int, units: Any) -> list[Any]:
        """What a batch of tangents of one source becomes at the targets, the batch axis first."""
        tangents: list[Any] = [None] * len(self.sources)
        tangents[number] = Tensor(units)
        found = self.trail.push(tangents, len(units))
        return [UNCONNECTED if f is None else f for f in found]


def _complex(along_1: Any, along_i: Any, dtype: Any) -> Any:
    """The derivative by a complex element, in the convention of gradients."""
    part = real_dtype(dtype)
    return complex_of(cast(real(along_1), part), cast(real(along_i), part))


def rows_last(columns: Any) -> Any:
    """Columns along the first axis as a block, whose last axis they are."""
    if isinstance(columns, Nothing):
        return columns
    return transpose(columns, (*range(1, len(columns._shape)), 0))
