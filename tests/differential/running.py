"""Run one expression or program under one library, with its first and second derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.differential.topic import Topic, in_dtype

STAGES = ("value", "gradient", "second")


@dataclass
class Outcome:
    """What came out: leaves for each stage that was reached, and the exception that ended it."""

    leaves: dict[str, list[Any]] = field(default_factory=dict)
    error: BaseException | None = None
    failed: str = ""


@dataclass(frozen=True)
class Leaf:
    """One result, freed from its library: what it is, its dtype, and its value."""

    kind: str
    dtype: str
    value: Any

    def __str__(self) -> str:
        if not isinstance(self.value, np.ndarray):
            return (
                f"{self.value!r}"[:80] if self.kind == self.dtype else f"{self.kind} {self.value!r}"
            )
        text = np.array2string(self.value.reshape(-1)[:8], precision=5, separator=",")
        return f"{self.kind} {self.dtype}{list(self.value.shape)} {' '.join(text.split())}"[:150]


def run(tf: Any, work: str | Callable[[Any], Any], topic: Topic, dtype: str) -> Outcome:
    """Run it and keep what comes out, or the exception."""
    outcome = Outcome()
    try:
        with np.errstate(all="ignore"):
            _stages(tf, work, topic, dtype, outcome)
    except Exception as error:
        outcome.error = error
        outcome.failed = STAGES[len(outcome.leaves)]
    return outcome


def _stages(tf: Any, work: Any, topic: Topic, dtype: str, outcome: Outcome) -> None:
    if callable(work):
        outcome.leaves["value"] = leaves_of(tf, work(tf))
        return
    code = compile(work, work, "eval")
    inputs = {
        name: in_dtype(value, dtype) for name, value in topic.inputs.items() if name in _names(code)
    }
    for name, value in inputs.items():
        if isinstance(value, np.ndarray):
            inputs[name] = tf.constant(value)
        elif callable(value):
            inputs[name] = value(tf)
    watched = [x for x in inputs.values() if hasattr(x, "dtype") and _differentiable(x)]
    space = {"tf": tf, "np": np, **inputs}
    if not (topic.derivatives and watched):
        outcome.leaves["value"] = leaves_of(tf, eval(code, space))
        return
    with tf.GradientTape() as outer:
        outer.watch(watched)
        with tf.GradientTape() as inner:
            inner.watch(watched)
            results = flat(tf, eval(code, space))
        outcome.leaves["value"] = [leaf_of(r) for r in results]
        targets = [r for r in results if _is_tensor(r) and _differentiable(r)]
        if not targets:
            return
        first = inner.gradient(targets, watched, output_gradients=_weights(tf, targets, 1))
    outcome.leaves["gradient"] = [leaf_of(g) for g in first]
    targets = [tf.convert_to_tensor(g) for g in first if _is_tensor(g)]
    if targets:
        second = outer.gradient(targets, watched, output_gradients=_weights(tf, targets, 2))
        outcome.leaves["second"] = [leaf_of(_dense(tf, g)) for g in second]


def _names(code: Any) -> set[str]:
    nested = [_names(c) for c in code.co_consts if hasattr(c, "co_names")]
    return set(code.co_names).union(*nested)


def _differentiable(x: Any) -> bool:
    return x.dtype.is_floating or x.dtype.is_complex


def _is_tensor(x: Any) -> bool:
    return hasattr(x, "numpy") and hasattr(x.dtype, "is_floating")


def _dense(tf: Any, g: Any) -> Any:
    return g if g is None else tf.convert_to_tensor(g)


def _weights(tf: Any, targets: list[Any], seed: int) -> list[Any]:
    made = []
    for number, target in enumerate(targets):
        rng = np.random.default_rng(1000 * seed + number)
        weight = rng.uniform(0.5, 1.5, tuple(target.shape))
        if target.dtype.is_complex:
            weight = weight + 1j * rng.uniform(0.5, 1.5, tuple(target.shape))
        made.append(tf.constant(np.asarray(weight).astype(target.dtype.as_numpy_dtype)))
    return made


def flat(tf: Any, result: Any) -> list[Any]:
    """The parts of a result; a dictionary's in the order of its keys."""
    return tf.nest.flatten(result)


def leaves_of(tf: Any, result: Any) -> list[Any]:
    """The parts of a result, freed from the library."""
    return [leaf_of(r) for r in flat(tf, result)]


def leaf_of(x: Any) -> Leaf:
    """One part of a result, freed from the library."""
    if hasattr(x, "indices") and hasattr(x, "values") and hasattr(x, "dense_shape"):
        dense = np.zeros(
            tuple(int(n) for n in np.asarray(x.dense_shape)), np.asarray(x.values).dtype
        )
        np.add.at(dense, np.asarray(x.indices), np.asarray(x.values))
        return Leaf("slices", dense.dtype.name, dense)
    if hasattr(x, "numpy") and hasattr(x, "dtype"):
        array = np.asarray(x.numpy())
        return Leaf("tensor", getattr(x.dtype, "name", str(x.dtype)), array)
    if isinstance(x, (np.ndarray, np.generic)):
        return Leaf(
            "numpy" if isinstance(x, np.ndarray) else "numpy scalar", x.dtype.name, np.asarray(x)
        )
    if type(x).__name__ in ("TensorShape", "DType", "TensorSpec", "Dimension"):
        return Leaf(type(x).__name__, "", str(x))
    if x is None or isinstance(x, (bool, int, float, complex, str)):
        return Leaf(type(x).__name__, type(x).__name__, x)
    return Leaf("object", "object", type(x).__name__)
