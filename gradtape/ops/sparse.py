"""Rows of a matrix: taking them, adding into them, and `IndexedSlices`, a tensor that is zero but
for some rows.

The derivative of taking rows is an `IndexedSlices`: an embedding of a million rows gets a gradient
of the few that were used. It is a vector like any other: it can be scaled, added to its like (the
rows are put one behind the other) or to a dense tensor (the result is dense), and converted to a
tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape.core.xp_numpy_indexing  # noqa: F401
from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import DType
from gradtape.core.errors import brief
from gradtape.core.nothing import INTEGER
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec, TensorShape
from gradtape.core.sizes import open_sizes, same_shape
from gradtape.core.tensor import Tensor
from gradtape.ops.assembly import concat
from gradtape.ops.basis import (
    add,
    broadcast_to,
    cast,
    multiply,
    negative,
    numbers,
    reshape,
    size_of,
)

INT64 = np.dtype(np.int64)


def _numbers_kernel(xp: Any, indices: Any, *, rows: int, axis: int) -> Any:
    count = indices.shape[axis]
    indices = xp.checked(indices, rows).astype(xp.int64)
    first = xp.arange(count).reshape(-1, *[1] * (indices.ndim - axis - 1)) * rows
    if xp.name == "numpy":
        return first + indices
    return xp.where(indices < rows, first + indices, count * rows)


_row_numbers = primitive(
    "row_numbers",
    _numbers_kernel,
    batch=lambda mask, indices, rows, axis: row_numbers(indices, rows, axis + 1),
    shape=lambda indices, rows, axis: Spec(indices._shape, np.dtype(np.int64)),
    differentiable=False,
    family="indexing",
)


def row_numbers(indices: Any, rows: int, axis: int = 0) -> Any:
    """Indices into the rows of one of several arrays, told apart by the place on an axis, as rows
    of all of them.
    """
    return apply(_row_numbers, (indices,), {"rows": rows, "axis": axis})


def _take_kernel(xp: Any, x: Any, indices: Any) -> Any:
    return xp.take(x, xp.checked(indices, x.shape[0]), axis=0)


def _take_batch(mask: Any, x: Any, indices: Any) -> Any:
    if not mask[0]:
        return take_rows(x, indices)
    if not mask[1]:
        indices = broadcast_to(indices, (x._shape[0], *indices._shape))
    count, rows, *rest = x._shape
    return take_rows(reshape(x, (count * rows, *rest)), row_numbers(indices, rows))


_take_rows = primitive(
    "take_rows",
    _take_kernel,
    vjps=[
        lambda ct, indices, x_shape: IndexedSlices(
            _flat_rows(ct, indices, x_shape), _flat(indices), x_shape
        ),
        INTEGER,
    ],
    jvps=[lambda t, indices: take_rows(t, indices), INTEGER],
    batch=_take_batch,
    shape=lambda x, indices: Spec((*indices._shape, *x._shape[1:]), x._dtype),
    family="indexing",
)


def take_rows(x: Any, indices: Any) -> Any:
    """The rows of x at integer indices in [0, rows): the result has shape indices.shape +
    x.shape[1:].
    """
    return apply(_take_rows, (x, indices))


def _flat(indices: Any) -> Any:
    return reshape(indices, (size_of(indices._shape),))


def _flat_rows(ct: Any, indices: Any, x_shape: tuple[int, ...]) -> Any:
    return reshape(ct, (size_of(indices._shape), *x_shape[1:]))


def _add_kernel(xp: Any, values: Any, indices: Any, *, rows: int) -> Any:
    return xp.sum_rows(values, indices, rows)


def _add_batch(mask: Any, values: Any, indices: Any, rows: int) -> Any:
    count = values._shape[0] if mask[0] else indices._shape[0]
    if not mask[0]:
        values = broadcast_to(values, (count, *values._shape))
    if not mask[1]:
        indices = broadcast_to(indices, (count, *indices._shape))
    flat = reshape(values, (values._shape[0] * values._shape[1], *values._shape[2:]))
    dense = add_rows(flat, _flat(row_numbers(indices, rows)), count * rows)
    return reshape(dense, (count, rows, *values._shape[2:]))


_add_rows = primitive(
    "add_rows",
    _add_kernel,
    vjps=[lambda ct, indices: take_rows(ct, indices), INTEGER],
    jvps=[lambda t, indices, rows: add_rows(t, indices, rows), INTEGER],
    batch=_add_batch,
    shape=lambda values, indices, rows: Spec((rows, *values._shape[1:]), values._dtype),
    family="indexing",
)


def add_rows(values: Any, indices: Any, rows: int) -> Any:
    """A tensor of `rows` rows: zeros, to which values[i] is added at row indices[i]."""
    return apply(_add_rows, (values, indices), {"rows": rows})


def _shape_of(dense_shape: Any) -> tuple[Any, ...]:
    """The sizes of a shape, which may be open."""
    if type(dense_shape) is tuple and open_sizes(dense_shape):
        return dense_shape
    return tuple(TensorShape(dense_shape))


class IndexedSlices:
    """A tensor of shape `dense_shape` that is zero but for rows: `values[i]` is added at row
    `indices[i]`.

    Args:
        values: (n, ...) the rows.
        indices: (n,) their places, int32 or int64; equal ones add up.
        dense_shape: the shape of the whole, where it is known.

    Example:
        >>> import gradtape as tf
        >>> g = tf.IndexedSlices(tf.constant([[1.0, 2.0]]), tf.constant([1]), (3, 2))
        >>> tf.convert_to_tensor(0.5 * g).numpy()
        array([[0. , 0. ],
               [0.5, 1. ],
               [0. , 0. ]], dtype=float32)
    """

    __slots__ = ("_shape", "indices", "values")
    __array_priority__ = 100

    def __init__(self, values: Any, indices: Any, dense_shape: Any = None) -> None:
        self.values: Tensor = as_tensor(values, "IndexedSlices")
        self.indices: Tensor = as_tensor(indices, "IndexedSlices")
        self._shape = None if dense_shape is None else _shape_of(dense_shape)
        if self.indices._dtype.kind not in "iu" or len(self.indices._shape) != 1:
            raise ValueError(
                "gradtape.IndexedSlices: indices must be a vector of integers, not "
                f"{brief(self.indices)}."
            )
        if not same_shape(self.values._shape[:1], self.indices._shape):
            raise ValueError(
                f"gradtape.IndexedSlices: {brief(self.values)} has not one row for each of "
                f"{brief(self.indices)}."
            )

    @property
    def dense_shape(self) -> Tensor | None:
        """The shape of the whole as an int32 tensor, or None."""
        return None if self._shape is None else numbers(self._shape, np.dtype(np.int32))

    @property
    def shape(self) -> TensorShape:
        """The shape of the whole; the number of rows may be unknown."""
        return TensorShape((None, *self.values._shape[1:]) if self._shape is None else self._shape)

    @property
    def _dtype(self) -> Any:
        return self.values._dtype

    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return self.values.dtype

    @property
    def device(self) -> str:
        """Where the values live."""
        return self.values.device

    def dense(self) -> Any:
        """The whole as a tensor, equal indices added up."""
        if self._shape is None:
            raise ValueError(
                "Tensor conversion requested for IndexedSlices without dense_shape: give "
                "dense_shape to tf.IndexedSlices(values, indices, dense_shape)."
            )
        return add_rows(self.values, self.indices, self._shape[0])

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return self.dense()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.dense().__array__(dtype, copy)

    def numpy(self) -> Any:
        """The whole as a NumPy array."""
        return self.dense().numpy()

    def with_values(self, values: Any) -> IndexedSlices:
        """The same places with other rows."""
        return IndexedSlices(values, self.indices, self._shape)

    def __neg__(self) -> IndexedSlices:
        return self.with_values(negative(self.values))

    def __mul__(self, factor: Any) -> Any:
        if len(as_tensor(factor, "multiply")._shape) == 0:
            return self.with_values(multiply(self.values, factor))
        return multiply(self.dense(), factor)

    __rmul__ = __mul__

    def __truediv__(self, factor: Any) -> Any:
        if len(as_tensor(factor, "divide")._shape) == 0:
            return self.with_values(self.values / factor)
        return self.dense() / factor

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, IndexedSlices):
            return add(self.dense(), other)
        if not same_shape(self._shape or (), other._shape or ()):
            raise ValueError(f"Shapes {self.shape} and {other.shape} of two IndexedSlices differ.")
        indices = other.indices
        mine = self.indices
        if indices._dtype != mine._dtype:
            mine, indices = cast(mine, INT64), cast(indices, INT64)
        values = concat([self.values, other.values], 0)
        return IndexedSlices(values, concat([mine, indices], 0), self._shape)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __rsub__(self, other: Any) -> Any:
        return (-self) + other

    def __repr__(self) -> str:
        return (
            f"IndexedSlices(indices={self.indices!r}, values={self.values!r}, "
            f"dense_shape={self._shape})"
        )
