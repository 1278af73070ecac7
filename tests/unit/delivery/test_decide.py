"""The whole table of what follows from an outcome."""

from datetime import time
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from engine.base.clock import SECOND
from engine.delivery.decide import (
    AskAt,
    Done,
    Facts,
    Fail,
    Park,
    RetryAt,
    decide,
    decide_asked,
    decide_held,
    decide_unmapped,
    then,
)
from engine.delivery.hours import Hours
from engine.delivery.interface import Ending, Policy
from engine.model import Ask, Built, Effect, Outcome, Outgoing, State, Verdict

NOW = 1_763_600_400 * SECOND  # 2025-11-20 09:00 in Shanghai
DAY = 24 * 3600 * SECOND


def operation(*, repeatable=False, ask=False, effect=Effect.CHANGE, absent_after=None):
    return Outgoing(
        name="book",
        takes=None,
        gives=None,
        effect=effect,
        repeatable=repeatable,
        ask=Ask("find", absent_after) if ask else None,
        options=None,
        build=lambda _scope, _context: Built(b""),
        understand=lambda _reply: Outcome(Verdict.DELIVERED),
    )


def facts(op=None, policy=None, **changes):
    given = {
        "operation": op or operation(),
        "policy": policy or Policy(),
        "limit": 10.0,
        "attempt": 1,
        "first_due": NOW - SECOND,
        "since": NOW - SECOND,
        "now": NOW,
        "chance": 0.5,
    }
    return Facts(**{**given, **changes})


OVER = {"first_due": NOW - 2 * DAY}
PARK, FAIL = Policy(then=Ending.PARK), Policy(then=Ending.FAIL)


@pytest.mark.parametrize(("repeatable", "ask", "effect"), list(product([False, True], [False, True], Effect)))
def test_an_answer_ends_it_whatever_the_operation_is(repeatable, ask, effect):
    op = operation(repeatable=repeatable, ask=ask, effect=effect)
    for case in (facts(op), facts(op, FAIL, **OVER)):
        for table in (decide, decide_asked):
            assert table(case, Outcome(Verdict.DELIVERED)) == Done(State.DELIVERED)
            assert table(case, Outcome(Verdict.REFUSED)) == Done(State.REFUSED)
            parking = facts(op, Policy(park_refused=True))
            assert table(parking, Outcome(Verdict.REFUSED)) == Park("refused")
            assert table(parking, Outcome(Verdict.DELIVERED)) == Done(State.DELIVERED)


def test_a_no_to_what_was_sent_again_in_doubt_says_nothing_of_the_attempt_before():
    again = {"doubted": True, "attempt": 2}
    for outcome in (Outcome(Verdict.REFUSED, "DUPLICATE_BOOKING"), Outcome(Verdict.IN_DOUBT)):
        assert decide(facts(operation(ask=True), **again), outcome) == AskAt(NOW + int(1.5 * SECOND))
        assert decide(facts(operation(), **again), outcome) == Park("in_doubt")
    assert decide(facts(operation(repeatable=True), **again), Outcome(Verdict.REFUSED)) == Done(State.REFUSED)
    asked = facts(operation(ask=True), since=NOW - 60 * SECOND, **again)
    assert decide_asked(asked, Outcome(Verdict.DELIVERED)) == Done(State.DELIVERED)
    assert decide_asked(asked, Outcome(Verdict.REFUSED)) == Done(State.REFUSED)
    assert decide_asked(asked, Outcome(Verdict.UNSENT)) == Park("unsent")  # not a third time by itself


@pytest.mark.parametrize(("repeatable", "ask"), list(product([False, True], [False, True])))
def test_unavailable_is_sent_again_until_the_policy_ends(repeatable, ask):
    op = operation(repeatable=repeatable, ask=ask)
    lost = Outcome(Verdict.UNAVAILABLE, "connect_refused")
    assert decide(facts(op), lost) == RetryAt(NOW + int(0.75 * SECOND))
    assert decide(facts(op, PARK, **OVER), lost) == Park("connect_refused")
    assert decide(facts(op, FAIL, **OVER), lost) == Fail("connect_refused")
    assert decide(facts(op, FAIL, doubted=True, **OVER), lost) == Park("connect_refused")  # never on_failure in doubt


def test_the_last_attempt_falls_on_the_end_of_the_policy():
    ending = facts(policy=Policy(retry_for=10.0), first_due=NOW - 9 * SECOND, attempt=5)
    assert decide(ending, Outcome(Verdict.UNAVAILABLE)) == RetryAt(NOW + SECOND)
    ended = facts(policy=Policy(retry_for=10.0, then=Ending.FAIL), first_due=NOW - 10 * SECOND, attempt=6)
    assert decide(ended, Outcome(Verdict.UNAVAILABLE)) == Fail("unavailable")


def test_one_attempt_where_nothing_is_retried():
    once = facts(policy=Policy(retry_for=0.0, then=Ending.FAIL), first_due=NOW)
    assert decide(once, Outcome(Verdict.UNAVAILABLE, "unknown_host")) == Fail("unknown_host")


@pytest.mark.parametrize("verdict", [Verdict.IN_DOUBT, Verdict.UNSENT])
@pytest.mark.parametrize("policy", [PARK, FAIL])
def test_doubt_after_an_attempt(verdict, policy):
    lost = Outcome(verdict, "timeout")
    assert decide(facts(operation(), policy), lost) == Park("in_doubt")
    assert decide(facts(operation(ask=True), policy), lost) == AskAt(NOW + int(1.5 * SECOND))
    for op in (operation(repeatable=True), operation(repeatable=True, ask=True)):
        assert decide(facts(op, policy), lost) == RetryAt(NOW + int(0.75 * SECOND))
        assert decide(facts(op, policy, **OVER), lost) == Park("in_doubt")  # given_up would start on_failure


