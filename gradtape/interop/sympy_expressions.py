"""From a function to expressions: `to_sympy`.

The function is traced as `tf.function` traces it, and the operations of the graph are read one
after the other (`sympy_reading`). The inputs become symbols: real, integer or complex ones, as
their dtype is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp

from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nest import optree
from gradtape.core.shapes import TensorSpec
from gradtape.graph.concrete import ConcreteFunction
from gradtape.graph.function import Function
from gradtape.graph.graph import CAPTURE, PLACEHOLDER, VARIABLE, Graph, Operation, needed
from gradtape.graph.symbolic import SymbolicTensor, Value
from gradtape.interop.sympy_arrays import expressions
from gradtape.interop.sympy_numbers import numbers
from gradtape.interop.sympy_reading import Reading

ASSUMPTIONS: dict[str, dict[str, bool]] = {"i": {"integer": True}, "u": {"integer": True},
                                           "b": {}, "c": {"complex": True}}  # fmt: skip
VARIABLES = ("symbols", "values")
INPUTS = (PLACEHOLDER, VARIABLE, CAPTURE)


class Expressions:
    """What a function is in SymPy.

    Attributes:
        inputs: the symbols, or what stands for them, by the names of arguments and variables.
        result: expressions in the structure that the function returns.
    """

    def __init__(self, inputs: dict[str, Any], result: Any) -> None:
        self.inputs = inputs
        self.result = result


def to_sympy(
    function: Any, *arguments: Any, unknown: str = "error", variables: str = "symbols"
) -> Any:
    """Return what a function computes as SymPy expressions.

    Args:
        function: a Python function, a `tf.function`, a concrete function of one, a symbolic tensor
            of a graph, or a graph, whose tensors (or their names) are then the arguments.
        arguments: one for each parameter: a `tf.TensorSpec`, a tensor or array of the shape and
            dtype, or SymPy symbols, expressions, matrices and arrays, which then stand in the
            formula; a number stands for any real scalar. Without arguments all are scalars, or what
            the `tf.function` was declared for or traced with.
        unknown: "error", or "function" to keep an operation that has no counterpart as an undefined
            function of SymPy.
        variables: "symbols" shows a `tf.Variable` by its name, "values" by its present value.

    Returns:
        An expression for a scalar, a matrix for two axes, else an array of expressions; for several
        results the structure that the function returns. Symbols are named after the parameters, the
        elements of a vector x are x_0, x_1, those of a matrix x_0_0 and so on. They are real,
        integer or complex, as the dtype is: pass symbols of your own for other assumptions.

    Raises:
        NoFormulaError: an UnimplementedError that names the operation, when it has no counterpart.
        InvalidArgumentError: for sizes that are not known, or more than 4096 elements.

    Example:
        >>> import gradtape as tf
        >>> def f(x, w):
        ...     return tf.reduce_sum(tf.sin(x) * w)
        >>> tf.interop.sympy.to_sympy(f, tf.TensorSpec([2], tf.float64), tf.TensorSpec([2], tf.float64))
        w_0*sin(x_0) + w_1*sin(x_1)
    """
    return read(function, arguments, unknown, variables).result


def read(
    function: Any, arguments: Sequence[Any], unknown: str = "error", variables: str = "symbols"
) -> Expressions:
    """`to_sympy` with the symbols of the inputs."""
    if variables not in VARIABLES:
        raise InvalidArgumentError(
            f"gradtape.interop.sympy: variables must be one of {VARIABLES}, not {variables!r}."
        )
    given: dict[str, Any] = {}
    paths: list[str] = []
    if isinstance(function, (Graph, SymbolicTensor)):
        outputs = _graph_outputs(function, arguments)
        sources = None
    elif callable(function):
        concrete = traced(function, arguments, given)
        outputs = concrete.structured_outputs
        sources = [v.op for v in concrete.callee.inputs]
        paths = concrete._arguments.paths
    else:
        raise InvalidArgumentError(
            f"gradtape.interop.sympy.to_sympy: {brief(function)} is no function, graph or tensor of"
            " a graph. Pass a Python function of tensors."
        )
    leaves, tree = optree.tree_flatten(outputs, none_is_leaf=True)
    values = [t._value for t in leaves if isinstance(t, SymbolicTensor)]
    if sources is None:
        sources = [op for op in needed(values) if op.primitive in INPUTS]
    inputs, known = _inputs(sources, paths, given, variables)
    found = iter(Reading(known, unknown).of(values))
    results = [
        shown(next(found)) if isinstance(leaf, SymbolicTensor) else _plain(leaf) for leaf in leaves
    ]
    return Expressions(inputs, tree.unflatten(results))


def _plain(leaf: Any) -> Any:
    """A result that is no tensor: None and texts stay."""
    if leaf is None or isinstance(leaf, str):
        return leaf
    raise InvalidArgumentError(
        f"gradtape.interop.sympy.to_sympy: the function returns {brief(leaf)}. Return tensors, for"
        " instance tf.convert_to_tensor(slices)."
    )


def _graph_outputs(graph: Any, wanted: Sequence[Any]) -> Any:
    """The tensors of a graph that are asked for."""
    if isinstance(graph, SymbolicTensor):
        return graph
    if not wanted:
        raise InvalidArgumentError(
            "gradtape.interop.sympy.to_sympy: say which tensors of the graph, to_sympy(graph, y) or"
            ' to_sympy(graph, "y:0").'
        )
    found = [graph.as_graph_element(w, allow_operation=False) for w in wanted]
    return found[0] if len(found) == 1 else found


# tracing


def traced(
    function: Any, arguments: Sequence[Any], given: dict[str, Any]
) -> ConcreteFunction:
    """A concrete function; the expressions for its inputs are noted in `given`, by their labels."""
    if isinstance(function, ConcreteFunction):
        for tensor, argument in zip(function._arguments.inputs, arguments, strict=False):
            if is_symbolic(argument):
                given[tensor.op.label] = array_of(argument)
        return function
    made = function if isinstance(function, Function) else Function(function)
    arguments = arguments or default_arguments(made)
    flexible = any(map(is_flexible, optree.tree_leaves(tuple(arguments), none_is_leaf=True)))
    try:
        return made.get_concrete_function(*_specs(arguments, np.float64, given))
    except InvalidArgumentError:  # the function may hold numbers of single precision
        if not flexible:
            raise
    return made.get_concrete_function(*_specs(arguments, np.float32, given))


def default_arguments(function: Function) -> tuple[Any, ...]:
    """What a function takes that is asked for without arguments."""
    if function.input_signature is not None:
        return tuple(function.input_signature)
    traces = {id(c): c for c in function._concrete.values()}
    if len(traces) == 1:
        return tuple(next(iter(traces.values())).structured_input_signature[0])
    parameters = function.function_spec.parameters.values()
    return tuple([1.0 for p in parameters if p.default is p.empty])


def is_symbolic(value: Any) -> bool:
    """Whether a value is SymPy's or SymEngine's."""
    return isinstance(value, (sp.Basic, sp.MatrixBase, sp.NDimArray)) or hasattr(value, "_sympy_")


def is_flexible(value: Any) -> bool:
    """Whether an argument stands for numbers of whatever precision the function works in."""
    return type(value) is float or is_symbolic(value)


def array_of(value: Any) -> Any:
    """SymPy's or SymEngine's objects as an array of expressions."""
    value = sp.sympify(value)
    shape = getattr(value, "shape", ())
    if isinstance(value, (sp.MatrixBase, sp.NDimArray)):
        flat = [value[i] for i in range(len(value))] if shape else [value[()]]
        return expressions(np.array(flat, object).reshape(shape))
    return expressions(value)


def _specs(arguments: Sequence[Any], dtype: Any, given: dict[str, Any]) -> Any:
    """Specs for numbers and for what is symbolic, which is noted in `given`."""

    labels: list[str] = []

    def spec(value: Any) -> Any:
        if type(value) is float:
            return TensorSpec([], as_dtype(dtype))
        if not is_symbolic(value):
            return value
        array = array_of(value)
        wide = any(e.is_complex and not e.is_extended_real for e in array.flat)
        label = f"given_{len(labels)}"
        labels.append(label)
        given[label] = array
        complex_dtype = np.result_type(dtype, np.complex64)
        return TensorSpec(array.shape, as_dtype(complex_dtype if wide else dtype), label)

    return optree.tree_map(spec, tuple(arguments), none_is_leaf=True)


# symbols


def _inputs(
    sources: Sequence[Operation], paths: Sequence[str], given: dict[str, Any], variables: str
) -> tuple[dict[str, Any], dict[Value, Any]]:
    """The expressions for inputs, by name and by value; the first ones are arguments."""
    named: dict[str, Any] = {}
    known: dict[Value, Any] = {}
    taken = {str(s) for a in given.values() for e in a.flat for s in e.free_symbols}
    for number, op in enumerate(sources):
        value = op.values[0]
        array = given.get(op.label) if number < len(paths) else None
        name = cleaned(_name(op) if array is None else paths[number])
        if op.primitive is VARIABLE and variables == "values":
            array = numbers(op.params["variable"]._tensor)
        elif array is None:
            name, array = symbols(name, value.shape, value.dtype, taken)
        known[value] = array
        named[name] = shown(array)
    return named, known


def _name(op: Operation) -> str:
    """The name of an input: the argument's, the variable's, or the operation's."""
    variable = op.params.get("variable")
    return (op.label or op.name) if variable is None else variable.name.split(":")[0]


