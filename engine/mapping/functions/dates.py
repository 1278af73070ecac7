"""Dates and instants.

A birth date or clinic date is a date (`1990-01-02`) and never passes a zone: China had summer time
1986-1991, and a midnight birth would move a day. An instant is ISO 8601 text with its offset
(`2026-11-20T09:00:00+08:00`), shown in the site's zone.
"""

import re
from collections.abc import Callable
from datetime import date as Date  # noqa: N812 - the function of the closed list is called date
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.mapping.functions.kind import UNFIT, Apply, Setup, Unfit, WordError, function, text

_DATE_CODES = frozenset("Ymdyj%")
_TIME_CODES = frozenset("HMSfz")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):?(\d\d)(?::?(\d\d))?\Z", re.ASCII)
_HL7 = re.compile(r"(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)?(\d\d)?(\.\d{1,6})?)?([+-]\d{4})?\Z", re.ASCII)


@function(
    ("2026-11-20T09:00:00+08:00", "date(%Y%m%d%H%M%S)", "20261120090000"),
    ("2026-11-20T01:00:00+00:00", "date(%H:%M)", "09:00"),
    ("1988-04-10", "date(%Y%m%d)", "19880410"),
    ("2026-11-20T09:00:00+08:00", "date(iso)", "2026-11-20T09:00:00+08:00"),
    ("yesterday", "date(%Y)", UNFIT),
)
def date(form: str, *, setup: Setup) -> Apply:
    """A date or instant written in a form: %Y %m %d %H %M %S %f (microseconds) %z (+0800) %y %j, or `iso`.

    An instant is shown in the site's zone. A date has no zone; hours asked of it are 00.
    """
    zone = setup.zone
    if form != "iso":
        _codes("date", form)

    def apply(value: Any) -> str:
        moment = moment_of(value)
        if isinstance(moment, datetime):
            moment = moment.astimezone(zone)
        if form == "iso":
            return iso(moment)
        if moment.year < 1000:
            raise Unfit("a year before 1000")
        return moment.strftime(form)

    return apply


@function(
    ("08:30:00", "clock", "08:30"), (" 8:30", "clock", "08:30"), ("083000", "clock", "08:30"),
    ("24:00", "clock", UNFIT), ("上午", "clock", UNFIT),
)  # fmt: skip
def clock() -> Apply:
    """A time of day as hours and minutes, from `8:30`, `08:30:00`, `0830` or `083000`."""

    def apply(value: Any) -> str:
        found = _CLOCK.match(text(value).strip())
        if found is None or int(found[1]) > 23 or int(found[2]) > 59 or int(found[3] or 0) > 59:
            raise Unfit("no time of day")
        return f"{int(found[1]):02d}:{found[2]}"

    return apply


@function(
    ("19900102", "parse_date(%Y%m%d)", "1990-01-02"),
    ("1990/1/2", "parse_date(%Y/%m/%d)", "1990-01-02"),
    ("19860504000000+0800", "parse_date(hl7)", "1986-05-04"),
    ("19900230", "parse_date(%Y%m%d)", UNFIT),
)
def parse_date(form: str) -> Apply:
    """A date from text in a form, or in HL7's (`hl7`: the first eight digits, whatever follows). No zone is passed."""
    if form == "hl7":
        return _hl7_date
    codes = _codes("parse_date", form)
    if not ({"d", "m"} <= codes or "j" in codes) or not codes & {"Y", "y"}:
        raise WordError("parse_date needs year, month and day", "as in %Y%m%d")

    def apply(value: Any) -> str:
        return _parsed(value, form).date().isoformat()

    return apply


