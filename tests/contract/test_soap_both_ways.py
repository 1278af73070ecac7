"""The SOAP client and the SOAP service of the bus, by the WSDL between them."""

from typing import Any

import aiohttp
import pytest

import adapters
from engine.contract import Answer, Call, Fault, Inbound, InDoubt, Link, Refused

SOAP = adapters.load("soap")
MESSAGE = "<Request><Name>张三 & 李四]]></Name>\r\n</Request>"


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("cdata", [False, True])
@pytest.mark.parametrize("qualified", [False, True])
async def test_a_bus_calls_a_bus(version: str, cdata: bool, qualified: bool) -> None:
    async def submit(inbound: Inbound) -> Answer:
        if b"<stop/>" in inbound.raw:
            return Answer(fault=Fault("VALIDATION_FAILED", "不对", "wrong", theirs=True))
        if b"<break/>" in inbound.raw:
            return Answer(fault=Fault("INTERNAL", "系统内部错误", "broken", theirs=False))
        return Answer((b"<Response>" + inbound.raw + b"</Response>",))

    assert SOAP.source is not None
    assert SOAP.prepare is not None
    assert SOAP.destination is not None
    serve = {"path": "/his", "operations": {"StopClinic": {"argument": "input"}}, "qualified": qualified}
    source = SOAP.source(Link("his", SOAP.profile_options(serve=serve), listen=("127.0.0.1", 0)))
    await source.start(submit)
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{source.address}/his?wsdl") as answer:
            wsdl = await answer.read()
        options = SOAP.profile_options(wsdl="his.wsdl", version=version, cdata=cdata)
        made = SOAP.prepare(options, {"stop": SOAP.operation_options(operation="StopClinic")}, {"his.wsdl": wsdl})
        assert not made.findings
        client: Any = SOAP.destination(Link("bus", options, url=f"{source.address}/his"))
        try:
            said = [
                await client.send(Call("stop", made.operations["stop"], MESSAGE.encode(), "t", 60.0)) for _ in range(2)
            ]
            heard = MESSAGE.replace("\r\n", "\n") if cdata else MESSAGE
            assert [each.body.decode() for each in said] == [f"<Response>{heard}</Response>"] * 2
            with pytest.raises(Refused, match="rejected"):
                await client.send(Call("stop", made.operations["stop"], b"<stop/>", "t", 60.0))
            with pytest.raises(InDoubt, match="fault"):
                await client.send(Call("stop", made.operations["stop"], b"<break/>", "t", 60.0))
        finally:
            await client.close()
    finally:
        await source.stop(1.0)
