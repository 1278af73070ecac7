"""The closed grammar of values and tests, read once when texts are loaded.

    value := "=" text  |  source (" or " source)* (" or =" text)? ("|" function)*
    source := path  |  piece (" & " piece)+, where a piece is a path or a word in quotes
    function := name  |  name "(" word ("," word)* ")"
    test := one (" and " one)*
    one := path "==" word | path "!=" word | path ("<" | "<=" | ">" | ">=") word
         | path ["not"] "in" "(" word ("," word)* ")" | path "exists" | path "empty"

A word may stand in single or double quotes, then it may hold anything. Pieces are written one after the
other (`Date & ' ' & Time`); where one is nothing, the whole is. There is no arithmetic, no
nesting and no call to the host: what does not fit becomes a named, tested function.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass


class GrammarError(Exception):
    """A value or test that cannot be read; `offset` counts characters from its beginning."""

    def __init__(self, what: str, offset: int, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.offset = offset
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Path:
    """A place to read from, in the words of the format or shape."""

    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class Fixed:
    """A text that stands for itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Texts one after the other; nothing where a path among them gives nothing."""

    pieces: tuple[Path | Fixed, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its words."""

    name: str
    words: tuple[str, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Value:
    """Where a value comes from: the first of `sources` that has one, through `calls`."""

    sources: tuple[Path | Fixed | Joined, ...]
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class Test:
    """One test of a path. `operator` is one of OPERATORS."""

    path: Path
    operator: str
    words: tuple[str, ...] = ()


OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "in", "not in", "exists", "empty")

_FUNCTION = re.compile(r"\s*([^\s()|\"']+)\s*(?:\((.*)\)\s*)?\Z", re.DOTALL)
_COMPARE = re.compile(r"(==|!=|<=|>=|<|>)")
_MEMBER = re.compile(r"\s(not\s+in|in)\s*\((.*)\)\s*\Z", re.DOTALL)
_STATE = re.compile(r"\s(exists|empty)\s*\Z")


def value(text: str) -> Value:
    """Reads a value. Raises GrammarError."""
    if text.startswith("="):
        return Value((Fixed(text[1:]),))
    parts = list(_parts(text, "|"))
    sources = tuple(_source(text, start, end) for start, end in _parts(text, " or ", parts[0][1]))
    for place, source in enumerate(sources[:-1]):
        if isinstance(source, Fixed):
            raise GrammarError(f"nothing comes after the fixed text ={source.text}", _parts_at(text, place + 1))
    return Value(sources, tuple(_call(text, start, end) for start, end in parts[1:]))


def test(text: str) -> tuple[Test, ...]:
    """Reads a test: all of its parts must hold. Raises GrammarError."""
    for start, end in _parts(text, " or "):
        if (start, end) != (0, len(text)):
            raise GrammarError("a test has no 'or'", end, "use: path in (a, b), or two routes")
    return tuple(_one(text, start, end) for start, end in _parts(text, " and "))


def _source(text: str, start: int, end: int) -> Path | Fixed | Joined:
    found, offset = _trimmed(text, start, end)
    if found.startswith("="):
        return Fixed(_unquoted(found[1:].strip(), offset + 1))
    pieces = [_trimmed(found, *part) for part in _parts(found, " & ")]
    if len(pieces) == 1:
        return _path(found, offset)
    return Joined(tuple(_piece(piece, offset + place) for piece, place in pieces))


def _piece(found: str, offset: int) -> Path | Fixed:
    return Fixed(_unquoted(found, offset)) if found[:1] in {"'", '"'} else _path(found, offset)


def _path(found: str, offset: int) -> Path:
    if not found:
        raise GrammarError("a path is missing here", offset, "a fixed text begins with =")
    blank = _outside(found, " ")
    if blank is not None:
        hint = "parts are joined by 'or' and '|'; a fixed text begins with ="
        raise GrammarError(f"{found!r} is no path: it holds a blank", offset + blank, hint)
    return Path(found, offset)


