"""Activation functions."""

from __future__ import annotations

from typing import Any

from gradtape.core.convert import as_tensor
from gradtape.core.nothing import STEPWISE
from gradtape.core.primitive import primitive
from gradtape.ops.basis import batch_elementwise, elementwise_shape
from gradtape.ops.calls import binary, unary
from gradtape.ops.families import FLOATING, REAL

relu_pull = binary(
    primitive(
        "relu_pull",
        lambda xp, ct, y: ct * (y > 0),
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
