"""Every optimizer follows its published recurrence in float64, in all combinations of its options."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from tests.train import references as ref

STEPS, RATE = 7, 0.125  # a rate that float32 holds exactly
rng = np.random.default_rng(11)
START = rng.standard_normal((3, 4))
GRADIENTS = rng.standard_normal((STEPS, 3, 4)) * np.array([1.0, 0.1, 1e-3, 3.0])
OPT, V1 = tf.optimizers, tf.compat.v1.train
BOTH = (False, True)


def grid(**options: tuple[Any, ...]) -> list[dict[str, Any]]:
    """All combinations of the values of some options."""
    return [dict(zip(options, c, strict=True)) for c in itertools.product(*options.values())]


def rows() -> list[Any]:
    """(label, optimizer, reference) for each optimizer and combination of its options."""
    table: list[tuple[str, Callable[[], Any], Callable[..., ref.Path]]] = []

    def add(
        name: str,
        make: Callable[..., Any],
        path: Callable[..., ref.Path],
        options: list[dict[str, Any]],
    ) -> None:
        for o in options:
            label = "-".join([name, *[f"{k}={v}" for k, v in o.items()]])
            table.append((label, lambda o=o: make(**o), lambda w, gs, o=o: path(w, gs, **o)))

    def renamed(function: Callable[..., Any], **names: str) -> Callable[..., Any]:
        return lambda *a, **o: function(*a, **{names.get(k, k): v for k, v in o.items()})

    keras = {"momentum": "momentum", "b1": "beta_1", "b2": "beta_2", "lr": "learning_rate", "eps": "epsilon",
             "start": "initial_accumulator_value"}  # fmt: skip
    lr = (RATE,)
    moments = grid(lr=lr, b1=(0.5, 0.9), b2=(0.75, 0.999), eps=(1e-7, 0.1))
    add(
        "SGD",
        renamed(OPT.SGD, **keras),
        ref.sgd,
        grid(lr=lr, momentum=(0.0, 0.5, 1.0), nesterov=BOTH),
    )
    add(
        "Adam",
        renamed(OPT.Adam, **keras),
        ref.adam,
        [m | {"amsgrad": a} for m in moments for a in BOTH],
    )
    add(
        "Adagrad",
        renamed(OPT.Adagrad, **keras),
        ref.adagrad,
        grid(lr=lr, start=(0.0, 0.1), eps=(1e-7, 0.5)),
    )
    add("RMSprop", renamed(OPT.RMSprop, **keras), ref.rmsprop,
        grid(lr=lr, rho=(0.5, 0.9), momentum=(0.0, 0.75), eps=(1e-7, 0.25), centered=BOTH))  # fmt: skip
    add(
        "Adadelta",
        renamed(OPT.Adadelta, **keras),
        ref.adadelta,
        grid(lr=lr, rho=(0.5, 0.95), eps=(1e-7, 0.25)),
    )
    add("Adamax", renamed(OPT.Adamax, **keras), ref.adamax, moments)
    add("Nadam", renamed(OPT.Nadam, **keras), ref.nadam, moments)
    add("Lion", renamed(OPT.Lion, **keras), ref.lion, grid(lr=lr, b1=(0.5, 1.0), b2=(0.75, 0.99)))
    names = {"l1": "l1_regularization_strength", "l2": "l2_regularization_strength",
             "shrinkage": "l2_shrinkage_regularization_strength", "power": "learning_rate_power"}  # fmt: skip
    leader = grid(lr=lr, power=(-0.5, -0.25, 0.0), start=(0.1, 1.0), l1=(0.0, 0.75), l2=(0.0, 0.5),
                  shrinkage=(0.0, 0.25), beta=(0.0, 0.5))  # fmt: skip
    add("Ftrl", renamed(OPT.Ftrl, **keras, **names), ref.ftrl, leader)

    one = {"lr": "learning_rate", "b1": "beta1", "b2": "beta2", "eps": "epsilon", "nesterov": "use_nesterov",
           "start": "initial_accumulator_value"}  # fmt: skip
    add("v1.GradientDescent", renamed(V1.GradientDescentOptimizer, **one), ref.sgd, grid(lr=lr))
    add("v1.Momentum", renamed(V1.MomentumOptimizer, **one), ref.heavy_ball,
        grid(lr=lr, momentum=(0.0, 0.5), nesterov=BOTH))  # fmt: skip
    add("v1.Adam", renamed(V1.AdamOptimizer, **one), ref.adam, moments)
    add("v1.Adagrad", lambda lr, start, eps: V1.AdagradOptimizer(lr, start), ref.adagrad,
        grid(lr=lr, start=(0.1, 1.0), eps=(0.0,)))  # fmt: skip
    add("v1.RMSProp", lambda rho, start, eps, lr, **o: V1.RMSPropOptimizer(lr, rho, epsilon=eps, **o), ref.rmsprop,
        grid(lr=lr, rho=(0.5, 0.9), momentum=(0.0, 0.75), eps=(1e-10, 0.25), centered=BOTH, start=(1.0,)))  # fmt: skip
    add(
        "v1.Adadelta",
        renamed(V1.AdadeltaOptimizer, **one),
        ref.adadelta,
        grid(lr=lr, rho=(0.5,), eps=(1e-8, 0.25)),
    )
    add("v1.Ftrl", renamed(V1.FtrlOptimizer, **one, **names), ref.ftrl, leader[::5])
    strengths = grid(l1=(0.0, 0.75), l2=(0.0, 0.5))
    add("v1.ProximalGradientDescent", renamed(V1.ProximalGradientDescentOptimizer, **one, **names),
        ref.proximal_descent, [{"lr": RATE} | s for s in strengths])  # fmt: skip
    add("v1.ProximalAdagrad", renamed(V1.ProximalAdagradOptimizer, **one, **names), ref.proximal_adagrad,
        [{"lr": RATE, "start": 0.1} | s for s in strengths])  # fmt: skip
    return [pytest.param(make, path, id=label) for label, make, path in table]


def expected(path: Callable[..., ref.Path]) -> np.ndarray[Any, Any]:
    """The reference for every element, after each step."""
    out = np.empty_like(GRADIENTS)
    for index in np.ndindex(START.shape):
        series = [float(g) for g in GRADIENTS[(slice(None), *index)]]
        out[(slice(None), *index)] = path(float(START[index]), series)
    return out


@pytest.mark.parametrize("make,path", rows())
def test_a_rule_follows_its_recurrence(
    make: Callable[[], Any], path: Callable[..., ref.Path]
) -> None:
    optimizer, variable = make(), tf.Variable(START)
    for gradient, wanted in zip(GRADIENTS, expected(path), strict=True):
        optimizer.apply_gradients([(tf.constant(gradient), variable)])
        np.testing.assert_allclose(variable.numpy(), wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("l1,l2", [(0.0, 0.0), (0.75, 0.0), (0.0, 0.5), (0.75, 0.5)])
def test_dual_averaging_follows_its_closed_form(l1: float, l2: float) -> None:
    variable, step = tf.Variable(START), tf.Variable(np.int64(0))
    optimizer = V1.AdagradDAOptimizer(RATE, step, 0.25, l1, l2)
    wanted = expected(lambda w, gs: ref.adagrad_da(w, gs, RATE, 0.25, l1, l2))
    for gradient, value in zip(GRADIENTS, wanted, strict=True):
        optimizer.apply_gradients([(tf.constant(gradient), variable)], global_step=step)
        np.testing.assert_allclose(variable.numpy(), value, rtol=1e-12, atol=1e-14)
    assert int(step) == STEPS


@pytest.mark.parametrize(
    "kind", ["SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "Adadelta", "Adamax", "Nadam", "Lion"]
)
def test_weight_decay_shrinks_the_value_before_the_step(kind: str) -> None:
    decayed, plain = tf.Variable(START), tf.Variable(START)
    optimizer = getattr(OPT, kind)(RATE, weight_decay=0.5)
    undecayed = OPT.Adam(RATE) if kind == "AdamW" else getattr(OPT, kind)(RATE)
    for gradient in GRADIENTS:
        before = decayed.numpy()
        optimizer.apply_gradients([(gradient, decayed)])
        plain.assign(before * (1 - RATE * 0.5))
        undecayed.apply_gradients([(gradient, plain)])
        np.testing.assert_allclose(decayed.numpy(), plain.numpy(), rtol=1e-13)


def test_the_averages_of_keras_moving_average() -> None:
    # hand: after step 1 the average is the value; then momentum * average + (1 - momentum) * value
    variable = tf.Variable([1.0], dtype="float64")
    optimizer = OPT.SGD(0.5, use_ema=True, ema_momentum=0.75, ema_overwrite_frequency=3)
    values, average = [], 0.0
    w = 1.0
    for step in (1, 2, 3, 4):
        w -= 0.5
        average = w if step == 1 else 0.75 * average + 0.25 * w
        if step == 3:
            w = average
        optimizer.apply_gradients([(tf.constant([1.0], tf.float64), variable)])
        values.append((float(variable.numpy()[0]), w))
    np.testing.assert_allclose(*zip(*values, strict=True))
    optimizer.finalize_variable_values([variable])
    np.testing.assert_allclose(variable.numpy(), [average])
