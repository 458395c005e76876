"""The published recurrences, element by element in plain Python numbers, as a second opinion on the update rules.

Each function takes one weight and its gradients, step after step, and returns the weights after each step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Path = list[float]


def sgd(
    w: float, gs: Sequence[float], lr: float, momentum: float = 0.0, nesterov: bool = False
) -> Path:
    """Sutskever et al. 2013, equations 1 to 4, with the gradient at the looked-ahead point given."""
    v, path = 0.0, []
    for g in gs:
        v = momentum * v - lr * g
        w = w + momentum * v - lr * g if nesterov else w + v
        path.append(w)
    return path


def heavy_ball(
    w: float, gs: Sequence[float], lr: float, momentum: float, nesterov: bool = False
) -> Path:
    """TensorFlow 1: the accumulator holds gradients, the learning rate is applied to it."""
    a, path = 0.0, []
    for g in gs:
        a = momentum * a + g
        w -= lr * (g + momentum * a) if nesterov else lr * a
        path.append(w)
    return path


def adam(
    w: float,
    gs: Sequence[float],
    lr: float,
    b1: float,
    b2: float,
    eps: float,
    amsgrad: bool = False,
) -> Path:
    """Kingma and Ba 2014, algorithm 1, with epsilon hat: m-hat / (sqrt(v-hat) + eps / sqrt(1 - b2^t))."""
    m = v = top = 0.0
    path = []
    for t, g in enumerate(gs, 1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        top = max(top, v) if amsgrad else v
        m_hat, v_hat = m / (1 - b1**t), top / (1 - b2**t)
        w -= lr * m_hat / (math.sqrt(v_hat) + eps / math.sqrt(1 - b2**t))
        path.append(w)
    return path


def adagrad(w: float, gs: Sequence[float], lr: float, start: float, eps: float) -> Path:
    """Duchi et al. 2011, with diagonal matrices."""
    path = []
    for t in range(1, len(gs) + 1):
        w -= lr * gs[t - 1] / math.sqrt(start + sum(g * g for g in gs[:t]) + eps)
        path.append(w)
    return path


def rmsprop(
    w: float, gs: Sequence[float], lr: float, rho: float, momentum: float, eps: float,
    centered: bool = False, start: float = 0.0,
) -> Path:  # fmt: skip
    """Hinton 2012; Graves 2013, equations 38 to 41, for centered and momentum."""
    n, mean, delta, path = start, 0.0, 0.0, []
    for g in gs:
        n = rho * n + (1 - rho) * g**2
        mean = rho * mean + (1 - rho) * g if centered else 0.0
        delta = momentum * delta - lr * g / math.sqrt(n - mean**2 + eps)
        w += delta
        path.append(w)
    return path


def adadelta(w: float, gs: Sequence[float], lr: float, rho: float, eps: float) -> Path:
    """Zeiler 2012, algorithm 1, times a learning rate."""
    grads = steps = 0.0
    path = []
    for g in gs:
        grads = rho * grads + (1 - rho) * g**2
        dx = -math.sqrt(steps + eps) / math.sqrt(grads + eps) * g
        steps = rho * steps + (1 - rho) * dx**2
        w += lr * dx
        path.append(w)
    return path


def adamax(w: float, gs: Sequence[float], lr: float, b1: float, b2: float, eps: float) -> Path:
    """Kingma and Ba 2014, algorithm 2, with Keras's epsilon."""
    m = u = 0.0
    path = []
    for t, g in enumerate(gs, 1):
        m = b1 * m + (1 - b1) * g
        u = max(b2 * u, abs(g))
        w -= lr / (1 - b1**t) * m / (u + eps)
        path.append(w)
    return path


def nadam(w: float, gs: Sequence[float], lr: float, b1: float, b2: float, eps: float) -> Path:
    """Dozat 2015, algorithm 2, with mu_t = b1 (1 - 0.96^t / 2)."""
    m = n = 0.0
    path = []

    def mu(t: int) -> float:
        return b1 * (1 - 0.5 * 0.96**t)

    for t, g in enumerate(gs, 1):
        m = b1 * m + (1 - b1) * g
        n = b2 * n + (1 - b2) * g**2
        past = math.prod(mu(i) for i in range(1, t + 1))
        m_bar = mu(t + 1) * m / (1 - past * mu(t + 1)) + (1 - mu(t)) * g / (1 - past)
        w -= lr * m_bar / (math.sqrt(n / (1 - b2**t)) + eps)
        path.append(w)
    return path


def lion(w: float, gs: Sequence[float], lr: float, b1: float, b2: float) -> Path:
    """Chen et al. 2023, algorithm 2."""
    m, path = 0.0, []
    for g in gs:
        c = b1 * m + (1 - b1) * g
        w -= lr * ((c > 0) - (c < 0))
        m = b2 * m + (1 - b2) * g
        path.append(w)
    return path


def ftrl(
    w: float, gs: Sequence[float], lr: float, power: float, start: float, l1: float, l2: float,
    shrinkage: float, beta: float,
) -> Path:  # fmt: skip
    """McMahan et al. 2013, algorithm 1, with TensorFlow's power, factor 2 of l2 and shrinkage."""
    n, z, path = start, 0.0, []
    for g in gs:
        sigma = ((n + g * g) ** -power - n**-power) / lr
        z += g + 2 * shrinkage * w - sigma * w
        n += g * g
        if abs(z) <= l1:
            w = 0.0
        else:
            w = -(z - math.copysign(l1, z)) / ((beta + n**-power) / lr + 2 * l2)
        path.append(w)
    return path


def _shrunk(x: float, step: float, l1: float, l2: float) -> float:
    return math.copysign(max(abs(x) - step * l1, 0.0), x) / (1 + step * l2)


def proximal_descent(w: float, gs: Sequence[float], lr: float, l1: float, l2: float) -> Path:
    """Duchi and Singer 2009, section 5, for the sum of both penalties."""
    path = []
    for g in gs:
        w = _shrunk(w - lr * g, lr, l1, l2)
        path.append(w)
    return path


def proximal_adagrad(
    w: float, gs: Sequence[float], lr: float, start: float, l1: float, l2: float
) -> Path:
    """The same with Adagrad's step."""
    total, path = start, []
    for g in gs:
        total += g * g
        step = lr / math.sqrt(total)
        w = _shrunk(w - step * g, step, l1, l2)
        path.append(w)
    return path


def adagrad_da(
    w: float, gs: Sequence[float], lr: float, start: float, l1: float, l2: float
) -> Path:
    """Duchi et al. 2011, the minimiser of lr <G, w> + lr l1 t |w| + lr l2 t w^2 / 2 + sqrt(A) w^2 / 2."""
    path = []
    for t in range(1, len(gs) + 1):
        total = sum(gs[:t])
        root = math.sqrt(start + sum(g * g for g in gs[:t]))
        rest = math.copysign(max(abs(total) - l1 * t, 0.0), total)
        path.append(-lr * rest / (l2 * t * lr + root))
    return path
