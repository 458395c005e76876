"""The operations that a step is made of: numbers keep their digits, arrays keep their dtype."""

from __future__ import annotations

import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradtape.core.xp_numpy import xp as xp_numpy
from gradtape.graph.xp_jax import xp
from gradtape.train.operations import optimizer_step, with_numbers, without_numbers
from gradtape.train.scalars import Scalar, scalar
from tests.train.test_rules import RULES, arrays

BOTH = (operator.add, operator.sub, operator.mul, operator.truediv)


def test_numbers_leave_a_structure_and_come_back() -> None:
    given = {"rate": 0.5, "on": True, "powers": (0.25, 2), "kept": 3}
    fixed, taken = without_numbers(given, float)
    assert fixed == (("rate", None), ("on", True), ("powers", (None, 2)), ("kept", 3))
    assert taken == [0.5, 0.25]
    assert with_numbers(fixed, taken) == given


@pytest.mark.parametrize("operate", BOTH)
def test_a_scalar_computes_in_double_precision_until_it_meets_an_array(operate: Any) -> None:
    with jax.enable_x64(True):
        a, b = Scalar(jnp.asarray(0.1)), Scalar(jnp.asarray(0.7))
        wanted = operate(0.1, 0.7)
        for found in (operate(a, b), operate(a, 0.7), operate(0.1, b)):
            assert isinstance(found, Scalar)
            assert float(found.value) == wanted
        single = np.array([3.0, 4.0], np.float32)
        for array in (single, jnp.asarray(single)):
            for found, expected in (
                (operate(a, array), operate(np.float32(0.1), single)),
                (operate(array, a), operate(single, np.float32(0.1))),
            ):
                assert found.dtype == np.float32
                np.testing.assert_array_equal(found, expected)
        assert float((-a).value) == -0.1
        assert float(((1 - a) ** 0.5).value) == 0.9**0.5


def test_under_numpy_a_scalar_is_a_python_number() -> None:
    assert type(scalar(xp_numpy, np.float64(0.1))) is float


@pytest.mark.parametrize("name", RULES)
def test_single_precision_stays_single_in_compiled_code(name: str) -> None:
    rule, kind, _, _ = RULES[name]
    gradient, value, slots, hyper = arrays(name, (3,), np.float32)
    conditions = {k: v for k, v in hyper.items() if k in ("nesterov", "l1", "learning_rate_power")}
    changing = {k: v for k, v in hyper.items() if k not in conditions}
    fixed, numbers = without_numbers({**changing, "decay": 0.5}, (float, int))
    params = {
        "rule": rule, "kind": kind, "held": tuple(s is not None for s in slots),
        "fixed": (*fixed, *conditions.items()),
    }  # fmt: skip
    inputs = [gradient, value, *[s for s in slots if s is not None], *map(np.float64, numbers)]
    with jax.enable_x64(True):
        program = jax.make_jaxpr(lambda *given: optimizer_step.kernel(xp, *given, **params))(
            *inputs
        )
    wide = [
        v.aval for e in program.jaxpr.eqns for v in e.outvars
        if v.aval.dtype == np.float64 and v.aval.ndim
    ]  # fmt: skip
    assert wide == []
    assert all(v.aval.dtype == np.float32 for v in program.jaxpr.outvars)
