"""Several systems asked at once: one answer, and who did not answer."""

import asyncio
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

import pytest
from reads_desk import TEXTS, Office, asked, reading, until
from routing_desk import Loaded

import adapters
from engine.base.errors import BusError, Code
from engine.model import Missing
from engine.routing.release import Site, build
from engine.settings.problems import Problems
from engine.settings.systems import Retry

ZONE = ZoneInfo("Asia/Shanghai")
ROUTES = """
routes:
  all.rows:
    gather:
      lab: {to: lab.rows, within: 30s, when: kind != exam}
      exam: {to: exam.rows, within: %s, when: kind != lab}
    merge: {into: rows, unique: no, order: {by: at, first: greatest}, missing: %s}
    answer: {within: 60s}
    cache: {for: 10m, stale: 1d}
"""


def row(number, hour, kind=None):
    return {"no": number, "at": hour and f"2026-11-20T{hour}", "kind": kind}


@pytest.fixture
async def offices():
    found = {"lab": await Office().start(), "exam": await Office().start()}
    found["lab"].answers["rows"] = {
        "rows": [row("L1", "09:00:00+08:00"), row("L2", None), row("X", "07:00:00+08:00", "lab")]
    }
    found["exam"].answers["rows"] = {"rows": [row("E1", "02:00:00+00:00"), row("X", "11:00:00+08:00", "exam")]}
    yield found
    for office in found.values():
        await office.stop()


@asynccontextmanager
async def gathering(folder, offices, missing="say", within="30s"):
    async with reading(folder, ROUTES % (within, missing), **offices) as bus:
        yield bus


async def test_all_parts_are_asked_at_once_and_become_one_list(tmp_path, offices):
    for office in offices.values():
        office.open.clear()
    async with gathering(tmp_path, offices) as bus:
        read = asyncio.create_task(bus.reads.serve(asked("all.rows", who="P1")))
        await until(lambda: all(office.ledger for office in offices.values()))
        for office in offices.values():
            office.open.set()
        served = await read
    rows = served.value["rows"]
    assert [one["no"] for one in rows] == ["E1", "L1", "X", "L2"], "by instant, not by text; without one: last"
    assert rows[2]["kind"] == "lab", "of equal ones the first part's"
    assert (served.missing, served.stale) == ((), False)


async def test_a_dead_part_is_named_and_the_rest_is_given_but_not_kept(tmp_path, offices):
    await offices["exam"].stop()
    async with gathering(tmp_path, offices) as bus:
        for _ in range(2):
            served = await bus.reads.serve(asked("all.rows"))
            assert [one["no"] for one in served.value["rows"]] == ["L1", "X", "L2"]
            assert served.missing == (Missing("exam", "BACKEND_UNAVAILABLE"),)
        assert len(offices["lab"].ledger) == 2


async def test_a_part_that_is_too_slow_is_named(tmp_path, offices):
    offices["exam"].open.clear()
    async with gathering(tmp_path, offices, within="200ms") as bus:
        served = await bus.reads.serve(asked("all.rows"))
        offices["exam"].open.set()
    assert served.missing == (Missing("exam", "BACKEND_TIMEOUT"),)


@pytest.mark.parametrize(("code", "said"), [("4", ()), ("5", ()), ("1", (Missing("exam", "BACKEND_REJECTED"),))])
async def test_nothing_found_is_an_answer_and_a_refusal_is_none(tmp_path, offices, code, said):
    offices["exam"].answers["rows"] = {"code": code}
    async with gathering(tmp_path, offices) as bus:
        served = await bus.reads.serve(asked("all.rows"))
    assert (len(served.value["rows"]), served.missing) == (3, said)


async def test_a_part_whose_condition_is_false_is_not_asked_and_not_missing(tmp_path, offices):
    async with gathering(tmp_path, offices) as bus:
        served = await bus.reads.serve(asked("all.rows", kind="lab"))
    assert (len(served.value["rows"]), served.missing, offices["exam"].ledger) == (3, (), [])


