"""`function`: a Python function that is traced once for each signature and then run as a graph.

The first call with a new signature runs the Python function on symbolic tensors and writes down
what it does; every later call runs that. What the Python code does besides tensor operations
(printing, appending to a list) happens while tracing, and only then.
"""

from __future__ import annotations

import copy
import functools
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.errors import brief, wrong_type
from gradtape.core.placement import detours
from gradtape.core.places import users_trace
from gradtape.core.sizes import Size, UnknownSizeError
from gradtape.core.state import here, lookouts
from gradtape.graph.concrete import ConcreteFunction
from gradtape.graph.methods import PerObject
from gradtape.graph.program import AssumptionError
from gradtape.graph.recipe import Recipe
from gradtape.graph.retraces import Retraces
from gradtape.graph.signature import (
    INPUT,
    InputSignature,
    Leaf,
    Parameters,
    dead,
    fits,
    flattened,
    generalised,
    quick_key,
)
from gradtape.graph.straight_call import OTHER, no_way, straight_call
from gradtape.graph.tracing import Tracing
from gradtape.ops.static import callable_or_raise

NOTE = "in user code: while gradtape.function recorded"


class _Settings:
    eagerly = False


_settings = _Settings()


def run_functions_eagerly(run_eagerly: bool) -> None:
    """Whether functions run as plain Python, for debugging.

    Example:
        >>> import gradtape as tf
        >>> tf.config.run_functions_eagerly(True)
        >>> tf.config.functions_run_eagerly()
        True
        >>> tf.config.run_functions_eagerly(False)
    """
    _settings.eagerly = bool(run_eagerly)
    if "eagerly" in detours:
        detours.remove("eagerly")
    if run_eagerly:
        detours.append("eagerly")


def functions_run_eagerly() -> bool:
    """Whether functions run as plain Python.

    Example:
        >>> import gradtape as tf
        >>> tf.config.functions_run_eagerly()
        False
    """
    return _settings.eagerly


def _as_python() -> bool:
    """Whether a call runs the Python function: on request, or because a lookout wants to see it."""
    return _settings.eagerly or any([lookout.as_python for lookout in lookouts])


