"""SymPy expressions as Python code on tensors: `Printer` and `lambdify`.

`sympy.lambdify` prints an expression and looks up the names in what it is given as `modules`. With
`lambdify_modules` all functions are operations on tensors; this printer also writes choices, logic,
matrices and numbers in a way that works for tensors of any shape and dtype, and while a graph is
recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp
from sympy.printing.pycode import PythonCodePrinter

from gradtape.core.errors import InvalidArgumentError, OpError, brief, wrong_type
from gradtape.interop.sympy_functions import FUNCTIONS, plain, unsupported

lambdify_modules: dict[str, Any] = dict(FUNCTIONS)


Base: Any = PythonCodePrinter  # whose methods are typed by what they happen to return


class Printer(Base):
    """Prints SymPy expressions as Python code on tensors, for `sympy.lambdify(printer=...)`.

    Example:
        >>> import gradtape as tf
        >>> import sympy
        >>> x = sympy.Symbol("x")
        >>> tf.interop.sympy.Printer().doprint(sympy.Piecewise((x, x > 0), (0, True)))
        'Piecewise((x, (x > 0)), (0, True), near=(x,))'
    """

    def __init__(self, settings: Any = None) -> None:
        given = {"fully_qualified_modules": False, **by_name(settings, "Printer", "settings")}
        own = {name: name for name in FUNCTIONS}
        given["user_functions"] = {**own, **given.get("user_functions", {})}
        try:
            super().__init__(given)
        except TypeError as error:
            raise InvalidArgumentError(f"gradtape.interop.sympy.Printer: {error}") from error
        self._near = ""

    def doprint(self, expr: Any, assign_to: Any = None) -> str:
        """The code of an expression."""
        found = getattr(expr, "free_symbols", ())
        names = sorted({self._print(s) for s in found if not isinstance(s, sp.Indexed)})
        self._near = "".join([f"{n}, " for n in names]).rstrip(" " if len(names) == 1 else ", ")
        return super().doprint(expr, assign_to)

    def _print(self, expr: Any, **kwargs: Any) -> str:
        if isinstance(expr, sp.Expr) and expr.is_number and expr.is_finite is not False:
            if not expr.is_Rational:
                return _written(plain(sp.N(expr, 20)))
        return super()._print(expr, **kwargs)

    def _print_Mul(self, expr: Any) -> str:
        numbers = [a for a in expr.args if a.is_number]
        if all(a.is_Rational for a in numbers):
            return super()._print_Mul(expr)
        rest = [a for a in expr.args if not a.is_number]
        factor = sp.Float(plain(sp.N(sp.Mul(*numbers), 20)), 17) if _is_real(numbers) else None
        if factor is None or not rest:
            return super()._print_Mul(expr)
        return super()._print_Mul(sp.Mul(factor, *rest, evaluate=False))

    # choices and logic

    def _print_Piecewise(self, expr: Any) -> str:
        pairs = [f"({self._print(a.expr)}, {self._print(a.cond)})" for a in expr.args]
        return f"Piecewise({', '.join(pairs)}, near=({self._near}))"

    def _print_Heaviside(self, expr: Any) -> str:
        return f"Heaviside({', '.join(map(self._print, expr.args))})"

    def _called(self, expr: Any) -> str:
        return f"{expr.func.__name__}({', '.join(map(self._print, expr.args))})"

    _print_And = _print_Or = _print_Not = _print_Xor = _print_ITE = _called
    _print_sign = _print_frac = _print_Mod = _called
    _print_lowergamma = _print_uppergamma = _print_fresnels = _print_fresnelc = _called

    def _print_besselj(self, expr: Any) -> str:
        if not expr.order.is_Integer:
            raise unsupported(f"{expr.func.__name__!r}", "the order must be a whole number")
        return self._called(expr)

    _print_bessely = _print_besseli = _print_besselk = _print_besselj

    def _print_Implies(self, expr: Any) -> str:
        return self._print(sp.Or(sp.Not(expr.args[0]), expr.args[1]))

    def _print_Equivalent(self, expr: Any) -> str:
        return self._print(sp.Not(sp.Xor(*expr.args)))

    # logarithms of sums, which have operations of their own

    def _print_log(self, expr: Any) -> str:
        inner = expr.args[0]
        if isinstance(inner, sp.Abs) and isinstance(inner.args[0], sp.gamma):
            return f"loggamma({self._print(inner.args[0].args[0])})"
        rest = inner - 1
        if isinstance(inner, sp.Add) and not isinstance(rest, sp.Add):
            if isinstance(rest, sp.exp) and rest.args[0].is_extended_real:
                return f"softplus({self._print(rest.args[0])})"
            return f"log1p({self._print(rest)})"
        return self._called(expr)

    # matrices

    def _print_MatrixBase(self, expr: Any) -> str:
        elements = ", ".join(map(self._print, expr.flat()))
        return f"assembled([{elements}], {tuple(expr.shape)}, near=({self._near}))"

    _print_ImmutableDenseMatrix = _print_MutableDenseMatrix = _print_MatrixBase
    _print_ImmutableSparseMatrix = _print_MutableSparseMatrix = _print_MatrixBase

    def _print_Identity(self, expr: Any) -> str:
        return self._print(sp.ImmutableMatrix(expr.as_explicit()))

    _print_ZeroMatrix = _print_OneMatrix = _print_Identity

    def _print_MatMul(self, expr: Any) -> str:
        factor, matrices = expr.as_coeff_matrices()
        product = f"matmul({', '.join(map(self._print, matrices))})"
        return product if factor == 1 else f"({self._print(factor)})*{product}"

    def _print_MatAdd(self, expr: Any) -> str:
        return f"({' + '.join(map(self._print, expr.args))})"

    def _print_HadamardProduct(self, expr: Any) -> str:
        return f"({'*'.join(map(self._print, expr.args))})"

    def _print_MatPow(self, expr: Any) -> str:
        return f"matrix_power({self._print(expr.base)}, {self._print(expr.exp)})"

    def _print_Transpose(self, expr: Any) -> str:
        return f"transposed({self._print(expr.arg)})"

    def _print_Inverse(self, expr: Any) -> str:
        return f"inverse({self._print(expr.arg)})"

    def _print_Determinant(self, expr: Any) -> str:
        return f"determinant({self._print(expr.arg)})"

    def _print_Trace(self, expr: Any) -> str:
        return f"trace({self._print(expr.arg)})"

    def _print_MatrixElement(self, expr: Any) -> str:
        return f"{self._print(expr.parent)}[..., {self._print(expr.i)}, {self._print(expr.j)}]"

    def _print_IndexedBase(self, expr: Any) -> str:
        return self._print(expr.label)

    def _print_Indexed(self, expr: Any) -> str:
        indices = ", ".join(map(self._print, expr.indices))
        return f"{self._print(expr.base)}[..., {indices}]"

    # what has no counterpart

    def _print_not_supported(self, expr: Any) -> str:
        name = expr.func.__name__ if isinstance(expr, sp.Basic) else type(expr).__name__
        raise unsupported(f"{name!r}", "there is no such operation")

    emptyPrinter = _print_Derivative = _print_Integral = _print_Limit = _print_not_supported


def _is_real(numbers: list[Any]) -> bool:
    return all(n.is_extended_real and n.is_finite for n in numbers)


def _written(value: Any) -> str:
    """A Python number as code that gives the same number."""
    return f"({value!r})" if isinstance(value, complex) or value < 0 else repr(value)


def lambdify(
    arguments: Any, expression: Any, functions: Mapping[str, Any] | None = None, **options: Any
) -> Any:
    """Return `sympy.lambdify(arguments, expression)` on tensors, which tapes differentiate.

    Args:
        arguments: a symbol, or a list of symbols and lists of them, as for `sympy.lambdify`.
        expression: a SymPy expression, matrix, or list of them.
        functions: functions of tensors for SymPy's undefined functions, by name.
        options: further keywords of `sympy.lambdify`.

    Returns:
        A function of tensors. `sympy.lambdify(x, expression, modules=gradtape)` does the same for
        expressions of ordinary functions of scalars; here all of `lambdify_modules` is known, in
        choices, matrices and while a graph is recorded.

    Raises:
        InvalidArgumentError: when SymPy makes no function of the arguments.

    Example:
        >>> import gradtape as tf
        >>> import sympy
        >>> x = sympy.Symbol("x")
        >>> f = tf.interop.sympy.lambdify(x, sympy.Max(x, 0) / sympy.sqrt(2))
        >>> x = tf.Variable([1.0, -1.0])
        >>> with tf.GradientTape() as tape:
        ...     y = f(x)
        >>> tape.gradient(y, x).numpy()
        array([0.70710677, 0.        ], dtype=float32)
    """
    given = by_name(functions, "lambdify", "functions")
    printer = Printer({"user_functions": {name: name for name in given}})
    modules = [given, lambdify_modules]
    listed = sp.flatten(arguments) if isinstance(arguments, (list, tuple)) else [arguments]
    options.setdefault("dummify", any(str(a) in lambdify_modules for a in listed))
    try:
        return sp.lambdify(arguments, expression, modules=modules, printer=printer, **options)
    except OpError:
        raise
    except Exception as error:  # of whatever kind: SymPy checks nothing, and Python reads its code
        raise InvalidArgumentError(
            f"gradtape.interop.sympy.lambdify: SymPy makes no function of {brief(arguments)} and"
            f" {brief(expression)}: {error}"
        ) from error


def by_name(given: Any, function: str, argument: str) -> dict[str, Any]:
    """An argument that is a dict with names as keys, or None for an empty one."""
    found = {} if given is None else given
    if not isinstance(found, Mapping) or not all([isinstance(k, str) for k in found]):
        raise wrong_type(f"interop.sympy.{function}", argument, "a dict with names as keys", given)
    return dict(found)
