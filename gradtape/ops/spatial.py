"""The arguments that convolutions and pools share: data formats, strides, dilations and padding,
checked and put in order.

Inside, channels are last. A public function moves them there, calls a primitive, and moves them
back.
"""

from __future__ import annotations

import math
import operator
from typing import Any

from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.windows import Window, same_padding, spread
from gradtape.ops.basis import reshape, transpose
from gradtape.ops.static import static

MOST_TAPS = 2**24  # each is a step in Python
LAST = {1: "NWC", 2: "NHWC", 3: "NDHWC"}
FIRST = {1: "NCW", 2: "NCHW", 3: "NCDHW"}


def channels_first(data_format: Any, space: int, function: str) -> bool:
    """Whether a data format, None for the default, puts the channels before the spatial axes."""
    if data_format is None or data_format == LAST[space]:
        return False
    if data_format == FIRST[space]:
        return True
    raise InvalidArgumentError(
        f"gradtape.{function}: data_format must be {LAST[space]!r} or {FIRST[space]!r}, not "
        f"{data_format!r}."
    )


def moved_last(x: Any, first: bool) -> Any:
    """x (n, c, *space) as (n, *space, c), if the channels are first."""
    rank = len(x._shape)
    return transpose(x, (0, *range(2, rank), 1)) if first else x


def moved_back(x: Any, first: bool) -> Any:
    """x (n, *space, c) as (n, c, *space), if the channels are to be first."""
    rank = len(x._shape)
    return transpose(x, (0, rank - 1, *range(1, rank - 1))) if first else x


def folded(
    x: Any, space: int, function: str, argument: str = "input"
) -> tuple[Any, tuple[int, ...]]:
    """x with all axes before the last `space` + 1 made one, and those axes."""
    extra = len(x._shape) - space - 2
    if extra < 0:
        raise InvalidArgumentError(
            f"gradtape.{function}: {argument} is {brief(x)} but needs {space + 2} axes: examples, "
            f"{space} spatial and channels. Write tf.expand_dims({argument}, 0) for a single "
            "example."
        )
    lead = x._shape[: extra + 1]
    if extra == 0:
        return x, lead
    count = 1
    for n in lead:
        count *= n
    return reshape(x, (count, *x._shape[extra + 1 :])), lead


def per_axis(
    value: Any, space: int, first: bool, function: str, argument: str, least: int = 1
) -> tuple[int, ...]:
    """One integer for each spatial axis, from one number, or a list of 1, `space` or `space` + 2
    numbers.
    """
    items = static(1 if value is None else value, function, argument)
    items = list(items) if isinstance(items, (list, tuple)) else [items]
    if any(isinstance(n, bool) or not isinstance(n, int) for n in items):
        raise TypeError(
            f"gradtape.{function}: {argument} must be an integer or a list of integers, not "
            f"{value!r}."
        )
    if len(items) not in (1, space, space + 2):
        raise InvalidArgumentError(
            f"gradtape.{function}: {argument} should be of length 1, {space} or {space + 2}, but "
            f"{value!r} "
            f"has length {len(items)}. Write one number for each spatial axis."
        )
    if len(items) == space + 2 and space + 2 != 1:
        channel = 1 if first else space + 1
        if items[0] != 1 or items[channel] != 1:
            raise InvalidArgumentError(
                f"gradtape.{function}: {argument} {value!r} must be 1 along examples and channels. "
                "Write one number for each spatial axis."
            )
        items = items[2:] if first else items[1:-1]
    if len(items) == 1:
        items = items * space
    if min(items) < least:
        raise InvalidArgumentError(
            f"gradtape.{function}: {argument} must be at least {least}, not {value!r}."
        )
    return tuple(items)


def window_of(
    sizes: tuple[int, ...],
    size: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    padding: Any,
    first: bool,
    function: str,
) -> Window:
    """The geometry of windows over an input with these spatial sizes; it must fit somewhere."""
    if max((*strides, *dilations)) >= 2**31:
        raise InvalidArgumentError(
            f"gradtape.{function}: strides {list(strides)} and dilations {list(dilations)} must be "
            "below 2**31."
        )
    size = tuple([operator.index(n) for n in size])
    if math.prod(size) > MOST_TAPS:
        raise InvalidArgumentError(
            f"gradtape.{function}: a window of size {list(size)} has more than {MOST_TAPS}"
            " elements."
        )
    pairs = _padding(sizes, size, strides, dilations, padding, first, function)
    for n, k, d, (before, after) in zip(sizes, size, dilations, pairs, strict=True):
        if padding != "SAME" and spread(k, d) > n + before + after:
            raise InvalidArgumentError(
                f"gradtape.{function}: a window of size {list(size)} with dilations "
                f"{list(dilations)} does not fit "
                f"into an input with spatial sizes {list(sizes)} and padding {padding!r}: the "
                "output would be "
                "empty. Write padding='SAME', or a smaller window."
            )
    return Window(size, strides, dilations, pairs)


def _padding(
    sizes: Any, size: Any, strides: Any, dilations: Any, padding: Any, first: bool, function: str
) -> tuple[tuple[int, int], ...]:
    space = len(sizes)
    if padding == "VALID":
        return ((0, 0),) * space
    if padding == "SAME":
        return tuple(map(same_padding, sizes, size, strides, dilations))
    pairs = static(padding, function, "padding")
    if not isinstance(pairs, (list, tuple)):
        raise InvalidArgumentError(
            f"gradtape.{function}: padding must be 'SAME', 'VALID' or a list of {space + 2} pairs "
            "of integers, "
            f"not {padding!r}."
        )
    good = len(pairs) == space + 2 and all(
        isinstance(p, (list, tuple)) and len(p) == 2 and all(type(n) is int and n >= 0 for n in p)
        for p in pairs
    )
    if not good:
        raise InvalidArgumentError(
            f"gradtape.{function}: explicit padding must be a list of {space + 2} pairs of "
            "non-negative integers, "
            f"one for each axis of the input, not {padding!r}."
        )
    channel = 1 if first else space + 1
    if any(pairs[0]) or any(pairs[channel]):
        raise InvalidArgumentError(
            f"gradtape.{function}: padding {padding!r} must be [0, 0] along examples and channels."
        )
    return tuple([(p[0], p[1]) for p in (pairs[2:] if first else pairs[1:-1])])
