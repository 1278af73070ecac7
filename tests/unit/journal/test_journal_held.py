"""Who holds up a message: asked by the caller who waits for it."""

import pytest

from engine.model import NewDelivery, State, Then, Verdict
from tests.unit.journal.made import Opened, message


@pytest.mark.parametrize("state", [State.DOUBTFUL, State.PARKED])
async def test_a_doubtful_or_parked_head_is_named(opened: Opened, state: State) -> None:
    first, claimed = await opened.taken(message(id="first", lane="P1"))
    second = await opened.accept(message(id="second", lane="P1"))
    elsewhere = await opened.accept(message(lane="P2"))
    assert await opened.journal.held_by(second.seq) is None, "it is only its turn"
    sent = await opened.send(claimed)
    assert await opened.journal.held_by(second.seq) is None, "it is under way"
    await opened.settle(sent, Verdict.IN_DOUBT, Then(state, due=opened.clock.now() + 1, holds=True))
    held = [await opened.journal.held_by(seq) for seq in (first.seq, second.seq, elsewhere.seq)]
    assert held == [None, "first", None]


async def test_who_has_stepped_aside_holds_nobody_up(opened: Opened) -> None:
    _, claimed = await opened.taken(message(lane="P1"))
    second = await opened.accept(message(lane="P1"))
    sent = await opened.send(claimed)
    await opened.settle(sent, Verdict.IN_DOUBT, Then(State.PARKED, holds=False))
    assert await opened.journal.held_by(second.seq) is None


async def test_a_step_that_waits_for_its_own_message_is_not_looked_at(opened: Opened) -> None:
    _, claimed = await opened.taken(message(id="first", lane="P1"))
    steps = (NewDelivery(0, "his", None, 0), NewDelivery(1, "his", "P1", 1))
    second = await opened.accept(message(deliveries=steps))
    sent = await opened.send(claimed)
    await opened.settle(sent, Verdict.IN_DOUBT, Then(State.PARKED, holds=True))
    assert await opened.journal.held_by(second.seq) is None
