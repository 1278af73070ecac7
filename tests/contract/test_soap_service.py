"""The SOAP service: what stock clients, hand-made envelopes and rubbish get from it, seen from the wire."""

import asyncio
import re
from collections.abc import AsyncIterator
from xml.sax.saxutils import escape

import aiohttp
import pytest
import zeep
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.soap import ADAPTER, called
from adapters.soap.options import ProfileOptions, ServedOperation
from engine.contract import Answer, Fault, Inbound, Limits, Link, Source

SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
NAMESPACE = "http://hospital/bus"
REQUEST = "<Request><Name>张三 &amp; 李四</Name></Request>"
OPTIONS = {
    "path": "/his",
    "name": "HisBus",
    "namespace": NAMESPACE,
    "operations": {"StopSchedule": {"argument": "XMLRequest"}, "Tell": {"argument": "input", "result": "output"}},
}


class Desk:
    """A service on a real socket, and what reached the bus."""

    def __init__(self, qualified: bool = True) -> None:
        options = ProfileOptions.model_validate({"serve": {**OPTIONS, "qualified": qualified}})
        self.read: list[Inbound] = []
        self.answer = Answer((f"<Response><ResultCode>0</ResultCode><Text>{REQUEST}</Text></Response>".encode(),))
        assert ADAPTER.source is not None
        self.source: Source = ADAPTER.source(Link("his", options, listen=("127.0.0.1", 0)))

    async def submit(self, inbound: Inbound) -> Answer:
        self.read.append(inbound)
        if inbound.unreadable:
            return Answer((b"{}",), 400, fault=Fault("NOT_READABLE", "无法识别的报文", "Not read.", inbound.unreadable))
        return self.answer

    @property
    def url(self) -> str:
        return f"{self.source.address}/his"

    async def post(self, body: bytes, content_type: str = "text/xml; charset=utf-8", **headers: str) -> tuple[int, str]:
        said = {"Content-Type": content_type, **headers}
        async with aiohttp.ClientSession() as session, session.post(self.url, data=body, headers=said) as answer:
            return answer.status, await answer.text()

    async def zeep(self, version: str, query: str, text: str, operation: str = "StopSchedule") -> str:
        """What a stock client gets that knows nothing but the WSDL."""

        def call() -> str:
            client = zeep.Client(f"{self.url}?{query}")
            service = client.bind("HisBus", "HisBusSoap12" if version == "1.2" else "HisBusSoap")
            return service[operation](text)

        return await asyncio.to_thread(call)


@pytest.fixture(params=[True, False], ids=["qualified", "unqualified"])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    desk = Desk(request.param)
    await desk.source.start(desk.submit)
    yield desk
    await desk.source.stop(1.0)


def envelope(body: str, namespace: str = SOAP11, prefix: str = "soap") -> bytes:
    return f'<{prefix}:Envelope xmlns:{prefix}="{namespace}"><{prefix}:Body>{body}</{prefix}:Body></{prefix}:Envelope>'.encode()


def fault_of(text: str) -> str:
    """The fault's code and the code of ours inside it."""
    root = etree.fromstring(text.encode())
    said = root.xpath("string(//*[local-name() = 'faultcode'] | //*[local-name() = 'Code']/*)")
    return f"{said} {root.xpath('string(//*[local-name() = $name])', name='code')}"


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("query", ["wsdl", "WSDL=1"])
async def test_a_stock_client_calls_by_the_wsdl_alone(desk: Desk, version: str, query: str) -> None:
    assert await desk.zeep(version, query, REQUEST) == desk.answer.bodies[0].decode()
    (inbound,) = desk.read
    assert (inbound.raw.decode(), inbound.operation, inbound.unreadable) == (REQUEST, "StopSchedule", "")
    assert await desk.zeep(version, query, "x", "Tell") == desk.answer.bodies[0].decode()
    assert desk.read[1].operation == "Tell"


@pytest.mark.parametrize("version", ["1.1", "1.2"])
async def test_a_stock_client_understands_a_refusal(desk: Desk, version: str) -> None:
    desk.answer = Answer((), 503, fault=Fault("BUSY", "系统繁忙，请稍后再试", "Busy.", theirs=False))
    with pytest.raises(zeep.exceptions.Fault) as refused:
        await desk.zeep(version, "wsdl", REQUEST)
    assert refused.value.message == "系统繁忙，请稍后再试 (BUSY)"
    assert refused.value.code == ("soap:Receiver" if version == "1.2" else "soap:Server")
    assert refused.value.detail.xpath("string(//*[local-name() = 'code'])") == "BUSY"


