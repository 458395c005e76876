"""`where`: choosing between two tensors element by element, and the coordinates of what is true."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import STEPWISE
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import unknown_size
from gradtape.ops.basis import batch_elementwise, broadcast_shapes, zeros
from gradtape.ops.calls import mixed_dtypes, pair
from gradtape.ops.host import one_shape_for_all

INT64 = np.dtype(np.int64)


def _zero(like: Any) -> Any:
    return zeros((), like._dtype)


_select = primitive(
    "where",
    lambda xp, condition, x, y: xp.where(condition, x, y),
    vjps=[
        STEPWISE,
        lambda ct, condition: select(condition, ct, _zero(ct)),
        lambda ct, condition: select(condition, _zero(ct), ct),
    ],
    jvps=[
        STEPWISE,
        lambda t, condition: select(condition, t, _zero(t)),
        lambda t, condition: select(condition, _zero(t), t),
    ],
    batch=batch_elementwise(lambda condition, x, y: select(condition, x, y)),
    shape=lambda condition, x, y: Spec(
        broadcast_shapes(condition._shape, x._shape, y._shape), x._dtype
    ),
    broadcasts=True,
    family="choice",
)


def select(condition: Any, x: Any, y: Any) -> Any:
    """x where the boolean tensor is true and y elsewhere; all three broadcast, x and y have one
    dtype.
    """
    return apply(_select, (condition, x, y))


_nonzero = primitive(
    "nonzero",
    lambda xp, x: np.argwhere(x),
    batch=one_shape_for_all("where"),
    shape=lambda x: Spec((unknown_size(), len(x._shape)), INT64),
    host=True,
    differentiable=False,
    family="indexing",
)


def nonzero(x: Any) -> Any:
    """The coordinates (n, rank) of the elements that are true or not zero, in order, int64."""
    return apply(_nonzero, (x,))


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Any:
    """Return x where the condition is true and y elsewhere; without x and y, the coordinates of
    what is true.

    The derivative goes to the chosen elements alone; an infinite slope in the other branch does no
    harm, because rules with singular points give zero for a zero cotangent.

    Args:
        condition: bool (or, without x and y, any numeric) tensor.
        x: a tensor that broadcasts with `condition` and `y`, of any dtype.
        y: the same, of the dtype of x.

    Raises:
        ValueError: when only one of x and y is given.
        InvalidArgumentError: when the condition is not bool, the shapes do not broadcast or the
            dtypes differ.

    Example:
        >>> import gradtape as tf
        >>> tf.where([True, False], [1.0, 2.0], 0.0).numpy()
        array([1., 0.], dtype=float32)
        >>> tf.where([0, 5, 7]).numpy()
        array([[1],
               [2]])
    """
    condition = as_tensor(condition, "where")
    if x is None and y is None:
        if not condition._shape:
            raise InvalidArgumentError(
                f"gradtape.where({brief(condition)}): the coordinates of a scalar do not exist. "
                "Give x and y, or reshape the condition to [1]."
            )
        return nonzero(condition)
    if x is None or y is None:
        raise ValueError(
            "gradtape.where: x and y must both be non-None or both be None. Write "
            "tf.where(condition, x, y)."
        )
    if condition._dtype.kind != "b":
        raise InvalidArgumentError(
            f"gradtape.where: the condition is {brief(condition)} but bool is needed. Write "
            "condition != 0."
        )
    x, y = pair(x, y, "where")
    if x._dtype != y._dtype:
        raise mixed_dtypes("where", x, y)
    return select(condition, x, y)
