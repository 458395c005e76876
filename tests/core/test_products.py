"""Convolutions by the extension: equal to sums over the taps of the window, however they are cut."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.core import products as extension
from gradtape.core import xp_numpy_convolution
from gradtape.core.products import geometry, products, run
from gradtape.core.windows import Window, spread

pytestmark = pytest.mark.skipif(products is None, reason="the extension was not built here")
FLOATS = [np.float32, np.float64]
RANDOM = np.random.default_rng(0)

# images, size, channels, filters, window
CASES = {
    "plain": ((5, 9, 8, 3, 16), Window((3, 3), (1, 1), (1, 1), ((0, 0), (0, 0)))),
    "padded": ((4, 7, 9, 8, 24), Window((3, 2), (1, 1), (1, 1), ((1, 1), (0, 1)))),
    "strides": ((3, 13, 11, 5, 7), Window((3, 2), (2, 3), (1, 1), ((1, 0), (0, 1)))),
    "dilated": ((3, 13, 11, 5, 33), Window((3, 2), (1, 2), (2, 3), ((2, 1), (0, 2)))),
    "cut": ((3, 13, 11, 13, 40), Window((3, 2), (1, 1), (1, 1), ((-1, 0), (2, -1)))),
    "far outside": ((1, 3, 3, 8, 16), Window((3, 3), (1, 1), (1, 1), ((5, 4), (3, 6)))),
    "one place": ((6, 4, 5, 3, 10), Window((4, 5), (1, 1), (1, 1), ((0, 0), (0, 0)))),
    "points": ((2, 6, 31, 17, 64), Window((1, 1), (1, 1), (1, 1), ((0, 0), (0, 0)))),
    "one channel": ((2, 12, 12, 1, 32), Window((5, 5), (1, 1), (1, 1), ((2, 2), (2, 2)))),
    "many channels": ((2, 5, 5, 130, 70), Window((3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)))),
    "many images": ((40, 6, 6, 4, 9), Window((3, 3), (1, 1), (1, 1), ((0, 0), (0, 0)))),
}


@pytest.fixture(params=[512, 256], autouse=True)
def width(request: pytest.FixtureRequest) -> Iterator[int]:
    """Vectors of so many bits, where this processor has them."""
    assert products.widest(request.param) in (request.param, 256)
    yield request.param
    products.widest(512)


def arrays(case: str, dtype: Any) -> tuple[Any, Any, Any, Window]:
    """An input, a filter, a cotangent and the window."""
    (images, height, width, channels, filters), window = CASES[case]
    x = RANDOM.normal(size=(images, height, width, channels)).astype(dtype)
    w = RANDOM.normal(size=(*window.size, channels, filters)).astype(dtype)
    places = window.places((height, width))
    return x, w, RANDOM.normal(size=(images, *places, filters)).astype(dtype), window


def seen(x: Any, window: Window, places: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    """What each tap of the window sees, in float64."""
    x = np.pad(
        x.astype(np.float64), ((0, 0), *[[max(0, n) for n in p] for p in window.padding], (0, 0))
    )
    cut = [
        slice(max(0, -before), n - max(0, -after))
        for n, (before, after) in zip(x.shape[1:-1], window.padding, strict=True)
    ]
    x = x[(slice(None), *cut)]
    for tap in window.taps():
        at = [
            slice(t * d, t * d + (m - 1) * s + 1, s)
            for t, d, m, s in zip(tap, window.dilations, places, window.strides, strict=True)
        ]
        yield tap, x[(slice(None), *at)]


def call(function: Any, x: Any, w: Any, shape: Any, window: Window, others: int) -> Any:
    out = np.full(shape, np.nan, x.dtype)
    function(x, w, out, geometry(window), others)
    return out


@pytest.mark.parametrize("others", [0, 1, 7])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("case", CASES)
def test_convolutions_are_sums_over_taps(case: str, dtype: Any, others: int) -> None:
    x, w, ct, window = arrays(case, dtype)
    expected = sum(
        part @ w[tap].astype(np.float64) for tap, part in seen(x, window, ct.shape[1:-1])
    )
    found = call(products.convolve, x, w, ct.shape, window, others)
    terms = window.size[0] * window.size[1] * x.shape[-1]
    np.testing.assert_allclose(found, expected, atol=(20 + 2 * terms) * np.finfo(dtype).eps)


@pytest.mark.parametrize("others", [0, 2])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("dilations", [(1, 1), (2, 3), (3, 4)])
@pytest.mark.parametrize("apart", [(2, 2), (1, 3), (4, 2)])
@pytest.mark.parametrize("size", [(3, 3), (2, 5), (1, 1)])
def test_neighbours_may_lie_apart(
    size: Any, apart: Any, dilations: Any, dtype: Any, others: int
) -> None:
    x = RANDOM.normal(size=(3, 4, 5, 6)).astype(dtype)
    w = RANDOM.normal(size=(*size, 6, 11)).astype(dtype)
    reach = [spread(k, d) for k, d in zip(size, dilations, strict=True)]
    for around in [
        [(k - 1, k + 1) for k in reach],
        [(k // 2, 0) for k in reach],
        [(-1, k) for k in reach],
    ]:
        window = Window(size, (1, 1), dilations, tuple(around))
        wide = np.zeros((3, *[spread(n, a) for n, a in zip((4, 5), apart, strict=True)], 6), dtype)
        wide[:, :: apart[0], :: apart[1]] = x
        places = window.places(wide.shape[1:-1])
        expected = sum(part @ w[tap].astype(np.float64) for tap, part in seen(wide, window, places))
        out = np.full((3, *places, 11), np.nan, dtype)
        products.convolve(x, w, out, geometry(window, apart), others)
        np.testing.assert_allclose(out, expected, atol=200 * np.finfo(dtype).eps)


@pytest.mark.parametrize("others", [0, 1, 7])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("case", CASES)
def test_gradients_by_filters_are_sums_over_places(case: str, dtype: Any, others: int) -> None:
    x, _, ct, window = arrays(case, dtype)
    expected = np.zeros((x.shape[-1], *window.size, ct.shape[-1]))
    for tap, part in seen(x, window, ct.shape[1:-1]):
        expected[(slice(None), *tap)] = np.tensordot(part, ct.astype(np.float64), ((0, 1, 2),) * 2)
    found = call(products.filter_gradient, x, ct, expected.shape, window, others)
    np.testing.assert_allclose(found, expected, atol=1000 * np.finfo(dtype).eps)


def test_a_large_one_is_the_same_on_one_and_on_several_threads() -> None:
    window = Window((3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)))
    x, w = RANDOM.normal(size=(16, 20, 20, 24)), RANDOM.normal(size=(3, 3, 24, 40))
    alone = call(products.convolve, x, w, (16, 20, 20, 40), window, 0)
    for others in (1, 2, 9):
        shared = call(products.convolve, x, w, (16, 20, 20, 40), window, others)
        assert shared.tobytes() == alone.tobytes()


def test_threads_of_python_may_call_at_the_same_time() -> None:
    x, w, ct, window = arrays("padded", np.float32)
    first = call(products.convolve, x, w, ct.shape, window, 0)
    bad: list[Any] = []

    def again() -> None:
        for _ in range(50):
            found = call(products.convolve, x, w, ct.shape, window, 2)
            if found.tobytes() != first.tobytes():
                bad.append(found)

    threads = [threading.Thread(target=again) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not bad


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(
    ("image", "filters"), [((3, 9, 10, 5), (3, 2, 5, 6)), ((4, 17, 5), (3, 5, 8))]
)
def test_gradients_are_those_without_the_extension(
    image: Any, filters: Any, strides: int, padding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = tf.constant(RANDOM.normal(size=image))
    w = tf.constant(RANDOM.normal(size=filters))
    calls: list[str] = []

    def counted(function: Any, *arguments: Any) -> Any:
        calls.append(function.__name__)
        return run(function, *arguments)

    space = image[1:-1]
    convolution = tf.nn.conv1d if len(space) == 1 else tf.nn.conv2d

    def gradients() -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            loss = tf.reduce_sum(convolution(x, w, strides, padding) ** 3)
        return tape.gradient(loss, [x, w])

    monkeypatch.setattr(xp_numpy_convolution, "run", counted)
    with_it = gradients()
    assert {"convolve", "filter_gradient"} <= set(calls)
    monkeypatch.setattr(extension, "products", None)
    for found, expected in zip(with_it, gradients(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("strides", [1, 2, 3])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_transposed_convolutions_are_those_without_the_extension(
    strides: int, padding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, w = (
        tf.constant(RANDOM.normal(size=(3, 5, 6, 4))),
        tf.constant(RANDOM.normal(size=(3, 4, 7, 4))),
    )
    more = (0, 0) if padding == "SAME" else [max(0, k - strides) for k in (3, 4)]
    shape = [3, 5 * strides + more[0], 6 * strides + more[1], 7]

    def gradients() -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            out = tf.nn.conv2d_transpose(x, w, shape, strides, padding)
            loss = tf.reduce_sum(out**3)
        return [out, *tape.gradient(loss, [x, w])]

    with_it = gradients()
    monkeypatch.setattr(extension, "products", None)
    for found, expected in zip(with_it, gradients(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


def test_what_is_not_finite_is_not_lost() -> None:
    x, w, ct, window = arrays("padded", np.float32)
    x[1, 3, 4, 2], w[0, 0, 1, 5] = np.nan, np.inf
    found = call(products.convolve, x, w, ct.shape, window, 0)
    with np.errstate(invalid="ignore"):
        expected = sum(part @ w[tap] for tap, part in seen(x, window, ct.shape[1:-1]))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_array_equal(np.isinf(found), np.isinf(expected))


def test_other_arguments_are_refused() -> None:
    x, w, ct, window = arrays("plain", np.float32)
    numbers = geometry(window)
    with pytest.raises(ValueError, match="four axes"):
        products.convolve(x[0], w, ct, numbers, 0)
    with pytest.raises(ValueError, match="contiguous"):
        products.convolve(x, w.T, ct, numbers, 0)
    with pytest.raises(TypeError):
        products.convolve(x, w, ct, numbers[:-1], 0)
    ct.flags.writeable = False
    with pytest.raises((ValueError, BufferError), match="writ|read-only"):
        products.convolve(x, w, ct, numbers, 0)
