"""Resizing and cropping images by interpolation: every output is a weighted sum of a few input
pixels.

Resizing is separable: along each axis an output takes some *taps*, inputs with weights, which
depend on sizes alone. It is linear in the image, so that derivatives of every order exist; those of
cropping exist in the boxes too.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same_shape
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import add, cast, full, multiply, numbers, reshape, subtract
from gradtape.ops.calls import wrong_kind
from gradtape.ops.choosing import select
from gradtape.ops.gathering import gather_axis
from gradtape.ops.host import validated
from gradtape.ops.image_checks import FLOAT32, as_images
from gradtape.ops.static import check_size, static, static_float, static_int
from gradtape.ops.stepwise import floor, greater_equal, less_equal, logical_and

INT64 = np.dtype(np.int64)
Taps = tuple[Any, Any]  # (outputs, taps) of input numbers, and of weights


class ResizeMethod:
    """The names of the methods of `tf.image.resize`.

    Example:
        >>> import gradtape as tf
        >>> tf.image.ResizeMethod.BICUBIC
        'bicubic'
    """

    BILINEAR = "bilinear"
    NEAREST_NEIGHBOR = "nearest"
    BICUBIC = "bicubic"
    AREA = "area"
    LANCZOS3 = "lanczos3"
    LANCZOS5 = "lanczos5"
    GAUSSIAN = "gaussian"
    MITCHELLCUBIC = "mitchellcubic"


def _cubic(b: float, c: float) -> Any:
    """The cubics of Mitchell and Netravali (1988); b = 0 and c = 1/2 is Keys' (1981)."""

    def kernel(x: Any) -> Any:
        x = np.abs(x)
        near = ((12 - 9 * b - 6 * c) * x + (-18 + 12 * b + 6 * c)) * x * x + (6 - 2 * b)
        far = ((-b - 6 * c) * x + (6 * b + 30 * c)) * x * x - (12 * b + 48 * c) * x + 8 * b + 24 * c
        return np.where(x < 1, near, np.where(x < 2, far, 0.0)) / 6

    return kernel


KERNELS: dict[str, tuple[float, Any]] = {
    "bilinear": (1, lambda x: np.maximum(0, 1 - np.abs(x))),
    "bicubic": (2, _cubic(0, 0.5)),
    "mitchellcubic": (2, _cubic(1 / 3, 1 / 3)),
    "lanczos3": (3, lambda x: np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)),
    "lanczos5": (5, lambda x: np.where(np.abs(x) < 5, np.sinc(x) * np.sinc(x / 5), 0.0)),
    "gaussian": (1.5, lambda x: np.where(np.abs(x) < 1.5, np.exp(-2 * x * x), 0.0)),
}


def _kernel_taps(n: int, out: int, method: str, antialias: bool) -> Taps:
    """Inputs around the output's centre, weighted by a kernel and to sum 1; antialiased, it is as
    wide as the step.
    """
    radius, kernel = KERNELS[method]
    wide = max(n / out, 1.0) if antialias else 1.0
    centre = (np.arange(out) + 0.5) * (n / out) - 0.5
    first = np.ceil(centre - radius * wide).astype(np.int64)
    index = first[:, None] + np.arange(math.floor(2 * radius * wide) + 1)
    weights = kernel((index - centre[:, None]) / wide) * ((index >= 0) & (index < n))
    return index, weights / weights.sum(1, keepdims=True)


def _bilinear_taps(n: int, out: int) -> Taps:
    centre = (np.arange(out) + 0.5) * (n / out) - 0.5
    lower = np.floor(centre)
    index = np.stack([lower, lower + 1], 1).astype(np.int64).clip(0, n - 1)
    return index, np.stack([1 - (centre - lower), centre - lower], 1)


def _area_taps(n: int, out: int) -> Taps:
    """The part of each input that lies below the output's share of the axis."""
    step = n / out
    first = np.floor(np.arange(out) * step).astype(np.int64)
    index = first[:, None] + np.arange(math.ceil(step) + 1)
    begin = np.maximum(index, np.arange(out)[:, None] * step)
    end = np.minimum(index + 1, (np.arange(out)[:, None] + 1) * step)
    return index, np.maximum(0, end - begin) * (index < n) / step


def _taps(n: int, out: int, method: str, antialias: bool) -> Taps:
    if method == "area":
        index, weights = _area_taps(n, out)
    elif method == "bilinear" and not antialias:
        return _bilinear_taps(n, out)
    else:
        wide = antialias or method not in ("bilinear", "bicubic")
        index, weights = _kernel_taps(n, out, method, wide and antialias)
    some = np.take_along_axis(index, np.abs(weights).argmax(1)[:, None], 1)
    return np.where(weights == 0, some, index), weights  # what has no weight is not looked at


