"""What every destination promises, on every adapter, against peers that are not ours.

The peer's ledger is the judge: an outcome is true when it fits what the peer has really taken.
"""

import asyncio

import pytest

from engine.contract import InDoubt, Limits, Refused, Unavailable
from tests.contract.stands import LIMITS, Stand
from tests.peers.proxy import Fault, free_port

BIG = 20 * 1024 * 1024


async def none_open(stand: Stand) -> None:
    """Waits until the proxy has no connection left."""
    for _ in range(100):
        if stand.proxy.open == 0:
            return
        await asyncio.sleep(0.01)
    pytest.fail("connections stayed open")


async def test_delivers_and_gives_the_peers_own_answer(stand: Stand) -> None:
    destination = stand.open()
    for number in ("m1", "m2", "m3"):
        assert stand.answered(await destination.send(stand.call(number)), number)
    assert await stand.ledger() == ["m1", "m2", "m3"]


async def test_says_refused_with_a_word_and_no_data(stand: Stand) -> None:
    with pytest.raises(Refused) as refusal:
        await stand.open().send(stand.refused())
    assert 0 < len(refusal.value.why) < 40
    assert stand.secret not in f"{refusal.value!r}{refusal.value.__context__!r}"
    assert "0" not in await stand.ledger()


async def test_is_unavailable_where_nothing_listens(stand: Stand) -> None:
    destination = stand.open(free_port())
    with pytest.raises(Unavailable) as answer:
        await destination.send(stand.call("m1"))
    assert "127.0.0.1" not in f"{answer.value}"
    with pytest.raises(Unavailable):
        await destination.probe(1.0)
    assert await stand.ledger() == []


async def test_probe_changes_nothing(stand: Stand) -> None:
    await stand.open().probe(1.0)
    assert await stand.ledger() == []


@pytest.mark.parametrize("fault", [Fault.SILENCE, Fault.RESET, Fault.HALF, Fault.LOST], ids=lambda fault: fault.name)
async def test_is_in_doubt_when_no_whole_answer_came(wire_stand: Stand, fault: Fault) -> None:
    destination = wire_stand.open()
    await destination.send(wire_stand.call("before"))
    wire_stand.arm()
    wire_stand.proxy.fault = fault
    with pytest.raises(InDoubt) as doubt:
        await destination.send(wire_stand.call("m1", timeout=0.4))
    assert wire_stand.secret not in str(doubt.value)
    await none_open(wire_stand)
    wire_stand.proxy.fault = Fault.NONE
    assert wire_stand.answered(await destination.send(wire_stand.call("after")), "after")
    assert (await wire_stand.ledger()).count("m1") == (0 if fault is Fault.LOST else 1), "sent again by itself"


async def test_honours_the_limit_of_a_call(wire_stand: Stand) -> None:
    destination = wire_stand.open()
    await destination.send(wire_stand.call("before"))
    wire_stand.arm()
    wire_stand.proxy.fault = Fault.SILENCE
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(InDoubt):
        await destination.send(wire_stand.call("m1", timeout=0.3))
    assert 0.25 < loop.time() - began < LIMITS.total


async def test_a_late_answer_is_never_the_next_ones(wire_stand: Stand) -> None:
    destination = wire_stand.open()
    await destination.send(wire_stand.call("before"))
    wire_stand.arm()
    wire_stand.proxy.fault, wire_stand.proxy.seconds = Fault.DELAY, 0.5
    with pytest.raises(InDoubt):
        await destination.send(wire_stand.call("late", timeout=0.2))
    wire_stand.proxy.fault = Fault.NONE
    for number in ("m1", "m2", "m3", "m4"):
        assert wire_stand.answered(await destination.send(wire_stand.call(number)), number)
        await asyncio.sleep(0.15)


async def test_a_cancelled_call_leaves_no_answer_behind(wire_stand: Stand) -> None:
    destination = wire_stand.open()
    call = asyncio.create_task(destination.send(wire_stand.call("cancelled", slow=True)))
    await asyncio.sleep(0.15)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    for number in ("m1", "m2", "m3"):
        assert wire_stand.answered(await destination.send(wire_stand.call(number)), number)
        await asyncio.sleep(0.1)


async def test_keeps_one_connection_for_calls_in_a_row(wire_stand: Stand) -> None:
    destination = wire_stand.open()
    for number in range(5):
        await destination.send(wire_stand.call(f"m{number}"))
    assert wire_stand.proxy.connections == 1


async def test_a_kept_connection_that_the_peer_closed_costs_nothing(wire_stand: Stand) -> None:
    destination = wire_stand.open()
    for number in range(3):
        await destination.send(wire_stand.call(f"m{number}"))
        wire_stand.proxy.hang_up()
        await asyncio.sleep(0.02)
    assert wire_stand.answered(await destination.send(wire_stand.call("last")), "last")


async def test_carries_as_many_calls_at_once_as_the_system_bears(wire_stand: Stand) -> None:
    destination = wire_stand.open()
    calls = [wire_stand.call(f"m{number}", slow=True) for number in range(LIMITS.at_once)]
    replies = await asyncio.gather(*map(destination.send, calls))
    assert all(wire_stand.answered(reply, call.token) for reply, call in zip(replies, calls, strict=True))
    assert 1 < wire_stand.proxy.connections <= LIMITS.at_once, "one after the other, or too many"


async def test_carries_big_bodies(wire_stand: Stand) -> None:
    destination = wire_stand.open(limits=Limits(at_once=4, connect=0.5, total=20.0, size=2 * BIG))
    reply = await destination.send(wire_stand.call("big", timeout=20.0, size=BIG))
    assert wire_stand.answered(reply, "big")
    assert await wire_stand.ledger() == ["big"]


async def test_close_leaves_no_connection(wire_stand: Stand) -> None:
    destination = wire_stand.open()
    await asyncio.gather(*(destination.send(wire_stand.call(f"m{number}")) for number in range(3)))
    await destination.close()
    await none_open(wire_stand)
