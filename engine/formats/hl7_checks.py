"""What a message has that its version of the standard has not: for `strict`, and for people who ask.

The reader puts up with all of this. Findings name places and say what is wrong; values never appear.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.base.errors import BusError, Code
from engine.formats import hl7_versions
from engine.formats.hl7_escapes import is_known
from engine.formats.hl7_levels import is_header, is_of_message
from engine.formats.hl7_marks import Marks
from engine.formats.hl7_reader import Message, fields

_TIME = re.compile(r"[0-9]{4}(?:[0-9]{2}){0,5}(?:\.[0-9]{1,4})?(?:[+-][0-9]{4})?\Z")
_CLOCK = re.compile(r"(?:[0-9]{2}){1,3}(?:\.[0-9]{1,4})?(?:[+-][0-9]{4})?\Z")
_PATTERNS = {"TS": _TIME, "DTM": _TIME, "DT": _TIME, "TM": _CLOCK}
_FREE = frozenset({"TX", "FT", "ST", "varies"})
"""Datatypes in which blanks at either end may be meant."""
_LONGEST = 64 * 1024
"""Bytes that hl7apy is given: it takes some 15 ms for each 1,000."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One departure: where (as ERR-2 says it), what, and the condition of table 0357."""

    spot: str
    what: str
    condition: int = 102

    def error(self) -> BusError:
        """The refusal of a message with this finding."""
        code = Code.UNSUPPORTED_VERSION if self.condition == 203 else Code.VALIDATION_FAILED
        return BusError(code, self.what, spot=self.spot, condition=self.condition)


def findings(message: Message, beyond: frozenset[str]) -> Iterator[Finding]:
    """Every departure from the version that the message names, in the message's order.

    `beyond` are the fields and Z segments that this system is known to have beyond the standard.
    """
    header, marks = message.rows[0], message.marks
    for warning in message.warnings:
        yield Finding("MSH^1", warning, 101 if warning.endswith("empty") else 102)
    version = header[12].split(marks.component)[0] if len(header) > 12 else ""
    if version not in hl7_versions.VERSIONS:
        yield Finding("MSH^1^12", "MSH-12 names a version that is not known", 203)
        return
    if len(header) > 18 and header[18] and not hl7_versions.has_charset(header[18].split(marks.repetition)[0]):
        yield Finding("MSH^1^18", "MSH-18 is not a value of table 0211", 103)
    yield from _order(message)
    counts: dict[str, int] = {}
    for row in message.rows:
        row_fields = row if isinstance(row, list) else fields(row, marks.field)
        name = row_fields[0]
        counts[name] = counts.get(name, 0) + 1
        yield from _segment(name, counts[name], row_fields, version, marks, beyond)


def _order(message: Message) -> Iterator[Finding]:
    patient = False
    for row in message.rows[1:]:
        name = row[:3] if isinstance(row, str) else row[0]
        patient = patient or is_header(name)
        if patient and is_of_message(name) and name != "MSH":
            yield Finding(f"{name}^1", f"{name} comes too late: it is of the message, not of the patient", 100)


def _segment(
    name: str, number: int, row: list[str], version: str, marks: Marks, beyond: frozenset[str]
) -> Iterator[Finding]:
    place = f"{name}^{number}"
    datatypes = hl7_versions.datatypes_of(name, version)
    if datatypes is None:
        if name not in beyond:
            yield Finding(place, f"the segment {name} is not known", 100)
        return
    for field, text in enumerate(row[1:], 1):
        if not text or f"{name}-{field}" in beyond or (name == "MSH" and field < 3):
            continue
        if field > len(datatypes):
            yield Finding(f"{place}^{field}", f"{name} has {len(datatypes)} fields in {version}")
            return
        for what in _value_wrong(text, datatypes[field - 1] or "varies", marks):
            yield Finding(f"{place}^{field}", f"{name}-{field} {what}")


def _value_wrong(text: str, datatype: str, marks: Marks) -> Iterator[str]:
    repetitions = text.split(marks.repetition)
    if datatype not in _FREE:
        pieces = [piece for part in repetitions for piece in part.split(marks.component)]
        if any(piece != piece.strip() for piece in pieces if piece.strip()):
            yield "has blanks around a value"
    pattern = _PATTERNS.get(datatype)
    if pattern is not None:
        firsts = [part.split(marks.component)[0] for part in repetitions]
        if not all(pattern.match(first) for first in firsts if first and first != '""'):
            yield "is no time"
    if marks.escape in text and not _escapes_known(text, marks):
        yield "has an escape sequence that is not known"


def _escapes_known(text: str, marks: Marks) -> bool:
    codes = text.split(marks.escape)[1::2]
    return text.count(marks.escape) % 2 == 0 and all(is_known(code, marks) for code in codes)


def validate(message: Message) -> list[str]:
    """What hl7apy finds missing, superfluous or misplaced against the message's own structure and version.

    Places and words, no values; the first finding of the message and of each group and segment, which may be
    one and the same. Slow (some 20 ms): for routes that ask for it. A message larger than 64 kB is not checked,
    which is a finding too.
    """
    from hl7apy.parser import parse_message  # imported here: its tables cost 20 ms a version

    if len(message.raw) > _LONGEST:
        return [f"larger than {_LONGEST} bytes: not checked"]
    separator = message.marks.field
    header = separator.join(["MSH", *message.rows[0][2:]])
    rows = [row if isinstance(row, str) else separator.join(row) for row in message.rows[1:]]
    try:
        root = parse_message("\r".join([header, *rows]), find_groups=True)
        return list(dict.fromkeys(_errors(root)))
    except Exception as error:  # noqa: BLE001 - on odd messages hl7apy raises whatever its own code runs into
        return [f"cannot be checked: {type(error).__name__}"]


def _errors(root: Any) -> Iterator[str]:
    from hl7apy.exceptions import HL7apyException

    waiting = [root]
    while waiting:
        element = waiting.pop()
        if element.is_unknown():
            yield f"the structure of this {element.classname.lower()} is not known: {element.name or 'see MSH-9'}"
        else:
            try:
                element.validate()
            except HL7apyException as error:
                yield str(error)
        waiting += [child for child in element.children if child.classname in {"Group", "Segment"}]
