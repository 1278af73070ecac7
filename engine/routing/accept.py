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
from engine.routing.drafts import Draft, bytes_of, digest_of, drafted, new_message
from engine.routing.entrance import Entrance, kind_of, meant, parse
from engine.routing.messages import Message, Messages, meta_of
from engine.routing.release import Release, Releases
from engine.routing.wording import Heard, answer

REFUSED = "refused"
"""The route under which refused input is kept."""

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
            await self._refuse(entrance.system, release, inbound.raw, error)
            heard = self._heard(entrance, release, inbound, inbound.raw)
            heard.error = error
            return self._answer(profile, inbound.raw, [heard], batch=False)
        if len(parts) == 1:
            results = [await self._take(entrance, release, inbound, parts[0])]
        else:
            results = []
            for start in range(0, len(parts), _AT_ONCE):  # a batch may hold thousands, and others wait for their turn
                few = parts[start : start + _AT_ONCE]
                results += await asyncio.gather(*(self._take(entrance, release, inbound, part) for part in few))
        return self._answer(profile, inbound.raw, results, batch=len(parts) > 1 or parts[0] is not inbound.raw)

    async def store(
        self, system: str, release: Release, draft: Callable[[], Draft], raw: bytes, known: str | None = None
    ) -> BusError | None:
        """Makes one message durable and hands it on; None where it is (or was so before), else why it was refused:
        then it is kept as that. `raw`: what came; `known`: of what the bus itself has found, the key under which a
        refusal of it is kept once only. Where not even that could be kept, it is BUSY: it is to be found again.
        """
        try:
            if self._busy():
                raise BusError(Code.BUSY, "the backlog is over its limit")
            new, message = draft()
            result = await self._journal.accept(new, self._delivery.room)
            self._taken(system, new, message, result)
        except BusError as error:
            kept = await self._refuse(system, release, raw, error, known)
            return error if kept or known is None else BusError(Code.BUSY, "the refusal could not be kept")
        except Exception as error:  # noqa: BLE001 - a source must be answered whatever failed; nothing was promised yet
            _log.error("accept_failed", system=system, error=type(error).__name__)
            return BusError(Code.INTERNAL, "the message was not stored")
        return None

    def _parts(self, profile: Profile, inbound: Inbound) -> list[bytes]:
        if inbound.too_many:
            raise BusError(Code.BUSY, "more connections than the listener's limits.connections")
        if inbound.too_large:
            raise BusError(Code.TOO_LARGE, "larger than the listener's limits.size")
        if inbound.unreadable:
            raise BusError(Code.NOT_READABLE, inbound.unreadable)
        parts: list[bytes] = profile.format.split(inbound.raw)
        return parts

    async def _take(self, entrance: Entrance, release: Release, inbound: Inbound, raw: bytes) -> Heard:
        heard = self._heard(entrance, release, inbound, raw)
        heard.error = await self.store(
            entrance.system, release, lambda: self._draft(entrance, release, inbound, heard), raw
        )
        return heard

    def _heard(self, entrance: Entrance, release: Release, inbound: Inbound, raw: bytes) -> Heard:
        context = release.context(self._clock.now(), self._ids.message(), entrance.campuses[0], entrance.named)
        return Heard(raw, context, meant(release.profile(entrance.system), inbound.operation))

    def _draft(self, entrance: Entrance, release: Release, inbound: Inbound, heard: Heard) -> Draft:
        """Reads what came. Notes in `heard` how far that went."""
        profile, context = release.profile(entrance.system), heard.context
        parsed = parse(profile, heard.raw, entrance)
        heard.kind = kind = kind_of(profile, parsed, inbound.operation)
        heard.document = document = kind.read(parsed, context)
        message = drafted(release, entrance, kind, document, context, len(heard.raw))
        several = len(message.route.sources) > 1
        digest = digest_of(bytes_of(document)) if several else profile.format.digest(heard.raw)
        meta = meta_of(inbound, kind.name, message.campus, entrance.campuses[0])
        return new_message(message, entrance.system, inbound.client, heard.raw, digest, meta), message

    def _taken(self, system: str, new: NewMessage, message: Message, result: Accepted | Duplicate | Conflict) -> None:
        """Hands on what is durable. Raises BusError for a key that stands for another message."""
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

    async def _refuse(
        self, system: str, release: Release, raw: bytes, error: BusError, known: str | None = None
    ) -> bool:
        """Keeps refused input for inspection; below the disk reserve nothing can be kept. Gives whether it is."""
        busy = error.code is Code.BUSY
        metrics.RECEIVED.labels(system, "busy" if busy else "refused").inc()
        identity = self._ids.message()
        _log.warning("refused", system=system, code=error.code.name, detail=error.detail, id=identity)
        if busy:
            return False
        new = NewMessage(
            id=identity,
            route=REFUSED,
            release=release.digest,
            received=self._clock.now(),
            sender=system,
            key=known,
            digest=b"",
            other_content="new",
            raw=raw,
            deliveries=(),
            meta={"system": system, "code": error.code.name, "detail": error.detail, "spot": error.spot},
        )
        try:
            await self._journal.accept(new, self._delivery.room)
        except BusError:
            _log.warning("refused_not_kept", system=system, code=error.code.name)
            return False
        return True

    def _answer(self, profile: Profile, raw: bytes, heard: list[Heard], *, batch: bool) -> Answer:
        made = {"time": self._second(), "id": self._ids.message()}
        return answer(profile, raw, heard, made, batch=batch)

    def _second(self) -> datetime:
        """Now, to the second, in the site's zone: what acknowledgements of the same second share."""
        second = self._clock.now() // SECOND
        if second != self._answered[0]:
            self._answered = second, from_micros(second * SECOND).astimezone(self._releases.zone)
        return self._answered[1]
