"""The systems around the bus in a scenario: listeners that are called directly, calls that wait for an event."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from engine.contract import Adapter, Call, InDoubt, Link, Page, Refused, Reply, Submit, Unavailable

T = TypeVar("T")
W = TypeVar("W", "Waiting | None", "Pulled | None")

Outcome = Reply | Refused | Unavailable | InDoubt


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that the bus has made and nobody has answered yet."""

    system: str
    call: Call
    answer: "asyncio.Future[Reply]"

    @property
    def name(self) -> str:
        """System and operation, as routes write them."""
        return f"{self.system}.{self.call.operation}"

    def end(self, outcome: Outcome) -> None:
        """The call is over: the bus gets a reply, or one of the three ways to have none."""
        if isinstance(outcome, Reply):
            self.answer.set_result(outcome)
        else:
            self.answer.set_exception(outcome)


@dataclass(frozen=True, slots=True)
class Pulled:
    """A page that the bus wants and nobody has given yet. Its cursors count the rows that were given before."""

    system: str
    operation: str
    after: int
    limit: int
    until: date
    answer: "asyncio.Future[Page]"

    @property
    def name(self) -> str:
        """System and operation, as routes write them."""
        return f"{self.system}.{self.operation}"

    def give(self, rows: Sequence[bytes], *, more: bool) -> None:
        """The page is there."""
        cursors = [str(self.after + number) for number in range(1, len(rows) + 1)]
        self.answer.set_result(Page(rows, cursors, more))

    def fail(self) -> None:
        """The system cannot be reached."""
        self.answer.set_exception(Unavailable("connect_refused"))


class Peers:
    """All systems of a scenario."""

    def __init__(self) -> None:
        self._waiting: list[Waiting | Pulled] = []
        self.overdue: list[Waiting | Pulled] = []
        """What reached its limit before an event answered it."""

    def adapters(self, real: Mapping[str, Adapter]) -> Mapping[str, Adapter]:
        """The same adapters to texts and settings; on their wires are these peers."""
        return _Adapters(real, self)

    def take(self, system: str) -> Waiting | None:
        """The oldest call that waits at a system; it waits no longer."""
        calls = (waiting for waiting in self._waiting if isinstance(waiting, Waiting))
        return self._taken(next((call for call in calls if call.system == system), None))

    def take_pull(self, name: str) -> Pulled | None:
        """The oldest pull of a feed by its name; it waits no longer. Feeds of one system do not wait for each other."""
        pulls = (waiting for waiting in self._waiting if isinstance(waiting, Pulled))
        return self._taken(next((pull for pull in pulls if pull.name == name), None))

    def _taken(self, found: W) -> W:
        if found is not None:
            self._waiting.remove(found)
        return found

    def waiting(self, *systems: str) -> list[str]:
        """Names of the calls that wait, oldest first: at these systems, or at all."""
        return [waiting.name for waiting in self._waiting if not systems or waiting.system in systems]

    async def called(self, system: str, call: Call) -> Reply:
        """A call of the bus: it waits for its event."""
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        return await self._answered(Waiting(system, call, answer), answer)

    async def pulled(self, system: str, operation: str, cursor: str | None, limit: int, until: date) -> Page:
        """A page that the bus wants: it waits for its event."""
        answer: asyncio.Future[Page] = asyncio.get_running_loop().create_future()
        return await self._answered(Pulled(system, operation, int(cursor or 0), limit, until, answer), answer)

    async def _answered(self, waiting: Waiting | Pulled, answer: "asyncio.Future[T]") -> T:
        self._waiting.append(waiting)
        try:
            return await answer
        except asyncio.CancelledError:
            if waiting in self._waiting:  # else an event has taken it, and ended the scenario
                self._waiting.remove(waiting)
                self.overdue.append(waiting)
            raise


class Ear:
    """A listener without a socket: whoever plays calls its `submit`."""

    address = "scenario"

    def __init__(self, _link: Link) -> None:
        self.submit: Submit | None = None

    async def start(self, submit: Submit, door: object = None) -> None:
        assert door is None, "it has none to give"
        self.submit = submit

    def door(self) -> None:
        return None

    async def stop(self, grace: float) -> None: ...


class _Called:
    """A destination whose calls wait for events."""

    def __init__(self, peers: Peers, system: str) -> None:
        self._peers = peers
        self._system = system

    async def send(self, call: Call) -> Reply:
        return await self._peers.called(self._system, call)

    async def probe(self, timeout: float) -> None: ...

    async def close(self) -> None: ...


class _Fed:
    """A feed whose pages wait for events."""

    def __init__(self, peers: Peers, system: str) -> None:
        self._peers = peers
        self._system = system

    async def pull(self, operation: str, cursor: str | None, limit: int, until: date) -> Page:
        return await self._peers.pulled(self._system, operation, cursor, limit, until)

    async def close(self) -> None: ...


class _Adapters(Mapping[str, Adapter]):
    """Each adapter is loaded when a text names it, as ever."""

    def __init__(self, real: Mapping[str, Adapter], peers: Peers) -> None:
        self._real = real
        self._peers = peers

    def __getitem__(self, name: str) -> Adapter:
        real = self._real[name]
        return replace(
            real,
            source=Ear if real.source else None,
            destination=(lambda link: _Called(self._peers, link.system)) if real.destination else None,
            feed=(lambda link: _Fed(self._peers, link.system)) if real.feed else None,
            blocking=False,
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._real)

    def __len__(self) -> int:
        return len(self._real)

    def __contains__(self, name: object) -> bool:
        return name in self._real
