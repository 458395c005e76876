"""Rows of complex numbers."""

from __future__ import annotations

import numpy as np

from tests.ops.case import COMPLEX, Case

VARIANTS = [[(2, 1, 3), (4, 1)], [(), (3,)], [(0, 3), (1, 3)], [(), ()]]
ONE = [[()], [(0, 2)]]

CASES = [
    Case("complex", [(2, 3), (2, 3)], lambda x, y: x + np.complex64(1j) * y, variants=VARIANTS),
    Case("real", [(2, 3)], lambda x: (x + np.conj(x)).real / 2, dtypes=COMPLEX, complex_rules=True, variants=ONE),
    Case("imag", [(2, 3)], lambda x: (x - np.conj(x)).imag / 2, dtypes=COMPLEX, complex_rules=True, variants=ONE),
    Case(
        "complex_abs", [(2, 3)], lambda x: np.sqrt((x * np.conj(x)).real), dtypes=COMPLEX, complex_rules=True,
        domain=(0.3, 2.0), variants=ONE,
    ),
]  # fmt: skip
