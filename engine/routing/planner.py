"""The plan of a message, one step at a time: what delivery asks of routing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from engine.base.clock import Clock
from engine.base.errors import BusError, Code
from engine.delivery.interface import Work
from engine.delivery.stored import decode
from engine.journal.interface import Journal
from engine.model import Claimed, Context, Outcome, Outgoing, Progress, State, Then
from engine.routing import answers
from engine.routing.amends import amended
from engine.routing.messages import Message, Messages
from engine.routing.plan import AMENDS, ROUTE, Route, Step, follow
from engine.routing.waiting import Waiting

_STANDING = (State.DOUBTFUL, State.PARKED)
"""States in which a delivery holds its line until somebody knows more."""

Named = Callable[[str, str], Mapping[str, str]]


Outcomes: TypeAlias = Mapping[int, tuple[State, Outcome | None]]
"""State and last outcome of each step of a message by its number."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A step of a message whose turn it is."""

    message: Message
    """Whose content the step carries: its own, or that of the message that amended it."""
    step: Step
    scope: Mapping[str, Any]
    run: bool
    """False: its `when` is false."""


class RoutePlanner:
    """Delivery's Planner over the releases of the texts. Holds what is being worked on, so that `then`
    can be pure; everything else may be forgotten and is read again.
    """

    def __init__(self, journal: Journal, messages: Messages, named: Named, waiting: Waiting, clock: Clock) -> None:
        """`named`: what the site's settings give a system's profile to read as `$name`. `waiting`: the callers of this
        node who are told what was committed.
        """
        self._journal = journal
        self._messages = messages
        self._named = named
        self._waiting = waiting
        self._clock = clock
        self._working: dict[tuple[int, int], tuple[Message, int]] = {}
        """The message of a delivery in work, and how many work on it: a person may have given it out again, a late
        reply may come beside a question.
        """

    async def turn(self, delivery: Claimed) -> Turn:
        """What the plan knows about a delivery whose turn it is. Raises BusError as `work` does."""
        message = await self._messages.get(delivery)
        place = delivery.seq, delivery.step
        self._working[place] = message, self._working.get(place, (message, 0))[1] + 1
        step = message.route.step(delivery.step)
        if step is None:
            raise BusError(Code.INTERNAL, "the step is not in the message's release")
        outcomes = await self._outcomes(message, step, delivery)
        spoken, step, outcomes = await self._spoken(message, step, delivery, outcomes)
        scope = scope_of(spoken, step, outcomes)
        run = step.when is None or step.when.early or step.when.test(scope)
        return Turn(spoken, step, scope, run)

    async def work(self, delivery: Claimed) -> Work:
        turn = await self.turn(delivery)
        message, step = turn.message, turn.step
        profile = message.release.profile(step.system)
        operation = profile.outgoing.get(step.operation)
        if operation is None:
            raise BusError(Code.INTERNAL, "the operation is not in the message's release")
        kept = delivery.attempt or delivery.amended
        stored = await self._journal.body(delivery.seq, delivery.step) if kept else None
        return Work(
            operation=operation,
            policy=step.policy,
            run=turn.run,
            scope=turn.scope,
            context=self.context(message, step.system),
            between=step.between,
            stored=decode(stored) if stored is not None else None,
            campus=message.campus,
            question=profile.outgoing.get(operation.ask.by) if operation.ask else None,
        )

    def then(self, delivery: Claimed, outcome: Outcome | None, then: Then) -> Then:
        message, _ = self._working[delivery.seq, delivery.step]
        full = self._followed(message, delivery, outcome, then, failing=message.failing)
        message.failing = message.failing or bool(full.add)
        return full

    def settled(self, delivery: Claimed, outcome: Outcome | None, then: Then, progress: Progress | None) -> None:  # noqa: ARG002 - the protocol's
        message, workers = self._working.pop((delivery.seq, delivery.step), (None, 0))
        if message is not None and workers > 1:
            self._working[delivery.seq, delivery.step] = message, workers - 1
        if progress is None:
            return
        if then.answer is not None:
            self._waiting.answered(delivery.seq)
        if message is not None and then.state in _STANDING:
            self._tell_who_waits(message, delivery, then)
        if progress.done:
            self._messages.forget(delivery.seq)

    async def called(self, delivery: Claimed) -> tuple[Route, Step, Outgoing | None]:
        """Route and step of a delivery, and the operation that it calls; None: it makes messages. Raises BusError."""
        message = await self._messages.get(delivery)
        step = message.route.step(delivery.step)
        if step is None:
            raise BusError(Code.INTERNAL, "the step is not in the message's release")
        profile = message.release.profile(step.system) if step.system not in (ROUTE, AMENDS) else None
        return message.route, step, profile.outgoing.get(step.operation) if profile is not None else None

    async def ended(self, delivery: Claimed, bare: Then, outcome: Outcome | None = None) -> Then:
        """What follows when a person ends a delivery: gives it up, or says what they did (`outcome`)."""
        message = await self._messages.get(delivery)
        outcomes = await self._journal.outcomes(delivery.seq) if message.route.on_failure else {}
        failing = any(step.index in outcomes for step in message.route.on_failure)
        return self._followed(message, delivery, outcome, bare, failing=failing)

    def _followed(
        self, message: Message, delivery: Claimed, outcome: Outcome | None, bare: Then, *, failing: bool
    ) -> Then:
        full = follow(
            message.route,
            delivery.step,
            bare,
            message.document,
            message.campus,
            failing=failing,
            late=delivery.deadline is not None and self._clock.now() >= delivery.deadline,
        )
        return replace(full, answer=answers.decided(message.route, delivery.step, outcome, full))

    def _tell_who_waits(self, message: Message, delivery: Claimed, then: Then) -> None:
        """Who waits for a step that is parked, and who stands in line behind it or behind a doubt."""
        route, step = message.route, message.route.step(delivery.step)
        if then.state is State.PARKED and route.answer is not None and delivery.step in route.answer.waited:
            self._waiting.parked(delivery.seq)
        line = step.lane.of(message.document, message.campus) if step is not None and step.lane is not None else None
        if line is not None:
            self._waiting.held(line)

    def context(self, message: Message, system: str) -> Context:
        """What maps for a system may know beside the document, by the settings as they are now."""
        named = self._named(system, message.campus)
        context = message.context
        return replace(context, values={**context.values, **named}) if named else context

    async def _spoken(
        self, message: Message, step: Step, delivery: Claimed, outcomes: Outcomes
    ) -> tuple[Message, Step, Outcomes]:
        """The message whose content a step carries, its own step of that name, and what the steps before came to: those
        that are amended here, the others there.
        """
        newer = await self._journal.newer(delivery.seq, delivery.step) if message.route.amends is not None else None
        if newer is None:
            return message, step, outcomes
        spoken = await self._messages.get(newer)
        own = next((one for one in spoken.route.every if one.name == step.name), None)
        if own is None:
            raise BusError(Code.INTERNAL, "the step is not in the correction's release")
        if not own.reads:
            return spoken, own, {}
        found = dict(await self._journal.outcomes(newer.seq))
        here = {one.name: one.index for one in message.route.steps}
        for one in amended(spoken.route):
            found[one.index] = outcomes.get(here.get(one.name, -1), (State.WAITING, None))
        return spoken, own, found

    async def _outcomes(self, message: Message, step: Step, delivery: Claimed) -> Outcomes:
        """Asked of the journal each time: another node may have ended the steps before."""
        if not step.reads and not message.route.on_failure:
            return {}
        outcomes = await self._journal.outcomes(delivery.seq)
        message.failing = any(one.index in outcomes for one in message.route.on_failure)
        return outcomes


def scope_of(message: Message, step: Step, outcomes: Outcomes) -> Mapping[str, Any]:
    """What a step reads: the document, and what became of the steps before."""
    if not step.reads:
        return message.document
    scope: dict[str, Any] = dict(message.document)
    for other in message.route.steps + message.route.on_failure:
        if other.name in step.reads:
            state, outcome = outcomes.get(other.index, (State.WAITING, None))
            scope[other.name] = {"outcome": state.value, "reply": outcome.value or {} if outcome else {}}
    return scope
