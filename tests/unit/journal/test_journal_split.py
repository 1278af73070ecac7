"""Children of a step: stored a page a commit with how far it came, and who waits for the last of them."""

import asyncio
from datetime import timedelta

import pytest

from engine.journal.interface import Act
from engine.journal.invariants import INVARIANTS
from engine.journal.retention import Keep, prune
from engine.model import Accepted, Claimed, Duplicate, NewDelivery, State, Then, Verdict
from tests.unit.journal.made import NO_ROOM, Opened, Opener, message, with_

PARENT = (NewDelivery(0, "route", None, 0), NewDelivery(1, "his", None, 1))
MADE = Then(State.DELIVERED, awaited=(1,))


async def sound(opened: Opened) -> None:
    for words, statement in INVARIANTS.items():
        assert not await opened.journal.store.fetch(statement), words


async def parent(opened: Opened) -> Claimed:
    accepted = await opened.accept(message(*PARENT))
    (claimed,) = accepted.claimed
    return claimed


async def split(opened: Opened, step: Claimed, first: int, *keys: str | None, **more) -> list:
    children = [message(key=key, system="lis", **more) for key in keys]
    made = await opened.journal.split(step, first, first + len(keys), children, opened.room)
    assert made is not None
    return list(made)


async def end(opened: Opened, *children: Accepted):
    """Delivers children; what the last of them made free."""
    for child in children:
        progress = await opened.deliver(child.claimed[0])
        await sound(opened)
    return [(one.seq, one.step) for one in progress.claimed]


async def test_a_step_waits_for_the_last_child_and_goes_once(opened: Opened) -> None:
    step = await parent(opened)
    children = await split(opened, step, 0, None, None)
    children += await split(opened, step, 2, None)
    assert await opened.journal.taken(step) == 3
    progress = await opened.settle(step, Verdict.DELIVERED, MADE, value={"count": 3})
    assert (progress.claimed, progress.done) == ((), False)
    assert await end(opened, children[1], children[0]) == []
    assert await end(opened, children[2]) == [(step.seq, 1)]
    assert await opened.states(step.seq) == {0: "delivered", 1: "claimed"}
    assert await opened.journal.store.fetch("select 1 from splits") == []


async def test_children_that_end_before_all_are_made_free_nobody_yet(opened: Opened) -> None:
    step = await parent(opened)
    first = await split(opened, step, 0, None)
    assert await end(opened, *first) == []
    last = await split(opened, step, 1, None)
    assert await end(opened, *last) == []
    progress = await opened.settle(step, Verdict.DELIVERED, MADE)
    assert [(one.seq, one.step) for one in progress.claimed] == [(step.seq, 1)]
    await sound(opened)


async def test_without_children_nobody_waits(opened: Opened) -> None:
    for empty_page in (True, False):
        step = await parent(opened)
        if empty_page:
            assert await split(opened, step, 0) == []
        progress = await opened.settle(step, Verdict.DELIVERED, MADE)
        assert [one.step for one in progress.claimed] == [1]
        await sound(opened)


async def test_a_known_child_is_not_made_again_and_only_its_maker_waits_for_it(opened: Opened) -> None:
    one, other = await parent(opened), await parent(opened)
    (child,) = await split(opened, one, 0, "B1")
    again, twice, fresh = await split(opened, other, 0, "B1", "B1", "B2")
    assert isinstance(again, Duplicate)
    assert isinstance(twice, Duplicate)
    for step in (one, other):
        assert (await opened.settle(step, Verdict.DELIVERED, MADE)).claimed == ()
    assert await end(opened, fresh) == [(other.seq, 1)]
    assert await end(opened, child) == [(one.seq, 1)]


async def test_a_child_with_nothing_to_do_is_not_waited_for(opened: Opened) -> None:
    step = await parent(opened)
    child = message(NewDelivery(0, "lis", None, 0, skipped=True))
    await opened.journal.split(step, 0, 1, [child], opened.room)
    progress = await opened.settle(step, Verdict.DELIVERED, MADE)
    assert [one.step for one in progress.claimed] == [1]


@pytest.mark.parametrize("wrong", ["owner", "place", "claim"])
async def test_a_stale_page_stores_nothing(opened: Opened, wrong: str) -> None:
    step = await parent(opened)
    await split(opened, step, 0, None)
    first = 1
    if wrong == "owner":
        await opened.journal.act(Act("park", step.seq, 0, "li", "wait"), None, opened.room)
    elif wrong == "place":
        first = 0  # the same page again
    else:
        step = with_(step, first_due=step.first_due - 1)
    assert await opened.journal.split(step, first, first + 1, [message()], opened.room) is None
    assert len(await opened.journal.store.fetch("select 1 from messages")) == 2
    await sound(opened)


