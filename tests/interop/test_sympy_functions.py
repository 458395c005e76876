"""SymPy expressions as functions of tensors: `from_sympy`, `lambdify`, and there and back again."""

from __future__ import annotations

import importlib.util
import inspect
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.printing.pycode import _known_functions_math

import gradtape as tf
from gradtape.core.tensor import Tensor
from tests.interop.symbolic import assert_near, evaluated

gs = tf.interop.sympy
ENGINES = ["sympy", *["symengine"] * bool(importlib.util.find_spec("symengine"))]
X, Y = sp.symbols("x y", real=True)
A = sp.MatrixSymbol("A", 2, 2)
SQUARE = np.array([[2.0, 0.5], [-1.0, 3.0]])


def value_and_slope(function: Any, *points: float) -> tuple[float, list[float]]:
    """A function's value and gradient at a point in float64, eagerly."""
    variables = [tf.Variable(np.float64(p)) for p in points]
    with tf.GradientTape() as tape:
        y = function(*variables)
    slopes = tape.gradient(y, variables, unconnected_gradients="zero")
    return float(y), [float(s) for s in slopes]


def check(expression: Any, symbols: Any, *points: float, function: Any = None) -> None:
    """Value and gradient of an expression's function are SymPy's."""
    function = function or gs.from_sympy(expression, symbols)
    value, slopes = value_and_slope(function, *points)
    at = dict(zip(symbols, points, strict=True))
    plain = lambda e: e.replace(sp.DiracDelta, lambda *a: sp.S.Zero).doit()
    assert_near([value], evaluated([expression], at))
    assert_near(slopes, evaluated([plain(sp.diff(expression, s)) for s in symbols], at))


# expressions of every function

EXPRESSIONS = [
    3 * X**3 - X / 2 + 1, X / Y - Y / X, (X + Y) ** -2, X**Y + 2**X, sp.sqrt(X) / sp.sqrt(Y), X ** sp.Rational(5, 3),
    sp.exp(-(X**2)) * sp.log(Y), sp.log(1 + X * Y), sp.log(sp.exp(X) + 1), sp.log(X, 2), sp.sqrt(2) * X + sp.pi * Y + sp.E,
    sp.sin(X) * sp.cos(Y) + sp.tan(X), sp.cot(X) + sp.sec(Y) * sp.csc(X), sp.sinc(X) * Y,
    sp.asin(X) + sp.acos(X / 2) * sp.atan(Y), sp.atan2(X, -Y), sp.acot(X) + sp.asec(2 + X) - sp.acsc(2 + Y),
    sp.sinh(X) + sp.cosh(Y) * sp.tanh(X), sp.coth(X) + sp.sech(Y) * sp.csch(X),
    sp.asinh(X) + sp.acosh(1 + Y) + sp.atanh(X), sp.acoth(2 + X) + sp.asech(X) * sp.acsch(Y),
    sp.Abs(X - Y) * sp.sign(Y), sp.Max(X, Y, sp.Rational(1, 2)) - sp.Min(X, Y), sp.floor(3 * X) * Y + sp.ceiling(X) * X, sp.frac(4 * X) * Y,
    sp.Mod(4 * X, Y), sp.Heaviside(X - 1) * Y + sp.Heaviside(Y) * X, sp.Piecewise((X**2, X > 1), (Y, X > 0), (0, True)),
    sp.Piecewise((1, sp.And(X > 0, Y > 2)), (X, sp.Or(X > 5, sp.Not(Y > 0))), (Y, True)), sp.Piecewise((X, sp.Xor(X > 0, Y > 5)), (0, True)),
    sp.erf(X) + sp.erfc(Y) * X, sp.erfinv(X / 2) + sp.erfcinv(Y / 2) + sp.erfi(X), sp.gamma(X) * sp.factorial(Y),
    sp.loggamma(X) + sp.log(sp.Abs(sp.gamma(X - 2))), sp.beta(X, Y), sp.binomial(3 + X, Y), sp.digamma(X) * sp.polygamma(2, Y),
    sp.lowergamma(2, X) + sp.uppergamma(3, Y), sp.zeta(3, X) * sp.zeta(1 + Y, 1), sp.betainc_regularized(2, 3, 0, X), sp.polylog(2, X / 2),
    sp.besselj(0, X) + sp.bessely(1, Y), sp.besselj(-3, X) * sp.besseli(2, Y) + sp.besselk(-1, X) + sp.besseli(-1, X), sp.fresnels(X) * sp.fresnelc(Y) + sp.Ei(X),
    sp.re(X) + sp.im(Y) + sp.conjugate(X) * Y + sp.arg(X), sp.Rational(1, 3) * X**2 * sp.Float("0.1234567890123456"),
]  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_value_and_gradient_are_sympys(expression: Any) -> None:
    check(expression, [X, Y], 0.6, 0.85)


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_the_same_for_many_points_in_a_recorded_function(expression: Any) -> None:
    points = np.array([[0.6, 0.7], [0.8, 0.9]]), np.array([0.85, 0.75])
    function = gs.from_sympy(expression, [X, Y])
    recorded = tf.function(function, jit_compile=False, autograph=False)
    found = recorded(*map(tf.constant, points))
    every = [
        evaluated([expression], {X: x, Y: y})[0]
        for x, y in zip(*map(np.ravel, np.broadcast_arrays(*points)))
    ]
    assert_near(np.broadcast_to(found, (2, 2)), np.reshape(every, (2, 2)))


