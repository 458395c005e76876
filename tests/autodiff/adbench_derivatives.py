"""The derivatives of ADBench's objectives by hand: formulas in NumPy, no differentiation by machine.

Each was derived on paper from the objective's definition; `test_adbench` compares them with
differences of the objective before it compares gradtape with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# mixture of normal distributions


def softmax(x: Array, axis: int) -> Array:
    """Exponentials that sum to one along an axis."""
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def lower_triangles(below: Array, size: int) -> Array:
    """Strictly lower triangular matrices (k, d, d) from their entries column after column."""
    matrices = np.zeros((len(below), size, size))
    columns, rows = np.triu_indices(size, 1)
    matrices[:, rows, columns] = below
    return matrices


def gmm(
    alphas: Array, means: Array, icf: Array, points: Array, gamma: float, freedom: int
) -> tuple[Array, Array, Array]:
    """The gradients for alphas, means and icf.

    With c = x - mean, u = L c and the responsibility p of a component for a point, the log
    likelihood of a point changes by p (d alpha + sum of d log diagonals - u' du), and
    du = dL c - L d mean. The Wishart prior adds m for each log diagonal, and takes gamma^2 times
    each squared diagonal and each entry below."""
    count, size = points.shape
    diagonals = np.exp(icf[:, :size])
    matrices = lower_triangles(icf[:, size:], size)
    matrices[:, range(size), range(size)] = diagonals
    centred = points[None] - means[:, None]
    turned = np.einsum("kij,knj->kni", matrices, centred)
    weights = alphas + icf[:, :size].sum(1)
    responsible = softmax(weights[:, None] - 0.5 * (turned**2).sum(2), 0)
    totals = responsible.sum(1)
    of_alphas = totals - count * softmax(alphas, 0)
    of_means = np.einsum("kn,kni,kij->kj", responsible, turned, matrices)
    of_matrices = -np.einsum("kn,kni,knj->kij", responsible, turned, centred)
    of_diagonals = np.einsum("kii->ki", of_matrices) * diagonals
    of_logs = totals[:, None] + of_diagonals + freedom - gamma**2 * diagonals**2
    columns, rows = np.triu_indices(size, 1)
    of_below = of_matrices[:, rows, columns] - gamma**2 * icf[:, size:]
    return of_alphas, of_means, np.concatenate([of_logs, of_below], 1)


# bundle adjustment


def crossing(v: Array) -> Array:
    """The matrix of x -> v * x (the cross product)."""
    a, b, c = v
    return np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]])


def rotation_blocks(r: Array, x: Array) -> tuple[Array, Array, Array]:
    """The turned point, and its derivatives for the rotation vector and for the point.

    y = cos t x + a r * x + b (r.x) r with t = |r|, a = sin t / t, b = (1 - cos t) / t^2; hence
    da/dt = (cos t - a) / t and db/dt = (sin t - 2 b t) / t^2, and dt/dr = r / t. At zero y = x,
    dy/dr = -[x] and dy/dx = 1."""
    t = np.sqrt(r @ r)
    if t == 0:
        return x, -crossing(x), np.eye(3)
    sine, cosine = np.sin(t), np.cos(t)
    a, b = sine / t, 2 * np.sin(t / 2) ** 2 / t**2
    slope_a, slope_b = (cosine - a) / t, (sine - 2 * b * t) / t**2
    across, along, unit = np.cross(r, x), r @ x, r / t
    y = cosine * x + a * across + b * along * r
    by_angle = -sine * x + slope_a * across + slope_b * along * r
    of_rotation = np.outer(by_angle, unit) - a * crossing(x)
    of_rotation += b * (np.outer(r, x) + along * np.eye(3))
    return y, of_rotation, cosine * np.eye(3) + a * crossing(r) + b * np.outer(r, r)


def observation(camera: Array, point: Array, weight: float, feature: Array) -> tuple[Array, ...]:
    """The blocks of one observation: errors by camera (2, 11), by point (2, 3), by weight (2,)."""
    focal, k1, k2 = camera[6], camera[9], camera[10]
    seen, of_rotation, of_seen = rotation_blocks(camera[:3], point - camera[3:6])
    plane = seen[:2] / seen[2]
    square = plane @ plane
    distortion = 1 + k1 * square + k2 * square**2
    of_plane = distortion * np.eye(2) + 2 * (k1 + 2 * k2 * square) * np.outer(plane, plane)
    division = np.array([[1, 0, -plane[0]], [0, 1, -plane[1]]]) / seen[2]
    onward = weight * focal * of_plane @ division
    of_camera = np.zeros((2, 11))
    of_camera[:, :3] = onward @ of_rotation
    of_camera[:, 3:6] = -onward @ of_seen
    of_camera[:, 6] = weight * distortion * plane
    of_camera[:, 7:9] = weight * np.eye(2)
    of_camera[:, 9] = weight * focal * square * plane
    of_camera[:, 10] = weight * focal * square**2 * plane
    error = focal * distortion * plane + camera[7:9] - feature
    return of_camera, onward @ of_seen, error


def bundle_adjustment(
    cameras: Array, points: Array, weights: Array, features: Array, seen: Array
) -> tuple[Array, Array, Array, Array]:
    """The sparse Jacobian: blocks (n, 2, 11), (n, 2, 3), (n, 2), and the weight errors' slopes."""
    each = zip(seen, weights, features, strict=True)
    blocks = [observation(cameras[c], points[p], w, feature) for (c, p), w, feature in each]
    of_cameras, of_points, of_weights = (np.stack(b) for b in zip(*blocks, strict=True))
    return of_cameras, of_points, of_weights, -2 * weights


# character LSTM


def sigmoid(x: Array) -> Array:
    """The logistic function."""
    return 1 / (1 + np.exp(-x))


def cell_step(weight: Array, bias: Array, x: Array, hidden: Array, cell: Array) -> Any:
    """One layer's step forward: its outputs, and what its way back reads."""
    entered = np.concatenate([x, hidden, x, hidden])
    forget, enter, leave, change = np.split(entered * weight + bias, 4)
    f, i, o, g = sigmoid(forget), sigmoid(enter), sigmoid(leave), np.tanh(change)
    after = f * cell + i * g
    return o * np.tanh(after), after, (entered, f, i, o, g, cell, np.tanh(after))


def cell_back(weight: Array, kept: Any, of_hidden: Array, of_cell: Array) -> Any:
    """One layer's step backward: what arrives at weight, bias, input, hidden and cell."""
    entered, f, i, o, g, cell, squashed = kept
    of_after = of_cell + of_hidden * o * (1 - squashed**2)
    of_leave = of_hidden * squashed * o * (1 - o)
    of_forget = of_after * cell * f * (1 - f)
    of_enter = of_after * g * i * (1 - i)
    of_change = of_after * i * (1 - g**2)
    of_gates = np.concatenate([of_forget, of_enter, of_leave, of_change])
    x1, hidden1, x2, hidden2 = np.split(of_gates * weight, 4)
    return of_gates * entered, of_gates, x1 + x2, hidden1 + hidden2, of_after * f


def forward(main: Array, extra: Array, state: Array, text: Array) -> list[Any]:
    """For each character: what each layer keeps, the last layer's output, the probabilities."""
    rows, steps = list(state), []
    for character in text[:-1]:
        x, kept = character * extra[0], []
        for layer in range(0, len(main), 2):
            weights, before = main[layer : layer + 2], rows[layer : layer + 2]
            x, cell, one = cell_step(*weights, x, *before)
            rows[layer : layer + 2] = x, cell
            kept.append(one)
        powers = np.exp(x * extra[1] + extra[2])
        steps.append((kept, x, powers / (2 + powers.sum())))
    return steps


def lstm(main: Array, extra: Array, state: Array, text: Array) -> tuple[Array, Array]:
    """The gradients for main and extra parameters: back through all steps, all layers.

    A step loses - sum over bits of gold (guess - log(2 + sum of exp(guess))) / number of bits, whose
    derivative for the guess is (sum of gold) p - gold, with p = exp(guess) / (2 + sum)."""
    of_main, of_extra, arriving = np.zeros_like(main), np.zeros_like(extra), np.zeros_like(state)
    steps = forward(main, extra, state, text)
    scale = 1 / (len(steps) * text.shape[1])
    pairs = list(zip(steps, text[:-1], text[1:], strict=True))
    for (kept, last, chances), character, gold in reversed(pairs):
        of_guess = scale * (gold.sum() * chances - gold)
        of_extra[1] += of_guess * last
        of_extra[2] += of_guess
        of_x = of_guess * extra[1]
        for layer in range(len(main) - 2, -1, -2):
            hidden, cell = arriving[layer] + of_x, arriving[layer + 1]
            found = cell_back(main[layer], kept[layer // 2], hidden, cell)
            of_main[layer] += found[0]
            of_main[layer + 1] += found[1]
            of_x, arriving[layer], arriving[layer + 1] = found[2:]
        of_extra[0] += of_x * character
    return of_main, of_extra
