"""The ground of the compiled namespace: `jax.numpy` under NumPy's names, to which topics add their
verbs.

It has the same names as `core.xp_numpy.xp`; a kernel cannot tell them apart but by speed.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

xp: Any = SimpleNamespace(**{name: getattr(jnp, name) for name in np.__all__ if hasattr(jnp, name)})
xp.name = "jax"
xp.special = jax.scipy.special
xp.scipy_linalg = jax.scipy.linalg
xp.lax = jax.lax


verbs = SimpleNamespace()  # what we added, or put in the place of a function of the library


def verb(function: Any) -> Any:
    """Add a function to the namespace under its own name; each name once."""
    if hasattr(verbs, function.__name__):
        raise ValueError(f"There is a verb {function.__name__!r} already: choose another name.")
    setattr(verbs, function.__name__, function)
    setattr(xp, function.__name__, function)
    return function


def on_cpu() -> bool:
    """Whether what is traced now is compiled for a CPU, for which some verbs are lowered by us."""
    chosen = jax.config.jax_default_device  # pyright: ignore[reportAttributeAccessIssue]
    if chosen is None:
        return jax.default_backend() == "cpu"
    return getattr(chosen, "platform", chosen) == "cpu"


@verb
def at_set(array: Any, index: Any, value: Any) -> Any:
    """A copy of the array with `array[index] = value`."""
    return jnp.asarray(array).at[index].set(value)
