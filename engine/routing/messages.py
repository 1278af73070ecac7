"""Messages in memory: what the steps of a message under way need, read again from the journal when it is not here.

A message that was accepted a moment ago is delivered without reading it back. What a backlog of
millions needs is not kept: the oldest are forgotten and read again when their turn comes.
"""

import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from engine.base.errors import BusError, Code
from engine.contract import Inbound
from engine.formats.format import Hints
from engine.journal.interface import Journal
from engine.model import Claimed, Context, Shape
from engine.routing.plan import Route
from engine.routing.release import Release, Releases

_KEPT = 16 * 1024 * 1024
"""Bytes of messages, as they came, that are kept in memory: as documents they take about four times that."""

_ADMITTED = Hints(size=sys.maxsize)
"""Its entrance looked at its size when it came."""


@dataclass(slots=True)
class Message:
    """A message under way, as its accepting release reads it."""

    release: Release
    route: Route
    document: Shape
    context: Context
    campus: str
    size: int
    """Bytes of the message as it came."""
    system: str = ""
    """Who sent it; `route` for a child."""
    failing: bool = False
    """Its `on_failure` runs, or has run."""


class Messages:
    """The messages this node has in hand."""

    def __init__(self, journal: Journal, releases: Releases, named: Callable[[str, str], Mapping[str, str]]) -> None:
        self._named = named
        self._journal = journal
        self._releases = releases
        self._held: OrderedDict[int, Message] = OrderedDict()
        self._bytes = 0

    def keep(self, seq: int, message: Message) -> None:
        """Keeps a message until it is done, or until too much came after it."""
        self.forget(seq)
        self._held[seq] = message
        self._bytes += message.size
        while self._bytes > _KEPT and len(self._held) > 1:
            self._bytes -= self._held.popitem(last=False)[1].size

    def forget(self, seq: int) -> None:
        if message := self._held.pop(seq, None):
            self._bytes -= message.size

    def forget_all(self) -> None:
        """Each is read again when its turn comes, by what holds then."""
        self._held.clear()
        self._bytes = 0

    async def get(self, delivery: Claimed) -> Message:
        """The delivery's message, from memory or read again under the release that accepted it."""
        message = self._held.get(delivery.seq)
        if message is None:
            message = await self.read(delivery, await self._releases.get(delivery.release))
            self.keep(delivery.seq, message)
        return message

    async def read(self, delivery: Claimed, release: Release) -> Message:
        """The delivery's message from the journal, as a release reads it. Raises BusError."""
        route = release.routes.get(delivery.route)
        if route is None:
            raise BusError(Code.INTERNAL, "the message's route is not in the release")
        raw, meta = await self._journal.raw(delivery.seq)
        if "read_as" not in meta:
            context = release.context(delivery.received, delivery.id, meta["campus"])
            return Message(release, route, orjson.loads(raw), context, meta["campus"], len(raw), meta["system"])
        campus, read_as = meta["campus"], meta["read_as"]
        context = release.context(delivery.received, delivery.id, read_as, self._named(meta["system"], read_as))
        profile = release.profile(meta["system"])
        incoming = profile.incoming[meta["operation"]]
        document = incoming.read(profile.format.parse(raw, _ADMITTED), context)
        return Message(release, route, document, context, campus, len(raw), meta["system"])


def document_meta(system: str, route: str, campus: str, client: str = "") -> dict[str, str]:
    """The same for a message whose bytes are its document as JSON, read by no profile: a child of a split (`system`
    is `route` then), or what a client of a channel has asked.
    """
    return {"system": system, "operation": route, "campus": campus, "client": client}


def meta_of(inbound: Inbound, operation: str, campus: str, read_as: str) -> dict[str, str]:
    """What the reading needs again after a restart, kept with the bytes. `read_as`: the campus whose settings the
    first reading had, before the message said its own.
    """
    return {
        "system": inbound.system,
        "operation": operation,
        "campus": campus,
        "read_as": read_as,
        "client": inbound.client,
    }
