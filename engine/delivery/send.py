"""One attempt at a delivery: plan, gate, map, seal, record, call, understand, decide, settle.

The task that runs this is held by the supervisor and belongs to no source. Wherever it dies, the journal
says how far it came: `claimed` (nothing sent) or `sending` (perhaps sent).
"""

import asyncio
from dataclasses import dataclass, replace

import orjson

from engine.base import log
from engine.base.clock import Clock
from engine.base.errors import BusError, Code
from engine.base.ids import Ids
from engine.base.tasks import Supervisor
from engine.contract import Call, Reply, Unavailable
from engine.delivery.decide import Facts, decide, decide_held, decide_unmapped, is_repeatable, then
from engine.delivery.exchange import exchange, failed, named, sealed, token, understood
from engine.delivery.gate import Shut
from engine.delivery.interface import Planner, Policy, Work
from engine.delivery.policy import question_wait
from engine.delivery.settle import Settler
from engine.delivery.slots import Turn
from engine.delivery.stored import encode
from engine.delivery.wire import System, Wire
from engine.journal.interface import Journal
from engine.model import Built, Claimed, Context, Outcome, Outgoing, State, Then, Verdict

_log = log.get("delivery")
FIRST_BYTE = 5.0
"""Seconds (monotonic) from an attempt's record to its first byte: a node that was frozen must not send when others
have asked about it already.
"""


@dataclass(frozen=True, slots=True)
class _Prepared:
    call: Call
    body: bytes | None
    """The mapped body to be stored; None: it is stored already."""
    sealed: bytes


