"""`jvp`, `vjp`, `linearize`, `grad`, `value_and_grad` and `jacobian` of functions."""

from __future__ import annotations

import collections
import itertools
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.core.state import here

rng = np.random.default_rng(0)
A = rng.standard_normal((4, 3))


def f64(*values: float) -> Any:
    return tf.constant(values, tf.float64)


def curve(x: Any) -> Any:
    """sin(A x) * (x . x), from three numbers to four."""
    return tf.sin(tf.linalg.matvec(tf.constant(A), x)) * tf.reduce_sum(x * x)


def curve_jacobian(x: Any) -> Any:
    """Its Jacobian by hand."""
    a = A @ x
    return np.cos(a)[:, None] * A * (x @ x) + np.sin(a)[:, None] * 2 * x[None, :]


POINT = rng.standard_normal(3)
ALONG = rng.standard_normal(3)
UP = rng.standard_normal(4)


# one direction at a time


def test_jvp_is_the_jacobian_times_the_tangent() -> None:
    value, tangent = tf.jvp(curve, (POINT,), (ALONG,))
    np.testing.assert_allclose(value, np.sin(A @ POINT) * (POINT @ POINT), rtol=1e-12)
    np.testing.assert_allclose(tangent, curve_jacobian(POINT) @ ALONG, rtol=1e-12)


def test_vjp_is_the_transposed_jacobian_times_the_cotangent_as_often_as_asked() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(1)
        return curve(x)

    value, pullback = tf.vjp(f, POINT)
    np.testing.assert_allclose(value, np.sin(A @ POINT) * (POINT @ POINT), rtol=1e-12)
    for up in (UP, 2 * UP, np.zeros(4)):
        (found,) = pullback(tf.constant(up))
        np.testing.assert_allclose(found, up @ curve_jacobian(POINT), rtol=1e-12, atol=1e-14)
    assert calls == [1]


def test_linearize_runs_the_function_once() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(1)
        return curve(x)

    value, pushforward = tf.linearize(f, POINT)
    np.testing.assert_allclose(value, np.sin(A @ POINT) * (POINT @ POINT), rtol=1e-12)
    for along in (ALONG, 3 * ALONG, np.zeros(3)):
        expected = curve_jacobian(POINT) @ along
        np.testing.assert_allclose(pushforward(along), expected, rtol=1e-12, atol=1e-14)
    assert calls == [1]


def test_a_pushforward_is_batched_and_differentiated() -> None:
    _, pushforward = tf.linearize(curve, POINT)
    rows = tf.vectorized_map(pushforward, tf.eye(3, dtype=tf.float64))
    np.testing.assert_allclose(rows, curve_jacobian(POINT).T, rtol=1e-12)
    found = tf.grad(lambda v: tf.tensordot(pushforward(v), tf.constant(UP), 1))(ALONG)
    np.testing.assert_allclose(found, UP @ curve_jacobian(POINT), rtol=1e-12)


def test_a_pullback_is_batched_and_differentiated() -> None:
    _, pullback = tf.vjp(curve, POINT)
    rows = tf.vectorized_map(lambda u: pullback(u)[0], tf.eye(4, dtype=tf.float64))
    np.testing.assert_allclose(rows, curve_jacobian(POINT), rtol=1e-12)
    _, tangent = tf.jvp(lambda u: pullback(u)[0], (UP,), (2 * UP,))
    np.testing.assert_allclose(tangent, 2 * UP @ curve_jacobian(POINT), rtol=1e-12)


def test_a_tape_around_sees_the_pullback_and_the_pushforward() -> None:
    x = tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        value, pullback = tf.vjp(lambda x: x**3, x)
        (slope,) = pullback(tf.constant(1.0))
        _, pushforward = tf.linearize(lambda x: x**3, x)
        same = pushforward(tf.constant(1.0))
        pushed, tangent = tf.jvp(lambda x: x**3, (x,), (1.0,))
    found = [tape.gradient(y, x) for y in (value, slope, same, pushed, tangent)]
    assert [float(g) for g in found] == [27.0, 18.0, 18.0, 27.0, 18.0]


