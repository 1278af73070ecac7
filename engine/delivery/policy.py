"""How long to wait before the next attempt or question: tenacity's waits, our jitter.

A wait is computed from what the journal holds (the attempt's number, the doubt's age), never slept
in a task: it survives a restart, and a thousand waiting deliveries cost nothing.
"""

from math import log2

from tenacity import RetryCallState
from tenacity.wait import wait_base, wait_exponential

from engine.base.clock import SECOND
from engine.delivery.interface import Policy
from engine.model import Ask

_RETRY = wait_exponential(multiplier=1, max=300)
_QUESTION = wait_exponential(multiplier=2, max=300)
_ASKED_AT_LEAST = 24 * 3600.0


def retry_wait(attempt: int, chance: float) -> int:
    """Microseconds between attempt `attempt` (from 1) and the next: 1 s doubling to 5 min, half of it jitter."""
    return _jittered(_RETRY, attempt, chance)


def question_wait(age: int, chance: float) -> int:
    """Microseconds until the next question about an attempt `age` microseconds old: about its age, 2 s to 5 min.

    Waiting as long as the doubt is old doubles the pauses without a count of questions to keep.
    """
    questions = max(1, int(log2(max(age / SECOND, 2.0))))
    return _jittered(_QUESTION, questions, chance)


def retried_until(policy: Policy, first_due: int) -> int:
    """The instant when the policy's time is over."""
    return first_due + int(policy.retry_for * SECOND)


def asked_until(policy: Policy, since: int) -> int:
    """The instant when questions without an answer end: as long as it would be retried, at least a day."""
    return since + int(max(policy.retry_for, _ASKED_AT_LEAST) * SECOND)


def believed_absent_at(ask: Ask, limit: float, since: int) -> int:
    """The instant from which "they have nothing" is believed: a slow peer may still be at it before."""
    after = ask.absent_after if ask.absent_after is not None else max(60.0, 3 * limit)
    return since + int(after * SECOND)


def _jittered(wait: wait_base, number: int, chance: float) -> int:
    state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]  # only the number is read
    state.attempt_number = number
    return int(wait(state) * (0.5 + chance / 2) * SECOND)
