"""Forward rules written down as array code give what the rules themselves give, for every row of
the table, one direction and several, in every case of what moves; and they neither hide an error
nor remember without bound."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.autodiff.straight import MOST
from gradtape.autodiff.tangents import push_forward
from gradtape.core.dispatch import apply
from gradtape.core.primitive import registry
from gradtape.core.tensor import Tensor
from tests.ops.case import Case, tensors
from tests.ops.cases import all_cases
from tests.ops.matrix import active, direction, rule_dtypes

Accumulator = tf.autodiff.ForwardAccumulator
ROWS = [c for c in all_cases() if c.primitive.differentiable and c.order >= 1]
ELEMENTWISE = [c for c in ROWS if c.primitive.family == "elementwise" and not c.params]


def movements(arrays: list[Any]) -> list[dict[int, Any]]:
    """A direction for all inputs, and for each of two by itself."""
    whole = {i: direction(arrays[i], 40 + i) for i in active(arrays)}
    return [whole, *[{i: d} for i, d in whole.items() if len(whole) == 2]]


def by_rules(case: Case, inputs: list[Any], ways: dict[int, Any]) -> list[Any]:
    """Tangents by running the rules on tensors."""
    given = tuple([Tensor(ways[i]) if i in ways else None for i in range(len(inputs))])
    return push_forward(case.primitive, tuple(inputs), given, case.params)[1]


def observed(case: Case, inputs: list[Any], ways: dict[int, Any], batched: bool) -> list[Any]:
    """Tangents by an accumulator that was there twice before: what can be written down has been."""
    found: list[Any] = []
    for _ in range(3):
        primals = [inputs[i] for i in ways]
        with Accumulator(primals, [Tensor(d) for d in ways.values()], batched=batched) as acc:
            out = apply(case.primitive, tuple(inputs), case.params)
        outs = out if case.primitive.several else (out,)
        outs = [o for o in outs if o.dtype.is_floating or o.dtype.is_complex]
        found = acc.jvp(outs, "zero")
    return found


def compare(found: list[Any], wanted: list[Any]) -> None:
    """Equal to rounding, dtypes and shapes exactly."""
    for have, expected in zip(found, wanted, strict=True):
        assert (have.dtype, have.shape) == (expected.dtype, expected.shape)
        np.testing.assert_allclose(have, expected, rtol=1e-11, atol=1e-13)


def each(case: Case) -> Any:
    """The row's inputs, in every dtype and variant whose rules are checked."""
    for dtype in rule_dtypes(case):
        for shapes in [None, *case.variants]:
            yield case.arrays(dtype, shapes)


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_every_row_gives_what_its_rules_give(case: Case) -> None:
    for arrays in each(case):
        for ways in movements(arrays):
            inputs = tensors(arrays)
            compare(observed(case, inputs, ways, False), by_rules(case, inputs, ways))


@pytest.mark.parametrize("case", ROWS, ids=str)
def test_three_directions_at_once(case: Case) -> None:
    for arrays in each(case):
        ways = movements(arrays)[0]
        rows = {i: np.stack([d, 0 * d, -2 * d]) for i, d in ways.items()}
        wanted = []
        for tangent in by_rules(case, tensors(arrays), ways):
            one = np.asarray(tangent)
            wanted.append(Tensor(np.stack([one, 0 * one, -2 * one])))
        compare(observed(case, tensors(arrays), rows, True), wanted)


@pytest.mark.parametrize("case", ELEMENTWISE, ids=str)
def test_operations_that_an_accumulator_runs_itself(case: Case) -> None:
    primitive = case.primitive
    for arrays, number in itertools.product(each(case), range(3)):
        ways = (movements(arrays) * 3)[number]
        inputs = tensors(arrays)
        out = apply(primitive, tuple(inputs))
        pairs = [(inputs[i], Tensor(d)) for i, d in ways.items()]
        with Accumulator([x for x, _ in pairs], [t for _, t in pairs]) as acc:
            apply(primitive, tuple(inputs))  # what can be written down is, now
            run: Any = acc.run_one if len(inputs) == 1 else acc.run_two
            made = run(primitive, *inputs, primitive.kept((True,) * len(inputs)))
        if made is not None:
            np.testing.assert_array_equal(made, out)
            compare([acc.jvp(made)], by_rules(case, inputs, ways))


def test_most_operations_are_run_by_the_accumulator() -> None:
    """The test before this one would pass if none were."""
    x = tf.constant([0.25, 0.5])
    with Accumulator(x, tf.ones_like(x)) as acc:
        for name in ("sin", "exp", "tanh", "sqrt", "negative", "square"):
            primitive = registry[name]
            apply(primitive, (x,))
            assert acc.run_one(primitive, x, primitive.kept((True,))) is not None
        for name in ("add", "multiply", "divide", "subtract", "pow", "maximum"):
            primitive = registry[name]
            apply(primitive, (x, x))
            assert acc.run_two(primitive, x, x, None) is not None


def test_ever_new_shapes_do_not_fill_the_memory() -> None:
    table = registry["reduce_sum"].pushes
    for n in range(1, MOST + 50):
        x = tf.ones((n,))
        for _ in range(2):
            with Accumulator(x, x) as acc:
                y = tf.reduce_sum(x)
            assert float(acc.jvp(y)) == n
    assert len(table) <= MOST


def test_an_error_speaks_of_the_operation() -> None:
    x, y = tf.ones((3,)), tf.ones((2,))
    for _ in range(3):
        with Accumulator(x, x), pytest.raises(tf.errors.InvalidArgumentError, match="gradtape.mul"):
            tf.multiply(x, y)
        with Accumulator(x, x), pytest.raises(tf.errors.InvalidArgumentError, match="gradtape.mat"):
            tf.matmul(x[:, None], y[:, None])
        with Accumulator(x, x), pytest.raises(tf.errors.InvalidArgumentError, match="gradtape.sin"):
            tf.sin(tf.constant(1))
