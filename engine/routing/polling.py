"""One run of a poll: a system is asked for the time since the last good run, and what it names becomes messages.

Its end is committed together with the last message that it found. Whatever is found twice is known by its key.
"""

from dataclasses import dataclass
from typing import Any

from engine.asking import Poll
from engine.base.clock import SECOND, from_micros
from engine.base.errors import Backend, BusError, Code
from engine.base.ids import Ids
from engine.model import Outcome, Shape, Verdict
from engine.routing.asked import Turn
from engine.routing.entrance import Entrance
from engine.routing.found import Finding, Found, Storing
from engine.routing.reads import Asks
from engine.routing.release import Release
from engine.routing.timing import Run

_WITHIN = 60.0
"""Seconds for one question, its wait for a place at the system included."""


@dataclass(frozen=True, slots=True)
class Polling:
    """Asks, and stores what there is."""

    ask: Asks
    storing: Storing
    ids: Ids

    async def run(self, turn: Turn, release: Release, entrance: Entrance) -> Found:
        """Ends the run well. Raises BusError."""
        asked, run = turn.asked, turn.run
        profile = release.profile(asked.system)
        kind = profile.incoming[asked.kind]
        assert kind.poll is not None, "only what is asked for has a schedule"
        context = release.context(run.begun, self.ids.message(), asked.campus, entrance.named)
        operation, window = profile.outgoing[kind.poll.by], _window(kind.poll, run, release, asked.campus)
        outcome = await self.ask(asked.system, operation, window, context, _WITHIN, asked.campus)
        finding = Finding(release, entrance, kind, self.ids, run.begun)
        items = [finding.item(document) for document in kind.poll.items(_reply(asked.system, outcome))]
        return await self.storing.store(asked.system, release, items, turn.ended)


def _window(poll: Poll, run: Run, release: Release, campus: str) -> dict[str, Any]:
    """The time that is asked for: since the last good run, and what is to come."""
    ends = run.since - int(poll.back * SECOND), run.begun + int(poll.ahead * SECOND)
    begin, end = (from_micros(instant).astimezone(release.zone).isoformat(timespec="seconds") for instant in ends)
    return {"from": begin, "to": end, "campus": campus}


def _reply(system: str, outcome: Outcome) -> Shape:
    if outcome.verdict is Verdict.REFUSED:
        backend = Backend(system, outcome.backend_code, outcome.backend_text)
        raise BusError(Code.BACKEND_REJECTED, outcome.code, backend=backend)
    return outcome.value or {}
