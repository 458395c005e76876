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
from gradtape.core.record import Node
from gradtape.core.shapes import TensorShape
from gradtape.core.state import here
from gradtape.core.tensor import Tensor
from gradtape.core.xp_numpy import xp
from gradtape.ops.assembly import concat
from gradtape.ops.basis import add, broadcast_to, cast, reshape
from gradtape.ops.extremes import reduce_max
from gradtape.ops.joining import stack_axis
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


def mixed_words(*words: Any) -> Any:
    """`mixed` of scalars of uint64."""
    word: Any = Tensor(np.uint64(0))
    for other in words:
        word = reshape(integers(stack_axis([word, other], 0), (1,), 0, WORDS, UINT64), ())
    return word


class _Program(threading.local):
    """The seed of the program, and the state of its draws by the seed that each draw was given."""

    seed: int | None = None

    def __init__(self) -> None:
        self.states: dict[int | None, Any] = {}
        self.fresh = int.from_bytes(os.urandom(8), "little")

    def start(self, own: int | None) -> Tensor:
        """The state before the first draw with a seed of its own, or without one."""
        seed = self.fresh if self.seed is None and own is None else self.seed or 0
        return first_key(seed, own)


def first_key(seed: int, own: int | None) -> Tensor:
    """The state before the first draw, by the program's seed and the draw's own, if it has one."""
    return key_of_words(mixed(seed, 1 if own is None else own), 0)


_program = _Program()


class Draws:
    """The state of draws with one seed, or without one: a word and the number of draws so far.

    It stands where variables stand: a graph reads and changes it, and each thread has its own.
    """

    name = "draws"
    trainable = _trainable = False
    shape = TensorShape((2,))
    _shape = (2,)
    _dtype = UINT64

    def __init__(self, own: int | None) -> None:
        self.own = own
        self._leaf = Node((2,), UINT64)

    def first(self, seed: int) -> Tensor:
        """The state before the first draw in a program of this seed."""
        return first_key(seed, self.own)

    @property
    def _tensor(self) -> Any:
        found = _program.states.get(self.own)
        if found is None:
            found = _program.states[self.own] = _program.start(self.own)
        return found

    def _put(self, tensor: Any) -> None:
        _program.states[self.own] = tensor

    def for_each(self, state: Any, count: Any) -> Any:
        """States for many examples, so that each draws numbers of its own."""
        words = reshape(integers(state, (count,), 0, WORDS, UINT64), (count, 1))
        drawn = reshape(state[1], (1, 1))
        return concat([words, broadcast_to(drawn, (count, 1))], 1)

    def merged(self, states: Any) -> Any:
        """The state after many examples, which may have drawn different numbers of times."""
        return reduce_max(states, 0)

    def _read(self) -> Any:
        mode = here.mode
        return self._tensor if mode is None else mode.read(self)

    def _change(self, how: str, value: Any) -> Any:
        mode = here.mode
        return self._put(value) if mode is None else mode.update(self, how, value)

    def next(self) -> Any:
        """The key of the next draw."""
        mode = here.mode
        if mode is None:
            word, count = self._tensor._array
            key = Tensor(np.array([word, count + ONE], UINT64))
            self._put(key)
            return key
        key = add(mode.read(self), STEP)
        mode.update(self, "assign", key)
        return key


ONE = np.uint64(1)
STEP = Tensor(np.array([0, 1], UINT64))
_without_seed = Draws(None)
_with_seed: dict[int, Draws] = {}


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
    _program.states = {}


def program_state() -> tuple[Any, ...]:
    """What the next draws of this thread depend on."""
    return _program.seed, dict(_program.states), _program.fresh


def _go_to(state: tuple[Any, ...]) -> None:
    _program.seed, states, _program.fresh = state
    _program.states = dict(states)


@contextmanager
def replaying(state: tuple[Any, ...]) -> Iterator[None]:
    """Within the block draw what followed a state; afterwards go on as if nothing was drawn."""
    before = program_state()
    _go_to(state)
    try:
        yield
    finally:
        _go_to(before)


def next_key(seed: Any, function: str) -> Any:
    """The key of the next draw: of the program's seed, the draw's own seed if it has one, and the
    count.
    """
    if seed is None:
        return _without_seed.next()
    try:
        own = operator.index(static(seed, function, "seed"))
    except TypeError:
        raise TypeError(
            f"gradtape.{function}: seed must be an integer, not {brief(seed)}."
        ) from None
    if own not in _with_seed:
        _with_seed[own] = Draws(own)
    return _with_seed[own].next()


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
