"""Calls to a FHIR server: conditions, what is preferred back, and who calls."""

from adapters.calling.exchange import Exchange
from adapters.fhir.address import address, conditions
from adapters.fhir.options import OperationOptions, ProfileOptions
from adapters.fhir.outcome import judged
from engine.contract import Call, Link, Refused, Reply

_TYPE = "application/fhir+json"


class Client:
    """A destination at `http(s)://host[:port]/base`. What an answer proves: docs/fhir.md."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._exchange = Exchange(link, _headers(link))

    async def send(self, call: Call) -> Reply:
        options = call.options
        assert isinstance(options, OperationOptions)
        assert isinstance(call.body, bytes), "HTTP carries bytes"
        try:
            method, path = address(options, call.fields, self._link.url)
            headers = {**conditions(options, call.fields), **call.headers}
        except KeyError:
            raise Refused("missing_value_in_address") from None
        if method != "GET":
            headers["Prefer"] = f"return={options.prefer}"
        if call.body:
            headers.setdefault("Content-Type", options.content_type)
        reply = await self._exchange.request(method, path, call.body, headers, call.timeout)
        return judged(reply, options.answers, options.unread)

    async def probe(self, timeout: float) -> None:
        await self._exchange.probe(timeout)

    async def close(self) -> None:
        await self._exchange.close()


def _headers(link: Link) -> dict[str, str]:
    """What every call carries."""
    options = link.options
    assert isinstance(options, ProfileOptions)
    headers = {"Accept": _TYPE, **options.headers}
    if options.bearer and link.login is not None:
        headers["Authorization"] = f"Bearer {link.login.password}"
    return headers
