"""Whether everything of a day went out: what the source counts, beside what the journal says became of it."""

import asyncio
import json
import sys
from datetime import datetime
from pathlib import Path

import pytest
from aiohttp import web
from feeds_desk import MovedOn, Office, running, write
from offices import served

from engine.app.commands import commands
from engine.app.completeness import closed, completeness, leave_out
from engine.app.journal import journal_place
from engine.base.clock import to_micros
from engine.base.errors import BusError
from engine.journal.history import open_history
from tests.postgres_server import postgres

__all__ = ["postgres"]

ROOT = Path(__file__).parents[3]

DAY = """
shape: day
fields: {day: {type: date, required: true}}
"""
DAY_COUNT = """
shape: day_count
fields: {count: {type: integer, required: true}}
"""
COUNT = """outgoing:
  visit_count:
    takes: day
    gives: day_count
    effect: none
    sql: {kind: query, statement: "select count(*) as n from visits where substr(changed_at, 1, 10) = :day"}
    request: {day: day}
    reply: {count: rows(0).n}
"""
CHANGES = (
    ("shape: visit\n", "shape: visit\nfind: {day: day}\n"),
    ("fee: money, ", "fee: money, version: text, "),
    ("outgoing:\n  visits_of", f"{COUNT}  visits_of"),
    ("feed: visits_of\n", "feed: visits_of\n    count: visit_count\n"),
    ("fee: fee}\n", "fee: fee, day: changed_at | left(10), version: fee}\n"),
    ("gives: {no: V1, who: P1, fee: 500}", 'gives: {no: V1, who: P1, fee: 500, version: "500"}'),
    ("code: code,", "code: code, text: text,"),
    ("key: no\n", "key: [no, version]\n    amends: no\n"),
)


REFUSED = '{"code": "1", "text": "诊断编码不合法"}'


class Said(Office):
    """An office that says why it refuses, as regulators do."""

    async def serve(self, request):
        answer = await super().serve(request)
        refused = self.got and self.codes.get(self.got[-1]["no"]) == "1"
        return web.json_response(text=REFUSED) if refused else answer


@pytest.fixture
async def office():
    async with served(Said()) as found:
        yield found


def site(folder, office, *changes):
    """The desk's site, with days that are counted and corrections that amend."""
    (folder / "mappings/shapes").mkdir(parents=True)
    (folder / "mappings/shapes/day.yaml").write_text(DAY, encoding="utf-8")
    (folder / "mappings/shapes/day_count.yaml").write_text(DAY_COUNT, encoding="utf-8")
    return write(folder, office.url, *CHANGES, *changes)


async def asked(bus, day=None):
    """The report on the only route, by the journal as others read it."""
    expected = await commands(bus)["expected"]({"day": day})
    place = await journal_place(bus.site, bus.config, bus.secrets)
    history = await open_history(place.url, place.ring, place.settings.keys)
    try:
        tallies = await completeness(history, expected)
    finally:
        await history.close()
    leave_out(tallies, await commands(bus)["corrections"]({"ids": closed(tallies)}))
    return tallies[0]


async def through(bus):
    """Returns once nothing moves by itself any more."""
    async with asyncio.timeout(60):
        while await bus.journal.under_way("visits", 1):  # noqa: ASYNC110 - what is waited for is the bus's doing
            await asyncio.sleep(0.01)


def instant(text):
    return to_micros(datetime.fromisoformat(text))


def counted(tally):
    """The numbers of a report that are not nought."""
    kinds = ("should", "came", "accepted", "refused", "parked", "in_doubt", "waiting", "closed", "late", "missing")
    return {kind: getattr(tally, kind) for kind in kinds if getattr(tally, kind)}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def journal(request):
    """Where the site's journal lies, as a change of its settings."""
    if request.param == "sqlite":
        return "reserve: 1MB", "reserve: 1MB"
    url = request.getfixturevalue("postgres").fresh().replace("bus@", "")
    return "reserve: 1MB", f'url: "{url}", login: {{user: bus, password: {{secret: bus}}}}'


async def test_a_day_is_told_from_what_should_have_gone_to_what_was_refused_and_corrected(tmp_path, office, journal):
    clinic = site(tmp_path, office, journal)
    clinic.visits("V1", "V2", "V3")
    clinic.visit("V4", who=None)
    clinic.visit("W1", at="2026-11-19T10:00:00")
    office.codes["V2"] = "1"
    async with running(tmp_path, MovedOn("2026-11-21T09:00:00+08:00")) as bus:
        await bus.schedules.collect("visits")
        await through(bus)
        tally = await asked(bus, "2026-11-20")
        assert counted(tally) == {"should": 4, "came": 3, "accepted": 2, "parked": 1, "late": 2, "missing": 1}
        assert not tally.whole
        (trouble,) = tally.troubles
        assert (trouble.state, trouble.code) == ("parked", "full")
        assert (trouble.backend_code, trouble.backend_text) == ("1", "诊断编码不合法")
        assert tally.due == instant("2026-11-21T01:30:00+08:00")
        assert instant("2026-11-21T09:00:00+08:00") <= tally.accepted_at <= bus.clock.now()
        office.codes.clear()
        clinic.run("update visits set fee = 600, changed_at = '2026-11-20T11:00:00' where no = 'V2'")
        clinic.run("update visits set who = 'P4', fee = 600, changed_at = '2026-11-20T11:00:00' where no = 'V4'")
        await bus.schedules.collect("visits")
        await through(bus)
        tally = await asked(bus)
        assert counted(tally) == {"should": 4, "came": 4, "accepted": 4}, "yesterday is the usual day"
        assert tally.whole
        assert counted(await asked(bus, "2026-11-19")) == {"should": 1, "came": 1, "accepted": 1}


