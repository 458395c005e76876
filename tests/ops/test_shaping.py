"""Reshaping, joining, padding and rearranging: values by NumPy, derivatives by their definition, bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf

X = np.arange(12, dtype=np.float32).reshape(3, 4)
IMAGE = np.arange(2 * 4 * 6 * 3, dtype=np.float32).reshape(2, 4, 6, 3)


def numbered(f: Callable[[Any], Any], x: Any) -> Any:
    """What f does to the numbers of the elements of x: where each element of the result comes from."""
    return np.asarray(f(tf.constant(np.arange(x.size).reshape(x.shape))))


MOVES: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "reshape": (lambda x: tf.reshape(x, [2, -1]), X.reshape(2, 6)),
    "reshape-number": (lambda x: tf.reshape(x, -1), X.ravel()),
    "reshape-tensor": (lambda x: tf.reshape(x, tf.constant([4, 3])), X.reshape(4, 3)),
    "transpose": (tf.transpose, X.T),
    "transpose-perm": (lambda x: tf.transpose(x, [-2, 1]), X),
    "expand_dims": (lambda x: tf.expand_dims(x, -1), X[..., None]),
    "squeeze": (lambda x: tf.squeeze(x[:, None, :, None], axis=[1, -1]), X),
    "squeeze-all": (lambda x: tf.squeeze(x[None]), X),
    "broadcast_to": (lambda x: tf.broadcast_to(x, [2, 3, 4]), np.broadcast_to(X, (2, 3, 4))),
    "tile": (lambda x: tf.tile(x, [2, 3]), np.tile(X, (2, 3))),
    "tile-nothing": (lambda x: tf.tile(x, [0, 1]), X[:0]),
    "repeat": (lambda x: tf.repeat(x, 2, axis=1), np.repeat(X, 2, 1)),
    "repeat-flat": (lambda x: tf.repeat(x, 2), np.repeat(X, 2)),
    "repeat-each": (lambda x: tf.repeat(x, [0, 2, 1], axis=0), np.repeat(X, [0, 2, 1], 0)),
    "roll": (lambda x: tf.roll(x, [1, -2], [0, 1]), np.roll(X, (1, -2), (0, 1))),
    "roll-twice": (lambda x: tf.roll(x, [1, 2], [1, 1]), np.roll(X, 3, 1)),
    "reverse": (lambda x: tf.reverse(x, [-1]), X[:, ::-1]),
    "identity": (tf.identity, X),
    "concat": (lambda x: tf.concat([x, x[:1]], 0), np.concatenate([X, X[:1]])),
    "stack": (lambda x: tf.stack([x, x], -1), np.stack([X, X], -1)),
    "unstack": (lambda x: tf.unstack(x, axis=1)[2], X[:, 2]),
    "split": (lambda x: tf.split(x, [1, -1], 1)[1], X[:, 1:]),
    "split-equal": (lambda x: tf.split(x, 3)[2], X[2:]),
    "meshgrid": (lambda x: tf.meshgrid(x[0], x[:, 1])[1], np.meshgrid(X[0], X[:, 1])[1]),
    "reflect": (lambda x: tf.pad(x, [[2, 1], [0, 3]], "REFLECT"), np.pad(X, ((2, 1), (0, 3)), "reflect")),
    "symmetric": (
        lambda x: tf.pad(x, [[3, 0], [1, 4]], "symmetric"),
        np.pad(X, ((3, 0), (1, 4)), "symmetric"),
    ),
    "reverse_sequence": (
        lambda x: tf.reverse_sequence(x, [1, 3, 0], seq_axis=1),
        np.array([X[0], [6, 5, 4, 7], X[2]], np.float32),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVES)
def test_moved_elements_and_their_derivative(name: str) -> None:
    f, expected = MOVES[name]
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
        target = y * y
    np.testing.assert_array_equal(y, expected)
    counts = np.bincount(numbered(f, X).ravel(), minlength=X.size).reshape(X.shape)
    np.testing.assert_array_equal(tape.gradient(target, x), 2 * X * counts)


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1, 0, 2)])
def test_empty_and_scalar(shape: Any) -> None:
    x = np.zeros(shape, np.float32)
    assert tf.reshape(x, [-1]).shape == (x.size,)
    assert tf.transpose(x).shape == shape[::-1]
    assert tf.expand_dims(x, 0).shape == (1, *shape)
    assert tf.tile(x, [2] * len(shape)).shape == tuple(2 * n for n in shape)
    assert tf.stack([x, x]).shape == (2, *shape)
    assert tf.pad(x, [[1, 1]] * len(shape)).shape == tuple(n + 2 for n in shape)
    if shape:
        assert tf.concat([x, x], 0).shape == (2 * shape[0], *shape[1:])
        assert tf.roll(x, 1, 0).shape == shape


def test_reshape_of_nothing_infers_one() -> None:
    assert tf.reshape(tf.zeros([0]), [0, -1]).shape == (0, 1)
    assert tf.reshape(tf.zeros([0, 3]), [-1, 3]).shape == (0, 3)


def test_pad_with_a_constant_is_differentiable_in_it() -> None:
    x, c = tf.constant(X), tf.constant(5.0)
    with tf.GradientTape() as tape:
        tape.watch([x, c])
        y = tf.pad(x, [[1, 0], [2, 1]], constant_values=c)
    np.testing.assert_array_equal(y, np.pad(X, ((1, 0), (2, 1)), constant_values=5))
    gx, gc = tape.gradient(y, [x, c])
    np.testing.assert_array_equal(gx, np.ones_like(X))
    assert float(gc) == 4 * 7 - 12


def test_transpose_conjugate() -> None:
    z = np.array([[1 + 2j, 3j]])
    np.testing.assert_array_equal(tf.transpose(z, conjugate=True), z.conj().T)


def test_identity_is_a_node_of_its_own() -> None:
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.identity(x)
        z = y * y
    np.testing.assert_array_equal(tape.gradient(z, y), [2, 4])
    assert y is not x
    assert [float(v) for v in tf.identity_n([1.0, 2.0])] == [1, 2]


# joining


def test_values_take_the_dtype_of_the_first_tensor() -> None:
    double = tf.constant([1.0], tf.float64)
    assert tf.concat([[1.0], double], 0).dtype == tf.float64
    assert tf.stack([1, 2.5]).dtype == tf.float32
    assert tf.stack([np.float64(1), 2]).dtype == tf.float64
    assert tf.concat([X, [[1, 2, 3, 4]]], 0).shape == (4, 4)


def test_derivative_of_joined_parts() -> None:
    a, b = tf.Variable([1.0, 2.0]), tf.Variable([3.0])
    with tf.GradientTape() as tape:
        y = tf.concat([a, b, a], 0) * tf.constant([1.0, 2.0, 3.0, 4.0, 5.0])
    ga, gb = tape.gradient(y, [a, b])
    np.testing.assert_array_equal(ga, [5, 7])
    np.testing.assert_array_equal(gb, [3])


def test_one_part_alone() -> None:
    np.testing.assert_array_equal(tf.concat([X], 0), X)
    np.testing.assert_array_equal(tf.concat(X, 0), X)
    np.testing.assert_array_equal(tf.parallel_stack([X, X]), np.stack([X, X]))
    assert tf.stack([]).shape == (0,)


def test_meshgrid_has_the_shape_of_numpys() -> None:
    for indexing in ("xy", "ij"):
        found = tf.meshgrid([1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0], indexing=indexing)
        for have, wanted in zip(found, np.meshgrid([1, 2], [3, 4, 5], [6, 7], indexing=indexing)):
            np.testing.assert_array_equal(have, wanted)
    with pytest.raises(ValueError, match="gradtape.meshgrid: indexing"):
        tf.meshgrid([1], indexing="yx")


# blocks


def test_space_to_depth_and_back() -> None:
    for block, data in ((2, "NHWC"), (2, "NCHW")):
        x = IMAGE if data == "NHWC" else np.moveaxis(IMAGE, 3, 1)
        deep = tf.nn.space_to_depth(x, block, data)
        assert deep.shape == ((2, 2, 3, 12) if data == "NHWC" else (2, 12, 2, 3))
        np.testing.assert_array_equal(tf.nn.depth_to_space(deep, block, data), x)
    pixel = tf.nn.space_to_depth(IMAGE, 2)[0, 0, 0]
    np.testing.assert_array_equal(pixel, IMAGE[0, :2, :2].ravel())


def test_space_to_batch_and_back() -> None:
    moved = tf.space_to_batch(IMAGE, [2, 3], [[1, 1], [0, 0]])
    assert moved.shape == (12, 3, 2, 3)
    np.testing.assert_array_equal(
        moved[6], np.pad(IMAGE, ((0, 0), (1, 1), (0, 0), (0, 0)))[0, 1::2, ::3]
    )
    np.testing.assert_array_equal(tf.batch_to_space(moved, [2, 3], [[1, 1], [0, 0]]), IMAGE)


def test_derivative_of_blocks_is_their_inverse() -> None:
    x = tf.constant(IMAGE)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.space_to_batch(tf.nn.space_to_depth(x, 2), [1, 3], [[0, 0], [0, 0]])
        target = y * y
    np.testing.assert_array_equal(tape.gradient(target, x), 2 * IMAGE)


def test_required_space_to_batch_paddings() -> None:
    paddings, crops = tf.required_space_to_batch_paddings([5, 4], [2, 3], [[1, 0], [0, 1]])
    np.testing.assert_array_equal(paddings, [[1, 0], [0, 2]])
    np.testing.assert_array_equal(crops, [[0, 0], [0, 1]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="differ in length"):
        tf.required_space_to_batch_paddings([5], [2, 3])


def test_sequence_mask() -> None:
    np.testing.assert_array_equal(tf.sequence_mask([[1], [3]], 2, tf.float32), [[[1, 0]], [[1, 1]]])
    assert tf.sequence_mask([0, 2]).shape == (2, 2)
    assert tf.sequence_mask([0, 0]).shape == (2, 0)


# shapes


def test_broadcast_shapes() -> None:
    assert tf.broadcast_static_shape(tf.TensorShape([3, 1]), tf.TensorShape([2])) == (3, 2)
    assert tf.broadcast_dynamic_shape([3, 1], [2]).numpy().tolist() == [3, 2]
    with pytest.raises(ValueError, match="incompatible shapes for broadcasting"):
        tf.broadcast_static_shape(tf.TensorShape([3]), tf.TensorShape([2]))


def test_ensure_shape() -> None:
    x = tf.constant(X)
    assert tf.ensure_shape(x, [None, 4]) is x
    assert tf.ensure_shape(x, None) is x
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"ensure_shape.*float32\[3, 4\].*None, 5"
    ):
        tf.ensure_shape(x, [None, 5])


BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "reshape": (lambda: tf.reshape(X, [5, 2]), ValueError, r"reshape\(float32\[3, 4\], \[5, 2\]\).*12"),
    "reshape-minus": (lambda: tf.reshape(X, [-1, -1]), ValueError, "only one size may be -1"),
    "reshape-rest": (lambda: tf.reshape(X, [5, -1]), ValueError, "5 times an unknown size"),
    "reshape-float": (lambda: tf.reshape(X, [3.0, 4.0]), TypeError, "shape must be an integer"),
    "transpose": (lambda: tf.transpose(X, [0, 0]), ValueError, "perm.*no permutation of"),
    "expand_dims": (lambda: tf.expand_dims(X, 4), ValueError, r"axis 4 is not in \[-3, 2\]"),
    "squeeze": (lambda: tf.squeeze(X, 0), ValueError, "axis 0 has size 3, not 1"),
    "broadcast_to": (lambda: tf.broadcast_to(X, [3, 5]), ValueError, r"broadcast_to.*tf\.tile"),
    "broadcast_to-fewer": (lambda: tf.broadcast_to(X, [4]), ValueError, "incompatible shapes"),
    "tile": (lambda: tf.tile(X, [2]), ValueError, r"multiples \[2\] must be 2 non-negative"),
    "tile-huge": (lambda: tf.tile(X, [2**40, 2**40]), MemoryError, "does not fit in memory"),
    "repeat": (lambda: tf.repeat(X, [1, 2], 0), ValueError, "repeats.*one for each slice"),
    "repeat-minus": (lambda: tf.repeat(X, -1), ValueError, "non-negative"),
    "roll": (lambda: tf.roll(X, [1, 2], [0]), ValueError, "differ in length"),
    "reverse": (lambda: tf.reverse(X, [0, -2]), ValueError, "names an axis twice"),
    "concat": (lambda: tf.concat([X, X.T], 0), ValueError, r"values\[1\] is float32\[4, 3\]"),
    "concat-none": (lambda: tf.concat([], 0), ValueError, "at least one tensor"),
    "concat-scalars": (lambda: tf.concat([1.0, 2.0], 0), ValueError, r"tf\.stack"),
    "concat-dtypes": (lambda: tf.concat([tf.constant([1]), tf.constant([1.0])], 0), ValueError, r"tf\.cast"),
    "stack": (lambda: tf.stack([X, X.T]), ValueError, r"values\[1\] is float32\[4, 3\]"),
    "stack-axis": (lambda: tf.stack([1.0], axis=3), ValueError, "places for a new axis"),
    "unstack": (lambda: tf.unstack(X, num=5), ValueError, "has size 3, not num = 5"),
    "unstack-scalar": (lambda: tf.unstack(1.0), ValueError, "gradtape.unstack: axis 0"),
    "split": (lambda: tf.split(X, 5), ValueError, "5 equal parts of axis 0, which has size 3"),
    "split-sizes": (lambda: tf.split(X, [1, 1]), ValueError, r"sizes \[1, 1\] do not add up to 3"),
    "split-num": (lambda: tf.split(X, [1, 2], num=3), ValueError, "num = 3 but there are 2 sizes"),
    "pad-shape": (lambda: tf.pad(X, [[1, 1]]), ValueError, r"paddings must have shape \[2, 2\]"),
    "pad-minus": (lambda: tf.pad(X, [[0, -1], [0, 0]]), ValueError, "non-negative"),
    "pad-float": (lambda: tf.pad(X, [[0, 1.5], [0, 0]]), TypeError, "must be integers"),
    "pad-mode": (lambda: tf.pad(X, [[0, 0], [0, 0]], "WRAP"), ValueError, "'CONSTANT', 'REFLECT'"),
    "pad-reflect": (lambda: tf.pad(X, [[3, 0], [0, 0]], "REFLECT"), ValueError, "at most 2"),
    "pad-symmetric": (lambda: tf.pad(X, [[4, 0], [0, 0]], "SYMMETRIC"), ValueError, "at most 3"),
    "pad-value": (lambda: tf.pad(X, [[1, 0], [0, 0]], constant_values=[1.0]), ValueError, "must be a scalar"),
    "space_to_depth": (lambda: tf.nn.space_to_depth(IMAGE, 4), ValueError, "multiples of block_size 4"),
    "space_to_depth-rank": (lambda: tf.nn.space_to_depth(X, 2), ValueError, "with 4 axes"),
    "depth_to_space": (lambda: tf.nn.depth_to_space(IMAGE, 2), ValueError, "multiple of block_size"),
    "depth_to_space-format": (lambda: tf.nn.depth_to_space(IMAGE, 2, "HWC"), ValueError, "'NHWC' or 'NCHW'"),
    "space_to_batch": (lambda: tf.space_to_batch(IMAGE, [3, 3], [[0, 0]] * 2), ValueError, "Raise the paddings"),
    "space_to_batch-pairs": (lambda: tf.space_to_batch(IMAGE, [2, 2], [[0, 0]]), ValueError, r"shape \[2, 2\]"),
    "batch_to_space": (lambda: tf.batch_to_space(IMAGE, [3], [[0, 0]]), ValueError, "multiple of 3"),
    "batch_to_space-crops": (lambda: tf.batch_to_space(IMAGE, [2], [[9, 0]]), ValueError, "cut off more"),
    "reverse_sequence": (lambda: tf.reverse_sequence(X, [1, 2, 9], 1), ValueError, r"must be in \[0, 4\]"),
    "reverse_sequence-axes": (lambda: tf.reverse_sequence(X, [1, 2], 1), ValueError, "one number for each"),
    "sequence_mask": (lambda: tf.sequence_mask([1.0]), ValueError, "integers are needed"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_a_remedy(name: str) -> None:
    call, kind, text = BAD[name]
    with pytest.raises(kind, match=text) as caught:
        call()
    assert f"gradtape.{name.partition('-')[0]}" in str(caught.value)
