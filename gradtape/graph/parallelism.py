"""`tf.config.threading`: how many threads the operations of a program may use.

NumPy's products take them from their BLAS, convolutions and the products of compiled code from the
extension, and everything else in compiled code from XLA, which makes its threads once and for all
when the first compiled function runs. A program with few cores that feeds itself by a pipeline in
Python is faster when it leaves one of them to the pipeline."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from gradtape.core import products
from gradtape.core.errors import InvalidArgumentError
from gradtape.graph.backend import xla
from gradtape.ops.static import static_int

OF_XLA = "PJRT_NPROC"  # read by XLA when it makes its threads


class _Settings:
    intra = inter = 0
    before: str | None = None  # what the environment says of XLA's threads
    limits: Any = None  # of BLAS


_settings = _Settings()


def set_intra_op_parallelism_threads(num_threads: int) -> None:
    """Let operations use so many threads at most: products and convolutions, and all that a
    compiled function does.

    Call it before the first compiled function runs. For compiled code it also holds in processes
    that this one starts.

    Args:
        num_threads: how many; 0 for as many as there are cores.

    Raises:
        RuntimeError: when compiled code has its threads already, and another number of them.

    Example:
        >>> import gradtape as tf
        >>> tf.config.threading.set_intra_op_parallelism_threads(0)
        >>> tf.config.threading.get_intra_op_parallelism_threads()
        0
    """
    count = _number(num_threads, "set_intra_op_parallelism_threads")
    if count == _settings.intra:
        return
    if "jax" in sys.modules and (module := xla()) is not None and module.started():
        raise RuntimeError(
            "gradtape.config.threading.set_intra_op_parallelism_threads: Intra op parallelism"
            f" cannot be modified after initialization: compiled code has its threads already, and"
            f" {count} are asked for. Call it before the first compiled function runs."
        )
    if _settings.intra == 0:
        _settings.before = os.environ.get(OF_XLA)
    wanted = str(count) if count else _settings.before
    if wanted is None:
        os.environ.pop(OF_XLA, None)
    else:
        os.environ[OF_XLA] = wanted
    _limit_blas(count)
    products.most_threads = count
    _settings.intra = count


def get_intra_op_parallelism_threads() -> int:
    """The number that was set by `set_intra_op_parallelism_threads`; 0 where none was.

    Example:
        >>> import gradtape as tf
        >>> tf.config.threading.get_intra_op_parallelism_threads()
        0
    """
    return _settings.intra


def set_inter_op_parallelism_threads(num_threads: int) -> None:
    """Without effect: operations follow each other, and those that do not depend on each other
    share, in compiled code, the threads of `set_intra_op_parallelism_threads`.

    Args:
        num_threads: a number of threads, 0 for as many as there are cores.

    Example:
        >>> import gradtape as tf
        >>> tf.config.threading.set_inter_op_parallelism_threads(0)
    """
    _settings.inter = _number(num_threads, "set_inter_op_parallelism_threads")


def get_inter_op_parallelism_threads() -> int:
    """The number that was set by `set_inter_op_parallelism_threads`; 0 where none was.

    Example:
        >>> import gradtape as tf
        >>> tf.config.threading.get_inter_op_parallelism_threads()
        0
    """
    return _settings.inter


def _number(value: Any, function: str) -> int:
    number = static_int(value, f"config.threading.{function}", "num_threads")
    if number < 0:
        raise InvalidArgumentError(
            f"gradtape.config.threading.{function}: num_threads is {number}, which is negative."
            " Write 0 for as many as there are cores."
        )
    return number


def _limit_blas(count: int) -> None:
    """Let NumPy's and SciPy's BLAS use so many threads, 0 for as many as before."""
    from threadpoolctl import threadpool_limits

    import_module("scipy.linalg")  # it brings a BLAS of its own
    if _settings.limits is not None:
        _settings.limits.restore_original_limits()
        _settings.limits = None
    if count:
        _settings.limits = threadpool_limits(count, user_api="blas")
