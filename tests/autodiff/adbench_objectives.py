"""ADBench's objectives in gradtape's operations (Srajer, Kukelova and Fitzgibbon 2018).

A camera holds eleven numbers: rotation vector (3), centre (3), focal length, principal point (2),
radial distortion (2)."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradtape as tf
from benchmarks import adbench
from benchmarks.compiled_operations import tensorflow_like

OPERATIONS = tensorflow_like(tf)


def gmm(points: Any, gamma: float, freedom: int, *watched: Any) -> Any:
    """The log posterior of a mixture; watched are alphas, means and icf."""
    return adbench.gmm(OPERATIONS, watched, points, gamma, freedom)


def lstm(state: Any, text: Any, *watched: Any) -> Any:
    """The mean loss of a character LSTM; watched are its main and extra parameters."""
    zero = tf.constant(0.0, tf.float64)
    return adbench.diagonal_lstm(OPERATIONS, watched, state, text, zero)


def rotated(rotation: Any, points: Any) -> Any:
    """Points (n, 3), each turned by its rotation vector (n, 3): Rodrigues' formula.

    At zero it is its linear part, x + r * x, so that values and derivatives are finite there."""
    square = tf.reduce_sum(rotation**2, 1, keepdims=True)
    turns = square > 0
    angle = tf.sqrt(tf.where(turns, square, tf.ones_like(square)))
    axis = rotation / angle
    along = axis * tf.reduce_sum(axis * points, 1, keepdims=True)
    across = tf.linalg.cross(axis, points)
    full = along + tf.cos(angle) * (points - along) + tf.sin(angle) * across
    return tf.where(turns, full, points + tf.linalg.cross(rotation, points))


def projected(cameras: Any, points: Any) -> Any:
    """The images (n, 2) of points (n, 3), each in its camera (n, 11)."""
    rotation, centre, focal, principal, radial = tf.split(cameras, [3, 3, 1, 2, 2], 1)
    seen = rotated(rotation, points - centre)
    plane = seen[:, :2] / seen[:, 2:]
    square = tf.reduce_sum(plane**2, 1, keepdims=True)
    distortion = 1 + radial[:, :1] * square + radial[:, 1:] * square**2
    return plane * distortion * focal + principal


def reprojection_errors(features: Any, cameras: Any, points: Any, weights: Any) -> Any:
    """The weighted errors (n, 2) of observations, with each one's own camera, point and weight."""
    return weights[:, None] * (projected(cameras, points) - features)


def weight_errors(weights: Any) -> Any:
    """How far the squared weights are from one."""
    return 1 - weights**2


def bundle_adjustment(
    features: Any, seen: Any, cameras: Any, points: Any, weights: Any
) -> tuple[Any, Any]:
    """The errors (n, 2) of all observations and those of the weights (n,).

    `seen` (n, 2) names the camera and the point of each observation."""
    errors = partial(reprojection_errors, features)
    chosen = tf.gather(cameras, seen[:, 0]), tf.gather(points, seen[:, 1])
    return errors(*chosen, weights), weight_errors(weights)
