"""Gather and scatter: values by NumPy, sparse and dense derivatives, indices that are refused; IndexedSlices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf

X = np.arange(12, dtype=np.float32).reshape(3, 4)


def gradient(f: Callable[[Any], Any], x: Any) -> Any:
    """The derivative of the sum of f."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    return tape.gradient(y, x)


# gather


@pytest.mark.parametrize("indices", [1, [2, 0, 2], [[0], [1]], np.zeros((0,), np.int32)], ids=str)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather_along_an_axis(indices: Any, axis: int) -> None:
    expected = np.take(X, np.asarray(indices), axis)
    np.testing.assert_array_equal(tf.gather(X, indices, axis=axis), expected)


def test_gather_with_batch_axes() -> None:
    indices = [[0, 3], [1, 1], [2, 0]]
    expected = np.take_along_axis(X, np.array(indices), 1)
    np.testing.assert_array_equal(tf.gather(X, indices, batch_dims=1), expected)
    np.testing.assert_array_equal(tf.gather(X, indices, axis=-1, batch_dims=-1), expected)
    deep = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    found = tf.gather(deep, [[3], [0]], axis=2, batch_dims=1)
    np.testing.assert_array_equal(found, np.stack([deep[0][:, [3]], deep[1][:, [0]]]))


def test_derivative_along_axis_0_is_sparse_and_not_merged() -> None:
    for make in (tf.constant, tf.Variable):
        x = make(X)
        with tf.GradientTape() as tape:
            if make is tf.constant:
                tape.watch(x)
            y = tf.gather(x, [2, 0, 2]) * 3.0
        given = tape.gradient(y, x)
        assert isinstance(given, tf.IndexedSlices)
        np.testing.assert_array_equal(given.indices, [2, 0, 2])
        assert given.indices.dtype == tf.int32
        np.testing.assert_array_equal(given.values, np.full((3, 4), 3.0))
        np.testing.assert_array_equal(given.dense_shape, [3, 4])
        np.testing.assert_array_equal(tf.convert_to_tensor(given), np.outer([3, 0, 6], np.ones(4)))


def test_derivative_along_another_axis_is_dense() -> None:
    given = gradient(lambda x: tf.gather(x, [1, 1], axis=1), X)
    assert isinstance(given, tf.Tensor)
    np.testing.assert_array_equal(given, np.outer(np.ones(3), [0, 2, 0, 0]))


def test_sparse_derivatives_add_up() -> None:
    v = tf.Variable(X)
    with tf.GradientTape(persistent=True) as tape:
        two = tf.gather(v, [0, 2]) + tf.gather(v, [0, 0])
        mixed = tf.gather(v, [0]) + v[:1] * 2.0
    both = tape.gradient(two, v)
    assert sorted(both.indices.numpy().tolist()) == [0, 0, 0, 2]
    dense = tape.gradient(mixed, v)
    assert isinstance(dense, tf.Tensor)
    np.testing.assert_array_equal(dense, np.outer([3, 0, 0], np.ones(4)))


def test_second_derivative_through_a_gather() -> None:
    x = tf.constant(X)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.gather(x, [1, 1]) ** 3
        first = tf.convert_to_tensor(inner.gradient(y, x))
    expected = np.zeros_like(X)
    expected[1] = 12 * X[1]
    np.testing.assert_allclose(tf.convert_to_tensor(outer.gradient(first, x)), expected)


# IndexedSlices


def slices() -> tf.IndexedSlices:
    return tf.IndexedSlices(tf.constant([[1.0], [2.0], [4.0]]), tf.constant([0, 2, 0]), (3, 1))


def test_indexed_slices_as_a_value() -> None:
    g = slices()
    assert (g.shape, g.dtype) == ((3, 1), tf.float32)
    np.testing.assert_array_equal(g.numpy(), [[5], [0], [2]])
    np.testing.assert_array_equal(np.asarray(g), [[5], [0], [2]])
    assert not isinstance(g, tf.Tensor)
    assert "IndexedSlices" in repr(g)
    assert float(tf.reduce_sum(g)) == 7
    np.testing.assert_array_equal(tf.add_n([g, g]), [[10], [0], [4]])


