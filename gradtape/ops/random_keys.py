"""Keys of the random generator: from seeds, from other keys, and from the program's own state.

A key is a tensor of two uint64 words. `fold` makes a new one of a key and a number, so that draws
for different purposes never share bits. The program's state is one seed and a count of draws in
each thread: after `set_seed` the same program draws the same numbers again."""

from __future__ import annotations

import operator
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import xp
from gradtape.ops.basis import cast
from gradtape.ops.random_draws import integers
from gradtape.ops.static import check_size, static, static_int

UINT64 = np.dtype(np.uint64)
WORDS = 2**64


def key_of_seed(seed: Any, function: str) -> Any:
    """The key of a stateless seed: a tensor of two integers."""
    seed = as_tensor(seed, function)
    if seed._shape != (2,) or seed._dtype.kind not in "iu":
        raise InvalidArgumentError(
            f"gradtape.{function}: seed must be two integers, for instance seed=[1, 2], "
            f"not {brief(seed)}."
        )
    return cast(seed, UINT64)


def key_of_words(first: int, second: int) -> Tensor:
    """The key of two numbers, whatever their size or sign."""
    return Tensor(np.array([first % WORDS, second % WORDS], UINT64))


def folded(key: Any, count: int) -> list[Any]:
    """`count` new keys of one."""
    words = integers(key, (count, 2), 0, WORDS, UINT64)
    return [words[i] for i in range(count)]


def mixed(*numbers: int) -> int:
    """One 64-bit word of several numbers, by the generator itself."""
    word = 0
    for number in numbers:
        word = int(xp.random_bits(np.array([word, number % WORDS], UINT64), 1)[0])
    return word


class _Program(threading.local):
    """The seed of the program and the draws since it was set."""

    seed: int | None = None
    draws: int = 0
    by_seed: dict[int, int]
    fresh: int

    def __init__(self) -> None:
        self.by_seed = {}
        self.fresh = int.from_bytes(os.urandom(8), "little")


_program = _Program()


def set_seed(seed: int) -> None:
    """Set the seed of the program: draws without a seed of their own repeat after it.

    Args:
        seed: an integer.

    Example:
        >>> import gradtape as tf
        >>> tf.random.set_seed(1)
        >>> first = tf.random.normal([2])
        >>> tf.random.set_seed(1)
        >>> bool(tf.reduce_all(first == tf.random.normal([2])))
        True
    """
    number = as_tensor(seed, "random.set_seed")
    if number._shape != () or number._dtype.kind not in "iu":
        raise TypeError(f"gradtape.random.set_seed: seed must be an integer, not {brief(seed)}.")
    _program.seed = int(seed)
    _program.draws = 0
    _program.by_seed = {}


def program_state() -> tuple[Any, ...]:
    """What the next draws of this thread depend on."""
    return _program.seed, _program.draws, dict(_program.by_seed), _program.fresh


def _go_to(state: tuple[Any, ...]) -> None:
    _program.seed, _program.draws, by_seed, _program.fresh = state
    _program.by_seed = dict(by_seed)


@contextmanager
def replaying(state: tuple[Any, ...]) -> Iterator[None]:
    """Within the block draw what followed a state; afterwards go on as if nothing was drawn."""
    before = program_state()
    _go_to(state)
    try:
        yield
    finally:
        _go_to(before)


def next_key(seed: Any, function: str) -> Tensor:
    """The key of the next draw: of the program's seed, the draw's own seed if it has one, and the
    count.
    """
    if seed is None:
        _program.draws += 1
        base = _program.fresh if _program.seed is None else _program.seed
        return key_of_words(mixed(base, 1), _program.draws)
    try:
        own = operator.index(static(seed))
    except TypeError:
        raise TypeError(
            f"gradtape.{function}: seed must be an integer, not {brief(seed)}."
        ) from None
    count = _program.by_seed.get(own, 0) + 1
    _program.by_seed[own] = count
    return key_of_words(mixed(_program.seed or 0, own), count)


def split(seed: Any, num: int = 2, alg: str = "auto_select") -> Any:
    """Make `num` new seeds of one: a tensor (num, 2) of its dtype.

    Example:
        >>> import gradtape as tf
        >>> tf.random.split([1, 2], num=3).shape
        TensorShape([3, 2])
    """
    seed = as_tensor(seed, "random.split")
    count = static_int(num, "random.split", "num")
    if count < 0:
        raise InvalidArgumentError(f"gradtape.random.split: num must not be negative: {count}.")
    check_size((count, 2), "random.split", 8)
    words = integers(key_of_seed(seed, "random.split"), (count, 2), 0, WORDS, UINT64)
    return cast(words, seed._dtype)


def fold_in(seed: Any, data: Any, alg: str = "auto_select") -> Any:
    """Make a new seed of a seed and a number, of the seed's dtype.

    Example:
        >>> import gradtape as tf
        >>> tf.random.fold_in([1, 2], 3).dtype
        tf.int32
    """
    seed = as_tensor(seed, "random.fold_in")
    key = key_of_seed(seed, "random.fold_in")
    number = cast(as_tensor(data, "random.fold_in"), UINT64)
    return cast(integers(key ^ number, (2,), 0, WORDS, UINT64), seed._dtype)