async def test_a_correction_of_what_was_accepted_is_a_persons_turn_and_no_record_more(tmp_path, office):
    clinic = site(tmp_path, office)
    clinic.visits("V1")
    async with running(tmp_path, MovedOn("2026-11-21T09:00:00+08:00")) as bus:
        await bus.schedules.collect("visits")
        await through(bus)
        clinic.run("update visits set fee = 600, changed_at = '2026-11-20T11:00:00'")
        await bus.schedules.collect("visits")
        await through(bus)
        tally = await asked(bus)
        assert counted(tally) == {"should": 1, "came": 1, "accepted": 1, "parked": 1}
        assert not tally.whole
        drop = {"id": tally.troubles[0].id, "step": "report", "reason": "they have it", "who": "李四"}
        await commands(bus)["drop"](drop)
        tally = await asked(bus)
        assert counted(tally) == {"should": 1, "came": 1, "accepted": 1}, "a record more would hide one that is missing"
        assert tally.whole


async def test_what_a_person_has_given_up_is_late_no_more(tmp_path, office):
    clinic = site(tmp_path, office)
    clinic.visits("V1", "V2")
    office.codes["V2"] = "1"
    async with running(tmp_path, MovedOn("2026-11-21T09:00:00+08:00")) as bus:
        await bus.schedules.collect("visits")
        await through(bus)
        (trouble,) = (await asked(bus)).troubles
        drop = {"id": trouble.id, "step": "report", "reason": "they do not want it", "who": "李四"}
        await commands(bus)["drop"](drop)
        tally = await asked(bus)
        assert counted(tally) == {"should": 2, "came": 2, "accepted": 1, "closed": 1}
        assert tally.whole


async def test_nothing_is_late_before_its_time_and_everything_under_way_is_after_it(tmp_path, office):
    clinic = site(tmp_path, office)
    clinic.visits("V1", "V2")
    office.closed = True
    clock = MovedOn("2026-11-21T01:00:00+08:00")
    async with running(tmp_path, clock) as bus:
        tally = await asked(bus)
        assert counted(tally) == {"should": 2}
        assert tally.whole
        clock.to("2026-11-21T02:00:00")
        await bus.schedules.collect("visits")
        tally = await asked(bus)
        assert counted(tally) == {"should": 2, "came": 2, "waiting": 2, "late": 2}
        assert not tally.whole


async def test_a_day_without_anything_is_one_message_where_the_route_sends_that(tmp_path, office):
    site(tmp_path, office, ("batch: 4}", "batch: 4, empty: send}"))
    async with running(tmp_path, MovedOn("2026-11-21T09:00:00+08:00")) as bus:
        assert counted(await asked(bus)) == {"should": 1, "late": 1, "missing": 1}
        await bus.schedules.collect("visits")
        await through(bus)
        assert counted(await asked(bus)) == {"should": 1, "came": 1, "accepted": 1}


async def test_a_source_that_cannot_say_how_many_is_no_good_news(tmp_path, office):
    clinic = site(tmp_path, office)
    async with running(tmp_path, MovedOn("2026-11-21T09:00:00+08:00")) as bus:
        clinic.run("alter table visits rename to gone")
        tally = await asked(bus)
        assert (tally.should, tally.error, tally.whole) == (None, "BACKEND_REJECTED", False)
        for no_day in ("yesterday", "9999-12-31"):  # the schedule would come after the end of the calendar
            with pytest.raises(BusError, match="a day is written"):
                await asked(bus, no_day)


async def test_the_verb_says_it_in_a_table_and_as_json_and_by_its_exit_code(tmp_path, office):
    clinic = site(tmp_path, office)
    clinic.visits("V1", "V2")
    office.codes["V2"] = "1"
    async with running(tmp_path, MovedOn("2026-11-21T09:00:00+08:00")) as bus:
        await bus.schedules.collect("visits")
        await through(bus)
        code, said = await verb(bus)
        assert code == 1
        assert "visits  2       2     1" in said
        assert "parked  full 1 诊断编码不合法" in said
        assert "2026-11-20: not everything went out" in said
        code, said = await verb(bus, "--json", "--day", "2026-11-19")
        report = json.loads(said)
        assert (code, report["day"], report["whole"], report["routes"][0]["late"]) == (0, "2026-11-19", True, 0)
        code, said = await verb(bus, "--day", "2026-11-19")
        assert "2026-11-19: everything went out" in said
        code, said = await verb(bus, "--day", "2026-11-21")
        assert (code, said.splitlines()[-1]) == (0, "2026-11-21: nothing is late, not all of it is due yet")


async def verb(bus, *words):
    """Exit code and output of the program."""
    program = "import sys; from engine.cli.main import main; main()"
    options = ["completeness", *words, "--site", str(bus.site), "--env", "desk"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *options, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()
