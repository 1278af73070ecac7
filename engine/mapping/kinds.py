"""The kinds of plain values that our documents hold: what fits, and how a map's value becomes one.

`fit` changes only what loses nothing and can mean only one thing (digits to a whole number for
`integer`, an exact number to text for `decimal`). Money is never made from text: whether 12 is 元 or
分 is for the profile to say (`yuan_to_fen`, `integer`).
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from engine.mapping.functions.codes import number
from engine.mapping.functions.dates import in_zone
from engine.mapping.functions.kind import Unfit, text

PLAIN = ("text", "integer", "decimal", "money", "date", "instant", "boolean", "code")
"""Kinds of plain values."""

NAMES = (*PLAIN, "object", "list")

_DECIMAL = re.compile(r"-?\d+(\.\d+)?\Z", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?([+-]\d\d:\d\d|Z)\Z", re.ASCII)


def checker(kind: str, length: int | None, codes: Mapping[str, str]) -> Callable[[Any], str | None]:
    """Gives why a value is not of its kind, or None."""
    if kind == "code":
        return lambda value: None if isinstance(value, str) and value in codes else "not one of its codes"
    if kind == "text":
        if length is None:
            return lambda value: None if isinstance(value, str) else "not text"
        return lambda value: _text(value, length)
    return _CHECKS[kind]


def fitter(kind: str, length: int | None, codes: Mapping[str, str], zone: ZoneInfo) -> Callable[[Any], Any] | None:
    """What a map's value goes through before it stands in a shape; raises Unfit. None: nothing to do."""
    if kind == "instant":
        return lambda value: _to_instant(value, zone)
    fits = checker(kind, length, codes)
    change = _CHANGES.get(kind, _same)

    def fit(value: Any) -> Any:
        changed = change(value)
        why = fits(changed)
        if why is not None:
            raise Unfit(why)
        return changed

    return fit


def _text(value: Any, length: int) -> str | None:
    if not isinstance(value, str):
        return "not text"
    return None if len(value) <= length else f"longer than {length} characters"


def _integer(value: Any) -> str | None:
    return None if isinstance(value, int) and not isinstance(value, bool) else "not a whole number"


def _money(value: Any) -> str | None:
    return None if isinstance(value, int) and not isinstance(value, bool) else "not a whole number of fen"


def _decimal(value: Any) -> str | None:
    return None if isinstance(value, str) and _DECIMAL.match(value) else "not a decimal in text"


def _date(value: Any) -> str | None:
    try:
        return None if _DATE.match(value) and date.fromisoformat(value) else "not a date"
    except (TypeError, ValueError):
        return "not a date"


def _instant(value: Any) -> str | None:
    try:
        return None if _INSTANT.match(value) and datetime.fromisoformat(value) else "not an instant with offset"
    except (TypeError, ValueError):
        return "not an instant with offset"


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "neither true nor false"


def _same(value: Any) -> Any:
    return value


def _to_integer(value: Any) -> Any:
    if isinstance(value, int):
        return value
    found = number(value)
    return int(found) if found == found.to_integral_value() else value


def _to_decimal(value: Any) -> Any:
    return value if isinstance(value, str) and _DECIMAL.match(value) else format(number(value), "f")


def _to_money(value: Any) -> Any:
    """A database's exact whole number is one; text never is."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value


def _to_date(value: Any) -> Any:
    if isinstance(value, datetime):
        raise Unfit("an instant is not a date: say how with parse_date")
    return value.isoformat() if isinstance(value, date) else value


def _to_instant(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return in_zone(value, zone).isoformat()
    why = _instant(value)
    if why is not None:
        raise Unfit(why)
    found: str = value
    return found


_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "integer": _integer,
    "money": _money,
    "decimal": _decimal,
    "date": _date,
    "instant": _instant,
    "boolean": _boolean,
}

_CHANGES: dict[str, Callable[[Any], Any]] = {
    "text": text,
    "code": text,
    "integer": _to_integer,
    "decimal": _to_decimal,
    "money": _to_money,
    "date": _to_date,
}