def test_what_a_function_returns_besides_is_passed_on() -> None:
    def f(x: Any) -> Any:
        return x * x, {"calls": 1, "x": x}

    value, tangent, aux = tf.jvp(f, (2.0,), (1.0,), has_aux=True)
    assert (float(value), float(tangent), aux["calls"]) == (4.0, 4.0, 1)
    value, pullback, aux = tf.vjp(f, 2.0, has_aux=True)
    assert (float(value), float(pullback(1.0)[0]), float(aux["x"])) == (4.0, 4.0, 2.0)
    value, pushforward, aux = tf.linearize(f, 2.0, has_aux=True)
    assert (float(value), float(pushforward(1.0)), float(aux["x"])) == (4.0, 4.0, 2.0)
    slope, aux = tf.grad(f, has_aux=True)(2.0)
    assert (float(slope), float(aux["x"])) == (4.0, 2.0)
    (value, aux), slope = tf.value_and_grad(f, has_aux=True)(2.0)
    assert (float(value), float(slope), float(aux["x"])) == (4.0, 4.0, 2.0)
    found, aux = tf.jacobian(f, has_aux=True)(2.0)
    assert (float(found), float(aux["x"])) == (4.0, 2.0)


@pytest.mark.parametrize("bad", [lambda x: x, lambda x: (x, x, x)])
def test_has_aux_needs_a_pair(bad: Any) -> None:
    for run in (
        lambda: tf.grad(bad, has_aux=True)(2.0),
        lambda: tf.vjp(bad, 2.0, has_aux=True),
        lambda: tf.jacobian(bad, has_aux=True)(2.0),
    ):
        with pytest.raises(TypeError, match=r"with has_aux the function must return a pair"):
            run()


# arguments and results


def test_arguments_are_structures_of_anything_a_tensor_is_made_of() -> None:
    def f(p: Any, n: Any) -> Any:
        return {"y": p["w"] * p["rest"][0], "s": tf.reduce_sum(p["rest"][1]) * n}

    variable = tf.Variable([1.0, 2.0])
    p = {"w": variable, "rest": [tf.constant(3.0), np.array([1, 2], np.float32)]}
    value, pullback = tf.vjp(f, p, 2.0)
    assert value["y"].numpy().tolist() == [3.0, 6.0]
    by_p, by_n = pullback({"y": tf.constant([1.0, 10.0]), "s": 1.0})
    assert by_p["w"].numpy().tolist() == [3.0, 30.0]
    assert float(by_p["rest"][0]) == 21.0
    assert by_p["rest"][1].numpy().tolist() == [2.0, 2.0]
    assert float(by_n) == 3.0
    along = {"w": [1.0, 0.0], "rest": [1.0, [0.0, 1.0]]}
    _, tangent = tf.jvp(f, (p, 2.0), (along, 1.0))
    assert tangent["y"].numpy().tolist() == [4.0, 2.0]
    assert float(tangent["s"]) == 5.0
    _, pushforward = tf.linearize(f, p, 2.0)
    again = pushforward(along, 1.0)
    assert again["y"].numpy().tolist() == [4.0, 2.0]
    assert float(again["s"]) == 5.0


