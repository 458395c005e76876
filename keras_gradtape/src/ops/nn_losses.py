"""Keras's losses, normalisations and attention."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras.src.backend.common import standardize_dtype
from keras.src.backend.config import epsilon

import gradtape as tf
from keras_gradtape.src.ops.core import cast, convert_to_tensor
from keras_gradtape.src.ops.lattice import common
from keras_gradtape.src.ops.logits import in_logits
from keras_gradtape.src.ops.nn_activations import log_softmax
from keras_gradtape.src.ops.numpy_shaping import moveaxis


def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    """A vector with one 1 for each number."""
    _refuse_sparse(sparse, "one_hot")
    x = convert_to_tensor(x)
    x = x if x.dtype.name in ("int32", "int64") else tf.cast(x, tf.int32)
    return tf.one_hot(x, num_classes, axis=axis, dtype=standardize_dtype(dtype))


def multi_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    """A vector with a 1 for each number of a row."""
    _refuse_sparse(sparse, "multi_hot")
    x = convert_to_tensor(x)
    hot = one_hot(cast(x, "int32"), num_classes, axis=axis, dtype=dtype)
    reduce = tf.reduce_any if hot.dtype == tf.bool else tf.reduce_max
    return reduce(hot, 1 if len(x._shape) > 1 else 0)


def _refuse_sparse(sparse: bool, name: str) -> None:
    if sparse:
        raise ValueError(f"keras_gradtape.{name}: `sparse=True` is not supported.")


# losses


def _two(target: Any, output: Any) -> tuple[Any, Any]:
    output = convert_to_tensor(output)
    target = convert_to_tensor(target, standardize_dtype(output.dtype))
    if tuple(target.shape) != tuple(output.shape):
        raise ValueError(
            "Arguments `target` and `output` must have the same shape. Received:"
            f" target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}"
        )
    return target, output


def _log_probabilities(output: Any, from_logits: bool, axis: int) -> Any:
    if from_logits:
        return log_softmax(output, axis)
    output = output / tf.reduce_sum(output, axis, keepdims=True)
    return tf.math.log(tf.clip_by_value(output, epsilon(), 1.0 - epsilon()))


def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """The cross entropy of distributions."""
    target, output = _two(target, output)
    if not len(target._shape):
        raise ValueError(
            "Arguments `target` and `output` must be at least rank 1. Received:"
            f" target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}"
        )
    output, from_logits = in_logits(output, from_logits, "categorical_crossentropy", axis)
    return -tf.reduce_sum(target * _log_probabilities(output, from_logits, axis), axis)


def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """The cross entropy of classes."""
    target, output = convert_to_tensor(target, "int32"), convert_to_tensor(output)
    if len(target._shape) == len(output._shape) and target.shape[-1] == 1:
        target = tf.squeeze(target, -1)
    if not len(output._shape):
        raise ValueError(
            f"Argument `output` must be at least rank 1. Received: output.shape={output.shape}"
        )
    if tuple(target.shape) != tuple(output.shape[:-1]):
        raise ValueError(
            "Arguments `target` and `output` must have the same shape up until the last dimension:"
            f" target.shape={tuple(target.shape)}, output.shape={tuple(output.shape)}"
        )
    output, from_logits = in_logits(output, from_logits, "sparse_categorical_crossentropy", axis)
    if from_logits and axis in (-1, len(output._shape) - 1):
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=output)
    logs = moveaxis(_log_probabilities(output, from_logits, axis), axis, -1)
    hot = tf.one_hot(target, int(output.shape[axis]), dtype=logs.dtype)
    return -tf.reduce_sum(hot * logs, -1)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """The cross entropy of yes and no, element by element."""
    target, output = _two(target, output)
    output, from_logits = in_logits(output, from_logits, "binary_crossentropy")
    if from_logits:
        return tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=output)
    output = tf.clip_by_value(output, epsilon(), 1.0 - epsilon())
    return -(target * tf.math.log(output) + (1.0 - target) * tf.math.log(1.0 - output))


def ctc_loss(
    target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0
) -> Any:
    """The connectionist temporal classification loss."""
    output = convert_to_tensor(output)
    dtype = common(output.dtype, "float32")
    return tf.nn.ctc_loss(
        labels=convert_to_tensor(target, "int32"),
        logits=tf.cast(output, dtype),
        label_length=convert_to_tensor(target_length, "int32"),
        logit_length=convert_to_tensor(output_length, "int32"),
        logits_time_major=False,
        blank_index=mask_index,
    )


def psnr(x1: Any, x2: Any, max_val: Any) -> Any:
    """The peak signal-to-noise ratio in decibels."""
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    if tuple(x1.shape) != tuple(x2.shape):
        raise ValueError(
            f"Input shapes {tuple(x1.shape)} and {tuple(x2.shape)} must match for PSNR"
            " calculation. "
        )
    ten = tf.cast(10.0 / np.log(10.0), x2.dtype)
    top = convert_to_tensor(max_val, x2.dtype)
    return 2.0 * ten * tf.math.log(top) - ten * tf.math.log(tf.reduce_mean(tf.square(x1 - x2)))


# normalising


def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Mean and variance along axes."""
    if synchronized:
        raise NotImplementedError("keras_gradtape.moments: `synchronized=True` is not supported.")
    x = convert_to_tensor(x)
    dtype = x.dtype
    wide = tf.cast(x, tf.float32) if dtype.name in ("float16", "bfloat16") else x
    axes = list(axes) if isinstance(axes, (list, tuple)) else axes
    mean, variance = tf.nn.moments(wide, axes, keepdims=keepdims)
    if dtype.name == "float16":
        limits = np.finfo(np.float16)
        mean = tf.clip_by_value(mean, float(limits.min), float(limits.max))
        variance = tf.clip_by_value(variance, float(limits.min), float(limits.max))
    return tf.cast(mean, dtype), tf.cast(variance, dtype)


