"""Products of vectors in space and of matrices by blocks: the cross and the Kronecker product."""

from __future__ import annotations

from typing import Any

from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same_shape
from gradtape.ops.assembly import concat, slice_axis
from gradtape.ops.basis import broadcast_shapes, multiply, reshape, subtract
from gradtape.ops.calls import check_pair, pair
from gradtape.ops.static import check_size

REAL = "iufV"
NUMERIC = "iufcV"


def _rolled(x: Any) -> Any:
    """(x0, x1, x2) as (x1, x2, x0)."""
    axis = len(x._shape) - 1
    return concat([slice_axis(x, 1, 3, axis), slice_axis(x, 0, 1, axis)], axis)


def cross(a: Any, b: Any, name: str | None = None) -> Any:
    """Return the cross products of vectors in space.

    Args:
        a: (..., 3), real.
        b: a tensor of the same shape and dtype.
        name: ignored, for compatibility.

    Returns:
        (..., 3).

    Raises:
        InvalidArgumentError: when the shapes or dtypes differ, or the last axis has not size 3.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]).numpy()
        array([0., 0., 1.], dtype=float32)
    """
    a, b = pair(a, b, "cross")
    check_pair("cross", REAL, a, b)
    if not same_shape(a._shape, b._shape) or not same_shape(a._shape[-1:], (3,)):
        raise InvalidArgumentError(
            f"gradtape.cross({brief(a)}, {brief(b)}): both need the same shape (..., 3). "
            "Write tf.broadcast_to(x, shape) for the smaller one."
        )
    return _rolled(subtract(multiply(a, _rolled(b)), multiply(_rolled(a), b)))


def kron(a: Any, b: Any, name: str | None = None) -> Any:
    """Return the Kronecker products of matrices: the matrices of blocks a[i, j] b.

    TensorFlow has it only as a linear operator.

    Args:
        a: (..., m, n), numeric.
        b: (..., p, q) of the same dtype; leading axes broadcast.
        name: ignored.

    Returns:
        (..., m p, n q).

    Raises:
        InvalidArgumentError: for fewer than two axes, and shapes or dtypes that do not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.kron([[1, 2]], [[1], [3]]).numpy()
        array([[1, 2],
               [3, 6]], dtype=int32)
    """
    a, b = pair(a, b, "kron")
    check_pair("kron", NUMERIC, a, b)
    try:
        lead = broadcast_shapes(a._shape[:-2], b._shape[:-2])
    except ValueError:
        lead = None
    if lead is None or len(a._shape) < 2 or len(b._shape) < 2:
        raise InvalidArgumentError(
            f"gradtape.kron({brief(a)}, {brief(b)}): needs matrices in the last two axes, with "
            "leading axes that broadcast. Write x[:, tf.newaxis] for a vector as a column."
        )
    (*first, m, n), (*second, p, q) = a._shape, b._shape
    check_size((*lead, m * p, n * q), "kron", a._dtype.itemsize)
    blocks = multiply(reshape(a, (*first, m, 1, n, 1)), reshape(b, (*second, 1, p, 1, q)))
    return reshape(blocks, (*lead, m * p, n * q))
