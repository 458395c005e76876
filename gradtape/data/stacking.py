"""Several elements as one: stacked, padded, and back to single ones."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from gradtape.core.aligned import LARGE, LINE
from gradtape.core.errors import DataLossError, InvalidArgumentError
from gradtape.core.quick import quick
from gradtape.data.elements import Element, described

SHAPE, DTYPE = attrgetter("shape"), attrgetter("dtype")


def room(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """An array to fill; a large one begins where compiled code reads it in place."""
    size = dtype.itemsize
    for n in shape:
        size *= n
    if size < LARGE:
        return np.empty(shape, dtype)
    bytes_ = np.empty(size + LINE, np.uint8)
    start = -bytes_.ctypes.data % LINE
    return bytes_[start : start + size].view(dtype).reshape(shape)


def columns(elements: Sequence[Element], function: str) -> tuple[Any, list[tuple[Any, ...]]]:
    """The tree that all elements have, and the leaves of each place."""
    tree = elements[0][0]
    for element in elements:
        if element[0] is not tree and element[0] != tree:
            raise InvalidArgumentError(
                f"gradtape.{function}: elements of different structures cannot be one batch:"
                f" {described(elements[0])} and {described(element)}."
            )
    return tree, list(zip(*[leaves for _, leaves in elements], strict=True))


def stacked(elements: Sequence[Element], function: str) -> Element:
    """Elements of one shape as one, along a new first axis."""
    tree, places = columns(elements, function)
    return tree, [_stacked(leaves, i, function) for i, leaves in enumerate(places)]


def _stacked(leaves: tuple[Any, ...], place: int, function: str) -> Any:
    first = leaves[0]
    if not isinstance(first, (np.ndarray, np.generic)) or first.dtype.kind in "US":
        return _of_objects(leaves, function)
    if isinstance(first, np.generic) and list(map(type, leaves)).count(type(first)) == len(leaves):
        return np.array(leaves, first.dtype)  # the type of a scalar says all
    shape, dtype = first.shape, first.dtype
    if quick is not None and shape:
        out = room((len(leaves), *shape), dtype)
        if quick.stack_into(leaves, out):
            return out
    # counted in C: a comparison in Python takes longer than the copy of a row
    if list(map(SHAPE, leaves)).count(shape) != len(leaves) or (
        list(map(DTYPE, leaves)).count(dtype) != len(leaves)
    ):
        raise _differing(leaves, place, function)
    if not shape:
        return np.array(leaves, dtype)
    out = room((len(leaves), *shape), dtype)
    np.concatenate(leaves, out=out.reshape((-1, *shape[1:])))
    return out


def _differing(leaves: tuple[Any, ...], place: int, function: str) -> InvalidArgumentError:
    """The error for leaves that are not of one shape and dtype."""
    first = leaves[0]
    number = next((i for i, leaf in enumerate(leaves) if leaf.shape != first.shape), None)
    if number is None:
        dtypes = sorted({leaf.dtype.name for leaf in leaves})
        return InvalidArgumentError(
            f"gradtape.{function}: Cannot batch tensors with different dtypes in component {place}:"
            f" {', '.join(dtypes)}. Write tf.cast in map."
        )
    return InvalidArgumentError(
        f"gradtape.{function}: Cannot batch tensors with different shapes in component {place}."
        f" First element had shape {list(first.shape)} and element {number} had shape"
        f" {list(leaves[number].shape)}. Pad them with padded_batch, or give them one shape by map."
    )


def _of_objects(leaves: tuple[Any, ...], function: str) -> Any:
    """Strings as an array, and None for None; datasets cannot be stacked."""
    if all([leaf is None for leaf in leaves]):
        return None
    if all([isinstance(leaf, (str, np.ndarray)) for leaf in leaves]):
        return np.stack(leaves)
    raise InvalidArgumentError(
        f"gradtape.{function}: {leaves[0]!r} cannot be in a batch. Windows are flattened first:"
        " ds.flat_map(lambda window: window.batch(n))."
    )


def padded(
    elements: Sequence[Element], shapes: Sequence[Any], values: Sequence[Any], function: str
) -> Element:
    """Elements as one along a new first axis, each filled up to the shape of its place; None in a
    shape is the largest size of the batch."""
    tree, places = columns(elements, function)
    found = [_padded(leaves, shapes[i], values[i], i, function) for i, leaves in enumerate(places)]
    return tree, found


def _padded(leaves: tuple[Any, ...], wanted: Any, value: Any, place: int, function: str) -> Any:
    axes = leaves[0].ndim
    if any([leaf.ndim != axes for leaf in leaves]) or (wanted is not None and len(wanted) != axes):
        ranks = sorted({leaf.ndim for leaf in leaves})
        raise InvalidArgumentError(
            f"gradtape.{function}: all elements of component {place} must have as many axes as its"
            f" padded shape {'' if wanted is None else list(wanted)}; they have {ranks}."
        )
    largest = [max([leaf.shape[axis] for leaf in leaves]) for axis in range(axes)]
    shape = [m if n is None else n for m, n in zip(largest, wanted or [None] * axes, strict=True)]
    if any([m > n for m, n in zip(largest, shape, strict=True)]):
        raise DataLossError(
            f"gradtape.{function}: Attempted to pad to a smaller size than the input element:"
            f" {largest} in component {place} does not fit into {shape}. Write None for the size."
        )
    out = room((len(leaves), *shape), leaves[0].dtype)
    out[...] = value
    for row, leaf in zip(out, leaves, strict=True) if axes else ():
        row[tuple([slice(n) for n in leaf.shape])] = leaf
    return out if axes else np.array(leaves, leaves[0].dtype)


def rows_of(element: Element, function: str) -> int:
    """The size of the first axis that all leaves of a batch share."""
    sizes = set()
    for leaf in element[1]:
        if not getattr(leaf, "shape", ()):
            raise InvalidArgumentError(
                f"gradtape.{function}: Cannot unbatch an input with scalar components:"
                f" {described(element)}."
            )
        sizes.add(leaf.shape[0])
    if len(sizes) != 1:
        raise InvalidArgumentError(
            f"gradtape.{function}: the components differ in their first size: {described(element)}."
        )
    return sizes.pop()
