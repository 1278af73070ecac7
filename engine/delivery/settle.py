"""Recording outcomes: the plan's consequences, the commit, and whoever it concerns afterwards."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import chain, repeat

from engine.base import log
from engine.base.errors import BusError
from engine.delivery.interface import Planner
from engine.journal.errors import Moved
from engine.journal.interface import Journal, Room
from engine.model import FINAL, Claimed, Outcome, Progress, State, Then, Verdict

_log = log.get("delivery")
_SKIPPED = Outcome(Verdict.UNSENT, "skipped")
_PAUSES = (0.05, 0.2, 1.0)
_LONGEST_PAUSE = 5.0


class Settler:
    """Settles deliveries and tells `follow(delivery, then, progress)` what came of it."""

    def __init__(
        self, journal: Journal, planner: Planner, room: Room, follow: Callable[[Claimed, Then, Progress | None], None]
    ) -> None:
        self._journal = journal
        self._planner = planner
        self._room = room
        self._follow = follow

    async def settle(self, delivery: Claimed, outcome: Outcome | None, bare: Then) -> None:
        """Records what became of a delivery. `outcome` None: its step is skipped. Raises Moved where a record that it
        writes is not as it was: nothing has happened, and it is to be decided again.

        A known outcome is worth more than this task's time: while the journal cannot write, it is tried
        again until it can, or until the bus is stopped.
        """
        following = self._planned(delivery, outcome, bare)
        progress = await self._committed(delivery, outcome or _SKIPPED, following)
        if progress is None and delivery.state is State.SENDING and outcome and outcome.verdict is not Verdict.IN_DOUBT:
            late = replace(delivery, state=State.DOUBTFUL)  # another node took it over meanwhile: this is evidence
            progress = await self._committed(late, outcome, following)
        if progress is None:
            _log.info("settle_stale", id=delivery.id, step=delivery.step, attempt=delivery.attempt)
        else:
            self._say(delivery, outcome, following)
        self._follow(delivery, following, progress)
        self._tell(delivery, outcome, following, progress)

    def dropped(self, delivery: Claimed) -> None:
        """Tells the plan that a delivery was taken away before it was sent: withdrawn, parked by a person, or
        another node's by now.
        """
        _log.info("delivery_dropped", id=delivery.id, step=delivery.step)
        self._tell(delivery, None, Then(State.WITHDRAWN), None)

    def left(self, delivery: Claimed) -> None:
        """Tells the plan that nothing was done about a delivery after all."""
        self._tell(delivery, None, Then(delivery.state), None)

    async def _committed(self, delivery: Claimed, outcome: Outcome, following: Then) -> Progress | None:
        for pause in chain(_PAUSES, repeat(_LONGEST_PAUSE)):
            try:
                return await self._journal.settle(delivery, outcome, following, self._room)
            except Moved:
                raise
            except (
                BusError,
                TypeError,
                ValueError,
            ):  # what it holds cannot be stored: the verdict counts, not the words
                outcome = Outcome(outcome.verdict, outcome.code)
                _log.error("settle_refused", id=delivery.id, step=delivery.step)
            except Exception as error:  # noqa: BLE001 - whatever it is, giving up would turn an answer into doubt
                _log.error("settle_failed", id=delivery.id, step=delivery.step, error=type(error).__name__)
            await asyncio.sleep(pause)
        raise AssertionError("the pauses never end")

    def _tell(self, delivery: Claimed, outcome: Outcome | None, following: Then, progress: Progress | None) -> None:
        try:
            self._planner.settled(delivery, outcome, following, progress)
        except Exception as error:  # noqa: BLE001 - it is committed: a fault above must not undo that
            _log.error("settled_failed", id=delivery.id, step=delivery.step, error=type(error).__name__)

    def _planned(self, delivery: Claimed, outcome: Outcome | None, bare: Then) -> Then:
        if bare.state not in FINAL:
            return bare  # nothing follows from waiting, doubt or parking (invariant 8)
        try:
            return self._planner.then(delivery, outcome, bare)
        except Exception as error:  # noqa: BLE001 - a plan that fails must not lose the outcome: a person's turn
            _log.error("plan_failed", id=delivery.id, step=delivery.step, error=type(error).__name__)
            return Then(State.PARKED, holds=True, why="plan_failed")

    def _say(self, delivery: Claimed, outcome: Outcome | None, following: Then) -> None:
        new_doubt = following.state is State.DOUBTFUL and delivery.state is not State.DOUBTFUL
        if new_doubt or following.state in (State.PARKED, State.GIVEN_UP):
            _log.warning(
                "delivery_" + following.state.value,
                id=delivery.id,
                step=delivery.step,
                system=delivery.system,
                attempt=delivery.attempt,
                why=following.why,
                code=outcome.code if outcome else "",
            )
