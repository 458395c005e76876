"""Sums of lists, lookups in a table of rows, and the table of labels against predictions."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same, same_shape
from gradtape.core.tensor import Tensor
from gradtape.ops.arithmetic import add_n
from gradtape.ops.assembly import concat
from gradtape.ops.basis import add, cast, multiply, ones, reshape
from gradtape.ops.basis import numbers as as_number
from gradtape.ops.clipping import clip_by_norm
from gradtape.ops.host import size_from, validated
from gradtape.ops.joining import tensors_alike
from gradtape.ops.sparse import add_rows, take_rows
from gradtape.ops.static import check_size, static_int

INT64 = np.dtype(np.int64)


def embedding_lookup(params: Any, ids: Any, max_norm: Any = None, name: str | None = None) -> Any:
    """Return the rows of a table; the derivative by the table is an `IndexedSlices` of these rows.

    Args:
        params: (rows, ...) a tensor or variable, or a list of such that follow one another.
        ids: integers in [0, rows) of any shape.
        max_norm: rows with a larger Euclidean norm are scaled down to it.
        name: ignored, for compatibility.

    Returns:
        ids.shape + params.shape[1:].

    Raises:
        InvalidArgumentError: for numbers out of range or no integers, or a table without axes.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.embedding_lookup([[1.0, 2.0], [3.0, 4.0]], [1, 1, 0]).numpy()
        array([[3., 4.],
               [3., 4.],
               [1., 2.]], dtype=float32)
    """
    function = "embedding_lookup"
    table = _table(params, function)
    numbers = as_tensor(ids, function)
    if numbers._dtype.kind not in "iu" or not table._shape:
        raise InvalidArgumentError(
            f"gradtape.{function}: needs a table with rows and integer ids, not {brief(table)} and "
            f"{brief(numbers)}."
        )
    count = as_number(table._shape[0], INT64)
    rows = take_rows(table, validated(partial(_test_range, function=function), numbers, count))
    if max_norm is None:
        return rows
    axes = range(len(numbers._shape), len(rows._shape))
    return clip_by_norm(rows, max_norm, list(axes))


def _table(params: Any, function: str) -> Any:
    parts = isinstance(params, (list, tuple)) and any(_is_tensor(p) for p in params)
    if not parts:
        return as_tensor(params, function)
    tables = tensors_alike(params, function)
    return tables[0] if len(tables) == 1 else concat(tables, 0)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, (Tensor, np.ndarray)) or hasattr(value, "__tf_tensor__")


def _test_range(numbers: Any, rows: Any, *, function: str) -> None:
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < rows):
        bad = int(numbers.min() if numbers.min() < 0 else numbers.max())
        raise InvalidArgumentError(
            f"gradtape.{function}: the id {bad} is not in [0, {rows}), the rows of the table. "
            "Ids are not wrapped or clipped."
        )


def accumulate_n(
    inputs: Any, shape: Any = None, tensor_dtype: Any = None, name: str | None = None
) -> Any:
    """Return the sum of a list of tensors of one shape and dtype, as `tf.add_n` does.

    Args:
        inputs: the tensors.
        shape: the shape that they should have, or None.
        tensor_dtype: the dtype that they should have, or None.
        name: ignored, for compatibility.

    Raises:
        ValueError: for an empty list, or tensors that differ in shape or dtype.

    Example:
        >>> import gradtape as tf
        >>> tf.math.accumulate_n([[1.0, 2.0], [3.0, 4.0]]).numpy()
        array([4., 6.], dtype=float32)
    """
    total = add_n(inputs)
    if tensor_dtype is not None and total.dtype is not as_dtype(tensor_dtype):
        raise TypeError(
            f"gradtape.accumulate_n: the tensors are {total.dtype.name}, not "
            f"{as_dtype(tensor_dtype).name}. "
            "Write tf.cast(x, dtype) for each."
        )
    if shape is not None:
        total.shape.assert_is_compatible_with(shape)
    return total


def confusion_matrix(
    labels: Any,
    predictions: Any,
    num_classes: Any = None,
    weights: Any = None,
    dtype: Any = np.int32,
    name: str | None = None,
) -> Any:
    """Return the table whose element (i, j) counts the examples of label i predicted as j.

    Args:
        labels: (n,) integers from 0 on.
        predictions: (n,) integers from 0 on.
        num_classes: the size of the table; by default what the largest number needs.
        weights: (n,) what each example counts, or None for 1.
        dtype: the dtype of the table.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for a number out of range, or shapes that do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.math.confusion_matrix([0, 1, 1], [0, 0, 1]).numpy()
        array([[1, 0],
               [1, 1]], dtype=int32)
    """
    function = "confusion_matrix"
    columns = [
        _numbers(v, w, function) for v, w in ((labels, "labels"), (predictions, "predictions"))
    ]
    if not same_shape(columns[0]._shape, columns[1]._shape):
        raise InvalidArgumentError(
            f"gradtape.{function}: labels {brief(columns[0])} and predictions "
            f"{brief(columns[1])} must have one length."
        )
    if num_classes is None:
        size = size_from(function, _needed, *columns)
    else:
        size = static_int(num_classes, function, "num_classes")
        test = partial(_test_classes, size=size, function=function)
        columns = [validated(test, columns[0], columns[1]), columns[1]]
    check_size((size, size), function, 8)
    wanted = as_dtype(dtype).numpy_dtype
    places = add(multiply(columns[0], as_number(size, INT64)), columns[1])
    counted = ones(places._shape, wanted) if weights is None else _weights(weights, places, wanted)
    return reshape(add_rows(counted, places, size * size), (size, size))


def _numbers(value: Any, what: str, function: str) -> Any:
    given = as_tensor(value, function)
    if given._dtype.kind not in "iu":
        raise InvalidArgumentError(
            f"gradtape.{function}: {what} {brief(given)} must be integers. Write tf.cast(x, "
            "tf.int64)."
        )
    shape = given._shape
    if len(shape) != 1 and not (len(shape) == 2 and same(shape[1], 1)):
        raise InvalidArgumentError(
            f"gradtape.{function}: {what} {brief(given)} must be a vector. Write tf.reshape(x, "
            "[-1])."
        )
    test = partial(_test_sign, what=what, function=function)
    return reshape(cast(validated(test, given), INT64), (shape[0],))


def _test_sign(numbers: Any, *, what: str, function: str) -> None:
    if numbers.size and numbers.min() < 0:
        raise InvalidArgumentError(
            f"gradtape.{function}: `{what}` contains negative values: {numbers.min()}."
        )


def _needed(*columns: Any) -> int:
    """How many classes there are at least."""
    return max([int(c.max()) + 1 for c in columns if c.size], default=0)


def _test_classes(*columns: Any, size: int, function: str) -> None:
    needed = _needed(*columns)
    if needed > size:
        raise InvalidArgumentError(
            f"gradtape.{function}: a number out of bound: {needed - 1} is not below "
            f"num_classes = {size}."
        )


def _weights(weights: Any, places: Any, dtype: Any) -> Any:
    given = cast(as_tensor(weights, "confusion_matrix"), dtype)
    if not same_shape(given._shape, places._shape):
        raise InvalidArgumentError(
            f"gradtape.confusion_matrix: weights {brief(given)} must have one element for each "
            "label."
        )
    return given
