"""Reads through a whole bus: shared, kept, given again while the system is down; steps that feed each other."""

import asyncio
from datetime import timedelta

import pytest
from reads_desk import Office, asked, reading, until

from engine.base import metrics
from engine.base.errors import BusError, Code

ROUTES = """
routes:
  plain.rows: {to: office.rows, within: 30s}
  kept.rows: {to: office.rows, within: 30s, cache: {for: 10m, stale: 1d}}
  short.rows: {to: office.rows, within: 30s, cache: 10m}
  card.rows:
    steps:
      first: {to: office.person, within: 30s}
      more: {to: office.person, within: 30s, when: kind == all}
      rows: {to: office.rows, map: of_person, within: 30s, needs: [first, more]}
    answer: {within: 60s}
  card.known:
    steps:
      first: {to: office.person}
      rows: {to: office.rows, map: of_person, when: first.reply.card == C9}
    answer: {after: first}
"""
ROW = {"no": "N1", "at": "2026-11-20T09:00:00+08:00", "kind": "a"}
SHOWN = {"rows": [ROW]}


@pytest.fixture
async def office():
    found = await Office().start()
    found.answers = {"rows": {"rows": [ROW]}, "person": {"card": "C7"}}
    yield found
    await found.stop()


@pytest.fixture
async def bus(tmp_path, office):
    async with reading(tmp_path, ROUTES, office=office) as bus:
        yield bus


def counted(operation, how):
    return metrics.READS.labels(operation, how)._value.get()


async def failing(bus, question):
    with pytest.raises(BusError) as error:
        await bus.reads.serve(question)
    return error.value


async def test_two_hundred_equal_reads_under_way_make_one_call(bus, office):
    office.open.clear()
    before = counted("plain.rows", "shared")
    reads = [asyncio.create_task(bus.reads.serve(asked("plain.rows", who="P1"))) for _ in range(200)]
    await until(lambda: len(office.ledger) == 1)
    office.open.set()
    served = await asyncio.gather(*reads)
    assert [one.value for one in served] == [SHOWN] * 200
    assert len(office.ledger) == 1
    assert counted("plain.rows", "shared") - before == 199
    await bus.reads.serve(asked("plain.rows", who="P1"))
    assert len(office.ledger) == 2, "nothing is kept where the route does not say so"


async def test_what_differs_in_campus_document_or_route_is_asked_for_itself(bus, office):
    office.open.clear()
    questions = [
        asked("plain.rows", who="P1"),
        asked("plain.rows", who="P2"),
        asked("plain.rows", who="P1", campus="north"),
        asked("kept.rows", who="P1"),
    ]
    reads = [asyncio.create_task(bus.reads.serve(question)) for question in questions * 2]
    await until(lambda: len(office.ledger) == 4)
    office.open.set()
    await asyncio.gather(*reads)
    assert len(office.ledger) == 4


async def test_the_first_may_hang_up_and_the_others_are_answered(bus, office):
    office.open.clear()
    first, *others = [asyncio.create_task(bus.reads.serve(asked("plain.rows"))) for _ in range(3)]
    await until(lambda: len(office.ledger) == 1)
    first.cancel()
    office.open.set()
    assert [one.value for one in await asyncio.gather(*others)] == [SHOWN] * 2
    assert len(office.ledger) == 1


async def test_a_failure_is_everybodys_and_is_not_kept(bus, office):
    office.answers["rows"] = {"code": "1"}
    office.open.clear()
    reads = [asyncio.create_task(bus.reads.serve(asked("kept.rows"))) for _ in range(5)]
    await until(lambda: len(office.ledger) == 1)
    office.open.set()
    errors = await asyncio.gather(*reads, return_exceptions=True)
    assert [(error.code, error.detail) for error in errors] == [(Code.BACKEND_REJECTED, "full")] * 5
    office.answers["rows"] = {"code": "4"}
    assert (await failing(bus, asked("kept.rows"))).code is Code.NOT_FOUND
    office.answers["rows"] = {"code": "5"}
    assert (await failing(bus, asked("kept.rows"))).code is Code.PATIENT_NOT_FOUND
    assert len(office.ledger) == 3


