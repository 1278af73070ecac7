"""What each version of the standard has: paths are checked against it when texts are loaded.

The tables are hl7apy's (2.3 to 2.8). Importing a version costs about 20 ms, so it happens when the
first path of that version is checked, never while messages flow.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from engine.base.where import did_you_mean
from engine.formats.format import PathError
from engine.formats.hl7_grammar import Match, Path, parse_path

VERSIONS = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8")
"""Versions a profile may name."""

_VARIES = frozenset({None, "varies", "CM", "WD", "wd"})
"""Datatypes whose parts the tables do not say."""


_trusted: ContextVar[bool] = ContextVar("trusted", default=False)


@contextmanager
def trusting() -> Iterator[None]:
    """Paths that are compiled inside were checked before, as part of a release known by its hash (decision 10)."""
    token = _trusted.set(True)
    try:
        yield
    finally:
        _trusted.reset(token)


def check(path: str, version: str | None, beyond: frozenset[str] = frozenset()) -> PathError | None:
    """What is wrong with a path in a version (None: in every one), or None.

    Z segments are free. `beyond` names fields (`OBR-50`) that a sender has beyond the standard.
    """
    try:
        parsed = parse_path(path)
    except PathError as error:
        return error
    if _trusted.get() or parsed.segment[0] == "Z" or f"{parsed.segment}-{parsed.field}" in beyond:
        return None
    errors = [_wrong(parsed, number) for number in ((version,) if version else reversed(VERSIONS))]
    return None if None in errors else errors[0]


def datatypes_of(segment: str, version: str) -> tuple[str | None, ...] | None:
    """The datatypes of a segment's fields in a version; None where the version has no such segment."""
    return _segments(version).get(segment)


def has_charset(name: str) -> bool:
    """Whether table 0211 has this value."""
    return name in _library(VERSIONS[-1]).TABLES["HL70211"][1]


def _wrong(path: Path, version: str) -> PathError | None:
    fields = _segments(version).get(path.segment)
    if fields is None:
        near = did_you_mean(path.segment, _segments(version))
        return PathError(f"{version} has no segment {path.segment}", near or "site segments begin with Z")
    asked = [(path.field, 0 if path.plain else path.component, path.subcomponent)]
    asked += [(path.which.first, path.which.second, 1)] if isinstance(path.which, Match) else []
    if isinstance(path.repetition, Match):
        asked.append((path.field, path.repetition.first, path.repetition.second))
    for field, component, subcomponent in asked:
        if error := _part_wrong(path.segment, field, component, subcomponent, version):
            return error
    return None


def _part_wrong(segment: str, field: int, component: int, subcomponent: int, version: str) -> PathError | None:
    fields = _segments(version)[segment]
    if field > len(fields):
        return PathError(f"there is no {segment}-{field}", f"{segment} has {len(fields)} fields in {version}")
    if not field or not component:
        return None
    name = f"{segment}-{field}"
    datatype = fields[field - 1]
    for place, number in (("component", component), ("subcomponent", subcomponent)):
        parts = _datatypes(version).get(datatype or "")
        if datatype in _VARIES:
            return None
        count = len(parts) if parts else 1
        if number > count:
            what = f"{datatype} has {count} {place}{'s' if count > 1 else ''} in {version}"
            return PathError(f"there is no {place} {number} in {name}", what)
        datatype = parts[number - 1] if parts else datatype
        name = f"{name}.{number}"
    return None


@lru_cache(maxsize=len(VERSIONS))
def _segments(version: str) -> Mapping[str, tuple[str | None, ...]]:
    """Segment name to the datatypes of its fields, in order."""
    library = _library(version)
    return {
        name: tuple(_datatype(field[1]) for field in found[1])
        for name, found in library.SEGMENTS.items()
        if len(name) == 3
        and len(found) > 1  # the tables also hold placeholders: ANYHL7SEGMENT, segments without fields
    }


@lru_cache(maxsize=len(VERSIONS))
def _datatypes(version: str) -> Mapping[str, tuple[str | None, ...]]:
    """Name of a composite datatype to the datatypes of its components."""
    library = _library(version)
    return {name: tuple(_datatype(part[1]) for part in parts) for name, parts in library.DATATYPES_STRUCTS.items()}


def _datatype(reference: Any) -> str | None:
    name: str | None = reference[2]
    return name


def _library(version: str) -> Any:
    from hl7apy import load_library  # imported here: its tables cost 20 ms a version

    return load_library(version)
