"""When a route's schedule is due: the arithmetic of `schedule:`, without a clock of its own.

APScheduler's cron triggers say which instants a line means; what waits for them is the bus's own loop, so that a
scenario's clock moves schedules like everything else.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Self, TypeAlias
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from engine.base.clock import SECOND, from_micros, to_micros
from engine.base.where import Where
from engine.model import Incoming
from engine.settings.calendar import Calendar
from engine.settings.problems import Problems
from engine.settings.routes import Route, Schedule

Fits: TypeAlias = Callable[[date], bool]
"""Whether a schedule runs on a day of the site's zone."""

_AGAIN = (60.0, 120.0, 300.0, 900.0)
"""Seconds after a run that failed, or that nobody ended, until the next try; a run of its own may come before."""
_DAY = 86400 * SECOND
_YEAR = 366
SILENT = 60 * SECOND
"""So long a node may say nothing of its run before another takes it over."""
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NUMBER = re.compile(r"(?<![/\d])[0-7](?!\d)")


@dataclass(frozen=True, slots=True)
class Run:
    """The last run of a schedule, as the journal keeps it. Instants are microseconds UTC."""

    begun: int
    since: int
    """When the last run began that ended well; where none has, the first one."""
    heard: bool = False
    """Whether one has ended well."""
    tries: int = 1
    """Runs since then, this one included; 0: this one ended well."""
    alive: int = 0
    """When the node that is at it last said so; 0: nobody is."""

    def write(self) -> str:
        return json.dumps([self.begun, self.since, self.heard, self.tries, self.alive])

    @classmethod
    def read(cls, text: str) -> Self:
        return cls(*json.loads(text))

    @classmethod
    def first(cls, now: int) -> Self:
        """The first of all runs, which begins now."""
        return cls(now, now, alive=now)

    def next(self, now: int) -> Self:
        """The run that begins now. Until it ends well it counts as one that did not."""
        return type(self)(now, self.since, self.heard, self.tries + 1, now)

    def alive_at(self, now: int) -> Self:
        """The same run, whose node says that it is at it."""
        return replace(self, alive=now)

    def under_way(self, now: int) -> bool:
        """Whether a node is at it, as far as anybody knows."""
        return self.tries > 0 and now - self.alive < SILENT

    def ended(self) -> Self:
        """This run, ended well."""
        return type(self)(self.begun, self.begun, heard=True, tries=0)


@dataclass(frozen=True, slots=True)
class Timing:
    """A schedule, compiled."""

    after: Callable[[int], int] = field(compare=False)
    """The next instant of the schedule after one."""
    begins: Callable[[int], int] = field(compare=False)
    """Its first instant, from one on at which it has never run."""
    catch_up: bool
    """Whether a run that was due while the bus was down is made up for."""
    batch: int = 500
    """Rows of a feed that are pulled at once, and messages of the route that may be on their way meanwhile."""
    send_empty: bool = False
    """Whether a run of a feed that found nothing sends a message that says so."""
    follows: tuple[str, ...] = ()
    """Routes that go first."""
    said: tuple[object, ...] = ()
    """What it was compiled from: where that is equal, its instants are."""

    def due(self, last: Run | None, now: int) -> int:
        """When it is to run, now or later."""
        if last is None:
            return self.begins(now)
        regular = self.after(last.begun)
        if not last.tries:
            return regular
        again = last.begun + int(_AGAIN[min(last.tries, len(_AGAIN)) - 1] * SECOND)
        return max(min(regular, again), last.alive + SILENT if last.alive else 0)

    def first(self, last: Run | None, now: int) -> int:
        """The same at the start of the bus: a missed run is made up for, or left out."""
        due = self.due(last, now)
        return due if due > now or last is None or self.catch_up else self.after(now)

    def owes(self, last: Run | None, occasion: int) -> bool:
        """Whether a run that was due by an occasion has not ended well."""
        if last is None:
            return self.begins(occasion) <= occasion or self.after(occasion - _DAY) <= occasion
        return last.tries > 0 or self.after(last.begun) <= occasion


def compile_schedule(
    text: Schedule | None,
    asked: Sequence[str],
    zone: ZoneInfo,
    calendar: Calendar | None,
    where: Callable[..., Where],
    problems: Problems,
) -> Timing | None:
    """The schedule of a route; None where it has none, or findings. `asked`: what starts it and has to be asked for;
    `where`: the place of a key of the route.
    """
    if text is None:
        if asked:
            what = f"{asked[0]!r} does not come by itself, and nothing says when it is asked for"
            problems.add(where("from"), what, "write schedule: {every: 3m}")
        return None
    if not asked:
        what = "nothing that starts this route is asked for"
        problems.add(where("schedule"), what, "name a kind of message in from: whose profile says poll: or feed:")
    if text.days != "every" and calendar is None:
        what = "nothing says which days are off"
        problems.add(where("schedule", "days"), what, "name the calendar in config/: site: {calendar: …}")
    try:
        return timing(text, zone, calendar)
    except ValueError as error:
        problems.add(where("schedule", "cron"), f"this is no cron line: {error}", 'like "30 1 * * *"')
        return None


