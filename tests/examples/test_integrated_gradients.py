"""Integrated gradients: complete, nothing for blank pixels, and exact for what is known."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))

import integrated_gradients

import gradtape as tf


def test_a_quadratic_function_is_shared_exactly() -> None:
    def network(images: tf.Tensor) -> tf.Tensor:
        x = tf.reshape(images, [-1, 2])
        return tf.stack([x[:, 0] * x[:, 1] + 3.0 * x[:, 0], x[:, 1] ** 2], 1)

    images = tf.constant([2.0, 5.0, 2.0, 5.0], shape=[2, 2, 1, 1])
    found = integrated_gradients.shares(
        network, images, tf.constant([0, 1]), tf.constant(4.0)
    )  # x y is shared in halves
    np.testing.assert_allclose(found.numpy().reshape(2, 2), [[11.0, 5.0], [0.0, 25.0]], rtol=1e-6)


def test_the_digits_are_shared_completely(tmp_path: Path) -> None:
    picture, printed = tmp_path / "shares.png", io.StringIO()
    with contextlib.redirect_stdout(printed):
        found, kept = integrated_gradients.main(
            ["--epochs", "3", "--images", "100", "--plot", str(picture)]
        )
    points = integrated_gradients.POINTS
    size = np.abs(found.risen).mean()
    assert found.missing(points[-1]).max() < 0.02 * size
    assert found.missing(points[-1]).mean() < found.missing(points[0]).mean() / 10
    assert np.all(found.best[found.images == 0] == 0)
    curve, alone, other = kept.values()
    assert curve[0] == alone[0] == other[0] == 1.0
    assert curve[5] < other[5] - 0.2
    assert "Completeness on 100 images" in printed.getvalue()
    assert picture.stat().st_size > 10_000
