"""Formulas: functions of tensors as SymPy expressions, and expressions as functions of tensors."""

from gradtape.interop.sympy_compiling import from_sympy as from_sympy
from gradtape.interop.sympy_expressions import to_sympy as to_sympy
from gradtape.interop.sympy_formulas import Formula as Formula
from gradtape.interop.sympy_formulas import derivative as derivative
from gradtape.interop.sympy_formulas import formula as formula
from gradtape.interop.sympy_printing import Printer as Printer
from gradtape.interop.sympy_printing import lambdify as lambdify
from gradtape.interop.sympy_printing import lambdify_modules as lambdify_modules
from gradtape.interop.sympy_reasons import NoFormulaError as NoFormulaError
