"""Local systems of operations: as profiles that routes are checked against, and as what carries and answers them.

A delivery is decided and settled in one commit with what it changes, so it is never in doubt; where somebody was
quicker, it is decided again. A read is decided without the journal's commit and changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.base.clock import Clock
from engine.base.errors import BusError, Code
from engine.base.ids import Ids
from engine.contract import Reply
from engine.delivery.gate import Stopped
from engine.delivery.interface import Planner, Work
from engine.delivery.local import Again, Ended
from engine.journal.errors import DatabaseDown
from engine.journal.interface import Journal
from engine.mapping.library import Library
from engine.model import Built, Claimed, Context, Outcome, Outgoing, Profile, Shape, State, Then, Verdict
from engine.records import Write
from engine.registry.look import Look
from engine.registry.operation import Asked, Operation, Refusal
from engine.settings.models import Config


@dataclass(frozen=True, slots=True)
class Desk:
    """What every local system works with."""

    journal: Journal
    planner: Planner
    clock: Clock
    ids: Ids
    config: Callable[[], Config]
    """The settings in force."""
    library: Callable[[], Library]
    """That of the release in force: its shapes say what a document must hold."""


class Operations:
    """The operations of one local system, at work."""

    def __init__(self, operations: Sequence[Operation], desk: Desk) -> None:
        self._operations = {operation.name: operation for operation in operations}
        self._desk = desk

    async def carry(self, delivery: Claimed, stopped: Callable[[], bool]) -> Ended | None:
        """See `engine.delivery.local.Carry`."""
        work = await self._desk.planner.work(delivery)
        if not work.run:
            return Ended(None, Then(State.SKIPPED))
        try:
            document = work.scope if work.between is None else work.between(work.scope, work.context)
        except BusError as error:
            return _ended(work, Refusal(error.code, error.spot), ())
        return await self._decided(work, document, stopped)

    async def ask(self, name: str, document: Mapping[str, Any], context: Context) -> Outcome:
        """The outcome of an operation of `effect: none`. Raises BusError(BUSY) while the journal cannot be read."""
        try:
            found, writes = await self._found(name, document, context)
        except DatabaseDown:
            raise BusError(Code.BUSY, "the journal cannot be read now") from None
        assert not writes, "an operation of effect: none changes nothing"
        return _outcome(found)

    async def _decided(self, work: Work, document: Mapping[str, Any], stopped: Callable[[], bool]) -> Ended:
        if stopped():
            raise Stopped
        found, writes = await self._found(work.operation.name, document, work.context)
        return _ended(work, found, writes, lambda: self._decided(work, document, stopped))

    async def _found(
        self, name: str, scope: Mapping[str, Any], context: Context
    ) -> tuple[Shape | Refusal, tuple[Write, ...]]:
        """What an operation decides now, and what it wants changed."""
        desk, operation, campus = self._desk, self._operations[name], context.values["campus"]
        now, config = desk.clock.now(), desk.config()
        look = Look(desk.journal, now)
        try:
            asked = Asked(
                document=self._document(operation, scope),
                campus=campus,
                at=context.received,
                now=now,
                registry=config.registry.of(campus),
                rules=config.rules.of(campus),
                ids=desk.ids,
            )
            return await operation.decide(asked, look), look.writes
        except BusError as error:
            if error.code is not Code.VALIDATION_FAILED:
                raise
            return Refusal(error.code, error.spot), ()

    def _document(self, operation: Operation, scope: Mapping[str, Any]) -> Shape:
        """The operation's own fields of a scope. Raises BusError(VALIDATION_FAILED) where they are not as its shape
        says.
        """
        library = self._desk.library()
        fields = library.documents[operation.takes].fields
        document = {name: scope[name] for name in fields if scope.get(name) is not None}
        if broken := library.shapes[operation.takes].check(document):
            raise BusError(Code.VALIDATION_FAILED, broken[0], spot=broken[0].split(":", 1)[0])
        return document


def profile(name: str, operations: Sequence[Operation]) -> Profile:
    """A local system as routes are checked against it: what its operations take, give and change."""
    outgoing = {operation.name: _outgoing(operation) for operation in operations}
    return Profile(name, "", None, None, {}, outgoing)


def _outgoing(operation: Operation) -> Outgoing:
    return Outgoing(
        name=operation.name,
        takes=operation.takes,
        gives=operation.gives,
        effect=operation.effect,
        repeatable=True,
        ask=None,
        options=None,
        build=_no_wire,
        understand=_no_reply,
    )


def _no_wire(_scope: Mapping[str, Any], _context: Context) -> Built:
    raise BusError(Code.INTERNAL, "a local system has no wire")


def _no_reply(_reply: Reply) -> Outcome:
    raise BusError(Code.INTERNAL, "a local system has no wire")


def _ended(work: Work, found: Shape | Refusal, writes: tuple[Write, ...], again: Again | None = None) -> Ended:
    outcome = _outcome(found)
    state = State.DELIVERED if outcome.verdict is Verdict.DELIVERED else State.REFUSED
    if state is State.REFUSED and work.policy.park_refused:
        then = Then(State.PARKED, holds=work.policy.hold, why="refused", writes=writes)
    else:
        then = Then(state, writes=writes)
    return Ended(outcome, then, again)


def _outcome(found: Shape | Refusal) -> Outcome:
    if isinstance(found, Refusal):
        return Outcome(Verdict.REFUSED, found.code.name, found.why)
    return Outcome(Verdict.DELIVERED, value=found)
