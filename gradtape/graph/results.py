"""`Result`: what a traced function returned, as flat tensors and how to replace them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradtape.core.convert import as_tensor
from gradtape.core.errors import brief
from gradtape.core.nest import optree
from gradtape.ops.sparse import IndexedSlices


class Result:
    """The tensors that a function returned, and their structure.

    Args:
        returned: what the function returned.
        name: the function, for errors.

    Attributes:
        tensors: the tensors.
        given: what they were made of, tensors or numbers.
    """

    def __init__(self, returned: Any, name: str) -> None:
        self.tensors: list[Any] = []
        self.given: list[Any] = []
        leaves, self.tree = optree.tree_flatten(returned, none_is_leaf=True)
        self.makers = [self._taken(leaf, name) for leaf in leaves]
        plain = all([make is next for make in self.makers])
        self.single = plain and self.tree.is_leaf()
        self.row = type(returned) if plain and _all_leaves(returned) else None

    def _taken(self, leaf: Any, name: str) -> Callable[[Any], Any]:
        """Take the tensors of a leaf; gives what makes the leaf of results."""
        if leaf is None or isinstance(leaf, str):
            return lambda rest, value=leaf: value
        if isinstance(leaf, IndexedSlices):
            shape = leaf._shape
            self._take([leaf.values, leaf.indices])
            return lambda rest: IndexedSlices(next(rest), next(rest), shape)
        if hasattr(leaf, "as_output"):  # a TensorArray
            tensors, make = leaf.as_output()
            self._take(tensors)
            return lambda rest: make([next(rest) for _ in tensors])
        try:
            self._take([leaf])
        except (TypeError, ValueError):
            raise TypeError(
                f"gradtape.function: {name} must return tensors, numbers, None, or lists, tuples"
                f" and dicts of them, not {brief(leaf)}. Return its tensors, or keep it outside."
            ) from None
        return next

    def _take(self, values: Sequence[Any]) -> None:
        self.tensors += [as_tensor(v, "function") for v in values]
        self.given += values

    def packed(self, tensors: Sequence[Any]) -> Any:
        """Results in the structure that the function returned."""
        if self.single:
            return tensors[0]
        if self.row is not None:
            return self.row(tensors)
        rest = iter(tensors)
        return self.tree.unflatten([make(rest) for make in self.makers])


def _all_leaves(returned: Any) -> bool:
    """Whether a list or tuple holds no other structures."""
    if type(returned) not in (list, tuple):
        return False
    return all([optree.tree_is_leaf(r, none_is_leaf=True) for r in returned])
