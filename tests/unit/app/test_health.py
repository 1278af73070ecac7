"""Health on a real journal, a real supervisor and a real listener; what the delivery floor says is given."""

import asyncio
from types import SimpleNamespace

import aiohttp
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.http import ADAPTER
from engine.app.health import Facts, Health, Ready, judge, ops
from engine.base.clock import SystemClock
from engine.base.errors import BusError, Code
from engine.base.ids import SystemIds
from engine.base.tasks import Supervisor
from engine.contract import Answer, Inbound, Link
from engine.delivery.delivery import Health as SystemHealth
from engine.delivery.gate import Shut
from engine.journal.keys import KeyRing
from engine.journal.open import open_journal
from engine.routing.timing import Run
from engine.settings.models import Config, Ops


def system(name="his", why=None, stuck=0):
    return SystemHealth(name, 3, 1, stuck, 0.0, Shut(why, 9) if why else None)


def facts(**more):
    return Facts(**{"journal": True, "listeners": {"channel": True}, "failing": [], "systems": [system()], **more})


@pytest.mark.parametrize(
    ("change", "ready"),
    [
        ({}, Ready.READY),
        ({"systems": [system(why="closed")]}, Ready.READY),
        ({"systems": [system(), system("lis", "breaker_open")]}, Ready.DEGRADED),
        ({"systems": [system(why="threads_stuck", stuck=8)]}, Ready.DEGRADED),
        ({"systems": [system(stuck=1)]}, Ready.DEGRADED),
        ({"failing": ["claims:his"]}, Ready.DEGRADED),
        ({"asked": {"schedule/stops": Run(0, 0, tries=2)}}, Ready.READY),
        ({"asked": {"schedule/stops": Run(0, 0, tries=3)}}, Ready.DEGRADED),
        ({"journal": False}, Ready.UNREADY),
        ({"listeners": {"channel": True, "results": False}}, Ready.UNREADY),
        ({"journal": False, "systems": [system(why="breaker_open")]}, Ready.UNREADY),
    ],
)
def test_the_judgement(change, ready):
    assert judge(facts(**change)).ready is ready


def test_what_is_in_trouble_is_named_and_nothing_else():
    late = {"schedule/stops": Run(90_000_000, 60_000_000, tries=4), "schedule/other": Run(0, 0)}
    systems = [system(), system("lis", "breaker_open"), system("pacs", "closed")]
    page = judge(facts(systems=systems, failing=["x"], asked=late)).page
    assert page == {
        "status": "degraded",
        "journal": "writable",
        "listeners": {"channel": "bound"},
        "tasks": ["x"],
        "schedules": [{"schedule": "schedule/stops", "tries": 4, "since": "1970-01-01T00:01:00+00:00"}],
        "systems": [{"system": "lis", "why": "breaker_open", "held": 3, "stuck": 0}],
    }


@pytest.fixture
async def bus(tmp_path):
    clock = SystemClock()
    journal = await open_journal(f"sqlite:///{tmp_path}/journal.db", KeyRing(b"k" * 32), clock, SystemIds())
    running = SimpleNamespace(
        config=Config(),
        clock=clock,
        supervisor=Supervisor(),
        listeners={},
        delivery=SimpleNamespace(health=lambda: [system()]),
        schedules=SimpleNamespace(failing={}),
        journal=journal,
    )
    yield running
    await running.supervisor.stop(0)
    await journal.close()


@pytest.fixture
async def listening(bus):
    """The pages on a real HTTP listener, with something else behind them."""
    pages = ops(Health(bus))

    async def submit(inbound):
        return await pages(inbound) or Answer((b"else",), 418)

    source = ADAPTER.source(Link("channel", None, listen=("127.0.0.1", 0)))
    await source.start(submit)
    bus.listeners["channel"] = source
    yield source.address
    await source.stop(1)


async def get(address, path, method="GET", **headers):
    async with aiohttp.ClientSession() as session, session.request(method, address + path, headers=headers) as reply:
        return reply.status, await reply.read()


