"""The client side: one POST a call, and what its answer proves."""

from urllib.parse import quote, urlencode, urlsplit

from adapters.calling.exchange import Exchange
from adapters.soap.answer import failure, read
from adapters.soap.envelope import Envelope
from adapters.soap.options import FromLogin, ProfileOptions
from engine.contract import Call, Link, Reply, Unavailable


class Client:
    """A destination at `http(s)://host[:port]/path`. What the WSDL says of addresses is never used.

    `Reply.body` is the string inside the result, as UTF-8. What each answer is: docs/adapters.md.
    """

    def __init__(self, link: Link) -> None:
        options = link.options
        assert isinstance(options, ProfileOptions)
        self._options = options
        self._exchange = Exchange(link, {})
        self._path = _path(link, options)

    async def send(self, call: Call) -> Reply:
        envelope = call.options
        assert isinstance(envelope, Envelope), "made by `prepare`"
        assert isinstance(call.body, bytes), "SOAP carries one string"
        if self._path is None:
            raise Unavailable("login_missing")
        request, headers = envelope.write(call.body), {**envelope.headers, **call.headers}
        reply = await self._exchange.request("POST", self._path, request, headers, call.timeout)
        if reply.status in self._options.unread:
            raise Unavailable(f"http_{reply.status}")
        if reply.status is None or not 200 <= reply.status < 300:
            raise failure(reply, self._options.faults)
        return read(reply, envelope.result, self._options.faults)

    async def probe(self, timeout: float) -> None:
        await self._exchange.probe(timeout)

    async def close(self) -> None:
        await self._exchange.close()


def _path(link: Link, options: ProfileOptions) -> str | None:
    """The path with its query; None where the query needs a login that the system does not have."""
    path = urlsplit(link.url or "").path or "/"
    login, query = link.login, {}
    for name, value in options.query.items():
        if not isinstance(value, FromLogin):
            query[name] = value
        elif login is None:
            return None
        else:
            query[name] = login.user if value.login == "user" else login.password
    return f"{path}?{urlencode(query, quote_via=quote)}" if query else path
