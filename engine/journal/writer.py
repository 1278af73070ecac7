"""The one writer of a process: gathers what is queued into one commit (delivery.md §3).

No timer. Idle, it commits what came in the same turn of the loop, after all readable sockets were
read; busy, the next batch gathers while this one commits.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from engine.base import log, metrics
from engine.base.clock import Clock
from engine.base.errors import BusError, Code
from engine.journal.errors import DatabaseDown, DatabaseFull, JournalError, MarkRefused
from engine.journal.marks import Accept, Mark, Split
from engine.journal.store import Crash, Store

MARKS = 512
BYTES = 4 * 1024 * 1024
_AGAIN = 0.5  # seconds until a batch that found the disk full or the database away is tried again
_LAST = 5.0  # seconds without a commit after which the end no longer waits for a database that takes nothing

_log = log.get("journal")
_Waiting = tuple[Mark, "asyncio.Future[Any]"]


class Writer:
    """Joins marks into batches. `orphaned` is told of results whose waiter went away meanwhile."""

    def __init__(self, store: Store, clock: Clock, crash: Crash | None, orphaned: Callable[[Mark, Any], None]) -> None:
        self._store = store
        self._clock = clock
        self._crash = crash
        self._orphaned = orphaned
        self._queue: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self.troubled = False
        """The database cannot take anything just now: new messages are told "busy"."""
        self._commits = 0

    def put(self, mark: Mark) -> "asyncio.Future[Any]":
        """Queues a mark. The future brings its result when it is durable."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._queue.append((mark, future))
        if self._task is None:
            self._task = loop.create_task(self._drain(), name="journal writer")
            self._task.add_done_callback(self._drained)
        return future

    @property
    def queued(self) -> int:
        """Marks that wait for a batch."""
        return len(self._queue)

    async def finish(self) -> None:
        """Returns when everything queued is committed, or the database has long taken nothing: what is recorded by
        then stays as it is, and the next start goes on from there.
        """
        while (task := self._task) is not None:
            before = self._commits
            done, _ = await asyncio.wait([task], timeout=_LAST)
            if not done and self._commits == before:
                _log.error("journal_left_unsaid", count=len(self._queue))
                task.cancel()
                await asyncio.wait([task])
                left, self._queue = self._queue, []
                for mark, future in left:
                    self._tell(mark, future, JournalError("the journal was closed"))

    async def _drain(self) -> None:
        try:
            while self._queue or self.troubled:  # in trouble an empty batch finds out when it is over
                await self._run(self._take())
                await asyncio.sleep(0)  # a turn of the loop: answers go out, sockets are read, the next batch gathers
        finally:
            self._task = None  # here and not in the callback: what is put between the two would wait for ever

    def _drained(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("journal_writer_failed", error=type(error).__name__)

    def _take(self) -> list[_Waiting]:
        size, count = 0, 0
        for mark, _ in self._queue[:MARKS]:
            size += mark.size
            if count and size > BYTES:
                break
            count += 1
        taken, self._queue = self._queue[:count], self._queue[count:]
        return taken

    async def _run(self, batch: list[_Waiting]) -> None:
        """Commits a batch. A mark that is refused fails alone: the halves are run until it is found."""
        begun = self._clock.monotonic()
        try:
            results = await self._store.commit([mark for mark, _ in batch], self._crash)
        except MarkRefused as refused:
            if not batch:
                self.troubled = False  # nothing was asked of the database: it is no trouble of this kind
                return
            if len(batch) == 1:
                _log.error("journal_mark_refused", why=str(refused), state=type(batch[0][0]).__name__)
                self._tell(*batch[0], BusError(Code.INTERNAL, f"the journal refused it: {refused}"))
                return
            middle = len(batch) // 2
            await self._run(batch[:middle])
            await self._run(batch[middle:])
        except (DatabaseFull, DatabaseDown) as trouble:
            await self._wait(batch, trouble)
        except Exception as error:  # noqa: BLE001 - a fault of ours must reach every waiter, not hang them
            _log.error("journal_batch_failed", error=type(error).__name__, count=len(batch))
            self.troubled = False  # it says no at once to everybody from now on; waiting mends nothing
            for mark, future in batch:
                self._tell(mark, future, JournalError(type(error).__name__))
        else:
            self.troubled = False
            self._commits += 1
            metrics.COMMIT_TIME.observe(self._clock.monotonic() - begun)
            metrics.COMMIT_SIZE.observe(len(batch))
            for (mark, future), result in zip(batch, results, strict=True):
                self._tell(mark, future, result)

    async def _wait(self, batch: list[_Waiting], trouble: JournalError) -> None:
        """New messages are told "busy" at once; what is already under way waits in memory, in its order."""
        if not self.troubled:
            _log.error("journal_in_trouble", error=type(trouble).__name__, why=str(trouble), count=len(batch))
        self.troubled = True
        for mark, future in batch:
            if isinstance(mark, Accept | Split):
                self._tell(mark, future, BusError(Code.BUSY, "the journal cannot store it now"))
        self._queue = [waiting for waiting in batch if not isinstance(waiting[0], Accept | Split)] + self._queue
        await asyncio.sleep(_AGAIN)

    def _tell(self, mark: Mark, future: "asyncio.Future[Any]", result: Any) -> None:
        if future.done():
            self._orphaned(mark, result)
        elif isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
