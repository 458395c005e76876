"""`ConcreteFunction`: one trace of a function, with what it takes from around it."""

from __future__ import annotations


from collections.abc import Callable, Sequence
from typing import Any

from gradtape.core.convert import as_tensor, as_tensor_like
from gradtape.core.errors import brief
from gradtape.core.nest import optree
from gradtape.core.record import Node
from gradtape.core.shapes import TensorShape, TensorSpec
from gradtape.core.state import frame, here
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.graph.call import call
from gradtape.graph.callee import Callee
from gradtape.graph.graph import Graph, needed
from gradtape.graph.signature import INPUT, VARIABLE, Leaf, opened
from gradtape.graph.symbolic import SymbolicTensor
from gradtape.graph.tracing import Tracing, placeholder
from gradtape.ops.sparse import IndexedSlices


class FunctionTracing(Tracing):
    """The trace of a function, which may make variables the first time."""

    def __init__(self, graph: Graph, name: str, may_create: bool) -> None:
        super().__init__(graph)
        self.name = name
        self.may_create = may_create
        self.created = False

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
        return super().initial(value)


class ArgumentVariable(Variable):
    """What stands for a variable that is an argument while its function is traced."""

    def __init__(self, variable: Variable) -> None:
        self._declared = TensorShape(variable.shape)
        self._name = variable._name
        self._trainable = variable._trainable
        self.constraint = variable.constraint
        self.aggregation = variable.aggregation
        self.synchronization = variable.synchronization
        self._leaf = Node(variable._shape, variable._dtype)
        self._tensor = variable._tensor


def stand_in(variable: Variable) -> ArgumentVariable:
    """A stand-in that no creator hears of."""
    return type.__call__(ArgumentVariable, variable)


class Arguments:
    """What a trace is called with: inputs, stand-ins and Python values in their structure."""

    def __init__(self, graph: Graph, tree: Any, leaves: Sequence[Leaf], keys: Sequence[Any]) -> None:
        self.inputs: list[SymbolicTensor] = []
        self.paths: list[str] = []
        self.stand_ins: dict[int, ArgumentVariable] = {}  # by the number of the leaf
        given = []
        aliases: dict[int, ArgumentVariable] = {}
        for number, (leaf, key) in enumerate(zip(leaves, keys, strict=True)):
            value = leaf.value
            if leaf.kind == INPUT:
                label = getattr(value, "name", None) if isinstance(value, TensorSpec) else None
                value = placeholder(graph, opened(leaf_with(leaf, key)), label or _label(leaf.path))
                self.inputs.append(value)
                self.paths.append(leaf.path)
            elif leaf.kind == VARIABLE:
                made = aliases.get(id(value))
                if made is None:
                    made = aliases[id(value)] = stand_in(value)
                self.stand_ins[number] = made
                value = made
            given.append(value)
        self.args, self.kwargs = tree.unflatten(given)


def leaf_with(leaf: Leaf, key: Any) -> Leaf:
    """A leaf under another key."""
    return Leaf(leaf.kind, key, leaf.value, leaf.path)


def _label(path: str) -> str:
    return "".join([c if c.isalnum() or c == "_" else "_" for c in path]).strip("_")


class Result:
    """What a function returned, as flat tensors and how to put results in their place."""

    def __init__(self, returned: Any, name: str) -> None:
        self.tensors: list[Any] = []
        leaves, self.tree = optree.tree_flatten(returned, none_is_leaf=True)
        self.makers: list[Callable[[Any], Any]] = []
        for leaf in leaves:
            self.makers.append(self._taken(leaf, name))

    def _taken(self, leaf: Any, name: str) -> Callable[[Any], Any]:
        if leaf is None or isinstance(leaf, str):
            return lambda rest, value=leaf: value
        if isinstance(leaf, IndexedSlices):
            shape = leaf._shape
            self.tensors += [as_tensor(leaf.values), as_tensor(leaf.indices)]
            return lambda rest: IndexedSlices(next(rest), next(rest), shape)
        if hasattr(leaf, "as_output"):  # a TensorArray
            tensors, make = leaf.as_output()
            self.tensors += tensors
            return lambda rest: make([next(rest) for _ in tensors])
        try:
            self.tensors.append(as_tensor(leaf, name))
        except (TypeError, ValueError):
            raise TypeError(
                f"gradtape.function: {name} must return tensors, numbers, None, or lists, tuples"
                f" and dicts of them, not {brief(leaf)}. Return its tensors, or keep it outside."
            ) from None
        return next

    def packed(self, tensors: Sequence[Any]) -> Any:
        """Results in the structure that the function returned."""
        if len(self.makers) == 1 and self.makers[0] is next and self.tree == _LEAF:
            return tensors[0]
        rest = iter(tensors)
        return self.tree.unflatten([make(rest) for make in self.makers])


_LEAF: Any = None


def _leaf_tree() -> Any:
    global _LEAF
    if _LEAF is None:
        _LEAF = optree.tree_structure(0, none_is_leaf=True)
    return _LEAF


