"""The local system `amends`: what becomes of a message that corrects an earlier one (decision 20).

Each message of a route with `amends` has a step of the bus's own, in no line, which comes before the steps that can be
amended. It looks at what the earlier messages about the same record have come to, and decides step by step. What it
changes happens with its own settle, in one commit; where something has moved meanwhile, it decides again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.base.clock import Clock
from engine.base.ids import Ids
from engine.delivery.gate import Stopped
from engine.delivery.local import Ended
from engine.delivery.policy import question_wait
from engine.journal.interface import Earlier, Journal
from engine.model import FINAL, Claimed, Outcome, State, Then, Verdict
from engine.records import EARLIER_IN_DOUBT, Amended, Correction
from engine.routing.amends import is_amended
from engine.routing.plan import Route, Step, behind
from engine.routing.planner import RoutePlanner, Turn
from engine.routing.release import Releases

_GONE = frozenset({State.SKIPPED, State.WITHDRAWN, State.GIVEN_UP, State.REFUSED})
"""Ends after which a correction goes its own way."""
_NOT_BEGUN = frozenset({State.WAITING, State.READY, State.PARKED})
ACCEPTED, SUPERSEDED = "accepted", "superseded"
"""Words at steps: they have an earlier version already; a later version was there before this one."""


@dataclass(frozen=True, slots=True)
class Found:
    """A delivery of an earlier message, with its step and route."""

    earlier: Earlier
    step: Step
    route: Route

    @property
    def state(self) -> State:
        return self.earlier.delivery.state


class Amender:
    """Carries deliveries of the system `amends`: see `engine.delivery.local.Carry`."""

    def __init__(self, journal: Journal, planner: RoutePlanner, releases: Releases, clock: Clock, ids: Ids) -> None:
        self._journal = journal
        self._planner = planner
        self._releases = releases
        self._clock = clock
        self._ids = ids

    async def carry(self, delivery: Claimed, stopped: Callable[[], bool]) -> Ended | None:
        """Decides, and waits while an earlier delivery is under way or in doubt."""
        turn = await self._planner.turn(delivery)
        return await self._decided(delivery, turn, stopped)

    async def _decided(self, delivery: Claimed, turn: Turn, stopped: Callable[[], bool]) -> Ended:
        if stopped():
            raise Stopped
        route = turn.message.route
        found = await self._found(delivery, turn)
        outcomes = await self._journal.outcomes(delivery.seq)
        own = [step for step in route.steps if is_amended(step) and outcomes[step.index][0] not in FINAL]
        corrects = decide(delivery.seq, route, own, found)
        if corrects is None:
            wait = question_wait(self._clock.now() - delivery.received, self._ids.chance())
            why = EARLIER_IN_DOUBT if waits_for_person(found) else ""
            then = Then(State.READY, due=self._clock.now() + wait, holds=True, why=why)
            return Ended(Outcome(Verdict.UNAVAILABLE, why or "earlier_under_way"), then)
        skip = tuple(step for step, _ in corrects.ended)
        then = Then(State.DELIVERED, skip=skip, corrects=corrects if corrects != Correction() else None)
        return Ended(Outcome(Verdict.DELIVERED), then, lambda: self._decided(delivery, turn, stopped))

    async def _found(self, delivery: Claimed, turn: Turn) -> list[Found]:
        message, found = turn.message, []
        find = message.route.amending(message.document, message.system, message.campus)
        for one in await self._journal.earlier(find, delivery.seq) if find is not None else ():
            route = (await self._releases.get(one.delivery.release)).routes[one.delivery.route]
            step = route.step(one.delivery.step)
            if step is not None:
                found.append(Found(one, step, route))
        return found


def waits_for_person(found: Iterable[Found]) -> bool:
    """Whether an earlier one is parked in doubt: somebody has to look first, and no schedule waits for that."""
    return any(one.state is State.PARKED and one.earlier.doubt for one in found)


def decide(seq: int, route: Route, own: Iterable[Step], found: Sequence[Found]) -> Correction | None:
    """What message `seq` of a route does to earlier ones (newest first); None: that is not known yet.

    Of each of its `own` steps: it goes its way, ends as an earlier one carries its content (or that of a later
    message), or becomes a person's turn, as they have accepted a version already.
    """
    whole = Correction()
    for step in own:
        of_step = [one for one in found if one.step.name == step.name]
        made = _of(seq, route, step, of_step, send=route.amends is not None and route.amends.send)
        if made is None:
            return None
        whole = Correction(whole.amended + made.amended, whole.ended + made.ended, whole.parked + made.parked)
    return replace(whole, ended=tuple(dict(whole.ended).items()))


def _of(seq: int, route: Route, step: Step, found: Sequence[Found], *, send: bool) -> Correction | None:
    standing = [one for one in found if one.state not in _GONE]
    if any(one.earlier.newer > seq for one in standing):
        return Correction(ended=_ended(route, step, SUPERSEDED))
    if not send and any(one.state is State.DELIVERED for one in standing):
        return Correction(parked=((step.index, step.policy.hold, ACCEPTED),))
    if not standing or standing[0].state is State.DELIVERED:
        return Correction()
    newest = standing[0]
    if newest.earlier.doubt or newest.state not in _NOT_BEGUN:
        return None
    return Correction((_amended(newest, route),), _ended(route, step, f"amends {newest.earlier.delivery.id}"))


def _amended(found: Found, route: Route) -> Amended:
    """What a person parked stays parked, with the new content: he may have his reason."""
    delivery, mine = found.earlier.delivery, _numbers(route.steps)
    theirs = (found.step.index, *behind(found.route, found.step.index))
    names = {step.index: step.name for step in found.route.every}
    return Amended(
        delivery.seq,
        delivery.step,
        delivery.state.value,
        delivery.attempt,
        again=delivery.state is State.PARKED and found.earlier.why != "person",
        steps=tuple((index, mine[names[index]]) for index in theirs if names[index] in mine),
    )


def _ended(route: Route, step: Step, word: str) -> tuple[tuple[int, str], ...]:
    return tuple((index, word) for index in (step.index, *behind(route, step.index)))


def _numbers(steps: Iterable[Step]) -> Mapping[str, int]:
    return {step.name: step.index for step in steps}
