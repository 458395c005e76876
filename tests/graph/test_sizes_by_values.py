"""Sizes that depend on values, in recorded functions: selections, segments and shapes that come as
tensors, with derivatives by tapes outside and inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf

C = tf.constant
F = Callable[..., Any]
X = tf.reshape(tf.range(24.0), (6, 4))
N, M = C(2), C(3)


def differentiated(f: F) -> F:
    def g(x: Any, *rest: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x, *rest)
        return y, tape.gradient(y, x, unconnected_gradients="zero")

    return g


def agrees(f: F, *given: Any) -> None:
    """Compare a function with itself recorded: value and gradient, with the tape on both sides."""
    wanted = differentiated(f)(*given)
    outside = differentiated(tf.function(f, jit_compile=False))(*given)
    inside = tf.function(differentiated(f), jit_compile=True)(*given)
    for found in (outside, inside):
        for a, b in zip(tf.nest.flatten(found), tf.nest.flatten(wanted), strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            np.testing.assert_allclose(a, b, rtol=1e-5)


# results

SELECTIONS: dict[str, F] = {
    "boolean_mask": lambda x, n, m: tf.boolean_mask(x, x[:, 0] > 7.0) ** 2,
    "a mask as index": lambda x, n, m: x[x > 7.0] ** 2,
    "where": lambda x, n, m: tf.gather_nd(x, tf.where(x > 7.0)) ** 2,
    "mean of a selection": lambda x, n, m: tf.reduce_mean(x[x > 7.0] ** 2),
    "selection of a selection": lambda x, n, m: (
        tf.boolean_mask(y := x[x > 7.0] ** 2, y < 200.0) * tf.cast(n, tf.float32)
    ),
    "unique": lambda x, n, m: tf.gather(x, tf.unique(tf.stack([n, m, n]))[0]) ** 2,
    "dynamic_partition": lambda x, n, m: tf.dynamic_partition(x**2, [0, 1, 0, 1, 1, 0], 2),
    "partition by values": lambda x, n, m: tf.dynamic_partition(
        x**2, tf.cast(x[:, 0] > 7.0, tf.int32), 2
    ),
    "dynamic_stitch": lambda x, n, m: tf.dynamic_stitch([[n, 0], [m, 1]], [x[:2] ** 2, x[2:4]]),
    "segment_sum": lambda x, n, m: tf.math.segment_sum(x**2, tf.stack([0, 0, 0, n, m, m])),
    "unsorted_segment_sum": lambda x, n, m: tf.math.unsorted_segment_sum(
        x**2, [0, 1, 1, 0, 0, 1], n
    ),
    "range": lambda x, n, m: tf.cast(tf.range(n, n + m), tf.float32) * x[0, 1] ** 2,
    "a slice": lambda x, n, m: x[n : n + m] ** 2,
    "softmax of a slice": lambda x, n, m: tf.nn.softmax(x[:m, n:]),
    "matmul of slices": lambda x, n, m: tf.matmul(x[:n], x[n:], transpose_b=True),
    "einsum of slices": lambda x, n, m: tf.einsum("ij,kj->ik", x[:n], x[n:]),
    "concat of slices": lambda x, n, m: tf.concat([x[n:], x[:n]], 0) ** 2,
    "zeros_like a slice": lambda x, n, m: x[:n] + tf.zeros_like(x[:n]) + tf.ones(tf.shape(x[:n])),
    "a size": lambda x, n, m: tf.cast(tf.size(x[x > 7.0]), tf.float32) * x,
    "map_fn": lambda x, n, m: tf.map_fn(lambda row: tf.reduce_sum(row**2), x[:n]),
    "vectorized_map": lambda x, n, m: tf.vectorized_map(lambda row: row[n:] ** 2, x),
}

SHAPES: dict[str, F] = {
    "zeros, ones": lambda x, n, m: (tf.zeros([n, m]) + tf.ones((n, 3))) * x[0, 1],
    "a vector": lambda x, n, m: tf.ones(tf.stack([n, m])) * x[0, 1],
    "fill": lambda x, n, m: tf.fill([n, 4], x[0, 1]) * x[:2],
    "reshape": lambda x, n, m: tf.reshape(x**2, [n, -1]),
    "reshape without -1": lambda x, n, m: tf.reshape(x**2, [n * 4, m]),
    "broadcast_to": lambda x, n, m: tf.broadcast_to(x[0], [n, 4]) ** 2,
    "tile": lambda x, n, m: tf.tile(x, [n, 1]) ** 2,
    "split": lambda x, n, m: tf.split(x**2, [n, -1])[1],
    "pad": lambda x, n, m: tf.pad(x, [[n, m], [0, 1]], constant_values=2.0) ** 2,
    "one_hot": lambda x, n, m: tf.one_hot([0, 1], m, x[0, 1] ** 2, x[0, 2]),
    "linspace": lambda x, n, m: tf.linspace(x[0, 1] ** 2, x[0, 2], m),
    "sequence_mask": lambda x, n, m: tf.cast(tf.sequence_mask([1, 2], m), tf.float32) * x[0, 1],
    "sequence_mask of values": lambda x, n, m: (
        tf.cast(tf.sequence_mask(tf.stack([n, m])), tf.float32) * x[0, 1]
    ),
    "repeat": lambda x, n, m: tf.repeat(x, n, 0) ** 2,
    "repeat each": lambda x, n, m: tf.repeat(x, tf.stack([n, m, 0, 1]), 1) ** 2,
    "roll": lambda x, n, m: tf.roll(x, -m, 1) ** 2,
    "roll axes": lambda x, n, m: tf.roll(x, [n, 1], [0, 1]) ** 2,
    "eye": lambda x, n, m: tf.eye(n, m, batch_shape=[n]) * x[0, 1],
    "scatter_nd": lambda x, n, m: tf.scatter_nd([[0], [1]], x[:2] ** 2, [m, 4]),
    "top_k": lambda x, n, m: tf.math.top_k(x**2, n).values,
    "random": lambda x, n, m: tf.random.stateless_normal([n, m], [1, 2]) * x[0, 1],
    "a variable": lambda x, n, m: tf.ones([SIZE]) * x[0, 1],
}
SIZE = tf.Variable(5)


@pytest.mark.parametrize("name", SELECTIONS)
def test_results_whose_size_depends_on_values(name: str) -> None:
    agrees(SELECTIONS[name], X, N, M)


@pytest.mark.parametrize("name", SHAPES)
def test_sizes_that_come_as_tensors(name: str) -> None:
    agrees(SHAPES[name], X, N, M)


def test_one_trace_for_all_sizes() -> None:
    traces = []

    @tf.function(jit_compile=False)
    def f(x: Any, n: Any) -> Any:
        traces.append(n)
        return tf.reduce_sum(tf.boolean_mask(x, x > 1.0)) + tf.reduce_sum(tf.ones([n]))

    for values, n in (([0.0, 2.0], 1), ([3.0, 2.0], 4), ([0.0, 0.0], 0)):
        assert float(f(C(values), C(n))) == sum(v for v in values if v > 1.0) + n
    assert len(traces) == 1


def test_second_derivatives() -> None:
    def cubes(x: Any) -> Any:
        return tf.reduce_sum(tf.boolean_mask(x, x > 1.0) ** 3)

    f = tf.function(cubes, jit_compile=False)
    x = C([0.5, 2.0, 3.0])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = f(x)
        slope = inner.gradient(y, x)
    np.testing.assert_allclose(slope, [0.0, 12.0, 27.0])
    np.testing.assert_allclose(outer.gradient(slope, x), [0.0, 12.0, 18.0])
    with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
        y = f(x)
    assert float(accumulator.jvp(y)) == 39.0


def test_in_loops_and_branches() -> None:
    @tf.function(jit_compile=False)
    def f(n: Any) -> Any:
        total = 0.0
        for i in tf.range(n):
            total += tf.reduce_sum(tf.ones([i, 2]))
        if n > 2:
            total += tf.reduce_sum(tf.ones([n]))
        return total

    assert [float(f(C(n))) for n in (4, 2)] == [16.0, 2.0]


def test_in_a_graph_of_a_session() -> None:
    with tf.Graph().as_default() as graph:
        n = tf.compat.v1.placeholder(tf.int32, [])
        x = tf.compat.v1.placeholder(tf.float32, [None])
        flat = tf.reshape(tf.ones([n, 2]), [-1])
        mean = tf.reduce_mean(tf.boolean_mask(x, x > 0.0))
    with tf.compat.v1.Session(graph=graph) as session:
        assert session.run(flat, {n: 3}).shape == (6,)
        assert session.run(mean, {x: [-1.0, 2.0, 4.0]}) == 3.0
        handle = session.partial_run_setup([flat, mean], [n, x])
        assert session.partial_run(handle, flat, {n: 2}).shape == (4,)
        assert session.partial_run(handle, mean, {x: [-1.0, 2.0]}) == 2.0


# errors

BAD: dict[str, tuple[F, int]] = {
    "more than there is": (lambda x, n: tf.split(x, [n, -1])[0], 7),
    "too little in all": (lambda x, n: tf.split(x, [n, 4])[0], 1),
    "no divisor": (lambda x, n: tf.reshape(x, [n, -1]), 5),
    "a negative size": (lambda x, n: tf.ones([n]) * x[0, 0], -1),
    "another size": (lambda x, n: tf.ones([n]) + x[:, 0], 5),
    "no broadcast": (lambda x, n: tf.broadcast_to(x, [n, 4]), 5),
    "k too large": (lambda x, n: tf.math.top_k(x, n).values, 5),
    "a block outside": (lambda x, n: tf.slice(x, [n, 0], [5, 4]), 2),
}


@pytest.mark.parametrize("name", BAD)
def test_sizes_that_do_not_fit(name: str) -> None:
    f, n = BAD[name]
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.function(f, jit_compile=False)(X, C(n))


def test_the_number_of_results_must_be_known() -> None:
    f = tf.function(lambda x, n: tf.split(x, n), jit_compile=False)
    with pytest.raises(TypeError, match="not known"):
        f(X, N)


def test_a_batch_has_one_shape() -> None:
    batch = tf.function(lambda x: tf.vectorized_map(lambda row: row[row > 7.0], x))
    with pytest.raises(tf.errors.InvalidArgumentError, match="vectorized_map"):
        batch(X)


# NumPy runs what compiled code cannot


def test_a_kernel_for_numpy_alone() -> None:
    @tf.primitive(host=True, vjp=lambda ct, x: ct * tf.cos(x))
    def sine_of_numpy(xp: Any, x: Any) -> Any:
        assert isinstance(x, (np.ndarray, np.generic))
        return np.sin(x)

    f = tf.function(lambda x: 2.0 * sine_of_numpy(x), jit_compile=True)
    x = C(0.3)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    np.testing.assert_allclose(y, 2.0 * np.sin(0.3), rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(y, x), 2.0 * np.cos(0.3), rtol=1e-6)
