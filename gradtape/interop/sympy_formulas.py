"""Derivatives as formulas, and formulas to look at.

The derivative is that of our own tape, traced and read like any other function; SymPy only
simplifies it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

from gradtape.autodiff.tape import GradientTape
from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, brief, wrong_type
from gradtape.core.shapes import TensorSpec
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.graph.concrete import ConcreteFunction
from gradtape.graph.function import Function
from gradtape.interop.sympy_printing import by_name
from gradtape.interop.sympy_tracing import Traced, cleaned, default_arguments, each
from gradtape.ops.basis import conj

Argument = int | str | Variable
HIGHEST = 50  # order: every one is a tape within the others


def derivative(
    function: Any,
    *arguments: Any,
    argument: Argument = 0,
    order: int = 1,
    simplify: bool = True,
    unknown: str = "error",
    variables: str = "symbols",
) -> Any:
    """Return a derivative of a function as SymPy expressions, as gradtape's own tape finds it.

    Args:
        function: a Python function of tensors, a `tf.function` or a concrete function of one, that
            returns one tensor.
        arguments: as for `to_sympy`.
        argument: by what: the name or the number of a parameter, or a `tf.Variable`.
        order: how many times.
        simplify: whether SymPy simplifies the result.
        unknown: as for `to_sympy`.
        variables: as for `to_sympy`.

    Returns:
        For a scalar function of a scalar an expression; otherwise an array or a matrix whose axes
        are those of the result followed by those of the argument, once for each order: the
        gradient, the Jacobian, the Hessian.

    Raises:
        InvalidArgumentError: for another `argument` or `order`, or a function that returns more
            than one tensor.
        NoFormulaError: as for `to_sympy`.

    Example:
        >>> import gradtape as tf
        >>> tf.interop.sympy.derivative(lambda x: tf.sin(x) ** 2)
        sin(2*x)
        >>> tf.interop.sympy.derivative(lambda x, a: tf.exp(a * x), argument="a", order=2)
        x**2*exp(a*x)
    """
    slope, taken = _slope(function, arguments, argument, order)
    result = Traced(slope, taken, variables).expressions(unknown)
    return each(sp.simplify, result) if simplify else result


def _slope(
    function: Any, arguments: Sequence[Any], argument: Argument, order: int
) -> tuple[Function, Sequence[Any]]:
    """The derivative as a function of the same parameters, and the arguments to trace it with."""
    if type(order) is not int or not 0 <= order <= HIGHEST:
        needed = f"a number from 0 to {HIGHEST}"
        raise wrong_type("interop.sympy.derivative", "order", needed, order)
    inner, signature, defaults = _traceable(function)

    def slope(*given: Any) -> Any:
        source = _source(signature, given, argument)
        return _differentiated(lambda: _single(inner(*given)), source, order)

    slope.__name__ = getattr(function, "__name__", "function")
    slope.__signature__ = signature  # type: ignore[attr-defined]
    return Function(slope, autograph=False), arguments or defaults


def _traceable(function: Any) -> tuple[Callable[..., Any], inspect.Signature, Sequence[Any]]:
    """A function to call in a trace, its parameters, and the arguments that it takes by default."""
    if isinstance(function, ConcreteFunction):
        kind = inspect.Parameter.POSITIONAL_ONLY
        specs = [TensorSpec(t.shape, t.dtype, t.op.label) for t in function._arguments.inputs]
        signature = inspect.Signature(
            [inspect.Parameter(cleaned(s.name or "x"), kind) for s in specs]
        )
        return function, signature, specs
    if not callable(function):
        raise InvalidArgumentError(
            f"gradtape.interop.sympy.derivative: {brief(function)} is no function of tensors."
        )
    made = function if isinstance(function, Function) else Function(function)
    return made, made.function_spec, default_arguments(made)


def _parameter(signature: inspect.Signature, argument: Argument) -> str:
    """The name of the parameter by which the derivative is taken."""
    names = list(signature.parameters)
    if isinstance(argument, str) and argument in names:
        return argument
    if type(argument) is int and -len(names) <= argument < len(names):
        return names[argument]
    raise InvalidArgumentError(
        f"gradtape.interop.sympy.derivative: argument={argument!r} names none of the parameters"
        f" {names}; give a name, a number, or a tf.Variable."
    )


def _source(signature: inspect.Signature, given: Sequence[Any], argument: Argument) -> Any:
    """The tensor or variable by which the derivative is taken."""
    if isinstance(argument, Variable):
        return argument
    found = signature.bind(*given).arguments.get(_parameter(signature, argument))
    if not isinstance(found, (Tensor, Variable)):
        raise InvalidArgumentError(
            f"gradtape.interop.sympy.derivative: the argument {argument!r} is {brief(found)}, not"
            " one tensor. Pass a tf.TensorSpec, a number with a point, or a SymPy symbol for it."
        )
    return found


def _single(result: Any) -> Any:
    if isinstance(result, (Tensor, Variable)):
        return as_tensor(result)
    raise InvalidArgumentError(
        f"gradtape.interop.sympy.derivative: the function returns {brief(result)}; return one"
        " tensor."
    )


def _differentiated(run: Callable[[], Any], source: Any, order: int) -> Any:
    """The derivative of a result by a source, by as many nested tapes as the order says."""
    if order == 0:
        return run()
    with GradientTape() as tape:
        tape.watch(source)
        y = _differentiated(run, source, order - 1)
    take = tape.jacobian if y._shape else tape.gradient
    found = as_tensor(take(y, source, unconnected_gradients="zero"))
    return conj(found)  # the derivative of a holomorphic function; TensorFlow's is its conjugate


class Formula:
    """A function as a formula to look at: text in a terminal, mathematics in a notebook.

    Attributes:
        name: the function's name.
        inputs: the symbols, by the names of parameters and variables.
        expression: SymPy's expressions, as `to_sympy` returns them.
        left: what stands on the left of the equals sign.

    Example:
        >>> import gradtape as tf
        >>> shown = tf.interop.sympy.formula(lambda x: x * x)
        >>> shown.left, shown.expression
        (f(x), x**2)
    """

    def __init__(
        self, name: str, inputs: dict[str, Any], expression: Any, left: Any = None
    ) -> None:
        if not isinstance(name, str):
            raise wrong_type("interop.sympy.Formula", "name", "a string", name)
        self.name = name
        self.inputs = by_name(inputs, "Formula", "inputs")
        self.expression = expression
        self.left = _applied(name, self.inputs) if left is None else left

    def simplified(self) -> Formula:
        """The same with each expression simplified."""
        return Formula(self.name, self.inputs, each(sp.simplify, self.expression), self.left)

    def latex(self) -> str:
        """The formula in LaTeX."""
        return f"{sp.latex(self.left)} = {sp.latex(self.expression)}"

    def pretty(self) -> str:
        """The formula as text of several lines."""
        if isinstance(self.expression, sp.Basic):
            text = sp.pretty(sp.Eq(self.left, self.expression, evaluate=False), use_unicode=True)
        else:
            text = f"{sp.pretty(self.left)} = {sp.pretty(self.expression)}"
        return "\n".join([line.rstrip() for line in text.splitlines()])

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __repr__(self) -> str:
        return self.pretty()


def _shown(name: str, value: Any) -> Any:
    """What stands for an input between the brackets: the expression, or the name of an array."""
    return value if isinstance(value, sp.Expr) else sp.Symbol(name)


def _applied(name: str, inputs: dict[str, Any]) -> Any:
    return sp.Function(name)(*[_shown(n, v) for n, v in inputs.items()])


def formula(
    function: Any,
    *arguments: Any,
    by: Argument | None = None,
    order: int = 1,
    simplify: bool = False,
    unknown: str = "error",
    variables: str = "symbols",
) -> Formula:
    """Return a function, or its derivative, as a formula that prints well.

    Args:
        function: as for `to_sympy`.
        arguments: as for `to_sympy`.
        by: the name or number of a parameter, or a variable, to show the derivative by it.
        order: of the derivative.
        simplify: whether SymPy simplifies.
        unknown: as for `to_sympy`.
        variables: as for `to_sympy`.

    Returns:
        A `Formula`: its `latex()`, `pretty()` and `expression`; a notebook shows it as mathematics.

    Example:
        >>> import gradtape as tf
        >>> def f(x):
        ...     return tf.exp(-tf.square(x))
        >>> print(tf.interop.sympy.formula(f).latex())
        f{\\left(x \\right)} = e^{- x^{2}}
        >>> print(tf.interop.sympy.formula(f, by="x").latex())
        \\frac{d}{d x} f{\\left(x \\right)} = - 2 x e^{- x^{2}}
    """
    name = cleaned(getattr(function, "__name__", None) or getattr(function, "name", "f"))
    name = "f" if name == "lambda" else name
    whole = Traced(function, arguments, variables)
    if by is None:
        made = Formula(name, whole.inputs, whole.expressions(unknown))
    else:
        slope, taken = _slope(function, arguments, by, order)
        key = by.name if isinstance(by, Variable) else _parameter(slope.function_spec, by)
        key = cleaned(key.split(":")[0])
        symbol = _shown(key, whole.inputs.get(key))
        symbol = symbol if symbol.is_Symbol else sp.Symbol(key)
        left = sp.Derivative(_applied(name, whole.inputs), (symbol, order))
        expression = Traced(slope, taken, variables).expressions(unknown)
        made = Formula(name, whole.inputs, expression, left)
    return made.simplified() if simplify else made
