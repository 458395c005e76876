"""The arithmetic of sliding windows: how many places they take, and which input each one sees.

A window has `size` taps, `dilation` apart; it moves by `stride` over an input that has `before` and
`after` zeros around it (or fewer elements, where they are negative). Convolution, pooling and their
kernels count with the same functions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple


class Window(NamedTuple):
    """The geometry of windows over spatial axes: a tuple of one entry for each axis in every
    field.
    """

    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]

    def places(self, sizes: tuple[Any, ...]) -> tuple[Any, ...]:
        """The number of places along each axis of an input with these sizes; None where unknown."""
        return tuple(
            [
                places(n, k, s, d, p)
                for n, k, s, d, p in zip(
                    sizes, self.size, self.strides, self.dilations, self.padding, strict=True
                )
            ]
        )

    def taps(self) -> Iterator[tuple[int, ...]]:
        """The taps of the window in row-major order."""
        return itertools.product(*[range(k) for k in self.size])

    def parts(self, tap: tuple[int, ...], sizes: Any, places: Any) -> tuple[Any, Any] | None:
        """The places whose window sees the input with this tap, and what they see, as slices of
        both; None if none.
        """
        seeing, seen = [], []
        for t, n, m, s, d, (before, _) in zip(
            tap, sizes, places, self.strides, self.dilations, self.padding, strict=True
        ):
            offset = t * d - before
            first = max(0, -(offset // s))
            last = min(m, -((offset - n) // s))
            if first >= last:
                return None
            start = first * s + offset
            seeing.append(slice(first, last))
            seen.append(slice(start, start + (last - first - 1) * s + 1, s))
        return tuple(seeing), tuple(seen)


def spread(n: Any, dilation: int) -> Any:
    """The extent of n elements that are `dilation` apart."""
    return n if n is None or n == 0 else (n - 1) * dilation + 1


def places(n: Any, size: Any, stride: int, dilation: int, padding: tuple[int, int]) -> Any:
    """How many windows fit on n elements and their padding; None where a size is unknown."""
    if n is None or size is None:
        return None
    room = n + padding[0] + padding[1] - spread(size, dilation)
    return max(0, room // stride + 1)


def same_padding(n: int, size: int, stride: int, dilation: int) -> tuple[int, int]:
    """TensorFlow's SAME: ceil(n / stride) places, the odd element of padding behind."""
    total = max((math.ceil(n / stride) - 1) * stride + spread(size, dilation) - n, 0)
    return total // 2, total - total // 2


def exchanged(
    window: Window, sizes: tuple[int, ...], places: tuple[int, ...], apart: tuple[int, ...]
) -> Window:
    """The window with which an image of such sizes, whose elements lie apart, and its filter change
    places: the filter becomes the image, and the places come out from last to first.

    Element i meets tap i * apart + before - p * stride of a filter without dilation, at place p.
    """
    padding = []
    for n, m, k, s, a, (first, _) in zip(
        sizes, places, window.size, window.strides, apart, window.padding, strict=True
    ):
        reach = (m - 1) * s
        padding.append((reach - first, spread(n, a) - k + first))
    return Window(sizes, window.strides, apart, tuple(padding))
