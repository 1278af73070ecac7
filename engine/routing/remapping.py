"""A body made anew by the texts in force, for a person who has corrected them: `hisbus retry --remap`.

The message is read again and the step of the same name mapped, both by today's texts; everything else of the delivery
stays with the release that accepted its message. It is made when the person asks, so that he sees at once whether the
correction holds.
"""

from engine.base.errors import BusError, Code
from engine.delivery.exchange import named
from engine.journal.interface import Journal
from engine.model import Built, Claimed, State
from engine.registry.systems import PROFILES as LOCAL
from engine.routing.messages import Messages
from engine.routing.plan import Step
from engine.routing.planner import RoutePlanner, scope_of
from engine.routing.release import Release


async def remapped(
    delivery: Claimed, release: Release, journal: Journal, messages: Messages, planner: RoutePlanner
) -> Built | None:
    """The body that `release` makes of a delivery's message; None where nothing of it is mapped before it is sent: a
    step of the bus's own, or one that carries a later correction. Raises BusError: STATE_CONFLICT where the release has
    no such step, VALIDATION_FAILED where it cannot map it.
    """
    route, was, operation = await planner.called(delivery)
    if operation is None or was.system in LOCAL or await journal.newer(delivery.seq, delivery.step) is not None:
        return None
    message = await messages.read(delivery, release)
    step = next((one for one in message.route.every if _is_same(one, was)), None)
    if step is None:
        raise BusError(Code.STATE_CONFLICT, f"the texts in force have no step {was.name!r} that calls the same")
    outcomes = await journal.outcomes(delivery.seq)
    before = {one.name: one.index for one in route.every}
    known = {one.index: outcomes.get(before.get(one.name, -1), (State.WAITING, None)) for one in message.route.every}
    scope = scope_of(message, step, known)
    context = named(planner.context(message, step.system), delivery, message.campus)
    document = scope if step.between is None else step.between(scope, context)
    return release.profile(step.system).outgoing[step.operation].build(document, context)


def _is_same(step: Step, was: Step) -> bool:
    return (step.name, step.system, step.operation) == (was.name, was.system, was.operation)
