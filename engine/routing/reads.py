"""Channel operations that only read: asked through the gate at once, no message of record (decision 23).

Equal questions under way share one answer, and an answer may be kept for others. Both are known by what is in force,
the route, the campus and the whole document that the steps see: what is not in it, as who asks, no answer depends on.
Masking comes after, for each caller.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import orjson

from engine.base import log, metrics
from engine.base.clock import Clock
from engine.base.errors import Backend, BusError, Code
from engine.base.tasks import Supervisor
from engine.model import Asked, Context, Outcome, Outgoing, Served, State, Verdict
from engine.routing.cache import Cache, Kept
from engine.routing.compile_reads import WITHIN
from engine.routing.gather import Part, merged
from engine.routing.plan import Step
from engine.routing.planner import Named
from engine.routing.reading import Reading
from engine.routing.release import Release, Releases
from engine.routing.shared import Shared

_DOWN = frozenset({Code.BACKEND_UNAVAILABLE, Code.BACKEND_TIMEOUT})
"""Errors that say nothing about what was asked: an old answer is better."""

_log = log.get("reads")


class Asks(Protocol):
    """What a read needs of the delivery floor: see `Delivery.ask_once`."""

    def __call__(
        self,
        system: str,
        operation: Outgoing,
        scope: Mapping[str, Any],
        context: Context,
        within: float,
        campus: str | None = None,
    ) -> Awaitable[Outcome]: ...


class Reads:
    """The reads of this node, with what it keeps of their answers."""

    def __init__(
        self, releases: Releases, ask: Asks, clock: Clock, named: Named, supervisor: Supervisor, cache: Cache
    ) -> None:
        self._releases = releases
        self._ask = ask
        self._clock = clock
        self._named = named
        self._cache = cache
        self._shared: Shared[Served] = Shared(supervisor)

    async def serve(self, asked: Asked) -> Served:
        """What the channel's entrance calls: the answer of the route that an operation names.

        Raises BusError: the first failure of a step, mapped to ours; UNSUPPORTED_MESSAGE where no route reads this.
        """
        release = self._releases.current
        reading = release.readings.get(asked.operation)
        if reading is None:
            raise BusError(Code.UNSUPPORTED_MESSAGE, "no route serves this operation")
        document = orjson.dumps(asked.document, default=str, option=orjson.OPT_SORT_KEYS)
        key = self._releases.number, reading.name, asked.caller.campus, document
        kept = self._cache.get(key) if reading.keep else None
        if kept and reading.keep and self._cache.age(kept) <= reading.keep.fresh:
            return _said(reading, "kept", kept.served)
        word = "shared" if self._shared.under_way(key) else "asked"

        async def work() -> Served:
            served = await _Walk(self, release, reading, asked).served()
            if reading.keep and not served.missing:
                self._cache.put(key, served)
            return served

        try:
            served = await self._shared.get(key, f"read:{reading.name}", work)
        except BusError as error:
            if kept is None or error.code not in _DOWN or not self._may_stand_in(reading, kept):
                raise
            return _said(reading, "stale", replace(kept.served, stale=True, stale_since=kept.at))
        return _said(reading, word, served)

    def _may_stand_in(self, reading: Reading, kept: Kept) -> bool:
        return reading.keep is not None and self._cache.age(kept) <= reading.keep.stale

    async def ask(self, release: Release, step: Step, asked: Asked, scope: Mapping[str, Any], within: float) -> Served:
        """One step's answer. Raises BusError."""
        operation = release.profile(step.system).outgoing[step.operation]
        campus = asked.caller.campus
        context = release.context(self._clock.now(), asked.trace, campus, self._named(step.system, campus))
        document = step.between(scope, context) if step.between else scope
        outcome = await self._ask(step.system, operation, document, context, within, campus)
        return _served(step.system, outcome)

    def now(self) -> float:
        return self._clock.monotonic()


class _Walk:
    """One read under way: its steps in the order of their needs, within its time."""

    def __init__(self, reads: Reads, release: Release, reading: Reading, asked: Asked) -> None:
        self._reads, self._release, self._reading, self._asked = reads, release, reading, asked
        self._ends = reads.now() + reading.within
        self._replies: dict[str, dict[str, Any]] = {}

    async def served(self) -> Served:
        reading = self._reading
        answers: dict[int, Served | BusError | None] = {}
        for wave in reading.waves:
            came = await asyncio.gather(*(self._step(step) for step in wave))
            answers |= {step.index: answer for step, answer in zip(wave, came, strict=True)}
            if reading.merge is None:
                self._take(wave, answers)
        if reading.merge is None:
            answer = answers[reading.answer.index]
            assert isinstance(answer, Served), "the compiler lets no step be the answer that may be skipped"
            return answer
        asked = [(step, answers[step.index]) for step in reading.steps]
        parts = [
            Part(step.name, one.value if isinstance(one, Served) else one) for step, one in asked if one is not None
        ]
        value, missing = merged(reading.merge, parts)
        for part in missing:
            _log.warning("part_missing", operation=reading.name, step=part.part, code=part.code)
        return Served(value, missing=missing)

    def _take(self, wave: tuple[Step, ...], answers: Mapping[int, Served | BusError | None]) -> None:
        """What later steps may read of these. Raises the first failure."""
        for step in wave:
            answer = answers[step.index]
            if isinstance(answer, BusError):
                raise answer
            state = State.SKIPPED if answer is None else State.DELIVERED
            self._replies[step.name] = {"outcome": state.value, "reply": answer.value if answer else {}}

    async def _step(self, step: Step) -> Served | BusError | None:
        """A step's answer or its failure; None where its `when` is false."""
        scope: Mapping[str, Any] = self._asked.document
        if step.reads:
            scope = {**scope, **{name: self._replies[name] for name in step.reads}}
        if step.when is not None and not step.when.test(scope):
            return None
        left = self._ends - self._reads.now()
        try:
            if left <= 0:
                raise BusError(Code.BACKEND_TIMEOUT, "no time left", backend=Backend(step.system))
            within = min(step.policy.within or WITHIN, left)
            return await self._reads.ask(self._release, step, self._asked, scope, within)
        except BusError as error:
            return error
        except Exception as error:  # noqa: BLE001 - a map's slip is one part's failure, never the others'
            _log.error("map_failed", operation=self._reading.name, step=step.name, error=type(error).__name__)
            return BusError(Code.INTERNAL, "the map failed")


def _said(reading: Reading, how: str, served: Served) -> Served:
    metrics.READS.labels(reading.name, how).inc()
    return served


def _served(system: str, outcome: Outcome) -> Served:
    if outcome.verdict is Verdict.DELIVERED:
        return Served(outcome.value or {}, system, outcome.backend_code, outcome.backend_text)
    if outcome.verdict is Verdict.UNSENT:
        raise BusError(Code.NOT_FOUND, backend=Backend(system, outcome.backend_code))
    code = Code[outcome.code] if outcome.code in Code.__members__ else Code.BACKEND_REJECTED
    raise BusError(code, outcome.code, backend=Backend(system, outcome.backend_code, outcome.backend_text))
