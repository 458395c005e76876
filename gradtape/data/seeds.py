"""Seeds of pipelines: one line of random numbers for each round of each iterator."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from gradtape.core.state import frame
from gradtape.data.coding import State
from gradtape.ops.random_keys import WORDS, next_key, program_state
from gradtape.ops.static import static_int


class Seeds:
    """The seed of a plan. `again`: each iterator, and each round in it, has numbers of its own."""

    def __init__(self, seed: Any, again: bool, function: str) -> None:
        self._words = words(seed, function)
        self._again = again
        self._lines = itertools.count()

    def line(self) -> Line:
        """The numbers of the next iterator."""
        return Line(self._words, next(self._lines) if self._again else 0, self._again)


class Line:
    """The numbers of one iterator, round by round."""

    def __init__(self, words: list[int], number: int, again: bool) -> None:
        self._words, self._number, self._again, self._round = words, number, again, 0

    def generator(self, purpose: int = 0) -> np.random.Generator:
        """A generator for this round; one that advances by one step for each float."""
        seed = [*self._words, self._number, self._round, purpose]
        return np.random.Generator(np.random.PCG64(seed))

    def advance(self) -> None:
        """Begin the next round."""
        self._round += self._again

    def save(self) -> State:
        """What the coming numbers depend on."""
        return {"words": self._words, "number": self._number, "round": self._round}

    def load(self, state: State) -> None:
        """Go on as the line did that was saved."""
        self._words, self._number, self._round = state["words"], state["number"], state["round"]


def words(seed: Any, function: str) -> list[int]:
    """Two words of a seed and of the program's seed; without a seed they are drawn."""
    if seed is None:
        with frame((), (), None):
            return [int(w) for w in np.asarray(next_key(None, function))]
    own = static_int(seed, function, "seed")
    return [own % WORDS, (program_state()[0] or 0) % WORDS]
