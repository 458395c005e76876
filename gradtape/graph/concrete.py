"""`ConcreteFunction`: one trace of a function, with what it takes from around it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NoReturn

from gradtape.core.errors import brief
from gradtape.core.nest import optree
from gradtape.core.shapes import TensorSpec
from gradtape.core.state import frame, here
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.graph.arguments import Arguments
from gradtape.graph.call import call
from gradtape.graph.callee import Callee
from gradtape.graph.function_tracing import FunctionTracing
from gradtape.graph.graph import needed
from gradtape.graph.results import Result
from gradtape.graph.signature import INPUT, Leaf
from gradtape.graph.symbolic import SymbolicTensor

Again = Callable[[Sequence[Leaf], Collection[int]], "ConcreteFunction"]


class ConcreteFunction:
    """A function recorded for one signature: a graph, and the variables and tensors it takes from
    around. `Function.get_concrete_function` makes one.

    It is called as the function is, or with its tensors alone, by position or by name.

    Example:
        >>> import gradtape as tf
        >>> @tf.function
        ... def square(x):
        ...     return x * x
        >>> f = square.get_concrete_function(tf.TensorSpec([], tf.float32))
        >>> float(f(tf.constant(3.0)))
        9.0
    """

    inside: Any = None  # the trace whose tensors it holds, if there is one
    again: Again | None = None  # records the function again, for the leaves of a call

    def __init__(
        self, mode: FunctionTracing, arguments: Arguments, returned: Any, name: str, compile: Any
    ) -> None:
        self.name = name
        self.graph = mode.graph
        self._arguments = arguments
        with frame((), (), mode):
            self.result = Result(returned, name)
            outputs = [mode.value(t) for t in self.result.tensors]
        # in the order of the reads: XLA gives a donated input to the first output of its shape
        written = [v for k, v in mode.variables.items() if k in mode.written]
        after = [mode.current[id(v)]._value for v in written]
        callee = Callee(mode, [], [*outputs, *after], name, compile, effects=True)
        used = set(needed(callee.outputs, callee.roots))
        self._captured = [(t, v) for t, v in mode.captures.values() if v.op in used]
        reads = [
            (mode.variables[id(op.params["variable"])], op.values[0])
            for op in mode.graph.operations
            if op in used and op.primitive.name == "ReadVariable"
        ]
        self._reads = [v for v, _ in reads]
        self._written = written
        callee.inputs = tuple(
            [t._value for t in arguments.inputs]
            + [v for _, v in self._captured]
            + [v for _, v in reads]
        )
        if not callee.roots:
            first = len(callee.inputs) - len(reads)
            changed = {id(v) for v in written}
            callee.donated = tuple(
                [first + i for i, v in enumerate(self._reads) if id(v) in changed]
            )
        self.callee = callee
        self._count = len(outputs)
        self._watched = [v for v in mode.variables.values() if v._trainable]
        self._own = {id(v): n for n, v in arguments.stand_ins.items()}
        self._around = {id(v) for v in [*self._reads, *written]} if self._own else set()
        self._closed = list(mode.closed.values())
        self._others: dict[Any, ConcreteFunction] = {}
        self.plain = not self._captured and not self._reads and not written

    # what it is

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The inputs of the graph: arguments, captured tensors, variables."""
        return [SymbolicTensor(v) for v in self.callee.inputs]

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The outputs of the graph that are returned."""
        return [SymbolicTensor(v) for v in self.callee.outputs[: self._count]]

    @property
    def structured_outputs(self) -> Any:
        """The symbolic tensors that are returned, in their structure."""
        return self.result.packed(self.outputs)

    @property
    def structured_input_signature(self) -> tuple[Any, Any]:
        """The arguments, by position and by keyword, with specs in place of tensors."""
        return self._arguments.signature()

    @property
    def captured_inputs(self) -> list[Any]:
        """The tensors and variables that it takes from around."""
        return [t for t, _ in self._captured] + self._reads

    @property
    def variables(self) -> tuple[Any, ...]:
        """The variables that it reads or changes."""
        both = {id(v): v for v in [*self._reads, *self._written]}
        return tuple([v for v in both.values() if isinstance(v, Variable)])

    @property
    def trainable_variables(self) -> tuple[Any, ...]:
        """The trainable ones among `variables`."""
        return tuple([v for v in self.variables if v._trainable])

    def pretty_printed_signature(self, verbose: bool = True) -> str:
        """The signature as text."""
        lines = ["Input Parameters:"]
        lines += [f"  {name}: {value!r}" for name, value in self._arguments.named()]
        lines.append("Output Type:")
        lines.append(f"  {optree.tree_map(_spec, self.structured_outputs, none_is_leaf=True)!r}")
        lines.append("Captures:")
        lines += [f"  {brief(c)}" for c in self.captured_inputs] or ["  None"]
        return "\n".join(lines)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"{self!r} holds a graph, which cannot be copied or pickled. Copy the variables, and"
            " record the function again."
        )

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{p}: {brief(t)}" for p, t in zip(self._arguments.paths, self._arguments.inputs)
        )
        return f"<ConcreteFunction {self.name}({shown}) at {id(self):#x}>"

    # running it

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it; Python values that it was recorded with may be left out.

        Raises:
            TypeError: when the arguments do not fit.
        """
        leaves = self._arguments.fitted(args, kwargs, repr(self))
        return self.run([leaf.value for leaf in leaves if leaf.kind == INPUT], leaves)

    def run(self, tensors: list[Any], leaves: Sequence[Leaf]) -> Any:
        """Run it on the tensors of a call; `leaves` tell which variables are arguments."""
        if self.plain and not (here.tapes or here.special):
            return self.result.packed(self.callee.runner(tensors))  # what `call` would do
        other = self._other(tensors, leaves)
        if other is not None:
            return other.run(tensors, leaves)
        actual = {n: leaves[n].value for n in self._own.values()} if self._own else {}
        for variable in self._watched:
            self._actual(variable, actual)._read()
        for tensor, _ in self._captured:
            tensors.append(tensor)
        reads = [self._actual(v, actual) for v in self._reads] if actual else self._reads
        tensors += [v._read() for v in reads]
        found = call(self.callee, tensors)
        del tensors
        if self._written:
            written = [self._actual(v, actual) for v in self._written] if actual else self._written
            give = put if here.mode or here.observers else _take
            for variable, tensor in zip(written, found[self._count :], strict=True):
                give(variable, tensor)
            found = found[: self._count]
        return self.result.packed(found)

    def _actual(self, variable: Any, actual: dict[int, Any]) -> Any:
        number = self._own.get(id(variable)) if self._own else None
        return variable if number is None else actual[number]

    def _other(self, tensors: list[Any], leaves: Sequence[Leaf]) -> ConcreteFunction | None:
        """The trace to run instead, where this one does not hold: a constant of it is watched now,
        or a variable is an argument that the function also takes from around."""
        around = self._around
        both = tuple([n for n in self._own.values() if id(leaves[n].value) in around])
        watched = False
        if self._closed and (here.tapes or here.observers):
            watched = any([t._node is not None for t in self._closed])
        if not (both or watched) or self.again is None:
            return None
        key = tuple([id(leaves[n].value) for n in both]), watched
        if key not in self._others:
            self._others[key] = self.again(leaves or self._arguments.of(tensors), both)
        return self._others[key]


def _take(variable: Any, tensor: Any) -> None:
    """Give a variable a value that nobody else holds."""
    fits = isinstance(variable, Variable) and tensor._shape == variable._leaf.shape
    if fits and tensor._node is None:
        tensor._node = variable._leaf
        variable._tensor = tensor
    else:
        variable._put(tensor)


def put(variable: Any, tensor: Any) -> None:
    """Give a variable a value in the active mode."""
    if here.mode is None:
        variable._put(tensor)
    else:
        here.mode.put(variable, tensor)


def _spec(value: Any) -> Any:
    if isinstance(value, Tensor):
        return TensorSpec(value.shape, value.dtype, getattr(value, "name", None) and value.op.label)
    return value
