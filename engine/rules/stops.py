"""停诊: which bookings a stopped period concerns, and what no machine does with them (his-webservice §6.2).

A notice names a schedule and a period, and the HIS lists the bookings of a day: which of them are meant is decided
here.
"""

from collections.abc import Mapping
from typing import Any

from engine.base.errors import Code
from engine.model import Effect, Shape
from engine.registry.operation import Asked, Operation, Refusal, pure

_OVER = frozenset({"CANCELLED", "VISITED", "MISSED", "NONE"})
"""States in which nothing is left to stop."""


def affected(asked: Asked) -> Shape:
    """Those of the bookings that the period concerns; one whose clock time is not known is of the whole session."""
    stop = asked.document
    return {"bookings": [booking for booking in stop.get("bookings", ()) if _meant(stop, booking)]}


def refund_by_hand(_asked: Asked) -> Refusal:
    """A booking that is paid for goes on a person's list; `refused: park` in the route keeps it there."""
    return Refusal(Code.NOT_REFUNDABLE, "refund_by_hand")


def _meant(stop: Mapping[str, Any], booking: Mapping[str, Any]) -> bool:
    if booking.get("state") in _OVER:
        return False
    if stop.get("booking_no"):
        return bool(booking["booking_no"] == stop["booking_no"])
    if booking.get("schedule_id") != stop["schedule_id"]:
        return False
    at, begin, end = booking.get("begin"), stop.get("begin"), stop.get("end")
    return not at or ((not begin or begin <= at) and (not end or at < end))


OPERATIONS = (
    Operation(
        "affected",
        "Which of a day's bookings a stopped period concerns.",
        "stop_candidates",
        "stop_affected",
        Effect.NONE,
        pure(affected),
    ),
    Operation(
        "refund_by_hand",
        "Says no to giving money back by itself: a paid booking of a stopped clinic is a person's turn.",
        "stopped_booking",
        "stopped_booking",
        Effect.CHANGE,
        pure(refund_by_hand),
        (Code.NOT_REFUNDABLE,),
    ),
)
