"""The one clock. Instants are integers: microseconds since 1970-01-01 UTC.

`now` is wall time at start plus monotonic time, so a clock that is set back cannot reorder the
journal; it is re-anchored, and says so, when the two part by more than two seconds (delivery.md §7).
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

SECOND = 1_000_000
"""Microseconds in a second."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DRIFT = 2 * SECOND


class Clock(Protocol):
    """What the engine asks for time; tests bring one that they can move."""

    def now(self) -> int:
        """The instant, in microseconds UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards; only differences mean anything."""
        ...


class SystemClock:
    """Wall time at start plus monotonic time, re-anchored when they part."""

    def __init__(self, drifted: Callable[[int], None] | None = None) -> None:
        self._drifted = drifted
        self._anchor = _wall() - _mono()
        self._checked = 0

    def now(self) -> int:
        ticks = _mono()
        if ticks - self._checked > SECOND:
            self._checked = ticks
            self._reanchor(ticks)
        return self._anchor + ticks

    def monotonic(self) -> float:
        return time.monotonic()

    def _reanchor(self, ticks: int) -> None:
        drift = _wall() - (self._anchor + ticks)
        if abs(drift) > _DRIFT:
            self._anchor += drift
            if self._drifted is not None:
                self._drifted(drift)


class MovedClock:
    """A clock that stands still until it is moved: for tests and scenarios."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = to_micros(start or datetime(2026, 11, 20, 1, 0, tzinfo=UTC))

    def now(self) -> int:
        return self._now

    def monotonic(self) -> float:
        return self._now / SECOND

    def advance(self, by: timedelta) -> None:
        """Moves time forward by `by`."""
        self._now += by // timedelta(microseconds=1)


def to_micros(when: datetime) -> int:
    """The instant of an aware datetime, in microseconds UTC."""
    return (when - _EPOCH) // timedelta(microseconds=1)


def from_micros(instant: int) -> datetime:
    """The aware UTC datetime of an instant."""
    return _EPOCH + timedelta(microseconds=instant)


def _wall() -> int:
    return time.time_ns() // 1000


def _mono() -> int:
    return time.monotonic_ns() // 1000
