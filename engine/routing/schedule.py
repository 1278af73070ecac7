"""Asking systems by the clock: what is due is decided by the journal, not by whoever wakes (decision 26).

The last run of each schedule is a rider. Of several nodes the one runs that puts its run in place of the last one. A
run counts as failed from its first moment until its end is committed: a reply that never came, a crash and a node that
is gone are one case, and what the last good run did not reach is asked for again.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.base import log, metrics
from engine.base.clock import SECOND, Clock
from engine.base.errors import BusError, Code
from engine.base.ids import Ids
from engine.base.tasks import Supervisor
from engine.journal.interface import Journal
from engine.routing.accept import Intake
from engine.routing.asked import Asked, Fed, Turn, asked
from engine.routing.entrance import Entrance
from engine.routing.feeding import Feeding, Pulls
from engine.routing.found import Found, Storing
from engine.routing.polling import Polling
from engine.routing.reads import Asks
from engine.routing.release import Releases
from engine.routing.timing import Run

_LOOK = 60.0
"""Seconds after which whoever sleeps looks at the clock again: it may have been set."""

_BEHIND = 5.0
"""Seconds between two looks at the routes that go first."""

_log = log.get("schedule")


@dataclass(frozen=True, slots=True)
class Collected:
    """What a run that a person asked for came to."""

    asked: Asked
    found: Found
    code: str = ""
    """The name of the error that it ended with; empty: it ended well."""


class Schedules:
    """The schedules of the release in force."""

    def __init__(
        self,
        journal: Journal,
        releases: Releases,
        intake: Intake,
        ask: Asks,
        pull: Pulls,
        entrance: Callable[[str, str], Entrance],
        clock: Clock,
        ids: Ids,
    ) -> None:
        """`entrance`: where messages of a system at a campus come in."""
        storing = Storing(journal, intake)
        self._journal = journal
        self._releases = releases
        self._polling = Polling(ask, storing, ids)
        self._feeding = Feeding(journal, pull, storing, ids)
        self._entrance = entrance
        self._clock = clock
        self._last: dict[str, Run] = {}
        self._asked: list[Asked] = []
        self._kept: dict[str, asyncio.Task[None]] = {}
        self._tasks: list[asyncio.Task[Any]] = []
        self._supervisor: Supervisor | None = None

    def follow(self, supervisor: Supervisor, campuses: Sequence[str], fed: Fed, only: Callable[[str], bool]) -> None:
        """Keeps a task for each thing that the release in force asks for; what stays as it was goes on with what it is
        at. `only`: whether a route's schedule runs.
        """
        self._supervisor = supervisor
        before, self._asked = (
            self._asked,
            [one for one in asked(self._releases.current, campuses, fed) if only(one.route)],
        )
        for one in before:
            if one not in self._asked:
                self._kept.pop(one.name).cancel()
                self._forget(one)
        for one in self._asked:
            if one.name not in self._kept:
                self._kept[one.name] = supervisor.keep(one.name, partial(self._keep, one))

    async def stop(self) -> None:
        """Asks nothing any more. A run under way has failed, and the next life asks again."""
        tasks = [*self._kept.values(), *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._kept.clear()

    @property
    def failing(self) -> Mapping[str, Run]:
        """Schedules whose last run did not end well, as far as this node has seen."""
        return {name: run for name, run in self._last.items() if run.tries}

    async def collect(self, route: str, campus: str | None = None) -> list[Collected]:
        """Runs the schedule of a route now, whatever day it is: each of its sources, at one campus or at all. Raises
        BusError: NOT_FOUND, or STATE_CONFLICT where it is under way, or what goes first is.
        """
        meant = [one for one in self._asked if one.route == route and campus in {None, one.campus}]
        if not meant or self._supervisor is None:
            scheduled = ", ".join(sorted({one.route for one in self._asked})) or "none"
            raise BusError(Code.NOT_FOUND, f"no schedule runs this route there; routes with one: {scheduled}")
        for first in meant[0].timing.follows:
            if await self._journal.under_way(first, 1):
                raise BusError(Code.STATE_CONFLICT, f"messages of {first} go first, and are on their way")
        for one in meant:
            if self._under_way(await self._read(one)):
                raise BusError(Code.STATE_CONFLICT, f"{one.source} is being read at {one.campus}")
        work = self._supervisor.once(f"collect/{route}", self._collect(meant))
        self._tasks.append(work)
        work.add_done_callback(self._tasks.remove)
        collected: list[Collected] = await asyncio.shield(work)
        return collected

    async def _collect(self, meant: Sequence[Asked]) -> list[Collected]:
        collected = []
        for one in meant:
            last = await self._read(one)
            turn = self._turn(one, last)
            # Else its schedule or another node was quicker.
            begun = not self._under_way(last) and await turn.begin(last)
            collected.append(await self._run(turn) if begun else Collected(one, Found(), Code.STATE_CONFLICT.name))
        return collected

    def _under_way(self, last: Run | None) -> bool:
        return last is not None and last.under_way(self._clock.now())

    async def _keep(self, asked: Asked) -> None:
        last = await self._read(asked)
        due = asked.timing.first(last, self._clock.now())
        while True:
            await self._sleep_until(due)
            await self._wait_for_others(asked, due)
            stands = await self._read(asked)
            if stands == last:  # else another node has run meanwhile, or a person
                turn = self._turn(asked, last)
                if await turn.begin(last):
                    await self._run(turn)
                stands = await self._read(asked)
            last, due = stands, asked.timing.due(stands, self._clock.now())

    def _turn(self, asked: Asked, last: Run | None) -> Turn:
        now = self._clock.now()
        return Turn(self._journal, self._clock, asked, last.next(now) if last is not None else Run.first(now))

    async def _wait_for_others(self, asked: Asked, occasion: int) -> None:
        """Waits for the routes that go first; says once which."""
        said = ""
        while route := await self._first(asked, occasion):
            if route != said:
                _log.info("ask_waits", route=asked.route, system=asked.system, campus=asked.campus, why=route)
            said = route
            await asyncio.sleep(_BEHIND)

    async def _first(self, asked: Asked, occasion: int) -> str:
        """A route that goes first and is not through; empty where all are."""
        for route in asked.timing.follows:
            for one in self._asked:
                if one.route == route and one.timing.owes(await self._read(one), occasion):
                    return route
            if await self._journal.under_way(route, 1):
                return route
        return ""

    async def _sleep_until(self, due: int) -> None:
        while (left := due - self._clock.now()) > 0:  # noqa: ASYNC110 - nobody else knows when it is due
            await asyncio.sleep(min(left / SECOND, _LOOK))

    async def _read(self, asked: Asked) -> Run | None:
        text = await self._journal.rider(asked.name)
        if text is None:
            return None
        run = Run.read(text)
        self._keep_in_mind(asked, run)
        return run

    def _keep_in_mind(self, asked: Asked, run: Run) -> None:
        """What health and metrics say."""
        self._last[asked.name] = run
        if run.heard:
            metrics.ASKED_AT.labels(asked.route, asked.source, asked.campus).set(run.since / SECOND)

    def _forget(self, asked: Asked) -> None:
        """It is asked for no more: health and metrics do not wait for it."""
        self._last.pop(asked.name, None)
        with suppress(KeyError):
            metrics.ASKED_AT.remove(asked.route, asked.source, asked.campus)

    async def _run(self, turn: Turn) -> Collected:
        asked = turn.asked
        try:
            found = await self._found(turn)
        except BusError as error:
            metrics.ASKED.labels(asked.route, "failed").inc()
            said = error.code.name
            _log.warning("ask_failed", route=asked.route, system=asked.system, campus=asked.campus, code=said)
            await self._left(turn)
            self._keep_in_mind(asked, turn.run)
            return Collected(asked, Found(), said)
        except asyncio.CancelledError:
            await self._left(turn)
            raise
        self._keep_in_mind(asked, turn.run.ended())
        metrics.ASKED.labels(asked.route, "good").inc()
        _log.info("asked", route=asked.route, system=asked.system, campus=asked.campus, count=found.count)
        return Collected(asked, found)

    async def _left(self, turn: Turn) -> None:
        """Says that nobody is at a run any more; where that cannot be said, it is seen a minute later."""
        with suppress(BusError):
            await turn.fail()

    async def _found(self, turn: Turn) -> Found:
        release, asked = self._releases.current, turn.asked
        entrance = self._entrance(asked.system, asked.campus)
        kind = release.profile(asked.system).incoming[asked.kind]
        finding = self._feeding if kind.feed is not None else self._polling
        return await finding.run(turn, release, entrance)
