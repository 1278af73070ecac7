"""Who answers at each listener, as what is in force says: intake, the channel's entrance, the bus's own pages."""

from collections.abc import Mapping
from functools import partial
from typing import Protocol

from engine.app.health import Health, ops
from engine.app.offers import contracts_of
from engine.app.standing import Standing
from engine.app.systems import OPS, Post
from engine.base.clock import Clock
from engine.base.ids import Ids
from engine.channel.audit import AuditRecord
from engine.channel.clients import clients_of
from engine.channel.entrance import Entrance as ChannelEntrance
from engine.channel.front import Front, Pages
from engine.contract import Answer, Inbound, Submit
from engine.formats.format import Hints
from engine.journal.group import GroupJournal
from engine.journal.interface import Noted
from engine.model import Find
from engine.routing.accept import Intake
from engine.routing.calls import Calls
from engine.routing.entrance import Entrance
from engine.routing.reads import Reads
from engine.routing.release import Releases
from engine.routing.serve import serving
from engine.settings.problems import Problems, TextsRefused


class Answers(Protocol):
    """What is needed of the bus."""

    journal: GroupJournal
    releases: Releases
    intake: Intake
    reads: Reads
    calls: Calls
    health: Health
    clock: Clock
    ids: Ids


class Answering:
    """Those of one Standing; `before`: those whose place they will take."""

    def __init__(self, bus: Answers, standing: Standing, before: "Answering | None") -> None:
        """Raises TextsRefused where a channel's contracts cannot be used."""
        self._bus = bus
        self._standing = standing
        self._ops = ops(bus.health)
        known = before.channels if before is not None else {}
        self.channels: Mapping[str, ChannelEntrance] = {
            name: self._channel(name, known.get(name))
            for name, system in standing.config.systems.items()
            if system.clients
        }
        self._fronts = {name: self._front(name, entrance) for name, entrance in self.channels.items()}

    def at(self, post: Post) -> Submit:
        """Who answers at a listener."""
        if post.name == OPS:
            return self._pages
        if post.system in self._fronts:
            return self._before_front(self._fronts[post.system])
        return partial(self._bus.intake.submit, entrance_of(self._standing, post.system, post.campus))

    async def _pages(self, inbound: Inbound) -> Answer:
        return await self._ops(inbound) or Answer(status=404)

    def _before_front(self, front: Front) -> Submit:
        """The pages of the bus itself stand on the channel's listener, unless they have one of their own."""
        if self._standing.config.ops.listen is not None:
            return front

        async def submit(inbound: Inbound) -> Answer:
            return await self._ops(inbound) or await front(inbound)

        return submit

    def _front(self, name: str, entrance: ChannelEntrance) -> Front:
        system, routes = self._standing.config.systems[name], self._standing.release.routes
        pages = Pages.of(entrance.contracts, routes.__contains__, self._standing.config.site.campuses)
        return Front(entrance, pages, system.docs, system.cors)

    def _channel(self, name: str, before: ChannelEntrance | None) -> ChannelEntrance:
        bus, config, problems = self._bus, self._standing.config, Problems()
        contracts = contracts_of(self._standing.release, config.systems[name].profile, problems)
        if contracts is None or problems:
            raise TextsRefused(problems)
        secrets = self._standing.surroundings.secrets
        return ChannelEntrance(
            contracts=contracts,
            clients=clients_of(config.systems[name].clients, config.site.campuses, secrets),
            serve=serving(bus.releases, bus.reads.serve, partial(bus.calls.serve, name)),
            audit=self._audit,
            clock=bus.clock,
            ids=bus.ids,
            before=before,
        )

    async def _audit(self, record: AuditRecord) -> None:
        subject = Find("patient", record.subject) if record.subject else None
        self._bus.journal.note(
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


def entrance_of(standing: Standing, name: str, campus: str | None) -> Entrance:
    """Where what a system sends (at a campus) comes in."""
    system, site = standing.config.systems[name], standing.config.site
    campuses = [campus, *site.campuses] if campus else site.campuses
    return Entrance(
        name,
        Hints(size=standing.config.limits(name, campus).size),
        frozenset(system.accept_processing_ids),
        tuple(dict.fromkeys(campuses)),
        standing.surroundings.named(name, campuses[0]),
    )
