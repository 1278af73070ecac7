"""Dotted paths into plain documents: `data.items`, `a.b(0)`, `list(code=X).value`, `(0).id` of a list.

Used by JSON, by rows and by our own shapes. A path is read once, when texts are loaded, and becomes
a Python expression; names with dots, spaces or brackets stand in double quotes; `.` is the value itself.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from engine.formats.format import Code, PathError, literal


@dataclass(frozen=True, slots=True)
class Key:
    """A name in an object."""

    name: str


@dataclass(frozen=True, slots=True)
class At:
    """A position in a list, from 0."""

    position: int


@dataclass(frozen=True, slots=True)
class Pick:
    """The first entry of a list whose `key` has this value."""

    key: str
    value: str


Step: TypeAlias = "Key | At | Pick"

_NAME = re.compile(r'"([^"]+)"|([^\s.()"|,=]+)')
_BRACKET = re.compile(r'\(\s*(?:(\d+)|(?:"([^"]+)"|([^\s.()"|,=]+))\s*=\s*(?:"([^"]*)"|([^)"]*?)))\s*\)')


def steps(path: str) -> tuple[Step, ...]:
    """The steps of a path; none for `.`. Raises PathError."""
    if path == ".":
        return ()
    found: list[Step] = []
    place = 0
    if outermost := _BRACKET.match(path):
        found.append(_bracket(outermost))
        place = outermost.end() + (path[outermost.end() : outermost.end() + 1] == ".")
    while place < len(path):
        name = _NAME.match(path, place)
        if name is None:
            raise PathError(f"{path!r} is no path", _hint(path, place))
        found.append(Key(name[1] or name[2]))
        place = name.end()
        while bracket := _BRACKET.match(path, place):
            found.append(_bracket(bracket))
            place = bracket.end()
        if place < len(path):
            if path[place] != "." or place + 1 == len(path):
                raise PathError(f"{path!r} is no path", _hint(path, place))
            place += 1
    if not found:
        raise PathError("an empty path", "write the name of a field, or . for the value itself")
    return tuple(found)


def read(path: str) -> Code:
    """The expression that reads a path: None where a step has nothing."""
    code = "{d}"
    for step in steps(path):
        code = _step(code, step)
    return Code(code, _NAMES)


def each(path: str) -> Code:
    """The expression of a list's entries; a single object counts as a list of one, nothing as none."""
    return Code(f"_k_entries({read(path).code})", _NAMES)


def keys(path: str) -> tuple[str | int, ...]:
    """The keys of a path to build. Raises PathError for a search, which cannot be built."""
    built: list[str | int] = []
    for step in steps(path):
        if isinstance(step, Pick):
            raise PathError(f"{path!r} searches a list, it cannot be filled", "use a position such as (0), or each:")
        built.append(step.name if isinstance(step, Key) else step.position)
    if not built or not isinstance(built[0], str):
        raise PathError(f"{path!r} is no place to fill", "name a field")
    return tuple(built)


def entries(value: Any) -> Sequence[Any]:
    """What a repeat walks over."""
    if isinstance(value, list):
        return value
    return () if value is None or value == "" else (value,)


def at(value: Any, position: int) -> Any:
    """The entry at a position; a single object stands for a list of one."""
    found = entries(value)
    return found[position] if position < len(found) else None


def pick(value: Any, key: str, wanted: str) -> Any:
    """The first entry whose key has the wanted value (compared as text)."""
    for entry in entries(value):
        if isinstance(entry, Mapping) and str(entry.get(key)) == wanted:
            return entry
    return None


_NAMES: Mapping[str, Any] = {"_k_entries": entries, "_k_at": at, "_k_pick": pick}


def _step(code: str, step: Step) -> str:
    if isinstance(step, At):
        return f"_k_at({code}, {step.position})"
    if isinstance(step, Pick):
        return f"_k_pick({code}, {literal(step.key)}, {literal(step.value)})"
    if code == "{d}":
        return f"{{d}}.get({literal(step.name)})"
    return f"(_p.get({literal(step.name)}) if (_p := {code}) is not None else None)"


def _bracket(found: re.Match[str]) -> Step:
    if found[1] is not None:
        return At(int(found[1]))
    return Pick(found[2] or found[3], found[4] if found[4] is not None else found[5].strip())


def _hint(path: str, place: int) -> str:
    rest = path[place : place + 1]
    if rest == "(":
        return "in brackets stands a position (0), or a search (code=X)"
    return "names are parted by dots; one with dots, spaces or brackets stands in double quotes"
