"""`Checkpoint`: saves the state of objects under their names, and gives it back."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np

from gradtape.core.errors import UnimplementedError, brief
from gradtape.core.state import here
from gradtape.core.surroundings import init_scope
from gradtape.core.variable import Variable
from gradtape.train.checkpoint_files import made_directory
from gradtape.train.checkpoint_format import write_tensors
from gradtape.train.checkpoint_graph import NO_ALIASES, walked
from gradtape.train.checkpoint_objects import Holder, Parts, core_of, is_known, parts_of
from gradtape.train.checkpoint_paths import file_of, opened, path_of
from gradtape.train.checkpoint_restoring import LoadStatus, NothingRestored, Restoration
from gradtape.train.checkpoint_state import note_latest
from gradtape.train.checkpoint_waiting import settle

COUNTER = "save_counter"


class Checkpoint(Holder):
    """Saves and restores variables, by the names under which objects hold them.

    Args:
        root: an object whose parts are saved: a `tf.Module`, a Keras model, a variable, a list.
        **kwargs: objects, or lists, tuples and dicts of them; they become attributes. Further
            attributes may be set later.

    The objects may be variables, modules, optimizers, random generators, models, layers, metrics
    and optimizers of Keras, other checkpoints, and everything with `state_dict()` and
    `load_state_dict(state)`; in lists, tuples and dicts, however deep. A variable's name in the
    file is its path, as in `model/layers/0/kernel`; what several objects share is stored once.

    The file is in the safetensors format, holds no code, and is replaced as a whole: whoever is
    killed while writing leaves the old one. Each tensor and the header have a checksum, and damage
    raises DataLossError.

    Raises:
        ValueError: for an object that a checkpoint does not know, and for a keyword that names
            another object in `root`.

    Example:
        >>> import gradtape as tf, tempfile
        >>> directory = tempfile.TemporaryDirectory()
        >>> v = tf.Variable(1.0)
        >>> checkpoint = tf.train.Checkpoint(v=v)
        >>> path = checkpoint.save(directory.name + "/ckpt")
        >>> float(v.assign(2.0))
        2.0
        >>> status = checkpoint.restore(path).assert_consumed()
        >>> float(v), int(checkpoint.save_counter)
        (1.0, 1)
        >>> directory.cleanup()
    """

    def __init__(self, root: Any = None, **kwargs: Any) -> None:
        self._root = root
        self._counter: Variable | None = None
        if root is not None:
            _check_known(self._held_root(), "root")
        for name, thing in kwargs.items():
            _check_known(thing() if isinstance(thing, weakref.ref) else thing, name)
            self._check_apart(name, thing)
            setattr(self, name, thing)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if not name.startswith("_"):
            settle()

    @property
    def root(self) -> Any:
        """The root object, the checkpoint itself where none was given."""
        return self if self._root is None else self._root

    @property
    def save_counter(self) -> Variable:
        """How often `save` was called, an int64 variable; it numbers the files."""
        if self._counter is not None:
            return self._counter
        inner = self._held_root()
        if isinstance(inner, Checkpoint):
            self._counter = made = inner.save_counter
            return made
        with init_scope():
            self._counter = made = Variable(np.int64(0), trainable=False, name=COUNTER)
        return made

    # saving

    def save(self, file_prefix: Any, options: Any = None) -> str:
        """Write a numbered checkpoint, and note that it is the latest one.

        Args:
            file_prefix: the path without the number, as in "directory/ckpt"; missing directories
                are made.
            options: ignored, for compatibility.

        Returns:
            The path with the number, as in "directory/ckpt-1"; the file's suffix is added to it.

        Raises:
            UnimplementedError: inside a function or a graph.
            OSError: when the file cannot be written; what was there before is still there.

        Example:
            >>> import gradtape as tf, tempfile
            >>> with tempfile.TemporaryDirectory() as directory:
            ...     path = tf.train.Checkpoint(v=tf.Variable(1.0)).save(directory + "/ckpt")
            ...     tf.train.list_variables(path)
            [('save_counter', []), ('v', [])]
        """
        _refuse_graphs("save")
        prefix = path_of(file_prefix, "train.Checkpoint.save", "file_prefix")
        prefix = prefix.removesuffix(".safetensors")
        with self.counted() as number:
            path = self._write(f"{prefix}-{number}")
            note_latest(path)
        return path

    def write(self, file_prefix: Any, options: Any = None) -> str:
        """Write a checkpoint without a number; `read` reads it.

        Args:
            file_prefix: the path, with or without the suffix ".safetensors".
            options: ignored, for compatibility.

        Returns:
            The path as it was given.

        Raises:
            UnimplementedError: inside a function or a graph.
            OSError: when the file cannot be written; what was there before is still there.
        """
        _refuse_graphs("write")
        return self._write(path_of(file_prefix, "train.Checkpoint.write", "file_prefix"))

    @contextlib.contextmanager
    def counted(self) -> Iterator[int]:
        """Within the block, the counter is one further; it goes back when the block raises."""
        counter = self.save_counter
        before = int(counter)
        counter.assign(np.int64(before + 1))
        try:
            yield before + 1
        except BaseException:
            counter.assign(np.int64(before))
            raise

    def _write(self, path: str) -> str:
        file = file_of(path)
        settle()
        graph = walked(*self._start())
        arrays: dict[str, Any] = {}
        for found in graph.values:
            name = found.address.name(NO_ALIASES)
            arrays |= {name + below: a for below, a in found.value.arrays().items()}
        made_directory(os.path.dirname(file))
        write_tensors(file, arrays, {"aliases": graph.useful_aliases()})
        return path

    # restoring

    def read(self, save_path: Any, options: Any = None) -> Any:
        """Give the values of a file to the objects; `restore` also restores `save_counter`.

        The arguments, the result and the errors are those of `restore`.
        """
        _refuse_graphs("read")
        if save_path is None:
            return NothingRestored()
        path = path_of(save_path, "train.Checkpoint.read", "save_path")
        with opened(path) as stored:
            values = stored.read_all()
        restoration = Restoration(self, stored.path, stored.header, values)
        restoration.begin()
        return LoadStatus(self, restoration)

    def restore(self, save_path: Any, options: Any = None) -> Any:
        """Give the values of a file to the objects.

        All values are read and checked before the first one is given. Values of objects that do
        not exist yet (layers that are built later, slots that an optimizer makes in its first step)
        wait for them, and are there when such a variable is first read or assigned to, after it
        has been put in its place. They wait for the objects, also when the checkpoint is dropped.

        Args:
            save_path: the path that `save` returned, or `tf.train.latest_checkpoint`; with or
                without the suffix; None restores nothing.
            options: ignored, for compatibility.

        Returns:
            A status, whose `assert_consumed()` raises unless every value found its object and every
            object its value; `assert_existing_objects_matched()` asks only that what exists got a
            value, `assert_nontrivial_match()` that anything fits, and `expect_partial()` silences
            the words at the end on values that were not wanted.

        Raises:
            NotFoundError: when there is no such file.
            DataLossError: when it is damaged.
            InvalidArgumentError: when a value has another shape or dtype than its variable.
            UnimplementedError: for files of other programs; inside a function or a graph.

        Example:
            >>> import gradtape as tf, tempfile
            >>> directory = tempfile.TemporaryDirectory()
            >>> path = tf.train.Checkpoint(w=tf.Variable([1.0, 2.0])).save(directory.name + "/ckpt")
            >>> model = tf.Module()
            >>> status = tf.train.Checkpoint(model).restore(path)
            >>> model.w = tf.Variable([0.0, 0.0])
            >>> model.w.numpy()
            array([1., 2.], dtype=float32)
            >>> directory.cleanup()
        """
        status = self.read(save_path)
        _ = self.save_counter
        settle()
        return status

    def sync(self) -> None:
        """Do nothing: `save` returns when the file is on the disk."""

    # what it holds

    def _held_root(self) -> Any:
        return self._root() if isinstance(self._root, weakref.ref) else self._root

    def _held(self) -> list[tuple[str, Any]]:
        """The attributes that the program set, weak references followed."""
        given = [(n, v) for n, v in sorted(vars(self).items()) if not n.startswith("_")]
        return [(n, v() if isinstance(v, weakref.ref) else v) for n, v in given]

    def _checkpoint_parts(self) -> Parts:
        below = self._root_parts()
        counter = [] if self._counter is None else [(COUNTER, self._counter)]
        own = {**dict(below.children), **dict(self._held()), **dict(counter)}
        return Parts(list(own.items()), below.slots)

    def _root_parts(self) -> Parts:
        root = self._held_root()
        if root is None:
            return Parts([])
        return parts_of(core_of(root)) or Parts([("root", root)])  # a variable

    def _start(self) -> tuple[Parts, Any]:
        """Where a walk begins: the parts, and the object whose parts they are."""
        root = self._held_root()
        holds = root is not None and parts_of(core_of(root)) is not None
        return self._checkpoint_parts(), root if holds else self

    def _check_apart(self, name: str, thing: Any) -> None:
        if name in (COUNTER, "root") or hasattr(type(self), name):
            raise ValueError(
                f"gradtape.train.Checkpoint: {name!r} has a meaning of its own in a checkpoint."
                " Choose another keyword."
            )
        held = dict(self._root_parts().children)
        if name in held and held[name] is not thing:
            raise ValueError(
                f"Cannot create a Checkpoint with keyword argument {name} if root.{name} already"
                " exists. Choose another keyword."
            )


def _check_known(thing: Any, name: str) -> None:
    """Raise ValueError for an object that holds nothing that could be saved."""
    if not is_known(thing):
        raise ValueError(
            f"`Checkpoint` was expecting {name} to be a trackable object, got {brief(thing)}."
            " gradtape.train.Checkpoint takes variables, modules, optimizers, random generators,"
            " Keras's objects, checkpoints, objects with state_dict() and load_state_dict(), and"
            " lists, tuples and dicts of them. Write tf.Variable(value) for a number or an array."
        )


def _refuse_graphs(method: str) -> None:
    if here.mode is not None:
        raise UnimplementedError(
            f"gradtape.train.Checkpoint.{method} cannot be a part of a recorded function, a graph"
            " or a batch. Call it outside of tf.function, between the steps."
        )
