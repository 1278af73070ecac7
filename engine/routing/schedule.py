"""Asking systems by the clock: what is due is decided by the journal, not by whoever wakes (decision 26).

The last run of each schedule is a rider. Of several nodes the one runs that puts its run in place of the last one. A
run counts as failed from its first moment until its end is committed: a reply that never came, a crash and a node that
is gone are one case, and what the last good run did not reach is asked for again.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from engine.base import log, metrics
from engine.base.clock import SECOND, Clock
from engine.base.errors import BusError
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

_log = log.get("schedule")


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
        self._kept: dict[Asked, asyncio.Task[None]] = {}

    def follow(self, supervisor: Supervisor, campuses: Sequence[str], fed: Fed, only: Callable[[str], bool]) -> None:
        """Keeps a task for each thing that the release in force asks for; what stays as it was goes on with what it is
        at. `only`: whether a route's schedule runs.
        """
        wanted = [one for one in asked(self._releases.current, campuses, fed) if only(one.route)]
        for one in [one for one in self._kept if one not in wanted]:
            self._kept.pop(one).cancel()
            self._forget(one)
        for one in wanted:
            if one not in self._kept:
                self._kept[one] = supervisor.keep(one.name, partial(self._keep, one))

    async def stop(self) -> None:
        """Asks nothing any more. A run under way has failed, and the next life asks again."""
        for task in self._kept.values():
            task.cancel()
        await asyncio.gather(*self._kept.values(), return_exceptions=True)
        self._kept.clear()

    @property
    def failing(self) -> Mapping[str, Run]:
        """Schedules whose last run did not end well, as far as this node has seen."""
        return {name: run for name, run in self._last.items() if run.tries}

    async def _keep(self, asked: Asked) -> None:
        last = await self._read(asked)
        due = asked.timing.first(last, self._clock.now())
        while True:
            await self._sleep_until(due)
            stands, now = await self._read(asked), self._clock.now()
            if stands == last:  # else another node has run meanwhile
                turn = Turn(self._journal, self._clock, asked, last.next(now) if last is not None else Run.first(now))
                if await turn.begin(last):
                    await self._run(turn)
                stands = await self._read(asked)
            last, due = stands, asked.timing.due(stands, self._clock.now())

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

    async def _run(self, turn: Turn) -> None:
        asked = turn.asked
        try:
            found = await self._found(turn)
        except BusError as error:
            metrics.ASKED.labels(asked.route, "failed").inc()
            said = error.code.name
            _log.warning("ask_failed", route=asked.route, system=asked.system, campus=asked.campus, code=said)
            with suppress(BusError):  # what nobody says is seen a minute later
                await turn.fail()
            self._keep_in_mind(asked, turn.run)
            return
        self._keep_in_mind(asked, turn.run.ended())
        metrics.ASKED.labels(asked.route, "good").inc()
        _log.info("asked", route=asked.route, system=asked.system, campus=asked.campus, count=found.count)

    async def _found(self, turn: Turn) -> Found:
        release, asked = self._releases.current, turn.asked
        entrance = self._entrance(asked.system, asked.campus)
        kind = release.profile(asked.system).incoming[asked.kind]
        finding = self._feeding if kind.feed is not None else self._polling
        return await finding.run(turn, release, entrance)
