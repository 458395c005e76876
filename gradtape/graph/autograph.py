"""AutoGraph: Python's `if`, `while`, `for` and the like on tensors become operations, by rewriting
the source of a function.

The rewriting is done by the package diastatic-malt, which is TensorFlow's AutoGraph by itself; what
the rewritten statements mean is in `autograph_statements`. A function is rewritten when it is traced
and its code branches or calls something that might; straight code that calls nothing but libraries
runs as it is. Functions whose source cannot be read run as they are too."""

from __future__ import annotations

import ast
import dis
import functools
import importlib.machinery
import importlib.util
import inspect
import os
import sysconfig
import types
import warnings
from collections.abc import Callable
from typing import Any

from malt.converters import (
    asserts,
    break_statements,
    call_trees,
    conditional_expressions,
    continue_statements,
    control_flow,
    directives,
    functions,
    logical_expressions,
    return_statements,
    variables,
)
from malt.core import converter, unsupported_features_checker
from malt.impl import api
from malt.lang import directives as directive_functions
from malt.lang import special_functions
from malt.operators import py_builtins

from gradtape.autodiff.mapping import vectorized_map
from gradtape.graph import autograph_statements as statements
from gradtape.graph.branches import case, cond, switch_case
from gradtape.graph.loops import while_loop
from gradtape.graph.places import rewritten as rewritten_lines
from gradtape.graph.scanning import foldl, foldr, map_fn, scan

OPTIONS = converter.ConversionOptions(
    recursive=True, user_requested=True, optional_features=(converter.Feature.ASSERT_STATEMENTS,)
)
RECORDING = (cond, case, switch_case, while_loop, scan, map_fn, foldl, foldr, vectorized_map)
BRANCHES = ("JUMP", "FOR_ITER", "UNARY_NOT", "SEND", "YIELD")
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_LIBRARIES = tuple(
    {os.path.abspath(p) for p in sysconfig.get_paths().values()} | {_HERE, "<frozen", "<string>"}
)


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
    _unconverted.add(_code_of(func))
    return func


_unconverted: set[Any] = set()


def to_code(entity: Callable[..., Any], recursive: bool = True) -> str:
    """The source of a function as AutoGraph rewrites it.

    Example:
        >>> import gradtape as tf
        >>> def f(x):
        ...     if x > 0.0:
        ...         x = -x
        ...     return x
        >>> "if_stmt" in tf.autograph.to_code(f)
        True
    """
    return inspect.getsource(_rewritten(entity))


def to_graph(entity: Callable[..., Any], recursive: bool = True) -> Callable[..., Any]:
    """A function as AutoGraph rewrites it: inside a recorded function its statements on tensors are
    operations.

    Example:
        >>> import gradtape as tf
        >>> def f(x):
        ...     return -x if x < 0.0 else x
        >>> float(tf.autograph.to_graph(f)(tf.constant(-2.0)))
        2.0
    """
    return _rewritten(entity)


# which functions are rewritten


def _code_of(function: Any) -> Any:
    function = getattr(function, "__func__", function)
    return getattr(function, "__code__", None)


def _is_library(code: Any) -> bool:
    """Whether code belongs to Python, to an installed package, or to gradtape."""
    name = code.co_filename
    return name.startswith(_LIBRARIES) or "__autograph_generated_file" in name


@functools.lru_cache(maxsize=4096)
def _branches(code: Any) -> bool:
    """Whether code has a statement or expression that AutoGraph would rewrite."""
    for instruction in dis.get_instructions(code):
        if any(word in instruction.opname for word in BRANCHES):
            return True
    if "print" in code.co_names or "range" in code.co_names:
        return True
    return any(_branches(c) for c in code.co_consts if isinstance(c, types.CodeType))


def _calls_users(function: Any, seen: set[Any]) -> bool:
    """Whether a function may call code of the user's that branches."""
    code = function.__code__
    if code in seen:
        return False
    seen.add(code)
    known = {**getattr(function, "__globals__", {})}
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        try:
            known[name] = cell.cell_contents
        except ValueError:  # not bound yet
            return True
    for name in (*code.co_names, *code.co_freevars):
        value = known.get(name)
        if isinstance(value, types.ModuleType) or value is None:
            continue
        if isinstance(value, types.FunctionType):
            if not _is_library(value.__code__) and (
                _branches(value.__code__) or _calls_users(value, seen)
            ):
                return True
        elif callable(value) and not inspect.isclass(value) and not inspect.isbuiltin(value):
            inner = _code_of(getattr(type(value), "__call__", None))
            if inner is not None and not _is_library(inner):
                return True
    # what is called as an attribute of a local (a layer, self.method) is not known here
    return bool(code.co_varnames[: code.co_argcount]) and _calls_attributes(code)


