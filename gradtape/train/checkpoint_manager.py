"""`CheckpointManager`: keeps the latest checkpoints of a directory and deletes older ones."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any

from gradtape.core.errors import wrong_type
from gradtape.core.surroundings import get_logger
from gradtape.ops.static import static_int
from gradtape.train.checkpoint import Checkpoint
from gradtape.train.checkpoint_paths import file_of, path_of
from gradtape.train.checkpoint_state import DirectoryState, read_state, write_state

HOUR = 3600.0


class CheckpointManager:
    """Saves numbered checkpoints in a directory and keeps a limited number of them.

    Args:
        checkpoint: the `tf.train.Checkpoint` to save.
        directory: where to; it is made when it is needed. A small file in it,
            "checkpoint.json", holds the state, so that the next manager goes on from there.
        max_to_keep: how many checkpoints stay; None for all.
        keep_checkpoint_every_n_hours: a checkpoint that is as many hours younger than the last one
            of its kind is not deleted but stays for ever.
        checkpoint_name: the files' name before the number.
        step_counter: a variable with the number of the step, for `checkpoint_interval`.
        checkpoint_interval: the steps that must lie between two checkpoints.
        init_fn: a function that `restore_or_initialize` calls when there is no checkpoint.
        last_checkpoint_step: the step of the last checkpoint, if one is known.

    Only one manager should be active in a directory at a time.

    Raises:
        ValueError: when `max_to_keep` is not positive, or an interval has no `step_counter`.
        DataLossError: when the directory's state is damaged.

    Example:
        >>> import gradtape as tf, tempfile, os
        >>> directory = tempfile.TemporaryDirectory()
        >>> checkpoint = tf.train.Checkpoint(v=tf.Variable(1.0))
        >>> manager = tf.train.CheckpointManager(checkpoint, directory.name, max_to_keep=2)
        >>> manager.restore_or_initialize()
        >>> for _ in range(3):
        ...     path = manager.save()
        >>> [os.path.basename(path) for path in manager.checkpoints]
        ['ckpt-2', 'ckpt-3']
        >>> directory.cleanup()
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        directory: Any,
        max_to_keep: int | None,
        keep_checkpoint_every_n_hours: float | None = None,
        checkpoint_name: str = "ckpt",
        step_counter: Any = None,
        checkpoint_interval: int | None = None,
        init_fn: Callable[[], Any] | None = None,
        last_checkpoint_step: int | None = None,
    ) -> None:
        function = "train.CheckpointManager"
        if not isinstance(checkpoint, Checkpoint):
            raise wrong_type(function, "checkpoint", "a tf.train.Checkpoint", checkpoint)
        if max_to_keep is not None and static_int(max_to_keep, function, "max_to_keep") <= 0:
            raise ValueError(
                f"Expected a positive integer or `None` for `max_to_keep`, got {max_to_keep}."
            )
        if checkpoint_interval is not None and step_counter is None:
            raise ValueError(
                "`step_counter` should be passed if `checkpoint_interval` is not None."
            )
        if init_fn is not None and not callable(init_fn):
            raise wrong_type(function, "init_fn", "a function without arguments", init_fn)
        if not isinstance(checkpoint_name, str) or os.path.basename(checkpoint_name) in ("", ".."):
            raise wrong_type(function, "checkpoint_name", "a name for files", checkpoint_name)
        self._checkpoint = checkpoint
        self._max_to_keep = max_to_keep
        self._every = keep_checkpoint_every_n_hours
        self._directory = path_of(directory, function, "directory")
        self._name = checkpoint_name
        self._step_counter = step_counter
        self._interval = checkpoint_interval
        self._last_step = last_checkpoint_step
        self._init_fn = init_fn
        self._state = self._recovered()

    def _recovered(self) -> DirectoryState:
        """The state that the last manager left, as far as clocks and files agree with it."""
        now = time.time()
        state = read_state(self._directory)
        if state is None:
            return DirectoryState(last_preserved=now - 1.0)
        last = now - 1.0 if state.last_preserved is None else state.last_preserved
        if last > now:
            get_logger().warning(
                "gradtape.train.CheckpointManager: the clock is %f seconds behind the last"
                " checkpoint that was preserved.",
                last - now,
            )
            last = now
        managed = {name: min(written, now) for name, written in state.managed.items()}
        managed = {name: written for name, written in managed.items() if written > last}
        return DirectoryState(state.latest, managed, last)

    @property
    def directory(self) -> str:
        """The directory."""
        return self._directory

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint that is saved."""
        return self._checkpoint

    @property
    def checkpoint_interval(self) -> int | None:
        """The steps that must lie between two checkpoints."""
        return self._interval

    @property
    def latest_checkpoint(self) -> str | None:
        """The path of the latest checkpoint, for `Checkpoint.restore`; None when there is none."""
        return None if self._state.latest is None else self._path(self._state.latest)

    @property
    def checkpoints(self) -> list[str]:
        """The paths of the checkpoints that may be deleted later, the oldest first."""
        return [self._path(name) for name in self._state.managed]

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)

    def save(
        self, checkpoint_number: Any = None, check_interval: bool = True, options: Any = None
    ) -> str | None:
        """Save a checkpoint and delete those that are too many.

        Args:
            checkpoint_number: an integer, or a variable or tensor that holds one; by default
                `save_counter`, which counts in any case.
            check_interval: whether to save only if `checkpoint_interval` steps have passed;
                otherwise only a step that was saved already is not saved again.
            options: ignored, for compatibility.

        Returns:
            The new checkpoint's path, None when it was too early.

        Raises:
            OSError: when the file cannot be written.
        """
        step = self._due_step(check_interval)
        if step is _EARLY:
            return None
        with self._checkpoint.counted() as count:
            number = count
            if checkpoint_number is not None:
                function = "train.CheckpointManager.save"
                number = static_int(checkpoint_number, function, "checkpoint_number")
            path = self._checkpoint.write(self._path(f"{self._name}-{number}"))
        self._last_step = self._last_step if step is None else step
        self._record(os.path.basename(path))
        return path

    def _due_step(self, check_interval: bool) -> Any:
        """The present step, None without intervals, `_EARLY` when nothing is to be saved."""
        if self._interval is None:
            return None
        step = int(self._step_counter)
        last = self._last_step
        if last is not None and (step == last or (check_interval and step < last + self._interval)):
            return _EARLY
        return step

    def _record(self, name: str) -> None:
        """Note a new checkpoint, then delete old ones: who is killed in between keeps too many."""
        self._state.managed.pop(name, None)
        self._state.managed[name] = time.time()
        self._state.latest = name
        write_state(self._directory, self._state)
        if self._sweep():
            write_state(self._directory, self._state)

    def _sweep(self) -> bool:
        """Delete or preserve what is too much; returns whether there was anything."""
        managed, count = self._state.managed, len(self._state.managed)
        while self._max_to_keep is not None and len(managed) > self._max_to_keep:
            name = next(iter(managed))
            written = managed.pop(name)
            last = self._state.last_preserved or 0.0
            if self._every and written - self._every * HOUR >= last:
                self._state.last_preserved = written
                continue
            with contextlib.suppress(FileNotFoundError):
                os.remove(file_of(self._path(name)))
        return len(managed) < count

    def restore_or_initialize(self) -> str | None:
        """Restore the latest checkpoint, or call `init_fn` when there is none.

        Returns:
            The path that was restored, or None.

        Raises:
            DataLossError: when the latest checkpoint is damaged; `checkpoints` lists earlier ones.
        """
        latest = self.latest_checkpoint
        if latest is not None:
            self._checkpoint.restore(latest)
            if self._interval is not None:
                self._last_step = int(self._step_counter)
            return latest
        if self._init_fn is not None:
            self._init_fn()
        return None

    def sync(self) -> None:
        """Do nothing: `save` returns when the file is on the disk."""


_EARLY = object()
