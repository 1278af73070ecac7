"""What a restore leaves behind: a journal as old as its backup, whose open deliveries may have been done since.

The life between backup and loss is unknown to the journal. So what is from before the restore, or descends from it, is
nobody's to send before it was asked about: delivery records such an attempt as in doubt (`engine/delivery/send.py`).
What a schedule finds again, as its last good run in the backup was before the restore, is no other.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from engine.journal import reads
from engine.model import Claimed, Rider

RESTORED = "restored"
"""The fact that holds the instant of the last restore, in microseconds UTC."""

FORGET = f"delete from facts where name = '{RESTORED}'"
REMEMBER = f"insert into facts (name, value) values ('{RESTORED}', $1)"

TRIED = "select 1 from attempts where message = $1 and step = $2 and n > 0 and at >= $3 limit 1"
ORIGINS = """
with recursive up (route, received, parent) as (
  select route, received, parent from messages where seq = $1
  union all select m.route, m.received, m.parent from up join messages m on m.seq = up.parent / 4096)
select route, received from up
"""
"""The message and those that it descends from."""


class Restored:
    """Says what may have been done in the life that was lost. Asks nothing where a journal was never restored."""

    def __init__(
        self,
        fetch: Callable[..., Awaitable[Sequence[Sequence[Any]]]],
        rider: Callable[[str], Awaitable[str | None]],
        ride: Callable[[Sequence[Rider]], Awaitable[None]],
        longest: int,
    ) -> None:
        """`fetch`, `rider`, `ride`: the journal's own. `longest`: no delivery goes on for longer."""
        self._fetch = fetch
        self._rider = rider
        self._ride = ride
        self._longest = longest
        self._at: int | None = None

    async def unheard(self, delivery: Claimed) -> bool:
        """Whether it may have been done, and nothing was heard of it since."""
        at = await self._instant()
        if not at or delivery.received > at + self._longest:
            return False
        if await self._fetch(TRIED, delivery.seq, delivery.step, at):
            return False
        for route, received in await self._fetch(ORIGINS, delivery.seq):
            if received < at or received <= int(await self._rider(_run_of(route)) or 0):
                return True
        return False

    async def reaches_back(self, route: str, since: int, begun: int) -> None:
        """A run that began at `begun` finds what has come up since `since`: its messages bear the instant `begun`."""
        if since < await self._instant() <= begun:
            await self._ride((Rider(_run_of(route), str(begun)),))

    async def _instant(self) -> int:
        if self._at is None:
            rows = await self._fetch(reads.FACT, RESTORED)
            self._at = int(rows[0][0]) if rows else 0
        return self._at


def _run_of(route: str) -> str:
    return f"{RESTORED}/{route}"
