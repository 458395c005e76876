"""Choosing, ordering and counting: NumPy's answers, ties, NaN, derivatives and bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.autodiff.batching import batch_call

NAN, INF = float("nan"), float("inf")
X = np.array([[3.0, 1.0, 2.0, 1.0], [0.0, 5.0, 5.0, -1.0]], np.float32)


def gradient(f: Callable[[Any], Any], x: Any, weights: Any = None) -> Any:
    """The derivative of the weighted sum of f."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
        target = y if weights is None else y * tf.constant(weights, y.dtype)
    return tape.gradient(target, x)


# where


def test_where_broadcasts_all_three_and_sums_derivatives_back() -> None:
    condition = tf.constant([True, False, True])
    x, y = tf.constant([[1.0], [2.0]]), tf.constant(5.0)
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        z = tf.where(condition, x, y)
    np.testing.assert_array_equal(z, [[1, 5, 1], [2, 5, 2]])
    gx, gy = tape.gradient(z, [x, y])
    np.testing.assert_array_equal(gx, [[2], [2]])
    assert float(gy) == 2


def test_where_converts_numbers_to_the_dtype_of_the_tensor() -> None:
    x = tf.constant([1.0, 2.0], tf.float64)
    assert tf.where(x > 1, x, 0).dtype == tf.float64
    assert tf.where(x > 1, 0.0, x).dtype == tf.float64
    assert tf.where([True], 1, 2).dtype == tf.int32


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (tf.sqrt, 0.25),
        (tf.math.log, 0.25),
        (lambda x: 1.0 / x, -1 / 16),
        (lambda x: x**0.5, 0.25),
        (tf.math.rsqrt, -1 / 16),
    ],
)
def test_no_derivative_passes_through_the_other_branch(f: Any, slope: float) -> None:
    given = gradient(lambda x: tf.where(x > 0, f(x), 0.0), [0.0, 4.0])
    np.testing.assert_allclose(given, [0.0, slope], rtol=1e-6)


def test_coordinates() -> None:
    np.testing.assert_array_equal(tf.where(X > 2), np.argwhere(X > 2))
    assert tf.where(X > 2).dtype == tf.int64
    assert tf.where(np.zeros((0, 3), bool)).shape == (0, 2)


def test_shapes_that_depend_on_values_are_refused_in_a_batch() -> None:
    x = tf.constant(X)
    for f in (tf.where, lambda row: tf.unique(row).y):
        with pytest.raises(tf.errors.InvalidArgumentError, match="depends on values"):
            batch_call(lambda row, f=f: [f(row)], 2, [x])


# extremes and order


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_argmax_and_argmin(axis: int) -> None:
    np.testing.assert_array_equal(tf.argmax(X, axis), np.argmax(X, axis))
    np.testing.assert_array_equal(tf.argmin(X, axis), np.argmin(X, axis))


def test_argmax_conventions() -> None:
    assert int(tf.argmax([1.0, NAN, 3.0])) == 1
    assert int(tf.argmin([1.0, NAN, 0.0])) == 1
    assert int(tf.argmax([2.0, 2.0])) == 0
    assert tf.argmax(X).shape == (4,)
    assert tf.argmax(X, output_type=tf.int32).dtype == tf.int32
    assert int(tf.argmax([False, True])) == 1


@pytest.mark.parametrize("axis", [0, 1])
def test_sort_and_argsort(axis: int) -> None:
    np.testing.assert_array_equal(tf.sort(X, axis), np.sort(X, axis))
    np.testing.assert_array_equal(tf.sort(X, axis, "DESCENDING"), np.flip(np.sort(X, axis), axis))
    np.testing.assert_array_equal(tf.argsort(X, axis), np.argsort(X, axis, kind="stable"))
    assert tf.argsort(X).dtype == tf.int32