def _call(text: str, start: int, end: int) -> Call:
    found, offset = _trimmed(text, start, end)
    match = _FUNCTION.match(found)
    if match is None:
        hint = "write: path | function(word, word)"
        raise GrammarError("a function is missing after |" if not found else f"{found!r} is no function", offset, hint)
    words = () if match[2] is None else _words(match[2], offset + match.start(2))
    return Call(match[1], words, offset)


def _words(text: str, offset: int) -> tuple[str, ...]:
    if not text.strip():
        return ()
    words = []
    for start, end in _parts(text, ","):
        word, place = _trimmed(text, start, end)
        words.append(_unquoted(word, offset + place))
    return tuple(words)


def _one(text: str, start: int, end: int) -> Test:
    found, offset = _trimmed(text, start, end)
    if not found:
        raise GrammarError("a test is missing here", offset, "write: path == word")
    if (match := _STATE.search(found)) and match.start() in set(_marks(found)):
        return Test(_path(found[: match.start()].strip(), offset), match[1])
    if (match := _MEMBER.search(found)) and match.start() in set(_marks(found)):
        words = _words(match[2], offset + match.start(2))
        if not words:
            raise GrammarError("the list after 'in' is empty", offset + match.start(2), "write: path in (a, b)")
        operator = "not in" if match[1].startswith("not") else "in"
        return Test(_path(found[: match.start()].strip(), offset), operator, words)
    place = next((at for at in _marks(found) if _COMPARE.match(found, at)), None)
    if place is None:
        hint = "a test is: path == word, path in (a, b), path exists, path empty"
        raise GrammarError(f"{found!r} is no test", offset, hint)
    operator = _COMPARE.match(found, place)[1]  # type: ignore[index]  # it matched a line above
    word = found[place + len(operator) :].strip()
    if not word:
        raise GrammarError(f"a word is missing after {operator}", offset + len(found), "for nothing write: path empty")
    return Test(_path(found[:place].strip(), offset), operator, (_unquoted(word, offset + place),))


def _marks(text: str) -> Iterator[int]:
    """Places outside quotes and brackets."""
    depth, quote = 0, ""
    for place, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif depth == 0:
            yield place


def _parts(text: str, mark: str, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Beginning and end of each part between marks that stand outside quotes and brackets."""
    whole = text[:end]
    _balanced(whole)
    begin = 0
    for place in list(_marks(whole)) if mark in whole else ():
        if place >= begin and whole.startswith(mark, place):
            yield begin, place
            begin = place + len(mark)
    yield begin, len(whole)


def _balanced(text: str) -> None:
    opened: list[int] = []
    quote, begun = "", 0
    for place, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote, begun = char, place
        elif char == "(":
            opened.append(place)
        elif char == ")":
            if not opened:
                raise GrammarError("a bracket is closed that was not opened", place)
            opened.pop()
    if quote:
        raise GrammarError(f"a quote {quote} is not closed", begun)
    if opened:
        hint = "inside { } a comma ends the text: put the whole of it in quotes"
        raise GrammarError("a bracket is not closed", opened[-1], hint)


def _parts_at(text: str, number: int) -> int:
    return [start for start, _ in _parts(text, " or ")][number]


def _outside(text: str, char: str) -> int | None:
    return next((place for place in _marks(text) if text[place] == char), None)


def _trimmed(text: str, start: int, end: int) -> tuple[str, int]:
    part = text[start:end]
    return part.strip(), start + len(part) - len(part.lstrip())


def _unquoted(word: str, offset: int) -> str:
    if word[:1] in {"'", '"'} and word:
        if len(word) < 2 or word[-1] != word[0] or word[0] in word[1:-1]:
            raise GrammarError("a quoted word ends with its quote", offset, "quote the whole word or nothing")
        return word[1:-1]
    return word
