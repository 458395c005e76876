"""Files that are written as a whole or not at all, whatever happens to the writer.

A file is written in a directory of its own beside its place, brought to the disk, and moved to its
place, which the file system does at once. The writer holds a lock on that directory as long as it
lives. The lock goes with the process, killed or not: who can take it has found a leftover."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from typing import Any

from gradtape.core.xp_numpy import Lazy

PREFIX = ".gradtape-part-"
DAY = 86400.0  # without locks (Windows), what is older is a leftover

locks: Any = Lazy("fcntl")
LOCKING = sys.platform != "win32"


@contextlib.contextmanager
def written_safely(path: str | os.PathLike[str]) -> Iterator[str]:
    """Within the block, write the file whose path is given; afterwards it replaces `path`.

    The path that is given ends with the same name, so that a writer who looks at the suffix is
    content. When the block raises, or the process dies, `path` stays what it was. Leftovers of
    killed writers in the same directory are removed.

    Args:
        path: the file to be written or replaced; its directory must exist. A link is followed.

    Yields:
        The path to write to.

    Raises:
        IsADirectoryError: when there is a directory at `path`.
        FileNotFoundError: when the directory does not exist, or the block wrote no file.
    """
    target = os.path.realpath(os.fspath(path))
    if os.path.isdir(target):
        raise IsADirectoryError(f"{target!r} is a directory: give the path of a file.")
    directory, name = os.path.split(target)
    remove_leftovers(directory)
    with _workplace(directory) as place:
        sibling = os.path.join(place, name)
        yield sibling
        if os.path.exists(target):
            shutil.copymode(target, sibling)  # who may read the old one, and nobody else
        to_disk(sibling)
        os.replace(sibling, target)
        to_disk(directory)


def to_disk(path: str) -> None:
    """Bring a file, or the names in a directory, to the disk."""
    if os.path.isdir(path) and not LOCKING:
        return  # Windows does it by itself
    handle = os.open(path, os.O_RDONLY if LOCKING else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def made_directory(directory: str) -> None:
    """Make a directory, and those above it, if it is not there."""
    if not directory or os.path.isdir(directory):
        return
    parent = os.path.dirname(os.path.abspath(directory))
    made_directory(parent)
    with contextlib.suppress(FileExistsError):
        os.mkdir(directory)
    to_disk(parent)


@contextlib.contextmanager
def _workplace(directory: str) -> Iterator[str]:
    """A directory of the writer's own, locked until the block ends."""
    place, handle = _locked_place(directory)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def _locked_place(directory: str) -> tuple[str, int | None]:
    """A fresh directory and what holds its lock."""
    while True:
        place = os.path.join(directory, PREFIX + secrets.token_hex(8))
        os.mkdir(place)
        if not LOCKING:
            return place, None
        try:
            handle = os.open(place, os.O_RDONLY)
        except FileNotFoundError:
            continue  # taken for a leftover before it was locked
        with contextlib.suppress(OSError):  # a file system without locks
            locks.flock(handle, locks.LOCK_EX)
        if os.path.isdir(place):
            return place, handle
        os.close(handle)


def remove_leftovers(directory: str) -> None:
    """Remove what killed writers left in a directory."""
    with os.scandir(directory) as entries:
        found = [e.path for e in entries if e.name.startswith(PREFIX)]
    for place in found:
        if os.path.islink(place) or not os.path.isdir(place):
            continue
        if LOCKING:
            _remove_if_unlocked(place)
        elif time.time() - os.stat(place).st_mtime > DAY:
            shutil.rmtree(place, ignore_errors=True)


def _remove_if_unlocked(place: str) -> None:
    """Remove a writer's directory unless the writer lives."""
    with contextlib.suppress(OSError):  # locked, or gone
        handle = os.open(place, os.O_RDONLY)
        try:
            locks.flock(handle, locks.LOCK_EX | locks.LOCK_NB)
            shutil.rmtree(place, ignore_errors=True)
        finally:
            os.close(handle)