# what goes in and comes out


def test_arguments_are_the_free_symbols_by_name() -> None:
    f = gs.from_sympy(Y - X)
    assert list(inspect.signature(f).parameters) == ["x", "y"]
    assert float(f(1.0, 3.0)) == float(f(y=3.0, x=1.0)) == 2.0
    assert "-x + y" in (f.__doc__ or "")


def test_numbers_take_the_dtype_of_tensors() -> None:
    f = gs.from_sympy(sp.sqrt(2) * X + Y / 3, [X, Y])
    assert f(1.0, 2).dtype == tf.float32
    assert f(np.float64(1.0), 2).dtype == tf.float64
    assert f(tf.constant([1, 2]), 1.0).dtype == tf.float32
    assert f(tf.constant(1.0, tf.float16), tf.constant([1, 2])).dtype == tf.float16
    assert (
        gs.from_sympy(sp.Piecewise((1, X > 0), (0, True)), X)(np.float64(2.0)).dtype == tf.float64
    )


def test_complex_numbers() -> None:
    f = gs.from_sympy(sp.exp(sp.I * X), X)
    assert f(np.float64(1.0)).dtype == tf.complex128
    assert_near([complex(f(np.float64(1.0)))], [np.exp(1j)])
    z = sp.Symbol("z")
    assert complex(gs.from_sympy(z * sp.conjugate(z))(1 + 2j)) == 5


def test_constants_and_truth_values() -> None:
    assert float(gs.from_sympy(sp.Integer(3), [X])(1.0)) == 3.0
    assert gs.from_sympy(X > Y)(tf.constant([1.0, 3.0]), 2.0).numpy().tolist() == [False, True]
    p, q = sp.symbols("p q")
    both = gs.from_sympy(sp.And(p, sp.Or(q, sp.Not(p))), [p, q])
    assert bool(both(tf.constant(True), tf.constant(True)))
    assert not bool(both(tf.constant(True), tf.constant(False)))
    chosen = gs.from_sympy(sp.ITE(p, q, X > 0), [p, q, X])
    assert bool(chosen(tf.constant(False), tf.constant(False), 1.0))
    assert bool(gs.from_sympy(sp.Equivalent(p, q), [p, q])(tf.constant(False), tf.constant(False)))
    assert bool(
        gs.from_sympy(sp.Implies(p, q, evaluate=False), [p, q])(
            tf.constant(False), tf.constant(False)
        )
    )


