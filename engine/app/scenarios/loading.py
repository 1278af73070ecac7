"""Scenarios read and checked against the site: every system, operation, step and path that they name is there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.app.check import Checked
from engine.app.scenarios.calls import Request, channels, request
from engine.app.scenarios.text import (
    CallEvent,
    ExpectEvent,
    FeedEvent,
    Fields,
    HeardEvent,
    KeptEvent,
    NothingEvent,
    ScenarioText,
    SendEvent,
    StateEvent,
)
from engine.base.where import Where
from engine.formats.format import Format, PathError
from engine.formats.registry import make
from engine.mapping.examples import message_of
from engine.model import Outgoing, Profile
from engine.routing.accept import REFUSED
from engine.settings import nodes
from engine.settings.nodes import Node
from engine.settings.problems import Problems
from engine.settings.texts import validate

FOLDER = "tests/routes"
"""Where a site's scenarios lie."""

ENVELOPE = make("json")
"""What an application hears is JSON."""

Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario that can be played."""

    text: ScenarioText
    node: Node
    sent: Mapping[int, bytes] = field(default_factory=dict)
    """Event to what it sends."""
    called: Mapping[int, Request] = field(default_factory=dict)
    """Event to what an application calls in it."""
    readers: Mapping[tuple[int, str], Reader] = field(default_factory=dict)
    """(event, path) to what reads it from a parsed body."""

    def where(self, event: int, *path: str | int) -> Where:
        """The place of an event, or of something in it."""
        return self.node.locate(("events", event, *path))


def files_of(site: Path) -> list[Path]:
    """The scenarios of a site, in the order of their names."""
    return sorted((site / FOLDER).rglob("*.yaml"))


def load(file: Path, site: Path, checked: Checked, problems: Problems) -> Scenario | None:
    """The scenario of a file, or None and everything that is wrong with it."""
    before = len(problems)
    name = file.resolve().relative_to(site.resolve()) if file.resolve().is_relative_to(site.resolve()) else file
    node = nodes.load(file, problems, str(name))
    text = validate(ScenarioText, node, problems) if node is not None else None
    if node is None or text is None:
        return None
    check = _Check(file.parent, text, node, checked, problems)
    check.run()
    if len(problems) > before:
        return None
    return Scenario(text, node, check.sent, check.called, check.readers)


def wire_of(profile: Profile, operation: Outgoing) -> tuple[Format, Format]:
    """The formats of an operation's request and reply."""
    return operation.formats or (profile.format, profile.format)


