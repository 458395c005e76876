"""`Generator`: a random-number generator with a state of its own, and the global one."""

from __future__ import annotations

import enum
import os
from typing import Any

import numpy as np

from gradtape.core.convert import as_tensor
from gradtape.core.dtypes import as_dtype, float32, int32, uint64
from gradtape.core.errors import InvalidArgumentError, brief
from gradtape.core.variable import Variable
from gradtape.ops import random_distributions as draw
from gradtape.ops.basis import add, cast, numbers
from gradtape.ops.joining import stack_axis
from gradtape.ops.random_draws import integers
from gradtape.ops.random_keys import UINT64, WORDS, folded, mixed, mixed_words
from gradtape.ops.static import static, static_int, static_items, static_shape
from gradtape.ops.stepwise import less
from gradtape.ops.striding import strided_slice

INT64 = np.dtype(np.int64)


class Algorithm(enum.Enum):
    """The generator's algorithm; every name stands for Philox here."""

    PHILOX = 1
    THREEFRY = 2
    AUTO_SELECT = 3


def create_rng_state(seed: Any, alg: Any = None) -> Any:
    """Make a generator's state, three int64: two of the counter and the key, of a seed.

    Example:
        >>> import gradtape as tf
        >>> tf.random.create_rng_state(1, "philox").shape
        (3,)
    """
    given = static(seed, "random.create_rng_state", "seed")
    given = given if isinstance(given, list) else [given]
    words = [static_int(word, "random.create_rng_state", "seed") for word in given]
    return np.array([0, 0, mixed(*words)], np.uint64).view(INT64)


