"""`from_sympy`: a SymPy expression as a function of tensors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from keyword import iskeyword
from typing import Any

import numpy as np
import sympy as sp
from sympy.logic.boolalg import Boolean

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.errors import InvalidArgumentError, brief, wrong_type
from gradtape.core.nest import optree
from gradtape.interop.sympy_functions import assembled, like
from gradtape.interop.sympy_printing import lambdify
from gradtape.interop.sympy_tracing import array_of, cleaned, is_symbolic
from gradtape.ops.basis import cast

FLOAT32 = np.dtype(np.float32)
INEXACT = "fcV"
NUMBERS = (int, float, complex, str, np.generic, np.ndarray)  # and what SymPy makes numbers of


class Parameter:
    """One argument of the function that is made.

    Attributes:
        name: its name.
        elements: the symbols in it, in order.
        shape: of the last axes, or None where it is handed over as it is.
    """

    def __init__(self, given: Any, number: int) -> None:
        if isinstance(given, (sp.MatrixSymbol, sp.IndexedBase)):
            self.name, self.elements, self.shape = cleaned(str(given)), [given], None
            return
        array = array_of(given) if is_symbolic(given) else np.array(given, object)
        self.elements = [_sympified(e) for e in array.flat]
        self.shape: tuple[int, ...] | None = array.shape
        self.name = cleaned(str(given)) if array.ndim == 0 else f"x{number}"
        if not all([getattr(e, "is_Symbol", False) for e in self.elements]):
            raise InvalidArgumentError(
                f"gradtape.interop.sympy.from_sympy: {brief(given)} among the symbols is no symbol."
            )

    def parts(self, tensor: Any) -> list[Any]:
        """The tensors in the places of the symbols."""
        if not self.shape:
            return [tensor]
        if tuple(tensor._shape[-len(self.shape) :]) != self.shape:
            raise InvalidArgumentError(
                f"gradtape.interop.sympy: the argument {self.name} is {brief(tensor)}; its last"
                f" axes must be {list(self.shape)}."
            )
        return [tensor[(..., *place)] for place in np.ndindex(*self.shape)]


def from_sympy(
    expression: Any, symbols: Any = None, functions: Mapping[str, Callable[..., Any]] | None = None
) -> Callable[..., Any]:
    """Return a SymPy or SymEngine expression as a function of tensors, which tapes differentiate.

    Args:
        expression: an expression, a matrix or array of expressions, a list, tuple or dict of these.
        symbols: the arguments in order: each a symbol, a matrix, array or list of symbols, a matrix
            symbol or an indexed base; by default the free symbols by their names.
        functions: functions of tensors for SymPy's undefined functions, by name.

    Returns:
        A function of one tensor for each entry of `symbols`. Symbols stand for tensors of any
        shape, which broadcast; arrays of symbols for tensors whose last axes are the array's.
        Numbers and integers take the dtype of the first tensor of floating-point numbers, float32
        where there is none. The result has the axes of the arguments, followed by those of a matrix
        or array. Common subexpressions are computed once.

    Raises:
        InvalidArgumentError: for a part that has no counterpart, for symbols that are missing or no
            symbols, and for what is no expression.

    Example:
        >>> import gradtape as tf
        >>> import sympy
        >>> x, a = sympy.symbols("x a")
        >>> f = tf.interop.sympy.from_sympy(a * sympy.sin(x) ** 2, [x, a])
        >>> x = tf.Variable(1.0)
        >>> with tf.GradientTape() as tape:
        ...     y = f(x, 3.0)
        >>> print(f"{y:.4f} {tape.gradient(y, x):.4f}")
        2.1242 2.7279
    """
    expression = _done(expression)
    leaves, tree = optree.tree_flatten(expression, none_is_leaf=True)
    arrays = [None if isinstance(leaf, sp.MatrixExpr) else array_of(leaf) for leaf in leaves]
    wanted = [e for leaf, a in zip(leaves, arrays) for e in ([leaf] if a is None else a.flat)]
    parameters = [Parameter(s, i) for i, s in enumerate(_listed(symbols, wanted))]
    flat = [s for p in parameters for s in p.elements]
    _check_symbols(wanted, flat)
    run = lambdify(flat, wanted, functions, cse=True)
    imaginary = any(e.has(sp.I) for e in wanted)
    signature = _signature(parameters)

    def function(*given: Any, **named: Any) -> Any:
        bound = signature.bind(*given, **named).args
        tensors, dtype = _converted(bound, imaginary)
        parts = [t for p, tensor in zip(parameters, tensors) for t in p.parts(tensor)]
        found = iter(run(*parts))
        zero = as_tensor_like(0.0, dtype, "from_sympy")
        results = []
        for array in arrays:
            if array is None or array.ndim == 0:
                results.append(like(next(found), [zero]))
            else:
                elements = [next(found) for _ in range(array.size)]
                results.append(assembled(elements, array.shape, [zero]))
        return tree.unflatten(results)

    function.__name__ = function.__qualname__ = "from_sympy"
    function.__doc__ = f"Return {expression}, by SymPy."
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def _done(expression: Any) -> Any:
    """SymPy's objects for SymEngine's, with sums, derivatives and integrals carried out."""

    def one(given: Any) -> Any:
        value = _sympified(given)
        if isinstance(value, (sp.MatrixBase, sp.NDimArray)):
            return value.applyfunc(one)
        if not isinstance(value, (sp.Expr, Boolean)):
            needed = "a SymPy expression, or a matrix, array, list or dict of them"
            raise wrong_type("interop.sympy.from_sympy", "expression", needed, given)
        if value.has(sp.Sum, sp.Product, sp.Derivative, sp.Integral, sp.Subs):
            return value.doit()
        return value

    return optree.tree_map(one, expression, none_is_leaf=True)


def _sympified(value: Any) -> Any:
    """SymPy's object for a value; None where there is none."""
    if not is_symbolic(value) and not isinstance(value, NUMBERS):
        return None
    try:
        return sp.sympify(value)
    except sp.SympifyError:
        return None


