"""What people ask of a journal, with or without a bus: lists, finds, the whole way of one message.

Reads only. Bodies and replies are not part of it: `export.py` gives them, to who holds the key.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, select

from engine.journal import bodies, reads
from engine.journal.errors import Gone, WrongKey
from engine.journal.keys import DayReader, KeyRing
from engine.journal.reader import Reader, open_reader
from engine.journal.switches import RIDER, Switches
from engine.journal.tables import acts, attempts, deliveries, evidence, finds, messages, records
from engine.journal.verbs import PLACES, parent_of

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Step:
    """One delivery as it stands. Times are microseconds UTC."""

    step: int
    system: str
    state: str
    attempt: int
    due: int
    outcome: str | None
    code: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a list."""

    seq: int
    id: str
    route: str
    received: int
    open: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, or an outcome kept beside it. `n` 0: an outcome without a call."""

    step: int
    n: int
    at: int
    ended: int | None
    outcome: str | None
    code: str | None
    backend_code: str
    late: bool
    """It changed nothing (too late), or a later outcome replaced it."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a person did, and why."""

    at: int
    step: int
    verb: str
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole way of one message."""

    line: Line
    release: str
    deadline: int | None
    answered: bool
    parent: str | None
    children: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    acts: tuple[Done, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """The texts of one hash."""

    digest: str
    at: int
    """When it was kept first."""
    open: int
    """Messages accepted under it that have not ended."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to; None: anything. Times are microseconds UTC."""

    route: str | None = None
    state: str | None = None
    system: str | None = None
    since: int | None = None
    until: int | None = None
    before: int | None = None
    """Only messages with a smaller `seq`: the next page."""
    limit: int = 50


class History:
    """Made by `open_history`; newest first wherever there is an order."""

    def __init__(self, reader: Reader, ring: KeyRing, days: DayReader) -> None:
        self.reader = reader
        self.ring = ring
        self.bodies = bodies.BodyReader(days, self._parts)

    async def search(self, wanted: Wanted = Wanted()) -> list[Line]:
        """Messages that fit."""
        return await self._lines(_narrowed(_LINES, wanted))

    async def find(self, kind: str, value: str, wanted: Wanted = Wanted()) -> list[Line]:
        """Messages about a patient, an order, a control id …: whatever kind their shape names."""
        found = exists().where(finds.c.hash == self.ring.find(kind, value), finds.c.message == messages.c.seq)
        return await self._lines(_narrowed(_LINES.where(found), wanted))

    async def trace(self, id_: str) -> Trace | None:
        """Every step, attempt and act of one message; None: there is no such message."""
        rows = await self.reader.select(_TRACED.where(messages.c.id == id_))
        if not rows:
            return None
        seq, route, received, left, release, deadline, parent, answer = rows[0]
        (line,) = await self._with_steps([(seq, id_, route, received, left)])
        up = (
            await self.reader.select(select(messages.c.id).where(messages.c.seq == parent_of(parent))) if parent else []
        )
        down = await self.reader.select(
            _CHILDREN.where(messages.c.parent.between(seq * PLACES, (seq + 1) * PLACES - 1))
        )
        return Trace(
            line,
            release,
            deadline,
            answer is not None,
            up[0][0] if up else None,
            tuple(row[0] for row in down),
            tuple([await self._attempt(id_, received, row) for row in await self._tried(seq)]),
            tuple(self._done(row) for row in await self.reader.select(_ACTS.where(acts.c.message == seq))),
        )

    async def releases(self) -> list[Release]:
        """The releases that are kept, the youngest first."""
        return [Release(*row) for row in await self.reader.fetch(reads.RELEASES)]

    async def switches(self) -> Switches:
        """When each came into force, and where."""
        rows = await self.reader.fetch(reads.RIDER, RIDER)
        return Switches.read(self.ring.audit.decrypt(bytes(rows[0][0]), RIDER.encode()).decode() if rows else None)

    async def counts(self) -> dict[tuple[str, str], int]:
        """Deliveries by (system, state)."""
        grouped = select(deliveries.c.system, deliveries.c.state, func.count()).group_by(
            deliveries.c.system, deliveries.c.state
        )
        return {(system, state): count for system, state, count in await self.reader.select(grouped)}

    async def records(self) -> AsyncIterator[tuple[str, bytes | None, int | None]]:
        """Every record of our own: its kind, its value (None where it does not open), when it may be forgotten."""
        last = b""
        while rows := await self.reader.select(_RECORDS.where(records.c.key > last).limit(_PAGE)):
            for key, kind, value, until in rows:
                try:
                    clear = self.ring.records.decrypt(bytes(value), bytes(key))
                except WrongKey:
                    clear = None
                yield kind, clear, until
            last = bytes(rows[-1][0])

    async def close(self) -> None:
        await self.reader.close()

    async def _lines(self, statement: Select[Any]) -> list[Line]:
        return await self._with_steps(await self.reader.select(statement))

    async def _with_steps(self, rows: Sequence[Sequence[Any]]) -> list[Line]:
        steps: dict[int, list[Step]] = {row[0]: [] for row in rows}
        if steps:
            for message, *columns in await self.reader.select(_STEPS.where(deliveries.c.message.in_(list(steps)))):
                steps[message].append(Step(*columns))
        return [Line(seq, id_, route, received, left, tuple(steps[seq])) for seq, id_, route, received, left in rows]

    async def _tried(self, seq: int) -> list[tuple[Any, ...]]:
        made = await self.reader.select(_ATTEMPTS.where(attempts.c.message == seq))
        kept = await self.reader.select(_EVIDENCE.where(evidence.c.message == seq))
        rows = [(*row, False) for row in made] + [
            (step, n, at, at, outcome, code, reply, True) for step, n, at, outcome, code, reply in kept
        ]
        return sorted(rows, key=lambda row: (row[2], row[0], row[1]))

    async def _attempt(self, id_: str, received: int, row: Sequence[Any]) -> Attempt:
        step, n, at, ended, outcome, code, reply, late = row
        said = ""
        if reply is not None:
            try:
                packed = await self.bodies.open(received, id_, bodies.reply_of(step), bytes(reply))
                said = bodies.unpack(packed)[0]["code"]
            except Gone:
                said = ""
        return Attempt(step, n, at, ended, outcome, code, said, late)

    def _done(self, row: Sequence[Any]) -> Done:
        act_id, at, step, verb, said = row
        words, _ = bodies.unpack(self.ring.audit.decrypt(bytes(said), act_id.encode()))
        return Done(at, step, verb, words["who"], words["reason"])

    async def _parts(self, id_: str, name: str) -> list[bytes]:
        rows = await self.reader.fetch(reads.PARTS, id_, name)
        return [bytes(row[0]) for row in rows]


