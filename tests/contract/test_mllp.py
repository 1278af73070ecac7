"""MLLP beside the common cases: odd peers, programs that are not ours, TLS, and acknowledgements that stray."""

import asyncio
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hl7.client import MLLPClient

import adapters
from adapters.mllp.pairing import acknowledged_id, control_id
from engine.contract import Answer, Call, Inbound, InDoubt, Limits, Link, Reply, Tls, Unavailable
from tests.contract.desks import LIMITS, MllpDesk
from tests.peers.certificates import Authority
from tests.peers.mllp import acknowledged, message
from tests.peers.odd import OddServer, Serve
from tests.peers.proxy import Fault, FaultProxy

MLLP = adapters.load("mllp")


@pytest.fixture
async def desk() -> AsyncIterator[MllpDesk]:
    desk = MllpDesk()
    yield desk
    for source in desk.sources:
        await source.stop(0.2)


def ack(number: str, text: str = "") -> bytes:
    return f"MSH|^~\\&|BUS||LIS||20261120||ACK|1|P|2.4\rMSA|AA|{number}{text}\r".encode()


# --- the listening side --------------------------------------------------------------------------


async def test_sends_as_many_frames_as_an_answer_has(desk: MllpDesk) -> None:
    """Enhanced mode: nothing, a commit acknowledgement, or it and the application's."""

    async def by_number(inbound: Inbound) -> Answer:
        number = int(desk.number(inbound.raw))
        return Answer(tuple(b"%d of %d" % (part + 1, number) for part in range(number)))

    desk.answer = by_number
    await desk.open()
    reader, writer = await desk.connect()
    writer.write(b"".join(desk.wire(desk.body(number)) for number in (0, 2, 0, 1)))
    assert [await desk.next_answer(reader) for _ in range(3)] == [b"1 of 2", b"2 of 2", b"1 of 1"]
    writer.close()


async def test_works_on_several_messages_of_one_connection_at_once(desk: MllpDesk) -> None:
    together = asyncio.Barrier(5)

    async def meet(inbound: Inbound) -> Answer:
        await together.wait()
        return await desk.echo(inbound)

    desk.answer = meet
    await desk.open()
    reader, writer = await desk.connect()
    writer.write(b"".join(desk.wire(desk.body(number)) for number in range(5)))
    assert [await desk.next_answer(reader) for _ in range(5)] == [b"for %d" % number for number in range(5)]
    writer.close()


async def test_reads_no_further_than_it_can_answer(desk: MllpDesk) -> None:
    goes_on = asyncio.Event()

    async def wait(inbound: Inbound) -> Answer:
        await goes_on.wait()
        return await desk.echo(inbound)

    desk.answer = wait
    await desk.open()
    reader, writer = await desk.connect()
    frame = desk.wire(desk.body(1, "x" * 10_000))
    for _ in range(2000):
        writer.write(frame)
    await asyncio.sleep(0.3)
    assert 64 <= len(desk.read) < 200, "20 MB were sent"
    goes_on.set()
    for _ in range(2000):
        await desk.next_answer(reader)
    assert len(desk.read) == 2000
    writer.close()


async def test_a_peer_that_does_not_read_its_answers_is_dropped_in_the_end(desk: MllpDesk) -> None:
    async def talkative(inbound: Inbound) -> Answer:
        return Answer((b"x" * 1_000_000,))

    desk.answer = talkative
    await desk.open(replace(LIMITS, idle=0.5))
    _, writer = await desk.connect()
    writer.transport.pause_reading()
    for _ in range(200):
        writer.write(desk.wire(desk.body(1, "x" * 10_000)))  # together more than one read takes
    await desk.has_read(1)
    async with asyncio.timeout(60):
        while desk.source.connections:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
    assert 0 < len(desk.read) < 200


async def test_answers_a_peer_that_has_ended_its_side(desk: MllpDesk) -> None:
    """`printf … | nc -N`: everything is written, then the end, then it waits."""
    await desk.open()
    reader, writer = await desk.connect()
    writer.write(desk.wire(desk.body(1)) + desk.wire(desk.body(2))[:-1])
    writer.write_eof()
    assert await reader.read() == b"\x0bfor 1\x1c\r\x0bfor 2\x1c\r"
    writer.close()


async def test_answers_a_sender_that_never_sends_the_last_carriage_return(desk: MllpDesk) -> None:
    await desk.open()
    reader, writer = await desk.connect()
    for number in (1, 2):
        writer.write(desk.wire(desk.body(number))[:-1])
        assert await asyncio.wait_for(desk.next_answer(reader), 1.0) == b"for %d" % number
    writer.close()


async def test_a_failing_submit_ends_the_connection_instead_of_silence(desk: MllpDesk) -> None:
    async def cancelled(inbound: Inbound) -> Answer:
        raise asyncio.CancelledError

    desk.answer = cancelled
    await desk.open()
    reader, writer = await desk.connect()
    writer.write(desk.wire(desk.body(1)))
    assert await asyncio.wait_for(reader.read(), 1.0) == b""
    writer.close()


