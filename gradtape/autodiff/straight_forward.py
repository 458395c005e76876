"""Forward rules as straight-line array code, for tangents that nobody records.

As on the way back (`straight`), a rule is run once on symbols and the kernels that it calls are
written down as a Python function. That of the derivative of sin(x), for instance, becomes

    def straight(t0, x0, out):
        v1 = k1(xp, x0)
        v2 = k2(xp, t0, v1)
        return v2

of arrays: the tangents, the inputs and the result. For elementwise operations of one dtype one
function is right for every shape; all others get one for each signature. Rules for many directions at once are written down through the batching rules, so that
these cost nothing when they run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from gradtape.autodiff.straight import MISSING, MOST, SEEN, NotStraight, Pull, Writer
from gradtape.autodiff.tangents import by_rules, moving, moving_rows
from gradtape.core.primitive import Primitive
from gradtape.core.state import frame
from gradtape.core.xp_numpy import xp

# from the inputs' tangents (None where one does not move), the inputs and the result (a tuple where
# the primitive has several) to the tangents of the result's differentiable parts, a tuple unless
# there is one
Push = Callable[..., Any]


class Hasty:
    """NumPy's namespace without the care for 0 * inf: products that are nan stay so."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(xp, name)
        setattr(self, name, value)
        return value

    def zero_wins(self, product: Any, *factors: Any) -> Any:
        """The product."""
        return product


hasty = Hasty()


class ForwardWriter(Writer):
    """The mode in which a forward rule is written down."""

    an_input = "x{}"
    an_output = "out{}"
    symbolic = True
    graph = None

    def __init__(self, record: Any, shaped: bool) -> None:
        super().__init__(record, shaped)
        places = range(len(record.inputs))
        names = [*[f"t{i}" for i in places], *[f"x{i}" for i in places], "out"]
        self.arguments = ", ".join(names)
        self.hurries = False

    def function(self, results: list[Any]) -> Pull:
        """The function; where it takes care of 0 * inf in every product, one that looks for nan
        only at its end, and then does everything again with care."""
        careful, fresh = super().function(results)
        if not any(["zero_wins" in code.co_names for code in self._codes()]):
            return careful, fresh
        self.hurries = True
        self.scope = {**self.scope, "xp": hasty, "careful": careful, "wins": xp.zero_wins}
        return super().function(results)

    def _codes(self) -> list[Any]:
        return [v.__code__ for v in self.scope.values() if hasattr(v, "__code__")]

    def last(self, returned: list[str]) -> str:
        """The last line of the function."""
        line = super().last(returned)
        if not self.hurries:
            return line
        found = dict.fromkeys([r for r in returned if r != "None"])
        defined = " and ".join([f"wins({r}, 1) is {r}" for r in found])
        return f"{line} if {defined} else careful({self.arguments})"

    def tangents(self, given: Sequence[Any], count: int | None) -> tuple[Any, ...]:
        """The symbols of the tangents, with `count` directions in front."""
        lead = () if count is None else (count,)
        pairs = enumerate(zip(given, self.inputs, strict=True))
        return tuple(
            [
                None if t is None
                else self.symbol(f"t{i}", (*lead, *x._shape) if self.shaped else (), x._dtype)
                for i, (t, x) in pairs
            ]
        )  # fmt: skip

    def _refuse_unlike(self, results: list[Any], returned: list[str], fresh: Any) -> None:
        """Elementwise functions return tangents of the result's dtype: the accumulator counts on
        it."""
        for result in results:
            if result is not None and result._dtype != self.dtype:
                raise NotStraight("the rule returns another dtype")


def written(
    primitive: Primitive,
    inputs: tuple[Any, ...],
    tangents: Sequence[Any],
    params: dict[str, Any],
    out: Any,
    count: int | None,
    shaped: bool = True,
) -> Push | None:
    """The forward rules of a primitive as one function of arrays, or None when they refuse.

    `count` is the number of directions, None for a single one without an axis of its own."""
    if primitive.fallible:  # user code: it may do anything, and each time
        return None
    single = not primitive.several
    record = SimpleNamespace(
        inputs=inputs, out=out, params=params, parents=(),
        shape=out._shape if single else None, dtype=out._dtype if single else None,
    )  # fmt: skip
    try:
        with frame((), (), writer := ForwardWriter(record, shaped)):
            moved = writer.tangents(tangents, count)
            given = primitive, writer.inputs, moved, params, writer.output()
            if count is not None:
                pushed = moving_rows(*given, count)
            else:
                pushed = moving(*given) if shaped else by_rules(*given)
        function, _ = writer.function(pushed)
    except Exception:  # whatever is wrong, the rule itself runs, and says so
        return None
    return function


def elementwise(
    primitive: Primitive, inputs: tuple[Any, ...], tangents: Sequence[Any], out: Any, key: Any
) -> Push | None:
    """The function of an elementwise primitive for every shape, entered under the key."""
    found = None
    if not primitive.several and all(x._dtype == out._dtype for x in inputs):
        found = written(primitive, inputs, tangents, {}, out, None, shaped=False)
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
        found = table[key] = written(primitive, inputs, tangents, params, out, count)
    return found
