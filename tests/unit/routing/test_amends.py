"""Corrections: the parked delivery carries the new content in its old place, on both journals."""

import asyncio
import json

import pytest
from amends_desk import (
    BUSY,
    READING,
    REFUSED,
    ROUTE,
    SQLITE,
    TWICE,
    UNCLEAR,
    Office,
    become,
    ids,
    postgres_journal,
    send,
    write,
)
from offices import served
from test_bus_over_http import running

from engine.app.commands import commands
from engine.base.errors import BusError
from tests.postgres_server import postgres

__all__ = ["postgres"]


@pytest.fixture
async def office():
    async with served(Office()) as found:
        yield found
        for held in found.held.values():
            held.set()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def journal(request):
    return SQLITE if request.param == "sqlite" else postgres_journal(request.getfixturevalue("postgres").fresh())


async def last(bus):
    """The number of the newest message."""
    return (await bus.journal.store.fetch("select max(seq) from messages"))[0][0]


async def person(bus, verb, id_, **more):
    return await commands(bus)[verb]({"id": id_, "who": "li", "reason": "looked there", **more})


async def test_the_newest_content_is_sent_in_the_old_place(tmp_path, office, journal):
    """The correction of a correction too; who stands behind the first one still comes after it."""
    office.answers = {"v1": [REFUSED], "v2": [REFUSED]}
    async with running(write(tmp_path, office, journal=journal)) as bus:
        await send(bus, "R1", "v1")
        await become(bus, {"upload": "parked (refused)"})
        await send(bus, "R2", "other")
        await send(bus, "R1", "v2")
        await become(bus, {"upload": "parked (refused)"}, {"upload": "waiting"}, {"upload": "skipped"})
        await send(bus, "R1", "v3")
        first, *_ = await ids(bus)
        done = {"upload": "delivered", "log": "delivered", "amends": "delivered"}
        ended = {"upload": f"skipped (amends {first})", "log": f"skipped (amends {first})", "amends": "delivered"}
        await become(bus, done, done, ended, ended)
        assert [value for name, value in office.ledger if name == "upload"] == ["v1", "v2", "v3", "other"]
        assert [value for name, value in office.ledger if name == "log"] == ["v3", "other"]
        acts = await bus.journal.store.fetch("select verb from acts order by id")
        assert [row[0] for row in acts] == ["amend", "amend"]


async def test_each_step_is_decided_by_what_became_of_it(tmp_path, office, journal):
    office.answers = {("upload", "v1"): [REFUSED]}
    async with running(write(tmp_path, office, TWICE, journal)) as bus:
        await send(bus, "R1", "v1")
        await become(bus, {"upload": "parked", "mirror": "delivered"})
        await send(bus, "R1", "v2")
        await become(
            bus,
            {"upload": "delivered", "log": "delivered"},
            {"upload": "skipped", "log": "skipped", "mirror": "parked (accepted)"},
        )
        await person(bus, "retry", (await ids(bus))[1], step="mirror")
        await become(bus, {"upload": "delivered"}, {"mirror": "delivered"})
        assert [value for name, value in office.ledger if name == "mirror"] == ["v1", "v2"]


async def test_a_step_reads_what_went_before_it_where_that_was_done(tmp_path, office):
    """What the correction has asked for is the correction's, what was sent in the old place is told from there."""
    office.answers = {("upload", "v1"): [REFUSED]}
    async with running(write(tmp_path, office, READING)) as bus:
        await send(bus, "R1", "v1")
        await become(bus, {"upload": "parked"})
        await send(bus, "R1", "v2")
        await become(bus, {"log": "delivered"}, {"find": "delivered", "upload": "skipped", "log": "skipped"})
    assert office.ledger == [("find", "v1"), ("upload", "v1"), ("find", "v2"), ("upload", "v2"), ("log", "v2")]
    assert [body.get("found") for body in office.bodies] == [None, "N1", None, "N3", None]
    assert office.bodies[4]["number"] == "N4"


