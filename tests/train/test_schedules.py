"""Learning-rate schedules: figures of Keras, published formulas, configs and bad input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import gradtape as tf

S = tf.optimizers.schedules
STEPS = range(25)


def cosine(fraction: float) -> float:
    return (1 + math.cos(math.pi * fraction)) / 2


def restarts(step: int, first: int, t_mul: float, m_mul: float) -> float:
    """Loshchilov and Hutter 2016, equation 5, one period after the other."""
    start, length, height = 0.0, float(first), 1.0
    while step >= start + length - 1e-9:
        start, length, height = start + length, length * t_mul, height * m_mul
    return height * cosine((step - start) / length)


FORMULAS: dict[str, tuple[Any, Any]] = {
    "exponential": (S.ExponentialDecay(0.1, 7, 0.6), lambda k: 0.1 * 0.6 ** (k / 7)),
    "exponential stairs": (S.ExponentialDecay(0.1, 7, 0.6, staircase=True), lambda k: 0.1 * 0.6 ** (k // 7)),
    "inverse": (S.InverseTimeDecay(0.1, 7, 0.6), lambda k: 0.1 / (1 + 0.6 * k / 7)),
    "inverse stairs": (S.InverseTimeDecay(0.1, 7, 0.6, True), lambda k: 0.1 / (1 + 0.6 * (k // 7))),
    "polynomial": (S.PolynomialDecay(0.1, 7, 0.01, 2.0), lambda k: 0.09 * (1 - min(k, 7) / 7) ** 2 + 0.01),
    "polynomial cycle": (S.PolynomialDecay(0.1, 7, 0.01, 0.5, cycle=True),
                         lambda k: 0.09 * (1 - k / (7 * max(math.ceil(k / 7), 1))) ** 0.5 + 0.01),
    "piecewise": (S.PiecewiseConstantDecay([3, 9], [1.0, 0.5, 0.25]), lambda k: [1.0, 0.5, 0.25][(k > 3) + (k > 9)]),
    "cosine": (S.CosineDecay(0.1, 7, alpha=0.1), lambda k: 0.1 * (0.9 * cosine(min(k, 7) / 7) + 0.1)),
    "cosine warmup": (S.CosineDecay(0.1, 7, 0.1, warmup_target=0.4, warmup_steps=4),
                      lambda k: 0.1 + 0.3 * k / 4 if k < 4 else 0.4 * (0.9 * cosine(min(k - 4, 7) / 7) + 0.1)),
    "cosine target": (S.CosineDecay(0.1, 7, warmup_target=0.4), lambda k: 0.4 * cosine(min(k, 7) / 7)),
    "restarts": (S.CosineDecayRestarts(0.1, 3, 2.0, 0.5, 0.1), lambda k: 0.1 * (0.9 * restarts(k, 3, 2.0, 0.5) + 0.1)),
    "restarts alike": (S.CosineDecayRestarts(0.1, 3, 1.0, 0.9), lambda k: 0.1 * restarts(k, 3, 1.0, 0.9)),
    "restarts by 3": (S.CosineDecayRestarts(0.1, 1, 3.0), lambda k: 0.1 * restarts(k, 1, 3.0, 1.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_a_schedule_follows_its_formula(name: str) -> None:
    schedule, formula = FORMULAS[name]
    for step in STEPS:
        rate = schedule(step)
        assert rate.dtype == tf.float32
        assert rate.shape == ()
        np.testing.assert_allclose(float(rate), formula(step), rtol=1e-6, atol=1e-9)


def test_a_restart_comes_on_time_where_logarithms_round() -> None:
    # periods of 1, 3, 9, ...: restarts at 1, 4, 13, 40, 121, 364, 1093; log(243) / log(3) is below 5 in floats
    schedule = S.CosineDecayRestarts(1.0, 1, t_mul=3.0)
    assert [float(schedule(k)) for k in (0, 1, 4, 13, 40, 121, 364, 1093)] == [1.0] * 8


# steps 0, 5, 10, 20 in Keras 3.15.1 on TensorFlow 2.21, float32
KERAS = {
    "exponential": (0.1, 0.06942832, 0.04820291, 0.0232352), "exponential stairs": (0.1, 0.1, 0.06, 0.036),
    "inverse": (0.1, 0.07, 0.05384615, 0.0368421), "inverse stairs": (0.1, 0.1, 0.0625, 0.04545455),
    "polynomial": (0.1, 0.01734694, 0.01, 0.01),
    "polynomial cycle": (0.1, 0.05810703, 0.05810703, 0.02963961), "piecewise": (1.0, 0.5, 0.25, 0.25),
    "cosine": (0.1, 0.02694295, 0.01, 0.01), "cosine warmup": (0.1, 0.38217437, 0.0578256, 0.04),
    "restarts": (0.1, 0.04375, 0.03211667, 0.01038333),
}  # fmt: skip


@pytest.mark.parametrize("name", KERAS)
def test_a_schedule_gives_the_figures_of_keras(name: str) -> None:
    found = [float(FORMULAS[name][0](step)) for step in (0, 5, 10, 20)]
    np.testing.assert_allclose(found, KERAS[name], rtol=2e-6)


@pytest.mark.parametrize(
    "step", [3, np.int64(3), tf.constant(3), tf.constant(3.0), tf.Variable(np.int64(3))]
)
def test_a_step_may_be_any_number(step: Any) -> None:
    assert float(S.ExponentialDecay(1.0, 3, 0.5)(step)) == 0.5
    assert float(S.PiecewiseConstantDecay([2], [1.0, 0.5])(step)) == 0.5


def test_the_dtype_is_that_of_the_initial_rate() -> None:
    exact = S.InverseTimeDecay(tf.constant(0.1, tf.float64), 3, 0.5)
    assert exact(3).dtype == tf.float64
    assert float(exact(3)) == 0.1 / 1.5
    whole = S.ExponentialDecay(1, 2, 0.25)
    assert whole(1).dtype == tf.float32
    assert float(whole(1)) == 0.5


@pytest.mark.parametrize("name", FORMULAS)
def test_a_schedule_survives_serializing(name: str) -> None:
    schedule = FORMULAS[name][0]
    described = S.serialize(schedule)
    assert described["class_name"] == type(schedule).__name__
    again = S.deserialize(described)
    assert (
        again.get_config()
        == schedule.get_config()
        == type(schedule).from_config(described["config"]).get_config()
    )
    assert [float(again(k)) for k in STEPS] == [float(schedule(k)) for k in STEPS]
    assert repr(again) == repr(schedule)


def test_a_schedule_of_ones_own() -> None:
    class Halving(S.LearningRateSchedule):
        def __call__(self, step: Any) -> Any:
            return 0.5 ** tf.cast(step, tf.float32)

    w = tf.Variable(0.0)
    optimizer = tf.optimizers.SGD(Halving())
    for _ in range(3):
        optimizer.apply([tf.constant(1.0)], [w])
    assert float(w) == -1.75
    with pytest.raises(NotImplementedError, match=r"'Halving' must override `get_config\(\)`"):
        optimizer.get_config()
    with pytest.raises(NotImplementedError, match="must override `__call__"):
        S.LearningRateSchedule()(0)
    with pytest.raises(ValueError, match="no schedule 'Halving'. Pass custom_objects"):
        S.deserialize({"class_name": "Halving", "config": {}})
    assert isinstance(
        S.deserialize({"class_name": "Halving", "config": {}}, {"Halving": Halving}), Halving
    )


@pytest.mark.parametrize(
    "make,text",
    [
        (
            lambda: S.ExponentialDecay(0.1, 0, 0.5),
            "Argument `decay_steps` must be > 0. Received: decay_steps=0",
        ),
        (lambda: S.InverseTimeDecay(0.1, -1, 0.5), "Argument `decay_steps` must be > 0"),
        (lambda: S.PolynomialDecay(0.1, 0), "Argument `decay_steps` must be > 0"),
        (lambda: S.CosineDecay(0.1, 0), "Argument `decay_steps` must be > 0"),
        (lambda: S.CosineDecay(0.1, "x"), "`decay_steps` must be a number"),
        (lambda: S.CosineDecayRestarts(0.1, 0), "Argument `first_decay_steps` must be > 0"),
        (lambda: S.CosineDecayRestarts(0.1, 2, t_mul=0.5), "`t_mul` must be a number >= 1"),
        (lambda: S.ExponentialDecay("x", 1, 0.5), "`initial_learning_rate` must be a number"),
        (
            lambda: S.ExponentialDecay(tf.constant([1.0]), 1, 0.5),
            "`initial_learning_rate` must be one number",
        ),
        (
            lambda: S.PiecewiseConstantDecay([1], [1.0]),
            "should be 1 less than the length of values",
        ),
        (lambda: S.PiecewiseConstantDecay([3, 2], [1.0, 2.0, 3.0]), "`boundaries` must increase"),
    ],
)
def test_bad_arguments(make: Any, text: str) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    assert text in str(caught.value)
