"""`tf.test.compute_gradient`: whole Jacobian matrices by reverse mode and by differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradtape.autodiff.tape import GradientTape
from gradtape.core.convert import as_tensor
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import real_dtype
from gradtape.ops.sparse import IndexedSlices
from gradtape.ops.static import callable_or_raise, static_float


def compute_gradient(
    f: Callable[..., Any], x: Sequence[Any], delta: float | None = None
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Compute the Jacobians of a function by reverse mode and by central differences.

    Args:
        f: a function of tensors that returns one tensor.
        x: the list of its arguments.
        delta: the step of the differences, by default 1/1024.

    Returns:
        Two tuples with a matrix for each argument, a row for each element of f(*x) and a column
        for each of the argument: by reverse mode, and by differences. A complex element is two
        real ones.

    Raises:
        ValueError: when x is no list or tuple, or the gradient of an empty result is not zero.
        AssertionError: when an argument or the result is neither floating-point nor complex.

    Example:
        >>> import gradtape as tf
        >>> exact, differences = tf.test.compute_gradient(lambda x: x * x, [[1.0, 2.0]])
        >>> exact[0]
        array([[2., 0.],
               [0., 4.]], dtype=float32)
    """
    if not isinstance(x, (list, tuple)):
        raise ValueError(
            "gradtape.test.compute_gradient: `x` must be a list or tuple of values convertible to"
            f" a Tensor (arguments to `f`), not a {type(x)}. Write [x]."
        )
    inputs = [as_tensor(v, "test.compute_gradient") for v in x]
    callable_or_raise(f, "test.compute_gradient", "f")
    step = 1.0 / 1024 if delta is None else static_float(delta, "test.compute_gradient", "delta")
    if not 0.0 < abs(step) < 1e15:
        raise InvalidArgumentError(
            f"gradtape.test.compute_gradient: delta must be a finite step other than 0, not {step}."
        )
    for i, tensor in enumerate(inputs):
        assert differentiable(tensor._dtype), (
            "gradtape.test.compute_gradient: Cannot compute gradient for unsupported type "
            f"{tensor.dtype.name} of argument {i}"
        )
    y = f(*inputs)
    if not isinstance(y, Tensor) and not hasattr(y, "__tf_tensor__"):
        raise TypeError(
            f"gradtape.test.compute_gradient: f returned {brief(y)}, but one tensor is needed. "
            "Check the results of a function with several one at a time."
        )
    y = as_tensor(y)
    assert differentiable(y._dtype), (
        "gradtape.test.compute_gradient: Cannot compute gradient for unsupported type "
        f"{y.dtype.name} of y"
    )
    exact = _by_reverse_mode(f, inputs)
    columns = [_by_differences(f, inputs, i, as_reals(y).size, step) for i in range(len(inputs))]
    return tuple(exact), tuple(columns)


def as_reals(value: Any) -> Any:
    """The elements in a row, a complex one as two reals."""
    array = np.ravel(np.asarray(value))
    return array.view(real_dtype(array.dtype))


def _by_reverse_mode(f: Callable[..., Any], inputs: list[Tensor]) -> list[Any]:
    with GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        y = as_tensor(f(*inputs))
    unit = np.zeros(y._shape, y._dtype)
    if not unit.size:
        given = tape.gradient(y, inputs, unconnected_gradients="zero")
        if any(np.any(np.asarray(g)) for g in given):
            raise ValueError("Empty tensor with nonzero gradients")
    count = as_reals(unit).size
    matrices = [np.zeros((count, as_reals(x).size), real_dtype(x._dtype)) for x in inputs]
    for row in range(count):
        cotangent = np.zeros_like(unit)
        as_reals(cotangent)[row] = 1
        given = tape.gradient(y, inputs, output_gradients=[Tensor(_scalar(cotangent))])
        for matrix, g in zip(matrices, given, strict=True):
            if g is not None:
                matrix[row] = as_reals(g.dense() if isinstance(g, IndexedSlices) else g)
    return matrices


def _by_differences(f: Callable[..., Any], inputs: Any, i: int, rows: int, step: float) -> Any:
    x = np.asarray(inputs[i])
    matrix = np.zeros((rows, as_reals(x).size), real_dtype(x.dtype))
    for column in range(matrix.shape[1]):
        ends = []
        for sign in (1, -1):
            moved = np.array(x)
            flat = as_reals(moved)
            flat[column] += flat.dtype.type(sign * step)
            point = [*inputs[:i], Tensor(_scalar(moved)), *inputs[i + 1 :]]
            ends.append(as_reals(as_tensor(f(*point))))
        matrix[:, column] = (ends[0] - ends[1]) / ends[0].dtype.type(2 * step)
    return matrix


def _scalar(array: Any) -> Any:
    return array if array.ndim else array[()]
