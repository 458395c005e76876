"""The verb of recurrences on XLA."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from gradtape.graph.xp_jax_base import verb


@verb
def recurrence(step: Callable[[Any, Any], Any], first: Any, inputs: tuple[Any, ...]) -> Any:
    """The states after each row of the inputs: state = step(state, rows), stacked; `first` is not
    among them.
    """

    def body(state: Any, rows: Any) -> Any:
        state = step(state, rows)
        return state, state

    return jax.lax.scan(body, first, inputs)[1]