async def test_serves_python_hl7_and_its_program_unmodified(desk: MllpDesk, tmp_path: Path) -> None:
    async def acknowledge(inbound: Inbound) -> Answer:
        return Answer((ack(desk.number(inbound.raw).decode()),))

    desk.answer = acknowledge
    await desk.open()

    def call() -> bytes:
        with MLLPClient("127.0.0.1", desk.port) as client:
            reply: bytes = client.send_message(message("p1").decode())
            return reply

    assert acknowledged((await asyncio.to_thread(call))[1:-2]) == "p1"
    file = tmp_path / "results.hl7"
    file.write_bytes(b"".join(desk.wire(message(number)) for number in ("p2", "p3")))
    program = [str(Path(sys.executable).parent / "mllp_send"), "-p", str(desk.port), "-f", str(file), "127.0.0.1"]
    sent = await asyncio.to_thread(subprocess.run, program, capture_output=True, timeout=20, check=True)
    assert b"MSA|AA|p2" in sent.stdout
    assert b"MSA|AA|p3" in sent.stdout
    # The program cuts the last carriage return off before it frames a message.
    assert [inbound.raw for inbound in desk.read] == [message("p1"), message("p2")[:-1], message("p3")[:-1]]


# --- the sending side ----------------------------------------------------------------------------


async def send_to(serve: Serve, *numbers: str, match_reply: bool = True, pause: float = 0.0) -> list[Reply]:
    """The replies to messages sent one after the other."""
    async with OddServer(serve) as server:
        options = MLLP.profile_options(match_reply=match_reply)
        limits = Limits(connect=0.5, size=100_000)
        client = MLLP.destination(Link("peer", options, url=f"mllp://127.0.0.1:{server.port}", limits=limits))
        replies = []
        try:
            for number in numbers:
                replies.append(await client.send(Call("send", None, message(number), number, 0.4)))
                await asyncio.sleep(pause)
        finally:
            await client.close()
        return replies


