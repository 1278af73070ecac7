"""What people do to single deliveries through the control socket: retry, park, drop, settle."""

import base64
from collections.abc import Mapping
from typing import Any, Protocol

import orjson

from engine.app.control import Handler
from engine.base.errors import BusError, Code
from engine.contract import Reply
from engine.delivery.delivery import Delivery
from engine.delivery.stored import decode, encode
from engine.journal.group import GroupJournal
from engine.journal.interface import Act
from engine.model import FINAL, Built, Claimed, Outcome, Outgoing, State, Then, Verdict
from engine.registry.systems import PROFILES as LOCAL
from engine.routing.messages import Messages
from engine.routing.plan import Route, Step
from engine.routing.planner import RoutePlanner
from engine.routing.release import Releases
from engine.routing.remapping import remapped
from engine.routing.waiting import Waiting

_STUCK = frozenset({State.PARKED, State.DOUBTFUL})
_OPEN = {
    "retry": _STUCK | {State.READY},
    "park": frozenset({State.WAITING, State.READY, State.DOUBTFUL}),
    "drop": _STUCK | {State.READY, State.WAITING},
    "settle": _STUCK,
}
"""States in which a delivery can be meant by an act that names no step."""

_SAW = {"delivered": Verdict.DELIVERED, "refused": Verdict.REFUSED}
_BY_PERSON = "by_person"
"""Our word for a refusal that a person saw."""


class Acting(Protocol):
    """What acts need of the bus."""

    journal: GroupJournal
    delivery: Delivery
    planner: RoutePlanner
    waiting: Waiting
    messages: Messages
    releases: Releases


def acts(bus: Acting) -> Mapping[str, Handler]:
    """The acts by name."""
    return {verb: _act(bus, verb) for verb in _OPEN}


def _act(bus: Acting, verb: str) -> Handler:
    async def act(asked: Mapping[str, Any]) -> Any:
        reason = str(asked.get("reason") or "").strip()
        if not reason:
            raise BusError(Code.VALIDATION_FAILED, "an act needs its reason")
        name, delivery = await _meant(bus, verb, str(asked.get("id")), asked.get("step"))
        body, outcome = asked.get("body"), None
        if verb == "settle":
            outcome = await _seen(bus, delivery, str(asked.get("as")), asked.get("reply"))
        told = Act(
            verb,
            delivery.seq,
            delivery.step,
            str(asked.get("who") or "unknown"),
            reason,
            await _made(bus, delivery, body, remap=bool(asked.get("remap"))),
            bool(asked.get("remap")),
            bool(asked.get("anyway")),
            outcome,
        )
        ends = _ends(verb, outcome)
        then = await bus.planner.ended(delivery, ends, outcome) if ends is not None else None
        bus.delivery.spread(await bus.journal.act(told, then, bus.delivery.room))
        if then is not None and then.answer is not None:
            bus.waiting.answered(delivery.seq)
        bus.delivery.wake([delivery.system])
        now = next(one for one in await bus.journal.steps(delivery.id) if one.step == delivery.step)
        return {"id": delivery.id, "step": name, "state": now.state.value}

    return act


def _ends(verb: str, outcome: Outcome | None) -> Then | None:
    """The end that an act gives its delivery, bare; None: it goes on."""
    if outcome is not None:
        return Then(State.DELIVERED if outcome.verdict is Verdict.DELIVERED else State.REFUSED, why="settled")
    return Then(State.GIVEN_UP, why="dropped") if verb == "drop" else None


async def _made(bus: Acting, delivery: Claimed, body: str | None, *, remap: bool) -> bytes | None:
    """The body that takes the place of the one that was sent: a person's own, or what today's texts make."""
    if body:
        return await _corrected(bus, delivery, base64.b64decode(body))
    built = None
    if remap:
        built = await remapped(delivery, bus.releases.current, bus.journal, bus.messages, bus.planner)
    return encode(built) if built is not None else None


async def _corrected(bus: Acting, delivery: Claimed, body: bytes) -> bytes:
    """A person's body in the form in which the first one was stored: with its address; a row where rows are sent."""
    stored = await bus.journal.body(delivery.seq, delivery.step)
    if stored is None:
        _, _, operation = await bus.planner.called(delivery)
        formats = operation.formats if operation is not None else None
        is_row = formats is not None and formats[0].name == "row"
        before = Built({} if is_row else b"")
    else:
        before = decode(stored)
    if isinstance(before.body, bytes):
        return encode(Built(body, before.fields))
    return encode(Built(_row(body, "the file holds one JSON object, name: value"), before.fields))


# --- settle ------------------------------------------------------------------------------------------


async def _seen(bus: Acting, delivery: Claimed, word: str, reply: str | None) -> Outcome:
    """What a person saw at the system behind. Raises BusError where somebody would read a reply that he does not
    give, or where the one that he gives says otherwise.
    """
    if word not in _SAW:
        raise BusError(Code.VALIDATION_FAILED, "it is settled as delivered or as refused")
    route, step, operation = await bus.planner.called(delivery)
    if operation is None:
        raise BusError(Code.STATE_CONFLICT, "settle: this step calls nobody, the bus itself knows how it stands")
    if reply is not None and delivery.system in LOCAL:
        raise BusError(Code.STATE_CONFLICT, "settle: a system of the bus itself sends no reply")
    if reply is not None:
        return _understood(operation, base64.b64decode(reply), word)
    if word == "refused":
        return Outcome(Verdict.REFUSED, _BY_PERSON)
    if readers := await _readers(bus, delivery, route, step, operation):
        what = f"{' and '.join(readers)} would read the reply of {step.name!r}: give it with --reply"
        raise BusError(Code.STATE_CONFLICT, what)
    return Outcome(Verdict.DELIVERED)


async def _readers(bus: Acting, delivery: Claimed, route: Route, step: Step, operation: Outgoing) -> list[str]:
    """Who reads the reply of a step from now on: its caller, and steps that have not ended."""
    ended = {one.step for one in await bus.journal.steps(delivery.id) if one.state in FINAL}
    readers = [
        repr(one.name) for one in route.steps + route.on_failure if step.name in one.replies and one.index not in ended
    ]
    waits = route.answer is not None and route.answer.step == step.index and operation.gives is not None
    answered = waits and await bus.journal.answered(delivery.seq) is not None
    return ["its caller", *readers] if waits and not answered else readers


def _understood(operation: Outgoing, reply: bytes, word: str) -> Outcome:
    """A reply as the profile understands it: the bytes that the export shows, rows as JSON, one a line."""
    said = Reply(reply)
    if operation.formats is not None and operation.formats[1].name == "row":
        lines = [line for line in reply.splitlines() if line.strip()]
        said = Reply(rows=[_row(line, "the reply is rows as JSON, one a line") for line in lines])
    outcome = operation.understand(said)
    if outcome.verdict is not _SAW[word]:
        means = " ".join(filter(None, (outcome.verdict.value, outcome.code)))
        raise BusError(Code.VALIDATION_FAILED, f"this reply does not mean {word}, it means {means}")
    return outcome


def _row(text: bytes, form: str) -> dict[str, Any]:
    try:
        row = orjson.loads(text)
    except orjson.JSONDecodeError:
        row = None
    if not isinstance(row, dict):
        raise BusError(Code.VALIDATION_FAILED, f"this system speaks in rows: {form}")
    return row


# --- which delivery ----------------------------------------------------------------------------------


async def _meant(bus: Acting, verb: str, id_: str, step: str | None) -> tuple[str, Claimed]:
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
