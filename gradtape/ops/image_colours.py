"""Colours and brightness of images, composed from operations, so that every derivative exists.

TensorFlow has no derivative of `adjust_contrast`, `adjust_hue`, `adjust_saturation` and
`hsv_to_rgb`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor_like
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same
from gradtape.core.tensor import Tensor
from gradtape.ops.arithmetic import absolute, maximum, minimum
from gradtape.ops.assembly import concat, slice_axis
from gradtape.ops.basis import add, cast, full, multiply, reshape, size_of, subtract
from gradtape.ops.choosing import select
from gradtape.ops.clipping import clip_by_value
from gradtape.ops.host import validated
from gradtape.ops.image_checks import as_colours, as_float, as_images
from gradtape.ops.powers import power
from gradtape.ops.products import matmul
from gradtape.ops.quotients import divide
from gradtape.ops.reductions import reduce_mean
from gradtape.ops.remainders import floormod
from gradtape.ops.stepwise import equal, greater, less

# the matrices of TensorFlow, from the standards of NTSC and PAL
TO_YIQ = [
    [0.299, 0.59590059, 0.2115],
    [0.587, -0.27455667, -0.52273617],
    [0.114, -0.32134392, 0.31119955],
]
FROM_YIQ = [
    [1, 1, 1],
    [0.95598634, -0.27201283, -1.10674021],
    [0.6208248, -0.64720424, 1.70423049],
]
TO_YUV = [
    [0.299, -0.14714119, 0.61497538],
    [0.587, -0.28886916, -0.51496512],
    [0.114, 0.43601035, -0.10001026],
]
FROM_YUV = [[1, 1, 1], [0, -0.394642334, 2.03206185], [1.13988303, -0.58062185, 0]]
GREY = [[0.2989], [0.587], [0.114]]


def _channels(x: Any) -> list[Any]:
    axis = len(x._shape) - 1
    return [slice_axis(x, c, c + 1, axis) for c in range(x._shape[-1])]


def _number(value: float, like: Any) -> Any:
    return full((), value, like._dtype)


def rgb_to_hsv(images: Any, name: str | None = None) -> Any:
    """Convert red, green and blue in [0, 1] to hue, saturation and value.

    Value is the largest channel, saturation the range over it, hue the angle of the others in turns
    (Smith, 1978). Where the range is 0, hue and its derivative are 0; where the value is 0, so are
    those of the saturation.

    Args:
        images: (..., 3) floats.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype or number of channels.

    Example:
        >>> import gradtape as tf
        >>> tf.image.rgb_to_hsv([0.5, 1.0, 0.5]).numpy().round(4)
        array([0.3333, 0.5   , 1.    ], dtype=float32)
    """
    x = as_colours(images, "image.rgb_to_hsv")
    return concat(_hsv(x), len(x._shape) - 1)


def _hsv(x: Any) -> list[Any]:
    r, g, b = _channels(x)
    value = maximum(maximum(r, g), b)
    spread = subtract(value, minimum(minimum(r, g), b))
    zero, one = _number(0, x), _number(1, x)
    some, bright = greater(spread, zero), greater(value, zero)
    saturation = select(bright, divide(spread, select(bright, value, one)), zero)
    safe = multiply(select(some, spread, one), _number(6, x))
    third = [_number(k / 3, x) for k in (1, 2)]
    from_g = add(divide(subtract(b, r), safe), third[0])
    from_b = add(divide(subtract(r, g), safe), third[1])
    hue = select(
        equal(r, value), divide(subtract(g, b), safe), select(equal(g, value), from_g, from_b)
    )
    hue = select(less(hue, zero), add(hue, one), hue)
    return [select(some, hue, zero), saturation, value]


def hsv_to_rgb(images: Any, name: str | None = None) -> Any:
    """Convert hue (in turns), saturation and value to red, green and blue: the inverse of
    `tf.image.rgb_to_hsv`.

    Args:
        images: (..., 3) floats.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype or number of channels.

    Example:
        >>> import gradtape as tf
        >>> tf.image.hsv_to_rgb([0.0, 0.5, 1.0]).numpy()
        array([1. , 0.5, 0.5], dtype=float32)
    """
    x = as_colours(images, "image.hsv_to_rgb")
    return _rgb(_channels(x))


def _rgb(parts: list[Any]) -> Any:
    hue, saturation, value = parts
    turn = multiply(hue, _number(6, hue))
    one = _number(1, hue)
    ramps = [
        subtract(absolute(subtract(turn, _number(3, hue))), one),
        subtract(_number(2, hue), absolute(subtract(turn, _number(2, hue)))),
        subtract(_number(2, hue), absolute(subtract(turn, _number(4, hue)))),
    ]
    grey = subtract(one, saturation)
    colours = [
        multiply(add(grey, multiply(saturation, clip_by_value(r, 0.0, 1.0))), value) for r in ramps
    ]
    return concat(colours, len(hue._shape) - 1)


# linear changes of colour


def _mixed(value: Any, matrix: Any, function: str) -> Any:
    x = as_colours(value, function)
    flat = reshape(x, (size_of(x._shape[:-1]), 3))
    out = matmul(flat, Tensor(np.array(matrix).astype(x._dtype)))
    return reshape(out, (*x._shape[:-1], len(matrix[0])))


def rgb_to_grayscale(images: Any, name: str | None = None) -> Any:
    """Return 0.2989 red + 0.587 green + 0.114 blue, one channel.

    Args:
        images: (..., 3) numbers; integers are rounded towards zero.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype or number of channels.

    Example:
        >>> import gradtape as tf
        >>> tf.image.rgb_to_grayscale([1.0, 1.0, 0.0]).numpy()
        array([0.8859], dtype=float32)
    """
    x = as_images(images, "image.rgb_to_grayscale", tuple(range(1, 9)))
    return back(_mixed(as_float(x), GREY, "image.rgb_to_grayscale"), x._dtype, False)


def grayscale_to_rgb(images: Any, name: str | None = None) -> Any:
    """Repeat the one channel three times.

    Args:
        images: (..., 1) numbers.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another number of channels.

    Example:
        >>> import gradtape as tf
        >>> tf.image.grayscale_to_rgb([0.5]).numpy()
        array([0.5, 0.5, 0.5], dtype=float32)
    """
    function = "image.grayscale_to_rgb"
    x = as_images(images, function, tuple(range(1, 9)))
    if not same(x._shape[-1], 1):
        raise InvalidArgumentError(
            f"gradtape.{function}: images are {brief(x)} but their last axis must have 1 channel."
        )
    return concat([x, x, x], len(x._shape) - 1)


def rgb_to_yiq(images: Any) -> Any:
    """Convert red, green and blue to luma and chrominance I, Q.

    Example:
        >>> import gradtape as tf
        >>> tf.image.rgb_to_yiq([1.0, 1.0, 1.0]).numpy().round(4)[0]
        np.float32(1.0)
    """
    return _mixed(images, TO_YIQ, "image.rgb_to_yiq")


def yiq_to_rgb(images: Any) -> Any:
    """Convert luma and chrominance I, Q to red, green and blue.

    Example:
        >>> import gradtape as tf
        >>> tf.image.yiq_to_rgb([1.0, 0.0, 0.0]).numpy()
        array([1., 1., 1.], dtype=float32)
    """
    return _mixed(images, FROM_YIQ, "image.yiq_to_rgb")


def rgb_to_yuv(images: Any) -> Any:
    """Convert red, green and blue to luma and chrominance U, V.

    Example:
        >>> import gradtape as tf
        >>> tf.image.rgb_to_yuv([1.0, 1.0, 1.0]).numpy().round(4)[0]
        np.float32(1.0)
    """
    return _mixed(images, TO_YUV, "image.rgb_to_yuv")


def yuv_to_rgb(images: Any) -> Any:
    """Convert luma and chrominance U, V to red, green and blue.

    Example:
        >>> import gradtape as tf
        >>> tf.image.yuv_to_rgb([1.0, 0.0, 0.0]).numpy()
        array([1., 1., 1.], dtype=float32)
    """
    return _mixed(images, FROM_YUV, "image.yuv_to_rgb")


# adjustments


def back(x: Any, dtype: Any, saturate: bool) -> Any:
    """Floats in [0, 1] as integers of a dtype, or x itself for a floating-point one."""
    if dtype.kind in "fV":
        return cast(x, dtype)
    info = np.iinfo(dtype)
    scaled = multiply(x, _number(info.max + 0.5, x))
    if saturate:
        most = np.nextafter(np.float32(info.max + 1.0), np.float32(0))
        scaled = clip_by_value(scaled, float(info.min), float(most))
    return cast(scaled, dtype)


def _factor(value: Any, x: Any, function: str) -> Any:
    factor = as_tensor_like(value, x._dtype, function)
    if factor._dtype != x._dtype:
        factor = cast(factor, x._dtype)
    return factor


def adjust_brightness(image: Any, delta: Any) -> Any:
    """Add delta to images, whose integers stand for [0, 1].

    Args:
        image: numbers; integers are cut off at their ends.
        delta: a number.

    Raises:
        InvalidArgumentError: for another dtype.

    Example:
        >>> import gradtape as tf
        >>> tf.image.adjust_brightness(tf.constant([0.25]), 0.5).numpy()
        array([0.75], dtype=float32)
    """
    function = "image.adjust_brightness"
    given = as_images(image, function, tuple(range(9)))
    x = as_float(given)
    return back(add(x, _factor(delta, x, function)), given._dtype, True)


def adjust_contrast(images: Any, contrast_factor: Any) -> Any:
    """Scale the distance of pixels to the mean of their image and channel.

    Args:
        images: (..., height, width, c) numbers.
        contrast_factor: a number.

    Raises:
        InvalidArgumentError: for another dtype, or fewer than three axes.

    Example:
        >>> import gradtape as tf
        >>> x = tf.reshape(tf.constant([0.0, 1.0]), (1, 2, 1))
        >>> tf.image.adjust_contrast(x, 2.0).numpy().ravel()
        array([-0.5,  1.5], dtype=float32)
    """
    function = "image.adjust_contrast"
    given = as_images(images, function, tuple(range(3, 9)))
    x = as_float(given)
    mean = reduce_mean(x, [-3, -2], keepdims=True)
    out = add(multiply(subtract(x, mean), _factor(contrast_factor, x, function)), mean)
    return back(out, given._dtype, True)


def adjust_gamma(image: Any, gamma: Any = 1, gain: Any = 1) -> Any:
    """Return gain * image**gamma.

    Args:
        image: numbers; integers stand for [0, 1].
        gamma: a non-negative number.
        gain: a number.

    Raises:
        InvalidArgumentError: for a negative gamma or another dtype.

    Example:
        >>> import gradtape as tf
        >>> tf.image.adjust_gamma(tf.constant([0.5]), 2.0).numpy()
        array([0.25], dtype=float32)
    """
    function = "image.adjust_gamma"
    given = as_images(image, function, tuple(range(9)))
    x = as_float(given)
    exponent = _factor(gamma, x, function)

    def test(array: Any) -> None:
        if (array < 0).any():
            raise InvalidArgumentError(
                f"gradtape.{function}: gamma must not be negative, not {gamma!r}."
            )

    exponent = validated(test, exponent)
    out = multiply(_factor(gain, x, function), power(x, exponent))
    return back(out, given._dtype, True)


def adjust_hue(image: Any, delta: Any, name: str | None = None) -> Any:
    """Turn the hue of images by delta turns.

    Args:
        image: (..., 3) numbers; integers stand for [0, 1].
        delta: a number in [-1, 1].
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for a delta out of range, another dtype or number of channels.

    Example:
        >>> import gradtape as tf
        >>> tf.image.adjust_hue(tf.constant([[[1.0, 0.5, 0.5]]]), 0.5).numpy().ravel()
        array([0.5, 1. , 1. ], dtype=float32)
    """
    function = "image.adjust_hue"
    given = as_images(image, function, tuple(range(1, 9)))
    x = as_colours(as_float(given), function)
    turn = _factor(delta, x, function)

    def test(array: Any) -> None:
        if not (np.abs(array) <= 1).all():
            raise InvalidArgumentError(
                f"gradtape.{function}: delta must be in [-1, 1], not {delta!r}."
            )

    turn = validated(test, turn)
    hue, saturation, value = _hsv(x)
    hue = floormod(add(hue, turn), _number(1, x))
    return back(_rgb([hue, saturation, value]), given._dtype, False)


def adjust_saturation(image: Any, saturation_factor: Any, name: str | None = None) -> Any:
    """Scale the saturation of images; it is cut off at 0 and 1.

    Args:
        image: (..., 3) numbers; integers stand for [0, 1].
        saturation_factor: a number.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype or number of channels.

    Example:
        >>> import gradtape as tf
        >>> tf.image.adjust_saturation(tf.constant([[[1.0, 0.75, 0.75]]]), 2.0).numpy().ravel()
        array([1. , 0.5, 0.5], dtype=float32)
    """
    function = "image.adjust_saturation"
    given = as_images(image, function, tuple(range(1, 9)))
    x = as_colours(as_float(given), function)
    hue, saturation, value = _hsv(x)
    scaled = clip_by_value(multiply(saturation, _factor(saturation_factor, x, function)), 0.0, 1.0)
    return back(_rgb([hue, scaled, value]), given._dtype, False)
