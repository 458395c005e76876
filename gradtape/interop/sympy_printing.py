"""SymPy expressions as functions of tensors: `from_sympy`, and what `sympy.lambdify` needs.

SymPy prints an expression as Python code, common subexpressions once; the names in it are the
operations of `sympy_functions`. So tapes differentiate the function like any other."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp
from sympy.printing.pycode import PythonCodePrinter

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.nest import optree
from gradtape.core.tensor import Tensor
from gradtape.interop.sympy_expressions import array_of, is_symbolic
from gradtape.interop.sympy_functions import FUNCTIONS, assembled, is_number, like, unsupported
from gradtape.ops.basis import cast


class Printer(PythonCodePrinter):
    """Prints expressions as Python code on tensors; pass it to `sympy.lambdify` as `printer`.

    Example:
        >>> import gradtape as tf
        >>> import sympy
        >>> x = sympy.Symbol("x")
        >>> tf.interop.sympy.Printer().doprint(sympy.Piecewise((x, x > 0), (0, True)) / sympy.sqrt(2))
        '0.7071067811865476*Piecewise((x, (x > 0)), (0, True), near=(x,))'
    """

    _default_settings = {
        **PythonCodePrinter._default_settings,
        "fully_qualified_modules": False,
        "inline": True,
        "allow_unknown_functions": False,
        "user_functions": {name: name for name in FUNCTIONS},
    }

    def __init__(self, settings: Any = None) -> None:
        settings = {**self._default_settings, **(settings or {})}
        super().__init__(settings)
