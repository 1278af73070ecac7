"""XML with the slips that HIS interfaces make, mended so that a strict parser reads it: `xml: {mend: true}`.

What is mended loses nothing but marks that mean nothing: an element that is never closed ends where what holds it
ends; an end that nothing began is left out; `&nbsp;` and its like become their characters; a bare `&` or `<` is
text; characters that XML cannot have go. What does not end with the end of its root was cut off, and is not mended.
"""

import re
from collections.abc import Collection
from html.entities import html5
from xml.sax.saxutils import escape

_NAME = r"(?:[^\W\d]|:)[\w.:-]*"
_VALUE = r"\"[^\"<]*\"|'[^'<]*'"
_TOKEN = re.compile(
    rf"(?P<kept><!\[CDATA\[.*?\]\]>|<!--.*?-->|<\?.*?\?>)"
    rf"|</(?P<end>{_NAME})\s*>"
    rf"|<(?P<start>{_NAME})(?P<attributes>(?:\s+{_NAME}\s*=\s*(?:{_VALUE}))*)\s*(?P<empty>/?)>"
    r"|&(?:(?P<entity>#\d{1,7}|#x[0-9a-fA-F]{1,6}|\w{1,31});)?|<|[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]",
    re.DOTALL,
)
_KEPT = {"amp", "lt", "gt", "quot", "apos"}
_CLOSERS = {"<![CDATA[": "]]>", "<!--": "-->", "<?": "?>"}
_MARKS = {"&": "&amp;", "<": "&lt;"}
_QUOTES = {'"': "&quot;", "'": "&apos;"}
_DEEPEST = 256


class _TooDeep(Exception):
    """More is open than a parser would take."""


def mended(body: str, roots: Collection[str]) -> str | None:
    """The same document with its slips mended; None for what was cut off or is nested too deep. `roots`: names that
    the end of a root may have beside its own.
    """
    if any(body.rfind(mark) > body.rfind(closer) for mark, closer in _CLOSERS.items()):
        return None
    mender = _Mender(roots)
    try:
        written = _TOKEN.sub(mender.token, body)
    except _TooDeep:
        return None
    return written if mender.ended else None


class _Mender:
    """Writes token by token, and knows what is open."""

    def __init__(self, roots: Collection[str]) -> None:
        self._roots = roots
        self._open: list[str] = []
        self.ended = False
        """Whether the last tag closed the root."""

    def token(self, found: re.Match[str]) -> str:
        if found["start"] is not None:
            return self._start(found)
        if found["end"] is not None:
            return self._end(found["end"])
        if found["kept"] is not None:
            return found[0]
        return _character(found)

    def _start(self, found: re.Match[str]) -> str:
        self.ended = bool(found["empty"]) and not self._open
        if not found["empty"]:
            self._open.append(found["start"])
        if len(self._open) > _DEEPEST:
            raise _TooDeep
        attributes = _TOKEN.sub(_character, found["attributes"])
        return f"<{found['start']}{attributes}{found['empty']}>"

    def _end(self, name: str) -> str:
        if name not in self._open:
            if not (self._open and _local(name) in self._roots):
                return ""
            name = self._open[0]
        inner = len(self._open) - 1
        while self._open[inner] != name:
            inner -= 1
        closed = self._open[inner:]
        del self._open[inner:]
        self.ended = not self._open
        return "".join(f"</{each}>" for each in reversed(closed))


def _character(found: re.Match[str]) -> str:
    """What stands for a mark, a reference or a character that XML may not have."""
    name = found["entity"]
    if name is None:
        return _MARKS.get(found[0], "")
    if name in _KEPT:
        return found[0]
    if name.startswith("#"):
        number = int(f"0{name[1:]}", 16 if name[1] == "x" else 10)
        return found[0] if _is_xml(number) else ""
    known = html5.get(f"{name};")
    return escape(known, _QUOTES) if known is not None else f"&amp;{name};"


def _is_xml(number: int) -> bool:
    """XML 1.0 §2.2."""
    if number in {0x9, 0xA, 0xD}:
        return True
    return 0x20 <= number <= 0xD7FF or 0xE000 <= number <= 0xFFFD or 0x10000 <= number <= 0x10FFFF


def _local(name: str) -> str:
    return name.rpartition(":")[2]
