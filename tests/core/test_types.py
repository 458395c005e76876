"""Dtypes, shapes, specs and structures."""

from __future__ import annotations

import collections
import pickle

import numpy as np
import pytest

import gradtape as tf


def test_dtypes_equal_their_names_and_numpy_types() -> None:
    assert tf.float32 == "float32"
    assert tf.float32 == np.float32
    assert tf.float32 != tf.float64
    assert tf.as_dtype(np.dtype("i8")) is tf.int64
    assert tf.as_dtype("double") is tf.float64
    assert tf.as_dtype(bool) is tf.bool
    assert repr(tf.int8) == "tf.int8"
    assert str(tf.int8) == "<dtype: 'int8'>"
    assert {tf.float32: 1}[tf.float32] == 1
    assert pickle.loads(pickle.dumps(tf.bfloat16)) is tf.bfloat16


def test_facts_about_dtypes() -> None:
    assert (tf.bfloat16.is_floating, tf.complex64.is_complex, tf.uint8.is_unsigned) == (
        True,
        True,
        True,
    )
    assert tf.complex128.real_dtype is tf.float64
    assert (tf.int8.min, tf.int8.max, tf.float16.size) == (-128, 127, 2)
    assert float(tf.bfloat16.max) > 3e38
    assert not tf.bool.is_integer


@pytest.mark.parametrize("wrong", ["float99", object, None, np.dtype("M8[s]")])
def test_unknown_dtypes(wrong: object) -> None:
    with pytest.raises(TypeError, match="float32"):
        tf.as_dtype(wrong)


def test_shapes_are_tuples_with_unknown_sizes() -> None:
    s = tf.TensorShape([2, None, 3])
    assert (s.rank, s[1], s[:2], s.num_elements()) == (3, None, (2, None), None)
    assert s.is_compatible_with([2, 7, 3])
    assert not s.is_compatible_with([2, 7])
    assert s.merge_with([2, 4, 3]) == (2, 4, 3)
    assert s + [1] == (2, None, 3, 1)
    assert tf.TensorShape(None).rank is None
    assert str(tf.TensorShape([2, 3])) == "(2, 3)"
    assert tf.TensorShape([2, 3]).num_elements() == 6
    with pytest.raises(ValueError, match="incompatible"):
        s.merge_with([3, 1, 3])
    with pytest.raises(ValueError, match="unknown rank"):
        tf.TensorShape(None).as_list()


def test_specs() -> None:
    spec = tf.TensorSpec([None, 3], tf.float64)
    assert spec.is_compatible_with(tf.constant([[1.0, 2.0, 3.0]], tf.float64))
    assert not spec.is_compatible_with(tf.constant([[1.0, 2.0, 3.0]]))
    assert tf.TensorSpec.from_tensor(tf.constant([1])) == tf.TensorSpec([1], tf.int32)


def test_structures() -> None:
    point = collections.namedtuple("point", "x y")
    nested = {"b": [1, (2, 3)], "a": point(4, {"c": 5})}
    flat = tf.nest.flatten(nested)
    assert flat == [4, 5, 1, 2, 3]
    assert tf.nest.pack_sequence_as(nested, flat) == nested
    assert tf.nest.map_structure(lambda a, b: a * b, [1, (2,)], [3, (4,)]) == [3, (8,)]
    assert tf.nest.is_nested([1])
    assert not tf.nest.is_nested(1)
    with pytest.raises(ValueError, match="same nested structure"):
        tf.nest.assert_same_structure([1], [1, 2])
    with pytest.raises(ValueError, match="2 elements"):
        tf.nest.pack_sequence_as([1, 2], [1])


def test_structures_of_other_containers_and_of_other_shapes() -> None:
    for first, second in ([1], (1,)), ([1], {"a": 1}), ([1, (2,)], [1, [2]]):
        with pytest.raises(TypeError, match="same nested structure"):
            tf.nest.assert_same_structure(first, second)
        tf.nest.assert_same_structure(first, second, check_types=False)
    for first, second in ([1], [1, 2]), ([1], 1), ({"a": 1}, {"b": 1}), ([[1], 2], [1, [2]]):
        with pytest.raises(ValueError, match="same nested structure"):
            tf.nest.assert_same_structure(first, second, check_types=False)
    added = tf.nest.map_structure(lambda a, b: a + b, [1, 2], (10, 20), check_types=False)
    assert added == [11, 22]


def test_shapes_that_must_be_known() -> None:
    assert tf.TensorShape([2, None]).with_rank_at_least(1).as_list() == [2, None]
    with pytest.raises(ValueError, match="rank at least 3"):
        tf.TensorShape([2, None]).with_rank_at_least(3)
    with pytest.raises(ValueError, match="not fully defined"):
        tf.TensorShape([2, None]).assert_is_fully_defined()
    tf.TensorShape([2, 3]).assert_is_fully_defined()
    assert (tf.uint8.limits, tf.float16.limits) == ((0, 255), (0, 1))
