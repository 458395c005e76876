"""What TensorFlow 1 spells in another way: gradients, name scopes, printing, seeds, settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gradtape.autodiff.asking import UnconnectedGradients
from gradtape.core.convert import as_tensor
from gradtape.core.module import name_scope as scope_of
from gradtape.core.state import here
from gradtape.graph import gradients as symbolic
from gradtape.graph.host_calls import numpy_function
from gradtape.ops.effects import after
from gradtape.ops.printing import print_
from gradtape.ops.random_keys import set_seed
from gradtape.ops.static import listed


def gradients(
    ys: Any,
    xs: Any,
    grad_ys: Any = None,
    name: str = "gradients",
    colocate_gradients_with_ops: bool = False,
    gate_gradients: bool = False,
    aggregation_method: int | None = None,
    stop_gradients: Any = None,
    unconnected_gradients: UnconnectedGradients | str = UnconnectedGradients.NONE,
) -> list[Any]:
    """Do what `tf.gradients` does; `colocate_gradients_with_ops` is accepted.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     x = tf.constant(3.0)
        ...     float(session.run(tf.gradients(x * x, x)[0]))
        6.0
    """
    return symbolic.gradients(
        ys,
        xs,
        grad_ys,
        name,
        gate_gradients,
        aggregation_method,
        stop_gradients,
        unconnected_gradients,
    )


def hessians(
    ys: Any,
    xs: Any,
    name: str = "hessians",
    colocate_gradients_with_ops: bool = False,
    gate_gradients: bool = False,
    aggregation_method: int | None = None,
) -> list[Any]:
    """Do what `tf.hessians` does; `colocate_gradients_with_ops` is accepted.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.Session() as session:
        ...     x = tf.constant(3.0)
        ...     float(session.run(tf.hessians(x**3, x)[0]))
        18.0
    """
    return symbolic.hessians(ys, xs, gate_gradients, aggregation_method, name)


@contextmanager
def name_scope(
    name: str | None, default_name: str | None = None, values: Any = None
) -> Iterator[str]:
    """Put the names of a graph's operations under a name.

    Args:
        name: the name, or None.
        default_name: the name where that is None.
        values: accepted for compatibility.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default(), tf.name_scope(None, "layer"):
        ...     tf.constant(1.0, name="a").name
        'layer/a:0'
    """
    with scope_of(default_name if name is None and default_name else name) as prefix:  # type: ignore[arg-type]
        yield prefix


def Print(
    input_: Any,
    data: Any,
    message: str | None = None,
    first_n: int | None = None,
    summarize: int | None = None,
    name: str | None = None,
) -> Any:
    """Return a tensor that prints other tensors whenever it is computed.

    Args:
        input_: the tensor that is returned.
        data: a list of what is printed.
        message: a text in front of it.
        first_n: accepted; every time counts.
        summarize: how many elements of long axes are shown, by default 3.
        name: the name of the operation.

    Example:
        >>> import sys
        >>> from gradtape.compat import v1 as tf
        >>> y = tf.Print(tf.constant(2.0), [tf.constant(1.0)], "x is ")
        >>> float(y)
        2.0
    """
    shown = listed(data, "Print", "data", "a list of tensors")
    printed = print_(message or "", *shown, summarize=3 if summarize is None else summarize)
    return after(printed, as_tensor(input_, "Print"))


def py_func(func: Any, inp: Any, Tout: Any, stateful: bool = True, name: str | None = None) -> Any:
    """Do what `tf.numpy_function` does: call a function of NumPy arrays; it has no derivative.

    Example:
        >>> import numpy as np
        >>> from gradtape.compat import v1 as tf
        >>> tf.py_func(np.sort, [tf.constant([3.0, 1.0])], tf.float32).numpy()
        array([1., 3.], dtype=float32)
    """
    return numpy_function(func, inp, Tout, stateful, name)


def set_random_seed(seed: int) -> None:
    """Set the seed of random numbers: in a graph, every session then begins with the same ones.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> with tf.Graph().as_default():
        ...     tf.set_random_seed(1)
        ...     x = tf.random_normal([])
        ...     with tf.Session() as one, tf.Session() as other:
        ...         bool(one.run(x) == other.run(x))
        True
    """
    if here.mode is not None and here.mode.by_session:
        here.mode.graph.seed = int(seed)
    else:
        set_seed(seed)


class Options:
    """Settings that TensorFlow's run time reads; gradtape keeps them, and they change nothing.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> config = tf.ConfigProto(allow_soft_placement=True)
        >>> config.gpu_options.allow_growth = True
        >>> config.allow_soft_placement
        True
    """

    def __init__(self, **settings: Any) -> None:
        vars(self).update(settings)

    def __getattr__(self, name: str) -> Any:
        if not re.fullmatch("[a-z_]*options|experimental", name):
            raise AttributeError(f"the setting {name!r} was not made")
        vars(self)[name] = Options()
        return vars(self)[name]

    def __repr__(self) -> str:
        return f"Options({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"


class RunOptions(Options):
    """Settings of one run, without effect.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
    """

    NO_TRACE, SOFTWARE_TRACE, HARDWARE_TRACE, FULL_TRACE = range(4)


def accepted(*arguments: Any, **settings: Any) -> None:
    """Accept a setting of TensorFlow 1 that changes nothing here.

    Example:
        >>> from gradtape.compat import v1 as tf
        >>> tf.disable_resource_variables()
    """
