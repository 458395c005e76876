"""The threads of pipelines: they end with the stream that they work for, or with the program.

A thread knows its team, and no stream: when the stream is dropped, its finalizer dismisses the
team. That may happen anywhere, inside of a lock too, so that teams are told by queues alone
(`SimpleQueue.put` may be called from finalizers). At the end of the program all teams are
dismissed, and their threads get a moment to leave compiled code."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

LAST_SECONDS = 0.2


class Team:
    """Threads that work for one stream until they are dismissed."""

    def __init__(self) -> None:
        self.over = False
        self.threads: list[threading.Thread] = []
        self._finalizer: Any = None
        _teams.add(self)

    def start(self, work: Callable[..., None], *args: Any) -> None:
        """Add a thread."""
        thread = threading.Thread(
            target=work, args=(self, *args), daemon=True, name="gradtape.data"
        )
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
