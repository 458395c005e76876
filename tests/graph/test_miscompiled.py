"""Products with a factor of one number, summed: XLA's own kernels for them give wrong numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf
from gradtape.graph import miscompiled

RNG = np.random.default_rng(0)
X = RNG.uniform(0.5, 1.5, (60, 64))
FORMS = {
    "ones": lambda x: tf.reduce_sum(x @ tf.ones([64, 80], x.dtype)),
    "a number": lambda x: tf.reduce_sum(x @ tf.fill([64, 80], x[0, 0]), 1),
    "stacked": lambda x: tf.reduce_max(tf.stack([x, x + 1.0]) @ tf.ones([2, 64, 80], x.dtype), 2),
    "einsum": lambda x: tf.reduce_mean(tf.einsum("nk,mk->nm", x, tf.ones([80, 64], x.dtype)), 0),
    "squares": lambda x: tf.reduce_sum((x @ tf.ones([64, 80], x.dtype)) ** 2),
}


def norm_of_gradient(x: Any) -> Any:
    w = tf.ones([64, 80], x.dtype) * 0.5
    with tf.GradientTape() as tape:
        tape.watch(w)
        y = tf.reduce_sum(x @ w)
    return tf.sqrt(tf.reduce_sum(tape.gradient(y, w) ** 2))


def printing(x: Any) -> Any:
    tf.print("", end="")
    return FORMS["ones"](x)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("name", [*FORMS, "norm of a gradient", "with an effect"])
@pytest.mark.parametrize("rows", [60, None])
def test_against_numpy(name: str, dtype: Any, rows: int | None) -> None:
    f = {**FORMS, "norm of a gradient": norm_of_gradient, "with an effect": printing}[name]
    g = tf.function(f, input_signature=[tf.TensorSpec([rows, 64], dtype)], jit_compile=True)
    wanted = {
        "ones": lambda: 80 * X.sum(),
        "with an effect": lambda: 80 * X.sum(),
        "a number": lambda: 80 * X[0, 0] * X.sum(1),
        "stacked": lambda: np.stack([X.sum(1), X.sum(1) + 64]),
        "einsum": lambda: np.full(80, X.sum(1).mean()),
        "squares": lambda: 80 * (X.sum(1) ** 2).sum(),
        "norm of a gradient": lambda: np.sqrt(80 * (X.sum(0) ** 2).sum()),
    }[name]()
    np.testing.assert_allclose(g(tf.constant(X, dtype)), wanted, rtol=1e-5)


def test_what_is_suspicious() -> None:
    line = '%f = f32[] fusion(%a), kind=kCustom, backend_config={"kind":"__ynn_fusion"}'
    uniform = "%c.1 = f32[3,3]{1,0} broadcast(%b), dimensions={}"
    row = "%c.1 = f32[3,3]{1,0} broadcast(%b), dimensions={1}"
    dot = "%d = f32[3,3]{1,0} dot(%a, %c.1), lhs_contracting_dims={1}"
    other = "%d = f32[3,3]{1,0} dot(%c.1, %a), lhs_contracting_dims={1}"
    assert miscompiled.suspicious("\n".join([uniform, dot, line]))
    for lines in ([uniform, dot], [row, dot, line], [uniform, other, line], [uniform, line]):
        assert not miscompiled.suspicious("\n".join(lines))
