"""FHIR: the bytes of an interaction, its conditions, and what a server's answers prove."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

import adapters
from engine.contract import Call, InDoubt, Limits, Link, Login, Refused, Unavailable
from tests.peers.odd import OddServer

FHIR = adapters.load("fhir")
LIMITS = Limits(at_once=2, connect=5.0, total=20.0)
SECRET = "张三"


class Answering:
    """A server that notes every request as (request line, headers, body) and answers what it is told to."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.status, self.body = 200, b"{}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            line, *head = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in head)}
            self.seen.append((line, headers, await reader.readexactly(int(headers.get("content-length", 0)))))
            answer = f'HTTP/1.1 {self.status} X\r\nETag: W/"3"\r\nContent-Length: {len(self.body)}\r\n\r\n'
            writer.write(answer.encode() + self.body)

    def says(self, status: int, *issues: dict[str, Any]) -> None:
        self.status = status
        self.body = json.dumps({"resourceType": "OperationOutcome", "issue": list(issues)}).encode()


class Stand:
    def __init__(self, server: Answering, port: int) -> None:
        self.server, self.port = server, port

    async def send(
        self, fields: dict[str, str] | None = None, profile: dict[str, Any] | None = None, **options: Any
    ) -> Any:
        login = Login("hisbus", "token-1")
        link = Link(
            "fhir",
            FHIR.profile_options(**profile or {}),
            url=f"http://127.0.0.1:{self.port}/fhir",
            login=login,
            limits=LIMITS,
        )
        assert FHIR.destination is not None
        client: Any = FHIR.destination(link)
        body = b"" if options.get("method") == "GET" else f'{{"text": "{SECRET}"}}'.encode()
        call = Call("save", FHIR.operation_options(**options), body, "t1", 20.0, fields=fields or {})
        try:
            return await client.send(call)
        finally:
            await client.close()


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    server = Answering()
    async with OddServer(server.serve) as peer:
        yield Stand(server, peer.port)


async def test_a_transaction_goes_to_the_address_itself(stand: Stand) -> None:
    reply = await stand.send()
    line, headers, body = stand.server.seen[0]
    assert line == "POST /fhir HTTP/1.1"
    assert headers["content-type"] == headers["accept"] == "application/fhir+json"
    assert headers["prefer"] == "return=minimal"
    assert SECRET.encode() in body
    assert reply.headers["etag"] == 'W/"3"'


@pytest.mark.parametrize(
    ("options", "line", "expected"),
    [
        ({"path": "/Patient", "if_none_exist": ("identifier",)}, "POST /fhir/Patient",
         {"if-none-exist": "identifier=urn%3Ah%7CP1%26a"}),
        ({"method": "PUT", "path": "/Patient", "query": ("identifier",)},
         "PUT /fhir/Patient?identifier=urn%3Ah%7CP1%26a", {}),
        ({"method": "PUT", "path": "/Patient/{id}", "if_match": "version", "prefer": "representation"},
         "PUT /fhir/Patient/7", {"if-match": 'W/"3"', "prefer": "return=representation"}),
        ({"method": "GET", "path": "/Patient", "query": ("identifier", "name")},
         "GET /fhir/Patient?identifier=urn%3Ah%7CP1%26a", {}),
    ],
)  # fmt: skip
async def test_an_interaction_and_its_condition(stand: Stand, options: Any, line: str, expected: Any) -> None:
    await stand.send({"identifier": "urn:h|P1&a", "id": "7", "version": "3"}, **options)
    seen, headers, _ = stand.server.seen[0]
    assert seen == f"{line} HTTP/1.1"
    assert expected.items() <= headers.items()


@pytest.mark.parametrize(
    "options",
    [
        {"if_none_exist": ("identifier",)},
        {"if_match": "version"},
        {"method": "DELETE", "path": "/Patient", "query": ("identifier",)},
    ],
)
async def test_a_condition_without_its_value_is_never_sent_without_it(stand: Stand, options: Any) -> None:
    with pytest.raises(Refused, match="missing_value"):
        await stand.send(**options)
    assert stand.server.seen == []
    assert FHIR.address is not None
    with pytest.raises(KeyError):
        FHIR.address(FHIR.operation_options(**options), {})


async def test_a_token_goes_only_where_the_profile_says_so(stand: Stand) -> None:
    await stand.send()
    await stand.send(profile={"bearer": True})
    assert [headers.get("authorization") for _, headers, _ in stand.server.seen] == [None, "Bearer token-1"]


def severe(code: str) -> dict[str, Any]:
    return {"severity": "error", "code": code, "diagnostics": SECRET}


@pytest.mark.parametrize(
    ("status", "issues", "truth", "word"),
    [
        (400, [severe("invalid")], Refused, "invalid"),
        (412, [severe("multiple-matches")], Refused, "multiple-matches"),
        (422, [{"severity": "warning", "code": "value"}, severe("business-rule")], Refused, "business-rule"),
        (401, [severe("login")], Refused, "login"),
        (404, [], Refused, "http_404"),
        (400, [severe(SECRET)], Refused, "http_400"),
        (429, [], Unavailable, "http_429"),
        (503, [severe("transient")], Unavailable, "transient"),
        (409, [severe("lock-error")], Unavailable, "lock-error"),
        (503, [], InDoubt, "http_503"),
        (500, [severe("exception")], InDoubt, "exception"),
        (504, [severe("timeout")], InDoubt, "timeout"),
        (302, [], InDoubt, "http_302"),
    ],
)
async def test_what_an_answer_proves(stand: Stand, status: int, issues: Any, truth: type[Exception], word: str) -> None:
    stand.server.says(status, *issues)
    with pytest.raises(truth) as said:
        await stand.send()
    assert str(said.value) == word
    assert SECRET not in repr(said.value)


@pytest.mark.parametrize(
    "page", [b"<html>", b"[]", b'{"resourceType":"OperationOutcome","issue":[1,{"severity":"error","code":[]}]}', b"["]
)
async def test_a_page_of_a_gateway_proves_nothing(stand: Stand, page: bytes) -> None:
    stand.server.status, stand.server.body = 502, page
    with pytest.raises(InDoubt, match="http_502"):
        await stand.send()


async def test_an_outcome_that_the_profile_reads_is_a_reply(stand: Stand) -> None:
    stand.server.says(412, severe("conflict"))
    assert (await stand.send(answers=(412,))).status == 412