class Function:
    """A Python function that is recorded once for each signature; `function` makes one.

    A method has traces for each object, which do not keep the object alive."""

    def __init__(
        self,
        python_function: Callable[..., Any],
        input_signature: Any = None,
        autograph: bool = True,
        jit_compile: bool | None = None,
        reduce_retracing: bool = False,
    ) -> None:
        for name in functools.WRAPPER_ASSIGNMENTS:
            if hasattr(python_function, name):
                setattr(self, name, getattr(python_function, name))
        self.__dict__.update(getattr(python_function, "__dict__", {}))
        self.name = getattr(python_function, "__name__", type(python_function).__name__)
        self._parameters = Parameters(python_function)
        self._given = input_signature
        self._signature = (
            None
            if input_signature is None
            else InputSignature(input_signature, self._parameters, self.name)
        )
        self._recipe = Recipe(
            lambda: python_function, autograph, self.name, self._parameters, jit_compile
        )
        self._autograph = autograph
        self._jit_compile = jit_compile
        self._reduce_retracing = reduce_retracing
        self._concrete: dict[Any, ConcreteFunction] = {}
        self._quick: dict[Any, ConcreteFunction] = {}
        self._straight: Any = no_way
        self._off = self._patience = 2  # how many more calls off the straight way before it moves
        self._by_size: set[Any] = set()  # what open sizes stand in the way of
        self._general: list[tuple[Any, list[Any], ConcreteFunction]] = []
        self._retraces = Retraces(self.name)
        self._called = self._retraces.calls.append
        self._traces = 0
        self._may_create = True
        self._methods = PerObject()
        self._lock = threading.RLock()

    @property
    def python_function(self) -> Any:
        """What was decorated."""
        return self._recipe.python()

    __wrapped__ = python_function

    @property
    def input_signature(self) -> Any:
        """The specs that were given, or None."""
        return self._given

    @property
    def function_spec(self) -> Any:
        """The signature of the Python function."""
        return self._parameters.signature

    # calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function."""
        if not kwargs:
            found = self._straight(args)
            if found is not OTHER:
                return found
        if not (kwargs or _settings.eagerly or (lookouts and _as_python())):
            key: list[Any] = []
            tensors: list[Any] = []
            if quick_key(args, key, tensors):
                concrete = self._quick.get(tuple(key))
                if concrete is not None:
                    self._called(False)
                    found = concrete.run(tensors, ())
                    self._off -= 1
                    if not self._off:
                        self._straighten(args, concrete)
                    return found
        if _as_python():
            return self.python_function(*args, **kwargs)
        concrete, leaves = self._found(args, kwargs)
        tensors = [leaf.value for leaf in leaves if leaf.kind == INPUT]
        try:
            return concrete.run(tensors, leaves)
        except (AssumptionError, UnknownSizeError):
            concrete = self._for_sizes(args, kwargs)
            return concrete.run(tensors, leaves)

    def _straighten(self, args: tuple[Any, ...], concrete: ConcreteFunction) -> None:
        """Give the calls of this signature the straight way, as so many did not find it; the next
        one is given after twice as many."""
        self._straight = straight_call(args, concrete, self._called) or self._straight
        self._patience *= 2
        self._off = self._patience

    def _found(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The trace for a call, made if there is none, and the call's leaves."""
        tree, leaves, keys = self._leaves(args, kwargs)
        key = (tree, tuple(keys))
        if key in self._by_size:
            keys = [leaf.key for leaf in leaves]
            key = (tree, tuple(keys))
        mode = here.mode
        inner = mode.functions if isinstance(mode, Tracing) else {}
        concrete = self._concrete.get(key) or inner.get((self._retraces, key))
        if concrete is not None:
            self._called(False)
        else:
            with self._lock:
                concrete = self._concrete.get(key) or self._made(tree, leaves, keys, key)
        if not kwargs and self._signature is None and key in self._concrete:
            plain: list[Any] = []
            tensors: list[Any] = []
            if quick_key(args, plain, tensors) and len(tensors) == len(leaves):
                self._quick[tuple(plain)] = concrete
        return concrete, leaves

    def _leaves(self, args: Any, kwargs: Any) -> tuple[Any, list[Leaf], list[Any]]:
        bound = self._parameters.bound(args, kwargs, self.name)
        if self._signature is not None:
            bound = self._signature.converted(*bound)
        tree, leaves = flattened(bound, self._parameters)
        keys = [leaf.key for leaf in leaves]
        if self._signature is not None:
            for i, (dtype, shape) in enumerate(self._signature.keys(leaves)):
                keys[i] = (dtype, shape)
        return tree, leaves, keys

    def _made(self, tree: Any, leaves: list[Leaf], keys: list[Any], key: Any) -> ConcreteFunction:
        """A trace for keys: a general one that covers them, or a new one."""
        for general_tree, general, concrete in self._general:
            if general_tree == tree and all(map(fits, keys, general)):
                self._concrete[key] = concrete
                self._called(False)
                return concrete
        self._called(True)
        wanted = keys
        if self._reduce_retracing:
            for other in self._retraces.keys(tree):
                wanted = generalised(keys, other) or wanted
        try:
            concrete = self._recorded(tree, leaves, wanted)
        except UnknownSizeError:
            actual = [leaf.key for leaf in leaves]
            if actual == wanted or any([_open(k) for k in actual]):
                raise
            self._by_size.add(key)
            wanted, key = actual, (tree, tuple(actual))
            concrete = self._recorded(tree, leaves, wanted)
        if wanted is not keys or any([_open(k) for k in wanted]):
            self._general.append((tree, wanted, concrete))
        self._retraces.note(tree, leaves)
        self._forget()
        if concrete.inside is None:
            self._concrete[key] = concrete
        else:
            concrete.inside.functions[self._retraces, key] = concrete
        self._retraces.warn(self, 4)
        return concrete

    def _forget(self) -> None:
        """Drop the traces for objects that are gone."""
        self._concrete = {k: c for k, c in self._concrete.items() if not dead(k[1])}
        self._general = [g for g in self._general if not dead(g[1])]

    def _recorded(self, tree: Any, leaves: list[Leaf], keys: list[Any]) -> ConcreteFunction:
        concrete, mode = self._once((tree, leaves, keys), self._may_create)
        self._may_create = False
        if mode.created:  # variables made each time would be seen by a second trace
            concrete, mode = self._once((tree, leaves, keys), False)
        symbolic = any([not t.concrete for t, _ in concrete._captured])
        concrete.inside = here.mode if symbolic and isinstance(here.mode, Tracing) else None
        return concrete

    def _once(self, call: Any, create: bool) -> Any:
        self._traces += 1
        try:
            return self._recipe(call, create)
        except Exception as error:
            self._explain(error, call[1])
            raise

    def _explain(self, error: Exception, leaves: list[Leaf]) -> None:
        """Add to an exception what was recorded, and the lines of the user's that led to it; what a
        function inside said of them is among these."""
        shown = ", ".join(f"{leaf.path}: {brief(leaf.value)}" for leaf in leaves)
        head = f"{NOTE} {self.name}({shown})"
        notes = [n for n in getattr(error, "__notes__", ()) if not n.startswith(NOTE)]
        error.__notes__ = [*notes, "\n".join([head, *users_trace(error.__traceback__)])]

    def _for_sizes(self, args: Any, kwargs: Any) -> ConcreteFunction:
        """The trace for the very sizes of a call, where the general one assumed others."""
        tree, leaves, _ = self._leaves(args, kwargs)
        keys = [leaf.key for leaf in leaves]
        key = (tree, tuple(keys))
        if key not in self._concrete or self._signature is None:
            self._concrete[key] = self._recorded(tree, leaves, keys)
            self._quick.clear()
            self._straight = no_way
        return self._concrete[key]

    # methods

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """The function of one object: each object has traces of its own."""
        if instance is None:
            return self
        return Method(self._methods.of(instance, self._made_for), instance)

    def _made_for(self, instance: Any) -> Function:
        method = self.python_function.__get__(instance)
        made = self._like(method)
        made._recipe.python = _weakly(method)
        return made

    def _like(self, python_function: Callable[..., Any]) -> Function:
        return Function(python_function, *self._options())

    def _options(self) -> tuple[Any, ...]:
        return self._given, self._autograph, self._jit_compile, self._reduce_retracing

    # copies

    def __copy__(self) -> Function:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Function:
        python_function = self.python_function
        copied = copy.deepcopy(python_function, memo)
        return self if copied is python_function else self._like(copied)

    def __reduce__(self) -> Any:
        module = sys.modules.get(getattr(self, "__module__", ""))
        name = getattr(self, "__qualname__", "")
        if getattr(module, name, None) is self:
            return name
        return Function, (self.python_function, *self._options())

    # asking

    def get_concrete_function(self, *args: Any, **kwargs: Any) -> ConcreteFunction:
        """The trace for a call with these arguments, in which `tf.TensorSpec` may stand for
        tensors.

        With an `input_signature` no arguments are needed.
        """
        if not args and not kwargs and self._signature is not None:
            args = self._signature.given
        return self._found(args, kwargs)[0]

    def experimental_get_tracing_count(self) -> int:
        """How many times the Python function was traced."""
        return self._traces

    def explain_retrace(self) -> str:
        """Why the last trace was made: which part of the signature differs from the most similar
        earlier one.
        """
        return self._retraces.explained()

    def pretty_printed_concrete_signatures(self, verbose: bool = True) -> str:
        """The signatures of all traces."""
        traces = {id(c): c for c in self._concrete.values()}
        return "\n\n".join(f"{self.name}\n{c.pretty_printed_signature()}" for c in traces.values())

    def __repr__(self) -> str:
        return f"<gradtape.function {self.name}{self._parameters.signature}>"


def _open(key: Any) -> bool:
    shape = key[1] if isinstance(key, tuple) and len(key) == 2 else None
    return isinstance(shape, tuple) and (None in shape or any(type(n) is Size for n in shape))


class Method(Function):
    """A function as the method of an object, which it keeps alive; its traces do not."""

    def __init__(self, function: Function, owner: Any) -> None:
        self.__dict__ = function.__dict__
        self._owner = owner

    __slots__ = ("_owner",)


def _weakly(function: Callable[..., Any]) -> Callable[[], Any]:
    """What gives a method, and does not keep its object alive where that can be helped."""
    try:
        return weakref.WeakMethod(function)
    except TypeError:
        return lambda: function


def function(
    func: Callable[..., Any] | None = None,
    input_signature: Any = None,
    autograph: bool = True,
    jit_compile: bool | None = None,
    reduce_retracing: bool = False,
    experimental_implements: str | None = None,
    experimental_autograph_options: Any = None,
    experimental_attributes: Any = None,
    experimental_relax_shapes: bool | None = None,
    experimental_compile: bool | None = None,
    experimental_follow_type_hints: bool | None = None,
) -> Any:
    """Record a Python function as a graph at its first call, and run that from then on.

    Args:
        func: the function; leave it out to use this as a decorator with arguments.
        input_signature: a list of `tf.TensorSpec`, one for each argument; None in a shape leaves a
            size open. The function is then traced once.
        autograph: whether `if`, `while`, `for` and the like on tensors become operations.
        jit_compile: True compiles with XLA always, False never; by default graphs that NumPy runs
            faster than compiled code starts are run on NumPy.
        reduce_retracing: whether sizes that change between calls are left open.
        experimental_implements, experimental_autograph_options, experimental_attributes,
            experimental_follow_type_hints: ignored, for compatibility.
        experimental_relax_shapes, experimental_compile: older names of `reduce_retracing` and
            `jit_compile`.

    Raises:
        TypeError: when `func` is no function, or `jit_compile` no bool.

    Returns:
        A `Function`. A call with a new signature (dtypes, shapes, structure, Python values) traces;
        `explain_retrace()` says which part was new.

    Example:
        >>> import gradtape as tf
        >>> @tf.function
        ... def f(x):
        ...     return tf.reduce_sum(x * x)
        >>> float(f(tf.constant([1.0, 2.0])))
        5.0
    """
    if experimental_relax_shapes is not None:
        reduce_retracing = experimental_relax_shapes
    if experimental_compile is not None:
        jit_compile = experimental_compile
    if not (jit_compile is None or isinstance(jit_compile, (bool, np.bool_))):
        raise wrong_type("function", "jit_compile", "True, False or None", jit_compile)

    def decorated(python_function: Callable[..., Any]) -> Any:
        callable_or_raise(python_function, "function", "func")
        if isinstance(python_function, Function):
            python_function = python_function.python_function
        return Function(python_function, input_signature, autograph, jit_compile, reduce_retracing)

    return decorated if func is None else decorated(func)
