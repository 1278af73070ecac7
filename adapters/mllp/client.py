"""The sending side: kept connections, one message at a time on each, and the truth about what became of it."""

import asyncio
import socket
import ssl
from typing import cast
from urllib.parse import urlsplit

from adapters.kept import question
from adapters.mllp.frames import END, Beginning, Framed, frame
from adapters.mllp.options import ProfileOptions
from adapters.mllp.pairing import answers, control_id
from adapters.tls import client_context
from engine.contract import Call, InDoubt, Link, Refused, Reply, Tls, Unavailable


class Client:
    """A destination at `mllp://host:port`, or `mllps://` for TLS.

    As many connections as calls come at once; each is kept for `limits.idle` after its last use.
    Nothing but one whole, fitting answer keeps a connection: after a timeout, half a reply or a byte
    that nobody asked for it is closed, so that no late answer meets the next message.
    """

    def __init__(self, link: Link) -> None:
        url = urlsplit(link.url or "")
        if url.scheme not in ("mllp", "mllps") or not url.hostname or not url.port:
            raise ValueError("an MLLP destination needs a url like mllp://host:port")
        self._host, self._port = url.hostname, url.port
        secure = url.scheme == "mllps" or link.tls is not None
        self._tls = client_context(link.tls or Tls()) if secure else None
        self._limits = link.limits
        assert isinstance(link.options, ProfileOptions)
        self._match = link.options.match_reply
        self._kept: list[_Line] = []
        self._closed = False

    async def send(self, call: Call) -> Reply:
        assert isinstance(call.body, bytes), "MLLP carries bytes"
        if END in call.body:  # the peer would read half of it as the whole
            raise Refused("frame_byte_in_body")
        deadline = asyncio.get_running_loop().time() + call.timeout
        line = self._take_kept() or await self._connect(call.timeout)
        reply = await line.exchange(call.body, deadline, match=self._match)
        self._keep(line)
        return Reply(body=reply)

    async def probe(self, timeout: float) -> None:
        (await self._connect(timeout)).end()

    async def close(self) -> None:
        self._closed = True
        while self._kept:
            self._kept.pop().end()

    def _take_kept(self) -> "_Line | None":
        while self._kept:
            line = self._kept.pop()
            if line.usable():
                return line
            line.end()
        return None

    def _keep(self, line: "_Line") -> None:
        if self._closed or len(self._kept) >= self._limits.at_once:
            line.end()
        else:
            self._kept.append(line)
            line.rest(self._limits.idle)

    async def _connect(self, timeout: float) -> "_Line":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(min(self._limits.connect, timeout)):
                _, line = await loop.create_connection(
                    lambda: _Line(self._limits.size, loop),
                    self._host,
                    self._port,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls else None,
                )
        except TimeoutError:
            why = "connect_timeout"
        except ConnectionRefusedError:
            why = "connect_refused"
        except socket.gaierror:
            why = "unknown_host"
        except ssl.SSLError:
            why = "tls_refused"
        except OSError:
            why = "unreachable"
        else:
            return line
        raise Unavailable(why)


class _Line(Framed):
    """One connection: idle, or waiting for the answer to one message."""

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit, loop)
        self._waiting: asyncio.Future[bytes] | None = None
        self._sent = ""
        self._resting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self._unasked = question(transport.get_extra_info("socket").fileno())

    async def exchange(self, body: bytes, deadline: float, *, match: bool) -> bytes:
        """Sends one message and gives the answer's bytes. Raises Unavailable before the first byte, then InDoubt."""
        if self._transport.is_closing():
            raise Unavailable("closed_before_sending")
        self._sent = control_id(body) if match else ""
        self._waiting = self.loop.create_future()
        timer = self.loop.call_at(deadline, self._fail, "timeout")
        try:
            self._transport.write(frame(body))
            return await self._waiting
        except BaseException:  # cancellation too: whatever still comes belongs to nobody
            self._transport.abort()
            raise
        finally:
            timer.cancel()
            self._waiting = None

    def usable(self) -> bool:
        """Whether a kept connection is still there. To find its end only after writing would be a doubt."""
        if self._resting is not None:
            self._resting.cancel()
        if self._transport.is_closing() or self.frames.partial:
            return False
        return not self._unasked()

    def rest(self, idle: float) -> None:
        """Waits for its next use, at most `idle` seconds."""
        self._resting = self.loop.call_later(idle, self.end)

    def end(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
        self._transport.close()

    def frames_read(self, frames: list[bytes]) -> None:
        for reply in frames:
            if self._waiting is None or self._waiting.done():
                self._transport.close()  # an answer too many: nobody can say what the next one answers
            elif type(reply) is Beginning:
                self._fail("reply_too_large")
            elif answers(reply, self._sent):
                self._waiting.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._resting is not None:
            self._resting.cancel()
        self._fail("half_reply" if self.frames.partial else "reset" if exc else "closed")

    def _fail(self, why: str) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(InDoubt(why))
