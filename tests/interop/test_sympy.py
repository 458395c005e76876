"""Functions as SymPy expressions: symbols, structures, derivatives, formulas, what has no counterpart."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

import gradtape as tf
from gradtape.interop.sympy_numbers import number
from tests.interop.symbolic import assert_near, evaluated

gs = tf.interop.sympy
X, Y = sp.symbols("x y", real=True)
VECTOR, MATRIX = tf.TensorSpec([2], tf.float64), tf.TensorSpec([2, 2], tf.float64)

# numbers


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (0.5, sp.Rational(1, 2)), (0.1, sp.Rational(1, 10)), (-1 / 3, -sp.Rational(1, 3)),
        (123456.0, sp.Integer(123456)), (2 / np.sqrt(np.pi), 2 / sp.sqrt(sp.pi)),
        (-np.sqrt(2), -sp.sqrt(2)), (np.log(2), sp.log(2)), (np.inf, sp.oo), (-np.inf, -sp.oo),
        (0.0, sp.Integer(0)), (0.044715, sp.Float("0.044715")), (1e-7, sp.Float("1e-7")),
    ],
)  # fmt: skip
def test_numbers_are_the_simplest_that_round_to_them(value: float, wanted: Any) -> None:
    assert number(np.float64(value)) == wanted
    if value in (0.5, 0.1, 0.0):
        assert number(np.float32(value)) == number(np.float16(value)) == wanted
    assert np.float64(float(number(np.float64(value)))) == np.float64(value)


def test_random_numbers_are_no_fractions() -> None:
    drawn = np.random.default_rng(0).standard_normal(500)
    assert all(number(v).is_Float for v in drawn)
    assert all(float(number(v)) == v for v in drawn)


def test_numbers_of_other_dtypes() -> None:
    assert number(np.complex64(1 + 0.5j)) == 1 + sp.I / 2
    assert number(np.bool_(True)) is sp.true
    assert number(np.int8(-3)) == -3
    assert number(np.float64("nan")) is sp.nan


# symbols


def test_a_scalar_function_is_an_expression_of_its_parameters() -> None:
    assert gs.to_sympy(lambda x, y: x * tf.sin(y) + 2.0) == X * sp.sin(Y) + 2


def test_elements_of_vectors_and_matrices_are_symbols_with_indices() -> None:
    found = gs.to_sympy(lambda x: tf.reduce_sum(x**2), MATRIX)
    names = [f"x_{i}_{j}" for i in range(2) for j in range(2)]
    assert found == sum(sp.Symbol(n, real=True) ** 2 for n in names)
    assert gs.to_sympy(lambda x: x + 1.0, VECTOR) == sp.Array(
        [sp.Symbol("x_0", real=True) + 1, sp.Symbol("x_1", real=True) + 1]
    )
    assert isinstance(gs.to_sympy(lambda x: x, MATRIX), sp.ImmutableMatrix)


def test_symbols_are_as_the_dtypes_are() -> None:
    specs = [tf.TensorSpec([], d) for d in (tf.float32, tf.int32, tf.complex64, tf.bool)]
    real, whole, general, truth = gs.to_sympy(lambda a, b, c, d: (a, b, c, d), *specs)
    assert real.is_real and not real.is_integer
    assert whole.is_integer
    assert general.is_complex and general.is_real is None
    assert truth == sp.Symbol("d")


def test_symbols_and_expressions_of_ones_own() -> None:
    t = sp.Symbol("t", positive=True)
    assert gs.to_sympy(lambda x: tf.sqrt(x**2), t) == t
    assert gs.to_sympy(lambda x: x + 1.0, t**2) == t**2 + 1
    a, b, c, d = sp.symbols("a:d")
    assert gs.to_sympy(tf.linalg.det, sp.Matrix([[a, b], [c, d]])) == a * d - b * c
    z = sp.Symbol("z", complex=True)
    assert gs.to_sympy(lambda x: x * tf.math.conj(x), z) == z * sp.conjugate(z)


def test_names_of_nested_arguments() -> None:
    def f(p: Any) -> Any:
        return p["w"] * p["x"][0]

    found = gs.to_sympy(f, {"w": 1.0, "x": [tf.constant(2.0, tf.float64)]})
    assert found == sp.Symbol("p_w", real=True) * sp.Symbol("p_x_0", real=True)


def test_names_that_would_meet_are_told_apart() -> None:
    found = gs.to_sympy(lambda x_0, x: x_0 + x[0], 1.0, VECTOR)
    assert len(found.free_symbols) == 2


def test_python_values_are_not_symbols() -> None:
    assert gs.to_sympy(lambda x, n: x**n, 1.0, 3) == X**3


def test_variables_are_symbols_or_numbers() -> None:
    w = tf.Variable(3.0, name="w")
    f = lambda x: w * x
    assert gs.to_sympy(f) == sp.Symbol("w", real=True) * X
    assert gs.to_sympy(f, variables="values") == 3 * X
    assert gs.derivative(f, argument=w) == X
    w.assign(4.0)
    assert gs.to_sympy(f, variables="values") == 4 * X


def test_a_variable_that_changes_is_read_as_it_is_then() -> None:
    v = tf.Variable(1.0, name="v")

    @tf.function
    def f(x: Any) -> Any:
        v.assign_add(x)
        return v * x

    assert sp.expand(gs.to_sympy(f)) == sp.Symbol("v", real=True) * X + X**2


# what is converted


def test_the_structure_of_results_is_kept() -> None:
    found = gs.to_sympy(lambda x: {"a": x, "b": [2.0 * x, None]})
    assert found == {"a": X, "b": [2 * X, None]}


def test_functions_concrete_functions_graphs_and_tensors() -> None:
    @tf.function
    def f(x: Any) -> Any:
        return tf.exp(x) * x

    concrete = f.get_concrete_function(tf.TensorSpec([], tf.float64))
    wanted = sp.exp(X) * X
    name = concrete.outputs[0].name
    for found in (
        gs.to_sympy(f), gs.to_sympy(concrete), gs.to_sympy(concrete.graph, name),
        gs.to_sympy(concrete.outputs[0]), gs.to_sympy(concrete.graph, concrete.outputs[0]),
    ):  # fmt: skip
        assert found == wanted
    assert gs.to_sympy(concrete, Y + 1) == sp.exp(Y + 1) * (Y + 1)


def test_a_function_is_asked_for_as_it_was_declared_or_traced() -> None:
    @tf.function(input_signature=[tf.TensorSpec([2], tf.float32)])
    def declared(x: Any) -> Any:
        return tf.reduce_sum(x)

    @tf.function
    def traced(x: Any) -> Any:
        return tf.reduce_prod(x)

    traced(tf.constant([1.0, 2.0, 3.0]))
    assert len(gs.to_sympy(declared).free_symbols) == 2
    assert len(gs.to_sympy(traced).free_symbols) == 3


def test_a_trace_that_is_there_already_takes_symbols_of_ones_own() -> None:
    f = tf.function(lambda a, n, b: a * b**n)
    wanted = {"a": "a*b**2", "own": Y * (X + 1) ** 2}
    assert str(gs.to_sympy(f, 1.0, 2, 1.0)) == wanted["a"]
    assert gs.to_sympy(f, Y, 2, X + 1) == wanted["own"]
    assert str(gs.to_sympy(f, 1.0, 2, 1.0)) == wanted["a"]
    g = tf.function(lambda a, n, b: a * b**n)
    assert gs.to_sympy(g, Y, 2, X + 1) == wanted["own"]
    assert str(gs.to_sympy(g, 1.0, 2, 1.0)) == wanted["a"]


def test_a_function_that_holds_a_tape() -> None:
    @tf.function
    def f(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.nn.softplus(x) + tf.math.erf(x) + tf.nn.relu(x)
        return tape.gradient(y, x)

    wanted = sp.diff(sp.log(1 + sp.exp(X)) + sp.erf(X), X) + sp.Heaviside(X)
    for value in (-1.25, 0.75):
        assert_near(evaluated([gs.to_sympy(f)], {X: value}), [float(wanted.subs(X, value))])


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (lambda x, y: x * y[0] + y[1], lambda x, y: sp.Array([e * y[0] + y[1] for e in x])),
        (lambda x, y: tf.tensordot(x, y, 1), lambda x, y: x[0] * y[0] + x[1] * y[1]),
        (lambda x, y: tf.concat([x, y], 0)[1:3], lambda x, y: sp.Array([x[1], y[0]])),
        (lambda x, y: tf.stack([x, y], 1), lambda x, y: sp.Matrix([x, y]).T),
        (lambda x, y: tf.einsum("i,j->ij", x, y), lambda x, y: sp.Matrix(x) * sp.Matrix([y])),
        (lambda x, y: tf.gather(x, [1, 0]) + y, lambda x, y: sp.Array([x[1] + y[0], x[0] + y[1]])),
        (lambda x, y: tf.maximum(tf.reduce_max(x), y[0]), lambda x, y: sp.Max(*x, y[0])),
        (lambda x, y: tf.reduce_mean(x * y), lambda x, y: (x[0] * y[0] + x[1] * y[1]) / 2),
        (lambda x, y: tf.where(x > y, x, 0.0)[0], lambda x, y: sp.Piecewise((x[0], x[0] > y[0]), (0, True))),
        (lambda x, y: tf.linalg.matvec(tf.linalg.diag(x), y), lambda x, y: sp.Array([x[0] * y[0], x[1] * y[1]])),
        (lambda x, y: tf.cumsum(x)[::-1], lambda x, y: sp.Array([x[0] + x[1], x[0]])),
        (lambda x, y: tf.reverse(x, [0]), lambda x, y: sp.Array([x[1], x[0]])),
    ],
)  # fmt: skip
def test_arrays_element_by_element(function: Any, wanted: Any) -> None:
    x = [sp.Symbol(f"x_{i}", real=True) for i in range(2)]
    y = [sp.Symbol(f"y_{i}", real=True) for i in range(2)]
    assert gs.to_sympy(function, VECTOR, VECTOR) == wanted(x, y)


def test_complex_functions() -> None:
    spec = tf.TensorSpec([], tf.complex128)
    z = sp.Symbol("z", complex=True)
    assert gs.to_sympy(lambda z: tf.math.real(z) + tf.abs(z), spec) == sp.re(z) + sp.Abs(z)
    assert gs.derivative(lambda z: tf.exp(1j * z), spec) == sp.I * sp.exp(sp.I * z)


def test_an_operation_of_ones_own() -> None:
    @tf.primitive(vjp=lambda ct, x: ct * 3.0 * tf.cos(3.0 * x))
    def triple_sine(xp: Any, x: Any) -> Any:
        return xp.sin(3 * x) + xp.special.erf(x) * 0

    assert gs.to_sympy(lambda x: triple_sine(x)) == sp.sin(3 * X)
    assert gs.derivative(lambda x: triple_sine(x)) == 3 * sp.cos(3 * X)


def test_a_custom_gradient_is_the_derivative() -> None:
    @tf.custom_gradient
    def clipped(x: Any) -> Any:
        return x * x, lambda ct: 7.0 * ct

    assert gs.to_sympy(lambda x: clipped(x)) == X**2
    assert gs.derivative(lambda x: clipped(x)) == 7


# control flow


def test_choices_become_cases() -> None:
    @tf.function
    def f(x: Any) -> Any:
        if x > 0:
            y = x * x
        else:
            y = -x
        return y

    assert gs.to_sympy(f) == sp.Piecewise((X**2, X > 0), (-X, True))
    assert gs.derivative(f) == sp.Piecewise((2 * X, X > 0), (-1, True))
    chosen = lambda i, x: tf.switch_case(i, [lambda: x, lambda: 2.0 * x, lambda: x**3])
    found = gs.to_sympy(chosen, tf.TensorSpec([], tf.int32), 1.0)
    i = sp.Symbol("i", integer=True)
    assert [found.subs(i, n) for n in range(4)] == [X, 2 * X, X**3, X**3]


def test_loops_of_known_length_are_unrolled() -> None:
    @tf.function
    def power(x: Any) -> Any:
        y = x
        for i in tf.range(3):
            y = y * x + tf.cast(i, x.dtype)
        return y

    assert sp.expand(gs.to_sympy(power)) == X**4 + X + 2
    assert gs.derivative(power, order=2) == 12 * X**2
    fold = lambda x: tf.foldl(lambda a, e: tf.sin(a) * e, x)
    a, b = (sp.Symbol(f"x_{i}", real=True) for i in range(2))
    assert gs.to_sympy(fold, VECTOR) == sp.sin(a) * b
    assert gs.derivative(fold, VECTOR) == sp.Array([sp.cos(a) * b, sp.sin(a)])


def test_a_loop_of_unknown_length_is_refused() -> None:
    @tf.function
    def halved(x: Any) -> Any:
        while x > 1.0:
            x = x / 2.0
        return x

    with pytest.raises(gs.NoFormulaError, match="length of the loop depends on x > 1"):
        gs.to_sympy(halved)

    @tf.function
    def long(x: Any) -> Any:
        for _ in tf.range(2000):
            x = x + 1.0
        return x

    with pytest.raises(gs.NoFormulaError, match="more than 1000 steps"):
        gs.to_sympy(long)


# derivatives

FUNCTIONS: list[tuple[str, Callable[[Any], Any], Callable[[Any], Any], float]] = [
    ("polynomial", lambda x: 3.0 * x**3 - x / 2.0 + 1.0, lambda x: 3 * x**3 - x / 2 + 1, 0.7),
    ("quotient", lambda x: (1.0 - x) / (1.0 + x * x), lambda x: (1 - x) / (1 + x**2), 0.7),
    ("power", lambda x: x**2.5, lambda x: x ** sp.Rational(5, 2), 0.7),
    ("root", lambda x: tf.sqrt(1.0 + x), lambda x: sp.sqrt(1 + x), 0.7),
    ("rsqrt", tf.math.rsqrt, lambda x: 1 / sp.sqrt(x), 0.7),
    ("exp", lambda x: tf.exp(-tf.square(x)), lambda x: sp.exp(-(x**2)), 0.7),
    ("expm1", lambda x: tf.math.expm1(x) / x, lambda x: (sp.exp(x) - 1) / x, 0.7),
    ("log", lambda x: tf.math.log(x) * x, lambda x: sp.log(x) * x, 0.7),
    ("log1p", tf.math.log1p, lambda x: sp.log(1 + x), 0.7),
    ("sin", lambda x: tf.sin(x) ** 2 * tf.cos(3.0 * x), lambda x: sp.sin(x) ** 2 * sp.cos(3 * x), 0.7),
    ("tan", tf.tan, sp.tan, 0.7),
    ("inverse", lambda x: tf.asin(x) + tf.acos(x / 2.0) * tf.atan(x), lambda x: sp.asin(x) + sp.acos(x / 2) * sp.atan(x), 0.6),
    ("atan2", lambda x: tf.atan2(x, 2.0 * x * x), lambda x: sp.atan2(x, 2 * x**2), 0.7),
    ("hyperbolic", lambda x: tf.sinh(x) * tf.tanh(x) + tf.cosh(x), lambda x: sp.sinh(x) * sp.tanh(x) + sp.cosh(x), 0.7),
    ("area", lambda x: tf.asinh(x) + tf.acosh(x + 2.0) + tf.atanh(x), lambda x: sp.asinh(x) + sp.acosh(x + 2) + sp.atanh(x), 0.6),
    ("sigmoid", tf.sigmoid, lambda x: 1 / (1 + sp.exp(-x)), 0.7),
    ("erf", lambda x: tf.math.erf(x) * tf.math.erfc(x), lambda x: sp.erf(x) * sp.erfc(x), 0.7),
    ("erfinv", tf.math.erfinv, sp.erfinv, 0.4),
    ("lgamma", tf.math.lgamma, sp.loggamma, 2.7),
    ("gamma", tf.gamma, sp.gamma, 2.7),
    ("digamma", tf.math.digamma, sp.digamma, 2.7),
    ("igamma", lambda x: tf.math.igamma(tf.constant(1.5, x.dtype), x), lambda x: sp.lowergamma(sp.Rational(3, 2), x) / sp.gamma(sp.Rational(3, 2)), 2.7),
    ("zeta", lambda x: tf.math.zeta(tf.constant(2.0, x.dtype), x), lambda x: sp.zeta(2, x), 2.7),
    ("bessel", lambda x: tf.math.special.bessel_j0(x) * tf.math.special.bessel_k1(x), lambda x: sp.besselj(0, x) * sp.besselk(1, x), 2.7),
    ("fresnel", lambda x: tf.math.special.fresnel_sin(x) + tf.math.special.expint(x), lambda x: sp.fresnels(x) + sp.Ei(x), 0.7),
    ("abs", lambda x: tf.abs(x) * tf.sign(x), lambda x: sp.Abs(x) * sp.sign(x), -0.7),
    ("extremes", lambda x: tf.maximum(x, x**2) - tf.minimum(x, 0.0), lambda x: sp.Max(x, x**2) - sp.Min(x, 0), 1.7),
    ("relu", lambda x: tf.nn.relu(x) + tf.nn.relu6(2.0 * x), lambda x: sp.Max(x, 0) + sp.Min(sp.Max(2 * x, 0), 6), 1.7),
    ("cases", lambda x: tf.where(x > 1.0, x**2, 2.0 * x), lambda x: sp.Piecewise((x**2, x > 1), (2 * x, True)), 1.7),
    ("gelu", tf.nn.gelu, lambda x: x * (1 + sp.erf(x / sp.sqrt(2))) / 2, 0.7),
    ("exponent", lambda x: 2.0**x, lambda x: 2**x, 0.7),
    ("tower", lambda x: x**x, lambda x: x**x, 0.7),
]  # fmt: skip


@pytest.mark.parametrize(
    ("function", "wanted", "point"), [f[1:] for f in FUNCTIONS], ids=[f[0] for f in FUNCTIONS]
)
def test_derivatives_are_sympys(function: Any, wanted: Any, point: float) -> None:
    x = sp.Symbol("x", positive=True) if point > 0 else X
    expression = wanted(x)
    assert_near(
        evaluated([gs.to_sympy(function, x)], {x: point}), evaluated([expression], {x: point})
    )
    for order in (1, 2):
        expression = sp.diff(expression, x)
        found = gs.derivative(function, x, order=order, simplify=order == 1)
        points = {x: point}
        plain = expression.replace(sp.DiracDelta, lambda *a: sp.S.Zero)
        assert_near(evaluated([found], points), evaluated([plain.doit()], points))


@pytest.mark.parametrize(
    "name", ["polynomial", "exp", "sin", "tan", "hyperbolic", "erf", "sigmoid", "exponent", "gelu"]
)
def test_smooth_derivatives_are_sympys_identically(name: str) -> None:
    function, wanted = next(f[1:3] for f in FUNCTIONS if f[0] == name)
    difference = gs.derivative(function, X) - sp.diff(wanted(X), X)
    assert sp.simplify(difference.rewrite(sp.exp).rewrite(sp.erf)) == 0


def test_the_derivative_is_simplified() -> None:
    assert gs.derivative(lambda x: tf.sin(x) ** 2) == sp.sin(2 * X)
    assert gs.derivative(lambda x: tf.sin(x) ** 2, simplify=False) == 2 * sp.sin(X) * sp.cos(X)
    assert gs.derivative(lambda x: x**2, order=0) == X**2
    assert gs.derivative(lambda x: tf.constant(1.0), order=1) == 0


def test_gradients_jacobians_and_hessians() -> None:
    a, b = (sp.Symbol(f"x_{i}", real=True) for i in range(2))
    f = lambda x: x[0] ** 2 * tf.sin(x[1])
    assert gs.derivative(f, VECTOR) == sp.Array([2 * a * sp.sin(b), a**2 * sp.cos(b)])
    assert gs.derivative(f, VECTOR, order=2) == sp.hessian(a**2 * sp.sin(b), (a, b))
    soft = gs.derivative(lambda x: tf.nn.softmax(x), VECTOR)
    parts = sp.Matrix([sp.exp(a), sp.exp(b)]) / (sp.exp(a) + sp.exp(b))
    assert sp.simplify(soft - parts.jacobian([a, b])) == sp.zeros(2, 2)
    m = gs.derivative(lambda x: tf.linalg.det(x), MATRIX)
    assert m == sp.Matrix(
        2, 2, lambda i, j: (-1) ** (i + j) * sp.Symbol(f"x_{1 - i}_{1 - j}", real=True)
    )


def test_by_another_argument() -> None:
    f = lambda x, y: tf.exp(x * y)
    assert gs.derivative(f, argument="y") == X * sp.exp(X * Y)
    assert gs.derivative(f, argument=1, order=2) == X**2 * sp.exp(X * Y)
    assert gs.derivative(f, argument=-1) == X * sp.exp(X * Y)
    rows = lambda x, indices: tf.reduce_sum(tf.gather(x, [0, 0]))
    assert gs.derivative(rows, VECTOR, 1) == sp.Array([2, 0])


def test_derivatives_of_a_concrete_function() -> None:
    concrete = tf.function(lambda x, y: x * y**2).get_concrete_function(
        *[tf.TensorSpec([], tf.float64)] * 2
    )
    assert gs.derivative(concrete, argument="y") == 2 * X * Y


@pytest.mark.parametrize(
    "options", [{"argument": "z"}, {"argument": 5}, {"order": -1}, {"order": 1.0}]
)
def test_bad_requests_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="derivative: "):
        gs.derivative(lambda x: x, **options)


def test_what_cannot_be_differentiated_is_refused() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="return one tensor"):
        gs.derivative(lambda x: (x, x))
    with pytest.raises(tf.errors.InvalidArgumentError, match="not one tensor"):
        gs.derivative(lambda n, x: x, 3, 1.0)


# formulas to look at


def test_a_formula_shows_itself() -> None:
    def area(r: Any) -> Any:
        return np.pi * r**2

    shown = gs.formula(area)
    assert shown.latex() == r"\operatorname{area}{\left(r \right)} = \pi r^{2}"
    assert shown._repr_latex_() == f"$\\displaystyle {shown.latex()}$"
    assert repr(shown).splitlines() == ["             2", "area(r) = π⋅r"]
    assert shown.expression == sp.pi * sp.Symbol("r", real=True) ** 2
    slope = gs.formula(area, by="r")
    assert slope.latex() == r"\frac{d}{d r} \operatorname{area}{\left(r \right)} = 2 \pi r"
    t = sp.Symbol("t")
    assert gs.formula(area, t, by=0, order=2).latex().startswith(r"\frac{d^{2}}{d t^{2}}")


def test_a_formula_of_several_parts_and_variables() -> None:
    w = tf.Variable(2.0, name="w")
    f = lambda x: {"y": w * x, "z": tf.sin(x) ** 2 + tf.cos(x) ** 2}
    shown = gs.formula(f, simplify=True)
    assert shown.expression == {"y": sp.Symbol("w", real=True) * X, "z": 1}
    assert "f(x, w)" in repr(shown)
    assert gs.formula(lambda x: w * x**2, by=w).latex().startswith(r"\frac{\partial}{\partial w} f")
    vector = gs.formula(lambda x: tf.nn.softmax(x), VECTOR)
    assert "e^{x_{0}}" in vector.latex()


# what has no counterpart


def test_the_operation_is_named_with_its_line() -> None:
    def f(x: Any) -> Any:
        return tf.sort(x)

    line = f.__code__.co_firstlineno + 1
    with pytest.raises(
        gs.NoFormulaError, match=f"'argsort' .*{__file__}:{line}.* depends on their values"
    ):
        gs.to_sympy(f, VECTOR)


def test_an_undefined_function_in_its_place() -> None:
    x = [sp.Symbol(f"x_{i}", real=True) for i in range(2)]
    found = gs.to_sympy(lambda x: tf.linalg.expm(x)[0, 1], MATRIX, unknown="function")
    symbols = [sp.Symbol(f"x_{i}_{j}", real=True) for i in range(2) for j in range(2)]
    assert found == sp.Function("expm_0_1")(*symbols)
    found = gs.to_sympy(lambda x: tf.bitcast(x, tf.int64), VECTOR, unknown="function")
    assert found[1] == sp.Function("bitcast_1")(*x)
    nearby = gs.to_sympy(lambda x: tf.math.nextafter(x, 2.0 * x), VECTOR, unknown="function")
    assert nearby[1] == sp.Function("nextafter")(x[1], 2 * x[1])


def test_indices_must_be_known() -> None:
    with pytest.raises(gs.NoFormulaError, match="'take_rows' .* must be known, not i"):
        gs.to_sympy(lambda x, i: tf.gather(x, i), VECTOR, tf.TensorSpec([], tf.int32))


def test_random_numbers_have_no_formula() -> None:
    with pytest.raises(gs.NoFormulaError, match="it is random"):
        gs.to_sympy(lambda x: x + tf.random.normal([], dtype=tf.float64))


def test_what_is_known_is_computed() -> None:
    order = lambda x: tf.gather(x, tf.argsort(tf.constant([2.0, 1.0])))
    x = [sp.Symbol(f"x_{i}", real=True) for i in range(2)]
    assert gs.to_sympy(order, VECTOR) == sp.Array([x[1], x[0]])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: gs.to_sympy(3.0), "is no function"),
        (lambda: gs.to_sympy(lambda x: x, unknown="maybe"), "unknown must be one of"),
        (lambda: gs.to_sympy(lambda x: x, variables="all"), "variables must be one of"),
        (lambda: gs.to_sympy(lambda x: x, tf.TensorSpec([None], tf.float32)), "Give the sizes"),
        (lambda: gs.to_sympy(lambda x: x + tf.zeros([5000], x.dtype)), "more than 4096 elements"),
        (lambda: gs.to_sympy(tf.Graph()), "say which tensors"),
        (lambda: gs.derivative(3.0), "is no function"),
    ],
)
def test_bad_arguments_are_refused(call: Any, said: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        call()


def test_without_sympy_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n == "sympy" or n.startswith("gradtape.interop.sympy")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sympy", None)
    monkeypatch.delattr(tf.interop, "sympy", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'gradtape\[symbolic\]'"):
        tf.interop.sympy  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        tf.interop.nothing  # noqa: B018