class Sender:
    """Makes attempts. One for all systems of a node."""

    def __init__(
        self, journal: Journal, planner: Planner, settler: Settler, clock: Clock, ids: Ids, supervisor: Supervisor
    ) -> None:
        self._journal = journal
        self._planner = planner
        self._settler = settler
        self._clock = clock
        self._ids = ids
        self._supervisor = supervisor

    async def send(self, delivery: Claimed, system: System) -> None:
        """Makes the next attempt at a claimed delivery, or settles why there is none."""
        work = await self.work(delivery)
        if work is None:
            return
        if not work.run:
            await self._settler.settle(delivery, None, Then(State.SKIPPED))
            return
        wire = system.wire(work.campus)
        if wire is None:
            await self.park(delivery, "no_such_campus")
            return
        if not is_repeatable(work.operation) and await self._journal.unheard(delivery):
            await self._doubt(delivery, work, system)
        else:
            await self._attempt(delivery, work, system, wire)

    async def _attempt(self, delivery: Claimed, work: Work, system: System, wire: Wire) -> None:
        entered = await wire.gate.enter(Turn.DELIVERY)
        if isinstance(entered, Shut):
            await self._hold(delivery, work, system, entered.why, entered.opens, patient=entered.by_clock)
            return
        with entered as passed:
            prepared = await self._prepare(delivery, work, system, wire)
            if prepared is None:
                return
            start_by = self._clock.monotonic() + FIRST_BYTE  # taken before the commit: never later than 5 s after it
            attempt = await self._journal.sending(delivery, prepared.body, prepared.sealed)
            if not attempt:
                self._settler.dropped(delivery)
                return
            since = self._clock.now()
            delivery = replace(delivery, attempt=attempt, state=State.SENDING)
            said = await exchange(wire, system.name, work.operation, prepared.call, start_by, self._clock)
            passed.say(answered=said.answered)
        await self._settle(delivery, work, system, said.outcome, since)
        if said.late is not None:
            late = self._late(delivery, work, system, said.late, since)
            self._supervisor.once(f"late:{system.name}", late)

    async def work(self, delivery: Claimed) -> Work | None:
        """What the plan says about a delivery; None: it cannot say, and the delivery is settled as that."""
        try:
            return await self._planner.work(delivery)
        except BusError as error:
            await self.park(delivery, error.code.name)
        except Exception as error:  # noqa: BLE001 - a bug or a lost journal: later may be better, and it is said
            _log.error("plan_failed", id=delivery.id, step=delivery.step, error=type(error).__name__)
            await self.postpone(delivery, "plan_failed")
        return None

    async def park(self, delivery: Claimed, why: str) -> None:
        """Nothing was sent and time mends nothing: a person's turn."""
        verdict = Verdict.IN_DOUBT if delivery.state is State.DOUBTFUL else Verdict.UNSENT
        await self._settler.settle(delivery, Outcome(verdict, why), Then(State.PARKED, holds=True, why=why))

    def facts(self, delivery: Claimed, work: Work, system: System, since: int) -> Facts:
        """What deciding needs to know, now."""
        return Facts(
            operation=work.operation,
            policy=work.policy,
            limit=limit(work.policy, system),
            attempt=delivery.attempt,
            first_due=delivery.first_due or delivery.received,
            since=since,
            now=self._clock.now(),
            doubted=delivery.doubted,
            chance=self._ids.chance(),
            hours=system.runtime.hours,
        )

    async def _prepare(self, delivery: Claimed, work: Work, system: System, wire: Wire) -> _Prepared | None:
        try:
            context = named(work.context, delivery, work.campus)
            built = work.stored or await checked(work.operation, build(work, work.operation, context), context)
            body = None if work.stored else encode(built)
            sent, seal = sealed(wire, work.operation, built, context, self._clock)
        except Unavailable as error:  # a key or a signing device that cannot be reached
            opens = self._clock.now() + question_wait(self._clock.now() - delivery.received, self._ids.chance())
            await self._hold(delivery, work, system, error.why, opens, patient=False)
            return None
        except BusError as error:
            name, path = work.operation.name, error.spot
            _log.warning("map_refused", id=delivery.id, operation=name, why=error.detail, path=path)
            await self._unmapped(delivery, work, system, error.code.name)
            return None
        except Exception as error:  # noqa: BLE001 - a map is generated code: its bug is one message's, not the runner's
            _log.error("map_failed", id=delivery.id, operation=work.operation.name, error=type(error).__name__)
            await self._unmapped(delivery, work, system, Code.INTERNAL.name)
            return None
        operation = work.operation
        seconds = limit(work.policy, system)
        call = Call(operation.name, operation.options, sent, token(delivery), seconds, seal, built.fields)
        return _Prepared(call, body, orjson.dumps(dict(seal)) if seal else b"")

    async def _doubt(self, delivery: Claimed, work: Work, system: System) -> None:
        """The attempt of a life that a restore has lost, as far as anybody knows: it is recorded, and asked about."""
        attempt = await self._journal.sending(delivery, None, b"")
        if not attempt:
            self._settler.dropped(delivery)
            return
        doubted = replace(delivery, attempt=attempt, state=State.SENDING)
        await self._settle(doubted, work, system, Outcome(Verdict.IN_DOUBT, "restored"), self._clock.now())

    async def _settle(self, delivery: Claimed, work: Work, system: System, outcome: Outcome, since: int) -> None:
        following = decide(self.facts(delivery, work, system, since), outcome)
        await self._settler.settle(delivery, outcome, then(following, work.policy))

    async def _unmapped(self, delivery: Claimed, work: Work, system: System, code: str) -> None:
        following = decide_unmapped(self.facts(delivery, work, system, 0), code)
        await self._settler.settle(delivery, Outcome(Verdict.UNSENT, code), then(following, work.policy))

    async def _hold(
        self, delivery: Claimed, work: Work, system: System, why: str, opens: int, *, patient: bool
    ) -> None:
        following = decide_held(self.facts(delivery, work, system, 0), opens, why, patient=patient)
        await self._settler.settle(delivery, Outcome(Verdict.UNAVAILABLE, why), then(following, work.policy))

    async def postpone(self, delivery: Claimed, why: str) -> None:
        """Something of ours failed before anything was sent: later, with growing pauses."""
        doubtful = delivery.state is State.DOUBTFUL
        due = self._clock.now() + question_wait(self._clock.now() - delivery.received, self._ids.chance())
        outcome = Outcome(Verdict.IN_DOUBT if doubtful else Verdict.UNAVAILABLE, why)
        state = State.DOUBTFUL if doubtful else State.READY
        await self._settler.settle(delivery, outcome, Then(state, due=due, holds=True))

    async def _late(
        self, delivery: Claimed, work: Work, system: System, late: "asyncio.Future[Reply]", since: int
    ) -> None:
        """A stuck thread has come home: evidence, which settles the delivery if it is still in doubt about it."""
        try:
            outcome = understood(await late, system.name, work.operation)
        except Exception as error:  # noqa: BLE001 - what it brings may be an error as well
            outcome = failed(error, system.name, work.operation)
        _log.info("late_reply", system=system.name, id=delivery.id, step=delivery.step, outcome=outcome.verdict.value)
        if outcome.verdict is Verdict.IN_DOUBT:
            return
        doubtful = replace(delivery, state=State.DOUBTFUL)
        again = await self.work(doubtful)  # the plan may have forgotten it since
        if again is not None:
            await self._settle(doubtful, again, system, outcome, since)


def build(work: Work, operation: Outgoing, context: Context) -> Built:
    """Maps the message for an operation: the delivery's own, or the one that asks about it. Pure."""
    scope = work.scope if work.between is None else work.between(work.scope, context)
    return operation.build(scope, context)


async def checked(operation: Outgoing, built: Built, context: Context) -> Built:
    """The same, held against the models of its standard where the operation asks for it: in a thread, as it takes as
    long as some hundred messages. Raises BusError.
    """
    look = operation.check(context) if operation.check is not None else None
    if look is not None:
        await asyncio.to_thread(look, built)
    return built


def limit(policy: Policy, system: System) -> float:
    """Seconds that one call may take."""
    return policy.within if policy.within is not None else system.runtime.limits.total
