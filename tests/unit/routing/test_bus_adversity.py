"""A whole bus against what goes wrong while people and systems act at the same time."""

import asyncio
import json
from io import BytesIO

import aiohttp
import pytest
from routing_desk import write
from test_bus_over_http import CONFIG, ROUTES, ended, office, post, running

from engine.delivery.stored import encode
from engine.journal.interface import Act
from engine.model import Built, Claimed, State

__all__ = ["office"]

SLOW = "limits: {at_once: 1}"


@pytest.fixture
def folder(tmp_path, office):
    config = (CONFIG % office.url).replace("{profile: desk/office,", "{profile: desk/office, " + SLOW + ",")
    write(tmp_path, ROUTES, config)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "journal_key").write_text("k" * 64)
    return tmp_path


async def delivery_of(bus, number: int) -> Claimed:
    rows = await bus.journal.store.fetch("select id from messages where route = 'filed' order by seq")
    return (await bus.journal.steps(rows[number][0]))[0]


async def act(bus, delivery: Claimed, verb: str, **more) -> None:
    done = await bus.journal.act(Act(verb, delivery.seq, delivery.step, "li", "wrong", **more), None, bus.delivery.room)
    bus.delivery.spread(done)


async def test_what_a_person_takes_back_and_corrects_is_sent_once_and_as_corrected(folder, office):
    """It waits behind another call meanwhile, in the hands of a runner that has read it already."""
    office.open.clear()
    async with running(folder) as bus:
        await post(bus, who="P1", order="O1", kind="b")
        while not office.under_way:  # noqa: ASYNC110 - the peer's own doing
            await asyncio.sleep(0.01)
        await post(bus, who="P2", order="O2", kind="b")
        await asyncio.sleep(0.05)
        second = await delivery_of(bus, 1)
        assert second.state is State.CLAIMED
        await act(bus, second, "park")
        await act(bus, second, "retry", body=encode(Built(b'{"who": "P2", "order": "corrected"}')))
        await asyncio.sleep(0.05)
        office.open.set()
        assert await ended(bus) == ["delivered", "skipped"]
        assert [body for name, body in office.ledger if name == "save"][1:] == [{"who": "P2", "order": "corrected"}]


async def test_a_message_reads_the_same_after_a_restart(folder, office):
    """Its campus is its own, but it was read as one of the entrance's first; the entrance's size held then, too."""
    profile, config = folder / "mappings/desk/source.yaml", folder / "config/desk.yaml"
    text = profile.read_text().replace("format: json", "format: json\nsettings: {desk_no: number of the desk}", 1)
    profile.write_text(text.replace("order_no: order,", "order_no: $desk_no,", 1))
    given = "limits: {size: 30MB}, settings: {desk_no: D1}, at: {north: {settings: {desk_no: D9}}}"
    config.write_text(config.read_text().replace("{profile: desk/source,", f"{{profile: desk/source, {given},"))
    office.open.clear()
    async with running(folder) as bus:
        form = json.dumps({"type": "form", "who": "P1", "kind": "b", "campus": "north"})
        async with (
            aiohttp.ClientSession() as session,
            session.post(bus.listeners["source"].address, data=BytesIO(form.encode() + b" " * (21 << 20))) as answer,
        ):
            assert answer.status == 200
        delivery = await delivery_of(bus, 0)
        first = await bus.messages.get(delivery)
        bus.messages.forget(delivery.seq)
        again = await bus.messages.get(delivery)
        assert again is not first
        assert (again.document, again.context, again.campus) == (first.document, first.context, first.campus)
        office.open.set()


async def test_a_batch_of_thousands_lets_others_have_their_turn(folder, office):
    async with running(folder) as bus:
        profile = bus.release.profile("source")
        profile.format.split = lambda raw: raw.splitlines()
        lines = b"\n".join(b'{"type": "form", "who": "P1", "order": "O%d", "kind": "b"}' % n for n in range(3000))
        session = aiohttp.ClientSession()
        taking = asyncio.ensure_future(session.post(bus.listeners["source"].address, data=lines))
        kept: set[int] = set()
        while not taking.done():
            await asyncio.sleep(0)
            kept.add((await bus.journal.store.fetch("select count(*) from messages"))[0][0])
        await session.close()
        assert (await bus.journal.store.fetch("select count(*) from messages"))[0][0] == 3000
        assert len(kept) > 10, "others had their turn while the 3,000 messages were read in slices"
