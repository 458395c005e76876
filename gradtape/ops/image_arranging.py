"""Turning, cutting, padding and measuring images: rearrangements and differences of pixels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.tensor import Tensor
from gradtape.ops.arithmetic import absolute, maximum
from gradtape.ops.assembly import concat, pad_axis, slice_axis
from gradtape.ops.basis import add, cast, full, multiply, reshape, subtract, transpose
from gradtape.ops.clipping import clip_by_value
from gradtape.ops.convolution_public import depthwise_conv2d
from gradtape.ops.exponential import log
from gradtape.ops.image_checks import FLOAT32, as_float, as_images
from gradtape.ops.image_colours import back
from gradtape.ops.image_resizing import resize
from gradtape.ops.norms import reduce_std
from gradtape.ops.padding import pad
from gradtape.ops.quotients import divide
from gradtape.ops.reductions import reduce_mean, reduce_sum
from gradtape.ops.remainders import floordiv
from gradtape.ops.spatial import per_axis, window_of
from gradtape.ops.static import static_float, static_int
from gradtape.ops.striding import WHOLE, strided_slice

BACKWARDS = (None, None, -1)


def _turned(x: Any, axis: int) -> Any:
    """x with an axis, counted from the end, reversed."""
    return strided_slice(x, (*[WHOLE] * (len(x._shape) + axis), BACKWARDS))


def flip_left_right(image: Any) -> Any:
    """Reverse the columns of images.

    Args:
        image: (height, width, c) or (n, height, width, c) real numbers.

    Raises:
        InvalidArgumentError: for another dtype or number of axes.

    Example:
        >>> import gradtape as tf
        >>> tf.image.flip_left_right(tf.constant([[[1], [2]]])).numpy().ravel()
        array([2, 1], dtype=int32)
    """
    return _turned(as_images(image, "image.flip_left_right"), -2)


def flip_up_down(image: Any) -> Any:
    """Reverse the rows of images.

    Args:
        image: (height, width, c) or (n, height, width, c) real numbers.

    Raises:
        InvalidArgumentError: for another dtype or number of axes.

    Example:
        >>> import gradtape as tf
        >>> tf.image.flip_up_down(tf.constant([[[1]], [[2]]])).numpy().ravel()
        array([2, 1], dtype=int32)
    """
    return _turned(as_images(image, "image.flip_up_down"), -3)


def transpose_image(image: Any, name: str | None = None) -> Any:
    """Swap rows and columns of images.

    Args:
        image: (height, width, c) or (n, height, width, c) real numbers.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype or number of axes.

    Example:
        >>> import gradtape as tf
        >>> tf.image.transpose(tf.ones((2, 3, 1))).shape
        TensorShape([3, 2, 1])
    """
    x = as_images(image, "image.transpose")
    rank = len(x._shape)
    return transpose(x, (*range(rank - 3), rank - 2, rank - 3, rank - 1))


def rot90(image: Any, k: Any = 1, name: str | None = None) -> Any:
    """Turn images counter-clockwise by k quarters.

    Args:
        image: (height, width, c) or (n, height, width, c) real numbers.
        k: an integer.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype or number of axes.

    Example:
        >>> import gradtape as tf
        >>> tf.image.rot90(tf.constant([[[1], [2]]])).numpy().ravel()
        array([2, 1], dtype=int32)
    """
    x = as_images(image, "image.rot90")
    quarters = static_int(k, "image.rot90", "k") % 4
    if quarters == 1:
        return _turned(transpose_image(x), -3)
    if quarters == 2:
        return _turned(_turned(x, -2), -3)
    return _turned(transpose_image(x), -2) if quarters == 3 else x


# cutting and padding


def _box(function: str, *values: Any) -> list[int]:
    names = ("offset_height", "offset_width", "target_height", "target_width")[-len(values) :]
    numbers = [static_int(v, function, n) for v, n in zip(values, names, strict=True)]
    for n, name in zip(numbers, names, strict=True):
        if n < 0 or (name.startswith("target") and n == 0):
            raise InvalidArgumentError(f"gradtape.{function}: {name} must not be {n}.")
    return numbers


def crop_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Any:
    """Cut a box out of images.

    Args:
        image: (height, width, c) or (n, height, width, c) real numbers.
        offset_height: the first row.
        offset_width: the first column.
        target_height: rows.
        target_width: columns.

    Raises:
        InvalidArgumentError: for a box that is not inside the image.

    Example:
        >>> import gradtape as tf
        >>> tf.image.crop_to_bounding_box(tf.ones((4, 5, 1)), 1, 1, 2, 3).shape
        TensorShape([2, 3, 1])
    """
    function = "image.crop_to_bounding_box"
    x = as_images(image, function)
    top, left, height, width = _box(
        function, offset_height, offset_width, target_height, target_width
    )
    rows, columns = x._shape[-3:-1]
    if top + height > rows or left + width > columns:
        raise InvalidArgumentError(
            f"gradtape.{function}: the box of {height} x {width} at ({top}, {left}) is not inside "
            f"images {brief(x)}. Write tf.image.resize_with_crop_or_pad."
        )
    axis = len(x._shape) - 3
    return slice_axis(slice_axis(x, top, top + height, axis), left, left + width, axis + 1)


def pad_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Any:
    """Put images into a larger one of zeros.

    Args:
        image: (height, width, c) or (n, height, width, c) real numbers.
        offset_height: rows of zeros above.
        offset_width: columns of zeros to the left.
        target_height: rows of the result.
        target_width: columns of the result.

    Raises:
        InvalidArgumentError: for an image that does not fit.

    Example:
        >>> import gradtape as tf
        >>> tf.image.pad_to_bounding_box(tf.ones((1, 1, 1)), 0, 1, 1, 3).numpy().ravel()
        array([0., 1., 0.], dtype=float32)
    """
    function = "image.pad_to_bounding_box"
    x = as_images(image, function)
    top, left, height, width = _box(
        function, offset_height, offset_width, target_height, target_width
    )
    rows, columns = x._shape[-3:-1]
    if top + rows > height or left + columns > width:
        raise InvalidArgumentError(
            f"gradtape.{function}: images {brief(x)} at ({top}, {left}) do not fit into "
            f"{height} x {width}. Write tf.image.resize_with_crop_or_pad."
        )
    axis = len(x._shape) - 3
    x = pad_axis(x, top, height - top - rows, axis)
    return pad_axis(x, left, width - left - columns, axis + 1)


def central_crop(image: Any, central_fraction: Any) -> Any:
    """Cut the middle out of images.

    Args:
        image: (height, width, c) or (n, height, width, c) real numbers.
        central_fraction: in (0, 1], of height and width.

    Raises:
        InvalidArgumentError: for a fraction out of range.

    Example:
        >>> import gradtape as tf
        >>> tf.image.central_crop(tf.ones((4, 6, 1)), 0.5).shape
        TensorShape([2, 4, 1])
    """
    x = as_images(image, "image.central_crop")
    share = static_float(central_fraction, "image.central_crop", "central_fraction")
    if not 0 < share <= 1:
        raise InvalidArgumentError(
            f"gradtape.image.central_crop: central_fraction must be in (0, 1], not {share}."
        )
    rows, columns = x._shape[-3:-1]
    top, left = int((rows - rows * share) / 2), int((columns - columns * share) / 2)
    return crop_to_bounding_box(x, top, left, rows - 2 * top, columns - 2 * left)


def resize_with_crop_or_pad(image: Any, target_height: Any, target_width: Any) -> Any:
    """Cut or pad images with zeros, evenly on both sides.

    Args:
        image: (height, width, c) or (n, height, width, c) real numbers.
        target_height: rows of the result.
        target_width: columns of the result.

    Raises:
        InvalidArgumentError: for a size that is not positive.

    Example:
        >>> import gradtape as tf
        >>> tf.image.resize_with_crop_or_pad(tf.ones((4, 1, 1)), 2, 3).shape
        TensorShape([2, 3, 1])
    """
    function = "image.resize_with_crop_or_pad"
    x = as_images(image, function)
    height, width = _box(function, target_height, target_width)
    rows, columns = x._shape[-3:-1]
    kept = min(rows, height), min(columns, width)
    top, left = max(0, (rows - height) // 2), max(0, (columns - width) // 2)
    x = crop_to_bounding_box(x, top, left, *kept)
    return pad_to_bounding_box(
        x, max((height - rows) // 2, 0), max((width - columns) // 2, 0), height, width
    )


def resize_with_pad(
    image: Any,
    target_height: Any,
    target_width: Any,
    method: Any = "bilinear",
    antialias: bool = False,
) -> Any:
    """Resize images with their ratio of height and width kept, and pad with zeros.

    Args:
        image: (height, width, c) or (n, height, width, c) real numbers.
        target_height: rows of the result.
        target_width: columns of the result.
        method: see `tf.image.resize`.
        antialias: see `tf.image.resize`.

    Raises:
        InvalidArgumentError: for other shapes, sizes or methods.

    Example:
        >>> import gradtape as tf
        >>> tf.image.resize_with_pad(tf.ones((1, 2, 1)), 4, 4).numpy()[:, 0, 0]
        array([0., 1., 1., 0.], dtype=float32)
    """
    function = "image.resize_with_pad"
    x = as_images(image, function)
    height, width = _box(function, target_height, target_width)
    rows, columns = x._shape[-3:-1]
    if min(rows, columns) < 1:
        raise InvalidArgumentError(f"gradtape.{function}: images {brief(x)} have no pixels.")
    ratio = max(columns / width, rows / height)
    inner = max(1, math.floor(rows / ratio)), max(1, math.floor(columns / ratio))
    top = max(0, math.floor((height - rows / ratio) / 2))
    left = max(0, math.floor((width - columns / ratio) / 2))
    resized = resize(x, inner, method, antialias=antialias)
    return pad_to_bounding_box(resized, top, left, height, width)


def extract_patches(
    images: Any, sizes: Any, strides: Any, rates: Any, padding: Any, name: str | None = None
) -> Any:
    """Collect the pixels of each window along the channels.

    Args:
        images: (n, height, width, c) real numbers.
        sizes: of the window, one integer or a list of 2 or 4.
        strides: one integer or a list of 2 or 4.
        rates: distance of the pixels, one integer or a list of 2 or 4.
        padding: "VALID" or "SAME", with zeros.
        name: ignored, for compatibility.

    Returns:
        (n, rows, columns, window * c).

    Raises:
        InvalidArgumentError: for other shapes, or when no window fits.

    Example:
        >>> import gradtape as tf
        >>> x = tf.reshape(tf.range(4), (1, 2, 2, 1))
        >>> tf.image.extract_patches(x, 2, 1, 1, "VALID").numpy().ravel()
        array([0, 1, 2, 3], dtype=int32)
    """
    function = "image.extract_patches"
    x = as_images(images, function, (4,))
    size, step, rate = (
        per_axis(value, 2, False, function, argument)
        for value, argument in ((sizes, "sizes"), (strides, "strides"), (rates, "rates"))
    )
    window = window_of(x._shape[1:3], size, step, rate, padding, False, function)
    counts = window.places(x._shape[1:3])
    for axis, (before, after) in enumerate(window.padding, 1):
        x = pad_axis(x, before, after, axis)
    parts = []
    for tap in window.taps():
        starts = [t * d for t, d in zip(tap, window.dilations, strict=True)]
        stops = [
            b + (m - 1) * s + 1 for b, m, s in zip(starts, counts, window.strides, strict=True)
        ]
        key = [(b, e, s) for b, e, s in zip(starts, stops, window.strides, strict=True)]
        parts.append(strided_slice(x, (WHOLE, *key)))
    return concat(parts, 3)


# differences and measures


def _steps(x: Any, axis: int) -> Any:
    """The differences of neighbours along an axis."""
    n = x._shape[axis]
    return subtract(slice_axis(x, min(1, n), n, axis), slice_axis(x, 0, max(0, n - 1), axis))


def image_gradients(image: Any) -> tuple[Any, Any]:
    """Return the differences to the pixel below and to the one on the right, 0 at the edges.

    Args:
        image: (n, height, width, c) real numbers.

    Raises:
        InvalidArgumentError: for another dtype or number of axes.

    Example:
        >>> import gradtape as tf
        >>> dy, dx = tf.image.image_gradients(tf.reshape(tf.range(4.0), (1, 2, 2, 1)))
        >>> dy.numpy().ravel(), dx.numpy().ravel()
        (array([2., 2., 0., 0.], dtype=float32), array([1., 0., 1., 0.], dtype=float32))
    """
    x = as_images(image, "image.image_gradients", (4,))
    dy, dx = (pad_axis(_steps(x, a), 0, min(1, x._shape[a]), a) for a in (1, 2))
    return dy, dx


def total_variation(images: Any, name: str | None = None) -> Any:
    """Return the sum of the absolute differences of neighbouring pixels, of each image.

    Args:
        images: (height, width, c) or (n, height, width, c) real numbers.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype or number of axes.

    Example:
        >>> import gradtape as tf
        >>> float(tf.image.total_variation(tf.reshape(tf.range(4.0), (2, 2, 1))))
        6.0
    """
    x = as_images(images, "image.total_variation")
    rank = len(x._shape)
    sums = [reduce_sum(absolute(_steps(x, a)), [-3, -2, -1]) for a in (rank - 3, rank - 2)]
    return add(*sums)


def sobel_edges(image: Any) -> Any:
    """Return Sobel's differences of rows and of columns, along a new last axis.

    Args:
        image: (n, height, width, c) floats, at least 2 x 2.

    Raises:
        InvalidArgumentError: for another dtype or number of axes.

    Example:
        >>> import gradtape as tf
        >>> tf.image.sobel_edges(tf.ones((1, 3, 3, 2))).shape
        TensorShape([1, 3, 3, 2, 2])
    """
    x = as_images(image, "image.sobel_edges", (4,))
    down = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])
    channels = x._shape[3]
    filters = np.stack([down, down.T], 2)[:, :, None].repeat(channels, 2).astype(x._dtype)
    padded = pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
    return reshape(depthwise_conv2d(padded, Tensor(filters), 1, "VALID"), (*x._shape, 2))


def per_image_standardization(image: Any) -> Any:
    """Scale each image to mean 0 and variance 1; the deviation counts as 1 / sqrt(pixels) at least.

    Args:
        image: (..., height, width, c) real numbers.

    Returns:
        float64 for float64 (TensorFlow: float32), else float32.

    Raises:
        InvalidArgumentError: for another dtype or fewer than three axes.

    Example:
        >>> import gradtape as tf
        >>> tf.image.per_image_standardization(tf.constant([[[1.0], [3.0]]])).numpy().ravel()
        array([-1.,  1.], dtype=float32)
    """
    x = as_images(image, "image.per_image_standardization", tuple(range(3, 9)))
    x = x if x._dtype == np.float64 else cast(x, FLOAT32)
    pixels = math.prod(x._shape[-3:])
    axes = [-3, -2, -1]
    deviation = reduce_std(x, axes, keepdims=True)
    least = full((), 1 / math.sqrt(max(1, pixels)), x._dtype)
    return divide(subtract(x, reduce_mean(x, axes, keepdims=True)), maximum(deviation, least))


def psnr(a: Any, b: Any, max_val: Any, name: str | None = None) -> Any:
    """Return the peak signal-to-noise ratio of each image, 10 log10(max_val^2 / mean((a - b)^2)).

    Args:
        a: (..., height, width, c) real numbers.
        b: the same shape and dtype.
        max_val: the largest value that a pixel may have.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype or fewer than three axes.

    Example:
        >>> import gradtape as tf
        >>> x, y = tf.zeros((1, 1, 1)), tf.fill((1, 1, 1), 0.1)
        >>> round(float(tf.image.psnr(x, y, 1.0)), 4)
        20.0
    """
    ranks = tuple(range(3, 9))
    x, y = as_images(a, "image.psnr", ranks), as_images(b, "image.psnr", ranks)
    largest = static_float(max_val, "image.psnr", "max_val")
    if not largest > 0:
        raise InvalidArgumentError(f"gradtape.image.psnr: max_val must be positive, not {largest}.")
    if x._dtype.kind in "iu":
        largest /= np.iinfo(x._dtype).max
    x, y = as_float(x), as_float(y)
    difference = subtract(x, y)
    mean = reduce_mean(multiply(difference, difference), [-3, -2, -1])
    decibels = full((), 10 / math.log(10), x._dtype)
    return subtract(full((), 20 * math.log10(largest), x._dtype), multiply(decibels, log(mean)))


def convert_image_dtype(
    image: Any, dtype: Any, saturate: bool = False, name: str | None = None
) -> Any:
    """Convert images to a dtype; the whole range of integers stands for [0, 1].

    Args:
        image: real numbers.
        dtype: a floating-point or integer type.
        saturate: whether values out of range are cut off.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype.

    Example:
        >>> import gradtape as tf
        >>> tf.image.convert_image_dtype(tf.constant([0.0, 1.0]), tf.uint8).numpy()
        array([  0, 255], dtype=uint8)
    """
    x = as_images(image, "image.convert_image_dtype", tuple(range(9)))
    wanted = as_dtype(dtype).numpy_dtype
    if wanted.kind not in "iufV":
        raise InvalidArgumentError(
            "gradtape.image.convert_image_dtype: dtype must be a real type, not "
            f"{as_dtype(dtype).name}."
        )
    if wanted == x._dtype:
        return x
    if x._dtype.kind in "fV":
        return back(x, wanted, saturate)
    if wanted.kind in "fV":
        return multiply(cast(x, wanted), full((), 1 / np.iinfo(x._dtype).max, wanted))
    return _rescaled(x, wanted, saturate)


def _rescaled(x: Any, wanted: Any, saturate: bool) -> Any:
    """Integers to integers by powers of two, so that converting back and forth changes nothing."""
    have, want = np.iinfo(x._dtype), np.iinfo(wanted)
    if have.max > want.max:
        x = floordiv(x, full((), (have.max + 1) // (want.max + 1), x._dtype))
    if saturate:
        x = clip_by_value(x, max(have.min, want.min), min(have.max, want.max))
    x = cast(x, wanted)
    if have.max > want.max:
        return x
    return multiply(x, full((), (want.max + 1) // (have.max + 1), wanted))