async def open_history(url: str, ring: KeyRing, keys: str | None = None) -> History:
    """A journal for reading; `keys` is the folder of day keys, as in Settings. Raises WrongKey, JournalError."""
    reader, source = await open_reader(url, ring, keys)
    return History(reader, ring, DayReader(ring, source))


_RECORDS = select(records.c.key, records.c.kind, records.c.value, records.c.until).order_by(records.c.key)
_CHILDREN = select(messages.c.id).order_by(messages.c.seq)
_LINES = select(messages.c.seq, messages.c.id, messages.c.route, messages.c.received, messages.c.open)
_TRACED = select(
    messages.c.seq,
    messages.c.route,
    messages.c.received,
    messages.c.open,
    messages.c.release,
    messages.c.deadline,
    messages.c.parent,
    messages.c.answer,
)
_d = deliveries.c
_STEPS = select(_d.message, _d.step, _d.system, _d.state, _d.attempt, _d.due, _d.outcome, _d.code, _d.why).order_by(
    _d.message, _d.step
)
_a = attempts.c
_ATTEMPTS = select(_a.step, _a.n, _a.at, _a.ended, _a.outcome, _a.code, _a.reply)
_e = evidence.c
_EVIDENCE = select(_e.step, _e.n, _e.at, _e.outcome, _e.code, _e.reply)
_ACTS = select(acts.c.id, acts.c.at, acts.c.step, acts.c.verb, acts.c.said).order_by(acts.c.at, acts.c.id)


def _narrowed(statement: Select[Any], wanted: Wanted) -> Select[Any]:
    narrow: list[ColumnElement[bool]] = []
    if wanted.route is not None:
        narrow.append(messages.c.route == wanted.route)
    if wanted.since is not None:
        narrow.append(messages.c.received >= wanted.since)
    if wanted.until is not None:
        narrow.append(messages.c.received < wanted.until)
    if wanted.before is not None:
        narrow.append(messages.c.seq < wanted.before)
    if wanted.state is not None or wanted.system is not None:
        step = [_d.message == messages.c.seq]
        if wanted.state is not None:
            step.append(_d.state == wanted.state)
        if wanted.system is not None:
            step.append(_d.system == wanted.system)
        narrow.append(exists().where(and_(*step)))
    return statement.where(*narrow).order_by(messages.c.seq.desc()).limit(wanted.limit)
