"""uvicorn's protocol with what it lacks: who may connect, and bounds on a request that does not end."""

import asyncio
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from adapters.doors import patience_left
from adapters.tls import common_name
from engine.contract import Link

_HEAD = 64 * 1024


class Guarded(HttpToolsProtocol):
    """One connection. A request goes on coming within `patience` seconds and keeps a pace (`patience_left`), its head
    ends within 64 KiB (and one read); a peer from outside `networks` is disconnected. A request that comes whole costs
    no timer.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    patience: float
    most: int
    """Connections at the same time; what comes on one more can only be told that it is busy here."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._head = self._came = 0
        self._began = self.loop.time()
        self._waiting: asyncio.TimerHandle | None = None
        remote = self.client[0] if self.client else ""
        if self.networks and not any(ip_address(remote) in network for network in self.networks):
            transport.abort()
            return
        too_many = len(self.connections) > self.most
        self.app_state = {"client": common_name(transport.get_extra_info("peercert")), "too_many": too_many}
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:  # a request begins
            self._began, self._came = self.loop.time(), 0
        self._came += len(data)
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.scope is not self.scope:
            self._head += len(data)
            if self._head > _HEAD and not self.transport.is_closing():
                self.send_400_response("The head of this request is too large.")
            self._wait()
        elif cycle.more_body:
            self._head = 0
            self._wait()
        else:
            self._head = 0
            self._stop_waiting()

    def _wait(self) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            left = patience_left(self.patience, self.loop.time() - self._began, self._came)
            self._waiting = self.loop.call_later(max(0.0, min(self.patience, left)), self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


def guarded(link: Link) -> type[Guarded]:
    """The protocol class for one listener: uvicorn makes its objects itself."""

    class Listener(Guarded):
        networks = tuple(ip_network(network) for network in link.allow)
        patience = link.limits.total
        most = link.limits.connections

    return Listener
