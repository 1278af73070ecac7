"""The SOAP service that the bus serves: a source on the same listener as HTTP, with envelopes around its strings.

What reaches `submit` is the string inside, as UTF-8, and the name of the operation. The answer is the string of the
result, or a Fault: SOAP 1.1 over HTTP says every fault with status 500 (WS-I Basic Profile 1.1, R1126), SOAP 1.2 says
400 where the caller is at fault; what is larger than the limit is 413 in both. A body that is no envelope reaches
`submit` as it came, as `unreadable`, so that somebody can look at it.
"""

import re
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import replace
from socket import socket
from typing import Any

from lxml import etree

from adapters.listening.server import Server
from adapters.soap import called, wsdl
from adapters.soap.options import ProfileOptions, ServiceOptions
from engine.contract import Answer, Fault, Inbound, Link, Submit

_HUSH = Fault("INTERNAL", "系统内部错误", "The service has no answer.", theirs=False)
_CODES = {"Client": "Sender", "Server": "Receiver", "VersionMismatch": "VersionMismatch"}
"""Fault codes of SOAP 1.1, and what SOAP 1.2 calls them."""
_HOST = re.compile(r"[\w.:\[\]-]{1,255}\Z", re.ASCII)
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def served(options: Any) -> Collection[str]:
    """The operations that a profile serves."""
    assert isinstance(options, ProfileOptions)
    return () if options.serve is None else options.serve.operations


class Service:
    """A source that listens on `link.listen` and serves what the profile says under `soap: serve:`."""

    def __init__(self, link: Link) -> None:
        options = link.options
        assert isinstance(options, ProfileOptions)
        if options.serve is None:
            raise ValueError("a SOAP service needs `serve` in its profile")
        self._serve = options.serve
        self._server = Server(link)

    async def start(self, submit: Submit, door: socket | None = None) -> None:
        await self._server.start(_answering(self._serve, submit, self._server), door)

    @property
    def address(self) -> str:
        return self._server.address

    def door(self) -> socket | None:
        return self._server.door()

    async def stop(self, grace: float) -> None:
        await self._server.stop(grace)


def _answering(service: ServiceOptions, submit: Submit, server: Server) -> Callable[[Inbound], Awaitable[Answer]]:
    """What answers each request of the listener."""

    async def answer(request: Inbound) -> Answer:
        if request.path.rstrip("/") != service.path.rstrip("/"):
            return _plain(404, "there is no such service")
        if request.method == "GET" and request.query.split("=", 1)[0].lower() == "wsdl":
            document = wsdl.made(service, _reached(server.address, request.headers.get("host", "")) + service.path)
            return Answer((document,), headers={"content-type": "text/xml; charset=utf-8"})
        if request.method != "POST":
            return _plain(405, "a SOAP service is called by POST; its WSDL is at ?wsdl")
        return await _called(service, submit, request)

    return answer


def _reached(address: str, host: str) -> str:
    """Where this caller reaches the service: a listener may have other names than its own address."""
    return f"{address.split(':', 1)[0]}://{host}" if _HOST.match(host) else address


async def _called(service: ServiceOptions, submit: Submit, request: Inbound) -> Answer:
    content_type = request.headers.get("content-type", "")
    if request.too_large:
        return _said(await submit(request), service, called.version_of(content_type), "", "Client")
    try:
        call = called.read(request.raw, content_type, service.operations)
    except called.NotCalled as error:
        heard = await submit(replace(request, unreadable=error.why))
        return _said(heard, service, error.version, "", error.code)
    heard = await submit(replace(request, raw=call.payload.encode(), operation=call.operation))
    return _said(heard, service, call.version, call.operation, None)


def _said(heard: Answer, service: ServiceOptions, version: str, operation: str, code: str | None) -> Answer:
    """The bus's answer in an envelope. `code`: the fault code where there was no call to answer."""
    if heard.fault is None and operation:
        with suppress(ValueError):  # no body, or bytes that no text of XML can be
            return replace(_enveloped(version, _result(service, operation, heard.bodies)), close=heard.close)
    fault = heard.fault or _HUSH
    code = code or ("Client" if fault.theirs else "Server")
    status = 413 if heard.status == 413 else 400 if version == "1.2" and code != "Server" else 500
    return replace(_enveloped(version, _fault(fault, version, code, service)), status=status, close=heard.close)


def _result(service: ServiceOptions, operation: str, bodies: tuple[bytes, ...]) -> Any:
    (body,) = bodies
    response = etree.Element(f"{{{service.namespace}}}{operation}Response", nsmap={"m": service.namespace})
    name = wsdl.result_of(operation, service.operations[operation])
    result = etree.SubElement(response, etree.QName(service.namespace if service.qualified else None, name))
    result.text = body.decode()
    return response


def _enveloped(version: str, inner: Any) -> Answer:
    soap = called.ENVELOPES[version]
    envelope = etree.Element(f"{{{soap}}}Envelope", nsmap={"soap": soap})
    etree.SubElement(envelope, f"{{{soap}}}Body").append(inner)
    body: Any = etree.tostring(envelope, encoding="utf-8", xml_declaration=True)
    return Answer((bytes(body),), headers={"content-type": f"{called.MEDIA[version]}; charset=utf-8"})


def _fault(fault: Fault, version: str, code: str, service: ServiceOptions) -> Any:
    soap = called.ENVELOPES[version]
    element = etree.Element(f"{{{soap}}}Fault", nsmap={"soap": soap})
    reasons = {"zh": f"{fault.text} ({fault.code})", "en": fault.english}
    if version == "1.1":
        etree.SubElement(element, "faultcode").text = f"soap:{code}"
        etree.SubElement(element, "faultstring").text = reasons["zh"]
        detail = etree.SubElement(element, "detail")
    else:
        held = etree.SubElement(element, f"{{{soap}}}Code")
        etree.SubElement(held, f"{{{soap}}}Value").text = f"soap:{_CODES[code]}"
        reason = etree.SubElement(element, f"{{{soap}}}Reason")
        for language, text in reasons.items():
            etree.SubElement(reason, f"{{{soap}}}Text", {_LANGUAGE: language}).text = text
        detail = etree.SubElement(element, f"{{{soap}}}Detail")
    said = etree.SubElement(detail, f"{{{service.namespace}}}refusal", nsmap={"m": service.namespace})
    for name, text in (
        ("code", fault.code),
        ("text", fault.text),
        ("english", fault.english),
        ("detail", fault.detail),
    ):
        etree.SubElement(said, f"{{{service.namespace}}}{name}").text = text
    return element


def _plain(status: int, text: str) -> Answer:
    headers = {"content-type": "text/plain; charset=utf-8"} | ({"allow": "GET, POST"} if status == 405 else {})
    return Answer((text.encode(),), status, headers)
