"""The systems around the bus in a scenario: listeners that are called directly, calls that wait for an event."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from engine.contract import Adapter, Call, InDoubt, Link, Refused, Reply, Submit, Unavailable

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


class Peers:
    """All systems of a scenario."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []
        self.overdue: list[Waiting] = []
        """Calls that reached their limit before an event answered them."""

    def adapters(self, real: Mapping[str, Adapter]) -> Mapping[str, Adapter]:
        """The same adapters to texts and settings; on their wires are these peers."""
        return _Adapters(real, self)

    def take(self, system: str) -> Waiting | None:
        """The oldest call that waits at a system; it waits no longer."""
        found = next((waiting for waiting in self._waiting if waiting.system == system), None)
        if found is not None:
            self._waiting.remove(found)
        return found

    def waiting(self, *systems: str) -> list[str]:
        """Names of the calls that wait, oldest first: at these systems, or at all."""
        return [waiting.name for waiting in self._waiting if not systems or waiting.system in systems]

    async def called(self, system: str, call: Call) -> Reply:
        """A call of the bus: it waits for its event."""
        waiting = Waiting(system, call, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        try:
            return await waiting.answer
        except asyncio.CancelledError:
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
            blocking=False,
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._real)

    def __len__(self) -> int:
        return len(self._real)

    def __contains__(self, name: object) -> bool:
        return name in self._real
