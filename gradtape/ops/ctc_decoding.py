"""From logits to labels: greedy and beam search decoding, and helpers on label sequences. Values,
without derivatives.

TensorFlow's decoders return sparse tensors; these return dense ones, filled with -1 behind the
labels.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.sizes import same_shape
from gradtape.core.tensor import Tensor
from gradtape.ops.basis import INT64
from gradtape.ops.host import computed
from gradtape.ops.static import static_int

INT32 = np.dtype(np.int32)


def _logits(inputs: Any, sequence_length: Any, function: str) -> tuple[Any, Any]:
    """Logits (times, examples, classes) and lengths (examples,), checked."""
    x, lengths = as_tensor(inputs, function), as_tensor(sequence_length, function)
    if x._dtype.kind not in "fV" or len(x._shape) != 3:
        raise InvalidArgumentError(
            f"gradtape.{function}: inputs are {brief(x)} but must be floats (times, examples, "
            "classes)."
        )
    if lengths._dtype.kind not in "iu" or not same_shape(lengths._shape, x._shape[1:2]):
        raise InvalidArgumentError(
            f"gradtape.{function}: sequence_length is {brief(lengths)} but must be {x._shape[1]} "
            "integers, one for "
            "each example."
        )
    return x, lengths


def _examples(x: Any, spans: Any, function: str) -> Any:
    """Arrays of logits as (examples, times, classes), after a test of the lengths."""
    if spans.size and not (spans.min() >= 0 and spans.max() <= x.shape[0]):
        raise InvalidArgumentError(
            f"gradtape.{function}: sequence_length {spans.tolist()} must be in [0, {x.shape[0]}]."
        )
    return x.transpose(1, 0, 2)


def _filled(rows: list[list[int]], value: int, dtype: Any) -> Any:
    """Rows of unequal length as one matrix."""
    out = np.full((len(rows), max(map(len, rows), default=0)), value, dtype)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out


def _merged(row: list[int]) -> list[int]:
    return [v for i, v in enumerate(row) if i == 0 or v != row[i - 1]]


def ctc_greedy_decoder(
    inputs: Any,
    sequence_length: Any,
    merge_repeated: bool = True,
    blank_index: Any = None,
    name: str | None = None,
) -> tuple[list[Tensor], Tensor]:
    """Take the likeliest class at each time, merge repeated ones and remove blanks.

    Args:
        inputs: (times, examples, classes) floats.
        sequence_length: (examples,) integers, the times that count.
        merge_repeated: whether equal neighbours are one label.
        blank_index: the class that is blank, the last by default; negative ones count from the end.
        name: ignored, for compatibility.

    Returns:
        A list of one tensor (examples, most) of int64 labels, -1 behind them (TensorFlow: sparse),
        and (examples, 1) the negative sum of the largest logits.

    Raises:
        InvalidArgumentError: for shapes or lengths that do not fit.

    Example:
        >>> import gradtape as tf
        >>> x = tf.constant([[0.0, 3.0, 1.0], [0.0, 2.0, 1.0], [0.0, 1.0, 2.0], [1.0, 0.0, 0.0]])
        >>> x = tf.reshape(x, (4, 1, 3))
        >>> decoded, score = tf.nn.ctc_greedy_decoder(x, [4])
        >>> decoded[0].numpy(), score.numpy()
        (array([[1, 0]]), array([[-8.]], dtype=float32))
    """
    function = "nn.ctc_greedy_decoder"
    x, lengths = _logits(inputs, sequence_length, function)
    _, count, classes = x._shape
    blank = -1 if blank_index is None else static_int(blank_index, function, "blank_index")
    if not -classes <= blank < classes:
        raise InvalidArgumentError(
            f"gradtape.{function}: blank_index {blank} is not in [{-classes}, {classes}) for "
            f"{classes} classes."
        )

    def decode(array: Any, spans: Any) -> list[Any]:
        logits, rows = _examples(array, spans, function), []
        for one, span in zip(logits, spans, strict=True):
            row = one[:span].argmax(1).tolist()
            row = _merged(row) if merge_repeated else row
            rows.append([v for v in row if v != blank % one.shape[1]])
        counted = np.arange(logits.shape[1]) < spans[:, None]
        score = -np.where(counted, logits.max(2), 0).sum(1, keepdims=True)
        return [_filled(rows, -1, np.int64), score.astype(array.dtype)]

    specs = ((count, None), INT64), ((count, 1), x._dtype)
    labels, score = computed(function, decode, (x, lengths), specs)
    return [labels], score


def _log_add(a: float, b: float) -> float:
    if a < b:
        a, b = b, a
    return a if b == -math.inf else a + math.log1p(math.exp(b - a))


Beam = dict[tuple[int, ...], tuple[float, float]]


def _extended(beam: Beam, logp: list[float], blank: int, width: int) -> Beam:
    """The likeliest prefixes one time later: each with its log probability of ending in a blank,
    and in a label.
    """
    grown: dict[tuple[int, ...], list[float]] = {}

    def add(prefix: tuple[int, ...], which: int, value: float) -> None:
        entry = grown.setdefault(prefix, [-math.inf, -math.inf])
        entry[which] = _log_add(entry[which], value)

    for prefix, (in_blank, in_label) in beam.items():
        total = _log_add(in_blank, in_label)
        add(prefix, 0, total + logp[blank])
        for label, p in enumerate(logp):
            if label == blank:
                continue
            if prefix and prefix[-1] == label:
                add(prefix, 1, in_label + p)
                add((*prefix, label), 1, in_blank + p)
            else:
                add((*prefix, label), 1, total + p)
    best = sorted(grown.items(), key=lambda item: -_log_add(*item[1]))[:width]
    return {prefix: (a, b) for prefix, (a, b) in best}


def ctc_beam_search_decoder(
    inputs: Any, sequence_length: Any, beam_width: Any = 100, top_paths: Any = 1
) -> tuple[list[Tensor], Tensor]:
    """Find the likeliest label sequences by a beam search over prefixes; the last class is blank.

    Args:
        inputs: (times, examples, classes) floats, logits.
        sequence_length: (examples,) integers, the times that count.
        beam_width: how many prefixes are kept.
        top_paths: how many sequences are returned, at most `beam_width`.

    Returns:
        `top_paths` tensors (examples, most) of int64 labels, -1 behind them (TensorFlow: sparse),
        and (examples, top_paths) log probabilities.

    Raises:
        InvalidArgumentError: for shapes, lengths or widths that do not fit.

    Example:
        >>> import gradtape as tf
        >>> decoded, logp = tf.nn.ctc_beam_search_decoder(tf.zeros((2, 1, 2)), [2], 5, 2)
        >>> decoded[0].numpy(), tf.exp(logp).numpy()
        (array([[0]]), array([[0.75, 0.25]], dtype=float32))
    """
    function = "nn.ctc_beam_search_decoder"
    x, lengths = _logits(inputs, sequence_length, function)
    width = static_int(beam_width, function, "beam_width")
    paths = static_int(top_paths, function, "top_paths")
    if not 1 <= paths <= width:
        raise InvalidArgumentError(
            f"gradtape.{function}: needs 1 <= top_paths <= beam_width, not {paths} and {width}."
        )

    def decode(array: Any, spans: Any) -> list[Any]:
        wide = _examples(array, spans, function).astype(np.float64)
        top = wide.max(2, keepdims=True)
        logp = wide - top - np.log(np.exp(wide - top).sum(2, keepdims=True))
        found = [_best(rows[:span], width, paths) for rows, span in zip(logp.tolist(), spans)]
        decoded = [_filled([list(f[k][0]) for f in found], -1, np.int64) for k in range(paths)]
        scores = np.array([[s for _, s in f] for f in found]).reshape(len(found), paths)
        return [*decoded, scores.astype(array.dtype)]

    count = x._shape[1]
    specs = *[((count, None), INT64)] * paths, ((count, paths), x._dtype)
    *decoded, scores = computed(function, decode, (x, lengths), specs)
    return decoded, scores


def _best(rows: list[list[float]], width: int, paths: int) -> list[tuple[Any, float]]:
    """The likeliest label sequences of one example, with their log probabilities."""
    beam: Beam = {(): (0.0, -math.inf)}
    for row in rows:
        beam = _extended(beam, row, len(row) - 1, width)
    ranked = [(p, _log_add(*scores)) for p, scores in beam.items()]
    return (ranked + [((), -math.inf)] * paths)[:paths]


def _labels(value: Any, function: str) -> Any:
    x = as_tensor(value, function)
    if x._dtype.kind not in "iu" or len(x._shape) != 2:
        raise InvalidArgumentError(
            f"gradtape.{function}: labels are {brief(x)} but must be integers (examples, most)."
        )
    return x


def ctc_unique_labels(labels: Any, name: str | None = None) -> tuple[Tensor, Tensor]:
    """Return the different labels of each row, in the order in which they come, and where each
    label is among them.

    Args:
        labels: (examples, most) integers.
        name: ignored, for compatibility.

    Returns:
        (examples, most) int64, filled with 0, and (examples, most) int32.

    Raises:
        InvalidArgumentError: for another shape or dtype.

    Example:
        >>> import gradtape as tf
        >>> [t.numpy().tolist() for t in tf.nn.ctc_unique_labels([[3, 4, 4, 3]])]
        [[[3, 4, 0, 0]], [[0, 1, 1, 0]]]
    """
    function = "nn.ctc_unique_labels"
    x = _labels(labels, function)
    specs = (x._shape, INT64), (x._shape, INT32)
    unique, places = computed(function, _unique_labels, (x,), specs)
    return unique, places


def _unique_labels(rows: Any) -> list[Any]:
    unique, places = np.zeros(rows.shape, np.int64), np.zeros(rows.shape, np.int32)
    for i, row in enumerate(rows.tolist()):
        order = {label: k for k, label in enumerate(dict.fromkeys(row))}
        unique[i, : len(order)] = list(order)
        places[i] = [order[label] for label in row]
    return [unique, places]


def collapse_repeated(
    labels: Any, seq_length: Any, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """Merge equal neighbours in each row.

    Args:
        labels: (examples, most) integers.
        seq_length: (examples,) integers, the labels that count.
        name: ignored, for compatibility.

    Returns:
        (examples, most left) labels, filled with 0, and (examples,) int32 lengths.

    Raises:
        InvalidArgumentError: for another shape or dtype, or lengths out of range.

    Example:
        >>> import gradtape as tf
        >>> merged, lengths = tf.nn.collapse_repeated([[3, 4, 4, 3], [1, 1, 1, 2]], [4, 3])
        >>> merged.numpy().tolist(), lengths.numpy().tolist()
        ([[3, 4, 3], [1, 0, 0]], [3, 1])
    """
    function = "nn.collapse_repeated"
    x, lengths = _labels(labels, function), as_tensor(seq_length, function)
    if lengths._dtype.kind not in "iu" or not same_shape(lengths._shape, x._shape[:1]):
        raise _bad_lengths(x, lengths, function)

    def merge(rows: Any, counts: Any) -> list[Any]:
        if counts.size and not 0 <= counts.min() <= counts.max() <= rows.shape[1]:
            raise _bad_lengths(x, counts.tolist(), function)
        merged = [_merged(row[:n]) for row, n in zip(rows.tolist(), counts, strict=True)]
        return [_filled(merged, 0, rows.dtype), np.array([len(m) for m in merged], np.int32)]

    specs = ((x._shape[0], None), x._dtype), ((x._shape[0],), INT32)
    merged, counts = computed(function, merge, (x, lengths), specs)
    return merged, counts


def _bad_lengths(labels: Any, lengths: Any, function: str) -> InvalidArgumentError:
    count, most = labels._shape
    return InvalidArgumentError(
        f"gradtape.{function}: seq_length must be {count} integers in [0, {most}], not "
        f"{brief(lengths)}."
    )
