"""Questions about the order of a tensor's elements, and places of numbered elements."""

from __future__ import annotations

from typing import Any

from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError
from gradtape.core.sizes import larger
from gradtape.ops.basis import INT64, cast, reshape, size_of, zeros
from gradtape.ops.basis import numbers as as_number
from gradtape.ops.calls import wrong_kind
from gradtape.ops.host import validated
from gradtape.ops.joining import stack_axis
from gradtape.ops.reductions import reduce_all
from gradtape.ops.remainders import floordiv, floormod
from gradtape.ops.static import static_shape


def _neighbours(x: Any, function: str) -> tuple[Any, Any]:
    x = as_tensor(x, function)
    flat = reshape(x, (size_of(x._shape),))
    return flat[:-1], flat[1:]


def is_non_decreasing(x: Any, name: str | None = None) -> Any:
    """Return whether no element of x, flattened, is below the one before it.

    Example:
        >>> import gradtape as tf
        >>> bool(tf.math.is_non_decreasing([1, 1, 2]))
        True
    """
    before, after = _neighbours(x, "math.is_non_decreasing")
    return reduce_all(before <= after)


def is_strictly_increasing(x: Any, name: str | None = None) -> Any:
    """Return whether every element of x, flattened, is above the one before it.

    Example:
        >>> import gradtape as tf
        >>> bool(tf.math.is_strictly_increasing([1, 1, 2]))
        False
    """
    before, after = _neighbours(x, "math.is_strictly_increasing")
    return reduce_all(before < after)


def unravel_index(indices: Any, dims: Any, name: str | None = None) -> Any:
    """Return the coordinates (rank, n) of elements that are numbered in row-major order.

    Raises:
        InvalidArgumentError: for a number outside the shape.

    Example:
        >>> import gradtape as tf
        >>> tf.unravel_index([2, 5], [3, 3]).numpy()
        array([[0, 1],
               [2, 2]], dtype=int32)
    """
    numbers = as_tensor(indices, "unravel_index")
    if numbers._dtype.kind not in "iu":
        raise wrong_kind("unravel_index", "iu", numbers)
    shape = static_shape(dims, "unravel_index")
    rest = validated(_test_inside, cast(numbers, INT64), as_number(size_of(shape), INT64))
    places = []
    for size in reversed(shape):
        divisor = as_number(larger(size, 1), INT64)
        places.append(floormod(rest, divisor))
        rest = floordiv(rest, divisor)
    if not places:
        return zeros((0, *numbers._shape), numbers._dtype)
    return cast(stack_axis(places[::-1], 0), numbers._dtype)


def _test_inside(indices: Any, count: Any) -> None:
    if indices.size and not 0 <= indices.min() <= indices.max() < count:
        raise InvalidArgumentError(
            f"gradtape.unravel_index: indices {indices.tolist()} do not lie in a tensor of {count}"
            " elements."
        )