async def test_an_answer_is_given_again_within_its_time_at_its_campus_only(bus, office):
    for _ in range(3):
        assert (await bus.reads.serve(asked("short.rows", day="1"))).value == SHOWN
    assert len(office.ledger) == 1
    await bus.reads.serve(asked("short.rows", day="1", client="another"))
    assert len(office.ledger) == 1, "no answer depends on who asks"
    await bus.reads.serve(asked("short.rows", day="1", campus="north"))
    await bus.reads.serve(asked("short.rows", day="2"))
    assert len(office.ledger) == 3
    bus.clock.advance(timedelta(minutes=10, seconds=1))
    assert not (await bus.reads.serve(asked("short.rows", day="1"))).stale
    assert len(office.ledger) == 4


async def test_an_old_answer_stands_in_while_the_system_is_down_and_says_since_when(bus, office):
    await bus.reads.serve(asked("kept.rows"))
    await bus.reads.serve(asked("short.rows"))
    given = bus.clock.now()
    bus.clock.advance(timedelta(hours=2))
    await office.stop()
    for _ in range(5):  # first the connection fails, then the breaker is open
        served = await bus.reads.serve(asked("kept.rows"))
        assert (served.value, served.stale, served.stale_since) == (SHOWN, True, given)
    assert counted("kept.rows", "stale") >= 5
    assert (await failing(bus, asked("short.rows"))).code is Code.BACKEND_UNAVAILABLE
    assert (await failing(bus, asked("kept.rows", campus="north"))).code is Code.BACKEND_UNAVAILABLE
    bus.clock.advance(timedelta(hours=22, seconds=1))
    assert (await failing(bus, asked("kept.rows"))).code is Code.BACKEND_UNAVAILABLE


async def test_a_refusal_is_never_hidden_by_an_old_answer(bus, office):
    await bus.reads.serve(asked("kept.rows"))
    bus.clock.advance(timedelta(hours=2))
    office.answers["rows"] = {"code": "1"}
    assert (await failing(bus, asked("kept.rows"))).code is Code.BACKEND_REJECTED


async def test_a_reply_feeds_the_next_step_and_a_condition_skips_one(bus, office):
    served = await bus.reads.serve(asked("card.rows", who="P1", day="7"))
    assert (served.value, served.system) == (SHOWN, "office")
    assert office.ledger == [("person", {"who": "P1"}), ("rows", {"who": "C7", "day": "7"})]


async def test_the_answer_may_be_an_earlier_step(bus, office):
    assert (await bus.reads.serve(asked("card.known", who="P1"))).value == {"card": "C7"}
    assert [name for name, _ in office.ledger] == ["person"]
    office.answers["person"]["card"] = "C9"
    assert (await bus.reads.serve(asked("card.known", who="P1"))).value == {"card": "C9"}
    assert [name for name, _ in office.ledger] == ["person", "person", "rows"]


async def test_a_steps_failure_is_the_reads(bus, office):
    office.answers["person"] = {"code": "5"}
    error = await failing(bus, asked("card.rows", who="P1"))
    assert (error.code, error.backend.system) == (Code.PATIENT_NOT_FOUND, "office")
    office.answers["person"] = {"code": "?"}
    assert (await failing(bus, asked("card.rows", who="P1"))).code is Code.BACKEND_FORMAT
    assert [name for name, _ in office.ledger] == ["person", "person"]


async def test_all_of_a_read_ends_in_its_time(tmp_path, office):
    routes = "routes: {slow.rows: {steps: {first: {to: office.person}, rows: {to: office.rows, map: of_person}}, answer: {within: 200ms}}}"
    office.open.clear()
    async with reading(tmp_path, routes, office=office) as bus:
        assert (await failing(bus, asked("slow.rows", who="P1"))).code is Code.BACKEND_TIMEOUT
        office.open.set()


async def test_what_waits_when_the_bus_stops_hears_so(tmp_path, office):
    office.open.clear()
    async with reading(tmp_path, ROUTES, office=office) as bus:
        bus.config = bus.config.model_copy(update={"stop": bus.config.stop.model_copy(update={"grace": 0.1})})
        waiting = asyncio.create_task(bus.reads.serve(asked("plain.rows")))
        await until(lambda: len(office.ledger) == 1)
    with pytest.raises(BusError) as error:
        await waiting
    assert error.value.code in {Code.BUSY, Code.BACKEND_UNAVAILABLE, Code.BACKEND_TIMEOUT}
    office.open.set()
