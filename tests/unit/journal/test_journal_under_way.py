"""How many messages of a route still move by themselves: what a page, and a route that goes after it, wait for."""

from engine.model import NewDelivery, State, Then, Verdict
from tests.unit.journal.made import NO_ROOM, Opened, message


async def count(opened: Opened, route: str = "lab_result", most: int = 9) -> int:
    return await opened.journal.under_way(route, most)


async def test_what_is_ready_claimed_sending_or_doubtful_moves(opened: Opened) -> None:
    assert await count(opened) == 0
    await opened.accept(message(), NO_ROOM)
    _, claimed = await opened.taken(message())
    assert await count(opened) == 2
    sent = await opened.send(claimed)
    assert await count(opened) == 2
    doubt = Then(State.DOUBTFUL, due=opened.clock.now() + 1, holds=True)
    await opened.settle(sent, Verdict.IN_DOUBT, doubt)
    assert [await count(opened), await count(opened, most=1), await count(opened, "other")] == [2, 1, 0]


async def test_what_has_ended_or_is_a_persons_does_not(opened: Opened) -> None:
    _, first = await opened.taken(message())
    await opened.deliver(first)
    _, second = await opened.taken(message())
    await opened.settle(await opened.send(second), Verdict.REFUSED, Then(State.PARKED, holds=True))
    assert await count(opened) == 0


async def test_who_stands_in_line_moves_with_the_first_of_it(opened: Opened) -> None:
    _, first = await opened.taken(message(lane="P1", route="other"))
    await opened.accept(message(lane="P1"))
    assert (await count(opened), await count(opened, "other")) == (1, 1)
    await opened.settle(await opened.send(first), Verdict.REFUSED, Then(State.PARKED, holds=True))
    assert (await count(opened), await count(opened, "other")) == (0, 0), "both wait for a person"


async def test_steps_behind_a_parked_one_wait_for_the_person_too(opened: Opened) -> None:
    steps = (NewDelivery(0, "his", "P1", 0), NewDelivery(1, "his", "P1/tell", 1))
    _, first = await opened.taken(message(deliveries=steps))
    await opened.accept(message(deliveries=steps))
    assert await count(opened) == 2
    await opened.settle(await opened.send(first), Verdict.REFUSED, Then(State.PARKED, holds=True))
    assert await count(opened) == 0
