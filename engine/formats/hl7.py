"""HL7 v2 (ER7, pipes and hats) as a format: a lazy reader, compiled paths, a writer, acknowledgements.

What can be read and built is the path grammar of `hl7_grammar`; what belongs to a repeat, `hl7_levels`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from engine.base.errors import BusError
from engine.contract import Options
from engine.formats import hl7_ack, hl7_batch, hl7_charset, hl7_checks, hl7_paths, hl7_reader, hl7_versions, hl7_writer
from engine.formats.format import Code as Compiled
from engine.formats.format import Hints, PathError, Target
from engine.formats.hl7_grammar import Match, Path, parse_path
from engine.formats.hl7_header import header_of
from engine.formats.hl7_reader import Message, Reading

Codec = Literal["ascii", "utf-8", "gb18030", "big5", "latin-1"]
_USUAL_HEADER = 1000
"""Characters of a header that needs no care."""
_TERMINATORS = {"cr": "\r", "lf": "\n", "crlf": "\r\n"}


class Hl7Options(Options):
    """Options of `hl7:` in a profile."""

    version: Literal["2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8"] | None = None
    """The version that paths are checked against and that is written into MSH-12. None: a path may be of any
    version from 2.3 to 2.8, and the map fills MSH-12."""
    beyond: tuple[str, ...] = ()
    """What this system has beyond the standard: fields such as `OBR-50`, and the Z segments that `strict` takes."""
    charset: Codec | None = None
    """The character set, whatever MSH-18 says; what is written is in it too (UTF-8 where none is named)."""
    declared: Mapping[str, Codec] = {}
    """What a value of MSH-18 means with this system where it is not what table 0211 says; "" for an empty MSH-18."""
    strict: bool = False
    """Refuse what is otherwise put up with and warned of: bytes that do not fit, fields the version does not have …"""
    terminator: Literal["cr", "lf", "crlf"] = "cr"
    """What ends a segment in what is written."""


class Hl7:
    """The format `hl7`. Documents are `hl7_reader.Message`."""

    name = "hl7"

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self._options = Hl7Options.model_validate(options or {})
        self._strict = self._options.strict
        self._beyond = frozenset(self._options.beyond)
        self._reading = Reading(self._options.charset, self._options.declared)
        self._last: tuple[Hints | None, Reading] = None, self._reading  # hints come from a listener, and rarely change
        self._stamped: tuple[datetime | None, str] = None, ""  # a burst is answered within one second

    # --- reading ---------------------------------------------------------------------------------

    def parse(self, raw: bytes, hints: Hints) -> Message:
        seen, reading = self._last
        if seen is not hints:
            codec = hl7_charset.known(hints.charset or "") or self._options.charset
            reading = Reading(codec, self._options.declared, hints.size)
            self._last = hints, reading
        if not self._strict:
            return hl7_reader.parse(raw, reading)
        message = hl7_reader.parse(raw, reading)
        for finding in hl7_checks.findings(message, self._beyond):
            raise finding.error()
        return message

    def validate(self, message: Message) -> list[str]:
        """What is wrong with a message's structure: places and words, no values. For routes that ask."""
        return hl7_checks.validate(message)

    def split(self, raw: bytes) -> list[bytes]:
        return hl7_batch.split(raw, strict=self._strict)

    def read(self, path: str) -> Compiled:
        return _call(hl7_paths.reader(self._field(path)), path)

    def each(self, path: str) -> Compiled:
        found = self._checked(path)
        if found.which != 1 or found.repetition != 1 or not found.plain:
            raise PathError(f"{path!r} is no repeat", "write `each: OBX` or `each: PID-3`, and pick with `when`")
        if found.field:
            return _call(hl7_paths.items(found), "each", path)
        return Compiled(f"{{d}}.each({found.segment!r})")

    def read_in(self, each: str, path: str) -> Compiled:
        item, found = parse_path(each), self._field(path)
        if found.segment == item.segment and not item.field and isinstance(found.which, Match):
            return _call(hl7_paths.own_tested_reader(found), each, path)
        if found.segment == item.segment and found.which == 1:
            if not item.field:
                return _call(hl7_paths.own_reader(found), each, path)
            if found.field == item.field and found.repetition == 1:
                return _call(hl7_paths.part_reader(found), each, path)
        return _call(hl7_paths.reader(found), path)

    def each_in(self, each: str, path: str) -> Compiled:  # noqa: ARG002 - every item knows what belongs to it
        return self.each(path)

    def _field(self, path: str) -> Path:
        found = self._checked(path)
        if not found.field:
            raise PathError(f"{path!r} names a segment, not a value", f"write {path}-1 or another of its fields")
        return found

    def _checked(self, path: str) -> Path:
        wrong = hl7_versions.check(path, self._options.version, self._beyond)
        if wrong is not None:
            raise wrong
        return parse_path(path)

    # --- building --------------------------------------------------------------------------------

    def target(self, path: str, within: str = "") -> Target:  # noqa: ARG002 - a place says all by itself
        self._checked(path)
        return hl7_writer.target(path)

    def render(self, tree: Any) -> bytes:
        options = self._options
        return hl7_writer.render(tree, options.charset or "utf-8", _TERMINATORS[options.terminator], options.version)

    # --- answering -------------------------------------------------------------------------------

    def digest(self, raw: bytes) -> bytes:
        """SHA-256 of everything but MSH, of which only MSH-9 counts: a re-send has a new time stamp, but the
        cancellation of an appointment may differ from its booking in nothing else. CR, LF, CRLF are one.
        """
        start = raw.find(b"MSH")
        head = hl7_charset.first_line(raw[start:]) if start >= 0 else b""
        rest = raw[max(start, 0) + len(head) :]
        if b"\n" in rest:
            rest = rest.replace(b"\r\n", b"\r").replace(b"\n", b"\r")
        if start == 0 and head.startswith(b"MSH|") and head.isascii() and len(head) < _USUAL_HEADER:
            kind = b"".join(head.split(b"|", 9)[8:9])
        else:  # the same, whatever the header looks like
            kind = header_of(raw, self._reading).field(9).encode()
        return hashlib.sha256(kind + b"\r" + rest.strip(b"\r\x0b\x1c")).digest()

    def acknowledge(
        self, raw: bytes, results: Sequence[tuple[bytes, BusError | None]], made: Mapping[str, Any], *, batch: bool
    ) -> tuple[bytes, ...]:
        if made["time"] is not self._stamped[0]:
            self._stamped = made["time"], made["time"].strftime("%Y%m%d%H%M%S%z")
        now, own_id = self._stamped[1], str(made["id"])
        if not batch:
            message, error = results[0]
            return hl7_ack.acknowledge(message, error, now, own_id, self._reading)
        answers = [
            hl7_ack.acknowledge(message, error, now, f"{own_id[-14:]}{number:06d}", self._reading)
            for number, (message, error) in enumerate(results, 1)
        ]
        return hl7_batch.acknowledge_batch(raw, answers, now, own_id, self._reading)


def _call(reader: Any, *words: str) -> Compiled:
    name = "_k" + " ".join(words).encode().hex()  # the same words are always the same reader, also of another profile
    return Compiled(f"{name}({{d}})", {name: reader})
