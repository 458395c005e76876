"""Keras's optimizers on gradtape's rules against Keras's own formulas, at once and recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape import keras

SHAPES = ((3, 4), (5,), ())
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"learning_rate": 0.1},
    "SGD momentum": {"learning_rate": 0.1, "momentum": 0.9},
    "SGD nesterov": {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True},
    "Adam": {"learning_rate": 0.01},
    "Adam amsgrad": {"learning_rate": 0.01, "amsgrad": True, "beta_1": 0.8, "beta_2": 0.95},
    "Adam schedule": {"learning_rate": "schedule"},
    "Adam clipnorm": {"learning_rate": 0.01, "clipnorm": 0.5},
    "Adam global_clipnorm": {"learning_rate": 0.01, "global_clipnorm": 0.5},
    "Adam clipvalue": {"learning_rate": 0.01, "clipvalue": 0.2},
    "Adam ema": {"learning_rate": 0.1, "use_ema": True, "ema_overwrite_frequency": 2},
    "AdamW": {"learning_rate": 0.01, "weight_decay": 0.1},
    "RMSprop": {"learning_rate": 0.01},
    "RMSprop centered": {"learning_rate": 0.01, "momentum": 0.5, "centered": True},
    "Adagrad": {"learning_rate": 0.1},
    "Adadelta": {"learning_rate": 1.0},
    "Adamax": {"learning_rate": 0.01},
    "Nadam": {"learning_rate": 0.01},
    "Lion": {"learning_rate": 0.01},
    "Ftrl": {
        "learning_rate": 0.1,
        "l1_regularization_strength": 0.01,
        "l2_regularization_strength": 0.1,
        "l2_shrinkage_regularization_strength": 0.02,
        "beta": 0.5,
    },
}


def made(name: str) -> Any:
    """The optimizer of a row."""
    options = dict(OPTIMIZERS[name])
    if options["learning_rate"] == "schedule":
        options["learning_rate"] = keras.optimizers.schedules.ExponentialDecay(0.02, 2, 0.5)
    return getattr(keras.optimizers, name.split()[0])(**options)


def variables() -> list[Any]:
    rng = np.random.default_rng(1)
    return [keras.Variable(rng.normal(size=s).astype(np.float32)) for s in SHAPES]


def gradients(steps: int) -> list[list[Any]]:
    rng = np.random.default_rng(2)
    return [[tf.constant(rng.normal(size=s), tf.float32) for s in SHAPES] for _ in range(steps)]


def by_formula(optimizer: Any, steps: list[list[Any]]) -> list[Any]:
    """The values after some steps that Keras's own `update_step` takes: in a stateless scope our
    rules stand aside."""
    start = variables()
    optimizer.build(start)
    values = [v.value for v in start]
    state = [v.value for v in optimizer.variables]
    for grads in steps:
        values, state = optimizer.stateless_apply(state, grads, values)
    return [np.asarray(v) for v in values]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("recorded", [False, True])
def test_same_as_keras(name: str, recorded: bool) -> None:
    steps = gradients(3)
    wanted = by_formula(made(name), steps)
    optimizer, moved = made(name), variables()
    optimizer.build(moved)

    def step(*grads: Any) -> None:
        optimizer.apply(list(grads), moved)

    run = tf.function(step) if recorded else step
    for grads in steps:
        run(*grads)
    for variable, value in zip(moved, wanted, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, rtol=2e-6, atol=1e-6)
    assert int(optimizer.iterations) == 3


@pytest.mark.parametrize("recorded", [False, True])
def test_accumulated_gradients(recorded: bool) -> None:
    """Two gradients of which the mean is taken: SGD then moves once by it."""
    variable = keras.Variable(np.float32([1.0, 2.0]))
    optimizer = keras.optimizers.SGD(0.5, gradient_accumulation_steps=2)
    optimizer.build([variable])
    run = tf.function(lambda g: optimizer.apply([g], [variable]))
    step = run if recorded else run.python_function
    step(tf.constant([1.0, 0.0]))
    np.testing.assert_array_equal(variable.numpy(), [1.0, 2.0])
    step(tf.constant([3.0, 4.0]))
    np.testing.assert_array_equal(variable.numpy(), [0.0, 1.0])


@pytest.mark.parametrize("name", ["SGD", "SGD momentum", "Adagrad", "Adam"])
@pytest.mark.parametrize("recorded", [False, True])
def test_rows_of_a_gradient(name: str, recorded: bool) -> None:
    """A gradient of rows, one of them twice, does what the whole gradient does."""
    table = np.random.default_rng(3).normal(size=(6, 2)).astype(np.float32)
    rows = tf.IndexedSlices(tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), tf.constant([4, 1, 4]),
                            tf.constant([6, 2]))  # fmt: skip
    found = []
    for gradient in (rows, tf.convert_to_tensor(rows)):
        optimizer, variable = made(name), keras.Variable(table)
        optimizer.build([variable])

        def step(o: Any = optimizer, v: Any = variable, g: Any = gradient) -> None:
            o.apply([g], [v])

        run = tf.function(step) if recorded else step
        run()
        run()
        found.append(variable.numpy())
    np.testing.assert_allclose(*found, rtol=1e-6)
    assert np.any(found[0][[1, 4]] != table[[1, 4]], axis=1).all()


def test_rows_are_not_copied_whole() -> None:
    """The gradient of an embedding names its rows, and SGD writes to these alone, in place."""
    layer = keras.layers.Embedding(1000, 3)
    layer.build((None,))
    optimizer = keras.optimizers.SGD(1.0)
    optimizer.build(layer.trainable_variables)
    tokens = tf.constant([[7, 7, 9]])
    before = layer.embeddings.numpy()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(tokens))
    (gradient,) = tape.gradient(loss, layer.trainable_variables)
    assert isinstance(gradient, tf.IndexedSlices)
    optimizer.apply([gradient], layer.trainable_variables)
    moved = before - layer.embeddings.numpy()
    assert sorted(np.flatnonzero(moved.any(axis=1))) == [7, 9]
    np.testing.assert_allclose(moved[[7, 9]], [[2.0] * 3, [1.0] * 3], rtol=1e-6)


def test_plain_variables() -> None:
    variable = tf.Variable([1.0, 2.0])
    optimizer = keras.optimizers.Adam(0.5)
    optimizer.apply_gradients([(tf.constant([1.0, -1.0]), variable)])
    np.testing.assert_allclose(variable.numpy(), [0.5, 2.5], atol=1e-5)


@pytest.mark.parametrize("name", ["Lamb", "Adafactor", "Muon"])
def test_others_at_once_and_recorded(name: str) -> None:
    """Optimizers without a rule of ours take the same steps both ways; at once they are traced
    once for all steps."""
    values = []
    for recorded in (False, True):
        rng = np.random.default_rng(4)
        moved = [keras.Variable(rng.normal(size=(3, 3)).astype(np.float32)) for _ in range(2)]
        optimizer = getattr(keras.optimizers, name)(0.01)
        optimizer.build(moved)

        def step(g: Any, o: Any = optimizer, vs: Any = moved) -> None:
            o.apply([g, 2.0 * g], vs)

        run = tf.function(step) if recorded else step
        for _ in range(3):
            run(tf.constant(rng.normal(size=(3, 3)), tf.float32))
        values.append([v.numpy() for v in moved])
        if not recorded:
            (compiled,) = optimizer._compiled_steps.values()
            assert compiled.experimental_get_tracing_count() == 1
    np.testing.assert_allclose(*values, rtol=1e-5, atol=1e-6)


def test_own_optimizers_do_what_they_say() -> None:
    """A subclass with its own step runs as Python at each step, also when it derives from Adam."""

    class Halving(keras.optimizers.Adam):
        steps = 0

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            self.steps += 1
            variable.assign(variable / 2.0)

    variable = keras.Variable(np.float32([8.0]))
    optimizer = Halving()
    for _ in range(3):
        optimizer.apply([tf.constant([1.0])], [variable])
    assert optimizer.steps == 3
    assert variable.numpy() == 1.0


def test_changed_hyperparameters_count() -> None:
    """At once a rule reads what the optimizer says now."""
    variable = keras.Variable(np.float32([1.0]))
    optimizer = keras.optimizers.SGD(0.5)
    optimizer.apply([tf.constant([1.0])], [variable])
    optimizer.learning_rate = 0.25
    optimizer.apply([tf.constant([1.0])], [variable])
    assert variable.numpy() == 0.25


def test_scaled_losses_skip_what_overflowed() -> None:
    variable = keras.Variable(np.float32([1.0]))
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.5), initial_scale=8.0)
    optimizer.build([variable])
    optimizer.apply([tf.constant([np.inf])], [variable])
    assert variable.numpy() == 1.0
    assert float(optimizer.dynamic_scale) == 4.0
    optimizer.apply([tf.constant([4.0])], [variable])  # the gradient 1, scaled by 4
    assert variable.numpy() == 0.5


def test_constraints() -> None:
    variable = keras.Variable(np.float32([1.0, -1.0]))
    variable.constraint = keras.constraints.NonNeg()
    keras.optimizers.SGD(0.5).apply([tf.constant([1.0, 1.0])], [variable])
    np.testing.assert_array_equal(variable.numpy(), [0.5, 0.0])
