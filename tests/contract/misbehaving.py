"""Every way in which a system misbehaves, and how a test brings it about on the wire of one adapter.

What each ends in stands with the adapters (`Adapter.failures`, `Adapter.replies`) and so in docs/reference/adapters.md.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import adapters
from engine.contract import Call, InDoubt, Refused, Reply, Tls, Unavailable
from tests.contract.stands import LIMITS, Carried, Stand
from tests.peers.certificates import Authority
from tests.peers.odd import OddServer, Serve
from tests.peers.proxy import Fault, black_hole, free_port
from tests.peers.soap import enveloped

NAME = "张三".encode("gb18030")
NONSENSE = b"!!!! \x80\x81\xfe ????\r\n\r\n"
GENEROUS = 20.0
"""Seconds of a call that does not end by its limit."""


@dataclass(frozen=True)
class Wire:
    """The bytes of one protocol."""

    whole: Callable[[bytes], bytes] = lambda body: body
    """A whole reply that holds these bytes."""
    error: bytes = b""
    secure: tuple[str, str] = ("", "")
    """What becomes what in an address for TLS."""
    short: float = 0.3
    """Seconds of a call that ends by its limit."""


def _http(status: str, content_type: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _frame(body: bytes, code: str = "AA", number: str = "m1") -> bytes:
    head = f"MSH|^~\\&|LIS|LAB|BUS|HOSPITAL|20261120090000||ACK|9|P|2.4\rMSA|{code}|{number}|"
    return b"\x0b" + head.encode() + body + b"\r\x1c\r"


_PLAIN = Wire(
    lambda body: _http("200 OK", "application/json; charset=utf-8", b'{"name": "' + body + b'"}'),
    _http("500 Internal Server Error", "text/html", b"<html>\xb4\xed\xce\xf3</html>"),
    ("http://", "https://"),
)
_ENVELOPE = enveloped("<NoteResponse xmlns='urn:his'><NoteResult>%s</NoteResult></NoteResponse>").encode()
_STARTING = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
WIRES = {
    "mllp": Wire(_frame, _frame(b"", "AE"), ("mllp://", "mllps://")),
    "http": _PLAIN,
    "fhir": _PLAIN,
    "soap": replace(_PLAIN, whole=lambda body: _http("200 OK", "text/xml; charset=utf-8", _ENVELOPE % body)),
    "sql": Wire(error=b"E" + (len(_STARTING) + 4).to_bytes(4, "big") + _STARTING, short=1.0),
}
_GARBLED = {"mllp": b"\x0b" + NONSENSE + b"\x1c\r"}
"""A whole reply with nonsense in it, where it is none of HTTP."""


def _opened(stand: Stand, url: str, tls: Tls | None = None, connect: float = GENEROUS) -> Carried:
    """A destination at an address of its own."""
    adapter = adapters.load(stand.adapter)
    assert adapter.destination is not None
    link = replace(stand.link(stand.proxy.port, replace(LIMITS, connect=connect)), url=url, tls=tls)
    carried = Carried(adapter.destination(link), adapter)
    stand.stack.push_async_callback(carried.close)
    return carried


async def refused(stand: Stand, call: Call, _folder: Path) -> Reply:
    return await stand.open(free_port()).send(call)


async def passed_over(stand: Stand, call: Call, _folder: Path) -> Reply:
    with black_hole() as port:
        return await stand.open(port).send(call)


async def no_name(stand: Stand, call: Call, _folder: Path) -> Reply:
    return await _opened(stand, stand.url(1).replace("127.0.0.1", "no-such-host.invalid")).send(call)


async def expired(stand: Stand, call: Call, folder: Path) -> Reply:
    authority = Authority(folder / "authority")
    signed = authority.sign("peer", until=datetime.now(UTC) - timedelta(hours=1))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(signed.cert, signed.key)

    if stand.adapter == "sql":
        async with OddServer(_asked_for_tls(context)) as server:
            url = f"{stand.url(server.port)}?sslmode=verify-full&sslrootcert={authority.ca}"
            return await _opened(stand, url).send(call)
    async with OddServer(_silent, context) as server:
        url = stand.url(server.port).replace(*WIRES[stand.adapter].secure)
        return await _opened(stand, url, Tls(ca=authority.ca)).send(call)


async def _silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


def _asked_for_tls(context: ssl.SSLContext) -> Serve:
    """PostgreSQL's way into TLS."""

    async def secured(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(b"S")
        with suppress(ssl.SSLError):  # the caller says no
            await writer.start_tls(context)

    return secured


async def silent_handshake(stand: Stand, call: Call, _folder: Path) -> Reply:
    """Takes the connection, and says nothing of TLS or of who may log in."""
    async with OddServer(_silent) as server:
        url = stand.url(server.port).replace(*WIRES[stand.adapter].secure)
        return await _opened(stand, url, None if stand.adapter == "sql" else Tls(), LIMITS.connect).send(call)


async def error_for_an_hour(stand: Stand, call: Call, folder: Path) -> Reply:
    """Every time the same: the third answer is the judge's."""
    wire = WIRES[stand.adapter]
    if stand.adapter != "sql":
        return await through(Fault.INSTEAD, instead=wire.error, times=3)(stand, call, folder)

    async def starting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            asked = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big") - 4)
            if asked[:2] == b"\x00\x03":  # the start-up packet; before it TLS and GSS are asked for
                writer.write(wire.error)
                return
            writer.write(b"N")

    async with OddServer(starting) as server:
        return await _again(stand.open(server.port), call, 3)


async def _again(destination: Carried, call: Call, times: int) -> Reply:
    for _ in range(times - 1):
        with suppress(Unavailable, InDoubt, Refused):
            await destination.send(call)
    return await destination.send(call)


Case: TypeAlias = Callable[[Stand, Call, Path], Awaitable[Reply]]


def through(fault: Fault, *, instead: bytes = b"", times: int = 1, commit: bool = False) -> Case:
    """The proxy's fault meets a call on a kept connection; in a database its first statement, or its `commit`."""

    async def sent(stand: Stand, call: Call, _folder: Path) -> Reply:
        destination = stand.open()
        await destination.send(stand.call("before", timeout=GENEROUS))
        if stand.adapter == "sql":
            stand.proxy.trigger = b"COMMIT" if commit else b"insert"
        stand.proxy.fault, stand.proxy.instead, stand.proxy.seconds = fault, instead, 0.2
        try:
            return await _again(destination, call, times)
        finally:
            stand.proxy.fault = Fault.NONE
            await destination.send(stand.call("after", timeout=GENEROUS))

    return sent


def _holding(body: bytes) -> Case:
    """A whole reply of the protocol that holds these bytes."""

    async def sent(stand: Stand, call: Call, folder: Path) -> Reply:
        return await through(Fault.INSTEAD, instead=WIRES[stand.adapter].whole(body))(stand, call, folder)

    return sent


async def half(stand: Stand, call: Call, folder: Path) -> Reply:
    body = WIRES[stand.adapter].whole(b"x" * 1000)
    return await through(Fault.HALF, instead=b"" if stand.adapter == "sql" else body)(stand, call, folder)


async def another_answer(stand: Stand, call: Call, folder: Path) -> Reply:
    """The answer to a message that is not this one."""
    wrong = _frame(b"", number="m0") if stand.adapter == "mllp" else WIRES[stand.adapter].whole(b"m0")
    return await through(Fault.INSTEAD, instead=wrong)(stand, call, folder)


async def nonsense_said_well(stand: Stand, call: Call, folder: Path) -> Reply:
    reply = _GARBLED.get(stand.adapter, _http("200 OK", "text/plain", NONSENSE))
    return await through(Fault.INSTEAD, instead=reply)(stand, call, folder)


CASES: dict[str, Case] = {
    "refused": refused,
    "black hole": passed_over,
    "DNS gone": no_name,
    "certificate expired": expired,
    "silence": through(Fault.SILENCE),
    "silence in the handshake": silent_handshake,
    "half a reply": half,
    "reset after effect": through(Fault.RESET),
    "slow drip": through(Fault.DRIP),
    "garbage": through(Fault.INSTEAD, instead=NONSENSE),
    "garbage in a reply": nonsense_said_well,
    "wrong charset": _holding(NAME),
    "wrong correlation id": another_answer,
    "an error for an hour": error_for_an_hour,
    "silence at the commit": through(Fault.SILENCE, commit=True),
    "half a reply at the commit": through(Fault.HALF, commit=True),
    "reset after effect at the commit": through(Fault.RESET, commit=True),
    "slow drip at the commit": through(Fault.DRIP, commit=True),
    "garbage at the commit": through(Fault.INSTEAD, instead=NONSENSE, commit=True),
}
ONLY_SQL = frozenset(name for name in CASES if name.endswith("at the commit"))
NOT_SQL = frozenset({"garbage in a reply", "wrong charset", "wrong correlation id"})
"""The driver and the server agree on all of these before the first statement."""
