"""Rules written down as array code give what the rules themselves give, for every row of the
table; and a walk on arrays neither writes to what others see nor remembers without bound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.autodiff.straight import MOST
from gradtape.core.primitive import registry
from tests.ops.case import Case, tensors
from tests.ops.cases import all_cases
from tests.ops.matrix import gradients

ROWS = [c for c in all_cases() if c.primitive.differentiable and c.order >= 1]


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_every_row_gives_what_its_rules_give(case: Case) -> None:
    for dtype in ("float64", "complex128") if case.complex_rules else ("float64",):
        for shapes in [None, *case.variants]:
            inputs = tensors(case.arrays(dtype, shapes))
            with tf.GradientTape():  # a tape that looks on: the walk runs the rules
                expected = gradients(case, inputs)
            found: list[Any] = []
            for _ in range(3):  # the third time, whatever can be written down has been
                found = gradients(case, inputs)
            for have, wanted in zip(found, expected, strict=True):
                assert (have is None) == (wanted is None)
                if have is not None:
                    assert have.dtype == wanted.dtype
                    np.testing.assert_allclose(have, wanted, rtol=1e-12, atol=1e-300)


def gradient_of(f: Any, *arrays: Any) -> list[Any]:
    inputs = [tf.constant(a) for a in arrays]
    found: list[Any] = []
    for _ in range(3):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            y = f(*inputs)
        found = tape.gradient(y, inputs)
    return [None if g is None else g.numpy() for g in found]


def test_sums_in_place_spare_what_others_see() -> None:
    x = np.array([1.0, 2.0, 3.0])
    # the cotangent of `x + x` reaches x twice as one array, and once more through a view of it
    (g,) = gradient_of(lambda x: x + x + tf.reshape(tf.reshape(x, [3, 1]), [3]), x)
    np.testing.assert_array_equal(g, [3.0, 3.0, 3.0])
    seed = tf.constant([1.0, 1.0, 1.0], tf.float64)
    v = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = v + tf.transpose(v) + v * 2.0
    np.testing.assert_array_equal(tape.gradient(y, v, output_gradients=seed), [4.0, 4.0, 4.0])
    np.testing.assert_array_equal(seed, [1.0, 1.0, 1.0])


def test_a_gradient_of_an_intermediate_is_not_changed_by_what_follows() -> None:
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * 3.0
        z = y * y + y
    gx, gy = tape.gradient(z, [x, y])
    np.testing.assert_array_equal(gy, [7.0, 13.0])
    np.testing.assert_array_equal(gx, [21.0, 39.0])


def test_parts_of_several_results() -> None:
    x = np.arange(6.0).reshape(2, 3)
    (g,) = gradient_of(lambda x: tf.reduce_sum(tf.unstack(x)[0] ** 2), x)
    np.testing.assert_array_equal(g, [[0.0, 2.0, 4.0], [0.0, 0.0, 0.0]])


def test_ever_new_shapes_do_not_fill_the_memory() -> None:
    table = registry["reduce_sum"].straight
    for n in range(1, MOST + 50):
        (g,) = gradient_of(lambda x: tf.reduce_sum(x, keepdims=True), np.ones(n))
        assert g.shape == (n,)
    assert len(table) <= MOST
