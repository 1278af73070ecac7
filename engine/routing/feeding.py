"""One run of a feed: page by page, each row a message as if it had been sent.

The cursor is committed with the last message of its page, which is stored after all others: it never passes a row
that was not accepted, or kept as refused. A run that broke off goes on from there.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Self

from engine.base.clock import from_micros
from engine.base.ids import Ids
from engine.contract import Inbound, Page
from engine.delivery.wire import Pull
from engine.journal.interface import Journal
from engine.mapping.feeds import DAY
from engine.model import Context, Incoming, Rider, Shape
from engine.routing.asked import Turn
from engine.routing.drafts import Draft, bytes_of, digest_of, drafted, new_message
from engine.routing.entrance import Entrance, parse
from engine.routing.found import Finding, Found, Item, Storing
from engine.routing.messages import meta_of
from engine.routing.plan import ROUTE
from engine.routing.release import Release

Pulls = Callable[[str, Pull, str], Awaitable[Page]]
"""What gives a page of a system's feed at a campus."""

_LOOK = 1.0
"""Seconds between two looks at what is still on its way, before the next page is pulled."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a feed was read, as the journal keeps it."""

    cursor: str | None = None
    day: str = ""
    """The day of the runs that `count` is of, in the site's zone."""
    count: int = 0
    """Rows that they have found."""

    def write(self) -> str:
        return json.dumps([self.cursor, self.day, self.count])

    @classmethod
    def read(cls, text: str | None) -> Self:
        return cls() if text is None else cls(*json.loads(text))

    def on(self, day: str) -> Self:
        """The same for the runs of another day: they have found nothing yet."""
        return self if self.day == day else replace(self, day=day, count=0)

    def after(self, page: Page) -> Self:
        """Behind the last row of a page."""
        return replace(self, cursor=page.cursors[-1], count=self.count + len(page.items))


@dataclass(frozen=True, slots=True)
class Feeding:
    """Pulls, and stores what there is."""

    journal: Journal
    pull: Pulls
    storing: Storing
    ids: Ids

    async def run(self, turn: Turn, release: Release, entrance: Entrance) -> Found:
        """Ends the run well. Raises BusError."""
        asked, kind = turn.asked, release.profile(turn.asked.system).incoming[turn.asked.kind]
        assert kind.feed is not None, "only what is read on has a cursor"
        reading = Reading(release, entrance, kind, self.ids, turn.run.begun)
        name = f"feed/{asked.route}/{asked.system}.{kind.feed.by}/{asked.campus}"
        reached = Reached.read(await self.journal.rider(name)).on(reading.today.isoformat())
        found, more = Found(), True
        while more:
            await self._room(turn)
            pull = Pull(kind.feed.by, reached.cursor, asked.timing.batch, reading.today)
            page = await self.pull(asked.system, pull, asked.campus)
            await turn.goes_on()
            if page.items:
                reached, items = reached.after(page), [reading.item(raw) for raw in page.items]
                found += await self.storing.store(asked.system, release, items, Rider(name, reached.write()))
            more = page.more
        if asked.timing.send_empty and kind.feed.empty is not None and not reached.count:
            nothing = reading.nothing(kind.feed.empty)
            return await self.storing.store(asked.system, release, [nothing], turn.ended)
        await turn.end()
        return found

    async def _room(self, turn: Turn) -> None:
        """Waits until less than a page of the route's messages is on its way: a missed night is caught up as fast as
        the systems behind take it, and no faster.
        """
        route, batch = turn.asked.route, turn.asked.timing.batch
        while await self.journal.under_way(route, batch) >= batch:
            await turn.still()
            await asyncio.sleep(_LOOK)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a run reads its rows with."""

    release: Release
    entrance: Entrance
    kind: Incoming
    ids: Ids
    begun: int

    @property
    def today(self) -> date:
        """The day of the run in the site's zone: rows of it may still be entered."""
        return from_micros(self.begun).astimezone(self.release.zone).date()

    def item(self, raw: bytes) -> Item:
        """A row."""
        return Item(raw, lambda riders: self._draft(raw, riders))

    def nothing(self, words: Callable[[Context], Shape]) -> Item:
        """The message that says that there was nothing. Raises BusError where its map cannot be filled."""
        entrance = self.entrance
        named = {**entrance.named, DAY: (self.today - timedelta(days=1)).isoformat()}
        context = self.release.context(self.begun, self.ids.message(), entrance.campuses[0], named)
        return Finding(self.release, entrance, self.kind, self.ids, self.begun).item(words(context))

    def _draft(self, raw: bytes, riders: tuple[Rider, ...]) -> Draft:
        release, entrance, kind = self.release, self.entrance, self.kind
        context = release.context(self.begun, self.ids.message(), entrance.campuses[0], entrance.named)
        document = kind.read(parse(release.profile(entrance.system), raw, entrance), context)
        message = drafted(release, entrance, kind, document, context, len(raw))
        meta = meta_of(Inbound(entrance.system, raw), kind.name, message.campus, entrance.campuses[0])
        # One content, one digest: a row may have columns that nobody reads.
        return new_message(message, ROUTE, "", raw, digest_of(bytes_of(document)), meta, riders), message
