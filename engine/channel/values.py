"""The types of the unified API: what a value must look like, in a query and in a JSON body."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any, Final

from engine.channel import refusal
from engine.channel.refusal import Words

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DECIMAL = re.compile(r"-?\d{1,13}(\.\d{1,12})?")
_TOLD = re.compile(r"-?\d{1,18}(\.\d+)?")
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Controls and what XML cannot carry."""
_BIGGEST = 10**18
LONGEST_ID: Final = 64
LARGEST: Final = 10**12
"""The largest decimal: with twelve digits behind the point it is exact."""
_PHONE = re.compile(r"\+?[0-9-]{5,19}")
PATTERNS: Final = {
    "phone": r"^\+?[0-9\-]{5,19}$",
    "id": r"^[A-Za-z0-9._:\-]{1,64}$",
    "text": r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]*$",
}
"""What texts, ids and phones look like, for JSON Schema (ECMA-262)."""


class WrongValue(Exception):
    """A value that is not of its type; `what` says which it must be, without the value."""

    def __init__(self, what: Words) -> None:
        super().__init__(what.en)
        self.what = what


def read(kind: str, value: Any, longest: int) -> Any:
    """A value of a simple type, as our documents hold it. A query's text is read as what it means; a body's
    value must be of the JSON type. Raises WrongValue.
    """
    return _READERS[kind](value, longest)


def query_value(kind: str, text: str) -> Any:
    """A query's text as the JSON value it stands for; text that stands for none is left as it is."""
    if kind in {"integer", "money"} and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "decimal" and _DECIMAL.fullmatch(text):
        return Decimal(text)
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    return text


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str) or _CONTROL.search(value):
        raise WrongValue(refusal.NOT_TEXT)
    if len(value) > longest:
        raise WrongValue(refusal.too_long(longest))
    return value


def _id(value: Any, longest: int) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise WrongValue(refusal.NOT_ID)
    if len(value) > longest:
        raise WrongValue(refusal.too_long(longest))
    return value


def _whole(value: Any) -> int | None:
    """A whole number, which JSON may write as 9 or as 9.0; None where it is none, or too big."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _BIGGEST
    return value if fits else None


def _integer(value: Any, _longest: int) -> int:
    found = _whole(value)
    if found is None:
        raise WrongValue(refusal.NOT_INTEGER)
    return found


def _decimal(value: Any, _longest: int) -> str:
    """Our documents hold it as text: no digit is lost on the way but those behind the twelfth."""
    if not isinstance(value, int | float | Decimal) or isinstance(value, bool) or not isfinite(value):
        raise WrongValue(refusal.NOT_DECIMAL)
    exact = Decimal(str(value))
    if abs(exact) > LARGEST:
        raise WrongValue(refusal.NOT_DECIMAL)
    return format(round(exact, 12).normalize() + 0, "f")


def number(value: Any) -> float:
    """The number that a decimal of our documents is in JSON. Raises WrongValue."""
    if not isinstance(value, str) or not _TOLD.fullmatch(value):
        raise WrongValue(refusal.NOT_DECIMAL)
    return float(value)


def _money(value: Any, _longest: int) -> int:
    found = _whole(value)
    if found is None or found < 0:
        raise WrongValue(refusal.NOT_MONEY)
    return found


def _boolean(value: Any, _longest: int) -> bool:
    if not isinstance(value, bool):
        raise WrongValue(refusal.NOT_BOOLEAN)
    return value


def _date(value: Any, _longest: int) -> str:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise WrongValue(refusal.NOT_DATE)
    try:
        date.fromisoformat(value)
    except ValueError:
        raise WrongValue(refusal.NOT_DATE) from None
    return value


def _time(value: Any, _longest: int) -> str:
    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise WrongValue(refusal.NOT_TIME)
    return str(value)


def _phone(value: Any, _longest: int) -> str:
    if not isinstance(value, str) or not _PHONE.fullmatch(value):
        raise WrongValue(refusal.NOT_PHONE)
    return value


_READERS: Final[dict[str, Callable[[Any, int], Any]]] = {
    "text": _text,
    "id": _id,
    "phone": _phone,
    "integer": _integer,
    "decimal": _decimal,
    "money": _money,
    "boolean": _boolean,
    "date": _date,
    "time": _time,
}
