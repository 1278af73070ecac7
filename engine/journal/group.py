"""The journal as the floors above use it: every verb hashes and encrypts, joins the group commit, and returns."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.base.clock import Clock
from engine.base.errors import BusError, Code
from engine.base.ids import Ids
from engine.journal import bodies, marks, reads
from engine.journal.audit import Entry
from engine.journal.bodies import Bodies
from engine.journal.interface import Act, Earlier, Noted, Room
from engine.journal.keys import DAY, DayCiphers, KeyRing
from engine.journal.marks import Known, Mark
from engine.journal.restored import Restored
from engine.journal.settings import Settings
from engine.journal.store import Crash, Store
from engine.journal.turns import Turns
from engine.journal.verbs import PLACES, body_place, standing
from engine.journal.writer import Writer
from engine.model import (
    Accepted,
    Claimed,
    Conflict,
    Duplicate,
    Find,
    NewMessage,
    Outcome,
    Progress,
    Rider,
    State,
    Then,
)
from engine.records import Record, Write

_MOST_QUEUED = 20_000
"""Marks that wait for the database before reads are refused, as nobody waits for their audit and slows down by it."""


class GroupJournal:
    """engine.journal.interface.Journal on any Store."""

    def __init__(
        self,
        store: Store,
        ring: KeyRing,
        days: DayCiphers,
        clock: Clock,
        ids: Ids,
        settings: Settings,
        crash: Crash | None,
    ) -> None:
        self.node = store.node
        self.store = store
        self._ring = ring
        self.days = days
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._writer = Writer(store, clock, crash, self._orphaned)
        self.bodies = Bodies(days, self.commit, self._parts)
        self._turns = Turns()
        self._closed = False
        self._restored = Restored(store.fetch, self.rider, self.ride, settings.longest)

    # --- the five verbs ---

    @property
    def busy(self) -> bool:
        return self._writer.troubled or self.store.low()

    async def accept(self, message: NewMessage, room: Room) -> Accepted | Duplicate | Conflict:
        if self.busy:
            raise BusError(Code.BUSY, "the journal's disk reserve is reached")
        content = _content(message)
        lanes = self._own_lanes(message)
        if not self._turns.held(lanes) and self.bodies.seals_at_once(message.received, content):
            result = await self.commit(await self._accepting(message, lanes, content, room))
        else:
            with self._turns.stand(lanes) as before:
                if before:
                    await asyncio.wait(before)
                result = await self.commit(await self._accepting(message, lanes, content, room))
        return result if isinstance(result, Accepted) else await self._known(result)

    async def split(
        self, delivery: Claimed, first: int, taken: int, children: Sequence[NewMessage], room: Room
    ) -> Sequence[Accepted | Duplicate | Conflict] | None:
        if self.busy:
            raise BusError(Code.BUSY, "the journal's disk reserve is reached")
        parent = body_place(delivery.seq, delivery.step)
        page = [(replace(child, parent=parent), self._own_lanes(child)) for child in children]
        with self._turns.stand({lane for _, lanes in page for lane in lanes}) as before:
            if before:
                await asyncio.wait(before)
            made = tuple([await self._accepting(child, lanes, _content(child), room) for child, lanes in page])
            results = await self.commit(marks.Split(delivery, first, taken, made, room))
        if results is None:
            return None
        return [result if isinstance(result, Accepted) else await self._known(result) for result in results]

    async def claim(self, system: str, room: int) -> Sequence[Claimed]:
        result: list[Claimed] = await self.commit(marks.Claim(system, room))
        return result

    async def give_back(self, claimed: Sequence[Claimed]) -> None:
        if mine := tuple(one for one in claimed if one.state is State.CLAIMED):
            await self.commit(marks.Unclaim(mine))

    async def sending(self, delivery: Claimed, body: bytes | None, sealed: bytes) -> int:
        seal, d = self.bodies.seal, delivery
        stored = None if body is None else await seal(d.received, d.id, bodies.body_of(d.step), body)
        proof = await seal(d.received, d.id, bodies.seal_of(d.step), sealed)
        attempt: int = await self.commit(marks.Sending(d, stored, proof))
        return attempt

    async def settle(self, delivery: Claimed, outcome: Outcome, then: Then, room: Room) -> Progress | None:
        d, packed = delivery, bodies.pack_outcome(outcome)
        what = bodies.reply_of(d.step)
        reply = None if packed is None else await self.bodies.seal(d.received, d.id, what, packed)
        answer = await self._answer(d.received, d.id, then)
        writes = tuple([self._written(write) for write in then.writes])
        amended = then.corrects.amended if then.corrects is not None else ()
        acts = tuple(self._said(f"message {d.id}", "a later version of it") for _ in amended)
        mark = marks.Settle(d, outcome, then, reply, answer, self._lanes(then), room, writes, acts)
        progress: Progress | None = await self.commit(mark)
        return progress

    async def withdraw(self, seq: int, room: Room) -> Progress | None:
        progress: Progress | None = await self.commit(marks.Withdraw(seq, room))
        return progress

    async def act(self, act: Act, then: Then | None, room: Room) -> Progress:
        if act.verb in ("drop", "settle") and then is None:
            raise BusError(Code.STATE_CONFLICT, f"{act.verb}: what follows from it is not known")
        found = await self.store.fetch(reads.MESSAGE, act.seq)
        if not found:
            raise BusError(Code.NOT_FOUND, "no such message")
        id_, received = found[0]
        body = None
        if act.body is not None:
            body = await self.bodies.seal(received, id_, bodies.body_of(act.step), act.body)
        reply = None
        if act.outcome is not None and (packed := bodies.pack_outcome(act.outcome)) is not None:
            reply = await self.bodies.seal(received, id_, bodies.reply_of(act.step), packed)
        answer = None if then is None else await self._answer(received, id_, then)
        act_id, said = self._said(act.who, act.reason)
        lanes = () if then is None else self._lanes(then)
        progress: Progress = await self.commit(marks.Acted(act, act_id, said, body, reply, then, answer, lanes, room))
        return progress

    # --- what else is written ---

    async def ride(self, riders: Sequence[Rider]) -> None:
        await self.commit(marks.Ride(self._riders(riders)))

    async def take(self, name: str, seen: str | None, value: str) -> bool:
        rows = await self.store.fetch(reads.RIDER, name)
        stands = bytes(rows[0][0]) if rows else None
        said = None if stands is None else self._ring.audit.decrypt(stands, name.encode()).decode()
        if said != seen:
            return False
        ((_, sealed),) = self._riders((Rider(name, value),))
        taken: bool = await self.commit(marks.Take(name, stands, sealed))
        return taken

    async def store_release(self, digest: str, content: bytes) -> None:
        await self.commit(marks.Release(digest, content))

    def note(self, read: Noted) -> None:
        if self._writer.queued > _MOST_QUEUED:
            raise BusError(Code.BUSY, "the audit cannot be kept now")
        subject = None if read.subject is None else self._ring.find(read.subject.kind, read.subject.value)
        at = read.at or self._clock.now()
        entry = Entry(
            at, read.operation, read.client, read.channel, read.campus, read.remote, read.effect, read.trace, subject,
            read.code, read.count, read.unmasked, read.took,
        )  # fmt: skip
        self._writer.put(marks.Read(entry, self._ring.chain))

    # --- reading ---

    async def answered(self, seq: int) -> bytes | None:
        id_, received, answer = await self._one(reads.ANSWER, seq)
        return None if answer is None else await self.bodies.open(received, id_, bodies.ANSWER, answer)

    async def held_by(self, seq: int) -> str | None:
        rows = await self.store.fetch(reads.HELD_BY, seq)
        return rows[0][0] if rows else None

    async def unheard(self, delivery: Claimed) -> bool:
        return await self._restored.unheard(delivery)

    async def reaches_back(self, route: str, since: int, begun: int) -> None:
        await self._restored.reaches_back(route, since, begun)

    async def raw(self, seq: int) -> tuple[bytes, dict[str, str]]:
        id_, received, data = await self._one(reads.RAW, seq, seq * PLACES)
        if data is None:
            raise BusError(Code.NOT_FOUND, "the message's body was pruned")
        meta, raw = bodies.unpack(await self.bodies.open(received, id_, bodies.RAW, data))
        return raw, meta

    async def body(self, seq: int, step: int) -> bytes | None:
        id_, received, data = await self._one(reads.RAW, seq, body_place(seq, step))
        return None if data is None else await self.bodies.open(received, id_, bodies.body_of(step), data)

    async def earlier(self, find: Find, seq: int) -> list[Earlier]:
        rows = await self.store.fetch(reads.EARLIER, self._ring.find(find.kind, find.value), seq)
        return [Earlier(standing(row), row[11] or "", bool(row[12]), row[13]) for row in rows]

    async def newer(self, seq: int, step: int) -> Claimed | None:
        rows = await self.store.fetch(reads.NEWER, body_place(seq, step))
        return standing(rows[0]) if rows else None

    async def outcomes(self, seq: int) -> dict[int, tuple[State, Outcome | None]]:
        found: dict[int, tuple[State, Outcome | None]] = {}
        for id_, received, step, state, verdict, code, reply in await self.store.fetch(reads.OUTCOMES, seq):
            outcome = None
            if verdict is not None:
                packed = None
                if reply is not None:
                    packed = await self.bodies.open(received, id_, bodies.reply_of(step), reply)
                outcome = bodies.unpack_outcome(verdict, code or "", packed)
            found[step] = (State(state), outcome)
        return found

    async def steps(self, id_: str) -> list[Claimed]:
        """The deliveries of a message by its id, each with its state; none where there is no such message."""
        rows = await self.store.fetch(reads.STEPS, id_)
        return [standing(row) for row in rows]

    async def taken(self, delivery: Claimed) -> int:
        rows = await self.store.fetch(reads.TAKEN, body_place(delivery.seq, delivery.step))
        return int(rows[0][0]) if rows else 0

    async def rider(self, name: str) -> str | None:
        rows = await self.store.fetch(reads.RIDER, name)
        return self._ring.audit.decrypt(rows[0][0], name.encode()).decode() if rows else None

    async def record(self, kind: str, key: str) -> Record | None:
        hashed = self._ring.record(kind, key)
        rows = await self.store.fetch(reads.RECORD, hashed)
        return self._opened(rows[0]) if rows else None

    async def records(self, kind: str, owner: str) -> list[Record]:
        rows = await self.store.fetch(reads.RECORDS, self._ring.record(kind, owner))
        return [self._opened(row) for row in rows]

    async def release(self, digest: str) -> bytes | None:
        rows = await self.store.fetch(reads.RELEASE, digest)
        return bytes(rows[0][0]) if rows else None

    async def releases(self) -> list[str]:
        return [row[0] for row in await self.store.fetch(reads.RELEASES)]

    async def nodes(self) -> int:
        return await self.store.nodes()

    async def next_due(self, system: str) -> int | None:
        due: int | None = (await self.store.fetch(reads.NEXT_DUE, system))[0][0]
        return due

    async def backlog(self) -> dict[tuple[str, str], int]:
        return {(system, state): count for system, state, count in await self.store.fetch(reads.BACKLOG)}

    async def under_way(self, route: str, most: int) -> int:
        return int((await self.store.fetch(reads.UNDER_WAY, route, most))[0][0])

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await self._writer.finish()
            await self.store.close()

    # --- inside ---

    def _own_lanes(self, message: NewMessage) -> tuple[bytes | None, ...]:
        return tuple([None if new.lane is None else self._ring.lane(new.lane) for new in message.deliveries])

    async def _accepting(
        self, message: NewMessage, lanes: tuple[bytes | None, ...], content: bytes, room: Room
    ) -> marks.Accept:
        """What `accept` asks of a commit for this message."""
        ring, key = self._ring, message.key
        sealed = await self.bodies.seal(message.received, message.id, bodies.RAW, content)
        return marks.Accept(
            message,
            None if key is None else ring.key(message.route, message.sender, key),
            ring.digest(message.digest),
            message.received + self._settings.keep_keys,
            sealed,
            lanes,
            tuple([ring.find(find.kind, find.value) for find in message.finds]),
            self._riders(message.riders) if message.riders else (),
            room,
        )

    async def commit(self, mark: Mark) -> Any:
        """Joins a mark of this floor (upkeep has some of its own) to the group commit, and returns its result."""
        if self._closed:
            raise BusError(Code.BUSY, "the journal is closed")
        future = self._writer.put(mark)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._orphaned(mark, future.result())
            raise

    def _orphaned(self, mark: Mark, result: Any) -> None:
        """Nobody heard that these were claimed for this node: they are given back."""
        if isinstance(mark, marks.Claim):
            claimed: Sequence[Claimed] = result if isinstance(result, list) else ()
        elif isinstance(mark, marks.Split):
            claimed = [one for child in result or () for one in getattr(child, "claimed", ())]
            for delivery in claimed:
                mark.room.give(delivery.system)
        elif isinstance(mark, marks.Accept | marks.Settle | marks.Withdraw | marks.Acted):
            claimed = getattr(result, "claimed", ())
            for delivery in claimed:
                mark.room.give(delivery.system)
        else:
            return
        if mine := tuple(d for d in claimed if d.state is State.CLAIMED):
            self._writer.put(marks.Unclaim(mine))

    async def _known(self, known: Known) -> Duplicate | Conflict:
        if not known.same:
            return Conflict(known.seq, known.id)
        answer = known.answer
        if answer is not None:
            answer = await self.bodies.open(known.received, known.id, bodies.ANSWER, answer)
        return Duplicate(known.seq, known.id, answer)

    async def _answer(self, received: int, id_: str, then: Then) -> bytes | None:
        if then.answer is None:
            return None
        return await self.bodies.seal(received, id_, bodies.ANSWER, then.answer)

    def _lanes(self, then: Then) -> tuple[bytes | None, ...]:
        return tuple(None if added.lane is None else self._ring.lane(added.lane) for added in then.add)

    def _said(self, who: str, why: str) -> tuple[str, bytes]:
        """Id and words of an act, as they are kept."""
        id_ = self._ids.message()
        return id_, self._ring.audit.encrypt(bodies.pack({"who": who, "reason": why}, b""), id_.encode())

    def _written(self, write: Write) -> marks.Written:
        key = self._ring.record(write.kind, write.key)
        owner = None if write.owner is None else self._ring.record(write.kind, write.owner)
        value = None if write.value is None else self._ring.records.encrypt(write.value, key)
        return marks.Written(key, write.kind, write.version, value, owner, write.until)

    def _opened(self, row: Sequence[Any]) -> Record:
        key, version, value, until = row
        return Record(self._ring.records.decrypt(bytes(value), bytes(key)), version, until)

    def _riders(self, riders: Sequence[Rider]) -> tuple[tuple[str, bytes], ...]:
        encrypt = self._ring.audit.encrypt
        return tuple((rider.name, encrypt(rider.value.encode(), rider.name.encode())) for rider in riders)

    async def _parts(self, id_: str, what: str) -> list[bytes]:
        return [bytes(row[0]) for row in await self.store.fetch(reads.PARTS, id_, what)]

    async def _one(self, statement: str, seq: int, *more: Any) -> Sequence[Any]:
        rows = await self.store.fetch(statement, seq, *more)
        if not rows:
            raise BusError(Code.NOT_FOUND, "no such message")
        return rows[0]


def _content(message: NewMessage) -> bytes:
    return bodies.pack(dict(message.meta), message.raw)


async def days_ahead(days: DayCiphers, clock: Clock) -> None:
    """Makes the keys of today and tomorrow, so that midnight finds its key already there."""
    for received in (clock.now(), clock.now() + DAY):
        if days.at(received) is None:
            await days.make(received)
