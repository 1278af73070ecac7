"""Systems of our own: what they do happens in the journal's commits, without a wire, and is never in doubt."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeAlias

from engine.model import Claimed, Outcome, Then


@dataclass(frozen=True, slots=True)
class Ended:
    """What a local system made of a delivery: bare, before the plan adds what follows. `outcome` None: skipped."""

    outcome: Outcome | None
    then: Then


Carry: TypeAlias = Callable[[Claimed, Callable[[], bool]], Awaitable[Ended | None]]
"""Carries a claimed delivery. None: it was taken away meanwhile. Long work asks now and then whether the bus stops and
raises Stopped then. Raises BusError: BUSY is tried again later, everything else is a person's turn.
"""


class Local:
    """What workers know of a system, for one without a wire: nothing shuts it, and nothing has to be closed."""

    stuck = 0

    def __init__(self, name: str, carry: Carry, at_once: int = 2) -> None:
        self.name = name
        self.at_once = at_once
        self._carry = carry
        self._stopped = False

    async def carry(self, delivery: Claimed) -> Ended | None:
        """See `Carry`."""
        return await self._carry(delivery, lambda: self._stopped)

    def wire(self, campus: str | None) -> None:  # noqa: ARG002 - as systems with places have it
        """There is none."""
        return

    def shut(self) -> None:
        """Never."""
        return

    def used(self) -> AbstractContextManager[None]:
        """Needs no marking: it is never closed under somebody's work."""
        return nullcontext()

    def stop(self) -> None:
        """Long work ends at its next look."""
        self._stopped = True

    async def retire(self) -> None:
        """It stays."""

    async def close(self) -> list[BaseException]:
        """Nothing to close."""
        return []
