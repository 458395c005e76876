"""What the tests of formulas share: evaluating SymPy's expressions with 40 digits."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import sympy as sp

DIGITS = 40
# what SymPy's own printer for mpmath does not know
MORE = {
    "erfcinv": lambda x: mpmath.erfinv(1 - x),
    "betainc_regularized": lambda a, b, low, high: mpmath.betainc(
        a, b, low, high, regularized=True
    ),
}


def exact(value: Any) -> Any:
    """A number as mpmath has it."""
    if isinstance(value, (mpmath.mpf, mpmath.mpc)):
        return value
    return mpmath.mpc(complex(value)) if np.iscomplexobj(value) else mpmath.mpf(float(value))


def at(expression: Any, values: dict[Any, Any]) -> Any:
    """The value of an expression of functions that mpmath has."""
    run = sp.lambdify(list(values), expression, modules=[MORE, "mpmath"])
    return run(*[exact(v) for v in values.values()])


def differences(derivative: Any, values: dict[Any, Any]) -> Any:
    """A derivative without a closed form, by differences of 40 digits."""
    moving = [v for v, _ in derivative.variable_count]
    orders = tuple([int(n) for _, n in derivative.variable_count])
    run = lambda *point: at(derivative.expr, {**values, **dict(zip(moving, point, strict=True))})
    return mpmath.diff(run, tuple([exact(values[v]) for v in moving]), orders)


def numeric(expression: Any, values: dict[Any, Any]) -> Any:
    """An expression with numbers in place of derivatives that are not carried out."""
    found = {}
    for moved in expression.atoms(sp.Subs):
        point = {s: at(p, values) for s, p in zip(moved.variables, moved.point, strict=True)}
        found[moved] = sp.Float(differences(moved.expr, {**values, **point}), DIGITS)
    expression = expression.xreplace(found)
    for moved in expression.atoms(sp.Derivative):
        found[moved] = sp.Float(differences(moved, values), DIGITS)
    return expression.xreplace(found)


def evaluated(expressions: Any, values: dict[Any, Any]) -> Any:
    """The values of an array or list of expressions as a NumPy array, for numbers by symbol."""
    array = np.array(expressions, object)
    with mpmath.workdps(DIGITS):
        flat = [numeric(sp.sympify(e), values) for e in array.flat]
        run = sp.lambdify(list(values), flat, modules=[MORE, "mpmath"], cse=True)
        found = run(*[exact(v) for v in values.values()])
    return np.array([complex(f) for f in found]).reshape(array.shape)


def assert_near(found: Any, wanted: Any, tolerance: float = 1e-12) -> None:
    """Raise unless two arrays agree to a tolerance, relative to numbers above 1."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    if np.isrealobj(wanted):
        assert np.max(abs(np.imag(found)), initial=0.0) <= tolerance
    differs = found != wanted
    error = abs(found[differs] - wanted[differs]) / (1 + abs(wanted[differs]))
    assert np.max(error, initial=0.0) <= tolerance, f"{found} for {wanted}"