@pytest.mark.parametrize(
    ("scaled", "factor"),
    [
        (lambda g: g * 2.0, 2),
        (lambda g: 0.5 * g, 0.5),
        (lambda g: tf.constant(2.0) * g, 2),
        (lambda g: tf.Variable(2.0) * g, 2),
        (lambda g: g / 4.0, 0.25),
        (lambda g: -g, -1),
    ],
)
def test_scaling_keeps_indexed_slices_sparse(scaled: Any, factor: float) -> None:
    g = scaled(slices())
    assert isinstance(g, tf.IndexedSlices)
    np.testing.assert_allclose(g.numpy(), factor * slices().numpy())


def test_sums_of_indexed_slices() -> None:
    g, dense = slices(), tf.constant([[1.0], [1.0], [1.0]])
    assert isinstance(g + g, tf.IndexedSlices)
    assert isinstance(g - g, tf.IndexedSlices)
    np.testing.assert_array_equal((g + g).numpy(), 2 * g.numpy())
    np.testing.assert_array_equal(g + dense, g.numpy() + 1)
    np.testing.assert_array_equal(dense + g, g.numpy() + 1)
    np.testing.assert_array_equal(dense - g, 1 - g.numpy())
    wide = tf.IndexedSlices(g.values, tf.cast(g.indices, tf.int64), (3, 1))
    np.testing.assert_array_equal((g + wide).numpy(), 2 * g.numpy())


def test_indexed_slices_step_a_variable() -> None:
    v = tf.Variable(np.zeros((3, 1), np.float32))
    v.assign_sub(0.1 * slices())
    np.testing.assert_allclose(v, -0.1 * slices().numpy())


def test_indexed_slices_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="without dense_shape"):
        tf.convert_to_tensor(tf.IndexedSlices([[1.0]], [0]))
    with pytest.raises(ValueError, match="vector of integers"):
        tf.IndexedSlices([[1.0]], [0.0])
    with pytest.raises(ValueError, match="not one row for each"):
        tf.IndexedSlices([[1.0]], [0, 1])
    with pytest.raises(ValueError, match="differ"):
        slices() + tf.IndexedSlices([[1.0]], [0], (4, 1))


# tuples of indices


def test_gather_nd() -> None:
    np.testing.assert_array_equal(tf.gather_nd(X, [[0, 1], [2, 3]]), [1, 11])
    np.testing.assert_array_equal(tf.gather_nd(X, [[[2]], [[0]]]), X[[[2], [0]]])
    np.testing.assert_array_equal(tf.gather_nd(X, [1, 2]), 6)
    np.testing.assert_array_equal(tf.gather_nd(X, [[3], [0], [1]], batch_dims=1), [3, 4, 9])
    np.testing.assert_array_equal(tf.gather_nd(X, np.zeros((2, 0), np.int32)), np.stack([X, X]))
    given = gradient(lambda x: tf.gather_nd(x, [[0, 1], [0, 1], [2, 0]]), X)
    expected = np.zeros_like(X)
    expected[0, 1], expected[2, 0] = 2, 1
    np.testing.assert_array_equal(given, expected)


def test_scatter_nd_adds_equal_indices() -> None:
    np.testing.assert_array_equal(
        tf.scatter_nd([[1], [3], [1]], [9, 10, 1], [5]), [0, 10, 0, 10, 0]
    )
    rows = tf.scatter_nd([[2], [0]], X[:2], [4, 4])
    np.testing.assert_array_equal(rows, [X[1], np.zeros(4), X[0], np.zeros(4)])
    given = gradient(lambda u: tf.scatter_nd([[1], [1]], u, [2]) ** 2, [1.0, 2.0])
    np.testing.assert_array_equal(given, [6, 6])


