"""Delimited text: pipes, carets, commas; one record a line.

A document is its records. `NAME` or `3` (from 1) reads a column of the first record, `lines` is what
`each:` walks over, `lines(2).NAME` reads another record (from 0). Built is one record by its columns,
or `lines` with one entry each; a column without a value keeps its place.
"""

import csv
import io
import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from engine.base.errors import BusError, Code
from engine.base.where import did_you_mean
from engine.contract import Options
from engine.formats import text
from engine.formats.format import NULL, Hints, PathError, Target
from engine.formats.format import Code as Compiled
from engine.formats.plain import Plain

LINES = "lines"
_LINE = re.compile(r"lines\((\d+)\)\.(.+)\Z")
_MOST_RECORDS = 1_000_000


class DelimitedOptions(Options):
    """Options of `delimited:` in a profile."""

    separator: str = Field(default="|", min_length=1, max_length=1)
    """What stands between columns."""
    columns: tuple[str, ...] = ()
    """Names of the columns, in order. None named: they are read by number."""
    header: bool = False
    """True: the first line names the columns: skipped when read, written first."""
    quote: Literal['"', "'"] | None = None
    """What quotes a value; doubled inside. None: nothing is quoted, and a value may not hold the separator."""
    charset: str = "utf-8"
    """Character set, both ways."""
    line_end: Literal["lf", "crlf", "cr", "none"] = "none"
    """What ends a record in what is written; `none` leaves it off, as one-line requests want it."""


_ENDS = {"lf": "\n", "crlf": "\r\n", "cr": "\r", "none": ""}


class Delimited(Plain):
    """The format `delimited`. Documents are lists of records, each a list of columns."""

    name = "delimited"

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self._options = DelimitedOptions.model_validate(options or {})
        self._places = {name: place for place, name in enumerate(self._options.columns)}

    # --- reading ---------------------------------------------------------------------------------

    def parse(self, raw: bytes, hints: Hints) -> list[list[str]]:
        if len(raw) > hints.size:
            raise BusError(Code.TOO_LARGE, f"more than {hints.size} bytes")
        body = text.decode(raw.removeprefix(b"\xef\xbb\xbf"), hints.charset or self._options.charset)
        options = self._options
        if options.quote is None:
            records = [line.split(options.separator) for line in _lines(body)]
        else:
            records = self._quoted(body)
        if len(records) > _MOST_RECORDS:
            raise BusError(Code.TOO_LARGE, f"more than {_MOST_RECORDS} records")
        return records[1:] if options.header else records

    def read(self, path: str) -> Compiled:
        found = _LINE.match(path)
        if found is not None:
            return Compiled(f"_k_column({{d}}, {int(found[1])}, {self._place(found[2])})", _NAMES)
        return Compiled(f"_k_column({{d}}, 0, {self._place(path)})", _NAMES)

    def each(self, path: str) -> Compiled:
        if path != LINES:
            raise PathError(f"{path!r} is no repeat", "write each: lines")
        return Compiled("{d}")

    def read_in(self, each: str, path: str) -> Compiled:  # noqa: ARG002 - lines are all that repeats
        return Compiled(f"_k_value({{d}}, {self._place(path)})", _NAMES)

    def each_in(self, each: str, path: str) -> Compiled:  # noqa: ARG002 - a column is the smallest thing here
        raise PathError(f"{path!r}: a line has no repeats", "take a column apart with split(^)")

    def _place(self, name: str) -> int:
        if name.isascii() and name.isdigit() and int(name) > 0:
            return int(name) - 1
        if name not in self._places:
            hint = "name them in columns:, or write a number from 1"
            raise PathError(f"there is no column {name!r}", did_you_mean(name, self._places) or hint)
        return self._places[name]

    def _quoted(self, body: str) -> list[list[str]]:
        lines, options = io.StringIO(body, newline=""), self._options
        try:
            reader = csv.reader(lines, delimiter=options.separator, quotechar=options.quote, strict=True)
            return [record for record in reader if record]
        except csv.Error:
            raise BusError(Code.NOT_READABLE, "a quote is not closed, or a column is too long") from None

    # --- building --------------------------------------------------------------------------------

    def target(self, path: str, within: str = "") -> Target:  # noqa: ARG002 - a place says all by itself
        if path == LINES:
            return Target((LINES,))
        return Target((self._place(path),))

    def render(self, tree: Any) -> bytes:
        options = self._options
        records = [self._record(each) for each in tree.get(LINES, [tree])]
        if options.header:
            records.insert(0, options.separator.join(options.columns))
        end = _ENDS[options.line_end]
        body = end.join(records) + end if end else "\n".join(records)
        try:
            return body.encode(text.codec(options.charset) or options.charset)
        except (UnicodeEncodeError, LookupError):
            raise BusError(Code.VALIDATION_FAILED, "a character that the character set does not have") from None

    def _record(self, columns: Mapping[int, Any]) -> str:
        width = max(len(self._options.columns), max(columns, default=-1) + 1)
        return self._options.separator.join(self._column(place, columns.get(place)) for place in range(width))

    def _column(self, place: int, value: Any) -> str:
        said = "" if value is None or value is NULL else text.plain(value)
        quote, separator = self._options.quote, self._options.separator
        if said is None:
            raise BusError(Code.VALIDATION_FAILED, f"column {place + 1}: a list or object is no column")
        if quote is not None and any(mark in said for mark in (quote, separator, "\r", "\n")):
            return quote + said.replace(quote, quote * 2) + quote
        if quote is None and any(mark in said for mark in (separator, "\r", "\n")):
            raise BusError(Code.VALIDATION_FAILED, f"column {place + 1}: holds a separator or a line end")
        return said


def _lines(body: str) -> list[str]:
    lines = body.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _column(records: list[list[str]], line: int, place: int) -> str | None:
    return _value(records[line], place) if line < len(records) else None


def _value(record: list[str], place: int) -> str | None:
    return (record[place] or None) if place < len(record) else None


_NAMES: Mapping[str, Any] = {"_k_column": _column, "_k_value": _value}
