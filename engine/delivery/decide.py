"""What follows from an outcome: one pure table, from facts that the journal holds.

Rules (delivery.md §1, decisions 1 and 20): unavailable is sent again by policy; in doubt is sent again
only where the operation is repeatable, else asked about, else parked; "they have nothing" counts only
after `absent_after`. Doubt never becomes `given_up`, as that would start `on_failure`, and a no to what a person
sent again says nothing of the attempt in doubt before it. A step that only looks is never in doubt about anything:
unanswered it is sent again, then given up as its policy says.
"""

from dataclasses import dataclass
from typing import TypeAlias

from engine.delivery.hours import Hours
from engine.delivery.interface import Ending, Policy
from engine.delivery.policy import asked_until, believed_absent_at, question_wait, retried_until, retry_wait
from engine.model import Effect, Outcome, Outgoing, State, Then, Verdict

_ALWAYS = Hours()


@dataclass(frozen=True, slots=True)
class Done:
    """The peer has answered: DELIVERED or REFUSED."""

    state: State


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Sent (again) not before this instant."""

    when: int


@dataclass(frozen=True, slots=True)
class AskAt:
    """In doubt; asked about not before this instant."""

    when: int


@dataclass(frozen=True, slots=True)
class Park:
    """A person's turn. `why` is a short word."""

    why: str


@dataclass(frozen=True, slots=True)
class Fail:
    """Given up: surely nothing was done, and the policy is over."""

    why: str


Next: TypeAlias = Done | RetryAt | AskAt | Park | Fail


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when an attempt, or a question about it, has ended. Instants in microseconds UTC."""

    operation: Outgoing
    policy: Policy
    limit: float
    """Of one call, in seconds."""
    attempt: int
    """Attempts recorded so far, this one included."""
    first_due: int
    since: int
    """When the last attempt was recorded."""
    now: int
    doubted: bool = False
    """An attempt before this one is in doubt for good."""
    chance: float = 0.5
    hours: Hours = _ALWAYS


def decide(facts: Facts, outcome: Outcome) -> Next:
    """After an attempt."""
    match outcome.verdict:
        case Verdict.REFUSED if facts.doubted and not is_repeatable(facts.operation):
            return _doubt(facts)  # as "you have one already": it may be the one of the attempt before
        case Verdict.DELIVERED | Verdict.REFUSED:
            return _answered(facts, outcome)
        case Verdict.UNAVAILABLE:
            return _again(facts, facts.now + retry_wait(facts.attempt, facts.chance), outcome.code or "unavailable")
        case Verdict.UNSENT if facts.operation.effect is Effect.NONE:  # it looked for something that is not there
            return Park("absent") if facts.policy.park_refused else Done(State.REFUSED)
        case _:  # in doubt; UNSENT is no answer to a call that changes something
            return _doubt(facts)


def decide_asked(facts: Facts, outcome: Outcome) -> Next:
    """After a question about the last attempt; UNAVAILABLE and IN_DOUBT say that it got no answer."""
    ask = facts.operation.ask
    match outcome.verdict:
        case Verdict.DELIVERED | Verdict.REFUSED:
            return _answered(facts, outcome)
        case Verdict.UNSENT if ask is not None:
            believed = believed_absent_at(ask, facts.limit, facts.since)
            if facts.now >= believed:  # a person who sent it again in doubt looks at it again
                return Park("unsent") if facts.doubted else _again(facts, facts.now, "unsent")
            return AskAt(
                facts.hours.opens(min(believed, facts.now + question_wait(facts.now - facts.since, facts.chance)))
            )
        case _:
            return _ask_again(facts)


def decide_held(facts: Facts, opens: int, why: str, *, patient: bool) -> Next:
    """Nothing was sent, as the system's gate is shut until `opens`. `patient`: shut by the clock, so the policy's
    end does not come before the opening.
    """
    end = retried_until(facts.policy, facts.first_due)
    if facts.now >= end:
        return _over(facts, why)
    return RetryAt(opens if patient else min(opens, end))


def decide_unmapped(facts: Facts, code: str) -> Next:
    """Nothing can be sent, as the message cannot be mapped: time mends nothing."""
    return _over(facts, code)


def then(following: Next, policy: Policy) -> Then:
    """The delivery's next state in bare form, before the plan adds what follows from it."""
    match following:
        case Done(state):
            return Then(state)
        case RetryAt(when):
            return Then(State.READY, due=when, holds=True)
        case AskAt(when):
            return Then(State.DOUBTFUL, due=when, holds=True)
        case Park(why):
            return Then(State.PARKED, holds=policy.hold, why=why)
        case Fail(why):
            return Then(State.GIVEN_UP, why=why)


def is_repeatable(operation: Outgoing) -> bool:
    """Whether sending twice does no harm: it says so, or it changes nothing."""
    return operation.repeatable or operation.effect is Effect.NONE


def _answered(facts: Facts, outcome: Outcome) -> Next:
    if outcome.verdict is Verdict.DELIVERED:
        return Done(State.DELIVERED)
    return Park("refused") if facts.policy.park_refused else Done(State.REFUSED)


def _again(facts: Facts, when: int, why: str) -> Next:
    end = retried_until(facts.policy, facts.first_due)
    if facts.now >= end:
        return _over(facts, why)
    return RetryAt(facts.hours.opens(min(when, end)))  # the last attempt falls on the end itself


def _doubt(facts: Facts) -> Next:
    if is_repeatable(facts.operation):
        following = _again(facts, facts.now + retry_wait(facts.attempt, facts.chance), "in_doubt")
        is_harmless = facts.operation.effect is Effect.NONE
        return Park("in_doubt") if isinstance(following, Fail) and not is_harmless else following
    return _ask_again(facts) if facts.operation.ask is not None else Park("in_doubt")


def _ask_again(facts: Facts) -> Next:
    if facts.operation.ask is None:
        return Park("in_doubt")
    if facts.now >= asked_until(facts.policy, facts.since):
        return Park("unanswered")
    return AskAt(facts.hours.opens(facts.now + question_wait(facts.now - facts.since, facts.chance)))


def _over(facts: Facts, why: str) -> Next:
    if facts.policy.then is Ending.FAIL and (not facts.doubted or facts.operation.effect is Effect.NONE):
        return Fail(why)
    return Park(why)
