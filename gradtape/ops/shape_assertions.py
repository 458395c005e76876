"""Assertions about ranks, shapes and dtypes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import brief
from gradtape.core.sizes import same
from gradtape.core.tensor import Tensor
from gradtape.ops.static import static_int, static_items, tensor_items


def _start(message: Any) -> str:
    return "" if message is None else f"{message}  "


def assert_rank(x: Any, rank: Any, message: Any = None, name: str | None = None) -> None:
    """Raise ValueError unless a tensor has a rank.

    Args:
        x: a tensor.
        rank: the number of axes that it should have.
        message: what the error begins with.
        name: ignored, for compatibility.

    Raises:
        ValueError: when the tensor has another rank.
        TypeError: when rank is no integer.

    Example:
        >>> import gradtape as tf
        >>> tf.debugging.assert_rank([1.0, 2.0], 1)
    """
    tensor, wanted = as_tensor(x, "assert_rank"), static_int(rank, "assert_rank", "rank")
    if len(tensor._shape) != wanted:
        raise _wrong_rank(tensor, f"{wanted}", "assert_rank", message)


def assert_rank_at_least(x: Any, rank: Any, message: Any = None, name: str | None = None) -> None:
    """Raise ValueError unless a tensor has at least a number of axes.

    Args:
        x: a tensor.
        rank: the least number of axes.
        message: what the error begins with.
        name: ignored, for compatibility.

    Raises:
        ValueError: when the tensor has fewer axes.
        TypeError: when rank is no integer.

    Example:
        >>> import gradtape as tf
        >>> tf.debugging.assert_rank_at_least([[1.0]], 1)
    """
    function = "assert_rank_at_least"
    tensor, wanted = as_tensor(x, function), static_int(rank, function, "rank")
    if len(tensor._shape) < wanted:
        raise _wrong_rank(tensor, f"at least {wanted}", function, message)


def assert_rank_in(x: Any, ranks: Any, message: Any = None, name: str | None = None) -> None:
    """Raise ValueError unless a tensor has one of several ranks.

    Args:
        x: a tensor.
        ranks: a sequence of the ranks that it may have.
        message: what the error begins with.
        name: ignored, for compatibility.

    Raises:
        ValueError: when the tensor has another rank.
        TypeError: when a rank is no integer.

    Example:
        >>> import gradtape as tf
        >>> tf.debugging.assert_rank_in(1.0, (0, 2))
    """
    function = "assert_rank_in"
    tensor = as_tensor(x, function)
    wanted = tuple(static_int(r, function, "ranks") for r in static_items(ranks, function, "ranks"))
    if len(tensor._shape) not in wanted:
        raise _wrong_rank(tensor, f"in {wanted}", function, message)


def _wrong_rank(tensor: Any, wanted: str, function: str, message: Any) -> ValueError:
    return ValueError(
        f"{_start(message)}gradtape.{function}: Tensor must have rank {wanted}.  Received rank "
        f"{len(tensor._shape)}, shape {tensor._shape}. Reshape it, for instance with "
        "tf.expand_dims."
    )


def assert_scalar(tensor: Any, message: Any = None, name: str | None = None) -> None:
    """Raise ValueError unless a tensor has no axes.

    Args:
        tensor: a tensor.
        message: what the error begins with.
        name: ignored, for compatibility.

    Raises:
        ValueError: when the tensor has axes.

    Example:
        >>> import gradtape as tf
        >>> tf.debugging.assert_scalar(1.0)
    """
    x = as_tensor(tensor, "assert_scalar")
    if x._shape:
        raise ValueError(
            f"{_start(message)}gradtape.assert_scalar: Expected scalar shape, saw shape: "
            f"{x._shape}. Reduce it first, for instance with tf.reduce_mean."
        )


def assert_integer(x: Any, message: Any = None, name: str | None = None) -> None:
    """Raise TypeError unless a tensor has an integer dtype.

    Args:
        x: a tensor.
        message: what the error begins with.
        name: ignored, for compatibility.

    Raises:
        TypeError: when the tensor has another dtype.

    Example:
        >>> import gradtape as tf
        >>> tf.debugging.assert_integer([1, 2])
    """
    tensor = as_tensor(x, "assert_integer")
    if tensor._dtype.kind not in "iu":
        raise TypeError(
            f'{_start(message)}gradtape.assert_integer: Expected "x" to be integer type.  Found: '
            f"{brief(tensor)}. Write tf.cast(x, tf.int32)."
        )


def assert_type(tensor: Any, tf_type: Any, message: Any = None, name: str | None = None) -> None:
    """Raise TypeError unless a tensor has a dtype.

    Args:
        tensor: a tensor.
        tf_type: the dtype.
        message: what the error begins with.
        name: ignored, for compatibility.

    Raises:
        TypeError: when the tensor has another dtype.

    Example:
        >>> import gradtape as tf
        >>> tf.debugging.assert_type([1.0], tf.float32)
    """
    x, wanted = as_tensor(tensor, "assert_type"), as_dtype(tf_type)
    if x.dtype is not wanted:
        raise TypeError(
            f"{_start(message)}gradtape.assert_type: tensor must be of type {wanted!r}; got "
            f"{x.dtype!r}. Write tf.cast(x, {wanted!r})."
        )


def assert_same_float_dtype(tensors: Any = None, dtype: Any = None) -> Any:
    """Return the floating-point dtype that tensors share; float32 without any.

    Args:
        tensors: tensors, None among them counts nothing.
        dtype: the dtype that they should have; that of the first by default.

    Raises:
        ValueError: when dtypes differ or are not floating-point.

    Example:
        >>> import gradtape as tf
        >>> tf.debugging.assert_same_float_dtype([tf.constant(1.0)])
        tf.float32
    """
    wanted = None if dtype is None else as_dtype(dtype)
    function = "assert_same_float_dtype"
    for given in () if tensors is None else tensor_items(tensors, function, "tensors"):
        if given is None:
            continue
        found = as_tensor(given, function).dtype
        wanted = wanted or found
        if found is not wanted:
            raise ValueError(
                f"gradtape.assert_same_float_dtype: {brief(given)} must be of the same type as the "
                f"others ({wanted.name}). Write tf.cast(x, tf.{wanted.name})."
            )
    wanted = wanted or as_dtype("float32")
    if not wanted.is_floating:
        raise ValueError(
            f"gradtape.assert_same_float_dtype: Expected floating point type, got {wanted.name}."
        )
    return wanted


def assert_proper_iterable(values: Any) -> None:
    """Raise TypeError unless a value is an iterable of values: a list, not a tensor, array or text.

    Args:
        values: the value.

    Raises:
        TypeError: when it is not.

    Example:
        >>> import gradtape as tf
        >>> tf.debugging.assert_proper_iterable([1, 2])
    """
    unintended = isinstance(values, (Tensor, np.ndarray, str, bytes)) or hasattr(
        values, "__tf_tensor__"
    )
    if unintended or not hasattr(values, "__iter__"):
        raise TypeError(
            'gradtape.assert_proper_iterable: Expected argument "values" to be a "proper" '
            f"iterable, a list for instance.  Found: {type(values)}."
        )


def is_numeric_tensor(tensor: Any) -> bool:
    """Return whether a value is a tensor of numbers, which bool is not.

    Args:
        tensor: any value.

    Example:
        >>> import gradtape as tf
        >>> tf.debugging.is_numeric_tensor(tf.constant(1.0)), tf.debugging.is_numeric_tensor(1.0)
        (True, False)
    """
    return isinstance(tensor, Tensor) and tensor.dtype.is_numeric


def assert_shapes(
    shapes: Any,
    data: Any = None,
    summarize: Any = None,
    message: Any = None,
    name: str | None = None,
) -> None:
    """Raise ValueError unless tensors have shapes that are given by numbers and symbols.

    A size is a number, None or "." for any size, or a text that stands for one and the same size
    wherever it occurs. "..." or "*" in front stands for any number of axes.

    Args:
        shapes: a list of pairs of a tensor and a tuple of sizes, or a dict of them.
        data: shown in the error, or None.
        summarize: ignored, for compatibility.
        message: what the error begins with.
        name: ignored, for compatibility.

    Raises:
        ValueError: when a shape does not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.debugging.assert_shapes([(tf.ones([2, 3]), ("n", 3)), (tf.ones([2]), ("n",))])
    """
    pairs = list(shapes.items()) if isinstance(shapes, Mapping) else shapes
    start = _start(message)
    if not isinstance(pairs, (list, tuple)) or not all(
        [isinstance(p, (list, tuple)) and len(p) == 2 for p in pairs]
    ):
        raise TypeError(
            f"{start}gradtape.assert_shapes: shapes must be a dict or a list of pairs of a tensor "
            f"and sizes, not {brief(shapes)}."
        )
    known: dict[str, tuple[int, str]] = {}
    for given, sizes in pairs:
        tensor = as_tensor(given.deref() if hasattr(given, "deref") else given, "assert_shapes")
        for axis, size in _named_axes(tensor, sizes, start):
            _check_axis(tensor, axis, size, known, start, data)


def _named_axes(tensor: Any, sizes: Any, start: str) -> list[tuple[int, Any]]:
    """The axes with what is said of each; raises when the rank does not fit."""
    if isinstance(sizes, str) or not isinstance(sizes, Iterable):
        raise ValueError(
            f"{start}gradtape.assert_shapes: Specified shape must be an iterable of sizes, not "
            f"{brief(sizes)}."
        )
    wanted = list(sizes)
    open_front = bool(wanted) and wanted[0] in ("...", "*", Ellipsis)
    if open_front:
        wanted = wanted[1:]
    rank = len(tensor._shape)
    if rank < len(wanted) or (rank > len(wanted) and not open_front):
        least = "at least " if open_front else ""
        raise ValueError(
            f"{start}gradtape.assert_shapes: Tensor must have rank {least}{len(wanted)} for "
            f"the sizes {tuple(sizes)}.  Received rank {rank}, shape {tensor._shape}."
        )
    return list(enumerate(wanted, rank - len(wanted)))


def _check_axis(
    tensor: Any, axis: int, size: Any, known: dict[str, tuple[int, str]], start: str, data: Any
) -> None:
    if size is None or size == ".":
        return
    found = tensor._shape[axis]
    if isinstance(size, str) and not size.isdigit():
        wanted, source = known.setdefault(size, (found, f"tensor {brief(tensor)} axis {axis}"))
    else:
        wanted, source = static_int(int(size), "assert_shapes", "size"), "given explicitly"
    if not same(found, wanted):
        shown = "" if data is None else f" Data: {data}."
        raise ValueError(
            f"{start}gradtape.assert_shapes: Specified by {source}.  Tensor {brief(tensor)} "
            f"dimension {axis} must have size {wanted}.  Received size {found}, shape "
            f"{tensor._shape}.{shown}"
        )
