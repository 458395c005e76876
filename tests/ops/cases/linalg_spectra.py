"""Rows of eigenvalues, singular values and pseudoinverses.

Vectors have arbitrary signs, and phases when they are complex: the references take theirs from LAPACK
and rules are checked on real matrices here; complex ones and XLA's kernels are checked in
test_linalg_spectra by functions that do not depend on signs and phases.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from tests.ops.case import Case
from tests.ops.drawing import (
    MATRIX_DTYPES,
    drawn,
    hermitian,
    normal,
    spread_values,
    well_conditioned,
    wide,
)

REALS = ("float32", "float64")


def hermitian_ones(rng: Any, shape: Any, dtype: Any) -> Any:
    return hermitian(spread_values(rng, shape, dtype))


def real_spectrum(rng: Any, shape: Any, dtype: Any) -> Any:
    """Matrices with real eigenvalues that lie apart."""
    turn = well_conditioned(rng, shape, dtype)
    return (turn @ np.diag(np.arange(1, shape[-1] + 1) * 2.0) @ np.linalg.inv(turn)).astype(dtype)


def eigvalsh(x: Any) -> Any:
    """By SciPy's driver for each matrix, from the symmetric whole."""
    x = wide(x)
    whole = np.tril(x) + np.conj(np.swapaxes(np.tril(x, -1), -1, -2))
    found = [scipy.linalg.eigvals(m) for m in whole.reshape((-1, *x.shape[-2:]))]
    return np.sort(np.real(np.array(found)), -1).reshape(x.shape[:-1])


def vector_signs(made: Any, given: Any) -> Any:
    """Columns with the signs (phases) of given ones."""
    phase = np.sum(np.conj(made) * given, -2, keepdims=True)
    return made * phase / np.abs(phase)


def null_vectors(x: Any, values: Any) -> Any:
    """Eigenvectors by inverse iteration from a fixed start."""
    n = x.shape[-1]
    out = np.empty((*x.shape[:-1], values.shape[-1]), np.result_type(x, values))
    for place in np.ndindex(x.shape[:-2]):
        for j, value in enumerate(values[place]):
            v = np.ones(n) + 0.1 * np.arange(n)
            for _ in range(4):
                v = np.linalg.solve(x[place] - (value + 1e-7) * np.eye(n), v)
                v = v / np.linalg.norm(v)
            out[place][:, j] = v
    return out


def eigh(x: Any) -> Any:
    values = eigvalsh(x)
    x = wide(x)
    whole = np.tril(x) + np.conj(np.swapaxes(np.tril(x, -1), -1, -2))
    return values, vector_signs(null_vectors(whole, values), np.linalg.eigh(whole)[1])


def eigvals(x: Any) -> Any:
    """By the Schur form, in the order of the result."""
    x = wide(x)
    out = np.empty(x.shape[:-1], np.complex128)
    for place in np.ndindex(x.shape[:-2]):
        found = np.diag(scipy.linalg.schur(x[place], output="complex")[0])
        given = np.linalg.eigvals(x[place])
        out[place] = [found[np.argmin(np.abs(found - g))] for g in given]
    return out


def eig(x: Any) -> Any:
    values = eigvals(x)
    return values, vector_signs(null_vectors(wide(x), values), np.linalg.eig(wide(x))[1])


def svdvals(x: Any) -> Any:
    """The roots of the eigenvalues of the smaller product."""
    x = wide(x)
    x = x if x.shape[-1] <= x.shape[-2] else np.swapaxes(x, -1, -2)
    return np.sqrt(eigvalsh(np.conj(np.swapaxes(x, -1, -2)) @ x))[..., ::-1]


def svd(x: Any, full: bool) -> Any:
    s = svdvals(x)
    x = wide(x)
    u, _, vh = np.linalg.svd(x, full_matrices=full)
    k = s.shape[-1]
    gram = np.conj(np.swapaxes(x, -1, -2)) @ x
    v = np.conj(np.swapaxes(vh, -1, -2))
    v[..., :k] = vector_signs(null_vectors(gram, s * s), v[..., :k])
    u[..., :k] = x @ v[..., :k] / s[..., None, :]
    return s, u, v


