"""`custom_gradient` in every mode, `stop_gradient`, `grad_pass_through` and `prevent_gradient`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf


def value_and_gradient(f: Any, *args: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(list(args))
        y = f(*args)
    return y, tape.gradient(y, list(args))


@tf.custom_gradient
def log1pexp(x: Any) -> Any:
    e = tf.exp(x)

    def grad(upstream: Any) -> Any:
        return upstream * (1 - 1 / (1 + e))

    return tf.math.log(1 + e), grad


@tf.custom_gradient
def sevens(x: Any) -> Any:
    """A body with a derivative of its own, and a gradient that differs."""
    return x * x * x, lambda upstream: 7.0 * upstream


# reverse mode


def test_the_gradient_function_is_used() -> None:
    assert float(value_and_gradient(log1pexp, tf.constant(100.0))[1][0]) == 1.0
    y, (g,) = value_and_gradient(sevens, tf.constant(2.0))
    assert (float(y), float(g)) == (8.0, 7.0)


def test_both_ways_of_decorating() -> None:
    @tf.custom_gradient()
    def f(x: Any) -> Any:
        """Documented."""
        return x, lambda u: 5.0 * u

    assert f.__name__ == "f"
    assert f.__doc__ == "Documented."
    assert float(value_and_gradient(f, tf.constant(2.0))[1][0]) == 5.0


def test_a_method_may_be_decorated() -> None:
    class Scale:
        factor = 3.0

        @tf.custom_gradient
        def __call__(self, x: Any) -> Any:
            return self.factor * x, lambda u: 10.0 * u

    assert float(value_and_gradient(Scale(), tf.constant(2.0))[1][0]) == 10.0


def test_clipping_in_the_backward_pass() -> None:
    @tf.custom_gradient
    def clip_gradients(y: Any) -> Any:
        return y, lambda upstream: tf.clip_by_norm(upstream, 0.5)

    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        output = clip_gradients(v * v)
    assert float(tape.gradient(output, v)) == 2.0


def test_several_inputs_and_outputs() -> None:
    @tf.custom_gradient
    def f(a: Any, b: Any) -> Any:
        return (a + b, a * b), lambda u, v: (100.0 * u + v, [10.0 * v][0])

    a, b = tf.constant(2.0), tf.constant(3.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([a, b])
        s, p = f(a, b)
    assert [float(g) for g in tape.gradient(s, [a, b])] == [100.0, 0.0]
    assert [float(g) for g in tape.gradient(p, [a, b])] == [1.0, 10.0]
    assert [float(g) for g in tape.gradient([s, p], [a, b])] == [101.0, 10.0]


def test_the_cotangent_of_an_unused_output_is_zeros() -> None:
    seen: list[Any] = []

    @tf.custom_gradient
    def f(x: Any) -> Any:
        def grad(*upstream: Any) -> Any:
            seen.extend(upstream)
            return upstream[0]

        return {"a": x, "b": [tf.reshape(x, (2, 1))]}, grad

    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    tape.gradient(y["a"], x)
    assert seen[0].numpy().tolist() == [1.0, 1.0]
    assert seen[1].numpy().tolist() == [[0.0], [0.0]]


def test_arguments_may_be_structures_and_none_is_a_gradient() -> None:
    @tf.custom_gradient
    def f(pair: Any, rest: Any) -> Any:
        return pair["a"] * pair["b"] * rest[0], lambda u: [None, 2.0 * u, [3.0 * u]]

    a, b, c = (tf.constant(v) for v in (2.0, 3.0, 4.0))
    with tf.GradientTape() as tape:
        tape.watch([a, b, c])
        y = f({"a": a, "b": b}, [c])
    found = tape.gradient(y, [a, b, c])
    assert found[0] is None
    assert [float(g) for g in found[1:]] == [2.0, 3.0]


def test_a_number_by_position_counts_as_an_input() -> None:
    @tf.custom_gradient
    def scaled(x: Any, factor: Any) -> Any:
        return x * factor, lambda u: (u * factor, None)

    assert float(value_and_gradient(lambda x: scaled(x, 4.0), tf.constant(2.0))[1][0]) == 4.0


def test_tensors_by_keyword_get_gradients() -> None:
    @tf.custom_gradient
    def f(x: Any, y: Any, scale: float = 1.0) -> Any:
        return x * y * scale, lambda u: (1000.0 * u, u)

    a, b = tf.constant(3.0), tf.constant(5.0)
    for call in (
        lambda: f(a, b),
        lambda: f(a, y=b),
        lambda: f(y=b, x=a),
        lambda: f(scale=2.0, y=b, x=a),
    ):
        with tf.GradientTape() as tape:
            tape.watch([a, b])
            y = call()
        assert [float(g) for g in tape.gradient(y, [a, b])] == [1000.0, 1.0]


# variables


def test_variables_in_the_body() -> None:
    first, second = tf.Variable(2.0, name="first"), tf.Variable(5.0, name="second")
    seen: list[Any] = []

    @tf.custom_gradient
    def f(x: Any) -> Any:
        def grad(upstream: Any, variables: Any = None) -> Any:
            seen.extend(variables)
            return upstream * 11.0, [upstream * 22.0, upstream * 33.0]

        return x * second * first, grad

    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    found = tape.gradient(y, [x, first, second])
    assert [float(g) for g in found] == [11.0, 22.0, 33.0]
    assert [v.name for v in seen] == ["first:0", "second:0"]
    assert [v.name for v in tape.watched_variables()] == ["first:0", "second:0"]


def test_a_variable_that_is_an_argument_is_an_input() -> None:
    v = tf.Variable(2.0)

    @tf.custom_gradient
    def f(x: Any) -> Any:
        return x * x, lambda u: 9.0 * u

    with tf.GradientTape() as tape:
        y = f(v)
    assert float(tape.gradient(y, v)) == 9.0


def test_the_variables_protocol_is_checked() -> None:
    v = tf.Variable(2.0)

    @tf.custom_gradient
    def without(x: Any) -> Any:
        return x * v, lambda u: u

    with pytest.raises(TypeError, match="must accept keyword argument 'variables'.*without"):
        without(tf.constant(1.0))

    @tf.custom_gradient
    def wrong_count(x: Any) -> Any:
        return x * v, lambda u, variables: (u, [u, u])

    @tf.custom_gradient
    def no_pair(x: Any) -> Any:
        return x * v, lambda u, variables: u

    with pytest.raises(ValueError, match="Must return gradient for each variable.*wrong_count"):
        value_and_gradient(wrong_count, tf.constant(1.0))
    with pytest.raises(ValueError, match="no_pair uses variables"):
        value_and_gradient(no_pair, tf.constant(1.0))


# what is checked


def test_the_number_of_gradients_is_checked() -> None:
    @tf.custom_gradient
    def two(x: Any, y: Any) -> Any:
        return x * y, lambda u: u

    with pytest.raises(ValueError, match="expected to return 2 gradients, but returned 1 instead"):
        value_and_gradient(two, tf.constant(1.0), tf.constant(2.0))
    a, b = tf.constant(1.0), tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch([a, b])
        y = two(a, y=b)
    with pytest.raises(ValueError, match="two.*came by keyword and count too"):
        tape.gradient(y, a)


@pytest.mark.parametrize(
    "given", [lambda u: tf.ones((5,)), lambda u: tf.cast(u, tf.float64), lambda u: 1.0]
)
def test_shape_and_dtype_of_gradients_are_checked(given: Any) -> None:
    @tf.custom_gradient
    def careless(x: Any) -> Any:
        return x * x, given

    message = r"gradient function of careless returned .* for input 0, which is float32\[2\]"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        value_and_gradient(careless, tf.constant([1.0, 2.0]))


def test_numpy_arrays_are_gradients() -> None:
    @tf.custom_gradient
    def f(x: Any) -> Any:
        return x * x, lambda u: np.asarray(u, np.float64) * 3

    found = value_and_gradient(f, tf.constant([1.0, 2.0]))[1][0]
    assert found.dtype == tf.float32
    assert found.numpy().tolist() == [3.0, 3.0]


@pytest.mark.parametrize("returned", [1.0, (1.0, 2.0), (1.0, 2.0, 3.0), None])
def test_the_body_must_return_a_pair(returned: Any) -> None:
    @tf.custom_gradient
    def lonely(x: Any) -> Any:
        return returned

    with pytest.raises(TypeError, match="lonely must return a pair"):
        lonely(tf.constant(1.0))


def test_an_exception_in_the_gradient_function_comes_through() -> None:
    @tf.custom_gradient
    def f(x: Any) -> Any:
        def grad(upstream: Any) -> Any:
            raise ZeroDivisionError("as is")

        return x, grad

    v = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = f(v * 2.0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="as is"):
            tape.gradient(y, v)


# higher orders


def test_second_order_is_that_of_the_gradient_function() -> None:
    @tf.custom_gradient
    def cube(x: Any) -> Any:
        return x * x * x, lambda dy: 3.0 * dy * x * x

    x = tf.constant(2.0)
    with tf.GradientTape() as t2:
        t2.watch(x)
        with tf.GradientTape() as t1:
            t1.watch(x)
            y = cube(x)
        g = t1.gradient(y, x)
    assert (float(g), float(t2.gradient(g, x))) == (12.0, 12.0)


def test_second_order_through_what_the_body_computed() -> None:
    x = tf.constant(0.5, tf.float64)
    with tf.GradientTape() as t2:
        t2.watch(x)
        with tf.GradientTape() as t1:
            t1.watch(x)
            y = log1pexp(x)
        g = t1.gradient(y, x)
    s = 1 / (1 + np.exp(-0.5))
    assert float(t2.gradient(g, x)) == pytest.approx(s * (1 - s), rel=1e-14)


def test_nested_custom_gradients_give_each_order() -> None:
    @tf.custom_gradient
    def outer(x: Any) -> Any:
        def first_order(dy: Any) -> Any:
            @tf.custom_gradient
            def first_order_custom(unused_x: Any) -> Any:
                return 3.0 * x * x, lambda ddy: 777.0 * ddy

            return dy * first_order_custom(x)

        return x * x * x, first_order

    x = tf.constant(2.0)
    with tf.GradientTape() as t2:
        t2.watch(x)
        with tf.GradientTape() as t1:
            t1.watch(x)
            y = outer(x)
        g = t1.gradient(y, x)
    assert (float(g), float(t2.gradient(g, x))) == (12.0, 777.0)


# forward mode


def test_forward_mode_respects_the_gradient_function() -> None:
    x = tf.constant(2.0)
    with tf.autodiff.ForwardAccumulator(x, tf.constant(1.0)) as acc:
        y = sevens(x)
    assert float(acc.jvp(y)) == 7.0


def test_forward_mode_is_the_transpose() -> None:
    matrix = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])

    @tf.custom_gradient
    def apply(x: Any, y: Any) -> Any:
        def grad(u: Any, v: Any) -> Any:
            return tf.linalg.matvec(matrix, u, transpose_a=True), 2.0 * v + tf.reduce_sum(u)

        return (tf.linalg.matvec(matrix, x) + y, y * y), grad

    x, y = tf.constant([1.0, 1.0]), tf.constant(1.0)
    tangents = tf.constant([1.0, 10.0]), tf.constant(100.0)
    with tf.autodiff.ForwardAccumulator([x, y], list(tangents)) as acc:
        first, second = apply(x, y)
    np.testing.assert_allclose(acc.jvp(first), [121.0, 143.0, 165.0])
    assert float(acc.jvp(second)) == 200.0


def test_forward_mode_of_a_complex_gradient_function() -> None:
    @tf.custom_gradient
    def square(z: Any) -> Any:
        return z * z, lambda u: u * tf.math.conj(2.0 * z)

    z, t = tf.constant(1 + 2j), tf.constant(3 - 1j)
    with tf.autodiff.ForwardAccumulator(z, t) as acc:
        y = square(z)
    assert complex(acc.jvp(y)) == pytest.approx(2 * (1 + 2j) * (3 - 1j))


def test_forward_over_reverse_and_reverse_over_forward() -> None:
    x, v = tf.constant([0.3, 0.7], tf.float64), tf.constant([1.0, 2.0], tf.float64)
    s = 1 / (1 + np.exp(-np.array([0.3, 0.7])))
    expected = s * (1 - s) * np.array([1.0, 2.0])
    with tf.autodiff.ForwardAccumulator(x, v) as acc, tf.GradientTape() as tape:
        tape.watch(x)
        y = log1pexp(x)
        g = tape.gradient(y, x)
    np.testing.assert_allclose(acc.jvp(g), expected, rtol=1e-13)
    with tf.GradientTape() as tape:
        tape.watch(x)
        with tf.autodiff.ForwardAccumulator(x, v) as acc:
            y = log1pexp(x)
        j = acc.jvp(y)
    np.testing.assert_allclose(tape.gradient(j, x), expected, rtol=1e-13)


@tf.custom_gradient
def by_numpy(x: Any) -> Any:
    """Value and gradient leave for NumPy."""
    array = np.asarray(x)
    return tf.constant(array**3), lambda u: np.asarray(u) * 3 * array**2


def test_numpy_in_the_gradient_function() -> None:
    x = tf.constant([1.0, 2.0, 3.0])
    accumulator = tf.autodiff.ForwardAccumulator(x, tf.constant([1.0, 0.0, 1.0]))
    with accumulator as acc, tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = by_numpy(x)
    np.testing.assert_array_equal(acc.jvp(y), [3.0, 0.0, 27.0])
    np.testing.assert_array_equal(tape.gradient(y, x), [3.0, 12.0, 27.0])
    np.testing.assert_array_equal(tape.jacobian(y, x), np.diag([3.0, 12.0, 27.0]))


def test_a_python_branch_in_the_gradient_function_under_jacobian() -> None:
    @tf.custom_gradient
    def f(x: Any) -> Any:
        def grad(u: Any) -> Any:
            return 2.0 * u if tf.reduce_sum(u) > 0.5 else u

        return x * x, grad

    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    np.testing.assert_array_equal(tape.jacobian(y, x), np.diag([2.0, 2.0]))


# in batches


@tf.custom_gradient
def cubed(x: Any, w: Any) -> Any:
    return x**3 * w, lambda u: (u * 3.0 * x**2 * w, u * x**3)


def test_inside_vectorized_map() -> None:
    x = tf.constant(np.arange(6.0).reshape(3, 2))
    w = tf.constant([2.0, 3.0], tf.float64)
    ones = [tf.ones((3, 2), tf.float64), tf.ones((2,), tf.float64)]
    with tf.autodiff.ForwardAccumulator([x, w], ones) as acc, tf.GradientTape() as t2:
        t2.watch([x, w])
        with tf.GradientTape() as t1:
            t1.watch([x, w])
            y = tf.vectorized_map(lambda x: cubed(x, w), x)
        gx, gw = t1.gradient(y, [x, w])
    a, b = np.asarray(x), np.asarray(w)
    np.testing.assert_allclose(y, a**3 * b)
    np.testing.assert_allclose(gx, 3 * a**2 * b)
    np.testing.assert_allclose(gw, (a**3).sum(axis=0))
    np.testing.assert_allclose(t2.gradient(gw, x), 3 * a**2)
    np.testing.assert_allclose(acc.jvp(y), 3 * a**2 * b + a**3)


def test_per_example_gradients_of_a_custom_gradient() -> None:
    x = tf.constant(np.arange(6.0).reshape(3, 2))
    w = tf.constant([2.0, 3.0], tf.float64)

    def one(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(w)
            y = cubed(x, w)
        return tape.gradient(y, w)

    np.testing.assert_allclose(tf.vectorized_map(one, x), np.asarray(x) ** 3)


# the ends of the road


def test_stop_gradient() -> None:
    x, y = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape() as tape:
        z = x * x + tf.stop_gradient(y * y)
    grad = tape.gradient(z, {"x": x, "y": y})
    assert float(grad["x"]) == 4.0
    assert grad["y"] is None


def test_stop_gradient_in_forward_mode() -> None:
    x = tf.constant(3.0)
    with tf.autodiff.ForwardAccumulator(x, tf.constant(1.0)) as acc:
        stopped = tf.stop_gradient(x)
        y = x * stopped
    assert float(acc.jvp(y)) == 3.0
    assert acc.jvp(stopped) is None
    assert float(acc.jvp(stopped, unconnected_gradients="zero")) == 0.0


def test_grad_pass_through() -> None:
    x = tf.Variable([1.2, 2.7])
    with tf.GradientTape() as tape:
        y = tf.grad_pass_through(tf.round)(x)
    assert y.numpy().tolist() == [1.0, 3.0]
    assert tape.gradient(y, x).numpy().tolist() == [1.0, 1.0]


def test_grad_pass_through_an_assignment() -> None:
    x, z = tf.Variable(3.0), tf.Variable(4.0)
    with tf.GradientTape() as tape:
        y = tf.grad_pass_through(z.assign)(x**2)
    assert float(z) == 9.0
    assert float(y) == 9.0
    assert float(tape.gradient(y, x)) == 6.0


def test_variables_in_a_passed_through_function_get_none() -> None:
    x, v = tf.Variable(3.0), tf.Variable(4.0)
    with tf.GradientTape() as tape:
        y = tf.grad_pass_through(lambda x: x * v)(x)
    found = tape.gradient(y, [x, v])
    assert float(found[0]) == 1.0
    assert found[1] is None


def test_prevent_gradient() -> None:
    x = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.raw_ops.PreventGradient(input=x * 2.0, message="no!")
    assert float(y) == 2.0
    for _ in range(2):
        with pytest.raises(LookupError, match=r"Gradient explicitly disabled. Reason: 'no!'"):
            tape.gradient(y, x)
    disabled = pytest.raises(LookupError, match="Gradient explicitly disabled")
    with tf.autodiff.ForwardAccumulator(x, tf.constant(1.0)), disabled:
        tf.raw_ops.PreventGradient(input=x, message="no!")
