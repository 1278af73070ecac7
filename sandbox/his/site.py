"""How this HIS is set up, since no two sites are alike. Switches live in memory: a restart is the usual site."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args

Repeated = Literal["refuse", "answer", "again"]
"""A trade sent again under the same platform serial: `refuse` as any second booking, `answer` the first success
without doing anything, or do it `again`, also where that makes a second booking."""
StopShape = Literal["schedules", "orders"]
"""停诊 as `Schedules/StopSchedule`, one a schedule or period; or `StopDoctorInfos/StopDoctorInfo`, one a booking."""

QUIRKS = {
    "wrong_root": "<Reponse> in place of <Response>",
    "swapped_session": "SessionCode and SessionName exchanged in QueryScheduleTimeInfo",
    "fee_text": "fees as text: blanks before, 元 behind, no zero before the point",
    "trailing": "a byte order mark before and blanks behind the payload, and blanks behind texts",
    "gb_declaration": 'the payload declares encoding="GB2312" inside a UTF-8 envelope',
    "unclosed": "the list of 停诊 ends with another start tag",
    "department_prefix": "names of departments carry a code: NK01-心血管内科",
    "no_totals": "QueryScheduleTimeInfo leaves AvailableTotalNum and AvailableLeftNum empty",
}


@dataclass(frozen=True, slots=True)
class Site:
    """All switches; seconds, minutes, days and counts as their names say."""

    lock_minutes: int = 15
    lock_first: bool = True  # BookService wants a lock; False: it may also book at once
    repeated: Repeated = "refuse"
    hides_unpaid: bool = False  # neither QueryRegStatus nor QueryOrder shows what is not paid
    per_day: int = 4  # bookings of one patient on one day
    cancel_days_after: int = 7  # who missed the visit may still cancel for so many days
    cancel_code: str = "1108"  # 1001 and 2006 are seen elsewhere
    checkin_minutes_before: int = 60
    stop_shape: StopShape = "schedules"
    at_once: int = 0  # calls worked on at a time; 0: as many as come
    think_ms: int = 0  # how long each call is thought about
    quirks: tuple[str, ...] = field(default=())

    def changed(self, wish: dict[str, Any]) -> "Site":
        """The site with some switches set otherwise; ValueError names what is wrong."""
        kinds = {one.name: type(getattr(self, one.name)) for one in fields(self)}
        found: dict[str, Any] = {}
        for name, value in wish.items():
            if name not in kinds:
                raise ValueError(f"no switch {name!r}; there are {', '.join(kinds)}")
            found[name] = _read(name, kinds[name], value)
        return replace(self, **found)


_CHOICES = {"repeated": get_args(Repeated), "stop_shape": get_args(StopShape), "cancel_code": ("1108", "1001", "2006")}


def _read(name: str, kind: type, value: Any) -> Any:
    if name == "quirks":
        chosen = value.split() if isinstance(value, str) else list(value)
        if unknown := sorted(set(chosen) - set(QUIRKS)):
            raise ValueError(f"no quirk {', '.join(unknown)}; there are {', '.join(QUIRKS)}")
        return tuple(chosen)
    if kind is bool:
        if str(value).lower() not in ("true", "false", "1", "0"):
            raise ValueError(f"{name} is true or false")
        return str(value).lower() in ("true", "1")
    if kind is int:
        if int(value) < 0:
            raise ValueError(f"{name} is 0 or more")
        return int(value)
    if str(value) not in _CHOICES[name]:
        raise ValueError(f"{name} is one of {', '.join(_CHOICES[name])}")
    return str(value)
