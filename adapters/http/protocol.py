"""uvicorn's protocol with what it lacks: who may connect, and bounds on the head of a request."""

import asyncio
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from adapters.tls import common_name
from engine.contract import Link

_HEAD = 64 * 1024


class Guarded(HttpToolsProtocol):
    """One connection. The head of a request comes whole within `patience` seconds and is no larger than
    64 KiB; a peer from outside `networks` is disconnected.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    patience: float

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._head_timer: asyncio.TimerHandle | None = None
        self._expect_head()
        remote = self.client[0] if self.client else ""
        if self.networks and not any(ip_address(remote) in network for network in self.networks):
            transport.abort()
            return
        self.app_state = {"client": common_name(transport.get_extra_info("peercert"))}

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._expect_head()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(name + value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_came()
        super().on_headers_complete()

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()

    def _expect_head(self) -> None:
        self._head_came()
        self._head_size = 0
        self._head_timer = self.loop.call_later(self.patience, self.transport.abort)

    def _count(self, part: bytes) -> None:
        self._head_size += len(part)
        if self._head_size > _HEAD:
            raise ValueError("head of a request over 64 KiB")  # httptools: answered with 400


def guarded(link: Link) -> type[Guarded]:
    """The protocol class for one listener: uvicorn makes its objects itself."""

    class Listener(Guarded):
        networks = tuple(ip_network(network) for network in link.allow)
        patience = link.limits.total

    return Listener
