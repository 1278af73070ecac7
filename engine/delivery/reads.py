"""Reads: operations of `effect: none`, called at once and without the journal (decision 23)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.base.clock import Clock
from engine.base.errors import Backend, BusError, Code
from engine.base.ids import Ids
from engine.base.tasks import Supervisor
from engine.contract import Call, Unavailable
from engine.delivery.exchange import Said, exchange, extended, sealed
from engine.delivery.gate import Shut, Stopped
from engine.delivery.send import FIRST_BYTE, checked
from engine.delivery.slots import Turn
from engine.delivery.wire import System, Wire
from engine.model import Built, Context, Outcome, Outgoing, Verdict

_ANSWERS = frozenset({Verdict.DELIVERED, Verdict.REFUSED, Verdict.UNSENT})

_LOST = frozenset({"closed", "reset"})
"""A connection that ended under a read, mostly a kept one that the system had given up meanwhile. A read changed
nothing, so it is asked once more. What could not be reached, or was busy, would be so a moment later too.
"""


class Reads:
    """Direct calls. A caller who leaves cuts none off: its own limit ends it, so that the breaker learns of it."""

    def __init__(self, clock: Clock, ids: Ids, supervisor: Supervisor) -> None:
        self._clock = clock
        self._ids = ids
        self._supervisor = supervisor

    async def ask_once(
        self,
        system: System,
        operation: Outgoing,
        scope: Mapping[str, Any],
        context: Context,
        within: float,
        campus: str | None = None,
    ) -> Outcome:
        """What the system answers within `within` seconds: delivered or refused, as the profile understands it.

        Raises BusError: BACKEND_UNAVAILABLE (gate shut, not reached, connection lost), BACKEND_TIMEOUT,
        BACKEND_FORMAT (the reply cannot be understood), BACKEND_REJECTED (the transport says no),
        VALIDATION_FAILED (the scope cannot be mapped). Raises Stopped where the system is called so no more.
        """
        work = self._ended(system, operation, scope, context, within, campus)
        task = self._supervisor.once(f"call:{system.name}", work)
        try:
            async with asyncio.timeout(within):
                ended: Outcome | BusError | Stopped = await asyncio.shield(task)
        except TimeoutError:
            raise BusError(Code.BACKEND_TIMEOUT, system.name, backend=Backend(system.name)) from None
        if not isinstance(ended, Outcome):
            raise ended
        return ended

    async def _ended(self, system: System, *call: Any) -> Outcome | BusError | Stopped:
        """An answer in each case: an error that a caller is told is no failure of the task."""
        with system.used():
            try:
                return await self._call(system, *call)
            except (BusError, Stopped) as error:
                return error

    async def _call(
        self,
        system: System,
        operation: Outgoing,
        scope: Mapping[str, Any],
        context: Context,
        within: float,
        campus: str | None,
    ) -> Outcome:
        wire = system.wire(campus)
        if wire is None:
            raise BusError(Code.BACKEND_UNAVAILABLE, "no such system at this campus", backend=Backend(system.name))
        deadline = self._clock.monotonic() + within
        entered = await wire.gate.enter(Turn.READ)
        if isinstance(entered, Shut):
            raise BusError(Code.BACKEND_UNAVAILABLE, entered.why, backend=Backend(system.name, entered.why))
        with entered as passed:
            if deadline <= self._clock.monotonic():
                raise BusError(Code.BACKEND_TIMEOUT, "no place in time", backend=Backend(system.name))
            token = self._ids.token()
            context = extended(context, token, system.name, campus)
            built = await checked(operation, operation.build(scope, context), context)
            asking = _Asking(system, wire, operation, built, context, token, deadline)
            said = await self._exchange(asking)
            if said.outcome.code in _LOST and not said.understood and deadline > self._clock.monotonic():
                said = await self._exchange(asking)
            passed.say(answered=said.answered)
        return _answer(said, system.name)

    async def _exchange(self, asking: "_Asking") -> Said:
        """One call, sealed anew."""
        wire, operation, built = asking.wire, asking.operation, asking.built
        try:
            body, seal = sealed(wire, operation, built, asking.context, self._clock)
        except Unavailable as error:
            raise BusError(Code.BACKEND_UNAVAILABLE, error.why, backend=Backend(asking.system.name)) from None
        now = self._clock.monotonic()
        left = max(0.0, asking.deadline - now)
        seconds = min(left, asking.system.runtime.limits.total)
        call = Call(operation.name, operation.options, body, asking.token, seconds, seal, built.fields)
        return await exchange(wire, asking.system.name, operation, call, now + min(FIRST_BYTE, left), self._clock)


@dataclass(frozen=True, slots=True)
class _Asking:
    """All of a call but its seal."""

    system: System
    wire: Wire
    operation: Outgoing
    built: Built
    context: Context
    token: str
    deadline: float
    """When its time is over, on the clock that never runs backwards."""


def _answer(said: Said, system: str) -> Outcome:
    outcome = said.outcome
    if said.understood and outcome.verdict in _ANSWERS:
        return outcome
    backend = Backend(system, outcome.backend_code, outcome.backend_text)
    if said.understood and outcome.verdict is Verdict.IN_DOUBT:
        raise BusError(Code.BACKEND_FORMAT, outcome.code, backend=backend)
    if outcome.verdict is Verdict.REFUSED:
        raise BusError(Code.BACKEND_REJECTED, outcome.code, backend=backend)
    timed_out = outcome.verdict is Verdict.IN_DOUBT and outcome.code == "timeout"
    raise BusError(
        Code.BACKEND_TIMEOUT if timed_out else Code.BACKEND_UNAVAILABLE,
        outcome.code or outcome.verdict.value,
        backend=backend,
    )
