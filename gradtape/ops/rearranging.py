"""Blocks of space moved into the batch or the channels and back; sequences reversed and masked by
length.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same_shape
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import (
    broadcast_to,
    cast,
    numbers,
    places,
    reshape,
    size_of,
    subtract,
    transpose,
)
from gradtape.ops.choosing import select
from gradtape.ops.gathering import take_along
from gradtape.ops.host import size_from, validated
from gradtape.ops.indexing import index_tensor
from gradtape.ops.padding import pad_zeros
from gradtape.ops.static import (
    check_size,
    static,
    static_axis,
    static_int,
    static_items,
    static_size,
)
from gradtape.ops.stepwise import less
from gradtape.ops.striding import WHOLE, strided_slice

INT64 = np.dtype(np.int64)


# between space and channels


def space_to_depth(
    input: Any, block_size: Any, data_format: str = "NHWC", name: str | None = None
) -> Any:
    """Return an image whose blocks of block_size x block_size pixels have become channels.

    Args:
        input: (n, h, w, c) for "NHWC", (n, c, h, w) for "NCHW"; h and w are multiples of
            block_size.
        block_size: an integer of at least 1.
        data_format: "NHWC" or "NCHW".

    Returns:
        (n, h / block_size, w / block_size, c * block_size**2), or with channels first.

    Raises:
        InvalidArgumentError: when the shape does not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.space_to_depth([[[[1], [2]], [[3], [4]]]], 2).numpy()
        array([[[[1, 2, 3, 4]]]], dtype=int32)
    """
    x, b = _image(input, block_size, data_format, "space_to_depth")
    n, h, w, c = _sizes(x, data_format)
    if h % b or w % b:
        raise InvalidArgumentError(
            f"gradtape.space_to_depth({brief(x)}): height {h} and width {w} must be multiples of "
            f"block_size {b}. Write tf.pad(x, ...) first."
        )
    if data_format == "NHWC":
        blocks = transpose(reshape(x, (n, h // b, b, w // b, b, c)), (0, 1, 3, 2, 4, 5))
        return reshape(blocks, (n, h // b, w // b, b * b * c))
    blocks = transpose(reshape(x, (n, c, h // b, b, w // b, b)), (0, 3, 5, 1, 2, 4))
    return reshape(blocks, (n, b * b * c, h // b, w // b))


def depth_to_space(
    input: Any, block_size: Any, data_format: str = "NHWC", name: str | None = None
) -> Any:
    """Return an image whose channels have become blocks of block_size x block_size pixels.

    Args:
        input: (n, h, w, c) for "NHWC", (n, c, h, w) for "NCHW"; c is a multiple of block_size**2.
        block_size: an integer of at least 1.
        data_format: "NHWC" or "NCHW".

    Returns:
        (n, h * block_size, w * block_size, c / block_size**2), or with channels first.

    Raises:
        InvalidArgumentError: when the shape does not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.depth_to_space([[[[1, 2, 3, 4]]]], 2).numpy()[0, :, :, 0]
        array([[1, 2],
               [3, 4]], dtype=int32)
    """
    x, b = _image(input, block_size, data_format, "depth_to_space")
    n, h, w, c = _sizes(x, data_format)
    if c % (b * b):
        raise InvalidArgumentError(
            f"gradtape.depth_to_space({brief(x)}): the number of channels {c} must be a multiple "
            f"of block_size**2 = {b * b}."
        )
    d = c // (b * b)
    if data_format == "NHWC":
        blocks = transpose(reshape(x, (n, h, w, b, b, d)), (0, 1, 3, 2, 4, 5))
        return reshape(blocks, (n, h * b, w * b, d))
    blocks = transpose(reshape(x, (n, b, b, d, h, w)), (0, 3, 4, 1, 5, 2))
    return reshape(blocks, (n, d, h * b, w * b))


def _image(input: Any, block_size: Any, data_format: str, function: str) -> tuple[Any, int]:
    x = as_tensor(input, function)
    block = static_int(block_size, function, "block_size")
    if len(x._shape) != 4 or block < 1:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): needs a tensor with 4 axes and a positive "
            f"block_size, not {block}. Write tf.expand_dims for a missing axis."
        )
    if data_format not in ("NHWC", "NCHW"):
        raise ValueError(
            f"gradtape.{function}: data_format must be 'NHWC' or 'NCHW', not {data_format!r}."
        )
    return x, block


def _sizes(x: Any, data_format: str) -> tuple[int, int, int, int]:
    if data_format == "NHWC":
        return x._shape
    n, c, h, w = x._shape
    return n, h, w, c


# between space and batch


def _block(value: Any, axes: int | None, function: str) -> list[int]:
    """The block shape; one number stands for `axes` equal ones."""
    items = static(value, function, "block_shape")
    if not isinstance(items, list):
        items = [items] * (2 if axes is None else axes)
    block = [static_int(b, function, "block_shape") for b in items]
    if min(block, default=1) < 1:
        raise InvalidArgumentError(
            f"gradtape.{function}: block_shape {block} must be positive integers."
        )
    return block


def _pairs(value: Any, count: int, function: str, argument: str) -> list[tuple[int, int]]:
    items = static(value, function, argument)
    good = isinstance(items, list) and len(items) == count
    if not good or not all(
        isinstance(p, list) and len(p) == 2 and all(type(n) is int and n >= 0 for n in p)
        for p in items
    ):
        raise InvalidArgumentError(
            f"gradtape.{function}: {argument} must have shape [{count}, 2] and hold non-negative "
            f"integers, a pair for each axis of the block; got {items!r}."
        )
    return [(p[0], p[1]) for p in items]


def space_to_batch_nd(input: Any, block_shape: Any, paddings: Any, name: str | None = None) -> Any:
    """Return the tensor with blocks of its spatial axes moved into the batch, after padding with
    zeros.

    Args:
        input: (n, s1, ..., sm, rest...).
        block_shape: m positive integers b1, ..., bm.
        paddings: (m, 2) non-negative integers; the padded sizes are multiples of the block's.

    Returns:
        (n * b1 * ... * bm, s1' / b1, ..., sm' / bm, rest...), s' the padded sizes.

    Raises:
        InvalidArgumentError: when the shapes do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.space_to_batch_nd([[[1], [2], [3], [4]]], [2], [[0, 0]]).numpy()[..., 0]
        array([[1, 3],
               [2, 4]], dtype=int32)
    """
    function = "space_to_batch"
    x = as_tensor(input, function)
    block = _block(block_shape, None, function)
    m = len(block)
    widths = _pairs(paddings, m, function, "paddings")
    if len(x._shape) < m + 1:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): block_shape {block} needs a tensor with {m + 1} "
            "axes."
        )
    rest = x._shape[m + 1 :]
    x = pad_zeros(x, ((0, 0), *widths, *[(0, 0)] * len(rest)))
    n, *space = x._shape[: m + 1]
    if any(s % b for s, b in zip(space, block, strict=True)):
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): the padded sizes {space} must be multiples of "
            f"block_shape {block}. Raise the paddings."
        )
    pieces = [k for s, b in zip(space, block, strict=True) for k in (s // b, b)]
    inner = [2 + 2 * i for i in range(m)]
    outer = [1 + 2 * i for i in range(m)]
    last = range(2 * m + 1, 2 * m + 1 + len(rest))
    moved = transpose(reshape(x, (n, *pieces, *rest)), (*inner, 0, *outer, *last))
    small = [s // b for s, b in zip(space, block, strict=True)]
    return reshape(moved, (n * size_of(tuple(block)), *small, *rest))


def space_to_batch(input: Any, block_shape: Any, paddings: Any, name: str | None = None) -> Any:
    """Return the tensor with blocks of its spatial axes moved into the batch, as
    `space_to_batch_nd`.

    Example:
        >>> import gradtape as tf
        >>> tf.space_to_batch([[[1], [2]]], [2], [[0, 0]]).shape
        TensorShape([2, 1, 1])
    """
    return space_to_batch_nd(input, block_shape, paddings)


def batch_to_space(input: Any, block_shape: Any, crops: Any, name: str | None = None) -> Any:
    """Return the tensor with its batch moved back into blocks of space: undoes `space_to_batch`.

    Args:
        input: (n * b1 * ... * bm, s1, ..., sm, rest...).
        block_shape: m positive integers b1, ..., bm.
        crops: (m, 2) how much to cut off the result before and after each spatial axis.

    Returns:
        (n, s1 * b1 - crops, ..., rest...).

    Raises:
        InvalidArgumentError: when the shapes do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.batch_to_space([[[1]], [[2]]], [2], [[0, 0]]).numpy()[..., 0]
        array([[1, 2]], dtype=int32)
    """
    function = "batch_to_space"
    x = as_tensor(input, function)
    block = _block(block_shape, None, function)
    m = len(block)
    cuts = _pairs(crops, m, function, "crops")
    count = size_of(tuple(block))
    if len(x._shape) < m + 1 or x._shape[0] % count:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): block_shape {block} needs {m + 1} axes and a batch "
            f"that is a multiple of {count}."
        )
    n, space, rest = x._shape[0] // count, x._shape[1 : m + 1], x._shape[m + 1 :]
    turned = [k for i in range(m) for k in (m + 1 + i, i)]
    last = range(2 * m + 1, 2 * m + 1 + len(rest))
    moved = transpose(reshape(x, (*block, n, *space, *rest)), (m, *turned, *last))
    large = [s * b for s, b in zip(space, block, strict=True)]
    whole = reshape(moved, (n, *large, *rest))
    for (before, after), s in zip(cuts, large, strict=True):
        if before + after > s:
            raise InvalidArgumentError(
                f"gradtape.{function}({brief(x)}): crops {cuts} cut off more than there is in "
                f"{large}."
            )
    key = [(before, s - after, None) for (before, after), s in zip(cuts, large, strict=True)]
    return strided_slice(whole, (WHOLE, *key))


def required_space_to_batch_paddings(
    input_shape: Any, block_shape: Any, base_paddings: Any = None, name: str | None = None
) -> Any:
    """Return the paddings that make a shape a multiple of a block, and the crops that undo the
    excess.

    Args:
        input_shape: m integers, the sizes of the spatial axes.
        block_shape: m positive integers.
        base_paddings: (m, 2) paddings to begin with, zeros by default.

    Returns:
        Two int32 tensors of shape (m, 2): paddings for `space_to_batch`, crops for
        `batch_to_space`.

    Raises:
        InvalidArgumentError: when the arguments differ in length.

    Example:
        >>> import gradtape as tf
        >>> paddings, crops = tf.required_space_to_batch_paddings([5, 4], [2, 2])
        >>> paddings.numpy().tolist(), crops.numpy().tolist()
        ([[0, 1], [0, 0]], [[0, 1], [0, 0]])
    """
    function = "required_space_to_batch_paddings"
    block = _block(block_shape, None, function)
    items = static_items(input_shape, function, "input_shape")
    sizes = [static_int(n, function, "input_shape") for n in items]
    if len(sizes) != len(block):
        raise InvalidArgumentError(
            f"gradtape.{function}: input_shape {sizes} and block_shape {block} differ in length."
        )
    base = [(0, 0)] * len(block)
    if base_paddings is not None:
        base = _pairs(base_paddings, len(block), function, "base_paddings")
    excess = [-(n + p[0] + p[1]) % b for n, b, p in zip(sizes, block, base, strict=True)]
    paddings = [(p[0], p[1] + e) for p, e in zip(base, excess, strict=True)]
    crops = [(0, e) for e in excess]
    shape = (len(block), 2)
    if any(p[1] >= 2**31 for p in paddings):
        raise InvalidArgumentError(
            f"gradtape.{function}: the paddings {paddings} exceed int32. Choose smaller blocks."
        )
    return tuple(Tensor(np.array(rows, np.int32).reshape(shape)) for rows in (paddings, crops))


# sequences of different lengths


def reverse_sequence(
    input: Any,
    seq_lengths: Any,
    seq_axis: Any = None,
    batch_axis: Any = None,
    name: str | None = None,
) -> Any:
    """Return the tensor with the first seq_lengths[i] elements along one axis turned around, for
    each i of another.

    Args:
        input: any tensor with at least two axes.
        seq_lengths: (batch,) integers in [0, size of seq_axis].
        seq_axis: the axis that is turned around.
        batch_axis: the axis along which the lengths run, 0 by default.

    Raises:
        InvalidArgumentError: when the lengths do not fit the tensor.

    Example:
        >>> import gradtape as tf
        >>> tf.reverse_sequence([[1, 2, 3], [4, 5, 6]], [2, 3], seq_axis=1).numpy()
        array([[2, 1, 3],
               [6, 5, 4]], dtype=int32)
    """
    function = "reverse_sequence"
    x = as_tensor(input, function)
    lengths = index_tensor(seq_lengths, function, "seq_lengths")
    rank = len(x._shape)
    along = static_axis(0 if seq_axis is None else seq_axis, rank, function)
    batch = static_axis(0 if batch_axis is None else batch_axis, rank, function)
    if along == batch or not same_shape(lengths._shape, (x._shape[batch],)):
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): seq_lengths {brief(lengths)} must have one number "
            f"for each place of batch_axis {batch}, and seq_axis {along} be another axis."
        )
    size = x._shape[along]

    def test(array: Any, most: Any) -> None:
        if array.size and (array.min() < 0 or array.max() > most):
            raise InvalidArgumentError(
                f"gradtape.{function}({brief(x)}): seq_lengths {array.tolist()} must be in [0, "
                f"{most}]."
            )

    lengths = validated(test, lengths, numbers(size, INT64))
    ends = [1] * rank
    ends[batch] = x._shape[batch]
    length = reshape(cast(lengths, INT64), tuple(ends))
    lying = [1] * rank
    lying[along] = size
    place = reshape(places(size), tuple(lying))
    turned = select(
        less(place, length), subtract(subtract(length, Tensor(np.int64(1))), place), place
    )
    return take_along(x, broadcast_to(turned, x._shape), along)


def sequence_mask(
    lengths: Any, maxlen: Any = None, dtype: Any = np.bool_, name: str | None = None
) -> Any:
    """Return a mask that is true at the first lengths[...] places of a new last axis.

    Args:
        lengths: integers of any shape.
        maxlen: the size of the new axis; the largest length by default.
        dtype: the dtype of the mask.

    Raises:
        InvalidArgumentError: when `lengths` are no integers or `maxlen` is negative.

    Example:
        >>> import gradtape as tf
        >>> tf.sequence_mask([1, 3]).numpy()
        array([[ True, False, False],
               [ True,  True,  True]])
    """
    lengths = index_tensor(lengths, "sequence_mask", "lengths")
    if maxlen is None:
        longest = lambda array: int(np.max(array, initial=0))
        size = size_from("sequence_mask", longest, lengths)
    else:
        size = static_size(maxlen, "sequence_mask", "maxlen")
    if size < 0:
        raise InvalidArgumentError(
            f"gradtape.sequence_mask: maxlen must be non-negative, not {size}."
        )
    check_size((*lengths._shape, size), "sequence_mask")
    place = places(size)
    mask = less(place, reshape(cast(lengths, INT64), (*lengths._shape, 1)))
    return cast(mask, as_dtype(dtype).numpy_dtype)
