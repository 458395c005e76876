"""Forward mode by kinds of values: dtypes, parts that do not move, and points where slopes are
infinite or do not exist."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import gradtape as tf

Accumulator = tf.autodiff.ForwardAccumulator
C = tf.constant
TIMES = 3  # at the third meeting rules are straight-line code


def push(f: Any, x: Any, t: Any, **how: Any) -> Any:
    """The tangent of f(x); f ran often enough for every short cut."""
    found = None
    for _ in range(TIMES):
        with Accumulator(x, t) as acc:
            y = f(x)
        found = acc.jvp(y, **how)
    return found


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float32, tf.float64])
def test_dtypes_are_kept(dtype: Any) -> None:
    x = C([0.5, 2.0], dtype)
    found = push(lambda x: tf.exp(x) * x + tf.reduce_sum(x), x, tf.ones_like(x))
    assert found.dtype == dtype
    wanted = np.exp([0.5, 2.0]) * np.array([1.5, 3.0]) + 2
    np.testing.assert_allclose(tf.cast(found, tf.float64), wanted, rtol=2e-2)


def test_casts() -> None:
    x = C([1.5, 2.5])
    t = C([1.0, -1.0])
    found = push(lambda x: tf.cast(x, tf.float64) ** 2, x, t)
    assert found.dtype == tf.float64
    np.testing.assert_allclose(found, [3.0, -5.0])
    assert push(lambda x: tf.cast(x, tf.int32), x, t) is None
    np.testing.assert_allclose(push(lambda x: tf.complex(x, 2.0 * x), x, t), [1 + 2j, -1 - 2j])


def test_complex_numbers() -> None:
    z, t = C(3 + 4j), C(1j)
    assert complex(push(lambda z: z * z * z, z, t)) == 3j * (3 + 4j) ** 2
    assert complex(push(tf.math.conj, z, t)) == -1j
    assert float(push(tf.math.real, z, t)) == 0.0
    assert float(push(tf.math.imag, z, t)) == 1.0
    assert float(push(tf.abs, z, t)) == pytest.approx(4 / 5)
    assert float(push(tf.abs, C(-3.0, tf.float64), C(1.0, tf.float64))) == -1.0
    with Accumulator(z, t) as acc:  # one primitive, from complex and from real to real
        y = [tf.abs(z), tf.abs(C(2.0, tf.float64))]
    assert acc.jvp(y)[1] is None


def test_parts_that_do_not_move() -> None:
    x, t = C([1.0, 3.0, 2.0]), C([1.0, 10.0, 100.0])
    values, indices = push(lambda x: tuple(tf.math.top_k(x, 2)), x, t)
    assert values.numpy().tolist() == [10.0, 100.0]
    assert indices is None
    assert push(tf.sort, x, t).numpy().tolist() == [1.0, 100.0, 10.0]
    assert push(tf.argsort, x, t) is None
    unique, places = push(lambda x: tuple(tf.unique(x)), x, t)
    assert unique.numpy().tolist() == [1.0, 10.0, 100.0]
    assert places is None
    assert push(lambda x: tf.boolean_mask(x, x > 1.5), x, t).numpy().tolist() == [10.0, 100.0]
    zero = push(tf.argmax, x, t, unconnected_gradients="zero")
    assert (zero.dtype, int(zero)) == (tf.int64, 0)


def test_steps_have_the_tangent_zero_where_it_is_asked_for() -> None:
    x, t = C([1.0, -3.0]), C([1.0, 10.0])
    for f in (tf.sign, tf.round, tf.floor, tf.stop_gradient):
        zero = push(f, x, t, unconnected_gradients="zero")
        assert zero.numpy().tolist() == [0.0, 0.0]


def test_rows_of_a_variable() -> None:
    table = tf.Variable(np.arange(6.0).reshape(3, 2))
    t = C([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], tf.float64)
    found = push(lambda v: tf.gather(v, [2, 0, 2]) * tf.nn.embedding_lookup(v, [0, 1, 1]), table, t)
    v, d, a, b = table.numpy(), t.numpy(), [2, 0, 2], [0, 1, 1]
    np.testing.assert_allclose(found, v[a] * d[b] + d[a] * v[b])


def test_slices_as_primals_of_a_function() -> None:
    values = C([[1.0, 2.0], [3.0, 4.0]])
    with Accumulator(values, 2.0 * tf.ones_like(values)) as acc:
        slices = tf.IndexedSlices(values * values, C([0, 2]), C([3, 2]))
    found = acc.jvp(slices)
    assert isinstance(found, tf.IndexedSlices)
    np.testing.assert_array_equal(found.values, [[4.0, 8.0], [12.0, 16.0]])


# where slopes are infinite


SINGULAR = [
    ("sqrt", tf.sqrt, 0.25),
    ("log", tf.math.log, 0.25),
    ("reciprocal", tf.math.reciprocal, -1 / 16),
    ("quotient", lambda x: 1.0 / x, -1 / 16),
    ("rsqrt", tf.math.rsqrt, -1 / 16),
    ("power", lambda x: x**0.5, 0.25),
    ("entropy", lambda x: x * tf.math.log(x), 1 + np.log(4.0)),
    ("chain", lambda x: tf.sqrt(x) * tf.math.log(x), np.log(4.0) / 4 + 0.5),
    ("acosh", lambda x: tf.math.acosh(x + 1.0), 1 / np.sqrt(24.0)),
]


@pytest.mark.parametrize("f, slope", [s[1:] for s in SINGULAR], ids=[s[0] for s in SINGULAR])
def test_a_zero_tangent_stays_zero_through_a_singular_point(f: Any, slope: float) -> None:
    x = C([0.0, 4.0], tf.float64)
    t = C([0.0, 1.0], tf.float64)
    for g in (f, tf.function(f)):
        found = push(g, x, t)
        assert float(found[0]) == 0.0
        assert float(found[1]) == pytest.approx(slope)


def test_a_masked_singular_point_is_finite() -> None:
    x = C([0.0, 4.0])
    masked = {
        "where": lambda x: tf.where(x > 0.0, tf.sqrt(x), tf.zeros_like(x)),
        "twice": lambda x: tf.where(x > 0.0, tf.sqrt(tf.where(x > 0.0, x, 1.0)), 0.0),
        "chained": lambda x: tf.exp(tf.where(x > 0.0, tf.sqrt(x), 0.0)) - 1.0,
    }
    slopes = {"where": 0.25, "twice": 0.25, "chained": np.exp(2.0) / 4}
    for name, f in masked.items():
        for g in (f, tf.function(f)):
            found = push(g, x, tf.ones_like(x))
            np.testing.assert_allclose(found, [0.0, slopes[name]], rtol=1e-6)


def test_infinite_slopes_are_seen() -> None:
    x = C([0.0, 4.0])
    assert push(tf.sqrt, x, tf.ones_like(x)).numpy().tolist() == [np.inf, 0.25]
    assert push(lambda x: 1.0 / x, x, tf.ones_like(x)).numpy().tolist() == [-np.inf, -1 / 16]


def test_values_that_are_no_numbers_are_values_as_ever_and_nobody_warns() -> None:
    x = C([-1.0, 0.0, 4.0])
    f = lambda x: tf.math.log(tf.sqrt(x)) * 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(TIMES):
            with Accumulator(x, C([0.0, 0.0, 1.0])) as acc:
                y = f(x)
            np.testing.assert_array_equal(y, f(x))
            np.testing.assert_allclose(acc.jvp(y), [0.0, 0.0, 1 / 16])
            assert np.geterr()["invalid"] == "warn"  # as it was
