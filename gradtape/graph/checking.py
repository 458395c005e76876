"""Symbolic gradients beside differences of values, in the session that is entered."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradtape.core.errors import brief, wrong_type
from gradtape.graph.gradients import gradients
from gradtape.graph.placeholders import placeholder
from gradtape.graph.symbolic import SymbolicTensor
from gradtape.graph.variables import GraphVariable
from gradtape.ops.sparse import IndexedSlices
from gradtape.ops.static import listed, static_shape

FUNCTION = "test.compute_gradient"


def compute_gradient(
    x: Any,
    x_shape: Any,
    y: Any,
    y_shape: Any,
    x_init_value: Any = None,
    delta: float = 1e-3,
    init_targets: Any = None,
    extra_feed_dict: Any = None,
) -> Any:
    """Compute the Jacobian of y by x from the graph's derivative, and from central differences.

    Args:
        x: a tensor of the graph, or a list of them.
        x_shape: its shape, or a list of shapes.
        y: a tensor of the graph.
        y_shape: its shape.
        x_init_value: where to differentiate, by default at random numbers; a list for several x.
        delta: half the distance of the two values of a difference.
        init_targets: operations to run before.
        extra_feed_dict: what to feed besides x.

    Returns:
        A pair of NumPy arrays, the derivative of the graph and the difference, of shape (elements
        of x, elements of y); a list of pairs for several x.

    Raises:
        TypeError: when y or an x belongs to no graph.
        ValueError: outside of sessions, or when y does not depend on x.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session():
        ...     x = tf.placeholder(tf.float64, [2])
        ...     symbolic, numeric = tf.test.compute_gradient(x, [2], x**2, [2], [1.0, 3.0])
        >>> symbolic.tolist(), bool(abs(symbolic - numeric).max() < 1e-9)
        ([[2.0, 0.0], [0.0, 6.0]], True)
    """
    several = isinstance(x, (list, tuple))
    xs = list(x) if several else [x]
    for argument, value in (("y", y), *[("x", one) for one in xs]):
        if not isinstance(value, (SymbolicTensor, GraphVariable)):
            raise wrong_type(FUNCTION, argument, "a tensor or variable of a graph", value)
    shapes = _each(x_shape, xs, several, "x_shape")
    given = [None] * len(xs)
    if x_init_value is not None:
        given = _each(x_init_value, xs, several, "x_init_value")
    session = y.graph.session()
    for target in init_targets if isinstance(init_targets, (list, tuple)) else [init_targets]:
        if target is not None:
            session.run(target)
    feed = dict(extra_feed_dict or {})
    rng = np.random.default_rng(0)
    for one, shape, value in zip(xs, shapes, given, strict=True):
        shape = static_shape(shape, FUNCTION)
        value = rng.random(shape) if value is None else value
        feed[one] = np.asarray(value, one._dtype).reshape(shape)
    found = [(_symbolic(session, one, y, y_shape, feed), _numeric(session, one, y, feed, delta))
             for one in xs]  # fmt: skip
    return found if several else found[0]


def compute_gradient_error(
    x: Any,
    x_shape: Any,
    y: Any,
    y_shape: Any,
    x_init_value: Any = None,
    delta: float = 1e-3,
    init_targets: Any = None,
    extra_feed_dict: Any = None,
) -> float:
    """Return the largest difference between the Jacobians of `compute_gradient`.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session():
        ...     x = tf.placeholder(tf.float64, [2])
        ...     tf.test.compute_gradient_error(x, [2], tf.sin(x), [2]) < 1e-6
        True
    """
    pairs = compute_gradient(
        x, x_shape, y, y_shape, x_init_value, delta, init_targets, extra_feed_dict
    )
    pairs = pairs if isinstance(pairs, list) else [pairs]
    return max([float(np.max(np.abs(a - b), initial=0.0)) for a, b in pairs])


def _each(value: Any, xs: list[Any], several: bool, argument: str) -> list[Any]:
    """What an argument says of each x."""
    if not several:
        return [value]
    needed = f"a list of length {len(xs)}, as x is"
    items = listed(value, FUNCTION, argument, needed)
    if len(items) != len(xs):
        raise wrong_type(FUNCTION, argument, needed, value)
    return items


def _symbolic(session: Any, x: Any, y: Any, y_shape: Any, feed: Any) -> np.ndarray[Any, Any]:
    with y.graph.as_default():
        ct = placeholder(y.dtype, y_shape)
        (slope,) = gradients(y, x, [ct])
        slope = slope.dense() if isinstance(slope, IndexedSlices) else slope
    if slope is None:
        raise ValueError(
            f"gradtape.test.compute_gradient: {brief(y)} does not depend on {brief(x)}."
        )
    units = np.eye(int(np.prod(y_shape)), dtype=y._dtype)
    columns = [session.run(slope, {**feed, ct: u.reshape(tuple(y_shape))}) for u in units]
    return np.stack([c.ravel() for c in columns], axis=1)


def _numeric(session: Any, x: Any, y: Any, feed: Any, delta: float) -> np.ndarray[Any, Any]:
    rows = []
    for place in range(feed[x].size):
        step = np.zeros(feed[x].size, x._dtype)
        step[place] = delta
        step = step.reshape(feed[x].shape)
        ahead, behind = [session.run(y, {**feed, x: feed[x] + s}) for s in (step, -step)]
        rows.append(((ahead - behind) / (2 * delta)).ravel())
    return np.stack(rows)
