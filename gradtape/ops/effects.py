"""Python functions that are called for what they do, in the order of the program: printing and
checking values.

Eagerly they are called at once. While a function is recorded they become operations with an effect;
in a batch they are called once for each example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradtape.core.xp_numpy_effects  # noqa: F401  the verb on_host
from gradtape.core.dispatch import apply
from gradtape.core.primitive import primitive
from gradtape.core.state import here
from gradtape.core.surroundings import control_dependencies, no_op
from gradtape.ops.host import known_values
from gradtape.ops.shaping import identity

Effect = Callable[..., None]


def _batch(mask: Any, *inputs: Any, function: Effect) -> Any:
    def for_each(*arrays: Any) -> None:
        size = next(len(a) for a, b in zip(arrays, mask, strict=True) if b)
        for i in range(size):
            function(*[a[i] if b else a for a, b in zip(arrays, mask, strict=True)])

    return apply(_on_host, inputs, {"function": for_each})


_on_host = primitive(
    "on_host",
    lambda xp, *arrays, function: xp.on_host(function, arrays) or (),
    batch=_batch,
    shape=lambda *specs, function: (),
    several=True,
    effect=True,
    differentiable=False,
    fallible=True,
    family="effect",
)


def on_host(function: Effect, tensors: Sequence[Any]) -> Any:
    """Call a function with the values of tensors, when it is its turn in the program.

    In a graph that sessions run it returns the operation that does it, otherwise None."""
    if here.mode is None:
        function(*[t._array for t in tensors])
        return None
    apply(_on_host, tuple(tensors), {"function": function})
    return here.mode.effect()


def check(function: Effect, *tensors: Any) -> Any:
    """Call a function that may raise with the values of tensors: now where they are known.

    In a graph that sessions run it returns the operation that does it, otherwise None."""
    values = known_values(tensors)
    if values is None:
        return on_host(function, tensors)
    function(*values)
    return no_op()


def after(effect: Any, x: Any) -> Any:
    """x, computed after an effect where a session decides what is computed."""
    if effect is None:
        return x
    with control_dependencies([effect]):
        return identity(x)
