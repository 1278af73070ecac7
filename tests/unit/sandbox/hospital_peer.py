"""Whom the hospital of these tests sends to: an MLLP peer that does as it is told, and keeps every byte."""

import asyncio
import contextlib
from collections.abc import Callable

Answer = Callable[[bytes, int], list[bytes] | None]


def fields(raw: bytes) -> list[str]:
    """MSH by HL7 number, for ASCII parts."""
    parts = raw.split(b"\r")[0].decode("latin-1").split("|")
    return ["MSH", "|", *parts[1:]]


def ack(raw: bytes, code: str = "", of: str = "", more: str = "") -> bytes:
    """A right acknowledgement: CA for enhanced senders, AA for the others, unless `code` says otherwise."""
    msh = fields(raw) + [""] * 20
    code = code or ("CA" if msh[15] or msh[16] else "AA")
    return (
        f"MSH|^~\\&|{msh[5]}|{msh[6]}|{msh[3]}|{msh[4]}|20261101000000||ACK^R01^ACK|A{msh[10]}"
        f"|P|{msh[12]}||||||{msh[18]}\rMSA|{code}|{of or msh[10]}{more}\r"
    ).encode("ascii")


def control_id(raw: bytes) -> str:
    return fields(raw)[10]


class Peer:
    """`frames`: payloads in order of arrival; `raw`: every byte; `answer(payload, number)`: replies, None: silence."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.raw = bytearray()
        self.chunks = 0
        self.connections = 0
        self.resets = 0
        self.answer: Answer = lambda raw, _number: [ack(raw)]
        self._writers: list[asyncio.StreamWriter] = []

    async def open(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    @property
    def ids(self) -> list[str]:
        return [control_id(frame) for frame in self.frames]

    def put(self, payload: bytes) -> None:
        """Something said without being asked."""
        self._writers[-1].write(b"\x0b" + payload + b"\x1c\r")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        buffer = b""
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                self.chunks += 1
                self.raw += data
                buffer += data
                while b"\x1c" in buffer:  # the end block alone, so that a missing CR is seen as such
                    head, buffer = buffer.split(b"\x1c", 1)
                    if b"\x0b" in head:
                        self._take(head.split(b"\x0b", 1)[1], writer)
        writer.close()

    def _take(self, payload: bytes, writer: asyncio.StreamWriter) -> None:
        self.frames.append(payload)
        if fields(payload)[9].startswith("ACK"):
            return  # a commit acknowledgement is not acknowledged
        for reply in self.answer(payload, len(self.frames)) or []:
            writer.write(b"\x0b" + reply + b"\x1c\r")


async def until(condition: Callable[[], object], seconds: float = 8.0) -> None:
    """Waits for something that other tasks bring about."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for lies in another program's tables
            await asyncio.sleep(0.005)
