"""What stands against a booking (挂号前校验): a stopped clinic, the blacklist, missing data, limits, captcha.

Catalog: appointment.precheck, auth.captcha.policy; the limits are those of his-webservice §6.1.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from engine.base.errors import Code
from engine.model import Effect, Shape
from engine.registry.operation import Asked, Operation, Refusal, pure
from engine.rules.complete import missing
from engine.settings.conduct import BookingLimits

_CANCELLED = "CANCELLED"
_NOT_COUNTED = frozenset({_CANCELLED, "STOPPED", "NONE"})
"""What took no slot of the patient's in the end: he gave it back, or the clinic did not take place."""


def precheck(asked: Asked) -> Shape:
    """Everything that stands against it, the weightiest first."""
    blocks = list(_blocks(asked))
    return {"ok": not blocks, "blocks": blocks}


def require_bookable(asked: Asked) -> Shape | Refusal:
    """The same, refused with the first block."""
    found = precheck(asked)
    if found["ok"]:
        return found
    first = found["blocks"][0]
    return Refusal(Code[first["code"]], first.get("limit") or ",".join(first.get("missing", ())))


def booking_limits(asked: Asked) -> Shape:
    """How many bookings are left, limit by limit."""
    return {"items": list(_limits(asked))}


def captcha(asked: Asked) -> Shape:
    """Whether a captcha has to be passed now, and the hours in which it has."""
    rules = asked.rules.captcha
    windows = [{"from": f"{begin:%H:%M}", "to": f"{end:%H:%M}"} for begin, end in rules.windows]
    return {
        "required": _in_window(asked.at, rules.windows),
        "provider": rules.provider,
        "app_id": rules.app_id,
        "windows": windows,
    }


def _blocks(asked: Asked) -> Iterator[dict[str, Any]]:
    document = asked.document
    if document.get("stopped"):
        yield _block(Code.SCHEDULE_STOPPED)
    if document.get("blacklisted"):
        yield _block(Code.BLACKLISTED)
    patient = document.get("patient")
    if patient and (lacks := missing(patient, "appointment", asked.rules.complete, asked.at.date())):
        yield {**_block(Code.PATIENT_INCOMPLETE), "missing": lacks}
    schedule = document.get("schedule_id")
    if schedule and any(one.get("schedule_id") == schedule for one in _standing(asked)):
        yield _block(Code.DUPLICATE_BOOKING)
    for item in _limits(asked):
        if item["left"] == 0:
            yield {**_block(Code.BOOKING_LIMIT), "limit": item["limit"]}
    if not document.get("captcha_passed") and _in_window(asked.at, asked.rules.captcha.windows):
        yield _block(Code.CAPTCHA_REQUIRED)


def _block(code: Code) -> dict[str, Any]:
    return {"code": code.name, "zh": code.kind.zh}


def _limits(asked: Asked) -> Iterator[dict[str, Any]]:
    limits, day = asked.rules.limits, date.fromisoformat(asked.document["date"])
    doctor, booked = asked.document.get("doctor_id"), _standing(asked)
    with_doctor = [one for one in booked if doctor and one.get("doctor_id") == doctor]
    today = asked.at.date()
    cancelled = [
        {"date": one["cancelled_on"]}
        for one in asked.document.get("bookings") or ()
        if one["state"] == _CANCELLED and one.get("cancelled_on")
    ]
    counted: tuple[tuple[str, Sequence[dict[str, Any]], Callable[[date], bool]], ...] = (
        ("per_doctor_day", with_doctor, lambda at: at == day),
        ("per_day", booked, lambda at: at == day),
        ("per_week", booked, lambda at: _week(at) == _week(day)),
        ("per_month", booked, lambda at: _month(at) == _month(day)),
        ("cancels_per_day", cancelled, lambda at: at == today),
        ("cancels_per_month", cancelled, lambda at: _month(at) == _month(today)),
    )
    for name, among, counts in counted:
        allowed = _allowed(limits, name)
        if allowed is not None:
            used = sum(counts(date.fromisoformat(one["date"])) for one in among)
            yield {"limit": name, "allowed": allowed, "used": used, "left": max(0, allowed - used)}


def _allowed(limits: BookingLimits, name: str) -> int | None:
    allowed: int | None = getattr(limits, name)
    return allowed


def _standing(asked: Asked) -> list[dict[str, Any]]:
    return [one for one in asked.document.get("bookings") or () if one["state"] not in _NOT_COUNTED]


def _week(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month


def _in_window(at: datetime, windows: Sequence[tuple[time, time]]) -> bool:
    """Whether a moment lies in one of the windows: its begin belongs to it, its end does not."""
    clock = at.time().replace(tzinfo=None)
    return any(begin <= clock < end if begin < end else clock >= begin or clock < end for begin, end in windows)


OPERATIONS = (
    Operation("precheck", "What stands against a booking.", "booking_try", "precheck", Effect.NONE, pure(precheck)),
    Operation(
        "require_bookable",
        "The same, refused with what weighs most.",
        "booking_try",
        "precheck",
        Effect.NONE,
        pure(require_bookable),
        (
            Code.SCHEDULE_STOPPED,
            Code.BLACKLISTED,
            Code.PATIENT_INCOMPLETE,
            Code.DUPLICATE_BOOKING,
            Code.BOOKING_LIMIT,
            Code.CAPTCHA_REQUIRED,
        ),
    ),
    Operation(
        "booking_limits",
        "How many bookings a patient may still make.",
        "booking_try",
        "booking_limits",
        Effect.NONE,
        pure(booking_limits),
    ),
    Operation(
        "captcha",
        "Whether a captcha has to be passed now.",
        "captcha_query",
        "captcha_policy",
        Effect.NONE,
        pure(captcha),
    ),
)