class ConcreteFunction:
    """A function recorded for one signature: a graph, and the variables and tensors it takes from
    around. `Function.get_concrete_function` makes one.

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
    parameter_names: Sequence[str] = ()

    def __init__(
        self, mode: Tracing, arguments: Arguments, returned: Any, name: str, compile: Any
    ) -> None:
        _leaf_tree()
        self.name = name
        self.graph = mode.graph
        self._arguments = arguments
        with frame((), (), mode):
            self._result = Result(returned, name)
            outputs = [mode.value(t) for t in self._result.tensors]
        # in the order of the reads: XLA gives a donated input to the first output of its shape
        written = [v for k, v in mode.variables.items() if k in mode.written]
        after = [mode.current[id(v)]._value for v in written]
        callee = Callee(mode, [], [*outputs, *after], name, compile, effects=True)
        used = {op for op in needed(callee.outputs, callee.roots)}
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
        self._plain = not self._captured and not self._reads and not written

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
        return self._result.packed(self.outputs)

    @property
    def structured_input_signature(self) -> tuple[Any, Any]:
        """The specs of the arguments, by position and by keyword."""
        return (
            optree.tree_map(_spec, self._arguments.args, none_is_leaf=True),
            optree.tree_map(_spec, self._arguments.kwargs, none_is_leaf=True),
        )

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
        args, kwargs = self.structured_input_signature
        lines = ["Input Parameters:"]
        for path, value in zip(self._names(), [*args, *kwargs.values()], strict=False):
            lines.append(f"  {path}: {value!r}")
        lines.append("Output Type:")
        lines.append(f"  {optree.tree_map(_spec, self.structured_outputs, none_is_leaf=True)!r}")
        lines.append("Captures:")
        captured = [f"  {brief(c)}" for c in self.captured_inputs]
        lines += captured or ["  None"]
        return "\n".join(lines)

    def _names(self) -> list[str]:
        names = self.parameter_names
        more = [f"argument {i}" for i in range(len(names), len(self._arguments.args))]
        return [*names, *more]

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{p}: {brief(t)}" for p, t in zip(self._arguments.paths, self._arguments.inputs)
        )
        return f"<ConcreteFunction {self.name}({shown}) at {id(self):#x}>"

    # running it

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it on tensors for its tensor arguments, by position or by name."""
        taken = list(args)
        for path in self._arguments.paths[len(args) :]:
            if path not in kwargs:
                raise TypeError(
                    f"{self!r} needs a tensor for {path!r}: it takes {self._arguments.paths}."
                )
            taken.append(kwargs.pop(path))
        if kwargs or len(taken) != len(self._arguments.inputs):
            raise TypeError(
                f"{self!r} takes {self._arguments.paths}; it got {len(args)} by position and"
                f" {sorted(kwargs)} that it does not know."
            )
        tensors = []
        for given, wanted in zip(taken, self._arguments.inputs, strict=True):
            tensor = as_tensor_like(given, wanted._dtype, self.name)
            if tensor._dtype != wanted._dtype or not wanted.shape.is_compatible_with(tensor.shape):
                raise TypeError(
                    f"{self!r}: the argument {brief(tensor)} does not fit {brief(wanted)}. Convert"
                    " or reshape it."
                )
            tensors.append(tensor)
        return self.run(tensors, ())

    def run(self, tensors: list[Any], leaves: Sequence[Leaf]) -> Any:
        """Run it on the tensors of a call; `leaves` tell which variables are arguments."""
        if self._plain and not here.tapes:
            return self._result.packed(call(self.callee, tensors))
        actual = {n: leaves[n].value for n in self._own.values()} if self._own else {}
        for variable in self._watched:
            self._actual(variable, actual)._read()
        for tensor, _ in self._captured:
            tensors.append(tensor)
        for variable in self._reads:
            tensors.append(self._actual(variable, actual)._read())
        found = call(self.callee, tensors)
        del tensors
        if self._written:
            for variable, tensor in zip(self._written, found[self._count :], strict=True):
                put(self._actual(variable, actual), tensor)
            found = found[: self._count]
        return self._result.packed(found)

    def _actual(self, variable: Any, actual: dict[int, Any]) -> Any:
        number = self._own.get(id(variable)) if self._own else None
        return variable if number is None else actual[number]


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


def recorded(
    function: Callable[..., Any],
    name: str,
    tree: Any,
    leaves: Sequence[Leaf],
    keys: Sequence[Any],
    may_create: bool,
    compile: Any,
) -> tuple[ConcreteFunction, FunctionTracing]:
    """Trace a Python function for the leaves of a call under these keys."""
    graph = Graph()
    mode = FunctionTracing(graph, name, may_create)
    arguments = Arguments(graph, tree, leaves, keys)
    with frame((), (), mode):
        returned = function(*arguments.args, **arguments.kwargs)
    return ConcreteFunction(mode, arguments, returned, name, compile), mode


