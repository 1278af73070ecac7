"""The internet hospital's office: consultations end, some are written down wrong and put right, and a person looks at
what the platform never answered.
"""

import asyncio
import json
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from engine.app.control import connect
from engine.journal.export import export_message
from engine.journal.history import open_history
from engine.journal.keys import KeyRing
from tests.crash.registrar import Registrar
from tests.flow.programs import Bus, Hospital
from tests.flow.site import ask_journal, journal_url, secret

TABLE, DATASET, ROUTE = "consultation", "uploadConsultIndicators", "regulator_consult"
_WRONG_EACH, _RIGHT_AFTER = 5, 2
_PAUSE, _LOOKS = 0.3, 0.3
_MOST = 5000
_TAKEN = 200
_IN_DOUBT = f"""
select m.id, d.step from messages m
join deliveries d on d.message = m.seq and d.state = 'parked' and d.system = 'regulator'
join attempts a on a.message = d.message and a.step = d.step and a.n = d.attempt and a.outcome = 'in_doubt'
where m.route = '{ROUTE}'"""


@dataclass(slots=True)
class Record:
    """One consultation, and what was written of it last."""

    number: str
    wrong: bool = False
    acked: bool = False
    """The platform has it."""


class Clerk:
    """Writes rows, and settles what is in doubt by the platform's own page."""

    def __init__(self, bus: Bus, hospital: Hospital, registrar: Registrar) -> None:
        self.ledger: list[Record] = []
        self.wrong: list[str] = []
        self.settled: set[str] = set()
        self.again: set[str] = set()
        """Messages that the person sent again, as the platform's page did not have them."""
        self.more = True
        self._bus, self._hospital, self._registrar = bus, hospital, registrar
        self._tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._look())]

    @property
    def acked(self) -> int:
        return sum(record.acked for record in self.ledger)

    @property
    def sent(self) -> int:
        return len(self.ledger)

    @property
    def sendings(self) -> int:
        return len(self.ledger)

    async def heard(self) -> None:
        """A table hears nothing."""

    async def finish(self) -> None:
        """Puts right what is wrong still; returns when the platform has every record."""
        self.more = False
        await self._tasks[0]
        while not all(record.acked for record in self.ledger):
            taken = {row["name"] for row in await self.uploads() if row["code"] == _TAKEN}
            for record in self.ledger:
                record.acked = record.number in taken
            await asyncio.sleep(_LOOKS)

    async def abandon(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def uploads(self, **narrowed: str) -> list[dict[str, Any]]:
        """What the platform has written down, refusals included."""
        found = await asyncio.to_thread(
            self._hospital.look, "/regulator/records", method=DATASET, limit=_MOST, **narrowed
        )
        rows: list[dict[str, Any]] = found["rows"]
        return rows

    async def _write(self) -> None:
        while self.more:
            record = Record("", wrong=len(self.ledger) % _WRONG_EACH == 0)
            more = {"wrong": "empty"} if record.wrong else {}
            done = await asyncio.to_thread(self._hospital.post, "/warehouse/add", table=TABLE, **more)
            record.number = str(done["id"])
            self.ledger.append(record)
            await self._put_right(self.ledger[:-_RIGHT_AFTER])
            await asyncio.sleep(_PAUSE)
        await self._put_right(self.ledger)

    async def _put_right(self, records: list[Record]) -> None:
        for record in records:
            if record.wrong:
                await asyncio.to_thread(self._hospital.post, "/warehouse/correct", id=record.number, day="today")
                record.wrong = False

    # --- the person ---

    async def _look(self) -> None:
        """A bus that dies meanwhile is asked again; what it did by then is no longer parked."""
        while True:
            await asyncio.sleep(_LOOKS)
            with suppress(OSError, ValueError):
                for message, step in await asyncio.to_thread(self._in_doubt):
                    await self._settle(message, step)

    def _in_doubt(self) -> list[tuple[Any, ...]]:
        try:
            return ask_journal(self._bus.site, _IN_DOUBT)
        except (sqlite3.Error, psycopg.Error):
            return []  # no life has come so far that it has tables

    async def _settle(self, message: str, _step: int) -> None:
        record = await self._record_of(message)
        if record in self._registrar.under_way:
            return
        codes = {row["code"] for row in await self.uploads(name=record)}
        if _TAKEN in codes:
            verb, how = "settle", {"as": "delivered"}
        elif codes:
            verb, how = "settle", {"as": "refused"}
        else:
            verb, how = "retry", {}
            self.again.add(message)
        self.settled.add(message)
        said = {"id": message, "step": "call", "reason": "seen on their page", "who": "clerk", **how}
        await asyncio.to_thread(_told, self._bus.site / "var/control.sock", verb, said)

    async def _record_of(self, message: str) -> str:
        site = self._bus.site
        history = await open_history(journal_url(site), KeyRing(secret(site, "journal_key").encode()))
        try:
            line = json.loads(await export_message(history, message) or b"{}")
        finally:
            await history.close()
        return str(json.loads(line["raw"])["consultation_id"])


def _told(path: Path, verb: str, said: dict[str, str]) -> None:
    """An act through the control socket. Raises OSError or ValueError where the bus is not there to answer."""
    door, token = connect(path)
    with door, door.makefile("rwb") as stream:
        stream.write(json.dumps({"do": verb, "with": said, "token": token}).encode() + b"\n")
        stream.flush()
        json.loads(stream.readline())
