"""What time takes away, kind by kind: bodies, keys, the audit of reads, at last the history (decision 25).

Runs through the journal's own writer in small marks, so that a running bus goes on meanwhile. Nothing
with an open delivery is ever touched. A day whose last body went loses its key: what backups hold of
that day cannot be read any more either.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from engine.base.clock import SECOND, Clock
from engine.journal import reads
from engine.journal.group import GroupJournal
from engine.journal.keys import DAY
from engine.journal.marks import Forget, Prune, Release, Sweep
from engine.journal.switches import recall
from engine.journal.verbs import PLACES

_PAGE = 200
_KEYS = 2000
_ORPHANED = 3600 * SECOND  # parts come minutes before their message at most
_SETTLING = 3600 * SECOND  # a message may be committed a moment after its release went out of force
_YOUNGEST = 20

Told = Callable[[str, int], None]
"""Told how far it is: (kind, rows or messages gone so far)."""


@dataclass(frozen=True, slots=True)
class Keep:
    """How long each kind is kept, in microseconds. Keys carry their own end."""

    bodies: int = 30 * DAY
    history: int = 730 * DAY
    reads: int = 3 * 365 * DAY


@dataclass
class Pruned:
    """What went."""

    bodies: int = 0
    messages: int = 0
    keys: int = 0
    swept: int = 0
    days: int = 0
    releases: int = 0


async def prune(journal: GroupJournal, keep: Keep, clock: Clock, told: Told) -> Pruned:
    """Removes what is older than `keep` says. May be broken off at any moment and run again."""
    now, pruned = clock.now(), Pruned()
    async for seqs in _finished(journal, now - keep.history, 0):
        pruned.messages += await journal.commit(Prune(seqs, whole=True))
        told("messages", pruned.messages)
    first = (await journal.store.fetch(reads.FIRST_BODY))[0][0]
    async for seqs in _finished(journal, now - keep.bodies, (first or 0) // PLACES):
        pruned.bodies += await journal.commit(Prune(seqs, whole=False))
        told("bodies", pruned.bodies)
    kept = {row[0] for row in await journal.store.fetch(reads.OPEN_DAYS, DAY)}
    for day in await journal.days.place.days():
        if (day + 1) * DAY <= now - keep.bodies and day not in kept:
            await journal.days.forget(day)
            pruned.days += 1
    pruned.keys = await _keys(journal, now, told)
    while gone := await journal.commit(Sweep(now - _ORPHANED, now - keep.reads, now)):
        pruned.swept += gone
        told("swept", pruned.swept)
    pruned.releases = await _releases(journal, now)
    return pruned


async def _releases(journal: GroupJournal, now: int) -> int:
    """Takes away the releases that went out of force before the oldest message came that is still kept: none of the
    messages needs them. The youngest stay, for whoever wants to go back.
    """
    oldest = await journal.store.fetch(reads.OLDEST_RECEIVED)
    before, switches = (oldest[0][0] if oldest else now) - _SETTLING, await recall(journal)
    gone = 0
    for digest, _at, _open in (await journal.store.fetch(reads.RELEASES))[_YOUNGEST:]:
        ended = switches.ended(digest)
        if ended is not None and ended < before:
            await journal.commit(Release(digest, None))
            gone += 1
    return gone


async def _finished(journal: GroupJournal, before: int, first: int) -> AsyncIterator[tuple[int, ...]]:
    """Pages of finished messages received before an instant, from number `first` on, oldest first. The newest
    message stays: numbers count on from it.
    """
    last = first - 1
    while rows := await journal.store.fetch(reads.OLDEST, last, _PAGE):
        old = [row for row in rows if row[1] < before]
        yield tuple(row[0] for row in old if row[2] == 0)
        if len(old) < len(rows):
            return
        last = rows[-1][0]


async def _keys(journal: GroupJournal, now: int, told: Told) -> int:
    gone, last = 0, b""
    while rows := await journal.store.fetch(reads.KEYS, last, _KEYS):
        over = tuple(bytes(row[0]) for row in rows if row[1] < now)
        if over:
            gone += await journal.commit(Forget(over, now))
            told("keys", gone)
        last = bytes(rows[-1][0])
    return gone
