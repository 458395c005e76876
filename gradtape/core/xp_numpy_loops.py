"""The verb of recurrences on NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.xp_numpy import verb


@verb
def recurrence(step: Callable[[Any, Any], Any], first: Any, inputs: tuple[Any, ...]) -> Any:
    """The states after each row of the inputs: state = step(state, rows), stacked; `first` is not
    among them.
    """
    count = inputs[0].shape[0]
    out = np.empty((count, *first.shape), first.dtype)
    state = first
    for i in range(count):
        out[i] = state = step(state, tuple([x[i] for x in inputs]))
    return out
