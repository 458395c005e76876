"""`Reading`: the operations of a graph as expressions, in order.

Every value becomes an array of expressions. A primitive has a formula of scalars
(`sympy_elementwise`), a formula over axes or of matrices, a kernel that works on expressions as it
is, or it is linear. What depends on known numbers alone is computed by its kernel. An operation of
a user's own runs its kernel under a namespace of SymPy's functions (`own`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np
import sympy as sp

from gradtape.core.dispatch import FAILURES
from gradtape.core.errors import InvalidArgumentError, OpError
from gradtape.core.primitive import Primitive, names, registry
from gradtape.core.sizes import Size
from gradtape.core.xp_numpy import restore, silence, xp
from gradtape.graph.graph import CONSTANT, SOURCES, Operation, needed
from gradtape.graph.symbolic import Value
from gradtape.graph.tracing import ASSIGN
from gradtape.interop.sympy_arrays import (
    KERNELS,
    cast,
    elementwise,
    expressions,
    extreme_of_rows,
    is_known,
    known,
    linear_map,
    run_kernel,
    segment_extreme,
)
from gradtape.interop.sympy_control import CONTROL
from gradtape.interop.sympy_elementwise import ELEMENTWISE
from gradtape.interop.sympy_matrices import MATRICES
from gradtape.interop.sympy_numbers import numbers
from gradtape.interop.sympy_reasons import BY_FAMILY, EFFECT, no_formula, reason
from gradtape.interop.sympy_reductions import REDUCTIONS

LARGEST = 4096  # elements of a value: beyond, a formula is no formula any more
ARRAYS: dict[str, Callable[..., Any]] = {
    **REDUCTIONS,
    **MATRICES,
    "cast": cast,
    "extreme_rows": extreme_of_rows,
    "segment_extreme": segment_extreme,
    "validated": lambda x, *others, test: x,
}
UNKNOWN = ("error", "function")


class Reading:
    """The expressions of a graph's values.

    Args:
        known: arrays of expressions for the inputs.
        unknown: "error", or "function" to keep what has no formula as an undefined function.
    """

    def __init__(self, known: dict[Value, Any], unknown: str = "error") -> None:
        if unknown not in UNKNOWN:
            raise InvalidArgumentError(
                f"gradtape.interop.sympy: unknown must be one of {UNKNOWN}, not {unknown!r}."
            )
        self.known = known
        self.unknown = unknown

    def of(self, values: Sequence[Value]) -> list[Any]:
        """The arrays of expressions of values."""
        for op in needed(values, (), self.known):
            effect = op.primitive.effect and op.primitive is not ASSIGN
            if not effect and op.values and op.values[0] not in self.known:
                self.read(op)
        return [self.array(v) for v in values]

    def array(self, value: Value) -> Any:
        """The expressions of a value that was read."""
        if value not in self.known:
            raise no_formula(value.op.primitive, value.op.where, EFFECT)
        return self.known[value]

    def read(self, op: Operation) -> None:
        """Find the expressions of an operation's results."""
        _check_count(op)
        if op.primitive is CONSTANT:
            self.known[op.values[0]] = numbers(op.params["value"])
        elif op.primitive is ASSIGN:
            self.known[op.values[0]] = self.array(op.takes[0])
        elif op.primitive in SOURCES:
            raise InvalidArgumentError(f"gradtape.interop.sympy: no symbol for {op.values[0]!r}.")
        else:
            found = self.found(op)
            found = found if op.primitive.several else (found,)
            for value, array in zip(op.values, found, strict=True):
                check_sizes(value)
                self.known[value] = expressions(array, value.shape)

    def found(self, op: Operation) -> Any:
        """The result of an operation with a primitive, a tuple where there are several."""
        arrays = [self.array(v) for v in op.takes]
        dtypes = [v.dtype for v in op.takes]
        token = silence()
        try:
            if op.type in CONTROL:
                found = CONTROL[op.type](self.run, *arrays, **op.params)
            else:
                found = converted(op.primitive, arrays, dtypes, op.params)
        except OpError:
            raise
        except (*FAILURES, AttributeError) as error:
            if self.unknown == "error":
                why = f"for these arguments, {str(error).rstrip('.')}"
                raise no_formula(op.primitive, op.where, why) from error
            found = None
        finally:
            restore(token)
        if found is not None:
            return found
        if self.unknown == "error":
            why = reason(op.primitive) or "gradtape knows none for an operation of this kind"
            raise no_formula(op.primitive, op.where, why)
        return undefined(op, arrays)

    def run(self, callee: Any, arrays: Sequence[Any]) -> list[Any]:
        """The results of a callee for arrays of expressions."""
        inputs = [expressions(a, v.shape) for a, v in zip(arrays, callee.inputs, strict=True)]
        known = dict(zip(callee.inputs, inputs, strict=True))
        return Reading(known, self.unknown).of(callee.outputs)


