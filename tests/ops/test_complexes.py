"""Complex numbers: parts, absolute value, argument, and the convention of the conjugate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradtape as tf

Z = [0j, 1 + 1j, -2 + 0.5j, -1 + 0j, 1j]


def slope(function: Any, value: Any) -> Any:
    x = tf.constant(value)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x)


def test_parts() -> None:
    z = tf.constant(Z)
    assert tf.math.real(z).numpy().tolist() == [v.real for v in Z]
    assert tf.math.imag(z).numpy().tolist() == [v.imag for v in Z]
    assert tf.math.conj(z).numpy().tolist() == [v.conjugate() for v in Z]
    np.testing.assert_allclose(tf.abs(z).numpy(), np.abs(Z))
    np.testing.assert_allclose(tf.math.angle(z).numpy(), np.angle(Z))
    assert tf.abs(tf.constant([3 + 4j], tf.complex64)).dtype == tf.float32


def test_parts_of_real_numbers() -> None:
    x = tf.constant([-1.5, 2.0])
    assert tf.math.real(x) is x
    assert tf.math.conj(x) is x
    assert tf.math.imag(x).numpy().tolist() == [0.0, 0.0]
    np.testing.assert_allclose(tf.math.angle(x).numpy(), [np.pi, 0.0], rtol=1e-7)


def test_complex_of_parts() -> None:
    z = tf.complex([1.0, float("inf")], 2.0)
    assert z.dtype == tf.complex64
    assert z.numpy().tolist() == [1 + 2j, complex("inf+2j")]
    assert tf.complex(tf.constant(1.0, tf.float64), 2.0).dtype == tf.complex128


def test_gradients_are_conjugated() -> None:
    assert slope(lambda z: z * z, 1 + 1j).numpy() == 2 - 2j
    assert slope(lambda z: tf.math.real(z * z), 2 + 1j).numpy() == 4 - 2j
    assert slope(tf.math.conj, 2 + 1j).numpy() == 1
    assert slope(tf.math.imag, 2 + 1j).numpy() == 1j
    np.testing.assert_allclose(slope(tf.abs, 3 + 4j).numpy(), 0.6 + 0.8j)
    np.testing.assert_allclose(slope(tf.math.angle, 3 + 4j).numpy(), (-4 + 3j) / 25)


def test_the_origin() -> None:
    assert slope(tf.abs, 0j).numpy() == 0
    assert slope(tf.math.angle, 0j).numpy() == 0
    np.testing.assert_allclose(
        tf.sign(tf.constant([0j, 3 + 4j])).numpy(), [0j, 0.6 + 0.8j], rtol=1e-15
    )
    assert np.isfinite(slope(tf.sign, 0j).numpy())


def test_a_real_source_has_a_real_gradient() -> None:
    given = slope(lambda x: tf.abs(tf.complex(x, 2.0 * x)), 1.0)
    assert given.dtype == tf.float32
    np.testing.assert_allclose(given.numpy(), np.sqrt(5.0), rtol=1e-6)


def test_errors() -> None:
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"gradtape\.complex.*float32 and float64.*tf\.cast"
    ):
        tf.complex(tf.constant(1.0), tf.constant(1.0, tf.float64))
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"gradtape\.complex.*16-bit.*tf\.cast"
    ):
        tf.complex(tf.constant(1.0, tf.float16), tf.constant(1.0, tf.float16))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"gradtape\.complex.*floating-point"):
        tf.complex(1, 2)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"gradtape\.complex.*\[2\].*\[3\]"):
        tf.complex([1.0, 2.0], [1.0, 2.0, 3.0])
    for function in (tf.math.imag, tf.math.angle, tf.abs):
        with pytest.raises((TypeError, ValueError), match=r"gradtape\."):
            function("text")