def _resampled(x: Any, axis: int, out: int, method: str, antialias: bool) -> Any:
    """x with another size along an axis."""
    n = x._shape[axis]
    index, weights = _taps(n, out, method, antialias)
    shape = [1] * len(x._shape)
    shape[axis] = out
    total = None
    for k in range(index.shape[1]):
        factor = Tensor(weights[:, k].astype(x._dtype).reshape(shape))
        part = multiply(gather_axis(x, Tensor(np.ascontiguousarray(index[:, k])), axis), factor)
        total = part if total is None else add(total, part)
    return total


def _size(value: Any, x: Any, preserve: bool, function: str) -> tuple[int, int]:
    items = static(value, function, "size")
    if not isinstance(items, (list, tuple)) or len(items) != 2:
        raise InvalidArgumentError(
            f"gradtape.{function}: size must be two integers, new height and new width, not "
            f"{value!r}."
        )
    height, width = (static_int(n, function, "size") for n in items)
    if min(height, width) < 1:
        raise InvalidArgumentError(
            f"gradtape.{function}: size must be positive, not {(height, width)}."
        )
    rows, columns = x._shape[-3:-1]
    if min(rows, columns) < 1:
        raise InvalidArgumentError(f"gradtape.{function}: images {brief(x)} have no pixels.")
    if preserve:
        scale = min(height / rows, width / columns)
        height, width = max(1, round(scale * rows)), max(1, round(scale * columns))
    check_size((*x._shape[:-3], height, width, x._shape[-1]), function, x._dtype.itemsize)
    return height, width


def resize(
    images: Any,
    size: Any,
    method: Any = ResizeMethod.BILINEAR,
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
    name: str | None = None,
) -> Any:
    """Resize images by interpolation between the centres of pixels.

    Args:
        images: (height, width, c) or (n, height, width, c) real numbers.
        size: new height and new width, two integers.
        method: "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian" or
            "mitchellcubic".
        preserve_aspect_ratio: whether to take the largest size within `size` that has the images'
            ratio.
        antialias: whether kernels are widened when shrinking (not for "nearest" and "area").
        name: ignored, for compatibility.

    Returns:
        The images' dtype for "nearest"; else float64 for float64 (TensorFlow: float32) and float32.

    Raises:
        InvalidArgumentError: for other shapes, sizes or methods.

    Example:
        >>> import gradtape as tf
        >>> x = tf.reshape(tf.constant([0.0, 4.0]), (1, 2, 1))
        >>> tf.image.resize(x, (1, 4)).numpy().ravel()
        array([0., 1., 3., 4.], dtype=float32)
    """
    function = "image.resize"
    x = as_images(images, function)
    if not isinstance(method, str) or method not in ("nearest", "area", *KERNELS):
        raise InvalidArgumentError(
            f"gradtape.{function}: method must be 'nearest', 'area' or one of {sorted(KERNELS)}, "
            f"not {method!r}."
        )
    height, width = _size(size, x, preserve_aspect_ratio, function)
    axis = len(x._shape) - 3
    if method == "nearest":
        for place, out in ((axis, height), (axis + 1, width)):
            x = gather_axis(x, Tensor(_nearest(x._shape[place], out)), place)
        return x
    if x._dtype.kind != "f" or x._dtype.itemsize < 4:
        x = cast(x, FLOAT32)
    x = _resampled(x, axis, height, method, antialias)
    return _resampled(x, axis + 1, width, method, antialias)


def _nearest(n: int, out: int) -> Any:
    """The input below the centre of each output, in single precision as TensorFlow has it."""
    centre = (np.arange(out, dtype=np.float32) + np.float32(0.5)) * np.float32(n / out)
    return np.minimum(np.floor(centre), n - 1).astype(np.int64)


# crops


def _along(boxes: Any, which: int, n: int, count: int) -> Any:
    """Where the samples of each box lie along an axis of n pixels: (boxes, count)."""
    begin = reshape(gather_axis(boxes, Tensor(np.array([which])), 1), (boxes._shape[0], 1))
    end = reshape(gather_axis(boxes, Tensor(np.array([which + 2])), 1), (boxes._shape[0], 1))
    share = np.arange(count) / (count - 1) if count > 1 else np.array([0.5])
    back = Tensor(((1 - share) * (n - 1)).astype(boxes._dtype)[None, :])
    ahead = Tensor((share * (n - 1)).astype(boxes._dtype)[None, :])
    return add(multiply(begin, back), multiply(end, ahead))


def _inside(at: Any, n: int) -> Any:
    least, most = full((), 0, at._dtype), full((), n - 1, at._dtype)
    return logical_and(greater_equal(at, least), less_equal(at, most))


