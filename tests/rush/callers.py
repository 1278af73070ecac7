"""Callers at the hour of 号源: each wants one number, repeats its key until it knows, and remembers what it was told."""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

_UNKNOWN = frozenset({"RESULT_UNKNOWN", "IN_PROGRESS"})
"""What tells a caller to ask again with the same key."""
_NOT_DONE = frozenset({"BACKEND_UNAVAILABLE", "STATE_CONFLICT", "BUSY", "RATE_LIMITED"})
"""What tells him that nothing was done: he may try again, with another key."""
_PAUSE = 1.0
_LOCK, _BOOK = "/api/v1/appointments/lock", "/api/v1/appointments"


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants what."""

    patient: str
    schedule: str
    slot: str


@dataclass(slots=True)
class Told:
    """What one caller was told in the end."""

    wish: Wish
    code: str = ""
    """The last envelope's code."""
    order: str | None = None
    """The booking's number at the HIS, where it was told "booked"."""
    waited: float = 0.0
    """Seconds until it knew."""


@dataclass
class Crowd:
    """All callers of a rush. `answers` counts the codes of all answers, `longest` is the longest single wait."""

    port: int
    client: str
    secret: str
    patience: float
    answers: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0

    async def rush(self, wishes: Sequence[Wish]) -> list[Told]:
        """All at once; each until it knows, or until its patience ends."""
        connector = aiohttp.TCPConnector(limit=0)
        limits = aiohttp.ClientTimeout(total=120)
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{self.port}", connector=connector, timeout=limits
        ) as session:
            return await asyncio.gather(*(self._one(session, wish) for wish in wishes))

    async def _one(self, session: aiohttp.ClientSession, wish: Wish) -> Told:
        began = time.monotonic()
        until = began + self.patience
        lock = {"patientId": wish.patient, "scheduleId": wish.schedule, "slotId": wish.slot}
        said = await self._decided(session, _LOCK, lock, until)
        order = None
        if said["code"] == "OK":
            book = {"lockId": said["data"]["lockId"], "patientId": wish.patient}
            said = await self._decided(session, _BOOK, book, until)
            order = said["data"]["hisOrderNo"] if said["code"] == "OK" else None
        return Told(wish, said["code"], order, time.monotonic() - began)

    async def _decided(
        self, session: aiohttp.ClientSession, path: str, body: dict[str, str], until: float
    ) -> dict[str, Any]:
        key = secrets.token_hex(12)
        while True:
            said = await self._ask(session, path, body, key)
            if said["code"] not in _UNKNOWN | _NOT_DONE or time.monotonic() >= until:
                return said
            if said["code"] in _NOT_DONE:
                key = secrets.token_hex(12)
            await asyncio.sleep(_PAUSE)

    async def _ask(self, session: aiohttp.ClientSession, path: str, body: dict[str, str], key: str) -> dict[str, Any]:
        raw, began = json.dumps(body).encode(), time.monotonic()
        async with session.post(path, data=raw, headers=self._signed(path, raw, key)) as answer:
            said: dict[str, Any] = await answer.json()
        self.longest = max(self.longest, time.monotonic() - began)
        self.answers[said["code"]] += 1
        return said

    def _signed(self, path: str, raw: bytes, key: str) -> dict[str, str]:
        stamp, nonce = str(int(time.time())), secrets.token_hex(8)
        text = "\n".join(("POST", path, stamp, nonce, hashlib.sha256(raw).hexdigest()))
        signature = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        return {
            "X-App-Id": self.client, "X-Timestamp": stamp, "X-Nonce": nonce, "X-Signature": signature,
            "X-Campus": "main", "Idempotency-Key": key, "Content-Type": "application/json",
        }  # fmt: skip