def test_equal_elements_keep_their_order_both_ways() -> None:
    np.testing.assert_array_equal(tf.argsort([1, 0, 1, 0]), [1, 3, 0, 2])
    np.testing.assert_array_equal(tf.argsort([1, 0, 1, 0], direction="DESCENDING"), [0, 2, 1, 3])
    np.testing.assert_array_equal(gradient(tf.sort, [1.0, 0.0, 1.0], [1, 2, 3]), [2, 1, 3])


def test_nan_counts_as_the_largest() -> None:
    np.testing.assert_array_equal(tf.sort([NAN, 1.0, 2.0]), [1, 2, NAN])
    np.testing.assert_array_equal(tf.sort([1.0, NAN, 2.0], direction="DESCENDING"), [NAN, 2, 1])
    np.testing.assert_array_equal(tf.math.top_k([1.0, NAN, 2.0], 2).indices, [1, 2])


def test_sort_of_integers_at_their_limits() -> None:
    x = np.array([0, 255, 1], np.uint8)
    np.testing.assert_array_equal(tf.sort(x, direction="DESCENDING"), [255, 1, 0])
    y = np.array([-128, 127, 0], np.int8)
    np.testing.assert_array_equal(tf.sort(y, direction="DESCENDING"), [127, 0, -128])


def test_derivatives_follow_the_elements() -> None:
    weights = np.arange(8.0).reshape(2, 4)
    order = np.argsort(X, 1, kind="stable")
    expected = np.zeros_like(X)
    np.put_along_axis(expected, order, weights.astype(np.float32), 1)
    np.testing.assert_array_equal(gradient(tf.sort, X, weights), expected)


def test_top_k() -> None:
    values, indices = tf.math.top_k(X, 2)
    np.testing.assert_array_equal(values, [[3, 2], [5, 5]])
    np.testing.assert_array_equal(indices, [[0, 2], [1, 2]])
    assert indices.dtype == tf.int32
    assert tf.nn.top_k(X, 0).values.shape == (2, 0)
    assert tf.nn.top_k(X, 1, index_type=tf.int64).indices.dtype == tf.int64
    taken = gradient(lambda x: tf.math.top_k(x, 2)[0], X, [[10, 20], [30, 40]])
    np.testing.assert_array_equal(taken, [[10, 0, 20, 0], [0, 30, 40, 0]])


def test_top_k_of_a_long_row_is_that_of_sorting() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 50, (2, 5000)).astype(np.float32)
    x[0, 7] = x[1, [5, 99]] = NAN
    x[1, 3] = INF
    order = x.shape[1] - 1 - np.flip(np.argsort(np.flip(x, 1), 1, kind="stable"), 1)
    for k in (1, 2, 3, 100):
        np.testing.assert_array_equal(tf.math.top_k(x, k).indices, order[:, :k])
    every = np.full((1, 4000), NAN, np.float32)
    np.testing.assert_array_equal(tf.math.top_k(every, 3).indices, [[0, 1, 2]])


def test_approximate_extremes_are_exact() -> None:
    values, places = tf.math.approx_max_k(X, 2)
    np.testing.assert_array_equal(values, [[3, 2], [5, 5]])
    np.testing.assert_array_equal(places, [[0, 2], [1, 2]])
    smallest, _ = tf.nn.approx_min_k(X, 1, reduction_dimension=0)
    np.testing.assert_array_equal(smallest, X.min(0, keepdims=True))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"approx_max_k.*k = 9.*\[0, 4\]"):
        tf.math.approx_max_k(X, 9)


def test_in_top_k() -> None:
    predictions = [
        [0.1, 0.5, 0.5],
        [0.1, 0.5, 0.5],
        [INF, 1.0, 2.0],
        [NAN, 1.0, 2.0],
        [1.0, 2.0, 3.0],
    ]
    found = tf.math.in_top_k([1, 0, 0, 2, 7], predictions, k=1)
    np.testing.assert_array_equal(found, [True, False, False, True, False])


