"""What programs say about their surroundings: devices, scopes, dependencies; and what they ask
about them.
"""

from __future__ import annotations

import enum
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from gradtape.core import nest
from gradtape.core.convert import as_tensor
from gradtape.core.errors import brief
from gradtape.core.module import current_scope
from gradtape.core.placement import detours, parsed, placement
from gradtape.core.shapes import TensorSpec
from gradtape.core.sizes import Size
from gradtape.core.state import frame, here
from gradtape.core.tensor import Tensor
from gradtape.core.variable import Variable


def executing_eagerly() -> bool:
    """Whether operations run at once; False in a graph and while a function is recorded.

    Example:
        >>> import gradtape as tf
        >>> tf.executing_eagerly()
        True
    """
    return not _in_graph()


def _in_graph() -> bool:
    return here.mode is not None and here.mode.symbolic


def _graph() -> Any:
    """The graph that operations are written down in, None where they run."""
    return None if here.mode is None else here.mode.graph


def is_tensor(x: Any) -> bool:
    """Whether a value is a tensor, a variable or an `IndexedSlices`.

    Example:
        >>> import gradtape as tf
        >>> tf.is_tensor(tf.constant(1.0)), tf.is_tensor(1.0)
        (True, False)
    """
    return isinstance(x, (Tensor, Variable)) or hasattr(x, "__tf_tensor__")


def is_symbolic_tensor(tensor: Any) -> bool:
    """Whether a tensor has no value yet, because it belongs to a graph.

    Example:
        >>> import gradtape as tf
        >>> tf.is_symbolic_tensor(tf.constant(1.0))
        False
    """
    return isinstance(tensor, Tensor) and not tensor.concrete


def get_static_value(tensor: Any, partial: bool = False) -> Any:
    """The value of a tensor as a NumPy array; None where it is not known while a function is
    recorded.

    Args:
        tensor: a tensor; anything else gives None.
        partial: whether an array of objects, with None for sizes that are not known, may come.

    Example:
        >>> import gradtape as tf
        >>> tf.get_static_value(tf.constant([1, 2])).tolist()
        [1, 2]
    """
    if not is_tensor(tensor):
        return None
    value = as_tensor(tensor).contents()
    if value is not None and value.dtype == object:
        items = [None if type(v) is Size else v for v in value.ravel()]
        return np.array(items, object).reshape(value.shape) if partial else None
    return value if value is None or value.ndim else value[()]


@contextmanager
def device(device_name: Any) -> Iterator[None]:
    """Run the compiled functions of a block on a device; eager operations run on the host.

    Args:
        device_name: for instance "GPU:0" or "/device:CPU:0"; None for the default device.

    Raises:
        ValueError: when that is no device's name.

    Example:
        >>> import gradtape as tf
        >>> with tf.device("CPU:0"):
        ...     y = tf.constant(1.0) + 1.0
    """
    graph = _graph()
    if graph is not None:
        with graph.device(device_name):
            yield
        return
    before, placement.device = placement.device, parsed(device_name)
    detours.append("device")
    try:
        yield
    finally:
        placement.device = before
        detours.remove("device")


@contextmanager
def control_dependencies(control_inputs: Any) -> Iterator[None]:
    """In a graph, run the operations of the block after others; eager ones run in the order of the
    program.

    Example:
        >>> import gradtape as tf
        >>> with tf.control_dependencies([tf.constant(1.0)]):
        ...     y = tf.constant(2.0)
    """
    graph = _graph()
    with nullcontext() if graph is None else graph.control_dependencies(control_inputs):
        yield


@contextmanager
def init_scope() -> Iterator[None]:
    """Run a block outside of all functions that are being recorded; no tape sees it.

    Example:
        >>> import gradtape as tf
        >>> @tf.function
        ... def f():
        ...     with tf.init_scope():
        ...         print(tf.executing_eagerly())
        >>> f()
        True
    """
    mode = here.mode
    while mode is not None and mode.symbolic and not mode.by_session:
        mode = mode.outside[2]
    with frame((), (), mode):
        yield


def group(*inputs: Any, name: str | None = None) -> Any:
    """In a graph, one operation that runs others; None where they have run.

    Example:
        >>> import gradtape as tf
        >>> tf.group(tf.constant(1.0))
    """
    return None if here.mode is None else here.mode.group(inputs, name)


def no_op(name: str | None = None) -> Any:
    """In a graph, an operation that does nothing; None where operations run at once.

    Example:
        >>> import gradtape as tf
        >>> tf.no_op()
    """
    return group(name=name)


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
    return _in_graph() and not here.mode.by_session


def get_current_name_scope() -> str:
    """The name of the block that `name_scope` opened, with those around it.

    Example:
        >>> import gradtape as tf
        >>> with tf.name_scope("model"), tf.name_scope("layer"):
        ...     tf.get_current_name_scope()
        'model/layer'
    """
    return current_scope()


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
