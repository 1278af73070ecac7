"""Systems of our own: what they do happens in the journal's commits, without a wire, and is never in doubt."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeAlias

from engine.model import Claimed, Context, Outcome, Then


@dataclass(frozen=True, slots=True)
class Ended:
    """What a local system made of a delivery: bare, before the plan adds what follows. `outcome` None: skipped."""

    outcome: Outcome | None
    then: Then
    again: "Again | None" = None
    """Decides once more, where a record that `then` writes has been changed by another meanwhile."""


Again: TypeAlias = Callable[[], Awaitable[Ended]]
"""The same work, with what stands there now. Raises Stopped, where the bus stops."""

Carry: TypeAlias = Callable[[Claimed, Callable[[], bool]], Awaitable[Ended | None]]
"""Carries a claimed delivery. None: it was taken away meanwhile. Long work asks now and then whether the bus stops and
raises Stopped then. Raises BusError: BUSY is tried again later, everything else is a person's turn.
"""

Ask: TypeAlias = Callable[[str, Mapping[str, Any], Context], Awaitable[Outcome]]
"""The outcome of an operation of `effect: none` by its name, from a document, without the journal's commit."""


class Local:
    """What workers know of a system, for one without a wire: nothing shuts it, and nothing has to be closed."""

    stuck = 0

    def __init__(self, name: str, carry: Carry, at_once: int = 2, ask: Ask | None = None) -> None:
        self.name = name
        self.at_once = at_once
        self.ask = ask
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

    async def retire(self) -> list[BaseException]:
        """It stays."""
        return []

    async def close(self) -> list[BaseException]:
        """Nothing to close."""
        return []
