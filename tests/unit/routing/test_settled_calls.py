"""A person settles what was in doubt: the caller and the steps behind hear the truth, or the settling is refused."""

import asyncio
import base64
import json

import pytest
from calls_desk import App, states, until, write
from test_bus_over_http import running

from engine.app.commands import commands
from engine.base.errors import BusError, Code


@pytest.fixture
def office(office_behind):
    return office_behind


@pytest.fixture
def folder(tmp_path, office):
    return write(tmp_path, office.url)


def reply(**said):
    return base64.b64encode(json.dumps(said).encode()).decode()


async def parked(bus, app, operation="book", **body):
    """The id of a message whose first step is a person's turn; its caller was told that nobody knows."""
    status, said = await app.ask(operation, "key-0001", who="P1", order="O1", **body)
    assert (status, said["code"]) == (202, "RESULT_UNKNOWN")
    return said["data"]["taskId"]


async def settle(bus, id_, **more):
    return await commands(bus)["settle"]({"id": id_, "who": "li", "reason": "their page shows it", **more})


async def test_the_key_of_what_was_done_tells_what_was_done(folder, office):
    office.answers["book"] = ["9"]  # neither yes nor no, and nothing to ask by
    async with running(folder) as bus, asyncio.timeout(60):
        app = App(bus.listeners["channel"].address)
        id_ = await parked(bus, app)
        done = await settle(bus, id_, **{"as": "delivered", "reply": reply(code="0", no="N77")})
        assert done == {"id": id_, "step": "call", "state": "delivered"}
        status, said = await app.ask("book", "key-0001", who="P1", order="O1")
        assert (status, said["data"]["number"]) == (200, "N77")
    assert office.names() == ["book"]


async def test_what_was_refused_is_told_with_their_reason_or_with_ours(folder, office):
    office.answers["book"] = ["9"]
    async with running(folder) as bus, asyncio.timeout(60):
        app = App(bus.listeners["channel"].address)
        await settle(bus, await parked(bus, app), **{"as": "refused", "reply": reply(code="2")})
        status, said = await app.ask("book", "key-0001", who="P1", order="O1")
        assert (status, said["code"]) == (409, "SLOT_SOLD_OUT")
        _, said = await app.ask("book", "key-0002", who="P1", order="O1")
        await settle(bus, said["data"]["taskId"], **{"as": "refused"})
        status, said = await app.ask("book", "key-0002", who="P1", order="O1")
        assert (status, said["code"], said["data"]["reason"]) == (422, "BACKEND_REJECTED", "by_person")


async def test_what_somebody_reads_must_be_given_and_must_say_so(folder, office):
    office.answers["book"] = ["9"]
    async with running(folder) as bus, asyncio.timeout(60):
        id_ = await parked(bus, App(bus.listeners["channel"].address))
        for more, code, why in (
            ({"as": "delivered"}, Code.STATE_CONFLICT, "its caller would read the reply"),
            ({"as": "delivered", "reply": reply(code="1")}, Code.VALIDATION_FAILED, "it means refused full"),
            ({"as": "refused", "reply": reply(code="0", no="N1")}, Code.VALIDATION_FAILED, "it means delivered"),
            ({"as": "delivered", "reply": reply(code="9")}, Code.VALIDATION_FAILED, "it means in_doubt"),
            ({"as": "sent"}, Code.VALIDATION_FAILED, "as delivered or as refused"),
        ):
            with pytest.raises(BusError, match=why) as error:
                await settle(bus, id_, **more)
            assert error.value.code is code
        assert await states(bus) == [["parked"]]


async def test_a_step_that_reads_the_reply_is_named_and_who_waits_hears_what_comes_of_it(folder, office):
    office.answers |= {"save": ["9"], "find": ["9"]}  # in doubt, and asked about in vain
    async with running(folder) as bus, asyncio.timeout(60):
        app = App(bus.listeners["channel"].address)
        asking = asyncio.create_task(app.ask("steps", "key-0001", who="P1", order="O1", kind="a"))

        async def in_doubt():
            return [found[0] for found in await states(bus)] == ["doubtful"]

        await until(in_doubt)
        (id_,) = (await bus.journal.store.fetch("select id from messages"))[0]
        with pytest.raises(BusError, match="'undo' would read the reply of 'save'"):
            await settle(bus, id_, **{"as": "delivered"})
        await settle(bus, id_, **{"as": "delivered", "reply": reply(code="0", no="N5")})
        assert (await asking)[0] == 200
    assert "tell" in office.names()


async def test_what_is_under_way_is_left_alone(folder, office):
    office.hold("book")
    async with running(folder) as bus, asyncio.timeout(60):
        asking = asyncio.create_task(
            App(bus.listeners["channel"].address).ask("book", "key-0001", who="P1", order="O1")
        )
        await until(lambda: office.arrived["book"])
        (id_,) = (await bus.journal.store.fetch("select id from messages"))[0]
        with pytest.raises(BusError, match="is sending"):
            await settle(bus, id_, **{"as": "refused"})
        office.let_go("book")
        assert (await asking)[0] == 200
