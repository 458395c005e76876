"""Products of matrices."""

from __future__ import annotations

from typing import Any

from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.shapes import Spec
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import broadcast_shapes, conj, sum_to, transpose
from gradtape.ops.calls import mixed_dtypes, pair
from gradtape.ops.families import bilinear


def swapped(x: Any) -> Any:
    """x with its last two axes swapped."""
    rank = len(x._shape)
    return transpose(x, (*range(rank - 2), rank - 1, rank - 2))


def adjoint(x: Any) -> Any:
    """The conjugate transpose of the matrices in the last two axes."""
    return conj(swapped(x))


def _batch(mask: Any, a: Any, b: Any) -> Any:
    return matmul(a, b)


_matmul = bilinear(
    "matmul",
    lambda xp, a, b: xp.matmul(a, b),
    lambda ct, b, a_shape: sum_to(matmul(ct, adjoint(b)), a_shape),
    lambda ct, a, b_shape: sum_to(matmul(adjoint(a), ct), b_shape),
    batch=_batch,
    shape=lambda a, b: Spec(
        (*broadcast_shapes(a._shape[:-2], b._shape[:-2]), a._shape[-2], b._shape[-1]), a._dtype
    ),
)


def matmul(a: Any, b: Any) -> Any:
    """Return the product of the matrices in the last two axes."""
    if type(a) is not Tensor or type(b) is not Tensor:
        a, b = pair(a, b, "matmul")
    if a._dtype is not b._dtype and a._dtype != b._dtype:
        raise mixed_dtypes("matmul", a, b)
    return apply(_matmul, (a, b))