async def test_the_pages_over_http(bus, listening):
    assert await get(listening, "/healthz") == (200, b'{"status":"alive"}')
    status, body = await get(listening, "/readyz")
    assert (status, orjson.loads(body)["status"]) == (200, "ready")
    status, body = await get(listening, "/metrics")
    names = {family.name for family in text_string_to_metric_families(body.decode())}
    assert {"hisbus_received", "hisbus_answers", "hisbus_breaker_open", "hisbus_task_restarts"} <= names
    assert await get(listening, "/metrics", "POST") == (418, b"else")
    assert await get(listening, "/readyz/") == (418, b"else")
    assert (await get(listening, "/healthz", "HEAD"))[0] == 200


async def test_a_journal_that_takes_nothing_is_unready(bus, listening):
    await bus.journal.close()
    status, body = await get(listening, "/readyz")
    assert (status, orjson.loads(body)["journal"]) == (503, "not writable")
    assert (await get(listening, "/healthz"))[0] == 200


async def test_a_journal_that_refuses_new_messages_is_unready(bus, monkeypatch):
    monkeypatch.setattr(bus.journal.store, "low", lambda: True)
    assert (await Health(bus).report()).ready is Ready.UNREADY


async def test_a_journal_that_hangs_is_said_in_time_and_asked_once(bus, monkeypatch):
    monkeypatch.setattr("engine.app.health._PATIENCE", 0.05)
    asked, let_go = [], asyncio.Event()

    async def ride(riders):
        asked.append(riders)
        await let_go.wait()

    monkeypatch.setattr(bus, "journal", SimpleNamespace(busy=False, ride=ride, close=bus.journal.close))
    health = Health(bus)
    async with asyncio.timeout(60):
        reports = await asyncio.gather(*(health.report() for _ in range(5)))
        reports.append(await health.report())
    assert {report.ready for report in reports} == {Ready.UNREADY}
    assert len(asked) == 1
    let_go.set()
    await asyncio.sleep(0)
    assert (await health.report()).ready is Ready.READY


async def test_a_listener_that_closed_is_unready(bus, listening):
    await bus.listeners["channel"].stop(0.1)
    assert (await Health(bus).report()).page["listeners"] == {"channel": "closed"}


async def test_a_task_that_keeps_failing_is_named_and_counted(bus):
    async def broken():
        raise BusError(Code.INTERNAL)

    bus.supervisor.keep("broken", broken)
    await asyncio.sleep(0.01)
    health = Health(bus)
    report = await health.report()
    assert (report.ready, report.page["tasks"]) == (Ready.DEGRADED, ["broken"])
    assert b'hisbus_task_restarts{task="broken"} 1.0' in await health.metrics()


@pytest.mark.parametrize(
    ("allow", "remote", "headers", "seen"),
    [
        (None, "127.0.0.1", {}, True),
        (None, "::1", {}, True),
        (None, "::ffff:127.0.0.1", {}, True),
        (None, "10.1.2.3", {}, False),
        (None, "", {}, False),
        (None, "127.0.0.1", {"x-forwarded-for": "10.1.2.3"}, False),
        (None, "127.0.0.1", {"forwarded": "for=10.1.2.3"}, False),
        (["10.1.0.0/16"], "10.1.2.3", {}, True),
        (["10.1.0.0/16"], "10.2.2.3", {}, False),
        (["10.1.0.0/16"], "127.0.0.1", {}, False),
        (["::/0"], "127.0.0.1", {}, False),
    ],
)
async def test_who_may_look(bus, allow, remote, headers, seen):
    if allow is not None:
        bus.config = Config(ops=Ops(allow=allow))
    answer = await ops(Health(bus))(Inbound("channel", b"", remote, method="GET", path="/readyz", headers=headers))
    assert (answer is not None) == seen


async def test_what_waits_is_counted_by_system_and_state(bus, listening, monkeypatch):
    async def backlog():
        return {("his", "parked"): 2, ("lis", "ready"): 7}

    monkeypatch.setattr(bus.journal, "backlog", backlog)
    body = (await get(listening, "/metrics"))[1]
    assert b'hisbus_deliveries{state="parked",system="his"} 2.0' in body
    assert b'hisbus_deliveries{state="ready",system="lis"} 7.0' in body
    monkeypatch.undo()
    assert b"hisbus_deliveries{" not in (await get(listening, "/metrics"))[1]
