"""What the SOAP client hears: strings in every dress of the field, faults, pages that are no answers at all."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from html import escape
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import adapters
from adapters.soap.answer import failure, read
from engine.contract import Call, InDoubt, Limits, Link, Login, Refused, Reply, Unavailable
from tests.corpora import CORPORA, need
from tests.peers.odd import OddServer
from tests.peers.soap import ENVELOPE, SoapPeer, enveloped, fault

need()
SOAP = adapters.load("soap")
XML = "text/xml; charset=utf-8"
INNER = "<Response><ResultCode>0</ResultCode><Name>张三，检验科</Name></Response>"
SECRET = "号源秘密"
LIMITS = Limits()


@pytest.fixture(scope="module")
def peer() -> Iterator[SoapPeer]:
    with SoapPeer() as opened:
        yield opened


async def ask(port: int, timeout: float = 30.0, limits: Limits = LIMITS, **profile: Any) -> Reply:
    """One call with a client of its own."""
    assert SOAP.prepare is not None
    assert SOAP.destination is not None
    options = SOAP.profile_options(**{"namespace": "urn:his", "argument": "input", "operation": "Ask"} | profile)
    envelope = SOAP.prepare(options, {"ask": SOAP.operation_options()}, {}).operations["ask"]
    login = Login("_SYSTEM", "a&b=c 密")
    link = Link("his", options, url=f"http://127.0.0.1:{port}/dthealth.cls", login=login, limits=limits)
    client: Any = SOAP.destination(link)
    try:
        reply: Reply = await client.send(Call("ask", envelope, b"m1 <Request/>", "t", timeout))
        return reply
    finally:
        await client.close()


async def heard(peer: SoapPeer, body: bytes | str, content_type: str = XML, status: int = 200, **more: Any) -> Reply:
    """What a client makes of one answer."""
    raw = body.encode() if isinstance(body, str) else body
    peer.says = lambda: (status, content_type, raw)
    return await ask(peer.port, **more)


def result(content: str, name: str = "AskResult", space: str = "urn:his") -> str:
    return enveloped(f'<AskResponse xmlns="{space}"><{name}>{content}</{name}></AskResponse>')


# --- the string inside ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        result(escape(INNER)),
        result(f"<![CDATA[{INNER}]]>"),
        result(INNER),  # written in as elements
        result(escape(INNER), space="http://www.dhcc.com.cn"),
        result(escape('\ufeff<?xml version="1.0" encoding="GB2312"?>' + INNER)),
        result(f'<![CDATA[<?xml version="1.0" encoding="utf-16"?>{INNER}]]>'),
        result(escape(INNER)).replace("soap:", "SOAP-ENV:").replace("xmlns:soap", "xmlns:SOAP-ENV"),
        result(escape(INNER)).replace("schemas.xmlsoap.org/soap/envelope/", "www.w3.org/2003/05/soap-envelope"),
        enveloped(f"<x:AskResponse xmlns:x='urn:x'><AskResult>{escape(INNER)}</AskResult></x:AskResponse>"),
        enveloped(f"<AskResult>{escape(INNER)}</AskResult>"),  # without its wrapper
        result("").replace("<AskResult>", f"<Other/><AskResult>{escape(INNER)}"),
        result(escape(INNER)).replace("?>", "?><!-- <!DOCTYPE --><!-- made by a gateway -->\n"),
    ],
)
async def test_the_string_is_found_however_it_is_dressed(peer: SoapPeer, body: str) -> None:
    reply = await heard(peer, body, result="AskResult")
    said = reply.body.decode().replace(' xmlns="urn:his"', "").replace(f' xmlns:soap="{ENVELOPE}"', "")
    assert said == INNER
    assert reply.headers["content-type"].endswith("charset=utf-8")


@pytest.mark.parametrize(
    ("charset", "content_type", "declared"),
    [
        ("utf-8", "text/xml", "utf-8"), ("utf-8", "text/xml; charset=gb2312", "gb2312"), ("utf-8", "", "GBK"),
        ("gb18030", XML, "utf-8"), ("gb18030", "text/xml", "utf-8"), ("gb18030", "text/xml;charset=GBK", "utf-8"),
        ("gb18030", "", "gb2312"), ("gb18030", "text/html; charset=iso-8859-1", "utf-8"), ("utf-8-sig", XML, "utf-8"),
        ("gb18030", "text/xml; charset=nonsense", "nonsense"), ("utf-16", XML, "utf-16"), ("utf-16-le", XML, "utf-8"),
        ("big5", "text/xml; charset=big5", "big5"),
    ],
)  # fmt: skip
async def test_the_bytes_are_believed_more_than_their_labels(
    peer: SoapPeer, charset: str, content_type: str, declared: str
) -> None:
    text = INNER.replace("张三，检验科", "張三") if charset == "big5" else INNER
    body = result(escape(text)).replace('encoding="utf-8"', f'encoding="{declared}"')
    assert (await heard(peer, body.encode(charset), content_type)).body.decode() == text


async def test_what_is_decoded_once_is_not_decoded_again(peer: SoapPeer) -> None:
    doubly = escape("<A>&lt;b&gt; &amp;amp; Ã¤Â½</A>")
    assert (await heard(peer, result(doubly))).body.decode() == "<A>&lt;b&gt; &amp;amp; Ã¤Â½</A>"


@pytest.mark.parametrize(
    "body",
    [
        result(""), enveloped("<AskResponse xmlns='urn:his'/>"),
        enveloped('<AskResponse><AskResult xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"/></AskResponse>'),
    ],
)  # fmt: skip
async def test_null_is_an_answer_without_words(peer: SoapPeer, body: str) -> None:
    assert (await heard(peer, body, result="AskResult")).body == b""


async def test_a_page_with_its_document_type_may_stand_in_the_string(peer: SoapPeer) -> None:
    page = "<!DOCTYPE html><p>报告</p>"
    assert (await heard(peer, result(f"<![CDATA[{page}]]>"))).body.decode() == page


async def test_a_text_that_is_no_xml_is_the_profiles_matter(peer: SoapPeer) -> None:
    assert (
        await heard(peer, result("&lt;UNDEFINED&gt;zBook+12^DHC.Reg $ZE"))
    ).body == b"<UNDEFINED>zBook+12^DHC.Reg $ZE"


# --- what proves nothing --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type", "why"),
    [
        ("", XML, "empty_reply"), (" \r\n", "", "empty_reply"),
        ("<html><body>登录<br></body></html>", "text/html", "no_soap_reply"),
        ("<UNDEFINED>zBook+12^DHC.Reg", "text/plain", "no_soap_reply"),
        (result(INNER)[:-20], XML, "no_soap_reply"), ("{}", "application/json", "no_soap_reply"),
        (INNER, XML, "no_soap_reply"), (enveloped(""), XML, "no_soap_reply"),
        ("<!DOCTYPE a [<!ENTITY b 'x'>]>" + result("&b;"), XML, "no_soap_reply"),
        (result("&nobody;"), XML, "no_soap_reply"), (b"\xff\xfe\x00", XML, "no_soap_reply"),
        (b"<a>\x80\xff</a>", XML, "no_soap_reply"), (enveloped("<a>" * 70 + "</a>" * 70), XML, "no_soap_reply"),
        (result(SECRET, name="OtherResult"), XML, "no_result_in_reply"),
    ],
)  # fmt: skip
async def test_no_answer_leaves_it_in_doubt(peer: SoapPeer, body: bytes | str, content_type: str, why: str) -> None:
    with pytest.raises(InDoubt) as doubt:
        await heard(peer, body, content_type, result="AskResult")
    assert doubt.value.why == why
    assert SECRET not in f"{doubt.value!r}{doubt.value.__context__!r}"


@pytest.mark.parametrize(
    ("status", "content_type", "kind", "why"),
    [
        (404, "text/html", Refused, "http_404"), (401, "text/html", Refused, "http_401"), (415, "", Refused, "http_415"),
        (302, "text/html", InDoubt, "http_302"), (500, "text/html", InDoubt, "http_500"),
        (502, "text/html", InDoubt, "http_502"), (503, "text/html", InDoubt, "http_503"),
        (429, "text/html", Unavailable, "http_429"),
    ],
)  # fmt: skip
async def test_pages_of_iis_and_gateways(
    peer: SoapPeer, status: int, content_type: str, kind: type[Exception], why: str
) -> None:
    with pytest.raises(kind, match=why):
        await heard(peer, f"<html><h1>{SECRET}</h1><br></html>", content_type, status)


@pytest.mark.parametrize("status", [200, 404, 500, 503])
@pytest.mark.parametrize("charset", ["utf-8", "gb18030"])
async def test_words_of_a_page_that_the_profile_knows(peer: SoapPeer, status: int, charset: str) -> None:
    body = "<html><body>Caché 许可证超限<br></html>".encode(charset)
    with pytest.raises(Unavailable):
        await heard(peer, body, "text/html", status, faults={"Client": "rejected", "许可证超限": "unavailable"})
    with pytest.raises(Refused, match="closed"):
        await heard(peer, body, "text/html", status, faults={"许可证": "closed"})


async def test_a_status_by_which_a_system_says_that_it_did_nothing(peer: SoapPeer) -> None:
    with pytest.raises(Unavailable, match="http_503"):
        await heard(peer, "closed at night", "text/plain", 503, unread=(503,))


# --- faults ---------------------------------------------------------------------------------------

NET = "System.Web.Services.Protocols.SoapException: 服务器无法处理请求。 ---&gt; System.Exception: 号源已被占用 at Reg.asmx"
FAULT12 = (
    f'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><e:Fault><e:Code><e:Value>e:{{}}</e:Value>'
    f"</e:Code><e:Reason><e:Text>{SECRET}</e:Text></e:Reason></e:Fault></e:Body></e:Envelope>"
)


@pytest.mark.parametrize("status", [200, 500, 400])
@pytest.mark.parametrize(
    ("body", "faults", "kind", "why"),
    [
        (fault("soap:Client", SECRET), {}, Refused, "rejected"),
        (fault("Client.UnknownMethod", SECRET), {}, Refused, "rejected"),
        (fault("s:VersionMismatch", SECRET), {}, Refused, "rejected"),
        (FAULT12.format("Sender"), {}, Refused, "rejected"),
        (FAULT12.format("Receiver"), {}, InDoubt, "fault"),
        (fault("soap:Server", NET), {}, InDoubt, "fault"),
        (fault("SOAP-ENV:Server", "ERROR #5001: 号源"), {}, InDoubt, "fault"),
        (fault("", ""), {}, InDoubt, "fault"),
        (fault("ns1:1001", SECRET), {"1001": "slot_taken"}, Refused, "slot_taken"),
        (fault("soap:Server", NET), {"号源已被占用": "slot_taken", "Server": "unavailable"}, Refused, "slot_taken"),
        (
            fault("soap:Server", "&lt;LICENSE LIMIT EXCEEDED&gt;"),
            {"LICENSE LIMIT": "unavailable"},
            Unavailable,
            "fault",
        ),
        (fault("soap:Server", SECRET), {"Server": "unavailable"}, Unavailable, "fault"),
        (fault("soap:Client", SECRET), {"Client": "in_doubt"}, InDoubt, "fault"),
        (fault("soapenv:Server.userException", SECRET), {"Server": "unavailable"}, Unavailable, "fault"),
        (
            fault("soapenv:Server.busy", SECRET),
            {"Server": "in_doubt", "Server.busy": "unavailable"},
            Unavailable,
            "fault",
        ),
        (fault("soap:Server", "the Client is wrong"), {"Client": "rejected"}, InDoubt, "fault"),
    ],
)
async def test_faults(
    peer: SoapPeer, status: int, body: str, faults: dict[str, str], kind: type[Exception], why: str
) -> None:
    with pytest.raises(kind) as said:
        await heard(peer, body, status=status, faults=faults)
    assert said.value.why == why  # type: ignore[attr-defined]  # all three have it
    assert SECRET not in f"{said.value!r}{said.value.__context__!r}"
    if kind is not Unavailable:
        assert said.value.reply.body == body.encode(), "the journal keeps what they said"  # type: ignore[attr-defined]


@pytest.mark.parametrize("word", ["", "no word", "已占", "1a"])
def test_a_fault_means_an_outcome_or_a_word_of_ours(word: str) -> None:
    with pytest.raises(ValueError, match="no word of ours"):
        SOAP.profile_options(faults={"Client": word})


# --- the wire -------------------------------------------------------------------------------------


async def test_what_goes_over_the_wire(peer: SoapPeer) -> None:
    query = {"CacheUserName": {"login": "user"}, "CachePassword": {"login": "password"}, "CacheNoRedirect": "1"}
    await heard(peer, result("ok"), query=query, action="urn:his/Reg.{operation}")
    path, headers, body = peer.requests[-1]
    assert path == "/dthealth.cls?CacheUserName=_SYSTEM&CachePassword=a%26b%3Dc%20%E5%AF%86&CacheNoRedirect=1".replace(
        " e", "%20e"
    )
    assert headers["soapaction"] == '"urn:his/Reg.Ask"'
    assert headers["content-type"] == "text/xml; charset=utf-8"
    assert b"m1 &lt;Request/&gt;" in body
    await heard(peer, result("ok"), action="urn:a", cdata=True)
    assert b"<![CDATA[m1 <Request/>]]>" in peer.requests[-1][2]


async def test_a_query_that_needs_a_login_is_not_sent_without_one(peer: SoapPeer) -> None:
    options = SOAP.profile_options(query={"CachePassword": {"login": "password"}})
    assert SOAP.destination is not None
    client: Any = SOAP.destination(Link("his", options, url=f"http://127.0.0.1:{peer.port}"))
    assert SOAP.prepare is not None
    made = SOAP.prepare(
        SOAP.profile_options(namespace="urn:his", argument="a"), {"a": SOAP.operation_options(operation="b")}, {}
    )
    with pytest.raises(Unavailable, match="login_missing"):
        await client.send(Call("a", made.operations["a"], b"x", "t", 1.0))


async def test_the_url_and_its_words_are_in_no_exception() -> None:
    async with AsyncExitStack() as stack:
        closed = await stack.enter_async_context(OddServer(_hang_up))
        with pytest.raises(InDoubt) as doubt:
            await ask(closed.port, query={"CachePassword": {"login": "password"}})
    assert doubt.value.__context__ is None
    assert "Password" not in repr(doubt.value)


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"</soap-env:Envelope>")
    writer.close()


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9f\r\n",
        b"HTTP/1.1 500 Error\r\nContent-Length: 9999\r\n\r\n", b"no http at all\r\n\r\n",
    ],
)  # fmt: skip
async def test_half_an_answer_leaves_it_in_doubt(head: bytes) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"</soap-env:Envelope>")
        writer.write(head + result(INNER).encode()[:90])
        writer.close()

    async with OddServer(half) as server:
        with pytest.raises(InDoubt):
            await ask(server.port)


async def test_an_answer_beyond_the_limit_is_not_read(peer: SoapPeer) -> None:
    with pytest.raises(InDoubt, match="reply_too_large"):
        await heard(peer, result("x" * 100_000), limits=Limits(size=50_000))


async def test_a_large_answer_is_read(peer: SoapPeer) -> None:
    assert len((await heard(peer, result("x" * 15_000_000))).body) == 15_000_000


# --- anything -------------------------------------------------------------------------------------

PIECES = st.sampled_from([
    result(escape(INNER)), "<soap:Envelope>", enveloped("<a/>"), fault("soap:Client", "x"), "<![CDATA[", "]]>", "&lt;",
    "<!DOCTYPE x>", "<?xml version='1.0' encoding='utf-16'?>", "张", "\x00", "\ufeff", "<a b='", "</soap:Body>",
])  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    st.binary(max_size=60) | st.lists(PIECES, max_size=5).map(lambda parts: "".join(parts).encode()),
    st.sampled_from(
        ["", XML, "text/xml; charset=gbk", "text/xml; charset=utf-16", "x; charset=base64", "charset=\x00"]
    ),
    st.sampled_from([None, "AskResult", "a"]),
)
def test_any_bytes_are_an_answer_or_one_of_three(raw: bytes, content_type: str, name: str | None) -> None:
    reply = Reply(raw, 200, {"content-type": content_type})
    with suppress(Refused, Unavailable, InDoubt):
        read(reply, name, {"x": "unavailable"}).body.decode("utf-8")
    assert isinstance(failure(Reply(raw, 500, {"content-type": content_type}), {}), Refused | Unavailable | InDoubt)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=40))
def test_any_string_is_heard_as_it_was_said(words: str) -> None:
    words = f"<A>{words}</A>"
    for charset in ("utf-8", "gb18030"):
        for content in (escape(words), f"<![CDATA[{words.replace(']]>', ']]]]><![CDATA[>')}]]>"):
            raw = result(content).encode(charset)
            label = "text/xml; charset=" + charset
            assert read(Reply(raw, 200, {"content-type": label}), None, {}).body.decode() == words


@pytest.mark.parametrize("file", sorted((CORPORA / "xml-attacks-defusedxml").glob("*.x*")), ids=lambda file: file.name)
def test_an_attack_is_no_answer(file: Any) -> None:
    with pytest.raises(InDoubt, match="no_soap_reply"):
        read(Reply(file.read_bytes(), 200, {"content-type": XML}), None, {})
