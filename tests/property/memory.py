"""What a run remembers, and what only a memory can check: the wire, the order of calls, what became final."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from engine.journal.store import Store
from engine.model import Accepted, Claimed, Duplicate, NewMessage, State
from tests.property.plans import AMENDS, Plan

FINAL = {"delivered", "refused", "given_up", "skipped", "withdrawn"}
_SENT_AGAIN = {"unavailable", "unsent"}


@dataclass(frozen=True)
class Row:
    """One delivery as it stood."""

    state: str
    attempt: int
    owner: str | None
    holds: bool
    head: bool
    lane: bytes | None
    outcome: str | None


Place: TypeAlias = tuple[int, int]
"""Message and step: the place in line."""
Rows: TypeAlias = dict[Place, Row]


async def snapshot(store: Store) -> Rows:
    """Every delivery as it stands."""
    columns = "state, attempt, owner, holds, head, lane, outcome"
    rows = await store.fetch(f"select message, step, {columns} from deliveries")
    return {
        (message, step): Row(state, n, owner, bool(holds), bool(head), lane, outcome)
        for message, step, state, n, owner, holds, head, lane, outcome in rows
    }


@dataclass
class Memory:
    """Of one run of a world."""

    messages: dict[int, NewMessage] = field(default_factory=dict)
    keys: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    wire: set[tuple[int, int, int]] = field(default_factory=set)
    furthest: dict[bytes, Place] = field(default_factory=dict)
    """By lane: the last place from which a call went out."""
    aside: set[Place] = field(default_factory=set)
    """Deliveries that stepped aside in their lane: later ones may have overtaken them."""
    final: dict[Place, str] = field(default_factory=dict)
    made_by: dict[int, Place] = field(default_factory=dict)
    """Children and the step that made each, as the journal has them."""

    def accepted(self, message: NewMessage, result: Any, where: str) -> None:
        """Invariant 1: one message for each key."""
        if isinstance(result, Accepted):
            assert result.seq not in self.messages, f"{where}: number {result.seq} was given twice"
            self.messages[result.seq] = message
            if message.key is not None and message.other_content == "conflict":
                self.keys[message.route, message.key].append(result.seq)
        elif isinstance(result, Duplicate):
            assert result.answer in {None, b"answered"}, f"{where}: an answer that nobody gave"

    def paged(self, d: Claimed, owner: str, before: Rows, where: str) -> None:
        """Invariant 9: only who holds a step makes its children."""
        stood = before.get((d.seq, d.step))
        assert stood is not None, f"{where}: a step made children that was not there"
        held = (stood.state, stood.owner, stood.attempt) == ("claimed", owner, d.attempt)
        assert held, f"{where}: {owner} made children of {(d.seq, d.step)} when it stood so: {stood}"

    def called(self, d: Claimed, attempt: int, owner: str, before: Rows, plan: Plan, where: str) -> None:
        """Invariants 2, 5, 8, 9: a call may go out now."""
        place = (d.seq, d.step)
        assert (*place, attempt) not in self.wire, f"{where}: attempt {attempt} of {place} went out twice"
        self.wire.add((*place, attempt))
        stood = before.get(place)
        assert stood is not None, f"{where}: {place} was sent by a node that cannot have held it"
        assert (stood.state, stood.owner) == ("claimed", owner), f"{where}: {place} was sent by {owner}: {stood}"
        for need in plan.needs.get(d.step, ()):
            met = before[d.seq, need].state
            assert met in {"delivered", "skipped"}, f"{where}: {place} was sent while its step {need} is {met}"
            open_ = {m for m, s in before if self.made_by.get(m) == (d.seq, need) and before[m, s].state not in FINAL}
            assert not open_, f"{where}: {place} was sent while children of its step {need} go on: {open_}"
        if stood.lane is not None:
            last = self.furthest.get(stood.lane, place)
            mayhap = place in self.aside or d.step >= AMENDS
            assert place >= last or mayhap, f"{where}: {place} was called after {last}, which stands behind it"
            self.furthest[stood.lane] = max(last, place)

    def settled(self, d: Claimed, owner: str, before: Rows, where: str) -> None:
        """Invariant 9: only who holds a delivery, at the attempt it means, settles it."""
        stood = before.get((d.seq, d.step))
        assert stood is not None, f"{where}: a delivery was settled that was not there"
        if d.state is State.DOUBTFUL:
            right = stood.state in {"doubtful", "parked"}
        else:
            right = stood.state in {"claimed", "sending"} and stood.owner == owner
        assert right, f"{where}: {(d.seq, d.step)} was settled by {owner} as {d.state.value} when it stood so: {stood}"
        assert stood.attempt == d.attempt, f"{where}: {(d.seq, d.step)}: the outcome of {d.attempt} settled {stood}"

    async def check(self, store: Store, where: str) -> None:
        rows = await snapshot(store)
        for place, state in self.final.items():
            assert rows[place].state == state, f"{where}: {place} was {state} and is {rows[place].state}"
        self.final = {place: row.state for place, row in rows.items() if row.state in FINAL}
        withdrawn = {m for (m, _), row in rows.items() if row.state == "withdrawn"}
        mixed = {m for (m, _), row in rows.items() if m in withdrawn and row.state not in {"withdrawn", "skipped"}}
        assert not mixed, f"{where}: messages {mixed} are withdrawn in part"
        for key, seqs in self.keys.items():
            standing = [seq for seq in seqs if seq not in withdrawn]
            assert len(standing) <= 1, f"{where}: key {key} has messages {standing}"
        self._heads(rows, where)
        await self._calls(store, where)

    def _heads(self, rows: Rows, where: str) -> None:
        """Invariant 4: the head is the first of its lane's holders, but for those that came back or came later."""
        lanes: dict[bytes, list[Place]] = defaultdict(list)
        for place, row in rows.items():
            if row.holds and row.lane is not None and place not in self.aside and place[1] < AMENDS:
                lanes[row.lane].append(place)
        for lane, places in lanes.items():
            first = min(places)
            heads = [place for place in places if rows[place].head]
            assert heads in ([], [first]), f"{where}: the head of {lane.hex()} is {heads}, its first {first}"

    async def _calls(self, store: Store, where: str) -> None:
        """Invariants 2 and 3: every call has its attempt, and every further one its reason."""
        made = await store.fetch("select message, step, n, outcome from attempts where n > 0")
        stored = {(m, s, n): outcome for m, s, n, outcome in made}
        assert self.wire <= set(stored), f"{where}: calls without an attempt: {self.wire - set(stored)}"
        retried = {
            (m, s) for m, s in await store.fetch("select message, step from acts where verb in ('retry', 'amend')")
        }
        for (m, s, n), outcome in stored.items():
            if (m, s, n + 1) in stored and (m, s) not in retried:
                assert outcome in _SENT_AGAIN, f"{where}: {(m, s)} was sent again after {outcome}"

    async def check_bytes(self, journal: Any, where: str) -> None:
        """Invariant 1: what was acknowledged is there, bit for bit."""
        for seq, message in self.messages.items():
            raw, _ = await journal.raw(seq)
            assert raw == message.raw, f"{where}: message {seq} is not what was accepted"
