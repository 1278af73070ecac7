"""What people may ask of the running bus through its control socket."""

import base64
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

import orjson

from engine.app.control import Handler
from engine.app.journal import keep_of
from engine.base.clock import Clock
from engine.base.errors import BusError, Code
from engine.contract import Source
from engine.delivery.delivery import Delivery
from engine.delivery.stored import decode, encode
from engine.journal import retention
from engine.journal.group import GroupJournal
from engine.journal.interface import Act
from engine.model import Built, Claimed, State, Then
from engine.routing.planner import RoutePlanner
from engine.routing.release import Release, Releases
from engine.routing.waiting import Waiting
from engine.settings.models import Config

_WAITING = (State.READY, State.DOUBTFUL, State.PARKED)
_STUCK = frozenset({State.PARKED, State.DOUBTFUL})
_OPEN = {
    "retry": _STUCK | {State.READY},
    "park": frozenset({State.WAITING, State.READY, State.DOUBTFUL}),
    "drop": _STUCK | {State.READY, State.WAITING},
}
"""States in which a delivery can be meant by an act that names no step."""


class Running(Protocol):
    """What commands need of the bus."""

    config: Config
    clock: Clock
    journal: GroupJournal
    delivery: Delivery
    planner: RoutePlanner
    waiting: Waiting
    releases: Releases
    release: Release
    listeners: dict[str, Source]


def commands(bus: Running) -> Mapping[str, Handler]:
    """The commands by name."""
    acts = {verb: _act(bus, verb) for verb in ("retry", "park", "drop")}
    return acts | {"status": _status(bus), "prune": _prune(bus)}


def _act(bus: Running, verb: str) -> Handler:
    async def act(asked: Mapping[str, Any]) -> Any:
        reason = str(asked.get("reason") or "").strip()
        if not reason:
            raise BusError(Code.VALIDATION_FAILED, "an act needs its reason")
        name, delivery = await _meant(bus, verb, str(asked.get("id")), asked.get("step"))
        body = asked.get("body")
        told = Act(
            verb,
            delivery.seq,
            delivery.step,
            str(asked.get("who") or "unknown"),
            reason,
            await _corrected(bus, delivery, base64.b64decode(body)) if body else None,
            bool(asked.get("remap")),
            bool(asked.get("anyway")),
        )
        then = await bus.planner.dropped(delivery) if verb == "drop" else None
        bus.delivery.spread(await bus.journal.act(told, then, bus.delivery.room))
        if then is not None and then.answer is not None:
            bus.waiting.answered(delivery.seq)
        bus.delivery.wake([delivery.system])
        now = next(one for one in await bus.journal.steps(delivery.id) if one.step == delivery.step)
        return {"id": delivery.id, "step": name, "state": now.state.value}

    return act


async def _corrected(bus: Running, delivery: Claimed, body: bytes) -> bytes:
    """A person's body in the form in which the first one was stored: with its address; a row where rows are sent."""
    stored = await bus.journal.body(delivery.seq, delivery.step)
    if stored is None:
        work = await bus.planner.work(delivery)
        bus.planner.settled(delivery, None, Then(delivery.state), None)
        formats = work.operation.formats
        is_row = formats is not None and formats[0].name == "row"
        before = Built({} if is_row else b"")
    else:
        before = decode(stored)
    if isinstance(before.body, bytes):
        return encode(Built(body, before.fields))
    try:
        row = orjson.loads(body)
    except orjson.JSONDecodeError:
        row = None
    if not isinstance(row, dict):
        raise BusError(Code.VALIDATION_FAILED, "this system takes rows: the file holds one JSON object, name: value")
    return encode(Built(row, before.fields))


async def _meant(bus: Running, verb: str, id_: str, step: str | None) -> tuple[str, Claimed]:
    """The delivery that a person means: by its step, or the only one that the act can be done to."""
    deliveries = await bus.journal.steps(id_)
    if not deliveries:
        raise BusError(Code.NOT_FOUND, "there is no such message, or it has no deliveries")
    release = await bus.releases.get(deliveries[0].release)
    route = release.routes[deliveries[0].route]
    named = {found.name: one for one in deliveries if (found := route.step(one.step)) is not None}
    if step is not None:
        if step not in named:
            raise BusError(Code.NOT_FOUND, f"its steps are {', '.join(named)}")
        return step, named[step]
    open_ = {name: one for name, one in named.items() if one.state in _OPEN[verb]}
    if len(open_) != 1:
        states = ", ".join(f"{name} is {one.state.value}" for name, one in named.items())
        advice = "say which step with --step" if open_ else f"there is nothing to {verb}"
        raise BusError(Code.STATE_CONFLICT, f"{advice}: {states}")
    return next(iter(open_.items()))


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
        return {"release": bus.release.digest[:12], "listeners": listeners, "systems": systems}

    return status


def _prune(bus: Running) -> Handler:
    async def prune(_asked: Mapping[str, Any]) -> Any:
        return asdict(await retention.prune(bus.journal, keep_of(bus.config.journal.keep), bus.clock, _unheard))

    return prune


def _unheard(_kind: str, _count: int) -> None:
    """Who asks through the control socket hears the end, not the way there."""
