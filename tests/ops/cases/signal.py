"""Rows of the linear maps of signal processing: the references are sums over their matrices, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import COMPLEX, FLOATS, HALVES, INTEGERS, Case


def fourier(x: Any, axes: Any, inverse: bool, norm: str) -> Any:
    for axis in axes:
        n = x.shape[axis]
        k = np.arange(n)
        matrix = np.exp((2j if inverse else -2j) * np.pi * np.outer(k, k) / max(n, 1))
        plain = (norm == "backward") != inverse if norm != "ortho" else False
        scale = 1 / np.sqrt(max(n, 1)) if norm == "ortho" else 1 if plain else 1 / max(n, 1)
        x = np.moveaxis(np.moveaxis(x, axis, -1) @ matrix * scale, -1, axis)
    return x


def half_fourier(x: Any) -> Any:
    n = x.shape[-1]
    k = np.outer(np.arange(n), np.arange(n // 2 + 1))
    return x.astype(np.float64) @ np.exp(-2j * np.pi * k / max(n, 1))


def whole(y: Any, n: int) -> Any:
    full = np.zeros((*y.shape[:-1], n), np.complex128)
    full[..., : y.shape[-1]] = y
    full[..., 0] = full[..., 0].real
    for k in range(1, (n + 1) // 2):
        full[..., n - k] = np.conj(y[..., k])
    k = np.arange(n)
    return (full @ np.exp(2j * np.pi * np.outer(k, k) / n)).real / n


def cosine(x: Any, kind: int) -> Any:
    n = x.shape[-1]
    k, m = np.arange(n)[:, None], np.arange(n)
    if kind == 1:
        matrix = 2 * np.cos(np.pi * k * m / (n - 1))
        matrix[0] /= 2
        matrix[-1] /= 2
    elif kind == 2:
        matrix = 2 * np.cos(np.pi * m * (2 * k + 1) / (2 * n))
    elif kind == 3:
        matrix = 2 * np.cos(np.pi * (2 * m + 1) * k / (2 * n))
        matrix[0] /= 2
    else:
        matrix = 2 * np.cos(np.pi * (2 * m + 1) * (2 * k + 1) / (4 * n))
    return x.astype(np.float64) @ matrix


def windows(x: Any, length: int, step: int) -> Any:
    count = max(0, 1 + (x.shape[-1] - length) // step)
    out = np.zeros((*x.shape[:-1], count, length), x.dtype)
    for i in range(count):
        for j in range(length):
            out[..., i, j] = x[..., i * step + j]
    return out


def added(x: Any, step: int, size: int) -> Any:
    out = np.zeros((*x.shape[:-2], size), np.complex128 if x.dtype.kind == "c" else np.float64)
    for i in range(x.shape[-2]):
        for j in range(x.shape[-1]):
            out[..., i * step + j] += x[..., i, j]
    return out.astype(x.dtype) if x.dtype.kind in "iu" else out


def complex_of(*shape: int) -> Any:
    """Draws a complex tensor, of the width of the wanted dtype."""

    def draw(rng: Any, dtype: Any) -> list[Any]:
        wide = np.complex64 if dtype in (np.float32, np.complex64) else np.complex128
        return [(rng.uniform(-2, 2, shape) + 1j * rng.uniform(-2, 2, shape)).astype(wide)]

    return draw


def transform(
    label: str, shape: Any, axes: Any, inverse: bool = False, norm: str = "backward"
) -> Case:
    params = {"axes": axes, "inverse": inverse, "norm": norm}
    return Case(
        "fft", [shape], fourier, params, draw=complex_of(*shape), dtypes=COMPLEX, label=label
    )


CASES = [
    transform("line", (3, 6), (1,)),
    transform("inverse", (2, 5), (1,), True),
    transform("two", (2, 3, 4), (1, 2)),
    transform("ortho", (3, 4), (0,), norm="ortho"),
    transform("forward", (3, 4), (1,), True, "forward"),
    transform("four", (2, 3, 2, 2), (0, 1, 2, 3), norm="forward"),
    transform("empty", (0, 3), (1,)),
    Case("rfft", [(2, 6)], half_fourier, variants=[[(3, 1)], [(2, 3, 2)], [(0, 4)]], label="even"),
    Case("rfft", [(2, 5)], half_fourier, label="odd"),
    *[
        Case("irfft", [], whole, {"n": n}, draw=complex_of(2, n // 2 + 1), dtypes=COMPLEX, label=str(n))
        for n in (1, 2, 6, 7)
    ],
    *[Case("dct", [(2, 5)], cosine, {"kind": kind}, variants=[[(3, 2)], [(2, 0, 5)]], label=str(kind))
      for kind in (1, 2, 3, 4)],
    Case("frames", [(2, 9)], windows, {"length": 4, "step": 2}, dtypes=FLOATS + HALVES + COMPLEX + INTEGERS,
         complex_rules=True, variants=[[(4,)], [(2, 3)], [(0, 9)]], label="overlapping"),
    Case("frames", [(2, 9)], windows, {"length": 2, "step": 3}, label="apart"),
    Case("overlap", [(2, 3, 4)], added, {"step": 2, "size": 9}, dtypes=FLOATS + COMPLEX + INTEGERS,
         complex_rules=True, label="overlapping"),
    Case("overlap", [(2, 3, 2)], added, {"step": 3, "size": 8}, label="apart"),
    Case("overlap", [(2, 3, 7)], added, {"step": 2, "size": 11}, label="long"),
    Case("overlap", [(2, 2, 9)], added, {"step": 2, "size": 11}, label="few", variants=[[(0, 2, 9)]]),
]  # fmt: skip