def check_order(routes: Mapping[str, Route], where: Callable[..., Where], problems: Problems) -> None:
    """Notes routes that are to go first and never would: unknown ones, those without a schedule, circles."""
    timed = {name: list(route.schedule.after or ()) for name, route in routes.items() if route.schedule is not None}
    for name, first in timed.items():
        for number, other in enumerate(first):
            place = where("routes", name, "schedule", "after", number)
            if other not in timed:
                problems.unknown(place, "the route with a schedule", other, [one for one in timed if one != name])
            elif name in _all_before(other, timed):
                problems.add(place, f"{other!r} would wait for {name!r} in turn", "leave one of the two out")


def _all_before(route: str, timed: Mapping[str, Sequence[str]]) -> set[str]:
    """A route, and every one that it waits for in the end."""
    found, left = {route}, [route]
    while left:
        new = [one for one in timed.get(left.pop(), ()) if one not in found]
        found.update(new)
        left += new
    return found


def check_fed(text: Route, sources: Mapping[str, Incoming], where: Callable[..., Where], problems: Problems) -> None:
    """Notes what a route lacks for the feeds that start it. `sources`: what starts it, by its name in `from:`."""
    fed = [name for name, kind in sources.items() if kind.feed is not None]
    if fed and text.key is None:
        what = f"a row of {fed[0]!r} may be read twice, and nothing says that it is the same"
        problems.add(where("from"), what, "write key: and what a row is known by")
    if text.schedule is None:
        return
    if sources and not fed and "batch" in text.schedule.model_fields_set:
        problems.add(where("schedule", "batch"), "what is polled comes as one", "leave batch out: it is for feeds")
    if text.schedule.empty == "send" and not any(kind.feed and kind.feed.empty for kind in sources.values()):
        what = "nothing says what a run sends that finds nothing"
        problems.add(where("schedule", "empty"), what, "write empty: in a kind of message of from:, beside its feed:")


def timing(text: Schedule, zone: ZoneInfo, calendar: Calendar | None = None) -> Timing:
    """The schedule of a route. Raises ValueError for a line that is no cron line."""
    fits = _fitting(text.days, calendar or Calendar())
    after = _every(int(text.every * SECOND), zone, fits) if text.every else _cron(text.cron or "", zone, fits)
    begins = partial(_fit, zone=zone, fits=fits) if text.every else after
    follows, said = tuple(text.after or ()), (text, zone.key, calendar)
    return Timing(after, begins, text.missed == "run_once", text.batch, text.empty == "send", follows, said)


def _fitting(days: str, calendar: Calendar) -> Fits:
    return {"every": lambda _day: True, "work": calendar.is_work, "off": lambda day: not calendar.is_work(day)}[days]


def _fit(instant: int, zone: ZoneInfo, fits: Fits) -> int:
    """The instant, or the beginning of the next day that fits."""
    day = from_micros(instant).astimezone(zone).date()
    for ahead in range(_YEAR):
        if fits(day + timedelta(days=ahead)):
            begin = datetime.combine(day + timedelta(days=ahead), time(), zone)
            return to_micros(begin) if ahead else instant
    return instant + _YEAR * _DAY


def _every(distance: int, zone: ZoneInfo, fits: Fits) -> Callable[[int], int]:
    return lambda instant: _fit(instant + distance, zone, fits)


def _cron(line: str, zone: ZoneInfo, fits: Fits) -> Callable[[int], int]:
    fields = line.split()
    if len(fields) == 5:
        fields[4] = _NUMBER.sub(lambda day: _WEEKDAYS[int(day[0])], fields[4])  # cron's week begins on Sunday
    trigger = CronTrigger.from_crontab(" ".join(fields), timezone=zone)

    def after(instant: int) -> int:
        end = instant + _YEAR * _DAY
        while instant < end:
            found = trigger.get_next_fire_time(None, from_micros(instant + 1).astimezone(zone))
            if found is None:
                break
            instant = to_micros(found)
            if fits(found.date()):
                return instant
        return end

    if trigger.get_next_fire_time(None, from_micros(0).astimezone(zone)) is None:
        raise ValueError("it never comes")
    return after
