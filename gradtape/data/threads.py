"""The threads of pipelines: they end with the stream that they work for, or with the program.

A thread knows its team, and no stream: when the stream is dropped, its finalizer dismisses the
team. That may happen anywhere, inside of a lock too, so that teams are told by queues alone
(`SimpleQueue.put` may be called from finalizers). At the end of the program all teams are
dismissed, and their threads get a moment to leave compiled code.

A thread that runs a function in Python keeps Python's lock for 5 ms at a time unless it waits for
something, and compiled code that has finished cannot go on without the lock. While there are
threads of pipelines, turns are therefore shorter, unless the program has set their length."""

from __future__ import annotations

import atexit
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

LAST_SECONDS = 0.2
USUAL_TURN = 5e-3  # Python's own, as `sys.getswitchinterval` gives it
SHORT_TURN = 5e-5  # shorter ones helped no more


class Turns:
    """How long a thread keeps Python's lock: short turns while a thread of a pipeline lives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = 0
        self._made: float | None = None  # the length that was set here

    def __enter__(self) -> None:
        with self._lock:
            self._threads += 1
            if self._threads == 1 and sys.getswitchinterval() == USUAL_TURN:
                sys.setswitchinterval(SHORT_TURN)
                self._made = sys.getswitchinterval()

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._threads -= 1
            if self._threads == 0:
                if sys.getswitchinterval() == self._made:
                    sys.setswitchinterval(USUAL_TURN)
                self._made = None


_turns = Turns()


class Team:
    """Threads that work for one stream until they are dismissed."""

    def __init__(self) -> None:
        self.over = False
        self.threads: list[threading.Thread] = []
        self._finalizer: Any = None
        _teams.add(self)

    def start(self, work: Callable[..., None], *args: Any) -> None:
        """Add a thread."""

        def run() -> None:
            with _turns:
                work(self, *args)

        thread = threading.Thread(target=run, daemon=True, name="gradtape.data")
        self.threads.append(thread)
        thread.start()

    def serve(self, stream: Any) -> None:
        """Be dismissed when the stream is dropped."""
        self._finalizer = weakref.finalize(stream, self.dismiss)
        self._finalizer.atexit = False

    def dismiss(self) -> None:
        """Let the threads end, each after what it is doing."""
        self.over = True
        if self._finalizer is not None:
            self._finalizer.detach()


_teams: weakref.WeakSet[Team] = weakref.WeakSet()


@atexit.register
def _dismiss_all() -> None:
    teams = list(_teams)
    for team in teams:
        team.dismiss()
    until = time.monotonic() + LAST_SECONDS
    for thread in [thread for team in teams for thread in team.threads]:
        thread.join(max(0.0, until - time.monotonic()))
