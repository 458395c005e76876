"""`Arguments`: what a function is traced with, and how a call of the trace is fitted to it.

Tensors become inputs of the graph; a variable is represented by a stand-in, so that another
variable of its kind may come at the next call; other Python values belong to the trace. Objects are
not kept alive by it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from gradtape.core.convert import as_tensor_like
from gradtape.core.errors import brief
from gradtape.core.record import Node
from gradtape.core.shapes import Spec, TensorShape, TensorSpec
from gradtape.core.variable import Variable
from gradtape.graph.function_tracing import FunctionTracing
from gradtape.graph.signature import INPUT, STATIC, VARIABLE, Leaf, Parameters, flattened, opened
from gradtape.graph.symbolic import SymbolicTensor
from gradtape.graph.tracing import placeholder


class ArgumentVariable(Variable):
    """What stands for a variable that is an argument while its function is traced."""

    stands_in = True  # it has no value outside of the trace

    def __init__(self, variable: Variable) -> None:
        self._declared = TensorShape(variable.shape)
        self._name = variable._name
        self._trainable = variable._trainable
        self.constraint = variable.constraint
        self.aggregation = variable.aggregation
        self.synchronization = variable.synchronization
        self._leaf = Node(variable._shape, variable._dtype)
        self._tensor = Spec(variable._shape, variable._dtype)

    def __repr__(self) -> str:
        return (
            f"<tf.Variable {self.name!r} shape={self.shape} dtype={self.dtype.name}, an argument>"
        )


def stand_in(variable: Variable) -> ArgumentVariable:
    """A stand-in that no creator hears of."""
    return type.__call__(ArgumentVariable, variable)


class Arguments:
    """The arguments of one trace.

    Args:
        mode: the trace.
        parameters: the parameters of the Python function.
        tree, leaves: the call, flattened.
        keys: the keys under which the leaves are traced.
        themselves: the numbers of the leaves that are variables and need no stand-in.

    Attributes:
        inputs: the inputs of the graph.
        paths: their names as parts of the arguments.
        stand_ins: what stands for variables, by the number of the leaf.
    """

    def __init__(
        self,
        mode: FunctionTracing,
        parameters: Parameters,
        tree: Any,
        leaves: Sequence[Leaf],
        keys: Sequence[Any],
        themselves: Collection[int] = (),
    ) -> None:
        self.inputs: list[SymbolicTensor] = []
        self.paths: list[str] = []
        self.stand_ins: dict[int, ArgumentVariable] = {}
        self._parameters = parameters
        self._tree = tree
        self._shown = [leaf.shown() for leaf in leaves]
        self._leaves: list[Leaf] = []
        self._values: list[Any] = []
        aliases: dict[int, ArgumentVariable] = {}
        for number, (leaf, key) in enumerate(zip(leaves, keys, strict=True)):
            value: Any = leaf.value
            if leaf.kind == INPUT:
                value = self._input(mode, leaf, key)
            elif leaf.kind == VARIABLE and number not in themselves:
                made = aliases.get(id(value))
                if made is None:
                    made = aliases[id(value)] = stand_in(value)
                    mode.actual[id(made)] = value
                self.stand_ins[number] = value = made
            self._values.append(value)
            self._leaves.append(Leaf(leaf.kind, key, None, leaf.path))

    def _input(self, mode: FunctionTracing, leaf: Leaf, key: Any) -> SymbolicTensor:
        label = leaf.value.name if isinstance(leaf.value, TensorSpec) else None
        tensor = placeholder(mode.graph, opened(key), label or _label(leaf.path))
        if not isinstance(leaf.value, TensorSpec):
            mode.given[tensor._value] = leaf.value
        self.inputs.append(tensor)
        self.paths.append(leaf.path)
        return tensor

    def taken(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What the Python function is called with; they are given once, and then forgotten."""
        values, self._values = self._values, []
        return self._tree.unflatten(values)

    def of(self, tensors: Sequence[Any]) -> list[Leaf]:
        """The leaves of a call with these tensors, where there are no variables."""
        rest = iter(tensors)
        return [
            Leaf(leaf.kind, leaf.key, next(rest) if leaf.kind == INPUT else shown(), leaf.path)
            for leaf, shown in zip(self._leaves, self._shown, strict=True)
        ]

    # what it is

    def signature(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments by position and by keyword: specs for tensors and variables."""
        tensors = iter(self.inputs)
        shown = []
        for leaf, value in zip(self._leaves, self._shown, strict=True):
            if leaf.kind == INPUT:
                tensor = next(tensors)
                value = TensorSpec(tensor.shape, tensor.dtype, tensor.op.label)
            elif leaf.kind == VARIABLE:
                _, dtype, shape, *_ = leaf.key
                value = TensorSpec(shape, dtype, _label(leaf.path))
            else:
                value = value()
            shown.append(value)
        return self._tree.unflatten(shown)

    def named(self) -> list[tuple[str, Any]]:
        """The arguments with the names of their parameters."""
        args, kwargs = self.signature()
        names = [*self._parameters.names[: len(args)]]
        names += [f"argument {i}" for i in range(len(names), len(args))]
        return [*zip(names, args, strict=True), *kwargs.items()]

    # calls

    def fitted(self, args: tuple[Any, ...], kwargs: dict[str, Any], name: str) -> list[Leaf]:
        """The leaves of a call of the trace: its arguments as the function takes them, of which
        Python values may be left out, or the tensors alone, by position or by name.

        Raises:
            TypeError: when the call does not fit.
        """
        try:
            leaves = self._structured(args, kwargs)
        except TypeError as error:
            leaves = self._flat(args, kwargs)
            if leaves is None:
                raise TypeError(
                    f"{name} was recorded for {self._wanted()}; it got {_listed(args, kwargs)}."
                    f" {error}"
                ) from None
        for number, (leaf, wanted) in enumerate(zip(leaves, self._leaves, strict=True)):
            self._check(leaf, wanted, self._shown[number], name)
        return leaves

    def _structured(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Leaf]:
        """The leaves of a call in the structure of the Python function's arguments."""
        signature = self._parameters.signature
        bound = signature.bind_partial(*args, **kwargs)
        for parameter, left_out in self._by_parameter(signature).items():
            if parameter not in bound.arguments and callable(left_out):
                bound.arguments[parameter] = left_out()
        tree, leaves = flattened((bound.args, bound.kwargs), self._parameters)
        if tree != self._tree:
            raise TypeError("The arguments are structured in another way.")
        return leaves

    def _by_parameter(self, signature: Any) -> dict[str, Any]:
        """For each parameter what gives the value that it was recorded with; for *args and **kwargs
        a structure of such."""
        positional, keyword = self._tree.children()
        parts: list[Callable[[], Any]] = []
        first = 0
        for tree in [*positional.children(), *keyword.children()]:
            parts.append(partial(self._left_out, tree, first))
            first += tree.num_leaves
        count = positional.num_children
        named = dict(zip(keyword.entries(), parts[count:], strict=True))
        return dict(signature.bind(*parts[:count], **named).arguments)

    def _left_out(self, tree: Any, first: int) -> Any:
        """The value of an argument that a call leaves out: it must consist of Python values."""
        numbers = range(first, first + tree.num_leaves)
        for n in numbers:
            if self._leaves[n].kind != STATIC:
                raise TypeError(f"There is no value for {self._leaves[n].path!r}.")
        return tree.unflatten([self._shown[n]() for n in numbers])

    def _flat(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Leaf] | None:
        """The leaves of a call by tensors alone; None when it is no such call."""
        taken = list(args)
        for path, tensor in list(zip(self.paths, self.inputs, strict=True))[len(args) :]:
            name = path if path in kwargs else tensor.op.label
            if name not in kwargs:
                return None
            taken.append(kwargs[name])
        if len(taken) != len(self.inputs) or len(kwargs) != len(taken) - len(args):
            return None
        if len(self.stand_ins) or any([isinstance(t, dict) for t in taken]):
            return None
        return self.of(taken)

    def _check(self, leaf: Leaf, wanted: Leaf, shown: Any, name: str) -> None:
        """Make an argument a tensor that fits; raise where it differs from what was traced."""
        if wanted.kind == INPUT:
            dtype, shape = wanted.key
            tensor = as_tensor_like(leaf.value, dtype, name)
            if tensor._dtype != dtype or not TensorShape(shape).is_compatible_with(tensor.shape):
                spec = TensorSpec(shape, dtype)
                raise TypeError(
                    f"{name}: the argument {wanted.path!r} is {brief(tensor)}, but it was recorded"
                    f" for {spec}. Convert or reshape it."
                )
            leaf.kind, leaf.value = INPUT, tensor
        elif leaf.key != wanted.key:
            what = shown() if wanted.kind == STATIC else "another kind of variable"
            raise TypeError(
                f"{name} was recorded with {what!r} for {wanted.path!r}, but was called with"
                f" {leaf.value!r}. Call the function itself, which records anew."
            )

    def _wanted(self) -> str:
        return ", ".join(f"{name}: {value!r}" for name, value in self.named()) or "no arguments"


def _listed(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    given = [*map(brief, args), *[f"{k}={brief(v)}" for k, v in kwargs.items()]]
    return ", ".join(given) or "none"


def _label(path: str) -> str:
    return "".join([c if c.isalnum() or c == "_" else "_" for c in path]).strip("_")
