"""The pools of `tf.nn`: they check their arguments, move the channels last and call one
primitive.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dtypes import as_dtype, int64
from gradtape.core.errors import InvalidArgumentError, UnimplementedError, brief
from gradtape.core.tensor import Tensor
from gradtape.ops import pooling
from gradtape.ops.basis import add, cast
from gradtape.ops.calls import wrong_kind
from gradtape.ops.gathering import gather_axis
from gradtape.ops.spatial import channels_first, moved_back, moved_last, per_axis, window_of


def _pooled(
    function: str,
    run: Any,
    kinds: str,
    input: Any,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: Any,
    space: int | None = None,
    dilations: Any = 1,
) -> Any:
    """The common body; `space` is taken from the input's rank where the function does not fix
    it.
    """
    x = _images(function, input, kinds, space)
    space = len(x._shape) - 2
    first = channels_first(data_format, space, function)
    x = moved_last(x, first)
    window = window_of(
        x._shape[1:-1],
        per_axis(ksize, space, first, function, "ksize"),
        per_axis(strides, space, first, function, "strides"),
        per_axis(dilations, space, first, function, "dilations"),
        padding,
        first,
        function,
    )
    return moved_back(run(x, window), first)


def _images(function: str, input: Any, kinds: str, space: int | None) -> Any:
    x = as_tensor(input, function)
    if x._dtype.kind not in kinds:
        raise wrong_kind(function, kinds, x)
    rank = len(x._shape)
    if rank - 2 not in ((1, 2, 3) if space is None else (space,)):
        wanted = "3, 4 or 5" if space is None else str(space + 2)
        raise InvalidArgumentError(
            f"gradtape.{function}: input is {brief(x)} but needs {wanted} axes: examples, spatial "
            "ones and "
            "channels. Write tf.expand_dims(x, 0) for a single example."
        )
    return x


def _by_string(function: str, padding: Any) -> None:
    if padding not in ("SAME", "VALID"):
        raise InvalidArgumentError(
            f"gradtape.{function}: padding must be 'SAME' or 'VALID', not {padding!r}. "
            "Pad with tf.pad before."
        )


def _max(
    function: str, x: Any, k: Any, s: Any, padding: Any, layout: Any, space: int | None
) -> Any:
    return _pooled(function, pooling.maximum, "iufV", x, k, s, padding, layout, space)


def _mean(
    function: str, x: Any, k: Any, s: Any, padding: Any, layout: Any, space: int | None
) -> Any:
    _by_string(function, padding)
    return _pooled(function, pooling.mean, "fV", x, k, s, padding, layout, space)


def max_pool(
    input: Any,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: Any = None,
    name: str | None = None,
) -> Any:
    """Take the maximum in each window over one, two or three spatial axes.

    The gradient goes to the first element of the window that has the maximum; one that is not a
    number counts as such.

    Args:
        input: (n, *space, c) real numbers, or (n, c, *space) for a data format with channels first.
        ksize: size of the window, one integer or a list.
        strides: one integer or a list.
        padding: "VALID", "SAME", or a pair for each axis; padding never has the maximum.
        data_format: such as "NHWC" (the default) or "NCHW".
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when no window fits, or an argument has the wrong length.

    Example:
        >>> import gradtape as tf
        >>> x = tf.constant([[[1.0], [5.0], [2.0], [0.0]]])
        >>> tf.nn.max_pool(x, 2, 2, "VALID").numpy().ravel()
        array([5., 2.], dtype=float32)
    """
    return _max("nn.max_pool", input, ksize, strides, padding, data_format, None)


def max_pool1d(
    input: Any,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: Any = "NWC",
    name: str | None = None,
) -> Any:
    """Take the maximum in windows over sequences (n, width, c): see `tf.nn.max_pool`.

    Example:
        >>> import gradtape as tf
        >>> x = tf.constant([[[1.0], [5.0], [2.0], [0.0]]])
        >>> tf.nn.max_pool1d(x, 3, 1, "VALID").numpy().ravel()
        array([5., 5.], dtype=float32)
    """
    return _max("nn.max_pool1d", input, ksize, strides, padding, data_format, 1)


def max_pool2d(
    input: Any,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: Any = "NHWC",
    name: str | None = None,
) -> Any:
    """Take the maximum in windows over images (n, height, width, c): see `tf.nn.max_pool`.

    Example:
        >>> import gradtape as tf
        >>> x = tf.reshape(tf.constant([1.0, 5.0, 2.0, 0.0]), (1, 2, 2, 1))
        >>> tf.nn.max_pool2d(x, 2, 1, "SAME").numpy().ravel()
        array([5., 5., 2., 0.], dtype=float32)
    """
    return _max("nn.max_pool2d", input, ksize, strides, padding, data_format, 2)


def max_pool3d(
    input: Any,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: Any = "NDHWC",
    name: str | None = None,
) -> Any:
    """Take the maximum in windows over volumes (n, depth, height, width, c): see `tf.nn.max_pool`.

    Example:
        >>> import gradtape as tf
        >>> x = tf.reshape(tf.constant([1.0, 5.0, 2.0, 0.0]), (1, 1, 2, 2, 1))
        >>> tf.nn.max_pool3d(x, (1, 2, 2), 1, "VALID").numpy().ravel()
        array([5.], dtype=float32)
    """
    return _max("nn.max_pool3d", input, ksize, strides, padding, data_format, 3)


def avg_pool(
    input: Any,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: Any = None,
    name: str | None = None,
) -> Any:
    """Take the mean in each window over one, two or three spatial axes; padding is not counted.

    Args:
        input: (n, *space, c) floats, or (n, c, *space) for a data format with channels first.
        ksize: size of the window, one integer or a list.
        strides: one integer or a list.
        padding: "VALID" or "SAME".
        data_format: such as "NHWC" (the default) or "NCHW".
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when no window fits, or an argument has the wrong length.

    Example:
        >>> import gradtape as tf
        >>> x = tf.constant([[[1.0], [5.0], [2.0]]])
        >>> tf.nn.avg_pool(x, 2, 2, "SAME").numpy().ravel()
        array([3., 2.], dtype=float32)
    """
    return _mean("nn.avg_pool", input, ksize, strides, padding, data_format, None)


def avg_pool1d(
    input: Any,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: Any = "NWC",
    name: str | None = None,
) -> Any:
    """Take the mean in windows over sequences (n, width, c): see `tf.nn.avg_pool`.

    Example:
        >>> import gradtape as tf
        >>> x = tf.constant([[[1.0], [5.0], [2.0], [0.0]]])
        >>> tf.nn.avg_pool1d(x, 2, 2, "VALID").numpy().ravel()
        array([3., 1.], dtype=float32)
    """
    return _mean("nn.avg_pool1d", input, ksize, strides, padding, data_format, 1)


def avg_pool2d(
    input: Any,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: Any = "NHWC",
    name: str | None = None,
) -> Any:
    """Take the mean in windows over images (n, height, width, c): see `tf.nn.avg_pool`.

    Example:
        >>> import gradtape as tf
        >>> x = tf.reshape(tf.constant([1.0, 5.0, 2.0, 0.0]), (1, 2, 2, 1))
        >>> tf.nn.avg_pool2d(x, 2, 1, "SAME").numpy().ravel()
        array([2. , 2.5, 1. , 0. ], dtype=float32)
    """
    return _mean("nn.avg_pool2d", input, ksize, strides, padding, data_format, 2)


def avg_pool3d(
    input: Any,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: Any = "NDHWC",
    name: str | None = None,
) -> Any:
    """Take the mean in windows over volumes (n, depth, height, width, c): see `tf.nn.avg_pool`.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.avg_pool3d(tf.ones((1, 2, 2, 2, 1)), 2, 1, "VALID").numpy().ravel()
        array([1.], dtype=float32)
    """
    return _mean("nn.avg_pool3d", input, ksize, strides, padding, data_format, 3)


def pool(
    input: Any,
    window_shape: Any,
    pooling_type: str,
    strides: Any = None,
    padding: Any = "VALID",
    data_format: Any = None,
    dilations: Any = None,
    name: str | None = None,
) -> Any:
    """Take the maximum or the mean in windows whose elements may be `dilations` apart.

    Args:
        input: (n, *space, c) numbers, or (n, c, *space) for a data format with channels first.
        window_shape: size of the window, one integer or one for each spatial axis.
        pooling_type: "MAX" or "AVG".
        strides: one integer or one for each spatial axis, by default 1.
        padding: "VALID" or "SAME".
        data_format: such as "NHWC" (the default) or "NCHW".
        dilations: distance of the elements, by default 1; unlike TensorFlow's it goes with any
            padding and strides.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when no window fits, or an argument is not one of those above.

    Example:
        >>> import gradtape as tf
        >>> x = tf.constant([[[1.0], [5.0], [2.0], [0.0]]])
        >>> tf.nn.pool(x, (2,), "MAX", dilations=(2,)).numpy().ravel()
        array([2., 5.], dtype=float32)
    """
    function = "nn.pool"
    if pooling_type not in ("MAX", "AVG"):
        raise InvalidArgumentError(
            f"gradtape.{function}: pooling_type must be 'MAX' or 'AVG', not {pooling_type!r}."
        )
    _by_string(function, padding)
    run, kinds = (pooling.maximum, "iufV") if pooling_type == "MAX" else (pooling.mean, "fV")
    return _pooled(
        function, run, kinds, input, window_shape, strides, padding, data_format, None, dilations
    )


def max_pool_with_argmax(
    input: Any,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: str = "NHWC",
    output_dtype: Any = int64,
    include_batch_in_index: bool = False,
    name: str | None = None,
) -> tuple[Any, Any]:
    """Take the maximum in windows over images, and where it is: the first place that has it.

    The index of input[n, y, x, c] is (y * width + x) * channels + c, with n * height in front of y
    if asked for.

    Args:
        input: (n, height, width, c) real numbers.
        ksize: size of the window, one integer or a list of 2 or 4.
        strides: one integer or a list of 2 or 4.
        padding: "VALID" or "SAME".
        data_format: "NHWC".
        output_dtype: int64 or int32, of the indices.
        include_batch_in_index: whether the examples are counted too.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: when no window fits, or an argument has the wrong length.

    Example:
        >>> import gradtape as tf
        >>> x = tf.reshape(tf.constant([1.0, 5.0, 2.0, 7.0]), (1, 2, 2, 1))
        >>> [t.numpy().item() for t in tf.nn.max_pool_with_argmax(x, 2, 2, "VALID")]
        [7.0, 3]
    """
    function = "nn.max_pool_with_argmax"
    _by_string(function, padding)
    if data_format != "NHWC":
        raise InvalidArgumentError(
            f"gradtape.{function}: data_format must be 'NHWC', not {data_format!r}. Transpose "
            "first."
        )
    dtype = as_dtype(output_dtype).numpy_dtype
    if dtype not in (np.int32, np.int64):
        raise InvalidArgumentError(
            f"gradtape.{function}: output_dtype must be tf.int64 or tf.int32, not {output_dtype!r}."
        )
    found: list[Any] = []

    def run(x: Any, window: Any) -> Any:
        out = pooling.maximum(x, window)
        best = pooling.winner(x, out, window)
        found.append(cast(_index(best, window, x._shape, include_batch_in_index), dtype))
        return out

    out = _pooled(function, run, "iufV", input, ksize, strides, padding, data_format, 2)
    return out, found[0]


def _index(best: Any, window: Any, shape: Any, batch: bool) -> Any:
    """The flat index of the winners: of the window's corner, and from there."""
    count, _, width, channels = shape
    rows, columns = best._shape[1:3]
    (top, _), (left, _) = window.padding
    corner = (np.arange(rows) * window.strides[0] - top)[:, None] * width
    corner = corner + np.arange(columns) * window.strides[1] - left
    corner = corner[:, :, None] * channels + np.arange(channels)
    if batch:
        corner = corner + (np.arange(count) * shape[1] * width * channels)[:, None, None, None]
    taps = [
        (i * window.dilations[0] * width + j * window.dilations[1]) * channels
        for i, j in window.taps()
    ]
    return add(Tensor(corner), gather_axis(Tensor(np.array(taps)), best, 0))


def fractional_max_pool(
    value: Any,
    pooling_ratio: Any,
    pseudo_random: bool = False,
    overlapping: bool = False,
    seed: int = 0,
    name: str | None = None,
) -> Any:
    """Raise UnimplementedError: windows of random sizes are left out.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.fractional_max_pool(None, 2.0)  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        ...
        UnimplementedError: left out
    """
    raise UnimplementedError("gradtape.nn.fractional_max_pool: left out. Write tf.nn.max_pool.")


def fractional_avg_pool(
    value: Any,
    pooling_ratio: Any,
    pseudo_random: bool = False,
    overlapping: bool = False,
    seed: int = 0,
    name: str | None = None,
) -> Any:
    """Raise UnimplementedError: windows of random sizes are left out.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.fractional_avg_pool(None, 2.0)  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        ...
        UnimplementedError: left out
    """
    raise UnimplementedError("gradtape.nn.fractional_avg_pool: left out. Write tf.nn.avg_pool.")
