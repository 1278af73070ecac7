"""An HTTP port of a simulated system: ledger of calls, faults, opening and closing.

The system behind it only says what it answers; how the answer gets lost, halved or doubled is decided here, so
that every system misbehaves alike.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox import times
from sandbox.faults import Drawn

if TYPE_CHECKING:
    from sandbox.faults import FaultBoard
    from sandbox.store import Store

_LARGEST = 1024 * 1024
_WAITING = 2048  # connections that a rush may open at once
_RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Asked:
    """One call as the system sees it; `now` is the system's own clock, in microseconds."""

    id: int
    method: str
    path: str  # with the query, as it came
    query: dict[str, str]
    headers: Mapping[str, str]  # any case
    body: bytes
    now: int
    faults: Drawn = field(default_factory=Drawn)  # for the system to act out what only it can


@dataclass(slots=True)
class Reply:
    """What the system answers; `code` and `note` go into the ledger."""

    status: int
    body: bytes
    code: str
    note: str = ""
    type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False  # never to be sent: the connection is reset, after `hush` seconds of silence
    hush: float = 0


Serve = Callable[[Asked], Awaitable[Reply]]
Busy = Callable[[Asked], Reply]
Subject = Callable[[web.Request], str]
"""Which of its parts a call is for, as `his.LockOrder`: faults and ledger go by it."""


class Port:
    """Listens at one address for one system, whose faults it acts out."""

    def __init__(
        self,
        system: str,
        host: str,
        port: int,
        store: Store,
        board: FaultBoard,
        subject: Subject | None = None,
        clock: Callable[[], int] = times.now,
    ) -> None:
        self.system, self._host, self.port = system, host, port
        self._store, self._board, self._clock = store, board, clock
        self._subject = subject or (lambda _request: system)
        self._serve: Serve | None = None
        self._busy: Busy | None = None
        self._runner: web.AppRunner | None = None
        self._changed = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def start(self, serve: Serve, busy: Busy) -> None:
        """Opens the port; with port 0 the system's own choice stands in `port` afterwards."""
        self._serve, self._busy = serve, busy
        await self._open()
        self._board.listen(self._changed.set)
        self._keeper = asyncio.create_task(self._keep(), name=f"port of {self.system}")

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self._close()

    @property
    def open(self) -> bool:
        return self._runner is not None

    async def _keep(self) -> None:
        """Closes and opens the port as the `down` fault is switched."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._board.down(self.system):
                await self._close()
            elif self._runner is None:
                await self._open()

    async def _open(self) -> None:
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self.port, reuse_address=True, backlog=_WAITING)
        await site.start()
        self._runner = runner
        self.port = runner.addresses[0][1]

    async def _close(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        assert self._serve is not None
        if request.path == "/health":
            return web.json_response({"status": "UP", "system": self.system})
        subject = self._subject(request)
        drawn = self._board.draw(subject)
        call = self._begin(request, subject, drawn)
        if "reset_before" in drawn:
            return self._cut(request, call, "连接在读取前被重置")
        body = await request.read()
        self._store.run("update calls set digest = ? where id = ?", sha256(body).hexdigest(), call)
        if "delay" in drawn:
            await asyncio.sleep(drawn.amount("delay", 1))
        if "silence" in drawn:
            await self._hush(request, drawn.amount("silence", 3600))
            return self._cut(request, call, "未作应答")
        if "reset_after" in drawn:
            return self._cut(request, call, "连接在读取后被重置")
        reply = await self._answer(request, call, body, drawn)
        self._end(call, reply)
        if reply.lost:
            await self._hush(request, reply.hush)
            return self._cut(request, call, reply.note)
        return await self._misbehave(request, call, reply, drawn)

    async def _answer(self, request: web.Request, call: int, body: bytes, drawn: Drawn) -> Reply:
        assert self._serve is not None
        assert self._busy is not None
        now = self._clock() + int(drawn.amount("clock_skew", 3600) * times.SECOND)
        asked = Asked(
            id=call,
            method=request.method,
            path=request.raw_path,
            query=dict(request.query),
            headers=request.headers,
            body=body,
            now=now,
            faults=drawn,
        )
        return self._busy(asked) if "refusal" in drawn else await self._serve(asked)

    async def _misbehave(self, request: web.Request, call: int, reply: Reply, drawn: Drawn) -> web.StreamResponse:
        if "done_but_no_answer" in drawn:
            await self._hush(request, drawn.amount("done_but_no_answer", 0))
            return self._cut(request, call, "已处理,未应答")
        body = reply.body.decode().encode("gb18030") if "wrong_charset" in drawn else reply.body
        head = {"Content-Type": reply.type, **reply.headers}
        if "half_reply" in drawn:
            whole = web.StreamResponse(status=reply.status, headers={**head, "Content-Length": str(len(body))})
            await whole.prepare(request)
            await whole.write(body[: len(body) // 2])
            return self._cut(request, call, "应答只发出一半", politely=True)
        response = web.Response(status=reply.status, body=body, headers=head)
        if "duplicate_reply" in drawn:
            await response.prepare(request)
            await response.write_eof()
            self._repeat(request, reply, body)
        return response

    def _repeat(self, request: web.Request, reply: Reply, body: bytes) -> None:
        """The same answer again, on the same connection, though nobody asked again."""
        if request.transport is not None:
            head = f"HTTP/1.1 {reply.status} OK\r\nContent-Type: {reply.type}\r\nContent-Length: {len(body)}\r\n\r\n"
            request.transport.write(head.encode("ascii") + body)

    def _cut(self, request: web.Request, call: int, note: str, *, politely: bool = False) -> web.StreamResponse:
        """Ends the connection without an answer: with a TCP reset, or as if the program had died half way."""
        self._store.run(
            "update calls set answer = ?, ended_at = coalesce(ended_at, ?) where id = ?", note, times.now(), call
        )
        transport = request.transport
        if transport is not None and politely:
            transport.close()
        elif transport is not None:
            peer = transport.get_extra_info("socket")
            if peer is not None:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()
        return web.Response()  # goes nowhere: the connection is gone

    async def _hush(self, request: web.Request, seconds: float) -> None:
        """Holds the connection open in silence until the caller gives up or the time is over."""
        until = times.now() + int(seconds * times.SECOND)
        while times.now() < until:  # aiohttp tells a handler nothing when its caller leaves: look now and then
            if request.transport is None or request.transport.is_closing():
                return
            await asyncio.sleep(0.05)

    def _begin(self, request: web.Request, subject: str, drawn: Drawn) -> int:
        return self._store.insert(
            "calls",
            system=subject,
            at=times.now(),
            method=request.method,
            path=request.raw_path,
            digest="",
            faults=drawn.names,
            note="",
            answer="under way",
        )

    def _end(self, call: int, reply: Reply) -> None:
        self._store.run(
            "update calls set http = ?, code = ?, note = ?, ended_at = ?, answer = ? where id = ?",
            reply.status,
            reply.code,
            reply.note,
            times.now(),
            "已应答",
            call,
        )
