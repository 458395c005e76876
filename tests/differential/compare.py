"""Compare gradtape with TensorFlow, call by call; print where they differ.

    PYTHONPATH=. .venv-peers/bin/python -m tests.differential.compare [part of a topic's name ...]

Compared are the signatures of all public functions, and for each call the value with its dtype and shape, the gradient with respect to every float input,
the second derivative where TensorFlow has one, and the type of the exception. A difference is
fine when `expected.py` lists it with the row of the documentation that gives the reason. The exit
code is 1 when one is not listed, or when a listed one is gone."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.differential.expected import EXPECTED
from tests.differential.expressions import TOPICS
from tests.differential.running import Leaf, Outcome, run
from tests.differential.signatures import signature_differences
from tests.differential.topic import TOLERANCES, Topic

DOCUMENTS = [Path("docs") / name for name in ("differences.md", "kinks.md", "limits.md")]
# TensorFlow says with these that it has no kernel or no rule: nothing to compare with
ABSENT = (
    "NotFoundError",
    "UnimplementedError",
    "LookupError",
    "NotImplementedError",
    "InternalError",
)
ABSENT_TEXTS = (
    "is not in the list of allowed values",
    "CPU implementations do not yet",
    "grouped convolutions are not",
)
FLOOR = 1e-36  # below it float32 is denormal, and kernels flush it to zero or do not


@dataclass(frozen=True)
class Difference:
    """One disagreement."""

    topic: str
    text: str
    dtype: str
    aspect: str
    theirs: str
    ours: str


def main(wanted: list[str]) -> int:
    """Run the comparison and print its report."""
    warnings.simplefilter("ignore")
    import tensorflow

    import gradtape

    tensorflow.get_logger().setLevel("ERROR")
    topics = [t for t in TOPICS if not wanted or any(w in t.name for w in wanted)]
    counts: Counter[str] = Counter()
    found: list[Difference] = []
    for topic in topics:
        for work in (*topic.expressions, *topic.programs):
            for dtype in topic.dtypes:
                found += compared(tensorflow, gradtape, work, topic, dtype, counts)
    if not wanted or "signatures" in wanted:
        for path, left, right in signature_differences(tensorflow, gradtape):
            found.append(Difference("signatures", path, "", "parameters", left, right))
    return report(found, counts, complete=not wanted)


def compared(
    theirs: Any, ours: Any, work: str | Callable[[Any], Any], topic: Topic, dtype: str, counts: Any
) -> list[Difference]:
    """The disagreements of one call in one dtype."""
    a, b = run(theirs, work, topic, dtype), run(ours, work, topic, dtype)
    text = work if isinstance(work, str) else f"{work.__name__}()"
    tolerance = TOLERANCES[dtype] * topic.slack
    found = [
        Difference(topic.name, text, dtype, aspect, left, right)
        for aspect, left, right in disagreements(a, b, tolerance)
    ]
    counts["calls"] += 1
    counts["agree"] += not found
    if b.error is None and absent(a.error):
        counts[f"only in gradtape: {a.failed}"] += 1
    return found


def disagreements(a: Outcome, b: Outcome, tolerance: float) -> Iterator[tuple[str, str, str]]:
    """Each aspect in which two outcomes differ, with both sides."""
    for stage in a.leaves:
        if stage not in b.leaves or (stage == "second" and tolerance > 1e-3):
            continue
        for place, (left, right) in enumerate(zip(a.leaves[stage], b.leaves[stage])):
            aspect = differs(left, right, stage, tolerance)
            if aspect:
                yield aspect, f"[{place}] {left}", f"[{place}] {right}"
                break
        if len(a.leaves[stage]) != len(b.leaves[stage]):
            yield "structure", str(len(a.leaves[stage])), str(len(b.leaves[stage]))
    if a.failed == "second" and b.error is None:
        return
    if (a.error is None) != (b.error is None):
        if not absent(a.error):
            yield f"error in {a.failed or b.failed}", described(a), described(b)
    elif a.error is not None and not caught_alike(a.error, b.error):
        if not (absent(a.error) and a.failed != "value"):
            yield f"error in {a.failed}", described(a), described(b)


def absent(error: BaseException | None) -> bool:
    """Whether the exception says that TensorFlow has no such kernel or rule."""
    return type(error).__name__ in ABSENT or any(text in str(error) for text in ABSENT_TEXTS)


def described(outcome: Outcome) -> str:
    """The exception, or the value that came instead."""
    if outcome.error is None:
        return "; ".join(str(leaf) for leaf in list(outcome.leaves.values())[-1])
    return f"{type(outcome.error).__name__}: {outcome.error}".replace("\n", " ")[:150]


def caught_alike(theirs: BaseException, ours: BaseException | None) -> bool:
    """Whether a program that catches TensorFlow's exception catches ours."""
    return type(theirs).__name__ in [c.__name__ for c in type(ours).__mro__]


