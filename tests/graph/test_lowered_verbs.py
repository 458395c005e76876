"""Verbs that are lowered by us for a CPU, against NumPy and against XLA's own."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import gradtape as tf
from gradtape.core.windows import Window, same_padding
from gradtape.core.xp_numpy import xp as xp_numpy
from gradtape.graph import (
    xp_jax_calls,
    xp_jax_convolution,
    xp_jax_ordering,
    xp_jax_pooling,
    xp_jax_products,
    xp_jax_random,
    xp_jax_scans,
    xp_jax_special,
)
from gradtape.graph.xp_jax import xp


@pytest.fixture(autouse=True)
def _nothing_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products and convolutions stay with XLA, as where the extension was not built."""
    monkeypatch.setattr(xp_jax_calls, "_at_hand", lambda name: False)


def rng(seed: int = 0) -> Any:
    return np.random.default_rng(seed)


def normal(*shape: int, dtype: Any = np.float32) -> Any:
    return rng(len(shape)).standard_normal(shape).astype(dtype)


# convolution


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small convolutions count as heavy."""
    monkeypatch.setattr(xp_jax_convolution, "HEAVY", 1)


def same(sizes: Any, size: Any, strides: Any = (1, 1), dilations: Any = (1, 1)) -> Any:
    return tuple(map(same_padding, sizes, size, strides, dilations))


ONES = (1, 1)
NONE = ((0, 0), (0, 0))
# the function that is chosen; x; w; strides, padding, dilations
CONVOLUTIONS: list[tuple[str | None, Any, Any, Any, Any, Any]] = [
    ("_point_by_point", (3, 5, 4, 6), (1, 1, 6, 7), ONES, NONE, ONES),
    ("_point_by_point", (3, 5, 6), (1, 6, 7), (1,), ((0, 0),), (1,)),
    ("_row_by_row", (1, 9, 9, 4), (9, 9, 4, 5), ONES, ((1, 1), (1, 1)), ONES),
    ("_row_by_row", (40, 6, 5, 3), (6, 5, 3, 2), ONES, NONE, ONES),
    ("_row_by_row", (2, 12, 11, 3), (5, 4, 3, 2), (2, 3), ((1, 0), (-1, 0)), (2, 3)),
    ("_row_by_row", (2, 4, 4, 4, 3), (4, 4, 4, 3, 2), (1, 1, 1), ((1, 0),) * 3, (1, 1, 1)),
    ("_in_slabs", (16, 12, 13, 3), (11, 11, 3, 5), ONES, ((1, 1), (1, 1)), ONES),
    ("_in_slabs", (16, 30, 21, 3), (13, 9, 3, 5), (2, 1), ((2, 1), (0, 3)), (2, 2)),
    ("_with_more_rows", (3, 8, 8, 16), (3, 3, 16, 5), ONES, same((8, 8), (3, 3)), ONES),
    ("_with_more_rows", (3, 26, 6, 16), (3, 3, 16, 5), (1, 2), ((0, 0), (1, 2)), ONES),
    ("_in_parts", (20, 8, 8, 3), (3, 3, 3, 5), ONES, same((8, 8), (3, 3)), ONES),
    ("_in_parts", (19, 9, 8, 16), (3, 3, 16, 5), (2, 2), same((9, 8), (3, 3), (2, 2)), ONES),
    (None, (3, 8, 8, 3), (3, 3, 3, 5), ONES, same((8, 8), (3, 3)), ONES),
    (None, (20, 5, 5, 5, 3), (2, 2, 2, 3, 4), (1, 1, 1), ((0, 0),) * 3, (1, 1, 1)),
    (None, (9, 3, 3, 2), (5, 5, 2, 4), ONES, NONE, ONES),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("row", CONVOLUTIONS, ids=lambda r: f"{r[0]} {r[1]}")
@pytest.mark.usefixtures("light")
def test_convolution(row: Any, dtype: str) -> None:
    name, x_shape, w_shape, strides, padding, dilations = row
    x, w = normal(*x_shape, dtype=dtype), normal(*w_shape, dtype=dtype)
    window = Window(w.shape[:-2], strides, dilations, padding)
    chosen = xp_jax_convolution._for_cpu(x, w, window)
    assert getattr(chosen, "__name__", None) == name
    geometry = strides, padding, dilations, (1,) * len(strides), 1
    found = np.asarray(xp.convolve(jnp.asarray(x), jnp.asarray(w), *geometry))
    wanted = xp_numpy.convolve(x, w, *geometry)
    assert found.dtype == wanted.dtype and found.shape == wanted.shape
    size = np.abs(wanted).max(initial=1)
    np.testing.assert_allclose(found / size, wanted / size, 0, 8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("apart", [(1, 1), (2, 3)])
@pytest.mark.parametrize("multiplier", [1, 2])
def test_one_filter_for_each_channel(multiplier: int, apart: Any) -> None:
    x, w = normal(2, 7, 6, 4), normal(3, 2, 1, 4 * multiplier)
    geometry = (2, 1), ((1, 2), (0, 1)), (1, 2), apart, 4
    found = np.asarray(xp.convolve(jnp.asarray(x), jnp.asarray(w), *geometry))
    np.testing.assert_allclose(found, xp_numpy.convolve(x, w, *geometry), 1e-5, 1e-5)


def test_what_is_light_is_left_to_the_library() -> None:
    window = Window((3, 3), ONES, ONES, ((1, 1), (1, 1)))
    w = np.zeros((3, 3, 32, 64), np.float32)
    assert xp_jax_convolution._for_cpu(np.zeros((2, 14, 14, 32)), w, window) is None
    assert xp_jax_convolution._for_cpu(np.zeros((64, 14, 14, 32)), w, window) is not None


def network(x: Any, filters: Any) -> Any:
    for w in filters:
        x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, w, 1, "SAME")), 3, 2, "SAME")
    return tf.reduce_sum(x * x)


@pytest.mark.usefixtures("light")
def test_a_network_has_the_same_derivatives_compiled() -> None:
    x = tf.constant(normal(9, 8, 8, 3, dtype=np.float64))
    filters = [tf.constant(normal(3, 3, *c, dtype=np.float64)) for c in ((3, 16), (16, 12))]

    def second(x: Any, filters: Any) -> Any:
        with tf.GradientTape() as outer:
            outer.watch(filters)
            with tf.GradientTape() as tape:
                tape.watch([x, *filters])
                value = network(x, filters)
            first = tape.gradient(value, [x, *filters])
            size = tf.add_n([tf.reduce_sum(g * g) for g in first])
        return [value, *first, *outer.gradient(size, filters)]

    compiled = tf.function(second, jit_compile=True)(x, filters)
    for found, wanted in zip(compiled, second(x, filters), strict=True):
        scale = np.abs(wanted.numpy()).max()
        np.testing.assert_allclose(found.numpy() / scale, wanted.numpy() / scale, 0, 1e-11)


# pooling


@pytest.mark.parametrize(
    "window",
    [
        Window((3, 3), (2, 2), (1, 1), ((0, 1), (0, 1))),
        Window((3, 2), (1, 2), (2, 3), ((1, 1), (1, 2))),
        Window((7,), (3,), (1,), ((3, 3),)),
        Window((2, 2, 2), (2, 1, 1), (1, 1, 2), ((0, 0), (0, 1), (1, 1))),
    ],
    ids=str,
)
def test_winners_in_a_loop(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    x = rng().integers(-3, 3, (3, *(9, 8, 7)[: len(window.size)], 2)).astype(np.float32)
    x[0].flat[::7] = np.nan
    x[1] = -np.inf
    x[2].flat[::5] = np.inf
    out = xp_numpy.pool_max(x, window)
    wanted = xp_numpy.pool_winner(x, out, window)
    made = jax.make_jaxpr(lambda x, o: xp.pool_winner(x, o, window))(x, out)
    assert any(e.primitive.name in ("while", "scan") for e in made.eqns)
    np.testing.assert_array_equal(xp.pool_winner(x, out, window), wanted)
    monkeypatch.setattr(xp_jax_pooling, "on_cpu", lambda: False)
    np.testing.assert_array_equal(xp.pool_winner(x, out, window), wanted)


@pytest.mark.parametrize("padding", [((0, 0), (0, 0)), ((1, 0), (0, 2)), ((-1, 1), (2, -2))])
@pytest.mark.parametrize("size", [(2, 2), (3, 1), (4, 5)])
def test_cotangents_of_windows_that_touch(size: Any, padding: Any) -> None:
    window = Window(size, size, (1, 1), padding)
    x = rng(11).integers(-3, 3, (3, 13, 14, 2)).astype(np.float32)
    out = xp_numpy.pool_max(x, window)
    winner = xp_numpy.pool_winner(x, out, window)
    ct = rng(12).integers(1, 9, out.shape).astype(np.float32)
    wanted = xp_numpy.pool_scatter(ct, winner, window, (13, 14))
    found = xp.pool_scatter(jnp.asarray(ct), jnp.asarray(winner), window, (13, 14))
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("size", [(2, 2), (3, 1), (9, 9)])
def test_a_maximum_of_windows_that_touch_keeps_what_is_not_a_number(size: Any) -> None:
    x = normal(8, 27, 29, 32)
    x[:, ::7, ::5] = np.nan
    x[0] = -np.inf
    for padding in (((0, 0), (0, 0)), ((1, 0), (0, 1))):
        window = Window(size, size, (1, 1), padding)
        found = jax.jit(lambda x, w=window: xp.pool_max(x, w))(x)
        np.testing.assert_array_equal(found, xp_numpy.pool_max(x, window))


@pytest.mark.parametrize("axis", [None, 0, (1,), (0, 1)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32"])
def test_an_extreme_keeps_what_is_not_a_number(dtype: str, axis: Any) -> None:
    x = (100 * normal(130, 140)).astype(dtype)
    if dtype != "int32":
        x[3], x[5, 7], x[:, 9], x[20:, 11] = np.nan, np.nan, np.inf, -np.inf
    for name in ("max", "min"):
        for keepdims in (False, True):
            run = partial(getattr(xp, name), axis=axis, keepdims=keepdims)
            found = jax.jit(run)(x)
            wanted = getattr(np, name)(x, axis=axis, keepdims=keepdims)
            np.testing.assert_array_equal(found, wanted)
            assert found.dtype == dtype
    if dtype.startswith("f"):
        x[:] = np.finfo(dtype).max  # whose sum is infinite
        x[:, ::2] = -np.inf
        np.testing.assert_array_equal(jax.jit(partial(xp.max, axis=axis))(x), np.max(x, axis=axis))
    x[:] = np.arange(140)
    reduced = tf.function(lambda x: tf.reduce_max(x, axis), jit_compile=True)(tf.constant(x))
    np.testing.assert_array_equal(reduced.numpy(), x.max(axis=axis))


# order


FLOATS = ["float16", "bfloat16", "float32", "float64"]
DTYPES = [*FLOATS, "int8", "uint8", "int32", "uint32", "int64", "bool"]


def ties(dtype: str, *shape: int) -> Any:
    """Numbers with many ties; of floats also zeros of both signs, infinities and NaNs."""
    found = rng(1).integers(0, 2 if dtype == "bool" else 9, shape)
    if dtype.startswith("int"):
        found = found - 4
    found = found.astype(getattr(ml_dtypes, dtype, dtype))
    if "float" in dtype:
        flat = found.reshape(-1)
        flat[::5], flat[1::17], flat[2::19], flat[3::23] = -0.0, np.nan, np.inf, -np.inf
    return found


def comparable(x: Any) -> Any:
    """bfloat16 as float32: NumPy does not know where its NaNs belong."""
    return x.astype(np.float32) if x.dtype == ml_dtypes.bfloat16 else x


@pytest.mark.parametrize("axis, descending", [(0, False), (-1, True)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_order(dtype: str, axis: int, descending: bool) -> None:
    x = ties(dtype, 40, 30)
    found = xp.order(jnp.asarray(x), axis, descending)
    np.testing.assert_array_equal(found, xp_numpy.order(comparable(x), axis, descending))
    assert found.dtype == np.int64


@pytest.mark.parametrize("dtype", DTYPES)
def test_top_indices(dtype: str) -> None:
    x = ties(dtype, 3, 4, 30)
    found = xp.top_indices(jnp.asarray(x), 7)
    np.testing.assert_array_equal(found, xp_numpy.order(comparable(x), -1, True)[..., :7])
    assert found.dtype == np.int64
    assert xp.top_indices(jnp.zeros((0, 5), np.float32), 2).shape == (0, 2)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "uint32", "uint64", "int64", "float64"])
def test_order_by_all_bits(dtype: str, descending: bool) -> None:
    halves = rng(7).integers(0, 2**32, (300, 2), np.uint32)
    halves[:100, 0], halves[100:200, 1] = 5, 2**30 + 7  # equal lower halves, and equal upper ones
    x = halves.view(np.uint64)[:, 0].copy().view(dtype)
    wanted = xp_numpy.order(x, 0, descending)
    np.testing.assert_array_equal(xp.order(jnp.asarray(x), 0, descending), wanted)


def test_signs_of_nan_do_not_matter() -> None:
    x = np.array([1, -np.nan, 3, np.nan, -np.inf], np.float32)
    x[1] = np.copysign(x[1], -1)
    assert xp.order(jnp.asarray(x), 0, False).tolist() == [4, 0, 2, 1, 3]
    assert xp.top_indices(jnp.asarray(x), 3).tolist() == [1, 3, 2]


@pytest.mark.parametrize("shape, axis", [((100, 70), 0), ((100, 70), 1), ((70,), -1), ((5, 6), 1)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_first_extremes(dtype: str, shape: Any, axis: int) -> None:
    for special in (0.0, np.nan, np.inf, -np.inf):
        x = rng(2).integers(-9, 9, shape).astype(dtype)
        if dtype != "int32":
            x.reshape(-1)[::29] = special
        for name in ("argmax", "argmin"):
            found = getattr(xp, name)(jnp.asarray(x), axis=axis)
            np.testing.assert_array_equal(found, getattr(np, name)(x, axis=axis))
            assert found.dtype == np.int64
    assert np.asarray(xp.argmax(jnp.full((3, 80), -np.inf, np.float32), axis=1)).tolist() == [0] * 3


@pytest.mark.parametrize("name", ["order", "top_indices", "argmax"])
def test_other_platforms_keep_the_order_of_the_library(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xp_jax_ordering, "on_cpu", lambda: False)
    x = ties("float32", 5, 80)
    if name == "argmax":
        np.testing.assert_array_equal(xp.argmax(x, axis=1), np.argmax(x, axis=1))
        return
    found = xp.order(x, 1, True) if name == "order" else xp.top_indices(x, 80)
    np.testing.assert_array_equal(found, xp_numpy.order(x, 1, True))


# scans


SCANS = {"scan_sum": 2e-6, "scan_product": 3e-5, "scan_logsumexp": 2e-6}


@pytest.mark.parametrize("shape, axis", [((100, 200), 0), ((100, 200), 1), ((20011,), -1)])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", SCANS)
def test_scans_in_blocks(name: str, reverse: bool, shape: Any, axis: int) -> None:
    x = rng(3).uniform(0.9, 1.1, shape).astype(np.float32)
    found = getattr(xp, name)(jnp.asarray(x), axis, reverse)
    wanted = getattr(xp_numpy, name)(x.astype(np.float64), axis, reverse)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, SCANS[name])


@pytest.mark.parametrize("dtype", ["int32", "float16", "float64", "complex64"])
def test_scans_of_other_dtypes(dtype: str) -> None:
    x = rng(4).integers(-3, 4, (130, 140)).astype(dtype)
    for reverse in (False, True):
        found = xp.scan_sum(jnp.asarray(x), 0, reverse)
        np.testing.assert_allclose(found, xp_numpy.scan_sum(x, 0, reverse), 1e-3)
        assert found.dtype == dtype


def test_running_logsumexp_of_infinities() -> None:
    x = np.full((200, 100), -np.inf, np.float32)
    x[50:, 1], x[60, 2], x[70, 3], x[:, 4] = 2.0, np.inf, np.nan, 200.0
    found = xp.scan_logsumexp(jnp.asarray(x), 0, False)
    with np.errstate(invalid="ignore"):
        wanted = np.logaddexp.accumulate(x, 0)
    np.testing.assert_allclose(found, wanted, 1e-5)


@pytest.mark.parametrize("reverse", [False, True])
def test_recurrence_in_blocks(reverse: bool) -> None:
    a, b = rng(5).uniform(-1, 1, (2, 150, 130)).astype(np.float32)
    found = xp.linear_recurrence(jnp.asarray(a), jnp.asarray(b), 0, reverse)
    wanted = xp_numpy.linear_recurrence(a.astype(np.float64), b.astype(np.float64), 0, reverse)
    np.testing.assert_allclose(found, wanted, 1e-5, 1e-5)


def test_short_and_small_arrays_are_scanned_by_the_library() -> None:
    axis_long, axis_short = np.zeros((64, 256), np.float32), np.zeros((63, 1000), np.float32)
    assert xp_jax_scans._in_blocks(axis_long, 0)
    assert not xp_jax_scans._in_blocks(axis_short, 0)
    assert not xp_jax_scans._in_blocks(np.zeros((64, 10), np.float32), 0)


# places, stacks of matrices, random words


KEYS = [
    (slice(1, 7, 2), slice(None, None, -1)),
    (slice(8, 1, -3),),
    (2, slice(0, 5)),
    (-1, -2),
    (slice(5, 2), slice(None)),
    (slice(None), slice(-3, None)),
    (),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_put_slice(key: Any) -> None:
    x = np.asarray(normal(9, 6)[key])
    found = xp.put_slice(jnp.asarray(x), key, (9, 6))
    np.testing.assert_array_equal(found, xp_numpy.put_slice(x, key, (9, 6)))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "int32", "float16"])
@pytest.mark.parametrize(
    "lead", [((20,), (20,)), ((4, 1, 3), (5, 3)), ((1, 40), (2, 1)), ((2,), (2,))]
)
def test_stacks_of_tiny_matrices(lead: Any, dtype: str) -> None:
    a, b = normal(*lead[0], 3, 5, dtype=dtype), normal(*lead[1], 5, 8, dtype=dtype)
    if dtype == "int32":
        a, b = a * 3, b * 3
    found = xp.matmul(jnp.asarray(a), jnp.asarray(b))
    assert found.dtype == dtype
    np.testing.assert_allclose(
        np.asarray(found, "c16"),
        a.astype("c16") @ b.astype("c16"),
        2e-3 if dtype == "float16" else 1e-5,
        1e-2 if dtype == "float16" else 1e-5,
    )


def test_other_platforms_keep_the_product_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def operations() -> str:
        return str(jax.make_jaxpr(lambda a: xp.matmul(a, a))(np.ones((20, 4, 4))))

    assert "dot_general" not in operations()
    monkeypatch.setattr(xp_jax_products, "on_cpu", lambda: False)
    assert "dot_general" in operations()


SERIES = {"gammainc": 2, "gammaincc": 2, "betainc": 3}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SERIES)
def test_series_are_scipys(name: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = rng(8).uniform(0.1, 0.9, (3, 40, 30)).astype(dtype)[: SERIES[name]]
    columns = [columns[0][:1], *columns[1:]]
    run = lambda: jax.jit(lambda *a: getattr(xp.special, name)(*a))(*columns)
    found, wanted = run(), getattr(xp_numpy.special, name)(*columns)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, wanted)
    monkeypatch.setattr(xp_jax_special, "on_cpu", lambda: False)
    np.testing.assert_allclose(run(), wanted, 1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_quadrature(dtype: str) -> None:
    x = rng(13).uniform(0, 1, (5, 7)).astype(dtype)
    nodes, weights = np.polynomial.legendre.leggauss(12)
    found = jax.jit(lambda x: xp.quadrature(lambda t: xp.exp(t * x), nodes, weights))(x)
    assert found.dtype == dtype
    wide = x.astype(np.float64)
    np.testing.assert_allclose(
        found, 2 * np.sinh(wide) / wide, 2e-6 if dtype == "float32" else 1e-13
    )


def test_the_inverse_of_a_series(monkeypatch: pytest.MonkeyPatch) -> None:
    a, p = rng(9).uniform(0.1, 5, 50), rng(10).uniform(0, 1, 50)
    wanted = xp_numpy.gammaincinv(a, p)
    np.testing.assert_array_equal(xp.gammaincinv(jnp.asarray(a), jnp.asarray(p)), wanted)
    monkeypatch.setattr(xp_jax_random, "on_cpu", lambda: False)
    np.testing.assert_allclose(xp.gammaincinv(jnp.asarray(a), jnp.asarray(p)), wanted, 1e-8)


def test_random_words_are_numpys() -> None:
    keys = np.array([[1, 2], [2**64 - 1, 2**63 + 12345]], np.uint64)
    found = jax.jit(lambda k: xp.random_bits(k, 1003))(keys)
    np.testing.assert_array_equal(found, xp_numpy.random_bits(keys, 1003))


# indices that are known

KNOWN = [[0], [1, 2], [0, 1, 2, 3], [3, 2, 1], [0, 2], [2, 3, 4], [1, 1], [-1, 0], []]


@pytest.mark.parametrize("places", KNOWN, ids=str)
@pytest.mark.parametrize("verb", ["take", "sum_rows", "put_rows"])
def test_known_indices_are_as_those_that_come_later(verb: str, places: list[int]) -> None:
    x, values, at = normal(4, 3), normal(len(places), 3), np.array(places, np.int64)
    calls = {
        "take": lambda at: xp.take(x, xp.checked(at, 4), 0),
        "sum_rows": lambda at: xp.sum_rows(values, at, 4),
        "put_rows": lambda at: xp.put_rows(x, at, values),
    }
    have = jax.jit(lambda: calls[verb](at))()
    np.testing.assert_array_equal(have, jax.jit(calls[verb])(at))
    if all([0 <= i < 4 for i in places]) and verb != "take":
        wanted = (
            xp_numpy.sum_rows(values, at, 4)
            if verb == "sum_rows"
            else xp_numpy.put_rows(x, at, values)
        )
        np.testing.assert_array_equal(have, wanted)


def test_known_indices_that_follow_each_other_need_no_gather() -> None:
    x, at = normal(9, 3), np.arange(2, 8)
    for function in (
        lambda x: xp.take(x, at, 0),
        lambda x: xp.sum_rows(x[:6], at, 9),
        lambda x: xp.put_rows(x, at, x[:6] * 2),
    ):
        text = jax.jit(function).lower(x).as_text()
        assert "gather" not in text and "scatter" not in text
