"""Reverse mode as functions of functions: `vjp`, `grad`, `value_and_grad`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from gradtape.autodiff.asking import UnconnectedGradients, finished
from gradtape.autodiff.primals import Primals, Results, chosen, recorded, unconnected
from gradtape.autodiff.walk import walk
from gradtape.core.record import Recording
from gradtape.ops.basis import ones
from gradtape.ops.sparse import IndexedSlices
from gradtape.ops.static import callable_or_raise

ZERO = UnconnectedGradients.ZERO


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Run a function, and get the function that pulls cotangents back through it.

    The pullback maps a cotangent u of the result to J^T u, at the cost of one backward pass; it may
    be called many times, and f is not run again. Derivatives with respect to variables that f
    reads but does not take as arguments are not in it: pass the variables, or use a tape.

    Args:
        f: a function of the primals that returns a tensor or a structure of tensors.
        primals: tensors, variables, numbers, lists of numbers (as `tf.constant` takes them), or
            structures of them. f gets tensors.
        has_aux: whether f returns a pair of its value and something that is passed on as it is.

    Returns:
        The value and the pullback, and with `has_aux` what f returned besides. The pullback takes
        cotangents in the structure of the value and returns a tuple with a cotangent in the
        structure of each primal: zeros where the value does not depend on it, None for integers.
        For complex tensors the pullback is that of `GradientTape.gradient`: the conjugate
        transpose of the Jacobian.

    Raises:
        InvalidArgumentError: when a cotangent has another structure, shape or dtype than its
            result.
        LookupError: when an operation on the way has no derivative rule.

    Example:
        >>> import gradtape as tf
        >>> value, pullback = tf.vjp(lambda x, y: x * y, [1.0, 2.0], 3.0)
        >>> by_x, by_y = pullback(tf.constant([1.0, 10.0]))
        >>> by_x.numpy(), float(by_y)
        (array([ 3., 30.], dtype=float32), 21.0)
    """
    callable_or_raise(f, "vjp", "f")
    inputs = Primals(primals, tuple(range(len(primals))), "vjp", real=False)
    with recorded(inputs.tensors) as recording:
        results = Results(inputs.call(f, {}), "vjp", has_aux)

    def pullback(cotangents: Any) -> tuple[Any, ...]:
        given = results.cotangents(cotangents, "vjp")
        return inputs.structured(pulled(recording, results.tensors, given, inputs.tensors))

    return (results.value, pullback, results.aux) if has_aux else (results.value, pullback)


def pulled(
    recording: Recording,
    targets: Sequence[Any],
    cotangents: Sequence[Any],
    sources: Sequence[Any],
    mode: UnconnectedGradients = ZERO,
    consume: bool = False,
) -> list[Any]:
    """The cotangents of sources, dense; None for those of integers."""
    pairs = [(t._node, c) for t, c in zip(targets, cotangents, strict=True) if c is not None]
    found = walk(pairs, [s._node for s in sources], recording, consume)
    found = [f.dense() if isinstance(f, IndexedSlices) else f for f in found]
    return [
        None if s._node is None else finished(f, s, mode)
        for f, s in zip(found, sources, strict=True)
    ]


def value_and_grad(
    f: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    unconnected_gradients: UnconnectedGradients | str = ZERO,
) -> Callable[..., Any]:
    """Make the function that returns f's value and its gradient.

    Args:
        f: a function that returns one real number.
        argnums: the place of the positional argument to differentiate by, or a tuple of places.
            The argument may be a structure of tensors.
        has_aux: whether f returns a pair of its value and something that is passed on as it is.
        unconnected_gradients: zeros ("zero") or None ("none") where the value does not depend on
            an argument.

    Returns:
        A function of f's arguments. It returns the value, or the pair of f's, and the gradient in
        the structure of the argument, or a tuple of them for a tuple of argnums.

    Raises:
        ConversionError: when an argument is of integers, or the value no real number.
        InvalidArgumentError: when argnums do not fit, or the value has axes.

    Example:
        >>> import gradtape as tf
        >>> value, slope = tf.value_and_grad(lambda x: tf.reduce_sum(x**2))([1.0, 2.0])
        >>> float(value), slope.numpy()
        (5.0, array([2., 4.], dtype=float32))
    """
    callable_or_raise(f, "value_and_grad", "f")
    return _differentiating("value_and_grad", f, argnums, has_aux, unconnected_gradients)


def grad(
    f: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    unconnected_gradients: UnconnectedGradients | str = ZERO,
) -> Callable[..., Any]:
    """Make the function that returns the gradient of f.

    As `value_and_grad`, without the value; with `has_aux` the pair of the gradient and what f
    returned besides.

    Args:
        f: a function that returns one real number.
        argnums: the place of the positional argument to differentiate by, or a tuple of places.
        has_aux: whether f returns a pair of its value and something that is passed on as it is.
        unconnected_gradients: zeros ("zero") or None ("none") where the value does not depend on
            an argument.

    Returns:
        A function of f's arguments that returns the gradient in the structure of the argument, or
        a tuple of them for a tuple of argnums.

    Raises:
        ConversionError: when an argument is of integers, or the value no real number.
        InvalidArgumentError: when argnums do not fit, or the value has axes.

    Example:
        >>> import gradtape as tf
        >>> print(f"{tf.grad(tf.grad(tf.sin))(1.0):.4f}")
        -0.8415
    """
    callable_or_raise(f, "grad", "f")
    return _differentiating("grad", f, argnums, has_aux, unconnected_gradients)


def _differentiating(
    function: str, f: Callable[..., Any], argnums: Any, has_aux: bool, otherwise: Any
) -> Callable[..., Any]:
    mode = unconnected(otherwise, function)
    with_value = function == "value_and_grad"

    @functools.wraps(f, updated=())
    def differentiated(*args: Any, **kwargs: Any) -> Any:
        places, single = chosen(argnums, len(args), function)
        inputs = Primals(args, places, function)
        with recorded(inputs.tensors) as recording:
            results = Results(inputs.call(f, kwargs), function, has_aux)
        value = results.scalar(function)
        start = [ones((), value._dtype)]
        given = pulled(recording, [value], start, inputs.tensors, mode, consume=True)
        recording.close()
        slopes: Any = inputs.structured(given)
        slopes = slopes[0] if single else slopes
        if with_value:
            return ((results.value, results.aux) if has_aux else results.value), slopes
        return (slopes, results.aux) if has_aux else slopes

    return differentiated
