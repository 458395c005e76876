"""Layers, models and losses of Keras under gradtape's tapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape import keras
from gradtape.keras import layers


def dense_model(*units: int, activation: str = "tanh") -> Any:
    """A model of dense layers on two inputs, from a seed."""
    keras.utils.set_random_seed(0)
    hidden = [layers.Dense(n, activation=activation) for n in units[:-1]]
    return keras.Sequential([keras.Input((2,)), *hidden, layers.Dense(units[-1])])


X = tf.constant([[1.0, 2.0], [3.0, -1.0], [0.5, 0.0]])


def test_gradient_of_a_dense_layer() -> None:
    model = dense_model(2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(X))
    kernel, bias = tape.gradient(loss, model.trainable_variables)
    np.testing.assert_allclose(kernel, np.repeat(np.sum(X.numpy(), 0)[:, None], 2, axis=1))
    np.testing.assert_allclose(bias, [3.0, 3.0])
    assert {v.shape for v in tape.watched_variables()} == {(2, 2), (2,)}


def test_watching_one_kernel() -> None:
    model = dense_model(2)
    kernel, bias = model.trainable_variables
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(model.layers[0].kernel)
        loss = tf.reduce_sum(model(X))
    assert tape.gradient(loss, bias, unconnected_gradients="none") is None
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(model.layers[0].kernel)
        loss = tf.reduce_sum(model(X))
    np.testing.assert_allclose(tape.gradient(loss, kernel)[:, 0], np.sum(X.numpy(), 0))


def test_frozen_layers_are_not_watched() -> None:
    model = dense_model(3, 1)
    model.layers[0].trainable = False
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(X))
    assert len(tape.watched_variables()) == 2
    frozen = model.layers[0].kernel
    assert tape.gradient(loss, [frozen, *model.trainable_variables])[0] is None
    model.layers[0].trainable = True
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(X))
    assert tape.gradient(loss, frozen) is not None


@pytest.mark.parametrize("recorded", [False, True])
def test_custom_loop_learns(recorded: bool) -> None:
    """A loop with a tape, `apply_gradients` and a metric, as in tutorials, fits a plane."""
    model, optimizer = dense_model(1), keras.optimizers.Adam(0.1)
    optimizer.build(model.trainable_variables)
    metric, mse = keras.metrics.Mean(), keras.losses.MeanSquaredError()
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 2)).astype(np.float32)
    y = x @ np.float32([[2.0], [-1.0]]) + 0.5

    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = mse(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        metric.update_state(loss)
        return loss

    run = tf.function(step) if recorded else step
    losses = [float(run(tf.constant(x), tf.constant(y))) for _ in range(150)]
    kernel, bias = [v.numpy() for v in model.trainable_variables]
    np.testing.assert_allclose(kernel, [[2.0], [-1.0]], atol=0.05)
    np.testing.assert_allclose(bias, [0.5], atol=0.05)
    np.testing.assert_allclose(float(metric.result()), np.mean(losses), rtol=1e-4)


LOGITS = np.float32([[1.0, 2.0, 0.5], [0.1, -1.5, 3.0]])
LABELS = np.array([1, 0])
ONE_HOT = np.eye(3, dtype=np.float32)[LABELS]


def softmax(z: Any) -> Any:
    """By hand."""
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(z: Any) -> Any:
    """By hand."""
    return 1 / (1 + np.exp(-z))


LOSSES: list[tuple[Any, Any, Any]] = [  # a loss, its targets, its gradient by the predictions
    (lambda: keras.losses.MeanSquaredError(), ONE_HOT, 2 * (LOGITS - ONE_HOT) / 6),
    (lambda: keras.losses.MeanAbsoluteError(), ONE_HOT, np.sign(LOGITS - ONE_HOT) / 6),
    (
        lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        LABELS,
        (softmax(LOGITS) - ONE_HOT) / 2,
    ),
    (
        lambda: keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.3),
        ONE_HOT,
        (softmax(LOGITS) - (0.7 * ONE_HOT + 0.1)) / 2,
    ),
    (
        lambda: keras.losses.BinaryCrossentropy(from_logits=True),
        ONE_HOT,
        (sigmoid(LOGITS) - ONE_HOT) / 6,
    ),
    (lambda: keras.losses.Huber(delta=0.7), ONE_HOT, np.clip(LOGITS - ONE_HOT, -0.7, 0.7) / 6),
    (lambda: keras.losses.LogCosh(), ONE_HOT, np.tanh(LOGITS - ONE_HOT) / 6),
    (
        lambda: keras.losses.Hinge(),
        2 * ONE_HOT - 1,
        np.where((2 * ONE_HOT - 1) * LOGITS < 1, 1 - 2 * ONE_HOT, 0) / 6,
    ),
]


@pytest.mark.parametrize("row", range(len(LOSSES)))
def test_gradients_of_losses(row: int) -> None:
    make, targets, wanted = LOSSES[row]
    predicted = tf.constant(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(predicted)
        loss = make()(targets, predicted)
    np.testing.assert_allclose(tape.gradient(loss, predicted), wanted, rtol=1e-5, atol=1e-6)


def test_hessian_vector_product_of_a_model() -> None:
    """Reverse over reverse through a model, against the difference of gradients."""
    model = dense_model(4, 1)
    weights = model.trainable_variables
    rng = np.random.default_rng(5)
    direction = [rng.normal(size=v.shape).astype(np.float32) for v in weights]

    def gradients() -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(X)))
        return tape.gradient(loss, weights)

    with tf.GradientTape() as outer:
        slopes = gradients()
        along = tf.add_n([tf.reduce_sum(g * d) for g, d in zip(slopes, direction, strict=True)])
    product = outer.gradient(along, weights, unconnected_gradients="zero")
    start, h = [v.numpy() for v in weights], 1e-2
    sides = []
    for sign in (1, -1):
        for v, s, d in zip(weights, start, direction, strict=True):
            v.assign(s + sign * h * d)
        sides.append([g.numpy() for g in gradients()])
    for found, up, down in zip(product, *sides, strict=True):
        np.testing.assert_allclose(found, (up - down) / (2 * h), rtol=2e-2, atol=2e-3)


def test_gradient_by_the_input_through_layers() -> None:
    """Convolution, normalisation, recurrence and attention pass the tape on: against differences
    along a direction."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((6, 4)),
            layers.Conv1D(5, 3, padding="same", activation="tanh"),
            layers.LayerNormalization(),
            layers.LSTM(4, return_sequences=True),
            layers.GRU(3),
            layers.Dense(2),
        ]
    )
    rng = np.random.default_rng(6)
    x, d = (rng.normal(size=(2, 6, 4)).astype(np.float32) for _ in range(2))
    point = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(point)
        value = tf.reduce_sum(tf.square(model(point)))
    slope = float(tf.reduce_sum(tape.gradient(value, point) * d))
    h = 1e-2
    up, down = (float(tf.reduce_sum(tf.square(model(tf.constant(x + s * h * d))))) for s in (1, -1))
    np.testing.assert_allclose(slope, (up - down) / (2 * h), rtol=2e-2, atol=1e-4)


