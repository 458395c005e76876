"""Run one expression of the differential tables at once and inside a recorded function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import gradtape as tf
from tests.differential.compare import caught_alike, differs
from tests.differential.running import Leaf, leaf_of
from tests.differential.topic import Topic, in_dtype

Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass
class Found:
    """What came out of a call: results, gradients, or an exception."""

    values: list[Leaf]
    gradients: list[Leaf]
    error: BaseException | None = None


class Call:
    """An expression as a function of the tensors among its inputs.

    Args:
        text: the expression.
        topic: where its inputs come from.
        dtype: the dtype of floating inputs.
    """

    def __init__(self, text: str, topic: Topic, dtype: str) -> None:
        code = compile(text, text, "eval")
        named = _names(code)
        inputs = {n: in_dtype(v, dtype) for n, v in topic.inputs.items() if n in named}
        for name, value in inputs.items():
            if isinstance(value, np.ndarray):
                inputs[name] = tf.constant(value)
            elif callable(value):
                inputs[name] = value(tf)
        self.names = [n for n, v in inputs.items() if isinstance(v, tf.Tensor)]
        self.tensors = [inputs[n] for n in self.names]
        self.derivatives = topic.derivatives
        self._space = {"tf": tf, "np": np, **inputs}
        self._code = code
        self._others: list[Any] = []  # results that are no tensors
        self._order: list[bool] = []  # which results are tensors

    def __call__(self, *tensors: Any) -> Any:
        return eval(self._code, {**self._space, **dict(zip(self.names, tensors, strict=True))})

    def run(self, wrap: Wrap, tape_inside: bool, tensors: Sequence[Any] | None = None) -> Found:
        """Run the wrapped call and its gradient, with the tape within the wrapping or around."""
        given = self.tensors if tensors is None else tensors

        def results(*tensors: Any) -> list[Any]:
            flat = tf.nest.flatten(self(*tensors))
            self._others = [r for r in flat if not isinstance(r, tf.Tensor)]
            self._order = [isinstance(r, tf.Tensor) for r in flat]
            return [r for r in flat if isinstance(r, tf.Tensor)]

        try:
            if tape_inside:
                found, gradients = wrap(lambda *ts: self._differentiated(results, ts))(*given)
            else:
                found, gradients = self._differentiated(wrap(results), given)
        except Exception as error:
            return Found([], [], error)
        rest = {True: iter(found), False: iter(self._others)}
        values = [leaf_of(next(rest[is_tensor])) for is_tensor in self._order]
        return Found(values, [leaf_of(g) for g in gradients])

    def _differentiated(self, results: Callable[..., Any], tensors: Any) -> tuple[Any, Any]:
        watched = [t for t in tensors if t.dtype.is_floating or t.dtype.is_complex]
        with tf.GradientTape() as tape:
            tape.watch(watched)
            found = results(*tensors)
        targets = [r for r in found if r.dtype.is_floating or r.dtype.is_complex]
        if not (self.derivatives and watched and targets):
            return found, []
        given = tape.gradient(targets, watched, output_gradients=list(map(_weight, targets)))
        return found, [None if g is None else tf.convert_to_tensor(g) for g in given]


def _names(code: Any) -> set[str]:
    nested = [_names(c) for c in code.co_consts if hasattr(c, "co_names")]
    return set(code.co_names).union(*nested)


def _weight(target: Any) -> Any:
    """A cotangent that differs from place to place, of whatever shape the target has."""
    real = tf.math.real(target)
    known = tf.cast(tf.where(tf.math.is_finite(real), real, tf.zeros_like(real)), tf.float64)
    weight = 0.7 + 0.3 * tf.sin(3.0 * known)
    if target.dtype.is_complex:
        weight = tf.complex(weight, tf.cos(3.0 * known))
    return tf.cast(weight, target.dtype)


def difference(eager: Found, recorded: Found, tolerance: float) -> str | None:
    """In words, what differs; None where both agree."""
    if eager.error is not None or recorded.error is not None:
        if eager.error is None:
            return f"only recorded: {type(recorded.error).__name__}: {recorded.error}"
        if recorded.error is None:
            return f"only eager: {type(eager.error).__name__}: {eager.error}"
        alike = caught_alike(eager.error, recorded.error)
        return None if alike else f"{eager.error!r} became {recorded.error!r}"
    for stage in ("values", "gradients"):
        left, right = getattr(eager, stage), getattr(recorded, stage)
        if len(left) != len(right):
            return f"{stage}: {len(left)} became {len(right)}"
        for a, b in zip(left, right, strict=True):
            if differs(a, b, "value" if stage == "values" else "gradient", tolerance):
                return f"{stage}: {a} became {b}"
    return None
