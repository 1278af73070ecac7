"""The hospital's calendar: days off that are no weekend, and weekends that are worked (调休).

In China no rule gives them: they are announced for each year (国务院办公厅《关于部分节假日安排的通知》).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from engine.base.where import Where
from engine.settings import nodes
from engine.settings.problems import Problems
from engine.settings.texts import Text, validate
from engine.settings.units import wrong

_DAYS = re.compile(r"(\d{4}-\d\d-\d\d)(?:\.\.(\d{4}-\d\d-\d\d))?\Z")
_SATURDAY = 5


def _days(value: Any) -> tuple[date, date]:
    found = _DAYS.match(value) if isinstance(value, str) else None
    try:
        if found is not None and found[1] <= (found[2] or found[1]):
            return date.fromisoformat(found[1]), date.fromisoformat(found[2] or found[1])
    except ValueError:
        pass
    raise wrong("this is no day", "write it like 2026-01-01, and several in a row like 2026-02-15..2026-02-23")


def _said(days: tuple[date, date]) -> str:
    return "..".join(dict.fromkeys(day.isoformat() for day in days))


Days: TypeAlias = Annotated[
    tuple[date, date],
    BeforeValidator(_days),
    PlainSerializer(_said),
    WithJsonSchema({"type": "string", "pattern": "^" + _DAYS.pattern[:-2] + "$"}),
]
"""A day, or the first and the last of several: `2026-01-01`, `2026-02-15..2026-02-23`."""


class CalendarText(Text):
    """The file that `site.calendar` names. What it does not name is worked from Monday to Friday."""

    off: list[Days] = Field(default_factory=list)
    """Days off, those of weekends may be among them: `2026-02-15..2026-02-23`."""
    work: list[Days] = Field(default_factory=list)
    """Saturdays and Sundays that are worked."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are worked. Of a year that it says nothing of, only the weeks are known."""

    off: frozenset[date] = frozenset()
    work: frozenset[date] = frozenset()

    def is_work(self, day: date) -> bool:
        """Whether a day is worked."""
        return day in self.work or (day not in self.off and day.weekday() < _SATURDAY)


def load_calendar(site: Path, name: str | None, where: Where, problems: Problems) -> Calendar | None:
    """The calendar of a site's settings; None where they name none, or findings. `where`: the place of its name."""
    if name is None:
        return None
    if not (site / name).is_file():
        problems.add(where, f"there is no file {name!r}", "its name is written from the site's folder")
        return None
    node = nodes.load(site / name, problems, name)
    text = validate(CalendarText, node, problems) if node is not None else None
    if node is None or text is None:
        return None
    off = frozenset(day for days in text.off for day in _each(days))
    for number, days in enumerate(text.work):
        _check_worked(days, off, node.locate(("work", number)), problems)
    return Calendar(off, frozenset(day for days in text.work for day in _each(days)))


def _check_worked(days: tuple[date, date], off: frozenset[date], where: Where, problems: Problems) -> None:
    for day in _each(days):
        if day in off:
            problems.add(where, f"{day} is a day off too", "leave it out of one of the two")
        elif day.weekday() < _SATURDAY:
            problems.add(where, f"{day} is no weekend: it is worked anyway", "look at the notice of the year again")


def _each(days: tuple[date, date]) -> Iterator[date]:
    first, last = days
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
