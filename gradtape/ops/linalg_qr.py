"""QR factorisation.

The derivative takes Q^H dA R^-1 apart into an antihermitian and an upper triangular part; wide
matrices split off the columns beyond the square (S. F. Walter and L. Lehmann, Algorithmic
differentiation of linear algebra functions with application in optimum experimental design, 2010).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gradtape.core.dispatch import apply
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import smaller
from gradtape.ops.assembly import concat, pad_axis, slice_axis
from gradtape.ops.basis import (
    add,
    negative,
    subtract,
)
from gradtape.ops.linalg_checks import matrices
from gradtape.ops.linalg_cholesky import divided_right, real_diagonal
from gradtape.ops.linalg_diagonals import (
    lower_part,
    upper_part,
)
from gradtape.ops.products import adjoint as adjoint_of
from gradtape.ops.products import product


class Qr(NamedTuple):
    """The factors that `tf.linalg.qr` returns."""

    q: Any
    r: Any


def columns(x: Any, start: int, stop: int) -> Any:
    """Columns start to stop of matrices."""
    return slice_axis(x, start, stop, len(x._shape) - 1)


def rows_of(x: Any, start: int, stop: int) -> Any:
    """Rows start to stop of matrices."""
    return slice_axis(x, start, stop, len(x._shape) - 2)


def _mirrored(x: Any) -> Any:
    """The Hermitian matrix with the upper triangle of x, and the real part of its diagonal."""
    upper = upper_part(x, 1)
    return add(add(upper, adjoint_of(upper)), real_diagonal(x))


def _tall_vjp(ct_q: Any, ct_r: Any, q: Any, r: Any) -> Any:
    """For A = Q R with R square: (ct_q + Q herm(ct_r R^H - Q^H ct_q)) R^-H."""
    k, m = r._shape[-1], q._shape[-1]
    first, ct_first = (q, ct_q) if m == k else (columns(q, 0, k), columns(ct_q, 0, k))
    square_r, ct_r = (r, ct_r) if m == k else (rows_of(r, 0, k), rows_of(ct_r, 0, k))
    inner = product(ct_r, adjoint_of(square_r))
    inner = _mirrored(subtract(inner, product(adjoint_of(first), ct_first)))
    total = add(ct_first, product(first, inner))
    if m > k:  # the further columns of a full Q turn against the first ones
        rest, ct_rest = columns(q, k, m), columns(ct_q, k, m)
        total = subtract(total, product(rest, product(adjoint_of(ct_rest), first)))
    return divided_right(total, square_r, lower=False, adjoint=True)


def _qr_vjp(ct: Any, x: Any, out: Any) -> list[Any]:
    (ct_q, ct_r), (q, r) = ct, out
    m, n = r._shape[-2:]
    if m >= n:
        return [_tall_vjp(ct_q, ct_r, q, r)]
    rest, ct_rest = columns(x, m, n), columns(ct_r, m, n)
    ct_q = add(ct_q, product(rest, adjoint_of(ct_rest)))
    left = _tall_vjp(ct_q, columns(ct_r, 0, m), q, columns(r, 0, m))
    return [concat([left, product(q, ct_rest)], len(r._shape) - 1)]


def _tall_jvp(t: Any, q: Any, r: Any) -> tuple[Any, Any]:
    k, m = r._shape[-1], q._shape[-1]
    first, square_r = (q, r) if m == k else (columns(q, 0, k), rows_of(r, 0, k))
    scaled = divided_right(t, square_r, lower=False, adjoint=False)
    inner = product(adjoint_of(first), scaled)
    turned = add(upper_part(inner, 1), real_diagonal(inner))
    turned = add(turned, adjoint_of(lower_part(inner, -1)))
    moved_q, moved_r = subtract(scaled, product(first, turned)), product(turned, square_r)
    if m > k:
        rest = columns(q, k, m)
        away = product(adjoint_of(rest), scaled)
        moved_rest = negative(product(first, adjoint_of(away)))
        moved_q = concat([moved_q, moved_rest], len(q._shape) - 1)
        moved_r = pad_axis(moved_r, 0, m - k, len(r._shape) - 2)
    return moved_q, moved_r


def _qr_jvp(tangents: Any, x: Any, out: Any) -> list[Any]:
    (t,), (q, r) = tangents, out
    m, n = r._shape[-2:]
    if m >= n:
        return list(_tall_jvp(t, q, r))
    moved_q, left = _tall_jvp(columns(t, 0, m), q, columns(r, 0, m))
    right = product(adjoint_of(moved_q), columns(x, m, n))
    right = add(right, product(adjoint_of(q), columns(t, m, n)))
    return [moved_q, concat([left, right], len(r._shape) - 1)]


def _qr_shape(x: Any, full: bool) -> tuple[Spec, Spec]:
    *lead, m, n = x._shape
    inner = m if full else smaller(m, n)
    return Spec((*lead, m, inner), x._dtype), Spec((*lead, inner, n), x._dtype)


_qr = primitive(
    "qr",
    lambda xp, x, *, full: xp.qr_parts(x, full),
    joint_vjp=_qr_vjp,
    joint_jvp=_qr_jvp,
    batch=lambda mask, x, full: apply(_qr, (x,), {"full": full}),
    shape=_qr_shape,
    several=True,
    kinds="fc",
    family="linalg",
)


def qr(input: Any, full_matrices: bool = False, name: str | None = None) -> Qr:
    """Factorise matrices: x = Q R with orthonormal columns of Q and an upper triangle R.

    Args:
        input: (..., m, n), float32, float64 or complex; differentiating needs independent columns
            (the first m ones of a wide matrix).
        full_matrices: whether Q is square; then the columns beyond n are some basis of the rest,
            and only functions that do not depend on the choice have a meaningful derivative.
        name: ignored, for compatibility.

    Returns:
        A named tuple: `q` (..., m, k) and `r` (..., k, n), where k is m if full, else min(m, n).

    Raises:
        InvalidArgumentError: for fewer than two axes; in the derivative, for dependent columns.

    Example:
        >>> import gradtape as tf
        >>> q, r = tf.linalg.qr([[3.0], [4.0]])
        >>> print(f"{abs(r[0, 0]):.4f}")
        5.0000
    """
    q, r = apply(_qr, (matrices(input, "qr"),), {"full": bool(full_matrices)})
    return Qr(q, r)
