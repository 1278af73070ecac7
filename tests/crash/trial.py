"""Lives and deaths of a bus on one journal, with traffic going on; then the three ledgers are compared."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from engine.journal.invariants import INVARIANTS
from tests.crash.bus_under_test import DIED
from tests.crash.flows import Destination, Flow, Sender
from tests.crash.ledger import Watch
from tests.crash.nursery import MortalBus
from tests.crash.points import Point, Scene
from tests.flow.programs import environment_of
from tests.flow.site import ask_journal, copy_site, eventually, journal_of, keep_on_postgres
from tests.peers.proxy import free_port

_DEATH = 60.0
"""Seconds that a life may last before it is ended from outside, without having reached its point."""
_SESSION = "hisbus-under-test"
_IN_FLIGHT = "select count(*) from deliveries where state = 'sending'"
_REPEATED = """
select count(*) from attempts a join attempts b on b.message = a.message and b.step = a.step and b.n = a.n + 1
where a.n > 0 and a.outcome = 'in_doubt' and not exists
(select 1 from acts p where p.message = a.message and p.step = a.step and p.verb = 'retry')"""


@dataclass(frozen=True, slots=True)
class Kill:
    """One death: at a pass of a point, or after so many seconds of life; `ready`: from when it accepts."""

    point: Point | None
    at: int = 1
    seconds: float = 0.0
    ready: bool = False

    @property
    def name(self) -> str:
        return self.point.name if self.point else "random"


@dataclass
class Result:
    """What a trial came to."""

    kills: Counter[str] = field(default_factory=Counter)
    """Deaths where they were meant, by name of the point."""
    found: Counter[str] = field(default_factory=Counter)
    """Deaths after which the journal held what §7 says."""
    missed: Counter[str] = field(default_factory=Counter)
    """Lives that never came to their point."""
    messages: int = 0
    sendings: int = 0
    calls: int = 0
    again: int = 0
    """Calls beyond the first of their token."""
    questions: int = 0
    in_flight: int = 0
    """Calls that a death found under way, or without an outcome yet."""
    repeated: int = 0
    """Calls that were sent again though nobody knew what had become of them, and no person wanted it."""
    findings: list[str] = field(default_factory=list)

    @property
    def agreed(self) -> bool:
        return not self.findings and not self.missed


class Trial:
    """One site, one journal, one sender, one destination, and a bus for each life."""

    def __init__(
        self, folder: Path, flow: Flow, *, postgres: str | None = None, told: Callable[[], None] = lambda: None
    ) -> None:
        """`postgres`: the address of an empty schema for the journal; None: SQLite. `told` hears of every death."""
        self.site = copy_site(folder / "site")
        flow.settle(self.site)
        if postgres is not None:
            keep_on_postgres(self.site, postgres)
        self.result = Result()
        self._told = told
        self._flow = flow
        self._postgres = postgres
        self._commits = cycle(("loop", "thread"))  # how the journal commits on quick disks and on slow ones
        self._destination: Destination = flow.destination(self.site)

    async def run(self, kills: Sequence[Kill]) -> Result:
        """Lets the bus die so often, then lets everything come to rest."""
        await self._destination.start()
        self._bus = MortalBus(self.site, free_port(), free_port(), self._destination.around)
        self._bus.environment |= environment_of(self._flow.settings)
        self._sender: Sender = self._flow.sender(self._bus, self._destination)
        try:
            for kill in kills:
                await self._life(kill)
            await self._rest()
            await self._sender.abandon()
            await asyncio.to_thread(self._judge)
        finally:
            await self._sender.abandon()
            self._bus.close()
            await self._destination.stop()
        return self.result

    async def _life(self, kill: Kill) -> None:
        if kill.point is None:
            await self._random(kill)
        else:
            await self._at_point(kill, kill.point)
        await self._sender.heard()
        await self._gone()
        self._look(kill)
        self._told()

    def _begin(self, **more: str) -> None:
        self._bus.begin({"HISBUS__JOURNAL__COMMIT": next(self._commits), **self._place(), **more})

    def _place(self) -> dict[str, str]:
        """Where the journal lies, for the bus: its sessions at a server bear a name by which they are known."""
        if self._postgres is None:
            return {}
        return {
            "HISBUS__JOURNAL__URL": f"{self._postgres.replace('bus@', '')}&application_name={_SESSION}",
            "HISBUS__JOURNAL__LOGIN": "{user: bus, password: {secret: gateway_secret}}",  # the server trusts its socket
            "HISBUS__JOURNAL__NODE": "one",
        }

    async def _gone(self) -> None:
        """Returns when the database has nothing to do any more for a bus that died."""
        if self._postgres is not None and self._begun():
            busy = "pg_stat_activity a join pg_locks l on l.pid = a.pid and l.relation = 'messages'::regclass"
            while ask_journal(self.site, f"select 1 from {busy} where a.application_name = ?", _SESSION):  # noqa: ASYNC110 - a server's end of work tells nobody
                await asyncio.sleep(0.01)

    async def _random(self, kill: Kill) -> None:
        self._begin()
        if kill.ready:
            await asyncio.to_thread(eventually, self._bus.ready, _DEATH, "the bus accepts")
        await asyncio.sleep(kill.seconds)
        self._bus.kill()
        self.result.kills["random"] += 1

    async def _at_point(self, kill: Kill, point: Point) -> None:
        if point.at_peer:
            self._destination.watch = self._watch(point.hook, kill.at)
            self._begin()
        else:
            self._begin(CRASH_POINT=point.hook, CRASH_AT=str(kill.at))
        reached = await self._dead(_DEATH)
        self._destination.watch = lambda _moment: False
        if reached and (point.at_peer or self._died_at(point.hook)):
            self.result.kills[point.name] += 1
        else:
            self.result.missed[point.name] += 1
            self._bus.close()

    def _watch(self, meant: str, at: int) -> Watch:
        left = at

        def watch(moment: str) -> bool:
            nonlocal left
            left -= moment == meant
            if moment != meant or left or not self._bus.alive:
                return False
            self._bus.kill()
            return True

        return watch

    async def _dead(self, seconds: float) -> bool:
        """Whether the bus was killed within the time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._bus.alive:  # noqa: ASYNC110 - another process's end tells nobody
                    await asyncio.sleep(0.01)
        return self._bus.code == -signal.SIGKILL

    def _died_at(self, hook: str) -> bool:
        lines = self._bus.said().splitlines()
        return bool(lines) and DIED in lines[-1] and json.loads(lines[-1])["path"] == hook

    def _look(self, kill: Kill) -> None:
        """What lies there after a death, before anybody has mended anything."""
        if not self._begun():
            return
        self.result.in_flight += ask_journal(self.site, _IN_FLIGHT)[0][0]
        for words, statement in INVARIANTS.items():
            if rows := ask_journal(self.site, f"{statement} limit 3"):
                self.result.findings.append(f"after {kill.name}: the journal breaks “{words}” at {rows}")
        if kill.point is not None and kill.point.found(self._scene()):
            self.result.found[kill.name] += 1

    def _begun(self) -> bool:
        """Whether a life has come so far that the journal has its tables."""
        if self._postgres is None and not journal_of(self.site).exists():
            return False
        tables = (
            "sqlite_master where name"
            if self._postgres is None
            else "pg_tables where schemaname = current_schema and tablename"
        )
        return bool(ask_journal(self.site, f"select 1 from {tables} = 'releases'"))

    def _scene(self) -> Scene:
        called = frozenset((call.token, call.attempt) for call in self._destination.ledger)
        return Scene(self.site, self._sender.acked, self._sender.sent, called)

    async def _rest(self) -> None:
        """A last life, in which everything ends; the bus is then stopped in order."""
        self._bus.begin(self._place())
        try:
            async with asyncio.timeout(self._flow.rest):
                await self._sender.finish()
                while self._bus.open():  # noqa: ASYNC110 - another process's journal tells nobody
                    await asyncio.sleep(0.05)
        except TimeoutError:
            left = self._bus.open()
            self.result.findings.append(
                f"after {self._flow.rest:g} s {left} messages have not ended, or their senders do not know"
            )
        if (code := await asyncio.to_thread(self._bus.stop)) != 0:
            self.result.findings.append(f"the last bus ended with {code}")

    def _judge(self) -> None:
        sender, calls, result = self._sender, self._destination.ledger, self.result
        result.messages, result.sendings = len(sender.ledger), sender.sendings
        result.calls, result.again = len(calls), len(calls) - len({call.token for call in calls})
        result.questions = self._destination.questions
        result.repeated = ask_journal(self.site, _REPEATED)[0][0]
        if failed := self._bus.said().count('"event": "delivery_failed"'):
            result.findings.append(f"{failed} times the bus itself failed at a delivery")
        if result.repeated > result.in_flight:
            result.findings.append(f"{result.repeated} calls were repeated, of {result.in_flight} that were in flight")
        result.findings += [
            *sender.wrong[:10],
            *self._destination.wrong[:10],
            *self._flow.findings(self.site, sender, self._destination),
        ]
