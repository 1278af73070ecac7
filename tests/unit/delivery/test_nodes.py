"""Two nodes on one PostgreSQL journal: they share the work, keep the order, and take over what a dead one left."""

import asyncio

import pytest

from engine.base.clock import SystemClock
from engine.base.ids import SystemIds
from engine.contract import Unavailable
from engine.model import Ask, State
from tests.unit.delivery.stand import Peer, Stand, Step, counted, operation

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


async def nodes(url, peer, **settings):
    """Two buses that know the same peer."""
    stands = []
    for name in ("east", "west"):
        stand = Stand(url, SystemClock(), node=name, poll=0.1, nodes=lambda: 2)
        stand.ids, stand.settings = SystemIds(), settings
        stand.system(peer, at_once=6)
        stand.plan.routes["r"] = [Step(operation=operation(ask=Ask("find", 0.5)))]
        stands.append(await stand.start())
    return stands


async def die(stand):
    """Ends a node without a word to anybody."""
    store = stand.journal.store
    await stand.supervisor.stop(0)
    await store._tasks.stop(0)
    store._write.terminate()
    store._pool.terminate()


async def states(stand):
    rows = await stand.journal.store.fetch("select state, count(*) from deliveries group by state")
    return dict(map(tuple, rows))


async def test_lanes_keep_their_order_over_two_nodes(postgres):
    peer = Peer(
        lambda call, nth: Unavailable("connect") if nth == 1 and call.body.endswith(b"3") else b"ok", delay=0.001
    )
    east, west = await nodes(postgres.fresh(), peer)
    for n in range(15):
        for lane in "abcd":
            await (east, west)[(n + ord(lane)) % 2].accept(f"{lane}/{n}", lane=lane)
    async with asyncio.timeout(20):
        while await states(east) != {"delivered": 60}:  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.05)
    for lane in b"abcd":
        sent = [int(body[2:]) for body in peer.bodies() if body[0] == lane]
        assert list(dict.fromkeys(sent)) == list(range(15))
        assert sorted(sent) == sorted([*range(15), 3, 13])  # only what was unavailable went out twice
    assert peer.most <= 6  # the limit is the hospital's, not the node's
    assert all(len(stand.plan.ended) > 5 for stand in (east, west))
    for stand in (east, west):
        await stand.stop()


async def test_a_dead_nodes_calls_are_asked_about_by_the_other(postgres):
    done = []
    hang = asyncio.Event()

    async def answer(call):
        done.append(call.body)
        if call.body == b"lost":
            await hang.wait()
        return b"ok"

    peer = Peer(
        lambda call, _nth: (b"ok" if call.body in done else b"none") if call.operation == "find" else answer(call)
    )
    east, west = await nodes(postgres.fresh(), peer, dead_after=1_000_000)
    west.delivery.room.add("his", 0, lambda: True)
    first = await east.accept("lost", lane="p")
    second = await east.accept("after", lane="p")
    await east.until(lambda: peer.bodies() == [b"lost"])
    await die(east)
    west.delivery.room.add("his", 24, lambda: True)
    assert await west.ended((first, 0), (second, 0), limit=20) == [State.DELIVERED] * 2
    assert peer.bodies() == [b"lost", b"after"]
    assert counted(peer.calls("find")).total() >= 1
    await west.stop()
