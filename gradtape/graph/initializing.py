"""The variables of the default graph by collection, and what initialises and changes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.errors import wrong_type
from gradtape.core.state import here
from gradtape.core.surroundings import group
from gradtape.core.variable import Variable
from gradtape.graph.building import get_default_graph
from gradtape.graph.fetching import Question
from gradtape.graph.variables import GraphKeys
from gradtape.ops.sparse import IndexedSlices
from gradtape.ops.static import listed


def _variable(value: Any, function: str, argument: str = "ref") -> Variable:
    """An argument that is a variable, or TypeError."""
    if not isinstance(value, Variable):
        raise wrong_type(function, argument, "a tf.Variable", value)
    return value


def _variables(values: Any, function: str) -> list[Any]:
    """An argument that is a list of variables, or TypeError."""
    values = listed(values, function, "var_list", "a list of variables")
    return [_variable(v, function, "what is in var_list") for v in values]


def add_to_collection(name: Any, value: Any) -> None:
    """Add a value to a collection of the default graph.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default():
        ...     tf.add_to_collection("mine", 1)
        ...     tf.get_collection("mine")
        [1]
    """
    get_default_graph().add_to_collection(name, value)


def add_to_collections(names: Any, value: Any) -> None:
    """Add a value to several collections of the default graph.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default():
        ...     tf.add_to_collections(["mine", "yours"], 1)
        ...     tf.get_collection("yours")
        [1]
    """
    get_default_graph().add_to_collections(names, value)


def get_collection(key: Any, scope: str | None = None) -> list[Any]:
    """Return the values of a collection of the default graph.

    Args:
        key: the name of the collection; those of variables and losses are in `GraphKeys`.
        scope: a pattern with which the names of the values begin.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default():
        ...     w = tf.Variable(1.0, name="w")
        ...     [v.name for v in tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)]
        ['w:0']
    """
    return get_default_graph().get_collection(key, scope)


def get_collection_ref(key: Any) -> list[Any]:
    """Return the list behind a collection of the default graph.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default():
        ...     tf.get_collection_ref("mine").append(1)
        ...     tf.get_collection("mine")
        [1]
    """
    return get_default_graph().get_collection_ref(key)


def global_variables(scope: str | None = None) -> list[Any]:
    """Return the variables of the default graph.

    Args:
        scope: a pattern with which their names begin.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default():
        ...     w = tf.Variable(1.0, name="w")
        ...     len(tf.global_variables())
        1
    """
    return get_collection(GraphKeys.GLOBAL_VARIABLES, scope)


def trainable_variables(scope: str | None = None) -> list[Any]:
    """Return the trainable variables of the default graph.

    Args:
        scope: a pattern with which their names begin.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default():
        ...     step = tf.Variable(0, trainable=False)
        ...     tf.trainable_variables()
        []
    """
    return get_collection(GraphKeys.TRAINABLE_VARIABLES, scope)


def local_variables(scope: str | None = None) -> list[Any]:
    """Return the local variables of the default graph: those that are not to be kept.

    Args:
        scope: a pattern with which their names begin.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default():
        ...     n = tf.Variable(0, trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES])
        ...     len(tf.local_variables()), len(tf.global_variables())
        (1, 0)
    """
    return get_collection(GraphKeys.LOCAL_VARIABLES, scope)


def variables_initializer(var_list: Any, name: str = "init") -> Any:
    """Return an operation that initialises variables; None where they have their values.

    Args:
        var_list: the variables.
        name: the name of the operation.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     w = tf.Variable(1.0)
        ...     session.run(tf.variables_initializer([w]))
        ...     float(session.run(w))
        1.0
    """
    if here.mode is None:
        return None
    return group(*[v.initializer for v in _variables(var_list, "variables_initializer")], name=name)


def global_variables_initializer() -> Any:
    """Return an operation that initialises the variables of the default graph.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     w = tf.Variable(1.0)
        ...     session.run(tf.global_variables_initializer())
        ...     float(session.run(w))
        1.0
    """
    return variables_initializer(global_variables())


def local_variables_initializer() -> Any:
    """Return an operation that initialises the local variables of the default graph.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     session.run(tf.local_variables_initializer())
    """
    return variables_initializer(local_variables())


def is_variable_initialized(variable: Any) -> Any:
    """Return whether a variable has a value in the session that runs this, a boolean tensor.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     w = tf.Variable(1.0)
        ...     bool(session.run(tf.is_variable_initialized(w)))
        False
    """
    return _variable(variable, "is_variable_initialized", "variable").is_initialized()


def report_uninitialized_variables(
    var_list: Any = None, name: str = "report_uninitialized_variables"
) -> Any:
    """Return what a session answers with the names of the variables that have no value in it.

    Args:
        var_list: the variables, by default the global and local ones of the default graph.
        name: the name of the question.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     w = tf.Variable(1.0, name="w")
        ...     session.run(tf.report_uninitialized_variables()).tolist()
        [b'w']
    """
    if var_list is None:
        var_list = global_variables() + local_variables()
    variables = _variables(var_list, "report_uninitialized_variables")

    def answer(session: Any) -> Any:
        missing = [v for v in variables if not session.holds(v)]
        return np.array([v.name.partition(":")[0].encode() for v in missing], object)

    return Question(get_default_graph(), name, answer)


def assign(
    ref: Any,
    value: Any,
    validate_shape: bool | None = None,
    use_locking: Any = None,
    name: Any = None,
) -> Any:
    """Change a variable; in a graph, return what changes it when a session runs it.

    Args:
        ref: the variable.
        value: the new value.
        validate_shape: accepted; the shape must be the variable's.
        use_locking: accepted for compatibility.
        name: the name of the operation.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     w = tf.Variable(1.0)
        ...     float(session.run(tf.assign(w, 2.0)))
        2.0
    """
    return _variable(ref, "assign").assign(value)


def assign_add(ref: Any, value: Any, use_locking: Any = None, name: Any = None) -> Any:
    """Add to a variable; in a graph, return what does it when a session runs it.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     w = tf.Variable(1.0)
        ...     session.run(w.initializer)
        ...     float(session.run(tf.assign_add(w, 2.0)))
        3.0
    """
    return _variable(ref, "assign_add").assign_add(value)


def assign_sub(ref: Any, value: Any, use_locking: Any = None, name: Any = None) -> Any:
    """Subtract from a variable; in a graph, return what does it when a session runs it.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     w = tf.Variable(1.0)
        ...     session.run(w.initializer)
        ...     float(session.run(tf.assign_sub(w, 2.0)))
        -1.0
    """
    return _variable(ref, "assign_sub").assign_sub(value)


def scatter_update(
    ref: Any, indices: Any, updates: Any, use_locking: bool = True, name: Any = None
) -> Any:
    """Replace rows of a variable; in a graph, return what does it when a session runs it.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     w = tf.Variable([1.0, 2.0])
        ...     session.run(w.initializer)
        ...     session.run(tf.scatter_update(w, [1], [5.0])).tolist()
        [1.0, 5.0]
    """
    return _variable(ref, "scatter_update").scatter_update(IndexedSlices(updates, indices))


def scatter_add(
    ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: Any = None
) -> Any:
    """Add to rows of a variable; in a graph, return what does it when a session runs it.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     w = tf.Variable([1.0, 2.0])
        ...     session.run(w.initializer)
        ...     session.run(tf.scatter_add(w, [1, 1], [5.0, 1.0])).tolist()
        [1.0, 8.0]
    """
    return _variable(ref, "scatter_add").scatter_add(IndexedSlices(updates, indices))


def scatter_sub(
    ref: Any, indices: Any, updates: Any, use_locking: bool = False, name: Any = None
) -> Any:
    """Subtract from rows of a variable; in a graph, return what does it when a session runs it.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     w = tf.Variable([1.0, 2.0])
        ...     session.run(w.initializer)
        ...     session.run(tf.scatter_sub(w, [1], [5.0])).tolist()
        [1.0, -3.0]
    """
    return _variable(ref, "scatter_sub").scatter_sub(IndexedSlices(updates, indices))
