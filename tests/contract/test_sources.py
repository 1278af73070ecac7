"""What every listening adapter promises, whoever calls: seen from the wire."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.doors import patience_left
from engine.contract import Answer, Inbound
from tests.contract.desks import CHINESE, DESKS, LIMITS, Desk


@pytest.fixture(params=DESKS)
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    desk = DESKS[request.param]()
    yield desk
    for source in desk.sources:
        await source.stop(0.2)


async def test_hands_over_exactly_the_bytes_that_came(desk: Desk) -> None:
    await desk.open()
    bodies = desk.awkward()
    reader, writer = await desk.connect()
    for number, body in enumerate(bodies, 1):
        writer.write(desk.wire(body))
        assert await desk.next_answer(reader) == b"for %d" % number
    assert [inbound.raw for inbound in desk.read] == bodies
    assert {(inbound.system, inbound.remote) for inbound in desk.read} == {("peer", "127.0.0.1")}
    writer.close()


async def test_answers_in_the_order_of_reading(desk: Desk) -> None:
    async def slowest_first(inbound: Inbound) -> Answer:
        await asyncio.sleep(0.1 / int(desk.number(inbound.raw)))
        return await desk.echo(inbound)

    desk.answer = slowest_first
    await desk.open()
    reader, writer = await desk.connect()
    writer.write(b"".join(desk.wire(desk.body(number)) for number in range(1, 9)))
    assert [await desk.next_answer(reader) for _ in range(8)] == [b"for %d" % number for number in range(1, 9)]
    assert [desk.number(inbound.raw) for inbound in desk.read] == [b"%d" % number for number in range(1, 9)]
    writer.close()


async def test_reads_what_comes_in_pieces(desk: Desk) -> None:
    await desk.open()
    reader, writer = await desk.connect()
    for byte in desk.wire(desk.body(1, CHINESE)):
        writer.write(bytes([byte]))
        await asyncio.sleep(0)
    assert await desk.next_answer(reader) == b"for 1"
    assert [inbound.raw for inbound in desk.read] == [desk.body(1, CHINESE)]
    writer.close()


async def test_reads_big_bodies(desk: Desk) -> None:
    size = 20 * 1024 * 1024
    await desk.open(replace(LIMITS, size=2 * size))
    body = desk.body(1) + b"x" * size
    reader, writer = await desk.connect()
    writer.write(desk.wire(body))
    assert await desk.next_answer(reader) == b"for 1"
    assert desk.read[0].raw == body
    writer.close()


async def test_hands_over_the_beginning_of_what_is_too_large(desk: Desk) -> None:
    await desk.open(replace(LIMITS, size=200_000))
    reader, writer = await desk.connect()
    body = desk.body(1) + b"x" * 300_000
    writer.write(desk.wire(body))
    assert await desk.next_answer(reader) == b"for 1"
    (inbound,) = desk.read
    assert inbound.too_large
    assert inbound.raw == desk.sent(body)[: 64 * 1024]
    writer.close()


async def test_a_body_as_large_as_the_limit_is_not_too_large(desk: Desk) -> None:
    body = desk.body(1, "x" * 200_000)
    await desk.open(replace(LIMITS, size=len(desk.sent(body))))
    reader, writer = await desk.connect()
    writer.write(desk.wire(body))
    await desk.next_answer(reader)
    assert [(inbound.raw, inbound.too_large) for inbound in desk.read] == [(body, False)]
    writer.close()


async def test_stop_lets_what_was_read_be_answered(desk: Desk) -> None:
    goes_on = asyncio.Event()

    async def wait(inbound: Inbound) -> Answer:
        await goes_on.wait()
        return await desk.echo(inbound)

    desk.answer = wait
    await desk.open()
    port = desk.port
    reader, writer = await desk.connect()
    writer.write(desk.wire(desk.body(1)))
    await desk.has_read(1)
    stopping = asyncio.create_task(desk.source.stop(300.0))
    await asyncio.sleep(0.05)
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)
    writer.write(desk.wire(desk.body(2)))
    await asyncio.sleep(0.02)
    goes_on.set()
    assert await desk.next_answer(reader) == b"for 1"
    await asyncio.wait_for(stopping, 60)
    assert await reader.read() == b""
    assert [desk.number(inbound.raw) for inbound in desk.read] == [b"1"], "read after stop"


async def test_stop_waits_no_longer_than_its_grace(desk: Desk) -> None:
    async def never(inbound: Inbound) -> Answer:
        await asyncio.sleep(3600)
        return Answer()

    desk.answer = never
    await desk.open()
    reader, writer = await desk.connect()
    writer.write(desk.wire(desk.body(1)))
    await desk.has_read(1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(60):  # and not the hour of its answer
        await desk.source.stop(0.3)
    assert loop.time() - began > 0.2
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await desk.next_answer(reader)


async def test_stop_closes_idle_connections_at_once(desk: Desk) -> None:
    await desk.open()
    reader, writer = await desk.connect()
    writer.write(desk.wire(desk.body(1)))
    await desk.next_answer(reader)
    await asyncio.wait_for(desk.source.stop(300.0), 60)
    assert await reader.read() == b""


async def test_a_caller_who_hangs_up_stops_nothing(desk: Desk) -> None:
    async def take_a_moment(inbound: Inbound) -> Answer:
        await asyncio.sleep(0.1)
        return await desk.echo(inbound)

    desk.answer = take_a_moment
    await desk.open()
    _, writer = await desk.connect()
    writer.write(desk.wire(desk.body(1)))
    await desk.has_read(1)
    writer.transport.abort()
    await asyncio.sleep(0.2)
    assert desk.answered == 1


async def test_a_caller_who_ends_half_way_is_nobody(desk: Desk) -> None:
    await desk.open()
    _, writer = await desk.connect()
    writer.write(desk.wire(desk.body(1))[:-3])
    await writer.drain()
    writer.close()
    await asyncio.sleep(0.1)
    assert desk.read == []


async def test_admits_only_the_networks_it_is_told(desk: Desk) -> None:
    await desk.open(allow=("10.0.0.0/8", "fd00::/8"))
    reader, writer = await desk.connect()
    writer.write(desk.wire(desk.body(1)))
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await desk.next_answer(reader)
    await desk.open(allow=("127.0.0.0/8",))
    reader, writer = await desk.connect()
    writer.write(desk.wire(desk.body(2)))
    assert await desk.next_answer(reader) == b"for 2"
    assert [desk.number(inbound.raw) for inbound in desk.read] == [b"2"]
    writer.close()


async def test_serves_no_more_connections_than_it_is_told(desk: Desk) -> None:
    await desk.open(replace(LIMITS, connections=2))
    kept = [await desk.connect() for _ in range(2)]
    for number, (reader, writer) in enumerate(kept):
        writer.write(desk.wire(desk.body(number)))
        await desk.next_answer(reader)
    reader, writer = await desk.connect()
    writer.write(desk.wire(desk.body(9)))
    refusal = await asyncio.gather(desk.next_answer(reader), return_exceptions=True)
    assert refusal != [b"for 9"] or desk.read.pop().too_many  # it is not served, or marked as one that must be refused
    assert [inbound.too_many for inbound in desk.read] == [False, False]
    kept[0][1].close()
    await asyncio.sleep(0.1)
    kept[0] = reader, writer = await desk.connect()
    writer.write(desk.wire(desk.body(3)))
    assert await desk.next_answer(reader) == b"for 3"
    for _, open_writer in kept:
        open_writer.close()


async def test_closes_a_connection_that_stays_silent(desk: Desk) -> None:
    await desk.open(replace(LIMITS, idle=1.0, total=1.0))
    loop = asyncio.get_running_loop()
    reader, writer = await desk.connect()
    writer.write(desk.wire(desk.body(1)))
    await desk.next_answer(reader)
    began = loop.time()
    assert await asyncio.wait_for(reader.read(), 3.0) == b""
    assert loop.time() - began > 0.8
    writer.close()


@pytest.mark.parametrize("whole", [0, 5], ids=["from the first byte", "behind its beginning"])
async def test_a_message_that_drips_in_does_not_hold_its_connection_for_ever(desk: Desk, whole: int) -> None:
    """Never silent for the idle time, and never whole (slow loris)."""
    await desk.open(replace(LIMITS, idle=0.4, total=0.4))
    reader, writer = await desk.connect()
    wire = desk.wire(desk.body(1, "x" * 100_000))
    writer.write(wire[: len(wire) * whole // 1000])
    ended = asyncio.ensure_future(reader.read())
    async with asyncio.timeout(60):
        for byte in wire[len(wire) * whole // 1000 :]:
            if ended.done():
                break
            writer.write(bytes([byte]))
            await asyncio.wait([ended], timeout=0.02)
    assert ended.done()
    assert desk.read == []
    writer.close()


@pytest.mark.parametrize(
    ("took", "came", "left"), [(0, 0, 10), (9, 100, 1.1), (11, 100, -0.9), (3600, 20_000_000, 16410)]
)
def test_how_slowly_a_message_may_come(took: float, came: int, left: float) -> None:
    assert patience_left(10, took, came) == pytest.approx(left)


async def test_a_slow_answer_is_not_silence(desk: Desk) -> None:
    async def take_long(inbound: Inbound) -> Answer:
        await asyncio.sleep(1.6)
        return await desk.echo(inbound)

    desk.answer = take_long
    await desk.open(replace(LIMITS, idle=1.0, total=1.0))
    reader, writer = await desk.connect()
    writer.write(desk.wire(desk.body(1)))
    assert await desk.next_answer(reader) == b"for 1"
    writer.close()


async def test_start_says_that_a_port_is_taken(desk: Desk) -> None:
    await desk.open()
    with pytest.raises(OSError):
        await desk.open(port=desk.port)


async def test_an_answer_can_end_its_connection(desk: Desk) -> None:
    async def last(inbound: Inbound) -> Answer:
        return Answer((b"for the last time",), close=True)

    desk.answer = last
    await desk.open()
    reader, writer = await desk.connect()
    writer.write(desk.wire(desk.body(1)))
    assert await desk.next_answer(reader) == b"for the last time"
    assert await asyncio.wait_for(reader.read(), 1.0) == b""
