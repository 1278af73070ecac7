"""Several nodes, a node that dies or is taken for dead, a server that goes away: PostgreSQL only."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.base.clock import MovedClock
from engine.base.errors import BusError, Code
from engine.model import Accepted, Duplicate, NewDelivery, State, Then, Verdict
from tests.postgres_server import Server
from tests.unit.journal.made import NO_ROOM, Opened, Opener, message

pytestmark = pytest.mark.postgres
HOUR = 3_600_000_000


@pytest.fixture
async def nodes(postgres: Server, clock: MovedClock) -> AsyncIterator[tuple[Opened, Opened]]:
    """Two nodes of one journal, beating by hand."""
    opener = Opener(postgres.fresh(), clock)
    yield await opener.open(node="a", dead_after=HOUR), await opener.open(node="b", dead_after=HOUR)
    await opener.close()


async def take_over(winner: Opened, name: str) -> None:
    await winner.journal.store._write.execute("update nodes set seen = 1 where node = $1", name)
    await winner.journal.store.beat()


async def test_a_dead_nodes_work_is_taken_over_and_its_attempts_are_in_doubt(nodes: tuple[Opened, Opened]) -> None:
    a, b = nodes
    first, claimed = await a.taken(message())
    second = await a.accept(message())
    await a.send(claimed)
    await take_over(b, "a")
    assert await b.states(first.seq) == {0: "doubtful"}
    assert await b.states(second.seq) == {0: "ready"}
    assert len(await b.journal.claim("his", 5)) == 2


async def test_who_starts_beside_another_leaves_it_what_it_is_asking(postgres: Server, clock: MovedClock) -> None:
    opener = Opener(postgres.fresh(), clock)
    former = await opener.open(node="a")
    _, claimed = await former.taken(message())
    await former.send(claimed)
    await former.journal.close()
    a = await opener.open(node="a")
    assert len(await a.journal.claim("his", 5)) == 1
    b = await opener.open(node="b")
    assert await b.journal.claim("his", 5) == []
    await opener.close()


async def test_a_node_that_was_seen_lately_is_left_alone(nodes: tuple[Opened, Opened]) -> None:
    a, b = nodes
    first, _ = await a.taken(message())
    await a.journal.store.beat()
    await b.journal.store.beat()
    assert await a.states(first.seq) == {0: "claimed"}


async def test_a_deposed_node_cannot_send_and_joins_again(nodes: tuple[Opened, Opened]) -> None:
    a, b = nodes
    first, claimed = await a.taken(message())
    _, other = await a.taken(message())
    sent = await a.send(other)
    await take_over(b, "a")
    assert await a.journal.sending(claimed, b"", b"") == 0
    assert await a.settle(sent, Verdict.DELIVERED, Then(State.DELIVERED)) is None
    assert a.journal.store.owner == "a/3"
    assert (await a.taken(message()))[0].seq > first.seq


async def test_a_deposed_node_makes_no_more_children_and_the_next_goes_on(nodes: tuple[Opened, Opened]) -> None:
    a, b = nodes
    _, step = await a.taken(message(system="route"))
    assert await a.journal.split(step, 0, 1, [message()], a.room) is not None
    await take_over(b, "a")
    (again,) = await b.journal.claim("route", 5)
    assert await a.journal.split(step, 1, 2, [message()], a.room) is None
    assert await b.journal.taken(again) == 1
    assert await b.journal.split(again, 1, 2, [message()], b.room) is not None
    assert len(await b.journal.store.fetch("select 1 from messages")) == 3


async def test_the_last_children_on_two_nodes_free_their_parent_once(nodes: tuple[Opened, Opened]) -> None:
    a, b = nodes
    for _ in range(5):
        accepted = await a.accept(message(NewDelivery(0, "route", None, 0), NewDelivery(1, "his", None, 1)))
        (step,) = accepted.claimed
        assert await a.journal.split(step, 0, 2, [message(system="lis"), message(system="lis")], NO_ROOM) is not None
        await a.settle(step, Verdict.DELIVERED, Then(State.DELIVERED, awaited=(1,)))
        children = [(node, (await node.journal.claim("lis", 1))[0]) for node in (a, b)]
        ends = await asyncio.gather(*(node.deliver(child) for node, child in children))
        assert [(one.seq, one.step) for end in ends for one in end.claimed] == [(accepted.seq, 1)]
        assert await b.journal.store.fetch("select 1 from splits") == []


async def test_one_line_over_two_nodes_keeps_its_order(nodes: tuple[Opened, Opened]) -> None:
    both = {"a": nodes[0], "b": nodes[1]}
    accepted = await asyncio.gather(*(node.accept(message(lane="P1")) for node in nodes for _ in range(20)))
    (delivery,) = [claimed for one in accepted for claimed in one.claimed]
    order = []
    while delivery is not None:
        order.append(delivery.seq)
        (owner,) = (await nodes[0].journal.store.fetch("select owner from deliveries where owner is not null"))[0]
        progress = await both[owner[0]].deliver(delivery)
        delivery = progress.claimed[0] if progress.claimed else None
    assert order == sorted(one.seq for one in accepted)


async def test_the_same_key_on_two_nodes_at_once_is_one_message(nodes: tuple[Opened, Opened]) -> None:
    results = await asyncio.gather(*(node.accept(message(key=f"K{n}")) for n in range(30) for node in nodes))
    assert sum(isinstance(result, Accepted) for result in results) == 30
    assert sum(isinstance(result, Duplicate) for result in results) == 30


@pytest.fixture
async def own(clock: MovedClock, postgres: Server) -> AsyncIterator[tuple[Server, Opened]]:
    """A journal whose server may be stopped."""
    opener = Opener(postgres.fresh(), clock)
    yield postgres, await opener.open()
    await opener.close()


async def test_a_lost_connection_is_made_again_and_the_batch_with_it(own: tuple[Server, Opened]) -> None:
    _, opened = own
    _, claimed = await opened.taken(message())
    store = opened.journal.store
    await store._pool.execute("select pg_terminate_backend($1)", store._session)
    assert (await opened.deliver(claimed)).done


class LosesTheAnswer:
    """A connection whose commit is done by the server while the line breaks."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def execute(self, statement: str, *values: object) -> str:
        answer: str = await self._connection.execute(statement, *values)
        if statement == "commit":
            self._connection.terminate()
            raise ConnectionResetError
        return answer


async def test_a_commit_lost_with_its_connection_is_asked_about(own: tuple[Server, Opened]) -> None:
    """The commit is done by the server, and the answer never comes: the message is there once."""
    _, opened = own
    store = opened.journal.store
    store._write = LosesTheAnswer(store._write)
    first = await opened.accept(message(key="K1"))
    assert isinstance(first, Accepted)
    assert len(await store.fetch("select 1 from messages")) == 1
    assert isinstance(await opened.accept(message(key="K1")), Duplicate)


async def test_while_the_server_is_away_sources_hear_busy_and_settles_wait(own: tuple[Server, Opened]) -> None:
    server, opened = own
    _, claimed = await opened.taken(message())
    sent = await opened.send(claimed)
    server.stop()
    settling = asyncio.ensure_future(opened.settle(sent, Verdict.DELIVERED, Then(State.DELIVERED)))
    await asyncio.sleep(0.5)
    with pytest.raises(BusError) as refused:
        await opened.accept(message())
    assert refused.value.code is Code.BUSY
    assert not settling.done()
    server.start()
    assert (await asyncio.wait_for(settling, 20)).done
    assert isinstance(await opened.accept(message()), Accepted)
