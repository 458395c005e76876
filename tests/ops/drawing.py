"""Random matrices for the rows of linear algebra: well conditioned, symmetric, positive definite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Draw = Callable[[np.random.Generator, np.dtype[Any]], list[Any]]
MATRIX_DTYPES = ("float32", "float64", "complex64", "complex128")


def normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    """Normal numbers, with a normal imaginary part where the dtype is complex."""
    values = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.standard_normal(shape)
    return values.astype(dtype)


def adjoint(x: Any) -> Any:
    """The conjugate transpose."""
    return np.conj(np.swapaxes(x, -1, -2))


def hermitian(x: Any) -> Any:
    """The Hermitian part."""
    return (x + adjoint(x)) / 2


def well_conditioned(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    """Random matrices with a large multiple of the identity added."""
    extra = (2 * max(shape[-2:], default=0) * np.eye(shape[-2], shape[-1])).astype(dtype)
    return normal(rng, shape, dtype) + extra


def positive(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    """Positive definite matrices."""
    x = normal(rng, shape, dtype)
    return x @ adjoint(x) + np.eye(shape[-1]).astype(dtype)


def spread_values(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    """Random matrices whose eigenvalues and singular values lie apart from each other."""
    near = np.zeros(shape[-2:])
    np.fill_diagonal(near, 3.0 * np.arange(1, min(shape[-2:]) + 1))
    return (near + 0.5 * normal(rng, shape, dtype)).astype(dtype)


def drawn(*makers: tuple[Callable[..., Any], tuple[int, ...]]) -> Draw:
    """A `draw` for a row: one maker with its shape for each input."""
    return lambda rng, dtype: [make(rng, shape, dtype) for make, shape in makers]


def wide(x: Any) -> Any:
    """The array in float64 or complex128."""
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)