async def test_several_parked_steps_are_amended_by_one_correction(tmp_path, office, journal):
    office.answers = {"v1": [REFUSED]}
    async with running(write(tmp_path, office, TWICE, journal)) as bus:
        await send(bus, "R1", "v1")
        await become(bus, {"upload": "parked", "mirror": "parked"})
        await send(bus, "R1", "v2")
        done = {"upload": "delivered", "mirror": "delivered", "log": "delivered"}
        await become(bus, done, {"upload": "skipped", "mirror": "skipped", "log": "skipped", "amends": "delivered"})


async def test_what_is_in_doubt_or_under_way_is_waited_for(tmp_path, office, journal):
    office.answers = {"v1": [UNCLEAR], "w1": [REFUSED]}
    office.held["w1"].clear()
    async with running(write(tmp_path, office, journal=journal)) as bus:
        await send(bus, "R1", "v1")
        await send(bus, "R2", "w1", who="P2")
        await become(bus, {"upload": "parked (in_doubt)"}, {"upload": "sending"})
        await send(bus, "R1", "v2")
        await send(bus, "R2", "w2", who="P2")
        behind = {"upload": "waiting", "amends": "ready (earlier_in_doubt)"}
        await become(bus, {}, {}, behind, {"upload": "waiting", "amends": "ready"})
        with pytest.raises(BusError, match="calls nobody"):
            await person(bus, "settle", (await ids(bus))[2], step="amends", **{"as": "delivered"})
        await person(bus, "settle", (await ids(bus))[0], **{"as": "refused"})
        office.held["w1"].set()
        await become(
            bus, {"upload": "refused"}, {"upload": "delivered"}, {"upload": "delivered"}, {"upload": "skipped"}
        )
        assert [value for name, value in office.ledger if name == "upload"].count("v2") == 1


async def test_a_correction_of_what_is_in_doubt_holds_up_no_schedule(tmp_path, office, journal):
    """It waits for a person; routes that come after this one, and the next page of a feed, do not."""
    office.answers = {"v1": [UNCLEAR]}
    async with running(write(tmp_path, office, journal=journal)) as bus:
        await send(bus, "R1", "v1")
        await become(bus, {"upload": "parked (in_doubt)"})
        await send(bus, "R1", "v2")
        await become(bus, {}, {"upload": "waiting", "amends": "ready (earlier_in_doubt)"})
        route = (await bus.journal.store.fetch("select route from messages"))[0][0]
        async with asyncio.timeout(60):
            while await bus.journal.under_way(route, 9):  # noqa: ASYNC110 - it counts while it looks again
                await asyncio.sleep(0.01)
        await person(bus, "settle", (await ids(bus))[0], **{"as": "refused"})
        await become(bus, {"upload": "refused"}, {"upload": "delivered", "log": "delivered"})


async def test_what_was_accepted_meanwhile_leaves_its_correction_to_a_person(tmp_path, office, journal):
    office.held["v1"].clear()
    async with running(write(tmp_path, office, journal=journal)) as bus:
        await send(bus, "R1", "v1")
        await become(bus, {"upload": "sending"})
        await send(bus, "R1", "v2")
        await become(bus, {"upload": "sending"}, {"amends": "ready"})
        office.held["v1"].set()
        await become(bus, {"upload": "delivered"}, {"upload": "parked (accepted)", "log": "waiting"})
        await person(bus, "settle", (await ids(bus))[1], **{"as": "refused"})
        await become(bus, {"upload": "delivered"}, {"upload": "refused", "log": "skipped"})


async def test_what_was_accepted_is_sent_again_where_the_route_says_so(tmp_path, office):
    routes = ROUTE.replace("amends: record_id", "amends: {by: record_id, accepted: send}")
    async with running(write(tmp_path, office, routes)) as bus:
        await send(bus, "R1", "v1")
        await become(bus, {"log": "delivered"})
        await send(bus, "R1", "v2")
        await become(bus, {"log": "delivered"}, {"log": "delivered"})
        assert [value for name, value in office.ledger if name == "upload"] == ["v1", "v2"]


