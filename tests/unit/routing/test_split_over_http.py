"""A whole bus over HTTP: one notice, many bookings, each done once, and the last step after all of them."""

import asyncio
import json
import sys
import textwrap
from collections import Counter

import aiohttp
import pytest
from aiohttp import web
from offices import served
from split_desk import ROUTES, SPLIT_TEXTS
from test_bus_over_http import CONFIG, running

from engine.journal.interface import Act
from engine.journal.invariants import INVARIANTS


class Office:
    """The system behind: knows the bookings of a schedule, and keeps what it was asked."""

    def __init__(self):
        self.bookings = []
        self.ledger = []
        self.codes = {}
        """By (operation, booking) what it answers; without an entry it says yes."""

    async def serve(self, request):
        name = request.path.strip("/")
        if name == "find":
            self.ledger.append((name, {}))
            return web.json_response({"bookings": self.bookings})
        body = json.loads(await request.read())
        self.ledger.append((name, body))
        return web.json_response({"code": self.codes.get((name, body.get("no")), "0")})

    def told(self, name="tell"):
        return [body["no"] for called, body in self.ledger if called == name]

    def done(self):
        return [body for called, body in self.ledger if called == "done"]


def booking(number, **more):
    return {"no": f"B{number:05d}", "who": f"P{number}", "paid": "no", **more}


@pytest.fixture
async def office():
    async with served(Office()) as found:
        yield found


@pytest.fixture
def folder(tmp_path, office):
    for name, text in {**SPLIT_TEXTS, "routes.yaml": ROUTES, "config/desk.yaml": CONFIG % office.url}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "journal_key").write_text("k" * 64)
    return tmp_path


async def post(address, **notice):
    async with (
        aiohttp.ClientSession() as session,
        session.post(address, json={"type": "stopped", "begin": "0800", **notice}) as answer,
    ):
        return answer.status


async def quiet(bus, parked=0):
    """Waits until nothing has anything to do but what `parked` deliveries hold up; the journal is sound then."""
    for _ in range(1500):
        rows = await bus.journal.store.fetch("select state, count(*) from deliveries group by state")
        states = dict(rows)
        busy = states.keys() & {"ready", "claimed", "sending"}
        if states and not busy and states.get("parked", 0) == parked and (parked or "waiting" not in states):
            break
        await asyncio.sleep(0.02)
    else:
        raise AssertionError(states)
    for words, statement in INVARIANTS.items():
        assert not await bus.journal.store.fetch(statement), words
    return states


async def retry_parked(bus):
    rows = await fetched(bus, "select message, step from deliveries where state = 'parked'")
    for seq, step in rows:
        act = Act("retry", seq, step, "tester", "they have nothing")
        bus.delivery.spread(await bus.journal.act(act, None, bus.delivery.room))


async def fetched(bus, statement):
    return [tuple(row) for row in await bus.journal.store.fetch(statement)]


async def test_each_booking_is_done_once_and_then_the_last_step(folder, office):
    office.bookings = [booking(n) for n in range(3)] + [booking(3, paid="yes")]
    office.codes["cancel", "B00001"] = "1"  # a child that is refused fails nobody else
    async with running(folder) as bus:
        assert await post(bus.listeners["source"].address, schedule="S1", campus="north") == 200
        states = await quiet(bus)
        assert states == {"delivered": 3 + 4 + 2, "refused": 1, "skipped": 1}
        assert sorted(office.told()) == ["B00000", "B00001", "B00002", "B00003"]
        assert sorted(office.told("cancel")) == ["B00000", "B00001", "B00002"]
        assert office.ledger[-1] == ("done", {"schedule": "S1", "count": 4})
        assert {body["begin"] for name, body in office.ledger if name == "tell"} == {"0800"}
        rows = await fetched(bus, "select seq from messages where route = 'booking_stopped'")
        metas = [(await bus.journal.raw(seq))[1] for (seq,) in rows]
        assert {(meta["system"], meta["campus"]) for meta in metas} == {("route", "north")}


async def test_the_last_step_waits_for_a_child_that_a_person_must_see(folder, office):
    office.bookings = [booking(0), booking(1)]
    office.codes["cancel", "B00001"] = "9"  # neither yes nor no
    async with running(folder) as bus:
        await post(bus.listeners["source"].address, schedule="S1")
        await quiet(bus, parked=1)
        assert office.done() == []
    office.codes.clear()
    async with running(folder) as bus:  # what is read again after a restart is the same document
        await retry_parked(bus)
        await quiet(bus)
        assert office.told("cancel").count("B00001") == 2
        assert office.done() == [{"schedule": "S1", "count": 2}]