@pytest.mark.parametrize(("policy", "over"), [(PARK, Park("in_doubt")), (FAIL, Fail("in_doubt"))])
def test_a_step_that_only_looks_is_never_in_doubt(policy, over):
    op, lost = operation(effect=Effect.NONE), Outcome(Verdict.IN_DOUBT, "timeout")
    assert decide(facts(op, policy), lost) == RetryAt(NOW + int(0.75 * SECOND))
    for doubted in (False, True):
        assert decide(facts(op, policy, doubted=doubted, **OVER), lost) == over
    assert decide(facts(op, policy), Outcome(Verdict.UNSENT, "absent")) == Done(State.REFUSED)
    assert decide(facts(op, Policy(park_refused=True)), Outcome(Verdict.UNSENT, "absent")) == Park("absent")


@pytest.mark.parametrize("policy", [PARK, FAIL])
def test_a_question_without_an_answer_is_asked_again_with_growing_pauses(policy):
    op = operation(ask=True)
    for verdict in (Verdict.IN_DOUBT, Verdict.UNAVAILABLE):
        pauses = []
        for age in (2, 8, 60, 600, 3600):
            asked = decide_asked(facts(op, policy, since=NOW - age * SECOND), Outcome(verdict))
            assert isinstance(asked, AskAt)
            pauses.append((asked.when - NOW) / SECOND)
        assert pauses == sorted(pauses)
        assert pauses[0] == 1.5
        assert pauses[-1] <= 300
        assert decide_asked(facts(op, policy, since=NOW - DAY), Outcome(verdict)) == Park("unanswered")
        assert decide_asked(facts(operation(), policy), Outcome(verdict)) == Park("in_doubt")


@pytest.mark.parametrize(
    ("limit", "absent_after", "believed"), [(10.0, None, 60), (30.0, None, 90), (10.0, 120.0, 120), (10.0, 5.0, 5)]
)
def test_absence_is_believed_only_after_its_time(limit, absent_after, believed):
    op = operation(ask=True, absent_after=absent_after)
    nothing = Outcome(Verdict.UNSENT)
    early = decide_asked(facts(op, limit=limit, since=NOW - believed * SECOND + 1), nothing)
    assert early == AskAt(NOW + 1)
    at_last = facts(op, limit=limit, since=NOW - believed * SECOND)
    assert decide_asked(at_last, nothing) == RetryAt(NOW)
    over = facts(op, FAIL, limit=limit, since=NOW - believed * SECOND, **OVER)
    assert decide_asked(over, nothing) == Fail("unsent")
    assert decide_asked(facts(op, PARK, since=NOW - believed * SECOND, limit=limit, **OVER), nothing) == Park("unsent")


def test_a_shut_gate_waits_without_an_attempt():
    opens = NOW + 30 * SECOND
    assert decide_held(facts(), opens, "breaker_open", patient=False) == RetryAt(opens)
    short = facts(policy=Policy(retry_for=5.0), first_due=NOW - SECOND)
    assert decide_held(short, opens, "breaker_open", patient=False) == RetryAt(NOW + 4 * SECOND)
    assert decide_held(short, opens, "closed", patient=True) == RetryAt(opens)
    at_once = Policy(retry_for=0.0, then=Ending.FAIL)
    assert decide_held(facts(policy=at_once), opens, "closed", patient=True) == Fail("closed")
    assert decide_held(facts(policy=at_once, doubted=True), opens, "closed", patient=True) == Park("closed")


def test_what_cannot_be_mapped_waits_for_nothing():
    assert decide_unmapped(facts(policy=PARK), "VALIDATION_FAILED") == Park("VALIDATION_FAILED")
    assert decide_unmapped(facts(policy=FAIL), "VALIDATION_FAILED") == Fail("VALIDATION_FAILED")
    assert decide_unmapped(facts(policy=FAIL, doubted=True), "VALIDATION_FAILED") == Park("VALIDATION_FAILED")


def test_retries_and_questions_wait_for_the_opening():
    hours = Hours([(time(9, 0), time(9, 20))], ZoneInfo("Asia/Shanghai"))
    opening = NOW + 20 * 60 * SECOND
    assert decide(facts(hours=hours), Outcome(Verdict.UNAVAILABLE)) == RetryAt(opening)
    assert decide(facts(operation(ask=True), hours=hours), Outcome(Verdict.IN_DOUBT)) == AskAt(opening)
    gone = facts(operation(ask=True), hours=hours, since=NOW - 100 * SECOND)
    assert decide_asked(gone, Outcome(Verdict.UNSENT)) == RetryAt(opening)


def test_what_each_ending_makes_of_the_delivery():
    keeps, steps_aside = Policy(), Policy(hold=False)
    assert then(Done(State.REFUSED), keeps).state is State.REFUSED
    assert not then(Done(State.DELIVERED), keeps).holds
    assert not then(Fail("unsent"), keeps).holds
    assert then(Fail("unsent"), keeps).state is State.GIVEN_UP
    retry, ask, parked = then(RetryAt(7), steps_aside), then(AskAt(8), steps_aside), then(Park("x"), keeps)
    assert (retry.state, retry.due, retry.holds) == (State.READY, 7, True)
    assert (ask.state, ask.due, ask.holds) == (State.DOUBTFUL, 8, True)
    assert (parked.state, parked.holds, parked.why) == (State.PARKED, True, "x")
    assert not then(Park("x"), steps_aside).holds
