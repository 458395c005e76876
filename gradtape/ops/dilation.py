"""Grey-scale dilation and erosion of images: the largest sum, or least difference, of image and
filter in a window.

Dilation is x[winner] + w[winner], where the winner, the number of the tap with the largest sum, is
constant between ties; so its derivatives of every order are those of picking elements. Ties go to
the first tap in row-major order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import STEPWISE
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.sizes import same
from gradtape.core.tensor import Tensor
from gradtape.core.windows import Window
from gradtape.core.xp_numpy_pooling import winner_dtype
from gradtape.ops.basis import add, broadcast_to, cast, multiply, negative, reshape, transpose
from gradtape.ops.calls import mixed_dtypes, pair
from gradtape.ops.gathering import gather_axis
from gradtape.ops.pooling import gather
from gradtape.ops.spatial import per_axis, window_of
from gradtape.ops.striding import strided_slice

BACKWARDS = (None, None, -1)


def _batch(mask: Any, x: Any, w: Any, window: Window) -> Any:
    """Fold a batch into examples, or, for filters, into channels."""
    many = x._shape[0] if mask[0] else w._shape[0]
    if not mask[0]:
        x = broadcast_to(reshape(x, (1, *x._shape)), (many, *x._shape))
    _, count, *sizes, channels = x._shape
    if not mask[1]:
        out = winner(reshape(x, (many * count, *sizes, channels)), w, window)
        return reshape(out, (many, count, *out._shape[1:]))
    x = reshape(transpose(x, (1, 2, 3, 0, 4)), (count, *sizes, many * channels))
    w = reshape(transpose(w, (1, 2, 0, 3)), (*w._shape[1:3], many * channels))
    out = winner(x, w, window)
    out = reshape(out, (*out._shape[:-1], many, channels))
    return transpose(out, (3, 0, 1, 2, 4))


_winner = primitive(
    "dilation_winner",
    lambda xp, x, w, *, window: xp.dilate_winner(x, w, window),
    vjps=[STEPWISE, STEPWISE],
    jvps=[STEPWISE, STEPWISE],
    batch=_batch,
    shape=lambda x, w, window: Spec(
        (x._shape[0], *window.places(x._shape[1:-1]), x._shape[-1]), winner_dtype(window)
    ),
    kinds="iufV",
    differentiable=False,
    family="stepwise",
)


def winner(x: Any, w: Any, window: Window) -> Any:
    """The number of the first tap of each window at which x + w is largest."""
    return apply(_winner, (x, w), {"window": window})


def _dilated(function: str, x: Any, w: Any, options: Any, turned: bool) -> Any:
    """The common body: `turned` for erosion, -dilation(-x, reversed w)."""
    x, w = pair(x, w, function)
    if x._dtype != w._dtype:
        raise mixed_dtypes(function, x, w)
    strides, padding, data_format, dilations = options
    if data_format != "NHWC":
        raise InvalidArgumentError(
            f"gradtape.{function}: data_format must be 'NHWC', not {data_format!r}. Transpose "
            "first."
        )
    if len(x._shape) != 4 or len(w._shape) != 3 or not same(x._shape[3], w._shape[2]):
        raise InvalidArgumentError(
            f"gradtape.{function}: needs images (n, height, width, c) and filters (h, w, c), not "
            f"{brief(x)} and {brief(w)}. Reshape them."
        )
    if padding not in ("SAME", "VALID"):
        raise InvalidArgumentError(
            f"gradtape.{function}: padding must be 'SAME' or 'VALID', not {padding!r}."
        )
    window = window_of(
        x._shape[1:3],
        w._shape[:2],
        per_axis(strides, 2, False, function, "strides"),
        per_axis(dilations, 2, False, function, "dilations"),
        padding,
        False,
        function,
    )
    if turned:
        x, w = negative(x), strided_slice(w, (BACKWARDS, BACKWARDS))
    best = winner(x, w, window)
    out = add(gather(x, best, window), _taps(w, best))
    return negative(out) if turned else out


def _taps(w: Any, best: Any) -> Any:
    """The element of w (h, w, c) at the tap that each place names, for its channel."""
    channels = w._shape[2]
    index = multiply(cast(best, np.dtype(np.int64)), Tensor(np.int64(channels)))
    index = add(index, Tensor(np.arange(channels)))
    return gather_axis(reshape(w, (w._shape[0] * w._shape[1] * channels,)), index, 0)


def dilation2d(
    input: Any,
    filters: Any,
    strides: Any,
    padding: Any,
    data_format: Any,
    dilations: Any,
    name: str | None = None,
) -> Any:
    """Dilate images: out[p] = max over k of input[p * strides + k * dilations - before] +
    filters[k].

    Places outside the image do not take part. Unlike TensorFlow's, second derivatives exist.

    Args:
        input: (n, height, width, c) real numbers.
        filters: (h, w, c) of the same dtype.
        strides: one integer or a list of 2 or 4.
        padding: "VALID" or "SAME".
        data_format: "NHWC".
        dilations: distance of the taps, one integer or a list of 2 or 4.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when shapes or dtypes do not fit, or no window fits.

    Example:
        >>> import gradtape as tf
        >>> x = tf.constant([[[[1.0], [5.0], [2.0], [0.0]]]])
        >>> tf.nn.dilation2d(x, tf.zeros((1, 3, 1)), 1, "SAME", "NHWC", 1).numpy().ravel()
        array([5., 5., 5., 2.], dtype=float32)
    """
    return _dilated(
        "nn.dilation2d", input, filters, (strides, padding, data_format, dilations), False
    )


def erosion2d(
    value: Any,
    filters: Any,
    strides: Any,
    padding: Any,
    data_format: Any,
    dilations: Any,
    name: str | None = None,
) -> Any:
    """Erode images: -dilation2d(-value, reversed filters), the minimum of value minus filter.

    Args:
        value: (n, height, width, c) real numbers.
        filters: (h, w, c) of the same dtype.
        strides: one integer or a list of 2 or 4.
        padding: "VALID" or "SAME".
        data_format: "NHWC".
        dilations: distance of the taps, one integer or a list of 2 or 4.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when shapes or dtypes do not fit, or no window fits.

    Example:
        >>> import gradtape as tf
        >>> x = tf.constant([[[[1.0], [5.0], [2.0], [3.0]]]])
        >>> tf.nn.erosion2d(x, tf.zeros((1, 3, 1)), 1, "SAME", "NHWC", 1).numpy().ravel()
        array([1., 1., 2., 2.], dtype=float32)
    """
    return _dilated(
        "nn.erosion2d", value, filters, (strides, padding, data_format, dilations), True
    )
