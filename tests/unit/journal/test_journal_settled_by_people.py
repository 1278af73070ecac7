"""A person who looked there ends a parked or doubtful delivery: everything follows as from their own answer."""

import pytest

from engine.base.errors import BusError
from engine.journal.interface import Act
from engine.model import Added, Claimed, Duplicate, NewDelivery, Outcome, State, Then, Verdict
from tests.unit.journal.made import Opened, message, with_

SEEN = Outcome(Verdict.DELIVERED, value={"no": "R7"}, reply=b"as their page shows it")
NOT_DONE = Outcome(Verdict.REFUSED, "by_person")


async def doubtful(opened: Opened, *steps: NewDelivery, **more: object) -> Claimed:
    """The first step of a new message, in doubt after one attempt."""
    accepted = await opened.accept(message(*steps, **more))
    sent = await opened.send(accepted.claimed[0])
    await opened.settle(sent, Verdict.IN_DOUBT, Then(State.DOUBTFUL, due=opened.clock.now()), reply=b"half of it")
    return sent


def settled(delivery: Claimed, outcome: Outcome) -> Act:
    return Act("settle", delivery.seq, delivery.step, "li", "their page shows it", outcome=outcome)


async def test_delivered_frees_the_needs_and_the_line_and_tells_the_key(opened: Opened) -> None:
    steps = NewDelivery(0, "his", "P1", 0), NewDelivery(1, "sms", None, 1)
    sent = await doubtful(opened, *steps, key="K1")
    behind = await opened.accept(message(lane="P1"))
    then = Then(State.DELIVERED, freed=(1,), answer=b"R7")
    progress = await opened.journal.act(settled(sent, SEEN), then, opened.room)
    assert {(one.seq, one.step) for one in progress.claimed} == {(sent.seq, 1), (behind.seq, 0)}
    assert (await opened.journal.outcomes(sent.seq))[0] == (State.DELIVERED, SEEN)
    assert await opened.accept(message(key="K1")) == Duplicate(sent.seq, sent.id, b"R7")


async def test_refused_starts_what_a_refusal_starts(opened: Opened) -> None:
    sent = await doubtful(opened, NewDelivery(0, "his", None, 0), NewDelivery(1, "sms", None, 1))
    then = Then(State.REFUSED, skip=(1,), add=(Added(2, "his", None, 0),))
    progress = await opened.journal.act(settled(sent, NOT_DONE), then, opened.room)
    assert [one.step for one in progress.claimed] == [2]
    assert await opened.states(sent.seq) == {0: "refused", 1: "skipped", 2: "claimed"}
    assert (await opened.journal.outcomes(sent.seq))[0][1] == NOT_DONE


async def test_the_attempt_stays_as_it_ended_and_a_late_word_changes_nothing(opened: Opened) -> None:
    sent = await doubtful(opened)
    (asked,) = await opened.journal.claim("his", 5)
    await opened.journal.act(settled(sent, SEEN), Then(State.DELIVERED), opened.room)
    assert await opened.settle(asked, Verdict.REFUSED, Then(State.REFUSED), code="full") is None
    rows = await opened.journal.store.fetch("select n, outcome from attempts order by n")
    assert [tuple(row) for row in rows] == [(0, "delivered"), (1, "in_doubt")]
    assert (await opened.journal.outcomes(sent.seq))[0] == (State.DELIVERED, SEEN)


async def test_of_one_instant_the_word_of_the_person_counts(opened: Opened) -> None:
    accepted = await opened.accept(message())
    sent = await opened.send(accepted.claimed[0])
    await opened.settle(sent, Verdict.IN_DOUBT, Then(State.PARKED, holds=True, why="in_doubt"))
    await opened.journal.act(settled(sent, SEEN), Then(State.DELIVERED), opened.room)
    assert (await opened.journal.outcomes(accepted.seq))[0] == (State.DELIVERED, SEEN)


async def test_a_word_without_a_call_that_stood_there_is_kept_as_evidence(opened: Opened) -> None:
    _, claimed = await opened.taken(message())
    parked = Then(State.PARKED, holds=True, why="VALIDATION_FAILED")
    await opened.settle(claimed, Verdict.UNSENT, parked, code="VALIDATION_FAILED", reply=b"why")
    await opened.journal.act(settled(claimed, SEEN), Then(State.DELIVERED), opened.room)
    assert [tuple(row) for row in await opened.journal.store.fetch("select n, outcome from evidence")] == [
        (0, "unsent")
    ]


async def test_what_is_under_way_or_not_stuck_is_not_settled(opened: Opened) -> None:
    _, claimed = await opened.taken(message())
    for standing in ("claimed", "sending", "delivered"):
        with pytest.raises(BusError, match=standing):
            await opened.journal.act(settled(claimed, SEEN), Then(State.DELIVERED), opened.room)
        if standing == "claimed":
            claimed = await opened.send(claimed)
        elif standing == "sending":
            await opened.settle(claimed, Verdict.DELIVERED, Then(State.DELIVERED))


async def test_what_follows_must_be_known(opened: Opened) -> None:
    sent = await doubtful(opened)
    with pytest.raises(BusError, match="what follows"):
        await opened.journal.act(settled(with_(sent, step=0), SEEN), None, opened.room)
