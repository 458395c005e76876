"""Forward rules as straight-line array code, for tangents that nobody records.

As on the way back (`straight`), a rule is run once on symbols and the kernels that it calls are
written down as a Python function of arrays: the inputs' tangents, the inputs and the result. For
elementwise operations of one dtype one function is right for every shape, and it computes the
result as well (`Fused`); all others get one for each signature. Those of sin(x) and of a matrix
product are

    def straight(t0, x0):                       def straight(t0, t1, x0, x1, out):
        out = f1(x0)                                v0 = k1(xp, t0, x1)
        v0 = f2(x0)                                 v1 = k1(xp, x0, t1)
        v1 = t0 * v0                                v2 = v0 + v1
        return out, v1                              return v2

Rules for many directions at once are written down through the batching rules, so that these cost
nothing when they run.

Products in rules take care that an exact zero stops a derivative, whatever it meets (`zero_wins`);
looking for 0 * inf = nan costs as much as the product. Code *in haste* does without. For one
signature it looks for nan at its end, and then does everything again with care; for every shape its
caller lets NumPy raise where a nan arises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from gradtape.autodiff.straight import MISSING, MOST, SEEN, NotStraight, Writer
from gradtape.autodiff.tangents import by_rules, moving, moving_rows
from gradtape.core.dtypes import bfloat16
from gradtape.core.primitive import Primitive
from gradtape.core.quick import quick
from gradtape.core.state import frame
from gradtape.core.steps import GUARDED, code_of
from gradtape.core.xp_numpy import xp

# from the inputs' tangents (None where one does not move), the inputs and the result (a tuple where
# the primitive has several) to the tangents of the result's differentiable parts, a tuple unless
# there is one
Push = Callable[..., Any]

# whose kernels do not tell NumPy of a nan that arises
QUIET = (np.dtype(np.float16), np.dtype(bfloat16.as_numpy_dtype))


class Operation:
    """One operation with its tangents: what is to be written down.

    Attributes:
        count: the number of directions, None for a single one without an axis of its own.
        shaped: whether the function is for these shapes only.
    """

    def __init__(
        self,
        primitive: Primitive,
        inputs: tuple[Any, ...],
        tangents: Sequence[Any],
        params: dict[str, Any],
        out: Any,
        count: int | None = None,
        shaped: bool = True,
    ) -> None:
        self.primitive = primitive
        self.inputs = inputs
        self.moves = [t is not None for t in tangents]
        self.params = params
        self.out = out
        self.count = count
        self.shaped = shaped
        self.dtype = None if primitive.several else out._dtype

    def pushed(self, writer: ForwardWriter) -> list[Any]:
        """The symbols of the tangents of the result."""
        given = self.primitive, writer.inputs, writer.tangents(), self.params, writer.output()
        if self.count is not None:
            return moving_rows(*given, self.count)
        return moving(*given) if self.shaped else by_rules(*given)

    def written(self, kind: type[ForwardWriter]) -> Push | None:
        """The function, or None when the rules refuse."""
        if self.primitive.fallible:  # user code: it may do anything, and each time
            return None
        try:
            with frame((), (), writer := kind(self)):
                pushed = self.pushed(writer)
            return writer.function(pushed)[0]
        except Exception:  # whatever is wrong, the rule itself runs, and says so
            return None


class ForwardWriter(Writer):
    """The mode in which a forward rule is written down."""

    an_input = "x{}"
    an_output = "out{}"
    symbolic = True
    graph = None

    def __init__(self, operation: Operation) -> None:
        out, single = operation.out, operation.dtype is not None
        record = SimpleNamespace(
            inputs=operation.inputs, out=out, params=operation.params, parents=(),
            shape=out._shape if single else None, dtype=operation.dtype,
        )  # fmt: skip
        super().__init__(record, operation.shaped)
        self.operation = operation
        places = range(len(self.inputs))
        self.names = [*[f"t{i}" for i in places], *[f"x{i}" for i in places]]
        self.arguments = ", ".join([*self.names, "out"])
        self.slots = (*self.names, "out")

    def tangents(self) -> tuple[Any, ...]:
        """The symbols of the inputs' tangents, with the directions in front."""
        count = self.operation.count
        lead = () if count is None else (count,)
        triples = enumerate(zip(self.operation.moves, self.inputs, strict=True))
        return tuple(
            [
                self.symbol(f"t{i}", (*lead, *x._shape) if self.shaped else (), x._dtype)
                if moves
                else None
                for i, (moves, x) in triples
            ]
        )

    def _refuse_unlike(self, results: list[Any], returned: list[str], fresh: Any) -> None:
        """Elementwise functions return a tangent of the result's dtype: the caller counts on it."""
        for result in results:
            if result is None or result._dtype != self.dtype:
                raise NotStraight("the rule returns nothing, or another dtype")