class Generator:
    """A random-number generator whose state is a variable: a counter and a key.

    Make one with `from_seed` or `from_non_deterministic_state`.

    Example:
        >>> import gradtape as tf
        >>> g = tf.random.Generator.from_seed(1)
        >>> a, b = g.normal([2]), g.normal([2])
        >>> bool(tf.reduce_all(a == b))
        False
    """

    def __init__(
        self, copy_from: Generator | None = None, state: Any = None, alg: Any = None
    ) -> None:
        if (copy_from is None) == (state is None):
            raise ValueError(
                "gradtape.random.Generator: give either copy_from or state. "
                "Write tf.random.Generator.from_seed(1)."
            )
        value = checked_state(state if copy_from is None else copy_from.state)
        self._state = Variable(value, trainable=False, name="rng_state")

    @classmethod
    def from_seed(cls, seed: Any, alg: Any = None) -> Generator:
        """A generator of a seed."""
        return cls(state=create_rng_state(seed))

    @classmethod
    def from_non_deterministic_state(cls, alg: Any = None) -> Generator:
        """A generator that nobody can repeat."""
        return cls.from_seed(int.from_bytes(os.urandom(8), "little"))

    @classmethod
    def from_state(cls, state: Any, alg: Any = None) -> Generator:
        """A generator in the state of another."""
        return cls(state=state)

    @classmethod
    def from_key_counter(cls, key: Any, counter: Any, alg: Any = None) -> Generator:
        """A generator of a key and a counter of two numbers."""
        made = cls.from_seed(0)
        made.reset_from_key_counter(key, counter)
        return made

    @property
    def state(self) -> Variable:
        """The state: a variable of three int64."""
        return self._state

    @property
    def key(self) -> Any:
        """The key, an int64."""
        return self._state.value()[2]

    @property
    def algorithm(self) -> int:
        """The number of the algorithm."""
        return Algorithm.PHILOX.value

    def reset(self, state: Any) -> None:
        """Go to a state."""
        self._state.assign(checked_state(state))

    def reset_from_seed(self, seed: Any) -> None:
        """Go to the state of a fresh generator of a seed."""
        self._state.assign(create_rng_state(seed))

    def reset_from_key_counter(self, key: Any, counter: Any) -> None:
        """Go to a key and a counter of two numbers."""
        function = "random.Generator.reset_from_key_counter"
        words = [
            static_int(w, function, "counter") for w in static_items(counter, function, "counter")
        ]
        words.append(static_int(key, function, "key"))
        if len(words) != 3:
            raise InvalidArgumentError(f"gradtape.{function}: counter must be two integers.")
        self._state.assign(np.array([w % WORDS for w in words], np.uint64).view(INT64))

    def skip(self, delta: int) -> Any:
        """Advance the counter, a number of two words; returns the state before."""
        before = self._state.value()
        step = static(delta, "random.Generator.skip", "delta")
        if type(step) is not int:
            raise TypeError(
                f"gradtape.random.Generator.skip: delta must be an integer, not {brief(delta)}."
            )
        low, high, key = _words(before)
        by = numbers(step % WORDS, UINT64)
        moved = add(low, by)
        carry = cast(less(moved, by), UINT64)
        high = add(add(high, numbers((step >> 64) % WORDS, UINT64)), carry)
        self._state.assign(cast(stack_axis([moved, high, key], 0), INT64))
        return before

    def _next(self) -> Any:
        low, high, key = _words(self.skip(1))
        return stack_axis([mixed_words(key, high), low], 0)

    def normal(
        self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32,
        name: str | None = None,
    ) -> Any:  # fmt: skip
        """Draw normal numbers."""
        return draw.normal(self._next(), shape, mean, stddev, dtype, "random.Generator.normal")

    def truncated_normal(
        self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = float32,
        name: str | None = None,
    ) -> Any:  # fmt: skip
        """Draw normal numbers within two standard deviations of the mean."""
        function = "random.Generator.truncated_normal"
        unit = draw.truncated(self._next(), shape, 0.0, 1.0, -2.0, 2.0, dtype, function)
        return unit * draw.fitted(stddev, unit._dtype, function) + mean

    def uniform(
        self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = float32,
        name: str | None = None,
    ) -> Any:  # fmt: skip
        """Draw numbers uniform on [minval, maxval)."""
        return draw.uniform(self._next(), shape, minval, maxval, dtype, "random.Generator.uniform")

    def uniform_full_int(self, shape: Any, dtype: Any = uint64, name: str | None = None) -> Any:
        """Draw integers over the whole range of their dtype."""
        kind = as_dtype(dtype)
        size = static_shape(shape, "random.Generator.uniform_full_int", kind.numpy_dtype)
        return draw.full_integers(self._next(), size, kind)

    def binomial(
        self, shape: Any, counts: Any, probs: Any, dtype: Any = int32, name: str | None = None
    ) -> Any:
        """Draw binomial numbers."""
        function = "random.Generator.binomial"
        return draw.binomial(self._next(), shape, counts, probs, dtype, function)

    def make_seeds(self, count: int = 1) -> Any:
        """Draw seeds for stateless functions: int64 (2, count)."""
        return cast(integers(self._next(), (2, count), 0, WORDS, UINT64), INT64)

    def split(self, count: int = 1) -> list[Generator]:
        """Make generators that are independent of this one and of each other."""
        keys = folded(self._next(), count)
        return [type(self).from_seed([int(w) for w in np.asarray(k)]) for k in keys]

    def __repr__(self) -> str:
        return f"<tf.random.Generator state={self._state.numpy().tolist()}>"


def _words(state: Any) -> list[Any]:
    """The low and the high word of the counter, and the key."""
    words = cast(state, UINT64)
    return [strided_slice(words, (i,)) for i in range(3)]


def checked_state(state: Any) -> Any:
    """A state as three int64, or InvalidArgumentError."""
    given = as_tensor(state, "random.Generator")
    if given._shape != (3,) or given._dtype.kind not in "iu":
        raise InvalidArgumentError(
            f"gradtape.random.Generator: a state is three int64, not {brief(state)}. "
            "Write tf.random.create_rng_state(seed)."
        )
    return cast(given, INT64)


_global: list[Generator] = []


def get_global_generator() -> Generator:
    """The generator that the program shares; made when first asked for.

    Example:
        >>> import gradtape as tf
        >>> tf.random.get_global_generator().normal([2]).shape
        TensorShape([2])
    """
    if not _global:
        _global.append(Generator.from_non_deterministic_state())
    return _global[0]


def set_global_generator(generator: Generator) -> None:
    """Replace the generator that the program shares.

    Example:
        >>> import gradtape as tf
        >>> tf.random.set_global_generator(tf.random.Generator.from_seed(1))
    """
    if not isinstance(generator, Generator):
        raise TypeError(
            "gradtape.random.set_global_generator: needs a tf.random.Generator, not "
            f"{brief(generator)}."
        )
    _global[:] = [generator]
