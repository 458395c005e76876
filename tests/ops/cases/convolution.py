"""Rows of convolution: the reference is a loop over places and taps, in float64."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from tests.ops.case import COMPLEX, FLOATS, HALVES, Case

WIDE = FLOATS + HALVES


def direct(
    x: Any,
    w: Any,
    strides: Any,
    padding: Any,
    dilations: Any,
    input_dilations: Any,
    groups: int,
) -> Any:
    """The definition, one product at a time."""
    wide = np.complex128 if x.dtype.kind == "c" else np.float64
    x, w = x.astype(wide), w.astype(wide)
    for axis, a in enumerate(input_dilations, 1):
        grown = np.zeros((*x.shape[:axis], max(0, (x.shape[axis] - 1) * a + 1), *x.shape[axis + 1 :]), wide)  # fmt: skip
        grown[(slice(None),) * axis + (slice(None, None, a),)] = x
        x = grown
    for axis, (before, after) in enumerate(padding, 1):
        widths = [(0, 0)] * x.ndim
        widths[axis] = (max(before, 0), max(after, 0))
        x = np.pad(x, widths)
        x = x.take(range(max(-before, 0), x.shape[axis] - max(-after, 0)), axis=axis)
    size = w.shape[:-2]
    spatial = [
        max(0, (n - (k - 1) * d - 1) // s + 1)
        for n, k, s, d in zip(x.shape[1:-1], size, strides, dilations, strict=True)
    ]
    out = np.zeros((x.shape[0], *spatial, w.shape[-1]), wide)
    inward, each = w.shape[-2], w.shape[-1] // groups
    for p in itertools.product(*map(range, spatial)):
        for k in itertools.product(*map(range, size)):
            at = tuple(i * s + j * d for i, s, j, d in zip(p, strides, k, dilations, strict=True))
            for g in range(groups):
                rows = x[(slice(None), *at)][:, g * inward : (g + 1) * inward]
                part = slice(g * each, (g + 1) * each)
                out[(slice(None), *p, part)] += rows @ w[k][:, part]
    return out


def options(
    strides: Any = (1, 1),
    padding: Any = ((0, 0), (0, 0)),
    dilations: Any = (1, 1),
    input_dilations: Any = (1, 1),
    groups: int = 1,
) -> dict[str, Any]:
    """The keywords of the primitive."""
    return {
        "strides": strides,
        "padding": padding,
        "dilations": dilations,
        "input_dilations": input_dilations,
        "groups": groups,
    }


def row(label: str, x: Any, w: Any, dtypes: Any = FLOATS, **rest: Any) -> Case:
    facts = {k: rest.pop(k) for k in ("variants", "complex_rules") if k in rest}
    return Case("conv", [x, w], direct, options(**rest), dtypes=dtypes, label=label, **facts)


CASES = [
    row("plain", (2, 5, 4, 3), (3, 2, 3, 4), WIDE + COMPLEX, complex_rules=True),
    row("integers", (2, 5, 4, 1), (3, 2, 1, 4), ("int32",)),
    row("thin", (2, 5, 4, 1), (3, 3, 1, 2), padding=((1, 1), (1, 1)),
        variants=[[(0, 5, 4, 1), (3, 3, 1, 2)], [(2, 5, 4, 0), (3, 3, 0, 2)], [(2, 5, 4, 1), (3, 3, 1, 0)]]),
    row("pointwise", (2, 3, 4, 3), (1, 1, 3, 2), strides=(2, 1)),
    row("strided", (2, 7, 6, 2), (3, 2, 2, 3), strides=(2, 3), padding=((1, 2), (0, 1))),
    row("dilated", (2, 7, 8, 2), (3, 2, 2, 3), dilations=(2, 3), strides=(1, 2), padding=((1, 0), (2, 2))),
    row("cropped", (2, 7, 6, 2), (2, 2, 2, 3), padding=((-1, 2), (0, -2))),
    row("transposed", (2, 3, 4, 2), (3, 2, 2, 3), input_dilations=(2, 3), padding=((2, 1), (0, -1))),
    row("transposed-dilated", (2, 3, 4, 2), (3, 2, 2, 3), input_dilations=(2, 1), dilations=(2, 1),
        padding=((1, 2), (1, 0))),
    row("both-dilated", (2, 4, 4, 2), (3, 2, 2, 3), input_dilations=(2, 3), strides=(3, 2), padding=((2, 1), (0, 1))),
    row("groups", (2, 4, 5, 6), (3, 2, 2, 9), groups=3, strides=(1, 2), padding=((1, 1), (0, 1))),
    row("depthwise", (2, 4, 5, 3), (3, 2, 1, 6), groups=3, strides=(2, 1), padding=((1, 1), (0, 1))),
    row("depthwise-transposed", (2, 4, 5, 3), (3, 2, 1, 6), groups=3, input_dilations=(2, 1)),
    row("narrow", (2, 4, 5, 9), (3, 2, 9, 1), dilations=(1, 2), padding=((1, -1), (0, 1))),
    row("window-too-large", (2, 2, 3, 2), (3, 2, 2, 3)),
    row("line", (3, 7, 2), (3, 2, 4), strides=(2,), padding=((1, 1),), dilations=(1,), input_dilations=(1,)),
    row("volume", (2, 3, 4, 3, 2), (2, 2, 2, 2, 3), strides=(1, 2, 1), padding=((1, 0), (0, 1), (0, 0)),
        dilations=(1, 1, 2), input_dilations=(1, 1, 1)),
]  # fmt: skip
