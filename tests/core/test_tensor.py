"""Tensors: making, reading, converting, comparing with NumPy, and what they refuse."""

from __future__ import annotations

import copy
import pickle

import ml_dtypes
import numpy as np
import pytest

import gradtape as tf


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1.0, "float32"), (1, "int32"), (True, "bool"), (1j, "complex128"), ([1, 2.5], "float32"),
        ([1, 2], "int32"), (np.float64(1), "float64"), (np.arange(3), "int64"), ([np.float64(2), 1.0], "float64"),
        (np.zeros(2, np.uint64), "uint64"), (np.zeros(2, ml_dtypes.bfloat16), "bfloat16"), ([], "float32"),
        (np.zeros(2, ">f8"), "float64"), ([[True], [False]], "bool"),
    ],
)  # fmt: skip
def test_dtype_of_python_and_numpy_values(value: object, dtype: str) -> None:
    assert tf.constant(value).dtype == dtype
    assert tf.convert_to_tensor(value).dtype == dtype


def test_given_dtype_keeps_every_digit() -> None:
    assert tf.constant([0.1, 2], tf.float64).numpy()[0] == 0.1
    assert int(tf.constant(2**40, tf.int64)) == 2**40
    assert tf.constant(2**31).dtype is tf.constant([1, -(2**40)]).dtype is tf.int64
    assert tf.constant([1, 2], "float16").dtype is tf.float16


def test_a_tensor_does_not_change_with_the_array_it_came_from() -> None:
    array = np.arange(3.0)
    tensor = tf.constant(array)
    array[0] = 9.0
    assert tensor.numpy().tolist() == [0.0, 1.0, 2.0]
    out = tensor.numpy()
    out[1] = 7.0
    assert tensor.numpy().tolist() == [0.0, 1.0, 2.0]


def test_views_are_read_only_and_without_a_copy() -> None:
    tensor = tf.constant(np.arange(3.0))
    view = np.asarray(tensor)
    assert not view.flags.writeable
    assert np.shares_memory(view, np.asarray(tensor))
    other = np.from_dlpack(tensor)
    assert not other.flags.writeable
    assert np.shares_memory(view, other)
    assert np.array(tensor).flags.writeable


