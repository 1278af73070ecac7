"""Our own records in a batch on PostgreSQL: who decided upon what stands no longer, and what is written."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from engine.journal import postgres as sql
from engine.journal import verbs
from engine.journal.marks import Settle
from engine.journal.postgres_accept import columns


class Records:
    """Of one batch. Their keys were locked by its opening, so what is looked at here stands until the commit."""

    def __init__(self, rows: Callable[..., Awaitable[Any]], run: Callable[..., Awaitable[Any]]) -> None:
        self._rows = rows
        self._run = run

    async def moved(self, marks: Sequence[Settle]) -> set[int]:
        """The places in `marks` of those that were decided upon a record that has changed."""
        looked = [(place, one.key, one.version) for place, mark in enumerate(marks) for one in mark.writes]
        return {row[0] for row in await self._rows(sql.MOVED, *columns(looked, 3))} if looked else set()

    async def write(self, marks: Sequence[Settle]) -> None:
        """What settles that happen change. No two of them change the same record: see `apart`."""
        writes = [
            (one, verbs.body_place(mark.delivery.seq, mark.delivery.step)) for mark in marks for one in mark.writes
        ]
        if gone := [one.key for one, _ in writes if one.value is None]:
            await self._run(sql.NO_RECORDS, gone)
        kept = [
            (one.key, one.kind, one.owner, version, one.value, one.until)
            for one, version in writes
            if one.value is not None
        ]
        if kept:
            await self._run(sql.RECORDS, *columns(kept, 6))


def apart(marks: Sequence[Settle]) -> tuple[list[Settle], list[Settle]]:
    """The marks that share no message (also none that one amends) and no record with one before them, and the rest."""
    now: list[Settle] = []
    later: list[Settle] = []
    taken: set[int | bytes] = set()
    for mark in marks:
        named: set[int | bytes] = {mark.delivery.seq, *(one.key for one in mark.writes), *verbs.amended(mark)}
        (now if taken.isdisjoint(named) else later).append(mark)
        taken |= named
    return now, later
