"""Playing a scenario: event by event, and what differs said with the event's place."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from engine.app.check import Checked
from engine.app.scenarios.calls import request
from engine.app.scenarios.loading import ENVELOPE, Scenario, answers, wire_of
from engine.app.scenarios.loop import MovedLoop
from engine.app.scenarios.peers import Outcome, Waiting
from engine.app.scenarios.stage import Stage, begins
from engine.app.scenarios.text import (
    AdvanceEvent,
    CallEvent,
    ExpectEvent,
    FeedEvent,
    Fields,
    HeardEvent,
    KeptEvent,
    NothingEvent,
    SendEvent,
    StateEvent,
)
from engine.base import log
from engine.base.clock import MovedClock
from engine.base.errors import BusError
from engine.base.where import Problem, Where, did_you_mean
from engine.contract import Adapter, Answer, InDoubt, Refused, Unavailable
from engine.formats.format import Format, Hints
from engine.mapping.differ import ABSENT, differences
from engine.mapping.examples import message_of, reply_of
from engine.routing.release import Release

_TYPED = {"json", "row"}
"""Formats whose values are more than text."""

_NAME = re.compile(r"\$[a-z]\w*\Z")
"""Instead of a value: whatever stands there the first time, and the same ever after."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one scenario."""

    scenario: str
    where: Where
    differences: tuple[Problem, ...]

    @property
    def fine(self) -> bool:
        """Whether everything happened as it says."""
        return not self.differences


def play(scenario: Scenario, site: Path, checked: Checked, adapters: Mapping[str, Adapter]) -> Played:
    """Plays a scenario on a loop, a clock and a journal of its own. Blocks; for a thread that runs no loop."""
    clock = MovedClock(begins(scenario.text.at, checked.release.zone))
    loop = MovedLoop(clock)

    async def on_stage(folder: str) -> list[Problem]:
        asks = scenario.text.schedules.__contains__
        async with Stage(site, checked, adapters, clock, loop, Path(folder), asks) as stage:
            return await _Player(scenario, stage, checked.release).play()

    with (
        TemporaryDirectory(prefix="hisbus-") as folder,
        log.only("error"),
        asyncio.Runner(loop_factory=lambda: loop) as runner,
    ):
        found = runner.run(on_stage(folder))
    return Played(scenario.text.scenario, scenario.node.locate(("scenario",)), tuple(found))


class _Over(Exception):
    """What differs makes the events after it meaningless."""


