"""Threads for a library that blocks: as many as the system's calls at once, its own, and none to wait for at the end.

A thread cannot be cancelled. A call past its limit is in doubt: its thread counts as stuck and another
takes its place, until as many are stuck as may be; then the gate shuts. What a stuck thread brings home
later is evidence (decision 1).
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from engine.base import log, metrics
from engine.base.clock import Clock
from engine.contract import InDoubt, Unavailable

_log = log.get("threads")
T = TypeVar("T")


class Overdue(InDoubt):
    """The call's limit passed. `late` brings what comes home after all."""

    def __init__(self, late: "asyncio.Future[Any]") -> None:
        super().__init__("timeout")
        self.late = late


@dataclass(slots=True)
class _Job:
    work: Callable[[], Any]
    start_by: float
    done: "asyncio.Future[Any]"
    taken: threading.Lock = field(default_factory=threading.Lock)
    """Taken once: by the thread that begins, or by the caller who will not wait for a beginning."""
    stuck: bool = False


class Threads:
    """The daemon threads of one destination. All methods but the threads' own belong to the loop."""

    def __init__(self, system: str, at_once: int, clock: Clock) -> None:
        self._system = system
        self._at_once = at_once
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._alive = 0
        self._busy = 0
        self._stuck = 0

    @property
    def stuck(self) -> int:
        """Threads whose call passed its limit and has not come home."""
        return self._stuck

    @property
    def all_stuck(self) -> bool:
        """Whether no more threads may be lost: the gate is shut until one comes home."""
        return self._stuck >= self._at_once

    async def run(self, work: Callable[[], T], limit: float, start_by: float) -> T:
        """What `work` gives or raises. Raises Overdue after `limit` seconds, Unavailable when it had not begun
        by `start_by` (monotonic) or by the limit.
        """
        job = _Job(work, start_by, self._loop.create_future())
        self._busy += 1
        if self._busy > self._alive:
            self._start_one()
        self._jobs.put(job)
        await asyncio.wait({job.done}, timeout=limit)
        if job.done.done():
            return job.done.result()  # type: ignore[no-any-return]  # it is what `work` gave
        if job.taken.acquire(blocking=False):
            self._busy -= 1
            raise Unavailable("no_thread")
        self._lose(job)
        raise Overdue(job.done)

    def close(self) -> None:
        """Lets idle threads end; nobody waits for one that is stuck."""
        for _ in range(self._alive):
            self._jobs.put(None)
        self._alive = 0

    def _start_one(self) -> None:
        self._alive += 1
        threading.Thread(target=self._serve, name=f"call-{self._system}", daemon=True).start()

    def _lose(self, job: _Job) -> None:
        job.stuck = True
        self._busy -= 1
        self._alive -= 1  # the next call starts another in its place
        self._count_stuck(1)
        _log.warning("thread_stuck", system=self._system, count=self._stuck)

    def _count_stuck(self, change: int) -> None:
        self._stuck += change
        metrics.STUCK.labels(self._system).set(self._stuck)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            if not job.taken.acquire(blocking=False):
                continue
            value: Any = None
            error: BaseException | None = None
            if self._clock.monotonic() > job.start_by:
                error = Unavailable("late_start")
            else:
                try:
                    value = job.work()
                except BaseException as raised:  # noqa: BLE001 - whatever a library raises belongs to the caller
                    error = raised
            try:
                self._loop.call_soon_threadsafe(self._home, job, value, error)
            except RuntimeError:  # the loop has ended: the journal knows the attempt as `sending`
                return

    def _home(self, job: _Job, value: Any, error: BaseException | None) -> None:
        if job.stuck:
            self._count_stuck(-1)
            self._alive += 1
            if self._alive > self._at_once:
                self._alive -= 1
                self._jobs.put(None)
        else:
            self._busy -= 1
        if job.done.cancelled():
            return
        if error is None:
            job.done.set_result(value)
            return
        usual = isinstance(error, Exception) and not isinstance(error, StopIteration)
        # SystemExit out of a library must not end the bus, and no future carries StopIteration.
        job.done.set_exception(error if usual else RuntimeError(type(error).__name__))
        job.done.exception()  # looked at: nobody may be waiting any more
