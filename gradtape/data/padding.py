"""What `padded_batch` fills up to, and with."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_array
from gradtape.core.dtypes import from_numpy
from gradtape.core.errors import ConversionError, InvalidArgumentError, brief
from gradtape.core.shapes import TensorShape
from gradtape.core.tensor import Tensor
from gradtape.data.elements import BRANCHES, Element, whole
from gradtape.data.specs import up_to

PADDED_BATCH = "data.Dataset.padded_batch"


class Padding:
    """The shapes and values that a program gave, for elements of any tree."""

    def __init__(self, shapes: Any, values: Any) -> None:
        self._shapes, self._values = shapes, values

    def of(self, element: Element) -> tuple[list[Any], list[Any]]:
        """The padded shape of each place, None where it is the largest of the batch, and the value
        that it is filled with."""
        tree, leaves = element
        shapes = [None] * len(leaves)
        if self._shapes is not None:
            shapes = [_shape(s) for s in self._parts(tree, self._shapes, "padded_shapes")]
        values = [self._values] * len(leaves)
        if isinstance(self._values, BRANCHES):
            values = self._parts(tree, self._values, "padding_values")
        return shapes, [_value(v, leaf) for v, leaf in zip(values, leaves, strict=True)]

    @staticmethod
    def _parts(tree: Any, structure: Any, argument: str) -> list[Any]:
        try:
            return up_to(tree, structure)
        except (ValueError, TypeError):
            marks = whole(tree, ["..."] * (tree if type(tree) is int else tree.num_leaves))
            raise ConversionError(
                f"gradtape.{PADDED_BATCH}: {argument} must be a structure like the elements,"
                f" {marks}, not {brief(structure)}."
            ) from None


def _shape(shape: Any) -> Any:
    if shape is None:
        return None
    if isinstance(shape, (Tensor, np.ndarray)):
        shape = np.asarray(shape).tolist()
    if isinstance(shape, (list, tuple)) and not isinstance(shape, TensorShape):
        shape = [None if n == -1 else n for n in shape]
    made = TensorShape(shape)
    return None if made.rank is None else tuple(made)


def _value(value: Any, leaf: Any) -> Any:
    dtype = getattr(leaf, "dtype", None)
    if dtype is None:
        raise InvalidArgumentError(f"gradtape.{PADDED_BATCH}: {brief(leaf)} cannot be padded.")
    wanted = dtype if isinstance(dtype, np.dtype) else dtype.numpy_dtype
    if value is None:
        return np.zeros((), wanted)[()]
    found = value if isinstance(value, (int, float, bool)) else np.asarray(value)
    try:
        array = np.asarray(as_array(found, wanted, PADDED_BATCH))
    except (TypeError, ValueError):
        raise ConversionError(
            f"gradtape.{PADDED_BATCH}: Invalid `padding_values`. {brief(value)} does not match type"
            f" {from_numpy(wanted).name} of the corresponding input component."
        ) from None
    if array.shape:
        raise InvalidArgumentError(
            f"gradtape.{PADDED_BATCH}: padding_values must be scalars, not {brief(array)}."
        )
    return array[()]
