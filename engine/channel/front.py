"""What stands before the entrance: the pages of the API, and browsers that ask whether they may call it (CORS)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import orjson

from engine.channel.contracts import Contract, Contracts
from engine.channel.entrance import Entrance
from engine.channel.html import page
from engine.channel.openapi import document
from engine.contract import Answer, Inbound
from engine.settings.systems import Cors

Docs: TypeAlias = Literal["public", "clients", "off"]

_ASKED: Final = "x-app-id, x-timestamp, x-nonce, x-signature, x-campus, x-channel, x-request-id, idempotency-key"
_METHODS: Final = "GET, POST, PUT, PATCH, DELETE"
_SHOWN: Final = "x-trace-id, x-request-id, retry-after, age"


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages below the base, made when the texts are loaded."""

    found: Mapping[str, tuple[str, bytes]]
    """Path to (media type, content)."""

    @classmethod
    def of(cls, contracts: Contracts, served: Callable[[str], bool], campuses: Sequence[str]) -> "Pages":
        """Those of the operations that `served` says are routed here, at these campuses."""
        shown: Iterable[Contract] = (one for name, one in contracts.operations.items() if served(name))
        return cls(
            {
                f"{contracts.base}/openapi.json": (
                    "application/json",
                    orjson.dumps(document(contracts, served, campuses)),
                ),
                f"{contracts.base}/docs": ("text/html", page(contracts, shown).encode()),
            }
        )


class Front:
    """A `Submit` for the channel's source, before an entrance."""

    def __init__(self, entrance: Entrance, pages: Pages, docs: Docs, cors: Cors | None) -> None:
        self._entrance = entrance
        self._pages = pages
        self._docs = docs
        self._cors = cors

    async def __call__(self, inbound: Inbound) -> Answer:
        """The answer to one request; never raises but for cancellation."""
        origin = inbound.headers.get("origin", "")
        if self._cors is None or not origin:
            return await self._answer(inbound)
        listed = origin in self._cors.origins
        if inbound.method == "OPTIONS" and "access-control-request-method" in inbound.headers:
            return Answer((), 204, _allowed(self._cors, origin) if listed else {"vary": "origin"})
        answer = await self._answer(inbound)
        mine = {"access-control-allow-origin": origin, "access-control-expose-headers": _SHOWN} if listed else {}
        return replace(answer, headers={**answer.headers, **mine, "vary": "origin"})

    async def _answer(self, inbound: Inbound) -> Answer:
        page = self._pages.found.get(inbound.path) if inbound.method == "GET" and self._docs != "off" else None
        if page is None:
            return await self._entrance(inbound)
        if self._docs == "clients" and (refused := self._entrance.unknown(inbound)) is not None:
            return refused
        media, content = page
        headers = {"content-type": f"{media}; charset=utf-8", "x-content-type-options": "nosniff"}
        return Answer((content,), 200, headers | {"cache-control": "no-cache"})


def _allowed(cors: Cors, origin: str) -> dict[str, str]:
    """What a listed page may send. Credentials are never allowed: callers sign, browsers keep no cookie of ours."""
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": _METHODS,
        "access-control-allow-headers": f"content-type, accept-language, {_ASKED}",
        "access-control-max-age": str(int(cors.max_age)),
        "vary": "origin",
    }
