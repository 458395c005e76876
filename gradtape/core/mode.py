"""`Mode`: who runs the operations when it is not NumPy at once.

Batching, writing down a rule and recording a graph are modes. A mode gets every operation
(`apply`), every reading and writing of a variable, and every question of the surroundings that has
another answer in it. This base answers as eager execution does."""

from __future__ import annotations

from typing import Any


class Mode:
    """What a mode may answer in its own way."""

    # whether values come later: Python asks for no tensor's value while such a mode is active
    symbolic = False

    def apply(self, primitive: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Run an operation on tensors."""
        raise NotImplementedError

    def read(self, variable: Any) -> Any:
        """The present value of a variable, a tensor on the variable's node."""
        return variable._tensor

    def update(self, variable: Any, how: str, *values: Any) -> Any:
        """Change a variable by its method `how` ("assign", "assign_add", "scatter_sub", ...)."""
        return variable._updated(how, *values)

    def initial(self, value: Any) -> Any:
        """The initial value of a variable that is made now."""
        if callable(value) and not hasattr(value, "__tf_tensor__"):
            return value()
        return value