@functools.lru_cache(maxsize=4096)
def _calls_attributes(code: Any) -> bool:
    """Whether code calls methods of its arguments, or arguments themselves."""
    instructions = list(dis.get_instructions(code))
    arguments = set(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    for now, following in zip(instructions, instructions[1:], strict=False):
        if now.opname.startswith("LOAD_FAST") and now.argval in arguments:
            if following.opname in ("LOAD_METHOD", "PRECALL", "CALL", "CALL_FUNCTION"):
                return True
            if following.opname == "LOAD_ATTR":
                return True
    return any(_calls_attributes(c) for c in code.co_consts if isinstance(c, types.CodeType))


def _wanted(function: Any) -> bool:
    code = function.__code__
    if code in _unconverted or _is_library(code) or code.co_filename.startswith("<"):
        return code not in _unconverted and _in_shell(code) and _has_source(function)
    if inspect.isgeneratorfunction(function):
        return False
    return _branches(code) or _calls_users(function, set())


def _in_shell(code: Any) -> bool:
    """Whether code was typed in a notebook or a doctest, whose source Python keeps."""
    return code.co_filename.startswith(("<ipython-input", "<doctest"))


def _has_source(function: Any) -> bool:
    try:
        inspect.getsource(function)
    except (OSError, TypeError):
        return False
    return _branches(function.__code__) or _calls_users(function, set())


# rewriting

PASSES = (
    functions, directives, break_statements, asserts, continue_statements, return_statements,
    call_trees, control_flow, conditional_expressions, logical_expressions, variables,
)  # fmt: skip


class _Appends(ast.NodeTransformer):
    """`l.append(x)` as an assignment to `l`, where `l` is a variable of the function: so that loops
    know that they change it."""

    def __init__(self) -> None:
        self.local: set[str] = set()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """Enter a function with its own variables."""
        before, self.local = self.local, _assigned(node)
        node.body = [self.visit(statement) for statement in node.body]
        self.local = before
        return node

    def visit_Expr(self, node: ast.Expr) -> Any:
        """Rewrite a statement that appends."""
        call = node.value
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            return node
        target = call.func.value
        if call.func.attr != "append" or len(call.args) != 1 or call.keywords:
            return node
        if not isinstance(target, ast.Name) or target.id not in self.local:
            return node
        place = ast.copy_location(ast.Name(target.id, ast.Store()), target)
        module = ast.copy_location(ast.Name("ag__", ast.Load()), target)
        function = ast.copy_location(ast.Attribute(module, "list_append", ast.Load()), node)
        value = ast.copy_location(ast.Call(function, [target, call.args[0]], []), node)
        return ast.copy_location(ast.Assign([place], value), node)


def _assigned(function: Any) -> set[str]:
    """The names that a function assigns and that are its own."""
    found = {a.arg for a in (*function.args.args, *function.args.kwonlyargs)}
    other: set[str] = set()
    pending = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            continue
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            other.update(node.names)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        pending.extend(ast.iter_child_nodes(node))
    return found - other


class _Rewriter(api.PyToPy):
    """The rewriting of statements to calls of `autograph_statements`."""

    def get_extra_locals(self) -> dict[str, Any]:
        """What the rewritten code finds as `ag__`."""
        if self._extra_locals is None:
            spec = importlib.machinery.ModuleSpec("gradtape_autograph", None)
            module = importlib.util.module_from_spec(spec)
            module.__dict__.update(special_functions.__dict__)
            module.__dict__.update(directive_functions.__dict__)
            module.__dict__.update(vars(statements))
            module.__dict__.update(
                ConversionOptions=converter.ConversionOptions,
                STD=converter.STANDARD_OPTIONS,
                Feature=converter.Feature,
                converted_call=converted_call,
            )
            self._extra_locals = {"ag__": module}
        return self._extra_locals

    def transform_ast(self, node: Any, ctx: Any) -> Any:
        """Rewrite a function, one kind of statement after the other."""
        unsupported_features_checker.verify(node)
        node = self.initial_analysis(_Appends().visit(node), ctx)
        for one in PASSES:
            node = one.transform(node, ctx)
        return node


_rewriter = _Rewriter()


def _rewritten(function: Any) -> Callable[..., Any]:
    """The rewritten function of a Python function or method."""
    function = getattr(function, "__func__", function)
    made, module, source_map = _rewriter.transform(function, converter.ProgramContext(OPTIONS))
    if module.__file__ not in rewritten_lines:
        rewritten_lines[module.__file__] = {
            place.lineno: (origin.loc.filename, origin.loc.lineno)
            for place, origin in source_map.items()
            if place.filename == module.__file__
        }
    return made


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
    if f is super and not args:
        return py_builtins.super_in_original_context(f, args, caller_fn_scope)
    if f is eval:
        return py_builtins.eval_in_original_context(f, args, caller_fn_scope)
    if f in (locals, globals) if _hashable(f) else False:
        return py_builtins.locals_in_original_context(caller_fn_scope)
    target, first = _target(f)
    if target is None:
        return f(*args, **kwargs)
    if _is_library(target.__code__) and not _in_shell(target.__code__):
        if target in RECORDING:
            args = [_passed(a) for a in args]
            kwargs = {k: _passed(v) for k, v in kwargs.items()}
        return f(*args, **kwargs)
    if not _wanted(target):
        return f(*args, **kwargs)
    try:
        rewritten = _rewritten(target)
    except Exception as error:  # whatever the rewriter cannot read runs as it is
        if target.__code__ not in _said:
            _said.add(target.__code__)
            warnings.warn(
                f"AutoGraph could not transform {target!r} and will run it as-is. Cause: {error}"
                " To silence this warning, decorate the function with"
                " @tf.autograph.experimental.do_not_convert.",
                stacklevel=2,
            )
        return f(*args, **kwargs)
    return rewritten(*first, *args, **kwargs)


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
    call = getattr(type(f), "__call__", None)
    if isinstance(call, types.FunctionType) and not _is_library(call.__code__):
        return call, (f,)
    return None, ()


def _passed(value: Any) -> Any:
    """An argument of a function that records the functions it is given: these are rewritten."""
    if isinstance(value, types.FunctionType) and _wanted(value):
        return converted(value)
    return value


