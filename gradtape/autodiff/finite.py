"""`debug_nans`: find the first operation whose value, cotangent or tangent is not finite.

While it is on, a lookout checks what every operation gives (`finite_watch`), walks backward check
what every rule gives (`finite_walk`), and compiled functions check their results, and run once more
operation by operation when these are not finite (`graph.finite`). The parts: what an array holds
(`finite_arrays`), who is to blame (`finite_verdict`), the program's source (`finite_source`), the
text of the error (`finite_report`) and the advice in it (`finite_hints`)."""

from __future__ import annotations

from typing import Any

from gradtape.autodiff.finite_watch import turn_off, turn_on
from gradtape.core.errors import wrong_type


class NanDebugging:
    """What `debug_nans` returns: a context manager that turns the check off at its end.

    Example:
        >>> import gradtape as tf
        >>> with tf.debug_nans() as debugging:
        ...     y = tf.exp(1.0)
        >>> debugging.on
        False
    """

    def __init__(self, on: bool) -> None:
        self.on = on

    def __enter__(self) -> NanDebugging:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.off()

    def off(self) -> None:
        """Turn off what this call turned on."""
        if self.on:
            self.on = False
            turn_off()


def debug_nans(on: bool = True, *, infs: bool = True) -> NanDebugging:
    """Find the first operation that gives NaN or inf: raise there, and say what to do about it.

    Checked are the values of operations, the cotangents that their rules give on the way back, the
    tangents of forward mode, and what is stored in variables; in the whole process, all threads
    included. An operation is to blame when its inputs are finite and its result is not, or when it
    makes NaN of infinite inputs (inf - inf, 0 * inf). Infinite data that leave no NaN, such as a
    mask of -inf before a softmax, are no fault; NaN in the data is reported where it is first
    computed with. A branch of `tf.where(...)` written as its argument may hold anything as long as
    `where` does not pick it; of a rule only what arrives at the inputs counts.

    A compiled `tf.function` runs at full speed: its results and the variables that it assigns are
    checked after each call. When one is not finite the same program runs again on the same inputs,
    operation by operation, to find the operation. Values that are masked inside of compiled code,
    so that its results are finite, are not looked for.

    Args:
        on: False turns the check off, however often it was turned on.
        infs: whether infinite numbers count; False looks for NaN alone.

    Returns:
        A handle that is a context manager: `with tf.debug_nans():` turns the check off at the end
        of the block. Calls are counted, so blocks may be nested; the last call says whether
        infinite numbers count.

    Raises:
        NotFiniteError: (an `InvalidArgumentError`) by the operations that follow. It names the
            operation, the line of the program where it was done forward and where the gradient was
            asked, how many elements are concerned, what went in, and what to write instead; its
            attributes hold the same. The tape is not used up.
        TypeError: when `on` or `infs` is no bool.

    Example:
        >>> import gradtape as tf
        >>> with tf.debug_nans():
        ...     try:
        ...         tf.math.log(tf.constant([1.0, 0.0]))
        ...     except tf.errors.InvalidArgumentError as error:
        ...         print(error.operation, error.what, error.index)
        gradtape.log inf (1,)
    """
    for name, value in (("on", on), ("infs", infs)):
        if not isinstance(value, bool):
            raise wrong_type("debug_nans", name, "a bool", value)
    if on:
        turn_on(infs)
    else:
        turn_off(all=True)
    return NanDebugging(on)


_enabled: list[NanDebugging] = []


def enable_check_numerics(stack_height_limit: int = 30, path_length_limit: int = 50) -> None:
    """Turn `debug_nans` on, by TensorFlow's name; once, however often it is called.

    Args:
        stack_height_limit: ignored, for compatibility: the error names the program's lines.
        path_length_limit: ignored, for compatibility.

    Example:
        >>> import gradtape as tf
        >>> tf.debugging.enable_check_numerics()
        >>> tf.debugging.disable_check_numerics()
    """
    if not _enabled:
        _enabled.append(debug_nans())


def disable_check_numerics() -> None:
    """Undo `enable_check_numerics`; nothing happens when it was not called.

    Example:
        >>> import gradtape as tf
        >>> tf.debugging.disable_check_numerics()
    """
    while _enabled:
        _enabled.pop().off()
