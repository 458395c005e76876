"""`variable_scope` and `get_variable`: variables by name, made once and shared.

A scope prefixes names and says whether a name that is known already is an error or the variable of
that name. The variables by name belong to the graph; where operations run at once there is no
graph, and every call makes a variable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradtape.core.dtypes import DType, as_dtype, float32
from gradtape.core.errors import wrong_type
from gradtape.core.shapes import TensorShape
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.graph.building import get_default_graph
from gradtape.graph.variables import GraphKeys, VariableV1
from gradtape.ops.initial import ZerosInitializer
from gradtape.ops.initial_v1 import GlorotUniform
from gradtape.ops.static import callable_or_raise


class _Reuse:
    """Take the variable of a name, or make it when there is none."""

    def __repr__(self) -> str:
        return "tf.compat.v1.AUTO_REUSE"


AUTO_REUSE = _Reuse()


class VariableScope:
    """Where `get_variable` looks: a prefix for names, and defaults.

    Attributes:
        name: the prefix, without the slash behind it.
        reuse: None or False (a name is new), True (it is known), or AUTO_REUSE.
        initializer, regularizer, constraint, dtype: the defaults of `get_variable`.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.variable_scope("layer"):
        ...     tf.get_variable_scope().name
        'layer'
    """

    def __init__(
        self,
        reuse: Any = None,
        name: str = "",
        initializer: Any = None,
        regularizer: Any = None,
        constraint: Any = None,
        dtype: Any = float32,
        name_scope: str = "",
    ) -> None:
        self.reuse = reuse
        self.name = name
        self.initializer = initializer
        self.regularizer = regularizer
        self.constraint = constraint
        self.dtype: DType = as_dtype(dtype)
        self.original_name_scope = name_scope

    def reuse_variables(self) -> None:
        """From now on names must be known."""
        self.reuse = True

    def set_initializer(self, initializer: Any) -> None:
        """Set the default initializer."""
        self.initializer = initializer

    def set_regularizer(self, regularizer: Any) -> None:
        """Set the default regularizer."""
        self.regularizer = regularizer

    def global_variables(self) -> list[Any]:
        """The variables under this scope."""
        return get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES, self._pattern())

    def trainable_variables(self) -> list[Any]:
        """The trainable variables under this scope."""
        return get_default_graph().get_collection(GraphKeys.TRAINABLE_VARIABLES, self._pattern())

    def _pattern(self) -> str | None:
        return f"{self.name}/" if self.name else None

    def under(self, name: str) -> str:
        """A name behind the prefix."""
        return f"{self.name}/{name}" if self.name else name


def get_variable_scope() -> VariableScope:
    """Return the variable scope of the block.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> tf.get_variable_scope().name
        ''
    """
    graph = get_default_graph()
    if not graph.variable_scopes:
        graph.variable_scopes.append(VariableScope())
    return graph.variable_scopes[-1]


@contextmanager
def variable_scope(
    name_or_scope: Any,
    default_name: str | None = None,
    values: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    caching_device: Any = None,
    partitioner: Any = None,
    custom_getter: Any = None,
    reuse: Any = None,
    dtype: Any = None,
    use_resource: bool | None = None,
    constraint: Any = None,
    auxiliary_name_scope: bool = True,
) -> Iterator[VariableScope]:
    """Within the block `get_variable` looks under a name, and operations are named under it.

    Args:
        name_or_scope: a name, or a scope to enter again; None with `default_name`.
        default_name: a name that gets a number where it is taken, for a scope without a name.
        initializer, regularizer, constraint, dtype: defaults for `get_variable`.
        reuse: True where names must be known, `AUTO_REUSE` where they may be; inherited.
        auxiliary_name_scope: whether operations are named under it.
        values, caching_device, partitioner, use_resource: accepted for compatibility.
        custom_getter: not supported.

    Raises:
        ValueError: without any name, or with a custom getter.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default():
        ...     with tf.variable_scope("layer", reuse=tf.AUTO_REUSE):
        ...         a, b = tf.get_variable("w", [2]), tf.get_variable("w", [2])
        ...     a.name, a is b
        ('layer/w:0', True)
    """
    if custom_getter is not None:
        raise ValueError(
            "gradtape.variable_scope: custom_getter is not supported: write a function around"
            " tf.get_variable."
        )
    outer = get_variable_scope()
    graph = get_default_graph()
    if isinstance(name_or_scope, VariableScope):
        name, around = name_or_scope.name, name_or_scope
    else:
        name, around = _name_of(name_or_scope, default_name, outer), outer
    label = name.rpartition("/")[2]
    found = VariableScope(
        around.reuse if reuse is None else reuse,
        name,
        around.initializer if initializer is None else initializer,
        around.regularizer if regularizer is None else regularizer,
        around.constraint if constraint is None else constraint,
        around.dtype if dtype is None else dtype,
    )
    if outer.reuse and not reuse:
        found.reuse = outer.reuse
    graph.variable_scopes.append(found)
    try:
        if not auxiliary_name_scope or here.mode is None or not label:
            yield found
        else:
            with graph.name_scope(label) as prefix:
                found.original_name_scope = prefix
                yield found
    finally:
        graph.variable_scopes.remove(found)


def _name_of(name: Any, default_name: str | None, outer: VariableScope) -> str:
    if name is None and default_name is None:
        raise ValueError(
            "gradtape.variable_scope: if default_name is None then name_or_scope is required."
        )
    if name is not None:
        if not isinstance(name, str):
            raise wrong_type("variable_scope", "name_or_scope", "a string or VariableScope", name)
        return outer.under(name) if name else outer.name
    assert default_name is not None
    taken = get_default_graph().default_scopes
    number, found = 0, outer.under(default_name)
    while found in taken:
        number += 1
        found = outer.under(f"{default_name}_{number}")
    taken.add(found)
    return found


def get_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool | None = None,
    collections: Any = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: bool | None = None,
    custom_getter: Any = None,
    constraint: Any = None,
    synchronization: Any = None,
    aggregation: Any = None,
) -> Any:
    """Return the variable of a name under the variable scope, which is made if need be.

    Args:
        name: the name.
        shape: the shape, unless the initializer is a value.
        dtype: the dtype, by default the scope's.
        initializer: a function of shape and dtype, or a value; by default the scope's, else uniform
            numbers (Glorot and Bengio 2010), and zeros for integers.
        regularizer: a function of the variable whose result joins the regularization losses.
        trainable, collections, constraint: as `tf.compat.v1.Variable`.
        caching_device, partitioner, validate_shape, use_resource, custom_getter, synchronization,
            aggregation: accepted for compatibility.

    Raises:
        ValueError: when the name is known and must not be, or the other way round; when the shape
            or dtype differs from that of the known variable, or no shape is given.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default():
        ...     tf.get_variable("w", [2, 3])
        <tf.Variable 'w:0' shape=(2, 3) dtype=float32>
    """
    if not isinstance(name, str):
        raise wrong_type("get_variable", "name", "a string", name)
    scope = get_variable_scope()
    full = scope.under(name)
    graph = get_default_graph()
    known = graph.variables_by_name if here.mode is not None else {}
    wanted = scope.dtype if dtype is None else as_dtype(dtype)
    if full in known:
        return _reused(known[full], scope, full, shape, wanted if dtype is not None else None)
    if scope.reuse is True and here.mode is not None:
        raise ValueError(
            f"gradtape.get_variable: variable {full} does not exist, or was not created with"
            " tf.get_variable(). Did you mean to set reuse=tf.AUTO_REUSE in VarScope?"
        )
    regularizer = scope.regularizer if regularizer is None else regularizer
    if regularizer is not None:
        callable_or_raise(regularizer, "get_variable", "regularizer")
    value = _initial(name, shape, wanted, scope.initializer if initializer is None else initializer)
    options = {"name": full, "trainable": trainable, "collections": collections}
    options["constraint"] = scope.constraint if constraint is None else constraint
    with graph.name_scope(None):
        given = None if isinstance(value, Tensor) and dtype is None else wanted
        found = known[full] = VariableV1(value, dtype=given, **options)
    if regularizer is not None:
        with graph.name_scope(f"{full}/Regularizer/"):
            loss = regularizer(found)
        if loss is not None:
            graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)
    return found


def _reused(variable: Any, scope: VariableScope, name: str, shape: Any, dtype: Any) -> Any:
    if not scope.reuse:
        raise ValueError(
            f"gradtape.get_variable: variable {name} already exists, disallowed. Did you mean to"
            " set reuse=True or reuse=tf.AUTO_REUSE in VarScope?"
        )
    if shape is not None and not variable.shape.is_compatible_with(shape):
        raise ValueError(
            f"gradtape.get_variable: trying to share variable {name}, but specified shape"
            f" {TensorShape(shape)} and found shape {variable.shape}."
        )
    if dtype is not None and dtype != variable.dtype:
        raise ValueError(
            f"gradtape.get_variable: trying to share variable {name}, but specified dtype"
            f" {dtype.name} and found dtype {variable.dtype.name}."
        )
    return variable


def _initial(name: str, shape: Any, dtype: DType, initializer: Any) -> Any:
    """The initial value, or a function that makes it."""
    if initializer is None:
        initializer = GlorotUniform() if dtype.is_floating else ZerosInitializer()
    if isinstance(initializer, type):
        initializer = initializer()
    if not callable(initializer):
        given = _shape_of(initializer)
        if shape is not None and not given.is_compatible_with(shape):
            raise ValueError(
                "gradtape.get_variable: if initializer is a constant, do not specify shape:"
                f" variable {name} gets shape {given}, not {TensorShape(shape)}."
            )
        return initializer
    wanted = TensorShape(shape)
    if not wanted.is_fully_defined():
        raise ValueError(
            f"gradtape.get_variable: shape of a new variable ({name}) must be fully defined, but"
            f" instead was {wanted}."
        )
    make: Callable[..., Any] = initializer
    return lambda: make(wanted.as_list(), dtype=dtype)


def _shape_of(initializer: Any) -> TensorShape:
    """The shape of a first value that is given as it is."""
    try:
        return TensorShape(np.shape(initializer))  # of a tensor, the shape that it knows
    except ValueError:
        needed = "a function of a shape, or a number or array"
        raise wrong_type("get_variable", "initializer", needed, initializer) from None
