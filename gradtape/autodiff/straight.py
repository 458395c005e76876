"""Rules as straight-line array code, for walks that nobody records.

A rule is written in tensor operations, which check, dispatch and wrap each value; for a dozen
numbers that costs several times what NumPy takes. Rules do not look at values, only at dtypes,
shapes and parameters (else they could be neither batched nor compiled). So a rule is run once on
symbols, the kernels that it calls are written down as lines of a Python function on arrays, and
that function is what the walk calls; it returns an array, or a tuple of them. The rules of `tanh`
and of a mean, for instance, become

    def straight(ct, record):                   def straight(ct, record):
        v0 = k1(xp, record.out._array)              v0 = ct / c1
        v1 = k2(xp, ct, v0)                         v1 = k2(xp, v0, **p3)
        return v1                                   return v1

For elementwise primitives one function for each dtype and choice of connected inputs is right for
every shape. All others get one for each *signature* (`signature`), when it is met a second time:
writing down costs as much as a hundred runs. A primitive that is called with ever new shapes is
given up after `MOST` signatures.

The rule stays the single source: whatever cannot be written down so (`NotStraight`) runs as it
is."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from gradtape.core.nothing import Nothing
from gradtape.core.primitive import Primitive
from gradtape.core.quick import quick
from gradtape.core.shapes import Spec
from gradtape.core.state import frame
from gradtape.core.steps import operator, single
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import xp
from gradtape.ops.basis import fitted

ELEMENTWISE = frozenset({"elementwise", "stepwise"})
FRESH = ELEMENTWISE | {"bilinear"}  # kernels whose result is an array of its own
MOST = 256
LARGEST = (
    64  # elements of a constant: what a rule makes for one shape is not kept in memory for ever
)
SEEN: Any = "met once"
MISSING: Any = "never met"

Pull = tuple[Callable[..., Any], tuple[bool, ...]]  # the function, and which results are fresh


CALL = re.compile(r"(f\d+)\((.*)\)$")  # a step that is a function of the namespace


class NotStraight(Exception):
    """The rule does something that cannot be written down as calls of kernels."""


class Symbol(Tensor):
    """A value in a rule that is being written down: an expression, with its shape and dtype."""

    __slots__ = ("_fresh", "_known", "_name", "_type")

    def __init__(self, name: str, shape: Any, dtype: Any, fresh: bool = False) -> None:
        super().__init__(None)
        self._name = name
        self._known = shape
        self._type = dtype
        self._fresh = fresh

    @property
    def _shape(self) -> Any:
        if self._known is None:
            raise NotStraight("an elementwise rule asks for a shape")
        return self._known

    @property
    def _dtype(self) -> Any:
        return self._type

    def _refuse(self, *arguments: Any) -> Any:
        raise NotStraight("the rule asks for a value")

    __array__ = __bool__ = __int__ = __float__ = __index__ = __iter__ = numpy = _refuse  # type: ignore[assignment]


class Writer:
    """The mode in which a rule is written down, and the stand-in for the record that it reads."""

    arguments = "ct, record"
    an_input = "record.inputs[{}]._array"  # with its number
    an_output = "record.out{}._array"  # with nothing, or "[number]"
    # what an elementwise function takes, as the extension numbers it
    slots = ("ct", "record.inputs[0]._array", "record.inputs[1]._array", "record.out._array")

    def __init__(self, record: Any, shaped: bool) -> None:
        self.calls: list[tuple[str, str]] = []  # result, expression
        self.scope: dict[str, Any] = {"xp": xp}
        self.shaped = shaped
        self.parents = record.parents
        self.params = record.params
        self.inputs = tuple([self._input(i, t) for i, t in enumerate(record.inputs)])
        self.kept = record.out
        self.shape, self.dtype = record.shape, record.dtype

    def symbol(self, name: str, shape: Any, dtype: Any) -> Symbol:
        """An input of the function."""
        return Symbol(name, tuple(shape) if self.shaped else None, dtype)

    def _input(self, index: int, kept: Any) -> Any:
        if not isinstance(kept, Tensor):
            return kept if kept is None or self.shaped else self.symbol("", (), kept._dtype)
        return self.symbol(self.an_input.format(index), kept._shape, kept._dtype)

    def output(self) -> Any:
        """The output that the record keeps."""
        if type(self.kept) is tuple:
            return tuple(
                [
                    self.symbol(self.an_output.format(f"[{i}]"), t._shape, t._dtype)
                    for i, t in enumerate(self.kept)
                ]
            )
        return self.symbol(self.an_output.format(""), self.shape, self.dtype)

    def cotangent(self, missing: tuple[bool, ...]) -> Any:
        """The cotangent that the function takes, or a tuple of them for several results."""
        if not missing:
            return self.symbol("ct", self.shape, self.dtype)
        each = zip(missing, self.shape, self.dtype, strict=True)
        return tuple(
            [None if m else self.symbol(f"ct[{i}]", s, d) for i, (m, s, d) in enumerate(each)]
        )

    def apply(self, primitive: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Write down one call of a kernel."""
        if primitive.fallible or not (self.shaped or primitive.family in ELEMENTWISE):
            raise NotStraight(f"the rule calls {primitive.name}")
        if self.shaped:
            specs = primitive.shape(*inputs, **params)
        else:
            specs = primitive.shape(*[Spec((), t._dtype) for t in inputs], **params)
        result = f"v{len(self.calls)}"
        operands = [self.spelled(t) for t in inputs]
        self.calls.append((result, self.expression(primitive.kernel, operands, params)))
        fresh = primitive.family in FRESH
        if not primitive.several:
            return Symbol(result, specs._shape if self.shaped else None, specs._dtype, fresh)
        return tuple([Symbol(f"{result}[{i}]", s._shape, s._dtype) for i, s in enumerate(specs)])

    def expression(self, kernel: Any, operands: list[str], params: dict[str, Any]) -> str:
        """A call of a kernel, or what the kernel does where that is a single step."""
        template = None if params else self.inlined(kernel)
        if template is not None:
            return template.format(*operands)
        if params:
            operands = [*operands, "**" + self.constant("p", params)]
        return f"{self.constant('k', kernel)}(xp, {', '.join(operands)})"

    def inlined(self, kernel: Any) -> str | None:
        """The single step of a kernel as a format, None where there are more."""
        if (found := operator(kernel)) is not None:
            return found
        if (function := single(kernel)) is None:
            return None
        places = ", ".join(["{}"] * (kernel.__code__.co_argcount - 1))
        return f"{self.constant('f', function)}({places})"

    def constant(self, kind: str, value: Any) -> str:
        """The name of something that the function finds in its scope."""
        name = f"{kind}{len(self.scope)}"
        self.scope[name] = value
        return name

    def spelled(self, value: Any) -> str:
        """The expression for an operand: a variable, or a constant of the scope."""
        if isinstance(value, Symbol) and value._name:
            return value._name
        if type(value) is not Tensor:
            raise NotStraight("an operand that is no tensor")
        array = value._array
        if array.size <= LARGEST:
            return self.constant("c", array)
        if array.any():
            raise NotStraight("an operand that is a large constant")
        return f"xp.zeros({array.shape}, {self.constant('d', array.dtype)})"

    def function(self, results: list[Any]) -> Pull:
        """The Python function of the calls; a temporary is dropped after its last use."""
        returned = ["None" if r is None else self.spelled(r) for r in results]
        fresh = tuple(
            [
                isinstance(r, Symbol) and r._fresh and returned.count(name) == 1
                for r, name in zip(results, returned, strict=True)
            ]
        )
        if not self.shaped:
            self._refuse_unlike(results, returned, fresh)
        last = self.last(returned)
        lines, later = [last], last + ","
        for result, expression in reversed(self.calls):
            unused = [v for v, _ in self.calls if _uses(expression, v) and not _uses(later, v)]
            drop = f"; del {', '.join(unused)}" if unused else ""
            lines.append(f"{result} = {expression}{drop}")
            later += " " + expression
        body = "\n    ".join(reversed(lines))
        exec(f"def straight({self.arguments}):\n    {body}\n", self.scope)
        made = self.scope["straight"]
        return made if self.shaped else self.as_steps(made, returned), fresh

    def as_steps(self, function: Any, returned: list[str]) -> Any:
        """The function as steps that the extension runs, itself where it does anything else."""
        if quick is None:
            return function
        slots = {name: i for i, name in enumerate(self.slots)}
        taken = [CALL.match(expression) for _, expression in self.calls]
        if not all(taken):
            return function
        rows = [[m[1], *m[2].split(", ")] for m in taken if m]
        made = [result for result, _ in self.calls]
        fixed = sorted({n for row in rows for n in row[1:]}.difference(slots, made))
        slots |= {name: len(slots) + i for i, name in enumerate([*fixed, *made])}
        try:
            steps = [(self.scope[row[0]], *[slots[n] for n in row[1:]]) for row in rows]
            constants = tuple([self.scope[n] for n in fixed])
            results = tuple([-1 if n == "None" else slots[n] for n in returned])
            return quick.Steps(function, len(self.slots), constants, steps, results)
        except (KeyError, TypeError, ValueError):  # of what the extension does not know
            return function

    def last(self, returned: list[str]) -> str:
        """The last line of the function."""
        return f"return {', '.join(returned)}"

    def _refuse_unlike(self, results: list[Any], returned: list[str], fresh: Any) -> None:
        """Elementwise functions return `ct` or new arrays of its dtype: the walk counts on it."""
        for result, name, new in zip(results, returned, fresh, strict=True):
            if result is None:
                fits = len(results) > 1
            else:
                fits = (new or name == "ct") and result._dtype == self.dtype
            if not fits:
                raise NotStraight(f"the rule returns {name}")


