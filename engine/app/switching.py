"""Switches: texts and settings come into force whole, at the start and while the bus runs, or not at all.

In this order: settings and texts are read and checked, as a start does it; new listeners are opened; the journal keeps
the release and that it is in force; then, between two turns of the loop, everything changes at once. After it the
former listeners are drained and the former links closed when nobody uses them. Whatever fails before the switch leaves
everything as it was. After a switch the bus stands as after a restart with the same files.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.app.answering import Answering
from engine.app.check import check_lasting, check_site
from engine.app.listening import CannotListen, Listeners, Opened
from engine.app.standing import Standing, said
from engine.app.systems import Surroundings
from engine.base import log
from engine.base.clock import Clock
from engine.base.errors import BusError, Code
from engine.base.tasks import Supervisor
from engine.delivery.delivery import Delivery
from engine.delivery.wire import SystemRuntime
from engine.journal.group import GroupJournal
from engine.journal.switches import How, Switch, Switches, recall, remember
from engine.routing.release import Releases, Site, digest_of, pack, read_texts, unpack
from engine.settings.layers import Loaded
from engine.settings.models import Config
from engine.settings.problems import Problems, TextsRefused

Reread = Callable[[Problems], Loaded | None]
"""Reads the settings again, with their rules and secrets: None and findings where they cannot be used."""

_SHORTEST = 6
"""Characters that name a release at least."""

_log = log.get("switching")


class Switched(Protocol):
    """What a switch changes of the bus."""

    site: Path
    config: Config
    clock: Clock
    supervisor: Supervisor
    journal: GroupJournal
    releases: Releases
    delivery: Delivery

    def around(self, loaded: Loaded) -> Surroundings: ...
    def made_for(self, around: Surroundings) -> Site: ...
    def answering(self, standing: Standing) -> Answering: ...
    def stand(self, standing: Standing, answering: Answering, *, read_again: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class By:
    """Whose doing it is, and why."""

    who: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a switch has changed. Names are those of systems, and of listeners as `hisbus status` shows them."""

    release: str
    before: str
    on_disk: str
    """The texts in the site's folder: others, where they were rolled back from."""
    opened: tuple[str, ...]
    drained: tuple[str, ...]
    renewed: tuple[str, ...]
    """Systems that are called by other settings from now on, or newly."""
    left: tuple[str, ...]
    """Systems that are called no more."""


@dataclass(frozen=True, slots=True)
class _Next:
    """All of a switch, ready: nothing of it can fail any more."""

    standing: Standing
    answering: Answering
    opened: Opened
    renewed: list[SystemRuntime]
    left: list[str]