async def test_the_same_booking_from_two_notices_is_done_once(folder, office):
    office.bookings = [booking(n) for n in range(5)]
    async with running(folder) as bus:
        for schedule in ("S1", "S2"):
            await post(bus.listeners["source"].address, schedule=schedule)
            await quiet(bus)
        assert Counter(office.told()) == Counter({f"B{n:05d}": 1 for n in range(5)})
        assert [body["schedule"] for body in office.done()] == ["S1", "S2"]


async def test_nothing_found_is_nothing_to_wait_for(folder, office):
    async with running(folder) as bus:
        await post(bus.listeners["source"].address, schedule="S1")
        await quiet(bus)
        assert office.done() == [{"schedule": "S1", "count": 0}]


async def test_an_item_that_is_no_booking_is_kept_as_refused_and_holds_up_nobody(folder, office):
    office.bookings = [booking(0), {"who": "P9"}, booking(2)]
    async with running(folder) as bus:
        await post(bus.listeners["source"].address, schedule="S1")
        await quiet(bus)
        assert office.told() == ["B00000", "B00002"]
        assert office.done() == [{"schedule": "S1", "count": 3}]
        ((seq, parent),) = await fetched(bus, "select seq, parent from messages where route = 'refused'")
        raw, meta = await bus.journal.raw(seq)
        assert (json.loads(raw)["who"], meta["code"]) == ("P9", "VALIDATION_FAILED")
        assert parent is not None


async def test_a_split_goes_on_where_it_was_stopped(folder, office, monkeypatch):
    monkeypatch.setattr("engine.routing.split.PAGE", 10)
    office.bookings = [booking(n) for n in range(200)]
    async with running(folder) as bus:
        await post(bus.listeners["source"].address, schedule="S1")
        for _ in range(2000):
            if await fetched(bus, "select 1 from splits where taken >= 20"):
                break
            await asyncio.sleep(0.001)
    async with running(folder) as bus:
        await quiet(bus)
        assert Counter(office.told()) == Counter({f"B{n:05d}": 1 for n in range(200)})
        assert office.done() == [{"schedule": "S1", "count": 200}]


KILLED = """
    import asyncio, os, sys
    from pathlib import Path
    from engine.app.bus import Bus
    from engine.base import log
    from engine.cli.site import Adapters
    from engine.settings.layers import load_config
    from engine.settings.problems import Problems

    pages = 0

    def crash(point):
        global pages
        pages += point == sys.argv[2]
        if pages == 2:
            os._exit(9)

    async def main(folder):
        log.set_up("error")
        bus = Bus(folder, load_config(folder, "desk", {}, Problems()), Adapters(), crash=crash)
        await bus.start()
        print(bus.listeners["source"].address, flush=True)
        await asyncio.Event().wait()

    asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("point", "made"), [("before-split-commit", 500), ("after-split-commit", 1000)])
async def test_killed_in_the_middle_every_child_exists_once(folder, office, request, monkeypatch, point, made):
    monkeypatch.chdir(request.config.rootpath)
    office.bookings = [booking(n) for n in range(2000)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(KILLED), str(folder), point, stdout=asyncio.subprocess.PIPE
    )
    try:
        address = (await process.stdout.readline()).decode().strip()
        assert await post(address, schedule="S1") == 200
        async with asyncio.timeout(60):
            assert await process.wait() == 9
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    known = set(office.told())
    assert len(known) < 2000
    async with running(folder) as bus:
        assert await fetched(bus, "select count(*) from messages where route = 'booking_stopped'") >= [(made,)]
        for _ in range(200):
            if office.done():
                break
            await retry_parked(bus)  # what was under way when it was killed, and nobody can be asked about
            await asyncio.sleep(0.1)
        await quiet(bus)
        keys = await fetched(bus, "select count(*), count(distinct key) from messages where route = 'booking_stopped'")
        assert keys == [(2000, 2000)]
        assert set(office.told()) == {f"B{n:05d}" for n in range(2000)}
        assert office.done() == [{"schedule": "S1", "count": 2000}]
        assert office.ledger[-1][0] == "done"
