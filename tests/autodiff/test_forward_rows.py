"""Many directions at once: `ForwardAccumulator(..., batched=True)`, against Jacobians by hand, by
reverse mode, and one direction after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf

Accumulator = tf.autodiff.ForwardAccumulator
C = tf.constant
D = tf.float64
TIMES = 3  # at the third meeting rules are straight-line code
RNG = np.random.default_rng(3)
X = RNG.normal(size=(2, 3))
A = RNG.normal(size=(3, 4))


def units(x: Any) -> Any:
    """The directions of the axes of x."""
    return tf.reshape(tf.eye(int(tf.size(x)), dtype=x.dtype), (-1, *x.shape))


def columns(f: Any, x: Any) -> Any:
    """The derivatives of f along the axes of x, in one pass."""
    with Accumulator(x, units(x), batched=True) as acc:
        y = f(x)
    return acc.jvp(y)


def one_by_one(f: Any, x: Any) -> Any:
    """The same with an accumulator for each."""
    found = []
    for direction in np.asarray(units(x)):
        with Accumulator(x, C(direction)) as acc:
            y = f(x)
        found.append(np.asarray(acc.jvp(y)))
    return np.stack(found)


def test_the_example_of_elementwise_operations() -> None:
    x = C([1.0, 2.0])
    with Accumulator._batch_accumulator(x, tf.eye(2)) as acc:
        y = x * x
    np.testing.assert_array_equal(acc.jvp(y), [[2.0, 0.0], [0.0, 4.0]])
    np.testing.assert_array_equal(acc.jvp(x), np.eye(2))


def test_sums_and_products_with_constants() -> None:
    x = C(X)
    for _ in range(TIMES):
        np.testing.assert_array_equal(columns(tf.reduce_sum, x), np.ones(6))
        found = columns(lambda x: x @ C(A), x)
        wanted = np.stack([np.asarray(u) @ A for u in np.asarray(units(x))])
        np.testing.assert_allclose(found, wanted)


def branches(x: Any) -> Any:
    return tf.cond(x[0, 0] > 0.0, lambda: x**3, lambda: x**2)


def loop(x: Any) -> Any:
    return tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * x), [C(0), x])[1]


def until_large(x: Any) -> Any:
    y = x
    while tf.reduce_sum(y * y) < 20.0:
        y = y * 2.0 * tf.reduce_sum(x * x)
    return y


PROGRAMS = {
    "softmax": lambda x: tf.nn.softmax(x @ C(A)),
    "concat": lambda x: tf.concat([x, 2.0 * x, tf.zeros((1, 3), D)], 0),
    "where": lambda x: tf.where(x > 0.0, x * x, -x),
    "gather": lambda x: tf.gather(x, [1, 0, 0]),
    "inverse": lambda x: tf.linalg.inv(x @ tf.transpose(x)),
    "slices": lambda x: x[:, 1:] * x[:1, :2],
    "norm": lambda x: tf.norm(x),
    "top": lambda x: tf.math.top_k(x, 2)[0],
    "casts": lambda x: tf.cast(tf.complex(x, x * x), tf.complex128) ** 2,
    "scan": lambda x: tf.scan(lambda a, e: a * e, x),
    "map": lambda x: tf.map_fn(lambda e: e * e[0], x),
    "cond": branches,
    "while": loop,
    "autograph": until_large,
    "convolution": lambda x: tf.nn.conv1d(x[:, :, None], tf.ones((2, 1, 1), D), 1, "VALID") ** 2,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_eager_and_compiled(name: str) -> None:
    f, x = PROGRAMS[name], C(X)
    wanted = one_by_one(f, x)
    for g in (f, tf.function(f)):
        for _ in range(TIMES):
            np.testing.assert_allclose(columns(g, x), wanted, rtol=1e-9, atol=1e-12)
    inside = tf.function(lambda x: columns(f, x))
    np.testing.assert_allclose(inside(x), wanted, rtol=1e-9, atol=1e-12)


def test_custom_rules() -> None:
    @tf.custom_gradient
    def seven(x: Any) -> Any:
        return x * x, lambda upstream: upstream * 7.0

    @tf.primitive(name="rows_cube", vjp=lambda ct, x: 3.0 * ct * x * x)
    def cube(xp: Any, x: Any) -> Any:
        return x**3

    x = C([2.0, 1.5], D)
    cubes = np.diag([12.0, 6.75])
    np.testing.assert_allclose(columns(seven, x), 7.0 * np.eye(2))
    np.testing.assert_allclose(columns(tf.function(seven), x), 7.0 * np.eye(2))
    np.testing.assert_allclose(columns(cube, x), cubes)
    np.testing.assert_allclose(columns(tf.recompute_grad(lambda x: x**3), x), cubes)
    by_python = lambda x: tf.py_function(lambda a: a * a * a, [x], D)
    np.testing.assert_allclose(columns(by_python, x), cubes)
    assert columns(tf.stop_gradient, x) is None


def test_a_hessian_in_every_way() -> None:
    x = C([0.7, 1.5], D)
    f = lambda x: tf.reduce_sum(tf.sin(x)) * x[0]
    (a, b) = x.numpy()
    mixed = np.cos(b)
    hessian = np.array([[2 * np.cos(a) - a * np.sin(a), mixed], [mixed, -a * np.sin(b)]])

    def gradient(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.gradient(y, x)

    for _ in range(TIMES):
        np.testing.assert_allclose(columns(gradient, x), hessian)
        np.testing.assert_allclose(columns(lambda x: columns(f, x), x), hessian)
    np.testing.assert_allclose(columns(tf.function(gradient), x), hessian)
    with tf.GradientTape() as tape:
        tape.watch(x)
        slopes = columns(f, x)
    np.testing.assert_allclose(tape.jacobian(slopes, x), hessian)
    both = tf.vectorized_map(lambda x: columns(f, x), C([[0.7, 1.5], [0.7, 1.5]], D))
    np.testing.assert_allclose(both, np.stack([np.asarray(columns(f, x))] * 2))


def test_several_primals_and_results() -> None:
    x, v = C([1.0, 2.0]), tf.Variable([3.0, 4.0])
    rows = [tf.eye(2), tf.zeros((2, 2))]
    with Accumulator({"x": x, "v": v}, dict(zip("xv", rows, strict=True)), batched=True) as acc:
        y = {"product": x * v, "place": tf.argmax(x), "still": tf.constant(1.0) * 2.0}
    found = acc.jvp(y)
    np.testing.assert_array_equal(found["product"], [[3.0, 0.0], [0.0, 4.0]])
    assert found["place"] is None
    assert found["still"] is None
    assert acc.jvp(y, "zero")["still"].numpy().tolist() == [0.0, 0.0]


def test_open_sizes() -> None:
    specs = [tf.TensorSpec([None], D), tf.TensorSpec([None, None], D)]

    @tf.function(input_signature=specs)
    def pushed(x: Any, rows: Any) -> Any:
        with Accumulator(x, rows, batched=True) as acc:
            y = x * x
        return acc.jvp(y)

    for n in (2, 3):
        x = np.arange(1.0, n + 1)
        np.testing.assert_array_equal(pushed(C(x), C(np.eye(n))), np.diag(2 * x))


def test_no_direction_at_all() -> None:
    with Accumulator(C([1.0, 2.0]), tf.zeros((0, 2)), batched=True) as acc:
        y = tf.sin(C([0.0]))
        z = acc.jvp(y, "zero")
    assert z.shape == (0, 1)


X2 = C([1.0, 2.0])


@pytest.mark.parametrize(
    "tangent, message",
    [
        (X2, r"batched tangent float32\[2\] has not the shape .* tangent\[tf.newaxis\]"),
        (tf.ones((2, 3)), r"batched tangent float32\[2, 3\] has not the shape"),
        (1.0, r"batched tangent float32\[\] has not the shape"),
    ],
)
def test_what_does_not_fit(tangent: Any, message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        Accumulator(X2, tangent, batched=True)


def test_as_many_directions_for_each() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="has 3 directions, another has 2"):
        Accumulator([X2, tf.Variable(X2)], [tf.eye(2), tf.ones((3, 2))], batched=True)
