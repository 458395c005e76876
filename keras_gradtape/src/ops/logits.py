"""Which logits a probability was made of: losses of probabilities are exact when they know them.

A tensor takes no attributes, so that the logits of what `softmax` and `sigmoid` return stand in a
table beside, as long as the probabilities live."""

from __future__ import annotations

import warnings
import weakref
from typing import Any

import gradtape as tf

_table: dict[int, tuple[weakref.ref[Any], Any, int | None]] = {}


def noted(probabilities: Any, logits: Any, axis: int | None = None) -> Any:
    """Remember what probabilities were made of, and return them.

    Args:
        probabilities: a result of softmax along `axis`, or of sigmoid (None).
        logits: a tensor of the same shape.
        axis: the axis of softmax.
    """
    key = id(probabilities)

    def forget(_: Any, table: Any = _table) -> None:  # bound: the program may be ending
        table.pop(key, None)

    axis = None if axis is None else axis % max(len(logits._shape), 1)
    _table[key] = weakref.ref(probabilities, forget), logits, axis
    return probabilities


def in_logits(
    output: Any, from_logits: bool, function: str, axis: int | None = None
) -> tuple[Any, bool]:
    """The logits of what a loss is given, where they are known, and whether they are logits now.

    Warns where the caller takes probabilities for logits.
    """
    held = _table.get(id(output))
    along = None if axis is None else axis % max(len(output._shape), 1)
    if held is None or held[0]() is not output or held[2] != along:
        return output, from_logits
    if from_logits:
        kind = "Sigmoid" if axis is None else "Softmax"
        warnings.warn(
            f"`{function}` received `from_logits=True`, but the `output` argument was produced by a"
            f" {kind} activation. The logits before it are used: leave out one of the two.",
            UserWarning,
            stacklevel=3,
        )
    return held[1], True


def softmax(x: Any, axis: int) -> Any:
    """tf.nn.softmax whose logits are remembered."""
    return noted(tf.nn.softmax(x, axis=axis), x, axis)


def sigmoid(x: Any) -> Any:
    """tf.sigmoid whose logits are remembered."""
    return noted(tf.sigmoid(x), x)
