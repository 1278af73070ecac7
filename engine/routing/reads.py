"""Channel operations that only read: one call through the gate, no message of record (decision 23)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from engine.base.clock import Clock
from engine.base.errors import Backend, BusError, Code
from engine.model import Asked, Context, Outcome, Outgoing, Served, Verdict
from engine.routing.planner import Named
from engine.routing.release import Releases

_WITHIN = 10.0


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


def server(releases: Releases, ask: Asks, clock: Clock, named: Named) -> Callable[[Asked], Awaitable[Served]]:
    """What the channel's entrance calls: the answer of the route that an operation names."""

    async def serve(asked: Asked) -> Served:
        release = releases.current
        route = release.routes.get(asked.operation)
        if route is None:
            raise BusError(Code.UNSUPPORTED_MESSAGE, "no route serves this operation")
        step = route.steps[0]
        operation = release.profile(step.system).outgoing[step.operation]
        campus = asked.caller.campus
        context = release.context(clock.now(), asked.trace, campus, named(step.system, campus))
        document = step.between(asked.document, context) if step.between else asked.document
        within = step.policy.within or _WITHIN
        outcome = await ask(step.system, operation, document, context, within, campus)
        return _served(step.system, outcome)

    return serve


def _served(system: str, outcome: Outcome) -> Served:
    if outcome.verdict is Verdict.DELIVERED:
        return Served(outcome.value or {}, system, outcome.backend_code, outcome.backend_text)
    if outcome.verdict is Verdict.UNSENT:
        raise BusError(Code.NOT_FOUND, backend=Backend(system, outcome.backend_code))
    code = Code[outcome.code] if outcome.code in Code.__members__ else Code.BACKEND_REJECTED
    raise BusError(code, outcome.code, backend=Backend(system, outcome.backend_code, outcome.backend_text))