@pytest.mark.parametrize(
    "array", [np.arange(6.0)[::-2], np.asfortranarray(np.eye(3)), np.broadcast_to(1.0, (2, 3))]
)
def test_any_strides_are_taken(array: np.ndarray) -> None:
    read_only = array.view()
    read_only.flags.writeable = False
    np.testing.assert_array_equal(tf.constant(read_only).numpy(), array)


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        ("text", TypeError, "cannot become a tensor"), (None, ValueError, "None is no tensor"),
        ([[1, 2], [3]], ValueError, "differ in length"),
        (2**70, ValueError, "does not fit"), (np.array([object()]), TypeError, "object"),
        (np.zeros(1, np.longdouble), TypeError, "longdouble|float128"), ({"a": 1}, TypeError, "cannot become"),
        (np.array(["2020-01-01"], "M8"), TypeError, "datetime64"), ([1.0, "a"], TypeError, "cannot become"),
    ],
)  # fmt: skip
def test_what_is_no_tensor(value: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        tf.constant(value)


def test_conversions_that_lose_something_are_refused() -> None:
    with pytest.raises(TypeError, match=r"tf\.cast"):
        tf.constant([1.5], tf.int32)
    with pytest.raises(TypeError, match="without loss"):
        tf.constant(1j, tf.float32)
    with pytest.raises(TypeError, match="without loss"):
        tf.constant(np.array([300]), tf.uint8)
    with pytest.raises(ValueError, match="requested dtype float64"):
        tf.convert_to_tensor(tf.constant(1.0), tf.float64)


def test_convert_to_tensor_returns_tensors_as_they_are() -> None:
    x = tf.constant(1.0)
    assert tf.convert_to_tensor(x) is x
    assert tf.convert_to_tensor([1, 2], dtype_hint=tf.float64).dtype == tf.float64
    assert tf.convert_to_tensor([1.5, 2], dtype_hint=tf.int32).dtype == tf.float32


def test_constant_fills_and_reshapes() -> None:
    assert tf.constant(2.0, shape=(2, 2)).numpy().tolist() == [[2, 2], [2, 2]]
    assert tf.constant([1, 2, 3, 4], shape=[2, 2]).shape == (2, 2)
    with pytest.raises(TypeError, match="3 elements"):
        tf.constant([1, 2, 3], shape=(2, 2))


def test_python_protocols() -> None:
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    assert len(x) == 2
    assert f"{tf.constant(1.23456):.2f}" == "1.23"
    assert (int(tf.constant(3)), float(tf.constant([2.5])), [10, 20][tf.constant(1)]) == (
        3,
        2.5,
        20,
    )
    assert bool(tf.constant(1.0))
    assert repr(tf.constant(1.0)) == "<tf.Tensor: shape=(), dtype=float32, numpy=1.0>"
    assert str(tf.constant([1])) == "tf.Tensor([1], shape=(1,), dtype=int32)"
    assert x.ndim == 2
    assert x.device.endswith("CPU:0")


@pytest.mark.parametrize(
    ("use", "error", "words"),
    [
        (lambda x: len(tf.constant(1.0)), TypeError, "no len"), (bool, ValueError, "reduce_any"),
        (float, TypeError, "one element"), (lambda x: [1][x], TypeError, "tf.cast"), (hash, TypeError, "ref()"),
        (lambda x: format(x, ".2f"), TypeError, "scalar"), (lambda x: x.T, AttributeError, "tf.transpose"),
        (lambda x: x.backward(), AttributeError, "tape.gradient"), (lambda x: x.foo, AttributeError, "foo"),
        (lambda x: bool(tf.constant([])), ValueError, "ambiguous"),
    ],
)  # fmt: skip
def test_refusals_say_what_to_write(use: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words.replace("(", r"\(").replace(")", r"\)")):
        use(tf.constant([1.0, 2.0]))  # type: ignore[operator]


def test_copies_and_pickles() -> None:
    x = tf.constant([1.0, 2.0], tf.float16)
    again = pickle.loads(pickle.dumps(x))
    assert again.dtype == tf.float16
    assert again.numpy().tolist() == [1, 2]
    assert copy.deepcopy(x) is x
    assert float(pickle.loads(pickle.dumps(tf.constant(3.0)))) == 3.0


def test_references_are_keys() -> None:
    x, y = tf.constant(1.0), tf.constant(1.0)
    assert {x.ref(): "x"}[x.ref()] == "x"
    assert x.ref() != y.ref()
    assert x.ref().deref() is x


def test_set_shape_checks() -> None:
    x = tf.constant([1.0])
    x.set_shape([None])
    with pytest.raises(ValueError, match="incompatible"):
        x.set_shape([2])


@pytest.mark.parametrize("other", [2.0, 2, np.float64(2), np.array([2.0, 2.0]), [2.0, 2.0]])
def test_numbers_and_arrays_take_the_dtype_of_the_tensor(other: object) -> None:
    x = tf.constant([1.0, 3.0])
    for result in (x * other, other * x, x + other, other - x, x / other):
        assert isinstance(result, tf.Tensor)
        assert result.dtype == tf.float32


def test_tensors_are_not_promoted() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="float32 and float64.*tf.cast"):
        tf.constant(1.0) + tf.constant(1.0, tf.float64)
    with pytest.raises(TypeError, match="1.5 to int32"):
        tf.constant(1) + 1.5
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[2\] and \[3\] do not broadcast"):
        tf.constant([1.0, 2.0]) + tf.constant([1.0, 2.0, 3.0])


def test_nothing_warns_of_infinities() -> None:
    assert np.isinf((tf.constant(1.0) / tf.constant(0.0)).numpy())
    assert np.isnan((tf.constant(0.0) / 0.0).numpy())
    with pytest.raises(RuntimeWarning, match="divide"):  # the caller's own NumPy still warns
        np.float32(1) / np.float32(0)


def test_formats_as_the_bare_value() -> None:
    assert f"{tf.constant(3.0)} {tf.constant([1, 2])} {tf.constant(2.5):.2f}" == "3.0 [1 2] 2.50"


@pytest.mark.parametrize("error", [TypeError, ValueError, tf.errors.InvalidArgumentError])
@pytest.mark.parametrize("value", ["text", None, {"a": 1}, [None], object()])
def test_what_cannot_be_converted_is_every_kind_of_error_there_is_for_it(
    value: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        tf.sin(value)
