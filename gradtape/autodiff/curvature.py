"""Second derivatives as functions of functions: `hessian`, `hvp`, `ggn`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gradtape.autodiff.asking import UnconnectedGradients
from gradtape.autodiff.forward import ForwardAccumulator
from gradtape.autodiff.jacobian import checked_bytes
from gradtape.autodiff.jacobians import derived, row_of_blocks
from gradtape.autodiff.primals import Primals, Results, chosen, recorded, unconnected
from gradtape.autodiff.pullbacks import pulled
from gradtape.autodiff.pushforwards import positional
from gradtape.ops.basis import ones
from gradtape.ops.static import callable_or_raise, choice

ZERO = UnconnectedGradients.ZERO
MODES = {"auto": "forward", "forward": "forward", "reverse": "reverse"}


class Slope:
    """The gradient of a scalar function at some arguments, which what is active records.

    Attributes:
        tensors: the gradient by each leaf of the arguments.
        aux: what the function returned besides its value.
    """

    def __init__(
        self, inputs: Primals, f: Callable[..., Any], kwargs: dict[str, Any], has_aux: bool = False
    ) -> None:
        with recorded(inputs.tensors) as recording:
            results = Results(inputs.call(f, kwargs), inputs.function, has_aux)
        value = results.scalar(inputs.function)
        start = [ones((), value._dtype)]
        self.tensors = pulled(recording, [value], start, inputs.tensors, ZERO, consume=True)
        self.aux = results.aux
        recording.close()


def hessian(
    f: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    mode: str = "auto",
    has_aux: bool = False,
    max_bytes: int | None = None,
    unconnected_gradients: UnconnectedGradients | str = ZERO,
) -> Callable[..., Any]:
    """Make the function that returns the Hessian of f, all its second derivatives.

    Args:
        f: a function that returns one real number. It is run once.
        argnums: the place of the positional argument to differentiate by, or a tuple of places.
            The argument may be a structure of tensors.
        mode: how the gradient, found in reverse, is differentiated: "reverse" pulls back a row for
            each of its elements, "forward" pushes a column for each element of the arguments.
            "auto" stands for "reverse".
        has_aux: whether f returns a pair of its value and something that is passed on as it is.
        max_bytes: about how much memory the rows or columns that are computed at once may take
            besides the result, by default 2**28.
        unconnected_gradients: zeros ("zero") or None ("none") where the gradient by one argument
            does not depend on another.

    Returns:
        A function of f's arguments. In the structure of the argument (a tuple of these for a tuple
        of argnums), once for the rows and in it once for the columns, it returns a tensor of shape
        row.shape + column.shape.

    Raises:
        ConversionError: when an argument is of integers, or the value no real number.
        InvalidArgumentError: when argnums do not fit, or the value has axes.
        LookupError: when an operation on the way has no derivative rule.

    Example:
        >>> import gradtape as tf
        >>> tf.hessian(lambda x: x[0] ** 2 * x[1])(tf.constant([1.0, 3.0])).numpy()
        array([[6., 2.],
               [2., 0.]], dtype=float32)
    """
    callable_or_raise(f, "hessian", "f")
    choice(mode, MODES, "hessian", "mode")
    show = unconnected(unconnected_gradients, "hessian")
    most = checked_bytes(max_bytes, "hessian")

    @functools.wraps(f, updated=())
    def hessian_of(*args: Any, **kwargs: Any) -> Any:
        places, single = chosen(argnums, len(args), "hessian")
        inputs = Primals(args, places, "hessian")
        slope, blocks = derived(
            lambda: Slope(inputs, f, kwargs, has_aux), inputs.tensors, MODES[mode], most
        )
        rows = [
            row_of_blocks(row, target, inputs, show, single)
            for row, target in zip(blocks, slope.tensors, strict=True)
        ]
        packed = inputs.structured(rows)
        answer = packed[0] if single else packed
        return (answer, slope.aux) if has_aux else answer

    return hessian_of


def hvp(f: Callable[..., Any], primals: Any, tangents: Any) -> tuple[Any, ...]:
    """Multiply the Hessian of a function by a vector, without forming it.

    H v is the derivative of the gradient along v: the gradient is found in reverse while tangents
    are pushed along (Pearlmutter, Neural Computation 6, 1994). It costs about two gradients.

    Args:
        f: a function of the primals that returns one real number.
        primals: a tuple or list with f's arguments: tensors, variables, numbers, lists of numbers
            (as `tf.constant` takes them), or structures of them.
        tangents: the vector v, in the structure of the primals; each of its primal's shape and
            dtype, None for zeros and for integers.

    Returns:
        A tuple with H v in the structure of each primal; None for integers.

    Raises:
        ConversionError: when the primals are no tuple or list, or the value no real number.
        InvalidArgumentError: when tangents differ from the primals in structure, shape or dtype.

    Example:
        >>> import gradtape as tf
        >>> tf.hvp(lambda x: tf.reduce_sum(x**3), ([1.0, 2.0],), ([1.0, 0.0],))[0].numpy()
        array([6., 0.], dtype=float32)
    """
    callable_or_raise(f, "hvp", "f")
    inputs = positional(primals, "hvp")
    directions = inputs.directions(tangents, "tangents")
    return inputs.structured(_along(inputs, f, directions))


def _along(inputs: Primals, f: Callable[..., Any], directions: list[Any]) -> list[Any]:
    """The derivative of a gradient along tangents."""
    pairs = [(p, t) for p, t in zip(inputs.tensors, directions, strict=True) if t is not None]
    with ForwardAccumulator([p for p, _ in pairs], [t for _, t in pairs]) as accumulator:
        slope = Slope(inputs, f, {})
    return [None if g is None else accumulator.jvp(g, ZERO) for g in slope.tensors]


def ggn(model: Callable[[Any], Any], loss: Callable[[Any], Any], params: Any, vector: Any) -> Any:
    """Multiply the generalised Gauss-Newton matrix of loss(model(params)) by a vector.

    The matrix is J^T H J, with J the Jacobian of the model and H the Hessian of the loss by the
    model's outputs: the Hessian without the model's own curvature. It is positive semi-definite
    where the loss is convex in the outputs (Schraudolph, Neural Computation 14, 2002).

    Args:
        model: a function of the parameters that returns a tensor or a structure of tensors. It
            closes over the data.
        loss: a function of what the model returns, which returns one real number. It closes over
            the labels.
        params: the parameters: a tensor, a variable or a structure of them.
        vector: what is multiplied, in the structure of the parameters.

    Returns:
        The product, in the structure of the parameters.

    Raises:
        ConversionError: when the loss is no real number.
        InvalidArgumentError: when the vector differs from the parameters in structure, shape or
            dtype.

    Example:
        >>> import gradtape as tf
        >>> def model(w):
        ...     return tf.exp(w)
        >>> def loss(y):
        ...     return tf.reduce_sum(y**2)
        >>> tf.ggn(model, loss, [0.0, 0.0], [1.0, 3.0]).numpy()
        array([2., 6.], dtype=float32)
    """
    callable_or_raise(model, "ggn", "model")
    callable_or_raise(loss, "ggn", "loss")
    inputs = Primals((params,), (0,), "ggn", real=False)
    directions = inputs.directions((vector,), "vector")
    pairs = [(p, t) for p, t in zip(inputs.tensors, directions, strict=True) if t is not None]
    accumulator = ForwardAccumulator([p for p, _ in pairs], [t for _, t in pairs])
    with accumulator, recorded(inputs.tensors) as recording:
        results = Results(inputs.call(model, {}), "ggn")
    outputs = results.tensors
    pushed = [accumulator.jvp(t) for t in outputs]
    inner = Primals((results.value,), (0,), "ggn", real=False)
    curved = _along(inner, loss, pushed)
    found = pulled(recording, outputs, curved, inputs.tensors, ZERO, consume=True)
    return inputs.structured(found)[0]
