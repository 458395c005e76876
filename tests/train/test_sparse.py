"""Gradients that name rows: repeated rows add up, the result is the dense one, only the rows are written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.train.arrays import own

OPT = tf.optimizers
START = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
VALUES = np.array([[0.1, 0.2], [0.3, -0.4], [0.05, 0.1]])
MAKERS = {kind: (lambda kind=kind: getattr(OPT, kind)(0.125)) for kind in
          ("SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "Adadelta", "Adamax", "Nadam", "Ftrl", "Lion")} | {
    "momentum": lambda: OPT.SGD(0.125, momentum=0.5), "decay": lambda: OPT.Adagrad(0.125, weight_decay=0.5),
    "clipnorm": lambda: OPT.SGD(0.125, clipnorm=0.25), "clipvalue": lambda: OPT.SGD(0.125, clipvalue=0.12),
    "global": lambda: OPT.Adam(0.125, global_clipnorm=0.25),
}  # fmt: skip


def slices(step: int) -> tuple[Any, np.ndarray[Any, Any]]:
    """A gradient as IndexedSlices with repeated rows, and as an array."""
    indices = np.array([0, 2, 0]) if step % 2 == 0 else np.array([2, 2, 2])
    dense = np.zeros((3, 2))
    np.add.at(dense, indices, VALUES)
    return tf.IndexedSlices(tf.constant(VALUES), tf.constant(indices), (3, 2)), dense


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_a_sparse_gradient_does_what_the_dense_one_does(make: Any) -> None:
    v, w, one, other = tf.Variable(START), tf.Variable(START), make(), make()
    for step in range(4):
        sparse, dense = slices(step)
        one.apply_gradients([(sparse, v)])
        other.apply_gradients([(dense, w)])
    np.testing.assert_allclose(v.numpy(), w.numpy(), rtol=1e-12)
    for a, b in zip(one.variables, other.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


# three steps of rate 0.1 with `slices` in TensorFlow 2.21 in float32: rows 0 and 2; row 1 never moves
LAZY = {
    "GradientDescentOptimizer": ((0.1,), [[0.97, 1.94], [4.895, 6.09]]),
    "MomentumOptimizer": ((0.1, 0.9), [[0.9565, 1.913], [4.8032, 6.1674]]),
    "AdamOptimizer": ((0.1,), [[0.751195, 1.751195], [4.702953, 6.273623]]),
    "AdagradOptimizer": ((0.1,), [[0.917751, 1.874481], [4.816159, 6.158691]]),
    "RMSPropOptimizer": ((0.1, 0.9, 0.9), [[0.953373, 1.907228], [4.787015, 6.180092]]),
    "AdadeltaOptimizer": ((0.1,), [[0.99991, 1.99991], [4.999861, 6.000106]]),
    "FtrlOptimizer": ((0.1,), [[0.014243, 0.423528], [1.188777, 2.437649]]),
    "ProximalGradientDescentOptimizer": ((0.1, 0.1), [[0.95, 1.92], [4.865, 6.06]]),
    "ProximalAdagradOptimizer": ((0.1, 0.1, 0.1), [[0.862918, 1.832641], [4.762859, 6.104584]]),
}


@pytest.mark.parametrize("kind", LAZY)
def test_tensorflow_1s_optimizers_leave_other_rows_and_their_slots_alone(kind: str) -> None:
    arguments, wanted = LAZY[kind]
    w = tf.Variable(START.astype(np.float32))
    optimizer = getattr(tf.compat.v1.train, kind)(*arguments)
    for step in range(3):
        optimizer.apply_gradients([(slices(step)[0], w)])
    np.testing.assert_allclose(w.numpy()[[0, 2]], wanted, atol=5e-6)
    np.testing.assert_array_equal(w.numpy()[1], START[1])


def test_dual_averaging_leaves_unseen_rows_alone() -> None:
    w, step = tf.Variable(START), tf.Variable(np.int64(0))
    optimizer = tf.compat.v1.train.AdagradDAOptimizer(0.1, step)
    for k in range(3):
        optimizer.apply_gradients([(slices(k)[0], w)], global_step=step)
    # TensorFlow 2.21, as above
    np.testing.assert_allclose(
        w.numpy(), [[-0.078784, -0.113389], [3.0, 4.0], [-0.151161, 0.137249]], atol=5e-6
    )


def test_rows_are_written_in_place_where_nobody_looks() -> None:
    w = tf.Variable(np.zeros((1000, 8), np.float32))
    optimizer = OPT.Adagrad(0.5)
    gradient = tf.IndexedSlices(tf.ones((1, 8)), tf.constant([3]), (1000, 8))
    optimizer.apply_gradients([(gradient, w)])
    place = w._array.__array_interface__["data"][0]
    optimizer.apply_gradients([(gradient, w)])
    assert w._array.__array_interface__["data"][0] == place


def test_who_holds_a_value_keeps_it() -> None:
    gradient = tf.IndexedSlices(tf.ones((1, 2)), tf.constant([1]), (3, 2))
    for hold in (
        lambda v: v.value(),
        np.asarray,
        lambda v: np.asarray(v)[1:],
        lambda v: tf.reshape(v, (2, 3)),
        lambda v: np.from_dlpack(v.value()),
        lambda v: memoryview(np.asarray(v)),
    ):
        w = tf.Variable(np.zeros((3, 2), np.float32))
        optimizer = OPT.Adagrad(0.5)
        optimizer.build([w])
        slot = next(v for v in optimizer.variables if "accumulator" in v.name)
        held, held_slot = hold(w), slot.value()
        before, before_slot = np.array(held), held_slot.numpy()
        optimizer.apply_gradients([(gradient, w)])
        np.testing.assert_array_equal(np.asarray(held), before)
        np.testing.assert_array_equal(held_slot.numpy(), before_slot)
        assert w.numpy()[1, 0] != 0.0


def test_own_gives_the_array_itself_or_a_copy() -> None:
    v = tf.Variable(np.zeros((2, 2)))
    first = own(v)
    assert first is v._array
    assert own(v) is not v._array, "the test holds the array now"
    del first
    tensor = v.value()
    assert own(v) is not v._array
    del tensor
    assert own(v) is v._array
    scalar = tf.Variable(1.0)
    own(scalar)[...] = 2.0
    assert float(scalar) == 1.0


def test_the_record_of_a_tape_keeps_its_value() -> None:
    w = tf.Variable(np.ones((3, 2), np.float32))
    with tf.GradientTape(persistent=True) as tape:
        loss = tf.reduce_sum(w * w)
    OPT.SGD(0.5).apply([tf.IndexedSlices(tf.ones((1, 2)), tf.constant([1]), (3, 2))], [w])
    np.testing.assert_array_equal(tape.gradient(loss, w).numpy(), np.full((3, 2), 2.0))
    np.testing.assert_array_equal(w.numpy()[1], [0.5, 0.5])


def test_a_sparse_gradient_in_16_bits_and_complex() -> None:
    half = tf.Variable(np.ones((3, 2), np.float16))
    gradient = tf.IndexedSlices(
        tf.constant(np.ones((2, 2), np.float16)), tf.constant([1, 1]), (3, 2)
    )
    OPT.SGD(0.25).apply([gradient], [half])
    assert half.dtype == tf.float16
    np.testing.assert_array_equal(half.numpy(), [[1, 1], [0.5, 0.5], [1, 1]])
    z = tf.Variable(np.ones((3, 1), np.complex128))
    OPT.Adagrad(0.5, initial_accumulator_value=0.0).apply(
        [tf.IndexedSlices(tf.constant(np.array([[2j]])), tf.constant([2]), (3, 1))], [z]
    )
    np.testing.assert_allclose(z.numpy()[:, 0], [1, 1, 1 - 0.5j], rtol=1e-7)


@pytest.mark.parametrize(
    "values,indices,shape,text",
    [
        (np.ones((1, 2)), [3], None, "index 3 is not in"),
        (np.ones((1, 2)), [-1], None, "index -1 is not in"),
        (np.ones((1, 3)), [0], None, "does not fit variable"),
        (np.ones((1, 2)), [0], (4, 2), "does not fit variable"),
    ],
)
def test_rows_that_do_not_fit(values: Any, indices: Any, shape: Any, text: str) -> None:
    w = tf.Variable(START)
    gradient = tf.IndexedSlices(tf.constant(values), tf.constant(indices), shape)
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        OPT.SGD().apply([gradient], [w])
    with pytest.raises(tf.errors.InvalidArgumentError, match="does not fit"):
        OPT.SGD().apply([gradient], [tf.Variable(1.0)])


def test_no_rows_at_all() -> None:
    w = tf.Variable(START)
    none = tf.IndexedSlices(
        tf.constant(np.zeros((0, 2))), tf.constant(np.zeros(0, np.int64)), (3, 2)
    )
    OPT.Adam(clipnorm=1.0).apply([none], [w])
    OPT.SGD().apply([none], [w])
    np.testing.assert_array_equal(w.numpy(), START)
