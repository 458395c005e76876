"""Which primitives have no formula, and why; the error says it."""

from __future__ import annotations

from typing import Any

from gradtape.core.errors import UnimplementedError
from gradtape.core.primitive import Primitive

REASONS: dict[str, str] = {
    "the order of elements depends on their values": "argsort top_indices in_top_k",
    "the shape of the result depends on values": "unique_places nonzero",
    "it works on the bits of numbers": """
        bitcast nextafter bitwise_and bitwise_or bitwise_xor invert left_shift right_shift""",
    "it depends on roots of polynomials, which have no formula": """
        eigvalsh eigh eigvals eig svdvals svd inverse_gaps inverse_values pinv""",
    "it is a series of matrices": "expm sqrtm logm",
    "its rows are ordered, or its signs chosen, by values": "lu qr",
    "it is a sum over alignments that grows with every step": "ctc_log_probability ctc_posterior",
}
BY_NAME = {name: reason for reason, names in REASONS.items() for name in names.split()}
EFFECT = "it does something besides its result"
BY_FAMILY = {
    "random": "it is random",
    "optimizer": "it is a step of an optimizer, which changes variables",
    "host": "it runs Python code on values",
}


class NoFormulaError(UnimplementedError):
    """A part of a function has no counterpart in SymPy; the message says which, and what to do."""


def reason(primitive: Primitive) -> str | None:
    """Why a primitive of the catalogue has no formula; None where it is not listed."""
    if primitive.effect:
        return EFFECT
    return BY_NAME.get(primitive.name) or BY_FAMILY.get(primitive.family)


def no_formula(primitive: Any, where: tuple[str, int] | None, why: str) -> NoFormulaError:
    """The error for an operation of a graph that has no formula."""
    line = f" (at {where[0]}:{where[1]})" if where else ""
    return NoFormulaError(
        f"gradtape.interop.sympy: the operation {primitive.name!r}{line} has no formula in SymPy:"
        f" {why}. Leave it out of the function, or keep it as an undefined function:"
        ' to_sympy(f, ..., unknown="function").'
    )
