"""Activation functions, and the bias of a layer.

Each smooth one comes with its slope as an operation of its own, in a form that keeps its digits in
the tails; the formulas follow from s(x) = 1 / (1 + e**-x) with 1 - s(x) = s(-x), and from the
normal density p(x) = exp(-x**2 / 2) / sqrt(2 pi) with p'(x) = -x p(x). Hendrycks and Gimpel
(2016) for gelu, Klambauer et al. (2017) for selu, Elfwing et al. (2018) for silu.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dispatch import apply
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nothing import STEPWISE
from gradtape.core.primitive import primitive
from gradtape.core.quick import quick
from gradtape.core.sizes import same
from gradtape.core.tensor import Tensor
from gradtape.ops.arithmetic import absolute, divide
from gradtape.ops.basis import (
    add,
    batch_elementwise,
    cast,
    elementwise_shape,
    multiply,
    negative,
    reshape,
    safe_multiply,
    subtract,
)
from gradtape.ops.calls import binary, first_named, mixed_dtypes, pair, unary, wrong_kind
from gradtape.ops.exponential import logistic_slope, sigmoid, tanh
from gradtape.ops.families import FLOATING, PUBLIC, REAL, elementwise
from gradtape.ops.families import stepwise as declared_stepwise
from gradtape.ops.joining import concat
from gradtape.ops.powers import square
from gradtape.ops.static import static_float
from gradtape.ops.stepwise import sign

PUBLIC.update({name: f"nn.{name}" for name in ("relu6", "elu", "selu", "softsign", "silu", "gelu")})

# rectified


def _relu_pull(xp: Any, ct: Any, y: Any) -> Any:
    if quick is not None and (found := quick.relu_pull(ct, y)) is not None:
        return found
    mask = y > 0
    if xp.name != "numpy":
        return xp.where(mask, ct, xp.zeros((), ct.dtype))
    return xp.zero_wins(ct * mask, mask)  # half of what xp.keep takes


relu_pull = binary(
    primitive(
        "relu_pull",
        _relu_pull,
        vjps=[lambda ct, y: relu_pull(ct, y), STEPWISE],
        jvps=[lambda t, y: relu_pull(t, y), STEPWISE],
        batch=batch_elementwise(lambda ct, y: relu_pull(ct, y)),
        shape=elementwise_shape,
        broadcasts=True,
        kinds=REAL,
        family="elementwise",
        doc="Return ct where y is positive and 0 elsewhere.",
    )
)
relu = unary(
    primitive(
        "relu",
        lambda xp, x: xp.maximum(x, 0),
        vjps=[lambda ct, out: relu_pull(ct, out)],
        jvps=[lambda t, out: relu_pull(t, out)],
        batch=lambda mask, x: relu(x),
        shape=elementwise_shape,
        kinds=REAL,
        family="elementwise",
        doc="""Return max(x, 0); the derivative at 0 is 0, and the tape keeps the output only.

        Example:
            >>> import gradtape as tf
            >>> tf.nn.relu([-1.0, 2.0]).numpy()
            array([0., 2.], dtype=float32)
        """,
    )
)
_inside_six = declared_stepwise(
    "relu6_slope",
    lambda xp, x: ((x > 0) & (x < 6)).astype(x.dtype),
    "Return 1 between 0 and 6 and 0 elsewhere.",
    kinds=REAL,
)
relu6 = elementwise(
    "relu6",
    lambda xp, x: xp.minimum(xp.maximum(x, 0), 6),
    lambda out: _inside_six(out),
    "Return min(max(x, 0), 6); the derivative at 0 and at 6 is 0.",
    (8.0, 6),
    kinds=REAL,
    stops=True,
)


def _leaky_kernel(xp: Any, x: Any, *, alpha: float) -> Any:
    if 0 < alpha <= 1:
        return xp.maximum(x, x * x.dtype.type(alpha))
    return xp.where(x > 0, x, x * x.dtype.type(alpha))


_leaky = primitive(
    "leaky_relu",
    _leaky_kernel,
    vjps=[lambda ct, x, alpha: safe_multiply(ct, _leaky_slope(x, alpha))],
    jvps=[lambda t, x, alpha: safe_multiply(t, _leaky_slope(x, alpha))],
    batch=lambda mask, x, alpha: apply(_leaky, (x,), {"alpha": alpha}),
    shape=lambda x, alpha: elementwise_shape(x),
    kinds=FLOATING,
    family="activation",
)
_slope = primitive(
    "leaky_relu_slope",
    lambda xp, x, *, alpha: xp.where(x > 0, x.dtype.type(1), x.dtype.type(alpha)),
    batch=lambda mask, x, alpha: _leaky_slope(x, alpha),
    shape=lambda x, alpha: elementwise_shape(x),
    kinds=FLOATING,
    differentiable=False,
    family="stepwise",
)


def _leaky_slope(x: Any, alpha: float) -> Any:
    return apply(_slope, (x,), {"alpha": alpha})


def leaky_relu(features: Any, alpha: float = 0.2, name: str | None = None) -> Any:
    """Return x where x is positive and alpha * x elsewhere; the derivative at 0 is alpha.

    Args:
        features: a real tensor; integers become float32.
        alpha: the slope of the negative side, a number.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for bool or complex numbers.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.leaky_relu([-1.0, 2.0], alpha=0.5).numpy()
        array([-0.5,  2. ], dtype=float32)
    """
    x = as_tensor(features, "leaky_relu")
    if x._dtype.kind not in REAL:
        raise wrong_kind("leaky_relu", REAL, x)
    if x._dtype.kind in "iu":
        x = cast(x, np.dtype(np.float32))
    return apply(_leaky, (x,), {"alpha": static_float(alpha, "leaky_relu", "alpha")})


def crelu(features: Any, axis: Any = -1, name: str | None = None) -> Any:
    """Return relu(x) and relu(-x), one behind the other along an axis.

    Args:
        features: a real tensor with at least one axis.
        axis: the axis that doubles.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype, a scalar, or an axis that is not there.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.crelu([-1.0, 2.0]).numpy()
        array([0., 2., 1., 0.], dtype=float32)
    """
    x = as_tensor(features, "crelu")
    return concat([relu(x), relu(negative(x))], axis)


# exponential units


elu_slope = elementwise(
    "elu_slope",
    lambda xp, x: xp.exp(xp.minimum(x, 0)),
    lambda x, out: relu_pull(out, negative(x)),
    "Return exp(min(x, 0)), the slope of elu.",
    kinds=FLOATING,
    wide=True,
)
elu = elementwise(
    "elu",
    lambda xp, x: xp.maximum(x, 0) + xp.expm1(xp.minimum(x, 0)),
    lambda x: elu_slope(x),
    "Return x where x is positive and e**x - 1 elsewhere.",
    (-1.0, -0.632121),
    kinds=FLOATING,
    wide=True,
)

SCALE, ALPHA = 1.0507009873554804934, 1.6732632423543772848


def _selu_kernel(xp: Any, x: Any) -> Any:
    scale, bend = x.dtype.type(SCALE), x.dtype.type(SCALE * ALPHA)
    return scale * xp.maximum(x, 0) + bend * xp.expm1(xp.minimum(x, 0))


def _selu_slope_kernel(xp: Any, x: Any) -> Any:
    bend = x.dtype.type(SCALE * ALPHA)
    return xp.where(x < 0, bend * xp.exp(xp.minimum(x, 0)), x.dtype.type(SCALE))


selu_slope = elementwise(
    "selu_slope",
    _selu_slope_kernel,
    lambda x, out: relu_pull(out, negative(x)),
    "Return the slope of selu.",
    kinds=FLOATING,
    wide=True,
)
selu = elementwise(
    "selu",
    _selu_kernel,
    lambda x: selu_slope(x),
    "Return 1.0507 x where x is positive and 1.7581 (e**x - 1) elsewhere.",
    (1.0, 1.0507),
    kinds=FLOATING,
    wide=True,
)

# rational and logistic units


def _softsign_kernel(xp: Any, x: Any) -> Any:
    size = xp.minimum(xp.abs(x), np.finfo(x.dtype).max)
    return xp.copysign(size / (1 + size), x)


softsign_slope = elementwise(
    "softsign_slope",
    lambda xp, x: xp.square(1 / (1 + xp.abs(x))),
    lambda x, out: divide(multiply(multiply(-2.0, sign(x)), out), add(1.0, absolute(x))),
    "Return 1 / (1 + |x|)**2, the slope of softsign.",
    kinds=FLOATING,
    wide=True,
)
softsign = elementwise(
    "softsign",
    _softsign_kernel,
    lambda x: softsign_slope(x),
    "Return x / (1 + |x|).",
    (1.0, 0.5),
    kinds=FLOATING,
    wide=True,
)


def _silu_slope_kernel(xp: Any, x: Any) -> Any:
    x = xp.clip(x, -1e4, 1e4)  # beyond, the slope is 0 or 1, and x * 0 would be nan at the end
    return xp.logistic(x) * (1 + x * xp.logistic(-x))


silu_slope = elementwise(
    "silu_slope",
    _silu_slope_kernel,
    lambda x: multiply(logistic_slope(x), subtract(2.0, multiply(x, tanh(multiply(0.5, x))))),
    "Return s(x) (1 + x s(-x)), the slope of silu.",
    kinds=FLOATING,
    wide=True,
)
_silu = elementwise(
    "silu",
    lambda xp, x: xp.maximum(x, -1e4) * xp.logistic(x),
    lambda x: silu_slope(x),
    "Return x / (1 + e**-x).",
    kinds=FLOATING,
    wide=True,
)


def silu(features: Any, beta: Any = 1.0) -> Any:
    """Return x / (1 + exp(-beta * x)), also called swish.

    Args:
        features: a floating-point tensor.
        beta: a number or a tensor that broadcasts; the derivative by a tensor is given too.

    Raises:
        InvalidArgumentError: for another dtype.

    Example:
        >>> import gradtape as tf
        >>> float(tf.nn.silu(0.0))
        0.0
    """
    if type(beta) in (int, float) and beta == 1:
        return _silu(features)
    x, factor = pair(features, beta, "silu")
    return multiply(x, sigmoid(multiply(factor, x)))


swish = silu

# gelu


EDGE = 40.0  # beyond, the normal density underflows in double precision


def _density_kernel(xp: Any, x: Any) -> Any:
    """The square in two parts, of which the first is exact: exp keeps all its digits."""
    x = xp.clip(x, -EDGE, EDGE)
    head = xp.round(x * 16) / 16
    tail = xp.exp((head - x) * (head + x) / 2)
    return xp.exp(-head * head / 2) * tail * x.dtype.type(1 / math.sqrt(2 * math.pi))


normal_density = elementwise(
    "normal_density",
    _density_kernel,
    lambda x, out: negative(multiply(x, out)),
    "Return exp(-x**2 / 2) / sqrt(2 pi).",
    kinds=FLOATING,
    wide=True,
)


def _gelu_slope_kernel(xp: Any, x: Any) -> Any:
    return xp.ndtr(x) + xp.clip(x, -EDGE, EDGE) * _density_kernel(xp, x)


gelu_slope = elementwise(
    "gelu_slope",
    _gelu_slope_kernel,
    lambda x: safe_multiply(normal_density(x), subtract(2.0, square(x))),
    "Return P(x) + x p(x), the slope of gelu; P is the normal distribution and p its density.",
    kinds=FLOATING,
    wide=True,
)
_gelu = elementwise(
    "gelu",
    lambda xp, x: xp.maximum(x, -EDGE) * xp.ndtr(x),
    lambda x: gelu_slope(x),
    "Return x P(x), where P is the normal distribution.",
    kinds=FLOATING,
    wide=True,
)

LINEAR, CUBIC = 2 * math.sqrt(2 / math.pi), 2 * math.sqrt(2 / math.pi) * 0.044715


def _bend(x: Any) -> Any:
    """The argument of the logistic function in the approximation of gelu."""
    return x * (LINEAR + CUBIC * (x * x))


def _gelu_tanh_slope_kernel(xp: Any, x: Any) -> Any:
    x = xp.clip(x, -EDGE, EDGE)
    s = xp.logistic(_bend(x))
    return s * (1 + x * xp.logistic(-_bend(x)) * (LINEAR + 3 * CUBIC * (x * x)))


def _gelu_tanh_curve(x: Any) -> Any:
    """s(v) s(-v) (2 v' + x v'' - x v'**2 tanh(v / 2)), the second derivative."""
    v, moved = _bend(x), add(LINEAR, multiply(3 * CUBIC, square(x)))
    turned = subtract(multiply(6 * CUBIC, x), multiply(square(moved), tanh(multiply(0.5, v))))
    return multiply(logistic_slope(v), add(multiply(2.0, moved), multiply(x, turned)))


gelu_tanh_slope = elementwise(
    "gelu_tanh_slope",
    _gelu_tanh_slope_kernel,
    _gelu_tanh_curve,
    "Return the slope of the approximation of gelu.",
    kinds=FLOATING,
    wide=True,
)
_gelu_tanh = elementwise(
    "gelu_tanh",
    lambda xp, x: xp.maximum(x, -EDGE) * xp.logistic(_bend(x)),
    lambda x: gelu_tanh_slope(x),
    "Return x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3))).",
    kinds=FLOATING,
    wide=True,
)


def gelu(features: Any, approximate: bool = False, name: str | None = None) -> Any:
    """Return x P(x), where P is the normal distribution, or its approximation by tanh.

    Args:
        features: a floating-point tensor.
        approximate: x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3))) instead.
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for another dtype.

    Example:
        >>> import gradtape as tf
        >>> print(f"{tf.nn.gelu(1.0):.6f} {tf.nn.gelu(1.0, approximate=True):.6f}")
        0.841345 0.841192
    """
    return (_gelu_tanh if approximate else _gelu)(features)


# bias


def bias_add(value: Any, bias: Any, data_format: str | None = None, name: str | None = None) -> Any:
    """Return value + bias, the bias along the axis of the channels.

    Args:
        value: (n, ..., channels), or (n, channels, ...) for a data_format that begins with "NC".
        bias: (channels,) of the same dtype.
        data_format: "N...C" (also "NHWC" and the like) or "NC..." ("NCHW").
        name: ignored, for compatibility.

    Raises:
        InvalidArgumentError: for shapes or dtypes that do not fit.
        ValueError: for another data_format.

    Example:
        >>> import gradtape as tf
        >>> tf.nn.bias_add([[1.0, 2.0]], [10.0, 20.0]).numpy()
        array([[11., 22.]], dtype=float32)
    """
    x, b = pair(value, bias, "bias_add")
    if x._dtype != b._dtype:
        raise mixed_dtypes("bias_add", x, b)
    rank = len(x._shape)
    axis = 1 if _channels_first(data_format) else rank - 1
    if rank < 2 or len(b._shape) != 1 or not same(b._shape[0], x._shape[axis]):
        raise InvalidArgumentError(
            f"gradtape.bias_add: value {brief(x)} needs a bias with one element for each channel "
            f"(axis {axis}), not {brief(b)}."
        )
    return add(x, b if axis == rank - 1 else _along(b, axis, rank))


def _along(bias: Tensor, axis: int, rank: int) -> Any:
    return reshape(bias, (*[1] * axis, bias._shape[0], *[1] * (rank - axis - 1)))


def _channels_first(data_format: str | None) -> bool:
    if data_format is None:
        return False
    if isinstance(data_format, str) and data_format.startswith("N"):
        if data_format.endswith("C"):
            return False
        if data_format.startswith("NC"):
            return True
    raise ValueError(
        f"gradtape.bias_add: data_format {data_format!r} must begin with 'NC' or be 'N...C', for "
        "instance 'NHWC'."
    )


first_named("features", relu, relu6, elu, selu, softsign)
