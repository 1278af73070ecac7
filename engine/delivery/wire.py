"""A system as delivery calls it: what the app built of settings and profile, and the way to each of its places."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import cast

from engine.base.clock import Clock
from engine.contract import (
    Address,
    BlockingDestination,
    BlockingFeed,
    Call,
    Destination,
    Feed,
    InDoubt,
    Limits,
    Page,
    Reply,
    Unavailable,
)
from engine.delivery.breaker import Breaker
from engine.delivery.gate import Gate, Shut
from engine.delivery.hours import Hours
from engine.delivery.slots import Pace, Slots
from engine.delivery.threads import Threads
from engine.model import Built, Outgoing, Profile

_MARGIN = 0.5
"""Seconds that an adapter may pass its own limit before the engine ends the call: it knows better what happened."""


@dataclass(frozen=True, slots=True)
class SystemRuntime:
    """One system around the bus, ready to be called. Built by the app from settings, profile and adapter."""

    name: str
    profile: Profile
    destinations: Mapping[str | None, Destination | BlockingDestination]
    """By campus; None: the place for every campus that has none of its own."""
    limits: Limits = field(default_factory=Limits)
    hours: Hours = field(default_factory=Hours)
    breaker_after: int = 5
    breaker_pause: float = 10.0
    pace: float | None = None
    """Calls a second; None: as they come."""
    blocking: bool = False
    address: Address | None = None
    """The adapter's address function, where seals cover method and path."""
    urls: Mapping[str | None, str] = field(default_factory=dict)
    feeds: Mapping[str | None, Feed | BlockingFeed] = field(default_factory=dict)
    """The same places, where its messages are read on from a cursor."""


@dataclass(frozen=True, slots=True)
class Pull:
    """What is asked of a feed: at most `limit` items of an operation after a cursor, of days before `until`."""

    operation: str
    cursor: str | None
    limit: int
    until: date


class Wire:
    """The way to one destination: its gate, and its threads where the library blocks."""

    def __init__(self, runtime: SystemRuntime, campus: str | None, clock: Clock, slots: Slots, pace: Pace) -> None:
        self._runtime = runtime
        self._destination = runtime.destinations[campus]
        self._feed = runtime.feeds.get(campus)
        self._url = runtime.urls.get(campus) or runtime.urls.get(None)
        self._clock = clock
        self._name = runtime.name if campus is None else f"{runtime.name}@{campus}"
        self._threads = Threads(self._name, runtime.limits.at_once, clock) if runtime.blocking else None
        self.gate = Gate(
            self._name,
            clock,
            slots=slots,
            pace=pace,
            breaker=Breaker(clock, runtime.breaker_after, runtime.breaker_pause),
            hours=runtime.hours,
            stuck=lambda: self._threads is not None and self._threads.all_stuck,
        )

    @property
    def stuck(self) -> int:
        """Threads whose call passed its limit."""
        return self._threads.stuck if self._threads else 0

    def address(self, operation: Outgoing, built: Built) -> str:
        """Method and path as they will be sent, `POST /orders?x=1`; empty where the transport has none."""
        if self._runtime.address is None:
            return ""
        method, path = self._runtime.address(operation.options, built.fields, self._url)
        return f"{method} {path}"

    async def call(self, call: Call, start_by: float) -> Reply:
        """One call. Raises Refused, Unavailable, InDoubt (Overdue for a thread that is stuck), or what the
        adapter should not have raised. After `start_by` (monotonic) nothing is sent: Unavailable.
        """
        if self._threads is not None:
            blocking = cast("BlockingDestination", self._destination)
            return await self._threads.run(lambda: blocking.send(call), call.timeout + _MARGIN, start_by)
        if self._clock.monotonic() > start_by:
            raise Unavailable("late_start")
        try:
            async with asyncio.timeout(call.timeout + _MARGIN):
                return await cast("Destination", self._destination).send(call)
        except TimeoutError:
            raise InDoubt("timeout") from None

    async def pull(self, pull: Pull, limit: float, start_by: float) -> Page:
        """One page of the feed here. Raises Unavailable, InDoubt (its limit passed), or what the adapter should not
        have raised.
        """
        if self._feed is None:
            raise Unavailable("no_feed")
        asked = pull.operation, pull.cursor, pull.limit, pull.until
        if self._threads is not None:
            blocking = cast("BlockingFeed", self._feed)
            return await self._threads.run(lambda: blocking.pull(*asked), limit + _MARGIN, start_by)
        try:
            async with asyncio.timeout(limit + _MARGIN):
                return await cast("Feed", self._feed).pull(*asked)
        except TimeoutError:
            raise InDoubt("timeout") from None

    async def close(self) -> None:
        """Closes destination and feed, and lets their threads end."""
        limit = self._runtime.limits.connect + _MARGIN
        ends = [end for end in (self._destination, self._feed) if end is not None]
        if self._threads is None:
            async with asyncio.timeout(limit):
                for end in ends:
                    await cast("Destination | Feed", end).close()
            return
        for end in ends:
            blocking = cast("BlockingDestination | BlockingFeed", end)
            await self._threads.run(blocking.close, limit, self._clock.monotonic() + limit)
        self._threads.close()


class System:
    """One system with all its places. The limits are the whole system's, divided by the nodes that share them."""

    def __init__(
        self, runtime: SystemRuntime, clock: Clock, nodes: Callable[[], int], before: "System | None" = None
    ) -> None:
        """`before`: the same system as it was called until now. What it bears, it bears of both together."""
        self.name = runtime.name
        self.runtime = runtime
        size = lambda: max(1, runtime.limits.at_once // nodes())  # noqa: E731 - asked each time
        rate = lambda: None if runtime.pace is None else runtime.pace / nodes()  # noqa: E731 - the same
        self.slots: Slots = before.slots.sized(size) if before else Slots(size)
        self.pace: Pace = before.pace.rated(rate) if before else Pace(clock, rate)
        self._users = 0
        self._unused = asyncio.Event()
        self._unused.set()
        self._wires = {campus: Wire(runtime, campus, clock, self.slots, self.pace) for campus in runtime.destinations}

    @property
    def at_once(self) -> int:
        """How many deliveries may be under way."""
        return self.runtime.limits.at_once

    def wire(self, campus: str | None) -> Wire | None:
        """The way for a campus; None where it has no such system."""
        return self._wires.get(campus) or self._wires.get(None)

    def shut(self) -> Shut | None:
        """Why no call at all may go out: every place is shut. The one that opens first speaks for all."""
        shuts = [wire.gate.shut() for wire in self._wires.values()]
        known = [shut for shut in shuts if shut is not None]
        return min(known, key=lambda shut: shut.opens) if len(known) == len(shuts) else None

    @property
    def stuck(self) -> int:
        """Threads whose call passed its limit."""
        return sum(wire.stuck for wire in self._wires.values())

    @contextmanager
    def used(self) -> Iterator[None]:
        """Marks a piece of work that may call by this system: it is not closed meanwhile."""
        self._users += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    def stop(self) -> None:
        """Lets no call begin from now on."""
        for wire in self._wires.values():
            wire.gate.stop()

    async def retire(self) -> list[BaseException]:
        """Lets no call begin, and closes when nothing uses it any more: the limits of the calls under way bound the
        wait. What went wrong is given back.
        """
        self.stop()
        await self._unused.wait()
        return await self.close()

    async def close(self) -> list[BaseException]:
        """Closes every place; what went wrong is given back, to be said."""
        ended = await asyncio.gather(*(wire.close() for wire in self._wires.values()), return_exceptions=True)
        return [error for error in ended if error is not None]
