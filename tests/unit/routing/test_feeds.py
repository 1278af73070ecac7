"""Rows read on from a real database: each accepted once, in its place, whatever breaks off in the middle of a page."""

import asyncio
import json

import pytest
from click.testing import CliRunner
from feeds_desk import MovedOn, Office, counts, goes_by, quicken, running, until, waits, write
from offices import served

from engine.base import log
from engine.base.errors import BusError, Code
from engine.cli.main import main
from engine.contract import Unavailable
from tests.postgres_server import postgres

__all__ = ["postgres"]

CURSOR = "feed/visits/clinic.visits_of/main"


@pytest.fixture
async def office():
    async with served(Office()) as found:
        yield found


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    quicken(monkeypatch)


async def reached(bus, name=CURSOR):
    """The number of the row behind which the feed goes on."""
    text = await bus.journal.rider(name)
    return json.loads(json.loads(text)[0])[-1][1] if text else None


async def test_rows_become_messages_in_their_order_and_those_of_today_wait(tmp_path, office):
    clinic = write(tmp_path, office.url)
    clinic.visits("V1", "V2", "V3", "V5", "V6", "V7")
    clinic.visit("V4", who=None)
    clinic.visit("W1", at="2026-11-21T00:30:00")
    clock = MovedOn("2026-11-21T09:00:00+08:00")
    async with running(tmp_path, clock) as bus:
        (run,) = await bus.schedules.collect("visits")
        assert (run.found.count, run.found.refused, run.code) == (7, 1, "")
        assert (await counts(bus), await reached(bus)) == ({"visits": 6, "refused": 1}, "V7")
        clinic.visit("V8", at="2026-11-20T11:00:00")
        (run,) = await bus.schedules.collect("visits")
        assert run.found.count == 1
        await until(lambda: len(office.got) == 7)
        clock.to("2026-11-22T01:30:01")
        await until(lambda: len(office.got) == 8)
        rows = await bus.journal.store.fetch("select seq from messages where route = 'visits' order by seq")
        kept = [json.loads((await bus.journal.raw(seq))[0])["no"] for (seq,) in rows]
    assert kept == sorted(office.numbers) == ["V1", "V2", "V3", "V5", "V6", "V7", "V8", "W1"]
    assert {one["campus"] for one in office.got} == {"main"}, "one database, read once for all campuses"


@pytest.mark.parametrize("failing", range(8))
async def test_a_cursor_never_passes_a_row_that_was_not_accepted(tmp_path, office, failing):
    """The journal takes nothing at one moment of the run: at each of its rows in turn."""
    clinic = write(tmp_path, office.url)
    clinic.visits("V1", "V2", "V4", "V5", "V6", "V7")
    clinic.visit("V3", who=None)
    order = ["V1", "V2", "V3", "V4", "V5", "V6", "V7"]
    async with running(tmp_path, MovedOn("2026-11-21T09:00:00+08:00")) as bus:
        accept, met = bus.journal.accept, []

        async def full(message, room):
            met.append(message.id)
            if len(met) == failing + 1:
                raise BusError(Code.BUSY, "the disk is full")
            return await accept(message, room)

        bus.journal.accept = full
        (run,) = await bus.schedules.collect("visits")
        assert run.code == ("BUSY" if failing < 7 else "")
        kept, passed = await counts(bus), await reached(bus)
        behind = order.index(passed) + 1 if passed else 0
        assert sum(kept.values()) >= behind
        assert passed in {None, "V4", "V7"}, "pages are whole"
        (run,) = await bus.schedules.collect("visits")
        assert (run.code, await reached(bus)) == ("", "V7")
        assert await counts(bus) == {"visits": 6, "refused": 1}
        await until(lambda: len(office.got) == 6)
    assert sorted(office.numbers) == ["V1", "V2", "V4", "V5", "V6", "V7"]


async def test_a_missed_night_is_made_up_for_at_the_pace_of_the_office(tmp_path, office):
    clinic = write(tmp_path, office.url)
    for day in (18, 19, 20):
        clinic.visits(*[f"{day}-{number:02d}" for number in range(10)], at=f"2026-11-{day}T10:00:00")
    clock = MovedOn("2026-11-18T22:00:00+08:00")
    async with running(tmp_path, clock) as bus:
        clock.to("2026-11-19T01:30:01")
        await until(lambda: len(office.got) == 10)
        await until(lambda: not bus.schedules.failing)
    clock.to("2026-11-21T08:00:00")
    office.closed = True
    async with running(tmp_path, clock) as bus:
        await until(lambda: waits(bus, "visits", 4))
        for _ in range(20):
            await asyncio.sleep(0.01)
            assert await bus.journal.under_way("visits", 99) <= 7, "less than a page, and one page more"
        with pytest.raises(BusError, match="is being read"):
            await bus.schedules.collect("visits")
        office.closed = False
        await goes_by(clock, bus, lambda: len(office.got) == 30)
        await until(lambda: not bus.schedules.failing)
    assert len(set(office.numbers)) == 30


