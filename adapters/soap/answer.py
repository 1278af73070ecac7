"""The answer of one call: the string inside it, or a fault. As tolerant as the field is wild."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from lxml import etree

from adapters.soap import markup
from adapters.soap.called import ENVELOPES
from engine.contract import InDoubt, Refused, Reply, Unavailable

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.ASCII | re.IGNORECASE)
_HEADERS = {"content-type": "text/xml; charset=utf-8"}
_THEIRS = frozenset({"Client", "Sender", "VersionMismatch", "MustUnderstand", "DataEncodingUnknown"})
"""Faults of the one who called: the message as such was not taken (SOAP 1.1 §4.4.1, SOAP 1.2 §5.4.6)."""
_CODES = _THEIRS | {"Server", "Receiver"}
REJECTED: Final = "rejected"
_PAGE = 64 * 1024

Truth: TypeAlias = Refused | Unavailable | InDoubt


@dataclass(frozen=True, slots=True)
class Fault:
    """What a SOAP fault says, in either version's form."""

    code: str
    """Without its prefix: `Client`."""
    text: str


def read(reply: Reply, result: str | None, faults: Mapping[str, str]) -> Reply:
    """The string that a reply of status 2xx carries, as UTF-8 without an XML declaration of its own.

    Raises what a fault means by `faults`, and InDoubt for what is no answer to this call.
    """
    entry = _entry(reply)
    if entry is None:
        why = "no_soap_reply" if reply.body.strip() else "empty_reply"
        raise _meant(_by_words(_page(reply), faults) or "in_doubt", why, reply)
    if _is_fault(entry):
        raise _faulted(_fault(entry), faults, reply)
    inner = _string(entry, result)
    if inner is None:
        raise InDoubt("no_result_in_reply", reply)
    return Reply(markup.undeclared(inner).encode("utf-8"), reply.status, _HEADERS)


def failure(reply: Reply, faults: Mapping[str, str]) -> Truth:
    """What a reply of another status means: its fault (WS-I: 500), words of a page that the profile knows, else the
    status itself. A 4xx is a no; a page of IIS or of a gateway does not say that nothing was done.
    """
    entry = _entry(reply)
    if entry is not None and _is_fault(entry):
        return _faulted(_fault(entry), faults, reply)
    why = f"http_{reply.status}"
    otherwise = why if 400 <= (reply.status or 0) < 500 else "in_doubt"
    return _meant(_by_words(_page(reply), faults) or otherwise, why, reply)


def _faulted(fault: Fault, faults: Mapping[str, str], reply: Reply) -> Truth:
    """What a fault means: the profile's words, then its codes, then SOAP's own rule."""
    kind = fault.code.partition(".")[0]  # Server.userException
    otherwise = REJECTED if kind in _THEIRS else "in_doubt"
    return _meant(_by_words(fault.text, faults, fault.code) or faults.get(kind, otherwise), "fault", reply)


def _by_words(text: str, faults: Mapping[str, str], code: str = "") -> str | None:
    """What the first of the profile's words means that stands in the text, or is the very code of a fault."""
    return next((word for key, word in faults.items() if key not in _CODES and (key in text or key == code)), None)


def _meant(word: str, why: str, reply: Reply) -> Truth:
    if word == "unavailable":
        return Unavailable(why)
    return InDoubt(why, reply) if word == "in_doubt" else Refused(word, reply)


def _page(reply: Reply) -> str:
    """The beginning of what came in place of an answer."""
    beginning = reply.body[:_PAGE]
    plain = beginning.decode("utf-8", "replace")
    return beginning.decode("gb18030", "replace") if "\ufffd" in plain[:-1] else plain  # the last may be cut


def _is_fault(entry: Any) -> bool:
    return etree.QName(entry).localname == "Fault"


def _entry(reply: Reply) -> Any:
    """The first element of the envelope's body; None where there is no envelope."""
    declared = _CHARSET.search(reply.headers.get("content-type", ""))
    try:
        root = markup.read(reply.body, declared[1] if declared else None)
    except markup.NotMarkup:
        return None
    name = etree.QName(root)
    if name.localname != "Envelope" or name.namespace not in ENVELOPES.values():
        return None
    body = next(root.iterchildren(f"{{{name.namespace}}}Body"), None)
    return None if body is None else next(body.iterchildren("*"), None)


def _string(entry: Any, result: str | None) -> str | None:
    """The text of the result; empty where the answer has none (.NET leaves out what is null)."""
    if result is not None and etree.QName(entry).localname == result:
        return _content(entry)
    found = next(entry.iterchildren("{*}" + result if result is not None else "*"), None)
    if found is None:
        return "" if next(entry.iterchildren("*"), None) is None else None
    return _content(found)


def _content(element: Any) -> str:
    """Its text; where a peer has written its XML in as elements, that XML."""
    if element.get(_NIL) in {"true", "1"}:
        return ""
    if next(element.iterchildren(), None) is None:
        return element.text or ""
    return (element.text or "") + "".join(etree.tostring(child, encoding="unicode") for child in element)


def _fault(entry: Any) -> Fault:
    """SOAP 1.1: faultcode, faultstring, detail; SOAP 1.2: Code/Value, Reason/Text, Detail."""
    code = entry.findtext("{*}faultcode") or entry.findtext("{*}Code/{*}Value") or ""
    return Fault(code.strip().rpartition(":")[2], " ".join(entry.itertext()))