def replying(*replies: bytes, pause: float = 0.0) -> Serve:
    """Answers each message with the next of the replies, as they stand."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            await reader.readuntil(b"\x1c\r")
            for piece in reply.split(b"<pause>"):
                writer.write(piece)
                await asyncio.sleep(pause)
        await reader.read()

    return serve


@pytest.mark.parametrize(
    "reply",
    [
        b"\x0b" + ack("n1") + b"\x1c",
        b"\x0b" + ack("n1") + b"\x1c\n",
        b"\r\n\x0b" + ack("n1") + b"\x1c\r\r\n",
        b"\x0b" + ack("n1")[:20] + b"<pause>" + ack("n1")[20:] + b"<pause>\x1c<pause>\r",
    ],
    ids=["no CR", "LF", "line ends around", "in pieces"],
)
async def test_reads_acknowledgements_as_peers_send_them(reply: bytes) -> None:
    (answer,) = await send_to(replying(reply, pause=0.01), "n1")
    assert answer.body == ack("n1")


@pytest.mark.parametrize("named", ["n1", ""], ids=["ours", "none"])
async def test_an_acknowledgement_names_our_message_or_none(named: str) -> None:
    (answer,) = await send_to(replying(b"\x0b" + ack(named) + b"\x1c\r"), "n1")
    assert answer.body == ack(named)


async def test_passes_over_the_acknowledgement_of_another_message() -> None:
    stray = b"\x0b" + ack("n0", "|second") + b"\x1c\r"
    (answer,) = await send_to(replying(stray + b"<pause>\x0b" + ack("n1") + b"\x1c\r", pause=0.02), "n1")
    assert answer.body == ack("n1")


async def test_another_messages_acknowledgement_alone_is_no_answer() -> None:
    with pytest.raises(InDoubt, match="timeout"):
        await send_to(replying(b"\x0b" + ack("n0") + b"\x1c\r"), "n1")


async def test_takes_numbers_of_the_peers_own_where_the_profile_says_so() -> None:
    (answer,) = await send_to(replying(b"\x0b" + ack("77") + b"\x1c\r"), "n1", match_reply=False)
    assert answer.body == ack("77")


async def test_takes_an_echo_that_was_cut_at_20_characters() -> None:
    number = "20261120090000000000012345"
    (answer,) = await send_to(replying(b"\x0b" + ack(number[:20]) + b"\x1c\r"), number)
    assert acknowledged(answer.body) == number[:20]


async def test_finds_its_number_behind_chinese_names_that_hold_a_delimiter_byte() -> None:
    """In GBK the second byte of 榺 is `|`."""
    names = "榺榺".encode("gb18030")
    assert b"|" in names
    sent = b"MSH|^~\\&|" + names + b"|LAB|BUS||20261120||ORU^R01|n1|P|2.4\r"
    reply = b"MSH|^~\\&|BUS||" + names + b"||20261120||ACK|9|P|2.4\rMSA|AA|n1|" + names + b"\r"
    assert (control_id(sent), acknowledged_id(reply)) == ("n1", "n1")


async def test_doubled_acknowledgements_never_answer_the_next_message(desk: MllpDesk) -> None:
    async def acknowledge(inbound: Inbound) -> Answer:
        return Answer((ack(desk.number(inbound.raw).decode()),))

    desk.answer = acknowledge
    await desk.open()
    async with FaultProxy(("127.0.0.1", desk.port)) as proxy:
        proxy.fault = Fault.TWICE
        client = MLLP.destination(Link("peer", MLLP.profile_options(), url=f"mllp://127.0.0.1:{proxy.port}"))
        for number in range(30):
            reply = await client.send(Call("send", None, message(f"n{number}"), "t", 1.0))
            assert acknowledged(reply.body) == f"n{number}"
            await asyncio.sleep(0.003 * (number % 6))
        await client.close()


async def test_a_reply_over_the_limit_is_a_doubt() -> None:
    with pytest.raises(InDoubt, match="reply_too_large"):
        await send_to(replying(b"\x0b" + ack("n1") + b"x" * 200_000 + b"\x1c\r"), "n1")


async def test_words_that_nobody_asked_for_spoil_a_kept_connection() -> None:
    connections = 0

    async def talkative(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            request = await reader.readuntil(b"\x1c\r")
            writer.write(b"\x0b" + ack(request.split(b"|", 10)[9].decode()) + b"\x1c\r")
            await asyncio.sleep(0.01)
            writer.write(b"\x0bMSH|^~\\&|half a message of its own")

    replies = await send_to(talkative, "n1", "n2", pause=0.05)
    assert [acknowledged(reply.body) for reply in replies] == ["n1", "n2"]
    assert connections == 2


async def test_an_end_that_the_event_loop_has_not_heard_of_yet_costs_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_once_each() -> None:
            for number in ("n1", "n2"):
                line, _ = listener.accept()
                with line:
                    assert number.encode() in line.recv(65536)
                    line.sendall(b"\x0b" + ack(number) + b"\x1c\r")

        peer = threading.Thread(target=answer_once_each, daemon=True)
        peer.start()
        client = MLLP.destination(
            Link("peer", MLLP.profile_options(), url=f"mllp://127.0.0.1:{listener.getsockname()[1]}")
        )
        for number in ("n1", "n2"):
            reply = await client.send(Call("send", None, message(number), "t", 1.0))
            assert acknowledged(reply.body) == number
            time.sleep(0.05)  # noqa: ASYNC251 - the loop sleeps too: that is the case
        await client.close()
        peer.join(1.0)


async def test_a_host_that_nobody_knows_is_unavailable() -> None:
    client = MLLP.destination(Link("peer", MLLP.profile_options(), url="mllp://no-such-host.invalid:2575"))
    with pytest.raises(Unavailable, match=r"^(unknown_host|connect_timeout)$"):
        await client.send(Call("send", None, message("n1"), "t", 3.0))


# --- TLS -----------------------------------------------------------------------------------------


async def test_tls_shows_who_calls_and_refuses_strangers(tmp_path: Path) -> None:
    ours, others = Authority(tmp_path / "ours"), Authority(tmp_path / "others", "another ca")
    bus, lis = ours.sign("bus"), ours.sign("lis-1")
    read: list[Inbound] = []

    async def submit(inbound: Inbound) -> Answer:
        read.append(inbound)
        return Answer((ack("n1"),))

    own = Tls(ca=ours.ca, cert=bus.cert, key=bus.key)
    source = MLLP.source(Link("lis", MLLP.profile_options(), listen=("127.0.0.1", 0), tls=own))
    await source.start(submit)
    assert source.address.startswith("mllps://")
    good = Tls(ca=ours.ca, cert=lis.cert, key=lis.key)
    for tls, fits in ((good, True), (replace(good, ca=others.ca), False)):
        client = MLLP.destination(Link("bus", MLLP.profile_options(), url=source.address, tls=tls))
        call = Call("send", None, message("n1"), "t", 2.0)
        if fits:
            assert acknowledged((await client.send(call)).body) == "n1"
        else:
            with pytest.raises(Unavailable, match="tls_refused"):
                await client.send(call)
        await client.close()
    assert [inbound.client for inbound in read] == ["lis-1"]
    stranger = ssl.create_default_context(cafile=ours.ca)
    port = int(source.address.rsplit(":", 1)[1])

    async def call_without_certificate() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=stranger)
        writer.write(b"\x0b" + message("n2") + b"\x1c\r")
        await reader.readuntil(b"\x1c\r")

    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        await call_without_certificate()
    assert len(read) == 1
    await source.stop(0.2)
