"""Structures of tensors: nested lists, tuples, named tuples and dicts, by optree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gradtape.core.asked import located
from gradtape.core.errors import brief
from gradtape.core.xp_numpy import Lazy

optree: Any = Lazy("optree")  # 6 ms of the import, and flat lists do without


def flatten(structure: Any, expand_composites: bool = False) -> list[Any]:
    """The leaves of a structure in order; dicts in the order of their sorted keys.

    `expand_composites` changes nothing: there are no composite tensors.

    Example:
        >>> import gradtape as tf
        >>> tf.nest.flatten({"b": 2, "a": [1, (3,)]})
        [1, 3, 2]
    """
    kind = type(structure)
    if hasattr(kind, "is_tensor_like"):
        return [structure]
    if kind is list or kind is tuple:  # the common flat case, several times faster than optree
        if all([hasattr(type(item), "is_tensor_like") for item in structure]):
            return list(structure)
    return optree.tree_leaves(_plain(structure), none_is_leaf=True)


def is_nested(seq: Any) -> bool:
    """Whether a value is a list, tuple, dict or the like, and not a leaf.

    Example:
        >>> import gradtape as tf
        >>> tf.nest.is_nested([1]), tf.nest.is_nested(1)
        (True, False)
    """
    return not optree.tree_is_leaf(_plain(seq), none_is_leaf=True)


def pack_sequence_as(structure: Any, flat_sequence: Any, expand_composites: bool = False) -> Any:
    """The structure with its leaves replaced by those of the sequence, in order.

    Raises:
        ValueError: when there are more or fewer leaves.

    Example:
        >>> import gradtape as tf
        >>> tf.nest.pack_sequence_as({"a": 0, "b": [0]}, [1, 2])
        {'a': 1, 'b': [2]}
    """
    leaves, tree = optree.tree_flatten(_plain(structure), none_is_leaf=True)
    if not isinstance(flat_sequence, Iterable):
        raise TypeError(
            "gradtape.nest.pack_sequence_as: flat_sequence must be a list, not"
            f" {brief(flat_sequence)}."
        )
    flat = list(flat_sequence)
    if len(leaves) != len(flat):
        raise ValueError(
            located(
                f"Structure had {len(leaves)} elements, but flat_sequence had {len(flat)} elements."
            )
        )
    return optree.tree_unflatten(tree, flat)


def map_structure(
    func: Callable[..., Any],
    *structure: Any,
    check_types: bool = True,
    expand_composites: bool = False,
) -> Any:
    """Apply a function to the leaves of structures of one shape.

    Without `check_types` lists and tuples may stand for each other; the result is like the first.

    Example:
        >>> import gradtape as tf
        >>> tf.nest.map_structure(lambda a, b: a + b, [1, (2, 3)], [10, (20, 30)])
        [11, (22, 33)]
    """
    if not structure:
        raise ValueError("gradtape.nest.map_structure: needs at least one structure.")
    if not callable(func):
        raise TypeError(f"gradtape.nest.map_structure: func must be a function, not {brief(func)}.")
    for other in structure[1:]:
        assert_same_structure(structure[0], other, check_types)
    if check_types:
        return optree.tree_map(func, *[_plain(s) for s in structure], none_is_leaf=True)
    return pack_sequence_as(structure[0], map(func, *[flatten(s) for s in structure]))


class StructureError(ValueError, TypeError):
    """Two structures do not nest in the same way."""


def assert_same_structure(
    nest1: Any, nest2: Any, check_types: bool = True, expand_composites: bool = False
) -> None:
    """Raise StructureError, a ValueError and a TypeError, unless two structures nest in one way.

    Without `check_types` lists, tuples and dicts may stand for each other.

    Example:
        >>> import gradtape as tf
        >>> tf.nest.assert_same_structure([1, (2,)], [3, (4,)])
    """
    first = optree.tree_structure(_plain(nest1), none_is_leaf=True)
    second = optree.tree_structure(_plain(nest2), none_is_leaf=True)
    if first != second:
        alike = _alike(nest1, nest2)
        if alike and not check_types:
            return
        raise StructureError(
            located(
                "The two structures don't have the same nested structure.\n"
                f"First: {nest1!r}\nSecond: {nest2!r}"
            )
        )


def _alike(first: Any, second: Any) -> bool:
    """Whether two structures nest in the same way, if lists, tuples and dicts count as one kind."""
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() != second.keys():
        return False
    parts, others = _parts(first), _parts(second)
    if parts is None or others is None:
        return parts is others
    return len(parts) == len(others) and all(map(_alike, parts, others))


def _parts(structure: Any) -> list[Any] | None:
    if isinstance(structure, dict):
        return [structure[key] for key in sorted(structure)]
    return list(structure) if isinstance(structure, (list, tuple)) else None


def _plain(structure: Any) -> Any:
    """Views of a dict as lists, as TensorFlow takes them."""
    if isinstance(structure, (type({}.values()), type({}.keys()))):
        return list(structure)
    return structure
