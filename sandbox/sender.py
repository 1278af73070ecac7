"""A LIS or PACS that publishes: numbers its messages, keeps them in its outbox, sends them over its lines."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

from sandbox import er7, oru, times
from sandbox.line import Line
from sandbox.outbox import LARGEST_BATCH, Outbox, Pace
from sandbox.reports import Mistake
from sandbox.styles import STYLES, Identity

if TYPE_CHECKING:
    from sandbox.faults import FaultBoard
    from sandbox.reports import Reports
    from sandbox.store import Store

_log = logging.getLogger("sandbox")


class Sender:
    """One system that sends to the bus; what it is asked to send survives its own restart."""

    def __init__(
        self, identity: Identity, store: Store, reports: Reports, board: FaultBoard, pace: Pace, bus: tuple[str, int]
    ) -> None:
        self.identity = identity
        self.style = STYLES[identity.style]
        self._store, self._reports, self._board, self._pace, self._bus = store, reports, board, pace, bus
        self._outbox = Outbox(store, identity.name, pace)
        self._count = 0  # of a sender that restarts its numbering: memory only
        self._lines: dict[int, tuple[Line, asyncio.Task[None]]] = {}

    def start(self) -> None:
        self._outbox.recover()
        for number in {0, *self._outbox.lines()}:
            self._open(number)
        self._board.listen(self._wake)

    async def stop(self) -> None:
        tasks = [task for _, task in self._lines.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lines.clear()

    def send(self, report: str, n: int, *, line: int = 0, batch: str = "") -> str:
        """Puts one version of a report in line under a new control id, which it gives."""
        with self._store.together():
            now = times.now()
            control_id = self._next_id(now)
            facts = self._reports.facts(report, n)
            text = oru.build(facts, self.identity, self.style, control_id, now)
            self._outbox.add(facts.version, control_id, text.encode(self.style.codec), line, batch)
        self._open(line)
        return control_id

    def send_again(self, report: str) -> str:
        """The last message of a report once more: same control id, new MSH-7 (a duplicate, to whoever looks well)."""
        last = self._store.one(
            "select * from outbox where sender = ? and report = ? order by seq desc limit 1",
            self.identity.name,
            report,
        )
        if last is None:
            raise Mistake(f"report {report} was never sent; resend it with a new id")
        raw = er7.with_field(bytes(last["message"]), 7, times.hl7(times.now(), zone=self.style.zone))
        version = self._reports.version(report, last["version"])
        self._outbox.add(version, last["control_id"], raw, last["line"], "")
        self._open(last["line"])
        return str(last["control_id"])

    def new_batch(self) -> str:
        """The id of a batch, for BHS-11."""
        return f"B{self.identity.application}{self._store.count('batch')}"

    def restart_numbering(self) -> None:
        """What a restart of the real system does to MSH-10."""
        if self.style.numbering != "restart":
            raise Mistake(f"{self.identity.name} does not restart its numbers; lis-north does")
        self._count = 0

    def state(self) -> dict[str, Any]:
        """For the page and for health."""
        trouble = next((line.trouble for line, _ in self._lines.values() if line.trouble), "")
        return {
            "name": self.identity.name,
            "title": self.identity.title,
            "version": self.style.version,
            "charset": self.style.charset,
            "mode": "enhanced" if self.style.enhanced else "original",
            "connected": sum(line.connected for line, _ in self._lines.values()),
            "trouble": trouble,
            **self._outbox.counts(),
        }

    def _next_id(self, now: int) -> str:
        if self.style.numbering == "restart":
            self._count += 1
            return str(self._count)
        number = self._store.count(f"control/{self.identity.name}")
        if self.style.numbering == "long":
            return str(uuid5(NAMESPACE_OID, f"{self.identity.name}/{now}/{number}"))
        return f"{self.identity.application}{times.local(now):%y%m%d}{number:06d}"

    def _open(self, number: int) -> None:
        """Makes sure a line is at work, and tells it to look."""
        known = self._lines.get(number)
        if known is None or known[1].done():
            line = Line(number, self.identity, self.style, self._outbox, self._board, self._pace, self._bus)
            task = asyncio.create_task(line.work(), name=f"{self.identity.name}/{number}")
            task.add_done_callback(_ended)
            self._lines[number] = (line, task)
        else:
            known[0].wake()

    def _wake(self) -> None:
        for line, _ in self._lines.values():
            line.wake()


def _ended(task: asyncio.Task[None]) -> None:
    """A line that fails must not do so in silence: whoever reads the ledger would look for the fault in the bus."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("line %s stopped", task.get_name(), exc_info=error)


def batch_sizes(total: int, size: int) -> list[int]:
    """How many messages go into each batch; a batch holds at most 200."""
    if not 1 <= size <= LARGEST_BATCH:
        raise Mistake(f"a batch holds 1 to {LARGEST_BATCH} messages")
    return [min(size, total - at) for at in range(0, total, size)]
