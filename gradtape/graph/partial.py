"""`PartialRun`: a run in pieces, each of which feeds more and fetches what it then can."""

from __future__ import annotations

from typing import Any

from gradtape.core.dispatch import FAILURES, explained
from gradtape.core.errors import InvalidArgumentError
from gradtape.core.sizes import bind, closed
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import restore, silence, xp
from gradtape.graph.fetching import Feeds, Fetches
from gradtape.graph.graph import (
    CONSTANT,
    GRADIENTS,
    INITIALIZED,
    IS_INITIALIZED,
    NOTHING,
    PLACEHOLDER,
    VARIABLE,
    Operation,
)
from gradtape.graph.plan import reached
from gradtape.graph.program import missing
from gradtape.graph.symbolic import Value
from gradtape.graph.tracing import ASSIGN


class PartialRun:
    """What was fed and computed so far in a run, and what may still come.

    Args:
        mode: what filled the graph.
        announced: everything that will be fetched.
        feeds: the tensors that will be fed.
    """

    def __init__(self, mode: Any, announced: Fetches, feeds: list[Any]) -> None:
        self._mode = mode
        self._values = set(announced.values)
        self._operations = set(announced.operations)
        self._feeds = {mode.graph.as_graph_element(f)._value for f in feeds}
        self._arrays: dict[Value, Any] = {}
        self._done: set[Operation] = set()
        self._sizes: dict[Any, int] = {}

    def run(self, session: Any, wanted: Fetches, feeds: Feeds) -> list[Any]:
        """Feed, compute what is missing, and return the arrays of the fetched values."""
        if not (self._values.issuperset(wanted.values) and
                self._operations.issuperset(wanted.operations)):  # fmt: skip
            raise InvalidArgumentError(
                "Session.partial_run: a fetch was not announced: pass it to partial_run_setup."
            )
        for value, array in feeds.arrays.items():
            if value not in self._feeds or value in self._arrays:
                raise InvalidArgumentError(
                    f"Session.partial_run: {value.name!r} was fed already, or not announced: pass"
                    " it to partial_run_setup, and feed it once."
                )
            self._arrays[value] = array
            bind(value.shape, array.shape, self._sizes)
        for op in reached(
            self._mode, wanted.values, wanted.operations, self._arrays, session.holds
        ):
            if op not in self._done:
                self._done.add(op)
                self._arrays.update(zip(op.values, self._results(op, session), strict=True))
        return [Tensor(self._arrays[v]).numpy() for v in wanted.values]

    def _results(self, op: Operation, session: Any) -> Any:
        kind, variable = op.primitive, op.params.get("variable")
        if kind is NOTHING:
            return ()
        if kind is PLACEHOLDER:
            self._done.discard(op)
            raise missing(op)
        if kind is GRADIENTS:
            raise InvalidArgumentError(
                "Session.partial_run: gradients of a placeholder without a shape need one run. Give"
                " the placeholder a shape."
            )
        if kind is CONSTANT:
            return (op.params["value"]._array,)
        if kind is VARIABLE or (kind is INITIALIZED and session.holds(variable)):
            return (session.value_of(variable)._array,)
        if kind is IS_INITIALIZED:
            return (session.holds(variable),)
        given = [self._arrays[v] for v in op.takes]
        if kind is ASSIGN:
            session.put(variable, Tensor(given[0]))
        if kind in (ASSIGN, INITIALIZED):
            return given
        return self._computed(op, given)

    def _computed(self, op: Operation, given: list[Any]) -> Any:
        token = silence()
        try:
            found = op.primitive.kernel(xp, *given, **closed(op.params, self._sizes))
        except FAILURES as error:
            shown = [Tensor(a) for a in given]
            raise explained(error, op.primitive.name, shown, op.params) from error
        finally:
            restore(token)
        results = found if op.primitive.several else (found,)
        for value, array in zip(op.values, results, strict=True) if op.host else ():
            bind(value.shape, array.shape, self._sizes)
        return results
