"""`Case`: one row of the table, and how its inputs are drawn."""

from __future__ import annotations

import importlib
import pkgutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np

from gradtape.core.primitive import Primitive, registry
from gradtape.core.tensor import Tensor

for room in (
    "gradtape.ops",
    "gradtape.autodiff",
    "gradtape.graph",
    "gradtape.train",
):  # every primitive
    for found in pkgutil.iter_modules(importlib.import_module(room).__path__, f"{room}."):
        importlib.import_module(found.name)

FLOATS = ("float32", "float64")
HALVES = ("float16", "bfloat16")
COMPLEX = ("complex64", "complex128")
INTEGERS = ("int32", "int64")
INEXACT = FLOATS + HALVES + COMPLEX
NUMERIC = INEXACT + INTEGERS


def numpy_dtype(name: str) -> np.dtype[Any]:
    """A NumPy dtype by name, bfloat16 included."""
    return np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype(name)


@dataclass
class Case:
    """A primitive with inputs, parameters, what it should give and where it may be checked.

    Args: name: the primitive's name in the registry. shapes: the shapes of the inputs; each entry
        of `variants` is another such list. reference: NumPy (SciPy, mpmath) function of the arrays
        and parameters that gives the value; it must not be the kernel again. It may work in float64
        whatever the dtype of its arguments.
        params: the primitive's keywords.
        domain: (low, high) of the uniform real inputs, or one pair for each input.
        dtypes: the dtypes of the inputs at which value and dtype are checked.
        integers: the numbers of inputs that are integer indices, by the function that draws them:
            {1: lambda rng: rng.integers(0, 3, (4,))}. They keep this value in every dtype.
        draw: draws all inputs itself, `draw(rng, dtype) -> list of arrays`; then shapes and domain
            are not used.
        variants: further lists of shapes: empty, zero-d, broadcast.
        complex_rules: whether the rules are checked at complex128 too.
        order: how many derivatives are checked: 0 none, 1, 2.
        still: the numbers of the inputs that no difference may move.
        batch: whether batching is checked against a loop.
        jax: whether the kernel is run under jax.numpy too.
        tolerance: relative tolerance of derivatives against differences.
        value_tolerance: units in the last place allowed against the reference, in each dtype.
        project: maps a random direction to one within the inputs on which the function is defined,
            for instance to a symmetric matrix; by default every direction counts.
        label: tells rows of one primitive apart.
    """

    name: str
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    reference: Callable[..., Any] | None = None
    params: dict[str, Any] = field(default_factory=dict)
    domain: Any = (-2.0, 2.0)
    dtypes: tuple[str, ...] = FLOATS
    integers: dict[int, Callable[[np.random.Generator], Any]] = field(default_factory=dict)
    draw: Callable[[np.random.Generator, np.dtype[Any]], list[Any]] | None = None
    variants: list[list[tuple[int, ...]]] = field(default_factory=list)
    complex_rules: bool = False
    order: int = 2
    still: tuple[int, ...] = ()
    batch: bool = True
    jax: bool = True
    tolerance: float = 1e-6
    value_tolerance: float = 64.0
    project: Callable[[Any], Any] | None = None
    label: str = ""

    @property
    def primitive(self) -> Primitive:
        """The primitive that the row is about."""
        return registry[self.name]

    def __str__(self) -> str:
        return f"{self.name}-{self.label}" if self.label else self.name

    def arrays(
        self, dtype: str, shapes: list[tuple[int, ...]] | None = None, seed: int = 0
    ) -> list[Any]:
        """Inputs of a dtype, the same at each call."""
        rng = np.random.default_rng([zlib.crc32(str(self).encode()), seed])
        wanted = numpy_dtype(dtype)
        if self.draw is not None:
            return self.draw(rng, wanted)
        drawn = []
        for i, shape in enumerate(self.shapes if shapes is None else shapes):
            if i in self.integers:
                drawn.append(np.asarray(self.integers[i](rng)))
            else:
                drawn.append(self._draw_one(rng, i, shape, wanted))
        return drawn

    def _draw_one(self, rng: np.random.Generator, i: int, shape: Any, dtype: np.dtype[Any]) -> Any:
        low, high = self.domain[i] if isinstance(self.domain[0], tuple) else self.domain
        values = rng.uniform(low, high, shape)
        if dtype.kind == "c":
            values = values + 1j * rng.uniform(low, high, shape)
        if dtype.kind == "b":
            return values > (low + high) / 2
        if dtype.kind in "iu":
            values = np.round(values)
        return np.asarray(values).astype(dtype)


def tensors(arrays: list[Any]) -> list[Tensor]:
    """Tensors of arrays, scalars for those without axes."""
    return [Tensor(a if np.ndim(a) else np.asarray(a)[()]) for a in arrays]
