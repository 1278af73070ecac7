"""Hours in which a system takes no calls (日结): written in the site's zone, asked in instants."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.base.clock import SECOND, from_micros, to_micros


class Hours:
    """Closed spans of every day. A span whose end comes before its begin passes midnight."""

    def __init__(self, closed: Sequence[tuple[time, time]] = (), zone: ZoneInfo | None = None) -> None:
        self._closed = tuple((begin.replace(microsecond=0), end.replace(microsecond=0)) for begin, end in closed)
        self._zone = zone or ZoneInfo("UTC")
        self._seen = -1, 0
        """The last second asked about, and when it is open: nothing changes within one, and every delivery asks."""

    def opens(self, instant: int) -> int:
        """The first instant from `instant` on at which calls may go out: `instant` itself while it is open."""
        if not self._closed:
            return instant
        second = instant // SECOND
        seen, opens = self._seen
        if seen != second:
            opens = self._opens(second * SECOND)
            self._seen = second, opens  # one assignment: the writer's thread asks as well
        return max(opens, instant)

    def _opens(self, instant: int) -> int:
        when = from_micros(instant).astimezone(self._zone)
        for _ in range(len(self._closed) + 1):  # spans that touch: the end of one lies in the next
            end = next((end for span in self._closed if (end := _end(span, when)) is not None), None)
            if end is None:
                return to_micros(when)
            when = end
        return to_micros(when)


def _end(span: tuple[time, time], when: datetime) -> datetime | None:
    begin, end = span
    now = when.time()
    inside = begin <= now < end if begin < end else now >= begin or now < end
    if not inside:
        return None
    day = when.date() + timedelta(days=1) if now >= end else when.date()
    return datetime.combine(day, end, when.tzinfo)
