"""`Tensor`: an immutable value that may stand on a record.

A tensor is two slots: the array, which nobody writes to, and the node where cotangents arrive, or
None. The array is a NumPy array, or a NumPy scalar for a tensor without axes (scalars compute
several times faster than 0-d arrays). Subclasses put something else into `_array`: a batched
tensor, a tensor with one axis more. All code outside the kernels therefore asks a tensor for
`_shape` (a tuple) and `_dtype` (a NumPy dtype) and leaves `_array` alone.

Operators are installed by `ops.operators`, because they are operations and operations stand on
tensors."""

from __future__ import annotations

import threading
from operator import attrgetter
from typing import Any

import numpy as np

from gradtape.core.asked import located
from gradtape.core.dtypes import DType, from_numpy
from gradtape.core.operands import Operands
from gradtape.core.record import Node
from gradtape.core.shapes import TensorShape
from gradtape.core.state import lookouts

NUMPY_METHODS = {
    "T": "tf.transpose(x)", "astype": "tf.cast(x, dtype)", "ravel": "tf.reshape(x, [-1])",
    "transpose": "tf.transpose(x)", "reshape": "tf.reshape(x, shape)",
    "tolist": "x.numpy().tolist()",
    "size": "tf.size(x)", "item": "x.numpy().item()", "sum": "tf.reduce_sum(x)",
    "mean": "tf.reduce_mean(x)",
    "max": "tf.reduce_max(x)", "min": "tf.reduce_min(x)", "backward": "tape.gradient(y, x)",
    "grad": "tape.gradient(y, x)", "detach": "tf.stop_gradient(x)", "assign": "a tf.Variable",
}  # fmt: skip

_making_nodes = threading.Lock()


