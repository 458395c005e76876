"""Models, layers, optimizers and metrics of Keras in checkpoints, built before or after the restoration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape import keras

X = np.random.default_rng(0).random((16, 3)).astype(np.float32)
Y = X.sum(1, keepdims=True)


def model() -> Any:
    made = keras.Sequential(
        [
            keras.layers.Dense(4, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5, seed=3),
            keras.layers.Dense(1),
        ]
    )
    made.compile(keras.optimizers.Adam(0.01), "mse")
    return made


def fitted(made: Any) -> list[float]:
    return made.fit(X, Y, epochs=2, batch_size=8, verbose=0, shuffle=False).history["loss"]


def names(path: str) -> list[str]:
    return [name for name, _ in tf.train.list_variables(path)]


class Own(keras.Model):
    """A model with layers in attributes, lists and dicts, hidden ones and variables of all kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = keras.layers.Embedding(5, 4)
        self.attention = keras.layers.MultiHeadAttention(2, 2)
        self.rnn = keras.layers.Bidirectional(keras.layers.LSTM(3))
        self.blocks = [keras.layers.Dense(3), keras.layers.Dense(2)]
        self.heads = {"out": keras.layers.Dense(1)}
        self._hidden = keras.layers.Dense(1)
        self.scale = self.add_weight(shape=(1,), initializer="ones")
        self.shift = tf.Variable(0.5)

    def build(self, shape: Any) -> None:
        self.built = True

    def call(self, x: Any) -> Any:
        x = self.embedding(x)
        x = self.rnn(self.attention(x, x))
        for block in self.blocks:
            x = block(x)
        return self._hidden(self.heads["out"](x)) * self.scale + self.shift


def test_names_of_a_sequential_model_and_its_optimizer(tmp_path: Path) -> None:
    made = model()
    fitted(made)
    path = tf.train.Checkpoint(model=made).write(tmp_path / "x")
    found = set(names(path))
    assert {
        "model/layers/0/kernel",
        "model/layers/1/moving_mean",
        "model/layers/2/seed_generator/state",
    } <= found
    assert "model/optimizer/slots/model/layers/3/kernel/momentums" in found
    assert len(found) == len(made.variables) + len(made.optimizer.variables)


@pytest.mark.parametrize("built", ["fit", "call", "build"])
def test_a_model_that_is_built_later_goes_on_as_the_first(built: str, tmp_path: Path) -> None:
    first = model()
    fitted(first)
    path = tf.train.Checkpoint(model=first).save(tmp_path / "ckpt")
    inference, losses = np.array(first(X)), fitted(first)
    again = model()
    status = tf.train.Checkpoint(model=again).restore(path)
    if built == "call":
        np.testing.assert_array_equal(again(X), inference)
    if built == "build":
        again.build((None, 3))
        np.testing.assert_array_equal(
            again.get_weights()[0], tf.train.load_variable(path, "model/layers/0/kernel")
        )
    assert fitted(again) == losses
    status.assert_consumed()


def test_a_model_that_is_built_takes_the_values_at_once(tmp_path: Path) -> None:
    first, again = model(), model()
    fitted(first)
    fitted(again)
    again.optimizer.learning_rate.assign(0.5)
    path = tf.train.Checkpoint(m=first).write(tmp_path / "x")
    tf.train.Checkpoint(m=again).read(path).assert_consumed()
    for have, want in zip(again.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(have, want)
    assert fitted(again) == fitted(first)


def test_a_model_of_ones_own(tmp_path: Path) -> None:
    words = np.array([[1, 2, 3], [4, 0, 1]])
    first = Own()
    wanted = np.array(first(words))
    path = tf.train.Checkpoint(first).write(tmp_path / "x")
    assert len(names(path)) == len(first.variables) + 1  # Keras leaves the shift out
    assert {
        "attention/key_dense/kernel", "blocks/1/kernel", "embedding/embeddings", "heads/out/bias",
        "hidden/bias", "rnn/forward_layer/cell/recurrent_kernel", "scale", "shift",
    } <= set(names(path))  # fmt: skip
    again = Own()
    status = tf.train.Checkpoint(again).read(path)
    np.testing.assert_array_equal(again(words), wanted)
    status.assert_consumed()


def test_a_functional_model(tmp_path: Path) -> None:
    def functional() -> Any:
        start = keras.Input((3,))
        middle = keras.layers.Dense(2)(start)
        return keras.Model(start, keras.layers.Dense(1)(middle))

    first, again = functional(), functional()
    path = tf.train.Checkpoint(first).write(tmp_path / "x")
    assert names(path) == ["layers/1/bias", "layers/1/kernel", "layers/2/bias", "layers/2/kernel"]
    tf.train.Checkpoint(again).read(path).assert_consumed()
    np.testing.assert_array_equal(again(X), first(X))


def test_layers_inside_modules_and_the_other_way_round(tmp_path: Path) -> None:
    def nested() -> Any:
        module, layer = tf.Module(), keras.layers.Dense(2)
        module.layer, layer.inner = layer, tf.Module()
        layer.inner.v = tf.Variable(1.0)
        layer.build((None, 3))
        return module

    first, again = nested(), nested()
    first.layer.inner.v.assign(4.0)
    path = tf.train.Checkpoint(first).write(tmp_path / "x")
    assert names(path) == ["layer/bias", "layer/inner/v", "layer/kernel"]
    tf.train.Checkpoint(again).read(path).assert_consumed()
    assert float(again.layer.inner.v) == 4.0


def test_metrics_variables_and_single_optimizers(tmp_path: Path) -> None:
    def held(value: float) -> dict[str, Any]:
        metric = keras.metrics.Mean()
        metric.update_state([value, 3 * value])
        return {
            "metric": metric,
            "v": keras.Variable(value),
            "seeds": keras.random.SeedGenerator(int(value)),
        }

    first, again = held(2.0), held(5.0)
    path = tf.train.Checkpoint(**first).write(tmp_path / "x")
    assert names(path) == ["metric/count", "metric/total", "seeds/state", "v"]
    tf.train.Checkpoint(**again).read(path).assert_consumed()
    assert float(again["metric"].result()) == 4.0
    assert float(again["v"].value) == 2.0


@pytest.mark.parametrize(
    "kind", ["SGD", "RMSprop", "Adam", "Adadelta", "Adagrad", "Adafactor", "Lion", "Ftrl", "Lamb"]
)
def test_every_variable_of_an_optimizer_is_saved_with_its_variable(
    kind: str, tmp_path: Path
) -> None:
    def program() -> Any:
        options = {"momentum": 0.9} if kind in ("SGD", "RMSprop") else {}
        return getattr(keras.optimizers, kind)(0.01, use_ema=True, **options), [keras.Variable(np.ones((2, 3))), keras.Variable(np.zeros(4))]  # fmt: skip

    optimizer, variables = program()
    optimizer.apply([tf.ones([2, 3]), tf.ones([4])], variables)
    path = tf.train.Checkpoint(o=optimizer, v=variables).write(tmp_path / "x")
    assert len(names(path)) == len(optimizer.variables) + 2
    assert not [name for name in names(path) if name.startswith("o/variables")]
    other, moved = program()
    status = tf.train.Checkpoint(o=other, v=moved).read(path)
    for o, v in ((optimizer, variables), (other, moved)):
        o.apply([tf.ones([2, 3]), tf.ones([4])], v)
    status.assert_consumed()
    for have, want in zip(other.variables, optimizer.variables, strict=True):
        np.testing.assert_array_equal(have, want)
    np.testing.assert_array_equal(moved[0], variables[0])
