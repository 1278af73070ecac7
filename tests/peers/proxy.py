"""A TCP proxy between a caller and a peer that does what networks and dying systems do."""

import asyncio
import itertools
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from enum import Enum
from typing import Self


class Fault(Enum):
    NONE = "everything passes"
    DELAY = "replies come later by `seconds`"
    SILENCE = "the peer gets it and does it; its reply is lost"
    RESET = "the peer gets it and does it; then the connection is reset"
    HALF = "half of the reply, then the end"
    DRIP = "the reply comes byte by byte, one every `seconds`"
    INSTEAD = "the peer does it; in place of its reply comes `instead`, and no more"
    TWICE = "each reply comes a second time, a moment later"
    LOST = "what the caller sends is read and lost, then the connection is reset"


class FaultProxy:
    """Listens on a free port of 127.0.0.1 and forwards to `upstream`.

    `fault` holds for what is sent from now on; with `trigger`, from the first chunk that contains it on.
    HALF, too, takes `instead` for the reply where there is one.
    """

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.upstream = upstream
        self.fault = Fault.NONE
        self.trigger = b""
        self.instead = b""
        self.seconds = 0.2
        self.connections = 0
        self._lines: set[_Line] = set()
        self._served: set[asyncio.Task[object]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        while self._served:
            self.hang_up()
            await asyncio.wait(self._served, timeout=0.05)

    def hang_up(self) -> None:
        """Ends every connection politely, as a peer does with idle ones."""
        for line in list(self._lines):
            line.end()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._served.add(task)
        self.connections += 1
        try:
            line = _Line(self, reader, writer, *await asyncio.open_connection(*self.upstream))
            self._lines.add(line)
            await line.run()
            self._lines.discard(line)
        finally:
            self._served.discard(task)

    @property
    def open(self) -> int:
        """Connections that are open now."""
        return len(self._lines)


class _Line:
    def __init__(
        self,
        proxy: FaultProxy,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
    ) -> None:
        self.proxy = proxy
        self.reader, self.writer = reader, writer
        self.up_reader, self.up = up_reader, up_writer
        self.triggered = False
        self.replaced = False

    async def run(self) -> None:
        pumps = [asyncio.create_task(self._ask()), asyncio.create_task(self._reply(self.up_reader))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        self.end()

    def end(self) -> None:
        for writer in (self.writer, self.up):
            writer.close()

    async def _ask(self) -> None:
        while data := await self.reader.read(65536):
            if self.proxy.trigger and self.proxy.trigger in data:
                self.triggered = True
            if self._fault() is Fault.LOST:
                self._reset()
                return
            self.replaced = False
            self.up.write(data)
            await self.up.drain()

    async def _reply(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65536):
            fault = self._fault()
            if fault is Fault.SILENCE or self.replaced:
                continue
            if self.proxy.instead and fault in (Fault.INSTEAD, Fault.HALF):
                data, self.replaced = self.proxy.instead, True
            if fault is Fault.RESET:
                self._reset()
                return
            if fault is Fault.DELAY:
                await asyncio.sleep(self.proxy.seconds)
            await self._pass(data[: len(data) // 2] if fault is Fault.HALF else data)
            if fault is Fault.HALF:
                return
            if fault is Fault.TWICE:
                await asyncio.sleep(0.01)
                self.writer.write(data)

    async def _pass(self, data: bytes) -> None:
        dripping = self._fault() is Fault.DRIP
        for part in (data[n : n + 1] for n in range(len(data))) if dripping else (data,):
            self.writer.write(part)
            await self.writer.drain()
            if dripping:
                await asyncio.sleep(self.proxy.seconds)

    def _fault(self) -> Fault:
        return self.proxy.fault if self.triggered or not self.proxy.trigger else Fault.NONE

    def _reset(self) -> None:
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@contextmanager
def black_hole() -> Iterator[int]:
    """A port whose queue of callers is full: who knocks there is passed over without a word."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        port: int = listener.getsockname()[1]
        yield port


def _ports() -> Iterator[int]:
    """Ports to try. In a run with several workers each has its own, below those that the system gives to whoever asks
    for any: what is found free stays free until the program that is told of it listens there.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    first = 20_000 + 1_200 * (int(worker) % 10) if worker else 0
    return itertools.cycle(range(first, first + 1_200) if worker else (0,))


_PORTS = _ports()


def free_port() -> int:
    """A port on which nothing listens."""
    for port in _PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise AssertionError("the ports go round")
