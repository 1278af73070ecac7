"""The period of an appointment: a date and clock times, as HIS give them, as instants in the site's zone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from engine.base.errors import BusError, Code
from engine.registry.operation import Asked


@dataclass(frozen=True, slots=True)
class Period:
    """When a patient is expected."""

    day: date
    begin: datetime
    end: datetime
    """Behind its last moment."""

    @classmethod
    def of(cls, asked: Asked) -> "Period":
        """Of a document with `date`, `begin`, `end`. One that ends before it begins ends on the next day (夜诊).
        Raises BusError(VALIDATION_FAILED).
        """
        document, zone = asked.document, asked.at.tzinfo
        day = date.fromisoformat(document["date"])
        begin = datetime.combine(day, _clock(document, "begin") or time(), zone)
        ends = _clock(document, "end")
        if ends is None:
            return cls(day, begin, datetime.combine(day + timedelta(days=1), time(), zone))
        end = datetime.combine(day, ends, zone)
        return cls(day, begin, end if end >= begin else end + timedelta(days=1))


def _clock(document: Mapping[str, Any], name: str) -> time | None:
    written = document.get(name)
    if not written:
        return None
    try:
        return time.fromisoformat(written).replace(tzinfo=None)
    except ValueError:
        raise BusError(Code.VALIDATION_FAILED, f"{name}: not a time of day", spot=name) from None
