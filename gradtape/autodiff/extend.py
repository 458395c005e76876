"""Operations of one's own: `primitive` declares one as gradtape declares its own.

    @tf.primitive(vjp=lambda ct, x: 3.0 * ct * x * x)
    def cube(xp, x):
        return x**3

The kernel is written against an array namespace, the rules in tensor operations; what a rule's
parameters name is what is kept. A missing jvp is found by transposing the vjp, a missing batching
rule by a loop. An operation that is declared without a vjp gets one later by
`RegisterGradient(name)`, or is declared constant by `no_gradient(name)`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import Nothing
from gradtape.core.primitive import Primitive, Rule, registry
from gradtape.core.primitive import primitive as declare
from gradtape.core.shapes import Spec
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import xp

DECLARED = Nothing("stepwise", "the operation was declared to have no derivative here")
own: dict[str, Primitive] = {}
_gradients: dict[str, tuple[Callable[..., Any] | None, str]] = {}


def primitive(
    kernel: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    vjp: Any = None,
    jvp: Any = None,
    batch: Callable[..., Any] | None = None,
    shape: Callable[..., Any] | None = None,
    several: bool = False,
    broadcasts: bool = False,
    host: bool = False,
) -> Any:
    """Declare an operation of one's own; use it as a decorator of its kernel.

    Args:
        kernel: `kernel(xp, *arrays, *, static keywords)`, on arrays of the namespace xp (NumPy, or
            jax.numpy when compiled).
        name: its name in errors and for `RegisterGradient`, by default the kernel's.
        vjp: the reverse rule. For one input a function `rule(ct, ...)` of the output's cotangent
            that returns the input's; its further parameters name what it needs: an input, `out`, a
            keyword, an input's name with `_shape` or `_dtype`. For several inputs a list with a
            rule for each, or None where there is no derivative. For a kernel of `*arrays` one
            rule that returns a list; it may name `inputs`, `shapes`, `wanted`.
        jvp: the forward rules in the same form, `rule(t, ...)`; by default the vjp is transposed.
        batch: `batch(mask, *tensors, **keywords)`: the operation with a leading batch axis where
            mask says so; by default it runs once for each example.
        shape: `shape(*specs, **keywords)`: a spec of the result; by default the kernel is run.
        several: whether the kernel returns a tuple.
        broadcasts: whether inputs broadcast against each other: cotangents are then summed back.
        host: whether the kernel computes with NumPy whatever xp is: a recorded function that holds
            the operation is then not compiled.

    Returns:
        The public function: it takes tensors and what converts to them, and the keywords.

    Raises:
        ValueError: when the name is taken, or the number of rules is not that of the inputs.

    Example:
        >>> import gradtape as tf
        >>> @tf.primitive(vjp=lambda ct, x: 3.0 * ct * x * x)
        ... def cube(xp, x):
        ...     return x**3
        >>> x = tf.Variable(2.0)
        >>> with tf.GradientTape() as tape:
        ...     y = cube(x)
        >>> float(tape.gradient(y, x))
        12.0
    """
    if kernel is None:
        return lambda k: primitive(
            k,
            name=name,
            vjp=vjp,
            jvp=jvp,
            batch=batch,
            shape=shape,
            several=several,
            broadcasts=broadcasts,
            host=host,
        )
    made = _declared(
        kernel,
        name or kernel.__name__,
        vjp=vjp,
        jvp=jvp,
        batch=batch,
        shape=shape or _shape_by_running(kernel),
        several=several,
        broadcasts=broadcasts,
        host=host,
    )
    return _public(made, kernel)


def _listed(rules: Any) -> list[Any] | None:
    if rules is None:
        return None
    rules = list(rules) if isinstance(rules, (list, tuple)) else [rules]
    return [DECLARED if r is None else r for r in rules]


def _declared(kernel: Callable[..., Any], name: str, vjp: Any, jvp: Any, **facts: Any) -> Primitive:
    """Declare a primitive, kept apart from the catalogue; the same source may be run again."""
    known = own.get(name)
    if name in registry or (known is not None and _source(known.kernel) != _source(kernel)):
        raise ValueError(
            f"gradtape.primitive: an operation named {name!r} exists already. "
            'Write @tf.primitive(name="another_name").'
        )
    if vjp is None:
        rules = {"joint_vjp": lambda ct: ct}
    elif kernel.__code__.co_flags & inspect.CO_VARARGS:
        rules = {"joint_vjp": vjp, "joint_jvp": jvp}
    else:
        rules = {"vjps": _listed(vjp), "jvps": _listed(jvp)}
    try:
        made = declare(name, kernel, **rules, **facts, fallible=True)
    finally:
        registry.pop(name, None)
    if vjp is None:
        needs = ("inputs", "out", "wanted", *keywords_of(kernel))
        rule = Rule(_later(name, keywords_of(kernel)), (), like=needs)
        made = replace(made, joint_vjp=rule, straight={}, _kept={})
    own[name] = made
    return made


def keywords_of(kernel: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a kernel's static arguments."""
    code = kernel.__code__
    return code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]


