"""Families of primitives: from the kind of an operation follow its vjp, jvp, batching and shape
rules.

elementwise     one input, one derivative: `elementwise("sin", lambda xp, x: xp.sin(x), lambda x:
                cos(x))`
pairwise        two inputs that broadcast, each with a slope: a map from a tangent to a tangent
stepwise        constant between jumps: comparisons, rounding, argmax
linear          linear in its one tensor input: the kernel is its jvp, the vjp is the transpose
bilinear        linear in each of two inputs

Broadcasting is undone by the walk (the fact `broadcasts`), complex conjugation here. A derivative
says by its parameter names what it needs: `x` keeps the input, `out` the output. A zero cotangent
or tangent gives zero whatever the derivative is, not 0 * inf = nan: products with slopes are
`safe_multiply` and `safe_divide`, or `chain_multiply` where an exact 0 among slopes is a mask."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.dispatch import apply
from gradtape.core.nothing import STEPWISE, Nothing
from gradtape.core.primitive import Primitive, Rule, names, primitive
from gradtape.core.shapes import Spec
from gradtape.ops.basis import (
    batch_elementwise,
    broadcast_shapes,
    chain_multiply,
    conj,
    elementwise_shape,
    safe_multiply,
)
from gradtape.ops.calls import binary, unary

INEXACT = "fcV"
FLOATING = "fV"
REAL = "iufV"
NUMERIC = "iufcV"
INTEGER = "iu"
ANY = "biufcV"


def elementwise(
    name: str,
    kernel: Callable[..., Any],
    derivative: Callable[..., Any] | Nothing,
    doc: str,
    example: tuple[Any, Any] | None = None,
    *,
    kinds: str = INEXACT,
    wide: bool = False,
    stops: bool = False,
) -> Callable[..., Any]:
    """Declare an elementwise function of one input and return its public function.

    Args: name: its name. kernel: `lambda xp, x: ...`, keeping the dtype. derivative: `lambda x:
        ...` or `lambda out: ...` in gradtape's operations; the factor, not the product. doc: a
        sentence with the mathematics. example: an argument and the value there, checked as a
        doctest. kinds: NumPy's letters of the dtypes that it takes. wide: compute 16-bit types in
        float32. stops: a slope of exactly 0 stops an infinite cotangent too, as a mask does.
    """
    if wide:
        kernel = in_single(kernel)
    product = chain_multiply if stops else safe_multiply
    if isinstance(derivative, Nothing):
        vjp: Any = derivative
        jvp: Any = derivative
    else:
        slope: Callable[..., Any] = derivative
        needed = names(slope)
        vjp = Rule(lambda ct, *needs: product(ct, conj(slope(*needs))), ("x",), like=needed)
        jvp = Rule(lambda t, *needs: product(t, slope(*needs)), ("x",), like=needed)
    made = primitive(
        name,
        kernel,
        vjps=[vjp],
        jvps=[jvp],
        batch=lambda mask, x: function(x),
        shape=elementwise_shape,
        kinds=kinds,
        family="elementwise",
        differentiable=not isinstance(derivative, Nothing),
        doc=documented(doc, name, example),
    )
    function = unary(made)
    return function


def pairwise(
    name: str,
    kernel: Callable[..., Any],
    left: Callable[..., Any] | Nothing,
    right: Callable[..., Any] | Nothing,
    doc: str,
    example: tuple[Any, Any] | None = None,
    *,
    kinds: str = NUMERIC,
    wide: bool = False,
) -> Callable[..., Any]:
    """Declare an elementwise function of two broadcasting inputs and return its public function.

    `left` and `right` are slopes: `lambda t, x, y: ...` maps the tangent of the first (second)
    input to that of the output by multiplying it with the partial derivative. The vjp of a
    multiplication is the multiplication with the conjugate, so that the slope serves both
    directions: conj(slope(conj(ct)))."""
    if wide:
        kernel = in_single(kernel)
    inputs = ("x", "y")

    def vjp(slope: Any) -> Any:
        if isinstance(slope, Nothing):
            return slope
        turned = lambda ct, *needs: conj(slope(conj(ct), *needs))
        return Rule(turned, inputs, like=names(slope)[1:])

    def jvp(slope: Any) -> Any:
        return slope if isinstance(slope, Nothing) else Rule(slope, inputs)

    made = primitive(
        name,
        kernel,
        vjps=[vjp(left), vjp(right)],
        jvps=[jvp(left), jvp(right)],
        batch=batch_elementwise(lambda x, y: function(x, y)),
        shape=elementwise_shape,
        broadcasts=True,
        kinds=kinds,
        family="elementwise",
        differentiable=not (isinstance(left, Nothing) and isinstance(right, Nothing)),
        doc=documented(doc, name, example),
    )
    function = binary(made)
    return function


def stepwise(
    name: str,
    kernel: Callable[..., Any],
    doc: str,
    example: tuple[Any, Any] | None = None,
    *,
    dtype: Any = None,
    kinds: str = ANY,
) -> Callable[..., Any]:
    """Declare an elementwise function that is constant between jumps: it has no derivative.

    `dtype` is that of the result where it differs from the input's. Kernels of one input `x` or
    two, `x` and `y`."""
    count = kernel.__code__.co_argcount - 1
    result = None if dtype is None else np.dtype(dtype)

    def shape(*specs: Any) -> Spec:
        return Spec(broadcast_shapes(*[s._shape for s in specs]), result or specs[0]._dtype)

    made = primitive(
        name,
        kernel,
        vjps=[STEPWISE] * count,
        jvps=[STEPWISE] * count,
        batch=batch_elementwise(lambda *inputs: function(*inputs)),
        shape=shape,
        kinds=kinds,
        differentiable=False,
        family="stepwise",
        doc=documented(doc, name, example),
    )
    function = (unary if count == 1 else binary)(made)
    return function


def linear(
    name: str,
    kernel: Callable[..., Any],
    transpose: Callable[..., Any],
    *,
    batch: Callable[..., Any],
    shape: Callable[..., Any],
    **facts: Any,
) -> Primitive:
    """Declare an operation that is linear in its one tensor input.

    `transpose` is its vjp, `lambda ct, x_shape, <keywords>: ...`; run it with `apply(primitive,
    (x,), params)`."""
    keywords = kernel.__code__.co_varnames[
        kernel.__code__.co_argcount : kernel.__code__.co_argcount
        + kernel.__code__.co_kwonlyargcount
    ]
    jvp = Rule(
        lambda t, *values: apply(made, (t,), dict(zip(keywords, values, strict=True))),
        ("x",),
        like=keywords,
    )
    made = primitive(
        name,
        kernel,
        vjps=[transpose],
        jvps=[jvp],
        batch=batch,
        shape=shape,
        linear=True,
        family="linear",
        **facts,
    )
    return made


def bilinear(
    name: str,
    kernel: Callable[..., Any],
    left: Callable[..., Any],
    right: Callable[..., Any],
    *,
    batch: Callable[..., Any],
    shape: Callable[..., Any],
    **facts: Any,
) -> Primitive:
    """Declare an operation that is linear in each of its two inputs.

    `left` and `right` are its vjps: `lambda ct, y, <keywords>: ...` and `lambda ct, x, <keywords>:
    ...`, for which the inputs are named as the kernel names them."""
    code = kernel.__code__
    a, b = code.co_varnames[1:3]
    keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]

    def run(x: Any, y: Any, values: Any) -> Any:
        return apply(made, (x, y), dict(zip(keywords, values, strict=True)))

    jvps = [
        Rule(lambda t, y, *values: run(t, y, values), (a, b), like=(b, *keywords)),
        Rule(lambda t, x, *values: run(x, t, values), (a, b), like=(a, *keywords)),
    ]
    made = primitive(
        name,
        kernel,
        vjps=[left, right],
        jvps=jvps,
        batch=batch,
        shape=shape,
        family="bilinear",
        **facts,
    )
    return made


def in_single(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel that computes 16-bit floats in float32 and rounds the result."""

    def widened(xp: Any, *arrays: Any, **params: Any) -> Any:
        dtype = arrays[0].dtype
        if dtype.itemsize != 2 or dtype.kind in "iu":
            return kernel(xp, *arrays, **params)
        value = kernel(xp, *[a.astype(np.float32) for a in arrays], **params)
        return value.astype(dtype)

    count = kernel.__code__.co_argcount - 1
    if count == 1:
        return lambda xp, x: widened(xp, x)
    return lambda xp, x, y: widened(xp, x, y)


def documented(doc: str, name: str, example: tuple[Any, Any] | None) -> str:
    """The docstring of an elementwise function: the sentence, what it takes, and a checked
    example.
    """
    text = textwrap.dedent(doc).strip()
    if ">>>" in text:
        return text
    text += (
        "\n\nWorks element by element, broadcasting where there are two inputs; the dtype is"
        " kept.\n"
    )
    if example is not None:
        arguments, value = example
        if not isinstance(arguments, tuple):
            arguments = (arguments,)
        call = f"tf.{PUBLIC.get(name, 'math.' + name)}({', '.join(map(repr, arguments))})"
        text += (
            f'\nExample:\n    >>> import gradtape as tf\n    >>> print(f"{{{call}:.6g}}")\n   '
            f" {value}\n"
        )
    return text


PUBLIC: dict[str, str] = {}  # names whose public path is not tf.math.<name>, by primitive
