"""SymPy's functions as operations, under SymPy's names: what code that SymPy prints calls.

A function of Python numbers alone gives a number, so that sqrt(2) x keeps the dtype of x."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import sympy as sp

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.tensor import Tensor
from gradtape.ops import arithmetic, exponential, joining, powers, special, special_bessel
from gradtape.ops import linalg_determinants, linalg_solving, stepwise, trigonometric
from gradtape.ops.basis import (
    add,
    broadcast_shapes,
    broadcast_to,
    conj,
    full,
    multiply,
    negative,
    real,
    reshape,
    subtract,
)
from gradtape.ops.choosing import where
from gradtape.ops.complexes import imag
from gradtape.ops.linalg_diagonals import take_diagonals
from gradtape.ops.basis import sum_axes
from gradtape.ops.products import matmul, swapped
from gradtape.ops.quotients import divide, reciprocal
from gradtape.ops.remainders import floormod
from gradtape.ops.special_incomplete import betainc, igamma, igammac
from gradtape.ops.special_integrals import dawsn, expint, fresnel_cos, fresnel_sin, spence

Number = (bool, int, float, complex)
