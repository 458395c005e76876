"""A zero cotangent or tangent gives zero, never nan, at the singular points of every row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import gradtape as tf
from gradtape.core.errors import InvalidArgumentError
from gradtape.core.xp_numpy import xp as xp_numpy
from gradtape.graph.xp_jax import xp as xp_jax
from tests.ops import singular
from tests.ops.case import Case, numpy_dtype
from tests.ops.cases import all_cases

ROWS = [c for c in all_cases() if c.primitive.differentiable and c.order >= 1]
ELEMENTWISE = [c for c in ROWS if singular.is_elementwise(c)]
OTHERS = [c for c in ROWS if not singular.is_elementwise(c)]


def assert_zero(found: list[Any], what: str) -> None:
    for number, tensor in enumerate(found):
        wrong = np.argwhere(np.asarray(tensor) != 0)
        assert not len(wrong), f"{what}, number {number}: {np.asarray(tensor)} at {wrong[:5]}"


@pytest.mark.parametrize("case", ELEMENTWISE, ids=str)
def test_elementwise_rows_at_every_combination_of_points(case: Case) -> None:
    f, xs = singular.of_floats(case, singular.grid(case))
    for way in singular.WAYS:
        assert_zero(way(f, xs), way.__name__)


@pytest.mark.parametrize("case", OTHERS, ids=str)
def test_other_rows_at_points(case: Case) -> None:
    for what, arrays in singular.placed(case):
        f, xs = singular.of_floats(case, arrays)
        for way in singular.WAYS:
            try:
                found = way(f, xs)
            except InvalidArgumentError:  # singular matrices: no value, or no second derivative
                assert case.primitive.family == "linalg"
            else:
                assert_zero(found, f"{way.__name__} at {what}")


@pytest.mark.parametrize("compile", [False, True])
def test_elementwise_rows_traced(compile: bool) -> None:
    """One row of each primitive in one program, whose cotangents are arguments: nothing is known
    to be zero."""
    chosen = {c.name: c for c in ELEMENTWISE if c.jax and c.primitive.family != "ladder"}
    pairs = [singular.of_floats(c, singular.grid(c)) for c in chosen.values()]
    outs = [f(xs) for f, xs in pairs]

    @tf.function(jit_compile=compile)
    def derivatives(points: Any, cotangents: Any) -> Any:
        found = []
        for (f, _), xs, cts in zip(pairs, points, cotangents, strict=True):
            with tf.GradientTape() as tape:
                tape.watch(xs)
                ys = f(xs)
            found.append(singular.present(tape.gradient(ys, xs, output_gradients=cts)))
        return found

    found = derivatives([xs for _, xs in pairs], [singular.zeros(o) for o in outs])
    for name, tensors in zip(chosen, found, strict=True):
        assert_zero(tensors, name)


def masked_rows(namespace: Any, to: Callable[[Any], Any]) -> list[Any]:
    """What the verbs that multiply by cotangents make of a row without a cotangent beside one."""
    nan, ct = np.full((2, 3), np.nan), np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
    nan[1] = [0.2, 0.3, 0.5]
    labels = np.array([0, 2])
    calls = [
        (namespace.zero_wins, nan * ct, ct),
        (namespace.softmax_pull, ct, nan, 1),
        (namespace.log_softmax_pull, ct, nan, 1),
        (namespace.softmax_loss_pull, ct[:, 1], nan, np.abs(ct)),
        (namespace.sparse_softmax_loss_pull, ct[:, 1], nan, labels),
        (namespace.linear_recurrence, nan, ct, 1, False),
    ]
    return [np.asarray(f(*[to(a) if np.ndim(a) else a for a in more])) for f, *more in calls]


def test_verbs_of_both_namespaces_keep_masked_rows_zero() -> None:
    on_numpy, on_jax = masked_rows(xp_numpy, np.asarray), masked_rows(xp_jax, jnp.asarray)
    for one, two in zip(on_numpy, on_jax, strict=True):
        np.testing.assert_array_equal(one[0], 0.0)
        assert np.isfinite(one[1]).all()
        assert one[1].any()
        np.testing.assert_allclose(one, two, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "complex128"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (5000,), (70, 80), (0, 4)])
def test_zero_wins(dtype: str, shape: tuple[int, ...]) -> None:
    """By definition, element by element, on few and many numbers, in any memory order."""
    rng = np.random.default_rng(0)
    values = np.array([0.0, 1.0, -2.0, np.inf, np.nan])
    t, d = (rng.choice(values, shape).astype(numpy_dtype(dtype)) for _ in range(2))
    for a, b in ((t, d), (t.T, d.T), (t[..., :1] if shape else t, d)):
        with np.errstate(all="ignore"):
            product = a * b
        one, both = xp_numpy.zero_wins(product, a), xp_numpy.zero_wins(product, a, b)
        first = np.broadcast_to(a == 0, product.shape)
        second = np.broadcast_to(b == 0, product.shape)
        for have, zero in ((one, first), (both, first | second)):
            wanted = np.where(zero, 0, product).astype(np.complex128)
            np.testing.assert_array_equal(have.astype(np.complex128), wanted)
            assert have.dtype == product.dtype
