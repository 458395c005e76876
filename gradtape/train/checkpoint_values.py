"""What has a value in a checkpoint: variables, and objects that tell and take their state."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from gradtape.core.dtypes import as_dtype
from gradtape.core.errors import DataLossError, InvalidArgumentError, brief
from gradtape.core.state import frame
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable
from gradtape.train.checkpoint_format import Entry

STATE_METHODS = (
    ("state_dict", "load_state_dict"),
    ("_checkpoint_state", "_restore_checkpoint_state"),
)


class VariableValue:
    """A variable's value: one array under the variable's own name."""

    def __init__(self, variable: Variable) -> None:
        self.owner = variable

    def arrays(self) -> dict[str, Any]:
        """The arrays to be stored, by what is added to the path."""
        return {"": self.owner._tensor._array}

    def check(self, entries: dict[str, Entry], where: str) -> None:
        """Raise InvalidArgumentError unless what is stored fits the variable.

        Args:
            entries: what the file says of the arrays.
            where: name and file, for the error.
        """
        entry, mine = entries[""], self.owner
        fits = mine.shape.is_compatible_with(entry.shape)
        if not fits or as_dtype(entry.dtype).numpy_dtype != mine._dtype:
            raise InvalidArgumentError(
                f"gradtape.train.Checkpoint.restore: {where} is"
                f" {entry.dtype}{list(entry.shape)}, but variable {mine.name!r} is"
                f" {self.described()}. No value was restored from this file. Make the"
                " variable with the stored shape and dtype, or leave it out of the checkpoint and"
                " assign tf.train.load_variable(path, name), converted, to it."
            )

    def give(self, arrays: dict[str, Any]) -> None:
        """Take stored arrays that `check` has seen."""
        array = arrays[""]
        with frame((), (), None):
            self.owner.assign(Tensor(array if array.ndim else array[()]))

    def described(self) -> str:
        """The variable in a few words."""
        shape = self.owner.shape
        sizes = shape if shape.rank is None else shape.as_list()
        return f"{self.owner.dtype.name}{sizes}"


class StateValue:
    """The state that an object tells: a structure of numbers, texts and arrays.

    It is stored as JSON under the object's own name, the arrays in it beside.
    """

    def __init__(self, owner: Any, tell: str, take: str) -> None:
        self.owner = owner
        self._tell, self._take = tell, take

    def arrays(self) -> dict[str, Any]:
        """The arrays to be stored, by what is added to the path."""
        beside: dict[str, Any] = {}
        text = json.dumps(_packed(getattr(self.owner, self._tell)(), beside, self.owner))
        return {"": np.frombuffer(text.encode(), np.uint8), **beside}

    def check(self, entries: dict[str, Entry], where: str) -> None:
        """Raise unless what is stored is a state."""
        entry = entries[""]
        if entry.dtype != "uint8" or len(entry.shape) != 1:
            raise InvalidArgumentError(
                f"gradtape.train.Checkpoint.restore: {where} is"
                f" {entry.dtype}{list(entry.shape)}, and not the state of a"
                f" {type(self.owner).__name__}. No value was restored from this file. Give the"
                " object another name in the checkpoint."
            )

    def give(self, arrays: dict[str, Any]) -> None:
        """Take stored arrays that `check` has seen."""
        try:
            state = _unpacked(json.loads(arrays[""].tobytes()), arrays)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataLossError(
                "gradtape.train.Checkpoint.restore: what is stored for a"
                f" {type(self.owner).__name__} is no state: {error}. Give the object another name"
                " in the checkpoint, or restore another checkpoint."
            ) from None
        getattr(self.owner, self._take)(state)

    def described(self) -> str:
        """The object in a few words."""
        return type(self.owner).__name__


Value = VariableValue | StateValue


def value_of(thing: Any) -> Value | None:
    """What is to be stored of an object itself, None when it only holds others, or nothing."""
    if isinstance(thing, Variable):
        return VariableValue(thing)
    kind = type(thing)
    for tell, take in STATE_METHODS:
        if callable(getattr(kind, tell, None)) and callable(getattr(kind, take, None)):
            return StateValue(thing, tell, take)
    return None


def _packed(value: Any, beside: dict[str, Any], owner: Any) -> Any:
    """A state as JSON takes it; arrays go into `beside`."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        pairs = [[_packed(k, beside, owner), _packed(v, beside, owner)] for k, v in value.items()]
        return {"dict": pairs}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_packed(v, beside, owner) for v in value]}
    kind = "bytes" if isinstance(value, (bytes, bytearray)) else "array"
    array = np.frombuffer(value, np.uint8) if kind == "bytes" else np.asarray(value)
    if array.dtype.kind in "OSUMm":
        raise InvalidArgumentError(
            f"gradtape.train.Checkpoint.save: the state of a {type(owner).__name__} holds"
            f" {brief(value)}. Numbers, texts, arrays and structures of them can be stored."
        )
    name = f"/arrays/{len(beside)}"
    beside[name] = array
    return {kind: name}


def _unpacked(value: Any, arrays: dict[str, Any]) -> Any:
    """Undo `_packed`."""
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "dict":
        return {_unpacked(k, arrays): _unpacked(v, arrays) for k, v in content}
    if kind in ("list", "tuple"):
        made = [_unpacked(v, arrays) for v in content]
        return made if kind == "list" else tuple(made)
    return arrays[content].tobytes() if kind == "bytes" else arrays[content]
