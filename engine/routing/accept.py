"""Intake: read, plan, accept, acknowledge. One way for every listener.

Between a source's call of `submit` and the journal's queue there is no await, so the messages of one
connection keep their order. The value returned is the acknowledgement; it is made after the commit.
What is refused is kept as a message of the route `refused`, without deliveries, before its sender is
told no (docs/decisions/0001).
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from engine.base import log, metrics
from engine.base.clock import SECOND, Clock, from_micros
from engine.base.errors import BusError, Code
from engine.base.ids import Ids
from engine.contract import Answer, Inbound
from engine.journal.interface import Journal, Room
from engine.model import Accepted, Claimed, Conflict, Duplicate, NewMessage, Profile
from engine.routing.entrance import Entrance, read
from engine.routing.messages import Message, Messages, meta_of
from engine.routing.plan import deliveries
from engine.routing.release import Release, Releases

REFUSED = "refused"
"""The route under which refused input is kept."""

_MEDIA = {"hl7": "application/hl7-v2"}
"""What an acknowledgement is where the transport says so; the other formats answer in JSON."""

_AT_ONCE = 64
"""Messages of a batch that are read and committed together."""

_log = log.get("intake")


class Deliverer(Protocol):
    """What intake needs of the delivery floor."""

    @property
    def room(self) -> Room: ...
    def hand(self, claimed: tuple[Claimed, ...]) -> None: ...
    def wake(self, systems: frozenset[str]) -> None: ...


class Intake:
    """Takes what sources read."""

    def __init__(
        self,
        journal: Journal,
        releases: Releases,
        messages: Messages,
        delivery: Deliverer,
        clock: Clock,
        ids: Ids,
        busy: Callable[[], bool],
    ) -> None:
        self._journal = journal
        self._releases = releases
        self._messages = messages
        self._delivery = delivery
        self._clock = clock
        self._ids = ids
        self._busy = busy
        self._answered = 0, from_micros(0)

    async def submit(self, entrance: Entrance, inbound: Inbound) -> Answer:
        """Everything that came as one: a message, or an HL7 batch. Never raises but for cancellation."""
        release = self._releases.current
        profile = release.profile(entrance.system)
        try:
            parts = self._parts(profile, inbound)
        except BusError as error:
            await self._refuse(entrance, release, inbound.raw, error)
            return self._answer(profile, inbound.raw, [(inbound.raw, error)], batch=False)
        if len(parts) == 1:
            results = [(parts[0], await self._take(entrance, release, inbound, parts[0]))]
        else:
            results = []
            for start in range(0, len(parts), _AT_ONCE):  # a batch may hold thousands, and others wait for their turn
                few = parts[start : start + _AT_ONCE]
                errors = await asyncio.gather(*(self._take(entrance, release, inbound, part) for part in few))
                results += zip(few, errors, strict=True)
        return self._answer(profile, inbound.raw, results, batch=len(parts) > 1 or parts[0] is not inbound.raw)

    def _parts(self, profile: Profile, inbound: Inbound) -> list[bytes]:
        if inbound.too_large:
            raise BusError(Code.TOO_LARGE, "larger than the listener's limits.size")
        parts: list[bytes] = profile.format.split(inbound.raw)
        return parts

    async def _take(self, entrance: Entrance, release: Release, inbound: Inbound, raw: bytes) -> BusError | None:
        """Takes one message; None once it is durable (or was so before), else why it was refused."""
        try:
            if self._busy():
                raise BusError(Code.BUSY, "the backlog is over its limit")
            new, message = self._plan(entrance, release, inbound, raw)
            result = await self._journal.accept(new, self._delivery.room)
            self._taken(entrance, new, message, result)
        except BusError as error:
            await self._refuse(entrance, release, raw, error)
            return error
        except Exception as error:  # noqa: BLE001 - a source must be answered whatever failed; nothing was promised yet
            _log.error("accept_failed", system=entrance.system, error=type(error).__name__)
            return BusError(Code.INTERNAL, "the message was not stored")
        return None

    def _plan(self, entrance: Entrance, release: Release, inbound: Inbound, raw: bytes) -> tuple[NewMessage, Message]:
        profile = release.profile(entrance.system)
        received = self._clock.now()
        identity = self._ids.message()
        context = release.context(received, identity, entrance.campuses[0], entrance.named)
        incoming, document = read(profile, raw, entrance, context)
        route = release.route_of(entrance.system, incoming.name)
        shape = release.shape(incoming.gives)
        if broken := shape.check(document):
            raise BusError(Code.VALIDATION_FAILED, broken[0], spot=broken[0].split(" ", 1)[0])
        campus = document.get("campus")
        campus = campus if campus in entrance.campuses else entrance.campuses[0]
        new = NewMessage(
            id=identity,
            route=route.name,
            release=release.digest,
            received=received,
            sender=f"{entrance.system}\x1f{inbound.client}\x1f{campus}",
            key=route.key.of(document) if route.key else None,
            digest=profile.format.digest(raw),
            other_content=route.key.other_content if route.key else "conflict",
            raw=raw,
            deliveries=deliveries(route, document, campus),
            finds=release.finds(shape.name, document),
            meta=meta_of(inbound, incoming.name, campus, entrance.campuses[0]),
        )
        return new, Message(release, route, document, context, campus, len(raw))

    def _taken(
        self, entrance: Entrance, new: NewMessage, message: Message, result: Accepted | Duplicate | Conflict
    ) -> None:
        """Hands on what is durable. Raises BusError for a key that stands for another message."""
        system = entrance.system
        match result:
            case Accepted():
                metrics.RECEIVED.labels(system, "accepted").inc()
                if result.renewed:
                    _log.warning("key_renewed", system=system, id=new.id, route=new.route)
                self._messages.keep(result.seq, message)
                self._delivery.hand(result.claimed)
            case Duplicate():
                metrics.RECEIVED.labels(system, "duplicate").inc()
            case Conflict():
                raise BusError(Code.IDEMPOTENCY_CONFLICT, "the key stands for another message")

    async def _refuse(self, entrance: Entrance, release: Release, raw: bytes, error: BusError) -> None:
        """Keeps refused input for inspection; below the disk reserve nothing can be kept."""
        busy = error.code is Code.BUSY
        metrics.RECEIVED.labels(entrance.system, "busy" if busy else "refused").inc()
        identity = self._ids.message()
        _log.warning("refused", system=entrance.system, code=error.code.name, detail=error.detail, id=identity)
        if busy:
            return
        new = NewMessage(
            id=identity,
            route=REFUSED,
            release=release.digest,
            received=self._clock.now(),
            sender=entrance.system,
            key=None,
            digest=b"",
            other_content="new",
            raw=raw,
            deliveries=(),
            meta={"system": entrance.system, "code": error.code.name, "detail": error.detail, "spot": error.spot},
        )
        try:
            await self._journal.accept(new, self._delivery.room)
        except BusError:
            _log.warning("refused_not_kept", system=entrance.system, code=error.code.name)

    def _answer(
        self, profile: Profile, raw: bytes, results: list[tuple[bytes, BusError | None]], *, batch: bool
    ) -> Answer:
        made = {"time": self._second(), "id": self._ids.message()}
        bodies = profile.format.acknowledge(raw, results, made, batch=batch)
        error = next((error for _, error in results if error is not None), None)
        status = error.code.kind.http if error else 200
        media = {"content-type": _MEDIA.get(profile.format.name, "application/json")}
        return Answer(bodies, status, media, close=error is not None and error.code is Code.TOO_LARGE)

    def _second(self) -> datetime:
        """Now, to the second, in the site's zone: what acknowledgements of the same second share."""
        second = self._clock.now() // SECOND
        if second != self._answered[0]:
            self._answered = second, from_micros(second * SECOND).astimezone(self._releases.zone)
        return self._answered[1]