class Switching:
    """The switches of one running bus, one at a time."""

    def __init__(self, bus: Switched, listeners: Listeners, reread: Reread | None) -> None:
        """`reread` None: the settings stay, and only texts can be switched."""
        self._bus = bus
        self._listeners = listeners
        self._reread = reread
        self._lock = asyncio.Lock()
        self._called: Mapping[str, tuple[object, ...]] = {}
        self._standing: Standing | None = None

    async def begin(self, loaded: Loaded) -> None:
        """The first one. Raises TextsRefused, CannotListen, BusError."""
        await self._switch(loaded, How.START, By("start"))

    async def reload(self, by: By, *, again: bool = False) -> Outcome:
        """Puts the files of the site in force. Texts that were rolled back from are taken only `again`; without that
        the release in force stays, under the settings as they are now. Raises TextsRefused, BusError.
        """
        return await self._switch(await self._settings(), How.RELOAD, by, again=again)

    async def rollback(self, named: str | None, by: By) -> Outcome:
        """Puts a release in force that the journal keeps, by the beginning of its hash; None: the one before the one
        in force. Raises TextsRefused, BusError(NOT_FOUND).
        """
        return await self._switch(await self._settings(), How.ROLLBACK, by, named=named)

    async def end(self) -> None:
        """Lets the switch under way end, and begins none any more."""
        await self._lock.acquire()

    async def _settings(self) -> Loaded:
        assert self._standing is not None, "the bus has begun"
        if self._reread is None:
            return self._standing.loaded
        problems = Problems()
        loaded = await asyncio.to_thread(self._reread, problems)
        if loaded is not None:
            check_lasting(self._bus.config, loaded, problems)
        if loaded is None or problems:
            raise TextsRefused(problems)
        return loaded

    async def _switch(
        self, loaded: Loaded, how: How, by: By, *, again: bool = False, named: str | None = None
    ) -> Outcome:
        async with self._lock:
            before = self._standing.release.digest if self._standing is not None else ""
            on_disk = await asyncio.to_thread(read_texts, self._bus.site)
            switches = await recall(self._bus.journal)
            if how is How.ROLLBACK:
                texts = await self._kept(await self._meant(named, switches, before))
            elif again:
                texts = on_disk
            else:
                texts = await self._taken(on_disk, switches)
            ready = await self._ready(loaded, texts)
            try:
                await self._record(ready.standing, how, by, switches, before)
            except BaseException:
                await ready.opened.close()
                raise
            return self._enforce(ready, before, digest_of(on_disk))

    async def _taken(self, on_disk: Mapping[str, bytes], switches: Switches) -> Mapping[str, bytes]:
        """The texts on disk; where they were rolled back from, those of the release in force instead."""
        digest, node = digest_of(on_disk), self._bus.journal.node
        withdrawn = switches.withdrawn(digest)
        if withdrawn is None:
            return on_disk
        instead = switches.in_force().get(node, withdrawn.release)
        if instead == digest:
            instead = withdrawn.release
        _log.warning("texts_withdrawn", release=digest[:12], detail=f"{instead[:12]} is in force instead")
        return await self._kept(instead)

    async def _meant(self, named: str | None, switches: Switches, before: str) -> str:
        if named is None:
            former = switches.before(self._bus.journal.node)
            if former is None:
                raise BusError(Code.NOT_FOUND, "there is no release before this one; hisbus releases lists them")
            return former
        kept = await self._bus.journal.releases() if len(named) >= _SHORTEST else []
        found = [one for one in kept if one.startswith(named)]
        if len(found) != 1:
            what = "several releases begin" if found else "no release that is kept begins"
            raise BusError(Code.NOT_FOUND, f"{what} with these characters; hisbus releases lists them")
        if found[0] == before:
            raise BusError(Code.STATE_CONFLICT, "this release is in force")
        return found[0]

    async def _kept(self, digest: str) -> Mapping[str, bytes]:
        content = await self._bus.journal.release(digest)
        if content is None:
            raise BusError(Code.NOT_FOUND, "the journal does not keep this release")
        return unpack(content)

    async def _ready(self, loaded: Loaded, texts: Mapping[str, bytes]) -> _Next:
        """Everything made and opened. Raises TextsRefused, and CannotListen at the start."""
        bus, around = self._bus, self._bus.around(loaded)
        site, problems = bus.made_for(around), Problems()
        release = await bus.releases.made(
            texts, site, lambda made, found: check_site(loaded, made, texts, around.adapters, found)
        )
        standing = Standing(loaded, around, site, release, texts)
        called = standing.called()
        changed = {name: by for name, by in called.items() if self._called.get(name) != by}
        renewed = list(standing.runtimes(changed, problems))
        answering = await asyncio.to_thread(bus.answering, standing)  # contracts are read, pages written
        if problems:
            raise TextsRefused(problems)
        opened = await self._opened(standing, answering)
        return _Next(standing, answering, opened, renewed, [name for name in self._called if name not in called])

    async def _opened(self, standing: Standing, answering: Answering) -> Opened:
        try:
            return await self._listeners.open(standing.posts(), answering.at)
        except CannotListen as error:
            if self._standing is None:
                raise
            problems, where = Problems(), standing.loaded.where(*error.post.setting)
            problems.add(where, f"the bus cannot listen there: {said(error.reason)}", "is the address another's?")
            raise TextsRefused(problems) from error

    async def _record(self, standing: Standing, how: How, by: By, switches: Switches, before: str) -> None:
        """The journal keeps the release before a message may need it."""
        bus, digest = self._bus, standing.release.digest
        await bus.journal.store_release(digest, pack(standing.texts))
        if how is How.START and switches.in_force().get(bus.journal.node) == digest:
            return
        if how is How.RELOAD and digest == before:
            return
        left = before if how is How.ROLLBACK else ""
        await remember(bus.journal, Switch(bus.clock.now(), bus.journal.node, digest, how, by.who, by.reason, left))

    def _enforce(self, ready: _Next, before: str, on_disk: str) -> Outcome:
        """The switch itself: nobody else's turn comes in between."""
        bus, standing = self._bus, ready.standing
        again = bus.releases.enforce(standing.release, standing.site)
        bus.stand(standing, ready.answering, read_again=again)
        self._standing, self._called = standing, standing.called()
        bus.delivery.renew(ready.renewed)
        bus.delivery.leave(ready.left)
        leaving = self._listeners.switch(ready.opened)
        for listener in leaving:
            drain = self._listeners.drain(listener, bus.config.stop.grace)
            bus.supervisor.once(f"drain:{listener.post.name}", drain)
        if before:
            _log.info("switched", release=standing.release.digest[:12], count=len(ready.renewed))
        return Outcome(
            standing.release.digest,
            before,
            on_disk,
            tuple(listener.post.name for listener in ready.opened.new),
            tuple(listener.post.name for listener in leaving),
            tuple(runtime.name for runtime in ready.renewed),
            tuple(ready.left),
        )
