"""Parallel map: threads that call the function for several elements at once."""

from __future__ import annotations

from collections import deque
from queue import SimpleQueue
from typing import Any

from gradtape.data.calling import Call
from gradtape.data.coding import State, coded, decoded
from gradtape.data.elements import Element
from gradtape.data.failures import Failure
from gradtape.data.mapping import Map
from gradtape.data.plan import Plan
from gradtape.data.stream import END, Stream, Through
from gradtape.data.threads import Team


class ParallelMap(Map):
    """A function of each element, for several of them at once."""

    def __init__(self, below: Plan, call: Call, threads: int, ordered: bool) -> None:
        super().__init__(below, call)
        self.threads, self.ordered = threads, ordered

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

    def next(self) -> Any:
        """The next item, or END."""
        self._fill()
        if not self._pending:
            return END
        if self._plan.ordered:
            job = self._pending[0].done.get()
            self._pending.popleft()
        else:
            job = self._finished.get()
            self._pending.remove(job)
        if isinstance(job.result, Failure):
            raise job.result.error
        return job.result

    def _fill(self) -> None:
        """Give out as many jobs as there are threads."""
        while len(self._pending) < self._plan.threads and not self._ended:
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
