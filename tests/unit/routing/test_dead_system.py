"""A system that is dead slows no other: a whole bus with one that answers and one that does not."""

import asyncio

import pytest
from offices import served
from routing_desk import write
from test_bus_over_http import Office, post, running

from engine.model import State
from tests.peers.proxy import black_hole

ROUTES = """
routes:
  filed:
    from: source.form
    key: {by: order_no, other_content: conflict}
    lane: patient.id
    steps:
      save: {to: office.save}
      copy: {to: archive.save, needs: []}
"""
CONFIG = """
site: {campuses: [main]}
systems:
  source: {profile: desk/source, listen: "127.0.0.1:0"}
  office: {profile: desk/office, url: "%s"}
  archive: {profile: desk/office, url: "%s", limits: {at_once: 2, connect: %s, total: 10m}}
secrets: [{files: keys}]
journal: {reserve: 1MB}
log: {level: error}
"""
MANY = 150
"""More than a bus takes in hand for a system with two places."""


@pytest.fixture
async def office():
    async with served(Office()) as found:
        yield found


def site(tmp_path, office, archive, connect):
    write(tmp_path, ROUTES, CONFIG % (office.url, archive, connect))
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "journal_key").write_text("k" * 64)
    return tmp_path


async def copies(bus):
    """How many messages the archive has not been given, and whether any of them has ended otherwise."""
    rows = await bus.journal.store.fetch("select state from deliveries where system = 'archive'")
    ended = {State(state) for (state,) in rows} & {State.REFUSED, State.GIVEN_UP, State.SKIPPED, State.PARKED}
    return sum(State(state) is not State.DELIVERED for (state,) in rows), ended


async def saved(bus, wanted):
    """Waits until the office's part of so many messages has ended."""
    async with asyncio.timeout(60):
        while True:
            rows = await bus.journal.store.fetch("select state from deliveries where system = 'office'")
            if len(rows) == wanted and {State(state) for (state,) in rows} == {State.DELIVERED}:
                return
            await asyncio.sleep(0.02)


async def file(bus, first, count):
    """Posts forms; of each ten one patient. Each is taken."""
    for n in range(first, first + count):
        assert (await post(bus, who=f"P{n % 10}", order=f"O{n}", kind="b"))[0] == 200


async def test_a_system_that_holds_all_its_calls_holds_nobody_elses(tmp_path, office):
    async with served(Office()) as archive:
        archive.open.clear()
        async with running(site(tmp_path, office, archive.url, "60s")) as bus:
            await file(bus, 0, MANY)
            await saved(bus, MANY)
            async with asyncio.timeout(60):
                while archive.under_way < 2:  # noqa: ASYNC110 - the peer's own doing
                    await asyncio.sleep(0.02)
            assert (archive.under_way, archive.ledger) == (2, []), "its places are taken, and nothing has come back"
            assert await copies(bus) == (MANY, set())
            archive.open.set()
            async with asyncio.timeout(60):
                while await copies(bus) != (0, set()):  # noqa: ASYNC110 - the journal's own doing
                    await asyncio.sleep(0.02)
    for system in (office, archive):
        orders = [body["order"] for _, body in system.ledger]
        assert sorted(orders) == sorted(f"O{n}" for n in range(MANY)), "each once"
        for patient in range(10):
            mine = [body["order"] for _, body in system.ledger if body["who"] == f"P{patient}"]
            assert mine == sorted(mine, key=lambda order: int(order[1:])), "in the order of each patient"


async def test_a_black_hole_is_left_alone_and_the_others_go_on(tmp_path, office):
    with black_hole() as port:
        async with running(site(tmp_path, office, f"http://127.0.0.1:{port}", "100ms")) as bus:
            await file(bus, 0, 20)
            async with asyncio.timeout(60):
                while bus.delivery.shut("archive") is None:  # noqa: ASYNC110 - the breaker's own doing
                    await asyncio.sleep(0.02)
            assert bus.delivery.shut("archive").why == "breaker_open"
            assert bus.delivery.shut("office") is None
            await file(bus, 20, MANY - 20)
            await saved(bus, MANY)
            assert await copies(bus) == (MANY, set())
