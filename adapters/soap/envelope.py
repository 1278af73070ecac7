"""The envelope of one operation: compiled once, so that a call only sets its message into it."""

from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from adapters.soap.called import ENVELOPES, MEDIA
from engine.contract import Refused

MESSAGE = "the-message-of-this-call-stands-here"
"""Stands in a template where a call's message comes."""
_CONTROLS = bytes(set(range(32)) - {9, 10, 13})
_NO_CHARACTERS = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")
"""U+FFFE and U+FFFF, which XML cannot have either (XML 1.0 §2.2)."""
_MARKS = ((b"&", b"&amp;"), (b"<", b"&lt;"), (b">", b"&gt;"), (b"\r", b"&#13;"))


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a call of one operation needs: made when a release is, by the WSDL or by the profile's own words."""

    head: bytes
    """UTF-8, up to the message."""
    tail: bytes
    """From the message on."""
    headers: Mapping[str, str]
    """Content type and SOAPAction."""
    result: str | None
    """The element that holds the answer; None: the first of all."""
    cdata: bool = False

    def write(self, message: bytes) -> bytes:
        """The whole request. Raises Refused for bytes that no envelope in UTF-8 can carry."""
        if not _is_sendable(message):
            raise Refused("not_sendable")
        if self.cdata:
            return b"%b<![CDATA[%b]]>%b" % (self.head, message.replace(b"]]>", b"]]]]><![CDATA[>"), self.tail)
        for mark, written in _MARKS:
            message = message.replace(mark, written)
        return self.head + message + self.tail


def _is_sendable(message: bytes) -> bool:
    """Whether it is UTF-8 whose characters XML can have."""
    try:
        message.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if len(message.translate(None, _CONTROLS)) != len(message):
        return False
    return not any(each in message for each in _NO_CHARACTERS)


def envelope(template: bytes, version: str, action: str, result: str | None, *, cdata: bool) -> Envelope:
    """The envelope of a whole request in which MESSAGE stands once, as text of an element."""
    head, _, tail = template.partition(MESSAGE.encode())
    return Envelope(head, tail, headers(version, action), result, cdata)


def headers(version: str, action: str) -> dict[str, str]:
    """What HTTP says of an envelope: SOAP 1.1 §6.1.1 has a header for the action, SOAP 1.2 (RFC 3902) a parameter."""
    media = f"{MEDIA[version]}; charset=utf-8"
    if version == "1.1":
        return {"Content-Type": media, "SOAPAction": f'"{action}"'}
    return {"Content-Type": f'{media}; action="{action}"'}


def template(version: str, namespace: str, operation: str, parameters: Mapping[str, str], *, qualified: bool) -> bytes:
    """A request without a WSDL: the operation's element with its parameters in their order."""
    prefix = "ns0:" if qualified else ""
    inner = "".join(f"<{prefix}{name}>{escape(value)}</{prefix}{name}>" for name, value in parameters.items())
    return (
        "<?xml version='1.0' encoding='utf-8'?>\n"
        f'<soap-env:Envelope xmlns:soap-env="{ENVELOPES[version]}"><soap-env:Body>'
        f"<ns0:{operation} xmlns:ns0={quoteattr(namespace)}>{inner}</ns0:{operation}>"
        "</soap-env:Body></soap-env:Envelope>"
    ).encode()
