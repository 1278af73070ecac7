"""What each verb promises, on one node."""

import asyncio
from datetime import timedelta

from engine.journal.interface import Act
from engine.model import Accepted, Added, Conflict, Duplicate, NewDelivery, Outcome, State, Then, Verdict
from tests.unit.journal.made import NO_ROOM, Opened, message, with_

DELIVERED = Then(State.DELIVERED)


async def test_bytes_and_meta_come_back_as_they_came(opened: Opened) -> None:
    raw = bytes(range(256)) * 5
    accepted = await opened.accept(message(raw=raw, meta={"operation": "result", "campus": "本部"}))
    assert await opened.journal.raw(accepted.seq) == (raw, {"operation": "result", "campus": "本部"})


async def test_a_large_body_is_kept_in_parts_and_comes_back_whole(opened: Opened) -> None:
    raw = bytes(range(251)) * 20_000  # 5 MB
    accepted = await opened.accept(message(raw=raw))
    assert (await opened.journal.raw(accepted.seq))[0] == raw
    assert len(await opened.journal.store.fetch("select n from parts")) == 5


async def test_a_delivery_goes_through_its_life(opened: Opened) -> None:
    accepted, claimed = await opened.taken(message())
    assert (claimed.system, claimed.attempt, claimed.id) == ("his", 0, claimed.id)
    sent = await opened.send(claimed, b"the mapped body")
    assert sent.attempt == 1
    progress = await opened.settle(sent, Verdict.DELIVERED, DELIVERED, value={"no": "R7"}, reply=b"ACK")
    assert progress.done
    state, outcome = (await opened.journal.outcomes(accepted.seq))[0]
    assert (state, outcome) == (State.DELIVERED, Outcome(Verdict.DELIVERED, value={"no": "R7"}, reply=b"ACK"))
    assert await opened.journal.body(accepted.seq, 0) == b"the mapped body"


async def test_the_body_of_the_first_attempt_stays(opened: Opened) -> None:
    accepted, claimed = await opened.taken(message())
    sent = await opened.send(claimed, b"first")
    await opened.settle(sent, Verdict.UNAVAILABLE, Then(State.READY, due=opened.clock.now()))
    (again,) = await opened.journal.claim("his", 5)
    assert again.attempt == 1
    await opened.send(again, b"second")
    assert await opened.journal.body(accepted.seq, 0) == b"first"


async def test_only_the_head_of_a_lane_is_claimed_and_the_next_follows_its_settle(opened: Opened) -> None:
    _, first = await opened.taken(message(lane="P1"))
    second = await opened.accept(message(lane="P1"))
    third = await opened.accept(message(lane="P1"))
    other = await opened.accept(message(lane="P2"))
    assert (second.claimed, third.claimed, len(other.claimed)) == ((), (), 1)
    progress = await opened.deliver(first)
    assert [claimed.seq for claimed in progress.claimed] == [second.seq]
    progress = await opened.deliver(progress.claimed[0])
    assert [claimed.seq for claimed in progress.claimed] == [third.seq]


async def test_a_doubtful_head_holds_its_lane_and_a_parked_one_that_steps_aside_does_not(opened: Opened) -> None:
    _, first = await opened.taken(message(lane="P1"))
    second = await opened.accept(message(lane="P1"))
    sent = await opened.send(first)
    doubt = Then(State.DOUBTFUL, due=opened.clock.now())
    assert (await opened.settle(sent, Verdict.IN_DOUBT, doubt)).claimed == ()
    (asked,) = await opened.journal.claim("his", 5)
    assert (asked.seq, asked.state, asked.since) == (sent.seq, State.DOUBTFUL, opened.clock.now())
    progress = await opened.settle(asked, Verdict.IN_DOUBT, Then(State.PARKED, holds=False, why="unknown"))
    assert [claimed.seq for claimed in progress.claimed] == [second.seq]


async def test_a_question_is_due_again_only_after_its_limit(opened: Opened) -> None:
    _, claimed = await opened.taken(message())
    sent = await opened.send(claimed)
    await opened.settle(sent, Verdict.IN_DOUBT, Then(State.DOUBTFUL, due=opened.clock.now()))
    assert len(await opened.journal.claim("his", 5)) == 1
    assert len(await opened.journal.claim("his", 5)) == 0
    opened.clock.advance(timedelta(seconds=60))
    assert len(await opened.journal.claim("his", 5)) == 1


