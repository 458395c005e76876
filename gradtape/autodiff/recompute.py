"""`recompute_grad`: keep nothing of a function's inside, run it again for its derivative.

The first run is not recorded, so its intermediate values are freed as it goes. The record of the
call (see `custom_call`) holds the arguments; its rule runs the function again under a recording of
its own and walks back at once. That second run is seen by outer tapes as any other, so higher
orders work, and forward mode is a second run under an accumulator. It draws the same random numbers
and reads variables with the values that they had, even if they were assigned in between. In a graph
the second run works on its arguments behind a `barrier`: else the graph or a compiler would find
that the work was done already and keep its results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

from gradtape.autodiff.barrier import barrier
from gradtape.autodiff.custom_call import (
    bound,
    call_with_gradient,
    closed_over,
    others,
    signature_of,
    variables_read,
)
from gradtape.autodiff.forward import ForwardAccumulator
from gradtape.autodiff.walk import walk
from gradtape.core import nest
from gradtape.core.convert import as_tensor
from gradtape.core.dtypes import differentiable
from gradtape.core.nothing import Nothing
from gradtape.core.record import Node, Recording
from gradtape.core.state import frame, here
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.ops.random_keys import program_state, replaying
from gradtape.ops.static import callable_or_raise


def recompute_grad(f: Callable[..., Any]) -> Callable[..., Any]:
    """Trade time for memory: run a function again for its derivative instead of keeping its inside.

    Args:
        f: a function of tensors, or structures of them, that gives the same values each time
            (draws of `tf.random` are repeated). It may read variables, and tensors that it takes
            from the function around it.

    Returns:
        The function, with f as `__wrapped__`.

    Example:
        >>> import gradtape as tf
        >>> x = tf.Variable(2.0)
        >>> with tf.GradientTape() as tape:
        ...     y = tf.recompute_grad(lambda x: x * x * x)(x)
        >>> float(tape.gradient(y, x))
        12.0
    """
    signature = signature_of(callable_or_raise(f, "recompute_grad", "f"))
    name = getattr(f, "__name__", type(f).__name__)

    @wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        before = _State()
        with frame((), (), here.mode), variables_read() as noted:
            result = f(*args, **kwargs)
        inputs, _ = bound(signature, args, kwargs)
        around = [t for t in closed_over(f) if differentiable(t._dtype)]
        inputs += [as_tensor(t) for t in around if all(t is not i for i in inputs)]
        variables = others(noted, inputs)
        before.hold([*variables, *nest.flatten((args, kwargs))])
        again = _Again(f, args, kwargs, inputs, variables, before)
        outs = [as_tensor(v, name) for v in nest.flatten(result)]
        inputs = [*inputs, *[as_tensor(v) for v in variables]]
        results = call_with_gradient(name, inputs, outs, again.pull, again.push)
        return nest.pack_sequence_as(result, results)

    return wrapped


class _State:
    """What a run draws and reads besides its arguments, as it was before the run."""

    def __init__(self) -> None:
        self.draws = program_state()
        self.snapshot = None if here.mode is None else here.mode.snapshot()
        self.values: list[tuple[Variable, Tensor]] = []

    def hold(self, candidates: list[Any]) -> None:
        """Hold the values of the variables among these."""
        if self.snapshot is None:
            self.values = [(v, v._tensor) for v in candidates if isinstance(v, Variable)]

    @contextmanager
    def again(self) -> Iterator[None]:
        """A block in which everything is as it was."""
        if self.snapshot is not None:
            with here.mode.at(self.snapshot):
                yield
        else:
            with _restored(self.values), replaying(self.draws):
                yield


class _Again:
    """The second run of a function, with what it was given, read and drew the first time."""

    def __init__(
        self,
        f: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        inputs: list[Tensor],
        variables: list[Variable],
        before: _State,
    ) -> None:
        self.f = f
        self.arguments = args, kwargs
        self.inputs = inputs
        self.variables = variables
        self.before = before
        self.leaves = [v._leaf for v in variables]

    def outputs(self, after: Sequence[Any] = ()) -> list[Any]:
        """Run the function and return its results as a list; in a graph, after other tensors."""
        args, kwargs = self.arguments
        if after and here.mode is not None and here.mode.symbolic:
            args, kwargs = _behind(self.arguments, after)
        with self.before.again():
            return [as_tensor(v) for v in nest.flatten(self.f(*args, **kwargs))]

    def pull(self, cts: list[Any]) -> list[Any]:
        """The cotangents of the inputs, then of the variables."""
        for tensor in self.inputs:
            if tensor._node is None and here.mode is not None:  # in a batch, nodes are outside
                tensor._node = Node(tensor._shape, tensor._dtype)
        nodes = [*[t._node for t in self.inputs], *self.leaves]
        recording = Recording(automatic=False)
        recording.watched = {n: None for n in nodes if n is not None}
        before = here.tapes
        here.set_tapes((*before, recording))
        try:
            outs = self.outputs(cts)
        finally:
            here.set_tapes(before)
        pairs = [(o._node, ct) for o, ct in zip(outs, cts, strict=True) if differentiable(o._dtype)]
        found = walk(pairs, nodes, recording, consume=True)
        return [None if isinstance(f, Nothing) else f for f in found]

    def push(self, tangents: Sequence[Any]) -> list[Any]:
        """The tangents of the outputs."""
        primals = [*self.inputs, *self.variables]
        moved = {id(p): (p, t) for p, t in zip(primals, tangents, strict=True) if t is not None}
        accumulator = ForwardAccumulator(
            [p for p, _ in moved.values()], [t for _, t in moved.values()]
        )
        with accumulator:
            outs = self.outputs()
        return accumulator.jvp(outs)


def _behind(arguments: Any, after: Sequence[Any]) -> Any:
    """Arguments with new tensors in the place of tensors."""
    leaves = nest.flatten(arguments)
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
    if places:
        moved = barrier([leaves[i] for i in places], after)
        for i, tensor in zip(places, moved, strict=True):
            leaves[i] = tensor
    return nest.pack_sequence_as(arguments, leaves)


@contextmanager
def _restored(values: list[tuple[Variable, Tensor]]) -> Iterator[None]:
    """Give variables that were assigned since the value that they had, within the block."""
    changed = [(v, t, v._tensor) for v, t in values if v._tensor is not t]
    for variable, then, _ in changed:
        variable._tensor = then
    try:
        yield
    finally:
        for variable, _, now in changed:
            variable._tensor = now
