"""Which functions AutoGraph rewrites: those of the user's that branch, or that may call such.

Rewriting costs milliseconds a line, so straight code runs as it is. Byte code tells whether a
function branches and which names it uses; what these names stand for now is looked at in turn. What
a function calls that only a run tells (a local variable, a method of one) may branch."""

from __future__ import annotations

import dis
import functools
import inspect
import types
from itertools import pairwise
from typing import Any

from gradtape.core.places import of_library
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable

BRANCHES = ("JUMP", "FOR_ITER", "UNARY_NOT", "SEND", "YIELD")
REWRITTEN_CALLS = {"print", "range"}
OF_TENSORS = {*dir(Tensor), *dir(Variable)}
left_alone: set[Any] = set()  # the code of functions that are not to be rewritten


def code_of(function: Any) -> Any:
    """The code of a Python function or method, else None."""
    return getattr(getattr(function, "__func__", function), "__code__", None)


def wanted(function: Any) -> bool:
    """Whether a Python function is to be rewritten."""
    code = function.__code__
    if code in left_alone or of_library(code.co_filename) or inspect.isgeneratorfunction(function):
        return False
    return (_branches(code) or _calls_branches(function, set())) and _has_source(function)


def _has_source(function: Any) -> bool:
    try:
        inspect.getsource(function)
    except (OSError, TypeError):
        return False
    return True


@functools.lru_cache(maxsize=4096)
def _branches(code: Any) -> bool:
    """Whether code has a statement or expression that would be rewritten."""
    if not REWRITTEN_CALLS.isdisjoint(code.co_names):
        return True
    for instruction in dis.get_instructions(code):
        if any(word in instruction.opname for word in BRANCHES):
            return True
    return any(_branches(c) for c in code.co_consts if isinstance(c, types.CodeType))


@functools.lru_cache(maxsize=4096)
def _calls_unknown(code: Any) -> bool:
    """Whether code calls a local variable, or something that it finds in one."""
    instructions = list(dis.get_instructions(code))
    for now, after in pairwise(instructions):
        if now.opname == "PUSH_NULL" and _local(after):
            return True
        if _local(now):
            if after.opname == "PUSH_NULL":
                return True
            if after.opname in ("LOAD_METHOD", "LOAD_ATTR") and after.argval not in OF_TENSORS:
                return True
    return any(_calls_unknown(c) for c in code.co_consts if isinstance(c, types.CodeType))


def _local(instruction: Any) -> bool:
    return instruction.opname.startswith("LOAD_FAST")


def _calls_branches(function: Any, seen: set[Any]) -> bool:
    """Whether a function may call code of the user's that branches."""
    code = function.__code__
    if code in seen:
        return False
    seen.add(code)
    if _calls_unknown(code):
        return True
    names = _names(code)
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    for name in names:
        if name in cells:
            try:
                value = cells[name].cell_contents
            except ValueError:  # not bound yet
                return True
        else:
            value = function.__globals__.get(name)
        if _may_branch(value, names, seen):
            return True
    return False


def _names(code: Any) -> set[str]:
    """The names of globals, attributes and outer variables in code and in what it defines."""
    inner = [_names(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return {*code.co_names, *code.co_freevars}.union(*inner)


def _may_branch(value: Any, names: set[str], seen: set[Any]) -> bool:
    """Whether a value that code with these names uses may lead to code that branches."""
    if isinstance(value, types.ModuleType):
        if of_library(getattr(value, "__file__", None) or "<none>"):
            return False
        return any(_may_branch(value.__dict__.get(n), names, seen) for n in names)
    if isinstance(value, functools.partial):
        return _may_branch(value.func, names, seen)
    if isinstance(value, (list, tuple)):
        return any(_may_branch(v, names, seen) for v in value[:100])
    if isinstance(value, dict):
        return any(_may_branch(v, names, seen) for v in list(value.values())[:100])
    function = getattr(value, "__func__", value)
    if isinstance(function, types.FunctionType):
        if of_library(function.__code__.co_filename):
            return _may_branch(getattr(function, "__wrapped__", None), names, seen)
        return _branches(function.__code__) or _calls_branches(function, seen)
    return not inspect.isclass(value) and _of_users_class(type(value))


@functools.lru_cache(maxsize=4096)
def _of_users_class(kind: type) -> bool:
    """Whether a class has methods of the user's."""
    methods = [code_of(m) for base in kind.__mro__ for m in vars(base).values()]
    return any(code is not None and not of_library(code.co_filename) for code in methods)
