"""Paths compiled to functions: what a generated map calls for each value it reads.

A reader is made once, when a release is made, out of two pieces: one that finds the segments, one that
takes the value out of a field's text. Nothing of the path is looked at again while messages flow.
"""

from collections.abc import Callable, Iterator
from functools import cache
from textwrap import indent
from typing import Any, TypeAlias

from engine.formats.format import NULL
from engine.formats.hl7_escapes import unescape
from engine.formats.hl7_grammar import Match, Path
from engine.formats.hl7_marks import Marks
from engine.formats.hl7_reader import Find, Group, Message, Rows, fields
from engine.formats.hl7_values import Pick, Value, lines, part, picker, repetitions

Reader: TypeAlias = Callable[[Any], Value]
"""From a message, a repeat of a segment, or a repetition of a field to a value."""

_HEADER = "row = scope.rows[0]"  # split when the message was read
_OWN = "row = scope.row"
_FIRST = """
places = scope.find({name!r} + "|" if marks.field == "|" else {name!r} + marks.field)
if places is None:
    return None
rows, place = scope.rows, places[0]
row = rows[place]
if row.__class__ is str:
    row = rows[place] = fields(row, marks.field)
"""
_USUAL = """
if len(row) <= {number} or not (text := row[{number}]):
    return None
if marks.plain and text.isalnum():
    return text if {component} == 1 else None
if {component} == 1 and marks.component in text:
    text = text[: text.index(marks.component)]
if marks.repetition in text:
    text = text[: text.index(marks.repetition)]
if {component} > 1:
    parts = text.split(marks.component, {component})
    if len(parts) < {component}:
        return None
    text = parts[{component} - 1]
if marks.subcomponent in text:
    text = text[: text.index(marks.subcomponent)]
if marks.escape in text:
    return unescape(text, marks) or None
return NULL if text == '""' else text or None
"""
"""The usual path, a component of the first repetition, in one function: half the cost of two calls."""
_RARE = "return pick(row[{number}], marks) if len(row) > {number} and row[{number}] else None"


class Repetition:
    """One repetition of a field, and around it what it was found in."""

    __slots__ = ("each", "find", "marks", "rows", "text")

    def __init__(self, scope: "Message | Group | Repetition", text: str) -> None:
        self.text = text
        self.find: Find = scope.find
        self.rows: Rows = scope.rows
        self.marks: Marks = scope.marks
        self.each: Callable[[str], list[Group]] = scope.each


@cache
def reader(path: Path) -> Reader:
    """Reads a path from a message or from an item of any repeat."""
    if path.segment == "MSH" and path.field <= 2:
        return _header_mark(path.field)
    if path.which == 1:
        return _compiled(_HEADER if path.segment == "MSH" else _FIRST, path)
    pick = picker(path)
    if isinstance(path.which, int):
        return _nth(path.segment, path.which - 1, path.field, pick)
    if isinstance(path.which, Match):
        return _tested(path, path.which, pick)
    return _joined(path, pick)


@cache
def own_reader(path: Path) -> Reader:
    """Reads a path from the very segment that a repeat stands for."""
    return _compiled(_OWN, path)


@cache
def own_tested_reader(path: Path) -> Reader:
    """Reads a path with a test (`OBX(2=SN)-5.2`) from the very segment that a repeat stands for."""
    assert isinstance(path.which, Match)
    number, pick, holds = path.field, picker(path), _test(path.which)
    return lambda scope: _value(scope.row, number, pick, scope.marks) if holds(scope.row, scope.marks) else None


@cache
def part_reader(path: Path) -> Reader:
    """Reads a path from the very repetition that an item is."""
    pick = picker(path)
    return lambda item: pick(item.text, item.marks) if item.text else None


@cache
def items(path: Path) -> Callable[[Any], list[Repetition]]:
    """The repetitions of a field that hold something, as items."""
    name, number = path.segment, path.field

    def read(scope: Any) -> list[Repetition]:
        places = scope.find(name + scope.marks.field)
        row = _row(scope, places[0]) if places else []
        text = row[number] if len(row) > number else ""
        return [Repetition(scope, piece) for piece in repetitions(text, scope.marks) if piece]

    return read


def _compiled(row: str, path: Path) -> Reader:
    """A function made of `row`, which finds the segment, and of what takes the value out of it."""
    usual = path.repetition == 1 and path.subcomponent == 1 and path.component > 0
    body = row + "\n" + (_USUAL if usual else _RARE)
    source = "def read(scope):\n    marks = scope.marks\n" + indent(body, "    ")
    names: dict[str, Any] = {"fields": fields, "NULL": NULL, "unescape": unescape, "pick": picker(path)}
    # The text is ours and the path's name and numbers have passed the grammar.
    exec(source.format(name=path.segment, number=path.field, component=path.component), names)  # noqa: S102
    made: Reader = names["read"]
    return made


def _nth(name: str, place: int, number: int, pick: Pick) -> Reader:
    def read(scope: Any) -> Value:
        places = scope.find(name + scope.marks.field)
        if places is None or len(places) <= place:
            return None
        return _value(_row(scope, places[place]), number, pick, scope.marks)

    return read


def _tested(path: Path, match: Match, pick: Pick) -> Reader:
    """The first segment that has a value in a field; all of them where all repetitions are asked for."""
    name, number, holds = path.segment, path.field, _test(match)

    def rows(scope: Any) -> Iterator[list[str]]:
        for place in scope.find(name + scope.marks.field) or ():
            row = _row(scope, place)
            if holds(row, scope.marks):
                yield row

    if path.repetition == "*":
        return lambda scope: lines(_value(row, number, pick, scope.marks) for row in rows(scope))
    return lambda scope: next((_value(row, number, pick, scope.marks) for row in rows(scope)), None)


def _test(match: Match) -> Callable[[list[str], Marks], bool]:
    """Whether a segment has the value in the field. What stands nowhere in the field is no part of it either, unless
    it is escaped there: that spares most of them the taking apart.
    """
    field, wanted, probe = match.first, match.value, part(match.second, 1)

    def holds(row: list[str], marks: Marks) -> bool:
        text = row[field] if len(row) > field else ""
        return bool(text) and (wanted in text or marks.escape in text) and probe(text, marks) == wanted

    return holds


def _joined(path: Path, pick: Pick) -> Reader:
    name, number = path.segment, path.field

    def read(scope: Any) -> Value:
        places = scope.find(name + scope.marks.field) or ()
        return lines(_value(_row(scope, place), number, pick, scope.marks) for place in places)

    return read


def _value(row: list[str], number: int, pick: Pick, marks: Marks) -> Value:
    return pick(row[number], marks) if len(row) > number and row[number] else None


def _header_mark(number: int) -> Reader:
    def read(scope: Any) -> Value:
        marks: Marks = scope.marks
        return marks.field if number == 1 else marks.encoding

    return read


def _row(scope: Any, place: int) -> list[str]:
    row: Any = scope.rows[place]
    if row.__class__ is str:
        row = scope.rows[place] = fields(row, scope.marks.field)
    found: list[str] = row
    return found
