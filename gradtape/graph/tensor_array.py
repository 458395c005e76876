"""`TensorArray`: tensors of one dtype and shape by their numbers, written one after the other.

Where numbers are known it is a tuple of tensors. In a recorded loop, whose number of the round is
symbolic, it is one tensor with a row for each (`rows`). One that grows in a loop which may end
early has a row for each round that could be, and counts those that were written. Writing returns a
new array; the old one stays as it is: branches and rounds do not see each other's writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dtypes import DType, as_dtype, from_numpy
from gradtape.core.errors import (
    InvalidArgumentError,
    OutOfRangeError,
    UnimplementedError,
    brief,
    wrong_type,
)
from gradtape.core.shapes import TensorShape, check_size
from gradtape.core.tensor import Tensor
from gradtape.graph.branches import value_or_none
from gradtape.graph.unrolling import stop_recording
from gradtape.ops.arithmetic import maximum
from gradtape.ops.basis import add, cast, reshape, zeros
from gradtape.ops.creation import shape as shape_of
from gradtape.ops.indexing import gather, tensor_scatter_nd_update
from gradtape.ops.joining import concat, split, stack
from gradtape.ops.slicing import getitem
from gradtape.ops.static import static_int

INT32 = np.dtype(np.int32)
ONE = Tensor(INT32.type(1))
POINTER = 8  # bytes


class TensorArray:
    """An array of tensors that is written element by element.

    Args:
        dtype: the dtype of the elements.
        size: how many there are.
        dynamic_size: whether writing behind the end makes it larger; in a recorded loop that works
            where the loop's length is known. If element i is written in round i the loop is one
            operation, else its rounds are recorded one by one. Where a `break` may end the loop
            early, element i must be written in round i.
        element_shape: the shape of the elements, where it is known before the first write.
        clear_after_read, tensor_array_name, handle, flow, infer_shape,
            colocate_with_first_write_call, name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> a = tf.TensorArray(tf.float32, size=2)
        >>> a = a.write(0, 1.0).write(1, 2.0)
        >>> a.stack().numpy()
        array([1., 2.], dtype=float32)
    """

    def __init__(
        self,
        dtype: Any,
        size: Any = None,
        dynamic_size: bool | None = None,
        clear_after_read: bool | None = None,
        tensor_array_name: str | None = None,
        handle: Any = None,
        flow: Any = None,
        infer_shape: bool = True,
        element_shape: Any = None,
        colocate_with_first_write_call: bool = True,
        name: str | None = None,
    ) -> None:
        self._dtype = as_dtype(dtype).numpy_dtype
        self._dynamic = bool(dynamic_size) if size is not None else dynamic_size is not False
        shape = TensorShape(element_shape)
        self._element: tuple[Any, ...] | None = tuple(shape) if shape.is_fully_defined() else None
        self._rows: Any = None
        self._round: Any = None  # in a loop of known length its number of the round, and the length
        self._count: Any = None  # how many rows were written, where a loop may have ended early
        wanted = as_tensor(0 if size is None else size, "TensorArray")
        if wanted._dtype.kind not in "iu" or wanted._shape != ():
            raise wrong_type("TensorArray", "size", "an integer", size)
        count = value_or_none(wanted)
        if count is None:
            self._items: tuple[Any, ...] = ()
            self._size: Any = size
        else:
            self._size = int(count)
            if self._size < 0:
                raise InvalidArgumentError(f"gradtape.TensorArray: size {self._size} is negative.")
            check_size((self._size,), "TensorArray", POINTER)
            self._items = (None,) * self._size

    def _with(self, items: Any = None, rows: Any = None) -> TensorArray:
        made = object.__new__(TensorArray)
        made.__dict__.update(self.__dict__)
        made._items, made._rows = (() if items is None else items), rows
        if items is not None:
            made._size = len(items)
        return made

    # facts

    @property
    def dtype(self) -> DType:
        """The dtype of the elements."""
        return from_numpy(self._dtype)

    @property
    def element_shape(self) -> TensorShape:
        """The shape of the elements, unknown before the first write."""
        return TensorShape(self._element)

    @property
    def dynamic_size(self) -> bool:
        """Whether writing behind the end makes it larger."""
        return self._dynamic

    @property
    def flow(self) -> None:
        """None: there is no flow value."""

    @property
    def handle(self) -> None:
        """None: there is no handle."""

    def size(self, name: str | None = None) -> Any:
        """The number of elements, an int32 scalar."""
        if self._count is not None:
            return self._count
        if self._rows is not None:
            return shape_of(self._rows)[0]
        return as_tensor(self._size)

    # writing

    def write(self, index: Any, value: Any, name: str | None = None) -> TensorArray:
        """The array with another element at an index."""
        made, tensor = self._fitting(value)
        known = value_or_none(as_tensor(index, "TensorArray.write"))
        if known is not None and made._dynamic and made._round is None:
            made = made._as_items()
        if made._rows is None and known is not None and type(made._size) is int:
            return made._written(int(known), tensor)
        made._check_round(index)
        rows = made._as_rows()
        index = as_tensor(index)
        place = reshape(index, (1, 1))
        made = made._with(rows=tensor_scatter_nd_update(rows, place, _one_row(tensor)))
        if made._count is not None:
            made._count = maximum(made._count, add(cast(index, INT32), ONE))
        return made

    def _written(self, index: int, tensor: Any) -> TensorArray:
        items = list(self._items)
        if self._dynamic and index >= len(items):
            items += [None] * (index + 1 - len(items))
        if not 0 <= index < len(items):
            raise OutOfRangeError(
                f"gradtape.TensorArray.write: index {index} is not in [0, {len(items)}). Write"
                " tf.TensorArray(dtype, size=0, dynamic_size=True) for an array that grows."
            )
        items[index] = tensor
        return self._with(tuple(items))

    def _fitting(self, value: Any) -> tuple[TensorArray, Any]:
        """An element as a tensor, and the array that knows its shape."""
        tensor = as_tensor_like(value, self._dtype, "TensorArray.write")
        if tensor._dtype != self._dtype:
            raise InvalidArgumentError(
                f"gradtape.TensorArray.write: the value is {brief(tensor)}, but the array holds"
                f" {self.dtype.name}. Write tf.cast(value, tf.{self.dtype.name})."
            )
        if self._element is not None and not TensorShape(self._element).is_compatible_with(
            tensor.shape
        ):
            raise InvalidArgumentError(
                f"gradtape.TensorArray.write: the value is {brief(tensor)}, but the elements have"
                f" shape {list(self._element)}. Elements must have one shape: pad the value."
            )
        made = self
        if self._element is None:
            made = self._with(self._items, self._rows)
            made._size = self._size
            made._element = tensor._shape
        return made, tensor

    def scatter(self, indices: Any, value: Any, name: str | None = None) -> TensorArray:
        """The array with the rows of a tensor at indices."""
        places = value_or_none(as_tensor(indices, "TensorArray.scatter"))
        value = as_tensor_like(value, self._dtype, "TensorArray.scatter")
        if places is not None and self._rows is None:
            made = self
            for number, index in enumerate(np.ravel(places)):
                made = made.write(int(index), getitem(value, number))
            return made
        made, _ = self._fitting(getitem(value, 0))
        index = as_tensor(indices)
        place = reshape(index, (*index._shape, 1))
        return made._with(rows=tensor_scatter_nd_update(made._as_rows(), place, value))

    def unstack(self, value: Any, name: str | None = None) -> TensorArray:
        """The array whose elements are the rows of a tensor."""
        value = as_tensor_like(value, self._dtype, "TensorArray.unstack")
        made, _ = self._fitting(zeros(value._shape[1:], value._dtype))
        if type(value._shape[0]) is not int:
            return made._with(rows=value)
        return made._with(tuple([getitem(value, i) for i in range(value._shape[0])]))

    def split(self, value: Any, lengths: Any, name: str | None = None) -> TensorArray:
        """The array whose elements are blocks of rows of a tensor."""
        value = as_tensor_like(value, self._dtype, "TensorArray.split")
        sizes = [static_int(n, "TensorArray.split", "lengths") for n in np.asarray(lengths)]
        made = self._with(())
        made._element = None
        return made._with(tuple(split(value, sizes, 0)))

    # reading

    def read(self, index: Any, name: str | None = None) -> Any:
        """The element at an index."""
        known = value_or_none(as_tensor(index, "TensorArray.read"))
        if known is None or self._rows is not None:
            return getitem(self._as_rows(), index)
        number = int(known)
        if not 0 <= number < len(self._items):
            raise OutOfRangeError(
                f"gradtape.TensorArray.read: index {number} is not in [0, {len(self._items)})."
            )
        found = self._items[number]
        if found is None and self._element is None:
            raise InvalidArgumentError(
                f"gradtape.TensorArray.read: element {number} was not written yet."
            )
        return zeros(self._element or (), self._dtype) if found is None else found

    def stack(self, name: str | None = None) -> Any:
        """All elements along a new first axis; those that were not written are zeros."""
        return self._as_rows()

    def gather(self, indices: Any, name: str | None = None) -> Any:
        """Some elements along a new first axis."""
        return gather(self._as_rows(), indices)

    def concat(self, name: str | None = None) -> Any:
        """All elements joined along their first axis."""
        if self._rows is None and self._items and None not in self._items:
            return concat(list(self._items), 0)
        rows = self._as_rows()
        return reshape(rows, (rows._shape[0] * rows._shape[1], *rows._shape[2:]))

    def identity(self) -> TensorArray:
        """The same array."""
        return self

    def mark_used(self) -> None:
        """Nothing: an array that nobody reads is dropped."""

    def close(self, name: str | None = None) -> None:
        """Nothing: the memory belongs to the tensors."""

    def grad(self, source: Any, flow: Any = None, name: str | None = None) -> Any:
        """Not there: tapes and `gradients` differentiate through arrays."""
        raise UnimplementedError(
            "gradtape.TensorArray.grad is left out: use tf.GradientTape, which goes through arrays."
        )

    def __len__(self) -> int:
        if type(self._size) is int:
            return self._size
        raise TypeError("gradtape.TensorArray: the size is not known yet. Write array.size().")

    def __repr__(self) -> str:
        return (
            f"<tf.TensorArray: {self._size} elements, dtype={self.dtype.name},"
            f" element_shape={self.element_shape}>"
        )

    # in loops

    def _as_rows(self) -> Any:
        """The elements as one tensor."""
        if self._rows is not None:
            ended = self._count is not None and self._round is None
            return getitem(self._rows, slice(None, self._count)) if ended else self._rows
        if type(self._size) is not int:
            return self._zero_rows(self._size)
        if self._items and None not in self._items:
            return stack(list(self._items), 0)
        if all([i is None for i in self._items]):
            return self._zero_rows(self._size)
        blank = zeros(self._shape_or_raise(), self._dtype)
        return stack([blank if i is None else i for i in self._items], 0)

    def _as_items(self) -> TensorArray:
        """The array with its elements one by one, where their number is known."""
        if self._rows is None or self._count is not None or type(self._rows._shape[0]) is not int:
            return self
        return self._with(tuple([getitem(self._rows, i) for i in range(self._rows._shape[0])]))

    def _zero_rows(self, size: Any) -> Any:
        shape = self._shape_or_raise()
        count = size if type(size) is int else static_int(size, "TensorArray", "size")
        return zeros((count, *shape), self._dtype)

    def _shape_or_raise(self) -> tuple[Any, ...]:
        if self._element is None:
            raise InvalidArgumentError(
                f"gradtape.TensorArray: the shape of the elements of {self!r} is not known, because"
                " nothing was written yet. Give element_shape."
            )
        return self._element

    @property
    def known(self) -> bool:
        """Whether the shape of its elements is known."""
        return self._element is not None

    def learn(self, other: TensorArray) -> bool:
        """Take over the shape of the elements from an array after a round."""
        if self._element is not None or other._element is None:
            return False
        self._element = other._element
        return True

    def reserved(self, length: int, number: Any, early: bool = False) -> TensorArray:
        """The array for a loop of known length: one that grows gets a row for each round.

        Args:
            number: the number of the round, None before the loop.
            early: whether the loop may end early.
        """
        if not self._dynamic:
            return self
        made = self._as_items() if self._round is None else self
        before = len(made._items)
        blank = (None,) * max(0, length - before)
        made = made._with((*made._items, *blank)) if made._rows is None else made.released()
        made._round = number, length
        if early and made._count is None:
            made._count = Tensor(INT32.type(before))
        return made

    def released(self) -> TensorArray:
        """The array after a loop of known length."""
        made = self._with(self._items, self._rows)
        made._round = None
        return made

    def _check_round(self, index: Any) -> None:
        """Refuse to write a growing array elsewhere than at the number of the round."""
        number, length = self._round or (None, 0)
        at_number = number is not None and getattr(index, "_value", None) is number._value
        if not self._dynamic or (at_number and self._as_rows()._shape[0] >= length):
            return
        stop_recording("an array grows elsewhere than at the number of the round")
        raise InvalidArgumentError(
            "gradtape.TensorArray.write: in a recorded loop of unknown length the array cannot"
            " grow, nor can it after a loop that may end early. Write tf.TensorArray(dtype, size=n)"
            " with the largest size; or write element i in round i of `for i in tf.range(n)`."
        )

    def as_output(self) -> tuple[list[Any], Callable[[Sequence[Any]], TensorArray]]:
        """The array as tensors, and how to make it of them again."""
        if self._count is None:
            return [self._as_rows()], lambda tensors: self._with(rows=tensors[0])

        def make(tensors: Sequence[Any]) -> TensorArray:
            made = self._with(rows=tensors[0])
            made._count = tensors[1]
            return made

        rows = self._as_rows() if self._rows is None else self._rows
        return [rows, self._count], make


def _one_row(tensor: Tensor) -> Any:
    return reshape(tensor, (1, *tensor._shape))
