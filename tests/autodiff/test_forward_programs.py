"""Forward mode through whole programs: functions, control flow, variables and rules of one's own, to
the second order and in every order of nesting, against closed forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf

Accumulator = tf.autodiff.ForwardAccumulator
C = tf.constant
D = tf.float64
ONE = tf.constant(1.0, D)
TIMES = 3  # at the third meeting rules are straight-line code


def forward(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The derivative of a function of one number, by forward mode."""

    def derivative(x: Any) -> Any:
        with Accumulator(x, tf.ones_like(x)) as acc:
            y = f(x)
        return acc.jvp(y)

    return derivative


def reverse(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The derivative of a function of one number, by reverse mode."""

    def derivative(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.gradient(y, x)

    return derivative


def sine(x: Any) -> Any:
    return tf.sin(x) * x


def two_ways(x: Any) -> Any:
    return tf.cond(x > 0.0, lambda: x**3, lambda: -x)


def powers(x: Any) -> Any:
    return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * x), [C(0), x])[1]


def horner(x: Any) -> Any:
    return tf.scan(lambda a, e: a * x + e, tf.ones((3,), D), initializer=ONE)[-1]


def mapped(x: Any) -> Any:
    return tf.reduce_sum(tf.map_fn(lambda e: e * x * x, C([1.0, 2.0, 3.0], D)))


def until_large(x: Any) -> Any:
    y = x
    while y < 20.0:  # AutoGraph's, where it is recorded: how often is not known
        y = y * (x + 2.0)
    return y


def several(x: Any) -> Any:
    a, b, c = tf.split(tf.stack([x, x * x, 3.0 * x]), 3)
    return tf.reduce_sum(a * b + c)


# each at x = 2: first and second derivative by hand
PROGRAMS = [
    (sine, np.sin(2) + 2 * np.cos(2), 2 * np.cos(2) - 2 * np.sin(2)),
    (two_ways, 12.0, 12.0),
    (powers, 32.0, 48.0),  # x^4
    (horner, 17.0, 14.0),  # x^3 + x^2 + x + 1
    (mapped, 24.0, 12.0),  # 6 x^2
    (until_large, 32.0, 20.0),  # x (x + 2)^2
    (several, 15.0, 12.0),  # x^3 + 3 x
]


@pytest.mark.parametrize("program, slope, curvature", PROGRAMS)
def test_first_and_second_derivatives(program: Any, slope: float, curvature: float) -> None:
    x = C(2.0, D)
    for f in (program, tf.function(program)):
        for _ in range(TIMES):
            assert float(forward(f)(x)) == pytest.approx(slope)
        for second in (
            forward(forward(f)),
            forward(reverse(f)),
            reverse(forward(f)),
            forward(tf.function(forward(f))),
            forward(tf.function(reverse(f))),
        ):
            assert float(second(x)) == pytest.approx(curvature)
    assert float(tf.function(forward(program))(x)) == pytest.approx(slope)
    for second in (forward(forward(program)), reverse(forward(program)), forward(reverse(program))):
        assert float(tf.function(second)(x)) == pytest.approx(curvature)


@pytest.mark.parametrize("outer", [forward, reverse])
@pytest.mark.parametrize("middle", [forward, reverse])
@pytest.mark.parametrize("inner", [forward, reverse])
def test_third_derivatives_in_every_order(outer: Any, middle: Any, inner: Any) -> None:
    f = lambda x: tf.exp(2.0 * x) * x
    x = 0.3
    wanted = np.exp(2 * x) * (8 * x + 12)
    third = outer(middle(inner(f)))
    for _ in range(TIMES):
        assert float(third(C(x, D))) == pytest.approx(wanted)
    assert float(tf.function(third)(C(x, D))) == pytest.approx(wanted)


@pytest.mark.parametrize("kind", [lambda f: f, tf.function])
def test_no_confusion_of_perturbations(kind: Any) -> None:
    # d/dx x (d/dy (x + y) at y = 1) = 1, and not 2
    f = kind(lambda x: x * forward(lambda y: x + y)(ONE))
    assert float(forward(f)(C(5.0, D))) == 1.0
    # the inner derivative 2xy + x^2 at y = x is 3x^2, its derivative 6x
    g = kind(lambda x: forward(lambda y: x * y * y + x * x * y)(x * 1.0))
    assert float(forward(g)(C(5.0, D))) == 30.0


def test_hessian_vector_products_agree() -> None:
    x, v = C([1.0, 2.0, 0.5], D), C([1.0, 0.5, -1.0], D)
    f = lambda x: tf.reduce_sum(x**3) * x[0]
    a, b, c = x.numpy()
    s = a**3 + b**3 + c**3
    hessian = np.array(
        [
            [6 * a * a + 6 * a * a, 3 * b * b, 3 * c * c],
            [3 * b * b, 6 * b * a, 0.0],
            [3 * c * c, 0.0, 6 * c * a],
        ]
    )
    assert s > 0
    for _ in range(TIMES):
        with Accumulator(x, v) as over:
            g = reverse(f)(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            with Accumulator(x, v) as under:
                y = f(x)
            slope = under.jvp(y)
        np.testing.assert_allclose(over.jvp(g), hessian @ v.numpy())
        np.testing.assert_allclose(tape.gradient(slope, x), hessian @ v.numpy())


# variables


def test_variables_in_functions_and_assignments() -> None:
    v = tf.Variable(3.0)
    square = tf.function(lambda: v * v)

    @tf.function
    def grown(z: Any) -> Any:
        v.assign(z * 2.0)
        return v * v

    for _ in range(TIMES):
        v.assign(3.0)
        with Accumulator(v, C(1.0)) as acc:
            first = square()
            v.assign(5.0)
            second = square()
            third = v + 1.0
            fourth = grown(C(2.0))
        assert [float(acc.jvp(y)) for y in (first, second, third)] == [6.0, 10.0, 1.0]
        assert float(acc.jvp(fourth)) == 8.0  # 2 v, v being 4: an assignment is no way for tangents
        assert float(acc.jvp(v)) == 1.0


# rules of one's own


def test_custom_rules_are_respected() -> None:
    @tf.custom_gradient
    def seven(x: Any) -> Any:
        return x * x, lambda upstream: upstream * 7.0

    x = C(3.0, D)
    for f in (seven, tf.function(seven)):
        for _ in range(TIMES):
            assert float(forward(f)(x)) == 7.0
    assert float(forward(lambda x: x * tf.stop_gradient(x))(x)) == 3.0
    assert float(forward(tf.grad_pass_through(tf.round))(C(2.6, D))) == 1.0


def test_recomputed_functions_to_the_second_order() -> None:
    f = tf.recompute_grad(sine)
    x = C(2.0, D)
    assert float(forward(f)(x)) == pytest.approx(np.sin(2) + 2 * np.cos(2))
    assert float(forward(forward(f))(x)) == pytest.approx(2 * np.cos(2) - 2 * np.sin(2))


def test_operations_of_ones_own() -> None:
    @tf.primitive(name="forward_cube", vjp=lambda ct, x: 3.0 * ct * x * x)
    def cube(xp: Any, x: Any) -> Any:
        return x**3

    @tf.primitive(name="forward_five", vjp=lambda ct: ct, jvp=lambda t: 5.0 * t)
    def five(xp: Any, x: Any) -> Any:
        return x * 5

    @tf.primitive(name="forward_later")
    def later(xp: Any, x: Any) -> Any:
        return x * 2

    @tf.RegisterGradient("forward_later")
    def registered(op: Any, ct: Any) -> Any:
        return ct * 11.0

    x = C(2.0, D)
    for _ in range(TIMES):
        assert float(forward(cube)(x)) == 12.0
        assert float(forward(forward(cube))(x)) == 12.0
        assert float(forward(five)(x)) == 5.0
        assert float(forward(later)(x)) == 11.0


def test_functions_of_python() -> None:
    x = C(2.0, D)
    cube = lambda x: tf.py_function(lambda a: a * a * a, [x], D)
    for f in (cube, tf.function(cube)):
        assert float(forward(f)(x)) == 12.0
    blind = lambda x: tf.numpy_function(lambda a: a * a, [x], D)
    assert forward(blind)(x) is None


# entering, leaving, looking on


def test_what_looks_on_beside_the_accumulator() -> None:
    x = C([0.5, 1.0], D)
    f = lambda x: tf.exp(x) * x
    wanted = np.exp(x.numpy()) * (1 + x.numpy())
    with tf.GradientTape() as watching:  # outside: the tangents' arithmetic is recorded
        watching.watch(x)
        with Accumulator(x, tf.ones_like(x)) as acc:
            y = f(x)
        slope = acc.jvp(y)
    np.testing.assert_allclose(slope, wanted)
    np.testing.assert_allclose(watching.gradient(slope, x), wanted + np.exp(x.numpy()))
    with Accumulator(x, tf.ones_like(x)) as acc, tf.GradientTape() as inside:
        inside.watch(x)
        y = f(x)
    np.testing.assert_allclose(acc.jvp(y), wanted)
    np.testing.assert_allclose(inside.gradient(y, x), wanted)
    with Accumulator(x, tf.ones_like(x)) as acc:
        tf.debugging.enable_check_numerics()
        try:
            y = f(x)
        finally:
            tf.debugging.disable_check_numerics()
    np.testing.assert_allclose(acc.jvp(y), wanted)


def test_tapes_that_begin_and_end_around_an_open_accumulator() -> None:
    x = C(2.0, D)
    acc = Accumulator(x, ONE)
    with tf.GradientTape() as tape:
        tape.watch(x)
        with acc:
            y = x * x
        with tape.stop_recording(), acc:
            z = y * x
    with acc:
        w = z * x
    assert [float(acc.jvp(t)) for t in (y, z, w)] == [4.0, 12.0, 32.0]
    assert float(tape.gradient(acc.jvp(y), x)) == 2.0


def test_the_same_tangent_is_the_same_tensor() -> None:
    x = C(2.0, D)
    for _ in range(TIMES):
        with Accumulator(x, ONE) as acc:
            y = tf.exp(x)
        assert acc.jvp(y) is acc.jvp(y)