def test_searchsorted() -> None:
    rows = np.array([[1.0, 2.0, 2.0, 3.0], [0.0, 0.0, 1.0, 9.0]], np.float32)
    wanted = np.array([[2.0, 0.0, 9.0], [0.0, 0.5, 9.0]], np.float32)
    for side in ("left", "right"):
        found = tf.searchsorted(rows, wanted, side)
        expected = [np.searchsorted(r, w, side) for r, w in zip(rows, wanted, strict=True)]
        np.testing.assert_array_equal(found, expected)
    assert tf.searchsorted([1.0], [2.0], out_type=tf.int64).dtype == tf.int64
    assert tf.searchsorted([1.0, 2.0], [[1.5]]).numpy().tolist() == [[1]]
    assert tf.searchsorted(np.zeros((0,), np.float32), [2.0]).numpy().tolist() == [0]


# counting


def test_unique_in_order_of_appearance() -> None:
    y, idx, count = tf.unique_with_counts([3.0, 1.0, 3.0, 2.0, 1.0])
    np.testing.assert_array_equal(y, [3, 1, 2])
    np.testing.assert_array_equal(idx, [0, 1, 0, 2, 1])
    np.testing.assert_array_equal(count, [2, 2, 1])
    assert tf.unique([1], out_idx=tf.int64).idx.dtype == tf.int64
    assert tf.unique(np.zeros(0, np.float32)).y.shape == (0,)


def test_derivative_of_unique_goes_to_the_first_appearance() -> None:
    given = gradient(lambda x: tf.unique(x)[0], [3.0, 1.0, 3.0, 2.0], [10, 20, 30])
    np.testing.assert_array_equal(given, [10, 20, 0, 30])


@pytest.mark.parametrize("options", [{}, {"minlength": 7}, {"maxlength": 3}])
def test_bincount(options: Any) -> None:
    numbers, weights = [1, 4, 1, 0], np.array([0.5, 2.0, 3.0, 1.0])
    length = max(options.get("minlength", 0), min(options.get("maxlength", 5), 5))
    counted = np.bincount(numbers, minlength=7)[:length]
    np.testing.assert_array_equal(tf.math.bincount(numbers, **options), counted)
    weighted = np.bincount(numbers, weights, minlength=7)[:length]
    np.testing.assert_allclose(tf.math.bincount(numbers, weights, **options), weighted)


def test_bincount_rows_and_binary() -> None:
    numbers = [[1, 1], [0, 2]]
    np.testing.assert_array_equal(tf.math.bincount(numbers, axis=-1), [[0, 2, 0], [1, 0, 1]])
    seen = tf.math.bincount(numbers, axis=-1, binary_output=True)
    np.testing.assert_array_equal(seen, [[0, 1, 0], [1, 0, 1]])
    np.testing.assert_array_equal(tf.math.bincount(numbers, axis=0), [1, 2, 1])
    assert tf.math.bincount([], minlength=2).numpy().tolist() == [0, 0]
    assert tf.math.bincount([1], dtype=tf.int64).dtype == tf.int64


def test_bincount_is_differentiable_in_its_weights() -> None:
    given = gradient(
        lambda w: tf.math.bincount([1, 1, 3], w, maxlength=3), [1.0, 1.0, 1.0], [5, 6, 7]
    )
    np.testing.assert_array_equal(given, [6, 6, 0])


def test_histogram_has_numpys_bins() -> None:
    values = np.random.default_rng(1).uniform(-1, 3, 200)
    inside = np.clip(values, 0, 2)
    counts, _ = np.histogram(inside, 8, (0, 2))
    np.testing.assert_array_equal(tf.histogram_fixed_width(values, [0.0, 2.0], 8), counts)
    places = tf.histogram_fixed_width_bins(values, [0.0, 2.0], 8)
    np.testing.assert_array_equal(np.bincount(places.numpy(), minlength=8), counts)
    assert tf.histogram_fixed_width([5], [0, 10], 2).numpy().tolist() == [0, 1]