async def test_a_source_that_cannot_be_reached_is_asked_again_from_where_it_was(tmp_path, office):
    clinic = write(tmp_path, office.url)
    clinic.visits(*[f"V{number}" for number in range(9)])
    clock = MovedOn()
    async with running(tmp_path, clock) as bus:
        wire = bus.delivery._workers["clinic"].system.wire("main")
        feed, pages = wire._feed, []
        pull = feed.pull

        def flaky(*asked):
            pages.append(asked)
            if len(pages) in {2, 3}:
                raise Unavailable("connect_failed")
            return pull(*asked)

        feed.pull = flaky
        clock.to("2026-11-21T01:30:01")
        await until(lambda: len(pages) == 2)
        await until(lambda: bus.schedules.failing)
        assert await reached(bus) == "V3"
        clock.on(bus, seconds=61)
        await until(lambda: len(pages) == 3)
        clock.on(bus, seconds=121)
        await until(lambda: not bus.schedules.failing)
        await until(lambda: len(office.got) == 9)
    cursors = [asked[1] for asked in pages]
    assert cursors[1] == cursors[2] == cursors[3]


EMPTY = ("batch: 4}", "batch: 4, empty: send}")


async def test_a_day_without_rows_is_said_once_and_a_run_that_broke_off_was_none(tmp_path, office):
    clinic = write(tmp_path, office.url, EMPTY)
    clock = MovedOn()
    async with running(tmp_path, clock) as bus:
        clock.to("2026-11-21T01:30:01")
        await until(lambda: len(office.got) == 1)
        await until(lambda: not bus.schedules.failing)
        assert office.got == [{"no": "none of 2026-11-20", "day": "2026-11-20", "campus": "main"}]
        clinic.visits("V1", at="2026-11-21T10:00:00")
        take = bus.journal.take

        async def full(name, seen, value):
            if json.loads(value)[3] == 0:  # the end of the run, after its only page
                raise BusError(Code.BUSY, "the disk is full")
            return await take(name, seen, value)

        bus.journal.take = full
        clock.to("2026-11-22T01:30:01")
        await until(lambda: len(office.got) == 2)
        await until(lambda: bus.schedules.failing)
        bus.journal.take = take
        clock.on(bus, seconds=61)
        await until(lambda: not bus.schedules.failing)
        clock.to("2026-11-23T01:30:01")
        await until(lambda: len(office.got) == 3)
    assert office.numbers == ["none of 2026-11-20", "V1", "none of 2026-11-22"]


async def test_a_day_that_had_rows_is_not_said_to_have_had_none_when_it_is_collected_again(tmp_path, office):
    clinic = write(tmp_path, office.url, EMPTY)
    clinic.visits("V1")
    clock = MovedOn("2026-11-21T09:00:00+08:00")
    async with running(tmp_path, clock) as bus:
        await bus.schedules.collect("visits")
        await bus.schedules.collect("visits")
    async with running(tmp_path, clock) as bus:
        await bus.schedules.collect("visits")
        clock.to("2026-11-22T01:30:01")
        await until(lambda: len(office.got) == 2)
    assert office.numbers == ["V1", "none of 2026-11-21"]


async def test_an_empty_message_is_read_again_after_a_restart(tmp_path, office):
    write(tmp_path, office.url, EMPTY)
    clock = MovedOn("2026-11-21T09:00:00+08:00")
    office.closed = True
    async with running(tmp_path, clock) as bus:
        await bus.schedules.collect("visits")
    office.closed = False
    clock.to("2026-11-21T10:00:00")
    async with running(tmp_path, clock):
        await until(lambda: office.numbers == ["none of 2026-11-20"])


LATER = """
  later:
    from: clinic.others
    key: no
    schedule: {cron: "30 1 * * *", after: visits}
    steps: {report: {to: office.report, map: later}}
"""
OTHERS = """
  others:
    gives: visit
    feed: visits_of
    read: {no: no, who: who}
"""
BETWEEN = """
between: later
takes: visit
gives: visit
fields: {no: "'later ' & no"}
"""


async def test_a_route_goes_after_another_and_does_not_wait_for_a_person(tmp_path, office):
    clinic = write(tmp_path, office.url, (", refused: park}}\n", ", refused: park}}\n" + LATER))
    profile = tmp_path / "mappings/desk/clinic.yaml"
    profile.write_text(profile.read_text() + OTHERS)
    (tmp_path / "mappings/between").mkdir()
    (tmp_path / "mappings/between/later.yaml").write_text(BETWEEN)
    clinic.visits(*[f"V{number}" for number in range(6)])
    office.codes = {"V1": "1"}
    office.closed = True
    clock = MovedOn()
    async with running(tmp_path, clock) as bus:
        clock.to("2026-11-21T01:30:01")
        await until(lambda: waits(bus, "visits", 4))
        with pytest.raises(BusError, match="messages of visits go first"):
            await bus.schedules.collect("later")
        office.closed = False
        await goes_by(clock, bus, lambda: len(office.got) == 12)
        await until(lambda: not bus.schedules.failing)
    first, second = sorted(office.numbers[:6]), sorted(office.numbers[6:])
    assert (first, second) == ([f"V{number}" for number in range(6)], [f"later V{number}" for number in range(6)])


