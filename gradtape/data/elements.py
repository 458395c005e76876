"""Elements: what flows through a pipeline, a tree and its leaves.

A leaf is a NumPy array (a NumPy scalar where there are no axes), None, a string, or a dataset (a
window). The tree is None for a single leaf, a number for a flat tuple of so many leaves, and
optree's for everything else. Tuples and dicts are structures; a list is a tensor, as in
TensorFlow's pipelines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradtape.core.convert import as_array
from gradtape.core.errors import brief, wrong_type
from gradtape.core.nest import optree
from gradtape.core.tensor import Tensor

Element = tuple[Any, Sequence[Any]]
BRANCHES = (tuple, dict)
ARRAYS = (np.ndarray, np.generic)


def parts(value: Any) -> Element:
    """A structure as its tree and its leaves, which stay what they are."""
    if not isinstance(value, BRANCHES):
        return None, [value]
    if type(value) is tuple and not any([isinstance(v, BRANCHES) for v in value]):
        return len(value), list(value)
    leaves, tree = optree.tree_flatten(value, is_leaf=_is_leaf, none_is_leaf=True)
    return tree, leaves


def _is_leaf(value: Any) -> bool:
    return not isinstance(value, BRANCHES)


def whole(tree: Any, leaves: Sequence[Any]) -> Any:
    """The structure of a tree with these leaves."""
    if tree is None:
        return leaves[0]
    if type(tree) is int:
        return tuple(leaves)
    return optree.tree_unflatten(tree, leaves)


def mapped(function: Callable[[Any], Any], element: Element) -> Element:
    """The element with a function applied to its leaves."""
    tree, leaves = element
    return tree, [function(leaf) for leaf in leaves]


def leaf_of(value: Any, function: str) -> Any:
    """A value of a program as a leaf: tensors as their arrays, arrays copied."""
    if isinstance(value, Tensor):
        return value._array
    if value is None or isinstance(value, str) or hasattr(value, "as_plan"):
        return value
    if hasattr(value, "__tf_tensor__"):
        return value.__tf_tensor__()._array
    if not isinstance(value, (np.ndarray, np.generic)) and hasattr(value, "__array__"):
        value = np.asarray(value)  # a frame, a series, a tensor of another library: their own dtype
    if isinstance(value, (list, tuple)) and _words(value):
        value = np.asarray(value)
    if isinstance(value, np.ndarray) and (value.dtype.kind in "US" or _words(value.flat)):
        return value.astype(str) if value.dtype.kind == "O" else value.copy()
    return as_array(value, None, function)


def _words(values: Any) -> bool:
    """Whether there is a string among the first values of a nested list."""
    for value in values:
        return _words(value) if isinstance(value, (list, tuple)) else isinstance(value, str)
    return False


def element_of(value: Any, function: str) -> Element:
    """A structure of values of a program as an element."""
    if isinstance(value, Tensor):
        return None, [value._array]
    tree, leaves = parts(value)
    return tree, [
        leaf._array if isinstance(leaf, Tensor) else leaf_of(leaf, function) for leaf in leaves
    ]


def shown(leaf: Any) -> Any:
    """A leaf as the program sees it: numbers as a tensor, anything else as it is."""
    if isinstance(leaf, ARRAYS) and leaf.dtype.kind not in "US":
        return Tensor(leaf)
    return leaf


def value_of(element: Element) -> Any:
    """An element as the program sees it, a structure of tensors."""
    tree, leaves = element
    if tree is None:
        return shown(leaves[0])
    return whole(tree, [shown(leaf) for leaf in leaves])


def numpy_of(element: Element) -> Any:
    """An element as a structure of NumPy values that cannot be written to."""
    return whole(*mapped(_read_only, element))


def _read_only(leaf: Any) -> Any:
    if not isinstance(leaf, np.ndarray):
        return leaf.as_numpy_iterator() if hasattr(leaf, "as_plan") else leaf
    view = leaf.view()
    view.flags.writeable = False
    return view


def scalar_bool(value: Any, function: str, argument: str) -> bool:
    """What a predicate returned, or TypeError."""
    found = value._array if isinstance(value, Tensor) else value
    if isinstance(found, (bool, np.bool_)):
        return bool(found)
    if isinstance(found, np.ndarray) and found.shape == () and found.dtype.kind == "b":
        return bool(found)
    raise wrong_type(function, f"the result of {argument}", "a scalar of dtype bool", value)


def described(element: Element) -> str:
    """An element in a few words, for errors."""
    tree, leaves = element
    words = [brief(leaf) for leaf in leaves]
    return words[0] if tree is None else f"({', '.join(words)})"