def pinv(x: Any, rcond: Any) -> Any:
    """By the normal equations, for full rank."""
    x = wide(x)
    h = np.conj(np.swapaxes(x, -1, -2))
    tall = x.shape[-2] >= x.shape[-1]
    return np.linalg.inv(h @ x) @ h if tall else h @ np.linalg.inv(x @ h)


def inverse_gaps(w: Any) -> Any:
    w = wide(w)
    gap = w[..., None, :] - w[..., :, None]
    return np.divide(1, gap, out=np.zeros_like(gap), where=gap != 0)


CASES = [
    *[
        Case(
            name,
            reference=reference,
            draw=drawn((hermitian_ones, shape)),
            dtypes=MATRIX_DTYPES if name == "eigvalsh" else REALS,
            complex_rules=name == "eigvalsh",
            jax=name == "eigvalsh",
            value_tolerance=1024,
            tolerance=1e-5,
            label=str(shape),
        )
        for name, reference in [("eigvalsh", eigvalsh), ("eigh", eigh)]
        for shape in [(3, 3), (2, 3, 3), (1, 1)]
    ],
    *[
        Case(
            name,
            reference=reference,
            draw=drawn((real_spectrum, shape)),
            dtypes=("float64",),
            jax=name == "eigvals",
            value_tolerance=2.0**20,
            tolerance=1e-5,
            label=str(shape),
        )
        for name, reference in [("eigvals", eigvals), ("eig", eig)]
        for shape in [(3, 3), (2, 3, 3), (1, 1)]
    ],
    Case(
        "eigvals",
        reference=eigvals,
        draw=drawn((spread_values, (2, 3, 3))),
        dtypes=("complex64", "complex128"),
        complex_rules=True,
        value_tolerance=2.0**20,
        label="complex",
    ),
    *[
        Case(
            "svdvals",
            reference=svdvals,
            draw=drawn((spread_values, shape)),
            dtypes=MATRIX_DTYPES,
            complex_rules=True,
            value_tolerance=1024,
            tolerance=1e-5,
            label=str(shape),
        )
        for shape in [(3, 3), (2, 4, 2), (2, 3)]
    ],
    *[
        Case(
            "svd",
            reference=svd,
            params={"full": full},
            jax=False,
            draw=drawn((spread_values, shape)),
            dtypes=REALS,
            value_tolerance=2.0**16,
            tolerance=1e-5,
            label=f"{shape}-{full}",
        )
        for shape, full in [
            ((3, 3), False),
            ((2, 3, 3), True),
            ((2, 4, 2), False),
            ((2, 4), False),
            ((3, 2), True),
        ]
    ],
    *[
        Case(
            "pinv",
            reference=pinv,
            draw=lambda rng, dtype, shape=shape: [
                normal(rng, shape, dtype),
                np.full(shape[:-2], 1e-5, normal(rng, (), dtype).real.dtype),
            ],
            dtypes=MATRIX_DTYPES,
            complex_rules=True,
            value_tolerance=2.0**14,
            tolerance=1e-5,
            label=str(shape),
        )
        for shape in [(3, 3), (2, 4, 2), (2, 4)]
    ],
    Case(
        "inverse_gaps",
        [(2, 4)],
        inverse_gaps,
        dtypes=MATRIX_DTYPES,
        complex_rules=True,
        value_tolerance=4096,
        tolerance=1e-4,
        draw=lambda rng, dtype: [
            np.sort(normal(rng, (2, 4), dtype) + 2 * np.arange(4)).astype(dtype)
        ],
    ),
    Case(
        "inverse_values",
        [(2, 4)],
        lambda s: 1 / wide(s),
        domain=(0.5, 2.0),
        dtypes=MATRIX_DTYPES,
        complex_rules=True,
    ),
]
