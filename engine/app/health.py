"""What the bus says of itself: `/healthz` (the process lives), `/readyz` (it can do its work), `/metrics`.

A system behind that is down makes the bus degraded and not unready: taking messages for it is what
the bus is for. Unready is only what takes nothing itself: no journal, no listener.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final, Protocol, TypeAlias

import orjson
from prometheus_client import CONTENT_TYPE_LATEST

from engine.base import metrics
from engine.base.clock import Clock, from_micros
from engine.base.tasks import Supervisor
from engine.contract import Answer, Inbound, Source
from engine.delivery.delivery import Delivery
from engine.delivery.delivery import Health as SystemHealth
from engine.journal.errors import JournalError
from engine.journal.interface import Journal
from engine.model import Rider
from engine.routing.schedule import Schedules
from engine.routing.timing import Run
from engine.settings.models import Config

_PATIENCE: Final = 2.0
"""Seconds that a probe of the journal may take; a disk that needs longer cannot carry the bus."""

_TRIES: Final = 3
"""Runs of a schedule that fail one after another before it counts: one question may get lost, or find closed hours."""

Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]


class Ready(Enum):
    """How the bus stands."""

    READY = "ready"
    DEGRADED = "degraded"
    """It works, but a system behind takes no calls, or a task keeps failing."""
    UNREADY = "unready"
    """It takes nothing, or could not keep it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is looked at."""

    journal: bool
    """It took a mark just now, and takes new messages."""
    listeners: Mapping[str, bool]
    """Whether each accepts."""
    failing: Sequence[str]
    """Tasks that failed and wait to be run again."""
    systems: Sequence[SystemHealth]
    asked: Mapping[str, Run] = field(default_factory=dict)
    """Schedules whose last run did not end well."""


@dataclass(frozen=True, slots=True)
class Report:
    """The judgement, and what `/readyz` shows of it: names of systems, listeners and tasks, and counts."""

    ready: Ready
    page: Mapping[str, Any] = field(default_factory=dict)


class Running(Protocol):
    """What is asked of the running bus."""

    config: Config
    clock: Clock
    supervisor: Supervisor
    schedules: Schedules
    delivery: Delivery

    @property
    def journal(self) -> Journal: ...
    @property
    def listeners(self) -> Mapping[str, Source]: ...


def judge(facts: Facts) -> Report:
    """How the bus stands by these facts. Pure."""
    troubled = [one for one in facts.systems if _trouble(one)]
    late = {name: run for name, run in facts.asked.items() if run.tries >= _TRIES}
    if not facts.journal or not all(facts.listeners.values()):
        ready = Ready.UNREADY
    else:
        ready = Ready.DEGRADED if troubled or facts.failing or late else Ready.READY
    return Report(
        ready,
        {
            "status": ready.value,
            "journal": "writable" if facts.journal else "not writable",
            "listeners": {name: "bound" if bound else "closed" for name, bound in facts.listeners.items()},
            "tasks": list(facts.failing),
            "schedules": [
                {"schedule": name, "tries": run.tries, "since": from_micros(run.since).isoformat(timespec="seconds")}
                for name, run in late.items()
            ],
            "systems": [
                {"system": one.system, "why": _trouble(one), "held": one.held, "stuck": one.stuck} for one in troubled
            ],
        },
    )


def _trouble(one: SystemHealth) -> str:
    """Why a system takes no calls, or not all of them; closed hours are no trouble."""
    if one.shut is not None and not one.shut.by_clock:
        return one.shut.why
    return "threads_stuck" if one.stuck else ""


class Health:
    """Looks at the running bus when it is asked."""

    def __init__(self, bus: Running) -> None:
        self._bus = bus
        self._probe: asyncio.Task[Any] | None = None

    @property
    def allowed(self) -> Networks:
        """Who may read the pages, by the settings in force."""
        return [ip_network(network) for network in self._bus.config.ops.allow]

    async def report(self) -> Report:
        """How the bus stands now; takes two seconds at most."""
        bus = self._bus
        return judge(
            Facts(
                not bus.journal.busy and await self._writable(),
                {name: bool(source.address) for name, source in bus.listeners.items()},
                bus.supervisor.failing,
                bus.delivery.health(),
                bus.schedules.failing,
            )
        )

    async def metrics(self) -> bytes:
        """The page for Prometheus. What waits is counted when asked; a journal that cannot say counts none."""
        metrics.STATES.clear()
        with suppress(JournalError):
            for (system, state), count in (await self._bus.journal.backlog()).items():
                metrics.STATES.labels(system, state).set(count)
        for task, count in self._bus.supervisor.restarts.items():
            metrics.RESTARTS.labels(task).set(count)
        return metrics.page()

    async def _writable(self) -> bool:
        """Whether the journal commits. One probe at a time: a journal that hangs must not gather them."""
        if self._probe is None or self._probe.done():
            mark = Rider("health", str(self._bus.clock.now()))
            self._probe = self._bus.supervisor.once("journal probe", self._bus.journal.ride([mark]))
        await asyncio.wait([self._probe], timeout=_PATIENCE)
        return self._probe.done() and not self._probe.cancelled() and self._probe.exception() is None


Ops: TypeAlias = Callable[[Inbound], Awaitable[Answer | None]]
"""Answers the three pages; None for everything else, and for callers from networks that are not allowed."""


def ops(health: Health) -> Ops:
    """The handler for a listener."""

    async def answer(inbound: Inbound) -> Answer | None:
        if inbound.method not in {"GET", "HEAD"} or inbound.path not in _PAGES or not _may(inbound, health.allowed):
            return None
        return await _PAGES[inbound.path](health)

    return answer


def _may(inbound: Inbound, allowed: Networks) -> bool:
    if "x-forwarded-for" in inbound.headers or "forwarded" in inbound.headers:
        return False  # a proxy on this machine passes on calls from elsewhere
    try:
        remote = ip_address(inbound.remote)
    except ValueError:
        return False
    if isinstance(remote, IPv6Address) and remote.ipv4_mapped is not None:
        remote = remote.ipv4_mapped
    return any(remote in network for network in allowed)


async def _healthz(_health: Health) -> Answer:
    return _json(200, {"status": "alive"})


async def _readyz(health: Health) -> Answer:
    report = await health.report()
    return _json(503 if report.ready is Ready.UNREADY else 200, report.page)


async def _metrics(health: Health) -> Answer:
    return Answer((await health.metrics(),), 200, {"content-type": CONTENT_TYPE_LATEST, "cache-control": "no-store"})


def _json(status: int, page: Mapping[str, Any]) -> Answer:
    return Answer((orjson.dumps(page),), status, {"content-type": "application/json", "cache-control": "no-store"})


_PAGES: Final = {"/healthz": _healthz, "/readyz": _readyz, "/metrics": _metrics}
