"""Random numbers: distributions, seeds, reparameterised derivatives, generators, dropout, refusals."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from scipy import stats

import gradtape as tf

N = 20_000


def same(a: tf.Tensor, b: tf.Tensor) -> bool:
    return bool(np.array_equal(a.numpy(), b.numpy()))


@pytest.mark.parametrize(
    ("draw", "distribution"),
    [
        (lambda: tf.random.normal([N], 1.0, 2.0, tf.float64), stats.norm(1, 2)),
        (lambda: tf.random.uniform([N], -1.0, 3.0, tf.float64), stats.uniform(-1, 4)),
        (lambda: tf.random.truncated_normal([N], 1.0, 2.0, tf.float64), stats.truncnorm(-2, 2, 1, 2)),
        (lambda: tf.random.gamma([N], 0.3, 2.0, tf.float64), stats.gamma(0.3, scale=0.5)),
        (lambda: tf.random.gamma([N], 40.0, dtype=tf.float64), stats.gamma(40.0)),
        (lambda: tf.random.beta([N], 2.0, 0.5, tf.float64), stats.beta(2.0, 0.5)),
        (lambda: tf.random.dirichlet([N], [1.0, 2.0], tf.float64)[:, 0], stats.beta(1.0, 2.0)),
        (
            lambda: tf.random.stateless_parameterized_truncated_normal(
                [N], [3, 4], tf.constant(1.0, tf.float64), 2.0, 2.0, 5.0
            ),
            stats.truncnorm(0.5, 2, 1, 2),
        ),
    ],
)  # fmt: skip
def test_numbers_follow_their_distribution(draw: object, distribution: object) -> None:
    tf.random.set_seed(7)
    numbers = draw().numpy()  # type: ignore[operator]
    assert stats.kstest(numbers, distribution.cdf).pvalue > 1e-3  # type: ignore[attr-defined]


def test_discrete_numbers_follow_their_distribution() -> None:
    tf.random.set_seed(7)
    poisson = tf.random.poisson([N], 4.0).numpy()
    assert abs(poisson.mean() - 4) < 0.1
    assert abs(poisson.var() - 4) < 0.2
    classes = tf.random.categorical(tf.math.log([[0.1, 0.2, 0.7]]), N).numpy()
    np.testing.assert_allclose(np.bincount(classes[0]) / N, [0.1, 0.2, 0.7], atol=0.02)
    whole = tf.random.uniform([N], -3, 4, tf.int32).numpy()
    np.testing.assert_allclose(np.bincount(whole + 3) / N, np.full(7, 1 / 7), atol=0.02)
    counts = tf.random.stateless_binomial([N], [1, 2], 10.0, 0.3).numpy()
    assert abs(counts.mean() - 3) < 0.1


def test_set_seed_repeats_the_program() -> None:
    def program() -> list[np.ndarray]:
        return [
            tf.random.normal([3]).numpy(),
            tf.random.uniform([3], seed=5).numpy(),
            tf.random.gamma([3], 2.0).numpy(),
        ]

    tf.random.set_seed(1)
    first = program()
    tf.random.set_seed(1)
    again = program()
    tf.random.set_seed(2)
    other = program()
    for a, b, c in zip(first, again, other, strict=True):
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)


def test_draws_differ_from_each_other() -> None:
    tf.random.set_seed(1)
    assert not same(tf.random.normal([3]), tf.random.normal([3]))
    assert not same(tf.random.normal([3], seed=1), tf.random.normal([3], seed=1))
    assert not same(tf.random.normal([3], seed=1), tf.random.normal([3], seed=2))


def test_stateless_numbers_are_functions_of_their_seed() -> None:
    assert same(tf.random.stateless_normal([3], [1, 2]), tf.random.stateless_normal([3], [1, 2]))
    assert not same(
        tf.random.stateless_normal([3], [1, 2]), tf.random.stateless_normal([3], [2, 1])
    )
    seeds = tf.random.split([1, 2], 3)
    assert len({tuple(s) for s in seeds.numpy().tolist()}) == 3
    assert not same(tf.random.fold_in([1, 2], 1), tf.random.fold_in([1, 2], 2))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_every_floating_dtype(dtype: str) -> None:
    for draw in (
        tf.random.stateless_normal, tf.random.stateless_uniform, tf.random.stateless_truncated_normal,
    ):  # fmt: skip
        assert draw([5], [1, 2], dtype=dtype).dtype == dtype
    units = tf.random.stateless_uniform([5000], [1, 2], dtype=dtype).numpy().astype(np.float64)
    assert 0 <= units.min() < 0.1
    assert 0.9 < units.max() < 1
    assert tf.random.stateless_uniform([2], [1, 2], None, None, tf.uint64).dtype == tf.uint64


def gradient(f: object, x: float) -> float:
    v = tf.constant(x, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(v)
        y = tf.reduce_sum(f(v))  # type: ignore[operator]
    return float(tape.gradient(y, v))


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda v: tf.random.stateless_normal([5], [1, 2], mean=v, dtype=tf.float64), 0.5),
        (lambda v: tf.random.stateless_normal([5], [1, 2], stddev=v, dtype=tf.float64), 0.5),
        (lambda v: tf.random.stateless_uniform([5], [1, 2], maxval=v, dtype=tf.float64), 2.0),
        (lambda v: tf.random.stateless_gamma([5], [1, 2], v, dtype=tf.float64), 0.7),
        (lambda v: tf.random.stateless_gamma([5], [1, 2], 2.0, v, dtype=tf.float64), 0.7),
        (lambda v: tf.random.stateless_truncated_normal([5], [1, 2], stddev=v, dtype=tf.float64), 0.7),
        (lambda v: tf.random.stateless_parameterized_truncated_normal([5], [1, 2], v, 1.0, -1.0, 2.0), 0.7),
        (lambda v: tf.random.stateless_parameterized_truncated_normal([5], [1, 2], v * 0, 1.0, -1.0, v), 0.7),
    ],
)  # fmt: skip
def test_reparameterised_derivatives(f: object, x: float) -> None:
    step = 1e-5
    with_step = [float(tf.reduce_sum(f(tf.constant(x + s, tf.float64)))) for s in (step, -step)]  # type: ignore[operator]
    assert gradient(f, x) == pytest.approx((with_step[0] - with_step[1]) / (2 * step), rel=1e-6)


def test_beta_and_dirichlet_move_with_their_parameters() -> None:
    def beta(v: tf.Tensor) -> tf.Tensor:
        tf.random.set_seed(3)
        return tf.random.beta([4000], v, 1.5, tf.float64)

    def dirichlet(v: tf.Tensor) -> tf.Tensor:
        tf.random.set_seed(3)
        return tf.random.dirichlet([4000], tf.stack([v, tf.ones_like(v)]), tf.float64)[:, 0]

    for f, rest in ((beta, 1.5), (dirichlet, 1.0)):  # the mean is a / (a + rest)
        assert gradient(f, 2.0) / 4000 == pytest.approx(rest / (2 + rest) ** 2, rel=0.1)


def test_generators() -> None:
    g, h = tf.random.Generator.from_seed(1), tf.random.Generator.from_seed(1)
    assert same(g.normal([3]), h.normal([3]))
    assert not same(g.normal([3]), g.normal([3]))
    state = g.state.numpy()
    a = g.uniform([3])
    g.reset(state)
    assert same(a, g.uniform([3]))
    copy = tf.random.Generator(copy_from=g)
    assert same(copy.truncated_normal([2]), g.truncated_normal([2]))
    assert g.uniform_full_int([2]).dtype == tf.uint64
    assert g.binomial([4], 3.0, 0.5).dtype == tf.int32
    assert g.make_seeds(2).shape == (2, 2)
    one, two = g.split(2)
    assert not same(one.normal([3]), two.normal([3]))
    g.reset_from_seed(1)
    h.reset_from_seed(1)
    g.skip(2**64)
    assert not same(g.normal([2]), h.normal([2]))
    g.reset_from_key_counter(5, [1, 2])
    assert g.state.numpy().tolist() == [1, 2, 5]
    assert int(g.key) == 5
    with pytest.raises(ValueError, match="from_seed"):
        tf.random.Generator()
    with pytest.raises(tf.errors.InvalidArgumentError, match="create_rng_state"):
        g.reset(np.zeros(2, np.int64))


def test_threads_have_states_of_their_own() -> None:
    tf.random.set_seed(1)
    expected = tf.random.normal([3]).numpy()
    tf.random.set_seed(1)
    worker = threading.Thread(target=lambda: tf.random.normal([3]))
    worker.start()
    worker.join()
    assert np.array_equal(tf.random.normal([3]).numpy(), expected)


def test_shuffle_is_differentiable() -> None:
    x = tf.Variable([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.random.shuffle(x) * [1.0, 10.0, 100.0])
    assert sorted(tf.convert_to_tensor(tape.gradient(y, x)).numpy().tolist()) == [1, 10, 100]


def test_dropout() -> None:
    tf.random.set_seed(1)
    x = tf.Variable(tf.ones([1000]))
    with tf.GradientTape() as tape:
        y = tf.nn.dropout(x, 0.25)
    values = y.numpy()
    assert set(np.round(values, 5)) == {0.0, np.float32(1.33333)}
    assert abs(values.mean() - 1) < 0.1
    assert same(tape.gradient(y, x), y)
    assert tf.nn.dropout(x, 0.0).numpy().min() == 1
    shared = tf.nn.dropout(tf.ones([4, 50]), 0.5, noise_shape=[1, None]).numpy()
    assert (shared == shared[0]).all()
    a = tf.nn.experimental.stateless_dropout(tf.ones([9]), 0.5, seed=[1, 2])
    assert same(a, tf.nn.experimental.stateless_dropout(tf.ones([9]), 0.5, seed=[1, 2]))


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda: tf.random.normal([-1]), ValueError, "negative size"),
        (lambda: tf.random.normal([2**40, 2**40]), MemoryError, "does not fit"),
        (lambda: tf.random.normal([2], dtype=tf.int32), ValueError, "floating"),
        (lambda: tf.random.normal([2], seed="a"), TypeError, "integer"),
        (lambda: tf.random.set_seed("a"), TypeError, "."),
        (lambda: tf.random.uniform([2], 5, 5, tf.int32), ValueError, "minval < maxval"),
        (lambda: tf.random.uniform([2], 1, None, tf.int32), ValueError, "maxval"),
        (lambda: tf.random.stateless_normal([2], seed=[1]), ValueError, r"seed=\[1, 2\]"),
        (lambda: tf.random.stateless_normal([2], seed=[1.0, 2.0]), ValueError, "two integers"),
        (lambda: tf.random.categorical([0.1], 2), ValueError, "matrix"),
        (lambda: tf.random.dirichlet([], 1.0), ValueError, "vector"),
        (lambda: tf.nn.dropout([1.0], 1.0), ValueError, r"\[0, 1\)"),
        (lambda: tf.nn.dropout([1], 0.5), ValueError, "floating"),
        (lambda: tf.nn.dropout([1.0, 2.0], 0.5, noise_shape=[3]), ValueError, "noise_shape"),
        (lambda: tf.random.normal([2], stddev=tf.constant(1.0, tf.float64)), ValueError, "tf.cast"),
    ],
)  # fmt: skip
def test_refusals(act: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        act()  # type: ignore[operator]


def test_scalars_and_whole_ranges() -> None:
    assert tf.random.normal([]).shape == tf.random.uniform([], dtype=tf.float64).shape == ()
    with pytest.raises(ValueError, match="Must specify maxval for integer dtype int32"):
        tf.random.uniform([3], dtype=tf.int32)
    whole = tf.random.stateless_uniform([100], [1, 2], minval=None, dtype=tf.int32)
    assert np.ptp(whole.numpy().astype(np.float64)) > 2**31
