"""Two documents compared field by field, for people."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import orjson

from engine.base.errors import BusError
from engine.formats.format import Format, Hints


class Absent:
    """Stands where one side has no such field."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as it was expected."""

    path: str
    expected: Any
    got: Any

    def __str__(self) -> str:
        return f"{self.path or 'the whole'}: expected {self.expected!r}, got {self.got!r}"


def differences(expected: Any, got: Any, path: str = "") -> Iterator[Difference]:
    """Every field that differs; what is on one side only differs from `nothing`."""
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        for key in dict.fromkeys((*expected, *got)):
            inner = f"{path}.{key}" if path else str(key)
            yield from differences(expected.get(key, ABSENT), got.get(key, ABSENT), inner)
    elif isinstance(expected, list) and isinstance(got, list):
        for place in range(max(len(expected), len(got))):
            left = expected[place] if place < len(expected) else ABSENT
            right = got[place] if place < len(got) else ABSENT
            yield from differences(left, right, f"{path}[{place}]")
    elif _plain(expected) != _plain(got) or isinstance(expected, bool) != isinstance(got, bool):
        yield Difference(path, expected, got)


def comparable(wire: Format, body: Any) -> Any:
    """A body of a format as plain values that `differences` walks: by element, field or column."""
    if not isinstance(body, str | bytes):
        return body
    raw = body.encode() if isinstance(body, str) else body
    if wire.name in _READERS:
        return _READERS[wire.name](wire, raw)
    return {f"line {number}": line for number, line in enumerate(raw.decode(errors="replace").splitlines(), 1)}


def _json(_wire: Format, raw: bytes) -> Any:
    try:
        return orjson.loads(raw) if raw else ABSENT
    except orjson.JSONDecodeError:
        return raw.decode(errors="replace")


def _xml(wire: Format, raw: bytes) -> Any:
    try:
        root = wire.parse(raw, Hints())
    except BusError:
        return raw.decode(errors="replace")
    return {root.tag: _element(root)}


def _element(element: Any) -> Any:
    found: dict[str, Any] = {f"@{name}": value for name, value in element.attrib.items()}
    for child in element:
        found.setdefault(child.tag, []).append(_element(child))
    plain = {key: each[0] if isinstance(each, list) and len(each) == 1 else each for key, each in found.items()}
    text = (element.text or "").strip()
    if not plain:
        return text
    # Order counts on the wire: a strict peer refuses another one.
    plain["(order)"] = [child.tag for child in element]
    return plain | ({"text()": text} if text else {})


def _hl7(_wire: Format, raw: bytes) -> Any:
    found: dict[str, Any] = {}
    text = raw.decode("utf-8", errors="replace").replace("\r\n", "\r").replace("\n", "\r")
    separator = text[3:4] or "|"
    for line in filter(None, text.split("\r")):
        name, *fields = line.split(separator)
        count = sum(key.split("[")[0] == name for key in found) + 1
        shift = 2 if name == "MSH" else 1
        found[f"{name}[{count}]"] = {f"{name}-{at + shift}": field for at, field in enumerate(fields) if field}
    return found


_READERS = {"json": _json, "fhir": _json, "xml": _xml, "hl7": _hl7}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return repr(value)
    return value
