"""Connectionist temporal classification: values by enumeration, derivatives, lengths, decoders, and what is refused."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.core.errors import InvalidArgumentError


def log_softmax(x: Any) -> Any:
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def collapsed(path: Any, blank: int) -> tuple[int, ...]:
    return tuple(v for i, v in enumerate(path) if v != blank and (i == 0 or v != path[i - 1]))


def enumerated(logits: Any, blank: int) -> dict[tuple[int, ...], float]:
    """The probability of every label sequence, from all paths through (times, classes)."""
    logp = log_softmax(logits)
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        labels = collapsed(path, blank)
        found[labels] = found.get(labels, 0) + np.exp(sum(logp[t, c] for t, c in enumerate(path)))
    return found


LABELS = np.array([[1, 1], [2, 3], [3, 9], [9, 9]])
LENGTHS, SPANS = np.array([2, 2, 1, 0]), np.array([4, 4, 3, 2])
LOGITS = np.random.default_rng(0).standard_normal((4, 4, 4))


def wanted(blank: int = 0) -> Any:
    return [
        -np.log(enumerated(LOGITS[:n, b], blank)[tuple(LABELS[b, :k])])
        for b, (k, n) in enumerate(zip(LENGTHS, SPANS, strict=True))
    ]


def test_loss_by_enumeration() -> None:
    loss = tf.nn.ctc_loss(LABELS, LOGITS, LENGTHS, SPANS)
    np.testing.assert_allclose(loss.numpy(), wanted())
    swapped = tf.nn.ctc_loss(
        LABELS, LOGITS.transpose(1, 0, 2), LENGTHS, SPANS, logits_time_major=False
    )
    np.testing.assert_allclose(swapped.numpy(), loss.numpy())


def test_blank_index() -> None:
    moved = np.roll(LOGITS, -1, axis=2)  # class c is now c - 1, the blank is last
    for blank in (-1, 3):
        loss = tf.nn.ctc_loss(LABELS - 1, moved, LENGTHS, SPANS, blank_index=blank)
        np.testing.assert_allclose(loss.numpy(), wanted())


def test_gradient_by_differences_and_zero_after_the_end() -> None:
    x, v = tf.constant(LOGITS), np.random.default_rng(1).standard_normal(LOGITS.shape)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(tf.nn.ctc_loss(LABELS, x, LENGTHS, SPANS))
    grad = tape.gradient(loss, x).numpy()

    def f(t: float) -> float:
        return float(tf.reduce_sum(tf.nn.ctc_loss(LABELS, LOGITS + t * v, LENGTHS, SPANS)))

    assert float((grad * v).sum()) == pytest.approx((f(1e-5) - f(-1e-5)) / 2e-5, rel=1e-8)
    for b, n in enumerate(SPANS):
        assert (grad[n:, b] == 0).all()
        np.testing.assert_allclose(grad[:, b].sum(-1), np.zeros(4), atol=1e-12)


def test_hessian_is_symmetric_and_third_derivatives_exist() -> None:
    x = tf.constant(LOGITS[:, :2])
    u, v, w = (tf.constant(np.random.default_rng(s).standard_normal((4, 2, 4))) for s in (1, 2, 3))

    def loss(x: Any) -> Any:
        return tf.reduce_sum(tf.nn.ctc_loss(LABELS[:2], x, LENGTHS[:2], SPANS[:2]))

    def along(f: Any, direction: Any) -> Any:
        def derivative(x: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = f(x)
            return tf.reduce_sum(tape.gradient(y, x) * direction)

        return derivative

    second = float(along(along(loss, u), v)(x))
    assert second == pytest.approx(float(along(along(loss, v), u)(x)), rel=1e-10)
    step = 1e-5
    hessian = along(along(loss, u), v)
    difference = (float(hessian(x + step * w)) - float(hessian(x - step * w))) / (2 * step)
    assert float(along(hessian, w)(x)) == pytest.approx(difference, rel=1e-6)


def test_impossible_labels_have_infinite_loss_and_no_gradient() -> None:
    x = tf.constant(LOGITS[:, :2])
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.nn.ctc_loss([[1, 1], [2, 3]], x, [2, 2], [2, 2])
    np.testing.assert_array_equal(np.isinf(loss.numpy()), [True, False])
    grad = tape.gradient(loss, x).numpy()
    assert (grad[:, 0] == 0).all()
    assert np.isfinite(grad).all()
    assert (grad[:2, 1] != 0).any()


def test_extreme_logits_stay_finite() -> None:
    x = tf.constant(1e4 * LOGITS[:, :2])
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.nn.ctc_loss(LABELS[:2], x, LENGTHS[:2], SPANS[:2])
    assert np.isfinite(loss.numpy()).all()
    assert np.isfinite(tape.gradient(loss, x).numpy()).all()


def test_not_a_number_shows() -> None:
    x = LOGITS.copy()
    x[0, 0, 0] = np.nan
    loss = tf.nn.ctc_loss(LABELS, x, LENGTHS, SPANS).numpy()
    np.testing.assert_array_equal(np.isnan(loss), [True, False, False, False])


def test_dtypes_and_empty_batches() -> None:
    for dtype in (tf.float16, tf.float32, tf.float64):
        assert tf.nn.ctc_loss(LABELS, tf.constant(LOGITS, dtype), LENGTHS, SPANS).dtype is dtype
    none = tf.nn.ctc_loss(
        np.zeros((0, 2), int), np.zeros((3, 0, 4)), np.zeros(0, int), np.zeros(0, int)
    )
    assert none.shape == (0,)


def test_greedy_decoder() -> None:
    classes = np.array([[1, 1, 3, 1, 0], [3, 3, 2, 2, 3]]).T
    logits = np.eye(4)[classes] * 5
    (decoded,), score = tf.nn.ctc_greedy_decoder(logits, [5, 4])
    np.testing.assert_array_equal(decoded.numpy(), [[1, 1, 0], [2, -1, -1]])
    np.testing.assert_array_equal(score.numpy(), [[-25.0], [-20.0]])
    (unmerged,), _ = tf.nn.ctc_greedy_decoder(logits, [5, 5], merge_repeated=False, blank_index=0)
    np.testing.assert_array_equal(unmerged.numpy(), [[1, 1, 3, 1, -1], [3, 3, 2, 2, 3]])


def test_beam_search_with_a_wide_beam_is_exact() -> None:
    decoded, scores = tf.nn.ctc_beam_search_decoder(LOGITS, [4, 4, 3, 2], 1000, 3)
    for b, n in enumerate([4, 4, 3, 2]):
        ranked = sorted(enumerated(LOGITS[:n, b], 3).items(), key=lambda item: -item[1])[:3]
        for k, (labels, p) in enumerate(ranked):
            row = decoded[k].numpy()[b]
            assert tuple(row[row >= 0].tolist()) == labels
            assert float(scores.numpy()[b, k]) == pytest.approx(np.log(p))


def test_helpers() -> None:
    unique, places = tf.nn.ctc_unique_labels([[3, 4, 4, 3], [0, 1, 2, 3]])
    np.testing.assert_array_equal(unique.numpy(), [[3, 4, 0, 0], [0, 1, 2, 3]])
    np.testing.assert_array_equal(places.numpy(), [[0, 1, 1, 0], [0, 1, 2, 3]])
    merged, lengths = tf.nn.collapse_repeated([[3, 4, 4, 3], [1, 1, 1, 1]], [4, 3])
    np.testing.assert_array_equal(merged.numpy(), [[3, 4, 3], [1, 0, 0]])
    np.testing.assert_array_equal(lengths.numpy(), [3, 1])


class Sparse:
    """What a sparse tensor looks like."""

    indices = values = dense_shape = ()


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: tf.nn.ctc_loss(Sparse(), LOGITS, LENGTHS, SPANS), ["nn.ctc_loss", "sparse", "dense"]),
        (lambda: tf.nn.ctc_loss(LABELS, LOGITS, None, SPANS), ["nn.ctc_loss", "label_length"]),
        (lambda: tf.nn.ctc_loss(LABELS * 1.0, LOGITS, LENGTHS, SPANS), ["nn.ctc_loss", "labels", "tf.cast"]),
        (lambda: tf.nn.ctc_loss(LABELS, LOGITS > 0, LENGTHS, SPANS), ["nn.ctc_loss", "tf.cast"]),
        (lambda: tf.nn.ctc_loss(LABELS, LOGITS[0], LENGTHS, SPANS), ["nn.ctc_loss", "3 axes"]),
        (lambda: tf.nn.ctc_loss(LABELS[:3], LOGITS, LENGTHS, SPANS), ["nn.ctc_loss", "4 examples", "logits_time_major"]),
        (lambda: tf.nn.ctc_loss(LABELS, LOGITS, LENGTHS + 1, SPANS), ["nn.ctc_loss", "label_length", "[0, 2]"]),
        (lambda: tf.nn.ctc_loss(LABELS, LOGITS, LENGTHS, SPANS + 1), ["nn.ctc_loss", "logit_length", "[0, 4]"]),
        (lambda: tf.nn.ctc_loss(LABELS + 1, LOGITS, LENGTHS, SPANS), ["nn.ctc_loss", "label 4", "4 classes"]),
        (lambda: tf.nn.ctc_loss(LABELS - 1, LOGITS, LENGTHS, SPANS), ["nn.ctc_loss", "label 0", "blank"]),
        (lambda: tf.nn.ctc_loss(LABELS, LOGITS, LENGTHS, SPANS, blank_index=4), ["nn.ctc_loss", "blank_index 4"]),
        (lambda: tf.nn.ctc_greedy_decoder(LOGITS, [4]), ["nn.ctc_greedy_decoder", "sequence_length"]),
        (lambda: tf.nn.ctc_greedy_decoder(LOGITS, [5, 4, 4, 4]), ["nn.ctc_greedy_decoder", "[0, 4]"]),
        (lambda: tf.nn.ctc_greedy_decoder(LOGITS[0], [4]), ["nn.ctc_greedy_decoder", "times"]),
        (lambda: tf.nn.ctc_beam_search_decoder(LOGITS, [4] * 4, 2, 3), ["top_paths", "beam_width"]),
        (lambda: tf.nn.ctc_unique_labels([1, 2]), ["nn.ctc_unique_labels", "integers"]),
        (lambda: tf.nn.collapse_repeated([[1, 2]], [3]), ["nn.collapse_repeated", "[0, 2]"]),
    ],
)  # fmt: skip
def test_what_is_refused(call: Any, words: list[str]) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
