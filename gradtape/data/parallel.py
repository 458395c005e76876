"""Parallel map: threads that call the function for several elements at once.

Handing an element to a thread and back costs some 20 us. Where the program leaves the number of
threads to us, the first calls are done without threads and timed, and quick functions stay so."""

from __future__ import annotations

from collections import deque
from queue import SimpleQueue
from time import perf_counter
from typing import Any

from gradtape.data.calling import Call
from gradtape.data.coding import State, coded, decoded
from gradtape.data.elements import Element
from gradtape.data.failures import Failure
from gradtape.data.mapping import Map
from gradtape.data.plan import Plan
from gradtape.data.stream import END, Stream, Through
from gradtape.data.threads import Team

JOBS = 4  # for each thread: what is quick is done without waiting for the others after each
TIMED_CALLS = 5
WORTH = 2e-4  # seconds of a call that are worth a thread


class ParallelMap(Map):
    """A function of each element, for several of them at once."""

    def __init__(
        self, below: Plan, call: Call, threads: int, ordered: bool, timed: bool = False
    ) -> None:
        super().__init__(below, call)
        self.threads, self.ordered = threads, ordered
        self.timed = timed  # whether quick functions are called without threads

    def over(self, *inputs: Stream) -> Stream:
        """A stream over streams of the inputs."""
        return ParallelMapStream(inputs[0], self)


class Job:
    """The call for one element; its result comes into a queue."""

    __slots__ = ("done", "item", "result")

    def __init__(self, item: Any, done: SimpleQueue[Job]) -> None:
        self.item, self.done = item, done
        self.result: Any = None


class Crew(Team):
    """Threads that do jobs."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: SimpleQueue[Job | None] = SimpleQueue()

    def work(self, call: Call) -> None:
        """What each thread does."""
        while self._worked(call):
            pass
        self.jobs.put(None)

    def _worked(self, call: Call) -> bool:
        """Do one job: in a frame of its own, so that the thread keeps none."""
        job = self.jobs.get()
        if job is None or self.over:
            return False
        try:
            job.result = call.element(job.item)
        except BaseException as error:
            job.result = Failure(error)
        job.done.put(job)
        return True

    def dismiss(self) -> None:
        """Let the threads end, each after what it is doing."""
        super().dismiss()
        self.jobs.put(None)


class ParallelMapStream(Through):
    """The results for the items of another stream: in their order, or as they come."""

    name = "parallel map"

    def __init__(self, below: Stream, plan: ParallelMap) -> None:
        super().__init__(below)
        self._plan = plan
        self._crew: Crew | None = None
        self._pending: deque[Job] = deque()
        self._saved: deque[Element] = deque()
        self._finished: SimpleQueue[Job] = SimpleQueue()
        self._ended = False
        self._seconds: list[float] = []  # of the calls that were timed

    def next(self) -> Any:
        """The next item, or END."""
        if self._plan.timed and self._quick() and not (self._pending or self._ended):
            return self._at_once()
        self._fill()
        if not self._pending:
            self._rest()
            return END
        if self._plan.ordered:
            job = self._pending[0].done.get()
            self._pending.popleft()
        else:
            job = self._finished.get()
            self._pending.remove(job)
        return self._given(job.result)

    def _quick(self) -> bool:
        """Whether the function is called without threads: at first, and while it is quick."""
        return len(self._seconds) < TIMED_CALLS or min(self._seconds) < WORTH

    def _at_once(self) -> Any:
        item = self._saved.popleft() if self._saved else self.below.next()
        if item is END or isinstance(item, Failure):
            self._ended = item is END
            return self._given(item)
        started = perf_counter()
        result = self._plan.call.element(item)
        if len(self._seconds) < TIMED_CALLS:
            self._seconds.append(perf_counter() - started)
        return result

    @staticmethod
    def _given(result: Any) -> Any:
        if isinstance(result, Failure):
            raise result.error
        return result

    def _fill(self) -> None:
        """Give out some jobs for each thread."""
        while len(self._pending) < JOBS * self._plan.threads and not self._ended:
            try:
                item = self._saved.popleft() if self._saved else self.below.next()
            except Exception as error:
                self._give(Failure(error))
                continue
            if item is END:
                self._ended = True
            else:
                self._give(item)

    def _give(self, item: Any) -> None:
        job = Job(item, SimpleQueue() if self._plan.ordered else self._finished)
        self._pending.append(job)
        if isinstance(item, Failure):
            job.result = item
            job.done.put(job)
            return
        if self._crew is None:
            self._crew = Crew()
            self._crew.serve(self)
        if len(self._crew.threads) < self._plan.threads:
            self._crew.start(Crew.work, self._plan.call)
        self._crew.jobs.put(job)

    def _rest(self) -> None:
        """Let the threads go; another round calls new ones."""
        if self._crew is not None:
            self._crew.dismiss()
            self._crew = None

    def _forget(self) -> None:
        self._pending.clear()
        self._saved.clear()
        self._finished = SimpleQueue()
        self._ended = False

    def restart(self) -> None:
        """Begin a new round from the first item."""
        self._forget()
        super().restart()

    def position(self) -> State:
        """What `save` writes down: elements whose results were not given are computed again."""
        waiting = [*[job.item for job in self._pending], *self._saved]
        codes = [Failure.coded(item) or coded(item) for item in waiting]
        return {"waiting": codes, "ended": self._ended, **super().position()}

    def go(self, state: State) -> None:
        """Do what `load` does, for a state of the right kind."""
        self._forget()
        super().go(state)
        tree = self._plan.below.tree
        codes = state["waiting"]
        self._saved.extend([Failure.decoded(c) or decoded(c, tree) for c in codes])  # type: ignore[misc]
        if state["ended"]:
            self._fill()
