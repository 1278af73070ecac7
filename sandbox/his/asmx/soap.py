"""SOAP 1.1 as an .asmx speaks it: tempuri.org, one string `input`, a fault with a .NET text, a WSDL of its methods."""

from __future__ import annotations

from xml.sax.saxutils import escape

from lxml import etree

from sandbox.his.asmx.methods import METHODS
from sandbox.his.soap import Fault

PATH = "/HisService/BookingService.asmx"
NAMESPACE = "http://tempuri.org/"
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)


def action(header: str | None) -> str:
    """The method that a SOAPAction names; empty where it names none of this namespace."""
    named = (header or "").strip().strip('"')
    return named[len(NAMESPACE) :] if named.startswith(NAMESPACE) else ""


def read(body: bytes, header: str | None) -> tuple[str, str]:
    """Method and `input` of an envelope; Fault where it is none, or the header names another method."""
    if action(header) not in METHODS:
        raise Fault("Client", f"Server did not recognize the value of HTTP Header SOAPAction: {header}.")
    if b"<!DOCTYPE" in body[:2000]:
        raise Fault("Client", "Server was unable to read request. ---> DTD is prohibited in this XML document.")
    try:
        root = etree.fromstring(body, _PARSER)
    except etree.XMLSyntaxError as error:
        raise Fault("Client", "Server was unable to read request. ---> There is an error in XML document.") from error
    inside = root.find(f"{{{_ENVELOPE}}}Body") if root.tag == f"{{{_ENVELOPE}}}Envelope" else None
    if inside is None or len(inside) != 1:
        raise Fault("Client", "Server was unable to process request. ---> Possible SOAP version mismatch.")
    method = inside[0]
    if method.tag != f"{{{NAMESPACE}}}{action(header)}":
        raise Fault("Client", f"Server was unable to read request. ---> {method.tag} was not expected.")
    if len(method) != 1 or method[0].tag != f"{{{NAMESPACE}}}input" or len(method[0]):
        raise Fault("Client", "Server was unable to read request. ---> one string input expected.")
    return action(header), method[0].text or ""


def answer(method: str, result: str) -> bytes:
    return _envelope(
        f'<{method}Response xmlns="{NAMESPACE}"><{method}Result>{escape(result)}</{method}Result></{method}Response>'
    )


def fault(whose: str, text: str) -> bytes:
    return _envelope(
        f"<soap:Fault><faultcode>soap:{whose}</faultcode><faultstring>{escape(text)}</faultstring><detail />"
        "</soap:Fault>"
    )


def _envelope(body: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<soap:Envelope xmlns:soap="{_ENVELOPE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xmlns:xsd="http://www.w3.org/2001/XMLSchema"><soap:Body>{body}</soap:Body></soap:Envelope>'
    ).encode()


def wsdl(base: str) -> bytes:
    """What the service says of itself at ?wsdl, with the address it was asked at."""
    elements, messages, operations, bound = (
        "".join(map(part, METHODS)) for part in (_element, _message, _port, _bound)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" '
        'xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:s="http://www.w3.org/2001/XMLSchema" '
        f'xmlns:tns="{NAMESPACE}" targetNamespace="{NAMESPACE}">\n'
        f'<wsdl:types><s:schema elementFormDefault="qualified" targetNamespace="{NAMESPACE}">\n{elements}</s:schema>'
        f'</wsdl:types>\n{messages}<wsdl:portType name="BookingServiceSoap">\n{operations}</wsdl:portType>\n'
        '<wsdl:binding name="BookingServiceSoap" type="tns:BookingServiceSoap">'
        f'<soap:binding transport="http://schemas.xmlsoap.org/soap/http" />\n{bound}</wsdl:binding>\n'
        '<wsdl:service name="BookingService"><wsdl:port name="BookingServiceSoap" binding="tns:BookingServiceSoap">'
        f'<soap:address location="{base}{PATH}" /></wsdl:port></wsdl:service>\n</wsdl:definitions>\n'
    ).encode()


def _element(method: str) -> str:
    return "".join(
        f'<s:element name="{name}"><s:complexType><s:sequence>'
        f'<s:element minOccurs="0" maxOccurs="1" name="{part}" type="s:string" />'
        "</s:sequence></s:complexType></s:element>\n"
        for name, part in ((method, "input"), (f"{method}Response", f"{method}Result"))
    )


def _message(method: str) -> str:
    return "".join(
        f'<wsdl:message name="{method}Soap{way}"><wsdl:part name="parameters" element="tns:{element}" />'
        "</wsdl:message>\n"
        for way, element in (("In", method), ("Out", f"{method}Response"))
    )


def _port(method: str) -> str:
    return (
        f'<wsdl:operation name="{method}"><wsdl:input message="tns:{method}SoapIn" />'
        f'<wsdl:output message="tns:{method}SoapOut" /></wsdl:operation>\n'
    )


def _bound(method: str) -> str:
    return (
        f'<wsdl:operation name="{method}"><soap:operation soapAction="{NAMESPACE}{method}" style="document" />'
        '<wsdl:input><soap:body use="literal" /></wsdl:input><wsdl:output><soap:body use="literal" /></wsdl:output>'
        "</wsdl:operation>\n"
    )
