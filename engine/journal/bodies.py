"""What is kept of messages, encrypted: bytes as they came, mapped bodies, seals, replies, answers.

Each is bound to its message's id and to what it is, so that no stored value can be put in another's
place. One over 1 MiB is stored in parts, each a mark of its own that other batches pass by, before the
mark that names it; parts whose message never came are swept (upkeep.py).
"""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from engine.journal.errors import Gone
from engine.journal.keys import Cipher, DayCiphers, DayReader
from engine.journal.marks import Part
from engine.model import Outcome, Verdict

PART = 1024 * 1024
"""Larger values are stored in parts of this size."""

_WHOLE, _PARTS = b"\0", b"\1"

Put = Callable[[Part], Awaitable[Any]]
"""Commits one part."""
Fetch = Callable[[str, str], Awaitable[list[bytes]]]
"""(message's id, name of the parts) to the parts in order."""


class BodyReader:
    """Reads what belongs to messages. `received` is the message's: it names the day's key."""

    def __init__(self, days: DayReader, fetch: Fetch) -> None:
        self._days = days
        self._fetch = fetch

    async def open(self, received: int, id_: str, what: str, sealed: bytes) -> bytes:
        """The clear value. Raises Gone where the day was deleted, WrongKey where the bytes were changed."""
        cipher = self._days.at(received) or await self._days.find(received)
        clear = cipher.decrypt(sealed[1:], _bound(id_, what))
        return clear if sealed[:1] == _WHOLE else await self._join(cipher, id_, clear.decode())

    async def _join(self, cipher: Cipher, id_: str, named: str) -> bytes:
        name, count = named.split()
        pieces = await self._fetch(id_, name)
        if len(pieces) != int(count):
            raise Gone("parts of this value were deleted")
        return b"".join(cipher.decrypt(piece, _bound(id_, f"{name} {n}")) for n, piece in enumerate(pieces))


class Bodies(BodyReader):
    """Encrypts it as well."""

    def __init__(self, days: DayCiphers, put: Put, fetch: Fetch) -> None:
        super().__init__(days, fetch)
        self._makes = days
        self._put = put

    def seals_at_once(self, received: int, clear: bytes) -> bool:
        """Whether `seal` will not suspend."""
        return len(clear) <= PART and self._days.at(received) is not None

    async def seal(self, received: int, id_: str, what: str, clear: bytes) -> bytes:
        """The stored form. Suspends only for a value in parts and for the first message of a day."""
        cipher = self._days.at(received) or await self._makes.make(received)
        if len(clear) <= PART:
            return _WHOLE + cipher.encrypt(clear, _bound(id_, what))
        name, count = os.urandom(8).hex(), -(-len(clear) // PART)
        for n in range(count):
            piece = clear[n * PART : (n + 1) * PART]
            await self._put(Part(id_, name, n, cipher.encrypt(piece, _bound(id_, f"{name} {n}"))))
        return _PARTS + cipher.encrypt(f"{name} {count}".encode(), _bound(id_, what))


def _bound(id_: str, what: str) -> bytes:
    return f"{id_} {what}".encode()


# --- names of what is kept, bound into each value ---

RAW = "raw"
ANSWER = "answer"


def body_of(step: int) -> str:
    return f"body {step}"


def seal_of(step: int) -> str:
    return f"seal {step}"


def reply_of(step: int) -> str:
    return f"reply {step}"


# --- how two things are packed into one value ---


def pack(head: Mapping[str, Any], rest: bytes) -> bytes:
    """JSON and bytes in one value."""
    words = orjson.dumps(head)
    return len(words).to_bytes(4, "big") + words + rest


def unpack(packed: bytes) -> tuple[dict[str, Any], bytes]:
    """What `pack` made of it."""
    end = 4 + int.from_bytes(packed[:4], "big")
    return orjson.loads(packed[4:end]), packed[end:]


def pack_outcome(outcome: Outcome) -> bytes | None:
    """What of an outcome is encrypted; None where there is nothing of it."""
    if not (outcome.reply or outcome.value is not None or outcome.backend_text or outcome.backend_code):
        return None
    said = {"value": outcome.value, "code": outcome.backend_code, "text": outcome.backend_text}
    return pack(said, outcome.reply)


def unpack_outcome(verdict: str, code: str, packed: bytes | None) -> Outcome:
    """The outcome again, whole where its encrypted half can be read."""
    if packed is None:
        return Outcome(Verdict(verdict), code)
    said, reply = unpack(packed)
    return Outcome(Verdict(verdict), code, said["code"], said["text"], said["value"], reply)
