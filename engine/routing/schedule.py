"""Asking systems by the clock: what is due is decided by the journal, not by whoever wakes (decision 26).

The last run of each schedule is a rider. Of several nodes the one runs that puts its run in place of the last one. A
run counts as failed from its first moment until its end is committed, together with the last message that it found: a
reply that never came, a crash and a node that is gone are one case, and the time since the last good run is asked for
again. Whatever is found twice is known by its key.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.base import log, metrics
from engine.base.clock import SECOND, Clock, from_micros
from engine.base.errors import Backend, BusError, Code
from engine.base.ids import Ids
from engine.base.tasks import Supervisor
from engine.journal.interface import Journal
from engine.model import Context, Incoming, NewMessage, Outcome, Poll, Rider, Shape, Verdict
from engine.routing.accept import Intake
from engine.routing.drafts import Draft, bytes_of, digest_of, drafted, new_message
from engine.routing.entrance import Entrance
from engine.routing.messages import document_meta
from engine.routing.plan import ROUTE
from engine.routing.reads import Asks
from engine.routing.release import Release, Releases
from engine.routing.timing import Run, Timing

_WITHIN = 60.0
"""Seconds for one question, its wait for a place at the system included."""
_LOOK = 60.0
"""Seconds after which whoever sleeps looks at the clock again: it may have been set."""
_AT_ONCE = 64
"""Messages of a run that are stored together."""

_NOT_STORED = frozenset({Code.BUSY, Code.INTERNAL})

_log = log.get("schedule")


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that is asked for by the clock: a kind of message, for one route, at one campus."""

    route: str
    system: str
    kind: str
    campus: str
    timing: Timing

    @property
    def name(self) -> str:
        """How the journal and people call it."""
        return f"schedule/{self.route}/{self.system}.{self.kind}/{self.campus}"


class Schedules:
    """The schedules of the release in force."""

    def __init__(
        self,
        journal: Journal,
        releases: Releases,
        intake: Intake,
        ask: Asks,
        entrance: Callable[[str, str], Entrance],
        clock: Clock,
        ids: Ids,
    ) -> None:
        """`entrance`: where messages of a system at a campus come in."""
        self._journal = journal
        self._releases = releases
        self._intake = intake
        self._ask = ask
        self._entrance = entrance
        self._clock = clock
        self._ids = ids
        self._last: dict[str, Run] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, supervisor: Supervisor, campuses: Sequence[str], only: Callable[[str], bool]) -> None:
        """Keeps a task for each thing that is asked for. `only`: whether a route's schedule runs."""
        for asked in _asked(self._releases.current, campuses):
            if only(asked.route):
                self._tasks.append(supervisor.keep(asked.name, partial(self._keep, asked)))

    async def stop(self) -> None:
        """Asks nothing any more. A run under way has failed, and the next life asks again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

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
                run = last.next(now) if last is not None else Run(now, now)
                if await self._journal.take(asked.name, last.write() if last is not None else None, run.write()):
                    await self._run(asked, run)
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
            metrics.ASKED_AT.labels(asked.route, f"{asked.system}.{asked.kind}", asked.campus).set(run.since / SECOND)

    async def _run(self, asked: Asked, run: Run) -> None:
        try:
            count = await self._found(asked, run)
        except BusError as error:
            self._keep_in_mind(asked, run)
            metrics.ASKED.labels(asked.route, "failed").inc()
            _log.warning(
                "ask_failed", route=asked.route, system=asked.system, campus=asked.campus, code=error.code.name
            )
            return
        self._keep_in_mind(asked, run.ended())
        metrics.ASKED.labels(asked.route, "good").inc()
        _log.info("asked", route=asked.route, system=asked.system, campus=asked.campus, count=count)

    async def _found(self, asked: Asked, run: Run) -> int:
        """Asks, and stores what there is; the run has ended well then. Raises BusError."""
        release = self._releases.current
        profile = release.profile(asked.system)
        kind = profile.incoming[asked.kind]
        assert kind.poll is not None, "only what is asked for has a schedule"
        entrance = self._entrance(asked.system, asked.campus)
        context = release.context(run.begun, self._ids.message(), asked.campus, entrance.named)
        operation, window = profile.outgoing[kind.poll.by], _window(kind.poll, run, release, asked.campus)
        outcome = await self._ask(asked.system, operation, window, context, _WITHIN, asked.campus)
        found = kind.poll.items(_reply(asked.system, outcome))
        await self._store(
            _Finding(release, entrance, kind, self._ids, run), found, Rider(asked.name, run.ended().write())
        )
        return len(found)

    async def _store(self, finding: "_Finding", documents: Sequence[Shape], rider: Rider) -> None:
        """Each document a message, as if it had been sent; the rider is committed with the last one."""
        *before, last = documents or (None,)
        for start in range(0, len(before), _AT_ONCE):
            few = before[start : start + _AT_ONCE]
            for error in await asyncio.gather(*(self._one(finding, document) for document in few)):
                _raise(error)
        error = None
        if last is not None:
            error = await self._one(finding, last, rider)
            _raise(error)
        if last is None or error is not None:
            await self._journal.ride([rider])

    def _one(self, finding: "_Finding", document: Shape, *riders: Rider) -> Awaitable[BusError | None]:
        system, raw = finding.entrance.system, bytes_of(document)
        draft = lambda: finding.draft(document, raw, riders)  # noqa: E731 - made when it is stored
        return self._intake.store(system, finding.release, draft, raw, digest_of(raw).hex())


@dataclass(frozen=True, slots=True)
class _Finding:
    """What a run found its documents as."""

    release: Release
    entrance: Entrance
    kind: Incoming
    ids: Ids
    run: Run

    def draft(self, document: Shape, raw: bytes, riders: tuple[Rider, ...]) -> Draft:
        """The message of one document. Raises BusError."""
        system, campus = self.entrance.system, self.entrance.campuses[0]
        context: Context = self.release.context(self.run.begun, self.ids.message(), campus, self.entrance.named)
        message = drafted(self.release, self.entrance, self.kind, document, context, len(raw))
        meta = document_meta(system, message.route.name, message.campus)
        # What the bus has found itself is sent by the bus, as children are: the same thing pushed meets it by its key.
        new: NewMessage = new_message(message, ROUTE, "", raw, digest_of(raw), meta, riders)
        return new, message


def _asked(release: Release, campuses: Sequence[str]) -> Iterator[Asked]:
    for route in release.routes.values():
        if route.schedule is None:
            continue
        for system, kind in route.sources:
            if release.profile(system).incoming[kind].poll is not None:
                for campus in campuses:
                    yield Asked(route.name, system, kind, campus, route.schedule)


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


def _raise(error: BusError | None) -> None:
    """A document that is none is kept as refused and holds up nobody; one that could not be stored is."""
    if error is not None and error.code in _NOT_STORED:
        raise error
