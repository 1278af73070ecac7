"""HTTP beside the common cases: addresses, what a status proves, uploads, heads without end, TLS."""

import asyncio
import http.client
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import adapters
from engine.contract import Answer, Call, Inbound, InDoubt, Limits, Link, Login, Refused, Tls, Unavailable
from tests.contract.desks import LIMITS, HttpDesk
from tests.peers.certificates import Authority
from tests.peers.odd import OddServer
from tests.peers.web import WebServer

HTTP = adapters.load("http")
Options = HTTP.operation_options


@pytest.fixture
def web() -> Iterator[WebServer]:
    with WebServer() as server:
        yield server


@pytest.fixture
async def desk() -> AsyncIterator[HttpDesk]:
    desk = HttpDesk()
    yield desk
    for source in desk.sources:
        await source.stop(0.2)


async def send(port: int, options: Any, body: bytes = b"", base: str = "", **more: Any) -> Any:
    """One call with a client of its own."""
    profile = more.pop("profile", {})
    link = Link("peer", HTTP.profile_options(**profile), url=f"http://127.0.0.1:{port}{base}", **more.pop("link", {}))
    client = HTTP.destination(link)
    try:
        return await client.send(Call("call", options, body, "t", more.pop("timeout", 2.0), **more))
    finally:
        await client.close()


# --- addresses -----------------------------------------------------------------------------------


async def test_the_address_that_is_signed_is_the_one_that_is_sent(web: WebServer) -> None:
    options = Options(method="GET", path="/patients/{id}/reports", query=("from", "q", "none"))
    fields = {"id": "张三/1?#%&+", "q": "a b&c=d", "from": "2026-11-20"}
    await send(web.port, options, base="/v1/", fields=fields)
    signed = HTTP.address(options, fields, f"http://127.0.0.1:{web.port}/v1/")
    assert signed == web.ledger[0][:2]
    assert signed[1] == ("/v1/patients/%E5%BC%A0%E4%B8%89%2F1%3F%23%25%26%2B/reports?from=2026-11-20&q=a%20b%26c%3Dd")


@given(st.dictionaries(st.sampled_from(["id", "q"]), st.text(max_size=20), min_size=2))
def test_no_value_leaves_its_place_in_the_address(fields: dict[str, str]) -> None:
    _, path = HTTP.address(Options(path="/a/{id}/b", query=("q",)), fields)
    head, _, query = path.partition("?")
    assert head.count("/") == 3
    assert query.count("=") == 1
    assert path.isascii()


@pytest.mark.parametrize("path", ["no-slash", "/a?b=c", "/a#b", "/{}", "/{a b}", "/{a", "/a}"])
def test_a_path_that_cannot_be_is_refused_when_texts_are_read(path: str) -> None:
    with pytest.raises(ValidationError):
        Options(path=path)


async def test_a_value_that_is_missing_is_refused_before_anything_is_sent(web: WebServer) -> None:
    with pytest.raises(Refused, match="missing_value_in_path"):
        await send(web.port, Options(path="/{id}"))
    assert web.ledger == []


# --- what a status proves ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "truth", "why"),
    [
        ("/refuse", Refused, "http_400"),
        ("/missing", Refused, "http_404"),
        ("/busy", Unavailable, "http_429"),
        ("/broken", InDoubt, "http_500"),
        ("/moved", InDoubt, "http_302"),
    ],
)
async def test_says_what_a_status_proves(web: WebServer, path: str, truth: type[Exception], why: str) -> None:
    with pytest.raises(truth) as outcome:
        await send(web.port, Options(path=path), b"{}")
    assert str(outcome.value) == why
    assert len(web.ledger) == 1, "redirects are not followed, nothing is sent again"


async def test_hands_statuses_to_the_profile_that_has_a_meaning_for_them(web: WebServer) -> None:
    reply = await send(web.port, Options(path="/missing", answers=(404,)), b'{"code": 1}')
    assert (reply.status, reply.body) == (404, b'{"code": 1}')
    with pytest.raises(Unavailable):
        await send(web.port, Options(path="/broken", unread=(500,)), b"{}")


