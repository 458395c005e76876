"""Functions under TensorFlow 1's names of their arguments: `keep_dims`, `reduction_indices`, `dim`.

`older` makes one of today's function; nothing else differs, so that there is no second
implementation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradtape.ops.convolution_public import conv2d as _conv2d
from gradtape.ops.extremes import reduce_logsumexp as _reduce_logsumexp
from gradtape.ops.extremes import reduce_max as _reduce_max
from gradtape.ops.extremes import reduce_min as _reduce_min
from gradtape.ops.normalising import moments as _moments
from gradtape.ops.pooling_public import avg_pool as _avg_pool
from gradtape.ops.pooling_public import max_pool as _max_pool
from gradtape.ops.reductions import count_nonzero as _count_nonzero
from gradtape.ops.reductions import reduce_all as _reduce_all
from gradtape.ops.reductions import reduce_any as _reduce_any
from gradtape.ops.reductions import reduce_mean as _reduce_mean
from gradtape.ops.reductions import reduce_sum as _reduce_sum
from gradtape.ops.scans import reduce_prod as _reduce_prod
from gradtape.ops.selection import argmax as _argmax
from gradtape.ops.selection import argmin as _argmin
from gradtape.ops.shaping import expand_dims as _expand_dims
from gradtape.ops.shaping import squeeze as _squeeze
from gradtape.ops.softmax import log_softmax as _log_softmax
from gradtape.ops.softmax import softmax as _softmax

REDUCTION = {"keep_dims": "keepdims", "reduction_indices": "axis"}


def older(
    function: Callable[..., Any], example: tuple[str, str], names: dict[str, str]
) -> Callable[..., Any]:
    """A function that also takes its arguments under older names.

    Args:
        function: the function of today.
        example: a call in the older style, and what it prints.
        names: today's names by the older ones.
    """

    def call(*args: Any, name: str | None = None, **kwargs: Any) -> Any:
        for old, new in names.items():
            if old in kwargs:
                value = kwargs.pop(old)
                if kwargs.get(new) is not None and value is not None:
                    raise ValueError(f"Cannot specify both {new!r} and {old!r}.")
                if value is not None:
                    kwargs[new] = value
        kwargs = {k: v for k, v in kwargs.items() if not (k == "keepdims" and v is None)}
        return function(*args, name=name, **kwargs)

    shown = ", ".join(f"`{old}` for `{new}`" for old, new in names.items())
    call.__name__ = call.__qualname__ = function.__name__
    call.__module__ = "gradtape.ops.older"
    call.__doc__ = (
        f"Do what `{function.__name__}` does, which also takes {shown}.\n\nExample:\n"
        f"    >>> from gradtape.compat import v1 as tf\n    >>> {example[0]}\n    {example[1]}\n"
    )
    return call


reduce_sum = older(
    _reduce_sum,
    ("tf.reduce_sum([[1.0, 2.0]], keep_dims=True).shape", "TensorShape([1, 1])"),
    REDUCTION,
)
reduce_mean = older(
    _reduce_mean, ("float(tf.reduce_mean([1.0, 2.0], reduction_indices=0))", "1.5"), REDUCTION
)
reduce_max = older(
    _reduce_max,
    ("tf.reduce_max([[1.0, 2.0]], 1, keep_dims=True).shape", "TensorShape([1, 1])"),
    REDUCTION,
)
reduce_min = older(
    _reduce_min, ("float(tf.reduce_min([1.0, 2.0], reduction_indices=0))", "1.0"), REDUCTION
)
reduce_prod = older(
    _reduce_prod, ("float(tf.reduce_prod([3.0, 2.0], reduction_indices=[0]))", "6.0"), REDUCTION
)
reduce_any = older(
    _reduce_any, ("bool(tf.reduce_any([True, False], reduction_indices=0))", "True"), REDUCTION
)
reduce_all = older(
    _reduce_all, ("bool(tf.reduce_all([True, False], reduction_indices=0))", "False"), REDUCTION
)
reduce_logsumexp = older(
    _reduce_logsumexp,
    ("tf.reduce_logsumexp([[0.0, 0.0]], keep_dims=True).shape", "TensorShape([1, 1])"),
    REDUCTION,
)
count_nonzero = older(
    _count_nonzero,
    ("int(tf.count_nonzero(input_tensor=[0.0, 2.0]))", "1"),
    {**REDUCTION, "input_tensor": "input"},
)
argmax = older(_argmax, ("int(tf.argmax([1.0, 3.0], dimension=0))", "1"), {"dimension": "axis"})
argmin = older(_argmin, ("int(tf.argmin([1.0, 3.0], dimension=0))", "0"), {"dimension": "axis"})
expand_dims = older(
    _expand_dims, ("tf.expand_dims([1.0], dim=0).shape", "TensorShape([1, 1])"), {"dim": "axis"}
)
squeeze = older(
    _squeeze,
    ("tf.squeeze([[1.0]], squeeze_dims=[0]).shape", "TensorShape([1])"),
    {"squeeze_dims": "axis"},
)
softmax = older(
    _softmax,
    ("tf.nn.softmax([[0.0, 0.0]], dim=-1).numpy().tolist()", "[[0.5, 0.5]]"),
    {"dim": "axis"},
)
log_softmax = older(
    _log_softmax,
    ("tf.nn.log_softmax([[5.0]], dim=-1).numpy().tolist()", "[[0.0]]"),
    {"dim": "axis"},
)
moments = older(
    _moments,
    ("[float(m) for m in tf.nn.moments([1.0, 3.0], [0], keep_dims=False)]", "[2.0, 1.0]"),
    {"keep_dims": "keepdims"},
)
conv2d = older(
    _conv2d,
    (
        "tf.nn.conv2d(tf.ones([1, 3, 3, 1]), filter=tf.ones([2, 2, 1, 1]), strides=1,"
        " padding='VALID').shape",
        "TensorShape([1, 2, 2, 1])",
    ),
    {"filter": "filters"},
)
max_pool = older(
    _max_pool,
    ("tf.nn.max_pool(value=tf.ones([1, 4, 4, 1]), ksize=2, strides=2, padding='SAME').shape",
     "TensorShape([1, 2, 2, 1])"),
    {"value": "input"},
)  # fmt: skip
avg_pool = older(
    _avg_pool,
    ("tf.nn.avg_pool(value=tf.ones([1, 4, 4, 1]), ksize=2, strides=2, padding='SAME').shape",
     "TensorShape([1, 2, 2, 1])"),
    {"value": "input"},
)  # fmt: skip
