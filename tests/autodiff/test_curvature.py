"""`hessian`, `hvp`, `ggn` and `laplacian` of functions, and derivatives in derivatives."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import gradtape as tf

rng = np.random.default_rng(0)


def f64(*values: float) -> Any:
    return tf.constant(values, tf.float64)


def rosenbrock(x: Any) -> Any:
    a, b = x[:-1], x[1:]
    return tf.reduce_sum(100.0 * (b - a * a) ** 2 + (1.0 - a) ** 2)


def rosenbrock_hessian(x: Any) -> Any:
    """By hand."""
    n = len(x)
    h = np.zeros((n, n))
    for i in range(n - 1):
        h[i, i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        h[i + 1, i + 1] += 200
        h[i, i + 1] = h[i + 1, i] = -400 * x[i]
    return h


POINT = rng.standard_normal(6)
MODES = ["auto", "forward", "reverse"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("max_bytes", [None, 1, 400])
def test_hessian_by_hand(mode: str, max_bytes: Any) -> None:
    found = tf.hessian(rosenbrock, mode=mode, max_bytes=max_bytes)(POINT)
    np.testing.assert_allclose(found, rosenbrock_hessian(POINT), rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("mode", MODES)
def test_blocks_of_a_hessian(mode: str) -> None:
    def f(p: Any, c: Any) -> Any:
        return tf.reduce_sum(p["w"] ** 2 * p["b"]) * c

    p = {"w": f64(1.0, 2.0), "b": f64(3.0)}
    c = tf.constant(2.0, tf.float64)
    by_p = tf.hessian(f, mode=mode)(p, c)
    np.testing.assert_array_equal(by_p["w"]["w"], np.diag([12.0, 12.0]))
    np.testing.assert_array_equal(by_p["w"]["b"], [[4.0], [8.0]])
    np.testing.assert_array_equal(by_p["b"]["w"], [[4.0, 8.0]])
    np.testing.assert_array_equal(by_p["b"]["b"], [[0.0]])
    both = tf.hessian(f, argnums=(1, 0), mode=mode)(p, c)
    assert float(both[0][0]) == 0.0
    np.testing.assert_array_equal(both[0][1]["w"], [6.0, 12.0])
    np.testing.assert_array_equal(both[1]["w"][0], [6.0, 12.0])
    none = tf.hessian(f, 1, mode=mode, unconnected_gradients="none")(p, c)
    assert none is None


@pytest.mark.parametrize("mode", MODES)
def test_the_hessian_of_what_is_linear_is_zero(mode: str) -> None:
    found = tf.hessian(lambda x: tf.reduce_sum(3.0 * x), mode=mode)(POINT)
    np.testing.assert_array_equal(found, np.zeros((6, 6)))
    constant = tf.hessian(lambda x: tf.constant(1.0, tf.float64), mode=mode)(POINT)
    np.testing.assert_array_equal(constant, np.zeros((6, 6)))


def test_the_hessian_of_a_log_likelihood_with_aux() -> None:
    data = rng.standard_normal((8, 3))
    sign = np.where(rng.standard_normal(8) > 0, 1.0, -1.0)

    def loss(w: Any) -> Any:
        margins = tf.constant(sign) * tf.linalg.matvec(tf.constant(data), w)
        return tf.reduce_sum(tf.math.softplus(-margins)), margins

    w = rng.standard_normal(3)
    found, margins = tf.hessian(loss, has_aux=True)(w)
    p = 1 / (1 + np.exp(-sign * (data @ w)))
    np.testing.assert_allclose(margins, sign * (data @ w))
    np.testing.assert_allclose(found, data.T @ np.diag(p * (1 - p)) @ data, rtol=1e-10)


def test_hvp_is_the_hessian_times_the_vector() -> None:
    v = rng.standard_normal(6)
    (found,) = tf.hvp(rosenbrock, (POINT,), (v,))
    np.testing.assert_allclose(found, rosenbrock_hessian(POINT) @ v, rtol=1e-11)


def test_hvp_of_structures_with_what_does_not_move() -> None:
    def f(p: Any, x: Any, n: Any) -> Any:
        return tf.reduce_sum(p[0] ** 2 * x) + tf.reduce_sum(p[1] ** 3) + tf.cast(n, tf.float64)

    p = [f64(1.0, 2.0), f64(2.0)]
    along = [f64(1.0, 0.0), None]
    by_p, by_x, by_n = tf.hvp(f, (p, f64(3.0, 4.0), tf.constant(1)), (along, None, None))
    np.testing.assert_array_equal(by_p[0], [6.0, 0.0])
    np.testing.assert_array_equal(by_p[1], [0.0])
    np.testing.assert_array_equal(by_x, [2.0, 0.0])
    assert by_n is None


def test_ggn_is_the_gauss_newton_matrix_times_the_vector() -> None:
    data, labels = rng.standard_normal((5, 3)), np.eye(4)[[0, 2, 1, 3, 2]]
    w = rng.standard_normal((3, 4))
    v = rng.standard_normal((3, 4))

    def model(w: Any) -> Any:
        return tf.sin(tf.constant(data) @ w)

    def loss(logits: Any) -> Any:
        return -tf.reduce_sum(tf.constant(labels) * tf.nn.log_softmax(logits))

    found = np.asarray(tf.ggn(model, loss, tf.Variable(w), v))
    logits = np.sin(data @ w)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    pushed = np.cos(data @ w) * (data @ v)
    curved = p * pushed - p * (p * pushed).sum(-1, keepdims=True)
    np.testing.assert_allclose(found, data.T @ (np.cos(data @ w) * curved), rtol=1e-10)


def test_ggn_of_a_linear_model_is_the_hessian() -> None:
    data = tf.constant(rng.standard_normal((5, 3)))
    w, v = rng.standard_normal(3), rng.standard_normal(3)

    def model(p: Any) -> Any:
        return {"y": tf.linalg.matvec(data, p["w"]) + p["b"]}

    def loss(out: Any) -> Any:
        return tf.reduce_sum(out["y"] ** 4)

    params, along = {"w": tf.constant(w), "b": f64(0.5)}, {"w": tf.constant(v), "b": f64(1.0)}
    gauss = tf.ggn(model, loss, params, along)
    (full,) = tf.hvp(lambda p: loss(model(p)), (params,), (along,))
    for key in "wb":
        np.testing.assert_allclose(gauss[key], full[key], rtol=1e-11)
    r = np.asarray(data) @ w + 0.5
    expected = np.asarray(data).T @ (12 * r**2 * (np.asarray(data) @ v + 1.0))
    np.testing.assert_allclose(gauss["w"], expected, rtol=1e-11)


def test_ggn_keeps_out_what_the_model_bends() -> None:
    found = tf.ggn(lambda w: w**2, lambda y: y, tf.constant(3.0), tf.constant(1.0))
    assert float(found) == 0.0
    assert float(tf.hvp(lambda w: w**2, (3.0,), (1.0,))[0]) == 2.0


@pytest.mark.parametrize("max_bytes", [None, 1, 500])
def test_laplacian_is_the_trace_of_the_hessian(max_bytes: Any) -> None:
    found = tf.laplacian(rosenbrock, max_bytes=max_bytes)(POINT)
    assert float(found) == pytest.approx(np.trace(rosenbrock_hessian(POINT)), rel=1e-11)


def test_laplacian_of_harmonic_functions_is_zero() -> None:
    def harmonic(x: Any) -> Any:
        return tf.exp(x[0]) * tf.sin(x[1]) + x[0] ** 2 - x[1] ** 2

    assert float(tf.laplacian(harmonic)(f64(0.3, 0.7))) == pytest.approx(0.0, abs=1e-14)
    inverse = tf.laplacian(lambda x: 1.0 / tf.norm(x))
    assert float(inverse(f64(1.0, 2.0, -1.0))) == pytest.approx(0.0, abs=1e-13)


@pytest.mark.parametrize("max_bytes", [None, 1])
def test_laplacian_of_many_results_and_arguments(max_bytes: Any) -> None:
    def f(x: Any, p: Any) -> Any:
        return {"v": tf.stack([x[0] ** 3, x[1] ** 2 * p]), "linear": x[0], "n": tf.constant(1)}

    found = tf.laplacian(f, (0, 1), max_bytes=max_bytes)(
        f64(2.0, 3.0), tf.constant(5.0, tf.float64)
    )
    np.testing.assert_allclose(found["v"], [12.0, 10.0])
    assert float(found["linear"]) == 0.0
    assert found["n"] is None


@pytest.mark.parametrize("compiled", [False, True])
def test_laplacian_of_operations_whose_rules_name_the_result(compiled: bool) -> None:
    def f(x: Any) -> Any:
        r = tf.reduce_sum(x * x)
        return tf.stack([tf.exp(-r), tf.sqrt(r), tf.sigmoid(r), tf.tanh(r), 1.0 / r])

    x = np.array([0.5, 1.0, -0.3])
    wrap = tf.function if compiled else lambda f: f
    r, s, t = x @ x, 1 / (1 + np.exp(-x @ x)), np.tanh(x @ x)
    first = [-np.exp(-r), 0.5 / np.sqrt(r), s * (1 - s), 1 - t * t, -1 / r**2]
    second = [
        np.exp(-r), -0.25 / r**1.5, s * (1 - s) * (1 - 2 * s), -2 * t * (1 - t * t), 2 / r**3
    ]  # fmt: skip
    expected = 6 * np.array(first) + 4 * r * np.array(second)  # f(|x|^2): 2 n f' + 4 r f''
    np.testing.assert_allclose(wrap(tf.laplacian(f))(tf.constant(x)), expected, rtol=1e-12)
    one = wrap(tf.laplacian(lambda x: f(x)[0]))(tf.constant(x))
    assert float(one) == pytest.approx(expected[0], rel=1e-12)


def test_laplacian_per_point_of_a_batch() -> None:
    points = tf.constant(rng.standard_normal((5, 3)))
    found = tf.vectorized_map(tf.laplacian(lambda x: tf.reduce_sum(x**4) * x[0]), points)
    p = np.asarray(points)
    expected = 20 * p[:, 0] ** 3 + 12 * p[:, 0] * (p[:, 1] ** 2 + p[:, 2] ** 2)
    np.testing.assert_allclose(found, expected, rtol=1e-11)


@pytest.mark.parametrize(
    "run, error, message",
    [
        (lambda: tf.hessian(3.0), TypeError, r"gradtape\.hessian: f must be a function"),
        (lambda: tf.hessian(lambda x: x)(POINT), ValueError, r"gradtape\.hessian: the function must return one number"),
        (lambda: tf.hessian(lambda x: x, mode="x"), TypeError, r"gradtape\.hessian: mode must be"),
        (lambda: tf.hvp(lambda x: x, 1.0, 1.0), TypeError, r"gradtape\.hvp: primals must be a tuple"),
        (lambda: tf.hvp(lambda x: x, (POINT,), (POINT,)), ValueError, r"gradtape\.hvp: the function must return"),
        (lambda: tf.ggn(1, 2, POINT, POINT), TypeError, r"gradtape\.ggn: model must be a function"),
        (lambda: tf.ggn(lambda w: w, 2, POINT, POINT), TypeError, r"gradtape\.ggn: loss must be"),
        (lambda: tf.ggn(lambda w: w, lambda y: y, POINT, POINT), ValueError, r"gradtape\.ggn: the function must"),
        (lambda: tf.ggn(lambda w: w, tf.reduce_sum, POINT, POINT[:2]), ValueError, r"gradtape\.ggn: among the vector"),
        (lambda: tf.laplacian(lambda x: x)(1j), TypeError, r"gradtape\.laplacian: the argument .* is complex"),
        (lambda: tf.laplacian(lambda x: x)(1), TypeError, r"gradtape\.laplacian: the argument .* integers"),
        (lambda: tf.laplacian(lambda x: x, max_bytes=-1), TypeError, r"gradtape\.laplacian: max_bytes"),
    ],
)  # fmt: skip
def test_mistakes_are_named(run: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        run()


# derivatives in derivatives


def by_jvp(f: Any) -> Any:
    return lambda x: tf.jvp(f, (x,), (tf.ones_like(x),))[1]


def by_vjp(f: Any) -> Any:
    return lambda x: tf.vjp(f, x)[1](tf.ones_like(x))[0]


def by_linearize(f: Any) -> Any:
    return lambda x: tf.linearize(f, x)[1](tf.ones_like(x))


def by_tape(f: Any) -> Any:
    def slope(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.gradient(y, x)

    return slope


def by_accumulator(f: Any) -> Any:
    def slope(x: Any) -> Any:
        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
            y = f(x)
        return accumulator.jvp(y)

    return slope


def by_forward(f: Any) -> Any:
    return tf.jacobian(f, mode="forward")


def mapped(f: Any) -> Any:
    return lambda x: tf.vectorized_map(tf.grad(f), tf.stack([x, x]))[0]


WAYS = [
    tf.grad,
    tf.jacobian,
    by_forward,
    by_jvp,
    by_vjp,
    by_linearize,
    by_tape,
    by_accumulator,
    mapped,
]
NAMES = [w.__name__ for w in WAYS]


@pytest.mark.parametrize("outer", WAYS, ids=NAMES)
@pytest.mark.parametrize("inner", WAYS, ids=NAMES)
def test_every_way_nests_in_every_other(outer: Any, inner: Any) -> None:
    x = tf.constant(0.7, tf.float64)
    found = outer(inner(lambda x: tf.sin(x) * x))(x)
    expected = 2 * np.cos(0.7) - 0.7 * np.sin(0.7)
    assert float(found) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "ways", [w for w in itertools.product(WAYS[:5], repeat=3) if len(set(w)) > 1],
    ids=lambda w: "-".join(x.__name__ for x in w),
)  # fmt: skip
def test_third_derivatives(ways: Any) -> None:
    f = lambda x: tf.exp(2.0 * x) * x
    for way in ways:
        f = way(f)
    found = f(tf.constant(0.3, tf.float64))
    assert float(found) == pytest.approx(np.exp(0.6) * (8 * 0.3 + 12), rel=1e-12)


@pytest.mark.parametrize("outer", WAYS, ids=NAMES)
@pytest.mark.parametrize("inner", WAYS, ids=NAMES)
def test_perturbations_are_not_confused(outer: Any, inner: Any) -> None:
    """d/dx (x d/dy (x + y)) is 1, and d/dx (x d/dy (x y) at y = x) is 2 x."""
    x, one = tf.constant(3.0, tf.float64), tf.constant(1.0, tf.float64)
    by_tensor = inner in (by_tape, by_accumulator)  # they mean a tensor, wherever it is used
    apart = tf.identity if by_tensor else lambda x: x
    assert float(outer(lambda x: x * inner(lambda y: x + y)(apart(x)))(x)) == 1.0
    assert float(outer(lambda x: x * inner(lambda y: x + y)(one))(x)) == 1.0
    assert float(outer(lambda x: x * inner(lambda y: x * y)(apart(x)))(x)) == 6.0


def test_a_function_that_ignores_its_argument_but_reads_the_same_tensor() -> None:
    x = tf.constant(3.0)
    assert float(tf.grad(lambda y: x * x)(x)) == 0.0
    assert float(tf.jvp(lambda y: x * x, (x,), (1.0,))[1]) == 0.0
    assert float(tf.grad(lambda a, b: a * b, argnums=0)(x, x)) == 3.0
    found = tf.grad(lambda a, b: a * a * b, argnums=(0, 1))(x, x)
    assert [float(g) for g in found] == [18.0, 9.0]


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("inner", MODES)
def test_jacobian_of_a_jacobian(outer: str, inner: str) -> None:
    found = tf.jacobian(tf.jacobian(lambda x: x[0] * x**2, mode=inner), mode=outer)(f64(2.0, 3.0))
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 0] = 12.0
    expected[1, 0, 1] = expected[1, 1, 0] = 6.0
    expected[1, 1, 1] = 4.0
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("mode", MODES)
def test_hessian_of_a_function_that_calls_jvp_and_hvp(mode: str) -> None:
    def f(x: Any) -> Any:
        slope = tf.jvp(lambda z: tf.reduce_sum(z**4), (x,), (f64(1.0, 0.0),))[1]
        return slope + tf.reduce_sum(tf.hvp(lambda z: tf.reduce_sum(z**4), (x,), (x,))[0])

    # 4 x0^3 + 12 (x0^3 + x1^3)
    found = tf.hessian(f, mode=mode)(f64(1.0, 2.0))
    np.testing.assert_allclose(found, np.diag([24.0 + 72.0, 144.0]), rtol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_hessians_of_a_batch(mode: str) -> None:
    points = tf.constant(rng.standard_normal((3, 4)))
    found = tf.vectorized_map(tf.hessian(rosenbrock, mode=mode), points)
    expected = [rosenbrock_hessian(p) for p in np.asarray(points)]
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-9)


def test_third_derivatives_of_many_variables() -> None:
    found = tf.jacobian(tf.hessian(lambda x: x[0] ** 2 * x[1] ** 2))(f64(2.0, 3.0))
    expected = [[[0, 12], [12, 8]], [[12, 8], [8, 0]]]
    np.testing.assert_allclose(found, expected)
    along = tf.jvp(tf.hessian(lambda x: x[0] ** 2 * x[1] ** 2), (f64(2.0, 3.0),), (f64(1.0, 0.0),))[
        1
    ]
    np.testing.assert_allclose(along, expected[0])


@pytest.mark.parametrize("mode", MODES)
def test_a_tape_around_a_hessian_and_inside(mode: str) -> None:
    w = tf.Variable(2.0, dtype=tf.float64)
    x = f64(1.0, 3.0)

    def energy(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(w * x**4)
        return tf.reduce_sum(tape.gradient(y, x) ** 2)  # 16 w^2 x^6

    with tf.GradientTape() as tape:
        h = tf.hessian(energy, mode=mode)(x)
    np.testing.assert_allclose(h, np.diag([480 * 4.0, 480 * 4.0 * 81]), rtol=1e-12)
    assert float(tape.gradient(h, w)) == pytest.approx(480 * 2 * 2.0 * 82, rel=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_custom_gradients_have_curvature(mode: str) -> None:
    @tf.custom_gradient
    def cube(x: Any) -> Any:
        return x**3, lambda ct: 3.0 * ct * x * x

    found = tf.hessian(lambda x: tf.reduce_sum(cube(x)), mode=mode)(f64(1.0, 2.0))
    np.testing.assert_allclose(found, np.diag([6.0, 12.0]))
    assert float(tf.laplacian(lambda x: tf.reduce_sum(cube(x)))(f64(1.0, 2.0))) == 18.0
