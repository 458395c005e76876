"""Products of matrices and vectors: matmul, matvec, and the transposes that they run on.

A matrix product costs one call of BLAS. Transposes are views that BLAS reads as they lie; where one
factor is a single matrix and the other a stack of them, the stack is folded into one large matrix,
and so is its cotangent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply, explained, record_two
from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.primitive import TENSOR
from gradtape.core.quick import quick
from gradtape.core.shapes import Spec
from gradtape.core.sizes import same
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.core.xp_numpy import restore, silence, xp
from gradtape.ops.basis import align, broadcast_shapes, cast, conj, reshape, size_of, transpose
from gradtape.ops.calls import mixed_dtypes, pair, short_cut, wrong_kind
from gradtape.ops.families import bilinear

NUMERIC = "iufcV"


def swapped(x: Any) -> Any:
    """x with its last two axes swapped."""
    rank = len(x._shape)
    return transpose(x, (*range(rank - 2), rank - 1, rank - 2))


def adjoint(matrix: Any, name: str | None = None) -> Any:
    """Return the conjugate transpose of the matrices in the last two axes.

    Args:
        matrix: (..., m, n).
        name: ignored, for compatibility.

    Returns:
        (..., n, m).

    Raises:
        InvalidArgumentError: for fewer than two axes.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.adjoint([[1 + 2j, 3j]]).numpy()
        array([[1.-2.j],
               [0.-3.j]])
    """
    return conj(swapped(with_matrices(matrix, "adjoint")))


def matrix_transpose(a: Any, name: str | None = "matrix_transpose", conjugate: bool = False) -> Any:
    """Return the matrices in the last two axes transposed, conjugated as well on demand.

    Args:
        a: (..., m, n).
        name: ignored, for compatibility.
        conjugate: whether to conjugate too, as `tf.linalg.adjoint`.

    Returns:
        (..., n, m).

    Raises:
        InvalidArgumentError: for fewer than two axes.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.matrix_transpose([[1, 2, 3]]).shape
        TensorShape([3, 1])
    """
    a = swapped(with_matrices(a, "matrix_transpose"))
    return conj(a) if conjugate else a


def with_matrices(x: Any, function: str) -> Any:
    """x as a tensor of at least two axes, or InvalidArgumentError."""
    x = as_tensor(x, function)
    if len(x._shape) < 2:
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}): needs matrices in the last two axes. "
            "Write x[:, tf.newaxis] for a vector as a column."
        )
    return x


NARROW = 8  # columns of a stack of outer products from which on NumPy is faster than BLAS


def _product(xp: Any, a: Any, b: Any) -> Any:
    if quick is not None and (found := quick.product(a, b)) is not None:
        return found
    if xp.name == "numpy":
        kind, size = a.dtype.kind, a.dtype.itemsize
        if size == 2 and kind in "fV":
            return _product(xp, a.astype(np.float32), b.astype(np.float32)).astype(a.dtype)
        if kind in "iu" and a.size * b.shape[-1] > 2**14 and _exact_in_double(a, b):
            wide = _product(xp, a.astype(np.float64), b.astype(np.float64))
            return wide.astype(np.int64).astype(a.dtype)
        if a.shape[-1] == 1 and max(a.ndim, b.ndim) > 2 and not 1 < b.shape[-1] < NARROW:
            return a * b  # BLAS is called for each matrix
    return xp.dot(a, b) if a.ndim == 2 and b.ndim == 2 else xp.matmul(a, b)


def _exact_in_double(a: Any, b: Any) -> bool:
    """Whether all sums stay below 2**53, so that BLAS may multiply integers, 30 times faster."""
    left, right = (max(abs(int(x.max())), abs(int(x.min()))) for x in (a, b))
    return left * right * a.shape[-1] < 2**53


_matmul = bilinear(
    "matmul",
    _product,
    lambda ct, b: product(ct, conj(swapped(b))),
    lambda ct, a: product(conj(swapped(a)), ct),
    batch=lambda mask, a, b: product(*align(mask, (a, b))),
    shape=lambda a, b: Spec(
        (*broadcast_shapes(a._shape[:-2], b._shape[:-2]), a._shape[-2], b._shape[-1]), a._dtype
    ),
    broadcasts=True,
    kinds=NUMERIC,
)
_MASKS = ((False, False), (True, False), (False, True), (True, True))
_plain = None if quick is None else short_cut(_matmul, 2, quick.product)
_KEPT = [(kept[0] == TENSOR, kept[1] == TENSOR, out) for kept, out in map(_matmul.kept, _MASKS)]


def product(a: Any, b: Any) -> Any:
    """The matrix product of tensors of one dtype; a stack times one matrix is one large product."""
    left, right = len(a._shape), len(b._shape)
    if left == right:
        return _multiplied(a, b)
    if right == 2:
        flat = reshape(a, (size_of(a._shape[:-1]), a._shape[-1]))
        return reshape(_multiplied(flat, b), (*a._shape[:-1], b._shape[-1]))
    return _times_stack(a, b) if left == 2 else _multiplied(a, b)


def _times_stack(a: Any, b: Any) -> Any:
    """One matrix times each of a stack: the matrices of the stack side by side."""
    *lead, inner, columns = b._shape
    rank = len(b._shape)
    wide = transpose(b, (rank - 2, *range(rank - 2), rank - 1))
    out = _multiplied(a, reshape(wide, (inner, size_of((*lead, columns)))))
    out = reshape(out, (a._shape[0], *lead, columns))
    return transpose(out, (*range(1, rank - 1), 0, rank - 1))


def _multiplied(a: Any, b: Any) -> Any:
    if here.special or type(a) is not Tensor or type(b) is not Tensor:
        return apply(_matmul, (a, b))
    token = silence()
    try:
        out = Tensor(_product(xp, a._array, b._array))
    except (ValueError, TypeError, MemoryError) as error:
        check_product(a, b)
        raise explained(error, "matmul", (a, b), {}) from error
    finally:
        restore(token)
    tapes = here.tapes
    if tapes:
        record_two(_matmul, a, b, out, tapes, _KEPT)
    return out


def matmul(
    a: Any,
    b: Any,
    transpose_a: bool = False,
    transpose_b: bool = False,
    adjoint_a: bool = False,
    adjoint_b: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    output_type: Any = None,
    grad_a: bool = False,
    grad_b: bool = False,
    name: str | None = None,
) -> Any:
    """Return the product of the matrices in the last two axes; the axes before them broadcast.

    Args:
        a: (..., m, k), numeric.
        b: (..., k, n) of the same dtype.
        transpose_a, transpose_b: transpose the factor first.
        adjoint_a, adjoint_b: transpose and conjugate the factor first.
        a_is_sparse, b_is_sparse, grad_a, grad_b: ignored, for compatibility.
        output_type: int32 for factors of type int8 and uint8; else None.
        name: ignored, for compatibility.

    Returns:
        (..., m, n).

    Raises:
        InvalidArgumentError: when shapes do not fit, dtypes differ, or a factor is a vector.
        ValueError: for transpose and adjoint of one factor together.

    Example:
        >>> import gradtape as tf
        >>> tf.matmul([[1.0, 2.0]], [[3.0], [4.0]]).numpy()
        array([[11.]], dtype=float32)
    """
    plain = not (transpose_a or transpose_b or adjoint_a or adjoint_b or output_type is not None)
    if plain and _plain is not None and (out := _plain(a, b)) is not None:
        return out
    if type(a) is Variable:
        a = a._read()
    if type(b) is Variable:
        b = b._read()
    if plain and type(a) is Tensor and type(b) is Tensor and not here.special:
        left, right = a._array, b._array
        if (
            left.ndim == right.ndim == 2
            and left.dtype == right.dtype
            and left.dtype.kind in NUMERIC
        ):
            return _multiplied(a, b)
    if output_type is not None:
        a, b = _widened(a, b, output_type)
    elif type(a) is not Tensor or type(b) is not Tensor:
        a, b = pair(a, b, "matmul")
    if transpose_a or adjoint_a:
        a = _turned(a, transpose_a, adjoint_a, "a")
    if transpose_b or adjoint_b:
        b = _turned(b, transpose_b, adjoint_b, "b")
    check_product(a, b)
    return product(a, b)


def _widened(a: Any, b: Any, output_type: Any) -> tuple[Any, Any]:
    """Both factors in the dtype of the result."""
    a, b = as_tensor(a, "matmul"), as_tensor(b, "matmul")
    wanted = as_dtype(output_type)
    if wanted is a.dtype is b.dtype:
        return a, b
    if wanted.name != "int32" or not {a.dtype.name, b.dtype.name} <= {"int8", "uint8"}:
        raise InvalidArgumentError(
            f"gradtape.matmul({brief(a)}, {brief(b)}, output_type={wanted.name}): output_type "
            "is int32 for factors of type int8 or uint8. "
            f"Write tf.cast(a, tf.{wanted.name}) for both factors."
        )
    return cast(a, wanted.numpy_dtype), cast(b, wanted.numpy_dtype)


def _turned(x: Any, transposed: bool, conjugated: bool, which: str) -> Any:
    if transposed and conjugated:
        raise ValueError(
            f"gradtape.matmul: only one of transpose_{which} and adjoint_{which} can be True."
        )
    if len(x._shape) < 2:
        raise _vector("matmul", x)
    return conj(swapped(x)) if conjugated else swapped(x)


def _vector(function: str, *values: Any) -> InvalidArgumentError:
    shown = ", ".join(brief(v) for v in values)
    return InvalidArgumentError(
        f"gradtape.{function}({shown}): both factors need at least two axes. "
        "Write tf.linalg.matvec(a, b) for a matrix times a vector, "
        "tf.tensordot(a, b, 1) for two vectors."
    )


def check_product(a: Any, b: Any) -> None:
    """Raise unless the matrix product of two tensors is defined."""
    left, right = a._shape, b._shape
    if a._dtype is not b._dtype and a._dtype != b._dtype:
        raise mixed_dtypes("matmul", a, b)
    if a._dtype.kind not in NUMERIC:
        raise wrong_kind("matmul", NUMERIC, a, b)
    if len(left) < 2 or len(right) < 2:
        raise _vector("matmul", a, b)
    if left[-1] != right[-2] and not same(left[-1], right[-2]):
        raise InvalidArgumentError(
            f"gradtape.matmul({brief(a)}, {brief(b)}): {left[-1]} columns of a do not fit "
            f"{right[-2]} rows of b. Write transpose_a=True or transpose_b=True for a factor that "
            "is stored the other way."
        )
    if len(left) > 2 and len(right) > 2 and left[:-2] != right[:-2]:
        try:
            broadcast_shapes(left[:-2], right[:-2])
        except ValueError:
            raise InvalidArgumentError(
                f"gradtape.matmul({brief(a)}, {brief(b)}): the leading axes {list(left[:-2])} and "
                f"{list(right[:-2])} do not broadcast. "
                "Reshape one, for instance with tf.expand_dims."
            ) from None


def matvec(
    a: Any,
    b: Any,
    transpose_a: bool = False,
    adjoint_a: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    name: str | None = None,
) -> Any:
    """Return the product of matrices with vectors; the axes before them broadcast.

    Args:
        a: (..., m, k), numeric.
        b: (..., k) of the same dtype.
        transpose_a: transpose the matrices first.
        adjoint_a: transpose and conjugate the matrices first.
        a_is_sparse, b_is_sparse, name: ignored, for compatibility.

    Returns:
        (..., m).

    Raises:
        InvalidArgumentError: when the shapes do not fit or the dtypes differ.

    Example:
        >>> import gradtape as tf
        >>> tf.linalg.matvec([[1.0, 2.0], [3.0, 4.0]], [1.0, 1.0]).numpy()
        array([3., 7.], dtype=float32)
    """
    a, b = pair(a, b, "matvec")
    if len(a._shape) < 2 or len(b._shape) < 1:
        raise InvalidArgumentError(
            f"gradtape.matvec({brief(a)}, {brief(b)}): needs a matrix (two axes or more) and "
            "a vector. Write tf.tensordot(a, b, 1) for two vectors."
        )
    column = reshape(b, (*b._shape, 1))
    out = matmul(a, column, transpose_a=transpose_a, adjoint_a=adjoint_a)
    return reshape(out, out._shape[:-1])
