"""Applications in a scenario: what they call, and how they sign it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

import orjson

from engine.app.offers import contracts_of
from engine.app.scenarios.text import Called
from engine.channel.contracts import Contracts
from engine.channel.texts import OperationText
from engine.contract import Inbound
from engine.routing.release import Release
from engine.sealing.schemes import preset
from engine.sealing.template import Parts
from engine.settings.models import Config
from engine.settings.problems import Problems


@dataclass(frozen=True, slots=True)
class Channel:
    """A system whose clients call, and what they may call."""

    system: str
    contracts: Contracts
    clients: Mapping[str, str] = field(repr=False)
    """Client to the name of the secret that it signs with."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call of an application, not signed yet."""

    channel: Channel
    client: str
    method: str
    path: str
    """With its query."""
    body: bytes
    headers: Mapping[str, str]

    def signed(self, now: int, nonce: str, secret: str) -> Inbound:
        """As it comes in at this instant."""
        scheme = preset(self.channel.contracts.signature)
        parts = Parts(self.method, self.path, self.body, scheme.stamp(now), nonce, self.client, secret)
        headers = {name.lower(): value for name, value in scheme.headers_for(parts).items()}
        path, _, query = self.path.partition("?")
        every = {**self.headers, **headers}
        return Inbound(self.channel.system, self.body, "127.0.0.1", "", self.method, path, query, every)


def channels(release: Release, config: Config) -> list[Channel]:
    """The channels of a site whose contracts can be used."""
    found = []
    for name, system in config.systems.items():
        contracts = contracts_of(release, system.profile, Problems()) if system.clients else None
        if contracts is not None:
            secrets = {client: one.secret for client, one in system.clients.items()}
            found.append(Channel(name, contracts, secrets))
    return found


def request(called: Called, channel: Channel) -> Request:
    """A call as an application makes it. Raises KeyError(name) where the path has a name without a value."""
    text = channel.contracts.operations[called.operation].text
    body = b"" if called.body is None else orjson.dumps(called.body)
    headers = {
        "content-type": "application/json" if body else None,
        "idempotency-key": called.key,
        "x-campus": called.campus,
    }
    said = {name: value for name, value in headers.items() if value is not None}
    client = called.client or next(iter(channel.clients))
    return Request(channel, client, text.method, channel.contracts.base + _path(text, called.values), body, said)


def _path(text: OperationText, values: Mapping[str, str]) -> str:
    path = re.sub(r"\{(\w+)\}", lambda found: quote(values[found[1]], safe=""), text.path)
    query = urlencode({name: value for name, value in values.items() if name in text.request.query})
    return f"{path}?{query}" if query else path
