"""Keras's functions that look pixels up at any places: affine, perspective and elastic warps."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

import gradtape as tf
from keras_gradtape.src import random
from keras_gradtape.src.ops.core import convert_to_tensor
from keras_gradtape.src.ops.image_arguments import Batch, as_before, computable, one_of
from keras_gradtape.src.ops.image_filters import blurred
from keras_gradtape.src.ops.promoting import pair

ORDERS = {"nearest": 0, "bilinear": 1}
FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


# sampling


def _reached(place: Any, size: int, mode: str) -> Any:
    """The pixel that stands for a place along an axis, inside or outside."""
    if mode == "wrap":
        return tf.math.floormod(place, size)
    if mode == "mirror":
        period = max(2 * (size - 1), 1)
        place = tf.math.floormod(place, period)
        return tf.minimum(place, period - place) if size > 1 else tf.zeros_like(place)
    if mode == "reflect":
        place = tf.math.floormod(place, 2 * size)
        return tf.minimum(place, 2 * size - 1 - place)
    return tf.clip_by_value(place, 0, size - 1)


def _taps(at: Any, size: int, order: int, mode: str) -> list[tuple[Any, Any, Any]]:
    """Pixels along an axis, with whether they are inside and with their weights."""
    below = tf.floor(at + 0.5) if order == 0 else tf.floor(at)
    limit = float(np.iinfo(np.int32).max // 4)
    place = tf.cast(tf.clip_by_value(below, -limit, limit), tf.int32)
    rest = at - below
    found = [(place, None)] if order == 0 else [(place, 1.0 - rest), (place + 1, rest)]
    return [
        (_reached(p, size, mode), tf.logical_and(p >= 0, p < size), weight) for p, weight in found
    ]


def _sampled(x: Any, places: list[Any], order: int, mode: str, value: Any, first: Any) -> Any:
    """Elements of x at places along its axes but the last ones, interpolated.

    Args:
        x: (*batch, *sizes, *rest); `first` holds the numbers of the batch, or is None for none.
        places: for each axis of `sizes` where to look, of one shape.
    """
    start = 0 if first is None else 1
    sizes = [int(n) for n in x.shape[start : start + len(places)]]
    taps = [_taps(at, n, order, mode) for at, n in zip(places, sizes)]
    rest = len(x._shape) - start - len(places)
    total: Any = None
    for combined in itertools.product(*taps):
        index = [p for p, _, _ in combined]
        part = tf.gather_nd(x, tf.stack(index if first is None else [first, *index], -1))
        if mode == "constant":
            inside = tf.reduce_all(tf.stack([i for _, i, _ in combined]), 0)
            part = tf.where(_behind(inside, rest), part, value)
        weight = _product([w for _, _, w in combined if w is not None])
        part = part if weight is None else part * _behind(weight, rest)
        total = part if total is None else total + part
    return total


def _product(factors: list[Any]) -> Any:
    """Factors multiplied, None for none."""
    total = None
    for factor in factors:
        total = factor if total is None else total * factor
    return total


def _behind(x: Any, count: int) -> Any:
    return tf.reshape(x, [*x.shape, *[1] * count]) if count else x


def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: Any = 0
) -> Any:
    """The elements at places between elements, the nearest or linearly interpolated."""
    inputs = convert_to_tensor(inputs)
    coordinates = convert_to_tensor(coordinates)
    if int(coordinates.shape[0]) != len(inputs._shape):
        raise ValueError(
            "First dim of `coordinates` must be the same as the rank of `inputs`. Received inputs"
            f" with shape: {tuple(inputs.shape)} and coordinate leading dim of"
            f" {coordinates.shape[0]}"
        )
    if len(coordinates._shape) < 2:
        raise ValueError(
            "Invalid coordinates rank: expected at least rank 2. Received input with shape:"
            f" {tuple(coordinates.shape)}"
        )
    one_of(fill_mode, FILL_MODES, "fill_mode")
    one_of(order, (0, 1), "order")
    x = computable(inputs)
    places = tf.unstack(tf.cast(coordinates, x.dtype))
    found = _sampled(x, places, order, fill_mode, convert_to_tensor(fill_value, x.dtype), None)
    return as_before(found, inputs.dtype)


def _warped(batch: Batch, rows: Any, columns: Any, order: int, mode: str, value: Any) -> Any:
    """Images looked up at places of shape (n, height, width)."""
    x = computable(batch.images)
    first = tf.broadcast_to(tf.range(int(x.shape[0]))[:, None, None], rows.shape)
    places = [tf.cast(rows, x.dtype), tf.cast(columns, x.dtype)]
    found = _sampled(x, places, order, mode, convert_to_tensor(value, x.dtype), first)
    return batch.back(as_before(found, batch.images.dtype))


# warps


def _projected(transforms: Any, batch: Batch) -> tuple[Any, Any]:
    """Where each pixel comes from: rows and columns of shape (n, height, width).

    A row of `transforms` is a0, a1, a2, b0, b1, b2, c0, c1; the column is
    (a0 x + a1 y + a2) / (c0 x + c1 y + 1), the row likewise with b.
    """
    count, height, width = (int(n) for n in batch.images.shape[:3])
    transforms = tf.broadcast_to(transforms, (count, 8))
    a0, a1, a2, b0, b1, b2, c0, c1 = tf.unstack(transforms[:, :, None, None], axis=1)
    x = tf.cast(tf.range(width), transforms.dtype)[None, None, :]
    y = tf.cast(tf.range(height), transforms.dtype)[None, :, None]
    below = c0 * x + c1 * y + 1.0
    return (b0 * x + b1 * y + b2) / below, (a0 * x + a1 * y + a2) / below


def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: Any = 0,
    data_format: str | None = None,
) -> Any:
    """Images whose pixels are looked up where a projective map of 8 numbers tells."""
    one_of(interpolation, ORDERS, "interpolation")
    one_of(fill_mode, FILL_MODES, "fill_mode")
    batch = Batch(images, data_format)
    transform = convert_to_tensor(transform)
    if len(transform._shape) not in (1, 2):
        raise ValueError(
            "Invalid transform rank: expected rank 1 (single transform) or rank 2 (batch of"
            f" transforms). Received input with shape: transform.shape={tuple(transform.shape)}"
        )
    transform = tf.reshape(computable(transform), [-1, 8])
    rows, columns = _projected(transform, batch)
    return _warped(batch, rows, columns, ORDERS[interpolation], fill_mode, fill_value)


def _checked_points(points: Any, name: str) -> Any:
    points = convert_to_tensor(points)
    if len(points._shape) not in (2, 3) or tuple(points.shape[-2:]) != (4, 2):
        raise ValueError(
            f"Invalid {name} shape: expected (4,2) for a single image or (N,4,2) for a batch."
            f" Received shape: {tuple(points.shape)}"
        )
    return computable(points)


def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: Any = 0,
    data_format: str | None = None,
) -> Any:
    """Images whose four start points come to lie on the end points."""
    one_of(interpolation, ORDERS, "interpolation")
    batch = Batch(images, data_format)
    start = _checked_points(start_points, "start_points")
    end = _checked_points(end_points, "end_points")
    if tuple(start.shape) != tuple(end.shape):
        raise ValueError(
            "start_points and end_points must have the same shape. Received"
            f" start_points.shape={tuple(start.shape)}, end_points.shape={tuple(end.shape)}"
        )
    transforms = compute_homography_matrix(start, end)
    rows, columns = _projected(transforms, batch)
    return _warped(batch, rows, columns, ORDERS[interpolation], "constant", fill_value)


def compute_homography_matrix(start_points: Any, end_points: Any) -> Any:
    """The 8 numbers of the projective maps that take end points to start points, (n, 8).

    Each pair of points gives two linear equations, x' (c0 x + c1 y + 1) = a0 x + a1 y + a2 and the
    like for y'.
    """
    start, end = pair(convert_to_tensor(start_points), convert_to_tensor(end_points), "float32")
    start, end = tf.reshape(start, [-1, 4, 2]), tf.reshape(end, [-1, 4, 2])
    point = tf.concat([end, tf.ones_like(end[..., :1])], -1)
    nothing = tf.zeros_like(point)
    equations = [
        tf.concat([point, nothing, -start[..., :1] * end], -1),
        tf.concat([nothing, point, -start[..., 1:] * end], -1),
    ]
    matrix = tf.concat(equations, 1)
    wanted = tf.concat([start[..., 0], start[..., 1]], 1)
    return tf.squeeze(tf.linalg.solve(matrix, wanted[..., None]), -1)


def elastic_transform(
    images: Any,
    alpha: Any = 20.0,
    sigma: Any = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: Any = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Any:
    """Images whose pixels are moved at random, neighbours nearly alike (Simard et al. 2003)."""
    one_of(interpolation, ORDERS, "interpolation")
    one_of(fill_mode, FILL_MODES, "fill_mode")
    batch = Batch(images, data_format)
    x = computable(batch.images)
    count, height, width = (int(n) for n in x.shape[:3])
    size = int(6 * float(sigma)) | 1
    alpha, sigma = (convert_to_tensor(v, x.dtype) for v in (alpha, sigma))
    away = random.normal((count, height, width, 2), dtype=x.dtype.name, seed=seed) * sigma
    away = blurred(away, (size, size), (sigma, sigma)) * alpha
    rows = tf.cast(tf.range(height), x.dtype)[None, :, None] + away[..., 0]
    columns = tf.cast(tf.range(width), x.dtype)[None, None, :] + away[..., 1]
    return _warped(batch, rows, columns, ORDERS[interpolation], fill_mode, fill_value)
