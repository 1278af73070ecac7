"""Calls over HTTP with aiohttp: kept connections, no redirects, no second try of its own."""

import asyncio
from base64 import b64encode
from functools import lru_cache
from io import BytesIO
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from adapters.http.address import address
from adapters.http.connector import Connector
from adapters.http.options import OperationOptions, ProfileOptions
from adapters.tls import client_context
from engine.contract import Call, InDoubt, Link, Refused, Reply, Unavailable

_SENT_AGAIN = frozenset({"GET", "PUT", "DELETE"})
_LARGE = 512 * 1024
"""Above this size a body is written in pieces, so that other calls have their turn."""


class Client:
    """A destination at `http(s)://host[:port][/path]`.

    What a status is: 2xx and the operation's `answers` are a Reply; its `unread` Unavailable; other 4xx Refused;
    everything else (3xx, 5xx) InDoubt, for a redirect or a gateway's error does not say that nothing was done.
    """

    def __init__(self, link: Link) -> None:
        url = urlsplit(link.url or "")
        if url.scheme not in ("http", "https") or not url.hostname or url.query or url.username:
            raise ValueError("an HTTP destination needs a url like https://host/path, without query or login")
        self._link = link
        self._limits = link.limits
        self._origin = f"{url.scheme}://{url.netloc}"
        self._tls = client_context(link.tls) if link.tls else True
        self._session: aiohttp.ClientSession | None = None

    async def send(self, call: Call) -> Reply:
        options = call.options
        assert isinstance(options, OperationOptions)
        assert isinstance(call.body, bytes), "HTTP carries bytes"
        try:
            method, path = address(options, call.fields, self._link.url)
        except KeyError:
            raise Refused("missing_value_in_path") from None
        headers = dict(call.headers)
        if call.body:
            headers.setdefault("Content-Type", options.content_type)
        reply = await self._exchange(method, path, call.body or None, headers, call.timeout)
        return _judged(reply, options)

    async def probe(self, timeout: float) -> None:
        url = urlsplit(self._origin)
        limit = min(self._limits.connect, timeout)
        secure = self._tls if url.scheme == "https" else None
        port = url.port or (443 if secure else 80)
        try:
            async with asyncio.timeout(limit):
                _, writer = await asyncio.open_connection(url.hostname, port, ssl=secure)
        except (OSError, TimeoutError):
            writer = None
        if writer is None:
            raise Unavailable("connect_failed")
        writer.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Reply:
        try:
            async with self._open().request(
                method,
                URL(self._origin + path, encoded=True),
                data=BytesIO(body) if body and len(body) > _LARGE else body,
                headers=headers,
                timeout=_timeouts(timeout, self._limits.connect),
                allow_redirects=False,
                middlewares=(_only_once,) if method in _SENT_AGAIN else None,
            ) as response:
                content = await _read(response, self._limits.size)
                names = {name.lower(): value for name, value in response.headers.items()}
                return Reply(body=content, status=response.status, headers=names)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            truth = _truth(error)
        raise truth

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            options = self._link.options
            assert isinstance(options, ProfileOptions)
            headers = {"Accept-Encoding": "identity", **options.headers}
            if options.basic and self._link.login is not None:
                login = f"{self._link.login.user}:{self._link.login.password}"
                headers["Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
            self._session = aiohttp.ClientSession(
                connector=Connector(limit=self._limits.at_once, keepalive_timeout=self._limits.idle, ssl=self._tls),
                headers=headers,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


@lru_cache(maxsize=64)
def _timeouts(total: float, connect: float) -> aiohttp.ClientTimeout:
    """Connecting has the shorter limit, so that its end is known from the end of the call."""
    return aiohttp.ClientTimeout(total=total, connect=min(connect, total * 0.9))


async def _only_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Ends aiohttp's habit of sending these again when a kept connection breaks: whether the first one was read is
    exactly what nobody knows.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        truth = _truth(error)  # no error of aiohttp's: it does not try again
    raise truth


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > limit:
            response.close()
            raise InDoubt("reply_too_large")
        parts.append(part)
    return b"".join(parts)


_CONNECTING: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ConnectionTimeoutError, "connect_timeout"),
    (aiohttp.ClientConnectorDNSError, "unknown_host"),
    (aiohttp.ClientConnectorSSLError, "tls_refused"),
    (aiohttp.ClientConnectorCertificateError, "tls_refused"),
    (aiohttp.ClientConnectorError, "connect_refused"),
)
_TALKING: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "timeout"),
    (aiohttp.ServerDisconnectedError, "closed"),
    (aiohttp.ClientOSError, "reset"),
    (aiohttp.ClientPayloadError, "half_reply"),
    (aiohttp.ClientError, "no_http_reply"),
)


def _truth(error: Exception) -> Unavailable | InDoubt | Refused:
    """What aiohttp's errors say about the peer: those of connecting come before the first byte."""
    for kind, why in _CONNECTING:
        if isinstance(error, kind):
            return Unavailable(why)
    for kind, why in _TALKING:
        if isinstance(error, kind):
            return InDoubt(why)
    return Refused("not_sendable")  # a header or an address that HTTP cannot carry: nothing was sent


def _judged(reply: Reply, options: OperationOptions) -> Reply:
    status = reply.status or 0
    if 200 <= status < 300 or status in options.answers:
        return reply
    if status in options.unread:
        raise Unavailable(f"http_{status}")
    if 400 <= status < 500:
        raise Refused(f"http_{status}", reply)
    raise InDoubt(f"http_{status}", reply)
