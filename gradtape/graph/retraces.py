"""`Retraces`: the signatures a function was traced for, why, and whether they are too many."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Sequence
from typing import Any

from gradtape.graph.signature import INPUT, STATIC, Leaf, Seen, dead

MOST_RECENT, MANY, MOST_WARNINGS = 10, 5, 2


class Retraces:
    """The traces of a function, in order.

    Args:
        name: the function's name.

    Attributes:
        calls: of the last calls, whether they made a trace.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls: deque[bool] = deque(maxlen=MOST_RECENT)
        self._seen: list[tuple[Any, list[Seen]]] = []
        self._warned = 0

    def note(self, tree: Any, leaves: Sequence[Leaf]) -> None:
        """Note the call for which a trace was made."""
        self._seen = [(t, s) for t, s in self._seen if not dead([leaf.key for leaf in s])]
        self._seen.append((tree, [leaf.seen() for leaf in leaves]))

    def keys(self, tree: Any) -> list[list[Any]]:
        """The keys of earlier traces for calls of a structure."""
        return [[leaf.key for leaf in seen] for t, seen in self._seen if t == tree]

    def warn(self, function: Any, level: int) -> None:
        """Say that many of the last calls were traced, twice at most."""
        many = sum(self.calls)
        if many < MANY or self._warned >= MOST_WARNINGS:
            return
        self._warned += 1
        reason = f" {self.explained()}" if len(self._seen) > 1 else ""  # a recursion's first trace
        warnings.warn(
            f"{many} out of the last {len(self.calls)} calls to {function!r} triggered tf.function"
            " retracing. Tracing is expensive: pass tensors instead of Python numbers, give an"
            f" input_signature, or write @tf.function(reduce_retracing=True).{reason}",
            stacklevel=level + 1,
        )

    def explained(self) -> str:
        """Why the last trace was made: what differs from the most similar earlier one."""
        if not self._seen:
            return f"{self.name} was not traced yet."
        if len(self._seen) == 1:
            return f"{self.name} was traced once, at its first call."
        now = self._seen[-1]
        changes = [_changes(now, before) for before in reversed(self._seen[:-1])]
        reason = "; ".join(min(changes, key=len))
        return f"{self.name} was traced again because {reason or 'nothing changed'}."


def _changes(now: tuple[Any, list[Seen]], before: tuple[Any, list[Seen]]) -> list[str]:
    """In words, what differs between two calls."""
    if now[0] != before[0]:
        paths, others = [[leaf.path for leaf in side[1]] for side in (now, before)]
        more = [f"{p!r} came" for p in paths if p not in others]
        less = [f"{p!r} is no longer there" for p in others if p not in paths]
        return ["the arguments are structured in another way"] + more + less
    pairs = zip(now[1], before[1], strict=True)
    return [f"of argument {a.path!r} {_change(a, b)}" for a, b in pairs if a.key != b.key]


def _change(now: Seen, before: Seen) -> str:
    if now.kind != before.kind:
        return f"the {before.kind} {before.text} became the {now.kind} {now.text}"
    if now.kind == STATIC:
        return (
            f"the Python value changed from {before.text} to {now.text} (each value is traced by"
            " itself: pass a tensor)"
        )
    if now.kind == INPUT:
        (dtype, shape), (other_dtype, other_shape) = now.key, before.key
        if dtype != other_dtype:
            return f"the dtype changed from {other_dtype} to {dtype}"
        return f"the shape changed from {list(other_shape)} to {list(shape)}"
    same = now.key[1:4] == before.key[1:4]
    what = "it is another argument's variable, or no longer" if same else "the kind of variable"
    return f"{what} changed: {before.text} before, {now.text} now"
