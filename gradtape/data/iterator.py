"""Iterators: a position in a dataset, as the program sees it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from gradtape.core.errors import FailedPreconditionError, InvalidArgumentError, OutOfRangeError
from gradtape.core.state import frame, here
from gradtape.core.tensor import Tensor
from gradtape.data.coding import State
from gradtape.data.elements import numpy_of, value_of
from gradtape.data.plan import Plan
from gradtape.data.stream import END

VERSION = 1


class Iterator:
    """A position in a dataset: `iter(dataset)`.

    Its position can be written down at any element and gone back to, in another process too:
    buffers, random orders and rounds included. The state is made of what JSON can hold. A
    generator is run anew up to the position, and a cache is filled anew.

    Example:
        >>> import json
        >>> import gradtape as tf
        >>> ds = tf.data.Dataset.range(10).shuffle(4, seed=1).batch(3)
        >>> iterator = iter(ds)
        >>> first = next(iterator)
        >>> state = json.loads(json.dumps(iterator.state_dict()))
        >>> rest = [batch.numpy().tolist() for batch in iterator]
        >>> other = iter(ds)
        >>> other.load_state_dict(state)
        >>> [batch.numpy().tolist() for batch in other] == rest
        True
    """

    _seen: Callable[[Any], Any] = staticmethod(value_of)

    def __init__(self, plan: Plan) -> None:
        if here.mode is not None:
            raise FailedPreconditionError(
                "gradtape.data.Dataset: a dataset is read while a function is recorded, which would"
                " make its elements constants of the function. Loop over the dataset outside, and"
                " call the recorded function for each batch."
            )
        self._plan = plan
        self._stream = plan.open()
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        with self._lock:
            item = self._next()
        if item is END:
            raise StopIteration
        return self._seen(item)

    def _next(self) -> Any:
        """The next item: functions of the program are run for themselves, and not recorded."""
        if not here.tapes and not here.special:
            return self._stream.next()
        with frame((), (), None):
            return self._stream.next()

    @property
    def element_spec(self) -> Any:
        """The structure of specs of the elements."""
        return self._plan.element_spec()

    def get_next(self, name: str | None = None) -> Any:
        """Return the next element; OutOfRangeError after the last one."""
        try:
            return self.__next__()
        except StopIteration:
            raise OutOfRangeError("gradtape.data.Iterator.get_next: End of sequence.") from None

    def get_next_as_optional(self, name: str | None = None) -> Optional:
        """Return the next element as an `Optional`, which is empty after the last one."""
        try:
            return Optional([self.__next__()], self._plan)
        except StopIteration:
            return Optional([], self._plan)

    def state_dict(self) -> State:
        """Return the position, as what JSON can hold."""
        with self._lock:
            return {"version": VERSION, "stream": self._stream.save()}

    def load_state_dict(self, state_dict: State) -> None:
        """Go to a position of an iterator over the same dataset.

        Args:
            state_dict: what `state_dict` returned, there or here.

        Raises:
            InvalidArgumentError: when the state is one of another pipeline.
        """
        if not isinstance(state_dict, dict) or state_dict.get("version") != VERSION:
            raise InvalidArgumentError(
                "gradtape.data.Iterator.load_state_dict: state_dict must be what state_dict()"
                f" returned, with version {VERSION}."
            )
        with self._lock, frame((), (), None):
            self._stream.load(state_dict["stream"])

    def __repr__(self) -> str:
        return f"<gradtape.data.{type(self).__name__} over {self._plan.name}>"


class NumpyIterator(Iterator):
    """A position in a dataset, with elements as NumPy arrays that cannot be written to.

    Example:
        >>> import gradtape as tf
        >>> next(tf.data.Dataset.range(3).batch(2).as_numpy_iterator())
        array([0, 1])
    """

    _seen = staticmethod(numpy_of)


class Optional:
    """An element that may be there or not.

    Example:
        >>> import gradtape as tf
        >>> iterator = iter(tf.data.Dataset.range(1))
        >>> [bool(iterator.get_next_as_optional().has_value()) for _ in range(2)]
        [True, False]
    """

    def __init__(self, values: list[Any], plan: Plan) -> None:
        self._values, self._plan = values, plan

    def has_value(self, name: str | None = None) -> Tensor:
        """Return whether there is an element, as a scalar tensor."""
        return Tensor(np.bool_(bool(self._values)))

    def get_value(self, name: str | None = None) -> Any:
        """Return the element; InvalidArgumentError when there is none."""
        if not self._values:
            raise InvalidArgumentError(
                "gradtape.data.experimental.Optional.get_value: The given optional does not have a"
                " value. Ask has_value() first."
            )
        return self._values[0]

    @property
    def element_spec(self) -> Any:
        """The structure of specs of the element."""
        return self._plan.element_spec()
