"""Diagonals of matrices under their public names: take, put, replace; bands, traces, identities."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like, known
from gradtape.core.dtypes import as_dtype, float32
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import larger, open_sizes, same, same_shape
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import add, broadcast_to, cast, multiply, places, reshape, size_of, sum_axes
from gradtape.ops.calls import mixed_dtypes
from gradtape.ops.linalg_diagonals import (
    ALIGNMENTS,
    FAR,
    longest_diagonal,
    masked_band,
    on_diagonal,
    packed_places,
    put_diagonals,
    take_diagonals,
    taken_shape,
)
from gradtape.ops.products import with_matrices
from gradtape.ops.static import check_size, static, static_int, static_items, static_shape
from gradtape.ops.stepwise import equal


def band_part(input: Any, num_lower: Any, num_upper: Any, name: str | None = None) -> Any:
    """Set everything outside a band around the diagonal to zero.

    Args:
        input: (..., m, n).
        num_lower: the number of subdiagonals to keep; negative keeps all.
        num_upper: the number of superdiagonals to keep; negative keeps all.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for fewer than two axes, or numbers beyond the matrix.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.band_part([[1, 2], [3, 4]], 0, -1).numpy()
        array([[1, 2],
               [0, 4]], dtype=int32)
    """
    x = with_matrices(input, "band_part")
    limits = []
    for value, size, argument in zip(
        (num_lower, num_upper), x._shape[-2:], ("num_lower", "num_upper"), strict=True
    ):
        number = static_int(value, "band_part", argument)
        if size is not None and number > size:
            raise InvalidArgumentError(
                f"gradtape.band_part({brief(x)}): {argument} is {number} but there are {size} "
                "of them at most. Write -1 to keep all."
            )
        limits.append(max(number, -1))
    low, high = limits
    return masked_band(x, -FAR if low < 0 else -low, FAR if high < 0 else high)


def diag(
    diagonal: Any,
    name: str | None = "diag",
    k: Any = 0,
    num_rows: Any = -1,
    num_cols: Any = -1,
    padding_value: Any = 0,
    align: str = "RIGHT_LEFT",
) -> Any:
    """Make matrices from their diagonals.

    Args:
        diagonal: (..., length), or (..., number of diagonals, longest length), uppermost first.
        name: ignored, for compatibility.
        k: the number of the diagonal, or (lowest, highest); 0 is the main one, positive above it.
        num_rows, num_cols: the size of the matrices; -1: as small as possible.
        padding_value: what stands elsewhere.
        align: at which end shorter diagonals lie, those above the main one first: RIGHT_LEFT,
            LEFT_RIGHT, LEFT_LEFT or RIGHT_RIGHT.

    Returns:
        (..., num_rows, num_cols).

    Raises:
        InvalidArgumentError: when k, the sizes and the shape of `diagonal` contradict each other.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.diag([1, 2], k=1).numpy()
        array([[0, 1, 0],
               [0, 0, 2],
               [0, 0, 0]], dtype=int32)
    """
    x = as_tensor(diagonal, "diag")
    k, align = _bands(k, "diag"), _alignment(align, "diag")
    needed = 1 if k[0] == k[1] else 2
    if len(x._shape) < needed or (needed == 2 and not same(x._shape[-2], k[1] - k[0] + 1)):
        raise InvalidArgumentError(
            f"gradtape.diag({brief(x)}, k={k}): needs the shape (..., length) for one diagonal and "
            "(..., number of diagonals, length) for several."
        )
    rows = static_int(num_rows, "diag", "num_rows")
    columns = static_int(num_cols, "diag", "num_cols")
    rows, columns = _matrix_size(x, k, rows, columns)
    check_size((*x._shape[:-needed], rows, columns), "diag", x._dtype.itemsize)
    made = put_diagonals(x, k, rows, columns, align)
    return _padded(made, padding_value, Tensor(_outside(k, rows, columns)), "diag")


def _matrix_size(x: Any, k: tuple[int, int], rows: int, columns: int) -> tuple[int, int]:
    """The size of the matrices: what is not given is as small as the diagonals allow."""
    length = x._shape[-1]
    least_rows, least_columns = length - min(k[1], 0), length + max(k[0], 0)
    if rows == -1 and columns == -1:
        rows = columns = larger(least_rows, least_columns)
    rows = least_rows if rows == -1 else rows
    columns = least_columns if columns == -1 else columns
    longest = longest_diagonal(k, rows, columns)
    if rows < 0 or columns < 0 or not same(longest, length):
        raise InvalidArgumentError(
            f"gradtape.diag({brief(x)}, k={k}): a matrix of shape ({rows}, {columns}) has "
            f"diagonals of length {longest} there, not {length}. Leave num_rows and num_cols out, "
            f"or give at least num_rows={least_rows} and num_cols={least_columns}, one exactly."
        )
    return rows, columns


def _outside(k: tuple[int, int], rows: int, columns: int) -> Any:
    offset = np.arange(columns)[None, :] - np.arange(rows)[:, None]
    return (offset < k[0]) | (offset > k[1])


def _padded(x: Any, padding: Any, unused: Any, function: str) -> Any:
    """x with the padding value at unused places, where it holds zeros."""
    padding = as_tensor_like(padding, x._dtype, function)
    if padding._dtype != x._dtype:
        raise mixed_dtypes(function, x, padding)
    if padding.concrete and padding._node is None and padding._shape == () and not padding._array:
        return x
    return add(x, multiply(Tensor(np.asarray(unused).astype(x._dtype)), padding))


def _bands(k: Any, function: str) -> tuple[int, int]:
    """The lowest and highest diagonal."""
    items = static(k, function, "k")
    items = items if isinstance(items, list) else [items]
    numbers = [static_int(n, function, "k") for n in items]
    if len(numbers) not in (1, 2) or numbers[0] > numbers[-1]:
        raise InvalidArgumentError(
            f"gradtape.{function}: k must be one number or (lowest, highest), not {items}."
        )
    return numbers[0], numbers[-1]


def _alignment(align: Any, function: str) -> str:
    if align not in ALIGNMENTS:
        raise InvalidArgumentError(
            f"gradtape.{function}: align must be one of {', '.join(ALIGNMENTS)}, not {align!r}."
        )
    return align


def _check_bands(x: Any, k: tuple[int, int], function: str) -> None:
    rows, columns = x._shape[-2:]
    for number in k:
        if not (-rows < number < columns or number == 0):
            raise InvalidArgumentError(
                f"gradtape.{function}({brief(x)}): diagonal {number} is out of range; k must lie "
                f"between {1 - rows} and {columns - 1}."
            )


def diag_part(
    input: Any,
    name: str | None = "diag_part",
    k: Any = 0,
    padding_value: Any = 0,
    align: str = "RIGHT_LEFT",
) -> Any:
    """Return diagonals of matrices.

    Args:
        input: (..., m, n).
        name: ignored, for compatibility.
        k: the number of the diagonal, or (lowest, highest); 0 is the main one, positive above it.
        padding_value: what stands behind or before shorter diagonals.
        align: at which end shorter diagonals lie, see `tf.linalg.diag`.

    Returns:
        (..., length), or (..., number of diagonals, longest length) for several, uppermost first.

    Raises:
        InvalidArgumentError: when a diagonal does not exist.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.diag_part([[1, 2], [3, 4]]).numpy()
        array([1, 4], dtype=int32)
    """
    x = with_matrices(input, "diag_part")
    k, align = _bands(k, "diag_part"), _alignment(align, "diag_part")
    _check_bands(x, k, "diag_part")
    taken = take_diagonals(x, k, align)
    if k[0] == k[1]:
        return taken
    _, _, row, place, longest = packed_places(k, x._shape[-2], x._shape[-1], align)
    unused = np.ones((k[1] - k[0] + 1, longest), np.bool_)
    unused[row, place] = False
    return _padded(taken, padding_value, unused, "diag_part")


def set_diag(
    input: Any,
    diagonal: Any,
    name: str | None = "set_diag",
    k: Any = 0,
    align: str = "RIGHT_LEFT",
) -> Any:
    """Return matrices with diagonals replaced.

    Args:
        input: (..., m, n).
        diagonal: (..., length), or (..., number of diagonals, longest length), of the same dtype.
        name: ignored, for compatibility.
        k: the number of the diagonal, or (lowest, highest).
        align: at which end shorter diagonals lie, see `tf.linalg.diag`.

    Raises:
        InvalidArgumentError: when the shapes do not fit or a diagonal does not exist.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.set_diag([[1, 2], [3, 4]], [8, 9]).numpy()
        array([[8, 2],
               [3, 9]], dtype=int32)
    """
    x = with_matrices(input, "set_diag")
    diagonal = as_tensor_like(diagonal, x._dtype, "set_diag")
    if diagonal._dtype != x._dtype:
        raise mixed_dtypes("set_diag", x, diagonal)
    k, align = _bands(k, "set_diag"), _alignment(align, "set_diag")
    _check_bands(x, k, "set_diag")
    rows, columns = x._shape[-2:]
    wanted = taken_shape(x, k, align)._shape
    if not same_shape(diagonal._shape, wanted):
        raise InvalidArgumentError(
            f"gradtape.set_diag({brief(x)}, {brief(diagonal)}, k={k}): the diagonal must have the "
            f"shape {wanted}."
        )
    return add(masked_band(x, k[0], k[1], False), put_diagonals(diagonal, k, rows, columns, align))


def tensor_diag(diagonal: Any, name: str | None = None) -> Any:
    """Make a tensor of twice the axes with `diagonal` on its diagonal: out[i, j, i, j] = x[i, j].

    Args:
        diagonal: (n, m, ...).
        name: ignored, for compatibility.

    Returns:
        (n, m, ..., n, m, ...).

    Raises:
        InvalidArgumentError: for a tensor without axes, or one that memory cannot hold.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.tensor_diag([1, 2]).numpy()
        array([[1, 0],
               [0, 2]], dtype=int32)
    """
    x = as_tensor(diagonal, "tensor_diag")
    if not x._shape:
        raise InvalidArgumentError(
            f"gradtape.tensor_diag({brief(x)}): needs at least one axis. Write [x] for a 1 x 1 "
            "matrix."
        )
    check_size((*x._shape, *x._shape), "tensor_diag", x._dtype.itemsize)
    flat = on_diagonal(reshape(x, (size_of(x._shape),)))
    return reshape(flat, (*x._shape, *x._shape))


def tensor_diag_part(input: Any, name: str | None = None) -> Any:
    """Return the diagonal of a tensor whose axes come twice: out[i, j] = x[i, j, i, j].

    Args:
        input: (n, m, ..., n, m, ...).
        name: ignored, for compatibility.

    Returns:
        (n, m, ...).

    Raises:
        InvalidArgumentError: when the second half of the shape differs from the first.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.tensor_diag_part([[1, 2], [3, 4]]).numpy()
        array([1, 4], dtype=int32)
    """
    x = as_tensor(input, "tensor_diag_part")
    half = len(x._shape) // 2
    shape = x._shape[:half]
    if half == 0 or not same_shape(x._shape, (*shape, *shape)):
        raise InvalidArgumentError(
            f"gradtape.tensor_diag_part({brief(x)}): the second half of the axes must equal the "
            "first. Write tf.linalg.diag_part(x) for the diagonals of the last two axes."
        )
    n = size_of(shape)
    return reshape(take_diagonals(reshape(x, (n, n))), shape)


def trace(x: Any, name: str | None = None) -> Any:
    """Return the sum of the main diagonals of matrices.

    Args:
        x: (..., m, n), numeric.
        name: ignored, for compatibility.

    Returns:
        (...).

    Raises:
        InvalidArgumentError: for fewer than two axes.

    Example:
        >>> import gradtape as tf
        >>> int(tf.linalg.trace([[1, 2], [3, 4]]))
        5
    """
    diagonal = take_diagonals(with_matrices(x, "trace"))
    return sum_axes(diagonal, (len(diagonal._shape) - 1,))


def eye(
    num_rows: Any,
    num_columns: Any = None,
    batch_shape: Any = None,
    dtype: Any = float32,
    name: str | None = None,
) -> Any:
    """Make identity matrices.

    Args:
        num_rows: the number of rows.
        num_columns: the number of columns, that of the rows by default.
        batch_shape: the axes before the matrix.
        dtype: the dtype.
        name: ignored, for compatibility.

    Returns:
        batch_shape + (num_rows, num_columns).

    Raises:
        InvalidArgumentError: for negative sizes.

    Example:
        >>> import gradtape as tf
        >>> tf.eye(2).numpy()
        array([[1., 0.],
               [0., 1.]], dtype=float32)
    """
    wanted = as_dtype(dtype).numpy_dtype
    columns = num_rows if num_columns is None else num_columns
    lead = [] if batch_shape is None else static_items(batch_shape, "eye", "batch_shape")
    shape = static_shape([*lead, num_rows, columns], "eye", wanted)
    if not open_sizes(shape):
        return known(np.array(np.broadcast_to(np.eye(*shape[-2:], dtype=wanted), shape)), name)
    rows, columns = reshape(places(shape[-2]), (shape[-2], 1)), places(shape[-1])
    return broadcast_to(cast(equal(rows, columns), wanted), shape)
