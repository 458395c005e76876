"""`Traced`: a function of tensors as a graph whose inputs are symbols.

The function is traced as `tf.function` traces it. Its inputs become real, integer or complex
symbols, as their dtype is, or what the user gives in their place; what comes back are arrays of
expressions in the structure that the function returns."""

from __future__ import annotations

import re
import warnings
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
from gradtape.interop.sympy_reading import Reading, check_sizes

ASSUMPTIONS: dict[str, dict[str, bool]] = {
    "i": {"integer": True},
    "u": {"integer": True},
    "b": {},
    "c": {"complex": True},
}
VARIABLES = ("symbols", "values")
INPUTS = (PLACEHOLDER, VARIABLE, CAPTURE)


class Traced:
    """A function's graph, and the expressions for its inputs.

    Args:
        function: a function, a graph, or a tensor of one.
        arguments: as for `to_sympy`.
        variables: "symbols" or "values".

    Attributes:
        inputs: the symbols, or what stands for them, by the names of arguments and variables.
    """

    def __init__(self, function: Any, arguments: Sequence[Any], variables: str = "symbols") -> None:
        if variables not in VARIABLES:
            raise InvalidArgumentError(
                f"gradtape.interop.sympy: variables must be one of {VARIABLES}, not {variables!r}."
            )
        given: dict[int, Any] = {}
        paths: list[str] = []
        sources = None
        if isinstance(function, (Graph, SymbolicTensor)):
            outputs = _graph_outputs(function, arguments)
        elif callable(function):
            concrete, given = traced(function, arguments)
            outputs = concrete.structured_outputs
            sources = [v.op for v in concrete.callee.inputs]
            paths = concrete._arguments.paths
        else:
            raise InvalidArgumentError(
                f"gradtape.interop.sympy.to_sympy: {brief(function)} is no function, graph or"
                " tensor of a graph. Pass a Python function of tensors."
            )
        self._leaves, self._tree = optree.tree_flatten(outputs, none_is_leaf=True)
        self._values = [t._value for t in self._leaves if isinstance(t, SymbolicTensor)]
        if sources is None:
            sources = [op for op in needed(self._values) if op.primitive in INPUTS]
        self.inputs, self._known = _inputs(sources, paths, given, variables)

    def expressions(self, unknown: str = "error") -> Any:
        """What the function computes, in the structure that it returns.

        Args:
            unknown: "error", or "function" to keep what has no formula as an undefined function.
        """
        found = iter(Reading(dict(self._known), unknown).of(self._values))
        results = [
            shown(next(found)) if isinstance(leaf, SymbolicTensor) else _plain(leaf)
            for leaf in self._leaves
        ]
        return self._tree.unflatten(results)


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


def traced(function: Any, arguments: Sequence[Any]) -> tuple[ConcreteFunction, dict[int, Any]]:
    """A concrete function, and the expressions for its inputs by their numbers."""
    if isinstance(function, ConcreteFunction):
        symbolic = [n for n, argument in enumerate(arguments) if is_symbolic(argument)]
        return function, {n: array_of(arguments[n]) for n in symbolic}
    made = function if isinstance(function, Function) else Function(function)
    arguments = arguments or default_arguments(made)
    flexible = any(map(is_flexible, optree.tree_leaves(tuple(arguments), none_is_leaf=True)))
    try:
        concrete = _recorded(made, _specs(arguments, np.float64))
    except InvalidArgumentError:  # the function may hold numbers of single precision
        if not flexible:
            raise
        concrete = _recorded(made, _specs(arguments, np.float32))
    return concrete, _given(concrete, arguments)


def _recorded(function: Function, specs: Any) -> ConcreteFunction:
    """A trace; that AutoGraph cannot read a lambda matters only where it has a condition."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "AutoGraph could not transform")
        return function.get_concrete_function(*specs)


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
    if not isinstance(value, (sp.MatrixBase, sp.NDimArray)):
        return expressions(value)
    found = np.empty(value.shape, object)
    for place in np.ndindex(found.shape):
        found[place] = value[place]
    return expressions(found)


def _specs(arguments: Sequence[Any], dtype: Any) -> Any:
    """Specs for numbers and for what is symbolic."""

    def spec(value: Any) -> Any:
        if type(value) is float:
            return TensorSpec([], as_dtype(dtype))
        if not is_symbolic(value):
            return value
        array = array_of(value)
        wide = any(e.is_complex and not e.is_extended_real for e in array.flat)
        complex_dtype = np.result_type(dtype, np.complex64)
        return TensorSpec(array.shape, as_dtype(complex_dtype if wide else dtype))

    return optree.tree_map(spec, tuple(arguments), none_is_leaf=True)


def _given(concrete: ConcreteFunction, arguments: Sequence[Any]) -> dict[int, Any]:
    """What is symbolic among arguments, by the numbers of the inputs that it stands for."""
    recorded, values = [
        optree.tree_leaves(a, none_is_leaf=True)
        for a in (concrete.structured_input_signature[0], tuple(arguments))
    ]
    pairs = zip(recorded, values, strict=False)
    inputs = [value for leaf, value in pairs if isinstance(leaf, TensorSpec)]
    return {n: array_of(value) for n, value in enumerate(inputs) if is_symbolic(value)}


# symbols


def _inputs(
    sources: Sequence[Operation], paths: Sequence[str], given: dict[int, Any], variables: str
) -> tuple[dict[str, Any], dict[Value, Any]]:
    """The expressions for inputs, by name and by value; the first ones are arguments."""
    named: dict[str, Any] = {}
    known: dict[Value, Any] = {}
    taken = {str(s) for a in given.values() for e in a.flat for s in e.free_symbols}
    for number, op in enumerate(sources):
        value = op.values[0]
        array = given.get(number) if number < len(paths) else None
        name = cleaned(_name(op) if array is None else paths[number])
        if op.primitive is VARIABLE and variables == "values":
            known[value] = numbers(op.params["variable"]._tensor)
            continue
        if array is None:
            check_sizes(value)
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


def symbols(name: str, shape: tuple[Any, ...], dtype: Any, taken: set[str]) -> tuple[str, Any]:
    """An array of symbols under a name that is not taken, which is taken from then on."""
    stem, number = name, 0
    while True:
        places = ["_".join([name, *map(str, place)]) for place in np.ndindex(*shape)]
        if taken.isdisjoint(places):
            break
        number += 1
        name = f"{stem}{number}"
    taken.update(places)
    assumptions = ASSUMPTIONS.get(dtype.kind, {"real": True})
    found = np.array([sp.Symbol(place, **assumptions) for place in places], object)
    return name, found.reshape(shape)


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
