"""Looking into a checkpoint file without a program: its names, shapes and arrays."""

from __future__ import annotations

import os
from typing import Any

from gradtape.core.dtypes import DType, as_dtype
from gradtape.core.errors import wrong_type
from gradtape.train.checkpoint_format import Entry
from gradtape.train.checkpoint_paths import opened, path_of
from gradtape.train.checkpoint_state import latest_checkpoint

OF_TENSORFLOW = "/.ATTRIBUTES/VARIABLE_VALUE"  # what TensorFlow adds to the names


class CheckpointReader:
    """What `tf.train.load_checkpoint` returns: gives single arrays of a file.

    Args:
        path: the checkpoint's.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        with opened(path) as stored:
            self._entries: dict[str, Entry] = stored.entries

    def get_tensor(self, tensor_str: str) -> Any:
        """The array of a name, read and checked now."""
        name = _plain(tensor_str, "train.CheckpointReader.get_tensor")
        with opened(self._path) as stored:
            array = stored.read(name)
        return array if array.ndim else array[()]

    def has_tensor(self, tensor_str: str) -> bool:
        """Whether the file has a name."""
        return _plain(tensor_str, "train.CheckpointReader.has_tensor") in self._entries

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        """The shapes by names."""
        return {name: list(entry.shape) for name, entry in self._entries.items()}

    def get_variable_to_dtype_map(self) -> dict[str, DType]:
        """The dtypes by names."""
        return {name: as_dtype(entry.dtype) for name, entry in self._entries.items()}


def load_checkpoint(ckpt_dir_or_file: Any) -> CheckpointReader:
    """Open a checkpoint for looking into it.

    Args:
        ckpt_dir_or_file: its path, or a directory, whose latest one is meant.

    Returns:
        A reader with `get_tensor(name)`, `has_tensor(name)`, `get_variable_to_shape_map()` and
        `get_variable_to_dtype_map()`.

    Raises:
        NotFoundError: when there is no such file.
        DataLossError: when it is damaged.
        ValueError: when a directory has no latest checkpoint.

    Example:
        >>> import gradtape as tf, tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     path = tf.train.Checkpoint(v=tf.Variable([1.0, 2.0])).write(directory + "/ckpt")
        ...     tf.train.load_checkpoint(path).get_variable_to_shape_map()
        {'v': [2]}
    """
    path = path_of(ckpt_dir_or_file, "train.load_checkpoint", "ckpt_dir_or_file")
    if not os.path.isdir(path):
        return CheckpointReader(path)
    latest = latest_checkpoint(path)
    if latest is None:
        raise ValueError(
            f"Couldn't find 'checkpoint' file or checkpoints in given directory {path}:"
            " gradtape.train.load_checkpoint needs the path of a checkpoint there, such as"
            f" {os.path.join(path, 'ckpt-1')!r}."
        )
    return CheckpointReader(latest)


def load_variable(ckpt_dir_or_file: Any, name: str) -> Any:
    """Read one array of a checkpoint.

    Args:
        ckpt_dir_or_file: the checkpoint's path, or a directory, whose latest one is meant.
        name: its name in the file; `tf.train.list_variables` shows all.

    Returns:
        A NumPy array.

    Raises:
        NotFoundError: when there is no such file, or no such name in it.
        DataLossError: when it is damaged.

    Example:
        >>> import gradtape as tf, tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     path = tf.train.Checkpoint(v=tf.Variable([1.0, 2.0])).write(directory + "/ckpt")
        ...     tf.train.load_variable(path, "v")
        array([1., 2.], dtype=float32)
    """
    return load_checkpoint(ckpt_dir_or_file).get_tensor(name)


def list_variables(ckpt_dir_or_file: Any) -> list[tuple[str, list[int]]]:
    """List the names of a checkpoint's arrays with their shapes.

    Args:
        ckpt_dir_or_file: the checkpoint's path, or a directory, whose latest one is meant.

    Returns:
        Pairs of a name and a shape, sorted by name.

    Raises:
        NotFoundError: when there is no such file.
        DataLossError: when it is damaged.

    Example:
        >>> import gradtape as tf, tempfile
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     held = {"w": tf.Variable(tf.zeros([2, 3])), "b": tf.Variable(0.0)}
        ...     path = tf.train.Checkpoint(layer=held).write(directory + "/ckpt")
        ...     tf.train.list_variables(path)
        [('layer/b', []), ('layer/w', [2, 3])]
    """
    return sorted(load_checkpoint(ckpt_dir_or_file).get_variable_to_shape_map().items())


def _plain(name: Any, function: str) -> str:
    """A name without what TensorFlow adds to it."""
    if not isinstance(name, str):
        raise wrong_type(function, "name", "a string", name)
    return name.removesuffix(OF_TENSORFLOW)