@function(
    ("20261120090000", "parse_time(%Y%m%d%H%M%S)", "2026-11-20T09:00:00+08:00"),
    ("20261120010000+0000", "parse_time(hl7)", "2026-11-20T09:00:00+08:00"),
    ("202611200900", "parse_time(hl7)", "2026-11-20T09:00:00+08:00"),
    ("20261120090000.25", "parse_time(hl7)", "2026-11-20T09:00:00.250000+08:00"),
    ("2026-11-20 09:00:00", "parse_time(%Y-%m-%d %H:%M:%S)", "2026-11-20T09:00:00+08:00"),
    ("2026-11-20T01:00:00Z", "parse_time(iso)", "2026-11-20T09:00:00+08:00"),
    ("soon", "parse_time(hl7)", UNFIT),
)
def parse_time(form: str, *, setup: Setup) -> Apply:
    """An instant from text in a form, `hl7` (any precision, with or without offset) or `iso`.

    Text without an offset is in the site's zone.
    """
    read = _reader(form)
    zone = setup.zone

    def apply(value: Any) -> str:
        return iso(in_zone(value if isinstance(value, datetime) else read(value), zone))

    return apply


def iso(moment: Date) -> str:
    """ISO 8601: a date, or an instant to the second (or to what it has)."""
    return moment.isoformat()


def in_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    """The instant in the site's zone; one without an offset is taken to be in it already."""
    try:
        return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    except (OverflowError, ValueError):
        raise Unfit("a time that no calendar has") from None


def moment_of(value: Any) -> Date | datetime:
    """A date, or an instant with its offset, of ours. Raises Unfit for anything else."""
    if isinstance(value, Date):
        return value
    word = text(value)
    try:
        return Date.fromisoformat(word) if _ISO_DATE.match(word) else _aware(datetime.fromisoformat(word))
    except ValueError:
        raise Unfit("neither a date nor an instant") from None


def _reader(form: str) -> Callable[[Any], datetime]:
    if form == "hl7":
        return _hl7_time
    if form == "iso":
        return _iso_time
    if not _codes("parse_time", form) & {"H", "z"}:
        raise WordError("parse_time needs a time", "for a date alone use parse_date")
    return lambda value: _parsed(value, form)


def _parsed(value: Any, form: str) -> datetime:
    if isinstance(value, Date):
        return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a date
    word = text(value)
    try:
        return datetime.strptime(word, form)  # noqa: DTZ007 - the caller gives the zone
    except (ValueError, OverflowError):
        raise Unfit(f"not written as {form}") from None


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise Unfit("an instant without its offset")
    return moment


def _iso_time(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(text(value))
    except ValueError:
        raise Unfit("not written as ISO 8601") from None


def _hl7_parts(value: Any) -> re.Match[str]:
    found = _HL7.match(text(value).strip())
    if found is None or found[3] is None:
        raise Unfit("not a whole HL7 date")
    return found


def _hl7_date(value: Any) -> str:
    if isinstance(value, Date):
        return Date(value.year, value.month, value.day).isoformat()
    found = _hl7_parts(value)
    try:
        return Date(int(found[1]), int(found[2]), int(found[3])).isoformat()
    except ValueError:
        raise Unfit("a date that no calendar has") from None


def _hl7_time(value: Any) -> datetime:
    found = _hl7_parts(value)
    year, month, day, hour, minute, second, fraction, offset = found.groups("")
    if offset:
        word = f"{year}{month}{day}{hour or '00'}{minute or '00'}{second or '00'}{fraction}{offset}"
        return _parsed(word, "%Y%m%d%H%M%S" + (".%f" if fraction else "") + "%z")
    clock = int(hour or 0), int(minute or 0), int(second or 0), int(fraction[1:].ljust(6, "0") or 0)
    try:
        return datetime(int(year), int(month), int(day), *clock)  # noqa: DTZ001 - the caller gives the zone
    except ValueError:
        raise Unfit("a time that no calendar has") from None


def _codes(name: str, form: str) -> set[str]:
    """The codes of a form; unknown ones are refused: what they mean differs between machines."""
    codes: set[str] = set()
    place = 0
    while (place := form.find("%", place)) >= 0:
        code = form[place + 1 : place + 2]
        if code not in _DATE_CODES | _TIME_CODES or not code:
            raise WordError(f"{name}: %{code} is not known", "known: %Y %m %d %H %M %S %f %z %y %j")
        codes.add(code)
        place += 2
    if not codes - {"%"}:
        raise WordError(f"{name}: {form!r} is no form", "as in %Y%m%d, iso")
    return codes