async def test_steps_wait_for_their_needs_and_are_skipped_or_freed(opened: Opened) -> None:
    steps = [NewDelivery(0, "a", None, 0), NewDelivery(1, "b", None, 1), NewDelivery(2, "c", None, 2)]
    accepted, first = await opened.taken(message(*steps))
    progress = await opened.deliver(first, freed=(1, 2))
    assert [claimed.step for claimed in progress.claimed] == [1]
    progress = await opened.settle(
        progress.claimed[0], Verdict.REFUSED, Then(State.REFUSED, skip=(2,), add=(Added(3, "d", None, 0),)), code="no"
    )
    assert [claimed.step for claimed in progress.claimed] == [3]
    assert not progress.done
    assert await opened.states(accepted.seq) == {0: "delivered", 1: "refused", 2: "skipped", 3: "claimed"}
    assert (await opened.deliver(progress.claimed[0])).done


async def test_compensation_takes_the_next_place_of_its_lane(opened: Opened) -> None:
    _, first = await opened.taken(message(NewDelivery(0, "a", None, 0)))
    _, head = await opened.taken(message(lane="P1"))
    later = await opened.accept(message(lane="P1"))
    sent = await opened.send(first)
    failed = Then(State.REFUSED, add=(Added(1, "his", "P1", 0),))
    assert (await opened.settle(sent, Verdict.REFUSED, failed)).claimed == ()
    progress = await opened.deliver(head)
    assert [(claimed.seq, claimed.step) for claimed in progress.claimed] == [(first.seq, 1)]
    progress = await opened.deliver(progress.claimed[0])
    assert [claimed.seq for claimed in progress.claimed] == [later.seq]


async def test_a_repeated_key_is_in_progress_then_has_the_answer(opened: Opened) -> None:
    first, claimed = await opened.taken(message(key="K1"))
    again = await opened.accept(message(key="K1"))
    assert again == Duplicate(first.seq, claimed.id, None)
    sent = await opened.send(claimed)
    await opened.settle(sent, Verdict.DELIVERED, Then(State.DELIVERED, answer=b"R7"))
    assert await opened.accept(message(key="K1")) == Duplicate(first.seq, claimed.id, b"R7")
    assert await opened.journal.answered(first.seq) == b"R7"


async def test_a_key_counts_for_its_route_and_sender_only(opened: Opened) -> None:
    await opened.accept(message(key="K1"))
    assert isinstance(await opened.accept(message(key="K1", sender="lis/north")), Accepted)
    assert isinstance(await opened.accept(message(key="K1", route="exam_result")), Accepted)


async def test_other_content_is_a_conflict_or_a_new_message_as_the_route_says(opened: Opened) -> None:
    first, claimed = await opened.taken(message(key="K1"))
    assert await opened.accept(message(key="K1", raw=b"other")) == Conflict(first.seq, claimed.id)
    renewed = await opened.accept(message(key="K1", raw=b"other", other_content="new"))
    assert isinstance(renewed, Accepted)
    assert renewed.renewed
    repeated = await opened.accept(message(key="K1", raw=b"other", other_content="new"))
    assert (repeated.seq, isinstance(repeated, Duplicate)) == (renewed.seq, True)


async def test_withdrawal_frees_key_and_lane_but_only_before_anything_could_be_read(opened: Opened) -> None:
    first = await opened.accept(message(key="K1", lane="P1"))
    second = await opened.accept(message(lane="P1"))
    progress = await opened.journal.withdraw(first.seq, opened.room)
    assert progress is not None
    assert progress.done
    assert [claimed.seq for claimed in progress.claimed] == [second.seq]
    assert await opened.journal.sending(first.claimed[0], b"", b"") == 0
    assert isinstance(await opened.accept(message(key="K1", lane="P1")), Accepted)
    await opened.send(progress.claimed[0])
    assert await opened.journal.withdraw(second.seq, opened.room) is None


async def test_after_an_unavailable_attempt_withdrawal_is_still_possible_after_a_doubt_never(opened: Opened) -> None:
    accepted, claimed = await opened.taken(message())
    sent = await opened.send(claimed)
    await opened.settle(sent, Verdict.UNAVAILABLE, Then(State.READY, due=opened.clock.now()))
    assert await opened.journal.withdraw(accepted.seq, opened.room) is not None

    accepted, claimed = await opened.taken(message())
    sent = await opened.send(claimed)
    await opened.settle(sent, Verdict.IN_DOUBT, Then(State.PARKED, holds=True))
    await opened.journal.act(Act("retry", accepted.seq, 0, "li", "phoned them"), None, NO_ROOM)
    assert await opened.journal.withdraw(accepted.seq, opened.room) is None


