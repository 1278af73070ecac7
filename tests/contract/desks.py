"""A desk: one adapter's source, and a caller that writes its wire by hand, byte by byte where it likes.

The cases in `test_sources.py` know only this; a new listening adapter joins them by writing its desk.
"""

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from lxml import etree

import adapters
from engine.contract import Answer, Fault, Inbound, Limits, Link, Source
from tests.peers.mllp import message

CHINESE = "白细胞计数 ↑ 12.5×10⁹/L"
SOAP = b"http://schemas.xmlsoap.org/soap/envelope/"
LIMITS = Limits(connect=0.5, total=2.0, idle=30.0, size=4 * 1024 * 1024)
Submit = Callable[[Inbound], Awaitable[Answer]]


class Desk(ABC):
    """What the cases need of one source. It keeps all that reached `submit`, and answers each with `answer`."""

    adapter: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {}
    """The profile's block under the adapter's name."""

    def __init__(self) -> None:
        self.read: list[Inbound] = []
        self.answered = 0
        self._came = asyncio.Condition()
        self.sources: list[Source] = []
        self.answer: Submit = self.echo

    async def open(self, limits: Limits = LIMITS, allow: tuple[str, ...] = (), port: int = 0) -> "Desk":
        adapter = adapters.load(self.adapter)
        assert adapter.source is not None
        listen = ("127.0.0.1", port)
        options = adapter.profile_options.model_validate(self.options)
        source = adapter.source(Link("peer", options, listen=listen, limits=limits, allow=allow))
        await source.start(self.submit)
        self.sources.append(source)
        return self

    @property
    def source(self) -> Source:
        return self.sources[-1]

    @property
    def port(self) -> int:
        port = urlsplit(self.source.address).port
        assert port
        return port

    async def has_read(self, count: int) -> None:
        """Waits until so many messages have reached `submit`."""
        async with asyncio.timeout(60), self._came:
            await self._came.wait_for(lambda: len(self.read) >= count)

    async def submit(self, inbound: Inbound) -> Answer:
        self.read.append(inbound)
        async with self._came:
            self._came.notify_all()
        answer = await self.answer(inbound)
        self.answered += 1
        return answer

    async def echo(self, inbound: Inbound) -> Answer:
        return Answer((b"for " + self.number(inbound.raw),))

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, limit=64 * 1024 * 1024)

    @abstractmethod
    def number(self, body: bytes) -> bytes:
        """Which of the bodies made by `body` this is."""

    @abstractmethod
    def body(self, number: int, text: str = "") -> bytes:
        """A body as this adapter carries them."""

    def awkward(self) -> list[bytes]:
        """Bodies that are easily spoiled on the way; those of a transport for bytes hold every byte."""
        every_byte = bytes(range(32, 256)) + b"\x00\x01\x0a\x0b\x0d"
        return [self.body(1, CHINESE), self.body(2) + CHINESE.encode("gb18030"), self.body(3) + every_byte]

    def sent(self, body: bytes) -> bytes:
        """What `limits.size` counts of it."""
        return body

    @abstractmethod
    def wire(self, body: bytes) -> bytes:
        """The body as a caller sends it."""

    @abstractmethod
    async def next_answer(self, reader: asyncio.StreamReader) -> bytes:
        """The next answer's body. Raises IncompleteReadError where the connection ends before."""


class MllpDesk(Desk):
    adapter = "mllp"

    def number(self, body: bytes) -> bytes:
        return body.split(b"|", 10)[9]

    def body(self, number: int, text: str = "") -> bytes:
        return message(str(number), text)

    def wire(self, body: bytes) -> bytes:
        return b"\x0b" + body + b"\x1c\r"

    async def next_answer(self, reader: asyncio.StreamReader) -> bytes:
        return (await reader.readuntil(b"\x1c\r"))[1:-2]


class HttpDesk(Desk):
    adapter = "http"

    def number(self, body: bytes) -> bytes:
        return body.split(b" ", 1)[0]

    def body(self, number: int, text: str = "") -> bytes:
        return f"{number} {text}".encode()

    def wire(self, body: bytes) -> bytes:
        return b"POST /in?a=%%20b HTTP/1.1\r\nHost: bus\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    async def next_answer(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        assert length is not None
        return await reader.readexactly(int(length[1]))


class SoapDesk(HttpDesk):
    """A caller that writes its envelopes by hand."""

    adapter = "soap"
    options: ClassVar[dict[str, Any]] = {"serve": {"path": "/his", "operations": {"Tell": {"argument": "input"}}}}

    def number(self, body: bytes) -> bytes:
        found = re.search(rb"(?:^|<input>)(\d+) ", body)
        assert found is not None
        return found[1]

    def awkward(self) -> list[bytes]:
        texts = [CHINESE, "<a b='c'>&amp; ]]> \t\n</a>", "<![CDATA[<x/>]]>", "\U00020bb7 é  "]
        return [self.body(number, text) for number, text in enumerate(texts, 1)]

    def sent(self, body: bytes) -> bytes:
        text = escape(body.decode()).encode()
        return b"<e:Envelope xmlns:e='%b'><e:Body><Tell><input>%b</input></Tell></e:Body></e:Envelope>" % (SOAP, text)

    def wire(self, body: bytes) -> bytes:
        return super().wire(self.sent(body)).replace(b"/in?a=%20b", b"/his", 1)

    async def echo(self, inbound: Inbound) -> Answer:
        said = b"for " + self.number(inbound.raw)
        refused = Fault("TOO_LARGE", said.decode(), "", theirs=True) if inbound.too_large else None
        return Answer((said,), fault=refused)

    async def next_answer(self, reader: asyncio.StreamReader) -> bytes:
        answer = etree.fromstring(await super().next_answer(reader))
        text = answer.xpath("string(//*[local-name() = 'TellResult'] | //*[local-name() = 'text'])")
        return str(text).encode()


DESKS: dict[str, type[Desk]] = {"mllp": MllpDesk, "http": HttpDesk, "soap": SoapDesk}