def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:
    """x less the mean, over the deviation, scaled and moved."""
    x = convert_to_tensor(x)
    shape = [1] * len(x._shape)
    mean = convert_to_tensor(mean)
    shape[axis] = int(mean.shape[0])

    def along(t: Any) -> Any:
        return tf.reshape(tf.cast(convert_to_tensor(t), x.dtype), shape)

    factor = tf.math.rsqrt(along(variance) + tf.cast(epsilon, x.dtype))
    factor = factor if scale is None else factor * along(scale)
    moved = -along(mean) * factor
    return x * factor + (moved if offset is None else moved + along(offset))


# attention


def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """Attention of queries (B, T, N, H) to keys and values (B, S, N, H)."""
    if flash_attention:
        raise ValueError("Flash attention is not supported in gradtape backend.")
    query, key, value = (convert_to_tensor(t) for t in (query, key, value))
    if len(query._shape) != 4:
        raise ValueError(
            "`dot_product_attention` only supports 4D inputs. Received:"
            f" query.shape={tuple(query.shape)}, key.shape={tuple(key.shape)},"
            f" value.shape={tuple(value.shape)}."
        )
    if key.shape[2] != query.shape[2]:  # each head of the keys serves several queries
        times = int(query.shape[2]) // int(key.shape[2])
        key, value = (tf.repeat(t, times, axis=2) for t in (key, value))
    dtype = common(query.dtype, key.dtype, value.dtype)
    query, key, value = (tf.cast(t, dtype) for t in (query, key, value))
    wide = common(dtype, "float32")
    factor = tf.cast(1.0 / np.sqrt(int(key.shape[-1])) if scale is None else scale, wide)
    if dtype == wide:  # there are fewer queries than logits
        logits = tf.einsum("BTNH,BSNH->BNTS", query * factor, key)
    else:
        logits = tf.cast(tf.einsum("BTNH,BSNH->BNTS", query, key), wide) * factor
    if bias is not None:
        logits = logits + convert_to_tensor(bias, wide)
    if attn_logits_soft_cap is not None:
        cap = tf.cast(attn_logits_soft_cap, wide)
        logits = tf.tanh(logits / cap) * cap
    logits = _masked(logits, mask, is_causal)
    weights = tf.cast(tf.nn.softmax(logits), dtype)
    return tf.einsum("BNTS,BSNH->BTNH", weights, value)


def _masked(logits: Any, mask: Any, is_causal: bool) -> Any:
    allowed = None if mask is None else convert_to_tensor(mask, "bool")
    if is_causal:
        rows, columns = logits.shape[-2:]
        past = tf.constant(np.tri(rows, columns, dtype=bool))
        allowed = past if allowed is None else tf.logical_and(allowed, past)
    if allowed is None:
        return logits
    return tf.where(allowed, logits, tf.cast(-0.7 * 3.38953e38, logits.dtype))