def differs(left: Leaf, right: Leaf, stage: str, tolerance: float) -> str:
    """The aspect in which two parts of a result differ, or nothing."""
    if stage == "second":
        if left.kind == "NoneType" or right.kind == "NoneType":
            other = right if left.kind == "NoneType" else left
            return "second" if isinstance(other.value, np.ndarray) and np.any(other.value) else ""
    if left.kind != right.kind:
        return stage if stage != "value" else "kind"
    if left.dtype != right.dtype:
        return "dtype" if stage == "value" else stage
    if not isinstance(left.value, np.ndarray):
        same = left.value == right.value
        if left.kind == "float":
            same = close(np.asarray(left.value), np.asarray(right.value), tolerance)
        return "" if same else stage
    tolerance = max(
        tolerance,
        TOLERANCES.get(left.dtype, 0.0),
        1e3 * tolerance * (left.dtype == "complex64" and tolerance < 1e-6),
    )
    if left.value.shape != right.value.shape:
        return "shape" if stage == "value" else stage
    return "" if close(left.value, right.value, tolerance) else stage


def close(left: np.ndarray, right: np.ndarray, tolerance: float) -> bool:
    """Equal to rounding: relative to the number, or to a part of the largest number around."""
    if left.dtype.kind not in "fcV":
        return bool(np.all(left == right))
    left, right = (
        x.astype(np.complex128 if x.dtype.kind == "c" else np.float64) for x in (left, right)
    )
    if left.dtype.kind == "c":
        left, right = (
            x.view(np.float64) if x.ndim else x.reshape(1).view(np.float64) for x in (left, right)
        )
    with np.errstate(all="ignore"):
        finite = np.isfinite(left) & np.isfinite(right)
        same = (left == right) | (np.isnan(left) & np.isnan(right))
        largest = np.max(np.abs(left[finite]), initial=0.0)
        bound = 5 * tolerance * np.maximum(np.abs(left), np.abs(right)) + FLOOR
        bound += tolerance * min(max(largest, 0.02), 1e3)
        return bool(np.all(same | (finite & (np.abs(left - right) <= bound))))


def report(found: list[Difference], counts: Counter[str], complete: bool) -> int:
    """Print the table; 1 when something is not as expected."""
    listed = {
        (text, aspect): row
        for row, calls in EXPECTED.items()
        for text, aspects in calls.items()
        for aspect in aspects.split(", ")
    }
    documents = "\n".join(path.read_text() for path in DOCUMENTS)
    new = [d for d in found if (d.text, d.aspect) not in listed]
    seen = {(d.text, d.aspect) for d in found}
    gone = [key for key in listed if key not in seen] if complete else []
    lost = [row for row in EXPECTED if row not in documents]
    for d in new:
        print(
            f"{d.topic} | {d.text} | {d.dtype} | {d.aspect}\n    TensorFlow {d.theirs}\n    gradtape   {d.ours}"
        )
    for text, aspect in gone:
        print(f"expected, but they agree: {text} ({aspect})")
    for row in lost:
        print(f"no such row in the documents: {row}")
    print(", ".join(f"{name}: {number}" for name, number in counts.items()))
    print(f"differences: {len(found)}, expected {len(found) - len(new)}, not expected {len(new)}")
    return int(bool(new or gone or lost))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