async def test_a_refusal_brings_the_reply_along(web: WebServer) -> None:
    with pytest.raises(Refused) as refusal:
        await send(web.port, Options(path="/refuse"), b'{"code": "slot_taken"}')
    assert refusal.value.reply is not None
    assert refusal.value.reply.body == b'{"code": "slot_taken"}'


# --- what goes along -----------------------------------------------------------------------------


async def test_sends_the_seal_and_the_profiles_headers(web: WebServer) -> None:
    await send(
        web.port,
        Options(content_type="application/fhir+json"),
        b"{}",
        headers={"X-Signature": "abc"},
        profile={"headers": {"Accept": "application/fhir+json"}},
    )
    sent = web.headers[0]
    assert (sent["x-signature"], sent["accept"], sent["content-type"]) == (
        "abc",
        "application/fhir+json",
        "application/fhir+json",
    )


async def test_a_login_that_signs_is_never_sent(web: WebServer) -> None:
    login = Login("bus", "a signing secret")
    await send(web.port, Options(), b"{}", link={"login": login})
    assert "authorization" not in web.headers[0]
    await send(web.port, Options(), b"{}", link={"login": login}, profile={"basic": True})
    assert web.headers[1]["authorization"].startswith("Basic ")


async def test_a_header_that_http_cannot_carry_is_refused(web: WebServer) -> None:
    with pytest.raises(Refused, match="not_sendable"):
        await send(web.port, Options(), b"{}", headers={"X-Name": "a\r\nX-Other: b"})
    assert web.ledger == []


async def test_keeps_no_cookies() -> None:
    asked: list[bytes] = []

    async def baker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1\r\nContent-Length: 0\r\n\r\n")

    async with OddServer(baker) as server:
        client = HTTP.destination(Link("peer", HTTP.profile_options(), url=f"http://127.0.0.1:{server.port}"))
        for _ in range(2):
            await client.send(Call("call", Options(method="GET"), b"", "t", 1.0))
        await client.close()
    assert len(asked) == 2
    assert b"cookie" not in asked[1].lower()


# --- odd servers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "half_reply"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf", "half_reply"),
        (b"HTTP/1.1 200 OK\r\nContent-", "closed"),
        (b"220 mail.example ESMTP\r\n", "no_http_reply"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000, "reply_too_large"),
    ],
    ids=["half a body", "half a chunk", "half a head", "another protocol", "too large"],
)
async def test_no_whole_answer_is_a_doubt(answer: bytes, why: str) -> None:
    async def odd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    async with OddServer(odd) as server:
        with pytest.raises(InDoubt) as doubt:
            await send(server.port, Options(path="/secret-path"), b"{}", link={"limits": Limits(size=200_000)})
    assert str(doubt.value) == why


async def test_an_answer_that_comes_twice_is_not_the_next_ones() -> None:
    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + await reader.readexactly(1)
            writer.write(answer)
            await asyncio.sleep(0.01)
            writer.write(answer)

    async with OddServer(twice) as server:
        client = HTTP.destination(Link("peer", HTTP.profile_options(), url=f"http://127.0.0.1:{server.port}"))
        for number in range(6):
            reply = await client.send(Call("call", Options(), b"%d" % number, "t", 1.0))
            assert reply.body == b"%d" % number
            await asyncio.sleep(0.03)
        await client.close()


async def test_reads_an_answer_that_ends_with_its_connection() -> None:
    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nto the end")
        await writer.drain()

    async with OddServer(old) as server:
        assert (await send(server.port, Options(), b"{}")).body == b"to the end"


async def test_a_host_that_nobody_knows_is_unavailable() -> None:
    client = HTTP.destination(Link("peer", HTTP.profile_options(), url="http://no-such-host.invalid"))
    with pytest.raises(Unavailable, match=r"^(unknown_host|connect_timeout)$"):
        await client.send(Call("call", Options(), b"{}", "t", 3.0))
    await client.close()


# --- the listening side --------------------------------------------------------------------------


