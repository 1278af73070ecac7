"""One process of a world: its journal, the room it has, what it holds in its hands, and how it dies."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from engine.journal.group import GroupJournal
from engine.model import Claimed, State

SYSTEMS = ("his", "lis", "notify", "route")
"""`route` makes messages out of others."""


class Died(BaseException):
    """A node's process ended here."""


@dataclass
class Node:
    """One process: its journal, the room it has, and what it holds in its hands."""

    name: str
    journal: GroupJournal
    left: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SYSTEMS, 3))
    hands: list[Claimed] = field(default_factory=list)
    old: list[Claimed] = field(default_factory=list)
    """What it once had in its hands: marks of those are stale."""
    dies_at: str | None = None
    dead: bool = False

    def take(self, system: str) -> bool:
        if self.left[system] <= 0:
            return False
        self.left[system] -= 1
        return True

    def give(self, system: str) -> None:
        self.left[system] += 1

    @property
    def owner(self) -> str:
        return self.journal.store.owner  # type: ignore[attr-defined]  # both stores have it

    def crash(self, point: str) -> None:
        self.dead = self.dead or (self.dies_at is not None and point.startswith(self.dies_at))
        if self.dead:
            raise Died

    def hold(self, claimed: Any) -> None:
        self.hands.extend(claimed)

    def drop(self, delivery: Claimed) -> None:
        """The runner is done with it."""
        self.hands.remove(delivery)
        self.old.append(delivery)
        if delivery.state is State.CLAIMED:
            self.give(delivery.system)

    async def killed(self) -> None:
        """kill -9: nothing is said, nothing is given back."""
        store: Any = self.journal.store
        if writer := self.journal._writer._task:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        if hasattr(store, "_pool"):
            await store._tasks.stop(0)
            store._write.terminate()
            store._pool.terminate()
        else:
            store._write.close()
            store._read.close()
            store._lock.release()
        await asyncio.sleep(0)