def cleaned(name: str) -> str:
    """A name that SymPy shows as it is."""
    return re.sub(r"\W+|__+", "_", name).strip("_") or "x"


def symbols(
    name: str, shape: tuple[Any, ...], dtype: Any, taken: set[str]
) -> tuple[str, Any]:
    """An array of symbols under a name that is not taken, which is taken from then on."""
    stem, number = name, 0
    while True:
        places = ["_".join([name, *map(str, place)]) for place in np.ndindex(*_closed(shape, name))]
        if taken.isdisjoint(places):
            break
        number += 1
        name = f"{stem}{number}"
    taken.update(places)
    assumptions = ASSUMPTIONS.get(dtype.kind, {"real": True})
    found = np.array([sp.Symbol(place, **assumptions) for place in places], object)
    return name, found.reshape(shape)


def _closed(shape: tuple[Any, ...], name: str) -> tuple[int, ...]:
    if any(type(n) is not int for n in shape):
        raise InvalidArgumentError(
            f"gradtape.interop.sympy: the input {name!r} has the shape {list(shape)}, whose sizes"
            " are not all known. Give them: to_sympy(f, tf.TensorSpec([2, 3]))."
        )
    return shape


def shown(array: Any) -> Any:
    """An array of expressions as users see it."""
    if array.ndim == 0:
        return array[()]
    flat = list(array.flat)
    if array.ndim == 2 and all(isinstance(e, sp.Expr) for e in flat):
        return sp.ImmutableMatrix(*array.shape, flat)
    return sp.ImmutableDenseNDimArray(flat, array.shape)


def each(function: Callable[[Any], Any], result: Any) -> Any:
    """A function of each expression in a result, in its structure."""

    def apply(value: Any) -> Any:
        if isinstance(value, (sp.MatrixBase, sp.NDimArray)):
            return value.applyfunc(function)
        return function(value) if isinstance(value, sp.Basic) else value

    return optree.tree_map(apply, result, none_is_leaf=True)
