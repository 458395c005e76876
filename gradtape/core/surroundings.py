"""What programs say about their surroundings: devices, dependencies, printing; mostly accepted and
without effect.
"""

from __future__ import annotations

import enum
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradtape.core import nest
from gradtape.core.convert import as_tensor
from gradtape.core.errors import brief
from gradtape.core.shapes import TensorSpec
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable


def executing_eagerly() -> bool:
    """Whether operations run at once; True.

    Example:
        >>> import gradtape as tf
        >>> tf.executing_eagerly()
        True
    """
    return True


def is_tensor(x: Any) -> bool:
    """Whether a value is a tensor, a variable or an `IndexedSlices`.

    Example:
        >>> import gradtape as tf
        >>> tf.is_tensor(tf.constant(1.0)), tf.is_tensor(1.0)
        (True, False)
    """
    return isinstance(x, (Tensor, Variable)) or hasattr(x, "__tf_tensor__")


def is_symbolic_tensor(tensor: Any) -> bool:
    """Whether a tensor has no value yet; False when operations run at once.

    Example:
        >>> import gradtape as tf
        >>> tf.is_symbolic_tensor(tf.constant(1.0))
        False
    """
    return False


def get_static_value(tensor: Any, partial: bool = False) -> Any:
    """The value of a tensor as a NumPy array: eager tensors always have one.

    Example:
        >>> import gradtape as tf
        >>> tf.get_static_value(tf.constant([1, 2])).tolist()
        [1, 2]
    """
    return tensor.numpy() if is_tensor(tensor) else None


@contextmanager
def device(device_name: Any) -> Iterator[None]:
    """Accept a block on a device; eager operations run on the host.

    Example:
        >>> import gradtape as tf
        >>> with tf.device("CPU:0"):
        ...     y = tf.constant(1.0) + 1.0
    """
    yield


@contextmanager
def control_dependencies(control_inputs: Any) -> Iterator[None]:
    """Accept a block that runs after others: eager operations run in the order of the program.

    Example:
        >>> import gradtape as tf
        >>> with tf.control_dependencies([tf.constant(1.0)]):
        ...     y = tf.constant(2.0)
    """
    yield


@contextmanager
def init_scope() -> Iterator[None]:
    """Accept a block that is lifted out of a function: eager operations are outside already.

    Example:
        >>> import gradtape as tf
        >>> with tf.init_scope():
        ...     v = tf.Variable(1.0)
    """
    yield


def group(*inputs: Any, name: str | None = None) -> None:
    """Accept operations that run together: eager ones have run.

    Example:
        >>> import gradtape as tf
        >>> tf.group(tf.constant(1.0))
    """


def no_op(name: str | None = None) -> None:
    """Do nothing.

    Example:
        >>> import gradtape as tf
        >>> tf.no_op()
    """


def tuple_(tensors: Any, control_inputs: Any = None, name: str | None = None) -> list[Any]:
    """The tensors as a list: eager ones are there together.

    Example:
        >>> import gradtape as tf
        >>> [float(t) for t in tf.tuple([tf.constant(1.0), tf.constant(2.0)])]
        [1.0, 2.0]
    """
    if not nest.is_nested(tensors) and not is_tensor(tensors):
        raise TypeError(f"gradtape.tuple: tensors must be a list or tuple, not {brief(tensors)}.")
    return list(tensors)


def print_(
    *inputs: Any, output_stream: Any = None, summarize: int = 3, sep: str = " ", end: str = "\n"
) -> None:
    """Print values; of long axes the first and last `summarize` elements (-1: all).

    Example:
        >>> import sys, gradtape as tf
        >>> tf.print("x =", tf.constant([1.0, 2.5]), output_stream=sys.stdout)
        x = [1 2.5]
    """
    stream = sys.stderr if output_stream is None else output_stream
    if stream == "stdout":
        stream = sys.stdout
    text = sep.join(shown(v, summarize) for v in inputs) + end
    if isinstance(stream, str):
        if not stream.startswith("file://"):
            raise ValueError(
                f"gradtape.print: output_stream {stream!r} is neither a stream nor a file://"
                " address."
            )
        with open(stream.removeprefix("file://"), "a", encoding="utf-8") as file:
            file.write(text)
    else:
        stream.write(text)


def shown(value: Any, summarize: int) -> str:
    """A value, or a structure of values, as `print` shows it."""
    if isinstance(value, (list, tuple, dict)):
        return str(nest.map_structure(lambda v: _Bare(shown(v, summarize)), value))
    if not is_tensor(value):
        return str(value)
    array = np.asarray(value)
    edge = array.size + 1 if summarize < 0 else summarize
    return np.array2string(
        array,
        separator=" ",
        threshold=2 * edge,
        edgeitems=edge,
        formatter={"float_kind": "{:g}".format},
    )


class _Bare:
    """A text that shows itself without quotes inside a structure."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class VariableSynchronization(enum.Enum):
    """When copies of a variable are brought together; kept on the variable for strategies."""

    AUTO = 0
    NONE = 1
    ON_WRITE = 2
    ON_READ = 3


class VariableAggregation(enum.Enum):
    """How copies of a variable are brought together; kept on the variable for strategies."""

    NONE = 0
    SUM = 1
    MEAN = 2
    ONLY_FIRST_REPLICA = 3


def timestamp(name: str | None = None) -> Tensor:
    """The time in seconds since 1970, a float64 tensor.

    Example:
        >>> import gradtape as tf
        >>> tf.timestamp().dtype
        tf.float64
    """
    return Tensor(np.float64(time.time()))


def inside_function() -> bool:
    """Whether a function is being recorded; False when operations run at once.

    Example:
        >>> import gradtape as tf
        >>> tf.inside_function()
        False
    """
    return False


def get_current_name_scope() -> str:
    """The name of the block; eager operations have no names.

    Example:
        >>> import gradtape as tf
        >>> tf.get_current_name_scope()
        ''
    """
    return ""


def get_logger() -> logging.Logger:
    """The logger of the library.

    Example:
        >>> import gradtape as tf
        >>> tf.get_logger().name
        'gradtape'
    """
    return logging.getLogger("gradtape")


def type_spec_from_value(value: Any) -> TensorSpec:
    """The `TensorSpec` of a value.

    Example:
        >>> import gradtape as tf
        >>> tf.type_spec_from_value(tf.constant([1.0]))
        TensorSpec(shape=(1,), dtype=tf.float32, name=None)
    """
    return TensorSpec.from_tensor(as_tensor(value, "type_spec_from_value"))
