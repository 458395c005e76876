"""Functions of matrices: exponential, logarithm, square root.

The derivative of any of them along E stands in the upper right block of the function of the block
matrix [[A, E], [0, A]], and its transpose is the derivative at A^H (N. J. Higham, Functions of
Matrices, SIAM 2008, section 3.2). So one rule serves them all, to every order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradtape.core.dispatch import apply
from gradtape.core.primitive import Primitive, primitive
from gradtape.core.shapes import Spec
from gradtape.ops.assembly import concat, slice_axis
from gradtape.ops.basis import zeros
from gradtape.ops.linalg_checks import square
from gradtape.ops.products import adjoint


def derivative_along(made: Primitive, x: Any, t: Any) -> Any:
    """The derivative of a function of matrices at x along t."""
    rank, n = len(x._shape), x._shape[-1]
    upper = concat([x, t], rank - 1)
    lower = concat([zeros(x._shape, x._dtype), x], rank - 1)
    out = apply(made, (concat([upper, lower], rank - 2),))
    return slice_axis(slice_axis(out, 0, n, rank - 2), n, 2 * n, rank - 1)


def _matrix_function(name: str, kernel: Callable[..., Any]) -> Primitive:
    made = primitive(
        name,
        kernel,
        vjps=[lambda ct, x: derivative_along(made, adjoint(x), ct)],
        jvps=[lambda t, x: derivative_along(made, x, t)],
        batch=lambda mask, x: apply(made, (x,)),
        shape=lambda x: Spec(x._shape, x._dtype),
        kinds="fc",
        family="linalg",
    )
    return made


_expm = _matrix_function("expm", lambda xp, x: xp.matrix_exponential(x))
_sqrtm = _matrix_function("sqrtm", lambda xp, x: xp.matrix_square_root(x))
_logm = _matrix_function("logm", lambda xp, x: xp.matrix_logarithm(x))


def expm(input: Any, name: str | None = None) -> Any:
    """Return the exponentials of square matrices, the sums of x^k / k!.

    Args:
        input: (..., n, n), float32, float64 or complex.
        name: ignored, for compatibility.

    Returns:
        (..., n, n), by scaling and squaring of a Pade approximant.

    Raises:
        InvalidArgumentError: for matrices that are not square.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.expm([[0.0, 1.0], [0.0, 0.0]]).numpy()
        array([[1., 1.],
               [0., 1.]], dtype=float32)
    """
    return apply(_expm, (square(input, "expm"),))


def sqrtm(input: Any, name: str | None = None) -> Any:
    """Return the principal square roots of square matrices.

    Args:
        input: (..., n, n), float32, float64 or complex, without negative eigenvalues if real.
        name: ignored, for compatibility.

    Returns:
        (..., n, n), the roots whose eigenvalues have non-negative real parts.

    Raises:
        InvalidArgumentError: for matrices that are not square or have no such root.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.sqrtm([[4.0, 0.0], [0.0, 9.0]]).numpy()
        array([[2., 0.],
               [0., 3.]], dtype=float32)
    """
    return apply(_sqrtm, (square(input, "sqrtm"),))


def logm(input: Any, name: str | None = None) -> Any:
    """Return the principal logarithms of square matrices.

    Args:
        input: (..., n, n), complex, or real without negative eigenvalues.
        name: ignored, for compatibility.

    Returns:
        (..., n, n), the logarithms whose eigenvalues have imaginary parts between -pi and pi.

    Raises:
        InvalidArgumentError: for matrices that are not square, singular, or without a real
            logarithm where they are real.

    Example:
        >>> import gradtape as tf
        >>> print(f"{tf.linalg.logm([[1.0, 1.0], [0.0, 1.0]])[0, 1]:.4f}")
        1.0000
    """
    return apply(_logm, (square(input, "logm"),))
