"""Singular values and vectors, and what is built on them: pseudoinverse, rank.

Derivatives: M. B. Giles, Collected Matrix Derivative Results (2008); complex vectors, whose phases
are free: Z. Wan and S. Zhang, Automatic differentiation for complex valued SVD (2019);
pseudoinverse: G. H. Golub and V. Pereyra, The differentiation of pseudo-inverses (1973).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dispatch import apply
from gradtape.core.nothing import STEPWISE
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import larger, smaller
from gradtape.ops.assembly import concat
from gradtape.ops.basis import (
    add,
    broadcast_to,
    cast,
    multiply,
    negative,
    numbers,
    real,
    real_dtype,
    reshape,
    subtract,
    sum_axes,
)
from gradtape.ops.linalg_checks import matrices
from gradtape.ops.linalg_cholesky import half
from gradtape.ops.linalg_diagonals import masked_band, on_diagonal, take_diagonals
from gradtape.ops.linalg_qr import columns
from gradtape.ops.linalg_spectra import (
    as_column,
    as_row,
    inverse_gaps,
    inverse_values,
    scaled_columns,
)
from gradtape.ops.products import adjoint as adjoint_of
from gradtape.ops.products import product
from gradtape.ops.stepwise import greater


def _values_shape(x: Any) -> Spec:
    return Spec((*x._shape[:-2], smaller(*x._shape[-2:])), real_dtype(x._dtype))


def _svdvals_vjp(ct: Any, x: Any) -> Any:
    _, u, v = singular_parts(x, False)
    return product(scaled_columns(u, ct), adjoint_of(v))


def _svdvals_jvp(t: Any, x: Any) -> Any:
    _, u, v = singular_parts(x, False)
    return real(take_diagonals(product(product(adjoint_of(u), t), v)))


_svdvals = primitive(
    "svdvals",
    lambda xp, x: xp.singular_values(x),
    vjps=[_svdvals_vjp],
    jvps=[_svdvals_jvp],
    batch=lambda mask, x: singular_values(x),
    shape=_values_shape,
    kinds="fc",
    family="linalg",
)


def singular_values(x: Any) -> Any:
    """The singular values of matrices, largest first."""
    return apply(_svdvals, (x,))


def _weights(s: Any, dtype: Any) -> Any:
    """1 / (s[j]^2 - s[i]^2), zero where the two are equal to rounding."""
    sums = add(as_column(s), as_row(s))
    return cast(multiply(inverse_gaps(s), inverse_values(sums)), dtype)


def _skew(x: Any) -> Any:
    return subtract(x, adjoint_of(x))


def _split(x: Any, k: int) -> tuple[Any, Any]:
    """The first k columns, and the others or None."""
    n = x._shape[-1]
    return (x, None) if n == k else (columns(x, 0, k), columns(x, k, n))


def _outside(q: Any, rest: Any, given: Any, given_rest: Any) -> Any:
    """The part of the cotangent of q that leaves the space of its columns.

    Where further columns complete q to a basis, they turn against it.
    """
    if rest is None:
        return subtract(given, product(q, product(adjoint_of(q), given)))
    inner = subtract(product(adjoint_of(rest), given), product(adjoint_of(given_rest), q))
    return product(rest, inner)


def _phases(x: Any, s: Any) -> Any:
    """The imaginary diagonal over 2 s: what the free phases of complex vectors contribute."""
    return scaled_columns(half(half(_skew(masked_band(x, 0, 0)))), inverse_values(s))


def _svd_vjp(ct: Any, out: Any) -> list[Any]:
    ct_s, ct_u, ct_v = ct
    s, u, v = out
    k, m, n = s._shape[-1], u._shape[-2], v._shape[-2]
    (u, u_rest), (v, v_rest) = _split(u, k), _split(v, k)
    (ct_u, ct_u_rest), (ct_v, ct_v_rest) = _split(ct_u, k), _split(ct_v, k)
    dtype = u._dtype
    weights = _weights(s, dtype)
    of_u, of_v = product(adjoint_of(u), ct_u), product(adjoint_of(v), ct_v)
    inner = add(
        scaled_columns(multiply(_skew(of_u), weights), s),
        multiply(cast(as_column(s), dtype), multiply(_skew(of_v), weights)),
    )
    inner = add(inner, on_diagonal(cast(ct_s, dtype)))
    if dtype.kind == "c":
        inner = add(inner, _phases(subtract(of_u, of_v), s))
    total = product(product(u, inner), adjoint_of(v))
    back = inverse_values(s)
    if m > k:
        left = scaled_columns(_outside(u, u_rest, ct_u, ct_u_rest), back)
        total = add(total, product(left, adjoint_of(v)))
    if n > k:
        right = scaled_columns(_outside(v, v_rest, ct_v, ct_v_rest), back)
        total = add(total, product(u, adjoint_of(right)))
    return [total]


def _turned(q: Any, rest: Any, inside: Any, moved: Any, back: Any) -> Any:
    """The tangent of vectors: within their space, and out of it."""
    change = product(q, inside)
    if moved is None:
        return change
    scaled = scaled_columns(moved, back)
    if rest is None:
        return add(change, subtract(scaled, product(q, product(adjoint_of(q), scaled))))
    away = product(adjoint_of(rest), scaled)
    change = add(change, product(rest, away))
    return concat([change, negative(product(q, adjoint_of(away)))], len(q._shape) - 1)


def _svd_jvp(tangents: Any, out: Any) -> list[Any]:
    t, (s, u, v) = tangents[0], out
    k, m, n = s._shape[-1], u._shape[-2], v._shape[-2]
    (u, u_rest), (v, v_rest) = _split(u, k), _split(v, k)
    tv, tu = product(t, v), product(adjoint_of(t), u)
    inner = product(adjoint_of(u), tv)
    dtype = u._dtype
    weights = _weights(s, dtype)
    right, left = scaled_columns(inner, s), multiply(cast(as_column(s), dtype), inner)
    in_u = multiply(add(right, adjoint_of(right)), weights)
    in_v = multiply(add(left, adjoint_of(left)), weights)
    if dtype.kind == "c":
        free = _phases(inner, s)
        in_u, in_v = add(in_u, free), subtract(in_v, free)
    back = inverse_values(s)
    return [
        real(take_diagonals(inner)),
        _turned(u, u_rest, in_u, tv if m > k else None, back),
        _turned(v, v_rest, in_v, tu if n > k else None, back),
    ]


def _svd_shape(x: Any, full: bool) -> tuple[Spec, Spec, Spec]:
    *lead, m, n = x._shape
    k = smaller(m, n)
    u = Spec((*lead, m, m if full else k), x._dtype)
    v = Spec((*lead, n, n if full else k), x._dtype)
    return _values_shape(x), u, v


_svd = primitive(
    "svd",
    lambda xp, x, *, full: xp.svd_parts(x, full),
    joint_vjp=_svd_vjp,
    joint_jvp=_svd_jvp,
    batch=lambda mask, x, full: singular_parts(x, full),
    shape=_svd_shape,
    several=True,
    kinds="fc",
    family="linalg",
)


def singular_parts(x: Any, full: bool) -> Any:
    """Singular values, left and right singular vectors."""
    return apply(_svd, (x,), {"full": full})


def svd(
    tensor: Any, full_matrices: bool = False, compute_uv: bool = True, name: str | None = None
) -> Any:
    """Return the singular value decomposition: tensor = u diag(s) v^H.

    Args:
        tensor: (..., m, n), float32, float64 or complex.
        full_matrices: whether u and v are square.
        compute_uv: whether to return u and v.
        name: ignored, for compatibility.

    Returns:
        s (..., k), real, largest first, where k = min(m, n), followed by u (..., m, k) and
        v (..., n, k), or square ones. Signs (phases) of vectors, and the basis beyond k, are
        arbitrary; the gradient of a function that depends on them means nothing.

    Raises:
        InvalidArgumentError: for fewer than two axes, or values that are not finite.

    Example:
        >>> import gradtape as tf
        >>> s, u, v = tf.linalg.svd([[3.0, 0.0], [0.0, 4.0]])
        >>> s.numpy()
        array([4., 3.], dtype=float32)
    """
    x = matrices(tensor, "svd")
    return singular_parts(x, bool(full_matrices)) if compute_uv else singular_values(x)


# pseudoinverse


def _pinv_kernel(xp: Any, x: Any, rcond: Any) -> Any:
    s, u, v = xp.svd_parts(x, False)
    limit = xp.asarray(rcond)[..., None] * xp.max(s, axis=-1, keepdims=True, initial=0.0)
    kept = s > limit
    back = xp.where(kept, 1 / xp.where(kept, s, xp.ones((), s.dtype)), xp.zeros((), s.dtype))
    return xp.matmul(v * back[..., None, :].astype(x.dtype), xp.conj(xp.swapaxes(u, -1, -2)))


def _without(x: Any, projection: Any) -> Any:
    return subtract(x, product(projection, x))


def _pinv_vjp(ct: Any, x: Any, out: Any) -> Any:
    back, turned = adjoint_of(out), adjoint_of(ct)
    total = negative(product(product(back, ct), back))
    left = product(product(turned, out), back)
    right = product(product(back, out), turned)
    total = add(total, _without(left, product(x, out)))
    return add(total, subtract(right, product(product(right, out), x)))


def _pinv_jvp(t: Any, x: Any, out: Any) -> Any:
    back, turned = adjoint_of(out), adjoint_of(t)
    total = negative(product(product(out, t), out))
    left = product(product(out, back), turned)
    right = product(product(turned, back), out)
    total = add(total, subtract(left, product(product(left, x), out)))
    return add(total, _without(right, product(out, x)))


def _pinv_batch(mask: Any, x: Any, rcond: Any) -> Any:
    if mask[1]:
        missing = len(x._shape) - mask[0] - 1 - len(rcond._shape)
        rcond = reshape(rcond, (rcond._shape[0], *[1] * max(missing, 0), *rcond._shape[1:]))
    if not mask[0]:
        x = broadcast_to(x, (rcond._shape[0], *x._shape))
    return pseudoinverse(x, rcond)


_pinv = primitive(
    "pinv",
    _pinv_kernel,
    vjps=[_pinv_vjp, STEPWISE],
    jvps=[_pinv_jvp, STEPWISE],
    batch=_pinv_batch,
    shape=lambda x, rcond: Spec((*x._shape[:-2], x._shape[-1], x._shape[-2]), x._dtype),
    kinds="fc",
    family="linalg",
)


def pseudoinverse(x: Any, rcond: Any) -> Any:
    """The pseudoinverses; singular values below rcond times the largest count as zero."""
    return apply(_pinv, (x, rcond))


def pinv(a: Any, rcond: Any = None, validate_args: bool = False, name: str | None = None) -> Any:
    """Return the pseudoinverses of Moore and Penrose.

    Args:
        a: (..., m, n), float32, float64 or complex.
        rcond: singular values below rcond times the largest count as zero; a number or a tensor of
            shape (...); by default 10 max(m, n) eps.
        validate_args, name: ignored: arguments are always checked.

    Returns:
        (..., n, m). The derivative is that along directions that keep the rank.

    Raises:
        InvalidArgumentError: for fewer than two axes, or values that are not finite.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.pinv([[2.0, 0.0], [0.0, 0.0]]).numpy()
        array([[0.5, 0. ],
               [0. , 0. ]], dtype=float32)
    """
    x = matrices(a, "pinv")
    dtype = real_dtype(x._dtype)
    if rcond is None:
        rcond = multiply(numbers(larger(*x._shape[-2:]), dtype), 10 * np.finfo(dtype).eps)
    rcond = as_tensor_like(rcond, dtype, "pinv")
    return pseudoinverse(x, cast(rcond, dtype))


def matrix_rank(
    a: Any, tol: Any = None, validate_args: bool = False, name: str | None = None
) -> Any:
    """Count the singular values above a tolerance.

    Args:
        a: (..., m, n), float32, float64 or complex.
        tol: the tolerance, a number or a tensor of shape (...); by default max(m, n) eps times the
            largest singular value.
        validate_args, name: ignored: arguments are always checked.

    Returns:
        (...), int32.

    Raises:
        InvalidArgumentError: for fewer than two axes, or values that are not finite.

    Example:
        >>> import gradtape as tf
        >>> int(tf.linalg.matrix_rank([[1.0, 2.0], [2.0, 4.0]]))
        1
    """
    x = matrices(a, "matrix_rank")
    s = singular_values(x)
    last = len(s._shape) - 1
    if s._shape[-1] == 0:
        return cast(sum_axes(s, (last,)), np.dtype(np.int32))
    if tol is None:
        eps = multiply(numbers(larger(*x._shape[-2:]), s._dtype), np.finfo(s._dtype).eps)
        limit = multiply(columns(s, 0, 1), eps)
    else:
        limit = cast(as_tensor(tol, "matrix_rank"), s._dtype)
        limit = reshape(limit, (*limit._shape, 1))
    return sum_axes(cast(greater(s, limit), np.dtype(np.int32)), (last,))
