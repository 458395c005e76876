"""The options that every optimizer shares: their types, their checks and what they mean."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, TypedDict

from gradtape.core.asked import located
from gradtape.core.errors import UnimplementedError
from gradtape.train.clipping import GLOBAL, NORM, VALUE, clipped


class Shared(TypedDict, total=False):
    """The keyword arguments that every optimizer takes, as in Keras 3, but for `weight_decay`."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


class Common(Shared, total=False):
    """The keyword arguments that every optimizer but AdamW takes, as in Keras 3."""

    weight_decay: float | None


_counts: dict[str, int] = {}


def unique_name(kind: str) -> str:
    """The automatic name of an optimizer, as Keras makes it: adam, adam_1, ..."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    count = _counts.get(name, 0)
    _counts[name] = count + 1
    return f"{name}_{count}" if count else name


def clipping(
    clipnorm: float | None, clipvalue: float | None, global_clipnorm: float | None
) -> Callable[[list[Any]], list[Any]] | None:
    """The function that clips a list of gradients, or None."""
    given = [
        (NORM, "clipnorm", clipnorm),
        (VALUE, "clipvalue", clipvalue),
        (GLOBAL, "global_clipnorm", global_clipnorm),
    ]
    given = [entry for entry in given if entry[2] is not None]
    if not given:
        return None
    if len(given) > 1:
        raise ValueError(
            "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: "
            f"clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}"
        )
    how, name, limit = given[0]
    return functools.partial(clipped, how=how, limit=number(limit, name, above=0.0))


def check_ema(momentum: Any, frequency: Any) -> None:
    """Raise ValueError unless the arguments of the moving average are in range."""
    if not 0 <= momentum <= 1:
        raise ValueError(
            f"`ema_momentum` must be in the range [0, 1]. Received: ema_momentum={momentum}"
        )
    if frequency is not None and (not isinstance(frequency, int) or frequency < 1):
        raise ValueError(
            "`ema_overwrite_frequency` must be an integer >= 1 or None. "
            f"Received: ema_overwrite_frequency={frequency}"
        )


def refuse_scaling(loss_scale_factor: Any, gradient_accumulation_steps: Any) -> None:
    """Raise for the two options of Keras that are left out."""
    if loss_scale_factor is not None:
        raise UnimplementedError(
            "gradtape.optimizers: loss_scale_factor is left out. Multiply the loss by the factor "
            "and divide the gradients by it before apply_gradients."
        )
    if gradient_accumulation_steps is not None:
        raise UnimplementedError(
            "gradtape.optimizers: gradient_accumulation_steps is left out. Add up the gradients of "
            "the steps, divide by their number and call apply_gradients once."
        )


def number(
    value: Any,
    name: str,
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
) -> float:
    """A hyperparameter as a float, or ValueError when it is no number or out of range."""
    try:
        found = float("nan") if isinstance(value, (str, bytes)) else float(value)
    except (TypeError, ValueError):
        found = float("nan")
    wrong = (
        found != found
        or (least is not None and found < least)
        or (most is not None and found > most)
        or (above is not None and found <= above)
    )
    if wrong:
        limits = ((">=", least), ("<=", most), (">", above))
        bounds = " and ".join(f"{sign} {x:g}" for sign, x in limits if x is not None)
        raise ValueError(
            located(
                f"`{name}` must be a number{' ' if bounds else ''}{bounds}. "
                f"Received: {name}={value!r}"
            )
        )
    return found