def _uses(text: str, variable: str) -> bool:
    return re.search(rf"\b{variable}\b", text) is not None


def written(record: Any, shaped: bool, missing: tuple[bool, ...] = ()) -> Pull | None:
    """The rules of a record's primitive as one function of arrays, or None when they refuse.

    `missing` says which cotangents of several results are not there."""
    primitive = record.primitive
    if primitive.fallible:  # user code: it may do anything, and each time
        return None
    try:
        with frame((), (), writer := Writer(record, shaped)):
            given = primitive.pull(writer, writer.cotangent(missing))
            pairs = zip(given, record.parents, strict=True)
            given = [
                None if p is None or g is None or isinstance(g, Nothing) else g for g, p in pairs
            ]
            if shaped:
                pairs = zip(given, record.parents, strict=True)
                given = [g if g is None else fitted(g, p.shape, p.dtype) for g, p in pairs]
        return writer.function(given)
    except Exception:  # whatever is wrong, the rule itself runs, and says so
        return None


def signature(record: Any, missing: tuple[bool, ...]) -> tuple[Any, ...]:
    """All that a rule may depend on besides values: shapes, dtypes, connections, parameters."""
    key = [record.shape, record.dtype, missing]
    for parent, kept in zip(record.parents, record.inputs):
        if parent is not None:
            key += parent.shape, parent.dtype
        elif kept is not None:
            key += False, kept._shape, kept._dtype
        else:
            key.append(None)
    params = record.params
    if params:
        key += params
        key += params.values()
    return tuple(key)


def straight(record: Any, missing: tuple[bool, ...] = ()) -> Pull | None:
    """The function for a record's signature; None where there is none (yet)."""
    primitive = record.primitive
    if primitive.fallible:
        return None
    table = primitive.straight
    try:
        key = signature(record, missing)
        found = table.get(key, MISSING)
    except TypeError:  # a parameter that cannot be a key
        return None
    if found is MISSING:
        if len(table) < MOST:
            table[key] = SEEN
        return None
    if found is SEEN:
        found = table[key] = written(record, True, missing)
    return found
