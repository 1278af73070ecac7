"""The listening side: uvicorn's protocol and a bare ASGI application on sockets of our own."""

import asyncio
import socket

import uvicorn

from adapters.doors import bound
from adapters.listening.application import application
from adapters.listening.protocol import guarded
from adapters.tls import server_context
from engine.contract import Link, Submit

_BACKLOG = 2048


class Server:
    """A source that listens on `link.listen`.

    `Inbound.path` and `query` are as they stood in the request line, percent-encoded: signatures cover them so.
    A body over `limits.size` reaches `submit` as its first 64 KiB with `too_large`, and the connection ends after
    the answer. One on a connection above `limits.connections` reaches it with `too_many`, and the connection ends
    too. Bytes that are no HTTP are answered 400 by uvicorn.
    """

    def __init__(self, link: Link) -> None:
        if link.listen is None:
            raise ValueError("a listener needs `listen`")
        self._link = link
        self._tls = server_context(link.tls) if link.tls else None
        self._socket: socket.socket | None = None
        self._ticks: asyncio.Task[None] | None = None

    async def start(self, submit: Submit, door: socket.socket | None = None) -> None:
        self._socket = door or bound(self._link, _BACKLOG)
        self._server = uvicorn.Server(self._config(submit))
        self._server.config.load()
        self._server.lifespan = self._server.config.lifespan_class(self._server.config)
        await self._server.startup(sockets=[self._socket])
        self._ticks = asyncio.get_running_loop().create_task(self._server.main_loop(), name="http ticks")

    @property
    def address(self) -> str:
        if self._socket is None or self._socket.fileno() < 0:
            return ""
        host, port = self._socket.getsockname()[:2]
        return f"{'https' if self._tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"

    def door(self) -> socket.socket | None:
        return self._socket.dup() if self.address and self._socket is not None else None

    async def stop(self, grace: float) -> None:
        if self._socket is None or self._ticks is None:
            return
        self._ticks.cancel()
        closing = asyncio.ensure_future(self._server.shutdown(sockets=[self._socket]))
        await asyncio.wait([closing], timeout=grace)
        self._server.force_exit = True
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        for task in list(self._server.server_state.tasks):
            task.cancel()
        await closing

    def _config(self, submit: Submit) -> uvicorn.Config:
        limits = self._link.limits
        tls = self._tls
        return uvicorn.Config(
            application(self._link, submit),
            http=guarded(self._link),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=max(1, int(limits.idle)),
            backlog=_BACKLOG,
            ssl_context_factory=(lambda _config, _default: tls) if tls is not None else None,
        )