async def test_what_has_not_begun_is_never_sent_as_it_was(tmp_path, office, journal):
    """It waits behind another, or for a platform that is busy: surely nothing of it was read."""
    office.answers = {"first": [REFUSED], "b1": [BUSY]}
    async with running(write(tmp_path, office, journal=journal)) as bus:
        await send(bus, "R0", "first")
        await send(bus, "R1", "v1")
        await send(bus, "R2", "b1", who="P2")
        await become(bus, {"upload": "parked"}, {"upload": "waiting", "amends": "delivered"}, {"upload": "ready"})
        await send(bus, "R1", "v2")
        await send(bus, "R2", "b2", who="P2")
        await become(bus, {}, {"upload": "waiting"}, {}, {"upload": "skipped"}, {"upload": "skipped"})
        await person(bus, "drop", (await ids(bus))[0], step="upload")
        await person(bus, "retry", (await ids(bus))[2], step="upload")
        await become(bus, {"upload": "given_up"}, {"log": "delivered"}, {"log": "delivered"}, {}, {})
        uploads = [value for name, value in office.ledger if name == "upload"]
        assert (uploads.count("v1"), uploads.count("v2"), uploads.count("b2")) == (0, 1, 1)


async def test_what_a_person_parked_stays_parked_with_the_new_content(tmp_path, office, journal):
    office.answers = {"b1": [BUSY]}
    async with running(write(tmp_path, office, journal=journal)) as bus:
        await send(bus, "R1", "b1")
        await become(bus, {"upload": "ready"})
        await person(bus, "park", (await ids(bus))[0], step="upload")
        await send(bus, "R1", "b2")
        await become(bus, {"upload": "parked (person)"}, {"upload": "skipped"})
        await person(bus, "retry", (await ids(bus))[0], step="upload")
        await become(bus, {"log": "delivered"}, {})
        assert office.ledger[-1] == ("log", "b2")


async def test_what_was_given_up_leaves_the_correction_its_own_way(tmp_path, office, journal):
    office.answers = {"v1": [REFUSED]}
    async with running(write(tmp_path, office, journal=journal)) as bus:
        await send(bus, "R1", "v1")
        await become(bus, {"upload": "parked"})
        await person(bus, "drop", (await ids(bus))[0], step="upload")
        await send(bus, "R1", "v2")
        await become(bus, {"upload": "given_up"}, {"upload": "delivered", "log": "delivered"})


async def test_equal_content_is_known_by_its_key(tmp_path, office):
    office.answers = {"v1": [REFUSED]}
    async with running(write(tmp_path, office)) as bus:
        await send(bus, "R1", "v1")
        await become(bus, {"upload": "parked"})
        await send(bus, "R1", "v1")
        assert len(await become(bus, {"upload": "parked"})) == 1


@pytest.mark.postgres
async def test_of_corrections_at_two_nodes_the_newest_wins(tmp_path, office, postgres):
    office.answers = {"v1": [REFUSED], "v2": [REFUSED], "v3": [REFUSED]}
    url = postgres.fresh()
    one, two = (write(tmp_path / node, office, journal=postgres_journal(url, node)) for node in ("a", "b"))
    async with running(one) as first, running(two) as second:
        await send(first, "R1", "v1")
        await become(first, {"upload": "parked"})
        await asyncio.gather(send(second, "R1", "v2"), send(first, "R1", "v3"))
        done = {"upload": "skipped", "amends": "delivered"}
        await become(first, {"upload": "parked (refused)"}, done, done)
        newest = json.loads((await first.journal.raw(await last(first)))[0])
    assert office.ledger[-1] == ("upload", newest["value"])


async def test_a_bus_that_is_started_again_knows_whose_content_it_sends(tmp_path, office):
    office.answers = {"v1": [REFUSED], "v2": [BUSY]}
    folder = write(tmp_path, office)
    async with running(folder) as bus:
        await send(bus, "R1", "v1")
        await become(bus, {"upload": "parked"})
        await send(bus, "R1", "v2")
        await become(bus, {"upload": "ready"}, {"upload": "skipped"})
    office.answers = {}
    async with running(folder) as bus:
        await become(bus, {"log": "delivered"}, {"log": "skipped"})
    assert office.ledger[-1] == ("log", "v2")