def _source(function: Callable[..., Any]) -> tuple[str, str]:
    return function.__module__, function.__qualname__


def _shape_by_running(kernel: Callable[..., Any]) -> Callable[..., Any]:
    def shape(*specs: Any, **params: Any) -> Any:
        if any(n is None for s in specs for n in s._shape):
            raise InvalidArgumentError(
                f"gradtape.{kernel.__name__}: the result's shape is not known for inputs of "
                "unknown size. Declare @tf.primitive(shape=...)."
            )
        value = kernel(xp, *[np.ones(s._shape, s._dtype) for s in specs], **params)
        if isinstance(value, tuple):
            return tuple([Spec(np.shape(v), v.dtype) for v in value])
        return Spec(np.shape(value), value.dtype)

    return shape


def _public(made: Primitive, kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The function that users call."""
    defaults = dict(kernel.__kwdefaults__ or {})
    keywords = keywords_of(kernel)
    count = None if made.variadic else len(made.inputs)

    @wraps(kernel)
    def call(*args: Any, **params: Any) -> Any:
        if count is not None and len(args) != count:
            raise TypeError(
                f"gradtape.{made.name} takes {count} inputs ({', '.join(made.inputs)}) by "
                f"position, but got {len(args)}. Static arguments are keywords."
            )
        unknown = [k for k in params if k not in keywords]
        missing = [k for k in keywords if k not in params and k not in defaults]
        if unknown or missing:
            raise TypeError(
                f"gradtape.{made.name}: unknown keywords {unknown}, missing keywords {missing}; "
                f"it takes {list(keywords)}."
            )
        return apply(made, _tensors(args, made.name), {**defaults, **params})

    call.__signature__ = _without_first(inspect.signature(kernel))  # type: ignore[attr-defined]
    call.primitive = made  # type: ignore[attr-defined]
    return call


def _without_first(signature: inspect.Signature) -> inspect.Signature:
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def _tensors(args: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    """The arguments as tensors; Python numbers take the dtype of the first tensor."""
    first = next((a for a in args if isinstance(a, Tensor) or hasattr(a, "__tf_tensor__")), None)
    if first is None:
        return tuple([as_tensor(a, name) for a in args])
    dtype = as_tensor(first)._dtype
    return tuple(
        [
            as_tensor_like(a, dtype, name) if type(a) in (int, float) else as_tensor(a, name)
            for a in args
        ]
    )


# gradients that are given later


class Operation:
    """What a registered gradient receives: an operation that was run.

    `inputs` and `outputs` are lists of tensors, `type` is the operation's name; `get_attr(name)`
    is the value of a keyword.
    """

    def __init__(self, name: str, inputs: Any, outputs: Any, attributes: dict[str, Any]) -> None:
        self.type = name
        self.name = name
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        self._attributes = attributes

    def get_attr(self, name: str) -> Any:
        """The value of a keyword; ValueError when there is none of that name."""
        if name not in self._attributes:
            raise ValueError(
                f"Operation {self.name!r} has no attr named {name!r}; it has "
                f"{list(self._attributes)}."
            )
        return self._attributes[name]


def _later(name: str, keywords: tuple[str, ...]) -> Callable[..., Any]:
    """The joint rule of an operation whose gradient is registered by name."""

    def rule(ct: Any, inputs: Any, out: Any, wanted: Any, *values: Any) -> Any:
        if name not in _gradients:
            raise LookupError(
                f"gradient registry has no entry for: {name}. Declare @tf.primitive(vjp=...), or "
                f'@tf.RegisterGradient("{name}"), or tf.no_gradient("{name}").'
            )
        function, _ = _gradients[name]
        if function is None:
            return [None] * len(inputs)
        outputs = out if isinstance(out, tuple) else (out,)
        cts = ct if isinstance(ct, tuple) else (ct,)
        attributes = dict(zip(keywords, values, strict=True))
        given = function(Operation(name, inputs, outputs, attributes), *cts)
        given = list(given) if isinstance(given, (list, tuple)) else [given]
        if len(given) != len(inputs):
            raise ValueError(
                f"Num gradients {len(given)} generated for op {name} do not match num inputs "
                f"{len(inputs)}. Return one for each, None where there is none."
            )
        return given

    return rule


class RegisterGradient:
    """Register the gradient of an operation that was declared without one.

    Args:
        op_type: the operation's name.

    The decorated function takes the operation (`op.inputs`, `op.outputs`, `op.get_attr(name)`) and
    a cotangent for each output, and returns one for each input.

    Raises:
        TypeError: when `op_type` is no string.
        KeyError: when the operation has a gradient already.

    Example:
        >>> import gradtape as tf
        >>> @tf.primitive
        ... def half_square(xp, x):
        ...     return x * x / 2
        >>> @tf.RegisterGradient("half_square")
        ... def _half_square_grad(op, upstream):
        ...     return upstream * op.inputs[0]
        >>> x = tf.Variable(3.0)
        >>> with tf.GradientTape() as tape:
        ...     y = half_square(x)
        >>> float(tape.gradient(y, x))
        3.0
    """

    def __init__(self, op_type: str) -> None:
        if not isinstance(op_type, str):
            raise TypeError(
                f"op_type must be a string, not {brief(op_type)}. Write "
                '@tf.RegisterGradient("name").'
            )
        self._op_type = op_type

    def __call__(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """Register the function, and return it."""
        _register(self._op_type, f)
        return f


def no_gradient(op_type: str) -> None:
    """Declare that an operation which was declared without a gradient has none: None is right.

    Args:
        op_type: the operation's name.

    Raises:
        TypeError: when `op_type` is no string.
        KeyError: when the operation has a gradient already.

    Example:
        >>> import gradtape as tf
        >>> tf.no_gradient("count_photons")
    """
    if not isinstance(op_type, str):
        raise TypeError(f"gradtape.no_gradient: op_type must be a string, not {brief(op_type)}.")
    _register(op_type, None)


def _register(name: str, function: Callable[..., Any] | None) -> None:
    where = "tf.no_gradient"
    if function is not None:
        code = getattr(function, "__code__", None)
        where = f"{code.co_filename}:{code.co_firstlineno}" if code else repr(function)
    previous = _gradients.get(name, (None, None))[1] or _built_in(name)
    if previous is not None:
        raise KeyError(
            f"Registering two gradient with name {name!r}! "
            f"(Previous registration was in {previous})"
        )
    _gradients[name] = function, where


def _built_in(name: str) -> str | None:
    """Where an operation of the catalogue or with rules of its own has its gradient."""
    plain = name.replace("_", "").lower()
    if any(plain == n.replace("_", "") for n in registry):
        return "gradtape's own operations"
    made = own.get(name)
    return "its declaration" if made is not None and (made.vjps or made.joint_jvp) else None