async def test_a_stale_settle_changes_nothing_and_is_kept_as_evidence(opened: Opened) -> None:
    accepted, claimed = await opened.taken(message())
    sent = await opened.send(claimed)
    await opened.settle(sent, Verdict.IN_DOUBT, Then(State.DOUBTFUL, due=opened.clock.now()))
    assert await opened.settle(sent, Verdict.REFUSED, Then(State.REFUSED), code="late", reply=b"NAK") is None
    assert await opened.states(accepted.seq) == {0: "doubtful"}
    assert len(await opened.journal.store.fetch("select 1 from evidence")) == 1
    late = with_(sent, state=State.DOUBTFUL)
    assert (await opened.settle(late, Verdict.DELIVERED, DELIVERED)).done


async def test_a_decisive_answer_ends_what_a_person_parked_in_doubt_an_undecided_one_does_not(opened: Opened) -> None:
    accepted, claimed = await opened.taken(message())
    sent = await opened.send(claimed)
    await opened.settle(sent, Verdict.IN_DOUBT, Then(State.DOUBTFUL, due=opened.clock.now()))
    (asked,) = await opened.journal.claim("his", 1)
    await opened.journal.act(Act("park", accepted.seq, 0, "li", "wait for them"), None, opened.room)
    again = Then(State.DOUBTFUL, due=opened.clock.now())
    assert await opened.settle(asked, Verdict.IN_DOUBT, again) is None
    assert await opened.states(accepted.seq) == {0: "parked"}
    assert await opened.settle(asked, Verdict.DELIVERED, DELIVERED) is not None


async def test_what_is_due_later_is_not_claimed_before(opened: Opened) -> None:
    in_an_hour = opened.clock.now() + 3_600_000_000
    accepted = await opened.accept(message(NewDelivery(0, "his", None, 0, due=in_an_hour)))
    assert accepted.claimed == ()
    assert await opened.journal.claim("his", 5) == []
    assert await opened.journal.next_due("his") == in_an_hour
    opened.clock.advance(timedelta(hours=1))
    assert len(await opened.journal.claim("his", 5)) == 1
    assert await opened.journal.next_due("his") is None


async def test_a_due_time_from_a_wrong_clock_counts_as_due(opened: Opened) -> None:
    in_ten_years = opened.clock.now() + 3650 * 86_400_000_000
    await opened.accept(message(NewDelivery(0, "his", None, 0, due=in_ten_years)))
    assert len(await opened.journal.claim("his", 5)) == 1


async def test_without_room_deliveries_stay_ready_and_claim_takes_at_most_its_room(opened: Opened) -> None:
    for _ in range(5):
        assert (await opened.accept(message(), NO_ROOM)).claimed == ()
    claimed = await opened.journal.claim("his", 3)
    assert [delivery.seq for delivery in claimed] == [1, 2, 3]


async def test_an_outcome_without_a_call_is_kept(opened: Opened) -> None:
    accepted, claimed = await opened.taken(message(system="ledger"))
    await opened.settle(claimed, Verdict.DELIVERED, DELIVERED, value={"refund": "F1"})
    assert (await opened.journal.outcomes(accepted.seq))[0][1] == Outcome(Verdict.DELIVERED, value={"refund": "F1"})


async def test_a_claim_that_a_person_took_away_and_gave_again_is_another(opened: Opened) -> None:
    """Who still holds the old one has read the message before it was corrected: it must not send, nor end it."""
    accepted, old = await opened.taken(message(lane="P1"))
    opened.clock.advance(timedelta(seconds=1))
    await opened.journal.act(Act("park", accepted.seq, 0, "li", "wrong dose"), None, opened.room)
    again = Act("retry", accepted.seq, 0, "li", "corrected", body=b"corrected")
    (new,) = (await opened.journal.act(again, None, opened.room)).claimed
    assert (old.amended, new.amended) == (False, True), "the corrected body is there though nothing was sent"
    assert await opened.settle(old, Verdict.UNSENT, Then(State.PARKED, holds=True, why="INTERNAL")) is None
    first, second = await asyncio.gather(
        opened.journal.sending(old, b"wrong", b""), opened.journal.sending(new, b"corrected", b"")
    )
    assert (first, second) == (0, 1)
    assert await opened.journal.body(accepted.seq, 0) == b"corrected"