class Hasty(ForwardWriter):
    """Products without care; where there is one, nan is looked for at the end."""

    careless = False

    def inlined(self, kernel: Any) -> str | None:
        """The single step of a kernel."""
        if (found := GUARDED.get(code_of(kernel))) is None:
            return super().inlined(kernel)
        self.careless = True
        return super().inlined(found[2])

    def last(self, returned: list[str]) -> str:
        """The last line: what was found, or everything again, with care."""
        if not self.careless:
            return super().last(returned)
        self.scope["careful"] = self.operation.written(ForwardWriter)
        self.scope["wins"] = xp.zero_wins  # it returns the array itself where nothing is nan
        found = dict.fromkeys([r for r in returned if r != "None"])
        defined = " and ".join([f"wins({r}, 1) is {r}" for r in found])
        return f"return ({', '.join(returned)}) if {defined} else careful({self.arguments})"


class Fused(ForwardWriter):
    """The operation itself and its tangent in one."""

    def __init__(self, operation: Operation) -> None:
        super().__init__(operation)
        self.arguments = ", ".join(self.names)
        self.slots = tuple(self.names)
        names = [f"x{i}" for i in range(len(self.inputs))]
        self.calls.append(("out", self.expression(operation.primitive.kernel, names, {})))

    def as_steps(self, function: Any, returned: list[str]) -> Any:
        """The function as steps of the extension: they give the result too."""
        return super().as_steps(function, ["out", *returned])

    def last(self, returned: list[str]) -> str:
        """The last line: the result and its tangent."""
        return f"return out, {returned[0]}"


class HastyFused(Fused):
    """The same with products without care."""

    def inlined(self, kernel: Any) -> str | None:
        """The single step of a kernel; the operation's own kernel keeps its care."""
        found = GUARDED.get(code_of(kernel)) if self.calls else None
        return super().inlined(kernel if found is None else found[2])


def elementwise(
    primitive: Primitive, inputs: tuple[Any, ...], tangents: Sequence[Any], out: Any, key: Any
) -> tuple[Push, Push] | None:
    """The functions of an elementwise primitive for every shape, entered under the key: one that
    runs the operation as well, in haste, and one that is careful; None when its rule refuses."""
    found = None
    if not primitive.several and all(x._dtype == out._dtype for x in inputs):
        operation = Operation(primitive, inputs, tangents, {}, out, shaped=False)
        # NumPy raises no alarm where the extension runs in its place, and care costs little there
        careful = quick is not None or out._dtype in QUIET
        fused = operation.written(Fused if careful else HastyFused)
        alone = operation.written(ForwardWriter)
        if fused is not None and alone is not None:
            found = fused, alone
    primitive.pushes[key] = found
    return found


def signature(
    inputs: tuple[Any, ...],
    tangents: Sequence[Any],
    params: dict[str, Any],
    out: Any,
    count: int | None,
) -> tuple[Any, ...]:
    """All that a rule may depend on besides values: shapes, dtypes, what moves, parameters."""
    key: list[Any] = [count]
    for x, t in zip(inputs, tangents):
        key += x._shape, x._dtype, t is None
    if type(out) is tuple:
        key += [o._shape for o in out]
    else:
        key.append(out._shape)
    if params:
        key += params
        key += params.values()
    return tuple(key)


def straight(
    primitive: Primitive,
    inputs: tuple[Any, ...],
    tangents: Sequence[Any],
    params: dict[str, Any],
    out: Any,
    count: int | None,
) -> Push | None:
    """The function for an operation's signature; None where there is none (yet)."""
    table = primitive.pushes
    try:
        key = signature(inputs, tangents, params, out, count)
        found = table.get(key, MISSING)
    except TypeError:  # a parameter that cannot be a key
        return None
    if found is MISSING:
        if len(table) < MOST:
            table[key] = SEEN
        return None
    if found is SEEN:
        found = Operation(primitive, inputs, tangents, params, out, count).written(Hasty)
        table[key] = found
    return found
