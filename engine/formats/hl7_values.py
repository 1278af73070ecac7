"""Inside a field: from its text to the value of a repetition, a component, a subcomponent."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from engine.formats.format import NULL, Null
from engine.formats.hl7_escapes import unescape
from engine.formats.hl7_grammar import Match, Path, Which
from engine.formats.hl7_marks import MOST_PIECES, Marks, too_many

Value: TypeAlias = str | Null | None
Pick: TypeAlias = Callable[[str, Marks], Value]
"""From the text of a field that is not empty to a value."""


def picker(path: Path) -> Pick:
    one = _all_components if path.component == 0 else part(path.component, path.subcomponent)
    which: Which = path.repetition
    if which == 1:
        return one
    if isinstance(which, int):
        return _nth_repetition(which, one)
    if isinstance(which, Match):
        return _tested_repetition(which, one)
    return lambda text, marks: lines(one(piece, marks) for piece in repetitions(text, marks))


def part(component: int, subcomponent: int) -> Pick:
    """Takes a component's subcomponent out of the first repetition in a text."""

    def pick(text: str, marks: Marks) -> Value:
        if marks.repetition in text:
            text = text[: text.index(marks.repetition)]
        if component == 1:
            if marks.component in text:
                text = text[: text.index(marks.component)]
        else:
            parts = text.split(marks.component, component)
            text = parts[component - 1] if len(parts) >= component else ""
        if subcomponent > 1 or marks.subcomponent in text:
            parts = text.split(marks.subcomponent, subcomponent)
            text = parts[subcomponent - 1] if len(parts) >= subcomponent else ""
        if marks.escape in text:
            return unescape(text, marks) or None
        return NULL if text == '""' else text or None

    return pick


def _all_components(text: str, marks: Marks) -> Value:
    first = text.split(marks.repetition, 1)[0]
    if first == '""':
        return NULL
    pieces = _pieces(first.replace(marks.subcomponent, marks.component), marks.component, "components of one field")
    return " ".join(unescape(piece, marks) for piece in pieces if piece and piece != '""') or None


def _nth_repetition(number: int, one: Pick) -> Pick:
    def pick(text: str, marks: Marks) -> Value:
        pieces = text.split(marks.repetition, number)
        return one(pieces[number - 1], marks) if len(pieces) >= number else None

    return pick


def _tested_repetition(test: Match, one: Pick) -> Pick:
    probe = part(test.first, test.second)

    def pick(text: str, marks: Marks) -> Value:
        for piece in repetitions(text, marks):
            if probe(piece, marks) == test.value:
                return one(piece, marks)
        return None

    return pick


def repetitions(text: str, marks: Marks) -> list[str]:
    return _pieces(text, marks.repetition, "repetitions of one field")


def _pieces(text: str, mark: str, what: str) -> list[str]:
    if not text:
        return []
    if len(text) > MOST_PIECES and text.count(mark) >= MOST_PIECES:
        raise too_many(what)
    return text.split(mark)


def lines(values: Iterable[Value]) -> str | None:
    """Texts one below the other; an empty one stays as the blank line of a report that it was."""
    texts = [value if isinstance(value, str) else "" for value in values]
    return "\n".join(texts) if any(texts) else None
