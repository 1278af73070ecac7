"""Pages of feeds, through the same gate and threads as calls, and without the journal: reading changes nothing."""

import asyncio

from engine.base import log, metrics
from engine.base.clock import Clock
from engine.base.errors import Backend, BusError, Code
from engine.contract import InDoubt, Page, Unavailable
from engine.delivery.gate import Shut, Stopped
from engine.delivery.send import FIRST_BYTE
from engine.delivery.slots import Turn
from engine.delivery.wire import Pull, System, Wire

_log = log.get("delivery")


async def page(system: System, pull: Pull, campus: str, clock: Clock) -> Page:
    """The page that the feed of a system gives. Raises BusError: BACKEND_UNAVAILABLE, BACKEND_TIMEOUT."""
    wire = system.wire(campus)
    if wire is None:
        raise _failed(Code.BACKEND_UNAVAILABLE, "no such system at this campus", system.name)
    with system.used():
        try:
            entered = await wire.gate.enter(Turn.READ)
        except Stopped:
            raise _failed(Code.BACKEND_UNAVAILABLE, "stopping", system.name) from None
        if isinstance(entered, Shut):
            raise _failed(Code.BACKEND_UNAVAILABLE, entered.why, system.name)
        with entered as passed:
            passed.say(answered=False)
            found = await _pulled(wire, system, pull, clock)
            passed.say(answered=True)
    return found


async def _pulled(wire: Wire, system: System, pull: Pull, clock: Clock) -> Page:
    began, limit = clock.monotonic(), system.runtime.limits.total
    verdict = "unavailable"
    try:
        found = await wire.pull(pull, limit, began + min(FIRST_BYTE, limit))
        verdict = "delivered"
    except asyncio.CancelledError:
        raise
    except InDoubt as error:  # its limit passed
        raise _failed(Code.BACKEND_TIMEOUT, error.why, system.name) from None
    except Unavailable as error:
        raise _failed(Code.BACKEND_UNAVAILABLE, error.why, system.name) from None
    except Exception as error:  # noqa: BLE001 - an adapter's slip is a page that did not come
        _log.error("adapter_failed", system=system.name, operation=pull.operation, error=type(error).__name__)
        raise _failed(Code.BACKEND_UNAVAILABLE, "unexpected_error", system.name) from None
    finally:
        metrics.CALL_TIME.labels(system.name).observe(clock.monotonic() - began)
        metrics.ATTEMPTS.labels(system.name, pull.operation, verdict).inc()
    return found


def _failed(code: Code, why: str, system: str) -> BusError:
    return BusError(code, why, backend=Backend(system, why))
