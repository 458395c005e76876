"""`SymbolicTensor`: a tensor without a value yet, which stands for one result of an operation of a
graph.

What it stands for is a `Value`: an operation, which of its results, shape and dtype. Several
tensors may stand for one value on different nodes, as several tensors may hold one array. Sizes
that are not known before values come are `Size`s in `_shape`; the public `shape` shows None for
them.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import numpy as np

from gradtape.core.dtypes import from_numpy
from gradtape.core.errors import OperatorNotAllowedInGraphError
from gradtape.core.sizes import UnknownSizeError, opened
from gradtape.core.state import here
from gradtape.core.tensor import NUMPY_METHODS, Tensor
from gradtape.core.unranked import UnknownShape
from gradtape.ops.slicing import Part, parts


class Value:
    """One result of an operation."""

    __slots__ = ("contents", "dtype", "index", "op", "shape")

    def __init__(self, op: Any, index: int, shape: Any, dtype: Any, contents: Any = None) -> None:
        self.op = op
        self.index = index
        self.shape = shape
        self.dtype = dtype
        self.contents = contents  # an array of ints and `Size`s, where these are known

    # shape rules read a value as they read a tensor
    _shape = property(attrgetter("shape"))
    _dtype = property(attrgetter("dtype"))

    @property
    def name(self) -> str:
        """The operation's name with the number of the result."""
        return f"{self.op.name}:{self.index}"

    def __repr__(self) -> str:
        known = type(self.shape) is not UnknownShape
        return f"{self.name} {from_numpy(self.dtype).name}{list(self.shape) if known else '[...]'}"


class NoValueError(NotImplementedError, TypeError):
    """Python or NumPy asked for the value of a tensor that has none yet."""


class OutOfScopeError(TypeError):
    """A symbolic tensor is used outside the function or graph that made it."""


def out_of_scope(tensor: Any) -> OutOfScopeError:
    """The error for a tensor whose graph is not being filled."""
    where = tensor.op.where
    return OutOfScopeError(
        f"{tensor!r} is out of scope and cannot be used here. Use return values, explicit Python"
        " locals or a tf.Variable to hand it out of the function that made it; in a recorded loop"
        " or branch use a tf.TensorArray instead of a list."
        f"{f' It was made at {where[0]}:{where[1]}.' if where else ''}"
    )


def filled(graph: Any) -> bool:
    """Whether the active mode, or one around it, fills a graph."""
    mode = here.mode
    while mode is not None and mode.graph is not graph:
        mode = mode.outside[2]
    return mode is not None


class OpenRowsError(OperatorNotAllowedInGraphError, UnknownSizeError):
    """Python asked for the rows of a tensor whose number is not known yet."""


class NoValueAttribute(AttributeError, NotImplementedError):
    """An attribute that only tensors and variables with a value have."""