def test_tensor_scatter() -> None:
    places, updates = [[0, 0], [2, 1], [0, 0]], np.array([1.0, 2.0, 4.0], np.float32)
    expected = X.copy()
    np.add.at(expected, ([0, 2, 0], [0, 1, 0]), updates)
    np.testing.assert_array_equal(tf.tensor_scatter_nd_add(X, places, updates), expected)
    expected = X.copy()
    np.subtract.at(expected, ([0, 2, 0], [0, 1, 0]), updates)
    np.testing.assert_array_equal(tf.tensor_scatter_nd_sub(X, places, updates), expected)
    expected = X.copy()
    expected[0, 0], expected[2, 1] = 4, 2
    np.testing.assert_array_equal(tf.tensor_scatter_nd_update(X, places, updates), expected)
    np.testing.assert_array_equal(
        tf.tensor_scatter_nd_max(X, places, updates)[:, :2], [[4, 1], [4, 5], [8, 9]]
    )
    np.testing.assert_array_equal(
        tf.tensor_scatter_nd_min(X, places, updates)[:, :2], [[0, 1], [4, 5], [8, 2]]
    )


def test_only_the_last_of_equal_updates_has_a_derivative() -> None:
    x, updates = tf.constant([1.0, 2.0, 3.0]), tf.constant([5.0, 6.0, 7.0])
    with tf.GradientTape() as tape:
        tape.watch([x, updates])
        y = tf.tensor_scatter_nd_update(x, [[0], [2], [0]], updates)
        target = y * [10.0, 20.0, 30.0]
    np.testing.assert_array_equal(y, [7, 2, 6])
    gx, gu = tape.gradient(target, [x, updates])
    np.testing.assert_array_equal(gx, [0, 20, 0])
    np.testing.assert_array_equal(gu, [0, 30, 10])


