"""One call and what it came to: from a document to the wire, and from whatever happens there to an outcome."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.base import log, metrics
from engine.base.clock import Clock, from_micros
from engine.base.errors import BusError
from engine.contract import Call, InDoubt, Refused, Reply, Row, Unavailable
from engine.delivery.stored import reply_bytes
from engine.delivery.threads import Overdue
from engine.delivery.wire import Wire
from engine.model import Built, Claimed, Context, Outcome, Outgoing, Verdict

_log = log.get("delivery")


@dataclass(frozen=True, slots=True)
class Said:
    """What one call came to."""

    outcome: Outcome
    answered: bool
    """Whether the system answered at all: the breaker counts calls that it did not answer."""
    understood: bool = False
    """Whether the outcome is what the profile made of a reply, and not of a failed call."""
    late: "asyncio.Future[Reply] | None" = None
    """Where a stuck thread will bring the reply, if it ever does."""


def token(delivery: Claimed) -> str:
    """What stays the same over all attempts and questions of one delivery."""
    return f"{delivery.id}-{delivery.step}"


def named(context: Context, delivery: Claimed, campus: str | None) -> Context:
    """A delivery's context with the names that maps and seals may use: `token`, `system`, `campus`."""
    return extended(context, token(delivery), delivery.system, campus)


def extended(context: Context, called: str, system: str, campus: str | None) -> Context:
    """The same for a call under the token `called`."""
    values = {**context.values, "token": called, "system": system, "campus": campus}
    return Context(context.received, context.now, values)


def sealed(
    wire: Wire, operation: Outgoing, built: Built, context: Context, clock: Clock
) -> tuple[bytes | Row, Mapping[str, str]]:
    """The body as it is sent and the headers of one attempt, at this instant. Raises Unavailable where a key or a
    device cannot be had.
    """
    if operation.seal is None:
        return built.body, {}
    now = from_micros(clock.now()).astimezone(context.received.tzinfo)
    return operation.seal(built, wire.address(operation, built), replace(context, now=now))


async def exchange(wire: Wire, system: str, operation: Outgoing, call: Call, start_by: float, clock: Clock) -> Said:
    """Makes one call and says what it came to. Raises nothing but cancellation."""
    began = clock.monotonic()
    try:
        reply = await wire.call(call, start_by)
        said = Said(understood(reply, system, operation), answered=True, understood=True)
    except Overdue as overdue:
        said = Said(Outcome(Verdict.IN_DOUBT, overdue.why), answered=False, late=overdue.late)
    except Exception as error:  # noqa: BLE001 - an adapter's slip must not be taken for "not sent"
        said = Said(failed(error, system, operation), answered=isinstance(error, Refused))
    metrics.CALL_TIME.labels(system).observe(clock.monotonic() - began)
    metrics.ATTEMPTS.labels(system, operation.name, said.outcome.verdict.value).inc()
    return said


def failed(error: Exception, system: str, operation: Outgoing) -> Outcome:
    """The outcome of a call that raised. Whatever an adapter should not have raised is in doubt, and is said."""
    match error:
        case Refused():
            return Outcome(Verdict.REFUSED, error.why, reply=reply_bytes(error.reply) if error.reply else b"")
        case Unavailable():
            return Outcome(Verdict.UNAVAILABLE, error.why)
        case InDoubt():
            return Outcome(Verdict.IN_DOUBT, error.why, reply=reply_bytes(error.reply) if error.reply else b"")
    _log.error("adapter_failed", system=system, operation=operation.name, error=type(error).__name__)
    return Outcome(Verdict.IN_DOUBT, "unexpected_error")


def understood(reply: Reply, system: str, operation: Outgoing) -> Outcome:
    """What a reply means; one that cannot be understood is in doubt."""
    try:
        outcome = operation.understand(reply)
    except BusError as error:
        outcome = Outcome(Verdict.IN_DOUBT, error.code.name)
    except Exception as error:  # noqa: BLE001 - no reply may end the runner
        _log.error("reply_not_understood", system=system, operation=operation.name, error=type(error).__name__)
        outcome = Outcome(Verdict.IN_DOUBT, "unexpected_error")
    return outcome if outcome.reply else replace(outcome, reply=reply_bytes(reply))