def test_invert_permutation() -> None:
    p = np.random.default_rng(2).permutation(9).astype(np.int32)
    np.testing.assert_array_equal(tf.math.invert_permutation(p).numpy()[p], np.arange(9))


BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "where-one": (lambda: tf.where([True], 1.0), ValueError, "both be non-None or both be None"),
    "where-condition": (lambda: tf.where(X, X, X), ValueError, "bool is needed"),
    "where-shapes": (lambda: tf.where(X > 1, X, np.zeros(3, np.float32)), ValueError, "do not broadcast"),
    "where-dtypes": (lambda: tf.where([True], tf.constant(1), tf.constant(1.0)), ValueError, r"tf\.cast"),
    "where-scalar": (lambda: tf.where(True), ValueError, "coordinates of a scalar"),
    "argmax": (lambda: tf.argmax(X, 2), ValueError, r"axis 2 is not in \[-2, 2\)"),
    "argmax-empty": (lambda: tf.argmax(np.zeros((2, 0)), 1), ValueError, "Reduction axis 1 is empty"),
    "argmax-complex": (lambda: tf.argmax([1j]), ValueError, "real"),
    "argmin-type": (lambda: tf.argmin(X, output_type=tf.float32), ValueError, "integer type"),
    "sort": (lambda: tf.sort(X, direction="UP"), ValueError, "ASCENDING, DESCENDING, not 'UP'"),
    "sort-scalar": (lambda: tf.sort(1.0), ValueError, "axis -1 is not in"),
    "argsort": (lambda: tf.argsort([1j]), ValueError, "real"),
    "top_k": (lambda: tf.math.top_k(X, 5), ValueError, r"k = 5 be in \[0, 4\]"),
    "top_k-minus": (lambda: tf.math.top_k(X, -1), ValueError, "k = -1"),
    "top_k-scalar": (lambda: tf.math.top_k(1.0, 1), ValueError, "at least one axis"),
    "top_k-float": (lambda: tf.math.top_k(X, 1.5), TypeError, "k must be an integer"),
    "in_top_k": (lambda: tf.math.in_top_k([0], X, 1), ValueError, r"targets of shape \[n\]"),
    "in_top_k-type": (lambda: tf.math.in_top_k([0.0, 1.0], X, 1), ValueError, "integers are needed"),
    "searchsorted": (lambda: tf.searchsorted([1.0], [1.0], side="mid"), ValueError, "'right' or 'left'"),
    "searchsorted-rows": (lambda: tf.searchsorted(X, X[0]), ValueError, "same axes before the last"),
    "unique": (lambda: tf.unique(X), ValueError, "1D vector"),
    "bincount": (lambda: tf.math.bincount([-2]), ValueError, "non-negative! It holds -2"),
    "bincount-type": (lambda: tf.math.bincount([1.0]), ValueError, "integers are needed"),
    "bincount-weights": (lambda: tf.math.bincount([1], [1.0, 2.0]), ValueError, "shape of arr"),
    "bincount-axis": (lambda: tf.math.bincount([1], axis=2), ValueError, "axis must be None, 0 or -1"),
    "histogram_fixed_width": (lambda: tf.histogram_fixed_width([1.0], [2.0, 1.0]), ValueError, r"value_range\[0\] < "),
    "histogram_fixed_width-nan": (lambda: tf.histogram_fixed_width([NAN], [0.0, 1.0]), ValueError, "must not contain NaN"),
    "histogram_fixed_width_bins": (lambda: tf.histogram_fixed_width_bins([1.0], [0.0, 1.0], 0), ValueError, "nbins be positive"),
    "invert_permutation": (lambda: tf.math.invert_permutation([0, 2]), ValueError, "once"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_a_remedy(name: str) -> None:
    call, kind, text = BAD[name]
    with pytest.raises(kind, match=text) as caught:
        call()
    assert f"gradtape.{name.partition('-')[0]}" in str(caught.value)
