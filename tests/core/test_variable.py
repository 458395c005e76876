"""Variables: assigning, scattering, copying, creators, and what they refuse."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import gradtape as tf


def test_properties() -> None:
    v = tf.Variable([1.0, 2.0], name="v", trainable=False)
    assert (v.name, v.shape, v.dtype, v.trainable, v.ndim, len(v)) == (
        "v:0",
        (2,),
        tf.float32,
        False,
        1,
        2,
    )
    assert (
        repr(v)
        == "<tf.Variable 'v:0' shape=(2,) dtype=float32, numpy=array([1., 2.], dtype=float32)>"
    )
    assert tf.Variable(1).name == "Variable:0"
    assert tf.Variable(lambda: tf.constant(2.0), dtype=tf.float64).dtype == tf.float64
    assert v.initialized_value().numpy().tolist() == [1, 2]
    assert v.read_value().numpy().tolist() == v.value().numpy().tolist()


def test_assignments_return_the_variable() -> None:
    v = tf.Variable([1.0, 2.0])
    assert v.assign([3.0, 4.0]) is v
    assert v.assign_add([1.0, 1.0]).numpy().tolist() == [4, 5]
    assert v.assign_sub(1.0).numpy().tolist() == [3, 4]
    assert v.assign(tf.constant([0.0, 1.0])).assign_add(v).numpy().tolist() == [0, 2]


def test_a_value_that_was_read_does_not_change() -> None:
    v = tf.Variable([1.0])
    before = v.read_value()
    v.assign([2.0])
    assert before.numpy().tolist() == [1]


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda v: v.assign([1.0]), "shape"), (lambda v: v.assign(tf.constant([1, 2])), "tf.cast"),
        (lambda v: v.assign_add([1.0, 2.0, 3.0]), "shape"), (lambda v: v.assign("a"), "cannot become"),
        (lambda v: v.scatter_sub([1.0]), "IndexedSlices"), (hash, "ref"), (lambda v: v.assign(1j), "without loss"),
    ],
)  # fmt: skip
def test_refusals(act: object, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        act(tf.Variable([1.0, 2.0]))  # type: ignore[operator]
    with pytest.raises(ValueError, match="initial value"):
        tf.Variable()


def test_unknown_sizes_admit_other_shapes() -> None:
    v = tf.Variable([1.0], shape=[None])
    assert v.assign([1.0, 2.0, 3.0]).shape == tf.TensorShape([None])
    assert len(v) == 3
    with pytest.raises(ValueError, match=r"does not fit|cannot assign"):
        v.assign([[1.0]])
    with pytest.raises(ValueError, match="does not fit"):
        tf.Variable([1.0], shape=[2])


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("scatter_add", [11.0, 2.0, 8.0]), ("scatter_sub", [-9.0, 2.0, -2.0]), ("scatter_update", [10.0, 2.0, 3.0]),
        ("scatter_max", [10.0, 2.0, 3.0]), ("scatter_min", [1.0, 2.0, 2.0]), ("scatter_mul", [10.0, 2.0, 18.0]),
        ("scatter_div", [0.1, 2.0, 0.5]),
    ],
)  # fmt: skip
def test_scatter(method: str, expected: list[float]) -> None:
    v = tf.Variable([1.0, 2.0, 3.0])
    rows = tf.IndexedSlices(tf.constant([10.0, 2.0, 3.0]), tf.constant([0, 2, 2]))
    result = getattr(v, method)(rows)
    assert result is v
    np.testing.assert_allclose(v.numpy(), expected, rtol=1e-6)


def test_scatter_refuses_rows_that_are_not_there() -> None:
    v = tf.Variable([1.0, 2.0])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"index 2 is not in \[0, 2\)"):
        v.scatter_add(tf.IndexedSlices(tf.constant([1.0]), tf.constant([2])))
    with pytest.raises(tf.errors.InvalidArgumentError, match="reach outside"):
        v.scatter_nd_add([[5]], [1.0])


def test_scatter_nd() -> None:
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    v.scatter_nd_add([[0, 1], [0, 1]], [1.0, 1.0])
    v.scatter_nd_sub([[1, 0]], [3.0])
    v.scatter_nd_update([[1, 1]], [9.0])
    assert v.is_initialized()
    w = tf.Variable([1.0, 5.0])
    w.scatter_nd_max([[0], [1]], [2.0, 2.0])
    w.scatter_nd_min([[1]], [4.0])
    assert w.numpy().tolist() == [2.0, 4.0]
    assert v.numpy().tolist() == [[1, 4], [0, 9]]


def test_copies_and_pickles_are_variables_of_their_own() -> None:
    v = tf.Variable([1.0, 2.0], name="v", trainable=False)
    for other in (copy.deepcopy(v), pickle.loads(pickle.dumps(v)), copy.copy(v)):
        v.assign_add([1.0, 1.0])
        assert (other.name, other.trainable, other.dtype) == ("v:0", False, tf.float32)
        assert other.numpy().tolist() != v.numpy().tolist()
    shared = copy.deepcopy([v, v])
    assert shared[0] is shared[1]


def test_creators_take_part() -> None:
    seen = []

    def creator(make: object, **options: object) -> tf.Variable:
        seen.append(options["name"])
        return make(**{**options, "name": f"inner_{options['name']}"})  # type: ignore[operator]

    with tf.variable_creator_scope(creator):
        v = tf.Variable(1.0, name="a")
    assert (seen, v.name) == (["a"], "inner_a:0")
    assert tf.Variable(1.0, name="b").name == "b:0"


def test_modules_find_their_variables() -> None:
    class Inner(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = tf.Variable(1.0, name="w")

    class Outer(tf.Module):
        def __init__(self) -> None:
            super().__init__(name="outer")
            self.parts = {"a": [Inner(), Inner()]}
            self.frozen = tf.Variable(2.0, trainable=False, name="frozen")
            self.again = self.parts["a"][0]

    m = Outer()
    assert [v.name for v in m.variables] == ["frozen:0", "w:0", "w:0"]
    assert len(m.trainable_variables) == 2
    assert len(m.non_trainable_variables) == 1
    assert len(m.submodules) == 2
    assert m.name == "outer"
    with pytest.raises(ValueError, match="valid module name"):
        tf.Module(name="1 a")
