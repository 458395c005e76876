"""What a function is traced for: the key of a call, and how arguments become inputs.

A call is flattened to leaves. Tensors, NumPy arrays and NumPy scalars count by dtype and shape;
variables by dtype, shape and which of them are the same; numbers, strings and other Python values
by their value; objects by their identity, and a key does not keep them alive. Two calls with one
key run one trace.
"""

from __future__ import annotations

import inspect
import types
import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.deferred import DeferredTensor
from gradtape.core.dtypes import from_numpy
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nest import optree
from gradtape.core.shapes import Spec, TensorSpec
from gradtape.core.sizes import Size, unknown_size
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.ops.sparse import IndexedSlices

INPUT, VARIABLE, STATIC = "input", "variable", "static"
PLAIN = (int, float, complex, str, bytes, bool, type(None))


class Leaf:
    """One leaf of the arguments: what kind it is and what the key holds of it."""

    __slots__ = ("key", "kind", "path", "value")

    def __init__(self, kind: str, key: Any, value: Any, path: str) -> None:
        self.kind = kind
        self.key = key
        self.value = value
        self.path = path

    def seen(self) -> Seen:
        """What is remembered of it."""
        return Seen(self.kind, self.key, self.path, brief(self.value))

    def shown(self) -> Callable[[], Any]:
        """A function that gives the Python value as long as it is there."""
        key, value = self.key, self.value
        if type(key) is Identity:
            return key.ref
        if type(value) is types.MethodType:
            return lambda: types.MethodType(key[2].ref(), key[1].ref())
        kept = value if self.kind == STATIC else None
        return lambda: kept


class Seen(NamedTuple):
    """What is remembered of a leaf, without its value."""

    kind: str
    key: Any
    path: str
    text: str


class Identity:
    """An object as part of a key: equal to itself alone, and where possible not kept alive."""

    __slots__ = ("number", "ref")

    def __init__(self, value: Any) -> None:
        self.number = id(value)
        self.ref: Callable[[], Any]
        try:
            self.ref = weakref.ref(value)
        except TypeError:
            self.ref = lambda: value

    @property
    def dead(self) -> bool:
        """Whether the object is gone."""
        return self.ref() is None

    def __eq__(self, other: object) -> bool:
        if type(other) is not Identity or other.number != self.number:
            return False
        value = self.ref()
        return value is not None and value is other.ref()

    def __hash__(self) -> int:
        return self.number


def _parts(key: Any) -> Any:
    return key if type(key) is tuple else (key,)


def dead(keys: Sequence[Any]) -> bool:
    """Whether an object that belongs to keys is gone, so that they never come again."""
    return any([type(p) is Identity and p.dead for key in keys for p in _parts(key)])


class Parameters:
    """The parameters of a Python function, and how calls are bound to them."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.signature = inspect.signature(function)
        parameters = list(self.signature.parameters.values())
        self.names = [p.name for p in parameters]
        kinds = {p.kind for p in parameters}
        # calls with all parameters by position need no binding
        plain = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
        self.count = len(parameters) if kinds <= plain else -1

    def bound(self, args: tuple[Any, ...], kwargs: dict[str, Any], name: str) -> Any:
        """A call's arguments in the order of the parameters, defaults filled in."""
        if not kwargs and len(args) == self.count:
            return args, kwargs
        try:
            arguments = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(
                f"gradtape.function: binding inputs to {name}{self.signature} failed: {error}."
            ) from None
        arguments.apply_defaults()
        return arguments.args, arguments.kwargs

    def path(self, index: Any) -> str:
        """The name of an argument by its place in the flattened call."""
        first, *rest = index
        if first == 0:
            number, *rest = rest
            name = self.names[number] if number < len(self.names) else f"argument {number}"
        else:
            name, *rest = rest
        return str(name) + "".join(f"[{r!r}]" for r in rest)


def flattened(bound: Any, parameters: Parameters) -> tuple[Any, list[Leaf]]:
    """The structure of a bound call, and its leaves."""
    if not _composites:
        _register()
    paths, values, tree = optree.tree_flatten_with_path(
        bound, is_leaf=_is_leaf, none_is_leaf=True, namespace=NAMESPACE
    )
    seen: dict[int, int] = {}
    leaves = [leaf_of(v, parameters.path(p), seen) for v, p in zip(values, paths, strict=True)]
    return tree, leaves


