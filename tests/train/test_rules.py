"""The update rules are pure, work on every array namespace, and give the same in blocks and on single rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.train import update as runner
from gradtape.train.rules.adadelta import AdadeltaSlots, adadelta
from gradtape.train.rules.adagrad import AdagradSlots, adagrad
from gradtape.train.rules.adagrad_da import AdagradDASlots, adagrad_da
from gradtape.train.rules.adam import AdamSlots, adam
from gradtape.train.rules.adamax import AdamaxSlots, adamax
from gradtape.train.rules.ftrl import FtrlSlots, ftrl
from gradtape.train.rules.lion import LionSlots, lion
from gradtape.train.rules.momentum import MomentumSlots, heavy_ball
from gradtape.train.rules.nadam import NadamSlots, nadam
from gradtape.train.rules.proximal import ProximalSlots, proximal_adagrad, proximal_gradient_descent
from gradtape.train.rules.rmsprop import RMSpropSlots, rmsprop
from gradtape.train.rules.sgd import SGDSlots, sgd

RULES: dict[str, tuple[Callable[..., Any], type, int, dict[str, Any]]] = {
    "sgd": (sgd, SGDSlots, 0, {}),
    "sgd momentum": (sgd, SGDSlots, 1, {"momentum": 0.5}),
    "sgd nesterov": (sgd, SGDSlots, 1, {"momentum": 0.5, "nesterov": True}),
    "heavy ball": (heavy_ball, MomentumSlots, 1, {"momentum": 0.5, "nesterov": True}),
    "adam": (adam, AdamSlots, 2, {"beta_1": 0.9, "beta_2": 0.5, "powers": (0.81, 0.25), "epsilon": 1e-3}),
    "amsgrad": (adam, AdamSlots, 3, {"beta_1": 0.9, "beta_2": 0.5, "powers": (0.81, 0.25), "epsilon": 1e-3}),
    "adagrad": (adagrad, AdagradSlots, 1, {"epsilon": 0.1}),
    "rmsprop": (rmsprop, RMSpropSlots, 3, {"rho": 0.5, "momentum": 0.5, "epsilon": 3.0}),
    "adadelta": (adadelta, AdadeltaSlots, 2, {"rho": 0.5, "epsilon": 0.1}),
    "adamax": (adamax, AdamaxSlots, 2, {"beta_1": 0.9, "beta_2": 0.5, "power": 0.81, "epsilon": 0.1}),
    "nadam": (nadam, NadamSlots, 2, {"beta_1": 0.9, "beta_2": 0.5, "momenta": (0.5, 0.6), "product": 0.25,
                                     "power": 0.25, "epsilon": 0.1}),
    "lion": (lion, LionSlots, 1, {"beta_1": 0.9, "beta_2": 0.5}),
    "ftrl": (ftrl, FtrlSlots, 2, {"learning_rate_power": -0.4, "l1": 0.3, "l2": 0.1, "shrinkage": 0.1, "beta": 0.5}),
    "proximal": (proximal_gradient_descent, ProximalSlots, 0, {"l1": 0.3, "l2": 0.1}),
    "proximal adagrad": (proximal_adagrad, AdagradSlots, 1, {"l1": 0.3, "l2": 0.1}),
    "adagrad_da": (adagrad_da, AdagradDASlots, 2, {"l1": 0.3, "l2": 0.1, "step": 2}),
}  # fmt: skip
rng = np.random.default_rng(5)


def arrays(name: str, shape: tuple[int, ...], dtype: Any) -> tuple[Any, Any, Any, dict[str, Any]]:
    """Gradient, value, slots and hyperparameters for a rule; the slots hold positive numbers."""
    _, kind, count, hyper = RULES[name]
    gradient, value, *slots = rng.uniform(0.1, 1.0, (2 + count, *shape)).astype(dtype)
    fields = dict(zip(kind._fields, slots, strict=False))  # type: ignore[attr-defined]
    return gradient - dtype(0.5), value, kind(**fields), {"learning_rate": 0.25, **hyper}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RULES)
def test_a_rule_leaves_its_arguments_alone_and_keeps_shape_and_dtype(name: str, dtype: Any) -> None:
    for shape in ((2, 3), (), (0,)):
        gradient, value, slots, hyper = arrays(name, shape, dtype)
        given = [np.array(a) for a in (gradient, value, *slots) if a is not None]
        new_value, new_slots = RULES[name][0](np, gradient, value, slots, **hyper)
        for before, after in zip(
            given, (a for a in (gradient, value, *slots) if a is not None), strict=True
        ):
            np.testing.assert_array_equal(before, after)
        assert type(new_slots) is type(slots)
        for old, new in zip((value, *slots), (new_value, *new_slots), strict=True):
            assert (old is None) == (new is None)
            if new is not None:
                assert new.shape == shape
                assert new.dtype == dtype


@pytest.mark.parametrize("name", RULES)
def test_a_rule_runs_compiled_on_the_other_namespace(name: str) -> None:
    jax = pytest.importorskip("jax")
    gradient, value, slots, hyper = arrays(name, (2, 3), np.float64)
    rule = RULES[name][0]
    wanted = rule(np, gradient, value, slots, **hyper)
    rate = hyper.pop("learning_rate")
    compiled = jax.jit(lambda g, w, s, r: rule(jax.numpy, g, w, s, learning_rate=r, **hyper))
    found = compiled(gradient, value, slots, rate)
    for a, b in zip((found[0], *found[1]), (wanted[0], *wanted[1]), strict=True):
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_blocks_and_rows_give_what_the_whole_gives(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gradient, value, slots, hyper = arrays(name, (5, 3), np.float64)
    rule = RULES[name][0]
    wanted, wanted_slots = rule(np, gradient, 0.5 * value, slots, **hyper)

    def held() -> tuple[Any, Any]:
        return tf.Variable(value), type(slots)(
            *[None if s is None else tf.Variable(s) for s in slots]
        )

    monkeypatch.setattr(runner, "WHOLE", 4)
    monkeypatch.setattr(runner, "BLOCK", 4)
    variable, cells = held()
    runner.update(rule, gradient, variable, cells, hyper, decay=0.5)
    np.testing.assert_allclose(variable.numpy(), wanted, rtol=1e-14)
    for cell, array in zip(cells, wanted_slots, strict=True):
        if cell is not None:
            np.testing.assert_allclose(cell.numpy(), array, rtol=1e-14)

    variable, cells = held()
    chosen = np.array([1, 4])
    rows = runner.Rows(gradient[chosen], chosen)
    runner.update(rule, rows, variable, cells, hyper, by_rows=True, decay=0.5)
    rest = [0, 2, 3]
    np.testing.assert_allclose(variable.numpy()[chosen], wanted[chosen], rtol=1e-14)
    np.testing.assert_array_equal(variable.numpy()[rest], 0.5 * value[rest])
    for cell, array, before in zip(cells, wanted_slots, slots, strict=True):
        if cell is not None:
            np.testing.assert_allclose(cell.numpy()[chosen], array[chosen], rtol=1e-14)
            np.testing.assert_array_equal(cell.numpy()[rest], before[rest])
