"""The delivery floor's face: systems, their workers, and what the floors above may ask of them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from engine.base import log
from engine.base.clock import Clock
from engine.base.errors import Backend, BusError, Code
from engine.base.ids import Ids
from engine.base.tasks import Supervisor
from engine.contract import Page
from engine.delivery import pulls
from engine.delivery.ask import Asker
from engine.delivery.gate import Shut, Stopped
from engine.delivery.interface import Planner
from engine.delivery.local import Local
from engine.delivery.reads import Reads
from engine.delivery.room import Rooms
from engine.delivery.send import Sender
from engine.delivery.settle import Settler
from engine.delivery.wire import Pull, System, SystemRuntime
from engine.delivery.workers import Workers
from engine.journal.errors import Moved
from engine.journal.interface import Journal, Room
from engine.model import Claimed, Context, Outcome, Outgoing, Progress, State, Then

_log = log.get("delivery")


@dataclass(frozen=True, slots=True)
class Health:
    """How one system stands, for `/readyz` and the console."""

    system: str
    held: int
    """Deliveries in this node's hands."""
    busy: int
    """Those of them that are being carried now."""
    stuck: int
    """Threads whose call passed its limit."""
    behind: float
    """Seconds that the oldest delivery which is ready and not in hand has been due."""
    shut: Shut | None
    """Why no call goes out, and until when."""


