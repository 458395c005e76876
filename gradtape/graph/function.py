"""`function`: a Python function that is traced once for each signature and then run as a graph.

The first call with a new signature runs the Python function on symbolic tensors and writes down what
it does; every later call runs that. What the Python code does besides tensor operations (printing,
appending to a list) happens while tracing, and only then."""

from __future__ import annotations

import functools
import linecache
import threading
import warnings
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from gradtape.core.errors import brief
from gradtape.core.deferred import DeferredTensor
from gradtape.core.sizes import Size, UnknownSizeError
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.graph.autograph import converted
from gradtape.graph.concrete import ConcreteFunction, recorded
from gradtape.graph.places import users_trace
from gradtape.graph.program import AssumptionError
from gradtape.graph.signature import (
    INPUT,
    InputSignature,
    Leaf,
    Parameters,
    fits,
    flattened,
    generalised,
)
from gradtape.graph.tracing import Tracing
from gradtape.ops.static import callable_or_raise

MOST_RECENT, MANY = 10, 5


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


def functions_run_eagerly() -> bool:
    """Whether functions run as plain Python.

    Example:
        >>> import gradtape as tf
        >>> tf.config.functions_run_eagerly()
        False
    """
    return _settings.eagerly


class Function:
    """A Python function that is recorded once for each signature; `function` makes one.

    Attributes:
        python_function: what was decorated.
        input_signature: the specs that were given, or None.
    """

    def __init__(
        self,
        python_function: Callable[..., Any],
        input_signature: Any = None,
        autograph: bool = True,
        jit_compile: bool | None = None,
        reduce_retracing: bool = False,
    ) -> None:
        functools.update_wrapper(self, python_function)
        self.python_function = python_function
        self.name = getattr(python_function, "__name__", type(python_function).__name__)
        self._parameters = Parameters(python_function)
        self._given = input_signature
        self._signature = (
            None
            if input_signature is None
            else InputSignature(input_signature, self._parameters, self.name)
        )
        self._autograph = autograph
        self._jit_compile = jit_compile
        self._reduce_retracing = reduce_retracing
        self._converted = converted(python_function) if autograph else python_function
        self._concrete: dict[Any, ConcreteFunction] = {}
        self._quick: dict[Any, ConcreteFunction] = {}
        self._by_size: set[Any] = set()  # what open sizes stand in the way of
        self._general: list[tuple[Any, list[Any], ConcreteFunction]] = []
        self._history: list[tuple[Any, list[Leaf]]] = []
        self._traces = 0
        self._calls: deque[bool] = deque(maxlen=MOST_RECENT)
        self._warned = 0
        self._may_create = True
        self._bound: weakref.WeakKeyDictionary[Any, Function] = weakref.WeakKeyDictionary()
        self._lock = threading.RLock()

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
        if not kwargs and self._quick:
            concrete = self._looked_up(args)
            if concrete is not None:
                return concrete.run(list(args), ())
        if _settings.eagerly:
            return self.python_function(*args, **kwargs)
        concrete, leaves = self._found(args, kwargs)
        tensors = [leaf.value for leaf in leaves if leaf.kind == INPUT]
        try:
            return concrete.run(tensors, leaves)
        except (AssumptionError, UnknownSizeError):
            concrete = self._for_sizes(args, kwargs)
            return concrete.run(tensors, leaves)

    def _looked_up(self, args: tuple[Any, ...]) -> ConcreteFunction | None:
        """The trace for arguments that are all plain tensors, met before."""
        key: list[Any] = []
        for a in args:
            kind = type(a)
            if kind is not Tensor and kind is not DeferredTensor:
                return None
            key += a._dtype, a._shape
        return None if _settings.eagerly else self._quick.get(tuple(key))

    def _found(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The trace for a call, made if there is none, and the call's leaves."""
        tree, leaves, keys = self._leaves(args, kwargs)
        key = (tree, tuple(keys))
        if key in self._by_size:
            keys = [leaf.key for leaf in leaves]
            key = (tree, tuple(keys))
        mode = here.mode
        inner = mode.functions if isinstance(mode, Tracing) else {}
        concrete = self._concrete.get(key) or inner.get((self, key))
        self._calls.append(concrete is None)
        if concrete is None:
            with self._lock:
                concrete = self._concrete.get(key) or self._made(tree, leaves, keys, key)
        if not kwargs and all([type(a) in (Tensor, DeferredTensor) for a in args]):
            if key in self._concrete and self._signature is None:
                self._quick[tuple([p for a in args for p in (a._dtype, a._shape)])] = concrete
        return concrete, leaves

    def _leaves(self, args: Any, kwargs: Any) -> tuple[Any, list[Leaf], list[Any]]:
        bound = self._parameters.bound(args, kwargs, self.name)
        if self._signature is not None:
            given = self._signature.given
            rest = bound[0][len(given) :]
            bound = (*self._signature.converted(bound[0][: len(given)], {}), *rest), bound[1]
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
                self._calls[-1] = False
                return concrete
        wanted = keys
        if self._reduce_retracing:
            for other_tree, other in self._history:
                if other_tree == tree:
                    more = generalised(keys, [leaf.key for leaf in other])
                    wanted = more or wanted
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
        self._history.append((tree, leaves))
        if concrete.inside is None:
            self._concrete[key] = concrete
        else:
            concrete.inside.functions[self, key] = concrete
        self._warn()
        return concrete

    def _recorded(self, tree: Any, leaves: list[Leaf], keys: list[Any]) -> ConcreteFunction:
        concrete, mode = self._once(tree, leaves, keys, self._may_create)
        self._may_create = False
        if mode.created:  # variables made each time would be seen by a second trace
            concrete, mode = self._once(tree, leaves, keys, False)
        symbolic = any([not t.concrete for t, _ in concrete._captured])
        concrete.inside = here.mode if symbolic and isinstance(here.mode, Tracing) else None
        concrete.parameter_names = self._parameters.names
        return concrete

    def _once(self, tree: Any, leaves: list[Leaf], keys: list[Any], create: bool) -> Any:
        self._traces += 1
        try:
            return recorded(
                self._converted, self.name, tree, leaves, keys, create, self._jit_compile
            )
        except Exception as error:
            self._explain(error, leaves)
            raise

    def _explain(self, error: Exception, leaves: list[Leaf]) -> None:
        """Add to an exception what was recorded, and the user's lines of rewritten code."""
        shown = ", ".join(f"{leaf.path}: {brief(leaf.value)}" for leaf in leaves)
        lines = [f"in user code: while gradtape.function recorded {self.name}({shown})"]
        for filename, number, name in users_trace(error.__traceback__):
            lines.append(f'  File "{filename}", line {number}, in {name}')
            lines.append(f"    {linecache.getline(filename, number).strip()}")
        note = "\n".join(lines)
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)

    def _for_sizes(self, args: Any, kwargs: Any) -> ConcreteFunction:
        """The trace for the very sizes of a call, where the general one assumed others."""
        tree, leaves, _ = self._leaves(args, kwargs)
        keys = [leaf.key for leaf in leaves]
        key = (tree, tuple(keys))
        if key not in self._concrete or self._signature is None:
            self._concrete[key] = self._recorded(tree, leaves, keys)
            self._quick.clear()
        return self._concrete[key]

    def _warn(self) -> None:
        if sum(self._calls) >= MANY and self._warned < 2 and self._traces > MANY:
            self._warned += 1
            warnings.warn(
                f"{sum(self._calls)} out of the last {len(self._calls)} calls to {self!r} triggered"
                " tf.function retracing. Tracing is expensive: pass tensors instead of Python"
                " numbers, give an input_signature, or write @tf.function(reduce_retracing=True)."
                f" {self.explain_retrace()}",
                stacklevel=6,
            )

    # methods

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """The function of one object: each object has traces of its own."""
        if instance is None:
            return self
        try:
            found = self._bound.get(instance)
        except TypeError:
            return self._made_for(instance)
        if found is None:
            found = self._made_for(instance)
            self._bound[instance] = found
        return found

    def _made_for(self, instance: Any) -> Function:
        method = self.python_function.__get__(instance)
        return Function(
            method, self._given, self._autograph, self._jit_compile, self._reduce_retracing
        )

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
        if not self._history:
            return f"{self.name} was not traced yet."
        if len(self._history) == 1:
            return f"{self.name} was traced once, at its first call."
        tree, leaves = self._history[-1]
        best: list[str] | None = None
        for other_tree, others in self._history[:-1]:
            changes = _changes(tree == other_tree, leaves, others)
            if best is None or len(changes) < len(best):
                best = changes
        return f"{self.name} was traced again because {'; '.join(best or ['nothing changed'])}."

    def pretty_printed_concrete_signatures(self, verbose: bool = True) -> str:
        """The signatures of all traces."""
        traces = {id(c): c for c in self._concrete.values()}
        return "\n\n".join(
            f"{self.name}\n{c.pretty_printed_signature()}" for c in traces.values()
        )

    def __repr__(self) -> str:
        return f"<gradtape.function {self.name}{self._parameters.signature}>"


