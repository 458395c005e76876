"""Softmax, log-softmax and the cross entropies of logits."""

from __future__ import annotations

from typing import Any

import gradtape.core.xp_numpy_reductions  # noqa: F401 - installs the verbs
from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import chain_multiply, negative, subtract, sum_axes
from gradtape.ops.calls import wrong_kind
from gradtape.ops.exponential import exp
from gradtape.ops.families import FLOATING
from gradtape.ops.reductions import spread_all
from gradtape.ops.static import static_axis


def _row_sum(x: Any, axis: int) -> Any:
    return sum_axes(x, (axis,), True)


def _same_shape(*specs: Any, axis: int) -> Spec:
    return Spec(specs[0]._shape, specs[0]._dtype)


# softmax: the Jacobian is diag(y) - y y^T


def _softmax_pull_by_out(ct: Any, ct2: Any, out: Any, axis: int) -> Any:
    """The derivative of <ct, y * (v - sum(v * y))> by y."""
    total = _row_sum(chain_multiply(ct2, out), axis)
    return subtract(
        chain_multiply(ct, subtract(ct2, total)),
        chain_multiply(ct2, _row_sum(chain_multiply(ct, out), axis)),
    )


def _softmax_pull_along_out(t: Any, v: Any, y: Any, axis: int) -> Any:
    total = _row_sum(chain_multiply(v, y), axis)
    moved = _row_sum(chain_multiply(v, t), axis)
    return subtract(chain_multiply(t, subtract(v, total)), chain_multiply(y, moved))


_softmax_pull = primitive(
    "softmax_pull",
    lambda xp, v, y, *, axis: xp.softmax_pull(v, y, axis),
    vjps=[
        lambda ct, y, axis: softmax_pull(ct, y, axis),
        lambda ct, v, y, axis: _softmax_pull_by_out(ct, v, y, axis),
    ],
    jvps=[lambda t, y, axis: softmax_pull(t, y, axis), _softmax_pull_along_out],
    batch=lambda mask, *inputs, axis: softmax_pull(*spread_all(mask, inputs), axis=axis + 1),
    shape=_same_shape,
    kinds=FLOATING,
    family="reduction",
)


def softmax_pull(v: Any, y: Any, axis: int) -> Any:
    """The Jacobian of softmax, which is symmetric, times v: y * (v - sum(v * y))."""
    return apply(_softmax_pull, (v, y), {"axis": axis})


_softmax = primitive(
    "softmax",
    lambda xp, x, *, axis: xp.softmax(x, axis),
    vjps=[lambda ct, out, axis: softmax_pull(ct, out, axis)],
    jvps=[lambda t, out, axis: softmax_pull(t, out, axis)],
    batch=lambda mask, x, axis: apply(_softmax, (x,), {"axis": axis + 1}),
    shape=_same_shape,
    kinds=FLOATING,
    family="reduction",
)

# log-softmax: the Jacobian is 1 - 1 p^T, with p = exp(y)


_log_softmax_pull = primitive(
    "log_softmax_pull",
    lambda xp, v, y, *, axis: xp.log_softmax_pull(v, y, axis),
    vjps=[
        lambda ct, y, axis: log_softmax_push(ct, y, axis),
        lambda ct, v, y, axis: negative(
            chain_multiply(chain_multiply(ct, exp(y)), _row_sum(v, axis))
        ),
    ],
    jvps=[
        lambda t, y, axis: log_softmax_pull(t, y, axis),
        lambda t, v, y, axis: negative(
            chain_multiply(chain_multiply(t, exp(y)), _row_sum(v, axis))
        ),
    ],
    batch=lambda mask, *inputs, axis: log_softmax_pull(*spread_all(mask, inputs), axis=axis + 1),
    shape=_same_shape,
    kinds=FLOATING,
    family="reduction",
)


def log_softmax_pull(v: Any, y: Any, axis: int) -> Any:
    """The transposed Jacobian of log-softmax times v: v - exp(y) * sum(v)."""
    return apply(_log_softmax_pull, (v, y), {"axis": axis})


def log_softmax_push(t: Any, y: Any, axis: int) -> Any:
    """The Jacobian of log-softmax times t: t - sum(exp(y) * t)."""
    return subtract(t, _row_sum(chain_multiply(exp(y), t), axis))


_log_softmax = primitive(
    "log_softmax",
    lambda xp, x, *, axis: xp.log_softmax(x, axis),
    vjps=[lambda ct, out, axis: log_softmax_pull(ct, out, axis)],
    jvps=[lambda t, out, axis: log_softmax_push(t, out, axis)],
    batch=lambda mask, x, axis: apply(_log_softmax, (x,), {"axis": axis + 1}),
    shape=_same_shape,
    kinds=FLOATING,
    family="reduction",
)


def as_logits(value: Any, axis: Any, name: str) -> tuple[Tensor, int]:
    """Logits as a floating-point tensor with axes, and the axis of the classes."""
    x = value if type(value) is Tensor else as_tensor(value, name)
    if x._dtype.kind not in FLOATING:
        raise wrong_kind(name, FLOATING, x)
    rank = len(x._shape)
    if not rank:
        raise InvalidArgumentError(
            f"gradtape.{name}({brief(x)}): a scalar has no axis of classes. Pass a tensor of "
            "shape [..., classes]."
        )
    return x, rank - 1 if axis is None or axis == -1 else static_axis(axis, rank, name)


def softmax(logits: Any, axis: Any = None, name: str | None = None) -> Any:
    """Return exp(x) / sum(exp(x)) over an axis; zeros, with derivative 0, where all are -inf.

    Args:
        logits: a floating-point tensor with at least one axis.
        axis: the axis of the classes; the last one by default.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, a scalar, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.softmax([0.0, 0.0]).numpy()
        array([0.5, 0.5], dtype=float32)
    """
    x, number = as_logits(logits, axis, "softmax")
    return apply(_softmax, (x,), {"axis": number})


def log_softmax(logits: Any, axis: Any = None, name: str | None = None) -> Any:
    """Return x - log(sum(exp(x))) over an axis, without overflow; -inf where all are -inf.

    Args:
        logits: a floating-point tensor with at least one axis.
        axis: the axis of the classes; the last one by default.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, a scalar, or an axis that the tensor does not have.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.log_softmax([0.0, 0.0]).numpy()
        array([-0.6931472, -0.6931472], dtype=float32)
    """
    x, number = as_logits(logits, axis, "log_softmax")
    return apply(_log_softmax, (x,), {"axis": number})
