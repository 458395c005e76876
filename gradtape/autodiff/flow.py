"""`Flow`: the size of a gradient, as few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gradtape.ops.sparse import IndexedSlices

SMALL, LARGE = 1e-140, 1e140  # between them squares do not leave the range of numbers


class Flow(NamedTuple):
    """The size of a gradient.

    `rms` is the root mean square and `largest` the largest absolute value of the elements that are
    finite; `size` is the number of elements, `bad` that of those that are not finite, and `nan` of
    those that are no numbers.
    """

    rms: float
    largest: float
    size: int
    bad: int
    nan: int

    @property
    def zero(self) -> bool:
        """Whether every element is zero."""
        return not (self.largest or self.bad)


def measured(ct: Any) -> Flow:
    """The size of a cotangent: a tensor or `IndexedSlices`, or a list of them with gaps."""
    if isinstance(ct, (list, tuple)):
        return together([measured(c) for c in ct if c is not None])
    array = np.asarray((ct.dense() if type(ct) is IndexedSlices else ct)._array)
    size = np.abs(array if array.dtype.kind == "c" else array.astype(np.float64)).ravel()
    largest = float(size.max(initial=0.0))
    if SMALL < largest < LARGE:
        return Flow((float(size @ size) / size.size) ** 0.5, largest, size.size, 0, 0)
    finite = np.isfinite(size)
    bad = size.size - int(np.count_nonzero(finite))
    known = size[finite] if bad else size
    largest = float(known.max(initial=0.0))
    rms = largest * float(np.sqrt(np.mean(np.square(known / largest)))) if largest else 0.0
    return Flow(rms, largest, size.size, bad, int(np.count_nonzero(np.isnan(size))))


def together(flows: Sequence[Flow]) -> Flow:
    """The size of several gradients, as if they were one."""
    count = sum([f.size - f.bad for f in flows])
    largest = max([f.largest for f in flows], default=0.0)
    if largest:
        squares = sum([(f.rms / largest) ** 2 * (f.size - f.bad) for f in flows])
        rms = largest * (squares / count) ** 0.5
    else:
        rms = 0.0
    return Flow(
        rms, largest, sum([f.size for f in flows]), sum([f.bad for f in flows]),
        sum([f.nan for f in flows]),
    )  # fmt: skip
