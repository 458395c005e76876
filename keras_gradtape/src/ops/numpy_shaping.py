"""Keras's functions of NumPy that arrange, join and pick elements."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras.src.backend.common import standardize_dtype
from keras.src.backend.common.backend_utils import vectorize_impl

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor
from keras_gradtape.src.ops.lattice import common
from keras_gradtape.src.ops.promoting import pair

# arranging


def shape_of(shape: Any) -> tuple[int, ...]:
    """A shape; one number stands for one axis."""
    return (shape,) if isinstance(shape, int) else tuple(shape)


def reshape(x: Any, newshape: Any) -> Any:
    """The elements in another shape."""
    return tf.reshape(convert_to_tensor(x), shape_of(newshape))


def ravel(x: Any) -> Any:
    """The elements in a row."""
    return tf.reshape(convert_to_tensor(x), [-1])


def transpose(x: Any, axes: Any = None) -> Any:
    """The axes in another order, by default backwards."""
    return tf.transpose(convert_to_tensor(x), axes)


def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Some axes put elsewhere."""
    x = convert_to_tensor(x)
    rank = len(x._shape)
    come = [a % rank for a in np.atleast_1d(source)]
    go = [a % rank for a in np.atleast_1d(destination)]
    order = [i for i in range(rank) if i not in come]
    for place, axis in sorted(zip(go, come)):
        order.insert(place, axis)
    return x if order == list(range(rank)) else tf.transpose(x, order)


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged."""
    x = convert_to_tensor(x)
    order = list(range(len(x._shape)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return tf.transpose(x, order)


def expand_dims(x: Any, axis: Any) -> Any:
    """Axes of size 1 put in."""
    x = convert_to_tensor(x)
    axes = [axis] if isinstance(axis, int) else list(axis)
    rank = len(x._shape) + len(axes)
    places = sorted([a + rank if a < 0 else a for a in axes])
    shape = list(x.shape)
    for place in places:
        shape.insert(place, 1)
    return tf.reshape(x, shape)


def squeeze(x: Any, axis: Any = None) -> Any:
    """Axes of size 1 left out."""
    return tf.squeeze(convert_to_tensor(x), list(axis) if isinstance(axis, tuple) else axis)


def broadcast_to(x: Any, shape: Any) -> Any:
    """The elements repeated to a shape."""
    return tf.broadcast_to(convert_to_tensor(x), shape_of(shape))


def flip(x: Any, axis: Any = None) -> Any:
    """The order along axes turned round."""
    x = convert_to_tensor(x)
    axes = range(len(x._shape)) if axis is None else np.atleast_1d(axis)
    return tf.reverse(x, [int(a) for a in axes])


def fliplr(x: Any) -> Any:
    """The second axis turned round."""
    return flip(x, 1)


def flipud(x: Any) -> Any:
    """The first axis turned round."""
    return flip(x, 0)


def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """Turned by k right angles in a plane."""
    array = convert_to_tensor(array)
    if len(array._shape) < 2:
        raise ValueError(
            f"Input array must have at least 2 dimensions. Received: array.ndim={len(array._shape)}"
        )
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ValueError(f"Invalid axes: {axes}. Axes must be a tuple of two different dimensions.")
    first, second = axes
    k = k % 4
    if k == 2:
        return flip(array, (first, second))
    if k == 1:
        return swapaxes(flip(array, second), first, second)
    return array if not k else flip(swapaxes(array, first, second), second)


def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """The elements moved along axes, round the end."""
    x = convert_to_tensor(x)
    if axis is None:
        return tf.reshape(tf.roll(tf.reshape(x, [-1]), shift, 0), x.shape)
    return tf.roll(x, shift, axis)


def repeat(x: Any, repeats: Any, axis: Any = None) -> Any:
    """Each element several times."""
    x = convert_to_tensor(x)
    if axis is None:
        x, axis = tf.reshape(x, [-1]), 0
    if not isinstance(repeats, int):
        repeats = convert_to_tensor(repeats, "int32")
    return tf.repeat(x, repeats, axis)


def tile(x: Any, repeats: Any) -> Any:
    """The whole several times along axes."""
    x = convert_to_tensor(x)
    repeats = list(np.atleast_1d(repeats))
    rank = max(len(repeats), len(x._shape))
    x = tf.reshape(x, [1] * (rank - len(x._shape)) + list(x.shape))
    return tf.tile(x, [1] * (rank - len(repeats)) + [int(r) for r in repeats])


MODES = {"constant": "CONSTANT", "reflect": "REFLECT", "symmetric": "SYMMETRIC"}


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """A border put around."""
    x = convert_to_tensor(x)
    widths = np.broadcast_to(np.array(pad_width, dtype=np.int64), (len(x._shape), 2)).tolist()
    if constant_values is not None:
        if mode != "constant":
            raise ValueError(
                "Argument `constant_values` can only be provided when `mode == 'constant'`."
                f" Received: mode={mode}"
            )
        return tf.pad(x, widths, "CONSTANT", convert_to_tensor(constant_values, x.dtype))
    if mode in MODES:
        if x.dtype == tf.bool:
            return tf.cast(tf.pad(tf.cast(x, tf.int32), widths, MODES[mode]), tf.bool)
        return tf.pad(x, widths, MODES[mode])
    for axis, (before, after) in enumerate(widths):
        size = int(x.shape[axis])
        places = np.arange(-before, size + after)
        places = places % size if mode == "wrap" else np.clip(places, 0, size - 1)
        x = tf.gather(x, tf.constant(places, tf.int32), axis=axis)
    return x


# joining and parting


def _alike(xs: Any) -> list[Any]:
    xs = [convert_to_tensor(x) for x in xs]
    dtype = common(*[x.dtype for x in xs])
    return [tf.cast(x, dtype) for x in xs]


def concatenate(xs: Any, axis: int = 0) -> Any:
    """Tensors one behind the other along an axis."""
    return tf.concat(_alike(xs), axis)


def append(x1: Any, x2: Any, axis: Any = None) -> Any:
    """A tensor behind another."""
    x1, x2 = pair(convert_to_tensor(x1), convert_to_tensor(x2))
    if axis is None:
        return tf.concat([tf.reshape(x1, [-1]), tf.reshape(x2, [-1])], 0)
    return tf.concat([x1, x2], axis)


def stack(x: Any, axis: int = 0) -> Any:
    """Tensors along a new axis."""
    return tf.stack(_alike(x), axis)


def _at_least(x: Any, rank: int) -> Any:
    if rank == 3 and len(x._shape) < 3:
        x = _at_least(x, 2)
        return tf.expand_dims(x, -1)
    while len(x._shape) < rank:
        x = tf.expand_dims(x, 0)
    return x


def hstack(xs: Any) -> Any:
    """Tensors side by side."""
    xs = [_at_least(x, 1) for x in _alike(xs)]
    return tf.concat(xs, 0 if len(xs[0]._shape) == 1 else 1)


def column_stack(xs: Any) -> Any:
    """Tensors side by side, vectors as columns."""
    xs = [_at_least(x, 1) for x in _alike(xs)]
    xs = [tf.expand_dims(x, 1) if len(x._shape) == 1 else x for x in xs]
    return tf.concat(xs, 1)


def vstack(xs: Any) -> Any:
    """Tensors below each other."""
    return tf.concat([_at_least(x, 2) for x in _alike(xs)], 0)


def dstack(xs: Any) -> Any:
    """Tensors behind each other."""
    return tf.concat([_at_least(x, 3) for x in _alike(xs)], 2)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Equal parts, or parts that end at indices."""
    x = convert_to_tensor(x)
    size = int(x.shape[axis])
    if isinstance(indices_or_sections, (int, np.integer)):
        return list(tf.split(x, int(indices_or_sections), axis))
    ends = [min(int(i), size) for i in np.asarray(indices_or_sections)]
    starts = [0, *ends]
    return [
        tf.gather(x, tf.range(start, max(start, end)), axis=axis)
        for start, end in zip(starts, [*ends, size])
    ]


