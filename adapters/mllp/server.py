"""The listening side: frames in, answers out in the order of reading, several open at once.

An asyncio protocol, not streams: no task per connection, one task per message (the engine's `submit`
needs one), and an answer is written by the task that finishes it when its turn has come.
"""

import asyncio
import socket
from collections import deque
from ipaddress import ip_address, ip_network
from typing import cast

from adapters.doors import bound, patience_left
from adapters.mllp.frames import Beginning, Framed, frame
from adapters.tls import common_name, server_context
from engine.contract import Answer, Inbound, Link, Submit

_MOST_OPEN = 64
_MOST_BYTES = 4 * 1024 * 1024
_BACKLOG = 512


class Server:
    """A source that listens on `link.listen`.

    A peer from outside `link.allow`, or one too many, is disconnected without a word: MLLP has none for it.
    A frame over `limits.size` reaches `submit` as its first 64 KiB with `too_large`.
    """

    def __init__(self, link: Link) -> None:
        if link.listen is None:
            raise ValueError("an MLLP source needs `listen`")
        self.link = link
        self.connections: set[Connection] = set()
        self._networks = [ip_network(network) for network in link.allow]
        self._tls = server_context(link.tls) if link.tls else None
        self._listener: asyncio.Server | None = None
        self._socket: socket.socket | None = None
        self._empty: asyncio.Event = asyncio.Event()

    async def start(self, submit: Submit, door: socket.socket | None = None) -> None:
        loop = asyncio.get_running_loop()
        self._socket = door or bound(self.link, _BACKLOG)
        self._listener = await loop.create_server(
            lambda: Connection(self, submit, loop), sock=self._socket, ssl=self._tls, backlog=_BACKLOG
        )

    @property
    def address(self) -> str:
        if self._socket is None:
            return ""
        host, port = self._socket.getsockname()[:2]
        return f"{'mllps' if self._tls else 'mllp'}://{f'[{host}]' if ':' in host else host}:{port}"

    def door(self) -> socket.socket | None:
        return self._socket.dup() if self._socket is not None else None

    async def stop(self, grace: float) -> None:
        if self._listener is not None and self._socket is not None:
            self._listener.close()
            self._socket.close()
            self._socket = None
        for connection in list(self.connections):
            connection.finish()
        self._empty.clear()
        if self.connections:
            try:
                await asyncio.wait_for(self._empty.wait(), grace)
            except TimeoutError:
                for connection in list(self.connections):
                    connection.abort()

    def admits(self, remote: str) -> bool:
        """Whether a peer at this address may connect now."""
        if len(self.connections) >= self.link.limits.connections:
            return False
        return not self._networks or any(ip_address(remote) in network for network in self._networks)

    def left(self, connection: "Connection") -> None:
        """A connection has ended and none of its messages is open."""
        self.connections.discard(connection)
        if not self.connections:
            self._empty.set()


class _Turn:
    """One message's place in its connection's line of answers."""

    __slots__ = ("answer", "size", "task")

    def __init__(self, size: int) -> None:
        self.size = size
        self.answer: Answer | None = None
        self.task: asyncio.Task[None] | None = None  # held here until its turn is over


class Connection(Framed):
    """One peer. It is kept by its server until it is closed and its last message is answered."""

    def __init__(self, server: Server, submit: Submit, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(server.link.limits.size, loop)
        self._server = server
        self._submit = submit
        self._system = server.link.system
        self._turns: deque[_Turn] = deque()
        self._bytes = 0  # of messages not answered yet
        self._full = False  # the peer does not read its answers
        self._paused = False
        self._ending = False
        self._lost = False
        self._heard = 0.0
        self._began = 0.0  # when the frame that is coming began, or could go on
        self._came = 0  # bytes since then
        self._remote = self._client = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self._remote = str((transport.get_extra_info("peername") or ("",))[0])
        if not self._server.admits(self._remote):
            self._lost = True
            self._transport.abort()
            return
        self._client = common_name(transport.get_extra_info("peercert"))
        self._server.connections.add(self)
        self._heard = self.loop.time()
        self._idle = self.loop.call_later(self._server.link.limits.idle, self._look)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if not self._lost:
            self._lost = True
            self._idle.cancel()
            if not self._turns:
                self._server.left(self)

    def data_received(self, data: bytes) -> None:
        if not self._ending:
            self._heard = self.loop.time()
            if not self.frames.partial:
                self._began, self._came = self._heard, 0
            self._came += len(data)
            super().data_received(data)

    def eof_received(self) -> bool:
        """The peer has said all it will; it still reads its answers."""
        super().eof_received()
        self.finish()
        return self._transport.get_extra_info("ssl_object") is None  # TLS knows no half-closed connection

    def frames_read(self, frames: list[bytes]) -> None:
        if frames:
            self._began, self._came = self._heard, 0
        for raw in frames:
            large = type(raw) is Beginning
            inbound = Inbound(self._system, bytes(raw), self._remote, self._client, too_large=large)
            turn = _Turn(len(raw))
            self._turns.append(turn)
            self._bytes += turn.size
            turn.task = self.loop.create_task(self._serve(turn, inbound))
        self._balance()

    def pause_writing(self) -> None:
        self._full = True
        self._balance()

    def resume_writing(self) -> None:
        self._full = False
        self._balance()

    def finish(self) -> None:
        """Takes no more, and closes once what was taken is answered. What still comes is read and dropped: unread
        bytes would make the system reset the connection, and the peer could lose its last answers with it.
        """
        self._ending = True
        if not self._turns:
            self._transport.close()
        else:
            self._balance()

    def abort(self) -> None:
        """Ends at once; nobody waits for the answers any more."""
        for turn in self._turns:
            if turn.task is not None:
                turn.task.cancel()
        self._transport.abort()

    async def _serve(self, turn: _Turn, inbound: Inbound) -> None:
        try:
            turn.answer = await self._submit(inbound)
        finally:
            if turn.answer is None:  # cancelled: the peer must see that no answer will come
                turn.answer = Answer(close=True)
            self._say()

    def _say(self) -> None:
        """Writes the answers whose turn has come."""
        turns, close = self._turns, False
        bodies: list[bytes] = []
        while turns and turns[0].answer is not None and not close:
            turn = turns.popleft()
            assert turn.answer is not None
            self._bytes -= turn.size
            bodies += turn.answer.bodies
            close = turn.answer.close
        if self._lost:
            if not turns:
                self._server.left(self)
            return
        if bodies:
            self._transport.write(b"".join(map(frame, bodies)))
        if close or (self._ending and not turns):
            self._ending = True
            self._transport.close()
        else:
            self._balance()

    def _balance(self) -> None:
        """Reads only while the engine answers and the peer takes its answers."""
        busy = self._full or len(self._turns) >= _MOST_OPEN or self._bytes >= _MOST_BYTES
        over = busy and not self._ending
        if over is not self._paused and not self._transport.is_closing():
            self._paused = over
            self._began = self.loop.time()  # while it is not read, its peer is not the slow one
            (self._transport.pause_reading if over else self._transport.resume_reading)()

    def _look(self) -> None:
        """Closes a connection on which nothing has come for the idle time and nothing is owed, or a frame comes too
        slowly.
        """
        idle, now = self._server.link.limits.idle, self.loop.time()
        quiet = now - self._heard
        if self._full and quiet >= idle:
            self.abort()
        elif not self._turns and quiet >= idle:
            self._transport.close()
        elif self.frames.partial and not self._paused and patience_left(idle, now - self._began, self._came) < 0:
            self.finish()
        self._idle = self.loop.call_later(max(idle - quiet, idle / 10), self._look)
