"""The clock of the HIS: runs with the machine's, ahead of it or behind, or stands still; it survives a restart.

Only what the hospital itself decides by time reads it (locks, schedules, windows); ledgers of calls keep real time.
"""

import asyncio
from datetime import date, datetime

from sandbox import times
from sandbox.store import Store

_FACT = "his_clock"


class Clock:
    """`offset` microseconds from real time, or `held` at one instant."""

    def __init__(self, store: Store) -> None:
        self._store = store
        kept = store.value("select value from facts where name = ?", _FACT) or "0 "
        offset, _, held = str(kept).partition(" ")
        self._offset = int(offset)
        self._held = int(held) if held else None
        self._moved = asyncio.Event()

    def now(self) -> int:
        """Microseconds since 1970, UTC."""
        return self._held if self._held is not None else times.now() + self._offset

    def today(self) -> date:
        """The date on the hospital's wall."""
        return times.local(self.now()).date()

    @property
    def held(self) -> bool:
        return self._held is not None

    def advance(self, seconds: float) -> None:
        """Moves on by so many seconds; negative: back."""
        self._to(self.now() + int(seconds * times.SECOND))

    def put(self, shown: str) -> None:
        """Moves to a time as `times.shown` writes it; ValueError when it is none."""
        self._to(times.instant(datetime.strptime(shown, "%Y-%m-%d %H:%M:%S").replace(tzinfo=times.ZONE)))

    def hold(self, still: bool) -> None:
        """Stands still, or runs on from where it stands."""
        now = self.now()
        self._held = now if still else None
        self._to(now)

    async def until(self, due: int) -> None:
        """Waits for an instant of this clock, however it gets there."""
        while (left := due - self.now()) > 0:
            self._moved.clear()
            wait = None if self.held else left / times.SECOND
            try:
                await asyncio.wait_for(self._moved.wait(), wait)
            except TimeoutError:
                continue

    def _to(self, instant: int) -> None:
        if self._held is not None:
            self._held = instant
        self._offset = instant - times.now()
        kept = f"{self._offset} {'' if self._held is None else self._held}"
        self._store.run(
            "insert into facts values (?, ?) on conflict (name) do update set value = excluded.value", _FACT, kept
        )
        self._moved.set()
