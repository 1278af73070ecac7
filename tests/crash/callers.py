"""Applications that lock a number, book it, and at times cancel it; whoever hears nothing repeats his key until he knows.

Once a key has a decisive answer, every later repeat of it must hear the same, byte for byte: after each death of the
bus some are repeated, in the end all.
"""

import asyncio
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, product

import aiohttp

from tests.crash.witness import Witness
from tests.flow.booking import CLINIC, booking, day, safe
from tests.flow.programs import Bus
from tests.flow.site import secret
from tests.flow.wire import App

LOCK, BOOK = "/api/v1/appointments/lock", "/api/v1/appointments"
OK = "OK"
UNKNOWN = frozenset({"RESULT_UNKNOWN", "IN_PROGRESS"})
"""The same key will know."""
NOT_DONE = frozenset({"BACKEND_UNAVAILABLE", "STATE_CONFLICT", "BUSY"})
"""Nothing was done: another key may be tried."""
_AGAIN, _PAUSE = 0.02, 0.1
_PATIENCE = 30.0
_SCHEDULES, _NUMBERS, _HALF_HOURS = 16, 400, 8
_CANCELLED_EACH = 3


@dataclass(slots=True)
class Key:
    """One call under one Idempotency-Key."""

    path: str
    raw: bytes
    key: str = field(default_factory=lambda: secrets.token_hex(12))
    sendings: int = 0
    answer: tuple[str, bytes] | None = None
    """Code and data of the decisive answer."""
    freed: bool = False
    """He was told that nothing was done, and went on with another key."""

    @property
    def acked(self) -> bool:
        return self.answer is not None

    def data(self) -> dict[str, str]:
        """What a call that was done gave. Its answer must be OK."""
        assert self.answer is not None
        found: dict[str, str] = json.loads(self.answer[1])
        return found


@dataclass(slots=True)
class Turn:
    """What one patient was told of one schedule."""

    patient: str
    schedule: str
    slot: str
    lock: Key | None = None
    book: Key | None = None
    cancel: Key | None = None


