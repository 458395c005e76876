"""`ctc_loss`: the negative log probability of label sequences, for dense labels."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same
from gradtape.core.tensor import Tensor
from gradtape.ops.assembly import concat
from gradtape.ops.basis import (
    add,
    broadcast_to,
    cast,
    multiply,
    negative,
    numbers,
    places,
    reshape,
    transpose,
)
from gradtape.ops.calls import wrong_kind
from gradtape.ops.ctc_chain import log_probability
from gradtape.ops.gathering import take_along
from gradtape.ops.host import validated
from gradtape.ops.softmax import log_softmax
from gradtape.ops.static import static_int
from gradtape.ops.stepwise import less

INT64 = np.dtype(np.int64)


def ctc_loss(
    labels: Any,
    logits: Any,
    label_length: Any,
    logit_length: Any,
    logits_time_major: bool = True,
    unique: Any = None,
    blank_index: Any = None,
    name: str | None = None,
) -> Any:
    """Return the negative log probability of each label sequence under connectionist temporal
    classification.

    The probability of labels is the sum over all sequences of classes, one for each time, that give
    the labels when repeated classes are merged and then blanks removed (Graves et al., 2006).
    Labels that are impossible in the time given have loss inf and gradient 0.

    Args:
        labels: (examples, most) integers, read up to `label_length`.
        logits: (times, examples, classes) floats, not normalised.
        label_length: (examples,) integers.
        logit_length: (examples,) integers, the times that count.
        logits_time_major: False for logits of shape (examples, times, classes).
        unique: ignored; TensorFlow uses it for speed.
        blank_index: the class that is blank, 0 by default; negative ones count from the end.
        name: ignored, for compatibility.

    Returns:
        (examples,) of the logits' dtype.

    Raises:
        InvalidArgumentError: for sparse labels, shapes that do not fit, or labels and lengths out
            of range.

    Example:
        >>> import gradtape as tf
        >>> logits = tf.zeros((2, 1, 2))
        >>> tf.nn.ctc_loss([[1]], logits, [1], [2]).numpy().round(4)  # 3 of 4 sequences
        array([0.2877], dtype=float32)
    """
    function = "nn.ctc_loss"
    if hasattr(labels, "dense_shape"):
        raise InvalidArgumentError(
            f"gradtape.{function}: sparse labels are left out. Write dense ones, (examples, most), "
            "and label_length."
        )
    if label_length is None or logit_length is None:
        raise InvalidArgumentError(
            f"gradtape.{function}: label_length and logit_length must be given for dense labels."
        )
    x = as_tensor(logits, function)
    if x._dtype.kind not in "fV":
        raise wrong_kind(function, "fV", x)
    dtype = x._dtype
    if dtype.itemsize == 2:
        x = cast(x, np.dtype(np.float32))
    if len(x._shape) == 3 and not logits_time_major:
        x = transpose(x, (1, 0, 2))
    targets = _integers(labels, function, "labels", 2)
    used, spans = (
        _integers(label_length, function, "label_length", 1),
        _integers(logit_length, function, "logit_length", 1),
    )
    _check_shapes(function, x, targets, used, spans)
    classes = x._shape[2]
    blank = _blank(blank_index, classes, function)
    sizes = numbers((x._shape[0], classes), INT64)
    test = partial(_test_values, function=function, blank=blank)
    targets = validated(test, targets, used, spans, sizes)
    states = _states(targets, used, blank)
    emissions = take_along(
        log_softmax(x, 2), broadcast_to(states, (x._shape[0], *states._shape)), 2
    )
    return cast(negative(log_probability(emissions, states, used, spans)), dtype)


def _integers(value: Any, function: str, argument: str, rank: int) -> Any:
    x = as_tensor(value, function)
    if x._dtype.kind not in "iu" or len(x._shape) != rank:
        raise InvalidArgumentError(
            f"gradtape.{function}: {argument} must be integers with {rank} axes, not {brief(x)}. "
            f"Write tf.cast({argument}, tf.int32)."
        )
    return cast(x, INT64)


def _check_shapes(function: str, x: Any, labels: Any, used: Any, spans: Any) -> None:
    if len(x._shape) != 3:
        raise InvalidArgumentError(
            f"gradtape.{function}: logits are {brief(x)} but need 3 axes: times, examples, classes."
        )
    count = x._shape[1]
    if not all([same(count, t._shape[0]) for t in (labels, used, spans)]):
        raise InvalidArgumentError(
            f"gradtape.{function}: logits {list(x._shape)} have {count} examples (second axis), "
            "but labels, "
            f"label_length and logit_length have {labels._shape[0]}, {used._shape[0]} and "
            f"{spans._shape[0]}. "
            "Check logits_time_major."
        )


def _blank(value: Any, classes: int, function: str) -> int:
    blank = 0 if value is None else static_int(value, function, "blank_index")
    if not -classes <= blank < classes:
        raise InvalidArgumentError(
            f"gradtape.{function}: blank_index {blank} is not in [{-classes}, {classes}) for "
            f"{classes} classes."
        )
    return blank % classes


def _test_values(
    rows: Any, lengths: Any, times: Any, sizes: Any, *, function: str, blank: int
) -> None:
    """The ranges of labels, their lengths and the times that count."""
    most, classes = sizes.tolist()
    if lengths.size and not (lengths.min() >= 0 and lengths.max() <= rows.shape[1]):
        raise InvalidArgumentError(
            f"gradtape.{function}: label_length {lengths.tolist()} must be in [0, {rows.shape[1]}]."
        )
    if times.size and not (times.min() >= 0 and times.max() <= most):
        raise InvalidArgumentError(
            f"gradtape.{function}: logit_length {times.tolist()} must be in [0, {most}]."
        )
    read = rows[np.arange(rows.shape[1]) < lengths[:, None]]
    wrong = read[(read < 0) | (read >= classes) | (read == blank)]
    if wrong.size:
        raise InvalidArgumentError(
            f"gradtape.{function}: label {int(wrong[0])} is not one of the {classes} classes, or "
            "is the blank, "
            f"{blank}. Correct labels, label_length or blank_index."
        )


def _states(labels: Any, used: Any, blank: int) -> Any:
    """Blanks around and between the labels; places behind the length hold blanks too."""
    count, most = labels._shape
    empty = broadcast_to(Tensor(np.int64(blank)), (count, most))
    shown = less(reshape(places(most), (1, most)), reshape(used, (count, 1)))
    kept = cast(shown, INT64)
    hidden = multiply(cast(less(kept, Tensor(np.int64(1))), INT64), empty)
    labels = add(multiply(labels, kept), hidden)
    pairs = concat([reshape(empty, (count, most, 1)), reshape(labels, (count, most, 1))], 2)
    last = broadcast_to(Tensor(np.int64(blank)), (count, 1))
    return concat([reshape(pairs, (count, 2 * most)), last], 1)
