"""An event loop on a clock that is moved by hand, which says when nothing is left to do.

Timers go by the clock, so a scenario of hours takes no time and no timer fires by itself. Work for threads is done at
once, as a thread would run beside the clock.
"""

import asyncio
import selectors
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from engine.base.clock import SECOND, MovedClock


class MovedLoop(asyncio.SelectorEventLoop):
    """For one scenario. Nothing on it waits for anything outside the process."""

    def __init__(self, clock: MovedClock) -> None:
        self._clock = clock
        self._begun = clock.now()
        self._waiter: asyncio.Future[None] | None = None
        super().__init__(_Selector(self._idle))

    def time(self) -> float:
        """Seconds since the loop was made: small numbers, as asyncio tells instants apart by 1 ns, and a float can do
        that for 97 days.
        """
        return (self._clock.now() - self._begun) / SECOND

    async def quiet(self) -> None:
        """Returns when every task waits for a timer, or for somebody outside."""
        self._waiter = self.create_future()
        await self._waiter

    async def advance(self, seconds: float) -> None:
        """Moves the clock, and lets everything happen that has become due by then."""
        self._clock.advance(timedelta(seconds=seconds))
        await self.quiet()

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]  # its own type is generic in the result  # noqa: ARG002
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whoever awaits it gets it
            done.set_exception(error)
        return done

    def _idle(self, seconds: float | None) -> bool:
        """Nothing can run: whoever waits for that is told; else time passes until the next timer."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        elif seconds is not None:
            self._clock.advance(timedelta(seconds=seconds, microseconds=1))
        else:
            return False
        return True


class _Selector(selectors.DefaultSelector):
    """Asked to wait, it says that the loop is idle instead."""

    def __init__(self, idle: Callable[[float | None], bool]) -> None:
        super().__init__()
        self._idle = idle

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or timeout == 0 or self._idle(timeout):
            return events
        return super().select(timeout)