def test_ties_of_scattered_extremes_share_the_derivative() -> None:
    x, updates = tf.constant([4.0, 2.0, 3.0]), tf.constant([4.0, 1.0, 4.0])
    with tf.GradientTape() as tape:
        tape.watch([x, updates])
        y = tf.tensor_scatter_nd_max(x, [[0], [1], [0]], updates)
    gx, gu = tape.gradient(y, [x, updates])
    np.testing.assert_allclose(gx, [1 / 3, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(gu, [1 / 3, 0, 1 / 3], rtol=1e-6)


# masks and partitions


def test_boolean_mask() -> None:
    np.testing.assert_array_equal(tf.boolean_mask(X, X > 5), X[X > 5])
    np.testing.assert_array_equal(tf.boolean_mask(X, [True, False, True]), X[[0, 2]])
    np.testing.assert_array_equal(tf.boolean_mask(X, [0, 1, 1, 0], axis=1), X[:, 1:3])
    assert tf.boolean_mask(X, np.zeros(3, bool)).shape == (0, 4)
    given = gradient(lambda x: tf.boolean_mask(x, X > 5) ** 2, X)
    np.testing.assert_array_equal(given, 2 * X * (X > 5))


def test_dynamic_partition_and_stitch_undo_each_other() -> None:
    partitions = [1, 0, 1]
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        parts = tf.dynamic_partition(x, partitions, 3)
        places = tf.dynamic_partition([0, 1, 2], partitions, 3)
        whole = tf.dynamic_stitch(places, parts)
        target = whole * whole
    assert [p.shape[0] for p in parts] == [1, 2, 0]
    np.testing.assert_array_equal(whole, X)
    np.testing.assert_array_equal(tape.gradient(target, x), 2 * X)


def test_a_later_slice_replaces_an_earlier_one_and_takes_its_derivative() -> None:
    a, b = tf.constant([1.0, 2.0]), tf.constant([5.0])
    with tf.GradientTape() as tape:
        tape.watch([a, b])
        y = tf.dynamic_stitch([[0, 1], [1]], [a, b])
    np.testing.assert_array_equal(y, [1, 5])
    ga, gb = tape.gradient(y, [a, b])
    np.testing.assert_array_equal(ga, [1, 0])
    np.testing.assert_array_equal(gb, [1])


BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "gather": (lambda: tf.gather(X, [0, 7]), ValueError, r"indices\[1\] = 7 is not in \[0, 3\)"),
    "gather-minus": (lambda: tf.gather(X, [[-1]], axis=1), ValueError, r"indices\[0, 0\] = -1 is not in \[0, 4\)"),
    "gather-float": (lambda: tf.gather(X, [0.5]), ValueError, r"tf\.cast\(indices, tf\.int32\)"),
    "gather-bool": (lambda: tf.gather(X, [True]), ValueError, "integers are needed"),
    "gather-axis": (lambda: tf.gather(X, [0], axis=2), ValueError, r"axis 2 is not in \[-2, 2\)"),
    "gather-scalar": (lambda: tf.gather(1.0, 0), ValueError, "axis 0 is not in"),
    "gather-batch": (lambda: tf.gather(X, [[0], [1]], batch_dims=1), ValueError, "first 1 axes must"),
    "gather-batches": (lambda: tf.gather(X, [0], batch_dims=3), ValueError, "batch_dims 3 is not in"),
    "gather-order": (lambda: tf.gather(X, [0, 1, 2], axis=0, batch_dims=1), ValueError, "at most axis 0"),
    "gather-empty": (lambda: tf.gather(np.zeros((0, 2)), [0]), ValueError, r"not in \[0, 0\)"),
    "gather_nd": (lambda: tf.gather_nd(X, [[0, 4]]), ValueError, r"= 4 is not in \[0, 4\)"),
    "gather_nd-depth": (lambda: tf.gather_nd(X, [[0, 0, 0]]), ValueError, "more axes than there are"),
    "gather_nd-scalar": (lambda: tf.gather_nd(X, 0), ValueError, "last axis that holds the tuples"),
    "scatter_nd": (lambda: tf.scatter_nd([[3]], [1.0], [3]), ValueError, r"= 3 is not in \[0, 3\)"),
    "scatter_nd-updates": (lambda: tf.scatter_nd([[1]], [1.0, 2.0], [3]), ValueError, r"need shape \[1\]"),
    "scatter_nd-minus": (lambda: tf.scatter_nd([[1]], [1.0], [-3]), ValueError, "negative size"),
    "scatter_nd-huge": (lambda: tf.scatter_nd([[1]], [1.0], [2**60]), MemoryError, "does not fit in memory"),
    "tensor_scatter_nd_add": (lambda: tf.tensor_scatter_nd_add(X, [[0, 9]], [1.0]), ValueError, "= 9 is not in"),
    "tensor_scatter_nd_sub": (lambda: tf.tensor_scatter_nd_sub(X, [[0.0]], [1.0]), ValueError, "integers are needed"),
    "tensor_scatter_nd_update": (lambda: tf.tensor_scatter_nd_update(X, [[0, 0]], tf.constant([1])), ValueError, r"tf\.cast"),
    "tensor_scatter_nd_max": (lambda: tf.tensor_scatter_nd_max([1j], [[0]], [2j]), ValueError, "has no order"),
    "tensor_scatter_nd_min": (lambda: tf.tensor_scatter_nd_min(X, 0, 1.0), ValueError, "last axis"),
    "boolean_mask": (lambda: tf.boolean_mask(X, [True, False]), ValueError, r"Shapes \[3\] and \[2\]"),
    "boolean_mask-scalar": (lambda: tf.boolean_mask(X, True), ValueError, "mask cannot be scalar"),
    "dynamic_partition": (lambda: tf.dynamic_partition([1.0], [2], 2), ValueError, r"partition 2 is not in \[0, 2\)"),
    "dynamic_partition-shape": (lambda: tf.dynamic_partition([1.0], [0, 1], 2), ValueError, "must begin with"),
    "dynamic_stitch": (lambda: tf.dynamic_stitch([[-1]], [[1.0]]), ValueError, "index -1 is negative"),
    "dynamic_stitch-shape": (lambda: tf.dynamic_stitch([[0]], [[[1.0]], [2.0]]), ValueError, "1 indices and 2 data"),
    "dynamic_stitch-data": (lambda: tf.dynamic_stitch([[0], [1]], [[1.0], [[2.0]]]), ValueError, "must have shape"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_a_remedy(name: str) -> None:
    call, kind, text = BAD[name]
    with pytest.raises(kind, match=text) as caught:
        call()
    assert f"gradtape.{name.partition('-')[0]}" in str(caught.value)
