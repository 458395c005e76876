"""Putting tensors together and taking them apart under TensorFlow's names: concat, stack, split,
meshgrid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like, stacked
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import at_least, same, same_shape
from gradtape.core.tensor import Tensor
from gradtape.ops import assembly
from gradtape.ops.basis import broadcast_to, reshape, size_of, zeros
from gradtape.ops.calls import mixed_dtypes
from gradtape.ops.shaping import new_axis
from gradtape.ops.static import (
    check_size,
    static_axis,
    static_int,
    static_sizes,
    tensor_items,
)

# primitives


def _filled(tangents: Any, inputs: Any) -> list[Any]:
    """The tangents, zeros in place of those that are not there."""
    pairs = zip(tangents, inputs, strict=True)
    return [zeros(x._shape, x._dtype) if t is None else t for t, x in pairs]


def _stack_batch(mask: Any, *inputs: Any, axis: int) -> Any:
    size = next(t._shape[0] for t, b in zip(inputs, mask, strict=True) if b)
    pairs = zip(inputs, mask, strict=True)
    return stack_axis([t if b else broadcast_to(t, (size, *t._shape)) for t, b in pairs], axis + 1)


def _stack_shape(*specs: Any, axis: int) -> Spec:
    shape = specs[0]._shape
    return Spec((*shape[:axis], len(specs), *shape[axis:]), specs[0]._dtype)


_stack = primitive(
    "stack",
    lambda xp, *arrays, axis: xp.stack(arrays, axis=axis),
    joint_vjp=lambda ct, wanted, axis: list(unstack_axis(ct, axis)),
    joint_jvp=lambda tangents, inputs, axis: stack_axis(_filled(tangents, inputs), axis),
    batch=_stack_batch,
    shape=_stack_shape,
    linear=True,
    family="structural",
)


def stack_axis(tensors: Sequence[Any], axis: int) -> Any:
    """Tensors of one shape along a new non-negative axis."""
    return apply(_stack, tuple(tensors), {"axis": axis})


def _unstack_kernel(xp: Any, x: Any, *, axis: int) -> Any:
    lead = (slice(None),) * axis
    return tuple([x[(*lead, i)] for i in range(x.shape[axis])])


def _unstack_shape(x: Any, axis: int) -> tuple[Spec, ...]:
    shape = (*x._shape[:axis], *x._shape[axis + 1 :])
    return (Spec(shape, x._dtype),) * x._shape[axis]


_unstack = primitive(
    "unstack",
    _unstack_kernel,
    vjps=[lambda ct, axis: stack_axis(ct, axis)],
    jvps=[lambda t, axis: unstack_axis(t, axis)],
    batch=lambda mask, x, axis: unstack_axis(x, axis + 1),
    shape=_unstack_shape,
    several=True,
    linear=True,
    family="structural",
)


def unstack_axis(x: Any, axis: int) -> tuple[Any, ...]:
    """The slices of x along a non-negative axis, without that axis."""
    return apply(_unstack, (x,), {"axis": axis})


def _split_kernel(xp: Any, x: Any, *, sizes: tuple[int, ...], axis: int) -> Any:
    lead, parts, start = (slice(None),) * axis, [], 0
    for size in sizes:
        parts.append(x[(*lead, slice(start, start + size))])
        start += size
    return tuple(parts)


def _split_shape(x: Any, sizes: tuple[int, ...], axis: int) -> tuple[Spec, ...]:
    shape = x._shape
    return tuple([Spec((*shape[:axis], n, *shape[axis + 1 :]), x._dtype) for n in sizes])


_split = primitive(
    "split",
    _split_kernel,
    vjps=[lambda ct, axis: assembly.concat(ct, axis)],
    jvps=[lambda t, sizes, axis: split_axis(t, sizes, axis)],
    batch=lambda mask, x, sizes, axis: split_axis(x, sizes, axis + 1),
    shape=_split_shape,
    several=True,
    linear=True,
    family="structural",
)


def split_axis(x: Any, sizes: tuple[int, ...], axis: int) -> tuple[Any, ...]:
    """The ranges of a non-negative axis, one behind the other, of the given sizes."""
    return apply(_split, (x,), {"sizes": sizes, "axis": axis})


# public functions


def tensors_alike(values: Any, function: str) -> list[Any]:
    """Tensors of one dtype: what is no tensor yet takes the dtype of the first tensor among
    them.
    """
    if isinstance(values, Tensor) or hasattr(values, "__tf_tensor__"):
        x = as_tensor(values, function)
        if not x._shape:
            raise InvalidArgumentError(
                f"gradtape.{function}({brief(x)}): a list of tensors is needed. Write [x]."
            )
        return list(unstack_axis(x, 0)) if x._shape[0] else []
    if not isinstance(values, (list, tuple)):
        values = list(values) if hasattr(values, "__iter__") else [values]
    if _alike(values):
        return list(values)
    given = [v for v in values if isinstance(v, Tensor) or hasattr(v, "__tf_tensor__")]
    if not given:
        given = [as_tensor(list(values), function)] if _plain(values) else [as_tensor(values[0])]
    dtype = as_tensor(given[0], function)._dtype
    tensors = [as_tensor_like(v, dtype, function) for v in values]
    for x in tensors:
        if x._dtype != dtype:
            raise mixed_dtypes(function, tensors[0], x)
    return tensors


def _alike(values: Any) -> bool:
    """Whether these are tensors of one dtype already: the common case, which costs little so."""
    if not values or type(values[0]) is not Tensor:
        return False
    dtype = values[0]._dtype
    for x in values:
        if type(x) is not Tensor or x._dtype is not dtype:
            return False
    return True


def _plain(values: Any) -> bool:
    """Whether these are Python numbers, whose common dtype is that of the list."""
    return all(isinstance(v, (bool, int, float, complex)) for v in values)


def concat(values: Any, axis: Any, name: str = "concat") -> Any:
    """Return tensors one behind the other along an axis.

    Args:
        values: a list of tensors of one dtype, whose shapes differ at most along the axis.
        axis: an integer in [-r, r).

    Raises:
        InvalidArgumentError: when shapes or dtypes do not fit, or for scalars.

    Example:
        >>> import gradtape as tf
        >>> tf.concat([[1.0, 2.0], [3.0]], 0).numpy()
        array([1., 2., 3.], dtype=float32)
    """
    if isinstance(values, (Tensor, np.ndarray)) or hasattr(values, "__tf_tensor__"):
        return as_tensor(values, "concat")
    values = tensor_items(values, "concat", "values")
    tensors = tensors_alike(values, "concat") if values else []
    if not tensors:
        raise InvalidArgumentError("gradtape.concat: needs at least one tensor, got an empty list.")
    first = tensors[0]._shape
    if not first:
        raise InvalidArgumentError(
            "gradtape.concat: scalars have no axis to join along. Write tf.stack(values)."
        )
    number = static_axis(axis, len(first), "concat")
    others = first[:number] + first[number + 1 :]
    for i, x in enumerate(tensors):
        if x._shape[:number] + x._shape[number + 1 :] == others:
            continue
        if len(x._shape) != len(first) or not same_shape(
            x._shape[:number] + x._shape[number + 1 :], others
        ):
            raise InvalidArgumentError(
                f"gradtape.concat: values[0] is {brief(tensors[0])} and values[{i}] is {brief(x)}; "
                f"all sizes but that of axis {number} must agree. Reshape or slice one."
            )
    return assembly.concat(tensors, number) if len(tensors) > 1 else tensors[0]


def stack(values: Any, axis: Any = 0, name: str = "stack") -> Any:
    """Return tensors of one shape along a new axis.

    Args:
        values: a list of tensors of one shape and dtype.
        axis: where the new axis is, in [-r - 1, r + 1) for tensors with r axes.

    Raises:
        InvalidArgumentError: when the shapes or dtypes differ.
        ValueError: for an axis out of range.

    Example:
        >>> import gradtape as tf
        >>> tf.stack([[1, 2], [3, 4]], axis=1).numpy()
        array([[1, 3],
               [2, 4]], dtype=int32)
    """
    tensors = (
        tensors_alike(values, "stack") if not isinstance(values, (list, tuple)) or values else []
    )
    if not tensors:
        return as_tensor([], "stack")
    shape = tensors[0]._shape
    for i, x in enumerate(tensors):
        if x._shape != shape and not same_shape(x._shape, shape):
            raise InvalidArgumentError(
                f"gradtape.stack: values[0] is {brief(tensors[0])} but values[{i}] is {brief(x)}; "
                "all need one shape. Write tf.broadcast_to or tf.concat."
            )
    return stack_axis(tensors, new_axis(axis, tensors[0], "stack"))


def parallel_stack(values: Any, name: str = "parallel_stack") -> Any:
    """Return tensors of one shape along a new first axis, as `stack` does.

    Example:
        >>> import gradtape as tf
        >>> tf.parallel_stack([1, 2]).numpy()
        array([1, 2], dtype=int32)
    """
    return stack(values)


stacked.append(stack)


def unstack(value: Any, num: Any = None, axis: Any = 0, name: str = "unstack") -> list[Any]:
    """Return the slices of a tensor along an axis, without that axis, as a list.

    Args:
        value: a tensor with at least one axis.
        num: when given, the size that the axis must have.
        axis: an integer in [-r, r).

    Raises:
        InvalidArgumentError: when `num` is not the size of the axis, or there is no such axis.

    Example:
        >>> import gradtape as tf
        >>> [int(x) for x in tf.unstack([1, 2, 3])]
        [1, 2, 3]
    """
    x = as_tensor(value, "unstack")
    number = static_axis(axis, len(x._shape), "unstack")
    size = x._shape[number]
    if num is not None and static_int(num, "unstack", "num") != size:
        raise InvalidArgumentError(
            f"gradtape.unstack({brief(x)}): axis {number} has size {size}, not num = {num}."
        )
    return list(unstack_axis(x, number)) if size else []


def split(
    value: Any, num_or_size_splits: Any, axis: Any = 0, num: Any = None, name: str = "split"
) -> list[Any]:
    """Return a tensor cut along an axis, as a list.

    Args:
        value: a tensor with at least one axis.
        num_or_size_splits: an integer that divides the size of the axis: the number of equal parts;
            or a list of
            sizes, of which one may be -1: what remains.
        axis: an integer in [-r, r).
        num: when given, the number of parts.

    Raises:
        InvalidArgumentError: when the sizes do not add up to that of the axis.

    Example:
        >>> import gradtape as tf
        >>> [x.numpy().tolist() for x in tf.split([1, 2, 3, 4], [1, -1])]
        [[1], [2, 3, 4]]
    """
    x = as_tensor(value, "split")
    number = static_axis(axis, len(x._shape), "split")
    sizes = _split_sizes(static_sizes(num_or_size_splits, "split", "num_or_size_splits"), x, number)
    if num is not None and static_int(num, "split", "num") != len(sizes):
        raise InvalidArgumentError(
            f"gradtape.split({brief(x)}): num = {num} but there are {len(sizes)} sizes {sizes}."
        )
    return list(split_axis(x, tuple(sizes), number)) if sizes else []


def _split_sizes(given: Any, x: Any, axis: int) -> list[int]:
    size = x._shape[axis]
    if not isinstance(given, list):
        parts = static_int(given, "split", "num_or_size_splits")
        if parts < 1 or not same(size % parts, 0):
            raise InvalidArgumentError(
                f"gradtape.split({brief(x)}): {parts} equal parts of axis {axis}, which has size "
                f"{size}, do not exist. Give a list of sizes instead."
            )
        return [size // parts] * parts
    sizes = [static_int(n, "split", "num_or_size_splits") for n in given]
    rest = size - sum([n for n in sizes if n != -1])
    if sizes.count(-1) == 1 and at_least(rest, 0):
        sizes[sizes.index(-1)] = rest
    if not all([at_least(n, 0) for n in sizes]) or not same(sum(sizes), size):
        raise InvalidArgumentError(
            f"gradtape.split({brief(x)}): the sizes {given} do not add up to {size}, the size of "
            f"axis {axis}. At most one may be -1, for what remains."
        )
    return sizes


def meshgrid(*args: Any, indexing: str = "xy", name: str = "meshgrid") -> list[Any]:
    """Return the coordinates of a grid: for vectors x, y, ... tensors of the shape of the grid.

    Args:
        *args: vectors; others are flattened.
        indexing: "xy" swaps the first two axes of the result, as in plots; "ij" does not.

    Raises:
        ValueError: for another `indexing`.

    Example:
        >>> import gradtape as tf
        >>> x, y = tf.meshgrid([1, 2, 3], [4, 5])
        >>> x.numpy()
        array([[1, 2, 3],
               [1, 2, 3]], dtype=int32)
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"gradtape.meshgrid: indexing must be 'xy' or 'ij', not {indexing!r}.")
    vectors = [as_tensor(a, "meshgrid") for a in args]
    sizes = [size_of(x._shape) for x in vectors]
    order = list(range(len(vectors)))
    if indexing == "xy" and len(vectors) > 1:
        order[:2] = [1, 0]
    shape = tuple(sizes[i] for i in order)
    check_size(shape, "meshgrid")
    grids = []
    for i, x in enumerate(vectors):
        place = order.index(i)
        lying = tuple(n if k == place else 1 for k, n in enumerate(shape))
        grids.append(broadcast_to(reshape(x, lying), shape))
    return grids
