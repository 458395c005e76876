"""The transposed convolutions of `tf.nn`: the gradient of a convolution with respect to its input,
as a layer.
"""

from __future__ import annotations

from typing import Any

from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same_shape
from gradtape.ops.convolution import transposed
from gradtape.ops.convolution_public import operands
from gradtape.ops.spatial import channels_first, moved_back, moved_last, per_axis, window_of
from gradtape.ops.static import static, static_int


def _transposed(
    function: str,
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any,
    data_format: Any,
    dilations: Any,
    space: int,
) -> Any:
    x, w = operands(function, input, filters, space)
    first = channels_first(data_format, space, function)
    if len(x._shape) != space + 2:
        raise InvalidArgumentError(
            f"gradtape.{function}: input is {brief(x)} but needs {space + 2} axes: examples, "
            f"{space} spatial and "
            "channels."
        )
    shape = _output_shape(output_shape, space, first, function)
    x = moved_last(x, first)
    if not same_shape((shape[-1], x._shape[-1]), w._shape[-2:]):
        raise InvalidArgumentError(
            f"gradtape.{function}: filters {brief(w)} must be (*window, output channels, input "
            "channels), here "
            f"(..., {shape[-1]}, {x._shape[-1]}). Transpose the last two axes, or correct "
            "output_shape."
        )
    window = window_of(
        shape[1:-1],
        w._shape[:-2],
        per_axis(strides, space, first, function, "strides"),
        per_axis(dilations, space, first, function, "dilations"),
        padding,
        first,
        function,
    )
    expected = (shape[0], *window.places(shape[1:-1]))
    if not same_shape(expected, x._shape[:-1]):
        raise InvalidArgumentError(
            f"gradtape.{function}: a convolution of output_shape {list(output_shape)} with strides "
            f"{list(window.strides)} and padding {padding!r} has examples and places "
            f"{list(expected)}, but the input "
            f"has {list(x._shape[:-1])}. Correct output_shape."
        )
    out = transposed(x, w, shape, window.strides, window.padding, window.dilations, (1,) * space, 1)
    return moved_back(out, first)


def _output_shape(value: Any, space: int, first: bool, function: str) -> tuple[int, ...]:
    """The output's shape with channels last."""
    items = static(value, function, "output_shape")
    if not isinstance(items, (list, tuple)) or len(items) != space + 2:
        raise InvalidArgumentError(
            f"gradtape.{function}: output_shape must have {space + 2} integers, not {value!r}."
        )
    sizes = [static_int(n, function, "output_shape") for n in items]
    if any([n < 0 for n in sizes]):
        raise InvalidArgumentError(
            f"gradtape.{function}: output_shape {value!r} has a negative size; give every size."
        )
    return (sizes[0], *sizes[2:], sizes[1]) if first else tuple(sizes)


def conv_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: Any = None,
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Transpose a convolution: the linear map whose matrix is the transpose of
    `tf.nn.convolution`'s.

    Args:
        input: (n, *places, c) floats, or (n, c, *places) for a data format with channels first.
        filters: (*window, o, c) of the same dtype.
        output_shape: the shape of the result, (n, *space, o) in the data format's order.
        strides: one integer, or one for each spatial axis.
        padding: "VALID", "SAME", or a pair for each axis of the result.
        data_format: such as "NHWC" (the default) or "NCHW".
        dilations: distance of the taps.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when a convolution of `output_shape` would not have the input's shape.

    Example:
        >>> import gradtape as tf
        >>> x, w = tf.constant([[[1.0], [2.0]]]), tf.ones((3, 1, 1))
        >>> tf.nn.conv_transpose(x, w, (1, 5, 1), 2, "VALID").numpy().ravel()
        array([1., 1., 3., 2., 2.], dtype=float32)
    """
    items = static(output_shape, "nn.conv_transpose", "output_shape")
    space = len(items) - 2 if isinstance(items, (list, tuple)) else 0
    if space not in (1, 2, 3):
        raise InvalidArgumentError(
            "gradtape.nn.conv_transpose: output_shape must have 3, 4 or 5 integers, not "
            f"{output_shape!r}."
        )
    return _transposed(
        "nn.conv_transpose",
        input,
        filters,
        output_shape,
        strides,
        padding,
        data_format,
        dilations,
        space,
    )


def conv1d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: Any = "NWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Transpose `tf.nn.conv1d`: see `tf.nn.conv_transpose`.

    Args:
        input: (n, places, c) floats, or (n, c, places) for "NCW".
        filters: (window, o, c) of the same dtype.
        output_shape: the shape of the result.
        strides: one integer.
        padding: "VALID", "SAME", or three pairs.
        data_format: "NWC" or "NCW".
        dilations: distance of the taps.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when a convolution of `output_shape` would not have the input's shape.

    Example:
        >>> import gradtape as tf
        >>> x, w = tf.ones((1, 2, 1)), tf.ones((2, 1, 1))
        >>> tf.nn.conv1d_transpose(x, w, (1, 4, 1), 2).numpy().ravel()
        array([1., 1., 1., 1.], dtype=float32)
    """
    return _transposed(
        "nn.conv1d_transpose",
        input,
        filters,
        output_shape,
        strides,
        padding,
        data_format,
        dilations,
        1,
    )


