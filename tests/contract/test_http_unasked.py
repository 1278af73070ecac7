"""What a peer says unasked on a kept connection is never taken for the answer to the next call."""

import asyncio

import pytest

import adapters
from engine.contract import Call, Link
from tests.peers.odd import OddServer

HTTP = adapters.load("http")
Options = HTTP.operation_options


class Stutterer:
    """Answers every call with its number, `pause` seconds later once more."""

    def __init__(self, pause: float) -> None:
        self.pause = pause
        self.calls = self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            await reader.readuntil(b"\r\n\r\n")
            self.calls += 1
            number = str(self.calls).encode()
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(number), number)
            if self.pause:
                writer.write(answer)
                await asyncio.sleep(self.pause)
                writer.write(answer)
            else:
                writer.write(answer * 2)


@pytest.mark.parametrize("pause", [0.0, 0.02], ids=["in one piece", "a moment later"])
async def test_an_answer_said_twice_is_heard_once(pause: float) -> None:
    peer = Stutterer(pause)
    async with OddServer(peer.serve) as server:
        client = HTTP.destination(Link("peer", HTTP.profile_options(), url=f"http://127.0.0.1:{server.port}"))
        heard = []
        for _ in range(4):
            heard.append((await client.send(Call("call", Options(method="GET"), b"", "t", 1.0))).body)
            await asyncio.sleep(pause * 2)
        await client.close()
    assert heard == [b"1", b"2", b"3", b"4"]
    assert peer.calls == 4


async def test_a_quiet_connection_is_kept() -> None:
    connections = 0

    async def quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with OddServer(quiet) as server:
        client = HTTP.destination(Link("peer", HTTP.profile_options(), url=f"http://127.0.0.1:{server.port}"))
        for _ in range(5):
            assert (await client.send(Call("call", Options(method="GET"), b"", "t", 1.0))).body == b"ok"
        await client.close()
    assert connections == 1
