"""Reductions by segment: empty and negative segments, ties, zeros, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from tests.ops.test_reductions import slope
from tests.ops.test_scans import hessian

DATA = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
LEAST = float(np.finfo(np.float32).min)


@pytest.mark.parametrize(
    "name, wanted",
    [
        ("sum", [[4, 6], [0, 0], [5, 6]]),
        ("mean", [[2, 3], [0, 0], [5, 6]]),
        ("prod", [[3, 8], [1, 1], [5, 6]]),
        ("max", [[3, 4], [0, 0], [5, 6]]),
        ("min", [[1, 2], [0, 0], [5, 6]]),
    ],
)
def test_sorted_segments_of_which_one_is_empty(name: str, wanted: Any) -> None:
    reduce = getattr(tf.math, f"segment_{name}")
    assert reduce(DATA, [0, 0, 2]).numpy().tolist() == wanted
    assert reduce(tf.zeros([0, 2]), tf.constant([], tf.int32)).shape == (0, 2)


@pytest.mark.parametrize(
    "name, wanted",
    [
        ("sum", [[6, 8], [0, 0]]),
        ("mean", [[3, 4], [0, 0]]),
        ("sqrt_n", [[6 / np.sqrt(2), 8 / np.sqrt(2)], [0, 0]]),
        ("prod", [[5, 12], [1, 1]]),
        ("max", [[5, 6], [LEAST, LEAST]]),
        ("min", [[1, 2], [-LEAST, -LEAST]]),
    ],
)
def test_unsorted_segments_leave_negative_numbers_out(name: str, wanted: Any) -> None:
    reduce = getattr(tf.math, f"unsorted_segment_{name}")
    np.testing.assert_allclose(reduce(DATA, [0, -1, 0], 2).numpy(), wanted, rtol=1e-6)
    left_out = slope(lambda x: reduce(x, [0, -1, 0], 1), DATA)[1]
    assert left_out == [0, 0]


def test_segment_numbers_may_have_more_axes() -> None:
    x = tf.constant(np.arange(12.0).reshape(2, 2, 3))
    found = tf.math.unsorted_segment_sum(x, [[1, 0], [0, 1]], 2)
    assert found.numpy().tolist() == [[9, 11, 13], [9, 11, 13]]
    assert float(tf.math.unsorted_segment_sum(5.0, 1, 2)[1]) == 5


def test_ties_share_the_derivative() -> None:
    assert slope(lambda x: tf.math.segment_max(x, [0, 0, 1]), [2.0, 2.0, 1.0]) == [0.5, 0.5, 1]
    assert slope(lambda x: tf.math.unsorted_segment_min(x, [1, 1, 1], 2)[1], [2.0, 1.0, 1.0]) == [
        0,
        0.5,
        0.5,
    ]


def test_products_are_exact_at_zeros_in_any_order() -> None:
    def product(x: Any) -> Any:
        return tf.math.unsorted_segment_prod(x, [0, 1, 0, 0], 2)[0]

    assert slope(product, [0.0, 7.0, 2.0, 3.0]) == [6, 0, 0, 0]
    assert hessian(product, [0.0, 7.0, 0.0, 3.0]) == [
        [0, 0, 3, 0], [0, 0, 0, 0], [3, 0, 0, 0], [0, 0, 0, 0],
    ]  # fmt: skip


def test_integers() -> None:
    assert tf.math.segment_sum([1, 2, 3], [0, 0, 1]).numpy().tolist() == [3, 3]
    assert tf.math.unsorted_segment_max([1, 2], [0, 0], 2).numpy().tolist() == [2, -(2**31)]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: tf.math.segment_sum(DATA, [0, 1, 0]), "not increasing.*unsorted_segment_sum"),
        (lambda: tf.math.segment_sum(DATA, [-1, 0, 0]), "not increasing"),
        (lambda: tf.math.segment_max(DATA, [0, 1]), "one number for each row"),
        (lambda: tf.math.segment_mean(DATA, [0.0, 1.0, 2.0]), "must be integers.*tf.cast"),
        (lambda: tf.math.segment_prod([True], [0]), "numeric"),
        (lambda: tf.math.unsorted_segment_sum(DATA, [0, 1, 2], 2), "not below num_segments = 2"),
        (lambda: tf.math.unsorted_segment_sum(DATA, [0, 1, 2], -1), "must not be negative"),
        (lambda: tf.math.unsorted_segment_sum(DATA, [0, 1], 2), "first axes"),
        (lambda: tf.math.unsorted_segment_max([1j], [0], 1), "real"),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"gradtape.*segment.*{message}"):
        call()


def test_huge_and_wrong_sizes() -> None:
    with pytest.raises(tf.errors.ResourceExhaustedError, match="does not fit in memory"):
        tf.math.unsorted_segment_sum([1.0], [0], 2**60)
    with pytest.raises(TypeError, match="num_segments must be an integer"):
        tf.math.unsorted_segment_sum([1.0], [0], 1.5)


def test_means_of_integers_are_rounded_towards_zero() -> None:
    found = tf.math.segment_mean([1, 4, -1, -4, 7], [0, 0, 1, 1, 3])
    assert (found.numpy().tolist(), found.dtype) == ([2, -2, 0, 7], tf.int32)
