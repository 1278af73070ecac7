"""Bundles that others made of the same messages, beside ours, value by value.

    .venv/bin/python tests/unit/mapping/fhir_compare.py

prints for every bundle of the corpus how many values agree and where the two differ. Ids, meta, narrative and what a
reference leads to (but for its type) are left out; an instant is an instant, whatever its offset. Of messages that are
no ORU only MSH, PID and PV1 are read: they ride in one with an order of ours, so that Patient and Encounter can be compared.
"""

import codecs
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fhir_desk

sys.path.insert(0, str(Path(__file__).parents[3]))
from tests.corpora import CORPORA

FOLDER = CORPORA / "hl7v2-fhir-converter"
CARRIED = ("Patient", "Encounter", "Practitioner", "ServiceRequest", "Specimen", "Observation", "DiagnosticReport")
"""Types that we make; all others are left out as types."""
_RIDING = ("Patient", "Encounter")
_ORDER = b"OBR|1||CORPUS1|X^X|||20200101000000|||||||||||||||20200101000000||LAB|F\r"
_NOISE = ("id", "meta", "text", "resourceType", "fullUrl")


@dataclass(frozen=True, slots=True)
class Side:
    """A value that one of the two has and the other has not, at a place without positions."""

    place: str
    whose: str
    """`theirs` or `ours`."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One bundle."""

    name: str
    equal: int
    differences: Counter[Side]
    left_out: Counter[str]
    """Their resources of types that we do not make."""


def bundles() -> list[Path]:
    """Every expected bundle of the corpus."""
    return sorted(FOLDER.glob("expected/*/*.json"))


def compared(expected: Path) -> Compared:
    """One of their bundles beside ours of the same message."""
    raw = (FOLDER / "messages" / expected.name.replace("-expected.json", ".hl7")).read_bytes()
    result = b"|ORU^R01" in raw.split(b"\r", 1)[0]
    theirs_whole = json.loads(expected.read_bytes())
    there = {entry["resource"]["resourceType"] for entry in theirs_whole["entry"]}
    types = CARRIED if result else tuple(kind for kind in _RIDING if kind in there)
    theirs, left_out = _values(theirs_whole, types)
    ours, _ = _values(fhir_desk.bundle(fhir_desk.report(raw if result else _riding(raw))), types)
    differences: Counter[Side] = Counter()
    for (place, _), count in (theirs - ours).items():
        differences[Side(place, "theirs")] += count
    for (place, _), count in (ours - theirs).items():
        differences[Side(place, "ours")] += count
    return Compared(expected.name.removesuffix("-expected.json"), (theirs & ours).total(), differences, left_out)


def _riding(raw: bytes) -> bytes:
    segments = raw.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\r").replace(b"\n", b"\r").split(b"\r")
    first = {one[:3]: one for one in reversed(segments)}
    return b"\r".join(first[name] for name in (b"MSH", b"PID", b"PV1") if name in first) + b"\r" + _ORDER


def _values(bundle: dict[str, Any], types: tuple[str, ...]) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    found: Counter[tuple[str, str]] = Counter()
    others: Counter[str] = Counter()
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] in types:
            found.update(_leaves(resource, resource["resourceType"], top=True))
        else:
            others[resource["resourceType"]] += 1
    return found, others


def _leaves(value: Any, place: str, *, top: bool = False) -> Iterator[tuple[str, str]]:
    """(place without positions, value as text)."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not (top and key in _NOISE):
                yield from _leaves(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, place)
    else:
        yield place, _normal(place, value)


def _normal(place: str, value: Any) -> str:
    if place.endswith(".reference"):
        return "a reference"
    word = str(value)
    if "T" in word and word[:4].isdigit():
        try:
            return datetime.fromisoformat(word).astimezone(UTC).isoformat()
        except ValueError:
            return word
    return word


def main() -> None:
    """Prints the table."""
    total: Counter[Side] = Counter()
    print(f"{'bundle':<18}{'equal':>6}  differences")
    for expected in bundles():
        found = compared(expected)
        total.update(found.differences)
        print(f"{found.name:<18}{found.equal:>6}  {found.differences.total()}")
    for side, count in sorted(total.items(), key=lambda item: (item[0].place, item[0].whose)):
        print(f"{count:>5}  {side.whose:<7}{side.place}")


if __name__ == "__main__":
    main()