def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Parts as equal as may be."""
    x = convert_to_tensor(x)
    if not isinstance(indices_or_sections, int):
        return split(x, indices_or_sections, axis)
    size, count = int(x.shape[axis]), indices_or_sections
    sizes = [size // count + (i < size % count) for i in range(count)]
    return list(tf.split(x, sizes, axis))


def hsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Parts side by side."""
    x = convert_to_tensor(x)
    return split(x, indices_or_sections, 0 if len(x._shape) == 1 else 1)


def vsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Parts below each other."""
    return split(x, indices_or_sections, 0)


def dsplit(x: Any, indices_or_sections: Any) -> list[Any]:
    """Parts behind each other."""
    return split(x, indices_or_sections, 2)


# picking


def take(x: Any, indices: Any, axis: Any = None) -> Any:
    """The elements at indices, negative ones from the end."""
    x, indices = convert_to_tensor(x), convert_to_tensor(indices)
    indices = tf.cast(indices, tf.int32)
    if axis is None:
        x, axis = tf.reshape(x, [-1]), 0
    size = x.shape[axis]
    indices = tf.where(indices < 0, indices + size, indices)
    return tf.gather(x, indices, axis=axis)


def take_along_axis(x: Any, indices: Any, axis: Any = None) -> Any:
    """The elements at indices, for each place along the other axes its own."""
    x, indices = convert_to_tensor(x), tf.cast(convert_to_tensor(indices), tf.int32)
    if axis is None:
        x, indices, axis = tf.reshape(x, [-1]), tf.reshape(indices, [-1]), 0
    rank = len(x._shape)
    axis = axis % rank
    sizes = np.broadcast_shapes(
        *[tuple(1 if i == axis else s for i, s in enumerate(t.shape)) for t in (x, indices)]
    )
    x = tf.broadcast_to(x, [x.shape[axis] if i == axis else n for i, n in enumerate(sizes)])
    indices = tf.broadcast_to(
        indices, [indices.shape[axis] if i == axis else n for i, n in enumerate(sizes)]
    )
    indices = tf.where(indices < 0, indices + x.shape[axis], indices)
    last = moveaxis(x, axis, -1), moveaxis(indices, axis, -1)
    found = tf.gather(*last, axis=-1, batch_dims=rank - 1)
    return moveaxis(found, -1, axis)


def diag(x: Any, k: int = 0) -> Any:
    """The diagonal of a matrix, or a matrix with a diagonal."""
    x = convert_to_tensor(x)
    if len(x._shape) == 1:
        if x.dtype == tf.bool:
            return tf.cast(tf.linalg.diag(tf.cast(x, tf.int32), k=k), tf.bool)
        return tf.linalg.diag(x, k=k)
    if len(x._shape) == 2:
        return diagonal(x, k)
    raise ValueError(f"`x` must be 1d or 2d. Received: x.shape={tuple(x.shape)}")


def diagflat(x: Any, k: int = 0) -> Any:
    """A matrix with the elements on a diagonal."""
    return diag(ravel(x), k)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The elements on a diagonal of two axes, as the last axis."""
    x = moveaxis(convert_to_tensor(x), (axis1, axis2), (-2, -1))
    rows, columns = x.shape[-2:]
    if not -rows < offset < columns:
        return tf.zeros((*x.shape[:-2], 0), x.dtype)
    if x.dtype == tf.bool:
        return tf.cast(tf.linalg.diag_part(tf.cast(x, tf.int32), k=offset), tf.bool)
    return tf.linalg.diag_part(x, k=offset)


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal."""
    found = diagonal(x, offset, axis1, axis2)
    dtype = standardize_dtype(found.dtype)
    if dtype in ("bool", "int8", "int16"):
        found = tf.cast(found, tf.int32)
    elif dtype in ("uint8", "uint16"):
        found = tf.cast(found, tf.uint32)
    return tf.reduce_sum(found, -1)


def _triangle(x: Any, mask: Any) -> Any:
    x = convert_to_tensor(x)
    rows, columns = x.shape[-2:]
    return tf.where(tf.constant(mask(rows, columns)), x, tf.zeros_like(x))


def tril(x: Any, k: int = 0) -> Any:
    """The elements on and below a diagonal."""
    return _triangle(x, lambda n, m: np.tri(n, m, k, dtype=bool))


def triu(x: Any, k: int = 0) -> Any:
    """The elements on and above a diagonal."""
    return _triangle(x, lambda n, m: ~np.tri(n, m, k - 1, dtype=bool))


def nonzero(x: Any) -> Any:
    """The places of what is not zero, an array for each axis."""
    places = tf.where(convert_to_tensor(x, "bool"))
    return tuple(tf.cast(t, tf.int32) for t in tf.unstack(places, axis=1))


def unravel_index(indices: Any, shape: Any) -> Any:
    """The places of elements that are counted in a row."""
    indices = convert_to_tensor(indices)
    dtype = indices.dtype
    found, rest = [], indices
    for size in reversed(tuple(shape)):
        found.append(tf.cast(tf.math.floormod(rest, size), dtype))
        rest = tf.math.floordiv(rest, size)
    return tuple(reversed(found))


def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """The first choice whose condition holds."""
    choices = _alike([*choicelist, default])
    found = choices.pop()
    for condition, choice in reversed(list(zip(condlist, choices))):
        found = tf.where(convert_to_tensor(condition, "bool"), choice, found)
    return found


def ndim(x: Any) -> int:
    """The number of axes."""
    return len(convert_to_tensor(x).shape)


def size(x: Any) -> Any:
    """The number of elements."""
    return int(np.prod(tuple(convert_to_tensor(x).shape), dtype=np.int64))


def vectorize(pyfunc: Any, *, excluded: Any = None, signature: Any = None) -> Any:
    """A function of elements as one of tensors, all elements at once."""
    return vectorize_impl(pyfunc, _batched, excluded=excluded, signature=signature)


def _batched(function: Any, in_axes: Any = 0) -> Any:
    """A function for each element along the axes of its arguments, None for those without."""

    def call(*args: Any) -> Any:
        axes = in_axes if isinstance(in_axes, (tuple, list)) else [in_axes] * len(args)
        args = tuple([convert_to_tensor(x) for x in args])
        given = [moveaxis(x, a, 0) for x, a in zip(args, axes) if a is not None]

        def one(rows: Any) -> Any:
            each = iter(rows)
            return function(*[x if a is None else next(each) for x, a in zip(args, axes)])

        return tf.vectorized_map(one, tuple(given))

    return call