async def test_a_person_drops_a_step_half_way_and_its_children_go_on(opened: Opened) -> None:
    step = await parent(opened)
    children = await split(opened, step, 0, None, None)
    dropped = Then(State.GIVEN_UP, skip=(1,), awaited=())
    progress = await opened.journal.act(Act("drop", step.seq, 0, "li", "enough"), dropped, opened.room)
    assert progress.done
    assert await end(opened, *children) == []
    assert await opened.states(step.seq) == {0: "given_up", 1: "skipped"}


async def test_a_child_ends_however_it_ends(opened: Opened) -> None:
    step = await parent(opened)
    refused, dropped, withdrawn = await split(opened, step, 0, None, None, None)
    await opened.settle(step, Verdict.DELIVERED, MADE)
    sent = await opened.send(refused.claimed[0])
    assert (await opened.settle(sent, Verdict.REFUSED, Then(State.REFUSED))).claimed == ()
    act = Act("drop", dropped.seq, 0, "li", "not needed")
    assert (await opened.journal.act(act, Then(State.GIVEN_UP), opened.room)).claimed == ()
    progress = await opened.journal.withdraw(withdrawn.seq, opened.room)
    assert [(one.seq, one.step) for one in progress.claimed] == [(step.seq, 1)]
    await sound(opened)


async def test_what_has_children_cannot_be_withdrawn(opened: Opened) -> None:
    step = await parent(opened)
    await split(opened, step, 0, None)
    assert await opened.journal.withdraw(step.seq, opened.room) is None
    await sound(opened)


async def test_one_step_waits_for_two_splits_whose_last_children_end_in_one_commit(opened: Opened) -> None:
    steps = (NewDelivery(0, "route", None, 0), NewDelivery(1, "route", None, 0), NewDelivery(2, "his", None, 2))
    accepted = await opened.accept(message(*steps))
    children = []
    for step in accepted.claimed:
        children += await split(opened, step, 0, None)
        await opened.settle(step, Verdict.DELIVERED, Then(State.DELIVERED, awaited=(2,)))
    sent = [await opened.send(child.claimed[0]) for child in children]
    ends = await asyncio.gather(*(opened.settle(one, Verdict.DELIVERED, Then(State.DELIVERED)) for one in sent))
    assert [(one.seq, one.step) for end in ends for one in end.claimed] == [(accepted.seq, 2)]
    await sound(opened)


async def test_children_that_end_in_one_commit_are_each_counted(opened: Opened) -> None:
    step = await parent(opened)
    children = await split(opened, step, 0, None, None, None)
    await opened.settle(step, Verdict.DELIVERED, MADE)
    sent = [await opened.send(child.claimed[0]) for child in children]
    ends = await asyncio.gather(*(opened.settle(one, Verdict.DELIVERED, Then(State.DELIVERED)) for one in sent))
    assert [(one.seq, one.step) for end in ends for one in end.claimed] == [(step.seq, 1)]
    await sound(opened)


async def test_progress_and_children_are_there_after_a_restart(opener: Opener) -> None:
    opened = await opener.open()
    step = await parent(opened)
    await split(opened, step, 0, "B1", "B2")
    await opened.journal.close()
    opened = await opener.open()
    (step,) = await opened.journal.claim("route", 5)
    assert await opened.journal.taken(step) == 2
    await split(opened, step, 2, "B3")
    assert (await opened.settle(step, Verdict.DELIVERED, MADE)).claimed == ()
    ready = await opened.journal.claim("lis", 5)
    assert len(ready) == 3 - 1  # the third was claimed on the way
    await sound(opened)


async def test_a_finished_parent_is_pruned_with_its_split_and_its_children_end_without_it(opened: Opened) -> None:
    step = (await opened.accept(message(NewDelivery(0, "route", None, 0)))).claimed[0]
    (child,) = await split(opened, step, 0, None)
    await opened.settle(step, Verdict.DELIVERED, Then(State.DELIVERED, awaited=()))
    await opened.accept(message(), NO_ROOM)  # the newest message stays
    opened.clock.advance(timedelta(days=800))
    await prune(opened.journal, Keep(), opened.clock, lambda kind, count: None)
    assert await opened.journal.store.fetch("select 1 from splits") == []
    assert await end(opened, child) == []