class SymbolicTensor(Tensor):
    """A tensor whose value comes when the graph runs."""

    __slots__ = ("_value",)
    concrete = False

    def __init__(self, value: Value, node: Any = None) -> None:
        self._value = value
        self._node = node

    def placed(self, node: Any) -> SymbolicTensor:
        """The same value on another node."""
        return SymbolicTensor(self._value, node)

    _shape: Any = property(attrgetter("_value.shape"))
    _dtype: Any = property(attrgetter("_value.dtype"))

    @property
    def _array(self) -> Any:  # type: ignore[override]
        raise self._refusal("the value of")

    @property
    def op(self) -> Any:
        """The operation that makes it."""
        return self._value.op

    @property
    def value_index(self) -> int:
        """Which result of the operation it is."""
        return self._value.index

    @property
    def graph(self) -> Any:
        """The graph that it belongs to."""
        return self._value.op.graph

    @property
    def name(self) -> str:
        """The operation's name with the number of the result, as in "add:0"."""
        return self._value.name

    @property
    def device(self) -> str:
        """Where the operation runs; "" when that is left open."""
        return self._value.op.device

    def consumers(self) -> list[Any]:
        """The operations that take it as an input."""
        return [op for op in self.graph.operations if self._value in op.takes]

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """Run the graph in the default session and return the value as a NumPy array."""
        return self.graph.session(session).run(self, feed_dict)

    def set_shape(self, shape: Any) -> None:
        """Note what is known of the shape otherwise; ValueError where it contradicts."""
        merged = self.shape.merge_with(shape)
        if type(self._shape) is UnknownShape:
            self._value.shape = self._shape if merged.rank is None else opened(merged)
            return
        known = [h if w is None else w for h, w in zip(self._shape, merged, strict=True)]
        self.graph.assumptions += [(h, n) for h, n in zip(self._shape, known) if h != n]
        self._value.shape = tuple(known)

    def contents(self) -> Any:
        """The value as an array of ints and `Size`s, or of numbers where it depends on constants
        alone; None where it depends on more."""
        return known_contents(self._value)

    # in a graph for sessions a tensor is a key of feed_dict: it is equal to itself alone

    def __eq__(self, other: Any) -> Any:
        if not self._value.op.graph.by_session:
            return super().__eq__(other)
        return isinstance(other, SymbolicTensor) and other._value is self._value

    def __ne__(self, other: Any) -> Any:
        return not (self == other) if self._value.op.graph.by_session else super().__ne__(other)

    def __hash__(self) -> int:
        return hash(self._value) if self._value.op.graph.by_session else super().__hash__()

    # what needs a value

    def numpy(self) -> Any:
        """Not defined: there is no value yet."""
        raise NoValueAttribute(self._refused(".numpy() of"))

    def _refused(self, what: str) -> str:
        return (
            f"{what} {self.name!r}, {self.dtype.name}{list(self.shape)}: inside a function or graph"
            " it is symbolic and has no value yet. Use tensor operations, return it from the"
            " function, or call Python code with tf.py_function."
        )

    def _refusal(self, what: str) -> TypeError:
        if not (self.graph.by_session or filled(self.graph)):
            return out_of_scope(self)
        return NoValueError(self._refused(what))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        known = known_contents(self._value)
        if known is not None and known.dtype != object:
            return known.astype(dtype) if dtype is not None else known
        raise self._refusal("Cannot convert to a NumPy array the tensor")

    def __bool__(self) -> bool:
        raise OperatorNotAllowedInGraphError(
            self._refused("Using a symbolic `tf.Tensor` as a Python `bool` is not allowed:")
            + " For a choice write tf.cond(x > 0, f, g) or tf.where; AutoGraph turns `if` and"
            " `while` into that in functions whose source it can read."
        )

    def __len__(self) -> int:
        if self._shape and type(self._shape[0]) is int:
            return self._shape[0]
        raise self._refusal("len() of")

    def __index__(self) -> int:
        known = known_contents(self._value)
        if known is not None and known.shape == () and known.dtype.kind in "iu":
            return int(known)
        raise self._refusal("Python needs the integer")

    def _single(self, use: str) -> Any:
        raise self._refusal(f"{use} of")

    def __format__(self, spec: str) -> str:
        if spec:
            raise self._refusal(f"The format {spec!r} of")
        return str(self)

    def __iter__(self) -> Any:
        if not self._shape or type(self._shape[0]) is not int:
            raise (OpenRowsError if self._shape else OperatorNotAllowedInGraphError)(
                self._refused("Iterating over a symbolic `tf.Tensor` is not allowed:")
                + " Write tf.map_fn, tf.scan or tf.while_loop."
            )
        return iter([self[i] for i in range(self._shape[0])])

    def __str__(self) -> str:
        return f'Tensor("{self.name}", shape={self.shape}, dtype={self.dtype.name})'

    def __repr__(self) -> str:
        return f"<tf.Tensor '{self.name}' shape={self.shape} dtype={self.dtype.name}>"

    def __reduce__(self) -> Any:
        raise self._refusal("Cannot pickle")

    def __dlpack__(self, **options: Any) -> Any:
        raise self._refusal("Cannot export")

    def __getattr__(self, name: str) -> Any:
        hint = NUMPY_METHODS.get(name)
        text = f"'SymbolicTensor' object has no attribute {name!r}."
        raise AttributeError(f"{text} Write {hint}." if hint else text)


class SymbolicPart(Part, SymbolicTensor):
    """`v[key]` in a graph: that part of a variable, which may be assigned to."""

    __slots__ = ("_key", "_variable")


parts[SymbolicTensor] = lambda t: SymbolicPart(t._value, t._node)


def known_contents(value: Value) -> Any:
    """The contents of a value as an array of ints and `Size`s, or of numbers where it depends on
    constants alone; None where it depends on more."""
    if value.contents is None:
        value.contents = value.op.graph.contents(value)
    return None if value.contents is UNKNOWN else value.contents


UNKNOWN = np.empty(0, object)
