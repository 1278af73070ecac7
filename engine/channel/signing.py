"""Who calls: the signature of a request, its age, and that it was not seen before.

A stranger learns nothing: an unknown application and a wrong signature take the same work and get
the same answer. What is said before (a header is missing, the clock is wrong) says nothing about
applications; what is said after (a nonce used twice) is said only to who knows the secret.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from engine.base.clock import SECOND, Clock
from engine.base.errors import Code
from engine.base.ids import Ids
from engine.channel.clients import Client
from engine.channel.refusal import Refusal, Words
from engine.contract import Inbound
from engine.sealing.sign import Scheme
from engine.sealing.template import Parts

WINDOW: Final = 300
"""Seconds that a timestamp may be away from our clock, before or after."""
NONCES: Final = 100_000
"""Nonces remembered for one application; more signed calls than that in ten minutes are told to wait."""

_STAMP = re.compile(r"[0-9]{1,12}")
_NONCE = re.compile(r"[A-Za-z0-9._-]{8,64}")
_SECRETS = 2
_CHALLENGE = {"www-authenticate": "HMAC"}

_MISSING = Words(
    "缺少签名请求头：X-App-Id、X-Timestamp、X-Nonce、X-Signature",
    "X-App-Id, X-Timestamp, X-Nonce and X-Signature are needed",
)
_FORM = Words(
    "X-Timestamp 须为秒级时间戳，X-Nonce 须为 8–64 位字母、数字或 . _ -",
    "X-Timestamp must be seconds since 1970, X-Nonce 8 to 64 letters, digits or . _ -",
)
_ENCODED = Words("路径与查询参数须经百分号编码", "the path and the query must be percent-encoded")
_CLOCK = Words(
    f"X-Timestamp 与服务器时间相差超过 {WINDOW} 秒", f"X-Timestamp is more than {WINDOW} s away from the server's clock"
)
_SEEN = Words("X-Nonce 已使用过，请重新签名后再试", "X-Nonce was used before; sign again with a new one")
_MANY = Words("签名请求过多，请稍后再试", "too many signed calls in the window")


class Signatures:
    """Proves the caller of a request. One object for the life of the bus: it remembers nonces, in this process."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._nonces: defaultdict[str, _Nonces] = defaultdict(_Nonces)
        self._nobody = tuple(ids.token() for _ in range(_SECRETS))

    def prove(self, inbound: Inbound, scheme: Scheme, clients: Mapping[str, Client]) -> Client:
        """The client that signed. Raises Refusal: SIGN_INVALID, or RATE_LIMITED where its nonces are too many."""
        told = scheme.presented(inbound.headers)
        if told is None:
            raise _refused(_MISSING)
        if not _STAMP.fullmatch(told.timestamp) or not _NONCE.fullmatch(told.nonce):
            raise _refused(_FORM)
        path = f"{inbound.path}?{inbound.query}" if inbound.query else inbound.path
        if not (path.isascii() and told.signature.isascii()):
            raise _refused(_ENCODED)
        now, at = self._clock.now() // SECOND, int(told.timestamp)
        if abs(now - at) > WINDOW:
            raise _refused(_CLOCK)
        parts = Parts(inbound.method, path, inbound.raw, told.timestamp, told.nonce, told.user, "", told.signature)
        client = clients.get(told.user)
        secrets = (*(client.secrets() if client else ()), *self._nobody)[:_SECRETS]
        if not scheme.verify(parts, secrets) or client is None:
            raise _refused(None)
        self._first_time(client, told.nonce, at, now)
        return client

    def _first_time(self, client: Client, nonce: str, at: int, now: int) -> None:
        nonces = self._nonces[client.name]
        nonces.forget(now - WINDOW)
        if nonces.seen(nonce):
            raise _refused(_SEEN)
        if nonces.count >= NONCES:
            raise Refusal(Code.RATE_LIMITED, _MANY, headers={"retry-after": str(WINDOW // 5)})
        nonces.add(nonce, at)


class _Nonces:
    """The nonces of one application, forgotten by the minute once their timestamps are out of the window."""

    def __init__(self) -> None:
        self._minutes: dict[int, set[str]] = {}
        self.count = 0

    def seen(self, nonce: str) -> bool:
        return any(nonce in minute for minute in self._minutes.values())

    def add(self, nonce: str, at: int) -> None:
        self._minutes.setdefault(at // 60, set()).add(nonce)
        self.count += 1

    def forget(self, before: int) -> None:
        for minute in [minute for minute in self._minutes if minute * 60 + 59 < before]:
            self.count -= len(self._minutes.pop(minute))


def _refused(reason: Words | None) -> Refusal:
    return Refusal(Code.SIGN_INVALID, reason, headers=_CHALLENGE)
