"""`placeholder`: a tensor of a graph whose value is fed when a session runs the graph."""

from __future__ import annotations

from typing import Any

from gradtape.core.convert import convert_to_tensor
from gradtape.core.dispatch import apply
from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import brief
from gradtape.core.primitive import primitive
from gradtape.core.shapes import Spec, TensorShape
from gradtape.core.sizes import opened
from gradtape.core.state import here
from gradtape.core.unranked import UnrankedSpec
from gradtape.graph.graph import PLACEHOLDER
from gradtape.graph.symbolic import SymbolicTensor
from gradtape.ops.basis import reshape

DEFAULT = primitive(
    "placeholder_with_default",
    lambda xp, x, *, shape: x,
    vjps=[lambda ct, x_shape: reshape(ct, x_shape)],
    jvps=[lambda t, shape: apply(DEFAULT, (t,), {"shape": shape})],
    batch=lambda mask, x, shape: x,
    shape=lambda x, shape: Spec(shape, x._dtype),
    linear=True,
    family="structural",
)


def placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> SymbolicTensor:
    """A tensor whose value is fed: `session.run(y, feed_dict={x: value})`.

    Args:
        dtype: the dtype of its elements.
        shape: its shape, in which None leaves a size open. Without a shape only operations element
            by element and reductions over all axes are possible, until it is fed.
        name: the name of the operation.

    Raises:
        RuntimeError: where operations run at once.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     x = tf.placeholder(tf.float32, [None], name="x")
        ...     y = tf.reduce_sum(x * x)
        ...     float(session.run(y, feed_dict={x: [1.0, 2.0]}))
        5.0
    """
    graph = _graph("placeholder")
    dtype = as_dtype(dtype).numpy_dtype
    known = TensorShape(shape)
    spec = UnrankedSpec(dtype) if known.rank is None else Spec(opened(known), dtype)
    op = graph.source(PLACEHOLDER, spec).op
    here.mode.note(op)
    return SymbolicTensor(op.values[0])


def placeholder_with_default(
    input: Any, shape: Any = None, name: str | None = None
) -> SymbolicTensor:
    """A tensor whose value may be fed, and is `input` otherwise.

    Args:
        input: the default.
        shape: the shape, which may leave more sizes open than the default's.
        name: the name of the operation.

    Raises:
        RuntimeError: where operations run at once.
        ValueError: when the default does not have the shape.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     rate = tf.placeholder_with_default(0.5, [])
        ...     float(session.run(rate)), float(session.run(rate, {rate: 2.0}))
        (0.5, 2.0)
    """
    _graph("placeholder_with_default")
    default = convert_to_tensor(input)
    wanted = default.shape if shape is None else TensorShape(shape)
    if not wanted.is_compatible_with(default.shape):
        raise ValueError(
            f"gradtape.placeholder_with_default: the default {brief(default)} has not the shape "
            f"{wanted}."
        )
    return apply(DEFAULT, (default,), {"shape": opened(wanted)})


def _graph(function: str) -> Any:
    mode = here.mode
    if mode is None or not mode.by_session:
        raise RuntimeError(
            f"gradtape.{function}() is not compatible with eager execution. Use the arguments of a"
            " @tf.function, build in `with tf.Graph().as_default():`, or call"
            " tf.compat.v1.disable_eager_execution() first."
        )
    return mode.graph
