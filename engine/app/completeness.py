"""Whether everything of a day went out: what should have gone, beside what the journal says became of it."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.app.expecting import DAY
from engine.journal.ends import End, last_ends
from engine.journal.history import History, Line, Step, Wanted
from engine.routing.amending import ACCEPTED

_PAGE = 500
_BAD = ("parked", "refused", "given_up", "withdrawn", "doubtful")
"""States of a delivery that make its message one that somebody has to look at; the first counts."""
_BY_PERSON = ("dropped", "settled")
"""Words at a delivery that a person has ended."""
_UNDER_WAY = frozenset({"waiting", "ready", "claimed", "sending"})


@dataclass(frozen=True, slots=True)
class Trouble:
    """A message that is not through: where it stands, our word for it, and what the system behind said."""

    id: str
    step: int
    state: str
    code: str
    backend_code: str = ""
    backend_text: str = ""


@dataclass(slots=True)
class Tally:
    """One route on one day. What corrects an earlier message is not counted beside it."""

    route: str
    due: int
    """When the run comes that has to bring the day; microseconds UTC."""
    passed: bool
    """Whether it has come."""
    should: int | None = None
    """How many there should be; None: nobody says it."""
    error: str = ""
    """Why it could not be asked."""
    came: int = 0
    accepted: int = 0
    accepted_at: int = 0
    """When the last of them was."""
    refused: int = 0
    parked: int = 0
    in_doubt: int = 0
    waiting: int = 0
    closed: int = 0
    """Ended by a person, not accepted."""
    left_out: int = 0
    """By the route's own condition."""
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """What should have come in and did not."""
        return max(0, (self.should or 0) - self.came) if self.passed else 0

    @property
    def late(self) -> int:
        """What should have gone by now and has not: missing, under way, parked, refused or in doubt."""
        gone = self.accepted + self.left_out + self.closed
        return max(0, max(self.should or 0, self.came) - gone) if self.passed else 0

    @property
    def whole(self) -> bool:
        """Whether nobody has to do anything about it."""
        return not (self.late or self.parked or self.error)


async def completeness(history: History, expected: Mapping[str, Any]) -> list[Tally]:
    """A tally for each route that the running bus names (`expecting`), by the journal as it stands."""
    tallies = []
    for one in expected["routes"]:
        tally = Tally(one["route"], one["due"], expected["now"] >= one["due"], one["should"], one["error"])
        async for lines in _pages(history, one["route"], expected[DAY]):
            ends = await last_ends(history, lines, _BAD)
            for line in lines:
                _count(tally, line, one["systems"], ends)
        tallies.append(tally)
    return tallies


def closed(tallies: Iterable[Tally]) -> list[str]:
    """The messages that persons have ended: some of them may have corrected what was accepted (`corrections`)."""
    return [one.id for tally in tallies for one in tally.troubles if one.code in _BY_PERSON]


def leave_out(tallies: Iterable[Tally], corrections: Collection[str]) -> None:
    """Takes closed corrections of accepted records out again: the records are counted."""
    for tally in tallies:
        gone = [one for one in tally.troubles if one.id in corrections]
        tally.came -= len(gone)
        tally.closed -= len(gone)
        tally.troubles = [one for one in tally.troubles if one not in gone]


async def _pages(history: History, route: str, day: str) -> AsyncIterator[list[Line]]:
    """The messages of a route on a day, oldest pages last."""
    before = None
    while lines := await history.find(DAY, day, Wanted(route=route, before=before, limit=_PAGE)):
        yield lines
        before = lines[-1].seq


def _count(tally: Tally, line: Line, systems: Collection[str], ends: Mapping[tuple[int, int], End]) -> None:
    states = {step.state for step in line.steps}
    sent = [step for step in line.steps if step.system in systems]
    bad = next((step for state in _BAD for step in line.steps if step.state == state), None)
    corrects = bad is not None and bad.why == ACCEPTED  # a record that is accepted
    if bad is None and all(step.state == "skipped" and step.why for step in sent):
        return  # another message carries its content
    tally.came += not corrects
    if bad is not None:
        _trouble(tally, line, bad, ends)
    elif states & _UNDER_WAY:
        tally.waiting += 1
    elif all(step.state == "skipped" for step in sent):
        tally.left_out += 1
    else:
        tally.accepted += 1
        at = [end.at for step in sent if (end := ends.get((line.seq, step.step))) is not None]
        tally.accepted_at = max(tally.accepted_at, *at, 0)


def _trouble(tally: Tally, line: Line, step: Step, ends: Mapping[tuple[int, int], End]) -> None:
    if step.why in _BY_PERSON:
        tally.closed += 1
    elif step.state == "parked":
        tally.parked += 1
    elif step.state == "doubtful":
        tally.in_doubt += 1
    else:
        tally.refused += 1
    end = ends.get((line.seq, step.step), End(0))
    word = step.why if step.why in _BY_PERSON else step.code or step.why or ""
    tally.troubles.append(Trouble(line.id, step.step, step.state, word, end.backend_code, end.backend_text))