class _Player:
    """One scenario under way."""

    def __init__(self, scenario: Scenario, stage: Stage, release: Release) -> None:
        self._scenario = scenario
        self._stage = stage
        self._release = release
        self._found: list[Problem] = []
        self._named: dict[str, Any] = {}
        self._callers: list[tuple[int, asyncio.Task[Answer]]] = []
        """Applications whose answer no event has heard, each with the event in which it called."""

    async def play(self) -> list[Problem]:
        """Every difference, in order. What cannot be gone on from ends the scenario."""
        try:
            for number, event in enumerate(self._scenario.text.events):
                await self._event(number, event)
            for name in self._stage.peers.waiting():
                self._say(self._scenario.node.locate(("scenario",)), f"{name} waits, and no event expects it")
            for number, answering in self._callers:
                if not answering.done():
                    self._say(self._scenario.where(number, "call"), "it still waits for its answer", "heard: {…}")
        except _Over:
            pass
        return self._found

    async def _event(self, number: int, event: Any) -> None:
        match event:
            case SendEvent():
                await self._send(number, event)
            case CallEvent():
                await self._call(number, event)
            case HeardEvent():
                self._hear(number, event)
            case ExpectEvent():
                await self._expect(number, event)
            case FeedEvent():
                await self._feed(number, event)
            case NothingEvent():
                for name in self._stage.peers.waiting(*event.nothing):
                    self._say(self._scenario.where(number, "nothing"), f"{name} waits here")
            case AdvanceEvent():
                await self._advance(number, event)
            case StateEvent():
                await self._state(number, event)
            case KeptEvent():
                await self._kept(number, event)

    async def _send(self, number: int, event: SendEvent) -> None:
        sent = event.send
        answer = await self._stage.send(sent.to, sent.campus, self._scenario.sent[number], sent.operation)
        expected = answers(event)
        if answer is None:
            if expected or event.status is not None:
                self._end(self._scenario.where(number, "send"), "the bus has not answered")
            return
        if event.status is not None:
            self._compare(self._scenario.where(number, "status"), event.status, answer.status, "status")
        if not expected:
            return
        if len(expected) != len(answer.bodies):
            where = self._scenario.where(number, "answer")
            self._end(where, f"expected {_counted(len(expected))}, got {_counted(len(answer.bodies))}", _said(answer))
        wire = self._release.profile(event.send.to).format
        for (place, fields), body in zip(expected, answer.bodies, strict=True):
            self._fields(number, place, fields, wire, body, _said(answer))

    async def _call(self, number: int, event: CallEvent) -> None:
        channel = self._scenario.called[number].channel
        where = self._scenario.where(number, "call")
        values, body = (self._known(where, said) for said in (event.call.values, event.call.body))
        called = event.call.model_copy(update={"values": values, "body": body})
        answering = await self._stage.call(request(called, channel), number)
        if event.answer is None and event.status is None:
            self._callers.append((number, answering))
        elif answering.done():
            self._told(number, ("answer",), event.answer or {}, event.status, answering.result())
        else:
            self._end(where, "the bus has not answered", "heard: is for later answers")

    def _hear(self, number: int, event: HeardEvent) -> None:
        where = self._scenario.where(number, "heard")
        if event.which > len(self._callers):
            self._end(where, f"{len(self._callers)} have called and were not heard yet")
        called, answering = self._callers.pop(event.which - 1)
        if not answering.done():
            self._end(where, f"the call of event {called + 1} has not been answered")
        self._told(number, ("heard",), event.heard, event.status, answering.result())

    def _told(self, number: int, place: tuple[str], fields: Fields, status: int | None, answer: Answer) -> None:
        if status is not None:
            self._compare(self._scenario.where(number, "status"), status, answer.status, "status")
        self._fields(number, place, fields, ENVELOPE, answer.bodies[0], _said(answer))

    async def _expect(self, number: int, event: ExpectEvent) -> None:
        where = self._scenario.where(number, "expect")
        system, _, name = event.expect.partition(".")
        waiting = self._stage.peers.take(system)
        if waiting is None:
            self._end(where, f"{event.expect} is not called", await self._instead(system))
        if waiting.name != event.expect:
            self._end(where, f"expected {event.expect}, got {waiting.name}")
        profile = self._release.profile(system)
        request, reply = wire_of(profile, profile.outgoing[name])
        self._fields(number, ("with",), event.with_, request, waiting.call.body)
        for key, value in event.address.items():
            got = waiting.call.fields.get(key, ABSENT)
            self._compare(self._scenario.where(number, "address", key), str(value), got, key)
        await self._answer(waiting, _outcome(event, reply))

    async def _feed(self, number: int, event: FeedEvent) -> None:
        where = self._scenario.where(number, "feed")
        system = event.feed.partition(".")[0]
        pulled = self._stage.peers.take_pull(event.feed)
        if pulled is None:
            self._end(where, f"{event.feed} is not read", await self._instead(system))
        for key, expected, got in (("after", event.after, pulled.after), ("until", event.until, str(pulled.until))):
            if expected is not None:
                self._compare(self._scenario.where(number, key), expected, got, key)
        if len(event.rows) > pulled.limit:
            self._end(self._scenario.where(number, "rows"), f"the bus takes {pulled.limit} rows at once", "more: true")
        wire = self._release.profile(system).format
        if event.unavailable:
            pulled.fail()
        else:
            pulled.give([message_of(wire, row) for row in event.rows], more=event.more)
        await self._stage.settle()

    async def _answer(self, waiting: Waiting, outcome: Outcome) -> None:
        waiting.end(outcome)
        await self._stage.settle()

    async def _advance(self, number: int, event: AdvanceEvent) -> None:
        await self._stage.advance(event.advance)
        for waiting in self._stage.peers.overdue:
            where = self._scenario.where(number, "advance")
            self._say(where, f"{waiting.name} reached its limit unanswered", "expect it before time moves on")
        if self._stage.peers.overdue:
            raise _Over

    async def _state(self, number: int, event: StateEvent) -> None:
        kept = await self._stage.messages()
        chosen = len(kept) if event.message is None else event.message
        if not 0 < chosen <= len(kept):
            self._end(self._scenario.where(number, "state"), f"expected message {chosen}, the journal has {len(kept)}")
        line = kept[chosen - 1]
        route = self._release.routes.get(line.route)
        names = {step.index: step.name for step in route.every} if route else {}
        states = {names[step.step]: step.state for step in line.steps}
        for step, state in event.state.items():
            where = self._scenario.where(number, "state", step)
            self._compare(where, state.value, states.get(step, ABSENT), f"{line.route}.{step}")

    async def _kept(self, number: int, event: KeptEvent) -> None:
        counts: dict[str, int] = {}
        for line in await self._stage.messages():
            counts[line.route] = counts.get(line.route, 0) + 1
        for route in dict.fromkeys((*event.kept, *counts)):
            where = self._scenario.where(number, "kept", route)
            self._compare(where, event.kept.get(route, 0), counts.get(route, 0), route)

    def _fields(
        self, number: int, place: tuple[str | int, ...], fields: Fields, wire: Format, body: Any, hint: str = ""
    ) -> None:
        """Compares what stands at paths of a body."""
        try:
            document = wire.parse(body, Hints()) if isinstance(body, bytes) and fields else body
        except BusError as error:
            self._say(self._scenario.where(number, *place), f"the body cannot be read: {error.detail}", hint)
            return
        for path, value in fields.items():
            got = self._scenario.readers[number, path](document)
            where = self._scenario.where(number, *place, path)
            for expected, found, below in _parts(value, got, path):
                self._compare(where, _plain(expected, wire), found, below, hint)

    def _compare(self, where: Where, expected: Any, got: Any, path: str, hint: str = "") -> None:
        if isinstance(expected, str) and _NAME.match(expected) and got not in (None, ABSENT):
            expected = self._named.setdefault(expected, got)
        for difference in differences(expected, got, path):
            self._say(where, str(difference), hint)

    def _known(self, where: Where, said: Any) -> Any:
        """What is said, with `$name` as what stood there when it was met first."""
        if isinstance(said, dict):
            return {key: self._known(where, value) for key, value in said.items()}
        if isinstance(said, list):
            return [self._known(where, value) for value in said]
        if isinstance(said, str) and _NAME.match(said):
            if said not in self._named:
                self._end(where, f"nothing was met as {said} before", did_you_mean(said, self._named))
            return self._named[said]
        return said

    async def _instead(self, system: str) -> str:
        """What happened in place of a call: calls that wait elsewhere, and when this system's next is due."""
        waiting, due = self._stage.peers.waiting(), await self._stage.due(system)
        said = [f"waiting: {', '.join(waiting)}"] if waiting else []
        return "; ".join([*said, f"next at {due:%Y-%m-%d %H:%M:%S.%f}: advance"] if due is not None else said)

    def _say(self, where: Where, what: str, hint: str = "") -> None:
        self._found.append(Problem(where, what, hint))

    def _end(self, where: Where, what: str, hint: str = "") -> NoReturn:
        self._say(where, what, hint)
        raise _Over


def _parts(expected: Any, got: Any, path: str) -> Iterator[tuple[Any, Any, str]]:
    """An expected mapping names some of the keys, every other value is the whole one."""
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        for key, value in expected.items():
            yield from _parts(value, got.get(key), f"{path}.{key}")
    else:
        yield expected, got, path


def _plain(expected: Any, wire: Format) -> Any:
    """What a format of text calls a number: `MSH-7: 20261120` is text there."""
    number = isinstance(expected, int | float) and not isinstance(expected, bool)
    return str(expected) if number and wire.name not in _TYPED else expected


def _outcome(event: ExpectEvent, wire: Format) -> Outcome:
    if event.silence:
        return InDoubt("timeout")
    if event.unavailable:
        return Unavailable("connect_refused")
    if event.refused is not None:
        return Refused(event.refused)
    return reply_of(wire, event.reply, event.status)


def _counted(answers: int) -> str:
    return "one answer" if answers == 1 else f"{answers} answers"


def _said(answer: Answer) -> str:
    return "; ".join(body.decode("utf-8", "replace").replace("\r", " ").strip() for body in answer.bodies)
