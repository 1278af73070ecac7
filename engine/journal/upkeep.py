"""Looking after a journal: is it sound, can it be read, may old parts of it go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select

from engine.journal import bodies as names
from engine.journal.audit import COLUMNS, Chain, Checker
from engine.journal.errors import Damaged, Gone, WrongKey
from engine.journal.history import History
from engine.journal.invariants import INVARIANTS
from engine.journal.tables import attempts, bodies, messages, reads
from engine.journal.verbs import PLACES

_PAGE = 200
_SHOWN = 10

Told = Callable[[int, int], None]
"""Told how far it is: (messages done, messages in all)."""


@dataclass
class Verified:
    """What `verify` found. Sound: nothing broken and nothing unreadable."""

    messages: int = 0
    damage: list[str] = field(default_factory=list)
    """What is wrong with the file itself: then nothing else was looked at, as nothing in it can be relied on."""
    broken: dict[str, list[int]] = field(default_factory=dict)
    """An invariant in words, and the numbers of up to ten messages that break it."""
    unreadable: list[int] = field(default_factory=list)
    """Messages of which something does not open with its key: raw or mapped body, seal, reply, answer."""
    audit: list[int] = field(default_factory=list)
    """Rows of the audit (up to ten) that are not as they were written, or do not follow the one before them."""
    chains: dict[str, Chain] = field(default_factory=dict)
    """The audit's chains by node: kept elsewhere, a head proves later that nothing was cut off behind it."""
    records: int = 0
    """Records of our own."""
    lost: dict[str, int] = field(default_factory=dict)
    """Kinds of records to how many of them do not open with their key."""
    gone: int = 0
    """Messages whose day's key was deleted: not a fault, and not to be read by anyone."""

    @property
    def sound(self) -> bool:
        return not (self.damage or self.broken or self.unreadable or self.audit or self.lost)


async def verify(history: History, told: Told) -> Verified:
    """Checks the file, every invariant and every row of the audit, and opens everything that is kept encrypted."""
    found = Verified(damage=await history.reader.damage())
    if found.damage:
        return found
    try:
        await _check(history, found, told)
    except Damaged as damaged:
        found.damage.append(str(damaged))
    return found


async def _check(history: History, found: Verified, told: Told) -> None:
    await _check_audit(history, found)
    await _check_records(history, found)
    for words, statement in INVARIANTS.items():
        if rows := await history.reader.fetch(f"{statement} limit 10"):
            found.broken[words] = [row[0] for row in rows]
    total = (await history.reader.select(select(func.count()).select_from(messages)))[0][0]
    last = 0
    while rows := await history.reader.select(_MESSAGES.where(messages.c.seq > last)):
        sealed = await _sealed(history, rows[0][0], rows[-1][0])
        for seq, id_, received, answer in rows:
            found.messages += 1
            kept = [*sealed.get(seq, ()), *([(names.ANSWER, answer)] if answer is not None else ())]
            await _open(history, found, seq, id_, received, kept)
        last = rows[-1][0]
        told(found.messages, total)


async def _sealed(history: History, first: int, last: int) -> dict[int, list[tuple[str, bytes]]]:
    """What is kept encrypted of these messages beside their answers: its name and its bytes, by message."""
    sealed: dict[int, list[tuple[str, bytes]]] = {}
    places = bodies.c.place.between(first * PLACES, (last + 1) * PLACES - 1)
    for place, data in await history.reader.select(select(bodies.c.place, bodies.c.data).where(places)):
        seq, part = divmod(place, PLACES)
        sealed.setdefault(seq, []).append((names.body_of(part - 1) if part else names.RAW, data))
    for seq, step, seal, reply in await history.reader.select(_ATTEMPTS.where(attempts.c.message.between(first, last))):
        kept = sealed.setdefault(seq, [])
        kept += [(name, data) for name, data in ((names.seal_of(step), seal), (names.reply_of(step), reply)) if data]
    return sealed


async def _check_audit(history: History, found: Verified) -> None:
    checker, last = Checker(history.ring.chain), 0
    rows = select(reads.c.id, *(reads.c[name] for name in COLUMNS)).order_by(reads.c.id).limit(_PAGE)
    while page := await history.reader.select(rows.where(reads.c.id > last)):
        if last and not await history.reader.select(select(reads.c.id).where(reads.c.id == last)):
            checker.cut()  # a running bus pruned it
        for number, *row in page:
            if not checker.holds(row) and len(found.audit) < _SHOWN:
                found.audit.append(number)
        last = page[-1][0]
    found.chains = checker.chains


async def _check_records(history: History, found: Verified) -> None:
    async for kind, value, _ in history.records():
        found.records += 1
        if value is None:
            found.lost[kind] = found.lost.get(kind, 0) + 1


async def _open(
    history: History, found: Verified, seq: int, id_: str, received: int, kept: Sequence[tuple[str, bytes]]
) -> None:
    try:
        for name, data in kept:
            await history.bodies.open(received, id_, name, bytes(data))
    except Gone:
        found.gone += 1
    except WrongKey:
        found.unreadable.append(seq)


_MESSAGES = (
    select(messages.c.seq, messages.c.id, messages.c.received, messages.c.answer).order_by(messages.c.seq).limit(_PAGE)
)
_ATTEMPTS = select(attempts.c.message, attempts.c.step, attempts.c.sealed, attempts.c.reply)
