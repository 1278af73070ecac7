"""A small site whose rows are read on from a real database: a clinic that writes them, and an office that gets them."""

import asyncio
import inspect
import sqlite3
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import orjson
from aiohttp import web

from engine.app.bus import Bus
from engine.base.clock import SystemClock, to_micros
from engine.cli.site import Adapters
from engine.routing import feeding, schedule
from engine.routing.schedule import Schedules
from engine.settings.layers import load_config
from engine.settings.problems import Problems

VISIT = """
shape: visit
fields: {no: {required: true}, who: text, fee: money, day: date}
"""
CLINIC = """
profile: desk/clinic
adapter: sql
outgoing:
  visits_of:
    effect: none
    sql:
      kind: query
      statement: >
        select no, who, fee, changed_at from visits
        where (changed_at, no) > (:cursor_changed_at, :cursor_no) and changed_at < :until
        order by changed_at, no limit :limit
      cursor: [changed_at, no]
      start: ["", ""]
incoming:
  visits:
    gives: visit
    feed: visits_of
    read: {no: {from: no, required: true}, who: {from: who, required: true}, fee: fee}
    empty: {no: "'none of ' & $day", day: $day}
    examples:
      - {name: a row, message: {no: V1, who: P1, fee: 500}, gives: {no: V1, who: P1, fee: 500}}
      - {name: a row of nobody, message: {no: V1}, refused: who}
"""
OFFICE = """
profile: desk/office
adapter: http
format: json
outgoing:
  report:
    takes: visit
    effect: change
    http: {path: /report}
    request: {no: no, who: who, day: day, campus: $campus}
    meaning: {code: code, delivered: ["0"], refused: {"1": full}, unavailable: ["2"]}
"""
ROUTES = """
routes:
  visits:
    from: clinic.visits
    key: no
    schedule: {cron: "30 1 * * *", batch: 4}
    steps: {report: {to: office.report, refused: park}}
"""
CONFIG = """
site: {campuses: [main, north]}
systems:
  clinic: {profile: desk/clinic, url: "sqlite:///clinic.db"}
  office: {profile: desk/office, url: "%s", limits: {at_once: 1}, breaker: {after: 1000}}
secrets: [{files: keys}]
journal: {reserve: 1MB}
log: {level: error}
"""
EVENING = "2026-11-20T22:00:00+08:00"


class Clinic:
    """A clinic's own database, which the bus may only read."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.run("create table if not exists visits (no text primary key, who text, fee integer, changed_at text)")

    def run(self, statement, *values):
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute(statement, values)

    def visit(self, no, at="2026-11-20T10:00:00", who="P1"):
        self.run("insert into visits values (?, ?, 500, ?)", no, who, at)

    def visits(self, *numbers, at="2026-11-20T10:00:00"):
        for no in numbers:
            self.visit(no, at)


class Office:
    """Keeps what is reported to it; `closed`: it takes nothing just now."""

    def __init__(self):
        self.got = []
        self.codes = {}
        self.closed = False

    async def serve(self, request):
        said = orjson.loads(await request.read())
        if self.closed:
            return web.json_response({"code": "2"})
        self.got.append(said)
        return web.json_response({"code": self.codes.get(said["no"], "0")})

    @property
    def numbers(self):
        return [one["no"] for one in self.got]


class MovedOn(SystemClock):
    """A real clock that begins on an evening, and jumps when it is told to."""

    def __init__(self, at=EVENING):
        self._moved = 0
        super().__init__()
        self._moved = to_micros(datetime.fromisoformat(at)) - super().now()

    def now(self):
        return super().now() + self._moved

    def monotonic(self):
        return super().monotonic() + self._moved / 1_000_000

    def to(self, at):
        """Jumps to a moment of the clinic's day."""
        self._moved += to_micros(datetime.fromisoformat(at + "+08:00")) - self.now()

    def on(self, bus, **by):
        """Jumps ahead, and lets what waits for a try look at the clock."""
        self._moved += timedelta(**by) // timedelta(microseconds=1)
        bus.delivery.wake()


def write(folder, url, *changes):
    """The site in a folder; `changes`: pieces of its texts, each with what stands there instead."""
    texts = {
        "mappings/shapes/visit.yaml": VISIT,
        "mappings/desk/clinic.yaml": CLINIC,
        "mappings/desk/office.yaml": OFFICE,
        "routes.yaml": ROUTES,
        "config/desk.yaml": CONFIG % url,
        "keys/journal_key": "k" * 64,
        "keys/bus": "trusted by its socket",
    }
    for old, new in changes:
        assert any(old in text for text in texts.values()), old
        texts = {name: text.replace(old, new) for name, text in texts.items()}
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Clinic(folder / "clinic.db")


@asynccontextmanager
async def running(folder, clock=None):
    """The bus of a site, on a clock of the test's own."""
    loaded = load_config(folder, "desk", {}, Problems())
    bus = Bus(folder, loaded, Adapters(), clock=clock)
    sleep, asleep = Schedules._sleep_until, []

    async def noted(schedules, due):
        asleep.append(schedules)
        await sleep(schedules, due)

    with patch.object(Schedules, "_sleep_until", noted):
        await bus.start()
        try:
            # Each schedule has looked at the clock: a jump from now on is a jump to it.
            await until(lambda: asleep.count(bus.schedules) >= len(bus.schedules._asked))
            yield bus
        finally:
            await bus.stop()


def quicken(monkeypatch):
    """A jump of the clock is seen at once."""
    for module, name in ((schedule, "_LOOK"), (schedule, "_BEHIND"), (feeding, "_LOOK")):
        monkeypatch.setattr(module, name, 0.01)


async def until(true):
    """Returns once something has come true; it may have to be awaited."""
    async with asyncio.timeout(60):
        while not (await found if inspect.isawaitable(found := true()) else found):  # noqa: ASYNC110 - another task's doing
            await asyncio.sleep(0.01)


async def goes_by(clock, bus, true):
    """Lets time go by in steps until something has come true: what was tried in vain is tried again."""
    async with asyncio.timeout(60):
        while not true():
            clock.on(bus, seconds=20)
            await asyncio.sleep(0.02)


async def waits(bus, route, count):
    """Whether so many messages of a route are on their way."""
    return await bus.journal.under_way(route, count) == count


async def counts(bus):
    """How many messages each route has."""
    return dict(await bus.journal.store.fetch("select route, count(*) from messages group by route"))
