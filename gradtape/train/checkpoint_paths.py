"""From what a program writes to the file that is meant; and what lies there, if it is no checkpoint
of gradtape."""

from __future__ import annotations

import os
from typing import Any

from gradtape.core.errors import (
    DataLossError,
    InvalidArgumentError,
    NotFoundError,
    UnimplementedError,
    wrong_type,
)
from gradtape.train.checkpoint_format import Stored

SUFFIX = ".safetensors"
TENSORFLOW_TABLE = bytes.fromhex("57fb808b247547db")  # ends every index of TensorFlow's checkpoints
CONVERT = (
    "Read it where TensorFlow is installed, tf.train.load_checkpoint(path).get_tensor(name) for"
    " each name, save the arrays with numpy.savez, and assign them to the variables here"
)
STARTS = {
    b"\x89HDF": "an HDF5 file, such as the weights that Keras saves. Use model.load_weights",
    b"PK\x03\x04": "a zip file, such as a .keras or .npz file. Use keras.models.load_model, or"
    " numpy.load",
    b"\x93NUMPY": "an array of NumPy. Use numpy.load",
    b"\x80\x02": "a pickle. Checkpoints hold none: assign its arrays to variables",
    b"\x80\x03": "a pickle. Checkpoints hold none: assign its arrays to variables",
    b"\x80\x04": "a pickle. Checkpoints hold none: assign its arrays to variables",
    b"\x80\x05": "a pickle. Checkpoints hold none: assign its arrays to variables",
}


def path_of(given: Any, function: str, argument: str) -> str:
    """A path as text, or TypeError."""
    try:
        return os.fsdecode(given)
    except TypeError:
        raise wrong_type(function, argument, "a path", given) from None


def file_of(path: str) -> str:
    """The file of a checkpoint; the suffix may be left out."""
    if not os.path.basename(path):
        raise InvalidArgumentError(
            f"gradtape.train.Checkpoint: {path!r} names a directory. Add a name for the file, as in"
            f" {os.path.join(path, 'ckpt')!r}."
        )
    return path if path.endswith(SUFFIX) else path + SUFFIX


def opened(path: str) -> Stored:
    """Open a checkpoint for reading, its header checked.

    Raises:
        NotFoundError: when there is none.
        UnimplementedError: when there is a file of another kind.
        DataLossError: when it is damaged.
    """
    file = file_of(path)
    try:
        return Stored(file)
    except FileNotFoundError:
        refuse_others(path)
        raise NotFoundError(
            f"Error when restoring from checkpoint at {path}: gradtape.train.Checkpoint found no"
            f" file {file!r}.\nPlease double-check that the path is correct. You may be missing the"
            " checkpoint suffix (e.g. the '-1' in 'path/to/ckpt-1')."
        ) from None
    except DataLossError:
        refuse_others(file)
        raise


def refuse_others(path: str) -> None:
    """Raise UnimplementedError when a path leads to something that another program made."""
    found = _what_lies_at(path)
    if found is not None:
        raise UnimplementedError(
            f"gradtape.train.Checkpoint: {path!r} is {found}. Checkpoints of gradtape are"
            f" {SUFFIX} files, written by tf.train.Checkpoint.save."
        )


def _what_lies_at(path: str) -> str | None:
    if os.path.isdir(path):
        if os.path.exists(os.path.join(path, "saved_model.pb")):
            return f"a SavedModel of TensorFlow. {CONVERT}"
        return "a directory. Write tf.train.latest_checkpoint(directory) for its last checkpoint"
    stem = path.removesuffix(SUFFIX)
    if os.path.exists(stem + ".index"):
        return f"a checkpoint of TensorFlow. {CONVERT}"
    if not os.path.isfile(path):
        return None
    with open(path, "rb") as file:
        start = file.read(8)
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 8))
        if file.read(8) == TENSORFLOW_TABLE or ".data-0" in os.path.basename(path):
            return f"a part of a checkpoint of TensorFlow. {CONVERT}"
    return next((what for sign, what in STARTS.items() if start.startswith(sign)), None)
