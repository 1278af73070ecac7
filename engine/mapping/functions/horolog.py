"""Caché's `$HOROLOG`: days since 31 December 1840, and seconds since midnight, in the clock of the site."""

from datetime import date as Date  # noqa: N812 - the function of the closed list is called date
from datetime import datetime, time, timedelta
from typing import Any

from engine.mapping.functions.dates import in_zone, iso, moment_of
from engine.mapping.functions.kind import UNFIT, Apply, Setup, Unfit, function, text

_FIRST = Date(1840, 12, 31)
_LAST = (Date.max - _FIRST).days
_DAY = 24 * 3600


@function(
    ("64216", "horolog", "2016-10-25"), ("64216,55920", "horolog", "2016-10-25T15:32:00+08:00"),
    (64216, "horolog", "2016-10-25"), ("2016-10-25", "horolog", UNFIT),
)  # fmt: skip
def horolog(*, setup: Setup) -> Apply:
    """A date from Caché's day number (1 is 1 January 1841), or an instant from day and second (`64216,55920`)."""
    zone = setup.zone

    def apply(value: Any) -> str:
        days, comma, seconds = text(value).strip().partition(",")
        day = _FIRST + timedelta(days=_whole(days, _LAST))
        if not comma:
            return iso(day)
        return iso(in_zone(datetime.combine(day, _clock(seconds)), zone))

    return apply


@function(("55920", "horolog_time", "15:32:00"), (0, "horolog_time", "00:00:00"), ("86400", "horolog_time", UNFIT))
def horolog_time() -> Apply:
    """A time of day from Caché's seconds since midnight."""
    return lambda value: _clock(text(value)).isoformat()


@function(
    ("2016-10-25", "to_horolog", "64216"), ("2016-10-25T15:32:00+08:00", "to_horolog", "64216,55920"),
    ("25/10/2016", "to_horolog", UNFIT),
)  # fmt: skip
def to_horolog(*, setup: Setup) -> Apply:
    """Caché's day number of a date, or day and second of an instant in the clock of the site."""
    zone = setup.zone

    def apply(value: Any) -> str:
        moment = moment_of(value)
        if not isinstance(moment, datetime):
            return str((moment - _FIRST).days)
        moment = in_zone(moment, zone)
        return f"{(moment.date() - _FIRST).days},{moment.hour * 3600 + moment.minute * 60 + moment.second}"

    return apply


def _clock(seconds: str) -> time:
    minutes, second = divmod(_whole(seconds, _DAY - 1), 60)
    return time(minutes // 60, minutes % 60, second)


def _whole(word: str, most: int) -> int:
    word = word.strip()
    if not (word.isascii() and word.isdigit()) or len(word) > 8 or int(word) > most:
        raise Unfit("no count of $HOROLOG")
    return int(word)