def test_matrices_and_arrays() -> None:
    f = gs.from_sympy(sp.Matrix([[X, X * Y], [1, 2]]), [X, Y])
    assert f(2.0, 3.0).numpy().tolist() == [[2.0, 6.0], [1.0, 2.0]]
    assert f(np.array([1.0, 2.0]), 3.0).shape == (2, 2, 2)
    elements = sp.Matrix(2, 2, sp.symbols("a:d"))
    g = gs.from_sympy(elements.det() * elements, elements)
    assert_near(g(SQUARE), np.linalg.det(SQUARE) * SQUARE)
    assert g(np.stack([SQUARE] * 3)).shape == (3, 2, 2)
    v = sp.symbols("v_0 v_1")
    h = gs.from_sympy(sp.Array([v[0] * v[1], v[0]]), [list(v)])
    assert h([2.0, 3.0]).numpy().tolist() == [6.0, 2.0]
    x = tf.Variable([2.0, 3.0])
    with tf.GradientTape() as tape:
        y = h(x)
    assert tape.jacobian(y, x).numpy().tolist() == [[3.0, 2.0], [1.0, 0.0]]


def test_structures() -> None:
    found = gs.from_sympy({"value": X**2, "slope": [sp.diff(X**2, X), 1]})(3.0)
    assert {k: np.asarray(v).tolist() for k, v in found.items()} == {
        "value": 9.0,
        "slope": [6.0, 1.0],
    }


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        (A.T * A + 2 * A, SQUARE.T @ SQUARE + 2 * SQUARE),
        (A**-1, np.linalg.inv(SQUARE)),
        (A**3, SQUARE @ SQUARE @ SQUARE),
        (sp.MatPow(A, -2), np.linalg.inv(SQUARE) @ np.linalg.inv(SQUARE)),
        (sp.HadamardProduct(A, A), SQUARE * SQUARE),
        (A + sp.Identity(2) - sp.OneMatrix(2, 2), SQUARE + np.eye(2) - 1),
        (A * sp.Matrix([[1, 2], [3, 4]]), SQUARE @ [[1, 2], [3, 4]]),
        (sp.Determinant(A) + sp.Trace(A) * A[0, 1], np.linalg.det(SQUARE) + 5 * 0.5),
        (sp.ZeroMatrix(2, 2) + A, SQUARE),
    ],
    ids=str,
)
def test_matrix_symbols(expression: Any, wanted: Any) -> None:
    assert_near(gs.from_sympy(expression, A)(SQUARE), wanted)
    recorded = tf.function(gs.from_sympy(expression, A), jit_compile=False, autograph=False)
    assert_near(recorded(tf.constant(SQUARE)), wanted)


def test_indexed_symbols_sums_and_derivatives_are_carried_out() -> None:
    b, i = sp.IndexedBase("b"), sp.Symbol("i", integer=True)
    assert float(gs.from_sympy(sp.Sum(b[i] ** 2, (i, 0, 2)))([1.0, 2.0, 3.0])) == 14.0
    assert float(gs.from_sympy(sp.Derivative(X**2, X) + sp.Integral(Y, (Y, 0, X)))(2.0)) == 6.0


def test_undefined_functions_are_given() -> None:
    f = sp.Function("f")
    made = gs.from_sympy(f(X) * X, functions={"f": tf.sin})
    assert_near([value_and_slope(made, 0.5)[0]], [0.5 * np.sin(0.5)])
    kept = gs.to_sympy(lambda x: tf.math.nextafter(x, 2.0 * x) * x, unknown="function")
    back = gs.from_sympy(kept, functions={"nextafter": tf.math.nextafter})
    assert float(back(np.float64(1.5))) == np.nextafter(1.5, 3.0) * 1.5


def test_symbols_may_have_any_name() -> None:
    names = sp.symbols("lambda gamma log x0 \\alpha_{1} print")
    f = gs.from_sympy(sum(names) + sp.gamma(names[1]) + sp.log(names[2]), names)
    assert float(f(*[1.0] * 6)) == 7.0
    assert list(inspect.signature(f).parameters)[:4] == ["x0", "gamma", "log", "x0_"]


