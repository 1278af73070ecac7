"""What a person, a test or the rhythm of the day can ask the LIS and PACS to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sandbox.reports import Mistake, Reports, Wish
from sandbox.sender import batch_sizes
from sandbox.styles import SENDERS

if TYPE_CHECKING:
    from sandbox.sender import Sender
    from sandbox.store import Store

_MOST = 20_000
_AT_ONCE = 50  # messages made in one go


class Desk:
    """Each act gives what it did, ready to be shown; Mistake says why it cannot be done."""

    def __init__(self, store: Store, reports: Reports, senders: dict[str, Sender]) -> None:
        self._store, self._reports, self._senders = store, reports, senders

    def publish(self, wish: Wish) -> dict[str, Any]:
        """A new report, sent as final or preliminary."""
        with self._store.together():
            report = self._reports.publish(wish)
            return self._send(report, 1)

    def preliminary(self, report: str) -> dict[str, Any]:
        """A preliminary version; of a final report: its verification is taken back (反审核)."""
        return self._next(report, "P")

    def final(self, report: str) -> dict[str, Any]:
        return self._next(report, "F")

    def correct(self, report: str) -> dict[str, Any]:
        """Other results under the same number, status C."""
        return self._next(report, "C")

    def withdraw(self, report: str) -> dict[str, Any]:
        """Status X: the report must disappear."""
        return self._next(report, "X")

    def late_old_version(self, report: str) -> dict[str, Any]:
        """The version before the newest once more, under a new control id: it must replace nothing."""
        last = self._reports.version(report)["n"]
        if last < 2:
            raise Mistake(f"report {report} has one version only; correct it first")
        return self._send(report, last - 1)

    def resend(self, report: str, *, new_id: bool = False) -> dict[str, Any]:
        """The last message once more: same control id and new MSH-7, or all of it under a new control id."""
        if new_id:
            return self._send(report, self._reports.version(report)["n"])
        control_id = self._sender(report).send_again(report)
        return {"report": report, "control_id": control_id, "sender": self._reports.sender(report).name}

    async def burst(self, count: int, connections: int = 1, sender: str = "lis-main", batch: int = 0) -> dict[str, Any]:
        """Many new reports at once, spread over connections by patient, in batches where `batch` says so."""
        if not 1 <= count <= _MOST or not 1 <= connections <= 64:
            raise Mistake(f"a burst has 1 to {_MOST} messages on 1 to 64 connections")
        if sender not in self._senders:
            raise Mistake(f"no sender {sender!r}; there are {', '.join(SENDERS)}")
        batch_sizes(count, batch or 1)  # says at once when a batch is too large
        wish = Wish(kind="lab" if SENDERS[sender].group == "lis" else "exam", sender=sender)
        reports: list[str] = []
        while len(reports) < count:
            with self._store.together():
                reports += [self._reports.publish(wish) for _ in range(min(_AT_ONCE, count - len(reports)))]
            await asyncio.sleep(0)  # the rest of the hospital goes on meanwhile
        for line, group in sorted(self._by_line(reports, connections).items()):
            await self._send_group(sender, group, line, batch)
        return {"sender": sender, "reports": len(reports), "first": reports[0], "last": reports[-1]}

    def restart_numbering(self, sender: str) -> dict[str, Any]:
        """MSH-10 begins at 1 again, as after a restart of the real system."""
        if sender not in self._senders:
            raise Mistake(f"no sender {sender!r}; there are {', '.join(SENDERS)}")
        self._senders[sender].restart_numbering()
        return {"sender": sender, "next_control_id": "1"}

    def _by_line(self, reports: list[str], connections: int) -> dict[int, list[str]]:
        """One patient's reports stay on one connection, and so in order."""
        lines: dict[int, list[str]] = {}
        for report in reports:
            patient = self._store.value("select patient from reports where id = ?", report)
            lines.setdefault(1 + int(patient) % connections, []).append(report)
        return lines

    async def _send_group(self, sender: str, reports: list[str], line: int, batch: int) -> None:
        machine = self._senders[sender]
        at = 0
        for size in batch_sizes(len(reports), batch or _AT_ONCE):
            with self._store.together():
                name = machine.new_batch() if batch else ""
                for report in reports[at : at + size]:
                    machine.send(report, 1, line=line, batch=name)
            at += size
            await asyncio.sleep(0)

    def _next(self, report: str, status: str) -> dict[str, Any]:
        with self._store.together():
            return self._send(report, self._reports.change(report, status))

    def _send(self, report: str, n: int) -> dict[str, Any]:
        version = self._reports.version(report, n)
        control_id = self._sender(report).send(report, n)
        return {
            "report": report,
            "version": n,
            "status": version["status"],
            "control_id": control_id,
            "sender": self._reports.sender(report).name,
        }

    def _sender(self, report: str) -> Sender:
        return self._senders[self._reports.sender(report).name]
