"""What follows from the new states of one batch on PostgreSQL, and which mark hears of it."""

from dataclasses import dataclass, field
from typing import Any

from engine.journal import verbs
from engine.journal.marks import Acted, Settle
from engine.model import Then


@dataclass(frozen=True, slots=True)
class Followed:
    """One new state, and what follows from it."""

    seq: int
    then: Then
    mark: Settle | Acted
    let_go: bytes | None
    """The lane in which it no longer keeps its place."""

    @property
    def place(self) -> int:
        step = self.mark.delivery.step if isinstance(self.mark, Settle) else self.mark.act.step
        return verbs.body_place(self.seq, step)


@dataclass(slots=True)
class Hears:
    """Which mark of a statement hears of a delivery that has become free."""

    messages: dict[int, int] = field(default_factory=dict)
    lanes: dict[bytes, int] = field(default_factory=dict)
    woken: set[int] = field(default_factory=set)
    """Messages in which a step waited for children that are final now."""

    def lane(self, lane: bytes | None, place: int) -> None:
        if lane is not None:
            self.lanes.setdefault(lane, place)

    def of(self, seq: int, lane: bytes | None) -> int:
        if lane is not None and lane in self.lanes:
            return self.lanes[lane]
        return self.messages[seq]


def settling(mark: Settle) -> tuple[Any, ...]:
    """The columns of the statement that settles."""
    d, then = mark.delivery, mark.then
    verdict, code, reply = ending(mark)
    decisive = mark.outcome.verdict in verbs.DECISIVE
    state = (then.state.value, verbs.keeps_place(then), then.due)
    return (
        d.seq,
        d.step,
        d.attempt,
        *state,
        verdict,
        code,
        then.why,
        reply,
        verbs.is_question(mark),
        decisive,
        d.first_due,
    )


def ending(mark: Settle) -> tuple[str, str, bytes | None]:
    """Verdict, our code and the sealed reply."""
    return mark.outcome.verdict.value, mark.outcome.code, mark.reply
