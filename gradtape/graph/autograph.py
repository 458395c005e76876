"""AutoGraph: Python's `if`, `while`, `for` and the like on tensors become operations, by rewriting
the source of a function.

The rewriting is done by the package diastatic-malt, which is TensorFlow's AutoGraph by itself
(`autograph_rewriting`); what the rewritten statements mean is in `autograph_statements`. A function
is rewritten when it is traced and `autograph_choice` finds a reason; functions whose source cannot
be read run as they are."""

from __future__ import annotations

import functools
import inspect
import types
import warnings
from collections.abc import Callable
from typing import Any

from malt.operators import py_builtins

from gradtape.autodiff.curvature import ggn, hvp
from gradtape.autodiff.mapping import vectorized_map
from gradtape.autodiff.pullbacks import vjp
from gradtape.autodiff.pushforwards import jvp, linearize
from gradtape.core.errors import InvalidArgumentError, brief, wrong_type
from gradtape.core.places import of_library
from gradtape.graph import autograph_statements as statements
from gradtape.graph.autograph_choice import code_of, left_alone, wanted
from gradtape.graph.autograph_rewriting import Rewriter
from gradtape.graph.branches import case, cond, switch_case
from gradtape.graph.loops import while_loop
from gradtape.graph.scanning import foldl, foldr, map_fn, scan

RECORDING = (
    cond, case, switch_case, while_loop, scan, map_fn, foldl, foldr, vectorized_map, ggn, hvp, jvp,
    linearize, vjp,
)  # fmt: skip