class Callers:
    """A handful of applications, each with one turn at a time. `wrong` holds what they heard that contradicts itself."""

    def __init__(self, bus: Bus, witness: Witness, *, lines: int = 4, pause: float = 0.05) -> None:
        self.ledger: list[Key] = []
        self.turns: list[Turn] = []
        self.wrong: list[str] = []
        self.waiting = 0
        """Calls that wait for an answer."""
        self.more = True
        self.pause = pause
        self._app = App(bus.http, "demo-app", secret(bus.site, "demo_app_secret"))
        self.http = aiohttp.ClientSession(
            f"http://127.0.0.1:{bus.http}",
            connector=aiohttp.TCPConnector(force_close=True),
            timeout=aiohttp.ClientTimeout(total=_PATIENCE),
        )
        self._wishes = _wishes(witness)
        self._tasks = [asyncio.create_task(_Line(self).run()) for _ in range(lines)]

    @property
    def acked(self) -> int:
        return sum(key.acked for key in self.ledger)

    @property
    def sent(self) -> int:
        return sum(bool(key.sendings) and not key.freed for key in self.ledger)

    @property
    def sendings(self) -> int:
        return sum(key.sendings for key in self.ledger)

    async def finish(self) -> None:
        """Begins no new turns; returns when every key is decided and has been repeated."""
        self.more = False
        await asyncio.gather(*self._tasks)
        for key in [key for key in self.ledger if key.acked]:
            await self.repeat(key)

    async def abandon(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.http.close()

    async def heard(self) -> None:
        """Returns when nobody waits for an answer: whatever a bus that died had said is in the ledger."""
        while self.waiting:  # noqa: ASYNC110 - the lines change it, and nobody else waits for it
            await asyncio.sleep(0.005)

    def begin(self) -> Turn:
        """The next patient's turn, with a schedule he has not had."""
        turn = next(self._wishes)
        self.turns.append(turn)
        return turn

    async def send(self, key: Key) -> tuple[str, bytes]:
        """Code and data that one sending heard. Raises aiohttp.ClientError or TimeoutError where it heard nothing."""
        headers = self._app.signed("POST", key.path, key.raw, key=key.key) | {"Content-Type": "application/json"}
        self.waiting += 1
        try:
            async with self.http.post(key.path, data=key.raw, headers=headers) as answer:
                said = json.loads(await answer.read())
        except aiohttp.ClientConnectorError:
            key.sendings -= 1  # nobody was there
            raise
        finally:
            key.sendings += 1
            self.waiting -= 1
        if answer.status >= 500 and said["code"] not in NOT_DONE | {"BACKEND_TIMEOUT"}:
            self.wrong.append(f"{key.path}: {answer.status} {said['code']}")
        return str(said["code"]), json.dumps(said["data"], ensure_ascii=False).encode()

    async def repeat(self, key: Key) -> None:
        """Sends a key again whose answer is known."""
        while True:
            try:
                again = await self.send(key)
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(_AGAIN)
                continue
            if again[0] == "BUSY":
                await asyncio.sleep(_PAUSE)
                continue
            if again != key.answer:
                self.wrong.append(f"{key.path}: the key heard {key.answer}, and later {again}")
            return


class _Line:
    """One application: a turn at a time."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._cut = False
        """A call was cut off since the last one that was answered."""
        self._decided: list[Key] = []
        """Keys that were decided since the bus died last."""

    async def run(self) -> None:
        for number in count(1):
            if not self._callers.more:
                return
            turn = self._callers.begin()
            await self._take(turn, cancels=number % _CANCELLED_EACH == 0)
            await asyncio.sleep(self._callers.pause)

    async def _take(self, turn: Turn, *, cancels: bool) -> None:
        wish = {"patientId": turn.patient, "scheduleId": turn.schedule, "slotId": turn.slot}
        turn.lock = await self._know(LOCK, wish)
        if not _is_ok(turn.lock):
            return
        turn.book = await self._know(BOOK, booking(turn.lock.data()["lockId"], turn.patient))
        if _is_ok(turn.book) and cancels:
            path = f"{BOOK}/{turn.book.data()['appointmentId']}/cancel"
            turn.cancel = await self._know(path, {"reason": "临时有事"})

    async def _know(self, path: str, body: dict[str, str]) -> Key:
        """Asks under one key until it is decided; under another where nothing was done."""
        raw = json.dumps(body, ensure_ascii=False).encode()
        key = self._new(path, raw)
        while True:
            said = await self._hear(key)
            if said[0] in NOT_DONE:
                key.freed = True
                key = self._new(path, raw)
            elif said[0] not in UNKNOWN:
                key.answer = said
                await self._look_back(key)
                return key
            await asyncio.sleep(_PAUSE)

    async def _hear(self, key: Key) -> tuple[str, bytes]:
        while True:
            try:
                return await self._callers.send(key)
            except (aiohttp.ClientError, TimeoutError):
                self._cut = True
                await asyncio.sleep(_AGAIN)

    async def _look_back(self, key: Key) -> None:
        """In a new life of the bus, repeats what the former one had decided."""
        before, self._decided = self._decided, [*self._decided, key]
        if self._cut:
            self._cut, self._decided = False, [key]
            for one in before:
                await self._callers.repeat(one)

    def _new(self, path: str, raw: bytes) -> Key:
        key = Key(path, raw)
        self._callers.ledger.append(key)
        return key


def _is_ok(key: Key) -> bool:
    return key.answer is not None and key.answer[0] == OK


def _wishes(witness: Witness) -> Iterator[Turn]:
    """Every patient of the campus with every schedule that is opened for them, spread over its half hours."""
    rows = witness.hospital.look("/patients", limit=_NUMBERS)["rows"]
    patients = [row["id"] for row in rows if row["campus"] == "main"]
    for number, (ahead, who) in enumerate(product(range(_SCHEDULES), range(len(patients)))):
        if who == 0:
            opened = witness.hospital.post("/his/schedules", department=CLINIC, day=day(3 + ahead % 8), total=_NUMBERS)
            schedule = f"{safe(opened['schedule'])}_7E{opened['day']}"
        begin = 8 * 60 + number % _HALF_HOURS * 30
        slot = f"{begin // 60:02d}:{begin % 60:02d}-{(begin + 30) // 60:02d}:{(begin + 30) % 60:02d}"
        yield Turn(patients[who], schedule, slot)
