"""One batch on PostgreSQL: the verbs in their order, a statement for each kind of mark (delivery.md §3, §4)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from engine.base.errors import BusError
from engine.journal import audit, verbs
from engine.journal import postgres as sql
from engine.journal.errors import Moved
from engine.journal.marks import (
    Accept,
    Acted,
    Claim,
    Forget,
    Known,
    Mark,
    Part,
    Prune,
    Read,
    Release,
    Ride,
    Sending,
    Settle,
    Split,
    Sweep,
    Take,
    Unclaim,
    Withdraw,
)
from engine.journal.postgres_accept import Accepting, columns
from engine.journal.postgres_amend import Amending
from engine.journal.postgres_follow import Followed, Hears, ending, settling
from engine.journal.postgres_records import Records, apart
from engine.journal.settings import Settings
from engine.model import FINAL, Accepted, Claimed, Progress, State, Then

Verb = Callable[[Sequence[Any]], Awaitable[Sequence[Any]]]


class Batch:
    """Runs marks on a connection whose transaction was opened (`opening`); the caller commits or rolls back."""

    def __init__(self, connection: Any, owner: str, now: int, settings: Settings) -> None:
        self._rows = connection.fetch
        self._run = connection.execute
        self._owner = owner
        self._node = owner.rpartition("/")[0]
        self._now = now
        self._settings = settings
        self.rooms = verbs.Rooms()
        self._accepting = Accepting(self._rows, self._run, owner, now, self.rooms)
        self._records = Records(self._rows, self._run)
        self._amending = Amending(self._rows, self._run, now)

    async def run(self, marks: Sequence[Mark]) -> list[Any]:
        """The result of each mark, in the order of `marks`; a BusError stands for one that was said no to."""
        results: list[Any] = [None] * len(marks)
        kinds: dict[type, list[int]] = {}
        for number, mark in enumerate(marks):
            kinds.setdefault(type(mark), []).append(number)
        for kind, verb in self._order():
            if numbers := kinds.get(kind):
                found = await verb([marks[number] for number in numbers])
                for number, result in zip(numbers, found, strict=True):
                    results[number] = result
        return results

    def _order(self) -> tuple[tuple[type, Verb], ...]:
        return (
            (Acted, self._acts),
            (Withdraw, self._withdraw),
            (Unclaim, self._unclaim),
            (Settle, self._settle),
            (Accept, self._accepting.accept),
            (Split, self._splits),
            (Ride, self._ride),
            (Take, self._take),
            (Sending, self._sending),
            (Claim, self._claim),
            (Part, self._parts),
            (Release, self._release),
            (Read, self._reads),
            (Prune, self._prune),
            (Forget, self._forget),
            (Sweep, self._sweep),
        )

    # --- split, claim, sending ---

    async def _splits(self, marks: Sequence[Split]) -> list[list[Accepted | Known] | None]:
        return [await self._split(mark) for mark in marks]

    async def _split(self, mark: Split) -> list[Accepted | Known] | None:
        d, place = mark.delivery, verbs.body_place(mark.delivery.seq, mark.delivery.step)
        if not await self._rows(sql.SPLITTING, d.seq, d.step, self._owner, d.first_due, place, mark.first):
            return None
        results = await self._accepting.accept(mark.children) if mark.children else []
        await self._run(sql.SPLIT, place, mark.taken, verbs.count_open(mark.children, results))
        return results

    async def _claim(self, marks: Sequence[Claim]) -> list[list[Claimed]]:
        results = []
        for mark in marks:
            now, room = self._now, mark.room
            await self._run(sql.MEND, now, mark.system, now + self._settings.longest)
            asked = await self._rows(sql.ASK, mark.system, now, room, now + self._settings.ask_limit)
            ready = await self._rows(sql.CLAIM, mark.system, now, room - len(asked), self._owner)
            results.append(
                [verbs.claimed(row, State.DOUBTFUL, row[13]) for row in asked] + [verbs.claimed(row) for row in ready]
            )
        return results

    async def _unclaim(self, marks: Sequence[Unclaim]) -> list[None]:
        rows = [(d.seq, d.step, d.attempt) for mark in marks for d in mark.deliveries]
        await self._run(sql.UNCLAIM, *columns(rows, 3), self._owner)
        return [None] * len(marks)

    async def _sending(self, marks: Sequence[Sending]) -> list[int]:
        first: dict[tuple[int, int, int], Sending] = {}
        for mark in marks:
            first.setdefault((mark.delivery.seq, mark.delivery.step, mark.delivery.first_due), mark)
        *rows, claims = columns([(*place[:2], mark.sealed, mark.body, place[2]) for place, mark in first.items()], 5)
        sent = await self._rows(sql.SENDING, *rows, self._now, self._owner, claims)
        attempts = {id(first[row[0], row[1], row[3]]): row[2] for row in sent}
        return [attempts.get(id(mark), 0) for mark in marks]

    # --- settle and what follows ---

    async def _settle(self, marks: Sequence[Settle]) -> list[Progress | Moved | None]:
        """In rounds with one mark a message and a record, as one statement changes a row only once."""
        results: dict[int, Progress | Moved | None] = {}
        wave, waiting = apart(marks)
        while wave:
            moved = await self._records.moved(wave) | await self._amending.moved(wave)
            results.update({id(mark): Moved() for place, mark in enumerate(wave) if place in moved})
            if stand := [mark for place, mark in enumerate(wave) if place not in moved]:
                results.update(await self._settle_wave(stand))
            wave, waiting = apart(waiting)
        return [results[id(mark)] for mark in marks]

    async def _settle_wave(self, marks: Sequence[Settle]) -> dict[int, Progress | None]:
        *arrays, claims = columns([settling(mark) for mark in marks], 13)
        settled = {row[0]: row for row in await self._rows(sql.SETTLE, *arrays, self._now, self._owner, claims)}
        late = [mark for mark in marks if mark.delivery.seq not in settled]
        if late:
            endings = [(m.delivery.seq, m.delivery.step, m.delivery.attempt, *ending(m)) for m in late]
            await self._run(sql.LATE, *columns(endings, 6), self._now)
        current = [mark for mark in marks if mark.delivery.seq in settled]
        if uncalled := [m for m in current if m.reply is not None and not settled[m.delivery.seq][3]]:
            said = [(m.delivery.seq, m.delivery.step, *ending(m)) for m in uncalled]
            await self._run(sql.WITHOUT_CALL, *columns(said, 5), self._now)
        await self._records.write(current)
        followed = []
        for mark in current:
            seq, then = mark.delivery.seq, mark.then
            followed.append(Followed(seq, then, mark, None if verbs.keeps_place(then) else settled[seq][2]))
        corrections = [mark for mark in current if mark.then.corrects is not None]
        hears = {id(mark): Hears({mark.delivery.seq: 0}) for mark in corrections}
        for mark in corrections:
            await self._amending.hold(mark, hears[id(mark)])
        progress = await self._follow(followed)
        for place, mark in enumerate(current):
            if id(mark) in hears:
                await self._amending.amend(mark, hears[id(mark)])
                progress[place] = await self._went(mark, progress[place], hears[id(mark)])
        told: dict[int, Progress | None] = {id(mark): None for mark in late}
        return told | {id(mark): one for mark, one in zip(current, progress, strict=True)}

    async def _follow(self, followed: Sequence[Followed]) -> list[Progress]:
        """What follows from new states, one a message: steps freed, skipped, added, answers, and who may go now."""
        hears = Hears()
        for place, one in enumerate(followed):
            hears.messages[one.seq] = place
            hears.lane(one.let_go, place)
        done = await self._steps(followed, hears)
        finished = await self._open(
            [(one.seq, count, one.mark.answer) for one, count in zip(followed, done, strict=True)], hears
        )
        freed = [verbs.Freed(one.mark.room) for one in followed]
        await self._promote(hears, [one.seq for one in followed if one.then.freed or one.then.add], freed)
        return [
            Progress(tuple(f.claimed), frozenset(f.ready), one.seq in finished)
            for f, one in zip(freed, followed, strict=True)
        ]

    async def _steps(self, followed: Sequence[Followed], hears: Hears) -> list[int]:
        """Steps freed, skipped and added. Returns by how many each message has fewer open now."""
        done = [int(one.then.state in FINAL) for one in followed]
        if freed := [(one.seq, step) for one in followed for step in one.then.freed]:
            await self._run(sql.FREED, *columns(freed, 2))
        await self._made([one for one in followed if one.then.awaited is not None], hears)
        if skip := [(one.seq, step) for one in followed for step in one.then.skip]:
            for seq, lane in await self._rows(sql.SKIP, *columns(skip, 2)):
                done[hears.messages[seq]] += 1
                hears.lane(lane, hears.messages[seq])
        if add := [
            (one.seq, added.step, added.system, lane, added.needs)
            for one in followed
            for added, lane in zip(one.then.add, one.mark.lanes, strict=True)
        ]:
            for (seq,) in await self._rows(sql.ADD, *columns(add, 5), self._now):
                done[hears.messages[seq]] -= 1
            for seq, _, _, lane, _ in add:
                hears.lane(lane, hears.messages[seq])
            await self._run(sql.YIELD, [lane for _, _, _, lane, _ in add])
        return done

    async def _made(self, followed: Sequence[Followed], hears: Hears) -> None:
        """Steps whose children are all made: what awaits these is kept for the last of them, or free now."""
        if not followed:
            return
        waiting = {one.place: one.then.awaited or () for one in followed}
        await self._run(sql.MADE, list(waiting), [verbs.written(steps) for steps in waiting.values()])
        kept = {row[0] for row in await self._rows(sql.KEPT, list(waiting))}
        now = [
            (verbs.parent_of(place), step) for place, steps in waiting.items() if place not in kept for step in steps
        ]
        await self._free(now, hears)

    async def _open(self, rows: Sequence[tuple[int, int, bytes | None]], hears: Hears) -> set[int]:
        """Counts what was done of each message and keeps answers; who waited for children that are finished is free.
        Returns the messages that are finished.
        """
        done = {row[0]: row[1] for row in rows if row[1] or row[2] is not None}
        if not done:
            return set()
        changed = await self._rows(sql.OPEN, *columns([row for row in rows if row[0] in done], 3))
        finished = {seq: parent for seq, left, parent in changed if left == 0}
        ended: dict[int, list[int]] = {}
        for seq, parent in finished.items():
            if parent is not None and done[seq]:
                ended.setdefault(parent, []).append(seq)
        if ended:
            places = sorted(ended)
            await self._run(sql.CHILDREN_DONE, places, [len(ended[place]) for place in places])
            over = await self._rows(sql.ALL_DONE, places)
            for place, _ in over:
                hears.messages.setdefault(verbs.parent_of(place), hears.messages[ended[place][0]])
            await self._free([(verbs.parent_of(p), step) for p, freed in over for step in verbs.steps_in(freed)], hears)
        return set(finished)

    async def _free(self, steps: Sequence[tuple[int, int]], hears: Hears) -> None:
        """Steps that waited for children: they need one thing less."""
        if steps:
            await self._run(sql.FREED, *columns(steps, 2))
            hears.woken.update(seq for seq, _ in steps)

    async def _promote(self, hears: Hears, messages: Sequence[int], freed: Sequence[verbs.Freed]) -> None:
        """Lets go whoever has become free in the lanes of `hears` and in `messages`."""
        heads = await self._rows(sql.HEAD, sorted(hears.lanes)) if hears.lanes else []
        may = sorted(hears.woken.union(messages))
        if not heads and not may:
            return
        rows = []
        for row in await self._rows(sql.FREE, *columns([tuple(head) for head in heads], 2), may):
            one, system, due = freed[hears.of(row[0], row[6])], row[5], max(row[13], self._now)
            mine = due == self._now and self.rooms.take(one.room, system) > 0
            rows.append((row[0], row[1], mine, due))
            if mine:
                one.claimed.append(verbs.claimed((*row[:10], due, *row[11:13])))
            else:
                one.ready.add(system)
        if rows:
            await self._run(sql.GO, *columns(rows, 4), self._owner)

    # --- withdraw, acts of people ---

    async def _withdraw(self, marks: Sequence[Withdraw]) -> list[Progress | None]:
        gone: dict[int, list[bytes | None]] = {}
        for seq, lane in await self._rows(sql.WITHDRAW, [mark.seq for mark in marks]):
            gone.setdefault(seq, []).append(lane)
        if not gone:
            return [None] * len(marks)
        await self._run(sql.FREE_KEYS, list(gone))
        first = {mark.seq: mark for mark in reversed(marks) if mark.seq in gone}
        hears = Hears()
        for place, seq in enumerate(first):
            hears.messages[seq] = place
            for lane in gone[seq]:
                hears.lane(lane, place)
        await self._open([(seq, len(lanes), None) for seq, lanes in gone.items()], hears)
        freed = [verbs.Freed(mark.room) for mark in first.values()]
        await self._promote(hears, (), freed)
        told = {
            id(mark): Progress(tuple(f.claimed), frozenset(f.ready), done=True)
            for f, mark in zip(freed, first.values(), strict=True)
        }
        return [told.get(id(mark)) for mark in marks]

    async def _acts(self, marks: Sequence[Acted]) -> list[Progress | BusError]:
        return [await self._act(mark) for mark in marks]

    async def _act(self, mark: Acted) -> Progress | BusError:
        act, now = mark.act, self._now
        rows = await self._rows(sql.STANDS, act.seq, act.step)
        try:
            change = verbs.change(act, rows[0] if rows else None)
        except BusError as refused:
            return refused
        row, place = rows[0], verbs.body_place(act.seq, act.step)
        to = (change.state.value, change.holds, now, change.outcome, change.code, change.why)
        await self._run(sql.CHANGE, act.seq, act.step, *to)
        await self._run(sql.OPEN_ENDED, act.seq, act.step, row[4], now)
        await self._run(sql.ACT, mark.id, now, act.seq, act.step, act.verb, mark.said)
        if act.outcome is not None:  # beside the attempts: these ended as they did, this is what a person saw
            await self._run(sql.REPLACED, act.seq, act.step, 0)
            saw = (act.seq, act.step, change.outcome, change.code, mark.reply)
            await self._run(sql.WITHOUT_CALL, *columns([saw], 5), now)
        if act.remap:
            await self._run(sql.FORGET_BODY, place)
        if mark.body is not None:
            await self._run(sql.NEW_BODY, place, mark.body)
        if change.again:
            await self._run(sql.YIELD, [row[2]])
        then = mark.then if change.state in FINAL and mark.then else Then(change.state)
        let_go = row[2] if change.again or not change.holds else None
        (progress,) = await self._follow([Followed(act.seq, then, mark, let_go)])
        if not change.again:
            return progress
        return await self._went(mark, progress, Hears({act.seq: 0}))

    async def _went(self, mark: Settle | Acted, progress: Progress, hears: Hears) -> Progress:
        """Who may go after that in the lanes and messages of `hears`."""
        freed = verbs.Freed(mark.room, list(progress.claimed), set(progress.ready))
        await self._promote(hears, list(hears.messages), [freed])
        return Progress(tuple(freed.claimed), frozenset(freed.ready), progress.done)

    # --- the rest ---

    async def _prune(self, marks: Sequence[Prune]) -> list[int]:
        counts = []
        for mark in marks:
            done = [row[0] for row in await self._rows(sql.FINISHED, list(mark.seqs))]
            for statement in sql.PRUNE_WHOLE if mark.whole else sql.PRUNE_BODY:
                await self._run(statement, done)
            counts.append(len(done))
        return counts

    async def _forget(self, marks: Sequence[Forget]) -> list[int]:
        return [_count(await self._run(sql.FORGET, list(mark.keys), mark.now)) for mark in marks]

    async def _sweep(self, marks: Sequence[Sweep]) -> list[int]:
        return [
            _count(await self._run(sql.SWEEP_PARTS, mark.parts))
            + _count(await self._run(sql.SWEEP_READS, mark.reads))
            + _count(await self._run(sql.SWEEP_RECORDS, mark.records))
            for mark in marks
        ]

    async def _ride(self, marks: Sequence[Ride]) -> list[None]:
        last = dict(rider for mark in marks for rider in mark.riders)
        await self._run(sql.RIDER, list(last), list(last.values()))
        return [None] * len(marks)

    async def _take(self, marks: Sequence[Take]) -> list[bool]:
        tags = [
            await self._run(sql.FIRST_RIDER, mark.name, mark.value)
            if mark.seen is None
            else await self._run(sql.NEXT_RIDER, mark.name, mark.value, mark.seen)
            for mark in marks
        ]
        return [_count(tag) == 1 for tag in tags]

    async def _parts(self, marks: Sequence[Part]) -> list[None]:
        await self._run(sql.PART, *columns([(m.id, m.part, m.n, m.data) for m in marks], 4), self._now)
        return [None] * len(marks)

    async def _release(self, marks: Sequence[Release]) -> list[None]:
        for mark in marks:
            if mark.content is None:
                await self._run(sql.FORGET_RELEASE, mark.digest)
            else:
                await self._run(sql.RELEASE, mark.digest, self._now, mark.content)
        return [None] * len(marks)

    async def _reads(self, marks: Sequence[Read]) -> list[None]:
        last = await self._rows(sql.LAST_READ, self._node)
        rows = audit.linked(self._node, last[0] if last else None, [(mark.entry, mark.seal) for mark in marks])
        await self._run(sql.READ, *columns(rows, len(audit.COLUMNS)))
        return [None] * len(marks)


def _count(tag: str) -> int:
    """Rows that a statement changed, out of its tag (`DELETE 3`)."""
    return int(tag.rsplit(maxsplit=1)[-1])
