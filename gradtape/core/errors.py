"""The exceptions that gradtape raises, under TensorFlow's names, and the words that describe
values.
"""

from __future__ import annotations

from typing import Any

from gradtape.core.asked import located

OF_USER = "_of_user"  # the mark of an exception that a function of the user's raised


class OpError(Exception):
    """An operation could not be done; the message names it, its values and the remedy.

    A message of gradtape's own also names the public function that the program called, if that is
    another one."""

    def __init__(self, *values: Any) -> None:
        if values and isinstance(values[0], str) and values[0].startswith("gradtape."):
            values = (located(values[0]), *values[1:])
        super().__init__(*values)

    @property
    def message(self) -> str:
        """The text of the error."""
        return str(self.args[0]) if self.args else ""


class InvalidArgumentError(OpError, ValueError):
    """An argument's shape, dtype or value does not fit the operation."""


class ConversionError(InvalidArgumentError, TypeError):
    """A value is no tensor of the dtype that is needed, or no static argument.

    TensorFlow raises InvalidArgumentError, ValueError or TypeError for it, by the way that the
    value takes; a program that catches any of them catches this.
    """


class NotFiniteError(InvalidArgumentError):
    """An operation gave NaN or inf while `tf.debug_nans` was on; the first one is named.

    Attributes:
        operation: its public name, as in "gradtape.math.log".
        kind: "value", "cotangent", "tangent", "data" (it came in), or "variable".
        what: "NaN", "inf", or "NaN and inf".
        count, size: how many of how many elements.
        index: that of the first such element.
        input: the number of the input whose cotangent it is, None for other kinds.
        place: file and line of the operation, None where they are not known.
        asked: file and line where the gradient was asked, for cotangents.
        hint: what to write instead.
    """

    operation = kind = what = hint = ""
    count = size = 0
    index: tuple[int, ...] = ()
    input: int | None = None
    place: tuple[str, int] | None = None
    asked: tuple[str, int] | None = None

    def __init__(self, text: str, **facts: Any) -> None:
        ValueError.__init__(self, text)  # the text names the operation: no other name is added
        vars(self).update(facts)


class CutGradientError(InvalidArgumentError):
    """A path from a target to a source is cut, and the tape is strict."""


class UnimplementedError(OpError, NotImplementedError):
    """The operation exists in TensorFlow but not in gradtape; the message says why and what to
    use.
    """


class FailedPreconditionError(OpError, RuntimeError):
    """The state that the operation needs is not there."""


class OutOfRangeError(OpError, IndexError):
    """An iteration or an index went past its end."""


class NotFoundError(OpError, LookupError):
    """Something that was asked for by name does not exist."""


class ResourceExhaustedError(OpError, MemoryError):
    """A result would not fit in memory."""


class InternalError(OpError, RuntimeError):
    """An invariant inside gradtape does not hold: please report it."""


def brief(value: Any) -> str:
    """Describe a value in a few words: `float32 tensor of shape (2, 3)`, `list of length 2`,
    `'text'`.
    """
    shape = getattr(value, "_shape", None)
    if shape is None:
        shape = getattr(value, "shape", None)
    dtype = getattr(value, "_dtype", None) or getattr(value, "dtype", None)
    if isinstance(shape, tuple) and dtype is not None:
        name = getattr(dtype, "name", str(dtype))
        return f"{name}{list(shape)}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__} of length {len(value)}"
    text = repr(value)
    if len(text) > 60:
        text = text[:57] + "..."
    return f"{text} ({type(value).__name__})"


def wrong_type(function: str, argument: str, needed: str, value: Any) -> ConversionError:
    """The error for an argument of another kind than is needed."""
    return ConversionError(f"gradtape.{function}: {argument} must be {needed}, not {brief(value)}.")


class AbortedError(OpError):
    """The operation was given up, usually for another one."""


class AlreadyExistsError(OpError):
    """Something that was to be made exists already."""


class CancelledError(OpError):
    """The operation was cancelled."""


class DataLossError(OpError):
    """Stored data are damaged."""


class DeadlineExceededError(OpError):
    """The operation took longer than it was given."""


class PermissionDeniedError(OpError):
    """The caller may not do this."""


class UnauthenticatedError(OpError):
    """The caller is not known."""


class UnavailableError(OpError):
    """What the operation needs is not there at present."""


class UnknownError(OpError):
    """An error that fits no other class."""


class OperatorNotAllowedInGraphError(TypeError):
    """A tensor without a value was used where Python needs one."""
