"""Decoding of the results of connectionist temporal classification."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradtape as tf
from keras_gradtape.src.ops.core import convert_to_tensor
from keras_gradtape.src.ops.lattice import common
from keras_gradtape.src.ops.nn_activations import log_softmax


def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> Any:
    """The most likely sequences, -1 where they are shorter, and their scores."""
    inputs = convert_to_tensor(inputs)
    inputs = tf.cast(inputs, common(inputs.dtype, "float32"))
    lengths = convert_to_tensor(sequence_lengths, "int32")
    if strategy == "greedy":
        return _greedy(inputs, lengths, merge_repeated, mask_index)
    if strategy == "beam_search":
        return _by_beams(inputs, lengths, beam_width, top_paths, mask_index)
    raise ValueError(
        f"Invalid strategy {strategy}. Supported values are 'greedy' and 'beam_search'."
    )


def _greedy(inputs: Any, lengths: Any, merge_repeated: bool, mask_index: int | None) -> Any:
    inputs = np.asarray(inputs)
    lengths = np.asarray(lengths)
    blank = inputs.shape[-1] - 1 if mask_index is None else mask_index
    classes = inputs.argmax(-1).astype(np.int32)
    inside = np.arange(inputs.shape[1])[None, :] < lengths[:, None]
    scores = -np.where(inside, inputs.max(-1), 0.0).sum(1, keepdims=True)
    keep = inside & (classes != blank)
    if merge_repeated:
        keep[:, 1:] &= classes[:, 1:] != classes[:, :-1]
    found = np.full(classes.shape, -1, np.int32)
    for row, (line, mask) in enumerate(zip(classes, keep)):
        found[row, : mask.sum()] = line[mask]
    return tf.constant(found[None]), tf.constant(scores.astype(inputs.dtype))


def _by_beams(
    inputs: Any, lengths: Any, beam_width: int, top_paths: int, mask_index: int | None
) -> Any:
    logs, ends = np.asarray(log_softmax(inputs)), np.asarray(lengths)
    blank = logs.shape[-1] - 1 if mask_index is None else mask_index
    found = np.full((top_paths, logs.shape[0], logs.shape[1]), -1, np.int32)
    scores = np.full((logs.shape[0], top_paths), -np.inf, logs.dtype)
    for row in range(logs.shape[0]):
        beams = _beams(logs[row, : ends[row]], beam_width, blank)
        for rank, (path, score) in enumerate(beams[:top_paths]):
            found[rank, row, : len(path)] = path
            scores[row, rank] = score
    return tf.constant(found), tf.constant(scores)


def _beams(logs: Any, width: int, blank: int) -> list[tuple[tuple[int, ...], float]]:
    """Prefix beam search: for each prefix the probabilities that it ends in a blank, or not."""
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -np.inf)}
    for line in logs:
        grown: dict[tuple[int, ...], list[float]] = {}
        for prefix, (in_blank, in_class) in beams.items():
            whole = np.logaddexp(in_blank, in_class)
            _more(grown, prefix, 0, whole + line[blank])
            for c in range(len(line)):
                if c == blank:
                    continue
                if prefix and prefix[-1] == c:
                    _more(grown, prefix, 1, in_class + line[c])
                    _more(grown, (*prefix, c), 1, in_blank + line[c])
                else:
                    _more(grown, (*prefix, c), 1, whole + line[c])
        best = sorted(grown, key=lambda p: -_both(grown[p]))[:width]
        beams = {p: (grown[p][0], grown[p][1]) for p in best}
    found = [(p, _both(both)) for p, both in beams.items()]
    return sorted(found, key=lambda pair: -pair[1])


def _both(scores: Any) -> float:
    return float(np.logaddexp(scores[0], scores[1]))


def _more(grown: dict[Any, list[float]], prefix: Any, place: int, score: float) -> None:
    both = grown.setdefault(prefix, [-np.inf, -np.inf])
    both[place] = float(np.logaddexp(both[place], score))
