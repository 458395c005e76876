"""The objectives of ADBench that all frameworks share (Srajer, Kukelova and Fitzgibbon 2018)."""

from __future__ import annotations

from math import lgamma, log, pi
from typing import Any

from benchmarks.workloads import Arrays


def gated(ops: Any, cell: Any, enter: Any, forget: Any, change: Any, leave: Any) -> Any:
    """The hidden and cell state after one step of an LSTM."""
    cell = ops.sigmoid(forget) * cell + ops.sigmoid(enter) * ops.tanh(change)
    return ops.sigmoid(leave) * ops.tanh(cell), cell


def gmm(ops: Any, watched: Arrays, points: Any, gamma: float = 1.0, freedom: int = 0) -> Any:
    """ADBench's GMM: the log posterior of a mixture of normal distributions.

    A component's matrix L is lower triangular, with the exponentials of the first numbers of its
    row of `icf` on the diagonal and the others below it, column after column; L'L is the inverse
    of its covariance. The Wishart prior has the parameters `gamma` and `freedom` (ADBench's m),
    which are 1 and 0 in its data.
    """
    alphas, means, icf = watched
    count, size = points.shape
    logs, below = icf[:, :size], icf[:, size:]
    diagonals = ops.exp(logs)
    centred = points - means[:, None]
    turned = diagonals[:, None] * centred + centred @ ops.upper(below, size)
    weights = alphas + ops.sum(logs, 1)
    inner = weights[:, None] - 0.5 * ops.sum(turned**2, 2)
    likelihood = ops.sum(ops.logsumexp(inner, 0)) - count * ops.logsumexp(alphas, 0)
    squares = ops.sum(diagonals**2) + ops.sum(below**2)
    prior = freedom * ops.sum(logs) - 0.5 * gamma**2 * squares
    return likelihood + prior + gmm_constant(alphas.shape[0], count, size, gamma, freedom)


def gmm_constant(
    components: int, count: int, size: int, gamma: float = 1.0, freedom: int = 0
) -> float:
    """What does not depend on the parameters: normal constants and the Wishart distribution's."""
    degrees = size + freedom + 1
    logs = sum(lgamma(0.5 * (degrees - i)) for i in range(size))
    multigamma = 0.25 * size * (size - 1) * log(pi) + logs
    wishart = degrees * size * (log(gamma) - 0.5 * log(2)) - multigamma
    return -0.5 * count * size * log(2 * pi) + components * wishart


def diagonal_lstm(ops: Any, watched: Arrays, state: Any, text: Any, zero: Any) -> Any:
    """ADBench's LSTM: the mean loss of predicting each row of bits from those before it.

    Its matrices are diagonal: two rows of `main` for a layer, weights and biases of four gates.
    """
    main, extra = watched
    layers = range(0, main.shape[0], 2)

    def step(before: Any, rows: Any) -> Any:
        total, states = before
        x, gold = rows
        x = x * extra[0]
        after = []
        for i in layers:
            hidden, cell = states[i], states[i + 1]
            gates = ops.concat([x, hidden, x, hidden], 0) * main[i] + main[i + 1]
            forget, enter, leave, change = ops.split(gates, 4, 0)
            x, cell = gated(ops, cell, enter, forget, change, leave)
            after += [x, cell]
        guess = x * extra[1] + extra[2]
        losses = gold * (guess - ops.log(2 + ops.sum(ops.exp(guess))))
        return total + ops.sum(losses), tuple(after)

    start = zero, tuple([state[i] for i in range(main.shape[0])])
    total, _ = ops.foldl(step, (text[:-1], text[1:]), start)
    return -total / ((text.shape[0] - 1) * text.shape[1])