def quick_key(values: Sequence[Any], key: list[Any], tensors: list[Any]) -> bool:
    """Add to a key and to the tensors of a call what these arguments hold, in order; False where
    there is more in them than plain tensors, in lists and tuples."""
    for value in values:
        kind = type(value)
        if kind is Tensor or kind is DeferredTensor:
            key.append(value._dtype)
            key.append(value._shape)
            tensors.append(value)
        elif kind is list or kind is tuple:
            key.append(kind)
            key.append(len(value))
            if value and not quick_key(value, key, tensors):
                return False
        else:
            return False
    return True


NAMESPACE = "gradtape.function"
_composites: list[type] = []


def _register() -> None:
    """Let arguments that are several tensors count as these."""
    _composites.append(IndexedSlices)
    optree.register_pytree_node(
        IndexedSlices,
        lambda s: ((s.values, s.indices), s._shape),
        lambda shape, parts: _slices(shape, *parts),
        namespace=NAMESPACE,
    )


def _slices(shape: Any, values: Any, indices: Any) -> Any:
    """An `IndexedSlices` of tensors; specs stay as they are."""
    if isinstance(values, Tensor):
        return IndexedSlices(values, indices, shape)
    return values, indices


def _is_leaf(value: Any) -> bool:
    return isinstance(value, TensorSpec)


def leaf_of(value: Any, path: str, seen: dict[int, int]) -> Leaf:
    """How one argument counts."""
    if isinstance(value, Variable):
        alias = seen.setdefault(id(value), len(seen))
        shape = None if value.shape.rank is None else tuple(value.shape)
        key = (VARIABLE, value._dtype, shape, value._trainable, alias)
        return Leaf(VARIABLE, key, value, path)
    if isinstance(value, (np.ndarray, np.generic)):
        value = as_tensor(value, "function")
    if isinstance(value, Tensor):
        return Leaf(INPUT, (value._dtype, shape_key(value._shape)), value, path)
    if isinstance(value, TensorSpec):
        if value.shape.rank is None:
            raise ValueError(
                f"gradtape.function: {path!r} is a tf.TensorSpec without a number of axes. Give"
                " one: None in a shape leaves a size open, as in tf.TensorSpec([None, 3])."
            )
        return Leaf(INPUT, (value.dtype.numpy_dtype, tuple(value.shape)), value, path)
    return Leaf(STATIC, static_key(value), value, path)


def shape_key(shape: tuple[Any, ...]) -> tuple[Any, ...]:
    """A shape as part of a key: None where a size is open."""
    for n in shape:
        if type(n) is Size:
            return tuple([None if type(m) is Size else m for m in shape])
    return shape


def static_key(value: Any) -> Any:
    """A Python value as part of a key."""
    kind = type(value)
    if kind in PLAIN:
        return (kind, repr(value) if kind in (float, complex) else value)
    if kind is types.MethodType:
        return (kind, Identity(value.__self__), Identity(value.__func__))
    try:
        hash(value)
    except TypeError:
        return Identity(value)
    return Identity(value) if kind.__eq__ is object.__eq__ else (kind, value)


def opened(key: Any) -> Spec:
    """The spec of an input, with a size of its own wherever the key leaves one open."""
    dtype, shape = key
    return Spec([unknown_size() if n is None else n for n in shape], dtype)


def fits(key: Any, general: Any) -> bool:
    """Whether a call's leaf key is covered by a more general one."""
    if key == general:
        return True
    if not (isinstance(general, tuple) and isinstance(key, tuple)):
        return False
    if not (len(key) == len(general) == 2 and isinstance(general[0], np.dtype)):
        return False
    if key[0] != general[0]:
        return False
    return len(key[1]) == len(general[1]) and all(
        g is None or g == k for k, g in zip(key[1], general[1], strict=True)
    )


def generalised(keys: Sequence[Any], others: Sequence[Any]) -> list[Any] | None:
    """The least general keys that cover two calls that differ in sizes alone, else None."""
    found = []
    for a, b in zip(keys, others, strict=True):
        if a == b:
            found.append(a)
            continue
        if not (isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b) == 2):
            return None
        if not isinstance(a[0], np.dtype) or a[0] != b[0] or len(a[1]) != len(b[1]):
            return None
        sizes = tuple([n if n == m else None for n, m in zip(a[1], b[1], strict=True)])
        found.append((a[0], sizes))
    return found


