"""SOAP 1.1 as a Caché class speaks it: document/literal wrapped, qualified, one string in and one out."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

from lxml import etree

CLASS = "DHCExternalService.RegInterface.Service.SelfRegService"
PATH = f"/dthealth/web/{CLASS}.cls"
NAMESPACE = "http://www.dhcc.com.cn"
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_WSDL = Path(__file__).with_name("selfreg.wsdl").read_text("utf-8")
_PUBLISHED = "http://127.0.0.1:9002"
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)


class Fault(Exception):
    """A SOAP Fault: whose it is (`Client`, `Server`), and in words."""

    def __init__(self, whose: str, text: str) -> None:
        super().__init__(text)
        self.whose, self.text = whose, text


def wsdl(base: str) -> bytes:
    """What the class says of itself, with the address it was asked at."""
    return _WSDL.replace(_PUBLISHED, base).encode()


def action(header: str | None) -> str:
    """The method that a SOAPAction names; empty when there is none, or it names another class."""
    named = (header or "").strip().strip('"')
    prefix = f"{NAMESPACE}/{CLASS}."
    return named[len(prefix) :] if named.startswith(prefix) else ""


def read(body: bytes, header: str | None) -> tuple[str, str]:
    """Method and XMLRequest of an envelope; Fault where it is none, or the header names another method."""
    if b"<!DOCTYPE" in body[:2000]:
        raise Fault("Client", "ERROR #6301: SAX XML Parser Error: DOCTYPE is not allowed")
    try:
        root = etree.fromstring(body, _PARSER)
    except etree.XMLSyntaxError as error:
        raise Fault("Client", f"ERROR #6301: SAX XML Parser Error: {error.msg}") from error
    if root.tag != f"{{{_ENVELOPE}}}Envelope":
        raise Fault("VersionMismatch", "ERROR #6241: SOAP 1.1 Envelope expected")
    inside = root.find(f"{{{_ENVELOPE}}}Body")
    if inside is None or len(inside) != 1:
        raise Fault("Client", "ERROR #6242: Body with one method expected")
    name = etree.QName(inside[0])
    if name.namespace != NAMESPACE:
        raise Fault("Client", f"ERROR #6243: namespace {name.namespace} unknown")
    if header is None or action(header) != name.localname:
        raise Fault("Client", f"ERROR #6249: SOAPAction {header!r} does not match method {name.localname}")
    return name.localname, _argument(inside[0])


def _argument(method: etree._Element) -> str:
    given = list(method)
    if len(given) != 1 or given[0].tag != f"{{{NAMESPACE}}}XMLRequest" or len(given[0]):
        raise Fault("Client", "ERROR #6236: one string XMLRequest expected")
    return given[0].text or ""


def request(method: str, payload: str) -> bytes:
    """The envelope of a call, for facades that let the trades do their work."""
    return _envelope(f'<{method} xmlns="{NAMESPACE}"><XMLRequest>{escape(payload)}</XMLRequest></{method}>').encode()


def result(body: bytes) -> str:
    """The result string in an envelope of `answer`."""
    return str(etree.fromstring(body, _PARSER).xpath("string(//*[local-name()='Body'])"))


def answer(method: str, result: str, *, cdata: bool) -> str:
    """The envelope of a result string, which real ones write in either way."""
    inner = f"<![CDATA[{result}]]>" if cdata and "]]>" not in result else escape(result)
    return _envelope(
        f'<{method}Response xmlns="{NAMESPACE}"><{method}Result>{inner}</{method}Result></{method}Response>'
    )


def fault(whose: str, text: str) -> str:
    return _envelope(
        f"<SOAP-ENV:Fault><faultcode>SOAP-ENV:{whose}</faultcode><faultstring>Server Application Error</faultstring>"
        f'<detail><error xmlns="{NAMESPACE}"><text>{escape(text)}</text></error></detail></SOAP-ENV:Fault>'
    )


def _envelope(body: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8" ?>\n'
        f'<SOAP-ENV:Envelope xmlns:SOAP-ENV="{_ENVELOPE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xmlns:s="http://www.w3.org/2001/XMLSchema"><SOAP-ENV:Body>{body}</SOAP-ENV:Body></SOAP-ENV:Envelope>'
    )
