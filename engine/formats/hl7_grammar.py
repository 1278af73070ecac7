"""The path grammar of HL7 v2, read once when texts are loaded.

    PID                  a segment, for `each`
    PID-5                field 5 of the first PID
    PID-5.2  PID-3.4.2   its component 2; component 4, subcomponent 2
    PID-3(2).1           second repetition of the field
    PID-3(5=MR).1        the repetition whose component 5 is MR; PID-3(4.2=x) looks at a subcomponent
    OBX(3)-5             field 5 of the third OBX
    OBX(3=718-7)-5       of the first OBX whose field 3, component 1, is 718-7; OBX(3.2=x) looks at component 2
    OBX-5(*)  NTE(*)-3   all repetitions, all such segments: their texts, one below the other
    OBX(3=GDT)-5(*)      all repetitions of all segments whose field 3 is GDT: a report sent line by line
    OBX-5.*              all components that hold something, with blanks between: "<^5" is "< 5"

Parts left out mean the first: `PID-3` reads repetition 1, component 1, subcomponent 1, so that a sender
who fills only the first component and one who fills them all are read alike. A value with a closing
bracket is quoted: OBX(3='a)')-5.
"""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from engine.formats.format import PathError

_PATH = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\((?P<which>'[^']*'|[^)']*(?:'[^']*')?)\))?"
    r"(?:-(?P<field>[0-9]{1,3})(?:\((?P<repetition>[^)']*(?:'[^']*')?)\))?"
    r"(?:\.(?:(?P<all>\*)|(?P<component>[0-9]{1,3})(?:\.(?P<subcomponent>[0-9]{1,3}))?))?)?\Z"
)
_TEST = re.compile(r"(?P<first>[0-9]{1,3})(?:\.(?P<second>[0-9]{1,3}))?=(?P<value>.*)\Z")
_HINT = "write PID-5.1, PID-3(2).1, PID-3(5=MR).1, OBX(3)-5 or OBX(3=718-7)-5"


@dataclass(frozen=True, slots=True)
class Match:
    """Picks the first repetition by component and subcomponent, or the first segment by field and component."""

    first: int
    second: int
    value: str


Which: TypeAlias = int | Match | Literal["*"]
"""Number from 1, a test, or all of them."""


@dataclass(frozen=True, slots=True)
class Path:
    """A path taken apart. `field` is 0 for a segment as a whole; `component` is 0 for `.*`."""

    segment: str
    which: Which = 1
    field: int = 0
    repetition: Which = 1
    component: int = 1
    subcomponent: int = 1
    plain: bool = True
    """No component was written: the field as such, where something is built."""


def parse_path(text: str) -> Path:
    """Reads a path. Raises PathError."""
    found = _PATH.match(text)
    if found is None:
        raise PathError(f"{text!r} is no HL7 path", _HINT)
    if found["field"] is None:
        return Path(found["segment"], _which(found["which"], text))
    path = Path(
        found["segment"],
        _which(found["which"], text),
        int(found["field"]),
        _which(found["repetition"], text),
        0 if found["all"] else int(found["component"] or 1),
        int(found["subcomponent"] or 1),
        found["all"] is None and found["component"] is None,
    )
    if (not path.component and not found["all"]) or not path.field or not path.subcomponent:
        raise PathError(f"{text!r}: fields, components and subcomponents count from 1", _HINT)
    return path


def _which(text: str | None, path: str) -> Which:
    if text is None:
        return 1
    if text == "*":
        return "*"
    if text.isdecimal() and int(text):
        return int(text)
    test = _TEST.match(text)
    if test is None or not int(test["first"]) or not int(test["second"] or 1):
        raise PathError(f"{path!r}: ({text}) picks nothing", "write a number from 1, *, or a test such as (5=MR)")
    value = test["value"]
    if len(value) > 1 and value[0] == value[-1] == "'":
        value = value[1:-1]
    return Match(int(test["first"]), int(test["second"] or 1), value)
