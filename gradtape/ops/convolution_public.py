"""The convolutions of `tf.nn`: they check their arguments, move the channels last and call one
primitive.
"""

from __future__ import annotations

from typing import Any

from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import larger, same
from gradtape.ops.basis import reshape
from gradtape.ops.calls import mixed_dtypes, pair
from gradtape.ops.convolution import conv
from gradtape.ops.spatial import channels_first, folded, moved_back, moved_last, per_axis, window_of


def _convolved(
    function: str,
    input: Any,
    filters: Any,
    strides: Any,
    padding: Any,
    data_format: Any,
    dilations: Any,
    space: int,
) -> Any:
    """The common body: any number of leading axes, groups from the channel counts."""
    x, w = operands(function, input, filters, space)
    first = channels_first(data_format, space, function)
    x, lead = folded(x, space, function)
    x = moved_last(x, first)
    channels, inward, outward = x._shape[-1], w._shape[-2], w._shape[-1]
    if inward == 0 or channels % inward or outward % larger(1, channels // inward):
        raise InvalidArgumentError(
            f"gradtape.{function}: input has {channels} channels and filters {brief(w)} take "
            f"{inward}: the input's "
            "channels must be a multiple, and the filters' last axis a multiple of the quotient. "
            f"Write filters of shape (..., {channels}, out), or check data_format."
        )
    window = window_of(
        x._shape[1:-1],
        w._shape[:-2],
        per_axis(strides, space, first, function, "strides"),
        per_axis(dilations, space, first, function, "dilations"),
        padding,
        first,
        function,
    )
    groups = larger(1, channels // inward)
    out = conv(x, w, window.strides, window.padding, window.dilations, (1,) * space, groups)
    out = moved_back(out, first)
    return out if len(lead) == 1 else reshape(out, (*lead, *out._shape[1:]))


def operands(function: str, input: Any, filters: Any, space: int) -> tuple[Any, Any]:
    """Input and filters of one dtype; the filters have the right number of axes."""
    x, w = pair(input, filters, function)
    if x._dtype != w._dtype:
        raise mixed_dtypes(function, x, w)
    if x._dtype.kind not in "ifVc":
        raise InvalidArgumentError(
            f"gradtape.{function}({brief(x)}, {brief(w)}): not defined for this dtype. "
            "Write tf.cast(x, tf.float32)."
        )
    if len(w._shape) != space + 2:
        raise InvalidArgumentError(
            f"gradtape.{function}: filters are {brief(w)} but need {space + 2} axes: {space} "
            "spatial, input "
            "channels, output channels. Write tf.reshape(filters, ...)."
        )
    return x, w


def convolution(
    input: Any,
    filters: Any,
    strides: Any = None,
    padding: Any = "VALID",
    data_format: Any = None,
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Correlate an input with filters over one, two or three spatial axes.

    out[n, p, o] = sum over k, c of input[n, p * strides + k * dilations - before, c] * filters[k,
    c, o]

    Args:
        input: (..., *space, c) floats, or (n, c, *space) for a data format with channels first.
        filters: (*window, c / groups, o) of the same dtype; the number of groups follows from the
            channels.
        strides: one integer, or one for each spatial axis.
        padding: "VALID", "SAME", or a pair for each axis of the input.
        data_format: such as "NHWC" (the default) or "NCHW".
        dilations: distance of the taps, one integer or one for each spatial axis.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when shapes, channels or dtypes do not fit, or no window fits.

    Example:
        >>> import gradtape as tf
        >>> x, w = tf.constant([[[1.0], [2.0], [4.0]]]), tf.constant([[[-1.0]], [[1.0]]])
        >>> tf.nn.convolution(x, w).numpy()[0, :, 0]
        array([1., 2.], dtype=float32)
    """
    space = len(as_tensor(filters, "nn.convolution")._shape) - 2
    if space not in (1, 2, 3):
        raise InvalidArgumentError(
            f"gradtape.nn.convolution: filters are {brief(as_tensor(filters))} but need 3, 4 or 5 "
            "axes: one to three "
            "spatial, input channels, output channels."
        )
    return _convolved(
        "nn.convolution", input, filters, strides, padding, data_format, dilations, space
    )


def conv1d(
    input: Any,
    filters: Any,
    stride: Any,
    padding: Any,
    data_format: Any = "NWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Correlate sequences (..., width, c) with filters (window, c, o): see `tf.nn.convolution`.

    Args:
        input: (..., width, c) floats, or (n, c, width) for "NCW".
        filters: (window, c / groups, o) of the same dtype.
        stride: one integer.
        padding: "VALID", "SAME", or three pairs.
        data_format: "NWC" or "NCW".
        dilations: distance of the taps.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when shapes, channels or dtypes do not fit, or no window fits.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.conv1d(tf.ones((1, 4, 1)), tf.ones((3, 1, 1)), 1, "SAME").numpy().ravel()
        array([2., 3., 3., 2.], dtype=float32)
    """
    return _convolved("nn.conv1d", input, filters, stride, padding, data_format, dilations, 1)


def conv2d(
    input: Any,
    filters: Any,
    strides: Any,
    padding: Any,
    data_format: Any = "NHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Correlate images (..., height, width, c) with filters (h, w, c, o): see `tf.nn.convolution`.

    Args:
        input: (..., height, width, c) floats, or (n, c, height, width) for "NCHW".
        filters: (h, w, c / groups, o) of the same dtype.
        strides: one integer or a list of 2 or 4.
        padding: "VALID", "SAME", or four pairs.
        data_format: "NHWC" or "NCHW".
        dilations: distance of the taps, one integer or a list of 2 or 4.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when shapes, channels or dtypes do not fit, or no window fits.

    Example:
        >>> import gradtape as tf
        >>> x, w = tf.ones((1, 3, 3, 1)), tf.ones((2, 2, 1, 1))
        >>> tf.nn.conv2d(x, w, 1, "SAME").numpy()[0, :, :, 0]
        array([[4., 4., 2.],
               [4., 4., 2.],
               [2., 2., 1.]], dtype=float32)
    """
    return _convolved("nn.conv2d", input, filters, strides, padding, data_format, dilations, 2)


def conv3d(
    input: Any,
    filters: Any,
    strides: Any,
    padding: Any,
    data_format: Any = "NDHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Correlate volumes (..., depth, height, width, c) with filters (d, h, w, c, o): see
    `tf.nn.convolution`.

    Args:
        input: (..., depth, height, width, c) floats, or (n, c, depth, height, width) for "NCDHW".
        filters: (d, h, w, c / groups, o) of the same dtype.
        strides: one integer or a list of 3 or 5.
        padding: "VALID", "SAME", or five pairs.
        data_format: "NDHWC" or "NCDHW".
        dilations: distance of the taps, one integer or a list of 3 or 5.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when shapes, channels or dtypes do not fit, or no window fits.

    Example:
        >>> import gradtape as tf
        >>> x, w = tf.ones((1, 2, 2, 2, 1)), tf.ones((2, 2, 2, 1, 1))
        >>> tf.nn.conv3d(x, w, 1, "VALID").numpy().ravel()
        array([8.], dtype=float32)
    """
    return _convolved("nn.conv3d", input, filters, strides, padding, data_format, dilations, 3)


def depthwise_conv2d(
    input: Any,
    filter: Any,
    strides: Any,
    padding: Any,
    data_format: Any = None,
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Correlate each channel with filters of its own: out[..., c * m + q] uses input[..., c] and
    filter[..., c, q].

    Args:
        input: (n, height, width, c) floats, or (n, c, height, width) for "NCHW".
        filter: (h, w, c, m) of the same dtype.
        strides: one integer or a list of 2 or 4.
        padding: "VALID", "SAME", or four pairs.
        data_format: "NHWC" or "NCHW".
        dilations: distance of the taps, one integer or a list of 2.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when shapes, channels or dtypes do not fit, or no window fits.

    Example:
        >>> import gradtape as tf
        >>> w = tf.constant([[[[1.0], [10.0]]]])
        >>> tf.nn.depthwise_conv2d(tf.ones((1, 1, 1, 2)), w, [1, 1, 1, 1], "VALID").numpy().ravel()
        array([ 1., 10.], dtype=float32)
    """
    function = "nn.depthwise_conv2d"
    x, w = operands(function, input, filter, 2)
    first = channels_first(data_format, 2, function)
    channels = x._shape[1 if first else -1] if len(x._shape) == 4 else -1
    if not same(channels, w._shape[2]):
        raise InvalidArgumentError(
            f"gradtape.{function}: input is {brief(x)} and filter {brief(w)}: the filter's third "
            "axis must equal the "
            "input's channels, and the input must have 4 axes. Check data_format."
        )
    w = reshape(w, (*w._shape[:2], 1, w._shape[2] * w._shape[3]))
    return _convolved(function, x, w, strides, padding, data_format, dilations, 2)


def separable_conv2d(
    input: Any,
    depthwise_filter: Any,
    pointwise_filter: Any,
    strides: Any,
    padding: Any,
    data_format: Any = None,
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Correlate each channel by itself, then mix the channels: a depthwise and a pointwise
    convolution.

    Args:
        input: (n, height, width, c) floats, or (n, c, height, width) for "NCHW".
        depthwise_filter: (h, w, c, m).
        pointwise_filter: (1, 1, c * m, o).
        strides: one integer or a list of 2 or 4, of the depthwise part.
        padding: "VALID", "SAME", or four pairs, of the depthwise part.
        data_format: "NHWC" or "NCHW".
        dilations: distance of the taps of the depthwise part.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when shapes, channels or dtypes do not fit, or no window fits.

    Example:
        >>> import gradtape as tf
        >>> x, d, p = tf.ones((1, 2, 2, 2)), tf.ones((2, 2, 2, 1)), tf.ones((1, 1, 2, 3))
        >>> tf.nn.separable_conv2d(x, d, p, [1, 1, 1, 1], "VALID").numpy().ravel()
        array([8., 8., 8.], dtype=float32)
    """
    deep = depthwise_conv2d(input, depthwise_filter, strides, padding, data_format, dilations)
    function = "nn.separable_conv2d"
    if tuple(as_tensor(pointwise_filter, function)._shape[:2]) != (1, 1):
        raise InvalidArgumentError(
            f"gradtape.{function}: pointwise_filter must have shape (1, 1, channels, out), not "
            f"{brief(as_tensor(pointwise_filter))}."
        )
    return _convolved(function, deep, pointwise_filter, 1, "VALID", data_format, None, 2)


def atrous_conv2d(
    value: Any, filters: Any, rate: Any, padding: Any, name: str | None = None
) -> Any:
    """Correlate images with filters whose taps are `rate` apart: `tf.nn.conv2d` with dilations.

    Args:
        value: (n, height, width, c) floats.
        filters: (h, w, c, o) of the same dtype.
        rate: a positive integer.
        padding: "VALID" or "SAME".
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when shapes, channels or dtypes do not fit, or no window fits.

    Example:
        >>> import gradtape as tf
        >>> x, w = tf.ones((1, 3, 3, 1)), tf.ones((2, 2, 1, 1))
        >>> tf.nn.atrous_conv2d(x, w, 2, "VALID").numpy().ravel()
        array([4.], dtype=float32)
    """
    return _convolved("nn.atrous_conv2d", value, filters, 1, padding, None, rate, 2)
