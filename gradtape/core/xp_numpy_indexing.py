"""Verbs of the eager namespace for indices: checked takes, sums into rows, extremes of rows, order.

Indices out of range raise here; under XLA, where nothing can raise, they give NaN (or the smallest
integer) when taken and are dropped when written."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.xp_numpy import Lazy, verb

_sparse: Any = Lazy("scipy.sparse")
SPARSE_FROM = 4096  # elements: above, a sparse product is several times faster than np.add.at
SELECT_FROM = 2048  # row length: above, top_k partitions instead of sorting


@verb
def put_slice(x: Any, key: Any, shape: Any) -> Any:
    """Zeros of a shape with x at a place."""
    whole = np.zeros(shape, x.dtype)
    whole[key] = x
    return whole


@verb
def checked(indices: Any, size: int) -> Any:
    """The indices when all are in [0, size), IndexError otherwise."""
    if indices.size and (indices.min() < 0 or indices.max() >= size):
        places = np.argwhere((indices < 0) | (indices >= size))
        place = tuple(places[0].tolist())
        where = list(place) if place else ""
        raise IndexError(
            f"indices{where} = {int(indices[place])} is not in [0, {size}). Indices are neither "
            f"wrapped nor clipped: write tf.clip_by_value(indices, 0, {size - 1}) for that."
        )
    return indices


@verb
def sum_rows(values: Any, indices: Any, count: int) -> Any:
    """An array of `count` rows: zeros, to which values[i] is added at row indices[i] (in order)."""
    dtype = values.dtype
    if dtype.itemsize == 2 and dtype.kind not in "iu":
        return sum_rows(values.astype(np.float32), indices, count).astype(dtype)
    indices = checked(indices, count)
    shape = (count, *values.shape[1:])
    if values.ndim > 1 and values.size > SPARSE_FROM and dtype.kind in "fc":
        n = len(indices)
        ones = np.ones(n, dtype)
        spread = _sparse.csr_array((ones, indices, np.arange(n + 1)), shape=(n, count))
        return np.ascontiguousarray(spread.T @ values.reshape(n, -1)).reshape(shape)
    total = np.zeros(shape, dtype)
    np.add.at(total, indices, values)
    return total


@verb
def put_rows(array: Any, indices: Any, values: Any) -> Any:
    """A copy of the array with array[indices[i]] = values[i]; of equal indices the last one
    wins.
    """
    array = np.array(array)
    array[checked(indices, array.shape[0])] = values
    return array


@verb
def extreme_rows(array: Any, indices: Any, values: Any, largest: bool) -> Any:
    """A copy of the array with the maximum (minimum) of array[indices[i]] and values[i]."""
    array = np.array(array)
    extreme = np.maximum if largest else np.minimum
    extreme.at(array, checked(indices, array.shape[0]), values)
    return array


@verb
def last_rows(indices: Any, count: int) -> Any:
    """Whether each index is the last of its equals."""
    last = np.full(count, -1)
    places = np.arange(indices.shape[0])
    last[indices] = places
    return last[indices] == places


@verb
def top_indices(x: Any, k: int) -> Any:
    """The places of the k largest along the last axis, largest first, of equals the first place
    first.
    """
    size = x.shape[-1]
    if size < SELECT_FROM or 4 * k > size or x.dtype.kind == "V":
        return np.asarray(order(x, -1, True))[..., :k]
    rows = x.reshape(-1, size)
    found = np.empty((len(rows), k), np.int64)
    for row, out in zip(rows, found, strict=True):
        out[:] = _top_of_row(row, k)
    return found.reshape(*x.shape[:-1], k)


def _top_of_row(row: Any, k: int) -> Any:
    if k == 0:
        return 0
    bound = np.partition(row, -k)[-k]  # a NaN counts as the largest, here as in sorting
    candidates = np.flatnonzero(~(row < bound)) if bound == bound else np.flatnonzero(row != row)
    return candidates[order(row[candidates], -1, True)[:k]]


@verb
def order(x: Any, axis: int, descending: bool) -> Any:
    """The stable order along an axis, ascending or descending; NaN counts as the largest."""
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    turned = np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)
    return x.shape[axis] - 1 - turned


@verb
def search_rows(sequences: Any, values: Any, side: str) -> Any:
    """np.searchsorted for each row of two matrices."""
    found = np.empty(values.shape, np.int64)
    for row, (sequence, wanted) in enumerate(zip(sequences, values, strict=True)):
        found[row] = sequence.searchsorted(wanted, side)
    return found
