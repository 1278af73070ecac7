"""Calls in flight of one system: at most `at_once`, deliveries and reads in turns, and at most so many a second."""

import asyncio
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Self

from engine.base.clock import Clock


class Turn(Enum):
    """Who wants to call. Neither may starve the other: rush hour is thousands of reads at once."""

    DELIVERY = 0
    READ = 1


class Slots:
    """Places for calls under way. `size` is asked each time: nodes come and go, and share the limit."""

    def __init__(self, size: Callable[[], int]) -> None:
        self._size = size
        self._busy = 0
        self._waiting: tuple[deque[asyncio.Future[None]], ...] = (deque(), deque())
        self._last = Turn.READ

    @property
    def busy(self) -> int:
        """Calls under way."""
        return self._busy

    def sized(self, size: Callable[[], int]) -> Self:
        """The same places, with another limit from now on."""
        self._size = size
        self._fill()
        return self

    async def take(self, turn: Turn) -> None:
        """Waits for a place. Each taken place is given back once."""
        if self._busy < self._size() and not any(self._waiting):
            self._busy += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting[turn.value].append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.give()  # the place came in the same moment
            raise

    def give(self) -> None:
        """Gives a place back, to whoever waits next."""
        self._busy -= 1
        self._fill()

    def _fill(self) -> None:
        while self._busy < self._size() and (place := self._next()) is not None:
            self._busy += 1
            place.set_result(None)

    def _next(self) -> asyncio.Future[None] | None:
        for turn in (Turn(1 - self._last.value), self._last):
            line = self._waiting[turn.value]
            while line:
                place = line.popleft()
                if not place.done():
                    self._last = turn
                    return place
        return None


class Pace:
    """At most `rate()` calls a second, evenly; None: as they come."""

    def __init__(self, clock: Clock, rate: Callable[[], float | None]) -> None:
        self._clock = clock
        self._rate = rate
        self._next = 0.0

    def rated(self, rate: Callable[[], float | None]) -> Self:
        """The same line, with another pace from now on."""
        self._rate = rate
        return self

    async def turn(self) -> None:
        """Waits for this call's moment."""
        rate = self._rate()
        if rate is None:
            return
        now = self._clock.monotonic()
        moment = max(self._next, now)
        self._next = moment + 1 / rate
        if moment > now:
            await asyncio.sleep(moment - now)
