"""Paths compiled to functions: what a generated map calls for each value it reads.

A reader is made once, when a release is made, out of two pieces: one that finds the segments, one that
takes the value out of a field's text. Nothing of the path is looked at again while messages flow.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from engine.formats.format import NULL, Null
from engine.formats.hl7_escapes import unescape
from engine.formats.hl7_grammar import Path, Test, Which
from engine.formats.hl7_marks import MOST_FIELDS, MOST_PIECES, Marks, too_many
from engine.formats.hl7_reader import Find, Group, Message, Rows

Value: TypeAlias = str | Null | None
Reader: TypeAlias = Callable[[Any], Value]
"""From a message, a repeat of a segment, or a repetition of a field to a value."""
Pick: TypeAlias = Callable[[str, Marks], Value]
"""From the text of a field that is not empty to a value."""


class Repetition:
    """One repetition of a field, and around it what it was found in."""

    __slots__ = ("each", "find", "marks", "rows", "text")

    def __init__(self, scope: "Message | Group | Repetition", text: str) -> None:
        self.text = text
        self.find: Find = scope.find
        self.rows: Rows = scope.rows
        self.marks: Marks = scope.marks
        self.each: Callable[[str], list[Group]] = scope.each


def reader(path: Path) -> Reader:
    """Reads a path from a message or from an item of any repeat."""
    if path.segment == "MSH" and path.field <= 2:
        return _header_mark(path.field)
    pick = _picker(path)
    if path.which == 1:
        return _first(path.segment, path.field, pick)
    if isinstance(path.which, int):
        return _nth(path.segment, path.which - 1, path.field, pick)
    if isinstance(path.which, Test):
        return _tested(path, path.which, pick)
    return _joined(path, pick)


def own_reader(path: Path) -> Reader:
    """Reads a path from the very segment that a repeat stands for."""
    pick, number = _picker(path), path.field

    def read(item: Any) -> Value:
        row = item.rows[item.start]
        if row.__class__ is str:
            row = item.rows[item.start] = row.split(item.marks.field, MOST_FIELDS)
        text = row[number] if len(row) > number else ""
        return pick(text, item.marks) if text else None

    return read


def part_reader(path: Path) -> Reader:
    """Reads a path from the very repetition that an item is."""
    pick = _picker(path)
    return lambda item: pick(item.text, item.marks) if item.text else None


def repetitions(path: Path) -> Callable[[Any], list[Repetition]]:
    """The repetitions of a field that hold something, as items."""
    name, number = path.segment, path.field

    def read(scope: Any) -> list[Repetition]:
        places = scope.find(name + scope.marks.field)
        row = _row(scope, places[0]) if places else []
        text = row[number] if len(row) > number else ""
        return [Repetition(scope, part) for part in _repetitions(text, scope.marks) if part]

    return read


def _first(name: str, number: int, pick: Pick) -> Reader:
    def read(scope: Any) -> Value:
        marks = scope.marks
        places = scope.find(name + marks.field)
        if places is None:
            return None
        rows = scope.rows
        row = rows[places[0]]
        if row.__class__ is str:
            row = rows[places[0]] = row.split(marks.field, MOST_FIELDS)
        text = row[number] if len(row) > number else ""
        return pick(text, marks) if text else None

    return read


def _nth(name: str, place: int, number: int, pick: Pick) -> Reader:
    def read(scope: Any) -> Value:
        places = scope.find(name + scope.marks.field)
        if places is None or len(places) <= place:
            return None
        row = _row(scope, places[place])
        text = row[number] if len(row) > number else ""
        return pick(text, scope.marks) if text else None

    return read


def _tested(path: Path, test: Test, pick: Pick) -> Reader:
    name, number = path.segment, path.field
    probe = _part(test.second, 1)

    def read(scope: Any) -> Value:
        for place in scope.find(name + scope.marks.field) or ():
            row = _row(scope, place)
            tested = row[test.first] if len(row) > test.first else ""
            if tested and probe(tested, scope.marks) == test.value:
                text = row[number] if len(row) > number else ""
                return pick(text, scope.marks) if text else None
        return None

    return read


def _joined(path: Path, pick: Pick) -> Reader:
    name, number = path.segment, path.field

    def read(scope: Any) -> Value:
        rows = [_row(scope, place) for place in scope.find(name + scope.marks.field) or ()]
        texts = [row[number] if len(row) > number else "" for row in rows]
        return _lines(pick(text, scope.marks) if text else None for text in texts)

    return read


def _header_mark(number: int) -> Reader:
    def read(scope: Any) -> Value:
        marks: Marks = scope.marks
        return marks.field if number == 1 else marks.encoding

    return read


def _row(scope: Any, place: int) -> list[str]:
    row: Any = scope.rows[place]
    if row.__class__ is str:
        row = scope.rows[place] = row.split(scope.marks.field, MOST_FIELDS)
    fields: list[str] = row
    return fields


# --- inside a field ------------------------------------------------------------------------------


def _picker(path: Path) -> Pick:
    part = _all_components if path.component == 0 else _part(path.component, path.subcomponent)
    which: Which = path.repetition
    if which == 1:
        return part
    if isinstance(which, int):
        return _nth_repetition(which, part)
    if isinstance(which, Test):
        return _tested_repetition(which, part)
    return lambda text, marks: _lines(part(piece, marks) for piece in _repetitions(text, marks))


def _part(component: int, subcomponent: int) -> Pick:
    """Takes a component's subcomponent out of the first repetition in a text."""

    def pick(text: str, marks: Marks) -> Value:
        if marks.repetition in text:
            text = text[: text.index(marks.repetition)]
        if component > 1 or marks.component in text:
            text = _nth_part(text, marks.component, component)
        if subcomponent > 1 or marks.subcomponent in text:
            text = _nth_part(text, marks.subcomponent, subcomponent)
        if marks.escape in text:
            return unescape(text, marks) or None
        return NULL if text == '""' else text or None

    return pick


def _nth_part(text: str, mark: str, number: int) -> str:
    parts = text.split(mark, number)
    return parts[number - 1] if len(parts) >= number else ""


def _all_components(text: str, marks: Marks) -> Value:
    first = text.split(marks.repetition, 1)[0]
    if first == '""':
        return NULL
    pieces = _pieces(first.replace(marks.subcomponent, marks.component), marks.component, "components of one field")
    return " ".join(unescape(piece, marks) for piece in pieces if piece and piece != '""') or None


def _nth_repetition(number: int, part: Pick) -> Pick:
    def pick(text: str, marks: Marks) -> Value:
        pieces = text.split(marks.repetition, number)
        return part(pieces[number - 1], marks) if len(pieces) >= number else None

    return pick


def _tested_repetition(test: Test, part: Pick) -> Pick:
    probe = _part(test.first, test.second)

    def pick(text: str, marks: Marks) -> Value:
        for piece in _repetitions(text, marks):
            if probe(piece, marks) == test.value:
                return part(piece, marks)
        return None

    return pick


def _repetitions(text: str, marks: Marks) -> list[str]:
    return _pieces(text, marks.repetition, "repetitions of one field")


def _pieces(text: str, mark: str, what: str) -> list[str]:
    if not text:
        return []
    if len(text) > MOST_PIECES and text.count(mark) >= MOST_PIECES:
        raise too_many(what)
    return text.split(mark)


def _lines(values: Iterable[Value]) -> str | None:
    """Texts one below the other; an empty one stays as the blank line of a report that it was."""
    texts = [value if isinstance(value, str) else "" for value in values]
    return "\n".join(texts) if any(texts) else None
