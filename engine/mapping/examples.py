"""The examples of profiles, run: one set serves documentation, `hisbus test`, `simulate` and "try"."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from engine.base.errors import BusError
from engine.base.where import Where
from engine.contract import Reply
from engine.formats.format import Format, Hints
from engine.formats.json import dump
from engine.mapping import refusals
from engine.mapping.differ import Difference, comparable, differences
from engine.mapping.functions.dates import in_zone
from engine.mapping.functions.kind import Unfit
from engine.mapping.texts import IncomingExample, OutgoingExample
from engine.mapping.validation import held
from engine.model import Context, Incoming, Outgoing, Profile, Shape, Verdict
from engine.settings.nodes import Node

Between: TypeAlias = Callable[[Mapping[str, Any], Context], dict[str, Any]]

_DEFAULT_AT = datetime(2026, 11, 20, 9, 0)  # noqa: DTZ001 - the site's zone is put to it
_VALUES = {"token": "t1", "message_id": "m1", "campus": "main", "system": "example"}


@dataclass(frozen=True, slots=True)
class Case:
    """An example and where it stands."""

    text: OutgoingExample | IncomingExample
    where: Where


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one example."""

    profile: str
    operation: str
    case: str
    where: Where
    differences: tuple[Difference, ...]

    @property
    def fine(self) -> bool:
        """Whether everything was as it says."""
        return not self.differences


def cases(examples: Sequence[OutgoingExample | IncomingExample], node: Node) -> tuple[Case, ...]:
    """The examples of an operation with their places."""
    return tuple(Case(each, node.locate(["examples", at])) for at, each in enumerate(examples))


def run(profile: Profile, zone: ZoneInfo) -> Iterator[Result]:
    """Runs every example of a profile."""
    for operation in profile.outgoing.values():
        for case in operation.examples:
            found = tuple(_outgoing(operation, profile.format, case.text, zone))
            yield Result(profile.name, operation.name, case.text.name, case.where, found)
    for kind in profile.incoming.values():
        for case in kind.examples:
            found = tuple(_incoming(kind, profile.format, case.text, zone))
            yield Result(profile.name, kind.name, case.text.name, case.where, found)


def run_between(name: str, made: Between, examples: Sequence[Case], zone: ZoneInfo) -> Iterator[Result]:
    """Runs every example of a map from one shape to another."""
    for case in examples:
        found = tuple(_between(made, case.text, zone)) if isinstance(case.text, OutgoingExample) else ()
        yield Result("between", name, case.text.name, case.where, found)


def context_of(case: OutgoingExample | IncomingExample, zone: ZoneInfo) -> Context:
    """What an example's map knows beside its document."""
    at = _DEFAULT_AT if case.at is None else _instant(case.at)
    received = in_zone(at, zone)
    extra = case.context if isinstance(case, OutgoingExample) else {}
    return Context(received=received, now=received, values=_VALUES | extra)


def message_of(wire: Format, message: Any, charset: str = "utf-8") -> bytes:
    """An example's message as it comes over the wire."""
    if not isinstance(message, str):
        return dump(message)
    # HL7 segments end in CR; a text of several lines is written with line feeds.
    return (message.strip().replace("\n", "\r") + "\r" if wire.name == "hl7" else message).encode(charset)


def reply_of(wire: Format, reply: Any, status: int | None) -> Reply:
    """A reply, as a text writes it, as an adapter brings it."""
    if wire.name == "row" and isinstance(reply, Mapping):
        return Reply(rows=reply.get("rows"), count=reply.get("count"))
    return Reply(body=b"" if reply is None else message_of(wire, reply), status=status)


def _outgoing(operation: Outgoing, wire: Format, case: OutgoingExample, zone: ZoneInfo) -> Iterator[Difference]:
    try:
        context = context_of(case, zone)
        built = held(operation.check, operation.build(case.given, context), context)
    except BusError as error:
        yield Difference("request", "no refusal", error.detail)
        return
    made_by, replied_by = operation.formats or (wire, wire)
    if case.request is not None:
        yield from differences(comparable(made_by, case.request), comparable(made_by, built.body), "request")
    if case.address is not None:
        yield from differences(case.address, dict(built.fields), "address")
    if case.reply is not None or case.status is not None:
        outcome = operation.understand(reply_of(replied_by, case.reply, case.status))
        said = f"refused: {outcome.code}" if outcome.verdict is Verdict.REFUSED else outcome.verdict.value
        yield from differences(case.outcome, said, "outcome")
        if case.gives is not None:
            yield from differences(case.gives, outcome.value or {}, "gives")


def _between(made: Between, case: OutgoingExample, zone: ZoneInfo) -> Iterator[Difference]:
    try:
        yield from differences(case.gives or {}, made(case.given, context_of(case, zone)), "gives")
    except BusError as error:
        yield Difference("gives", "no refusal", error.detail)


def _incoming(kind: Incoming, wire: Format, case: IncomingExample, zone: ZoneInfo) -> Iterator[Difference]:
    context = context_of(case, zone)
    try:
        document = wire.parse(message_of(wire, case.message, case.charset), Hints())
        if not kind.asked and not kind.matches(document):
            yield Difference("match", "this kind", "another kind")
            return
        made = kind.read(document, context)
    except BusError as error:
        if case.refused is None or not error.detail.startswith(case.refused):
            expected = "no refusal" if case.refused is None else f"{case.refused} refused"
            yield Difference("message", expected, error.detail)
        elif case.says is not None:
            yield from _words(kind.refuse, refusals.of(error), case.says, wire, context)
        return
    if case.refused is not None:
        yield Difference(case.refused, "refused", "taken")
    if case.gives is not None:
        yield from differences(case.gives, made)
    if case.says is not None and case.refused is None:
        yield from _words(kind.say, made if case.answer is None else case.answer, case.says, wire, context)


def _words(
    words: Callable[[Shape, Context], Any] | None, document: Shape, says: Any, wire: Format, context: Context
) -> Iterator[Difference]:
    said = words(document, context) if words is not None else None
    if said is None:
        yield Difference("says", says, None)
    else:
        yield from differences(comparable(wire, says), comparable(wire, said), "says")


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Unfit("an example's time is ISO 8601") from None