ESCAPED = REQUEST.replace("&", "&amp;").replace("<", "&lt;")
CALLS = {
    "CXF: the call qualified, its parameter not": f'<ns2:StopSchedule xmlns:ns2="{NAMESPACE}"><XMLRequest>{ESCAPED}</XMLRequest></ns2:StopSchedule>',
    ".asmx: both by a default namespace": f'<StopSchedule xmlns="{NAMESPACE}"><XMLRequest>{ESCAPED}</XMLRequest></StopSchedule>',
    "suds: prefixes of its own": f'<ns0:StopSchedule xmlns:ns0="{NAMESPACE}"><ns0:XMLRequest>{ESCAPED}</ns0:XMLRequest></ns0:StopSchedule>',
    "Axis: rpc with types": f'<a:StopSchedule xmlns:a="{NAMESPACE}" soap:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><XMLRequest xsi:type="xsd:string" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">{ESCAPED}</XMLRequest></a:StopSchedule>',
    "by hand: no namespace at all": f"<StopSchedule><XMLRequest>{ESCAPED}</XMLRequest></StopSchedule>",
    "CDATA": f'<t:StopSchedule xmlns:t="{NAMESPACE}"><t:XMLRequest><![CDATA[{REQUEST}]]></t:XMLRequest></t:StopSchedule>',
    "CDATA with a declaration inside": f'<t:StopSchedule xmlns:t="{NAMESPACE}"><t:XMLRequest><![CDATA[<?xml version="1.0" encoding="GB2312"?>{REQUEST}]]></t:XMLRequest></t:StopSchedule>',
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("action", ['""', '"http://tempuri.org/Other"', None])
async def test_takes_what_callers_of_the_field_write(call: str, action: str | None) -> None:
    desk = Desk()
    await desk.source.start(desk.submit)
    status, text = await desk.post(envelope(call), **({"SOAPAction": action} if action is not None else {}))
    await desk.source.stop(1.0)
    assert status == 200
    assert [(one.raw.decode(), one.operation) for one in desk.read] == [(REQUEST, "StopSchedule")]
    assert (
        etree.fromstring(text.encode())
        .xpath("string(//*[local-name() = 'StopScheduleResult'])")
        .startswith("<Response>")
    )


@pytest.mark.parametrize(
    ("charset", "said"),
    [
        ("utf-8", "text/xml"),
        ("utf-8-sig", "text/xml; charset=utf-8"),
        ("utf-8", 'text/xml; charset="iso-8859-1"'),
        ("gb18030", "text/xml; charset=gb2312"),
        ("gb18030", "text/xml; charset=utf-8"),
        ("gb18030", "text/xml"),
        ("utf-16", "text/xml; charset=utf-16"),
        ("utf-16-le", "text/xml"),
    ],
)
async def test_reads_an_envelope_in_whatever_charset_it_is(desk: Desk, charset: str, said: str) -> None:
    body = '<?xml version="1.0" encoding="UTF-8"?>' + envelope(CALLS["CDATA"]).decode()
    status, _ = await desk.post(body.encode(charset), said)
    assert (status, [one.raw.decode() for one in desk.read]) == (200, [REQUEST])


ENTITY = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
BAD = {
    "nothing": (b"", "soap:Client NOT_READABLE"),
    "no XML": (b"StopSchedule", "soap:Client NOT_READABLE"),
    "no envelope": (b"<StopSchedule/>", "soap:Client NOT_READABLE"),
    "half": (envelope(CALLS["CDATA"])[:-9], "soap:Client NOT_READABLE"),
    "another version": (envelope(CALLS["CDATA"], "http://soap/3"), "soap:VersionMismatch NOT_READABLE"),
    "no body": (f'<s:Envelope xmlns:s="{SOAP11}"/>'.encode(), "soap:Client NOT_READABLE"),
    "two calls": (envelope(CALLS["CDATA"] * 2), "soap:Client NOT_READABLE"),
    "an operation that is not served": (envelope("<Other/>"), "soap:Client NOT_READABLE"),
    "no parameter": (envelope("<StopSchedule/>"), "soap:Client NOT_READABLE"),
    "another parameter": (envelope("<StopSchedule><a>x</a></StopSchedule>"), "soap:Client NOT_READABLE"),
    "elements, not text": (
        envelope(f"<StopSchedule><XMLRequest>{REQUEST}</XMLRequest></StopSchedule>"),
        "soap:Client NOT_READABLE",
    ),
    "an entity of the outside": (
        ENTITY.encode() + envelope("<StopSchedule><XMLRequest>&e;</XMLRequest></StopSchedule>"),
        "soap:Client NOT_READABLE",
    ),
    "depth": (envelope("<a>" * 9000 + "</a>" * 9000), "soap:Client NOT_READABLE"),
}


@pytest.mark.parametrize(("body", "fault"), BAD.values(), ids=BAD)
async def test_a_bad_envelope_is_a_fault_and_kept_as_it_came(desk: Desk, body: bytes, fault: str) -> None:
    status, text = await desk.post(body)
    assert (status, fault_of(text)) == (500, fault)
    assert "root:" not in text
    (inbound,) = desk.read
    assert inbound.raw == body
    assert inbound.unreadable


async def test_what_soap_12_sent_is_refused_in_soap_12(desk: Desk) -> None:
    status, text = await desk.post(envelope("<Other/>", SOAP12), "application/soap+xml")
    assert (status, fault_of(text)) == (400, "soap:Sender NOT_READABLE")
    assert etree.fromstring(text.encode()).xpath("//*[local-name() = 'Text']/@xml:lang") == ["zh", "en"]
    status, text = await desk.post(b"no XML", 'application/soap+xml; charset=utf-8; action="x"')
    assert (status, fault_of(text)) == (400, "soap:Sender NOT_READABLE")


async def test_what_is_too_large_is_said_so() -> None:
    options = ProfileOptions.model_validate({"serve": OPTIONS})
    assert ADAPTER.source is not None
    source = ADAPTER.source(Link("his", options, listen=("127.0.0.1", 0), limits=Limits(size=1000)))
    desk = Desk()
    desk.source = source
    desk.answer = Answer((), 413, fault=Fault("TOO_LARGE", "报文过大", "Too large."), close=True)
    await source.start(desk.submit)
    status, text = await desk.post(envelope("<StopSchedule>" + "x" * 2000))
    await source.stop(1.0)
    assert (status, fault_of(text)) == (413, "soap:Client TOO_LARGE")
    assert desk.read[0].too_large


@pytest.mark.parametrize("bodies", [(), (b"\xff\xfe",), (b"a\x00b",), (b"1", b"2")])
async def test_an_answer_that_is_no_text_is_our_fault_not_theirs(desk: Desk, bodies: tuple[bytes, ...]) -> None:
    desk.answer = Answer(bodies)
    status, text = await desk.post(envelope(CALLS["CDATA"]))
    assert (status, fault_of(text)) == (500, "soap:Server INTERNAL")


async def test_serves_its_path_and_methods_only(desk: Desk) -> None:
    async with aiohttp.ClientSession() as session:
        for method, path, status in (
            ("GET", "/his", 405),
            ("PUT", "/his", 405),
            ("POST", "/", 404),
            ("GET", "/x?wsdl", 404),
        ):
            async with session.request(method, desk.source.address + path) as answer:
                assert answer.status == status
        async with session.get(desk.url + "/?WSDL", headers={"Host": "bus.hospital:8443"}) as answer:
            assert b'location="http://bus.hospital:8443/his"' in await answer.read()
        async with session.get(desk.url + "?wsdl", headers={"Host": 'x"/><y>'}) as answer:
            assert b"<y>" not in await answer.read()
    assert desk.read == []


SERVED = {"StopSchedule": ServedOperation(argument="XMLRequest")}
WHOLE = envelope(CALLS["CXF: the call qualified, its parameter not"])


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_bytes_get_past_as_anything_but_a_call_or_why_not(data: st.DataObject) -> None:
    body = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(body)))
        body[place : place + data.draw(st.integers(0, 12))] = data.draw(st.binary(max_size=12))
    content_type = data.draw(
        st.sampled_from(["", "text/xml", "application/soap+xml;charset=x", "text/xml; charset=gbk"])
    )
    try:
        call = called.read(bytes(body), content_type, SERVED)
        found = call.operation == "StopSchedule" and call.payload.encode() is not None
    except called.NotCalled as error:
        found = error.version in called.ENVELOPES and re.fullmatch(r"[ -~]+", error.why) is not None
    assert found


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=80))
def test_every_text_comes_through_escaped_or_as_cdata(text: str) -> None:
    ways = [escape(text)] + ([f"<![CDATA[{text}]]>"] if "]]>" not in text else [])
    if text.lstrip().startswith("<?xml") or "\ufffe" in text or "\uffff" in text or "<!DOCTYPE" in text:
        return
    for way in ways:
        body = envelope(f"<StopSchedule><XMLRequest>{way}</XMLRequest></StopSchedule>")
        assert called.read(body, "text/xml; charset=utf-8", SERVED).payload == text
