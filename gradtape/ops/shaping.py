"""The same elements in another shape or order: reshape, transpose, tile, roll, reverse, squeeze
and the like.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.shapes import TensorShape
from gradtape.core.sizes import UnknownSizeError, open_sizes, same, same_shape
from gradtape.core.tensor import Tensor
from gradtape.ops import basis
from gradtape.ops.basis import conj, size_of
from gradtape.ops.static import (
    static,
    static_axes,
    static_int,
    static_size,
    static_sizes,
    tensor_items,
)


def reshape(tensor: Any, shape: Any, name: str | None = None) -> Any:
    """Return the elements of a tensor, in order, in another shape.

    Args:
        tensor: any tensor.
        shape: integers, of which one may be -1: what the number of elements leaves for it.

    Raises:
        InvalidArgumentError: when the number of elements differs.

    Example:
        >>> import gradtape as tf
        >>> tf.reshape([1, 2, 3, 4], [2, -1]).numpy()
        array([[1, 2],
               [3, 4]], dtype=int32)
    """
    x = tensor if type(tensor) is Tensor else as_tensor(tensor, "reshape")
    items = shape if type(shape) in (tuple, list) else static_sizes(shape, "reshape", "shape")
    if type(items) not in (tuple, list):
        items = (items,)
    size = 1
    for n in items:
        if type(n) is not int or n < 0:
            if type(n) is int and n == -1 and len(items) == 1 and type(x) is Tensor:
                return basis.reshape(x, (x._array.size,))
            return basis.reshape(x, _sizes(x, items))
        size *= n
    have = x._array.size if type(x) is Tensor else size_of(x._shape)
    if have != size and not same(have, size):
        raise _misfit(x, tuple(items), have)
    return basis.reshape(x, items if type(items) is tuple else tuple(items))


def _sizes(x: Any, items: Any) -> tuple[int, ...]:
    """The shape with numbers of Python, the one for -1 among them."""
    sizes = tuple([n if type(n) is int else static_size(n, "reshape", "shape") for n in items])
    size = size_of(x._shape)
    if any([type(n) is int and n < 0 for n in sizes]):
        return _inferred(x, sizes, size)
    if not same(size_of(sizes), size):
        raise _misfit(x, sizes, size)
    return sizes


def _inferred(x: Any, sizes: tuple[int, ...], size: Any) -> tuple[Any, ...]:
    """The shape with the number that -1 stands for."""
    if sizes.count(-1) > 1 or any([type(n) is int and n < -1 for n in sizes]):
        raise InvalidArgumentError(
            f"gradtape.reshape({brief(x)}, {list(sizes)}): only one size may be -1 and none less."
        )
    known = size_of(tuple([n for n in sizes if n != -1]))
    if known == 0 and size == 0:
        return tuple([1 if n == -1 else n for n in sizes])
    if known == 0 or not same(size % known, 0):
        raise _misfit(x, sizes, size)
    return tuple([size // known if n == -1 else n for n in sizes])


def _misfit(x: Any, sizes: tuple[int, ...], size: int) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"gradtape.reshape({brief(x)}, {list(sizes)}): the tensor has {size} elements and the "
        f"shape {abs(size_of(sizes))}{' times an unknown size' if -1 in sizes else ''}. "
        "Write -1 for a size that is to be computed."
    )


def new_axis(axis: Any, x: Any, function: str) -> int:
    """Where a new axis comes among those of x, as a number in [0, rank]."""
    number = axis if type(axis) is int else static_int(axis, function, "axis")
    rank = len(x._shape)
    if not -rank - 1 <= number <= rank:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): axis {number} is not in [{-rank - 1}, {rank}], the "
            "places for a new axis."
        )
    return number % (rank + 1)


REVERSED = tuple([tuple(range(rank))[::-1] for rank in range(5)])  # by the number of axes


def transpose(a: Any, perm: Any = None, conjugate: bool = False, name: str = "transpose") -> Any:
    """Return the tensor with its axes in another order: axis i of the result is axis perm[i].

    Args:
        a: any tensor.
        perm: a permutation of the axes; reversed by default.
        conjugate: also take the complex conjugate.

    Raises:
        InvalidArgumentError: when `perm` is no permutation of the axes.

    Example:
        >>> import gradtape as tf
        >>> tf.transpose([[1, 2, 3], [4, 5, 6]]).numpy()
        array([[1, 4],
               [2, 5],
               [3, 6]], dtype=int32)
    """
    x = a if type(a) is Tensor else as_tensor(a, "transpose")
    rank = len(x._shape)
    if perm is not None:
        order = _permutation(x, perm, rank)
    elif rank < len(REVERSED):
        order = REVERSED[rank]
    else:
        order = tuple(range(rank - 1, -1, -1))
    out = basis.transpose(x, order)
    return conj(out) if conjugate else out


def _permutation(x: Any, perm: Any, rank: int) -> tuple[int, ...]:
    """A permutation of the axes as non-negative numbers of Python."""
    if type(perm) is tuple or type(perm) is list:
        for p in perm:
            if type(p) is not int or not 0 <= p < rank:
                break
        else:
            if len(perm) == rank == len({*perm}):
                return tuple(perm)
    items = static(perm, "transpose", "perm")
    items = items if isinstance(items, list) else [items]
    order = tuple(static_int(p, "transpose", "perm") for p in items)
    order = tuple(p + rank if -rank <= p < 0 else p for p in order)
    if sorted(order) != list(range(rank)):
        raise InvalidArgumentError(
            f"gradtape.transpose({brief(x)}): perm {items} is no permutation of "
            f"{list(range(rank))}."
        )
    return order


def expand_dims(input: Any, axis: Any, name: str | None = None) -> Any:
    """Return the tensor with a new axis of size 1.

    Args:
        input: any tensor with r axes.
        axis: the place of the new axis in the result, in [-r - 1, r].

    Raises:
        InvalidArgumentError: for an axis out of range.

    Example:
        >>> import gradtape as tf
        >>> tf.expand_dims([1, 2, 3], 0).shape
        TensorShape([1, 3])
    """
    x = input if type(input) is Tensor else as_tensor(input, "expand_dims")
    shape = x._shape
    if type(axis) is int and 0 <= axis <= len(shape):
        number = axis
    else:
        place = static(axis, "expand_dims", "axis")
        place = place[0] if isinstance(place, list) and len(place) == 1 else place
        number = new_axis(place, x, "expand_dims")
    return basis.reshape(x, (*shape[:number], 1, *shape[number:]))


def squeeze(input: Any, axis: Any = None, name: str | None = None) -> Any:
    """Return the tensor without axes of size 1.

    Args:
        input: any tensor.
        axis: which ones, an integer or a list; all by default.

    Raises:
        InvalidArgumentError: when a named axis has another size than 1.

    Example:
        >>> import gradtape as tf
        >>> tf.squeeze([[[1, 2]]], axis=[0]).shape
        TensorShape([1, 2])
    """
    x = input if type(input) is Tensor else as_tensor(input, "squeeze")
    shape = x._shape
    if axis is None or (isinstance(axis, (list, tuple)) and not axis):
        if open_sizes(shape):
            raise UnknownSizeError(
                f"gradtape.squeeze({brief(x)}): which axes have size 1 is not known before values"
                " come. Write tf.squeeze(x, axis)."
            )
        return basis.reshape(x, tuple([n for n in shape if n != 1]))
    axes = static_axes(axis, len(shape), "squeeze")
    for a in axes:
        if not same(shape[a], 1):
            raise InvalidArgumentError(
                f"gradtape.squeeze({brief(x)}): axis {a} has size {shape[a]}, not 1. "
                "Leave axis out to drop every axis of size 1."
            )
    return basis.reshape(x, tuple([n for a, n in enumerate(shape) if a not in axes]))


def identity(input: Any, name: str | None = None) -> Any:
    """Return a tensor of the same value, on a path of its own for derivatives.

    Example:
        >>> import gradtape as tf
        >>> tf.identity([1.0, 2.0]).numpy()
        array([1., 2.], dtype=float32)
    """
    x = as_tensor(input, "identity")
    return basis.reshape(x, x._shape)


def identity_n(input: Sequence[Any], name: str | None = None) -> list[Any]:
    """Return a list of tensors of the same values.

    Example:
        >>> import gradtape as tf
        >>> [float(x) for x in tf.identity_n([1.0, 2.0])]
        [1.0, 2.0]
    """
    return [identity(x) for x in tensor_items(input, "identity_n", "input")]


def ensure_shape(x: Any, shape: Any, name: str | None = None) -> Any:
    """Return the tensor after checking that it has a shape, of which None leaves sizes open.

    Raises:
        InvalidArgumentError: when the shape differs.

    Example:
        >>> import gradtape as tf
        >>> tf.ensure_shape([[1, 2]], [None, 2]).shape
        TensorShape([1, 2])
    """
    x = as_tensor(x, "ensure_shape")
    wanted = TensorShape(static(shape, "ensure_shape", "shape"))
    if wanted.rank is not None and not same_shape(x._shape, tuple(wanted)):
        raise InvalidArgumentError(
            f"gradtape.ensure_shape: Shape of tensor {brief(x)} is not compatible with expected "
            f"shape {wanted}. Write tf.reshape(x, shape) to change it."
        )
    if open_sizes(x._shape):
        sizes = [h if n is None else n for n, h in zip(wanted, x._shape, strict=False)]
        return basis.reshape(x, (*sizes, *x._shape[len(sizes) :]))
    return x
