"""Diagonals and bands of matrices: the operations, which are transposes of each other."""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import Any

import numpy as np

from gradtape.core.dispatch import apply
from gradtape.core.shapes import Spec
from gradtape.core.sizes import larger, smaller
from gradtape.ops.families import linear

ALIGNMENTS = ("RIGHT_LEFT", "LEFT_RIGHT", "LEFT_LEFT", "RIGHT_RIGHT")
NUMERIC = "iufcV"


def diagonal_length(k: int, rows: int, columns: int) -> int:
    """The number of elements of the k-th diagonal."""
    return larger(0, smaller(rows + min(k, 0), columns - max(k, 0)))


def longest_diagonal(k: tuple[int, int], rows: int, columns: int) -> int:
    """The number of elements of the longest of the diagonals."""
    return reduce(larger, [diagonal_length(d, rows, columns) for d in range(k[0], k[1] + 1)])


@lru_cache(maxsize=256)
def packed_places(k: tuple[int, int], rows: int, columns: int, align: str) -> tuple[Any, ...]:
    """Rows and columns of the elements of diagonals, and their rows and places when packed.

    Packed, the uppermost diagonal comes first; shorter ones lie at the left or right end of a row.
    """
    longest = longest_diagonal(k, rows, columns)
    upper_left, lower_left = align.split("_")[0] == "LEFT", align.split("_")[1] == "LEFT"
    parts = []
    for row, d in enumerate(range(k[1], k[0] - 1, -1)):
        length = diagonal_length(d, rows, columns)
        steps = np.arange(length)
        start = 0 if (upper_left if d >= 0 else lower_left) else longest - length
        parts.append((steps - min(d, 0), steps + max(d, 0), np.full(length, row), steps + start))
    return (*[np.concatenate(p) for p in zip(*parts, strict=True)], longest)


def _put(xp: Any, x: Any, *, k: tuple[int, int], rows: int, columns: int, align: str) -> Any:
    i, j, row, place, _ = packed_places(k, rows, columns, align)
    x = xp.asarray(x)
    values = x[..., place] if k[0] == k[1] else x[..., row, place]
    lead = x.shape[:-1] if k[0] == k[1] else x.shape[:-2]
    return xp.at_set(xp.zeros((*lead, rows, columns), x.dtype), (..., i, j), values)


def _take(xp: Any, x: Any, *, k: tuple[int, int], align: str) -> Any:
    rows, columns = x.shape[-2:]
    if k[0] == k[1]:
        return xp.diagonal(x, k[0], -2, -1)
    i, j, row, place, longest = packed_places(k, rows, columns, align)
    packed = xp.zeros((*x.shape[:-2], k[1] - k[0] + 1, longest), x.dtype)
    return xp.at_set(packed, (..., row, place), x[..., i, j])


def taken_shape(x: Any, k: tuple[int, int], align: str) -> Spec:
    """Shape and dtype of packed diagonals."""
    rows, columns = x._shape[-2:]
    longest = longest_diagonal(k, rows, columns)
    bands = () if k[0] == k[1] else (k[1] - k[0] + 1,)
    return Spec((*x._shape[:-2], *bands, longest), x._dtype)


_matrix_diag = linear(
    "matrix_diag",
    _put,
    lambda ct, k, align: take_diagonals(ct, k, align),
    batch=lambda mask, x, k, rows, columns, align: put_diagonals(x, k, rows, columns, align),
    shape=lambda x, k, rows, columns, align: Spec(
        (*x._shape[: -1 if k[0] == k[1] else -2], rows, columns), x._dtype
    ),
)
_matrix_diag_part = linear(
    "matrix_diag_part",
    _take,
    lambda ct, x_shape, k, align: put_diagonals(ct, k, x_shape[-2], x_shape[-1], align),
    batch=lambda mask, x, k, align: take_diagonals(x, k, align),
    shape=taken_shape,
)


def put_diagonals(
    x: Any, k: tuple[int, int], rows: int, columns: int, align: str = ALIGNMENTS[0]
) -> Any:
    """Matrices with packed diagonals k[0] to k[1], zero elsewhere."""
    return apply(_matrix_diag, (x,), {"k": k, "rows": rows, "columns": columns, "align": align})


def take_diagonals(x: Any, k: tuple[int, int] = (0, 0), align: str = ALIGNMENTS[0]) -> Any:
    """The diagonals k[0] to k[1] of matrices, packed, with zeros at unused places."""
    return apply(_matrix_diag_part, (x,), {"k": k, "align": align})


def on_diagonal(x: Any) -> Any:
    """Square matrices with the vectors in the last axis of x on their diagonals."""
    n = x._shape[-1]
    return put_diagonals(x, (0, 0), n, n)


def _band(xp: Any, x: Any, *, low: int, high: int, inside: bool) -> Any:
    rows, columns = x.shape[-2:]
    offset = xp.arange(columns)[None, :] - xp.arange(rows)[:, None]
    kept = (offset >= low) & (offset <= high)
    return xp.where(kept if inside else ~kept, x, xp.zeros((), x.dtype))


_band_part = linear(
    "band_part",
    _band,
    lambda ct, low, high, inside: masked_band(ct, low, high, inside),
    batch=lambda mask, x, low, high, inside: masked_band(x, low, high, inside),
    shape=lambda x, low, high, inside: Spec(x._shape, x._dtype),
)
FAR = 2**31


def masked_band(x: Any, low: int, high: int, inside: bool = True) -> Any:
    """Matrices with only the diagonals `low` to `high` kept, or with only these set to zero."""
    return apply(_band_part, (x,), {"low": low, "high": high, "inside": inside})


def lower_part(x: Any, k: int = 0) -> Any:
    """The diagonals up to the k-th."""
    return masked_band(x, -FAR, k)


def upper_part(x: Any, k: int = 0) -> Any:
    """The diagonals from the k-th."""
    return masked_band(x, k, FAR)
