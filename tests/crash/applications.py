"""Applications of the channel with a ledger of their own: each thing they want has a key, repeated until it is done.

Then the key is asked once more: it must say the same.
"""

import asyncio
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import count
from typing import Any

from tests.flow.programs import Bus
from tests.flow.site import secret
from tests.flow.wire import App

_AGAIN = 0.02
_OK = 200
_AGAIN_LATER = {"IN_PROGRESS", "RESULT_UNKNOWN", "BACKEND_UNAVAILABLE", "BUSY", "RATE_LIMITED"}
"""Answers after which the same key is asked again: none of them says that it was refused."""


@dataclass
class Wanted:
    """One row of the ledger: one text to one patient."""

    control_id: str
    """Its key, and the report that it is about."""
    body: dict[str, Any]
    raws: list[bytes] = field(default_factory=list)
    """One for each time it was asked for."""
    acked: bool = False


class Applications:
    """`lines` callers, each with one call under way. `wrong` holds what a strict caller complains of."""

    def __init__(self, bus: Bus, *, lines: int = 4, pause: float = 0.03) -> None:
        self.app = App(bus.http, "demo-app", secret(bus.site, "demo_app_secret"))
        self.pause = pause
        self.ledger: list[Wanted] = []
        self.wrong: list[str] = []
        self.waiting = 0
        """Callers that wait for an answer."""
        self.more = True
        self._tasks = [asyncio.create_task(self._line(number)) for number in range(lines)]

    @property
    def acked(self) -> int:
        return sum(wanted.acked for wanted in self.ledger)

    @property
    def sent(self) -> int:
        return sum(bool(wanted.raws) for wanted in self.ledger)

    @property
    def sendings(self) -> int:
        return sum(len(wanted.raws) for wanted in self.ledger)

    async def finish(self) -> None:
        """Wants nothing new; returns when everything of the ledger is done."""
        self.more = False
        await asyncio.gather(*self._tasks)

    async def abandon(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def heard(self) -> None:
        """Returns when nobody waits for an answer: whatever a bus that died had said is in the ledger."""
        while self.waiting:  # noqa: ASYNC110 - the callers change it, and nobody else waits for it
            await asyncio.sleep(0.005)

    async def _line(self, line: int) -> None:
        for turn in count():
            if not self.more:
                return
            key = f"key-{line}-{turn:05d}"
            about = {"reportId": key, "title": "血常规", "reportTime": "2026-11-20T09:00:00+08:00"}
            to = {"patientId": f"PC{line}", "mobile": "13800001234"}
            wanted = Wanted(key, {"scene": "REPORT_READY", **to, **about})
            self.ledger.append(wanted)
            said = await self._decisive(wanted)
            again = await self._decisive(wanted)
            if said != again:
                self.wrong.append(f"{key}: it heard {said}, and then {again}")
            await asyncio.sleep(self.pause)

    async def _decisive(self, wanted: Wanted) -> Any:
        """What the key says in the end."""
        while True:
            status, answer = await self._ask(wanted)
            if status == _OK:
                wanted.acked = True
                return answer["data"]
            if status and answer["code"] not in _AGAIN_LATER:
                self.wrong.append(f"{wanted.control_id}: {answer['code']}")
            await asyncio.sleep(_AGAIN)

    async def _ask(self, wanted: Wanted) -> tuple[int, dict[str, Any]]:
        """Status and envelope; 0 where the connection was lost, or nobody listens."""
        wanted.raws.append(b"")
        self.waiting += 1
        try:
            return await asyncio.to_thread(self.app.call, "POST", "/api/v1/notices", wanted.body, key=wanted.control_id)
        except (OSError, HTTPException, ValueError):
            return 0, {}
        finally:
            self.waiting -= 1
