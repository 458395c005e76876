"""Forward mode as functions of functions: `jvp` and `linearize`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradtape.autodiff.forward import ForwardAccumulator
from gradtape.autodiff.primals import Primals, Results
from gradtape.autodiff.trail import Trail
from gradtape.core.dtypes import differentiable
from gradtape.core.errors import wrong_type
from gradtape.ops.basis import zeros
from gradtape.ops.static import callable_or_raise


def jvp(
    f: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False
) -> tuple[Any, ...]:
    """Run a function, and push tangents through it while it runs.

    The tangent of the result is J v, at about the cost of the function once more. Nothing is kept
    for later. Derivatives with respect to variables that f reads but does not take as arguments
    are not in it.

    Args:
        f: a function of the primals that returns a tensor or a structure of tensors.
        primals: a tuple or list with f's arguments: tensors, variables, numbers, lists of numbers
            (as `tf.constant` takes them), or structures of them. f gets tensors.
        tangents: the direction v, in the structure of the primals; each of its primal's shape and
            dtype. None for what does not move, as integers.
        has_aux: whether f returns a pair of its value and something that is passed on as it is.

    Returns:
        The value and its tangent in the same structure, and with `has_aux` what f returned besides.
        The tangent is zeros where nothing moves, None for integers.

    Raises:
        ConversionError: when the primals are no tuple or list.
        InvalidArgumentError: when tangents differ from the primals in structure, shape or dtype.

    Example:
        >>> import gradtape as tf
        >>> value, tangent = tf.jvp(lambda x: x**3, (2.0,), (1.0,))
        >>> float(value), float(tangent)
        (8.0, 12.0)
    """
    callable_or_raise(f, "jvp", "f")
    inputs = positional(primals, "jvp")
    directions = inputs.directions(tangents, "tangents")
    pairs = [(p, t) for p, t in zip(inputs.tensors, directions, strict=True) if t is not None]
    with ForwardAccumulator([p for p, _ in pairs], [t for _, t in pairs]) as accumulator:
        results = Results(inputs.call(f, {}), "jvp", has_aux)
    found = [_or_zeros(accumulator.jvp(t), t) for t in results.tensors]
    tangent = results.structured(found)
    return (results.value, tangent, results.aux) if has_aux else (results.value, tangent)


def linearize(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Run a function, and get its derivative there as a function of tangents.

    The pushforward maps tangents v to J v. The operations of f that the primals move are kept with
    their inputs and results, and each call of the pushforward runs their forward rules, which
    costs about as much as f itself; f is not run again. It is linear, may be called many
    times, differentiated and batched by `tf.vectorized_map`. Derivatives with respect to variables
    that f reads but does not take as arguments are not in it.

    Args:
        f: a function of the primals that returns a tensor or a structure of tensors.
        primals: tensors, variables, numbers, lists of numbers (as `tf.constant` takes them), or
            structures of them. f gets tensors.
        has_aux: whether f returns a pair of its value and something that is passed on as it is.

    Returns:
        The value and the pushforward, and with `has_aux` what f returned besides. The pushforward
        takes a tangent for each primal and returns those of the value in its structure.

    Raises:
        InvalidArgumentError: when tangents differ from the primals in structure, shape or dtype.

    Example:
        >>> import gradtape as tf
        >>> value, pushforward = tf.linearize(lambda x: x * x, [1.0, 2.0])
        >>> pushforward([1.0, 0.0]).numpy(), pushforward([0.0, 1.0]).numpy()
        (array([2., 0.], dtype=float32), array([0., 4.], dtype=float32))
    """
    callable_or_raise(f, "linearize", "f")
    inputs = Primals(primals, tuple(range(len(primals))), "linearize", real=False)
    with Trail(inputs.tensors) as trail:
        results = Results(inputs.call(f, {}), "linearize", has_aux)
    trail.finish(results.tensors)

    def pushforward(*tangents: Any) -> Any:
        pushed = trail.push(inputs.directions(tangents, "tangents"))
        pairs = zip(pushed, results.tensors, strict=True)
        return results.structured([_or_zeros(t, r) for t, r in pairs])

    return (results.value, pushforward, results.aux) if has_aux else (results.value, pushforward)


def positional(primals: Any, function: str) -> Primals:
    """The arguments that are given as a tuple or list."""
    if not isinstance(primals, (tuple, list)):
        raise wrong_type(function, "primals", "a tuple or list of the arguments", primals)
    return Primals(tuple(primals), tuple(range(len(primals))), function, real=False)


def _or_zeros(tangent: Any, result: Any) -> Any:
    if tangent is None and differentiable(result._dtype):
        return zeros(result._shape, result._dtype)
    return tangent