async def test_a_person_collects_at_the_command_line(tmp_path, office):
    """On a day off, as a program: what it found, and exit code 3 where it could not be read."""
    (tmp_path / "days.yaml").write_text("off: [2026-11-20]\n")
    changes = ("batch: 4}", "batch: 4, days: work}"), ("[main, north]}", "[main, north], calendar: days.yaml}")
    clinic = write(tmp_path, office.url, *changes)
    clinic.visits("V1", "V2", at="2026-11-19T10:00:00")
    clinic.visit("V3", at="2026-11-19T11:00:00", who=None)
    asked = ["collect", "visits", "--site", str(tmp_path), "--env", "desk"]
    run = lambda *more: asyncio.to_thread(CliRunner().invoke, main, [*asked, *more])  # noqa: E731 - three times the same
    with log.only("critical"):
        async with running(tmp_path, MovedOn()):
            await told_of(clinic, run)
    assert (await run()).exit_code == 3, "no bus runs"


async def told_of(clinic, run):
    told = await run()
    assert (told.exit_code, told.stdout.splitlines()[1].split()) == (0, ["clinic.visits", "main", "3", "1", "good"])
    clinic.run("drop table visits")
    told = await run("--json")
    assert (told.exit_code, json.loads(told.stdout)[0]["code"]) == (3, "BACKEND_UNAVAILABLE")
    assert (await run("--campus", "north")).exit_code == 3


async def test_what_a_stop_broke_off_can_be_collected_at_once(tmp_path, office):
    clinic = write(tmp_path, office.url)
    clinic.visits(*[f"V{number}" for number in range(9)])
    office.closed = True
    clock = MovedOn()
    async with running(tmp_path, clock) as bus:
        clock.to("2026-11-21T01:30:01")
        await until(lambda: waits(bus, "visits", 4))
    office.closed = False
    clock.to("2026-11-21T01:30:10")
    async with running(tmp_path, clock) as bus:
        (run,) = await bus.schedules.collect("visits")  # no jump of the clock meanwhile: a page has a time limit
        assert (run.found.count, run.code) == (5, "")
        await until(lambda: len(office.got) == 9)


async def test_nobody_collects_what_has_no_schedule(tmp_path, office):
    write(tmp_path, office.url)
    async with running(tmp_path, MovedOn()) as bus:
        for route, campus in (("visitors", None), ("visits", "north")):
            with pytest.raises(BusError, match="no schedule runs this route"):
                await bus.schedules.collect(route, campus)


async def test_each_campus_with_a_database_of_its_own_has_a_cursor_of_its_own(tmp_path, office):
    place = 'url: "sqlite:///clinic.db"'
    clinic = write(tmp_path, office.url, (place, place + ', at: {north: {url: "sqlite:///north.db"}}'))
    clinic.visits("V1", "V2")
    north = type(clinic)(tmp_path / "north.db")
    north.visits("V1", "V9")
    async with running(tmp_path, MovedOn()) as bus:
        clock_day = await bus.schedules.collect("visits", "north")
        assert [run.found.count for run in clock_day] == [0], "of today: it waits"
        bus.clock.to("2026-11-21T01:30:01")
        await until(lambda: len(office.got) == 4)
        assert await reached(bus, "feed/visits/clinic.visits_of/north") == "V9"
    assert sorted((one["campus"], one["no"]) for one in office.got) == [
        ("main", "V1"), ("main", "V2"), ("north", "V1"), ("north", "V9")
    ]  # fmt: skip


@pytest.mark.postgres
async def test_a_node_that_stood_still_stores_nothing_of_what_another_took_over(tmp_path, office, postgres):
    url = postgres.fresh().replace("bus@", "")
    journal = f'{{url: "{url}", node: NODE, login: {{user: bus, password: {{secret: bus}}}}}}'
    numbers = [f"V{number:02d}" for number in range(10)]
    for node in ("a", "b"):
        change = "journal: {reserve: 1MB}", "journal: " + journal.replace("NODE", node)
        write(tmp_path / node, office.url, change).visits(*numbers)
    clock = MovedOn()
    async with running(tmp_path / "a", clock) as one, running(tmp_path / "b", clock) as two:
        held, stands = {}, asyncio.Event()
        for name, bus in (("a", one), ("b", two)):
            wire = bus.delivery._workers["clinic"].system.wire("main")

            async def slow(pull, limit, start_by, name=name, wire=wire, there=wire.pull):
                page = await there(pull, limit, start_by)
                if held.setdefault("by", name) == name and pull.cursor is not None:
                    held["page"] = True
                    await stands.wait()
                return page

            wire.pull = slow
        clock.to("2026-11-21T01:30:01")
        await until(lambda: "page" in held)
        clock.on(one, seconds=70)
        await until(lambda: len(office.got) == 10)
        other = two if held["by"] == "a" else one
        await until(lambda: not other.schedules.failing)
        before = await counts(one), await reached(one)
        stands.set()
        mine = one if held["by"] == "a" else two
        await until(lambda: not mine.schedules.failing)
        assert (await counts(one), await reached(one)) == before == ({"visits": 10}, "V09")
    assert sorted(office.numbers) == numbers
