"""What schedules ask for, and how one run of it stands in the journal."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from engine.base.clock import SECOND, Clock
from engine.base.errors import BusError, Code
from engine.journal.interface import Journal
from engine.model import Rider
from engine.routing.release import Release
from engine.routing.timing import Run, Timing

_SIGN = 20 * SECOND
"""So often a run that waits says that it lives."""

Fed = Callable[[str], Sequence[str]]
"""The campuses at which a system's feeds are read."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that is asked for by the clock: a kind of message, for one route, at one campus."""

    route: str
    system: str
    kind: str
    campus: str
    timing: Timing

    @property
    def source(self) -> str:
        """What brings it, as routes name it."""
        return f"{self.system}.{self.kind}"

    @property
    def name(self) -> str:
        """How the journal and people call it."""
        return f"schedule/{self.route}/{self.source}/{self.campus}"


def asked(release: Release, campuses: Sequence[str], fed: Fed) -> Iterator[Asked]:
    """Everything that a release asks for. A poll names the campus that it asks about; a feed is read wherever the
    system has a place.
    """
    for route in release.routes.values():
        if route.schedule is None:
            continue
        for system, kind in route.sources:
            incoming = release.profile(system).incoming[kind]
            if incoming.asked:
                for campus in fed(system) if incoming.feed is not None else campuses:
                    yield Asked(route.name, system, kind, campus, route.schedule)


class Turn:
    """A run that this node has begun: whoever changes its place in the journal meanwhile has taken it over."""

    def __init__(self, journal: Journal, clock: Clock, asked: Asked, run: Run) -> None:
        self._journal = journal
        self._clock = clock
        self.asked = asked
        self.run = run

    async def begin(self, last: Run | None) -> bool:
        """Puts the run in place of the last one. False: another node was quicker."""
        await self._journal.reaches_back(self.asked.route, self.run.since, self.run.begun)
        before = last.write() if last is not None else None
        return await self._journal.take(self.asked.name, before, self.run.write())

    @property
    def ended(self) -> Rider:
        """What ends the run well, together with the last message that it found."""
        return Rider(self.asked.name, self.run.ended().write())

    async def goes_on(self) -> None:
        """Says that the run lives. Raises BusError where another node has taken it over."""
        await self._become(self.run.alive_at(self._clock.now()))

    async def still(self) -> None:
        """The same for a run that waits, where it has not been said for a while."""
        if self._clock.now() - self.run.alive > _SIGN:
            await self.goes_on()

    async def fail(self) -> None:
        """Says that nobody is at it any more: it may be tried again."""
        await self._become(self.run.alive_at(0))

    async def end(self) -> None:
        """The run has ended well."""
        await self._become(self.run.ended())

    async def _become(self, run: Run) -> None:
        if run != self.run and not await self._journal.take(self.asked.name, self.run.write(), run.write()):
            raise BusError(Code.STATE_CONFLICT, "another node runs it")
        self.run = run
