"""Public functions that are composed of several operations, at regular points: `check_gradients` of first and second order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradtape as tf

RNG = np.random.default_rng(11)
X = RNG.uniform(0.2, 1.5, (3, 4))
SIGNED = RNG.standard_normal((3, 4))
SQUARE = RNG.standard_normal((3, 3)) + 4.0 * np.eye(3)
SYMMETRIC = SQUARE @ SQUARE.T
IMAGE = RNG.uniform(0.1, 0.9, (1, 5, 5, 3))
FILTER = RNG.standard_normal((3, 3, 3, 2))
LABELS = np.array([[0.2, 0.3, 0.5, 0.0], [0.0, 1.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]])


def through(f: Callable[..., Any], of: Callable[..., Any]) -> Callable[..., Any]:
    """f of what another function makes of the arguments."""
    return lambda *args: f(of(*args))


def hermitian(x: Any) -> Any:
    return (x + tf.transpose(x)) / 2.0


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "norm": (lambda x: tf.norm(x, axis=1), (SIGNED,)),
    "norm 1": (lambda x: tf.norm(x, ord=1, axis=0), (SIGNED,)),
    "norm 3": (lambda x: tf.norm(x, ord=3), (SIGNED,)),
    "nuclear norm": (lambda x: tf.norm(x, ord="nuc", axis=(0, 1)), (SQUARE,)),
    "l2_normalize": (lambda x: tf.math.l2_normalize(x, 1), (SIGNED,)),
    "normalize": (lambda x: tf.linalg.normalize(x, axis=1)[0], (SIGNED,)),
    "moments": (lambda x: tf.nn.moments(x, [0]), (SIGNED,)),
    "batch_normalization": (
        lambda x, m, v, b, s: tf.nn.batch_normalization(x, m, v, b, s, 1e-3),
        (SIGNED, SIGNED[0], X[0], SIGNED[1], SIGNED[2]),
    ),
    "local_response_normalization": (tf.nn.local_response_normalization, (IMAGE,)),
    "log_sigmoid": (tf.math.log_sigmoid, (SIGNED,)),
    "silu with a factor": (tf.nn.silu, (SIGNED, 1.7)),
    "leaky_relu": (lambda x: tf.nn.leaky_relu(x, 0.3), (SIGNED,)),
    "crelu": (tf.nn.crelu, (SIGNED,)),
    "angle": (tf.math.angle, (SIGNED + 1j * X,)),
    "complex power": (lambda z: z**3 * tf.math.conj(z), (SIGNED + 1j * X,)),
    "squared_difference": (tf.math.squared_difference, (SIGNED, X)),
    "logaddexp": (lambda x, y: tf.reduce_logsumexp(tf.stack([x, y]), 0), (SIGNED, X)),
    "lbeta": (tf.math.lbeta, (X,)),
    "betainc": (tf.math.betainc, (X[0], X[1], 0.5 * X[2] / 1.5)),
    "cross entropy": (tf.nn.softmax_cross_entropy_with_logits, (LABELS, SIGNED)),
    "sparse cross entropy": (
        lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits([0, 2, 3], x), (SIGNED,)
    ),
    "weighted cross entropy": (
        lambda z, x: tf.nn.weighted_cross_entropy_with_logits(z, x, 1.5), (LABELS, SIGNED)
    ),
    "poisson loss": (tf.nn.log_poisson_loss, (X, SIGNED)),
    "clip_by_norm": (lambda x: tf.clip_by_norm(x, 1.0), (SIGNED,)),
    "clip_by_global_norm": (lambda x, y: tf.clip_by_global_norm([x, y], 1.0)[0], (SIGNED, X)),
    "cumulative_logsumexp": (lambda x: tf.math.cumulative_logsumexp(x, 1), (SIGNED,)),
    "einsum": (lambda x, y: tf.einsum("ij,kj,kl->il", x, y, y), (SIGNED, X)),
    "tensordot": (lambda x, y: tf.tensordot(x, y, [[1], [1]]), (SIGNED, X)),
    "conv2d": (lambda x, w: tf.nn.conv2d(x, w, 2, "SAME"), (IMAGE, FILTER)),
    "resize": (lambda x: tf.image.resize(x, [3, 7]), (IMAGE,)),
    "rgb_to_hsv": (tf.image.rgb_to_hsv, (IMAGE,)),
    "total_variation": (tf.image.total_variation, (IMAGE,)),
    "fft": (lambda x, y: tf.abs(tf.signal.fft(tf.complex(x, y))), (SIGNED, X)),
    "dct": (lambda x: tf.signal.dct(x, norm="ortho"), (SIGNED,)),
    "inv": (tf.linalg.inv, (SQUARE,)),
    "solve": (tf.linalg.solve, (SQUARE, SIGNED)),
    "logdet": (through(tf.linalg.logdet, lambda x: x @ tf.transpose(x)), (SQUARE,)),
    "cholesky_solve": (
        lambda x, y: tf.linalg.cholesky_solve(tf.linalg.cholesky(hermitian(x)), y), (SYMMETRIC, SIGNED)
    ),
    "eigenvalues": (through(tf.linalg.eigvalsh, hermitian), (SYMMETRIC,)),
    "singular values": (lambda x: tf.linalg.svd(x, compute_uv=False), (SIGNED,)),
    "expm": (tf.linalg.expm, (0.3 * SQUARE,)),
    "pinv": (tf.linalg.pinv, (SIGNED,)),
    "lstsq": (lambda x, y: tf.linalg.lstsq(tf.transpose(x), tf.transpose(y)), (SIGNED, X)),
    "while_loop": (
        lambda x: tf.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, tf.sin(v) * x), [0, x])[1],
        (SIGNED,),
    ),
    "map_fn": (lambda x: tf.map_fn(lambda row: tf.reduce_sum(row**3) * row, x), (SIGNED,)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_composed_functions(name: str) -> None:
    f, args = FUNCTIONS[name]
    verdict = tf.check_gradients(f, *args, directions=1)
    verdict.raise_if_failed()
    assert not verdict.kinks
    assert len(verdict.checks) == 6 * len(args)
