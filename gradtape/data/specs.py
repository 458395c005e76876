"""What is known of elements before they are there: specs of leaves, and of functions' results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradtape.core.dtypes import from_numpy
from gradtape.core.shapes import TensorShape, TensorSpec
from gradtape.core.tensor import Tensor
from gradtape.data.elements import Element, mapped, parts, whole
from gradtape.graph.function import function as recorded


class TextSpec:
    """What is known of strings: their shape."""

    def __init__(self, shape: Any) -> None:
        self.shape = TensorShape(shape)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextSpec) and self.shape == other.shape

    def __hash__(self) -> int:
        return hash(self.shape)

    def __repr__(self) -> str:
        return f"TextSpec(shape={self.shape})"


class DatasetSpec:
    """What is known of a dataset that is an element of another one: the spec of its elements.

    Example:
        >>> import gradtape as tf
        >>> tf.data.Dataset.range(4).window(2).element_spec
        DatasetSpec(TensorSpec(shape=(), dtype=tf.int64, name=None), TensorShape([]))
    """

    def __init__(self, element_spec: Any, dataset_shape: Any = ()) -> None:
        self.element_spec = element_spec
        self.dataset_shape = TensorShape(dataset_shape)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DatasetSpec) and self.element_spec == other.element_spec

    def __hash__(self) -> int:
        return hash(str(self.element_spec))

    def __repr__(self) -> str:
        return f"DatasetSpec({self.element_spec!r}, {self.dataset_shape!r})"


def spec_of_leaf(leaf: Any) -> Any:
    """The spec of a leaf that is there."""
    if isinstance(leaf, str):
        return TextSpec(())
    if hasattr(leaf, "as_plan"):
        return DatasetSpec(leaf.element_spec)
    if isinstance(leaf, (np.ndarray, np.generic)):
        if leaf.dtype.kind in "US":
            return TextSpec(leaf.shape)
        return TensorSpec(leaf.shape, from_numpy(leaf.dtype))
    return leaf


def with_shape(spec: Any, shape: Any) -> Any:
    """The spec with another shape."""
    if isinstance(spec, TensorSpec):
        return TensorSpec(shape, spec.dtype)
    return TextSpec(shape) if isinstance(spec, TextSpec) else spec


def batched(spec: Any, size: int | None) -> Any:
    """The spec of so many leaves along a new first axis."""
    shape = getattr(spec, "shape", None)
    return spec if shape is None else with_shape(spec, TensorShape([size]).concatenate(shape))


def all_open(spec: Any) -> Any:
    """The spec with open sizes."""
    shape = getattr(spec, "shape", None)
    return spec if shape is None or shape.rank is None else with_shape(spec, [None] * len(shape))


def unbatched(spec: Any) -> Any:
    """The spec of what lies along the first axis."""
    shape = getattr(spec, "shape", None)
    return spec if shape is None or shape.rank is None else with_shape(spec, shape[1:])


def merged(first: Any, second: Any) -> Any:
    """The spec that both specs fit, None where their dtypes differ."""
    if type(first) is not type(second) or getattr(first, "dtype", 0) != getattr(second, "dtype", 0):
        return None
    if not hasattr(first, "shape"):
        return first if first == second else None
    one, other = first.shape, second.shape
    if one.rank is None or one.rank != other.rank:
        return with_shape(first, None)
    return with_shape(first, [a if a == b else None for a, b in zip(one, other, strict=True)])


def up_to(tree: Any, structure: Any) -> list[Any]:
    """The parts of a structure that stand where a tree has its leaves; ValueError otherwise."""
    if tree is None:
        return [structure]
    if type(tree) is int:
        if not isinstance(structure, tuple) or len(structure) != tree:
            raise ValueError(f"no tuple of length {tree}")
        return list(structure)
    return tree.flatten_up_to(structure)


def of_function(
    call: Callable[..., Any], element: Element, look: Callable[[], Element], unpacked: bool
) -> Element:
    """The specs of what a function returns for elements of these specs.

    The function is recorded, as `tf.function` does; where it cannot be, because it looks at values,
    `look` calls it once for a first element, and sizes are open.
    """
    try:
        made = recorded(call).get_concrete_function(*_arguments(element, unpacked))
        value = made.structured_outputs
        if isinstance(value, list):
            value = tuple(value)
        tree, leaves = parts(value)
        return tree, [_of_output(leaf) for leaf in leaves]
    except Exception:
        return mapped(loose_spec, look())


def _arguments(element: Element, unpacked: bool) -> Sequence[Any]:
    """The specs as arguments of the function; TypeError where there is no recording with them."""
    if not all(
        [isinstance(spec, TensorSpec) and spec.shape.rank is not None for spec in element[1]]
    ):
        raise TypeError("not only tensors")
    value = whole(*element)
    return value if unpacked and type(value) is tuple else [value]


def _of_output(leaf: Any) -> Any:
    if isinstance(leaf, Tensor):
        return TensorSpec(leaf.shape, leaf.dtype)
    if isinstance(leaf, list):  # a list is a tensor
        items = [_of_output(item) for item in leaf]
        if items and all([item == items[0] for item in items]):
            return batched(items[0], len(items))
    elif leaf is None:
        return leaf
    raise TypeError("no tensor")


def loose_spec(leaf: Any) -> Any:
    """What one leaf tells of all: its dtype and the number of its axes."""
    return all_open(spec_of_leaf(leaf))
