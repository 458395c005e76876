"""Least squares, and linear systems by conjugate gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import (
    add,
    cast,
    conj,
    multiply,
    real,
    real_dtype,
    safe_divide,
    subtract,
    sum_axes,
    zeros,
)
from gradtape.ops.choosing import select
from gradtape.ops.linalg_checks import check_dtype, system
from gradtape.ops.linalg_cholesky import cholesky
from gradtape.ops.linalg_solving import solve_with_triangle
from gradtape.ops.linalg_svd import pinv
from gradtape.ops.powers import sqrt
from gradtape.ops.products import adjoint, matvec, product
from gradtape.ops.static import static_float, static_int
from gradtape.ops.stepwise import greater


def _normal_solve(gram: Any, rhs: Any, regularizer: Any) -> Any:
    """The solution for a positive definite matrix with a multiple of the identity added."""
    one = Tensor(np.eye(gram._shape[-1], dtype=gram._dtype))
    factor = cholesky(add(gram, multiply(one, regularizer)))
    return solve_with_triangle(factor, solve_with_triangle(factor, rhs), adjoint=True)


def lstsq(
    matrix: Any,
    rhs: Any,
    l2_regularizer: Any = 0.0,
    fast: bool = True,
    name: str | None = None,
) -> Any:
    """Return the x that makes |matrix x - rhs|^2 + l2_regularizer |x|^2 smallest.

    Args:
        matrix: (..., m, n), float32, float64 or complex.
        rhs: (..., m, k) of the same dtype.
        l2_regularizer: a non-negative number; it makes matrices without full rank solvable.
        fast: whether to solve the normal equations by Cholesky's factorisation, which doubles the
            lost digits; else the pseudoinverse is used, for matrices of any rank, and the
            regularizer is not.
        name: ignored, for compatibility.

    Returns:
        (..., n, k); of several solutions the one with the smallest norm.

    Raises:
        InvalidArgumentError: for shapes or dtypes that do not fit; if fast, for matrices without
            full rank.

    Example:
        >>> import gradtape as tf
        >>> print(f"{tf.linalg.lstsq([[1.0], [1.0]], [[1.0], [2.0]])[0, 0]:.4f}")
        1.5000
    """
    matrix, rhs = system(matrix, rhs, "lstsq")
    weight = as_tensor_like(l2_regularizer, real_dtype(matrix._dtype), "lstsq")
    if weight._shape:
        raise InvalidArgumentError(
            f"gradtape.lstsq: l2_regularizer must be one number, not {brief(weight)}."
        )
    if not fast:
        return product(pinv(matrix), rhs)
    weight = cast(weight, matrix._dtype)
    back = adjoint(matrix)
    if matrix._shape[-2] >= matrix._shape[-1]:
        return _normal_solve(product(back, matrix), product(back, rhs), weight)
    return product(back, _normal_solve(product(matrix, back), rhs, weight))


class CgState(NamedTuple):
    """What conjugate gradients end with: steps, solution, residual, direction, r . M r."""

    i: Any
    x: Any
    r: Any
    p: Any
    gamma: Any


def conjugate_gradient(
    operator: Any,
    rhs: Any,
    preconditioner: Any = None,
    x: Any = None,
    tol: float = 1e-05,
    max_iter: int = 20,
    name: str | None = "conjugate_gradient",
) -> CgState:
    """Solve a linear system of a Hermitian positive definite operator by conjugate gradients.

    Args:
        operator: a tensor (n, n), or an object with a method `matvec(x)` that is differentiable.
        rhs: (n,), float32, float64 or complex.
        preconditioner: an operator near the inverse, or None.
        x: (n,) the start, zero by default.
        tol: stop when the norm of the residual is at most tol times that of the right side.
        max_iter: stop after so many steps.
        name: ignored, for compatibility.

    Returns:
        A named tuple (i, x, r, p, gamma): steps done, solution, residual, last direction, r . M r.

    Raises:
        InvalidArgumentError: when the right side is no vector.

    Example:
        >>> import gradtape as tf
        >>> state = tf.linalg.experimental.conjugate_gradient([[4.0, 1.0], [1.0, 3.0]], [1.0, 2.0])
        >>> print(state.x.numpy().round(4))
        [0.0909 0.6364]
    """
    function = "conjugate_gradient"
    rhs = as_tensor(rhs, function)
    check_dtype(rhs, function)
    if len(rhs._shape) != 1:
        raise InvalidArgumentError(
            f"gradtape.conjugate_gradient: the right side must be a vector, not {brief(rhs)}. "
            "Write one call for each column."
        )
    start = zeros(rhs._shape, rhs._dtype) if x is None else x
    x = as_tensor_like(start, rhs._dtype, function)
    residual = subtract(rhs, _applied(operator, x))
    turned = _applied(preconditioner, residual)
    state = CgState(Tensor(np.int32(0)), x, residual, turned, _inner(residual, turned))
    limit = multiply(static_float(tol, function, "tol"), _length(rhs))
    for _ in range(static_int(max_iter, function, "max_iter")):
        going = greater(_length(state.r), limit)
        if not going.concrete:  # values come later: steps that are not needed change nothing
            further = _step(operator, preconditioner, state)
            state = CgState(*[select(going, a, b) for a, b in zip(further, state, strict=True)])
        elif going:
            state = _step(operator, preconditioner, state)
        else:
            break
    return state


def _step(operator: Any, preconditioner: Any, state: CgState) -> CgState:
    """One step of the method."""
    image = _applied(operator, state.p)
    length = safe_divide(state.gamma, _inner(state.p, image))
    x = add(state.x, multiply(length, state.p))
    residual = subtract(state.r, multiply(length, image))
    turned = _applied(preconditioner, residual)
    gamma = _inner(residual, turned)
    p = add(turned, multiply(safe_divide(gamma, state.gamma), state.p))
    return CgState(add(state.i, 1), x, residual, p, gamma)


def _length(x: Any) -> Any:
    return sqrt(real(_inner(x, x)))


def _applied(operator: Any, x: Any) -> Any:
    if operator is None:
        return x
    return operator.matvec(x) if hasattr(operator, "matvec") else matvec(operator, x)


def _inner(x: Any, y: Any) -> Any:
    return sum_axes(multiply(conj(x), y), (0,))
