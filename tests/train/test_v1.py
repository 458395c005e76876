"""`tf.compat.v1.train`: figures of TensorFlow 2.21, slots, global step, decays, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.compat import v1

T = v1.train
MAKERS: dict[str, Any] = {
    "GradientDescentOptimizer": lambda: T.GradientDescentOptimizer(0.1),
    "MomentumOptimizer": lambda: T.MomentumOptimizer(0.1, 0.9),
    "AdamOptimizer": lambda: T.AdamOptimizer(0.1),
    "AdagradOptimizer": lambda: T.AdagradOptimizer(0.1),
    "RMSPropOptimizer": lambda: T.RMSPropOptimizer(0.1, momentum=0.9, centered=True),
    "AdadeltaOptimizer": lambda: T.AdadeltaOptimizer(0.1),
    "FtrlOptimizer": lambda: T.FtrlOptimizer(0.1),
    "ProximalGradientDescentOptimizer": lambda: T.ProximalGradientDescentOptimizer(0.1, 0.1, 0.1),
    "ProximalAdagradOptimizer": lambda: T.ProximalAdagradOptimizer(0.1),
    "AdagradDAOptimizer": lambda: T.AdagradDAOptimizer(0.1, tf.Variable(np.int64(0))),
}
SLOTS = {
    "GradientDescentOptimizer": [], "MomentumOptimizer": ["momentum"], "AdamOptimizer": ["m", "v"],
    "AdagradOptimizer": ["accumulator"], "RMSPropOptimizer": ["mg", "momentum", "rms"],
    "AdadeltaOptimizer": ["accum", "accum_update"], "FtrlOptimizer": ["accum", "linear"],
    "ProximalGradientDescentOptimizer": [], "ProximalAdagradOptimizer": ["accumulator"],
    "AdagradDAOptimizer": ["gradient_accumulator", "gradient_squared_accumulator"],
}  # fmt: skip


@pytest.mark.parametrize("kind", MAKERS)
def test_slots_have_the_names_of_tensorflow(kind: str) -> None:
    optimizer, w = MAKERS[kind](), tf.Variable([1.0, 2.0], name="w")
    assert optimizer.get_slot_names() == []
    assert optimizer.apply_gradients([(tf.constant([0.1, 0.2]), w)]) is None
    assert optimizer.get_slot_names() == SLOTS[kind]
    for name in SLOTS[kind]:
        assert optimizer.get_slot(w, name).shape == (2,)
    assert optimizer.get_slot(w, "rubbish") is None
    assert optimizer.get_slot(tf.Variable(1.0), "m") is None
    assert optimizer.get_name() == kind.removesuffix("Optimizer")


def test_the_variables_of_adam() -> None:
    # TensorFlow 2.21: beta1_power:0, beta2_power:0, w/Adam:0, w/Adam_1:0
    optimizer, w = T.AdamOptimizer(0.1), tf.Variable([1.0, 2.0], name="w")
    for _ in range(2):
        optimizer.apply_gradients([(tf.constant([0.1, 0.2]), w)])
    names = [v.name for v in optimizer.variables()]
    assert names == ["beta1_power:0", "beta2_power:0", "w/Adam:0", "w/Adam_1:0"]
    assert float(optimizer.variables()[0]) == pytest.approx(0.9**3)
    np.testing.assert_allclose(optimizer.get_slot(w, "m").numpy(), [0.019, 0.038], rtol=1e-6)


def test_a_new_variable_gets_slots_when_it_comes() -> None:
    optimizer, v, w = T.MomentumOptimizer(0.5, 0.5), tf.Variable(1.0), tf.Variable(1.0)
    optimizer.apply_gradients([(tf.constant(1.0), v)])
    optimizer.apply_gradients([(tf.constant(1.0), v), (tf.constant(1.0), w)])
    assert (float(v), float(w)) == (-0.25, 0.5)


def test_minimize_finds_the_variables_and_counts() -> None:
    x, y = tf.Variable(2.0), tf.Variable(3.0, trainable=False)
    step = tf.Variable(np.int64(4))
    optimizer = T.GradientDescentOptimizer(0.25)
    assert optimizer.minimize(lambda: x * x * y, global_step=step) is None
    assert (float(x), float(y), int(step)) == (-1.0, 3.0, 5)
    optimizer.minimize(lambda: x * y, var_list=[y])
    assert (float(x), float(y)) == (-1.0, 3.25)
    optimizer.minimize(lambda: x * y, var_list=x, grad_loss=tf.constant(2.0))
    assert float(x) == -2.625


def test_compute_gradients_returns_pairs() -> None:
    x, y = tf.Variable(2.0), tf.Variable(3.0)
    pairs = T.GradientDescentOptimizer(0.25).compute_gradients(lambda: x * x, [x, y])
    assert float(pairs[0][0]) == 4.0
    assert pairs[0][1] is x
    assert pairs[1][0] is None
    assert pairs[1][1] is y


def test_hyperparameters_may_be_functions_tensors_and_variables() -> None:
    rate = tf.Variable(0.5)
    x = tf.Variable(0.0)
    optimizer = T.MomentumOptimizer(rate, lambda: tf.constant(0.0))
    optimizer.apply_gradients([(tf.constant(1.0), x)])
    rate.assign(0.25)
    optimizer.apply_gradients([(tf.constant(1.0), x)])
    assert float(x) == -0.75
    optimizer = T.AdamOptimizer(tf.constant(0.5), lambda: 0.9, tf.constant(0.999), lambda: 1e-8)
    optimizer.apply_gradients([(tf.constant(1.0), x)])
    assert float(x) == pytest.approx(-1.25)


def test_errors_in_the_words_of_tensorflow() -> None:
    optimizer, w = T.AdamOptimizer(), tf.Variable([1.0], name="w")
    with pytest.raises(RuntimeError) as caught:
        optimizer.compute_gradients(w * w)
    assert (
        "`loss` passed to Optimizer.compute_gradients should be a function when eager execution is enabled."
        in str(caught.value)
    )
    with pytest.raises(RuntimeError, match="should be a function"):
        optimizer.minimize(w * w)
    with pytest.raises(ValueError, match="^No variables provided"):
        optimizer.apply_gradients([])
    with pytest.raises(ValueError, match=r"No gradients provided for any variable: \['w:0'\]"):
        optimizer.apply_gradients([(None, w)])
    with pytest.raises(
        ValueError, match="No gradients provided for any variable, check your graph"
    ):
        optimizer.minimize(lambda: tf.constant(1.0), var_list=[w])
    with pytest.raises(ValueError, match="No variables to optimize: the loss reads no trainable"):
        optimizer.minimize(lambda: tf.constant(1.0))
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r"v1.train.AdamOptimizer.apply_gradients: the gradient",
    ):
        optimizer.apply_gradients([(tf.constant([1.0, 2.0]), w)])
    with pytest.raises(TypeError, match="is no pair of a gradient and a variable"):
        optimizer.apply_gradients([w])
    with pytest.raises(TypeError, match=r"is no tf.Variable"):
        optimizer.apply_gradients([(tf.constant(1.0), 2.0)])
    with pytest.raises(ValueError, match="`learning_rate` must be a number"):
        T.GradientDescentOptimizer("fast").apply_gradients([(tf.constant([1.0]), w)])
    np.testing.assert_array_equal(w.numpy(), [1.0])


def test_constructors_check_their_arguments() -> None:
    for make, text in [
        (lambda: T.AdagradOptimizer(0.1, 0.0), "initial_accumulator_value must be positive: 0.0"),
        (
            lambda: T.ProximalAdagradOptimizer(0.1, -1.0),
            "initial_accumulator_value must be positive",
        ),
        (
            lambda: T.AdagradDAOptimizer(0.1, 0, 0.0),
            "initial_gradient_squared_accumulator_value must be positive",
        ),
        (lambda: T.FtrlOptimizer(0.1, 0.5), "`learning_rate_power` must be a number <= 0"),
        (
            lambda: T.FtrlOptimizer(0.1, l1_regularization_strength=-1),
            "`l1_regularization_strength` must be a number",
        ),
        (lambda: T.Optimizer(False, ""), "Must specify the optimizer name"),
    ]:
        with pytest.raises(ValueError) as caught:
            make()
        assert text in str(caught.value)
    with pytest.raises(NotImplementedError, match="has no update rule"):
        T.Optimizer(False, "mine").apply_gradients([(tf.constant(1.0), tf.Variable(1.0))])


def test_the_global_step_is_one_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradtape.train import steps_v1

    monkeypatch.setattr(steps_v1, "_steps", {})
    assert T.get_global_step() is None
    step = T.get_or_create_global_step()
    assert step.name == "global_step:0"
    assert step.dtype == tf.int64
    assert T.get_or_create_global_step() is step is T.get_global_step()
    with pytest.raises(ValueError, match='"global_step" already exists'):
        T.create_global_step()
    T.assert_global_step(step)
    for bad in (tf.Variable(1.0), tf.Variable([1]), 3):
        with pytest.raises(TypeError, match="must be a scalar integer"):
            T.assert_global_step(bad)


# TensorFlow 2.21 in eager execution, rate 0.1, at global steps 0, 5, 10, 20
DECAYS: dict[str, tuple[Any, tuple[float, ...]]] = {
    "exponential_decay": (
        lambda s: T.exponential_decay(0.1, s, 7, 0.6),
        (0.1, 0.06942832, 0.04820291, 0.0232352),
    ),
    "natural_exp_decay": (
        lambda s: T.natural_exp_decay(0.1, s, 7, 0.6),
        (0.1, 0.06514391, 0.04243728, 0.01800923),
    ),
    "inverse_time_decay": (
        lambda s: T.inverse_time_decay(0.1, s, 7, 0.6),
        (0.1, 0.07, 0.05384615, 0.0368421),
    ),
    "polynomial_decay": (
        lambda s: T.polynomial_decay(0.1, s, 7),
        (0.1, 0.02864286, 0.0001, 0.0001),
    ),
    "piecewise_constant": (
        lambda s: T.piecewise_constant(s, [3, 9], [1.0, 0.5, 0.25]),
        (1.0, 0.5, 0.25, 0.25),
    ),
    "cosine_decay": (lambda s: T.cosine_decay(0.1, s, 7), (0.1, 0.0188255, 0.0, 0.0)),
    "cosine_decay_restarts": (
        lambda s: T.cosine_decay_restarts(0.1, s, 3),
        (0.1, 0.075, 0.09829629, 0.00170371),
    ),
}


@pytest.mark.parametrize("name", DECAYS)
def test_a_decay_is_a_function_of_the_present_global_step(name: str) -> None:
    make, figures = DECAYS[name]
    step = tf.Variable(np.int64(0))
    rate = make(step)
    for at, figure in zip((0, 5, 10, 20), figures, strict=True):
        step.assign(at)
        np.testing.assert_allclose(float(rate()), figure, rtol=2e-6, atol=1e-9)


def test_a_decay_drives_an_optimizer() -> None:
    step, x = tf.Variable(np.int64(0)), tf.Variable(0.0)
    optimizer = T.GradientDescentOptimizer(T.exponential_decay(0.5, step, 1, 0.5))
    for _ in range(3):
        optimizer.apply_gradients([(tf.constant(1.0), x)], global_step=step)
    assert float(x) == -0.875
    with pytest.raises(ValueError, match="global_step is required"):
        T.exponential_decay(0.5, None, 1, 0.5)