class Delivery:
    """Carries every delivery this node claims. One for a running bus; started after the journal, stopped before it."""

    def __init__(
        self,
        journal: Journal,
        planner: Planner,
        clock: Clock,
        ids: Ids,
        supervisor: Supervisor,
        *,
        nodes: Callable[[], int] = lambda: 1,
        poll: float = 2.0,
    ) -> None:
        """`nodes`: how many share each system's limits. `poll`: seconds until another node's doing is seen."""
        self._journal = journal
        self._clock = clock
        self._supervisor = supervisor
        self._nodes = nodes
        self._poll = poll
        self._rooms = Rooms()
        self._settler = Settler(journal, planner, self._rooms, self._follow)
        self._sender = Sender(journal, planner, self._settler, clock, ids, supervisor)
        self._asker = Asker(self._sender, self._settler, clock)
        self._reads = Reads(clock, ids, supervisor)
        self._workers: dict[str, Workers] = {}
        self._leaving: set[Workers] = set()

    @property
    def room(self) -> Room:
        """What the journal asks before it claims a delivery on the way."""
        return self._rooms

    def start(self, systems: Iterable[SystemRuntime], local: Iterable[Local] = ()) -> None:
        """Takes up the systems, those of our own too, and what waits for them."""
        taken_up: list[System | Local] = [System(runtime, self._clock, self._nodes) for runtime in systems]
        for system in [*taken_up, *local]:
            workers = Workers(
                system,
                self._carry,
                journal=self._journal,
                rooms=self._rooms,
                clock=self._clock,
                supervisor=self._supervisor,
                poll=self._poll,
            )
            self._workers[system.name] = workers
            workers.start()

    async def stop(self, grace: float) -> None:
        """Starts no call any more; calls under way may end for `grace` seconds. What has not ended then stays
        recorded as `sending`; what was only claimed is `ready` again when the journal closes.
        """
        deadline = asyncio.get_running_loop().time() + grace
        await asyncio.gather(*(workers.stop(deadline) for workers in {*self._workers.values(), *self._leaving}))
        for workers in self._workers.values():
            _say_unclosed(workers.system.name, await workers.system.close())

    def renew(self, systems: Iterable[SystemRuntime]) -> None:
        """New calls go by these from now on, those that wait for their turn too; calls under way end as they began,
        then the old places are closed. A system that is not there yet is taken up.
        """
        for runtime in systems:
            workers = self._workers.get(runtime.name)
            if workers is None:
                self.start([runtime])
                continue
            assert isinstance(workers.system, System), "local systems have no places"
            old = workers.renew(System(runtime, self._clock, self._nodes, workers.system))
            self._supervisor.once(f"retire:{runtime.name}", _retired(old))

    def leave(self, systems: Iterable[str]) -> None:
        """These are called no more: calls under way end, and what waits for them stays in the journal until somebody
        has them again.
        """
        for name in systems:
            workers = self._workers.pop(name)
            self._rooms.close(name)
            self._leaving.add(workers)
            self._supervisor.once(f"leave:{name}", self._left(workers))

    def hand(self, claimed: Iterable[Claimed]) -> None:
        """Takes deliveries that accept, settle, withdraw or an act claimed for this node."""
        for delivery in claimed:
            workers = self._workers.get(delivery.system)
            if workers is not None:
                workers.hand(delivery)
            else:  # it was claimed a moment before its system was left
                self._rooms.give(delivery.system)
                self._supervisor.once(f"leave:{delivery.system}", self._journal.give_back([delivery]))

    def wake(self, systems: Iterable[str] | None = None) -> None:
        """Something of these systems (all: None) may have become ready or due: looks at once."""
        for name in self._workers if systems is None else systems:
            if name in self._workers and not self._rooms.full(name):
                self._workers[name].ring()

    def spread(self, progress: Progress | None) -> None:
        """Takes what a verb made free: the way for `withdraw` and acts of people."""
        if progress is not None:
            self.hand(progress.claimed)
            self.wake(progress.ready)

    async def ask_once(
        self,
        system: str,
        operation: Outgoing,
        scope: Mapping[str, Any],
        context: Context,
        within: float,
        campus: str | None = None,
    ) -> Outcome:
        """A read (`effect: none`), without the journal: see `Reads.ask_once` for what it gives and raises."""
        before = None
        while (asked := self._system(system)) is not None and asked is not before:
            if isinstance(asked, Local):
                if asked.ask is None:
                    break
                return await asked.ask(operation.name, scope, context)
            with suppress(Stopped):  # it was renewed while this waited for its turn, or the bus ends
                return await self._reads.ask_once(asked, operation, scope, context, within, campus)
            before = asked
        why = "stopping" if before is not None else "no such system"
        raise BusError(Code.BACKEND_UNAVAILABLE, why, backend=Backend(system))

    async def pull(self, system: str, pull: Pull, campus: str) -> Page:
        """A page of a system's feed, without the journal: see `pulls.page` for what it raises."""
        workers = self._workers.get(system)
        asked = workers.system if workers is not None else None
        if asked is None or isinstance(asked, Local):
            raise BusError(Code.BACKEND_UNAVAILABLE, "no such system", backend=Backend(system))
        return await pulls.page(asked, pull, campus, self._clock)

    def shut(self, system: str, campus: str | None = None) -> Shut | None:
        """Why no call to a system (at a campus) would go out now; None: it would."""
        workers = self._workers.get(system)
        wire = workers.system.wire(campus) if workers else None
        return wire.gate.shut() if wire else None

    def health(self) -> list[Health]:
        """How each system stands."""
        return [
            Health(name, self._rooms.held(name), w.busy, w.system.stuck, w.behind, w.system.shut())
            for name, w in self._workers.items()
        ]

    @property
    def behind(self) -> float:
        """Seconds that this node lags behind what is due at systems that take calls: sources say "busy" beyond a
        limit. A system that is down counts for nothing: what waits for it waits on disk.
        """
        return max((w.behind for w in self._workers.values() if w.system.shut() is None), default=0.0)

    def _system(self, name: str) -> System | Local | None:
        workers = self._workers.get(name)
        return workers.system if workers is not None else None

    async def _left(self, workers: Workers) -> None:
        try:
            await self._journal.give_back(await workers.retire())
        finally:
            await _retired(workers.system)
            self._leaving.discard(workers)

    async def _carry(self, delivery: Claimed) -> None:
        try:
            while (system := self._system(delivery.system)) is not None:
                try:
                    await self._carry_by(system, delivery)
                except Stopped:
                    self._settler.left(delivery)
                    if self._system(delivery.system) is not system:
                        continue  # it was renewed or left while this waited for its turn
                    _log.debug("delivery_left", id=delivery.id, step=delivery.step)
                return
            await self._journal.give_back([delivery])
        except Exception as error:  # noqa: BLE001 - one delivery's fault must not end the runner of all
            _log.error("delivery_failed", id=delivery.id, step=delivery.step, error=type(error).__name__)
            await self._sender.postpone(delivery, "internal")

    async def _carry_by(self, system: System | Local, delivery: Claimed) -> None:
        with system.used():
            if isinstance(system, Local):
                await self._carry_locally(delivery, system)
            elif delivery.state is State.DOUBTFUL:
                await self._asker.ask(delivery, system)
            else:
                await self._sender.send(delivery, system)

    async def _carry_locally(self, delivery: Claimed, system: Local) -> None:
        try:
            ended = await system.carry(delivery)
        except BusError as error:
            if error.code is Code.BUSY:
                await self._sender.postpone(delivery, "busy")
            else:
                await self._sender.park(delivery, error.code.name)
            return
        while ended is not None:
            try:
                await self._settler.settle(delivery, ended.outcome, ended.then)
            except Moved:
                assert ended.again is not None, "who writes records can decide again"
                ended = await ended.again()
            else:
                return
        self._settler.dropped(delivery)

    def _follow(self, delivery: Claimed, following: Then, progress: Progress | None) -> None:
        if following.due and delivery.system in self._workers:
            self._workers[delivery.system].ring(following.due)
        self.spread(progress)


async def _retired(system: System | Local) -> None:
    _say_unclosed(system.name, await system.retire())


def _say_unclosed(system: str, errors: Iterable[BaseException]) -> None:
    for error in errors:
        _log.warning("close_failed", system=system, error=type(error).__name__)
