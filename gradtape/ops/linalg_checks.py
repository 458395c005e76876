"""What the functions of linear algebra ask of their arguments, and how they say so."""

from __future__ import annotations

from typing import Any

from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same
from gradtape.ops.basis import broadcast_shapes
from gradtape.ops.calls import mixed_dtypes, pair


def check_dtype(x: Any, function: str) -> None:
    """Raise unless LAPACK knows the dtype: float32, float64, complex64 or complex128."""
    if x._dtype.kind not in "fc" or x._dtype.itemsize < 4:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): needs float32, float64, complex64 or complex128. "
            "Write tf.cast(x, tf.float32)."
        )


def matrices(x: Any, function: str) -> Any:
    """x as a tensor of matrices in the last two axes."""
    x = as_tensor(x, function)
    check_dtype(x, function)
    if len(x._shape) < 2:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): needs matrices in the last two axes. "
            "Write x[:, tf.newaxis] for a vector as a column."
        )
    return x


def square(x: Any, function: str) -> Any:
    """x as a tensor of square matrices in the last two axes."""
    x = matrices(x, function)
    rows, columns = x._shape[-2:]
    if not same(rows, columns):
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): Input matrix must be square. "
            "Use tf.linalg.lstsq, tf.linalg.pinv or tf.linalg.svd for others."
        )
    return x


def system(matrix: Any, rhs: Any, function: str) -> tuple[Any, Any]:
    """A matrix and right sides: of one dtype, with as many rows, leading axes that broadcast."""
    matrix, rhs = pair(matrix, rhs, function)
    if matrix._dtype != rhs._dtype:
        raise mixed_dtypes(function, matrix, rhs)
    matrix = matrices(matrix, function)
    if len(rhs._shape) < 2:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(matrix)}, {brief(rhs)}): the right side must have "
            "columns. Write rhs[:, tf.newaxis] for a vector."
        )
    if not same(matrix._shape[-2], rhs._shape[-2]):
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(matrix)}, {brief(rhs)}): {matrix._shape[-2]} rows of the "
            f"matrix do not fit {rhs._shape[-2]} rows of the right side."
        )
    try:
        broadcast_shapes(matrix._shape[:-2], rhs._shape[:-2])
    except ValueError:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(matrix)}, {brief(rhs)}): the leading axes do not "
            "broadcast. Reshape one, for instance with tf.expand_dims."
        ) from None
    return matrix, rhs


def square_system(matrix: Any, rhs: Any, function: str) -> tuple[Any, Any]:
    """A square matrix with right sides that fit it."""
    matrix, rhs = pair(matrix, rhs, function)
    return system(square(matrix, function), rhs, function)
