"""What a call must pass before it may go out: closed hours, the breaker, a place among those in flight, the pace."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from engine.base import log, metrics
from engine.base.clock import SECOND, Clock
from engine.delivery.breaker import Breaker
from engine.delivery.hours import Hours
from engine.delivery.slots import Pace, Slots, Turn

_log = log.get("gate")


@dataclass(frozen=True, slots=True)
class Shut:
    """No call may go out before `opens` (microseconds UTC). `why`: closed, breaker_open or threads_stuck."""

    why: str
    opens: int

    @property
    def by_clock(self) -> bool:
        """Shut by the site's own hours: nobody's failure, so waiting costs no patience."""
        return self.why == "closed"


class Stopped(Exception):
    """No call begins here any more: the bus ends, or the system is called by other settings from now on."""


class Pass:
    """Leave to make one call, used as a context. Ended without a word, the call was not made."""

    def __init__(self, gate: "Gate", *, trial: bool) -> None:
        self._gate = gate
        self._trial = trial
        self._said: bool | None = None

    def say(self, *, answered: bool) -> None:
        """Whether the system answered; a refusal is an answer."""
        self._said = answered

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _e: BaseException | None, _tb: TracebackType | None) -> None:
        self._gate.leave(self._said, trial=self._trial)


class Gate:
    """The way to one destination of a system: slots are the whole system's, the breaker is its own."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        slots: Slots,
        pace: Pace,
        breaker: Breaker,
        hours: Hours,
        stuck: Callable[[], bool] = lambda: False,
    ) -> None:
        self._name = name
        self._clock = clock
        self._slots = slots
        self._pace = pace
        self._breaker = breaker
        self._hours = hours
        self._stuck = stuck
        self._tried = asyncio.Event()
        self._stopped = False
        metrics.BREAKER.labels(name).set(0)

    def shut(self) -> Shut | None:
        """Why no call may go out now, and until when; None: it may, or will once a trial has ended. Pure: any
        thread may ask.
        """
        now = self._clock.now()
        if (opening := self._hours.opens(now)) > now:
            return Shut("closed", opening)
        if self._stuck():
            return Shut("threads_stuck", now + SECOND)
        if not self._breaker.trying and (tries := self._breaker.opens(now)) > now:
            return Shut("breaker_open", tries)
        return None

    async def enter(self, turn: Turn) -> Pass | Shut:
        """Waits for leave to call; Shut where that may take long. Raises Stopped when it is stopped meanwhile."""
        while (shut := self.shut()) is None and not self._stopped:
            if self._breaker.trying:
                await self._tried.wait()  # bounded by the trial's own limit
                continue
            await self._slots.take(turn)
            if self.shut() is None and not self._breaker.trying and not self._stopped:
                return await self._entered()
            self._slots.give()  # it was shut while this call waited
        if self._stopped or shut is None:
            raise Stopped
        return shut

    def stop(self) -> None:
        """Lets no call begin from now on."""
        self._stopped = True

    def leave(self, answered: bool | None, *, trial: bool) -> None:
        """Ends a pass; None: the call was not made."""
        was_open = self._breaker.is_open
        if answered is None:
            self._breaker.dropped(trial=trial)
        elif answered:
            self._breaker.answered()
        else:
            self._breaker.failed(trial=trial)
        if self._breaker.is_open != was_open:
            self._say_breaker()
        if not self._breaker.trying:
            self._tried.set()
        self._slots.give()

    async def _entered(self) -> Pass:
        trial = self._breaker.begin()
        if trial:
            self._tried.clear()
        passed = Pass(self, trial=trial)
        try:
            await self._pace.turn()
            if self._stopped:
                raise Stopped
        except (asyncio.CancelledError, Stopped):
            self.leave(None, trial=trial)
            raise
        return passed

    def _say_breaker(self) -> None:
        opened = self._breaker.is_open
        metrics.BREAKER.labels(self._name).set(int(opened))
        _log.warning("breaker_opened" if opened else "breaker_closed", system=self._name)
