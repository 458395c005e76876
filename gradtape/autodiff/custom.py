"""Functions whose derivative is written by hand: `custom_gradient`, and the ends of the road
(`stop_gradient`, `prevent_gradient`, `grad_pass_through`).

The body of such a function runs in the open, so that what its gradient function captured is still
on the tapes, and second derivatives are those of the gradient function as written. Its result is
then put on a record of its own (see `custom_call`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter
from typing import Any

from gradtape.autodiff.custom_call import (
    Gradient,
    bound,
    call_with_gradient,
    closed_over,
    others,
    signature_of,
    variables_read,
)
from gradtape.core import nest
from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.errors import brief
from gradtape.core.nothing import STOPPED
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.state import here
from gradtape.core.variable import Variable
from gradtape.ops.static import callable_or_raise


def custom_gradient(f: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """Give a function a gradient of its own.

    Args:
        f: `f(*args, **kwargs)` returns `(y, grad_fn)`: a tensor or a structure of tensors, and
            the function `grad_fn(*upstream)` that returns one gradient for each tensor among the
            arguments, in order: None where there is none. Tensors given by keyword count, in
            the place of their parameter. If f reads trainable variables that are not arguments,
            grad_fn takes the keyword `variables`, a list of them in the order of their
            construction, and returns `(gradients, gradients_of_variables)`.

    Raises:
        TypeError: when f does not return such a pair, or grad_fn lacks `variables`.
        ValueError: when the number of gradients is wrong.
        InvalidArgumentError: when a gradient's shape or dtype is not that of its argument.

    Second derivatives are those of grad_fn as written. Forward mode transposes it.

    Example:
        >>> import gradtape as tf
        >>> @tf.custom_gradient
        ... def clipped(x):
        ...     return x, lambda upstream: tf.minimum(upstream, 0.5)
        >>> x = tf.Variable(2.0)
        >>> with tf.GradientTape() as tape:
        ...     y = clipped(x * x)
        >>> float(tape.gradient(y, x))
        2.0
    """
    if f is None:
        return custom_gradient
    function: Callable[..., Any] = callable_or_raise(f, "custom_gradient", "f")
    signature = signature_of(function)
    name = getattr(function, "__name__", type(function).__name__)

    @wraps(function)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        with variables_read() as noted:
            returned = function(*args, **kwargs)
        if not (isinstance(returned, tuple) and len(returned) == 2 and callable(returned[1])):
            raise TypeError(
                f"gradtape.custom_gradient: {name} must return a pair (y, grad_fn), not "
                f"{brief(returned)}. Write `return y, grad`, where grad(upstream) is a function."
            )
        y, grad_fn = returned
        mode = here.mode
        if mode is not None:
            for tensor in closed_over(grad_fn):
                mode.hold(tensor)
        inputs, positional = bound(signature, args, kwargs)
        variables = others(noted, inputs)
        gradient = _gradient_of(grad_fn, name, len(inputs), positional, variables)
        outs = [as_tensor(v, name) for v in nest.flatten(y)]
        results = call_with_gradient(
            name, [*inputs, *[as_tensor(v) for v in variables]], outs, gradient
        )
        return nest.pack_sequence_as(y, results)

    return decorated


def _gradient_of(
    grad_fn: Callable[..., Any], name: str, count: int, positional: int, variables: list[Variable]
) -> Gradient:
    """A user's gradient function as one from a list to a list."""
    if variables and not _takes_variables(grad_fn):
        raise TypeError(
            "@tf.custom_gradient grad_fn must accept keyword argument 'variables', since function "
            f"{name} uses variables: {variables}. Write def grad(*upstream, variables=None) and "
            "return (gradients, gradients_of_variables)."
        )

    def gradient(cts: list[Any]) -> list[Any]:
        if not variables:
            return _counted(nest.flatten(grad_fn(*cts)), name, count, positional)
        returned = grad_fn(*cts, variables=variables)
        if not (isinstance(returned, (tuple, list)) and len(returned) == 2):
            raise ValueError(
                f"gradtape.custom_gradient: {name} uses variables, so its gradient function must "
                f"return (gradients, gradients_of_variables), not {brief(returned)}."
            )
        of_variables = nest.flatten(returned[1])
        if len(of_variables) != len(variables):
            raise ValueError(
                "Must return gradient for each variable from @custom_gradient grad_fn: that of "
                f"{name} returned {len(of_variables)} for {len(variables)} variables."
            )
        return [*_counted(nest.flatten(returned[0]), name, count, positional), *of_variables]

    return gradient


