"""The reader: a message split into segments, and nothing more until somebody reads a field.

`raw` is kept bit for bit. Segments end in CR, LF or CRLF, mixed as the sender likes. A segment is a
line of text until one of its fields is read, then a list of fields in the same place, so that the
number of a field is its index (MSH-1 is the separator itself, so MSH gets one entry more).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeAlias

from engine.base.errors import BusError, Code
from engine.formats import hl7_charset
from engine.formats.hl7_levels import belongs, ends, is_above, is_header, is_of_message, opener_of
from engine.formats.hl7_marks import MOST_FIELDS, MOST_SEGMENTS, Marks, marks, too_many, unreadable

Rows: TypeAlias = list[Any]
"""Segments in order: `str`, or `list[str]` once split into fields."""
Find: TypeAlias = Callable[[str], list[int] | None]
"""Positions of a segment, asked for by name and field separator (`PID|`); None where there is none."""

_KEY = itemgetter(slice(4))
"""Name and field separator of a segment's line."""
_LARGE = 4 * MOST_SEGMENTS
"""Characters below which there cannot be too many segments."""
_FRAMING = "\x0b\x1c"
_LONG = 100_000
"""Characters of a segment from which the number of its fields is limited."""
_REMEMBERED = 64
"""Segments up to which an index is remembered."""
_USUAL_CHARSETS = frozenset({"", "UNICODE UTF-8"})


@dataclass(frozen=True, slots=True)
class Reading:
    """How one profile's messages are read."""

    codec: str | None = None
    """The codec, whatever MSH-18 says; None: what MSH-18 says."""
    declared: Mapping[str, str] = field(default_factory=dict)
    """What a value of MSH-18 means with this sender ("" for an empty one); before table 0211."""
    size: int = 20 * 1024 * 1024


class Message:
    """A message that was read. `warnings` says what was put up with, in words without values."""

    __slots__ = ("find", "marks", "raw", "rows", "warnings")

    def __init__(self, raw: bytes, rows: Rows, index: dict[str, list[int]], found: Marks, warnings: list[str]) -> None:
        self.raw = raw
        self.rows = rows
        self.find: Find = index.get
        self.marks = found
        self.warnings = warnings

    @property
    def charset(self) -> str:
        """The codec that the bytes were read with."""
        return self.marks.codec

    def each(self, name: str) -> list["Group"]:
        """The repeats of a segment, each with the segments that belong to it."""
        key = name + self.marks.field
        return [Group(self, place, key) for place in self.find(key) or ()]


class Group:
    """One repeat of a segment: itself, what belongs to it, and on asking what stands around it."""

    __slots__ = ("_index", "key", "marks", "root", "row", "rows", "start")

    def __init__(self, root: Message, start: int, key: str) -> None:
        self.root = root
        self.start = start
        self.key = key
        self.rows = rows = root.rows
        self.marks = root.marks
        row = rows[start]
        if row.__class__ is str:
            row = rows[start] = fields(row, root.marks.field)
        self.row: list[str] = row
        self._index: dict[str, list[int]] | None = None

    def find(self, key: str) -> list[int] | None:
        """Positions in this repeat; of a segment above it, the one that it belongs to."""
        if self._index is None:
            self._index = self._gather()
        own = self._index.get(key)
        if own is None and is_above(self.key[:3], key[:3]):
            return self._around(key)
        return own

    def each(self, name: str) -> list["Group"]:
        """The repeats of a segment inside this one."""
        key = name + self.marks.field
        return [Group(self.root, place, key) for place in self.find(key) or ()]

    def _gather(self) -> dict[str, list[int]]:
        header = nearest = self.key[:3]
        separator = self.marks.field
        index = {self.key: [self.start]}
        for place in range(self.start + 1, len(self.rows)):
            row = self.rows[place]
            name = row[:3] if row.__class__ is str else row[0]
            if ends(header, name):
                break
            if belongs(header, nearest, name):
                index.setdefault(name + separator, []).append(place)
                nearest = name if is_header(name) else nearest
        return index

    def _around(self, key: str) -> list[int] | None:
        places = self.root.find(key) or []
        before = bisect_left(places, self.start)
        if not before:
            return None
        place, name = places[before - 1], key[:3]
        if is_of_message(name) or not self._between(place, opener_of(name)):
            return [place]
        return None

    def _between(self, place: int, opener: tuple[str, int]) -> bool:
        """Whether more of the opener's segments stand after `place`, up to here, than may."""
        name, allowed = opener
        places = self.root.find(name + self.marks.field) or []
        return bisect_right(places, self.start) - bisect_right(places, place) > allowed