async def test_says_where_a_request_went_as_it_stood_in_its_first_line(desk: HttpDesk) -> None:
    await desk.open()
    reader, writer = await desk.connect()
    writer.write(b"PATCH /a%2Fb/%E5%BC%A0?q=%20+&q=2 HTTP/1.1\r\nHost: bus\r\nX-A: 1\r\nx-a: 2\r\n\r\n")
    await desk.next_answer(reader)
    (inbound,) = desk.read
    assert (inbound.method, inbound.path, inbound.query) == ("PATCH", "/a%2Fb/%E5%BC%A0", "q=%20+&q=2")
    assert inbound.headers == {"host": "bus", "x-a": "1, 2"}
    writer.close()


async def test_answers_with_status_headers_and_body(desk: HttpDesk) -> None:
    async def created(inbound: Inbound) -> Answer:
        return Answer((b"a", b"b"), 201, {"Content-Type": "application/json", "Location": "/r/1"})

    desk.answer = created
    await desk.open()
    with await asyncio.to_thread(urllib.request.urlopen, desk.source.address + "/in") as reply:
        assert (reply.status, reply.read(), reply.headers["location"]) == (201, b"ab", "/r/1")
        assert reply.headers["content-length"] == "2"


async def test_serves_the_standard_librarys_client_with_an_upload_in_chunks(desk: HttpDesk) -> None:
    await desk.open()

    def call() -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=5)
        connection.request("POST", "/in", iter([b"1 ", b"in ", b"chunks"]), encode_chunked=True)
        first = connection.getresponse().read()
        connection.request("POST", "/in", b"2 whole")
        return first + connection.getresponse().read()

    assert await asyncio.to_thread(call) == b"for 1for 2"
    assert [inbound.raw for inbound in desk.read] == [b"1 in chunks", b"2 whole"]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"NOT HTTP AT ALL\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-A: %b\r\n" % (b"a" * 1000) * 1000, b"400"),
        (b"GET /" + b"a" * 1_000_000, b"400"),
    ],
    ids=["no http", "two lengths", "broken chunks", "endless headers", "endless path"],
)
async def test_bytes_that_are_no_request_reach_nobody(desk: HttpDesk, head: bytes, status: bytes) -> None:
    await desk.open()
    reader, writer = await desk.connect()
    writer.write(head)
    assert (await reader.readline()).split(b" ")[1] == status
    assert desk.read == []
    writer.close()


@pytest.mark.parametrize("part", [b"", b"POST / HTTP/1.1\r\nHo", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n123"])
async def test_a_request_that_never_becomes_whole_is_given_up(desk: HttpDesk, part: bytes) -> None:
    await desk.open(replace(LIMITS, total=0.3))
    reader, writer = await desk.connect()
    writer.write(part)
    answer = await asyncio.wait_for(reader.read(), 2.0)
    assert answer == b""
    assert desk.read == []
    writer.close()


async def test_tls_shows_who_calls_and_refuses_other_authorities(tmp_path: Path) -> None:
    ours, others = Authority(tmp_path / "ours"), Authority(tmp_path / "others", "another ca")
    bus, app = ours.sign("bus"), ours.sign("app-1")
    read: list[Inbound] = []

    async def submit(inbound: Inbound) -> Answer:
        read.append(inbound)
        return Answer((b"ok",))

    own = Tls(ca=ours.ca, cert=bus.cert, key=bus.key)
    source = HTTP.source(Link("app", HTTP.profile_options(), listen=("127.0.0.1", 0), tls=own))
    await source.start(submit)
    good = Tls(ca=ours.ca, cert=app.cert, key=app.key)
    client = HTTP.destination(Link("bus", HTTP.profile_options(), url=source.address, tls=good))
    assert (await client.send(Call("call", Options(), b"{}", "t", 2.0))).body == b"ok"
    await client.probe(1.0)
    await client.close()
    client = HTTP.destination(Link("bus", HTTP.profile_options(), url=source.address, tls=replace(good, ca=others.ca)))
    with pytest.raises(Unavailable, match="tls_refused"):
        await client.send(Call("call", Options(), b"{}", "t", 2.0))
    with pytest.raises(Unavailable):
        await client.probe(1.0)
    await client.close()
    assert [inbound.client for inbound in read] == ["app-1"]
    await source.stop(0.2)
