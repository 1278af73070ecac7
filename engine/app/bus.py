"""One running bus: assembled, started, stopped. What stands where: docs/architecture.md.

Start: control socket (one bus a site), journal (recovered), release (checked, or trusted by its hash), delivery,
listeners last. Stop: listeners first, then delivery, then the journal: what was read is answered, what is under way
ends or stays recorded.
"""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from engine.app.check import check_site, release_site
from engine.app.commands import commands
from engine.app.control import ControlServer
from engine.app.health import Health, ops
from engine.app.journal import journal_place, keep_of
from engine.app.offers import contracts_of
from engine.app.systems import OPS, Surroundings
from engine.base import log
from engine.base.clock import Clock, SystemClock
from engine.base.ids import Ids, SystemIds
from engine.base.tasks import Supervisor
from engine.channel.audit import AuditRecord
from engine.channel.clients import clients_of
from engine.channel.entrance import Entrance as ChannelEntrance
from engine.channel.front import Front, Pages
from engine.contract import Adapter, Answer, Inbound, Source, Submit
from engine.delivery.delivery import Delivery
from engine.delivery.local import Local
from engine.formats.format import Hints
from engine.journal import retention
from engine.journal.group import GroupJournal
from engine.journal.interface import Noted
from engine.journal.open import open_journal
from engine.journal.store import Crash
from engine.model import Find
from engine.registry.local import Desk
from engine.registry.systems import local_systems
from engine.routing.accept import Intake
from engine.routing.cache import Cache
from engine.routing.calls import Calls
from engine.routing.entrance import Entrance
from engine.routing.messages import Messages
from engine.routing.plan import ROUTE
from engine.routing.planner import RoutePlanner
from engine.routing.reads import Reads
from engine.routing.release import Release, Releases, read_texts
from engine.routing.schedule import Schedules
from engine.routing.serve import serving
from engine.routing.split import Splitter
from engine.routing.waiting import Waiting
from engine.settings.layers import Loaded
from engine.settings.models import Config
from engine.settings.problems import Problems, TextsRefused
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
        behind: float = _BEHIND,
        control: bool = True,
        crash: Crash | None = None,
        asks: Callable[[str], bool] = lambda _route: True,
        enciphers: bool = True,
    ) -> None:
        """A scenario brings a clock, identifiers and secrets of its own; it is never `behind`, has no control socket,
        says which routes ask by their schedule, and looks into bodies that are not enciphered.
        """
        self.site = site
        self.config: Config = loaded.config
        self._loaded = loaded
        self.clock = clock or SystemClock(lambda drift: _log.warning("clock_moved", drift_us=drift))
        self.ids = ids or SystemIds()
        self.secrets = secrets or Secrets(self.config.secrets, site)
        self.surroundings = Surroundings(site, self.config, self.secrets, adapters)
        self.supervisor = Supervisor()
        self.listeners: dict[str, Source] = {}
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

    async def _start(self) -> None:
        """Each part is put on the list of ends as it begins: they end the other way round."""
        self.journal: GroupJournal = await self._open_journal()
        self._ends.push_async_callback(self.journal.close)
        self._ends.push_async_callback(self.supervisor.stop, 1.0)
        made_for = release_site(self.surroundings, self.ids, enciphers=self._enciphers)
        self.releases = Releases(self.journal, made_for)
        texts = read_texts(self.site)
        self.release: Release = await self.releases.make(
            texts, lambda made, found: check_site(self._loaded, made, texts, self.surroundings.adapters, found)
        )
        self.messages = Messages(self.journal, self.releases, self.surroundings.named)
        self.waiting = Waiting()
        self.planner = RoutePlanner(self.journal, self.messages, self.surroundings.named, self.waiting, self.clock)
        self.delivery = Delivery(
            self.journal, self.planner, self.clock, self.ids, self.supervisor, nodes=lambda: self._nodes
        )
        self.splitter = Splitter(self.journal, self.planner, self.messages, self.delivery, self.clock, self.ids)
        self._ends.push_async_callback(self._stop_delivery)
        systems = (
            self.surroundings.runtime(name, profile)
            for name in self.config.systems
            if (profile := self.release.profile(name)).outgoing
        )
        desk = Desk(
            self.journal, self.planner, self.clock, self.ids, self.config, lambda: self.releases.current.library
        )
        self.delivery.start(systems, [Local(ROUTE, self.splitter.carry), *local_systems(desk)])
        self.reads = Reads(
            self.releases,
            self.delivery.ask_once,
            self.clock,
            self.surroundings.named,
            self.supervisor,
            Cache(self.clock),
        )
        self.calls = Calls(
            self.journal,
            self.releases,
            self.messages,
            self.delivery,
            self.waiting,
            self.clock,
            self.supervisor,
            busy=lambda: self._lagging,
            nodes=lambda: self._nodes,
        )
        self.intake = Intake(
            self.journal,
            self.releases,
            self.messages,
            self.delivery,
            self.clock,
            self.ids,
            busy=lambda: self._lagging,
        )
        self.supervisor.keep("watch", self._watch)
        self.supervisor.keep("retention", self._forget)
        self.schedules = Schedules(
            self.journal,
            self.releases,
            self.intake,
            self.delivery.ask_once,
            self.delivery.pull,
            self._entrance,
            self.clock,
            self.ids,
        )
        self.health = Health(self)
        self._ends.push_async_callback(self._stop_listening)
        await self._listen()
        self.schedules.start(self.supervisor, self.config.site.campuses, self.surroundings.fed, self._asks)
        self._ends.push_async_callback(self.schedules.stop)
        if self._controlled:
            control = ControlServer(self.site / self.config.control.path, commands(self), self.ids)
            await control.start()
            self._ends.push_async_callback(control.stop)
        _log.info("started", release=self.release.digest[:12], count=len(self.listeners))

    def _left(self) -> float:
        return max(0.0, self._deadline - asyncio.get_running_loop().time())

    async def _stop_listening(self) -> None:
        """Half of the time that is left may pass until what was read is answered; delivery has the rest."""
        half = self._left() / 2
        await asyncio.gather(*(listener.stop(half) for listener in self.listeners.values()))

    async def _stop_delivery(self) -> None:
        await self.delivery.stop(self._left())

    def addresses(self) -> Mapping[str, str]:
        """Where each listener listens."""
        return {name: listener.address for name, listener in self.listeners.items()}

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

    async def _listen(self) -> None:
        for name, settings in self.config.systems.items():
            profile = self.release.profile(name)
            for campus, source in self.surroundings.sources(name, profile):
                submit = self._channel(name) if settings.clients else self._submit(name, campus)
                await source.start(submit)
                self.listeners[name if campus is None else f"{name}@{campus}"] = source
                _log.info("listening", system=name, campus=campus or "", path=source.address)
        if self.config.ops.listen is not None:
            await self._listen_ops(self.surroundings.pages(self.config.ops.listen))

    async def _listen_ops(self, source: Source) -> None:
        answer = ops(self.health)

        async def submit(inbound: Inbound) -> Answer:
            return await answer(inbound) or Answer(status=404)

        await source.start(submit)
        self.listeners[OPS] = source
        _log.info("listening", system=OPS, campus="", path=source.address)

    def _entrance(self, name: str, campus: str | None) -> Entrance:
        system, site = self.config.systems[name], self.config.site
        campuses = [campus, *site.campuses] if campus else site.campuses
        return Entrance(
            name,
            Hints(size=self.config.limits(name, campus).size),
            frozenset(system.accept_processing_ids),
            tuple(dict.fromkeys(campuses)),
            self.surroundings.named(name, campuses[0]),
        )

    def _submit(self, name: str, campus: str | None) -> Submit:
        intake, entrance = self.intake, self._entrance(name, campus)

        async def submit(inbound: Inbound) -> Answer:
            return await intake.submit(entrance, inbound)

        return submit

    def _channel(self, name: str) -> Submit:
        problems = Problems()
        contracts = contracts_of(self.release, self.config.systems[name].profile, problems)
        if contracts is None or problems:
            raise TextsRefused(problems)
        entrance = ChannelEntrance(
            contracts=contracts,
            clients=clients_of(self.config.systems[name].clients, self.config.site.campuses, self.secrets),
            serve=serving(self.releases, self.reads.serve, partial(self.calls.serve, name)),
            audit=self._audit,
            clock=self.clock,
            ids=self.ids,
        )
        system, routes = self.config.systems[name], self.release.routes
        pages = Pages.of(contracts, routes.__contains__, self.config.site.campuses)
        front = Front(entrance, pages, system.docs, system.cors)
        answer_ops = ops(self.health)

        async def submit(inbound: Inbound) -> Answer:
            answered = await answer_ops(inbound) if self.config.ops.listen is None else None
            return answered if answered is not None else await front(inbound)

        return submit

    async def _audit(self, record: AuditRecord) -> None:
        subject = Find("patient", record.subject) if record.subject else None
        self.journal.note(
            Noted(
                record.operation,
                record.client,
                record.campus,
                subject,
                record.result,
                at=record.at,
                channel=record.channel,
                remote=record.remote,
                effect=record.effect.value,
                trace=record.trace,
                count=record.count,
                unmasked=record.unmasked,
                took=record.took,
            )
        )


def _unheard(_kind: str, _count: int) -> None:
    """Nobody waits for the retention's progress."""