def test_a_list_of_numbers_is_a_vector_and_a_list_of_tensors_a_structure() -> None:
    assert tf.grad(lambda x: tf.reduce_sum(x * x))([1.0, 2.0]).numpy().tolist() == [2.0, 4.0]
    found = tf.grad(lambda p: p[0] * p[1])([tf.constant(2.0), 3.0])
    assert [float(g) for g in found] == [3.0, 2.0]
    matrix = tf.grad(lambda x: tf.linalg.det(x))([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(matrix, [[4.0, -3.0], [-2.0, 1.0]], rtol=1e-5)
    Point = collections.namedtuple("Point", "x y")
    slope = tf.grad(lambda p: p.x**2 * p.y)(Point(2.0, 5.0))
    assert isinstance(slope, Point)
    assert (float(slope.x), float(slope.y)) == (20.0, 4.0)


def test_argnums_choose_and_keywords_pass() -> None:
    def f(x: Any, y: Any, scale: float = 1.0) -> Any:
        return scale * x * x * y

    assert float(tf.grad(f)(3.0, 2.0)) == 12.0
    assert float(tf.grad(f, argnums=1)(3.0, 2.0)) == 9.0
    assert float(tf.grad(f, argnums=-1)(3.0, 2.0, scale=2.0)) == 18.0
    assert [float(g) for g in tf.grad(f, argnums=(1, 0))(3.0, 2.0)] == [9.0, 12.0]
    assert [float(g) for g in tf.grad(f, (0,))(3.0, 2.0)] == [12.0]
    value, slope = tf.value_and_grad(f, 1)(3.0, 2.0)
    assert (float(value), float(slope)) == (18.0, 9.0)
    found = tf.jacobian(f, argnums=(0, 1))(3.0, 2.0)
    assert [float(g) for g in found] == [12.0, 9.0]


def test_the_function_keeps_its_name_and_may_be_any_callable() -> None:
    def half(x: Any) -> Any:
        return x / 2

    assert tf.grad(half).__name__ == tf.jacobian(half).__name__ == "half"

    class Twice:
        def __call__(self, x: Any) -> Any:
            return 2 * x

    assert float(tf.grad(Twice())(1.0)) == 2.0


def test_integers_pass_through_vjp_jvp_and_linearize_without_a_derivative() -> None:
    def f(x: Any, rows: Any) -> Any:
        return tf.gather(x, rows), tf.size(rows)

    x, rows = f64(1.0, 2.0, 4.0), tf.constant([2, 0])
    value, pullback = tf.vjp(f, x, rows)
    assert int(value[1]) == 2
    by_x, by_rows = pullback((f64(1.0, 10.0), None))
    np.testing.assert_array_equal(by_x, [10.0, 0.0, 1.0])
    assert by_rows is None
    _, tangents = tf.jvp(f, (x, rows), (f64(1.0, 2.0, 3.0), None))
    np.testing.assert_array_equal(tangents[0], [3.0, 1.0])
    assert tangents[1] is None
    _, pushforward = tf.linearize(f, x, rows)
    assert pushforward(f64(1.0, 2.0, 3.0), None)[0].numpy().tolist() == [3.0, 1.0]


@pytest.mark.parametrize("transform", [tf.grad, tf.value_and_grad, tf.jacobian, tf.hessian])
def test_a_derivative_by_integers_is_refused(transform: Any) -> None:
    name = transform.__name__
    for bad in (3, tf.constant([1, 2]), np.array([True])):
        with pytest.raises(TypeError, match=rf"gradtape\.{name}: the argument .* is of integers"):
            transform(lambda x: tf.reduce_sum(tf.cast(x, tf.float32)))(bad)


def test_what_is_not_connected_is_zero_or_none() -> None:
    def f(x: Any, y: Any) -> Any:
        return tf.reduce_sum(x * x)

    x, y = f64(1.0, 2.0), f64(3.0)
    assert tf.grad(f, 1)(x, y).numpy().tolist() == [0.0]
    assert tf.grad(f, 1, unconnected_gradients="none")(x, y) is None
    assert tf.vjp(f, x, y)[1](tf.constant(1.0, tf.float64))[1].numpy().tolist() == [0.0]
    _, tangent = tf.jvp(lambda x: tf.stop_gradient(x), (x,), (x,))
    assert tangent.numpy().tolist() == [0.0, 0.0]
    for mode in ("auto", "forward", "reverse"):
        zero = tf.jacobian(f, 1, mode=mode)(x, y)
        assert (zero.shape, zero.dtype, float(zero[0])) == ((1,), tf.float64, 0.0)
        none = tf.jacobian(f, (0, 1), mode=mode, unconnected_gradients="none")(x, y)
        assert none[0].numpy().tolist() == [2.0, 4.0]
        assert none[1] is None
    with pytest.raises(ValueError, match="Unknown value for unconnected_gradients"):
        tf.grad(f, unconnected_gradients="zeros")


def test_a_variable_that_the_function_reads_is_no_argument() -> None:
    w = tf.Variable([2.0, 3.0])

    def f(x: Any) -> Any:
        return tf.reduce_sum(w * x * x)

    assert tf.grad(f)(tf.constant([1.0, 1.0])).numpy().tolist() == [4.0, 6.0]
    with tf.GradientTape() as tape:
        slope = tf.grad(f)(tf.constant([1.0, 2.0]))
    assert tape.gradient(slope, w).numpy().tolist() == [2.0, 4.0]
    assert tf.grad(lambda w, x: tf.reduce_sum(w * x))(w, [5.0, 6.0]).numpy().tolist() == [5.0, 6.0]
    both = tf.grad(lambda v: tf.reduce_sum(v * w))(w)
    assert both.numpy().tolist() == [2.0, 3.0]


# Jacobians


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_jacobian_by_hand(mode: str) -> None:
    found = tf.jacobian(curve, mode=mode)(POINT)
    np.testing.assert_allclose(found, curve_jacobian(POINT), rtol=1e-12)


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_blocks_have_the_structure_of_results_then_arguments(mode: str) -> None:
    a, b = f64(1.0, 2.0), tf.constant(np.arange(6.0).reshape(3, 2))

    def f(p: Any) -> Any:
        return {"outer": p["a"][:, None] * p["b"][0], "sum": [tf.reduce_sum(p["b"])]}

    found = tf.jacobian(f, mode=mode)({"a": a, "b": b})
    assert found["outer"]["a"].shape == (2, 2, 2)
    assert found["outer"]["b"].shape == (2, 2, 3, 2)
    assert found["sum"][0]["b"].shape == (3, 2)
    first, zero, one = np.asarray(b)[0], np.zeros((2, 2, 2)), np.zeros((2, 2, 3, 2))
    for i, j in itertools.product(range(2), range(2)):
        zero[i, j, i] = first[j]
        one[i, j, 0, j] = np.asarray(a)[i]
    np.testing.assert_array_equal(found["outer"]["a"], zero)
    np.testing.assert_array_equal(found["outer"]["b"], one)
    np.testing.assert_array_equal(found["sum"][0]["b"], np.ones((3, 2)))
    np.testing.assert_array_equal(found["sum"][0]["a"], np.zeros(2))


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("outputs", [1, 7, 100])
def test_tall_and_wide_jacobians(mode: str, outputs: int) -> None:
    w = rng.standard_normal((outputs, 5))
    x = rng.standard_normal(5)
    found = tf.jacobian(lambda x: tf.tanh(tf.linalg.matvec(tf.constant(w), x)), mode=mode)(x)
    np.testing.assert_allclose(found, (1 - np.tanh(w @ x) ** 2)[:, None] * w, rtol=1e-10)


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_empty_arguments_and_results(mode: str) -> None:
    jac = tf.jacobian(lambda x: tf.concat([x, x], 0), mode=mode)
    assert jac(np.zeros((0, 2))).shape == (0, 2, 0, 2)
    assert tf.jacobian(lambda x: x[:0] * 2.0, mode=mode)(POINT).shape == (0, 3)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_mixed_dtypes_give_blocks_of_the_arguments_dtype(mode: str) -> None:
    x = tf.constant([1.0, 2.0], tf.float32)
    found = tf.jacobian(lambda x: tf.cast(x, tf.float64) ** 3, mode=mode)(x)
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, np.diag([3.0, 12.0]))


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_complex_jacobians_are_of_the_real_part(mode: str) -> None:
    z = tf.constant(np.array([1 + 2j, 3 - 1j]))
    square = tf.jacobian(lambda z: z * z, mode=mode)(z)
    np.testing.assert_allclose(square, np.diag(np.conj(2 * np.asarray(z))))
    size = tf.jacobian(lambda z: tf.abs(z) ** 2, mode=mode)(z)
    assert size.dtype == tf.complex128
    np.testing.assert_allclose(size, np.diag(2 * np.asarray(z)))
    mirrored = tf.jacobian(lambda z: tf.math.conj(z) * 1j, mode=mode)(z)
    np.testing.assert_allclose(mirrored, np.diag([1j, 1j]))  # Re(i conj z) = Im z
    turned = tf.jacobian(lambda x: tf.complex(x, x * x), mode=mode)(f64(1.0, 2.0))
    assert turned.dtype == tf.float64
    np.testing.assert_allclose(turned, np.eye(2))


def test_integer_results_have_no_jacobian() -> None:
    found = tf.jacobian(lambda x: {"y": x * x, "n": tf.cast(x, tf.int32)})(f64(1.0, 2.0))
    assert found["n"] is None
    np.testing.assert_array_equal(found["y"], np.diag([2.0, 4.0]))


def test_a_gather_has_a_dense_jacobian() -> None:
    table = tf.Variable(np.arange(6.0).reshape(3, 2))
    found = tf.jacobian(lambda t: tf.gather(t, [2, 2]))(table)
    expected = np.zeros((2, 2, 3, 2))
    for i, j in itertools.product(range(2), range(2)):
        expected[i, j, 2, j] = 1.0
    np.testing.assert_array_equal(found, expected)
    (pulled,) = tf.vjp(lambda t: tf.gather(t, [2, 2]), table)[1](tf.ones((2, 2), tf.float64))
    np.testing.assert_array_equal(pulled, [[0.0, 0.0], [0.0, 0.0], [2.0, 2.0]])


# mistakes


@pytest.mark.parametrize(
    "run, error, message",
    [
        (lambda: tf.grad(3.0), TypeError, r"gradtape\.grad: f must be a function"),
        (lambda: tf.jacobian(curve, mode="both"), TypeError, r"gradtape\.jacobian: mode must be"),
        (lambda: tf.jacobian(curve, max_bytes=0), TypeError, r"max_bytes must be None or a"),
        (lambda: tf.grad(lambda x: x, argnums="x")(1.0), TypeError, r"argnums must be an integer"),
        (lambda: tf.grad(lambda x: x, argnums=1)(1.0), ValueError, r"called with 1 positional"),
        (lambda: tf.grad(lambda x: x)(x=1.0), ValueError, r"called with 0 positional"),
        (lambda: tf.grad(lambda x: x, argnums=(0, -1))(1.0), ValueError, r"names one twice"),
        (lambda: tf.grad(lambda x: x * [1.0, 2.0])(1.0), ValueError, r"must return one number, not float32\[2\]"),
        (lambda: tf.grad(lambda x: 3)(1.0), TypeError, r"must return a real floating-point number"),
        (lambda: tf.grad(lambda x: None)(1.0), TypeError, r"the function returned None"),
        (lambda: tf.grad(lambda x: tf.complex(x, x))(1.0), TypeError, r"tf\.math\.real"),
        (lambda: tf.grad(lambda x: x)("text"), TypeError, r"gradtape\.grad"),
        (lambda: tf.jvp(lambda x: x, 1.0, 1.0), TypeError, r"primals must be a tuple or list"),
        (lambda: tf.jvp(lambda x: x, (1.0,), (1.0, 2.0)), ValueError, r"2 tangents for 1 primals"),
        (lambda: tf.jvp(lambda x: x, (1.0,), ([1.0, 2.0],)), ValueError, r"gradtape\.jvp: among the tangents"),
        (lambda: tf.jvp(lambda x: x["a"], ({"a": 1.0},), ({"b": 1.0},)), ValueError, r"have not the structure"),
        (lambda: tf.vjp(lambda x: x, 1.0)[1]([1.0, 2.0]), ValueError, r"gradtape\.vjp: among the cotangents"),
        (lambda: tf.vjp(lambda x: (x, x), 1.0)[1](1.0), ValueError, r"not the structure of the results"),
        (lambda: tf.linearize(lambda x: x, 1.0)[1](1.0, 1.0), ValueError, r"2 tangents for 1 primals"),
        (lambda: tf.vjp(lambda x: x, 1.0)[1](tf.constant(1.0, tf.float64)), ValueError, r"shape and dtype must"),
    ],
)  # fmt: skip
def test_mistakes_are_named(run: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        run()


def test_an_error_of_the_function_leaves_no_recording_behind() -> None:
    def broken(x: Any) -> Any:
        raise RuntimeError("mine")

    for run in (
        lambda: tf.grad(broken)(1.0),
        lambda: tf.jvp(broken, (1.0,), (1.0,)),
        lambda: tf.linearize(broken, 1.0),
        lambda: tf.jacobian(broken, mode="forward")(1.0),
        lambda: tf.hessian(broken)(1.0),
    ):
        with pytest.raises(RuntimeError, match="mine"):
            run()
    assert (here.tapes, here.observers, here.mode) == ((), (), None)