def _open(key: Any) -> bool:
    shape = key[1] if isinstance(key, tuple) and len(key) == 2 else None
    return isinstance(shape, tuple) and (None in shape or any(type(n) is Size for n in shape))


def _changes(same_structure: bool, leaves: list[Leaf], others: list[Leaf]) -> list[str]:
    """In words, what differs between two calls."""
    if not same_structure:
        return ["the arguments are structured in another way"]
    found = []
    for now, before in zip(leaves, others, strict=True):
        if now.key == before.key:
            continue
        if now.kind != before.kind:
            what = f"{brief(before.value)} became {brief(now.value)}"
        elif now.kind == INPUT:
            (dtype, shape), (other_dtype, other_shape) = now.key, before.key
            if dtype != other_dtype:
                what = f"the dtype changed from {other_dtype} to {dtype}"
            else:
                what = f"the shape changed from {list(other_shape)} to {list(shape)}"
        elif isinstance(now.value, Variable):
            what = f"another kind of variable came: {brief(now.value)}"
        else:
            what = (
                f"the Python value changed from {before.value!r} to {now.value!r} (each value is"
                " traced by itself: pass a tensor)"
            )
        found.append(f"of argument {now.path!r} {what}")
    return found


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

    def decorated(python_function: Callable[..., Any]) -> Any:
        callable_or_raise(python_function, "function", "func")
        if isinstance(python_function, Function):
            python_function = python_function.python_function
        return Function(
            python_function, input_signature, autograph, jit_compile, reduce_retracing
        )

    return decorated if func is None else decorated(func)


