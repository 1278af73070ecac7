"""One MLLP connection of a sender: frames out, in one piece or badly; frames in, read strictly.

A block is 0x0B, the message, 0x1C 0x0D (HL7 v2 appendix C). Written here from the standard; the bus has its own.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

from sandbox.faults import Drawn

START = b"\x0b"
END = b"\x1c\r"
_LINGER_OFF = struct.pack("ii", 1, 0)
_LARGEST = 4 * 1024 * 1024


class Lost(Exception):
    """The connection is gone, or was given up; what was under way is unanswered."""


class Framer:
    """Cuts a stream of bytes into payloads; what lies between the frames is counted as stray."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.stray = 0

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        if len(self._buffer) > _LARGEST:
            raise ValueError("an answer without end")
        payloads = []
        while (end := self._buffer.find(END)) >= 0:
            start = self._buffer.find(START, 0, end)
            self.stray += end if start < 0 else start
            if start >= 0:
                payloads.append(bytes(self._buffer[start + 1 : end]))
            del self._buffer[: end + len(END)]
        return payloads


class Link:
    """A connection that is opened when needed; every payload that arrives is handed to `received`."""

    def __init__(self, host: str, port: int, received: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        self._host, self._port = host, port
        self._received, self._lost = received, lost
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self.stray = 0

    @property
    def open(self) -> bool:
        return self._writer is not None

    async def connect(self, timeout: float) -> None:
        """OSError or TimeoutError when the peer is not there."""
        if self._writer is not None:
            return
        reader, self._writer = await asyncio.wait_for(asyncio.open_connection(self._host, self._port), timeout)
        self._listening = asyncio.create_task(self._listen(reader), name="mllp answers")

    async def write(self, payload: bytes, drawn: Drawn) -> None:
        """Writes one frame, as the faults will have it; Lost when the connection is gone afterwards."""
        framed = START + payload + (END[:1] if "missing_cr" in drawn else END)
        if "garbage" in drawn:
            framed = b"\r\n\x00noise" + framed
        if "double" in drawn:
            framed += START + payload + END
        if "half" in drawn:
            await self._put(framed[: len(framed) // 2])
            self.reset()
            raise Lost("half of the frame was sent")
        size = int(drawn.amount("fragment", 7)) or len(framed)
        for at in range(0, len(framed), size):
            await self._put(framed[at : at + size])
            if "fragment" in drawn and at < 40 * size:
                await asyncio.sleep(
                    0.001
                )  # enough pauses that the pieces arrive one by one, not so many that it takes minutes
        if "reset_after" in drawn:
            await asyncio.sleep(0.05)  # let the peer read it first
            self.reset()
            raise Lost("reset without reading the answer")

    def put_frame(self, payload: bytes) -> None:
        """Writes a small frame of our own while answers are being read; lost with the connection."""
        if self._writer is not None:
            self._writer.write(START + payload + END)

    def reset(self) -> None:
        """Cuts the connection with a TCP reset."""
        writer, self._writer = self._writer, None
        if self._listening is not None and self._listening is not asyncio.current_task():
            self._listening.cancel()
        if writer is not None:
            peer = writer.get_extra_info("socket")
            if peer is not None:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
            writer.transport.abort()

    async def close(self) -> None:
        """Ends the connection in order."""
        writer, self._writer = self._writer, None
        if self._listening is not None:
            self._listening.cancel()
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _put(self, data: bytes) -> None:
        if self._writer is None:
            raise Lost("the peer hung up")
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            self.reset()
            raise Lost(str(error)) from error

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        framer = Framer()
        try:
            while data := await reader.read(65536):
                for payload in framer.feed(data):
                    self._received(payload)
                self.stray += framer.stray
                framer.stray = 0
        except (OSError, ValueError):
            pass  # the same to the sender as a peer that hung up
        self.reset()
        self._lost()
