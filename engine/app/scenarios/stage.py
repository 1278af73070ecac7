"""The bus of one scenario: the whole of it, on a journal of its own that is gone afterwards."""

import asyncio
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from engine.app.bus import Bus
from engine.app.check import Checked
from engine.app.journal import journal_place
from engine.app.scenarios.calls import Request
from engine.app.scenarios.loop import MovedLoop
from engine.app.scenarios.peers import Ear, Peers
from engine.base.clock import MovedClock, from_micros
from engine.base.ids import CountedIds
from engine.contract import Adapter, Answer, Inbound
from engine.journal.history import Line, Wanted, open_history
from engine.settings.layers import Loaded
from engine.settings.models import Commit, Config
from engine.settings.secrets import Secrets
from engine.settings.systems import Limits

_MOST = 10_000  # messages of one scenario


class Stage:
    """A running bus whose clock and systems belong to whoever plays. An asynchronous context."""

    def __init__(
        self,
        site: Path,
        checked: Checked,
        adapters: Mapping[str, Adapter],
        clock: MovedClock,
        loop: MovedLoop,
        folder: Path,
        asks: Callable[[str], bool],
    ) -> None:
        """`folder`: an empty one, for the journal. `asks`: whether a route's schedule runs."""
        self.peers = Peers()
        self._clock = clock
        self._loop = loop
        self._zone = checked.release.zone
        loaded = Loaded(_alone(checked.loaded.config, folder), checked.loaded.node)
        self._bus = Bus(
            site,
            loaded,
            self.peers.adapters(adapters),
            clock=clock,
            ids=CountedIds(),
            secrets=_StandIns(loaded.config.secrets, site),
            behind=math.inf,
            control=False,
            asks=asks,
            enciphers=False,
        )

    async def __aenter__(self) -> Self:
        await self._bus.start()
        await self._loop.quiet()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._bus.stop()

    async def send(self, system: str, campus: str | None, raw: bytes, operation: str = "") -> Answer | None:
        """A system sends something. None: the bus has not answered by when nothing is left to do."""
        ear = self._bus.listeners[system if campus is None else f"{system}@{campus}"]
        assert isinstance(ear, Ear)
        assert ear.submit is not None, "a bus that has started listens"
        answering = self._loop.create_task(_answer(ear, Inbound(system, raw, operation=operation)))
        await self._loop.quiet()
        return answering.result() if answering.done() else None

    async def call(self, asked: Request, number: int) -> "asyncio.Task[Answer]":
        """An application calls, as the event of that number says. The task has its answer, or is waiting for it."""
        ear = self._bus.listeners[asked.channel.system]
        assert isinstance(ear, Ear)
        secret = self._bus.secrets.open(asked.channel.clients[asked.client])
        inbound = asked.signed(self._clock.now(), f"scenario-{number:06d}", secret)
        answering = self._loop.create_task(_answer(ear, inbound))
        await self._loop.quiet()
        return answering

    async def settle(self) -> None:
        """Lets everything happen that can, without time."""
        await self._loop.quiet()

    async def advance(self, seconds: float) -> None:
        """Lets time pass, and everything happen that has become due."""
        await self._loop.advance(seconds)

    async def messages(self) -> list[Line]:
        """Everything that the journal has kept, oldest first, with its steps."""
        place = await journal_place(self._bus.site, self._bus.config, self._bus.secrets)
        history = await open_history(place.url, place.ring, place.settings.keys)
        try:
            return (await history.search(Wanted(limit=_MOST)))[::-1]
        finally:
            await history.close()

    async def due(self, system: str) -> datetime | None:
        """When something next becomes due at a system, in the site's zone."""
        instant = await self._bus.journal.next_due(system)
        return None if instant is None else from_micros(instant).astimezone(self._zone)


def begins(at: str, zone: ZoneInfo) -> datetime:
    """The instant at which a scenario begins."""
    found = datetime.fromisoformat(at)
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)


class _StandIns(Secrets):
    """Secrets that are none: a scenario opens nothing of the site's."""

    def open(self, name: str) -> str:
        return (name + "-") * 32

    def has(self, name: str) -> bool:  # noqa: ARG002 - there is one for each name
        return True


def _alone(config: Config, folder: Path) -> Config:
    """The same settings with a journal in a folder of its own, and calls that wait for no pace."""
    journal = config.journal.model_copy(
        update={
            "url": f"sqlite:///{folder / 'journal.db'}",
            "login": None,
            "day_keys": None,
            "commit": Commit.LOOP,
            "reserve": 0,
        }
    )
    systems = {
        name: one.model_copy(update={"limits": (one.limits or Limits()).model_copy(update={"pace": None})})
        for name, one in config.systems.items()
    }
    return config.model_copy(update={"journal": journal, "systems": systems})


async def _answer(ear: Ear, inbound: Inbound) -> Answer:
    assert ear.submit is not None
    return await ear.submit(inbound)
