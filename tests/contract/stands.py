"""A stand: one adapter's destination beside a peer that is not ours, with the fault proxy between them.

The cases in `test_destinations.py` know only this; a new adapter joins them by writing its stand.
"""

import asyncio
import inspect
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import pytest

import adapters
from engine.contract import Adapter, Call, InDoubt, Limits, Link, Refused, Reply, Unavailable
from tests.peers.mllp import Hl7Server, acknowledged, message
from tests.peers.proxy import FaultProxy
from tests.peers.soap import SoapPeer
from tests.peers.web import WebServer

WIRE = ("mllp", "http", "fhir", "soap", "postgres")
LIMITS = Limits(at_once=4, connect=0.5, total=2.0)


class Carried:
    """A destination as the engine uses it: plain functions run in threads."""

    def __init__(self, destination: Any, adapter: Adapter) -> None:
        self._destination, self._adapter = destination, adapter

    async def send(self, call: Call) -> Reply:
        try:
            return await self._call("send", call)
        except (Unavailable, InDoubt, Refused) as error:
            told = [one.why for one in self._adapter.failures if isinstance(error, one.raised)]
            if not any(fnmatchcase(error.why, why) for why in told):
                pytest.fail(f"not among its failures: {error!r}")
            raise

    async def probe(self, timeout: float) -> None:
        await self._call("probe", timeout)

    async def close(self) -> None:
        await self._call("close")

    async def _call(self, name: str, *arguments: Any) -> Any:
        method = getattr(self._destination, name)
        if inspect.iscoroutinefunction(method):
            return await method(*arguments)
        return await asyncio.to_thread(method, *arguments)


class Stand(ABC):
    """What the cases need of one adapter."""

    adapter: ClassVar[str]
    secret = "张三"
    """A word in every body, which no exception may hold."""
    doubt_begins = b""
    """Bytes on the wire from which on a broken call is in doubt; empty: all of them."""

    def __init__(self) -> None:
        self.stack = AsyncExitStack()

    @abstractmethod
    async def set_up(self) -> None:
        """Starts the peer, and the proxy where there is a wire."""

    @abstractmethod
    def url(self, port: int) -> str:
        """The address of the peer behind `port`."""

    @abstractmethod
    def call(self, number: str, *, timeout: float = 2.0, size: int = 0, slow: bool = False) -> Call:
        """A call that the peer notes as `number`; `slow`: the peer takes 0.3 s."""

    @abstractmethod
    def refused(self) -> Call:
        """A call to which the transport itself says no."""

    @abstractmethod
    async def ledger(self) -> list[str]:
        """The numbers that the peer has taken, in order."""

    @abstractmethod
    def answered(self, reply: Reply, number: str) -> bool:
        """Whether the reply is the one to `number`."""

    def link(self, port: int, limits: Limits = LIMITS) -> Link:
        adapter = adapters.load(self.adapter)
        return Link("peer", adapter.profile_options(), url=self.url(port), limits=limits)

    def open(self, port: int | None = None, limits: Limits = LIMITS) -> Carried:
        """A destination: through the proxy, or to another port."""
        make = adapters.load(self.adapter).destination
        assert make is not None
        link = self.link(self.proxy.port if port is None else port, limits)
        carried = Carried(make(link), adapters.load(self.adapter))
        self.stack.push_async_callback(carried.close)
        return carried

    async def put_proxy(self, port: int) -> None:
        self.proxy = await self.stack.enter_async_context(FaultProxy(("127.0.0.1", port)))

    def arm(self) -> None:
        """Lets the proxy's fault wait for the moment from which on an outcome is in doubt."""
        self.proxy.trigger = self.doubt_begins


class MllpStand(Stand):
    adapter = "mllp"

    async def set_up(self) -> None:
        self.peer = await self.stack.enter_async_context(Hl7Server())
        await self.put_proxy(self.peer.port)

    def url(self, port: int) -> str:
        return f"mllp://127.0.0.1:{port}"

    def call(self, number: str, *, timeout: float = 2.0, size: int = 0, slow: bool = False) -> Call:
        self.peer.pause = 0.3 if slow else 0.0
        return Call("send", None, message(number, "字" * (size // 3)), number, timeout)

    def refused(self) -> Call:
        return Call("send", None, message("0", "\x1c"), "0", 2.0)

    async def ledger(self) -> list[str]:
        return list(self.peer.ledger)

    def answered(self, reply: Reply, number: str) -> bool:
        return acknowledged(reply.body) == number


class HttpStand(Stand):
    adapter = "http"

    async def set_up(self) -> None:
        self.peer = self.stack.enter_context(WebServer())
        await self.put_proxy(self.peer.port)

    def url(self, port: int) -> str:
        return f"http://127.0.0.1:{port}/base"

    def call(self, number: str, *, timeout: float = 2.0, size: int = 0, slow: bool = False) -> Call:
        # PUT: what libraries like to send again by themselves.
        options = adapters.load(self.adapter).operation_options(method="PUT", path="/{name}", query=("number",))
        path = "wait" if slow else "note"
        fields = {"name": path, "number": number}
        return Call("put", options, f"{number} {self.secret}".encode() + b"x" * size, number, timeout, fields=fields)

    def refused(self) -> Call:
        options = adapters.load(self.adapter).operation_options(path="/refuse")
        return Call("put", options, self.secret.encode(), "0", 2.0)

    def link(self, port: int, limits: Limits = LIMITS) -> Link:
        link = super().link(port, limits)
        return Link(link.system, link.options, url=f"http://127.0.0.1:{port}", limits=limits)

    async def ledger(self) -> list[str]:
        return [path.partition("number=")[2] for _, path, _ in self.peer.ledger]

    def answered(self, reply: Reply, number: str) -> bool:
        return reply.body.startswith(f"{number} ".encode())


class FhirStand(HttpStand):
    adapter = "fhir"


class SoapStand(Stand):
    adapter = "soap"

    async def set_up(self) -> None:
        self.peer = self.stack.enter_context(SoapPeer())
        await self.put_proxy(self.peer.port)
        adapter = adapters.load("soap")
        assert adapter.prepare is not None
        methods = {name: adapter.operation_options(operation=name) for name in ("Note", "Wait", "Refuse")}
        profile = adapter.profile_options(namespace="urn:his", argument="input")
        self.envelopes = adapter.prepare(profile, methods, {}).operations

    def url(self, port: int) -> str:
        return f"http://127.0.0.1:{port}/his.cls"

    def call(self, number: str, *, timeout: float = 2.0, size: int = 0, slow: bool = False) -> Call:
        message = f"{number} {self.secret}".encode() + b"x" * size
        return Call("note", self.envelopes["Wait" if slow else "Note"], message, number, timeout)

    def refused(self) -> Call:
        return Call("refuse", self.envelopes["Refuse"], self.secret.encode(), "0", 2.0)

    async def ledger(self) -> list[str]:
        return list(self.peer.ledger)

    def answered(self, reply: Reply, number: str) -> bool:
        return reply.body == f"for {number}".encode()
