"""The short cuts of elementwise operations: from Python values to a kernel in as few steps as
Python allows.

`unary` and `binary` make the public function of a primitive. When nothing special is active they
call the kernel on the arrays at once and tell the tapes; otherwise they go through
`dispatch.apply`. They check what the kernel would not: the kind of dtype, and that two tensors have
one dtype."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.dispatch import apply, explained, record_one, record_two
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.primitive import TENSOR, Primitive
from gradtape.core.quick import quick
from gradtape.core.state import here
from gradtape.core.steps import single
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.core.xp_numpy import restore, silence, xp

KIND_NAMES = {
    "biufcV": "any", "b": "bool", "iu": "integer", "biu": "integer or bool", "fV": "floating-point",
    "fcV": "floating-point or complex", "iufV": "real", "iufcV": "numeric", "c": "complex",
    "f": "float16, float32 or float64",
}  # fmt: skip


def wrong_kind(name: str, kinds: str, *values: Any) -> InvalidArgumentError:
    """The error for an input of a dtype that the operation does not take."""
    shown = ", ".join(brief(v) for v in values)
    remedy = (
        "tf.cast(x, tf.float32)"
        if "f" in kinds
        else "tf.cast(x, tf.bool)"
        if kinds == "b"
        else "tf.cast(x, tf.int32)"
    )
    wanted = KIND_NAMES.get(kinds, kinds)
    article = "an" if wanted[0] in "aeiou" else "a"
    return InvalidArgumentError(
        f"gradtape.{name}({shown}): needs {article} {wanted} tensor. Write {remedy}."
    )


def mixed_dtypes(name: str, x: Any, y: Any) -> InvalidArgumentError:
    """The error for two tensors of different dtypes."""
    return InvalidArgumentError(
        f"gradtape.{name}({brief(x)}, {brief(y)}): the dtypes differ, {x.dtype.name} and"
        f" {y.dtype.name}. Tensors are not promoted: write tf.cast(y, tf.{x.dtype.name})."
    )


def unary(primitive: Primitive) -> Callable[..., Any]:
    """The public function of an elementwise primitive of one input."""
    name, kernel, kinds = primitive.name, primitive.kernel, primitive.kinds
    recorded = primitive.differentiable
    how = primitive.kept((True,)) if recorded else None

    plain = short_cut(primitive, 1)

    def call(x: Any, name: str | None = None) -> Any:
        if plain is not None and (out := plain(x)) is not None:
            return out
        if type(x) is not Tensor:
            x = x._read() if type(x) is Variable else as_tensor(x, primitive.name)
        if here.special:
            follower = here.follower if recorded else None
            out = None if follower is None else follower.run_one(primitive, x, how)
            if out is not None:
                return out
            if x._dtype.kind not in kinds:
                raise wrong_kind(primitive.name, kinds, x)
            return apply(primitive, (x,))
        array = x._array
        if array.dtype.kind not in kinds:
            raise wrong_kind(primitive.name, kinds, x)
        token = silence()
        try:
            out = Tensor(kernel(xp, array))
        except (ValueError, TypeError, MemoryError) as error:
            raise explained(error, primitive.name, (x,), {}) from error
        finally:
            restore(token)
        if recorded:
            tapes = here.tapes
            if tapes:
                record_one(primitive, x, out, tapes, how)
        return out

    return dressed(call, name, primitive)


def binary(primitive: Primitive, refused: Any = None) -> Callable[..., Any]:
    """The public function of an elementwise primitive of two inputs of one dtype.

    As an operator it leaves a right operand of the type `refused` to that operand's own method.
    """
    name, kernel, kinds = primitive.name, primitive.kernel, primitive.kinds
    recorded = primitive.differentiable
    masks = ((False, False), (True, False), (False, True), (True, True))
    table = [_how(primitive, m) for m in masks] if recorded else None

    plain = short_cut(primitive, 2)

    def call(x: Any, y: Any, name: str | None = None) -> Any:
        if plain is not None and (out := plain(x, y)) is not None:
            return out
        if type(x) is not Tensor or type(y) is not Tensor:
            if type(y) is refused:
                return NotImplemented
            x, y = pair(x, y, primitive.name)
        if here.special:
            follower = here.follower if recorded else None
            out = None if follower is None else follower.run_two(primitive, x, y, table)
            if out is not None:
                return out
            check_pair(primitive.name, kinds, x, y)
            return apply(primitive, (x, y))
        a = x._array
        b = y._array
        dtype = a.dtype
        if (dtype is not b.dtype and dtype != b.dtype) or dtype.kind not in kinds:
            check_pair(primitive.name, kinds, x, y)
        token = silence()
        try:
            out = Tensor(kernel(xp, a, b))
        except (ValueError, TypeError, ZeroDivisionError, MemoryError) as error:
            raise explained(error, primitive.name, (x, y), {}) from error
        finally:
            restore(token)
        if recorded:
            tapes = here.tapes
            if tapes:
                record_two(primitive, x, y, out, tapes, table)
        return out

    return dressed(call, name, primitive)


def short_cut(primitive: Primitive, inputs: int, function: Any = None) -> Any:
    """The extension's way for the plain case, which returns None for any other; None without it.

    It calls the kernel, or a `function` of the arrays, which may return None too.
    """
    if quick is None:
        return None
    masks = list(product((False, True), repeat=inputs))
    masks = [tuple(reversed(m)) for m in masks]  # the first input's bit is the lowest
    table = tuple([primitive.kept(m) for m in masks]) if primitive.differentiable else None
    run, space = function or single(primitive.kernel), None
    if run is None:
        run, space = primitive.kernel, xp
    return quick.Plain(primitive, run, space, primitive.kinds, inputs, table)


def _how(primitive: Primitive, wanted: tuple[bool, ...]) -> tuple[bool, ...]:
    """Which inputs and, last, whether the output is kept when these inputs are connected."""
    tensors, out = primitive.kept(wanted)
    return (*[t == TENSOR for t in tensors], out)


def check_pair(name: str, kinds: str, x: Any, y: Any) -> None:
    """Raise unless two tensors have one dtype, of a kind that the operation takes."""
    if x._dtype != y._dtype:
        raise mixed_dtypes(name, x, y)
    if x._dtype.kind not in kinds:
        raise wrong_kind(name, kinds, x, y)


def pair(x: Any, y: Any, function: str) -> tuple[Any, Any]:
    """Convert two operands, of which a number or an array takes the dtype of the other, a
    tensor.
    """
    if type(x) is Tensor and (type(y) is float or type(y) is int):
        dtype = x._array.dtype
        if dtype.kind == "f":
            return x, Tensor(dtype.type(y))
    elif type(y) is Tensor and (type(x) is float or type(x) is int):
        dtype = y._array.dtype
        if dtype.kind == "f":
            return Tensor(dtype.type(x)), y
    if type(x) is Variable:
        x = x._read()
    if type(y) is Variable:
        y = y._read()
    if type(x) is Tensor and type(y) is Tensor:
        return x, y
    if isinstance(x, Tensor):
        return x, as_tensor_like(y, x._dtype, function)
    if isinstance(y, Tensor):
        return as_tensor_like(x, y._dtype, function), y
    if hasattr(y, "__tf_tensor__"):
        y = as_tensor(y, function)
        return as_tensor_like(x, y._dtype, function), y
    x = as_tensor(x, function)
    return x, as_tensor_like(y, x._dtype, function)


def first_named(argument: str, *functions: Callable[..., Any]) -> None:
    """Give the functions' first argument TensorFlow's name, for calls by keyword.

    The compiled code is renamed, so that no call takes a step more.
    """
    for function in functions:
        code = function.__code__
        function.__code__ = code.replace(co_varnames=(argument, *code.co_varnames[1:]))


def dressed(call: Callable[..., Any], name: str, primitive: Primitive) -> Callable[..., Any]:
    """The function under its public name, with its documentation and its primitive."""
    call.__name__ = call.__qualname__ = name
    call.__doc__ = primitive.doc
    call.__module__ = "gradtape"
    call.primitive = primitive  # type: ignore[attr-defined]
    return call
