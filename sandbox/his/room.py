"""How many calls the HIS works on at a time, and how long it thinks about each: a slow one is a test of its callers."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.his.clinic import Clinic


class Room:
    """Places inside, and a line before the door; `site.at_once` and `site.think_ms` may change at any time."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._inside = 0
        self._outside: deque[asyncio.Future[None]] = deque()

    @property
    def inside(self) -> int:
        return self._inside

    @property
    def outside(self) -> int:
        return len(self._outside)

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for a place, then for as long as a call is thought about."""
        if self._place() and not self._outside:
            self._inside += 1
        else:
            waiting = asyncio.get_running_loop().create_future()
            self._outside.append(waiting)
            await self._let_in(waiting)
        try:
            if self._clinic.site.think_ms:
                await asyncio.sleep(self._clinic.site.think_ms / 1000)
            yield
        finally:
            self._inside -= 1
            self.look_again()

    def look_again(self) -> None:
        """Lets in, in order, as many as there is place for now."""
        while self._outside and self._place():
            waiting = self._outside.popleft()
            if not waiting.done():
                self._inside += 1
                waiting.set_result(None)

    async def _let_in(self, waiting: asyncio.Future[None]) -> None:
        try:
            await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled():  # let in and cut off in the same moment
                self._inside -= 1
                self.look_again()
            raise

    def _place(self) -> bool:
        return not self._clinic.site.at_once or self._inside < self._clinic.site.at_once