def crop_and_resize(
    image: Any,
    boxes: Any,
    box_indices: Any,
    crop_size: Any,
    method: str = "bilinear",
    extrapolation_value: float = 0.0,
    name: str | None = None,
) -> Any:
    """Cut boxes out of images and resize each to one size.

    Sample i of a box lies at (y1 + i / (height - 1) (y2 - y1)) (rows - 1), in the middle for a
    single sample.

    Args:
        image: (n, rows, columns, c) real numbers.
        boxes: (m, 4) floats y1, x1, y2, x2; 0 and 1 are the centres of the outermost pixels.
        box_indices: (m,) integers, the image of each box.
        crop_size: height and width, two integers.
        method: "bilinear", differentiable in the boxes too, or "nearest".
        extrapolation_value: what is taken outside the image.
        name: ignored, for compatibility.

    Returns:
        (m, height, width, c) floats.

    Raises:
        InvalidArgumentError: for other shapes, dtypes or methods, or indices out of range.

    Example:
        >>> import gradtape as tf
        >>> x = tf.reshape(tf.constant([0.0, 1.0, 2.0, 3.0]), (1, 2, 2, 1))
        >>> tf.image.crop_and_resize(x, [[0.0, 0.0, 1.0, 0.5]], [0], (2, 2)).numpy()[0, :, :, 0]
        array([[0. , 0.5],
               [2. , 2.5]], dtype=float32)
    """
    function = "image.crop_and_resize"
    x = as_images(image, function, (4,))
    if x._dtype.kind != "f":
        x = cast(x, FLOAT32)
    b, which = as_tensor(boxes, function), as_tensor(box_indices, function)
    if b._dtype.kind not in "fV":
        raise wrong_kind(function, "fV", b)
    fits = same_shape(b._shape, (*which._shape, 4)) and len(which._shape) == 1
    if not fits or which._dtype.kind not in "iu":
        raise InvalidArgumentError(
            f"gradtape.{function}: boxes must be (m, 4) and box_indices (m,) integers, not "
            f"{brief(b)} and "
            f"{brief(which)}."
        )
    if method not in ("bilinear", "nearest"):
        raise InvalidArgumentError(
            f"gradtape.{function}: method must be 'bilinear' or 'nearest', not {method!r}."
        )
    which = validated(_test_places, which, numbers(x._shape[0], INT64))
    height, width = _size(crop_size, x, False, function)
    outside = static_float(extrapolation_value, function, "extrapolation_value")
    return _cropped(x, cast(b, x._dtype), cast(which, INT64), (height, width), method, outside)


def _test_places(places: Any, count: Any) -> None:
    if places.size and not 0 <= places.min() <= places.max() < count:
        raise InvalidArgumentError(
            f"gradtape.image.crop_and_resize: box_indices {places.tolist()} must be in [0,"
            f" {count})."
        )


def _cropped(x: Any, boxes: Any, which: Any, size: Any, method: str, outside: float) -> Any:
    count, rows, columns, channels = x._shape
    boxes_count = boxes._shape[0]
    flat = reshape(x, (count * rows * columns, channels))
    image = reshape(multiply(which, Tensor(np.int64(rows * columns))), (boxes_count, 1, 1))
    zero = full((), 0, x._dtype)

    def placed(which_axis: int, n: int, out: int, shape: Any) -> tuple[Any, list[Any]]:
        at = _along(boxes, which_axis, n, out)
        inside = _inside(at, n)
        at = select(inside, at, zero)
        if method == "nearest":
            half = full((), 0.5, x._dtype)
            nearest = cast(floor(add(at, half)), INT64)
            return reshape(inside, shape), [(reshape(nearest, shape), None)]
        below = floor(at)
        rest = reshape(subtract(at, below), (*shape, 1))
        lower = reshape(cast(below, INT64), shape)
        last = Tensor(np.int64(n - 1))
        upper = add(lower, Tensor(np.int64(1)))
        upper = select(less_equal(upper, last), upper, last)
        here = subtract(full((), 1, x._dtype), rest)
        return reshape(inside, shape), [(lower, here), (upper, rest)]

    height, width = size
    in_rows, row_taps = placed(0, rows, height, (boxes_count, height, 1))
    in_columns, column_taps = placed(1, columns, width, (boxes_count, 1, width))
    total = None
    for row, row_weight in row_taps:
        for column, column_weight in column_taps:
            index = add(add(image, multiply(row, Tensor(np.int64(columns)))), column)
            part = gather_axis(flat, index, 0)
            if row_weight is not None:
                part = multiply(part, multiply(row_weight, column_weight))
            total = part if total is None else add(total, part)
    inside = reshape(logical_and(in_rows, in_columns), (boxes_count, height, width, 1))
    return select(inside, total, full((), outside, x._dtype))
