"""Code tables: ours to theirs and back.

    sex: {male: "1", female: "2", unknown: ["9", "0", "*"], otherwise: "9"}

Ours stands left, theirs right. With several codes of theirs the first is sent and all are
understood; `"*"` understands every code that stands nowhere else. `otherwise` is sent for a code of
ours that stands nowhere. One code of theirs under two of ours cannot be read back: that is a finding
where a map reads the table back, and only there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.base.where import Where
from engine.settings.nodes import Node
from engine.settings.problems import Problems

OTHERWISE = "otherwise"
REST = "*"


@dataclass(frozen=True, slots=True)
class Table:
    """One table, both ways."""

    name: str
    forth: Mapping[str, str]
    """Ours to the code that is sent."""
    back: Mapping[str, str]
    """Theirs to ours; codes that are ambiguous are missing."""
    ambiguous: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Codes of theirs that stand under several of ours."""
    otherwise: str | None = None
    """Sent for codes of ours that stand nowhere."""
    rest: str | None = None
    """What an unknown code of theirs becomes."""
    where: Where | None = None


def read(name: str, node: Node, problems: Problems) -> Table:
    """The table of a text; mistakes are findings, what is left is usable."""
    forth: dict[str, str] = {}
    back: dict[str, list[str]] = {}
    otherwise: str | None = None
    if not isinstance(node.value, dict) or not node.value:
        problems.add(node.where, f"table {name!r} has no codes", "write ours: theirs")
    for ours, entry in node.items():
        if ours == OTHERWISE:
            otherwise = _code(entry, problems)
            continue
        theirs = [_code(each, problems) for each in entry.elements()] or [_code(entry, problems)]
        for code in theirs:
            back.setdefault(code, []).append(ours)
        if theirs[0] != REST:
            forth[ours] = theirs[0]
    rest = back.pop(REST, [])
    if len(rest) > 1:
        problems.add(node.where, f'table {name!r} has "*" under {" and ".join(rest)}', "only one can be for the rest")
    return Table(
        name,
        forth,
        {code: ours[0] for code, ours in back.items() if len(ours) == 1},
        {code: tuple(ours) for code, ours in back.items() if len(ours) > 1},
        otherwise,
        rest[0] if rest else None,
        node.where,
    )


def _code(node: Node, problems: Problems) -> str:
    if isinstance(node.value, bool):
        word = "true" if node.value else "false"
        problems.add(node.where, f"a code is text, this is the value {word}", f'write "{word}"')
    elif isinstance(node.value, dict | list) or node.value is None:
        problems.add(node.where, "a code is text", 'quote it, as in "1"')
        return ""
    return str(node.value)