def parse(raw: bytes, reading: Reading) -> Message:
    """Reads one message. Raises BusError(NOT_READABLE | TOO_LARGE) and nothing else.

    Fatal is only what leaves nothing to route by: no MSH, no usable delimiters, an MSH that ends before
    MSH-9. Everything else is put up with and noted in the message's `warnings`.
    """
    if len(raw) > reading.size:
        raise BusError(Code.TOO_LARGE, f"the message is larger than {reading.size} bytes")
    lead: list[str] = []
    body = raw if raw.startswith(b"MSH") and b"\x1c" not in raw else _unwrapped(raw, lead)
    codec = reading.codec
    if codec is None:
        try:
            text = body.decode()
        except UnicodeDecodeError:
            declared = hl7_charset.declared_in(hl7_charset.first_line(body))
            codec = hl7_charset.codec_for(declared, reading.declared, lead) or "utf-8"
        else:  # most messages are UTF-8 or ASCII: then MSH-18 is looked up in what had to be split anyway
            message = _split(raw, text, "utf-8", lead)
            header = message.rows[0]
            if (len(header) < 19 or header[18] in _USUAL_CHARSETS) and not reading.declared:
                return message
            codec = _declared(message, reading)
            if codec is None or codec == "utf-8":
                return message
            if text.isascii():
                message.marks = replace(message.marks, codec=codec)
                return message
            lead = [] if body is raw else lead[:1]
    text, codec = hl7_charset.decode(body, codec, lead)
    return _split(raw, text, codec, lead)


def _declared(message: Message, reading: Reading) -> str | None:
    header = message.rows[0]
    named = header[18] if len(header) > 18 else ""
    first = named.split(message.marks.repetition, 1)[0].strip()
    return hl7_charset.codec_for(first, reading.declared, message.warnings)


def _split(raw: bytes, text: str, codec: str, warnings: list[str]) -> Message:
    if "\n" in text:
        text = text.replace("\r\n", "\r").replace("\n", "\r")
    if len(text) > _LARGE and text.count("\r") > MOST_SEGMENTS:
        raise too_many("segments")
    rows: Rows = text.split("\r")
    if not rows[-1]:
        rows.pop()
    separator = text[3:4]
    keys = tuple(map(_KEY, rows))
    index, usual = _index(keys, separator) if len(keys) <= _REMEMBERED else _index.__wrapped__(keys, separator)
    if not usual:
        rows = _repaired(rows, separator, warnings)
        index = _index.__wrapped__(tuple(map(_KEY, rows)), separator)[0]
    header = rows[0] = fields(rows[0], separator)
    header.insert(1, separator)
    if len(header) < 13 or not (header[9] and header[10] and header[12]):
        warnings += _missing(header)
    return Message(raw, rows, index, marks(separator, header[2], codec), warnings)


@lru_cache(maxsize=512)
def _index(keys: tuple[str, ...], separator: str) -> tuple[dict[str, list[int]], bool]:
    """Positions of each key, and whether all is as usual: names in capitals, the separator, and one MSH.

    A sender's messages have few outlines, so most indexes are had for one look-up; they are never changed.
    """
    index: dict[str, list[int]] = {}
    for place, key in enumerate(keys):
        if key in index:
            index[key].append(place)
        else:
            index[key] = [place]
    proper = all(key[3:] == separator and key[:3].isupper() and key[:3].isalnum() for key in index)
    return index, proper and bool(separator) and len(index["MSH" + separator]) == 1


def _missing(header: list[str]) -> list[str]:
    if len(header) < 10:
        marks(header[1], header[2] if len(header) > 2 else "", "ascii")  # says what is wrong with the delimiters
        raise unreadable("MSH ends before MSH-9", "MSH^1^9", 101)
    return [f"MSH-{number} is empty" for number in (9, 10, 12) if number >= len(header) or not header[number]]


def fields(line: str, separator: str) -> list[str]:
    """A segment's fields. A limit makes splitting slower, so only a line that needs it gets one."""
    return line.split(separator) if len(line) < _LONG else line.split(separator, MOST_FIELDS)


def _unwrapped(raw: bytes, warnings: list[str]) -> bytes:
    """The message without what stands around it: framing, a byte order mark, blank lines."""
    body = raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\x0b\x1c\r\n\t \x00").rstrip(b"\x1c\r\n")
    if not body.startswith(b"MSH"):
        raise unreadable("the message does not begin with MSH", "MSH^1", 100)
    warnings.append("bytes around the message were passed over")
    return body


def _repaired(rows: Rows, separator: str, warnings: list[str]) -> Rows:
    """Segments out of lines of which some are none: blank, framing, lower case, or a torn value's rest."""
    if not separator:
        raise unreadable("the message ends with its name", "MSH^1^1", 101)
    notes: dict[str, None] = {}
    segments: list[list[str]] = []
    for row in rows:
        line = row.strip(_FRAMING)
        if len(line) != len(row):
            notes["framing bytes inside the message were passed over"] = None
        if not line:
            continue
        name = line[:3]
        if len(name) == 3 and name.isascii() and name.isalnum() and name[0].isalpha() and line[3:4] in {separator, ""}:
            if name != name.upper():
                notes["a segment's name is not in capitals"] = None
            # the index goes by name and separator, so a segment without fields gets one
            segments.append([name.upper() + (line[3:] or separator)])
        elif segments:
            notes["a line that is no segment was joined to the one before it"] = None
            segments[-1].append(line)
    if sum(lines[0].startswith("MSH") for lines in segments) > 1:
        notes["there is more than one MSH segment"] = None
    warnings.extend(notes)
    return ["\n".join(lines) for lines in segments]
