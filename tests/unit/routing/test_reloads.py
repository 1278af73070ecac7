"""Texts and settings change under a running bus: whole or not at all, and nobody who sends or calls notices."""

import asyncio
import contextlib
import os
import socket
from functools import partial

import aiohttp
import pytest
from calls_desk import App, until
from offices import served
from reloads_desk import Caller, Desk, Office, Sender, Traffic, held

from engine.app.commands import commands
from engine.app.switching import By
from engine.settings.problems import TextsRefused
from tests.peers.proxy import free_port

RELOADS = int(os.environ.get("RELOADS", "100"))
"""Good and bad ones alternating."""
ME = By("tester", "a test")


@pytest.fixture
async def office():
    async with served(Office()) as found:
        yield found
        found.open.set()


@pytest.fixture
def desk(tmp_path, office):
    return Desk(tmp_path, office.url)


SEAL = 'seal: {like: app-hmac, known: [{timestamp: "1", secret: s, headers: {X-Signature: abc}}]}'
BAD = [
    ("routes.yaml", "lane: patient.id", "lane: [patient.id", "routes.yaml:7:", "not YAML"),
    ("mappings/desk/office.yaml", "takes: result", "taks: result", "mappings/desk/office.yaml:7:5", "'taks'"),
    ("mappings/desk/office.yaml", "format: json", f"format: json\n{SEAL}", "office.yaml:5:32", "known answer differs"),
    ("config/desk.yaml", "profile: desk/lis", "profile: desk/lsi", "config/desk.yaml:4:9", "did you mean 'desk/lis'?"),
    (
        "config/desk.yaml",
        "secret: app,",
        "secret: nowhere,",
        "config/desk.yaml:10:13",
        "the secret 'nowhere' is nowhere",
    ),
    ("config/desk.yaml", "reserve: 1MB", "reserve: 2MB", "config/desk.yaml:13:11", "restart it: hisbus run"),
]
"""File, what stands there, what is made of it, where the finding is, and words of it."""


async def refused(bus):
    with pytest.raises(TextsRefused) as error:
        await bus.switching.reload(ME)
    return [str(one) for one in error.value.problems]


async def test_a_hundred_reloads_in_mid_traffic_are_noticed_by_nobody(desk, office):
    senders, callers = [Sender(f"L{n}-") for n in range(2)], [Caller(f"A{n}-") for n in range(2)]
    everyone = [*senders, *callers]
    async with desk.running() as bus:
        async with Traffic(bus, everyone) as traffic:
            addresses = dict(bus.addresses())
            await reloaded(bus, desk, traffic, range(1, 13))
            await traffic.pause()
            before = held(bus)
            await reloaded(bus, desk, traffic, range(13, RELOADS + 1))
            await traffic.pause()
            await until(lambda: held(bus) == before)
            assert bus.addresses() == addresses
        told = [*(number for one in senders for number in one.said), *(n for one in callers for n, _ in one.said)]
        await until(lambda: len(office.ledger) >= len(told))
    assert [one.connections for one in callers] == [1] * len(callers)
    assert sorted(office.numbers()) == sorted(told)
    by_number = {body["no"]: body for body in office.ledger}
    assert all(body["read_by"] == body["sent_by"] for body in office.ledger if "read_by" in body)
    assert all(by_number[number]["sent_by"] == made for one in callers for number, made in one.said)
    assert {body["sent_by"] for body in office.ledger} == {f"R{n}" for n in range(0, RELOADS + 1, 2)}


