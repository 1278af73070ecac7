"""Corrections in the journal: what is amended, what ends and what is parked happens with one settle, or not at all."""

import asyncio

import pytest

from engine.journal.errors import Moved
from engine.journal.interface import Act
from engine.journal.invariants import INVARIANTS
from engine.journal.marks import Prune
from engine.model import Claimed, Find, NewDelivery, NewMessage, Outcome, State, Then, Verdict
from engine.records import Amended, Correction
from tests.unit.journal.made import Opened, message

RECORD = Find("amends", "R1")
DONE = Outcome(Verdict.DELIVERED)
WORDS = "amends it"


def record() -> NewMessage:
    """A message of two steps in one line, with the bus's own step before the first of them."""
    steps = NewDelivery(0, "office", "P1", 1), NewDelivery(1, "office", None, 1), NewDelivery(2, "amends", None, 0)
    return message(*steps, finds=(RECORD,))


async def parked(opened: Opened) -> Claimed:
    """The first step of a new message, refused and parked after one attempt."""
    accepted = await opened.accept(record())
    (own,) = accepted.claimed
    progress = await opened.journal.settle(own, DONE, Then(State.DELIVERED, freed=(0,)), opened.room)
    sent = await opened.send(progress.claimed[0], b"the first content")
    await opened.settle(sent, Verdict.REFUSED, Then(State.PARKED, holds=True, why="refused"))
    return sent


def correcting(found: Claimed, *, state: str = "parked", attempt: int = 1) -> Then:
    """What the own step of a correction brings: it amends both steps and ends its own."""
    one = Amended(found.seq, 0, state, attempt, again=state == "parked", steps=((0, 0), (1, 1)))
    return Then(State.DELIVERED, skip=(0, 1), corrects=Correction((one,), ((0, WORDS), (1, WORDS))))


async def sound(opened: Opened) -> None:
    for words, statement in INVARIANTS.items():
        assert await opened.journal.store.fetch(statement) == [], words


async def test_the_parked_step_goes_again_with_the_settle_of_the_correction(opened: Opened) -> None:
    first = await parked(opened)
    behind = await opened.accept(message(lane="P1", system="office"))
    correction = await opened.accept(record())
    progress = await opened.journal.settle(correction.claimed[0], DONE, correcting(first), opened.room)
    assert [(one.seq, one.step, one.attempt) for one in progress.claimed] == [(first.seq, 0, 1)]
    assert progress.done
    assert await opened.states(correction.seq) == {0: "skipped", 1: "skipped", 2: "delivered"}
    assert await opened.states(behind.seq) == {0: "waiting"}
    assert await opened.journal.body(first.seq, 0) is None, "it is mapped again, from the correction"
    for step in (0, 1):
        newer = await opened.journal.newer(first.seq, step)
        assert newer is not None
        assert newer.seq == correction.seq
    stands = await opened.journal.earlier(RECORD, correction.seq + 1)
    assert [(one.delivery.seq, one.newer) for one in stands if one.delivery.step == 0] == [
        (correction.seq, 0),
        (first.seq, correction.seq),
    ]
    await sound(opened)


async def test_what_moved_meanwhile_is_not_amended_and_nothing_has_happened(opened: Opened) -> None:
    first = await parked(opened)
    correction = await opened.accept(record())
    for seen in (correcting(first, attempt=2), correcting(first, state="ready")):
        with pytest.raises(Moved):
            await opened.journal.settle(correction.claimed[0], DONE, seen, opened.room)
    assert await opened.states(correction.seq) == {0: "waiting", 1: "waiting", 2: "claimed"}
    assert await opened.journal.newer(first.seq, 0) is None
    await sound(opened)


async def test_of_two_corrections_in_one_instant_one_decides_again(opened: Opened) -> None:
    first = await parked(opened)
    two = [await opened.accept(record()) for _ in range(2)]
    settled = await asyncio.gather(
        *(opened.journal.settle(one.claimed[0], DONE, correcting(first), opened.room) for one in two),
        return_exceptions=True,
    )
    assert [isinstance(one, Moved) for one in settled] == [False, True]
    newer = await opened.journal.newer(first.seq, 0)
    assert newer is not None
    assert newer.seq == two[0].seq
    await sound(opened)


async def test_a_correction_that_was_taken_away_amends_nothing(opened: Opened) -> None:
    first = await parked(opened)
    correction = await opened.accept(record())
    assert await opened.journal.withdraw(correction.seq, opened.room) is not None
    assert await opened.journal.settle(correction.claimed[0], DONE, correcting(first), opened.room) is None
    assert (await opened.states(first.seq))[0] == "parked"
    await sound(opened)


async def test_what_amends_a_correction_is_carried_by_all_that_it_amends(opened: Opened) -> None:
    """The second correction meets the first while that one still waits; then the first meets what was parked."""
    first = await parked(opened)
    middle, last = await opened.accept(record()), await opened.accept(record())
    one = Amended(middle.seq, 0, "waiting", 0, again=False, steps=((0, 0), (1, 1)))
    then = Then(State.DELIVERED, skip=(0, 1), corrects=Correction((one,), ((0, WORDS), (1, WORDS))))
    await opened.journal.settle(last.claimed[0], DONE, then, opened.room)
    assert (await opened.states(middle.seq))[0] == "waiting"
    await opened.journal.settle(middle.claimed[0], DONE, correcting(first), opened.room)
    newer = await opened.journal.newer(first.seq, 0)
    assert newer is not None
    assert newer.seq == last.seq
    await sound(opened)


@pytest.mark.parametrize("holds", [True, False])
async def test_what_was_accepted_is_parked_and_keeps_its_line_or_lets_it_pass(opened: Opened, holds: bool) -> None:
    correction = await opened.accept(record())
    behind = await opened.accept(message(lane="P1", system="office"))
    then = Then(State.DELIVERED, freed=(0,), corrects=Correction(parked=((0, holds, "accepted"),)))
    progress = await opened.journal.settle(correction.claimed[0], DONE, then, opened.room)
    assert [one.seq for one in progress.claimed] == ([] if holds else [behind.seq])
    assert (await opened.states(correction.seq))[0] == "parked"
    await sound(opened)
    progress = await opened.journal.act(Act("retry", correction.seq, 0, "li", "now", anyway=True), None, opened.room)
    assert [one.seq for one in progress.claimed] == ([correction.seq] if holds else [])
    await sound(opened)


async def test_a_content_is_kept_as_long_as_an_open_step_carries_it(opened: Opened) -> None:
    first = await parked(opened)
    correction = await opened.accept(record())
    progress = await opened.journal.settle(correction.claimed[0], DONE, correcting(first), opened.room)
    prune = Prune((first.seq, correction.seq), whole=True)
    assert await opened.journal.commit(prune) == 0
    assert (await opened.journal.raw(correction.seq))[0] == b"MSH|^~\\&|LIS"
    progress = await opened.deliver(progress.claimed[0], freed=(1,))
    await opened.deliver(progress.claimed[0])
    await sound(opened)
    assert await opened.journal.commit(prune) == 2
    assert await opened.journal.store.fetch("select place from amendments") == []