def converted(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose statements on tensors become operations."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return converted_call(function, args, kwargs)

    return call


def do_not_convert(func: Callable[..., Any] | None = None) -> Any:
    """Leave a function as it is when it is called in a recorded function.

    Example:
        >>> import gradtape as tf
        >>> @tf.autograph.experimental.do_not_convert
        ... def plain(x):
        ...     return x + 1
        >>> int(tf.function(lambda x: plain(x))(tf.constant(1)))
        2
    """
    if func is None:
        return do_not_convert
    function = getattr(func, "python_function", func)
    left_alone.add(code_of(function) or code_of(type(function).__call__))
    return func


def to_code(entity: Callable[..., Any], recursive: bool = True) -> str:
    """The source of a function as AutoGraph rewrites it.

    Args:
        entity: a Python function or method.
        recursive: accepted for compatibility.

    Raises:
        InvalidArgumentError: when it is none, or its source cannot be read.

    Example:
        >>> import gradtape as tf
        >>> def f(x):
        ...     if x > 0.0:
        ...         x = -x
        ...     return x
        >>> "if_stmt" in tf.autograph.to_code(f)
        True
    """
    return inspect.getsource(_rewritten(entity, "to_code"))


def to_graph(entity: Callable[..., Any], recursive: bool = True) -> Callable[..., Any]:
    """A function as AutoGraph rewrites it: inside a recorded function its statements on tensors are
    operations.

    Args, Raises: as for `to_code`.

    Example:
        >>> import gradtape as tf
        >>> def f(x):
        ...     return -x if x < 0.0 else x
        >>> float(tf.autograph.to_graph(f)(tf.constant(-2.0)))
        2.0
    """
    return _rewritten(entity, "to_graph")


def _rewritten(entity: Any, function: str) -> Callable[..., Any]:
    """A function that the user asks to rewrite, or an error that says why it cannot be."""
    if not isinstance(entity, (types.FunctionType, types.MethodType)):
        needed = "a Python function (of a tf.function, write f.python_function)"
        raise wrong_type(f"autograph.{function}", "entity", needed, entity)
    try:
        return _rewriter.rewritten(entity)
    except Exception as error:  # of whatever kind the rewriter raises
        raise InvalidArgumentError(
            f"gradtape.autograph.{function}: {brief(entity)} cannot be rewritten: {error}"
        ) from error


# calls

_said: set[Any] = set()


def converted_call(
    f: Any, args: Any, kwargs: Any, caller_fn_scope: Any = None, options: Any = None
) -> Any:
    """Call a function as rewritten code does: rewritten itself, when it is the user's."""
    kwargs = kwargs or {}
    if isinstance(f, functools.partial):
        merged = {**f.keywords, **kwargs}
        return converted_call(f.func, (*f.args, *args), merged, caller_fn_scope)
    replaced = statements.BUILTINS.get(f) if _hashable(f) else None
    if replaced is not None:
        return replaced(*args, **kwargs)
    if type(getattr(f, "__self__", None)) is list and f.__name__ == "append":
        return statements.append(f.__self__, *args)
    if f is super and not args:
        return py_builtins.super_in_original_context(f, args, caller_fn_scope)
    if f is eval:
        return py_builtins.eval_in_original_context(f, args, caller_fn_scope)
    if f in (locals, globals) if _hashable(f) else False:
        return py_builtins.locals_in_original_context(caller_fn_scope)
    target, first = _target(f)
    if target is None:
        return f(*args, **kwargs)
    if of_library(target.__code__.co_filename):
        if target in RECORDING:
            args = [_passed(a) for a in args]
            kwargs = {k: _passed(v) for k, v in kwargs.items()}
    return _prepared(target)(*first, *args, **kwargs)


def _prepared(function: types.FunctionType) -> Any:
    """A function of the user's rewritten, or a library's decoration of such a one."""
    if of_library(function.__code__.co_filename):
        return _decoration(function) if "__wrapped__" in function.__dict__ else function
    if not wanted(function):
        return function
    try:
        return _rewriter.rewritten(function)
    except Exception as error:  # whatever the rewriter cannot read runs as it is
        if function.__code__ not in _said:
            _said.add(function.__code__)
            warnings.warn(
                f"AutoGraph could not transform {function!r} and will run it as-is. Cause: {error}"
                " To silence this warning, decorate the function with"
                " @tf.autograph.experimental.do_not_convert.",
                stacklevel=2,
            )
        return function


def _decoration(function: Any) -> Any:
    """A library's function around one of the user's, around the rewritten one instead."""
    inner = function.__wrapped__
    prepared = _prepared(inner) if isinstance(inner, types.FunctionType) else inner
    if prepared is inner:
        return function
    cells = [
        types.CellType(prepared) if _holds(c, inner) else c for c in function.__closure__ or ()
    ]
    made = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, None, tuple(cells)
    )
    made.__defaults__, made.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    return made


def _holds(cell: types.CellType, value: Any) -> bool:
    try:
        return cell.cell_contents is value
    except ValueError:  # not bound yet
        return False


def _hashable(value: Any) -> bool:
    return type(value).__hash__ is not None and not hasattr(value, "is_tensor_like")


def _target(f: Any) -> tuple[Any, tuple[Any, ...]]:
    """The Python function behind something callable, and the arguments that come first."""
    if inspect.ismethod(f):
        inner = f.__func__
        return (inner, (f.__self__,)) if isinstance(inner, types.FunctionType) else (None, ())
    if isinstance(f, types.FunctionType):
        return f, ()
    if inspect.isclass(f) or inspect.isbuiltin(f):
        return None, ()
    call = getattr(type(f), "__call__", None)  # noqa: B004
    if isinstance(call, types.FunctionType) and not of_library(call.__code__.co_filename):
        return call, (f,)
    return None, ()


def _passed(value: Any) -> Any:
    """An argument of a function that records the functions it is given: these are rewritten."""
    if type(value) in (list, tuple):
        return type(value)([_passed(v) for v in value])
    if type(value) is dict:
        return {k: _passed(v) for k, v in value.items()}
    if isinstance(value, types.FunctionType) and wanted(value):
        return converted(value)
    return value


_rewriter = Rewriter(converted_call)