def test_common_subexpressions_are_computed_once() -> None:
    shared = sp.sin(X * Y) + 1
    f = gs.from_sympy([shared**2, 1 / shared, sp.exp(shared)], [X, Y])
    graph = (
        tf.function(f, autograph=False)
        .get_concrete_function(*[tf.TensorSpec([], tf.float32)] * 2)
        .graph
    )
    assert [op.type for op in graph.get_operations()].count("sin") == 1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: gs.from_sympy(sp.LambertW(X)), "'LambertW' has no counterpart"),
        (lambda: gs.from_sympy(sp.Function("f")(X)), "'f' has no counterpart"),
        (lambda: gs.from_sympy(sp.besselj(sp.Rational(1, 2), X)), "must be a whole number"),
        (lambda: gs.from_sympy(sp.polylog(3, X))(0.5), "only the dilogarithm"),
        (lambda: gs.from_sympy(X + Y, [X]), r"no arguments: \['y'\]"),
        (lambda: gs.from_sympy(X, [X + 1]), "is no symbol"),
        (lambda: gs.from_sympy(sp.Matrix([X, Y]), sp.Matrix([X, Y]))([1.0, 2.0]), "last axes"),
        (lambda: gs.from_sympy(sp.Derivative(sp.Function("f")(X), X)), "'Derivative' has no"),
        (lambda: gs.from_sympy(A ** sp.Symbol("n"), [A, sp.Symbol("n")])(SQUARE, 2.0), "whole powers"),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_refused(make: Any, said: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        make()


# SymEngine


@pytest.mark.parametrize("engine", ENGINES)
def test_objects_of_either_engine(engine: str) -> None:
    library = importlib.import_module(engine)
    z = library.Symbol("z")
    function = gs.from_sympy(library.sin(z) * z**2 + library.sqrt(2), [z])
    value, (slope,) = value_and_slope(function, 0.6)
    assert_near(
        [value, slope],
        [np.sin(0.6) * 0.36 + np.sqrt(2), np.cos(0.6) * 0.36 + 2 * np.sin(0.6) * 0.6],
    )
    assert gs.to_sympy(lambda x: tf.exp(x) * x, z) == sp.exp(sp.Symbol("z")) * sp.Symbol("z")
    matrix = library.Matrix([[z, z**2]])
    assert gs.from_sympy(matrix, z)(3.0).numpy().tolist() == [[3.0, 9.0]]
    assert gs.to_sympy(tf.linalg.trace, library.Matrix([[z, 1], [1, z]])) == 2 * sp.Symbol("z")
    back = library.sympify(gs.derivative(lambda x: tf.sin(x), z))
    assert back == library.cos(z)


# lambdify

ORDINARY = [e for e in EXPRESSIONS if e.atoms(sp.Function) <= e.atoms(
    sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.asin, sp.acos, sp.atan, sp.atan2, sp.sinh, sp.cosh, sp.tanh, sp.asinh,
    sp.acosh, sp.atanh, sp.Abs, sp.floor, sp.ceiling, sp.erf, sp.erfc, sp.gamma, sp.factorial, sp.loggamma,
) and not e.has(sp.sign, sp.Max, sp.Piecewise, sp.log(2))]  # fmt: skip


@pytest.mark.parametrize("expression", ORDINARY, ids=str)
def test_lambdify_with_the_package_as_module(expression: Any) -> None:
    check(
        expression.evalf(17),
        [X, Y],
        0.6,
        0.85,
        function=sp.lambdify([X, Y], expression.evalf(17), modules=tf),
    )


def test_lambdify_with_the_package_gives_tensors() -> None:
    assert len(ORDINARY) > 10
    f = sp.lambdify(X, sp.exp(-X) * sp.log(X) + sp.gamma(X), modules=tf)
    assert isinstance(f(tf.constant([1.0, 2.0])), Tensor)
    recorded = tf.function(f)
    assert_near(recorded(tf.constant(1.5, tf.float64)), f(tf.constant(1.5, tf.float64)))


def test_the_package_has_the_names_that_sympys_code_uses() -> None:
    # of these Python's own function refuses a tensor or gives what has no derivative anyway; the
    # last three are printed for classes of sympy.codegen alone
    python = {"isinf", "isnan", "hypot", "log10", "log2"}
    assert set(_known_functions_math.values()) - set(vars(tf)) <= python


@pytest.mark.parametrize(
    "expression",
    [
        e
        for e in EXPRESSIONS
        if not e.has(sp.Piecewise, sp.sign, sp.lowergamma, sp.fresnels, sp.besselj, sp.frac)
    ],
    ids=str,
)
def test_lambdify_with_our_names(expression: Any) -> None:
    function = sp.lambdify([X, Y], expression, modules=gs.lambdify_modules)
    check(expression, [X, Y], 0.6, 0.85, function=function)


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_lambdify_with_our_printer(expression: Any) -> None:
    check(expression, [X, Y], 0.6, 0.85, function=gs.lambdify([X, Y], expression))
    function = sp.lambdify([X, Y], expression, modules=gs.lambdify_modules, printer=gs.Printer)
    check(expression, [X, Y], 0.6, 0.85, function=function)


def test_lambdify_of_matrices_and_lists() -> None:
    f = gs.lambdify([[X, Y]], sp.Matrix([X * Y, X + 1]))
    assert f(tf.constant([2.0, 3.0])).numpy().tolist() == [[6.0], [3.0]]
    plain = sp.lambdify([X, Y], sp.Matrix([[X, Y], [1, 2]]), modules=gs.lambdify_modules)
    assert plain(tf.constant(2.0), tf.constant(3.0)).numpy().tolist() == [[2.0, 3.0], [1.0, 2.0]]
    q = sp.Function("q")
    assert float(gs.lambdify(X, q(X), functions={"q": tf.square})(tf.constant(3.0))) == 9.0


def test_functions_of_numbers_are_numbers() -> None:
    assert gs.lambdify_modules["sqrt"](2) == 2**0.5
    assert gs.lambdify_modules["log"](-1) == np.pi * 1j
    assert gs.lambdify_modules["And"](True, False) is False


# there and back again

UNARY = [
    tf.sin, tf.cos, tf.tanh, tf.exp, tf.sigmoid, tf.atan, tf.square, tf.math.erf, tf.nn.relu, tf.nn.elu, tf.abs,
    lambda x: tf.sqrt(1.0 + x * x), lambda x: tf.math.log1p(x * x), lambda x: tf.math.lgamma(1.5 + x * x), tf.negative,
]  # fmt: skip
BINARY = [
    tf.add,
    tf.subtract,
    tf.multiply,
    tf.maximum,
    lambda x, y: x / (2.0 + y * y),
    lambda x, y: tf.where(x > y, x, 3.0 * y),
    tf.atan2,
]
trees = st.recursive(
    st.sampled_from([0, 1, 0.75]),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(UNARY), inner), st.tuples(st.sampled_from(BINARY), inner, inner)
    ),
    max_leaves=6,
)
points = st.floats(-1.4, 1.4).map(lambda v: round(v, 3) + 0.0005)


def built(tree: Any, x: Any, y: Any) -> Any:
    """A tree of operations on two tensors."""
    if isinstance(tree, tuple):
        return tree[0](*[built(t, x, y) for t in tree[1:]])
    return tf.constant(tree, x.dtype) * x if isinstance(tree, float) else (x, y)[tree]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(tree=trees, x=points, y=points)
def test_there_and_back_again_is_the_same(tree: Any, x: float, y: float) -> None:
    function = lambda x, y: built(tree, x, y)
    expression = gs.to_sympy(function, X, Y)
    wanted = value_and_slope(function, x, y)
    found = value_and_slope(gs.from_sympy(expression, [X, Y]), x, y)
    assert_near([found[0], *found[1]], [wanted[0], *wanted[1]], 1e-9)
    slopes = [gs.derivative(function, X, Y, argument=i, simplify=False) for i in range(2)]
    values = evaluated([expression, *slopes], {X: x, Y: y})
    assert_near(values, [wanted[0], *wanted[1]], 1e-9)
