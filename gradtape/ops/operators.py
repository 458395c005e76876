"""From Python's operators to operations: the table that is installed on `Tensor` and `Variable`."""

from __future__ import annotations

from typing import Any

from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.ops import arithmetic, basis, products, stepwise

BINARY = {
    "add": basis.add,
    "sub": basis.subtract,
    "mul": basis.multiply,
    "truediv": arithmetic.divide,
    "pow": arithmetic.power,
    "matmul": products.matmul,
}
COMPARE = {
    "eq": stepwise.equal, "ne": stepwise.not_equal, "lt": stepwise.less, "le": stepwise.less_equal,
    "gt": stepwise.greater, "ge": stepwise.greater_equal,
}  # fmt: skip
UNARY = {"neg": basis.negative}


def install(kind: type) -> None:
    """Give a class the operators."""
    for name, function in BINARY.items():
        setattr(kind, f"__{name}__", method(function))
        setattr(kind, f"__r{name}__", reflected(function))
    for name, function in COMPARE.items():
        setattr(kind, f"__{name}__", method(function))
    for name, function in UNARY.items():
        setattr(kind, f"__{name}__", lambda self, f=function: f(self))


def method(function: Any) -> Any:
    """x.op(y) as function(x, y)."""

    def operator(self: Any, other: Any) -> Any:
        return function(self, other)

    return operator


def reflected(function: Any) -> Any:
    """x.op(y) as function(y, x)."""

    def operator(self: Any, other: Any) -> Any:
        return function(other, self)

    return operator


for kind in (Tensor, Variable):
    install(kind)
