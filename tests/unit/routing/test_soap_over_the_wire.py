"""A whole bus behind its SOAP service: what a HIS hears for what it sends, in its own words or as a fault."""

import asyncio

import aiohttp
import pytest
import zeep
from lxml import etree
from test_bus_over_http import running

SHAPES = {
    "mappings/shapes/stop.yaml": "shape: stop\nfields: {schedule: {required: true}, reason: text}\n",
    "mappings/shapes/visit.yaml": "shape: visit\nfields: {visit: {required: true}}\n",
}
HIS = """
profile: desk/his
adapter: soap
format: xml
soap:
  serve:
    path: /his
    namespace: http://hospital/bus
    operations: {StopReg: {argument: XMLRequest}, VisitEnd: {argument: XMLRequest}, Ping: {}}
incoming:
  stop:
    operation: StopReg
    gives: stop
    read: {schedule: {from: Request/Code, required: true}, reason: Request/Reason}
    say: {Response/ResultCode: =0, Response/ResultContent: =成功, Response/Code: schedule}
    refuse: {Response/ResultCode: =-1, Response/ResultContent: text & ':' & detail or text}
  visit:
    operation: VisitEnd
    gives: visit
    read: {visit: {from: Request/Code, required: true}}
"""
OFFICE = """
profile: desk/office
adapter: http
format: json
outgoing:
  stop: {takes: stop, effect: change, http: {path: /stop}, request: {schedule: schedule}, meaning: {otherwise: delivered}}
  visit: {takes: visit, effect: change, http: {path: /visit}, request: {visit: visit}, meaning: {otherwise: delivered}}
"""
ROUTES = """
routes:
  stop: {from: his.stop, key: schedule, to: office.stop}
  visit: {from: his.visit, key: visit, to: office.visit}
"""
CONFIG = """
systems:
  his: {profile: desk/his, listen: "127.0.0.1:0", limits: {size: 20kB}}
  office: {profile: desk/office, url: "http://127.0.0.1:9"}
secrets: [{files: keys}]
journal: {reserve: 1MB}
log: {level: error}
"""


@pytest.fixture
async def bus(tmp_path):
    texts = {
        **SHAPES,
        "mappings/desk/his.yaml": HIS,
        "mappings/desk/office.yaml": OFFICE,
        "routes.yaml": ROUTES,
        "config/desk.yaml": CONFIG,
        "keys/journal_key": "k" * 64,
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    async with running(tmp_path) as found:
        yield found


async def call(bus, operation, text):
    """What a stock client gets: the result, or its fault's text."""

    def calling():
        service = zeep.Client(f"{bus.listeners['his'].address}/his?wsdl").service
        try:
            return service[operation](text)
        except zeep.exceptions.Fault as fault:
            return f"{fault.code} {fault.message}"

    return await asyncio.to_thread(calling)


async def kept(bus):
    rows = await bus.journal.store.fetch("select seq, route from messages order by seq")
    return [(route, (await bus.journal.raw(seq))[0]) for seq, route in rows]


async def test_what_is_durable_is_answered_in_the_profiles_words(bus):
    said = "<Response><ResultCode>0</ResultCode><ResultContent>成功</ResultContent><Code>S1</Code></Response>"
    request = '<?xml version="1.0" encoding="GB2312"?><Request><Code>S1</Code><Reason>外出</Reason></Request>'
    assert await call(bus, "StopReg", request) == said
    assert await call(bus, "StopReg", request) == said
    assert await kept(bus) == [("stop", request.partition("?>")[2].encode())]


async def test_a_refusal_is_said_in_the_words_of_what_was_called(bus):
    refused = await call(bus, "StopReg", "<Request/>")
    assert refused.startswith(
        "<Response><ResultCode>-1</ResultCode><ResultContent>提交的内容有误，请检查后重试:schedule"
    )
    refused = await call(bus, "StopReg", "no XML")
    assert (
        refused
        == "<Response><ResultCode>-1</ResultCode><ResultContent>无法识别的报文:this is not XML</ResultContent></Response>"
    )
    assert await kept(bus) == [("refused", b"<Request/>"), ("refused", b"no XML")]


async def test_a_refusal_without_words_is_a_fault(bus):
    assert await call(bus, "VisitEnd", "<Request/>") == "soap:Client 提交的内容有误，请检查后重试 (VALIDATION_FAILED)"
    assert await call(bus, "VisitEnd", "<!DOCTYPE a []><a/>") == "soap:Client 无法识别的报文 (NOT_READABLE)"
    assert await call(bus, "Ping", "<Request/>") == "soap:Client 不支持的消息类型 (UNSUPPORTED_MESSAGE)"
    bus._behind, bus._lagging = -1.0, True  # so that the next look finds it behind too
    assert (
        await call(bus, "VisitEnd", "<Request><Code>V1</Code></Request>") == "soap:Server 系统繁忙，请稍后再试 (BUSY)"
    )


async def test_an_answer_without_words_is_the_formats(bus):
    assert "<code>OK</code>" in await call(bus, "VisitEnd", "<Request><Code>V1</Code></Request>")
    assert [route for route, _ in await kept(bus)] == ["visit"]


async def test_what_was_called_decides_what_it_is(bus):
    await call(bus, "StopReg", "<Request><Code>1</Code></Request>")
    await call(bus, "VisitEnd", "<Request><Code>1</Code></Request>")
    assert sorted(route for route, _ in await kept(bus)) == ["stop", "visit"]


async def test_no_envelope_and_too_much_are_kept_and_refused(bus):
    url = f"{bus.listeners['his'].address}/his"
    async with aiohttp.ClientSession() as session:
        found = []
        for body in (b"<x>", b"<x>" + b"y" * 30_000, b""):
            async with session.post(url, data=body, headers={"Content-Type": "text/xml"}) as answer:
                root = etree.fromstring(await answer.read())
                found.append((answer.status, root.xpath("string(//*[local-name() = 'code'])")))
    assert found == [(500, "NOT_READABLE"), (413, "TOO_LARGE"), (500, "NOT_READABLE")]
    assert await kept(bus) == [("refused", b"<x>"), ("refused", b"<x>" + b"y" * 30_000), ("refused", b"")]
