"""What the verbs mean on every database: records out of rows, rooms taken, what an act may do."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.base.errors import BusError, Code
from engine.journal.interface import Act, Room
from engine.journal.marks import Accept, Known, Settle
from engine.model import FINAL, Accepted, Claimed, NewDelivery, State, Then, Verdict

PLACES = 4096
"""Parts of one message in `bodies`: 0 is the message as it came, 1 + step a step's mapped body."""

DECISIVE = frozenset({Verdict.DELIVERED, Verdict.REFUSED})
"""Outcomes that end a doubt even where a person has parked it meanwhile."""


def body_place(seq: int, step: int) -> int:
    """Where the mapped body of a step lies; the number by which children know the step that made them."""
    return seq * PLACES + 1 + step


def parent_of(place: int) -> int:
    """The message whose step has this place."""
    return place // PLACES


def written(steps: Sequence[int]) -> str:
    """Steps as `splits.freed` keeps them."""
    return " ".join(map(str, steps))


def steps_in(freed: str) -> list[int]:
    """What was `written`."""
    return [int(step) for step in freed.split()]


def count_open(children: Sequence[Accept], results: Sequence[Accepted | Known]) -> int:
    """How many of a page's children were stored and have something to do."""
    return sum(
        isinstance(result, Accepted) and not all(new.skipped for new in child.message.deliveries)
        for child, result in zip(children, results, strict=True)
    )


def claimed(row: Sequence[Any], state: State = State.CLAIMED, since: int = 0) -> Claimed:
    """A record out of the columns that every claiming statement gives first, in their order."""
    columns: list[Any] = [*row[:10], state, since, row[10], bool(row[11]), bool(row[12])]
    return Claimed(*columns)


def standing(row: Sequence[Any]) -> Claimed:
    """A record of how a delivery stands, whoever has it: the same columns, then its state."""
    columns: list[Any] = [*row[:10], State(row[10])]
    return Claimed(*columns)


def fresh(mark: Accept, seq: int, new: NewDelivery, lane: bytes | None, due: int) -> Claimed:
    """The record of a delivery that was claimed while its message was accepted."""
    m = mark.message
    return Claimed(
        seq, new.step, m.id, m.route, m.release, new.system, lane, 0, m.received, m.deadline, first_due=due
    )  # fmt: skip


@dataclass(slots=True)
class Freed:
    """What a mark made free, while its batch runs."""

    room: Room
    claimed: list[Claimed] = field(default_factory=list)
    ready: set[str] = field(default_factory=set)


class Rooms:
    """Rooms taken during a batch, to be given back when it does not happen."""

    def __init__(self) -> None:
        self._taken: list[tuple[Room, str] | None] = []

    def take(self, room: Room, system: str) -> int:
        """A ticket for `give`; 0: there was no room."""
        if not room.take(system):
            return 0
        self._taken.append((room, system))
        return len(self._taken)

    def give(self, ticket: int) -> None:
        """Gives back one that was not needed."""
        if taken := self._taken[ticket - 1]:
            taken[0].give(taken[1])
            self._taken[ticket - 1] = None

    def give_back(self) -> None:
        """Gives back all."""
        for ticket in range(1, len(self._taken) + 1):
            self.give(ticket)


def keeps_place(then: Then) -> bool:
    """Whether a delivery keeps its place in line: while it goes on always, parked as its route says."""
    if then.state is State.PARKED:
        return then.holds
    return then.state not in FINAL


def amended(mark: Settle) -> tuple[int, ...]:
    """The messages whose deliveries a settle amends."""
    return () if mark.then.corrects is None else tuple(one.seq for one in mark.then.corrects.amended)


def is_question(mark: Settle) -> bool:
    """Whether a settle answers a question about an attempt in doubt."""
    return mark.delivery.state is State.DOUBTFUL


@dataclass(frozen=True, slots=True)
class Change:
    """What an act does to its delivery."""

    state: State
    holds: bool
    outcome: str | None
    why: str | None
    again: bool = False
    """It stands in line again, and goes when it is its turn."""
    code: str | None = None
    """None: as it was."""


_MAY = {
    "retry": {State.READY, State.PARKED, State.DOUBTFUL},
    "park": {State.READY, State.CLAIMED, State.DOUBTFUL},
    "drop": {State.READY, State.CLAIMED, State.DOUBTFUL, State.PARKED},
    "settle": {State.DOUBTFUL, State.PARKED},
}


def change(act: Act, row: Sequence[Any] | None) -> Change:
    """What an act does to a delivery that stands as `row` (state, holds, lane, outcome, attempt) says.

    Raises BusError: NOT_FOUND, or STATE_CONFLICT with the reason.
    """
    if row is None:
        raise BusError(Code.NOT_FOUND, "no such delivery")
    state, outcome = State(row[0]), row[3]
    if state not in _MAY[act.verb]:
        raise BusError(Code.STATE_CONFLICT, f"{act.verb}: the delivery is {state.value}")
    doubt = state is State.DOUBTFUL or (state is State.PARKED and outcome == Verdict.IN_DOUBT.value)
    known = Verdict.IN_DOUBT.value if doubt else outcome
    if act.verb == "park":
        return Change(State.PARKED, True, known, "person")
    if act.verb == "drop":
        return Change(State.GIVEN_UP, False, known, "dropped")
    if act.outcome is not None:
        ended = State.DELIVERED if act.outcome.verdict is Verdict.DELIVERED else State.REFUSED
        return Change(ended, False, act.outcome.verdict.value, "settled", code=act.outcome.code)
    if (act.remap or act.body is not None) and doubt:
        raise BusError(Code.STATE_CONFLICT, "retry: in doubt, the body must stay the same")
    if not row[1] and row[2] is not None and not act.anyway:
        raise BusError(Code.STATE_CONFLICT, "retry: it was overtaken, an older result would replace a newer one")
    return Change(State.WAITING, True, known, None, again=True)