async def test_nobody_answering_is_an_error_unless_there_is_an_old_answer(tmp_path, offices):
    async with gathering(tmp_path, offices) as bus:
        await bus.reads.serve(asked("all.rows", who="P1"))
        for office in offices.values():
            office.answers["rows"] = {"code": "?"}
        with pytest.raises(BusError) as error:
            await bus.reads.serve(asked("all.rows", who="P2"))
        assert (error.value.code, error.value.backend.system) == (Code.BACKEND_FORMAT, "lab")
        for office in offices.values():
            await office.stop()
        with pytest.raises(BusError) as error:
            await bus.reads.serve(asked("all.rows", who="P2"))
        assert error.value.code is Code.BACKEND_UNAVAILABLE
        assert len((await bus.reads.serve(asked("all.rows", who="P1"))).value["rows"]) == 4


async def test_where_all_are_wanted_one_that_is_missing_fails_it(tmp_path, offices):
    await offices["exam"].stop()
    async with gathering(tmp_path, offices, missing="fail") as bus:
        with pytest.raises(BusError) as error:
            await bus.reads.serve(asked("all.rows"))
    assert (error.value.code, error.value.backend.system) == (Code.BACKEND_UNAVAILABLE, "exam")


# --- what the texts may not say ------------------------------------------------------------------

GATHER = "{gather: {a: {to: lab.rows}, b: {to: %s}}, merge: {into: rows%s}%s}"
READ = "{steps: {first: {to: lab.person}, rows: {to: lab.rows, map: of_person%s}}%s}"


@pytest.mark.parametrize(
    ("route", "finding"),
    [
        (GATHER % ("exam.person", "", ""), "these parts give different shapes: found, person"),
        (GATHER % ("exam.rosw", "", ""), "routes.yaml:1:53: the operation of 'exam': 'rosw' is not known (did you mean"),
        (GATHER % ("exam.save", "", ""), "'gather' is for a channel's read"),
        (GATHER.replace("into: rows", "into: row") % ("exam.rows", "", ""), "'row' is no list of shape 'found' (did you mean 'rows'?)"),
        (GATHER.replace("into: rows", "into: count") % ("exam.rows", "", ""), "'count' is no list of shape 'found'"),
        (GATHER % ("exam.rows", ", unique: nr", ""), "the items have no field 'nr' (known: at, kind, no)"),
        (GATHER % ("exam.rows", ", order: att", ""), "the items have no field 'att' (did you mean 'at'?)"),
        (GATHER % ("exam.rows, when: a == delivered", "", ""), "parts are asked at once"),
        (GATHER % ("exam.rows", "", ", lane: who"), "a read has no 'lane'"),
        (READ % ("", ", key: who"), "a read has no 'key'"),
        (READ % ("", ", answer: {after: accepted}"), "a read is not answered after 'accepted'"),
        (READ % (", when: first.reply.card exists", ""), "the step that is the answer is always asked"),
        (READ % ("", ", cache: {for: 1d, stale: 10m}"), "'stale' is longer than 'for'"),
        ("{to: lab.save, cache: 10m}", "'cache' is for a channel's read"),
        ("{to: lab.rows, cache: 10}", "a duration needs its unit"),
    ],
)  # fmt: skip
def test_what_a_read_may_not_say_is_found_with_its_place(route, finding):
    found = _findings(route)
    assert len(found) == 1, found
    assert found[0].startswith("routes.yaml:1:")
    assert finding in found[0]


def test_what_a_system_of_our_own_says_is_not_kept():
    found = _findings("{to: rules.completeness, cache: 10m}")
    assert any("what 'rules' says holds at this moment only (leave 'cache' out)" in one for one in found), found


def _findings(route):
    problems = Problems()
    texts = {**TEXTS, "routes.yaml": "routes: {all.rows: " + route + "}"}
    site = Site({"lab": "desk/office", "exam": "desk/office"}, Loaded(http=adapters.load("http")), ZONE, Retry())
    assert build({name: text.encode() for name, text in texts.items()}, site, problems) is None
    return [str(one) for one in problems]
