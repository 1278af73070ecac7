"""The writer: from the tree that a map filled to an ER7 message.

The tree: segment name to a dict of fields, or to a list of such dicts where the segment repeats. A
field's number leads to a value, to a dict of components, or to a list of repetitions; further
repetitions of one field may also stand under "(2)", "(3)" beside its components. Names of segments
inside a segment's dict are the segments that follow it (the OBX of an OBR). Order: as first filled,
but MSH comes first.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from engine.base.errors import BusError, Code
from engine.formats import hl7_charset
from engine.formats.format import NULL, PathError, Target
from engine.formats.hl7_escapes import escape
from engine.formats.hl7_grammar import Match, parse_path
from engine.formats.hl7_marks import STANDARD, Marks

_REQUIRED = {9: "message type", 10: "control id", 11: "processing id", 12: "version"}


def target(path: str) -> Target:
    """A place to build: `PID-5.1` is ("PID", 5, 1), `PID-3(2).1` is ("PID", 3, "(2)", 1). Raises PathError."""
    found = parse_path(path)
    if any(isinstance(which, Match) or which == "*" for which in (found.which, found.repetition)):
        raise PathError(
            f"{path!r} picks by content, which is only for reading", "write a number: PID-3(2).1, or `each`"
        )
    if found.component == 0:
        raise PathError(f"{path!r} names no component", "write a number")
    if found.segment == "MSH" and found.field in {1, 2}:
        raise PathError(f"{path} is written by the format", "leave it out")
    keys: list[str | int] = [found.segment if found.which == 1 else f"{found.segment}({found.which})"]
    if found.field:
        keys.append(found.field)
        if found.repetition != 1:
            keys.append(f"({found.repetition})")
        if not found.plain:
            keys.append(found.component)
        if found.subcomponent != 1 or path.count(".") == 2:
            keys.append(found.subcomponent)
    return Target(tuple(keys))


def render(tree: Mapping[str, Any], codec: str, terminator: str, version: str | None) -> bytes:
    """The message's bytes. Raises BusError(VALIDATION_FAILED, …, spot=path) for what HL7 cannot carry."""
    header = dict(tree.get("MSH") or {})
    if version is not None:
        header.setdefault(12, version)
    if codec != "ascii":
        header.setdefault(18, hl7_charset.label(codec))
    for number, name in _REQUIRED.items():
        if header.get(number) in (None, "", {}, []):
            raise BusError(Code.VALIDATION_FAILED, f"the message has no {name}", spot=f"MSH-{number}", condition=101)
    rest = {name: value for name, value in tree.items() if name != "MSH"}
    out = []
    for name, line in _segments({"MSH": header, **rest}):
        try:
            out.append(line.encode(codec))
        except UnicodeEncodeError:
            detail = f"a character of {name} is not in the character set {codec}"
            raise BusError(Code.VALIDATION_FAILED, detail, spot=f"{name}^1") from None
    end = terminator.encode("ascii")
    return end.join(out) + end


def _segments(tree: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        name = str(key)[:3]
        for repeat in value if isinstance(value, list) else [value]:
            if not isinstance(repeat, Mapping):
                raise BusError(Code.VALIDATION_FAILED, f"{name} has no fields", spot=name)
            line = _segment(name, {part: inner for part, inner in repeat.items() if isinstance(part, int)})
            if line is not None:
                yield name, line
            yield from _segments({part: inner for part, inner in repeat.items() if isinstance(part, str)})


def _segment(name: str, fields: Mapping[int, Any]) -> str | None:
    """A segment's line; None where none of its fields holds anything."""
    marks = STANDARD
    texts = {number: _field(f"{name}-{number}", value, marks) for number, value in fields.items()}
    last = max((number for number, text in texts.items() if text), default=0)
    if not last:
        return None
    if name == "MSH":
        row = [name, marks.encoding, *(texts.get(number, "") for number in range(3, last + 1))]
    else:
        row = [name, *(texts.get(number, "") for number in range(1, last + 1))]
    return marks.field.join(row)


def _field(place: str, value: Any, marks: Marks) -> str:
    if isinstance(value, list):
        return marks.repetition.join(_component_list(place, item, marks) for item in value).rstrip(marks.repetition)
    if isinstance(value, Mapping):
        repeats = {int(key[1:-1]): inner for key, inner in value.items() if isinstance(key, str)}
        repeats[1] = {key: inner for key, inner in value.items() if isinstance(key, int)}
        texts = [_component_list(place, repeats.get(number), marks) for number in range(1, max(repeats) + 1)]
        return marks.repetition.join(texts).rstrip(marks.repetition)
    return _text(place, value, marks)


def _component_list(place: str, value: Any, marks: Marks) -> str:
    return _numbered(place, value, marks, (marks.component, marks.subcomponent))


def _numbered(place: str, value: Any, marks: Marks, separators: tuple[str, ...]) -> str:
    """Numbered parts in order, empty ones at the end left out; a plain value as it is."""
    if not isinstance(value, Mapping):
        return _text(place, value, marks)
    if not separators:
        raise BusError(Code.VALIDATION_FAILED, "a subcomponent has no parts", spot=place)
    texts = {n: _numbered(f"{place}.{n}", inner, marks, separators[1:]) for n, inner in value.items()}
    last = max((number for number, text in texts.items() if text), default=0)
    return separators[0].join(texts.get(number, "") for number in range(1, last + 1))


def _text(place: str, value: Any, marks: Marks) -> str:
    if value is None:
        return ""
    if value is NULL:
        return '""'
    if isinstance(value, bool):  # table 0136
        return "Y" if value else "N"
    if isinstance(value, str):
        return escape(value, marks)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    raise BusError(Code.VALIDATION_FAILED, f"HL7 has no way to write a {type(value).__name__}", spot=place)