def converted(
    primitive: Primitive, arrays: Sequence[Any], dtypes: Sequence[Any], params: dict[str, Any]
) -> Any:
    """What a primitive makes of arrays of expressions; None where it has no formula."""
    name = primitive.name
    if registry.get(name) is not primitive:
        return primitive.kernel(own, *arrays, **params)
    if name in ELEMENTWISE:
        return elementwise(ELEMENTWISE[name], *arrays, **params)
    if name in ARRAYS:
        formula = ARRAYS[name]
        more = {"source": dtypes[0]} if "source" in names(formula) else {}
        return formula(*arrays, **params, **more)
    if name in KERNELS:
        return run_kernel(primitive, arrays, dtypes, params)
    if primitive.effect or primitive.family in BY_FAMILY:
        return None
    if all(map(is_known, arrays)):
        given = [known(a, d) for a, d in zip(arrays, dtypes, strict=True)]
        found = primitive.kernel(xp, *given, **params)
        return tuple([numbers(f) for f in found]) if primitive.several else numbers(found)
    if primitive.linear and len(arrays) == 1 and dtypes[0].kind != "c":
        return linear_map(primitive, arrays[0], dtypes[0], params)
    return None


def is_convertible(primitive: Primitive) -> bool:
    """Whether a primitive of the catalogue has a formula."""
    tables = (ELEMENTWISE, ARRAYS, KERNELS, CONTROL)
    return any(primitive.name in t for t in tables) or primitive.linear


def undefined(op: Operation, arrays: Sequence[Any]) -> Any:
    """The results as undefined functions of the inputs."""
    alike = op.primitive.family in ("elementwise", "stepwise", "ladder")
    if alike and not op.primitive.several:
        return elementwise(sp.Function(op.type), *arrays)
    elements = [e for a in arrays for e in a.flat]
    found = []
    for number, value in enumerate(op.values):
        array = np.empty(value.shape, object)
        for place in np.ndindex(array.shape):
            index = [number, *place] if op.primitive.several else place
            array[place] = sp.Function("_".join([op.type, *map(str, index)]))(*elements)
        found.append(array)
    return tuple(found) if op.primitive.several else found[0]


def check_sizes(value: Value) -> None:
    """Raise unless all sizes of a value are known."""
    if type(value.shape) is not tuple or any(type(n) is Size for n in value.shape):
        raise InvalidArgumentError(
            f"gradtape.interop.sympy: {value!r} has a size that is not known. Give the sizes:"
            " to_sympy(f, tf.TensorSpec([2, 3]))."
        )


def _check_count(op: Operation) -> None:
    for value in op.values:
        sizes = [n for n in value.shape if type(n) is int] if type(value.shape) is tuple else []
        if prod(sizes) > LARGEST:
            raise InvalidArgumentError(
                f"gradtape.interop.sympy: {value!r} has more than {LARGEST} elements, each of which"
                " would be a formula. Give smaller arguments."
            )


def _own() -> SimpleNamespace:
    """NumPy's names for kernels of a user's own, with SymPy's functions in their place."""
    others = {
        "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2",
        "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "power": "pow",
        "absolute": "abs", "gammaln": "lgamma", "true_divide": "divide", "logistic": "sigmoid",
    }  # fmt: skip
    named = {name: name for name in ELEMENTWISE} | others
    functions = {
        name: lambda *arrays, formula=ELEMENTWISE[key]: elementwise(formula, *arrays)
        for name, key in named.items()
    }
    return SimpleNamespace(**{**vars(xp), **functions, "special": SimpleNamespace(**functions)})


own = _own()
