"""What people may ask of the running bus through its control socket."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from engine.app.acts import acts
from engine.app.collecting import collecting
from engine.app.control import Handler
from engine.app.corrections import correcting
from engine.app.expecting import expecting
from engine.app.journal import keep_of
from engine.app.releasing import in_force, releasing
from engine.app.switching import Switching
from engine.app.systems import Surroundings
from engine.base.clock import Clock
from engine.base.ids import Ids
from engine.contract import Source
from engine.delivery.delivery import Delivery
from engine.journal import retention
from engine.journal.group import GroupJournal
from engine.model import State
from engine.routing.messages import Messages
from engine.routing.planner import RoutePlanner
from engine.routing.release import Release, Releases
from engine.routing.schedule import Schedules
from engine.routing.waiting import Waiting
from engine.settings.models import Config

_WAITING = (State.READY, State.DOUBTFUL, State.PARKED)


class Running(Protocol):
    """What commands need of the bus."""

    config: Config
    clock: Clock
    ids: Ids
    journal: GroupJournal
    delivery: Delivery
    messages: Messages
    planner: RoutePlanner
    waiting: Waiting
    releases: Releases
    schedules: Schedules
    site: Path
    surroundings: Surroundings
    switching: Switching

    @property
    def release(self) -> Release: ...
    @property
    def listeners(self) -> Mapping[str, Source]: ...


def commands(bus: Running) -> Mapping[str, Handler]:
    """The commands by name."""
    return {
        **acts(bus),
        **releasing(bus),
        "collect": collecting(bus),
        "corrections": correcting(bus),
        "expected": expecting(bus),
        "status": _status(bus),
        "prune": _prune(bus),
    }


def _status(bus: Running) -> Handler:
    async def status(_asked: Mapping[str, Any]) -> Any:
        backlog = await bus.journal.backlog()
        systems = {
            one.system: {
                "state": one.shut.why if one.shut else "open",
                "under_way": one.held,
                **{state.value: backlog.get((one.system, state.value), 0) for state in _WAITING},
                "stuck": one.stuck,
            }
            for one in bus.delivery.health()
        }
        listeners = {name: listener.address for name, listener in bus.listeners.items()}
        return {**await in_force(bus), "listeners": listeners, "systems": systems}

    return status


def _prune(bus: Running) -> Handler:
    async def prune(_asked: Mapping[str, Any]) -> Any:
        return asdict(await retention.prune(bus.journal, keep_of(bus.config.journal.keep), bus.clock, _unheard))

    return prune


def _unheard(_kind: str, _count: int) -> None:
    """Who asks through the control socket hears the end, not the way there."""
