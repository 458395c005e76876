"""Functions of TensorFlow 1 that today have another meaning or none."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dtypes import int64
from gradtape.ops import choosing
from gradtape.ops.arithmetic import divide
from gradtape.ops.basis import cast, reshape, subtract
from gradtape.ops.calls import pair
from gradtape.ops.dropout import dropout as drop
from gradtape.ops.random_stateful import categorical
from gradtape.ops.remainders import floordiv


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Any:
    """Return x where the condition is true and y elsewhere.

    Args:
        condition: bool; a vector chooses whole rows of x and y.
        x: a tensor, or None: the coordinates of what is true.
        y: the same.
        name: the name of the operation in a graph.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> tf.where([True, False], [[1, 1], [2, 2]], [[3, 3], [4, 4]]).numpy().tolist()
        [[1, 1], [4, 4]]
    """
    if x is not None and y is not None:
        condition, x = as_tensor(condition, "where"), as_tensor(x, "where")
        if len(condition._shape) == 1 and len(x._shape) > 1:
            condition = reshape(condition, (*condition._shape, *[1] * (len(x._shape) - 1)))
    return choosing.where(condition, x, y)


def div(x: Any, y: Any, name: str | None = None) -> Any:
    """Return x / y, rounded down for integers.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> int(tf.div(7, 2)), float(tf.div(7.0, 2.0))
        (3, 3.5)
    """
    x, y = pair(x, y, "div")
    return (floordiv if x._dtype.kind in "iu" else divide)(x, y)


def to_float(x: Any, name: str = "ToFloat") -> Any:
    """Return a tensor as float32.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> tf.to_float(1).dtype
        tf.float32
    """
    return cast(as_tensor(x, "to_float"), np.dtype(np.float32))


def to_double(x: Any, name: str = "ToDouble") -> Any:
    """Return a tensor as float64.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> tf.to_double(1).dtype
        tf.float64
    """
    return cast(as_tensor(x, "to_double"), np.dtype(np.float64))


def to_int32(x: Any, name: str = "ToInt32") -> Any:
    """Return a tensor as int32.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> int(tf.to_int32(1.9))
        1
    """
    return cast(as_tensor(x, "to_int32"), np.dtype(np.int32))


def to_int64(x: Any, name: str = "ToInt64") -> Any:
    """Return a tensor as int64.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> tf.to_int64(1.9).dtype
        tf.int64
    """
    return cast(as_tensor(x, "to_int64"), np.dtype(np.int64))


def multinomial(
    logits: Any,
    num_samples: Any,
    seed: int | None = None,
    name: str | None = None,
    output_dtype: Any = int64,
) -> Any:
    """Draw class numbers (batch, num_samples) with probabilities softmax(logits).

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> tf.multinomial([[0.0, -99.0]], 3).numpy()
        array([[0, 0, 0]])
    """
    return categorical(logits, num_samples, output_dtype, seed)


def dropout(
    x: Any,
    keep_prob: Any = None,
    noise_shape: Any = None,
    seed: int | None = None,
    name: str | None = None,
    rate: Any = None,
) -> Any:
    """Keep each element with probability `keep_prob`, divided by it, and set the others to 0.

    Args:
        x: a floating tensor.
        keep_prob: a number or scalar tensor in (0, 1].
        noise_shape: the shape of the decisions, by default that of x.
        seed: an integer.
        name: the name of the operation in a graph.
        rate: 1 - keep_prob, instead of it.

    Raises:
        ValueError: for both of `keep_prob` and `rate`, or none.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> y = tf.nn.dropout(tf.ones([1000]), keep_prob=0.5)
        >>> sorted(set(y.numpy().tolist()))
        [0.0, 2.0]
    """
    if (keep_prob is None) == (rate is None):
        raise ValueError(
            "gradtape.nn.dropout: give one of keep_prob and rate: rate = 1 - keep_prob."
        )
    if rate is None:
        known = isinstance(keep_prob, (int, float))
        rate = 1.0 - keep_prob if known else subtract(np.float32(1.0), as_tensor(keep_prob))
    return drop(x, rate, noise_shape, seed)
