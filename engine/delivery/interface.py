"""What delivery asks of the floor above it: the plan of a message, one step at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from engine.model import Built, Claimed, Context, Outcome, Outgoing, Progress, Then


class Ending(Enum):
    """What a step's policy does when its time is over."""

    PARK = "park"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Policy:
    """How one step is delivered: from `within`, `retry`, `refused`, `hold` of its route. Seconds."""

    within: float | None = None
    """Limit of one call; None: the system's `limits.total`."""
    retry_for: float = 24 * 3600.0
    """From when the delivery first became due."""
    then: Ending = Ending.PARK
    park_refused: bool = False
    """`refused: park`: what they refused waits for a person or an amendment."""
    hold: bool = True
    """Whether a parked delivery keeps its line waiting (`hold: nothing` is False)."""


@dataclass(frozen=True, slots=True)
class Work:
    """One step of one message, ready to be sent."""

    operation: Outgoing
    policy: Policy
    run: bool
    """False: its `when` is false, the step is skipped."""
    scope: Mapping[str, Any]
    context: Context
    between: Any = None
    """A shape-to-shape map to apply before `operation.build`: (scope, context) to scope; or None."""
    stored: Built | None = None
    """The body of the first attempt, kept by the journal: it is sent again as it was."""
    campus: str | None = None
    question: Outgoing | None = None
    """The operation that asks what became of a doubtful attempt (`operation.ask.by`), of the message's own
    release; None: that of the system's current profile.
    """


class Planner(Protocol):
    """The routing floor, as delivery sees it."""

    async def work(self, delivery: Claimed) -> Work:
        """All that an attempt (or a question) needs. Raises BusError when the message cannot be read or its
        step no longer exists: the delivery is parked with the error's code.
        """
        ...

    def then(self, delivery: Claimed, outcome: Outcome | None, then: Then) -> Then:
        """Adds to a bare final `then` (state, why) what follows from it by the plan: steps freed, skipped, added,
        and the route's answer. Pure; `outcome` is None for a skipped step. Other states are not asked about:
        nothing follows from waiting, doubt or parking.
        """
        ...

    def settled(self, delivery: Claimed, outcome: Outcome | None, then: Then, progress: Progress | None) -> None:
        """Called after the commit: wakes the callers that wait for this step, forgets finished messages.
        `progress` None: nothing was committed, as another outcome was there before, or the delivery was taken away
        (then.state WITHDRAWN: by a withdrawal, a person or another node) before it was sent.
        """
        ...
