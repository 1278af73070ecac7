"""One running bus: assembled, started, stopped. What stands where: docs/architecture.md.

Start: journal (recovered), the parts, then the first switch (release checked, or trusted by its hash; listeners last),
control socket (one bus a site). Stop: listeners first, then delivery, then the journal: what was read is answered, what
is under way ends or stays recorded.
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from engine.app.answering import Answering, entrance_of
from engine.app.check import release_site
from engine.app.commands import commands
from engine.app.control import ControlServer
from engine.app.health import Health
from engine.app.journal import journal_place, keep_of
from engine.app.listening import Listeners
from engine.app.standing import Standing
from engine.app.switching import Reread, Switching
from engine.app.systems import Surroundings
from engine.base import log
from engine.base.clock import Clock, SystemClock
from engine.base.ids import Ids, SystemIds
from engine.base.tasks import Supervisor
from engine.contract import Adapter, Login, Source
from engine.delivery.delivery import Delivery
from engine.delivery.local import Local
from engine.journal import retention
from engine.journal.group import GroupJournal
from engine.journal.open import open_journal
from engine.journal.store import Crash
from engine.registry.local import Desk
from engine.registry.systems import local_systems
from engine.routing.accept import Intake
from engine.routing.amending import Amender
from engine.routing.cache import Cache
from engine.routing.calls import Calls
from engine.routing.entrance import Entrance
from engine.routing.messages import Messages
from engine.routing.plan import AMENDS, ROUTE
from engine.routing.planner import RoutePlanner
from engine.routing.reads import Reads
from engine.routing.release import Release, Releases, Site
from engine.routing.schedule import Schedules
from engine.routing.split import Splitter
from engine.routing.waiting import Waiting
from engine.settings.layers import Loaded
from engine.settings.models import Config
from engine.settings.secrets import Secrets

_BEHIND = 60.0
"""Seconds that delivery may lag behind open systems before sources hear "busy" (decision 29)."""

_LOOK = 0.25
"""Seconds between two looks at that."""
_SELDOM = 20
"""So many looks between two counts of the nodes."""

_SETTLED, _HOUR = 60.0, 3600.0
"""Seconds until the journal is pruned first, and from then on."""

_log = log.get("bus")


class Bus:
    """One site, running. `start` returns once every listener accepts."""

    def __init__(
        self,
        site: Path,
        loaded: Loaded,
        adapters: Mapping[str, Adapter],
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        secrets: Secrets | None = None,
        reread: Reread | None = None,
        switched: Callable[[], None] = lambda: None,
        behind: float = _BEHIND,
        control: bool = True,
        crash: Crash | None = None,
        asks: Callable[[str], bool] = lambda _route: True,
        enciphers: bool = True,
    ) -> None:
        """`reread` reads the settings again for a reload, `switched` is called after each switch. A scenario brings a
        clock, identifiers and secrets of its own; it is never `behind`, has no control socket, says which routes ask by
        their schedule, and looks into bodies that are not enciphered.
        """
        self.site = site
        self.clock = clock or SystemClock(lambda drift: _log.warning("clock_moved", drift_us=drift))
        self.ids = ids or SystemIds()
        self.supervisor = Supervisor()
        self._loaded = loaded
        self._adapters = adapters
        self._given = secrets
        self.surroundings = self.around(loaded)
        self.config: Config = loaded.config
        self._listeners = Listeners()
        self.switching = Switching(self, self._listeners, reread)
        self._switched = switched
        self._answering: Answering | None = None
        self._behind = behind
        self._controlled = control
        self._crash = crash
        self._asks = asks
        self._enciphers = enciphers
        self._ends = AsyncExitStack()
        self._deadline = 0.0
        self._lagging = False
        self._nodes = 1

    async def start(self) -> None:
        """Raises ControlTaken, JournalError, TextsRefused, SecretMissing, OSError (an address is taken): what was
        started by then is stopped in order.
        """
        try:
            await self._start()
        except BaseException:
            await self._ends.aclose()
            raise

    async def stop(self) -> None:
        """Finishes or leaves recorded everything under way within `stop.grace`."""
        self._deadline = asyncio.get_running_loop().time() + self.config.stop.grace
        await self._ends.aclose()
        _log.info("stopped")

    @property
    def release(self) -> Release:
        """The release in force."""
        return self.releases.current

    @property
    def secrets(self) -> Secrets:
        """Where secrets are looked up now."""
        return self.surroundings.secrets

    @property
    def listeners(self) -> Mapping[str, Source]:
        """Those in force, by name."""
        return self._listeners.sources

    def addresses(self) -> Mapping[str, str]:
        """Where each listener listens."""
        return {name: source.address for name, source in self.listeners.items()}

    # --- what a switch asks of it ---------------------------------------------------------------------

    def around(self, loaded: Loaded) -> Surroundings:
        """The systems as these settings have them."""
        secrets = self._given or Secrets(loaded.config.secrets, self.site)
        return Surroundings(self.site, loaded.config, secrets, self._adapters)

    def made_for(self, around: Surroundings) -> Site:
        """What a release is made for. Its seals are made by whoever the bus is at a system when they are made."""
        return release_site(around, self.ids, self._login, enciphers=self._enciphers)

    def answering(self, standing: Standing) -> Answering:
        """Who will answer at its listeners."""
        return Answering(self, standing, self._answering)

    def stand(self, standing: Standing, answering: Answering, *, read_again: bool) -> None:
        """This is in force from now on."""
        if self._answering is None:  # what waits for our own systems is read with a release, so not before the first
            self.delivery.start([], self._ours)
        self.config, self.surroundings, self._answering = standing.config, standing.surroundings, answering
        self._standing = standing
        if read_again:
            self.messages.forget_all()
        self.schedules.follow(self.supervisor, self.config.site.campuses, self.surroundings.fed, self._asks)
        asyncio.get_running_loop().call_soon(self._switched)

    # --- its life -------------------------------------------------------------------------------------

    async def _start(self) -> None:
        """Each part is put on the list of ends as it begins: they end the other way round."""
        self.journal: GroupJournal = await self._open_journal()
        self._ends.push_async_callback(self.journal.close)
        self._ends.push_async_callback(self.supervisor.stop, 1.0)
        self._assemble()
        self._ends.push_async_callback(self._stop_delivery)
        self._ends.push_async_callback(self._stop_listening)
        self._ends.push_async_callback(self.schedules.stop)
        await self.switching.begin(self._loaded)
        self._ends.push_async_callback(self.switching.end)
        self.supervisor.keep("watch", self._watch)
        self.supervisor.keep("retention", self._forget)
        if self._controlled:
            control = ControlServer(self.site / self.config.control.path, commands(self), self.ids)
            await control.start()
            self._ends.push_async_callback(control.stop)
        _log.info("started", release=self.release.digest[:12], count=len(self.listeners))

    def _assemble(self) -> None:
        """The parts that live as long as the bus. What is in force they ask for when they need it."""
        journal, clock, ids, supervisor = self.journal, self.clock, self.ids, self.supervisor
        self.releases = Releases(journal)
        self.messages = Messages(journal, self.releases, self._named)
        self.waiting = Waiting()
        self.planner = RoutePlanner(journal, self.messages, self._named, self.waiting, clock)
        self.delivery = Delivery(journal, self.planner, clock, ids, supervisor, nodes=lambda: self._nodes)
        self.splitter = Splitter(journal, self.planner, self.messages, self.delivery, clock, ids)
        self.amender = Amender(journal, self.planner, self.releases, clock, ids)
        desk = Desk(journal, self.planner, clock, ids, lambda: self.config, lambda: self.releases.current.library)
        self._ours = [Local(ROUTE, self.splitter.carry), Local(AMENDS, self.amender.carry), *local_systems(desk)]
        self.reads = Reads(self.releases, self.delivery.ask_once, clock, self._named, supervisor, Cache(clock))
        self.calls = Calls(
            journal,
            self.releases,
            self.messages,
            self.delivery,
            self.waiting,
            clock,
            supervisor,
            busy=lambda: self._lagging,
            nodes=lambda: self._nodes,
        )
        self.intake = Intake(
            journal, self.releases, self.messages, self.delivery, clock, ids, busy=lambda: self._lagging
        )
        self.schedules = Schedules(
            journal,
            self.releases,
            self.intake,
            self.delivery.ask_once,
            self.delivery.pull,
            self._entrance,
            clock,
            ids,
        )
        self.health = Health(self)

    def _named(self, system: str, campus: str) -> Mapping[str, str]:
        return self.surroundings.named(system, campus)

    def _login(self, system: str, campus: str | None) -> Login:
        return self.surroundings.login(system, campus)

    def _entrance(self, system: str, campus: str) -> Entrance:
        return entrance_of(self._standing, system, campus)

    def _left(self) -> float:
        return max(0.0, self._deadline - asyncio.get_running_loop().time())

    async def _stop_listening(self) -> None:
        """Half of the time that is left may pass until what was read is answered; delivery has the rest."""
        await self._listeners.stop(self._left() / 2)

    async def _stop_delivery(self) -> None:
        await self.delivery.stop(self._left())

    async def _watch(self) -> None:
        """How far behind this node is, and how many share the work."""
        for look in itertools.count():
            self._lagging = self.delivery.behind > self._behind
            if look % _SELDOM == 0:
                self._nodes = await self.journal.nodes()
            await asyncio.sleep(_LOOK)

    async def _forget(self) -> None:
        """Takes away what was kept long enough, a minute after the start and then every hour (decision 25)."""
        await asyncio.sleep(_SETTLED)
        while True:
            await retention.prune(self.journal, keep_of(self.config.journal.keep), self.clock, _unheard)
            await asyncio.sleep(_HOUR)

    async def _open_journal(self) -> GroupJournal:
        at = await journal_place(self.site, self.config, self.secrets)
        node = self.config.journal.node
        return await open_journal(
            at.url, at.ring, self.clock, self.ids, node=node, settings=at.settings, crash=self._crash
        )


def _unheard(_kind: str, _count: int) -> None:
    """Nobody waits for the retention's progress."""
