"""Verbs of the compiled namespace for indices: checked takes, sums into rows, extremes of
rows.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradtape.graph.xp_jax_base import verb


@verb
def put_slice(x: Any, key: Any, shape: Any) -> Any:
    """Zeros of a shape with x at a place: by padding, which fuses with what comes after it.

    A million float32 to reversed places take 2.6 ms by an assignment and 0.1 so.
    """
    key = [k for k in key if k is not None]  # a new axis has one place
    around, turned = [], []
    for axis, size in enumerate(shape):
        part = key[axis] if axis < len(key) else slice(None)
        part = part if isinstance(part, slice) else slice(part, part + 1 or None)
        places = range(*part.indices(size))
        if places.step < 0:
            turned.append(axis)
            places = places[::-1]
        if not places:
            return jnp.zeros(shape, x.dtype)
        around.append((places[0], size - 1 - places[-1], places.step - 1))
    kept = [len(range(*k.indices(n))) if isinstance(k, slice) else 1 for k, n in zip(key, shape)]
    x = jnp.reshape(x, (*kept, *shape[len(key) :]))
    return jax.lax.pad(jax.lax.rev(x, turned), jnp.zeros((), x.dtype), around)


@verb
def checked(indices: Any, size: int) -> Any:
    """Indices with `size`, which XLA fills with NaN or drops, in place of those outside [0,
    size).
    """
    wide = indices.astype(jnp.arange(0).dtype)  # int64 where JAX has it
    where = np.where if isinstance(indices, np.ndarray) else jnp.where
    return where((wide < 0) | (wide >= size), size, wide)


MOST_SLICES = 8


@verb
def take(x: Any, indices: Any, axis: int) -> Any:
    """The slices of x at checked indices; a few that are known become slices, and so do those that
    follow each other: they fuse with what comes before and after them as a gather does not.
    """
    if not isinstance(indices, np.ndarray) or (indices == x.shape[axis]).any():
        return jnp.take(x, indices, axis=axis)
    if _consecutive(indices, x.shape[axis]):
        return jax.lax.slice_in_dim(x, indices[0], indices[-1] + 1, axis=axis)
    if indices.ndim != 1 or not 0 < len(indices) <= MOST_SLICES:
        return jnp.take(x, indices, axis=axis, mode="clip")  # nothing to clip, nothing to fill
    return jnp.concatenate([jax.lax.slice_in_dim(x, i, i + 1, axis=axis) for i in indices], axis)


def _consecutive(indices: np.ndarray, size: int) -> bool:
    """Whether indices follow each other, all of them in [0, size)."""
    if indices.ndim != 1 or not len(indices) or indices[0] < 0 or indices[-1] >= size:
        return False
    return bool((np.diff(indices) == 1).all())


@verb
def sum_rows(values: Any, indices: Any, count: int) -> Any:
    """An array of `count` rows: zeros, to which values[i] is added at row indices[i]."""
    if isinstance(indices, np.ndarray) and _consecutive(indices, count):
        rest = [(0, 0, 0)] * (values.ndim - 1)
        around = [(indices[0], count - 1 - indices[-1], 0), *rest]
        return jax.lax.pad(values, jnp.zeros((), values.dtype), around)
    dtype = values.dtype
    if dtype.itemsize == 2 and jnp.issubdtype(dtype, jnp.floating):
        return sum_rows(values.astype(jnp.float32), indices, count).astype(dtype)
    zeros = jnp.zeros((count, *values.shape[1:]), dtype)
    return zeros.at[checked(indices, count)].add(values, mode="drop")


@verb
def put_rows(array: Any, indices: Any, values: Any) -> Any:
    """A copy of the array with array[indices[i]] = values[i]; of equal indices the last one
    wins.
    """
    if isinstance(indices, np.ndarray) and _consecutive(indices, array.shape[0]):
        return jax.lax.dynamic_update_slice_in_dim(array, values, indices[0], 0)
    indices = checked(indices, array.shape[0])
    kept = jnp.where(last_rows(indices, array.shape[0]), indices, array.shape[0])
    return jnp.asarray(array).at[kept].set(values, mode="drop")


@verb
def extreme_rows(array: Any, indices: Any, values: Any, largest: bool) -> Any:
    """A copy of the array with the maximum (minimum) of array[indices[i]] and values[i]."""
    place = jnp.asarray(array).at[checked(indices, array.shape[0])]
    return place.max(values, mode="drop") if largest else place.min(values, mode="drop")


@verb
def last_rows(indices: Any, count: int) -> Any:
    """Whether each index is the last of its equals."""
    places = jnp.arange(indices.shape[0])
    last = jnp.full(count, -1, places.dtype).at[indices].max(places, mode="drop")
    return last.at[indices].get(mode="fill", fill_value=-1) == places
