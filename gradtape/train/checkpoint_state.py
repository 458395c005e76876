"""The small file that says which checkpoint of a directory is the latest, and which there are.

It is JSON, written as safely as the checkpoints, with a checksum over its content. It names files
of its own directory only."""

from __future__ import annotations

import json
import os
import time
import zlib
from dataclasses import dataclass, field
from typing import Any

from gradtape.core.errors import DataLossError, UnimplementedError
from gradtape.core.surroundings import get_logger
from gradtape.train.checkpoint_files import written_safely
from gradtape.train.checkpoint_paths import CONVERT, SUFFIX, file_of, path_of

STATE = "checkpoint"  # the name in TensorFlow, where the file holds other text
KIND = ".json"
LARGEST = 1 << 26  # bytes


@dataclass
class DirectoryState:
    """What is known of the checkpoints of a directory.

    Attributes:
        latest: the latest one's name, without the suffix.
        managed: the names of those that a manager may delete, the oldest first, with the times at
            which they were written.
        last_preserved: when the last one was written that is to stay for ever; None for never.
    """

    latest: str | None = None
    managed: dict[str, float] = field(default_factory=dict)
    last_preserved: float | None = None


def latest_checkpoint(checkpoint_dir: Any, latest_filename: str | None = None) -> str | None:
    """Find the path of the latest checkpoint in a directory.

    Args:
        checkpoint_dir: the directory.
        latest_filename: the name of the file that says it, by default "checkpoint".

    Returns:
        The path, for `tf.train.Checkpoint.restore`; None when there is none.

    Raises:
        DataLossError: when the file that says it is damaged.
        UnimplementedError: when the directory holds checkpoints of TensorFlow.

    Example:
        >>> import gradtape as tf, tempfile, os
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     checkpoint = tf.train.Checkpoint(v=tf.Variable(1.0))
        ...     for _ in range(2):
        ...         path = checkpoint.save(os.path.join(directory, "ckpt"))
        ...     os.path.basename(tf.train.latest_checkpoint(directory))
        'ckpt-2'
    """
    directory = path_of(checkpoint_dir, "train.latest_checkpoint", "checkpoint_dir")
    state = read_state(directory, latest_filename or STATE)
    if state is None or state.latest is None:
        return None
    path = os.path.join(directory, state.latest)
    if not os.path.exists(file_of(path)):
        get_logger().error("gradtape.train.latest_checkpoint: there is no file for %r.", path)
        return None
    return path


def note_latest(path: str) -> None:
    """Note in its directory that a checkpoint is the latest one."""
    directory, name = os.path.split(path)
    state = read_state(directory) or DirectoryState()
    state.latest = name
    write_state(directory, state)


def read_state(directory: str, name: str = STATE) -> DirectoryState | None:
    """What is known of a directory, None when nothing was written down.

    Raises:
        DataLossError: when the file is damaged.
        UnimplementedError: when TensorFlow wrote it.
    """
    file = os.path.join(directory, name + KIND)
    try:
        with open(file, encoding="utf-8") as stream:
            text = stream.read(LARGEST)
    except FileNotFoundError:
        _refuse_tensorflows(os.path.join(directory, name))
        return None
    except UnicodeDecodeError as error:
        raise _damaged(file, str(error)) from None
    try:
        return _state_of(text)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(file, str(error)) from None


def write_state(directory: str, state: DirectoryState) -> None:
    """Write down what is known of a directory."""
    content = {
        "latest": state.latest,
        "managed": [[name, written] for name, written in state.managed.items()],
        "last_preserved": state.last_preserved,
    }
    text = json.dumps({"written": time.ctime(), "crc32": _sum(content), "state": content}, indent=1)
    with (
        written_safely(os.path.join(directory, STATE + KIND)) as sibling,
        open(sibling, "w", encoding="utf-8") as stream,
    ):
        stream.write(text + "\n")


def _state_of(text: str) -> DirectoryState:
    """A state from its text; ValueError and its like when it makes no sense."""
    given = json.loads(text)
    content = given["state"]
    if given["crc32"] != _sum(content):
        raise ValueError("its checksum is another one")
    managed = {name: float(written) for name, written in content["managed"]}
    latest, last = content["latest"], content["last_preserved"]
    for name in [*managed, *([] if latest is None else [latest])]:
        _check_name(name)
    return DirectoryState(latest, managed, None if last is None else float(last))


def _check_name(name: Any) -> None:
    """Raise ValueError unless a name is one of a file in the directory itself."""
    plain = isinstance(name, str) and name not in ("", ".", "..") and "\0" not in name
    if not plain or os.path.basename(name) != name or "/" in name or "\\" in name:
        raise ValueError(f"{name!r} is no name of a file in the directory")


def _sum(content: Any) -> str:
    return f"{zlib.crc32(json.dumps(content, sort_keys=True).encode()):08x}"


def _damaged(file: str, what: str) -> DataLossError:
    return DataLossError(
        f"gradtape.train.CheckpointManager: {file!r} is damaged: {what}. It only says which"
        " checkpoint is the latest. Delete it, and restore a checkpoint by its path, such as"
        f" {os.path.join(os.path.dirname(file), 'ckpt-1')!r} for a file ckpt-1{SUFFIX}."
    )


def _refuse_tensorflows(file: str) -> None:
    """Raise UnimplementedError when TensorFlow keeps checkpoints in the directory."""
    if os.path.isfile(file):
        with open(file, "rb") as stream:
            if stream.read(22) == b"model_checkpoint_path:":
                raise UnimplementedError(
                    f"gradtape.train.latest_checkpoint: {os.path.dirname(file)!r} holds"
                    f" checkpoints of TensorFlow. {CONVERT}. Checkpoints of gradtape need another"
                    " directory."
                )
