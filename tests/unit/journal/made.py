"""Messages and journals for tests. Every name and number is invented."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from engine.base.clock import MovedClock
from engine.base.ids import CountedIds
from engine.journal.group import GroupJournal
from engine.journal.keys import KeyRing
from engine.journal.open import open_journal
from engine.journal.settings import Settings
from engine.model import Accepted, Claimed, Find, NewDelivery, NewMessage, Outcome, State, Then, Verdict

MASTER = b"an invented master secret, 32 bytes and more"


@dataclass
class Spaces:
    """A node's room: `size` deliveries for each system."""

    size: int = 1_000_000
    taken: Counter[str] = field(default_factory=Counter)

    def take(self, system: str) -> bool:
        if self.taken[system] >= self.size:
            return False
        self.taken[system] += 1
        return True

    def give(self, system: str) -> None:
        self.taken[system] -= 1


NO_ROOM = Spaces(0)

IDS = CountedIds()


@dataclass
class Opened:
    """A journal with its room and clock."""

    journal: GroupJournal
    room: Spaces
    clock: MovedClock

    async def accept(self, message: NewMessage, room: Spaces | None = None) -> Any:
        return await self.journal.accept(message, room or self.room)

    async def taken(self, message: NewMessage) -> tuple[Accepted, Claimed]:
        """Accepts a message and gives its only claimed delivery."""
        accepted = await self.accept(message)
        (claimed,) = accepted.claimed
        return accepted, claimed

    async def send(self, delivery: Claimed, body: bytes | None = b"mapped") -> Claimed:
        """Records an attempt; the delivery as its runner then knows it."""
        attempt = await self.journal.sending(delivery, body, b"sealed")
        assert attempt
        return with_(delivery, attempt=attempt)

    async def settle(self, delivery: Claimed, verdict: Verdict, then: Then, **more: Any) -> Any:
        return await self.journal.settle(delivery, Outcome(verdict, **more), then, self.room)

    async def deliver(self, delivery: Claimed, **then: Any) -> Any:
        sent = await self.send(delivery)
        return await self.settle(sent, Verdict.DELIVERED, Then(State.DELIVERED, **then))

    async def states(self, seq: int) -> dict[int, str]:
        return {step: state.value for step, (state, _) in (await self.journal.outcomes(seq)).items()}


class Opener:
    """Opens the same journal again and again."""

    def __init__(self, url: str, clock: MovedClock) -> None:
        self.url = url
        self.clock = clock
        self._all: list[GroupJournal] = []

    async def open(self, *, master: bytes = MASTER, node: str = "bus", crash: Any = None, **settings: Any) -> Opened:
        chosen = Settings(**{"commit": "loop", "reserve": 0, **settings})
        journal = await open_journal(
            self.url, KeyRing(master), self.clock, IDS, node=node, settings=chosen, crash=crash
        )  # fmt: skip
        self._all.append(journal)
        return Opened(journal, Spaces(), self.clock)

    async def close(self) -> None:
        for journal in self._all:
            await journal.close()


def with_(record: Any, **changes: Any) -> Any:
    from dataclasses import replace

    return replace(record, **changes)


def message(
    *steps: NewDelivery,
    raw: bytes = b"MSH|^~\\&|LIS",
    key: str | None = None,
    lane: str | None = None,
    system: str = "his",
    received: int | None = None,
    **more: Any,
) -> NewMessage:
    """One message; without steps it has a single one to `system`."""
    defaults: dict[str, Any] = {
        "id": IDS.message(),
        "route": "lab_result",
        "release": "r1",
        "received": MovedClock().now() if received is None else received,
        "sender": "lis/main",
        "key": key,
        "digest": hashlib.sha256(raw).digest(),
        "other_content": "conflict",
        "raw": raw,
        "deliveries": steps or (NewDelivery(0, system, lane, 0),),
        "finds": (Find("patient", "P000001"),),
        "meta": {"operation": "result"},
    }
    return NewMessage(**{**defaults, **more})