def _takes_variables(grad_fn: Callable[..., Any]) -> bool:
    signature = signature_of(grad_fn)
    if signature is None:
        return True
    kinds = [p.kind for p in signature.parameters.values()]
    return "variables" in signature.parameters or Parameter.VAR_KEYWORD in kinds


def _counted(given: list[Any], name: str, count: int, positional: int) -> list[Any]:
    """One gradient for each input."""
    if len(given) != count:
        by_keyword = count - positional
        hint = f" ({by_keyword} of the inputs came by keyword and count too)" if by_keyword else ""
        raise ValueError(
            f"custom_gradient function expected to return {count} gradients, but returned "
            f"{len(given)} instead: the gradient function of {name}{hint}. Return one for each "
            "tensor among the arguments, None where there is none."
        )
    return given


def grad_pass_through(f: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function an identity for derivatives: cotangents pass through unchanged.

    Args:
        f: a function whose outputs have the shapes of its inputs; variables that it reads get
            no gradient.

    Example:
        >>> import gradtape as tf
        >>> x = tf.Variable(1.7)
        >>> with tf.GradientTape() as tape:
        ...     y = tf.grad_pass_through(tf.round)(x)
        >>> float(y), float(tape.gradient(y, x))
        (2.0, 1.0)
    """

    callable_or_raise(f, "grad_pass_through", "f")

    @custom_gradient
    @wraps(f)
    def passing(*args: Any, **kwargs: Any) -> Any:
        def gradient(*upstream: Any, variables: Any = None) -> Any:
            return upstream if variables is None else (upstream, [None] * len(variables))

        return f(*args, **kwargs), gradient

    return passing


_stop_gradient = primitive(
    "stop_gradient",
    lambda xp, x: x,
    vjps=[STOPPED],
    jvps=[STOPPED],
    batch=lambda mask, x: stop_gradient(x),
    shape=lambda x: Spec(x._shape, x._dtype),
    differentiable=False,
    family="structural",
)


def stop_gradient(input: Any, name: str | None = None) -> Any:
    """Return the value without its past: no derivative passes in either direction.

    Args:
        input: a tensor.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> x = tf.Variable(3.0)
        >>> with tf.GradientTape() as tape:
        ...     y = x * tf.stop_gradient(x)
        >>> float(tape.gradient(y, x))
        3.0
    """
    return apply(_stop_gradient, (as_tensor(input, "stop_gradient"),))


def _refuse(ct: Any, message: str) -> Any:
    raise LookupError(
        f"Gradient explicitly disabled. Reason: {message!r}. The path passes through "
        "gradtape.prevent_gradient; use tf.stop_gradient where a missing derivative is meant."
    )


_prevent_gradient = primitive(
    "prevent_gradient",
    lambda xp, x, *, message: x,
    vjps=[_refuse],
    jvps=[_refuse],
    batch=lambda mask, x, message: prevent_gradient(x, message),
    shape=lambda x, message: Spec(x._shape, x._dtype),
    fallible=True,
    family="structural",
)


def prevent_gradient(input: Any, message: str = "", name: str | None = None) -> Any:
    """Return the value; differentiating through it raises LookupError with the message.

    Args:
        input: a tensor.
        message: why there is no derivative.
        name: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> float(tf.raw_ops.PreventGradient(input=tf.constant(1.0), message="no"))
        1.0
    """
    return apply(
        _prevent_gradient, (as_tensor(input, "prevent_gradient"),), {"message": str(message)}
    )