class Tensor(Operands):
    """An immutable multi-dimensional value.

    Make one with `tf.constant` or `tf.convert_to_tensor`; `numpy()` copies the value out,
    `np.asarray` gives a read-only view without a copy.

    Example:
        >>> import gradtape as tf
        >>> tf.constant([1.0, 2.0]) * 3
        <tf.Tensor: shape=(2,), dtype=float32, numpy=array([3., 6.], dtype=float32)>
    """

    __slots__ = ("__weakref__", "_array", "_node")
    __array_priority__ = 100
    concrete = True  # whether `_array` is an array of numbers

    def __init__(self, array: Any, node: Node | None = None) -> None:
        self._array = array
        self._node = node

    def own_node(self) -> Node:
        """The tensor's node, made when there is none; two threads that ask get the same."""
        if self._node is None:
            with _making_nodes:
                if self._node is None:
                    self._node = Node(self._shape, self._dtype)
        return self._node

    def placed(self, node: Node | None) -> Tensor:
        """The same value on another node."""
        return type(self)(self._array, node)

    # read in C: half the time of properties written in Python, and every operation asks
    _shape: Any = property(attrgetter("_array.shape"))
    _dtype: Any = property(attrgetter("_array.dtype"))

    @property
    def shape(self) -> TensorShape:
        """The sizes of the axes."""
        return TensorShape(self._shape)

    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return from_numpy(self._dtype)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._shape)

    @property
    def device(self) -> str:
        """Where the value lives: eager values live on the host."""
        return "/job:localhost/replica:0/task:0/device:CPU:0"

    @property
    def is_tensor_like(self) -> bool:
        """True: TensorFlow's marker for values that operations accept."""
        return True

    def get_shape(self) -> TensorShape:
        """The sizes of the axes."""
        return self.shape

    def set_shape(self, shape: Any) -> None:
        """Check that the tensor has this shape, ValueError otherwise."""
        self.shape.assert_is_compatible_with(shape)

    def numpy(self) -> Any:
        """A copy of the value as a NumPy array, or a NumPy scalar for a tensor without axes."""
        if lookouts:
            told_left(self, "numpy()")
        array = self._array
        return array.copy() if array.ndim else array[()]

    def contents(self) -> Any:
        """The value as an array as far as Python may know it now; None where it comes later."""
        return self.__array__()

    def ref(self) -> Reference:
        """A hashable reference that is equal for the same tensor, for use as a key."""
        return Reference(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if lookouts:
            told_left(self, "NumPy")
        array = np.asarray(self._array)
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        if copy:
            return array.copy()
        view = array.view()
        view.flags.writeable = False
        return view

    def __dlpack__(self, **options: Any) -> Any:
        try:
            return self.__array__().__dlpack__(**options)
        except BufferError:  # a consumer that knows no read-only arrays gets a copy to write to
            return np.array(self._array).__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return np.asarray(self._array).__dlpack_device__()

    def __len__(self) -> int:
        if not self._shape:
            raise TypeError(
                located("Scalar tensor has no len(). Write tf.size(x) for the number of elements.")
            )
        return self._shape[0]

    def __bool__(self) -> bool:
        array = self._array
        if array.size != 1:
            raise ValueError(
                located(
                    f"The truth value of a tensor of shape {self._shape} is ambiguous. "
                    "Write tf.reduce_any(x) or tf.reduce_all(x)."
                )
            )
        return bool(array)

    def __int__(self) -> int:
        return int(self._single("int()"))

    def __float__(self) -> float:
        return float(self._single("float()"))

    def __complex__(self) -> complex:
        return complex(self._single("complex()"))

    def __index__(self) -> int:
        if self._shape or self._dtype.kind not in "iu":
            raise TypeError(
                located(
                    "Only a scalar integer tensor can be an index, not "
                    f"{self.dtype.name}{list(self._shape)}. Write tf.cast(x, tf.int32)."
                )
            )
        return int(self._array)

    def _single(self, use: str) -> Any:
        if lookouts:
            told_left(self, use)
        array = self._array
        if array.size != 1:
            raise TypeError(
                located(
                    f"{use} needs a tensor with one element, not"
                    f" {self.dtype.name}{list(self._shape)}. Reduce it first, for instance with"
                    " tf.reduce_mean(x), or write x.numpy()."
                )
            )
        if array.dtype.kind == "c" and use != "complex()":
            raise TypeError(located(f"{use} needs a real tensor. Write tf.math.real(x)."))
        return array if not array.ndim else array.reshape(())[()]

    def __format__(self, spec: str) -> str:
        if lookouts:
            told_left(self, "format()")
        if not spec:  # the bare value, as TensorFlow: f"loss {loss}" prints a number
            return format(self._array)
        if self._shape:
            raise TypeError(
                f"The format {spec!r} needs a scalar tensor, not"
                f" {self.dtype.name}{list(self._shape)}. Write x.numpy() or reduce it first."
            )
        return format(self._array[()], spec)

    def __str__(self) -> str:
        return f"tf.Tensor({self._array}, shape={self._shape}, dtype={self.dtype.name})"

    def __repr__(self) -> str:
        value = repr(np.asarray(self._array)) if self._shape else str(self._array)
        return f"<tf.Tensor: shape={self._shape}, dtype={self.dtype.name}, numpy={value}>"

    def __hash__(self) -> int:
        raise TypeError(located("Tensor is unhashable. Instead, use tensor.ref() as the key."))

    def __copy__(self) -> Tensor:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return self

    def __reduce__(self) -> Any:
        if lookouts:
            told_left(self, "pickle")
        return _restored, (np.asarray(self._array),)

    def __getattr__(self, name: str) -> Any:
        hint = NUMPY_METHODS.get(name)
        text = f"'Tensor' object has no attribute {name!r}."
        raise AttributeError(f"{text} Write {hint}." if hint else text)


class Reference:
    """A hashable stand-in for a tensor or variable, equal when it stands for the same object."""

    __slots__ = ("_object",)

    def __init__(self, value: Any) -> None:
        self._object = value

    def deref(self) -> Any:
        """The object that was referred to."""
        return self._object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and self._object is other._object

    def __hash__(self) -> int:
        return id(self._object)

    def __repr__(self) -> str:
        return f"<Reference wrapping {self._object!r}>"


def told_left(tensor: Tensor, how: str) -> None:
    """Tell the lookouts that a tensor's value was handed to Python or NumPy."""
    for lookout in lookouts:
        lookout.left(tensor, how)


def _restored(array: Any) -> Tensor:
    return Tensor(array if array.ndim else array[()])
