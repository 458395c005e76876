"""`FunctionTracing`: the trace of a function or of a body, with what it closes over and what it
makes.

A tensor from around that has a value becomes a constant of the graph, unless somebody
differentiates with respect to it: then it is captured like a symbolic one. Whether a constant is
watched later, the trace is asked at each call (`closed`). A variable is made while the first call
is traced, with the value that its initial tensor has in that call; the numbers drawn for it are
drawn.
"""

from __future__ import annotations

from typing import Any

from gradtape.core import nest
from gradtape.core.convert import as_tensor
from gradtape.core.dtypes import differentiable
from gradtape.core.state import frame
from gradtape.core.variable import Variable
from gradtape.graph.callee import Callee, Replay
from gradtape.graph.graph import PLACEHOLDER, Graph, needed
from gradtape.graph.symbolic import SymbolicTensor, Value
from gradtape.graph.tracing import Tracing


class FunctionTracing(Tracing):
    """The trace of a function.

    Args:
        graph: where operations are written down.
        name: for errors.
        may_create: whether it may make variables: only the first trace may.

    Attributes:
        created: whether it made a variable.
        given: what the call that is traced passes for the inputs.
        actual: the variables that the call passes, by the ids of what stands for them.
        closed: the constants with a derivative, by their ids.
    """

    def __init__(self, graph: Graph, name: str, may_create: bool = False) -> None:
        super().__init__(graph)
        self.name = name
        self.may_create = may_create
        self.created = False
        self.given: dict[Value, Any] = {}
        self.actual: dict[int, Any] = {}
        self.closed: dict[int, Any] = {}

    def value(self, tensor: Any) -> Value:
        """What stands for a tensor in this graph."""
        if tensor.concrete and differentiable(tensor._dtype):
            if tensor._node is not None:
                return self.captured(tensor)
            mode: Any = self
            while mode is not None:
                if isinstance(mode, FunctionTracing):
                    mode.closed[id(tensor)] = tensor
                mode = mode.outside[2]
        return super().value(tensor)

    # variables that are made

    def initial(self, value: Any) -> Any:
        """The initial value of a variable that is made now."""
        if not self.may_create:
            raise ValueError(
                "tf.function only supports singleton tf.Variables created on the first call. Make"
                f" sure the tf.Variable is only created once or created outside tf.function: in"
                f" {self.name} write `if self.v is None: self.v = tf.Variable(...)`, or make it"
                " before the function."
            )
        self.created = True
        if any([isinstance(leaf, SymbolicTensor) for leaf in nest.flatten(value)]):
            value = self.evaluated(as_tensor(value, "Variable"))
        return super().initial(value)

    def evaluated(self, tensor: Any) -> Any:
        """The value that a tensor of this trace has in the call that is traced."""
        cells = [v for v in self.written.values() if not isinstance(v, Variable)]
        wanted = [tensor._value, *[self.current[id(c)]._value for c in cells]]
        self._start()
        missing = [
            op for op in needed(wanted, (), self.given)
            if op.primitive is PLACEHOLDER and op.values[0] not in self.given
        ]  # fmt: skip
        if missing:
            raise ValueError(
                f"gradtape.Variable: the initial value depends on {missing[0].name!r}, which has no"
                " value while get_concrete_function traces. Call the function once first, or make"
                " the variable outside."
            )
        callee = Callee(self, list(self.given), wanted)
        with frame((), (), self.outside[2]):
            found, *states = Replay(callee, list(self.given.values())).outputs()
            for cell, state in zip(cells, states, strict=True):  # what was drawn is drawn
                cell._change("assign", state)
        around = self.outside[2]
        while around is not None and not isinstance(around, FunctionTracing):
            around = around.outside[2]
        return found if around is None or found.concrete else around.evaluated(found)

    def _start(self) -> None:
        """Note the values that variables and captured tensors have when the function starts."""
        with frame((), (), self.outside[2]):
            for key, value in self.reads.items():
                if value not in self.given:
                    self.given[value] = self.actual.get(key, self.variables[key])._read()
        for tensor, value in self.captures.values():
            self.given.setdefault(value, tensor)

    def finish(self) -> None:
        """Forget what belongs to the call that was traced."""
        self.given.clear()
        self.actual.clear()
        self.outside = (), (), self.outside[2]
