"""One request and its whole reply with aiohttp: kept connections, no redirects, no second try of its own."""

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from adapters.calling.connector import Connector
from adapters.tls import client_context
from engine.contract import Failure, InDoubt, Link, Refused, Reply, Unavailable

_SENT_AGAIN = frozenset({"GET", "PUT", "DELETE"})
_LARGE = 512 * 1024
"""Above this size a body is written in pieces, so that other calls have their turn."""


class Exchange:
    """The connections to one system at `http(s)://host[:port][/path]`. `headers` go with every request."""

    def __init__(self, link: Link, headers: Mapping[str, str]) -> None:
        url = urlsplit(link.url or "")
        if url.scheme not in ("http", "https") or not url.hostname or url.query or url.username:
            raise ValueError("a system called over HTTP needs a url like https://host/path, without query or login")
        self._limits = link.limits
        self._headers = headers
        self._url = url
        self._tls = client_context(link.tls) if link.tls else True
        self._session: aiohttp.ClientSession | None = None

    async def request(self, method: str, path: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Reply:
        """What came back, whatever its status. `path` with its query, percent-encoded; header names of the reply are
        in lower case. Raises Unavailable, InDoubt, and Refused for what HTTP cannot carry.
        """
        try:
            async with self._open().request(
                method,
                URL(f"{self._url.scheme}://{self._url.netloc}{path}", encoded=True),
                data=(BytesIO(body) if len(body) > _LARGE else body) if body else None,
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

    async def probe(self, timeout: float) -> None:
        """Connects and hangs up. Raises Unavailable."""
        secure = self._tls if self._url.scheme == "https" else None
        port = self._url.port or (443 if secure else 80)
        try:
            async with asyncio.timeout(min(self._limits.connect, timeout)):
                _, writer = await asyncio.open_connection(self._url.hostname, port, ssl=secure)
        except (OSError, TimeoutError):
            writer = None
        if writer is None:
            raise Unavailable("connect_failed")
        writer.close()

    async def close(self) -> None:
        """Ends every connection."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=Connector(limit=self._limits.at_once, keepalive_timeout=self._limits.idle, ssl=self._tls),
                headers={"Accept-Encoding": "identity", **self._headers},
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
            raise InDoubt(_TOO_LARGE.why)
        parts.append(part)
    return b"".join(parts)


_NO_WAY = Failure(
    Unavailable, "connect_timeout", "no connection within `limits.connect`", ("black hole", "silence in the handshake")
)
_NO_NAME = Failure(Unavailable, "unknown_host", "nobody knows the host's name", ("DNS gone",))
_TLS = Failure(Unavailable, "tls_refused", "no TLS with it: its certificate, or ours", ("certificate expired",))
_NO_HTTP = Failure(Refused, "not_sendable", "a header or an address that HTTP cannot carry: nothing was sent")
_TOO_LARGE = Failure(InDoubt, "reply_too_large", "the reply is larger than `limits.size`")
_ERRORS: tuple[tuple[type[Exception], Failure], ...] = (
    (aiohttp.ConnectionTimeoutError, _NO_WAY),
    (aiohttp.ClientConnectorDNSError, _NO_NAME),
    (aiohttp.ClientConnectorSSLError, _TLS),
    (aiohttp.ClientConnectorCertificateError, _TLS),
    (aiohttp.ClientConnectorError, Failure(Unavailable, "connect_refused", "nothing listens there", ("refused",))),
    (TimeoutError, Failure(InDoubt, "timeout", "no whole reply within `limits.total`", ("silence", "slow drip"))),
    (aiohttp.ServerDisconnectedError, Failure(InDoubt, "closed", "the connection was closed before the reply")),
    (aiohttp.ClientOSError, Failure(InDoubt, "reset", "the connection broke off", ("reset after effect",))),
    (aiohttp.ClientPayloadError, Failure(InDoubt, "half_reply", "the reply ended before its end", ("half a reply",))),
    (aiohttp.ClientError, Failure(InDoubt, "no_http_reply", "what came is no HTTP", ("garbage",))),
)
"""What aiohttp's errors say about the peer, the narrower first: those of connecting come before the first byte."""

FAILURES = (*dict.fromkeys(failure for _, failure in _ERRORS), _TOO_LARGE, _NO_HTTP)


def _truth(error: Exception) -> Unavailable | InDoubt | Refused:
    meant = next((failure for kind, failure in _ERRORS if isinstance(error, kind)), _NO_HTTP)
    return meant.raised(meant.why)
