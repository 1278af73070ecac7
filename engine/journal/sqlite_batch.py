"""One batch on SQLite: the verbs in their order, inside one transaction (delivery.md §3, §4)."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from engine.base.errors import BusError
from engine.journal import audit, verbs
from engine.journal import sqlite as sql
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
    Written,
)
from engine.journal.settings import Settings
from engine.journal.sqlite_amend import Amending
from engine.model import FINAL, Accepted, Claimed, Progress, State, Then


class Batch:
    """Runs marks on a connection that has begun its transaction; the caller commits or rolls back."""

    def __init__(self, cursor: sqlite3.Cursor, owner: str, now: int, seq: int, settings: Settings) -> None:
        self._cursor = cursor
        self._run = cursor.execute
        self._many = cursor.executemany
        self._owner = owner
        self._node = owner.rpartition("/")[0]
        self._now = now
        self._settings = settings
        self.seq = seq
        """The last number given to a message."""
        self.rooms = verbs.Rooms()
        self._amending = Amending(self._run, now)

    def run(self, marks: Sequence[Mark]) -> list[Any]:
        """The result of each mark, in the order of `marks`; a BusError stands for one that was said no to."""
        results: list[Any] = [None] * len(marks)
        kinds: dict[type, list[int]] = {}
        for number, mark in enumerate(marks):
            kinds.setdefault(type(mark), []).append(number)
        for kind, verb, together in self._ORDER:
            if numbers := kinds.get(kind):
                mine = [marks[number] for number in numbers]
                done = verb(self, mine) if together else [verb(self, mark) for mark in mine]
                for number, result in zip(numbers, done, strict=True):
                    results[number] = result
        return results

    # --- accept ---

    def _accept(self, marks: Sequence[Accept]) -> list[Accepted | Known]:
        numbered = [(self.seq + place, mark) for place, mark in enumerate(marks, start=1)]
        self.seq += len(marks)
        known = self._keys(numbered)
        new = [(seq, mark) for seq, mark in numbered if not isinstance(known.get(seq), Known)]
        claimed = self._deliveries(new)
        self._many(sql.MESSAGE, [self._message(seq, mark) for seq, mark in new])
        self._many(sql.BODY, [(seq * verbs.PLACES, mark.content) for seq, mark in new])
        self._many(sql.FIND, [(find, seq) for seq, mark in new for find in mark.finds])
        for seq, mark in numbered:
            found = known.get(seq)
            if mark.riders and (not isinstance(found, Known) or found.same):
                self._many(sql.RIDER, mark.riders)
        return [
            found
            if isinstance(found := known.get(seq), Known)
            else Accepted(seq, tuple(claimed.get(seq, ())), bool(found))
            for seq, _ in numbered
        ]

    def _keys(self, numbered: Sequence[tuple[int, Accept]]) -> dict[int, Known | bool]:
        """Takes the keys. For a message whose key was taken: what holds it, or True where it was renewed."""
        keyed = [(mark.key, seq, mark.digest, mark.until) for seq, mark in numbered if mark.key is not None]
        if not keyed or self._many(sql.KEY, keyed).rowcount == len(keyed):
            return {}
        found: dict[int, Known | bool] = {}
        begun = dict(numbered)
        for key, seq, digest, until in keyed:
            first, held, id_, received, answer = self._run(sql.KNOWN, (key,)).fetchone()
            if first == seq:
                continue
            same = held == digest
            if not same and begun[seq].message.other_content == "new":
                self._run(sql.RENEW, (seq, digest, until, key))
                found[seq] = True
            elif first in begun:
                found[seq] = Known(first, begun[first].message.id, begun[first].message.received, same, None)
            else:
                found[seq] = Known(first, id_, received, same, answer)
        return found

    @staticmethod
    def _message(seq: int, mark: Accept) -> tuple[Any, ...]:
        m = mark.message
        count = sum(not new.skipped for new in m.deliveries)
        return (seq, m.id, m.route, m.release, m.received, m.deadline, m.parent, count, mark.key)

    def _deliveries(self, new: Sequence[tuple[int, Accept]]) -> dict[int, list[Claimed]]:
        now, held = self._now, {}
        rows: list[tuple[Any, ...]] = []
        claimed: dict[int, list[Claimed]] = {}
        for seq, mark in new:
            for step, lane in zip(mark.message.deliveries, mark.lanes, strict=True):
                due = max(step.due, now)
                if step.skipped:
                    rows.append((seq, step.step, step.system, lane, "skipped", 0, 0, step.needs, due, due, None))
                    continue
                head = lane is None
                if lane is not None:
                    if lane not in held:
                        held[lane] = self._run(sql.HELD, (lane,)).fetchone() is not None
                    head, held[lane] = not held[lane], True
                state, owner = "waiting", None
                if head and step.needs == 0:
                    state = "ready"
                    if due == now and self.rooms.take(mark.room, step.system):
                        state, owner = "claimed", self._owner
                        claimed.setdefault(seq, []).append(verbs.fresh(mark, seq, step, lane, due))
                rows.append((seq, step.step, step.system, lane, state, 1, head, step.needs, due, due, owner))
        self._many(sql.DELIVERY, rows)
        return claimed

    def _split(self, mark: Split) -> list[Accepted | Known] | None:
        d, place = mark.delivery, verbs.body_place(mark.delivery.seq, mark.delivery.step)
        if self._run(sql.SPLITTING, (d.seq, d.step, self._owner, d.first_due, place, mark.first)).fetchone() is None:
            return None
        results = self._accept(mark.children)
        self._run(sql.SPLIT, (place, mark.taken, verbs.count_open(mark.children, results)))
        return results

    # --- claim, sending ---

    def _claim(self, mark: Claim) -> list[Claimed]:
        now, beyond = self._now, self._now + self._settings.longest
        self._run(sql.MEND_READY, (now, mark.system, beyond))
        self._run(sql.MEND_DOUBTFUL, (now, mark.system, beyond))
        asked = self._run(sql.ASKABLE, (mark.system, now, mark.room)).fetchall()
        self._many(sql.ASK, [(now + self._settings.ask_limit, row[0], row[1]) for row in asked])
        ready = self._run(sql.CLAIMABLE, (mark.system, now, mark.room - len(asked))).fetchall()
        self._many(sql.TAKE, [(self._owner, row[0], row[1]) for row in ready])
        return [verbs.claimed(row, State.DOUBTFUL, row[13]) for row in asked] + [verbs.claimed(row) for row in ready]

    def _unclaim(self, mark: Unclaim) -> None:
        self._many(sql.UNCLAIM, [(d.seq, d.step, self._owner, d.attempt) for d in mark.deliveries])

    def _sending(self, mark: Sending) -> int:
        d = mark.delivery
        row = self._run(sql.SENDING, (d.seq, d.step, self._owner, d.first_due)).fetchone()
        if row is None:
            return 0
        self._run(sql.ATTEMPT, (d.seq, d.step, row[0], self._now, mark.sealed))
        if mark.body is not None:
            self._run(sql.FIRST_BODY, (verbs.body_place(d.seq, d.step), mark.body))
        attempt: int = row[0]
        return attempt

    # --- settle and what follows ---

    def _settle(self, mark: Settle) -> Progress | Moved | None:
        if not all(self._run(sql.STANDS_AT, (one.version, one.key)).fetchone()[0] for one in mark.writes):
            return Moved()
        d, then, outcome, correction = mark.delivery, mark.then, mark.outcome, mark.then.corrects
        if correction is not None and not self._amending.stands(correction):
            return Moved()
        holds, question, verdict = verbs.keeps_place(then), verbs.is_question(mark), outcome.verdict.value
        guard = (outcome.verdict in verbs.DECISIVE, d.attempt) if question else (self._owner, d.attempt, d.first_due)
        changed = self._run(
            sql.ANSWERED if question else sql.SETTLE,
            (then.state.value, holds, holds, then.due, verdict, outcome.code, then.why, d.seq, d.step, *guard),
        ).rowcount
        if not changed:
            self._run(sql.LATE, (d.seq, d.step, d.attempt, self._now, verdict, outcome.code, mark.reply))
            return None
        if question:
            self._run(sql.REPLACED, (d.seq, d.step, d.attempt))
        end = (self._now, verdict, outcome.code, mark.reply, d.seq, d.step, d.attempt, question)
        if self._run(sql.END, end).rowcount == 0 and mark.reply is not None:
            self._run(sql.WITHOUT_CALL, (d.seq, d.step, self._now, self._now, verdict, outcome.code, mark.reply))
        for one in mark.writes:
            self._write(one, verbs.body_place(d.seq, d.step))
        let_go = None if holds else d.lane
        if correction is None:
            return self._follow(d.seq, then, mark, let_go)
        lanes = self._amending.hold(d.seq, correction)
        progress = self._follow(d.seq, then, mark, let_go)
        more, again = self._amending.amend(mark, correction)
        return self._went(mark, progress, lanes | more, again)

    def _write(self, one: Written, version: int) -> None:
        if one.value is None:
            self._run(sql.NO_RECORD, (one.key,))
        else:
            self._run(sql.RECORD, (one.key, one.kind, one.owner, version, one.value, one.until))

    def _follow(self, seq: int, then: Then, mark: Settle | Acted, let_go: bytes | None) -> Progress:
        """What follows from a new state: steps freed, skipped and added, the answer, and who may go now."""
        freed = verbs.Freed(mark.room)
        lanes = {let_go} - {None}
        if freeing := self._free_now(seq, mark, then):
            self._many(sql.FREED, [(seq, step) for step in freeing])
        done = int(then.state in FINAL)
        for step in then.skip:
            for (lane,) in self._run(sql.SKIP, (seq, step)).fetchall():
                done += 1
                lanes.add(lane)
        for added, lane in zip(then.add, mark.lanes, strict=True):
            row = (seq, added.step, added.system, lane, lane is None, added.needs, self._now)
            done -= self._run(sql.ADD, row).rowcount
            self._run(sql.YIELD, (lane,))
            lanes.add(lane)
        finished = bool(done or mark.answer is not None) and self._open(seq, done, mark.answer, freed)
        self._promote(lanes - {None}, freed)
        if then.freed or then.awaited or then.add:
            self._go(self._run(sql.FREE_MESSAGE, (seq,)).fetchall(), freed)
        return Progress(tuple(freed.claimed), frozenset(freed.ready), finished)

    def _free_now(self, seq: int, mark: Settle | Acted, then: Then) -> tuple[int, ...]:
        """Steps freed by a new state; those that wait for children which are not final are kept for later."""
        if then.awaited is None:
            return then.freed
        step = mark.delivery.step if isinstance(mark, Settle) else mark.act.step
        place = verbs.body_place(seq, step)
        if self._run(sql.MADE, (verbs.written(then.awaited), place)).rowcount:
            return then.freed
        self._run(sql.NONE_LEFT, (place,))
        return then.freed + then.awaited

    def _open(self, seq: int, done: int, answer: bytes | None, freed: verbs.Freed) -> bool:
        """Counts what was done of a message. True: it is finished, and whoever waited for it as a child may go."""
        left, parent = self._run(sql.OPEN, (done, answer, seq)).fetchone()
        if left == 0 and done and parent is not None:
            self._run(sql.CHILD_DONE, (parent,))
            for (steps,) in self._run(sql.ALL_DONE, (parent,)).fetchall():
                above = verbs.parent_of(parent)
                self._many(sql.FREED, [(above, step) for step in verbs.steps_in(steps)])
                self._go(self._run(sql.FREE_MESSAGE, (above,)).fetchall(), freed)
        return bool(left == 0)

    def _promote(self, lanes: set[Any], freed: verbs.Freed) -> None:
        for lane in sorted(lanes):
            for message, step in self._run(sql.HEAD, (lane,)).fetchall():
                self._go(self._run(sql.FREE_STEP, (message, step)).fetchall(), freed)

    def _go(self, rows: Sequence[Any], freed: verbs.Freed) -> None:
        """Waiting deliveries that stand first and need nothing more: claimed for this node where it has room."""
        now = self._now
        for row in rows:
            due, system = max(row[13], now), row[5]
            mine = due == now and self.rooms.take(freed.room, system)
            self._run(sql.GO, ("claimed" if mine else "ready", self._owner if mine else None, due, due, *row[:2]))
            if mine:
                freed.claimed.append(verbs.claimed((*row[:10], due, *row[11:13])))
            else:
                freed.ready.add(system)

    # --- withdraw, acts of people ---

    def _withdraw(self, mark: Withdraw) -> Progress | None:
        rows = self._run(sql.WITHDRAW, (mark.seq,)).fetchall()
        if not rows:
            return None
        self._run(sql.FREE_KEY, (mark.seq,))
        freed = verbs.Freed(mark.room)
        self._open(mark.seq, len(rows), None, freed)
        self._promote({lane for (lane,) in rows} - {None}, freed)
        return Progress(tuple(freed.claimed), frozenset(freed.ready), done=True)

    def _act(self, mark: Acted) -> Progress | BusError:
        act, now = mark.act, self._now
        row = self._run(sql.STANDS, (act.seq, act.step)).fetchone()
        try:
            change = verbs.change(act, row)
        except BusError as refused:
            return refused
        place = verbs.body_place(act.seq, act.step)
        to = (change.state.value, change.holds, change.holds, now, change.outcome, change.code, change.why)
        self._run(sql.CHANGE, (*to, act.seq, act.step))
        self._run(sql.OPEN_ENDED, (now, act.seq, act.step, row[4]))
        self._run(sql.ACT, (mark.id, now, act.seq, act.step, act.verb, mark.said))
        if act.outcome is not None:  # beside the attempts: these ended as they did, this is what a person saw
            self._run(sql.REPLACED, (act.seq, act.step, 0))
            self._run(sql.WITHOUT_CALL, (act.seq, act.step, now, now, change.outcome, change.code, mark.reply))
        if act.remap:
            self._run(sql.FORGET_BODY, (place,))
        if mark.body is not None:
            self._run(sql.NEW_BODY, (place, mark.body))
        if change.again:
            self._run(sql.YIELD, (row[2],))
        then = mark.then if change.state in FINAL and mark.then else Then(change.state)
        progress = self._follow(act.seq, then, mark, row[2] if change.again or not change.holds else None)
        if not change.again:
            return progress
        return self._went(mark, progress, set(), [(act.seq, act.step)])

    def _went(
        self, mark: Settle | Acted, progress: Progress, lanes: set[Any], again: Sequence[tuple[int, int]]
    ) -> Progress:
        """Who may go after that in these lanes, and of the steps that stand in line again."""
        freed = verbs.Freed(mark.room, list(progress.claimed), set(progress.ready))
        self._promote(lanes - {None}, freed)
        for step in again:
            self._go(self._run(sql.FREE_STEP, step).fetchall(), freed)
        return Progress(tuple(freed.claimed), frozenset(freed.ready), progress.done)

    # --- the rest ---

    def _prune(self, mark: Prune) -> int:
        done = [row for seq in mark.seqs for row in self._run(sql.FINISHED, (seq,)).fetchall()]
        for statement in sql.PRUNE_WHOLE if mark.whole else sql.PRUNE_BODY:
            self._many(statement, done)
        return len(done)

    def _forget(self, mark: Forget) -> int:
        return self._many(sql.FORGET, [(key, mark.now) for key in mark.keys]).rowcount

    def _sweep(self, mark: Sweep) -> int:
        swept = ((sql.SWEEP_PARTS, mark.parts), (sql.SWEEP_READS, mark.reads), (sql.SWEEP_RECORDS, mark.records))
        return sum(self._run(statement, (before,)).rowcount for statement, before in swept)

    def _ride(self, mark: Ride) -> None:
        self._many(sql.RIDER, mark.riders)

    def _take(self, mark: Take) -> bool:
        if mark.seen is None:
            return self._run(sql.FIRST_RIDER, (mark.name, mark.value)).rowcount == 1
        return self._run(sql.NEXT_RIDER, (mark.value, mark.name, mark.seen)).rowcount == 1

    def _part(self, mark: Part) -> None:
        self._run(sql.PART, (mark.id, mark.part, mark.n, self._now, mark.data))

    def _release(self, mark: Release) -> None:
        if mark.content is None:
            self._run(sql.FORGET_RELEASE, (mark.digest,))
        else:
            self._run(sql.RELEASE, (mark.digest, self._now, mark.content))

    def _read(self, marks: Sequence[Read]) -> list[None]:
        last = self._run(sql.LAST_READ, (self._node,)).fetchone()
        self._many(sql.READ, audit.linked(self._node, last, [(mark.entry, mark.seal) for mark in marks]))
        return [None] * len(marks)

    _ORDER: ClassVar[tuple[tuple[type, Callable[..., Any], bool], ...]] = (
        (Acted, _act, False),
        (Withdraw, _withdraw, False),
        (Unclaim, _unclaim, False),
        (Settle, _settle, False),
        (Accept, _accept, True),
        (Split, _split, False),
        (Ride, _ride, False),
        (Take, _take, False),
        (Sending, _sending, False),
        (Claim, _claim, False),
        (Part, _part, False),
        (Release, _release, False),
        (Read, _read, True),
        (Prune, _prune, False),
        (Forget, _forget, False),
        (Sweep, _sweep, False),
    )
    """The verbs in the order of one batch; True: all marks of the kind at once."""
