"""Reads without the journal: shared, bounded, and said in the bus's own errors."""

import asyncio

import pytest

from engine.base.clock import from_micros
from engine.base.errors import BusError, Code
from engine.contract import InDoubt, Refused, Unavailable
from engine.model import Context, Effect, Outcome, Verdict
from tests.unit.delivery.stand import Peer, Step, operation, refuse

LIST = operation("list", effect=Effect.NONE)


async def read(stand, doc="a", op=LIST, within=1.0, system="his", **more):
    now = from_micros(stand.clock.now())
    return await stand.delivery.ask_once(system, op, {"doc": doc}, Context(now, now), within, **more)


async def test_a_read_brings_what_the_profile_understands_and_records_nothing(stand):
    peer = stand.system(Peer())
    await stand.start()
    outcome = await read(stand)
    assert (outcome.verdict, outcome.value) == (Verdict.DELIVERED, {"no": "R7"})
    assert peer.bodies("list") == [b"a"]
    assert await stand.attempts() == []
    peer.script = lambda _call, _nth: b"no"
    assert (await read(stand)).code == "slot_taken"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (Unavailable("connect"), Code.BACKEND_UNAVAILABLE),
        (InDoubt("reset"), Code.BACKEND_UNAVAILABLE),
        (InDoubt("timeout"), Code.BACKEND_TIMEOUT),
        (Refused("http_403"), Code.BACKEND_REJECTED),
        (b"what?", Code.BACKEND_FORMAT),
        (b"busy", Code.BACKEND_UNAVAILABLE),
        (KeyError("slip"), Code.BACKEND_UNAVAILABLE),
    ],
)
async def test_each_failure_has_its_error(stand, said, code):
    stand.system(Peer(lambda _call, _nth: said))
    await stand.start()
    with pytest.raises(BusError) as error:
        await read(stand)
    assert error.value.code is code
    assert error.value.backend.system == "his"


async def test_a_scope_that_cannot_be_mapped_is_said_and_costs_no_place(stand):
    peer = stand.system(Peer(), at_once=1)
    await stand.start()
    for _ in range(3):
        with pytest.raises(BusError) as error:
            await read(stand, op=operation("list", effect=Effect.NONE, build=refuse()))
        assert error.value.code is Code.VALIDATION_FAILED
    assert (await read(stand)).verdict is Verdict.DELIVERED
    assert len(peer.ledger) == 1


async def test_unknown_systems_and_campuses(stand):
    stand.system({"main": Peer()})
    await stand.start()
    for more in ({"system": "pacs"}, {"campus": "north"}):
        with pytest.raises(BusError) as error:
            await read(stand, **more)
        assert error.value.code is Code.BACKEND_UNAVAILABLE


async def test_a_caller_who_leaves_cuts_no_call_off(stand):
    ended = []

    def script(call, _nth):
        ended.append(call.operation)
        return b"ok"

    peer = stand.system(Peer(script, delay=0.05))
    await stand.start()
    left = asyncio.create_task(read(stand))
    await stand.until(lambda: peer.under_way == 1)
    left.cancel()
    await stand.until(lambda: ended == ["list"])


async def test_a_connection_that_ends_under_a_read_costs_one_more_call(stand):
    peer = stand.system(Peer(lambda _call, nth: InDoubt("closed") if nth == 1 else b"ok"))
    await stand.start()
    assert (await read(stand)).verdict is Verdict.DELIVERED
    assert peer.bodies("list") == [b"a", b"a"]
    peer.script = lambda _call, _nth: InDoubt("reset")
    with pytest.raises(BusError) as error:
        await read(stand)
    assert error.value.code is Code.BACKEND_UNAVAILABLE
    assert len(peer.ledger) == 4
    peer.script = lambda _call, _nth: InDoubt("timeout")
    with pytest.raises(BusError):
        await read(stand)
    assert len(peer.ledger) == 5


async def test_each_caller_waits_no_longer_than_it_said(stand):
    stand.system(Peer(lambda _call, _nth: asyncio.sleep(10, b"ok")), total=10.0)
    await stand.start()
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(BusError) as error:
        await read(stand, within=0.1)
    assert error.value.code is Code.BACKEND_TIMEOUT
    assert loop.time() - began < 8  # and not the ten seconds of the call


async def test_a_shut_gate_says_so_at_once(stand):
    peer = stand.system(Peer(lambda _call, _nth: Unavailable("connect")), breaker_after=2)
    await stand.start()
    for _ in range(2):
        with pytest.raises(BusError):
            await read(stand)
    with pytest.raises(BusError) as error:
        await read(stand)
    assert (error.value.code, error.value.detail) == (Code.BACKEND_UNAVAILABLE, "breaker_open")
    assert len(peer.ledger) == 2


async def test_a_rush_of_reads_does_not_starve_deliveries(stand):
    stand.system(Peer(delay=0.005), at_once=2)
    stand.plan.routes["r"] = [Step()]
    await stand.start()
    reads = [asyncio.create_task(read(stand, f"{n}", within=30.0)) for n in range(200)]
    await asyncio.sleep(0.01)
    seqs = [await stand.accept(f"d{n}") for n in range(10)]
    await stand.ended(*[(seq, 0) for seq in seqs])
    waiting = sum(not task.done() for task in reads)
    assert waiting > 100
    await asyncio.gather(*reads)


async def test_a_sealed_read_names_system_and_time(stand):
    seen = []

    def seal(built, address, context):
        seen.append((address, context.values["system"], context.values["campus"]))
        return built.body, {"X-App-Id": "bus"}

    peer = stand.system({"main": Peer()}, address=lambda *_: ("GET", "/list"))["main"]
    heads = []
    peer.before = lambda call: heads.append(dict(call.headers))
    await stand.start()
    outcome = await read(stand, op=operation("list", effect=Effect.NONE, seal=seal), campus="main")
    assert isinstance(outcome, Outcome)
    assert (seen, heads) == ([("GET /list", "his", "main")], [{"X-App-Id": "bus"}])


async def test_a_stop_ends_what_waits_for_a_place(stand):
    peer = stand.system(Peer(delay=0.1), at_once=1)
    await stand.start()
    reads = [asyncio.create_task(read(stand, f"{n}")) for n in range(3)]
    await stand.until(lambda: peer.under_way == 1)
    await stand.delivery.stop(1.0)
    said = await asyncio.gather(*reads, return_exceptions=True)
    assert [getattr(one, "detail", "") for one in said[1:]] == ["stopping"] * 2
    assert len(peer.ledger) == 1