# input_signature


class InputSignature:
    """The specs that a user gives for the arguments, in the structure of the arguments."""

    def __init__(self, given: Any, parameters: Parameters, name: str) -> None:
        if not isinstance(given, (list, tuple)):
            raise TypeError(
                "gradtape.function: input_signature must be a list or tuple of tf.TensorSpec, not"
                f" {brief(given)}."
            )
        self.given = tuple(given)
        leaves = optree.tree_leaves(self.given, is_leaf=_is_leaf, none_is_leaf=True)
        for leaf in leaves:
            if not isinstance(leaf, TensorSpec):
                raise TypeError(
                    "gradtape.function: input_signature must hold tf.TensorSpec, not"
                    f" {brief(leaf)}."
                )
        self.name = name
        known = list(parameters.signature.parameters.values())
        named = [p for p in known if p.kind in (p.KEYWORD_ONLY, p.VAR_KEYWORD)]
        self._parameters = [p for p in known if p not in named][len(self.given) :] + named
        if parameters.count >= 0 and len(self.given) > parameters.count:
            raise TypeError(
                f"gradtape.function: input_signature has {len(self.given)} entries, but {name}"
                f" takes {parameters.count} arguments."
            )

    def converted(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The arguments of a bound call, those with a spec as tensors that fit it.

        Raises:
            TypeError: when they do not, and when an argument without a spec is not its default.
        """
        count = len(self.given)
        names = [p.name for p in self._parameters]
        rest = {**dict(zip(names, args[count:], strict=False)), **kwargs}
        for parameter in self._parameters:
            value = rest.pop(parameter.name, parameter.default)
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                self._refuse(bool(value) and value is not parameter.default, parameter.name)
            elif value is not parameter.default:
                self._refuse(static_key(value) != static_key(parameter.default), parameter.name)
        self._refuse(len(args) < count or len(args) > count + len(names) or bool(rest), "*args")
        return (*self._fit(args[:count]), *args[count:]), kwargs

    def _refuse(self, wrong: bool, name: str) -> None:
        if wrong:
            raise TypeError(
                f"Binding inputs to tf.function failed: {self.name} has an input_signature of"
                f" {len(self.given)} arguments, in which {name!r} has no tf.TensorSpec. Add one, or"
                " leave the argument at its default."
            )

    def _fit(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        try:
            return optree.tree_map(
                self._fitted, self.given, args, is_leaf=_is_leaf, none_is_leaf=True
            )
        except ValueError as error:
            if isinstance(error, InvalidArgumentError):
                raise
            raise TypeError(
                f"Binding inputs to tf.function failed: the arguments of {self.name} are not"
                f" structured as input_signature={self.given}: {error}"
            ) from None

    def _fitted(self, spec: TensorSpec, value: Any) -> Any:
        if isinstance(value, TensorSpec):
            tensor: Any = Spec(tuple(value.shape), value.dtype.numpy_dtype)
        else:
            tensor = value = as_tensor_like(value, spec.dtype.numpy_dtype, "function")
        if tensor._dtype != spec.dtype.numpy_dtype or not spec.shape.is_compatible_with(
            tensor._shape
        ):
            raise SignatureError(
                "Binding inputs to tf.function failed due to `Can not cast"
                f" {TensorSpec(tensor._shape, from_numpy(tensor._dtype))} to {spec}`: {self.name}"
                " was given an input_signature. Convert or reshape the argument."
            )
        return value

    def keys(self, leaves: Sequence[Leaf]) -> list[Any]:
        """The keys under which a call's first leaves are traced: those of the specs. A spec of
        unknown rank takes the rank of the argument."""
        specs = optree.tree_leaves(self.given, is_leaf=_is_leaf, none_is_leaf=True)
        return [
            (s.dtype.numpy_dtype, tuple(s.shape))
            if s.shape.rank is not None
            else (s.dtype.numpy_dtype, (None,) * len(leaf.key[1]))
            for s, leaf in zip(specs, leaves, strict=False)
        ]


class SignatureError(TypeError, InvalidArgumentError):
    """An argument does not fit the input_signature of a function."""