def conv2d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: Any = "NHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Transpose `tf.nn.conv2d`: see `tf.nn.conv_transpose`.

    Args:
        input: (n, rows, columns, c) floats, or (n, c, rows, columns) for "NCHW".
        filters: (h, w, o, c) of the same dtype.
        output_shape: the shape of the result.
        strides: one integer or a list of 2 or 4.
        padding: "VALID", "SAME", or four pairs.
        data_format: "NHWC" or "NCHW".
        dilations: distance of the taps.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when a convolution of `output_shape` would not have the input's shape.

    Example:
        >>> import gradtape as tf
        >>> x, w = tf.ones((1, 1, 1, 1)), tf.ones((2, 2, 3, 1))
        >>> tf.nn.conv2d_transpose(x, w, (1, 2, 2, 3), 2).shape
        TensorShape([1, 2, 2, 3])
    """
    return _transposed(
        "nn.conv2d_transpose",
        input,
        filters,
        output_shape,
        strides,
        padding,
        data_format,
        dilations,
        2,
    )


def conv3d_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: Any = "NDHWC",
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Transpose `tf.nn.conv3d`: see `tf.nn.conv_transpose`.

    Args:
        input: (n, *places, c) floats, or (n, c, *places) for "NCDHW".
        filters: (d, h, w, o, c) of the same dtype.
        output_shape: the shape of the result.
        strides: one integer or a list of 3 or 5.
        padding: "VALID", "SAME", or five pairs.
        data_format: "NDHWC" or "NCDHW".
        dilations: distance of the taps.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when a convolution of `output_shape` would not have the input's shape.

    Example:
        >>> import gradtape as tf
        >>> x, w = tf.ones((1, 1, 1, 1, 1)), tf.ones((2, 2, 2, 3, 1))
        >>> tf.nn.conv3d_transpose(x, w, (1, 2, 2, 2, 3), 2).shape
        TensorShape([1, 2, 2, 2, 3])
    """
    return _transposed(
        "nn.conv3d_transpose",
        input,
        filters,
        output_shape,
        strides,
        padding,
        data_format,
        dilations,
        3,
    )


def atrous_conv2d_transpose(
    value: Any, filters: Any, output_shape: Any, rate: Any, padding: Any, name: str | None = None
) -> Any:
    """Transpose `tf.nn.atrous_conv2d`: `tf.nn.conv2d_transpose` with stride 1 and dilations.

    Args:
        value: (n, rows, columns, c) floats.
        filters: (h, w, o, c) of the same dtype.
        output_shape: the shape of the result.
        rate: a positive integer.
        padding: "VALID" or "SAME".
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when a convolution of `output_shape` would not have the input's shape.

    Example:
        >>> import gradtape as tf
        >>> x, w = tf.ones((1, 1, 1, 1)), tf.ones((2, 2, 1, 1))
        >>> tf.nn.atrous_conv2d_transpose(x, w, (1, 3, 3, 1), 2, "VALID").numpy()[0, :, :, 0]
        array([[1., 0., 1.],
               [0., 0., 0.],
               [1., 0., 1.]], dtype=float32)
    """
    function = "nn.atrous_conv2d_transpose"
    return _transposed(function, value, filters, output_shape, 1, padding, None, rate, 2)