def _listed(symbols: Any, wanted: Sequence[Any]) -> list[Any]:
    """The arguments as a list."""
    if symbols is None:
        found = {s for e in wanted for s in _free(e)}
        return sorted(found, key=str)
    if isinstance(symbols, (list, tuple)):
        return list(symbols)
    return [symbols]


def _free(expression: Any) -> set[Any]:
    """The symbols, matrix symbols and indexed bases of an expression."""
    bases = expression.atoms(sp.IndexedBase)
    labels = {b.label for b in bases}
    plain = {s for s in expression.free_symbols if not isinstance(s, sp.Indexed)}
    return (plain - labels) | bases


def _check_symbols(wanted: Sequence[Any], given: Sequence[Any]) -> None:
    missing = {s for e in wanted for s in _free(e)} - set(given)
    if missing:
        raise InvalidArgumentError(
            "gradtape.interop.sympy.from_sympy: the expression has symbols that are no arguments:"
            f" {sorted(map(str, missing))}. Symbols of one name with different assumptions are"
            " different symbols. Add them to `symbols`, or put numbers in their place with subs."
        )


def _signature(parameters: Sequence[Parameter]) -> inspect.Signature:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    taken: list[str] = []
    for number, parameter in enumerate(parameters):
        name = parameter.name
        name = name if name.isidentifier() and not iskeyword(name) else f"x{number}"
        while name in taken:
            name += "_"
        taken.append(name)
    return inspect.Signature([inspect.Parameter(n, kind) for n in taken])


def _converted(given: Sequence[Any], imaginary: bool) -> tuple[list[Any], Any]:
    """The arguments as tensors of one dtype, truth values aside, and the dtype."""
    free = (int, float, complex, list, tuple)
    tensors = [None if type(g) in free else as_tensor(g, "from_sympy") for g in given]
    found = [t._dtype for t in tensors if t is not None and t._dtype.kind in INEXACT]
    dtype = found[0] if found else FLOAT32
    if imaginary or any(d.kind == "c" for d in found) or any(type(g) is complex for g in given):
        dtype = np.result_type(dtype, np.complex64)
    converted = []
    for value, tensor in zip(given, tensors, strict=True):
        if tensor is None:
            tensor = as_tensor_like(value, dtype, "from_sympy")
        narrow = tensor._dtype.kind in "iu" or dtype.kind == "c" != tensor._dtype.kind
        converted.append(cast(tensor, dtype) if narrow and tensor._dtype.kind != "b" else tensor)
    return converted, dtype
