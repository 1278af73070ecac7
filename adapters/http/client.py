"""Calls over HTTP: the address that was signed is the one that is sent, and what a status proves."""

from base64 import b64encode

from adapters.calling.exchange import Exchange
from adapters.http.address import address
from adapters.http.options import OperationOptions, ProfileOptions
from engine.contract import Call, InDoubt, Link, Refused, Reply, Unavailable


class Client:
    """A destination at `http(s)://host[:port][/path]`.

    What a status is: 2xx and the operation's `answers` are a Reply; its `unread` Unavailable; other 4xx Refused;
    everything else (3xx, 5xx) InDoubt, for a redirect or a gateway's error does not say that nothing was done.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._exchange = Exchange(link, _headers(link))

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
        return _judged(await self._exchange.request(method, path, call.body, headers, call.timeout), options)

    async def probe(self, timeout: float) -> None:
        await self._exchange.probe(timeout)

    async def close(self) -> None:
        await self._exchange.close()


def _headers(link: Link) -> dict[str, str]:
    """What every call carries."""
    options = link.options
    assert isinstance(options, ProfileOptions)
    headers = dict(options.headers)
    if options.basic and link.login is not None:
        login = f"{link.login.user}:{link.login.password}"
        headers["Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
    return headers


def _judged(reply: Reply, options: OperationOptions) -> Reply:
    status = reply.status or 0
    if 200 <= status < 300 or status in options.answers:
        return reply
    if status in options.unread:
        raise Unavailable(f"http_{status}")
    if 400 <= status < 500:
        raise Refused(f"http_{status}", reply)
    raise InDoubt(f"http_{status}", reply)
