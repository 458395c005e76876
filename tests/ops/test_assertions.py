"""Assertions: what passes, what raises and in which words, and the search for nan."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from tests.ops.test_reductions import INF, NAN

debugging = tf.debugging


@pytest.mark.parametrize(
    "name, right, wrong, sign",
    [
        ("assert_equal", ([1, 2], [1, 2]), ([1, 2], [1, 3]), "=="),
        ("assert_none_equal", ([1, 2], [2, 1]), ([1, 2], [2, 2]), "!="),
        ("assert_less", ([1.0, 2.0], 3.0), ([1.0, 3.0], 3.0), "<"),
        ("assert_less_equal", ([1.0, 3.0], 3.0), ([1.0, 4.0], 3.0), "<="),
        ("assert_greater", ([4.0, 5.0], 3.0), ([4.0, 3.0], 3.0), ">"),
        ("assert_greater_equal", ([3.0, 4.0], 3.0), ([4.0, 2.0], 3.0), ">="),
    ],
)
def test_comparisons(name: str, right: Any, wrong: Any, sign: str) -> None:
    check = getattr(debugging, name)
    assert check(*right) is None
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        check(*wrong, message="read this")
    text = str(caught.value)
    assert text.startswith("read this\n")
    assert f"gradtape.{name}: Condition x {sign} y did not hold in 1 of 2 places" in text
    assert "[[1]]" in text
    assert check([], []) is None


def test_nan_fulfils_no_comparison() -> None:
    for check in (debugging.assert_equal, debugging.assert_less_equal):
        with pytest.raises(tf.errors.InvalidArgumentError, match="did not hold"):
            check([NAN], [NAN])


@pytest.mark.parametrize(
    "name, right, wrong, sign",
    [
        ("assert_positive", [1, 2], [1, 0], ">"),
        ("assert_negative", [-1, -2], [-1, 0], "<"),
        ("assert_non_negative", [0.0, 1.0], [0.0, -1.0], ">="),
        ("assert_non_positive", [0.0, -1.0], [NAN, -1.0], "<="),
    ],
)
def test_signs(name: str, right: Any, wrong: Any, sign: str) -> None:
    check = getattr(debugging, name)
    assert check(right) is None
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"x {sign} 0 did not hold element-w"):
        check(wrong)
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"gradtape.{name}.*real"):
        check([True])


def test_nearness() -> None:
    debugging.assert_near([1.0, INF], [1.0 + 1e-7, 1.0], atol=INF)
    debugging.assert_near(tf.constant([1.0], tf.float64), [1.001], rtol=0.01)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\|x - y\| <= .* did not hold"):
        debugging.assert_near([1.0], [1.1])
    with pytest.raises(tf.errors.InvalidArgumentError, match="gradtape.assert_near.*tf.cast"):
        debugging.assert_near([1], [1])


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: debugging.assert_equal([1, 2], [1, 2, 3]), ValueError, "incompatible shapes"),
        (
            lambda: debugging.assert_equal(tf.constant(1), tf.constant(1.0)),
            ValueError,
            "dtypes differ.*tf.cast",
        ),
        (lambda: debugging.assert_less([True], [False]), ValueError, "assert_less.*real"),
        (lambda: debugging.assert_rank([1.0], 2), ValueError, "rank 2.  Received rank 1"),
        (lambda: debugging.assert_rank([1.0], 2.5), TypeError, "rank must be an integer"),
        (lambda: debugging.assert_rank_at_least([1.0], 2), ValueError, "at least 2"),
        (lambda: debugging.assert_rank_in([1.0], (0, 2)), ValueError, r"in \(0, 2\)"),
        (lambda: debugging.assert_integer([1.0]), TypeError, "integer type.*tf.cast"),
        (lambda: debugging.assert_type([1.0], tf.int32), TypeError, "must be of type tf.int32"),
        (lambda: debugging.assert_scalar([1.0]), ValueError, "Expected scalar shape"),
        (
            lambda: debugging.assert_same_float_dtype([tf.constant(1.0)], tf.float64),
            ValueError,
            "same type",
        ),
        (lambda: debugging.assert_same_float_dtype([tf.constant(1)]), ValueError, "floating point"),
        (lambda: debugging.assert_proper_iterable(tf.constant([1])), TypeError, "proper"),
        (lambda: debugging.assert_proper_iterable(3), TypeError, "proper"),
        (lambda: debugging.Assert(False, [tf.constant([1, 2])]), ValueError, "Expected 'False'"),
    ],
)
def test_what_does_not_hold(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_what_holds() -> None:
    debugging.assert_rank([1.0], tf.constant(1))
    debugging.assert_rank_at_least([[1.0]], 1)
    debugging.assert_rank_in([1.0], (0, 1))
    debugging.assert_integer(tf.constant([1], tf.uint8))
    debugging.assert_type([1.0], "float32")
    debugging.assert_proper_iterable((1, 2))
    debugging.Assert(tf.constant(True), [])
    assert debugging.assert_same_float_dtype([None, tf.constant(1.0, tf.float16)]) is tf.float16
    debugging.assert_scalar(2.0)
    assert debugging.is_numeric_tensor(tf.constant(1j))
    assert not debugging.is_numeric_tensor(tf.constant(True))
    assert not debugging.is_numeric_tensor(np.ones(2))


def test_shapes_with_symbols() -> None:
    x, y = tf.zeros([2, 3]), tf.zeros([3])
    debugging.assert_shapes([(x, ("n", "m")), (y, ("m",)), (tf.zeros([]), ())])
    debugging.assert_shapes([(x, ("...", "m")), (y, ("*", "m")), (x, (None, "."))])
    for shapes, message in (
        ([(x, ("n", 4))], "given explicitly.*dimension 1 must have size 4.  Received size 3"),
        ([(x, ("n", "m")), (y, ("n",))], r"axis 0.*dimension 0 must have size 2"),
        ([(x, ("n",))], "rank 1 .*Received rank 2"),
        ([(y, ("...", "n", "m"))], "rank at least 2"),
        ([(x, 3)], "must be an iterable"),
    ):
        with pytest.raises(ValueError, match=message):
            debugging.assert_shapes(shapes)


def test_finite_values_pass_with_their_derivative() -> None:
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = debugging.check_numerics(x * x, "y") + debugging.assert_all_finite(x, "x")
    assert tape.gradient(y, x).numpy().tolist() == [3, 5]


@pytest.mark.parametrize("bad, word", [(INF, "Inf"), (NAN, "NaN")])
def test_inf_and_nan_are_found(bad: float, word: str) -> None:
    for check in (debugging.check_numerics, debugging.assert_all_finite):
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"loss : Tensor had {word} val"):
            check([1.0, bad], "loss")
    with pytest.raises(tf.errors.InvalidArgumentError, match="gradtape.check_numerics.*tf.cast"):
        debugging.check_numerics([1], "loss")
