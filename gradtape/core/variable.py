"""`Variable`: a named cell that holds a tensor; everything that trains is one.

A variable owns a node for life. Its value is a tensor on that node, so reading costs no operation,
and a tape that sees the variable read watches that node. Assigning puts another tensor on the same
node: what was recorded before belongs to the old value, and no cotangent passes through an
assignment.

Creation goes through a stack of creators (`creator_scope`), which is how strategies and functions
take part."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradtape.core.aligned import aligned
from gradtape.core.asked import located
from gradtape.core.convert import as_array, as_tensor
from gradtape.core.dtypes import DType, as_dtype, from_numpy
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.operands import Operands
from gradtape.core.quick import bind
from gradtape.core.record import Node
from gradtape.core.shapes import TensorShape
from gradtape.core.state import here, lookouts, newborn
from gradtape.core.tensor import Reference, Tensor


class _Creators(threading.local):
    stack: tuple[Callable[..., Any], ...] = ()


_creators = _Creators()


@contextmanager
def variable_creator_scope(variable_creator: Callable[..., Any]) -> Iterator[None]:
    """Within the block, `variable_creator(next_creator, **kwargs)` makes the variables.

    Example:
        >>> import gradtape as tf
        >>> def named(make, **kwargs):
        ...     return make(**{**kwargs, "name": "mine"})
        >>> with tf.variable_creator_scope(named):
        ...     tf.Variable(1.0).name
        'mine:0'
    """
    before = _creators.stack
    _creators.stack = (*before, variable_creator)
    try:
        yield
    finally:
        _creators.stack = before


class _ByCreators(type):
    """Variable(...) asks the innermost creator first."""

    def __call__(cls, initial_value: Any = None, **options: Any) -> Any:
        stack = _creators.stack
        if not stack:
            return cls._made(initial_value, **options)

        def through(depth: int, **kwargs: Any) -> Any:
            if depth < 0:
                return cls._made(**kwargs)
            return stack[depth](lambda **inner: through(depth - 1, **inner), **kwargs)

        return through(len(stack) - 1, initial_value=initial_value, **options)

    def _made(cls, initial_value: Any = None, **options: Any) -> Any:
        mode = here.mode
        if mode is None:
            return super().__call__(initial_value, **options)
        return mode.variable(cls, initial_value, **options)


class Variable(Operands, metaclass=_ByCreators):
    """A named, mutable cell with a fixed dtype and shape.

    Args: initial_value: a tensor, number, array, nested list, or a function without arguments that
        returns one. trainable: whether tapes watch it when it is read; by default True for
        differentiable dtypes. name: its name; shown with ":0" as TensorFlow does. dtype: converts
        the initial value. constraint: a function applied to the value by optimizers after an
        update. shape: a shape with unknown sizes allows assignments of other shapes that fit it.

    Example:
        >>> import gradtape as tf
        >>> v = tf.Variable([1.0, 2.0], name="v")
        >>> v.assign_add([1.0, 1.0]).numpy()
        array([2., 3.], dtype=float32)
    """

    __array_priority__ = 100
    is_tensor_like = True

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool | None = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        import_scope: Any = None,
        constraint: Callable[[Any], Any] | None = None,
        synchronization: Any = None,
        aggregation: Any = None,
        shape: Any = None,
    ) -> None:
        if initial_value is None:
            raise ValueError(
                "gradtape.Variable needs an initial value: write tf.Variable(tf.zeros(shape))."
            )
        if here.mode is not None:
            initial_value = here.mode.initial(initial_value)
        elif callable(initial_value) and not hasattr(initial_value, "__tf_tensor__"):
            initial_value = initial_value()
        array = value_array(initial_value, None if dtype is None else as_dtype(dtype).numpy_dtype)
        self._declared = TensorShape(array.shape if shape is None else shape)
        if not self._declared.is_compatible_with(array.shape):
            raise ValueError(
                f"gradtape.Variable: the initial value's shape {array.shape} does not fit shape"
                f" {self._declared}."
            )
        self._name = name or "Variable"
        self._trainable = True if trainable is None else bool(trainable)
        self.constraint = constraint
        self.aggregation = aggregation
        self.synchronization = synchronization
        self._leaf = Node(array.shape, array.dtype)
        self._tensor: Any = Tensor(array, self._leaf)
        for lookout in lookouts:
            lookout.changed(self, "the initial value", (initial_value,))
        for tell in newborn:
            tell(self)

    # reading

    def _read(self) -> Tensor:
        if here.tapes:
            for tape in here.tapes:
                if tape.automatic and self._trainable:
                    tape.watched[self._leaf] = self
        mode = here.mode
        found = self._tensor if mode is None else mode.read(self)
        for lookout in lookouts:
            lookout.read(self, found)
        return found

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Tensor:
        return self._read()

    def value(self) -> Tensor:
        """The present value as a tensor."""
        return self._read()

    def read_value(self) -> Tensor:
        """The present value as a tensor."""
        return self._read()

    def numpy(self) -> Any:
        """A copy of the value as a NumPy array, or a NumPy scalar."""
        return self._seen().numpy()

    def _seen(self) -> Tensor:
        """What Python looks at: the value, or in a recorded function a tensor that has none yet."""
        mode = here.mode
        if mode is None or not mode.symbolic or mode.by_session:
            for lookout in lookouts:
                lookout.read(self, self._tensor)
            return self._tensor
        return mode.read(self)

    def is_initialized(self, name: str | None = None) -> Tensor:
        """True: a variable has its value from the start."""
        return Tensor(np.bool_(True))

    def initialized_value(self) -> Tensor:
        """The value: variables are initialised when they are made."""
        return self._read()

    @property
    def _array(self) -> Any:
        return self._tensor._array

    @property
    def _shape(self) -> tuple[int, ...]:
        return self._tensor._shape

    @property
    def _dtype(self) -> np.dtype[Any]:
        return self._tensor._dtype

    @property
    def name(self) -> str:
        """The name with its output number, as in "v:0"."""
        return f"{self._name}:0"

    @property
    def shape(self) -> TensorShape:
        """The declared shape."""
        return self._declared

    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return from_numpy(self._tensor._dtype)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._shape)

    @property
    def trainable(self) -> bool:
        """Whether tapes watch the variable when it is read."""
        return self._trainable

    @property
    def device(self) -> str:
        """Where the value lives."""
        return self._tensor.device

    def get_shape(self) -> TensorShape:
        """The declared shape."""
        return self._declared

    def ref(self) -> Reference:
        """A hashable reference, for use as a key."""
        return Reference(self)

    # writing

    def _write(self, array: Any) -> Variable:
        if array.dtype != self._tensor._dtype:
            array = array.astype(self._tensor._dtype)
        if array.shape != self._leaf.shape:
            if not self._declared.is_compatible_with(array.shape):
                raise ValueError(
                    f"gradtape.Variable.assign: cannot assign a value of shape {array.shape} to"
                    f" variable {self.name!r} of shape {self._declared}. Shapes must be equal:"
                    " reshape or broadcast the value."
                )
            self._leaf = Node(array.shape, array.dtype)
        self._tensor = Tensor(array if array.ndim else array[()], self._leaf)
        return self

    def _put(self, tensor: Any) -> None:
        """Hold a tensor of the variable's shape and dtype."""
        if tensor._shape != self._leaf.shape:
            self._leaf = Node(tensor._shape, tensor._dtype)
        self._tensor = tensor.placed(self._leaf)

    def assign(
        self,
        value: Any,
        use_locking: bool = False,
        name: str | None = None,
        read_value: bool = True,
    ) -> Any:
        """Replace the value; returns the variable."""
        return self._change("assign", value)

    def assign_add(
        self,
        delta: Any,
        use_locking: bool = False,
        name: str | None = None,
        read_value: bool = True,
    ) -> Any:
        """Add `delta`; returns the variable."""
        return self._change("assign_add", delta)

    def assign_sub(
        self,
        delta: Any,
        use_locking: bool = False,
        name: str | None = None,
        read_value: bool = True,
    ) -> Any:
        """Subtract `delta`; returns the variable."""
        return self._change("assign_sub", delta)

    def scatter_sub(
        self, sparse_delta: Any, use_locking: bool = False, name: str | None = None
    ) -> Any:
        """Subtract the rows of an `IndexedSlices`; repeated indices add up."""
        return self._change("scatter_sub", sparse_delta)

    def scatter_add(
        self, sparse_delta: Any, use_locking: bool = False, name: str | None = None
    ) -> Any:
        """Add the rows of an `IndexedSlices`; repeated indices add up."""
        return self._change("scatter_add", sparse_delta)

    def scatter_mul(
        self, sparse_delta: Any, use_locking: bool = False, name: str | None = None
    ) -> Any:
        """Multiply by the rows of an `IndexedSlices`."""
        return self._change("scatter_mul", sparse_delta)

    def scatter_div(
        self, sparse_delta: Any, use_locking: bool = False, name: str | None = None
    ) -> Any:
        """Divide by the rows of an `IndexedSlices`."""
        return self._change("scatter_div", sparse_delta)

    def scatter_max(
        self, sparse_delta: Any, use_locking: bool = False, name: str | None = None
    ) -> Any:
        """Take the maximum with the rows of an `IndexedSlices`."""
        return self._change("scatter_max", sparse_delta)

    def scatter_min(
        self, sparse_delta: Any, use_locking: bool = False, name: str | None = None
    ) -> Any:
        """Take the minimum with the rows of an `IndexedSlices`."""
        return self._change("scatter_min", sparse_delta)

    def scatter_update(
        self, sparse_delta: Any, use_locking: bool = False, name: str | None = None
    ) -> Any:
        """Replace the rows that an `IndexedSlices` names."""
        return self._change("scatter_update", sparse_delta)

    batch_scatter_update = scatter_update

    def scatter_nd_add(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Add `updates` at the index tuples `indices[..., :]`."""
        return self._change("scatter_nd_add", indices, updates)

    def scatter_nd_sub(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Subtract `updates` at the index tuples `indices[..., :]`."""
        return self._change("scatter_nd_sub", indices, updates)

    def scatter_nd_update(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Replace the elements at the index tuples `indices[..., :]`."""
        return self._change("scatter_nd_update", indices, updates)

    def scatter_nd_max(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Take the maximum with `updates` at the index tuples `indices[..., :]`."""
        return self._change("scatter_nd_max", indices, updates)

    def scatter_nd_min(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Take the minimum with `updates` at the index tuples `indices[..., :]`."""
        return self._change("scatter_nd_min", indices, updates)

    # how a change is made at once

    def _change(self, how: str, *values: Any) -> Any:
        mode = here.mode
        if mode is None and lookouts:
            before = self._tensor, self._leaf
            found = self._updated(how, *values)
            told_changed(self, before, how, values)
            return found
        found = self._updated(how, *values) if mode is None else mode.update(self, how, *values)
        for lookout in lookouts:
            lookout.changed(self, how, values)
        return found

    def _updated(self, how: str, *values: Any) -> Variable:
        """Make a change now, on NumPy's arrays."""
        if how == "assign":
            return self._write(self._converted(values[0], how))
        if how == "assign_add":
            return self._write(self._array + self._fitting(values[0], how))
        if how == "assign_sub":
            return self._write(self._array - self._fitting(values[0], how))
        if how.startswith("scatter_nd"):
            indices, updates = values
            write = IN_PLACE[how.removeprefix("scatter_nd_")]
            return self._scattered_nd(indices, updates, write, how)
        return self._scattered(values[0], IN_PLACE[how.removeprefix("scatter_")], how)

    def _converted(self, value: Any, method: str) -> Any:
        array = value_array(value, self._dtype, method)
        if array.dtype != self._dtype:
            raise other_dtype(self, array, method)
        return array

    def _fitting(self, value: Any, method: str) -> Any:
        array = self._converted(value, method)
        if array.shape != self._shape and array.shape != ():
            raise other_shape(self, array.shape, method)
        return array

    def _scattered(self, sparse_delta: Any, write: Callable[..., None], method: str) -> Variable:
        """Apply a NumPy in-place write to a copy at the rows of an IndexedSlices."""
        check_slices(sparse_delta, method)
        array = np.array(self._array)
        indices = row_indices(sparse_delta.indices, array.shape[0] if array.ndim else 0, method)
        write(array, indices, value_array(sparse_delta.values, self._dtype, method))
        return self._write(array)

    def _scattered_nd(
        self, indices: Any, updates: Any, write: Callable[..., None], method: str
    ) -> Variable:
        array = np.array(self._array)
        index = np.asarray(as_tensor(indices, f"Variable.{method}"))
        depth = index.shape[-1] if index.ndim else 0
        if not index.ndim or depth > array.ndim or (index.size and index.dtype.kind not in "iu"):
            raise InvalidArgumentError(
                f"gradtape.Variable.{method}: indices {brief(index)} must be integers with a last "
                f"axis of at most {array.ndim}, one for each axis of shape {array.shape}."
            )
        bounds = np.array(array.shape[:depth])
        if ((index < 0) | (index >= bounds)).any():
            raise InvalidArgumentError(
                f"gradtape.Variable.{method}: indices {brief(index)} reach outside shape"
                f" {array.shape}."
            )
        value = value_array(updates, self._dtype, method)
        if value.shape not in ((), (*index.shape[:-1], *array.shape[depth:])):
            raise InvalidArgumentError(
                f"gradtape.Variable.{method}: updates {brief(value)} at indices {brief(index)} must"
                f" have shape {[*index.shape[:-1], *array.shape[depth:]]}."
            )
        write(array, tuple(np.moveaxis(index.astype(np.int64), -1, 0)), value)
        return self._write(array)

    # being a Python object

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self._seen().__array__(dtype, copy)

    def __len__(self) -> int:
        return len(self._tensor)

    def __bool__(self) -> bool:
        return bool(self._seen())

    def __int__(self) -> int:
        return int(self._seen())

    def __float__(self) -> float:
        return float(self._seen())

    def __index__(self) -> int:
        return self._seen().__index__()

    def __format__(self, spec: str) -> str:
        return format(self._seen(), spec) if spec else repr(self)

    def __hash__(self) -> int:
        raise TypeError(located("Variable is unhashable. Instead, use variable.ref() as the key."))

    def __copy__(self) -> Variable:
        return copy.deepcopy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:
        make, arguments = self.__reduce__()
        memo[id(self)] = made = make(*arguments)
        return made

    def __reduce__(self) -> Any:
        return _restored, (
            np.asarray(self._array),
            self._name,
            self._trainable,
            self._declared,
            self.constraint,
        )

    def __repr__(self) -> str:
        value = repr(np.asarray(self._array)) if self._shape else str(self._array)
        return (
            f"<tf.Variable {self.name!r} shape={self.shape} dtype={self.dtype.name}, numpy={value}>"
        )


def told_changed(variable: Any, before: Any, how: str, values: tuple[Any, ...]) -> None:
    """Tell the lookouts that a variable was changed; one that raises undoes it.

    Args:
        before: its tensor and leaf before.
    """
    try:
        for lookout in lookouts:
            lookout.changed(variable, how, values)
    except Exception:
        variable._tensor, variable._leaf = before
        raise


def _put(array: Any, index: Any, value: Any) -> None:
    array[index] = value


IN_PLACE: dict[str, Callable[..., None]] = {
    "add": np.add.at, "sub": np.subtract.at, "mul": np.multiply.at, "div": np.divide.at,
    "max": np.maximum.at, "min": np.minimum.at, "update": _put,
}  # fmt: skip


def other_dtype(variable: Variable, value: Any, method: str) -> InvalidArgumentError:
    """The error for a value of another dtype than the variable's."""
    return InvalidArgumentError(
        f"gradtape.Variable.{method}: the value is {brief(value)} but variable"
        f" {variable.name!r} is {variable.dtype.name}{list(variable._shape)}. Write"
        f" tf.cast(value, tf.{variable.dtype.name})."
    )


def other_shape(variable: Variable, shape: Any, method: str) -> InvalidArgumentError:
    """The error for a change of another shape than the variable's."""
    return InvalidArgumentError(
        f"gradtape.Variable.{method}: the value's shape {shape} differs from that of variable"
        f" {variable.name!r}, {variable._shape}. Reshape or broadcast the value first."
    )


def check_slices(sparse_delta: Any, method: str) -> None:
    """Raise unless a value has rows and their indices."""
    if not hasattr(sparse_delta, "indices"):
        raise TypeError(
            f"gradtape.Variable.{method} takes tf.IndexedSlices(values, indices), not"
            f" {brief(sparse_delta)}."
        )


def _restored(array: Any, name: str, trainable: bool, shape: Any, constraint: Any) -> Variable:
    return Variable(array, name=name, trainable=trainable, shape=shape, constraint=constraint)


def value_array(value: Any, dtype: np.dtype[Any] | None, method: str = "Variable") -> Any:
    """The array of anything that can be assigned."""
    if isinstance(value, (Tensor, Variable)) or hasattr(value, "__tf_tensor__"):
        array = as_tensor(value)._array
        if method != "Variable":
            return array
        return aligned(array if dtype is None else array.astype(dtype))
    return as_array(value, dtype, f"Variable.{method}" if method != "Variable" else method)


def row_indices(indices: Any, rows: int, method: str) -> np.ndarray[Any, Any]:
    """Row numbers as an integer array, checked against the number of rows."""
    index = np.asarray(as_tensor(indices))
    if index.dtype.kind not in "iu":
        raise InvalidArgumentError(
            f"gradtape.{method}: indices must be integers, not {brief(index)}."
        )
    if index.size and (index.min() < 0 or index.max() >= rows):
        bad = index[(index < 0) | (index >= rows)].flat[0]
        raise InvalidArgumentError(f"gradtape.{method}: index {bad} is not in [0, {rows}).")
    return index


bind(Variable=Variable)