async def reloaded(bus, desk, traffic, numbers):
    """Even ones are good; odd ones are not, and change nothing. Everybody has sent under each before the next."""
    for number in numbers:
        desk.stamp(number)
        if number % 2:
            name, right, wrong, *_ = BAD[number // 2 % len(BAD)]
            before, good = bus.release, desk.text(name)
            desk.change(name, right, wrong)
            await refused(bus)
            assert bus.release is before
            desk.put(name, good)
        else:
            outcome = await bus.switching.reload(ME)
            assert (outcome.opened, outcome.drained, outcome.left) == ((), (), ())
        await traffic.more()


@pytest.mark.parametrize(("name", "right", "wrong", "where", "words"), BAD, ids=[words for *_, words in BAD])
async def test_what_is_wrong_changes_nothing_and_is_said_with_its_place(desk, name, right, wrong, where, words):
    sender = Sender("L")
    async with desk.running() as bus, Traffic(bus, [sender]) as traffic:
        await traffic.more()
        await traffic.pause()
        before, in_force = held(bus), bus.release
        desk.stamp(2)
        desk.change(name, right, wrong)
        (finding,) = [one for one in await refused(bus) if words in one]
        assert where in finding
        assert bus.release is in_force
        await until(lambda: held(bus) == before)
        await traffic.more()


async def test_an_address_that_is_taken_changes_nothing(desk):
    async with desk.running() as bus:
        before, address = held(bus), bus.listeners["lis"].address
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = f"127.0.0.1:{other.getsockname()[1]}"
            desk.put("config/desk.yaml", desk.text("config/desk.yaml").replace("127.0.0.1:0", taken, 1))
            (finding,) = await refused(bus)
            assert finding.startswith("config/desk.yaml:4:28: the bus cannot listen there: Address already in use (")
        await until(lambda: held(bus) == before)
        assert bus.listeners["lis"].address == address
        assert (await bus.switching.reload(ME)).opened == ("lis",)  # now it is free
        assert bus.listeners["lis"].address == f"mllp://{taken}"


async def test_a_listener_that_goes_answers_what_it_has_read(desk, office):
    caller, other = Caller("A"), Caller("B")
    async with desk.running() as bus:
        await caller.connect(bus)
        office.open.clear()
        asking = asyncio.create_task(caller.send())
        await until(lambda: office.arrived)
        former = bus.listeners["channel"].address.removeprefix("http://")
        text = desk.text("config/desk.yaml")
        desk.put(
            "config/desk.yaml", text.replace('    listen: "127.0.0.1:0"', f'    listen: "127.0.0.1:{free_port()}"')
        )
        outcome = await bus.switching.reload(ME)
        assert (outcome.opened, outcome.drained) == (("channel",), ("channel",))
        assert bus.listeners["channel"].address.removeprefix("http://") != former
        await other.connect(bus)
        asking_there = asyncio.create_task(other.send())
        await until(lambda: not accepts(former))
        office.open.set()
        assert [await asking, await asking_there] == ["A0", "B0"]
        await caller.close()
        await other.close()


async def test_a_listener_with_other_limits_follows_on_the_same_socket(desk):
    first, second = Sender("L"), Sender("M")
    async with desk.running() as bus:
        await first.connect(bus)
        await first.send()
        address = bus.listeners["lis"].address
        desk.change("config/desk.yaml", "{profile: desk/lis,", "{profile: desk/lis, limits: {size: 1MB},")
        desk.change("config/desk.yaml", "    clients:", "    limits: {size: 2MB}\n    clients:")
        caller, called = Caller("A"), bus.listeners["channel"].address
        await caller.connect(bus)
        await caller.send()
        assert (await bus.switching.reload(ME)).opened == ("lis", "channel")
        assert (bus.listeners["lis"].address, bus.listeners["channel"].address) == (address, called)
        assert await first.ended()  # it was told nothing that it would have to repeat
        await second.connect(bus)
        await second.send()
        await caller.send()
        for one in (first, second, caller):
            await one.close()


async def test_who_may_connect_changes_with_the_settings(desk):
    sender = Sender("L")
    async with desk.running() as bus:
        desk.change("config/desk.yaml", "{profile: desk/lis,", "{profile: desk/lis, allow: [10.9.0.0/16],")
        await bus.switching.reload(ME)
        await sender.connect(bus)
        with contextlib.suppress(ConnectionError):
            assert await sender.ended()


async def test_the_channel_follows_and_remembers_who_has_signed_what(desk, monkeypatch):
    async with desk.running() as bus, aiohttp.ClientSession() as session:
        app, pages = App(bus.listeners["channel"].address), f"{bus.listeners['channel'].address}/api/v1/openapi.json"
        monkeypatch.setattr("calls_desk.secrets.token_hex", lambda _size: "the-same-nonce")
        assert (await app.ask("save", "request-1", who="P1", order="O1"))[0] == 200
        desk.stamp(2)
        desk.change("config/desk.yaml", "    clients:", "    docs: public\n    clients:")
        await bus.switching.reload(ME)
        async with session.get(pages) as page:
            assert "made by R2" in await page.text()
        status, body = await app.ask("save", "request-2", who="P1", order="O2")
        assert (status, body["code"]) == (401, "SIGN_INVALID")


def accepts(address):
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True


async def test_who_was_accepted_before_is_finished_as_he_was_accepted(desk, office):
    """Also by a bus that was started since."""
    sender = Sender("L")
    desk.change("config/desk.yaml", "breaker: {after: 1000}", "breaker: {after: 1000, pause: 1s}")
    async with desk.running() as bus:
        await sender.connect(bus)
        office.answers = "5"
        await sender.send()
        await until(lambda: office.arrived)
        desk.stamp(2)
        await bus.switching.reload(ME)
        await sender.send()
        await sender.close()
    office.answers = "0"
    desk.stamp(4)
    async with desk.running():
        await until(lambda: len(office.ledger) == 2)
    assert office.ledger == [
        {"no": "L0", "read_by": "R0", "sent_by": "R0"},
        {"no": "L1", "read_by": "R2", "sent_by": "R2"},
    ]


async def test_a_refused_body_is_made_again_by_the_corrected_texts(desk, office):
    sender = Sender("L")
    office.answers = "1"
    async with desk.running() as bus:
        await sender.connect(bus)
        await sender.send()
        await until(partial(is_parked, bus))
        office.answers = "0"
        desk.stamp(2)
        await bus.switching.reload(ME)
        message = (await bus.journal.store.fetch("select id from messages"))[0][0]
        done = await commands(bus)["retry"]({"id": message, "remap": True, "reason": "the map is corrected"})
        assert done["step"] == "file"
        await until(lambda: office.ledger)
        await sender.close()
    assert office.ledger == [{"no": "L0", "read_by": "R2", "sent_by": "R2"}]


async def is_parked(bus):
    return (await bus.journal.backlog()).get(("office", "parked"))


async def test_what_was_accepted_yesterday_goes_to_the_address_of_today(desk, office):
    """What has begun ends where it began; what waits for its place goes the new way."""
    sender = Sender("L")
    desk.change("config/desk.yaml", "breaker:", "limits: {at_once: 1}, breaker:")
    async with served(Office()) as elsewhere, desk.running() as bus:
        office.open.clear()
        await sender.connect(bus)
        for _ in range(3):
            sender.name = f"L{len(sender.said)}-"  # a line of his own for each
            await sender.send()
        await until(lambda: office.arrived)
        desk.change("config/desk.yaml", office.url, elsewhere.url)
        outcome = await bus.switching.reload(ME)
        assert (outcome.renewed, outcome.release) == (("office",), outcome.before)
        office.open.set()
        await until(lambda: len(elsewhere.ledger) == 2)
        await sender.close()
    assert (len(office.ledger), office.arrived) == (1, 1)


async def test_what_waits_for_a_system_that_is_left_waits_until_somebody_has_it_again(desk, office):
    sender = Sender("L")
    office.answers = "5"
    good = {name: desk.text(name) for name in ("routes.yaml", "config/desk.yaml")}
    async with desk.running() as bus:
        await sender.connect(bus)
        await sender.send()
        await until(lambda: office.arrived)
        desk.put("routes.yaml", good["routes.yaml"].replace("office.", "desk."))
        desk.put("config/desk.yaml", good["config/desk.yaml"].replace("  office:", "  desk:"))
        outcome = await bus.switching.reload(ME)
        assert (outcome.renewed, outcome.left) == (("desk",), ("office",))
        office.answers, sender.name = "0", "M"  # another patient's line
        await sender.send()
        await until(lambda: office.numbers() == ["M1"])
        assert [one.system for one in bus.delivery.health() if one.system in {"office", "desk"}] == ["desk"]
        for name, text in good.items():
            desk.put(name, text)
        assert (await bus.switching.reload(ME)).left == ("desk",)
        await until(lambda: office.numbers() == ["M1", "L0"])
        await sender.close()
