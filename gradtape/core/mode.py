"""`Mode`: who runs the operations when it is not NumPy at once.

Batching, writing down a rule and recording a graph are modes. A mode gets every operation
(`apply`), every reading and writing of a variable, and every question of the surroundings that has
another answer in it. This base answers as eager execution does."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any


class Mode:
    """What a mode may answer in its own way."""

    # whether values come later: Python asks for no tensor's value while such a mode is active
    symbolic = False
    # the tapes, observers and mode around it
    outside: tuple[Any, Any, Any] = ((), (), None)
    # the graph that operations are written down in, None where they run
    graph: Any = None
    # whether sessions run that graph, and not a call
    by_session = False

    def apply(self, primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Run an operation on tensors."""
        raise NotImplementedError

    def recorded(self, out: Any) -> None:
        """Take note that a tape put an operation's result on a record."""

    def stepped(self, record: Any) -> None:
        """Take note that the rules of a record ran; None when a walk begins."""

    def read(self, variable: Any) -> Any:
        """The present value of a variable, a tensor on the variable's node."""
        return variable._tensor

    def update(self, variable: Any, how: str, *values: Any) -> Any:
        """Change a variable by its method `how` ("assign", "assign_add", "scatter_sub", ...)."""
        return variable._updated(how, *values)

    def snapshot(self) -> Any:
        """What variables hold now, for `at`; None where operations run at once."""
        around = self.outside[2]
        return None if around is None else around.snapshot()

    def at(self, snapshot: Any) -> AbstractContextManager[None]:
        """A block in which variables hold what they held at a snapshot, and after which they hold
        what they held before it."""
        around = self.outside[2]
        return nullcontext() if around is None else around.at(snapshot)

    def assume(self, a: Any, b: Any) -> None:
        """Take for granted that two sizes agree."""
        around = self.outside[2]
        if around is not None:
            around.assume(a, b)

    def hold(self, tensor: Any) -> None:
        """Expect that a tensor from around is asked for later, by a rule that was given now."""
        around = self.outside[2]
        if around is not None:
            around.hold(tensor)

    def initial(self, value: Any) -> Any:
        """The initial value of a variable that is made now."""
        if callable(value) and not hasattr(value, "__tf_tensor__"):
            return value()
        return value

    def variable(self, kind: Any, initial_value: Any, **options: Any) -> Any:
        """Make a variable of a kind."""
        return type.__call__(kind, initial_value, **options)

    def put(self, variable: Any, tensor: Any) -> None:
        """Give a variable the value that an operation which ran just now left for it."""
        variable._change("assign", tensor)

    def constant(self, tensor: Any, name: str | None = None) -> Any:
        """A tensor that the program made of numbers."""
        return tensor

    def group(self, inputs: tuple[Any, ...], name: str | None) -> Any:
        """An operation that runs others, where operations wait for somebody to run them."""
        return None

    def effect(self) -> Any:
        """The effect that was written down last, as an operation that a session can run; None where
        effects are done in the order of the program."""
        return None
