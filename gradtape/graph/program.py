"""`Program`: a graph made ready to run: a pure function of arrays.

Its inputs are the arguments of the graph, what the graph captured, and the values of the variables
that it reads; its outputs are the results and the new values of the variables that it changes. The
operations that count are cut out of the graph in order; what depends on constants alone is computed
once (`fold`), and what nobody needs is left out (`prune`). Equal work is shared already when it is
written down (see `tracing`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gradtape.autodiff.finite_arrays import sound
from gradtape.core.dtypes import from_numpy
from gradtape.core.errors import InvalidArgumentError
from gradtape.core.shapes import Spec, TensorShape
from gradtape.core.sizes import Size, bind, open_sizes, value_of
from gradtape.core.xp_numpy import restore, silence, xp
from gradtape.graph.graph import CONSTANT, SOURCES, Operation, needed
from gradtape.graph.symbolic import Value
from gradtape.graph.tracing import ASSIGN

LARGEST_FOLDED = 1 << 16


class Program:
    """The operations between inputs and outputs.

    Args:
        inputs: the values that are handed over, in order.
        outputs: the values that are wanted, in order.
        roots: operations that are done whether or not an output needs them.
        instead: values that other values stand for.
        assumptions: pairs of sizes that must agree.
        order: the operations in order, where they are found already.
    """

    def __init__(
        self,
        inputs: Sequence[Value],
        outputs: Sequence[Value],
        roots: Iterable[Operation] = (),
        instead: dict[Value, Value] | None = None,
        assumptions: Sequence[tuple[Any, Any]] = (),
        order: Sequence[Operation] | None = None,
    ) -> None:
        self.inputs = tuple(inputs)
        self.instead = dict(instead or {})
        self.constants: dict[Value, Any] = {}
        self.functions: dict[Any, Any] = {}  # filled by `lines`, by the sizes that are open
        self.assumptions = [pair for pair in dict.fromkeys(assumptions) if pair[0] != pair[1]]
        given = set(self.inputs)
        if order is None:
            order = needed([self.now(v) for v in outputs], roots, given)
        self.steps = [
            op for op in order
            if op.primitive is not ASSIGN and op.primitive not in SOURCES
            and not (op.values and given.issuperset(op.values))
        ]  # fmt: skip
        for op in order:
            if op.primitive is CONSTANT:
                self.constants[op.values[0]] = op.params["value"]._array
            elif op.primitive in SOURCES and op.values and op.values[0] not in given:
                if self.now(op.values[0]) is op.values[0]:
                    raise missing(op)
        self.outputs = tuple(outputs)
        self._fold(given)
        self._prune()
        self.host = any([op.host for op in self.steps])
        self.effect = any([op.effect for op in self.steps])
        self.open = any([open_sizes(op.params) for op in self.steps]) or any(
            [type(n) is Size for v in self.inputs for n in v.shape]
        )

    def now(self, value: Value) -> Value:
        """The value that stands for another."""
        instead = self.instead
        while value in instead:
            value = instead[value]
        return value

    def takes(self, op: Operation) -> tuple[Value, ...]:
        """The inputs of an operation."""
        if not self.instead:
            return op.takes
        return tuple([self.now(v) for v in op.takes])

    # passes

    def _fold(self, given: set[Value]) -> None:
        """Compute what depends on constants alone."""
        constants, kept = self.constants, []
        token = silence()
        try:
            for op in self.steps:
                takes = self.takes(op)
                if (
                    op.effect
                    or not all([v in constants for v in takes])
                    or open_sizes(op.params)
                    or any([v in given or not _small(v) for v in op.values])
                ):
                    kept.append(op)
                    continue
                try:
                    found = op.primitive.kernel(xp, *[constants[v] for v in takes], **op.params)
                except Exception:  # it is said when the program runs
                    kept.append(op)
                    continue
                found = found if op.primitive.several else (found,)
                if not all(map(sound, found)) and all([sound(constants[v]) for v in takes]):
                    kept.append(op)  # `debug_nans` is to find it
                    continue
                constants.update(zip(op.values, found, strict=True))
        finally:
            restore(token)
        self.steps = kept

    def _prune(self) -> None:
        """Leave out what neither an output nor an effect needs."""
        wanted = {self.now(v) for v in self.outputs}
        awaited: set[Operation] = set()
        kept = []
        for op in reversed(self.steps):
            if op.effect or op in awaited or any([v in wanted for v in op.values]):
                kept.append(op)
                wanted.update(self.takes(op))
                awaited.update([*op.control, *op.awaited.values()])
        self.steps = kept[::-1]
        self.constants = {v: a for v, a in self.constants.items() if v in wanted}

    # sizes

    def sizes(self, shapes: Sequence[tuple[int, ...]]) -> dict[Any, int]:
        """What the shapes of the inputs say of the sizes that are open."""
        known: dict[Any, int] = {}
        for value, shape in zip(self.inputs, shapes, strict=True):
            if len(shape) != len(value.shape) or not bind(value.shape, shape, known):
                raise InvalidArgumentError(
                    f"gradtape.function: the input {value.name!r} has shape {list(shape)}, but the"
                    f" graph was recorded for {list(value.shape)}."
                )
        differing = self._differing(known)
        if differing:
            raise AssumptionError(differing)
        return known

    def found(self, shape: Any, actual: tuple[int, ...], known: dict[Any, int]) -> None:
        """Note what the shape of a result says of sizes that depend on values."""
        differing = None if bind(shape, actual, known) else f"{list(shape)} and {list(actual)}"
        differing = differing or self._differing(known)
        if differing:
            raise InvalidArgumentError(f"gradtape.function: {differing}")

    def _differing(self, known: dict[Any, int]) -> str | None:
        """In words, the first two sizes that should agree and do not, as far as they are known."""
        for a, b in self.assumptions:
            x, y = value_of(a, known), value_of(b, known)
            if x != y and type(x) is not Size and type(y) is not Size:
                return (
                    f"the sizes {a!r} = {x} and {b!r} = {y} differ, but the graph was recorded for"
                    " equal ones."
                )
        return None

    def specs(self) -> list[Spec]:
        """Shape and dtype of the outputs."""
        return [Spec(v.shape, v.dtype) for v in self.outputs]


class AssumptionError(InvalidArgumentError):
    """Sizes that were taken to agree when a graph was recorded do not."""


def missing(op: Operation) -> InvalidArgumentError:
    """The error for an input that nobody hands over."""
    value = op.values[0]
    return InvalidArgumentError(
        f"You must feed a value for placeholder tensor {value.name!r} with dtype"
        f" {from_numpy(value.dtype).name} and shape {TensorShape(value.shape)}: write"
        " session.run(y, feed_dict={x: value})."
    )


def _small(value: Value) -> bool:
    size = 1
    for n in value.shape:
        if type(n) is not int:
            return False
        size *= n
    return size <= LARGEST_FOLDED