def test_state_is_not_differentiated() -> None:
    """Batch normalisation's moving averages follow, and no gradient reaches them."""
    layer = layers.BatchNormalization(momentum=0.5)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(X, training=True) ** 2)
    slopes = tape.gradient(loss, layer.non_trainable_variables)
    assert slopes == [None, None]
    np.testing.assert_allclose(layer.moving_mean, np.mean(X.numpy(), 0) / 2, rtol=1e-5)


def test_custom_train_step() -> None:
    """A `train_step` with a tape of its own, as for adversarial networks, runs inside `fit`."""

    class Doubled(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(1, use_bias=False, kernel_initializer="ones")
            self.seen = keras.metrics.Mean(name="seen")

        def call(self, x: Any) -> Any:
            return self.dense(x)

        def train_step(self, data: Any) -> Any:
            x, y = data
            with tf.GradientTape() as tape:
                loss = 2.0 * tf.reduce_mean(tf.square(y - self(x, training=True)))
            self.optimizer.apply(tape.gradient(loss, self.trainable_variables))
            self.seen.update_state(loss)
            return {"seen": self.seen.result()}

    model = Doubled()
    model(X)
    model.compile(optimizer=keras.optimizers.SGD(0.1))
    model.optimizer.build(model.trainable_variables)
    x, y = np.float32([[1.0, 0.0]]), np.float32([[3.0]])
    history = model.fit(x, y, verbose=0)
    assert history.history["seen"] == [8.0]
    np.testing.assert_allclose(model.dense.kernel.numpy(), [[1.8], [1.0]], rtol=1e-6)