class _Check:
    """One text, event by event."""

    def __init__(self, folder: Path, text: ScenarioText, node: Node, checked: Checked, problems: Problems) -> None:
        self._folder = folder
        self._text = text
        self._node = node
        self._release = checked.release
        self._systems = checked.loaded.config.systems
        self._channels = channels(checked.release, checked.loaded.config)
        self._problems = problems
        self.sent: dict[int, bytes] = {}
        self.called: dict[int, Request] = {}
        self.readers: dict[tuple[int, str], Reader] = {}

    def run(self) -> None:
        """Notes what is not there."""
        timed = [route.name for route in self._release.routes.values() if route.schedule is not None]
        for number, route in enumerate(self._text.schedules):
            if route not in timed:
                where = self._node.locate(("schedules", number))
                self._problems.unknown(where, "the route with a schedule", route, timed)
        for number, event in enumerate(self._text.events):
            match event:
                case SendEvent():
                    self._send(number, event)
                case CallEvent():
                    self._call(number, event)
                case HeardEvent():
                    self._read(number, ("heard",), ENVELOPE, event.heard)
                case ExpectEvent():
                    self._expect(number, event)
                case FeedEvent():
                    self._feed(number, event)
                case _:
                    self._names(number, event)

    def _names(self, number: int, event: Any) -> None:
        """Of events that only name what is there."""
        match event:
            case NothingEvent():
                for system in event.nothing:
                    self._named(number, "nothing", system, "the system", self._with("outgoing"))
            case StateEvent():
                for step in event.state:
                    self._named(number, ("state", step), step, "the step", self._steps())
            case KeptEvent():
                known = [*self._release.routes, REFUSED]
                for route in event.kept:
                    self._named(number, ("kept", route), route, "the route", known)

    def _send(self, number: int, event: SendEvent) -> None:
        send = event.send
        if not self._named(number, ("send", "to"), send.to, "the system that sends", self._with("incoming")):
            return
        wire = self._release.profile(send.to).format
        if send.campus is not None:
            known = self._systems[send.to].at
            self._named(number, ("send", "campus"), send.campus, "the campus with a listener of its own", known)
        try:
            self.sent[number] = (
                (self._folder / send.file).read_bytes()
                if send.file is not None
                else message_of(wire, send.message, send.charset)
            )
        except OSError:
            self._say(number, ("send", "file"), f"there is no file {send.file!r} beside this text")
        except LookupError:
            self._say(number, ("send", "charset"), f"{send.charset!r} is no character set", "utf-8, gb18030 …")
        except UnicodeEncodeError:
            self._say(number, ("send", "message"), f"this cannot be written in {send.charset}")
        for place, fields in answers(event):
            self._read(number, place, wire, fields)

    def _call(self, number: int, event: CallEvent) -> None:
        call = event.call
        offering = next((one for one in self._channels if call.operation in one.contracts.operations), None)
        if offering is None:
            known = [name for one in self._channels for name in one.contracts.operations]
            self._named(number, ("call", "operation"), call.operation, "the operation", known)
            return
        asked = offering.contracts.operations[call.operation].text.request
        for name in call.values:
            self._named(number, ("call", "values", name), name, "the parameter", [*asked.path, *asked.query])
        if call.client is not None:
            self._named(number, ("call", "client"), call.client, "the client", offering.clients)
        try:
            self.called[number] = request(call, offering)
        except KeyError as error:
            self._say(number, ("call",), f"{error.args[0]} is part of the path", f"values: {{{error.args[0]}: …}}")
        self._read(number, ("answer",), ENVELOPE, event.answer or {})

    def _expect(self, number: int, event: ExpectEvent) -> None:
        system, _, name = event.expect.partition(".")
        if not self._named(number, "expect", system, "the system", self._with("outgoing")):
            return
        profile = self._release.profile(system)
        if not self._named(number, "expect", name, f"the operation of {system}", profile.outgoing):
            return
        request, reply = wire_of(profile, profile.outgoing[name])
        self._read(number, ("with",), request, event.with_)
        rows = reply.name == "row" and event.reply is not None
        if rows and not (isinstance(event.reply, Mapping) and event.reply.keys() <= {"rows", "count"}):
            self._say(number, ("reply",), "a database answers rows", "write {count: 1} or {rows: [{…}]}")

    def _feed(self, number: int, event: FeedEvent) -> None:
        system, _, name = event.feed.partition(".")
        fed = {one: self._fed_by(one) for one in self._with("incoming") if self._fed_by(one)}
        if self._named(number, "feed", system, "the system with a feed", fed):
            self._named(number, "feed", name, f"the operation that {system} is read on by", fed[system])

    def _fed_by(self, system: str) -> list[str]:
        return [kind.feed.by for kind in self._release.profile(system).incoming.values() if kind.feed is not None]

    def _read(self, number: int, place: Sequence[str | int], wire: Format, fields: Fields) -> None:
        for path in fields:
            try:
                self.readers[number, path] = wire.read(path).reader()
            except PathError as error:
                self._say(number, (*place, path), error.what, error.hint)

    def _with(self, side: str) -> list[str]:
        """The systems whose profile has this side."""
        return [name for name in self._systems if getattr(self._release.profile(name), side)]

    def _steps(self) -> Iterator[str]:
        for route in self._release.routes.values():
            yield from (step.name for step in route.every)

    def _named(self, number: int, place: Any, word: str, what: str, known: Any) -> bool:
        names = list(known)
        if word not in names:
            path = (place,) if isinstance(place, str) else place
            self._problems.unknown(self._node.locate(("events", number, *path)), what, word, names)
        return word in names

    def _say(self, number: int, place: Sequence[str | int], what: str, hint: str = "") -> None:
        self._problems.add(self._node.locate(("events", number, *place)), what, hint)


def answers(event: SendEvent) -> list[tuple[tuple[str | int, ...], Fields]]:
    """What is expected of each answer, with its place in the event; nothing where none is looked at."""
    if event.answer is None:
        return []
    if isinstance(event.answer, dict):
        return [(("answer",), event.answer)]
    return [(("answer", number), fields) for number, fields in enumerate(event.answer)]
