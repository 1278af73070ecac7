"""Whether a booking can be cancelled or returned (退号), by the cut-offs of his-webservice §6.1.

| §6.1 | here |
|---|---|
| 1 就诊前一天几点 | `day_before`, `at` |
| 2 当天几点 | `same_day`, `at` |
| 3 时段开始前几小时, 4 开始前几分钟 | `before_begin`, `before` |
| 5 开始时间, 6 结束时间 | `begin`, `end` |
| 7 结束前几分钟 | `before_end`, `before` |
| 8 不限制 | `unlimited` |
| 过号 N 天 | `missed_days`: the whole of the N-th day after the visit's date |

The deadline itself is too late. Catalog: appointment.refundable, appointment.cancel.
"""

from datetime import datetime, time, timedelta

from engine.base.errors import Code
from engine.model import Effect, Shape
from engine.registry.operation import Asked, Operation, Refusal, pure
from engine.rules.period import Period
from engine.settings.conduct import Cutoff, Returning

_OVER = {
    "VISITED": Code.ALREADY_VISITED,
    "CHECKED_IN": Code.ALREADY_CHECKED_IN,
    "CANCELLED": Code.STATE_CONFLICT,
    "STOPPED": Code.STATE_CONFLICT,
    "NONE": Code.NOT_FOUND,
}
"""States in which nothing can be returned. What was stopped is given back by the hospital itself."""
_MISSED = "MISSED"


def refundable(asked: Asked) -> Shape:
    """Whether it can be returned now, until when, by which rule, or why not."""
    document, rules = asked.document, asked.rules.returning
    if (code := _OVER.get(document["state"])) is not None:
        return _no(code, "state")
    if document.get("refunding"):
        return _no(Code.REFUND_PENDING, "refunding")
    if document.get("paid"):  # cancelled without giving the money back it would be the patient's loss
        return _no(Code.NOT_REFUNDABLE, "paid")
    if document["state"] == _MISSED:
        return _missed(asked, rules)
    cutoff = rules.today if document.get("visit_type") == "TODAY" else rules.booking
    if cutoff is None:
        return _no(Code.NOT_REFUNDABLE, "not_online")
    return _until(asked, deadline(cutoff, Period.of(asked)), cutoff.words())


def require_refundable(asked: Asked) -> Shape | Refusal:
    """The same, refused where it cannot be returned."""
    found = refundable(asked)
    return found if found["refundable"] else Refusal(Code[found["code"]], found["rule"])


def deadline(cutoff: Cutoff, period: Period) -> datetime | None:
    """The first moment at which it is too late; None: never."""
    if cutoff.by in ("day_before", "same_day"):
        day = period.day - timedelta(days=cutoff.by == "day_before")
        return datetime.combine(day, cutoff.at or time(), period.begin.tzinfo)
    before = timedelta(seconds=cutoff.before or 0)
    return {
        "before_begin": period.begin - before,
        "begin": period.begin,
        "before_end": period.end - before,
        "end": period.end,
    }.get(cutoff.by)


def _missed(asked: Asked, rules: Returning) -> Shape:
    if not rules.missed_days:
        return _no(Code.NOT_REFUNDABLE, "missed")
    last = Period.of(asked).day + timedelta(days=rules.missed_days)
    over = datetime.combine(last + timedelta(days=1), time(), asked.at.tzinfo)
    return _until(asked, over, f"missed_days {rules.missed_days}")


def _until(asked: Asked, over: datetime | None, rule: str) -> Shape:
    known = {} if over is None else {"deadline": over.isoformat(timespec="seconds")}
    if over is not None and asked.at >= over:
        return {**_no(Code.REFUND_WINDOW_CLOSED, rule), **known}
    return {"refundable": True, "rule": rule, **known}


def _no(code: Code, rule: str) -> Shape:
    return {"refundable": False, "rule": rule, "code": code.name}


OPERATIONS = (
    Operation(
        "refundable",
        "Whether a booking can be cancelled or returned now.",
        "return_try",
        "refundable",
        Effect.NONE,
        pure(refundable),
    ),
    Operation(
        "require_refundable",
        "The same, refused where it cannot.",
        "return_try",
        "refundable",
        Effect.NONE,
        pure(require_refundable),
        (
            Code.NOT_REFUNDABLE,
            Code.REFUND_WINDOW_CLOSED,
            Code.REFUND_PENDING,
            Code.ALREADY_VISITED,
            Code.ALREADY_CHECKED_IN,
            Code.STATE_CONFLICT,
            Code.NOT_FOUND,
        ),
    ),
)
