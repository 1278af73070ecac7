"""The workers of one system: runners that carry deliveries, and one task that claims what was not taken on the way."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from engine.base import log
from engine.base.clock import SECOND, Clock
from engine.base.tasks import Supervisor
from engine.delivery.local import Local
from engine.delivery.room import Rooms
from engine.delivery.wire import System
from engine.journal.interface import Journal
from engine.model import Claimed

_log = log.get("workers")
_NEVER = 2**62
_SHUT_PAUSE = SECOND // 4
"""Between claims while the gate is shut: each look at a delivery costs a commit, so a backlog is walked slowly."""
_TAKEN_PAUSE = SECOND // 20
"""After a claim that others were quicker at."""
_RUNNERS = 2
"""For each call that may be under way: while one waits for its commit, another calls. Places bound the calls."""
_LOAD = 4
"""Deliveries held in memory for each that may be under way: the next is there when a runner is done."""


class Workers:
    """Carries the deliveries of one system, `limits.at_once` at a time.

    Fast path: what accept or settle claimed on the way is handed over. All else is claimed when it is due:
    the journal says when that is, and `poll` seconds is how long another node's doing may stay unseen.
    """

    def __init__(
        self,
        system: System | Local,
        run: Callable[[Claimed], Awaitable[None]],
        *,
        journal: Journal,
        rooms: Rooms,
        clock: Clock,
        supervisor: Supervisor,
        poll: float,
    ) -> None:
        self.system: System | Local = system
        self._run = run
        self._journal = journal
        self._rooms = rooms
        self._clock = clock
        self._supervisor = supervisor
        self._poll = poll
        self._queue: asyncio.Queue[Claimed] = asyncio.Queue()
        self._bell = asyncio.Event()
        self._alarm = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.behind = 0.0
        """Seconds that the oldest delivery which is ready and not in hand had been due, when last looked."""

    @property
    def busy(self) -> int:
        """Deliveries that runners carry now."""
        return len(self._busy)

    def start(self) -> None:
        """Starts the runners and the claims."""
        self._open_room()
        self._keep(f"claims:{self.system.name}", self._claims)
        self._keep_runners(0)

    def renew(self, system: System) -> System | Local:
        """Carries by another runtime of the same system from now on; gives back the old one."""
        old, self.system = self.system, system
        self._open_room()
        self._keep_runners(self._runners)
        self.ring()
        return old

    async def retire(self) -> list[Claimed]:
        """Starts nothing new and waits for what is under way; gives back what was claimed and not begun."""
        self._stopping = True
        self.system.stop()
        for task in self._tasks - self._busy:
            task.cancel()
        while self._busy:
            await asyncio.wait(set(self._busy))
        return [self._queue.get_nowait() for _ in range(self._queue.qsize())]

    def hand(self, delivery: Claimed) -> None:
        """Takes a delivery that this node has claimed; its room is taken already."""
        self._queue.put_nowait(delivery)

    def ring(self, due: int = 0) -> None:
        """Something becomes due at that instant; 0: now."""
        if due < self._alarm:
            self._alarm = due
            self._bell.set()

    async def stop(self, deadline: float) -> None:
        """Starts nothing new; what is under way may end until `deadline` (the loop's time), else it stays recorded."""
        self._stopping = True
        self.system.stop()
        for task in self._tasks - self._busy:
            task.cancel()
        if self._busy:
            left = deadline - asyncio.get_running_loop().time()
            await asyncio.wait(set(self._busy), timeout=max(0.0, left))
        if self._busy:
            _log.warning("stopped_under_way", system=self.system.name, count=len(self._busy))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _open_room(self) -> None:
        size = self.system.at_once * _LOAD
        self._rooms.add(self.system.name, size, lambda: self.system.shut() is None)

    def _keep_runners(self, there: int) -> None:
        self._runners = max(there, self.system.at_once * _RUNNERS)
        for number in range(there, self._runners):
            self._keep(f"deliver:{self.system.name}:{number}", self._runner)

    def _keep(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._tasks.add(self._supervisor.keep(name, work))

    async def _runner(self) -> None:
        me = asyncio.current_task()
        assert me is not None
        while not self._stopping:
            delivery = await self._queue.get()
            self._busy.add(me)
            try:
                await self._run(delivery)
            finally:
                self._busy.discard(me)
                self._rooms.give(self.system.name)
                if self._rooms.wanted(self.system.name) and self.system.shut() is None:
                    self.ring()

    async def _claims(self) -> None:
        while not self._stopping:
            if self._clock.now() >= self._alarm:
                await self._look()
            await self._rest()

    async def _look(self) -> None:
        """Claims what is due, and sets the alarm for what is not."""
        name = self.system.name
        self._alarm = _NEVER
        due = await self._journal.next_due(name)
        self.behind = 0.0 if due is None else max(0.0, (self._clock.now() - due) / SECOND)
        if due is None or due > self._clock.now():
            self.ring(_NEVER if due is None else due)
            return
        free = self._rooms.reserve(name)
        if not free:
            return  # a runner that ends rings again
        claimed = None
        try:
            claimed = await self._journal.claim(name, free)
        finally:
            self._rooms.give_back(name, free - len(claimed or ()))
        for delivery in claimed:
            self.hand(delivery)
        self.ring(self._clock.now() + self._pause(len(claimed)))

    def _pause(self, claimed: int) -> int:
        if self.system.shut() is not None:
            return _SHUT_PAUSE
        return 0 if claimed else _TAKEN_PAUSE

    async def _rest(self) -> None:
        until = min(self._poll, (self._alarm - self._clock.now()) / SECOND)
        try:
            async with asyncio.timeout(max(0.0, until)):
                await self._bell.wait()
        except TimeoutError:
            if until >= self._poll:
                self._alarm = 0
        self._bell.clear()
