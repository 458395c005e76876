"""Compiled code without a 64-bit input calls functions of the host that work in 64 bits."""

from __future__ import annotations

import numpy as np

import gradtape as tf


def test_gamma_numbers_are_drawn_in_double() -> None:
    def drawn(alpha: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_gamma((4,), [1, 2], alpha)

    alpha = tf.constant([0.5, 1.0, 2.0, 4.0])
    compiled = tf.function(drawn, jit_compile=True)
    np.testing.assert_allclose(compiled(alpha).numpy(), drawn(alpha).numpy(), rtol=1e-6)
