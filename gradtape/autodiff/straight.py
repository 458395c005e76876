"""Elementwise rules as straight-line array code, for walks that nobody records.

A rule is written in tensor operations, which check, dispatch and wrap each value; for a dozen
numbers that costs several times what NumPy takes. The rules of elementwise primitives branch on
nothing but the dtype, so for each primitive, dtype and choice of connected inputs the rule is run
once on symbols, the kernels that it calls are written down as lines of a Python function on arrays,
and that function is what the walk calls; it returns an array, or a tuple of two. `tanh` for
instance becomes

    def pull(ct, record):
        x = record.inputs[0]._array
        v1 = k1(xp, x)
        v2 = k2(xp, ct, v1)
        return v2

The rule stays the single source: whatever it does that is not elementwise refuses to be written
down (`NotStraight`), and the walk goes on with the rule itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.nothing import Nothing
from gradtape.core.primitive import Primitive
from gradtape.core.shapes import Spec
from gradtape.core.state import frame
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import xp

STRAIGHT = frozenset({"elementwise", "stepwise"})


class NotStraight(Exception):
    """The rule does something that is not elementwise."""


class Symbol(Tensor):
    """A value in a rule that is being written down: its `_array` is the name of a variable."""

    __slots__ = ("_type",)

    def __init__(self, name: str, dtype: Any) -> None:
        super().__init__(name)
        self._type = dtype

    @property
    def _shape(self) -> Any:
        raise NotStraight("the rule asks for a shape")

    @property
    def _dtype(self) -> Any:
        return self._type


class Writer:
    """The mode in which a rule is written down, and the stand-in for the record that it reads."""

    def __init__(self, inputs: int, dtype: Any) -> None:
        self.calls: list[tuple[str, str, list[str]]] = []  # result, kernel, operands
        self.scope: dict[str, Any] = {"xp": xp}
        self.inputs = tuple([Symbol(f"record.inputs[{i}]._array", dtype) for i in range(inputs)])
        self.dtype = dtype
        self.params: dict[str, Any] = {}

    def output(self) -> Symbol:
        """The output that the record keeps."""
        return Symbol("record.out._array", self.dtype)

    def apply(
        self, primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]
    ) -> Symbol:
        """Write down one call of a kernel."""
        if primitive.family not in STRAIGHT or params or primitive.several:
            raise NotStraight(f"the rule calls {primitive.name}")
        result, kernel = f"v{len(self.calls)}", f"k{len(self.scope)}"
        self.scope[kernel] = primitive.kernel
        self.calls.append((result, kernel, [self.spelled(t) for t in inputs]))
        return Symbol(result, primitive.shape(*[Spec((), t._dtype) for t in inputs])._dtype)

    def spelled(self, value: Any) -> str:
        """The expression for an operand: a variable, or a constant of the scope."""
        if isinstance(value, Symbol):
            return value._array
        name = f"c{len(self.scope)}"
        self.scope[name] = np.asarray(value)[()]
        return name

    def function(self, results: list[Any]) -> Callable[..., Any]:
        """The Python function of the calls; a temporary is dropped after its last use."""
        returned = [
            "None" if r is None or isinstance(r, Nothing) else self.spelled(r) for r in results
        ]
        lines, needed = [f"return {', '.join(returned)}"], set(returned)
        for result, kernel, operands in reversed(self.calls):
            last = {o for o in operands if o.startswith("v") and o not in needed}
            drop = f"; del {', '.join(sorted(last))}" if last else ""
            lines.append(f"{result} = {kernel}(xp, {', '.join(operands)}){drop}")
            needed |= last
        body = "\n    ".join(reversed(lines))
        exec(f"def pull(ct, record):\n    {body}\n", self.scope)
        return self.scope["pull"]


class _Stub:
    """What `Primitive.pull` reads of a record."""

    def __init__(self, writer: Writer, wanted: tuple[bool, ...]) -> None:
        self.parents = tuple([w or None for w in wanted])
        self.inputs = writer.inputs
        self.output = writer.output
        self.params = writer.params


def straight(
    primitive: Primitive, wanted: tuple[bool, ...], dtype: Any
) -> Callable[..., Any] | None:
    """The rules of a primitive as one function of arrays, or None when they are not elementwise."""
    if primitive.family != "elementwise" or primitive.several:
        return None
    writer = Writer(len(wanted), dtype)
    try:
        with frame((), (), writer):
            results = primitive.pull(_Stub(writer, wanted), Symbol("ct", dtype))
        return writer.function(results)
    except NotStraight:
        return None
