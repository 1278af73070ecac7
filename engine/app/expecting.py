"""What should have gone on a day: asked of the systems that messages are read from, by the running bus."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Protocol

from engine.app.control import Handler
from engine.app.systems import Surroundings
from engine.base.clock import Clock, from_micros, to_micros
from engine.base.errors import BusError, Code
from engine.base.ids import Ids
from engine.delivery.delivery import Delivery
from engine.model import Effect, Verdict
from engine.registry.systems import PROFILES as LOCAL
from engine.routing.asked import Asked, asked
from engine.routing.plan import Route
from engine.routing.release import Release
from engine.settings.models import Config

DAY = "day"
"""The kind of find by which the messages of a day are found, and what a system is asked with."""

_WITHIN = 60.0
"""Seconds for one question, its wait for a place at the system included."""


class Running(Protocol):
    """What is needed of the bus."""

    config: Config
    clock: Clock
    ids: Ids
    delivery: Delivery
    surroundings: Surroundings

    @property
    def release(self) -> Release: ...


def expecting(bus: Running) -> Handler:
    """The command: perhaps gets `day`, else yesterday at the site is meant. Gives `day`, `now`, and `routes`: each
    whose messages are read by its schedule and found by their day, as

    - `route`, `systems`: its name, and the systems that it sends to;
    - `due`: when the run comes that has to bring that day;
    - `should`: how many there are to be, None where nobody says it; `error`: why somebody could not be asked, or empty.

    Instants are microseconds UTC. Raises BusError(VALIDATION_FAILED) for what is no day.
    """

    async def expected(wanted: Mapping[str, Any]) -> Any:
        now = bus.clock.now()
        day = _day(wanted.get(DAY), from_micros(now).astimezone(bus.release.zone).date())
        routes = [await _expected(bus, route, day) for route in _daily(bus.release)]
        return {DAY: day.isoformat(), "now": now, "routes": routes}

    return expected


def _day(written: Any, today: date) -> date:
    if written is None:
        return today - timedelta(days=1)
    try:
        day = date.fromisoformat(str(written))
        day + timedelta(days=366)  # its schedule comes some time after it
        return day
    except (ValueError, OverflowError):
        raise BusError(Code.VALIDATION_FAILED, "a day is written 2026-11-20") from None


def _daily(release: Release) -> Iterator[Route]:
    for route in release.routes.values():
        if route.schedule is not None and DAY in release.shape(route.shape).find:
            yield route


async def _expected(bus: Running, route: Route, day: date) -> dict[str, Any]:
    assert route.schedule is not None, "only routes with a schedule are daily"
    ends = to_micros(datetime.combine(day + timedelta(days=1), time(), bus.release.zone))
    should, error = None, ""
    try:
        counts = [await _count(bus, one, day) for one in _counted(bus, route)]
        if counts:
            should = max(sum(counts), int(route.schedule.send_empty))
    except BusError as failed:
        error = failed.code.name
    due = route.schedule.after(ends - 1)
    systems = sorted(_receivers(bus.release, route))
    return {"route": route.name, "due": due, "should": should, "error": error, "systems": systems}


def _counted(bus: Running, route: Route) -> Iterator[Asked]:
    """Each place of each source of a route that can say how many there should be."""
    for one in asked(bus.release, bus.config.site.campuses, bus.surroundings.fed):
        feed = bus.release.profile(one.system).incoming[one.kind].feed
        if one.route == route.name and feed is not None and feed.count:
            yield one


async def _count(bus: Running, one: Asked, day: date) -> int:
    """Raises BusError."""
    profile = bus.release.profile(one.system)
    feed = profile.incoming[one.kind].feed
    assert feed is not None, "only what is read on is counted"
    named = bus.surroundings.named(one.system, one.campus)
    context = bus.release.context(bus.clock.now(), bus.ids.message(), one.campus, named)
    operation, question = profile.outgoing[feed.count], {DAY: day.isoformat()}
    outcome = await bus.delivery.ask_once(one.system, operation, question, context, _WITHIN, one.campus)
    if outcome.verdict is not Verdict.DELIVERED or outcome.value is None:
        raise BusError(Code.BACKEND_REJECTED, outcome.code)
    return int(outcome.value["count"])


def _receivers(release: Release, route: Route) -> set[str]:
    """The systems that a route changes something at."""
    return {
        step.system
        for step in route.steps
        if step.makes is None
        and step.system not in LOCAL
        and release.profile(step.system).outgoing[step.operation].effect is not Effect.NONE
    }
