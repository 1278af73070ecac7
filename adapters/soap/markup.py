"""XML that came from outside, read without trust: no document type, no entities, no network, bounded depth.

Envelopes in this field say `utf-8` over GBK bytes and the other way round; what the bytes themselves are goes before
what is said about them, as in the engine's own format `xml`.
"""

import codecs
import re
from typing import Any

from lxml import etree

_DECLARATION = re.compile(r"\s*<\?xml[^>]{0,300}\?>")
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_SAYS_NOTHING = frozenset({"", "utf-8", "ascii", "iso8859-1", "utf-16", "utf-16-le", "utf-16-be"})
"""Charsets that are written over any bytes: old tools put them there unasked."""
_PROLOG = {"<!--": "-->", "<?": "?>"}
_DEPTH = 64
_deeper = etree.XPath(f"boolean({'/*' * (_DEPTH + 1)})")


class NotMarkup(Exception):
    """These bytes are no XML that is read here. `why` is in words without data."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def read(raw: bytes, charset: str | None = None) -> Any:
    """The root element. `charset`: what the transport says. Raises NotMarkup."""
    text = undeclared(_characters(raw, charset))
    if "<!DOCTYPE" in text and _has_document_type(text):
        raise NotMarkup("a document type is not accepted")
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(text.encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        raise NotMarkup("this is not XML")
    if _deeper(root):
        raise NotMarkup(f"nested deeper than {_DEPTH}")
    return root


def undeclared(text: str) -> str:
    """A text without byte order mark and XML declaration: what they say about its encoding is not true of a text."""
    text = text.removeprefix("\ufeff")
    found = _DECLARATION.match(text)
    return text[found.end() :] if found else text


def _has_document_type(text: str) -> bool:
    """Whether one stands before the root, the only place for it: inside a CDATA section it is somebody's page."""
    place = 0
    while True:
        while text[place : place + 1].isspace():
            place += 1
        end = next((end for mark, end in _PROLOG.items() if text.startswith(mark, place)), None)
        if end is None:
            return text.startswith("<!", place)
        found = text.find(end, place)
        if found < 0:
            return False
        place = found + len(end)


def _characters(raw: bytes, charset: str | None) -> str:
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return _decoded(raw[len(mark) :], name)
    if raw[:2] in {b"<\0", b"\0<"}:
        return _decoded(raw, "utf-16-le" if raw[1] == 0 else "utf-16-be")
    declared = _DECLARED.match(raw.lstrip()[:400])
    said = _codec(charset or "") or _codec(declared[1].decode("ascii") if declared else "")
    try:
        plain = raw.decode("utf-8")
    except UnicodeDecodeError:
        plain = None
    if plain is not None and (said in _SAYS_NOTHING or max(plain, default="") > "\u07ff"):
        return plain  # by chance no text of another charset reads as UTF-8 with characters of three bytes
    return _decoded(raw, "gb18030" if said in _SAYS_NOTHING else said)


def _codec(name: str) -> str:
    """Python's name of a charset; empty for none, and for one that it does not know."""
    try:
        found = codecs.lookup(name).name if name else ""
    except LookupError:
        return ""
    return "gb18030" if found in {"gb2312", "gbk"} else found


def _decoded(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset)
    except (UnicodeDecodeError, LookupError):
        pass
    raise NotMarkup("the characters are in no charset that is known")
