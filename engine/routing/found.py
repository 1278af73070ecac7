"""What a run of a schedule found, made messages: each as if it had been sent, in the order in which it stood there."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from engine.base.errors import BusError, Code
from engine.base.ids import Ids
from engine.journal.interface import Journal
from engine.model import Incoming, Rider, Shape
from engine.routing.accept import Intake
from engine.routing.drafts import Draft, bytes_of, digest_of, drafted, new_message
from engine.routing.entrance import Entrance
from engine.routing.messages import document_meta
from engine.routing.plan import ROUTE
from engine.routing.release import Release

_AT_ONCE = 64
"""Messages that are stored together."""

_NOT_STORED = frozenset({Code.BUSY, Code.INTERNAL})


@dataclass(frozen=True, slots=True)
class Found:
    """What a run came to."""

    count: int = 0
    refused: int = 0
    """Those that could not be read, or are not what they should be: kept as refused."""

    def __add__(self, other: "Found") -> "Found":
        return Found(self.count + other.count, self.refused + other.refused)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was found, not read yet."""

    raw: bytes
    draft: Callable[[tuple[Rider, ...]], Draft]
    """Reads it, and makes its message with what is committed with it. Raises BusError."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a run makes messages of documents with. What the bus has found itself is sent by the bus, as children are:
    the same thing pushed meets it by its key.
    """

    release: Release
    entrance: Entrance
    kind: Incoming
    ids: Ids
    begun: int

    def item(self, document: Shape) -> Item:
        """A document that was found as it is. Raises BusError for one that no JSON can carry."""
        raw = bytes_of(document)
        return Item(raw, lambda riders: self._draft(document, raw, riders))

    def _draft(self, document: Shape, raw: bytes, riders: tuple[Rider, ...]) -> Draft:
        entrance = self.entrance
        context = self.release.context(self.begun, self.ids.message(), entrance.campuses[0], entrance.named)
        message = drafted(self.release, entrance, self.kind, document, context, len(raw))
        meta = document_meta(entrance.system, message.route.name, message.campus)
        return new_message(message, ROUTE, "", raw, digest_of(raw), meta, riders), message


class Storing:
    """Stores what was found."""

    def __init__(self, journal: Journal, intake: Intake) -> None:
        self._journal = journal
        self._intake = intake

    async def store(self, system: str, release: Release, items: Sequence[Item], *riders: Rider) -> Found:
        """Each item as a message; the riders are committed with the last of them, after all others. An item that is
        none is kept as refused and holds up nobody; one that could not be stored raises its BusError, and the riders
        stay where they were.
        """
        refused = 0
        *before, last = items or (None,)
        for start in range(0, len(before), _AT_ONCE):
            few = [item for item in before[start : start + _AT_ONCE] if item is not None]
            ended = await asyncio.gather(*(self._one(system, release, item) for item in few))
            refused += sum(_is_refused(error) for error in ended)
        error = None
        if last is not None:
            error = await self._one(system, release, last, *riders)
            refused += _is_refused(error)
        if riders and (last is None or error is not None):
            await self._journal.ride(riders)
        return Found(len(items), refused)

    def _one(self, system: str, release: Release, item: Item, *riders: Rider) -> Awaitable[BusError | None]:
        draft = lambda: item.draft(riders)  # noqa: E731 - made when it is stored
        return self._intake.store(system, release, draft, item.raw, digest_of(item.raw).hex())


def _is_refused(error: BusError | None) -> bool:
    if error is not None and error.code in _NOT_STORED:
        raise error
    return error is not None
