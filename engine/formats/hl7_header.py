"""The header segment alone, read from bytes that may be broken everywhere else.

An acknowledgement must answer what cannot be read, and MSA-2 must be MSH-10 byte for byte: so this
reading gives up nothing, assumes the standard's delimiters where none can be had, and picks a codec
that gives the header's own bytes back. BHS and FHS are laid out like MSH and are read the same way.
"""

from dataclasses import dataclass
from functools import lru_cache

from engine.base.errors import BusError
from engine.formats import hl7_charset
from engine.formats.hl7_marks import STANDARD, Marks, marks
from engine.formats.hl7_reader import Reading

_LONGEST = 64 * 1024
_MOST = 30


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of an MSH, BHS or FHS as they stand, by number; what is not there is empty."""

    fields: tuple[str, ...]
    marks: Marks

    def field(self, number: int) -> str:
        """A field's text, with its delimiters and escapes as they stand."""
        return self.fields[number] if len(self.fields) > number else ""

    def part(self, number: int, component: int) -> str:
        """A component's text of a field's first repetition, as it stands."""
        parts = self.field(number).split(self.marks.repetition, 1)[0].split(self.marks.component)
        return parts[component - 1] if len(parts) >= component else ""

    @property
    def version(self) -> tuple[int, ...]:
        """MSH-12 as numbers, (2, 5, 1); empty where it says nothing that is a version."""
        return _numbers(self.part(12, 1))


@lru_cache(maxsize=64)
def _numbers(version: str) -> tuple[int, ...]:
    numbers = version.strip().split(".")
    return tuple(int(number) for number in numbers) if all(number.isdecimal() for number in numbers) else ()


def header_of(raw: bytes, reading: Reading, name: bytes = b"MSH") -> Header:
    """The header of a message. Never raises: without one, a Header of no fields and the standard's delimiters."""
    start = raw.find(name, 0, _LONGEST)
    body = raw[start:] if start >= 0 else b""
    line = hl7_charset.first_line(body[:_LONGEST])
    text, codec = _decoded(line, body, reading)
    separator = text[3:4]
    if not separator or separator.isalnum() or separator in "\\ \t":
        return Header((), STANDARD)
    fields = text.split(separator, _MOST)
    encoding = fields[1] if len(fields) > 1 else ""
    try:
        found = marks(separator, encoding, codec)
    except BusError:
        found = marks(separator, STANDARD.encoding, codec) if separator not in STANDARD.encoding else STANDARD
    return Header((fields[0], separator, *fields[1:]), found)


def _decoded(line: bytes, body: bytes, reading: Reading) -> tuple[str, str]:
    """The header's text and the codec of the whole message; bytes that fit none are carried as Latin-1."""
    named = reading.codec or hl7_charset.codec_for(hl7_charset.declared_in(line), reading.declared, []) or "utf-8"
    codec = hl7_charset.decode(body, named, [])[1]
    if line.isascii():  # every codec here has ASCII as its beginning
        return line.decode("ascii"), codec
    text = line.decode(codec, "replace")
    return (text, codec) if text.encode(codec, "replace") == line else (line.decode("latin-1"), "latin-1")
