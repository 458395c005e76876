"""What a session is asked for and what it is fed: structures of fetches, and feeds by tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gradtape.core.convert import as_array
from gradtape.core.dtypes import from_numpy
from gradtape.core.errors import brief
from gradtape.core.nest import optree
from gradtape.core.shapes import TensorShape
from gradtape.core.sizes import Size
from gradtape.core.tensor import Tensor
from gradtape.core.unranked import UnknownShape
from gradtape.graph.graph import Graph, Operation
from gradtape.graph.symbolic import SymbolicTensor, Value
from gradtape.graph.variables import GraphVariable
from gradtape.ops.sparse import IndexedSlices


class IndexedSlicesValue(NamedTuple):
    """What a session gives for an `IndexedSlices`: its parts as NumPy arrays.

    Example:
        >>> import gradtape as tf
        >>> tf.compat.v1.IndexedSlicesValue._fields
        ('values', 'indices', 'dense_shape')
    """

    values: Any
    indices: Any
    dense_shape: Any


class Question:
    """Something that a session answers itself, without running operations.

    Args:
        graph: the graph that it belongs to.
        name: its name.
        answer: a function of the session.
    """

    def __init__(self, graph: Graph, name: str, answer: Callable[[Any], Any]) -> None:
        self.graph = graph
        self.name = name
        self.answer = answer

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """The answer of a session, by default the one that is entered."""
        return self.graph.session(session).run(self, feed_dict)


class Fetches:
    """A structure of fetches, flat.

    Attributes:
        values: the values that are wanted.
        operations: the operations that are to be run.
    """

    def __init__(self, graph: Graph, fetches: Any) -> None:
        self.graph = graph
        self.values: list[Value] = []
        self.operations: list[Operation] = []
        leaves, self._tree = optree.tree_flatten(fetches, is_leaf=_is_leaf, none_is_leaf=True)
        self._makers = [self._taken(leaf) for leaf in leaves]

    def packed(self, session: Any, arrays: Iterator[Any]) -> Any:
        """The results in the structure of the fetches."""
        return self._tree.unflatten([make(session, arrays) for make in self._makers])

    def _taken(self, leaf: Any) -> Callable[[Any, Iterator[Any]], Any]:
        if isinstance(leaf, str):
            leaf = self._named(leaf)
        if isinstance(leaf, Tensor) and leaf.concrete:
            return lambda session, arrays: leaf.numpy()
        if isinstance(leaf, IndexedSlices):
            self.values += [self._own(leaf.values)._value, self._own(leaf.indices)._value]
            shape = leaf._shape
            return lambda session, arrays: IndexedSlicesValue(next(arrays), next(arrays), shape)
        if isinstance(leaf, Question):
            return lambda session, arrays: self._own(leaf).answer(session)
        if isinstance(leaf, Operation):
            self.operations.append(self._own(leaf))
            return lambda session, arrays: None
        if isinstance(leaf, GraphVariable):
            leaf = leaf.handle
        elif hasattr(leaf, "__tf_tensor__"):
            return lambda session, arrays: np.array(leaf)
        if not isinstance(leaf, SymbolicTensor):
            raise TypeError(
                f"Argument `fetch` = {leaf!r} has invalid type {type(leaf).__name__!r}. Must be a"
                " string or Tensor: fetch tensors, variables, operations or their names."
            )
        self.values.append(self._own(leaf)._value)
        return lambda session, arrays: next(arrays)

    def _named(self, name: str) -> Any:
        try:
            return self.graph.as_graph_element(name)
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"Fetch argument {name!r} cannot be interpreted as a Tensor. ({error.args[0]})"
            ) from None

    def _own(self, leaf: Any) -> Any:
        if leaf.graph is not self.graph:
            raise ValueError(
                f"Fetch argument {leaf!r} cannot be interpreted as a Tensor: it is not an element"
                " of this session's graph. Make the session with"
                " tf.compat.v1.Session(graph=tensor.graph)."
            )
        return leaf


def _is_leaf(value: Any) -> bool:
    return isinstance(value, IndexedSlices)


class Feeds:
    """What is fed: arrays by value, and arrays for variables.

    Args:
        graph: the session's graph.
        feed_dict: arrays by tensor, variable or name.
    """

    def __init__(self, graph: Graph, feed_dict: Any) -> None:
        self.arrays: dict[Value, Any] = {}
        self.variables: dict[int, Tensor] = {}
        if feed_dict is None:
            return
        if not hasattr(feed_dict, "items"):
            raise TypeError(
                f"feed_dict must be a dictionary from tensors to values, not {brief(feed_dict)}."
            )
        for key, value in feed_dict.items():
            self._feed(graph, key, value)

    def _feed(self, graph: Graph, key: Any, value: Any) -> None:
        if isinstance(key, str):
            key = _element(graph, key)
        if isinstance(key, GraphVariable):
            self.variables[id(key)] = Tensor(fed_array(key.handle, value))
            return
        if not isinstance(key, SymbolicTensor):
            raise TypeError(
                f"Cannot interpret feed_dict key as Tensor: {brief(key)}. Feed tensors of the"
                " graph: feed_dict={x: value}."
            )
        if key.graph is not graph:
            raise TypeError(
                f"Cannot interpret feed_dict key as Tensor: {key!r} is not an element of this"
                " session's graph."
            )
        variable = key.op.params.get("variable")
        if isinstance(variable, GraphVariable) and variable.op is key.op:
            self.variables[id(variable)] = Tensor(fed_array(key, value))
        else:
            self.arrays[key._value] = fed_array(key, value)


def _element(graph: Graph, name: str) -> Any:
    try:
        return graph.as_graph_element(name)
    except (KeyError, ValueError) as error:
        raise TypeError(f"Cannot interpret feed_dict key as Tensor: {error.args[0]}") from None


def fed_array(key: SymbolicTensor, value: Any) -> Any:
    """A value as an array for a tensor of this shape and dtype."""
    if isinstance(value, Tensor) and not value.concrete:
        raise TypeError(
            "The value of a feed cannot be a tf.Tensor object. Acceptable feed values include"
            " Python scalars, lists and NumPy arrays. For reference, the tensor object was"
            f" {value!r} and it was passed to the feed with key {key!r}."
        )
    wanted = key._dtype
    array = np.asarray(value) if hasattr(value, "__array__") else None
    if array is None or array.dtype == object:
        array = np.asarray(as_array(value, None if array is None else wanted, "Session.run"))
    array = _converted(array, wanted, key, value)
    if type(key._shape) is not UnknownShape and not _fits(array.shape, key._shape):
        raise ValueError(
            f"Cannot feed value of shape {array.shape} for Tensor {key.name!r}, which has shape"
            f" {TensorShape(key._shape)}. Reshape the value, or leave sizes open in the"
            " placeholder."
        )
    return array if array.ndim else array[()]


def _converted(array: Any, wanted: Any, key: SymbolicTensor, value: Any) -> Any:
    """An array in another dtype, when nothing but digits is lost."""
    if array.dtype == wanted:
        return np.array(array)
    found = None
    if (
        np.can_cast(array.dtype, wanted, "same_kind")
        or wanted.kind == "V"
        or (array.dtype.kind in "fiu" and wanted.kind in "iu" and np.isfinite(array).all())
    ):
        found = array.astype(wanted)
    whole = wanted.kind in "iu" and array.dtype.kind != "b"
    if found is None or (whole and not np.array_equal(found, array)):
        raise TypeError(
            f"Type of feed value {brief(value)} is not compatible with Tensor {key.name!r} of type"
            f" {from_numpy(wanted).name}. Convert the value, or declare the placeholder with"
            " another dtype."
        )
    return found


def _fits(shape: tuple[int, ...], declared: Any) -> bool:
    return len(shape) == len(declared) and all(
        type(n) is Size or n == have for have, n in zip(shape, declared, strict=True)
    )
