"""Rows of the chain of connectionist temporal classification: the references enumerate all paths."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from tests.ops.case import Case


def paths(states: Any, label_length: int, times: int) -> Any:
    """Every sequence of states that stays, moves on by one, or by two to a different label."""
    size = 2 * label_length + 1
    for path in itertools.product(range(size), repeat=times):
        ok = path[0] < 2 and path[-1] >= size - 2
        for s, t in itertools.pairwise(path):
            skip = t == s + 2 and t % 2 == 1 and states[s] != states[t]
            ok = ok and (t in (s, s + 1) or skip)
        if ok:
            yield path


def enumerate_paths(emissions: Any, states: Any, label_length: Any, logit_length: Any) -> Any:
    """The probability of each example, and of each of its states at each time together with the labels."""
    times, count, size = emissions.shape
    total, joint = np.zeros(count), np.zeros((times, count, size))
    for b in range(count):
        span = int(logit_length[b])
        for path in paths(states[b], int(label_length[b]), span):
            p = np.exp(sum(float(emissions[t, b, s]) for t, s in enumerate(path)))
            total[b] += p
            for t, s in enumerate(path):
                joint[t, b, s] += p
    return total, joint


def log_probability(*inputs: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.log(enumerate_paths(*inputs)[0])


def posterior(*inputs: Any) -> Any:
    total, joint = enumerate_paths(*inputs)
    return joint / np.where(total == 0, 1, total)[:, None]


def row(
    name: str, reference: Any, label: str, states: Any, labels: Any, logits: Any, times: int
) -> Case:
    states = np.array(states, np.int32)
    shape = (times, *states.shape)
    return Case(
        name,
        [shape, (), (), ()],
        reference,
        integers={
            1: lambda rng: states,
            2: lambda rng: np.array(labels, np.int32),
            3: lambda rng: np.array(logits, np.int32),
        },
        domain=((-2.0, 0.0),) * 4,
        label=label,
    )  # fmt: skip


CASES = []
for name, reference in (("ctc_log_probability", log_probability), ("ctc_posterior", posterior)):
    CASES += [
        row(name, reference, "two-labels", [[0, 1, 0, 2, 0], [0, 1, 0, 1, 0]], [2, 2], [4, 4], 4),
        row(name, reference, "lengths", [[0, 1, 0, 2, 0], [0, 3, 0, 1, 0], [0, 1, 0, 1, 0]], [2, 1, 0], [3, 4, 2], 4),
        row(name, reference, "no-labels", [[0], [0]], [0, 0], [3, 2], 3),
    ]  # fmt: skip
CASES.append(
    row("ctc_posterior", posterior, "impossible", [[0, 1, 0, 1, 0], [0, 1, 0, 1, 0]], [2, 2], [2, 3], 3)
)  # fmt: skip
