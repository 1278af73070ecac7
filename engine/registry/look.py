"""What stands in the journal as one decision saw it, and what it wants changed."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import orjson

from engine.records import Record, Write


class Store(Protocol):
    """Where records stand: the journal."""

    @property
    def record(self) -> Callable[[str, str], Awaitable[Record | None]]: ...
    @property
    def records(self) -> Callable[[str, str], Awaitable[Sequence[Record]]]: ...


class Look:
    """One decision's view. A record whose time is over is not there; every write is bound to what was seen."""

    def __init__(self, store: Store, now: int) -> None:
        self._store = store
        self._now = now
        self._seen: dict[tuple[str, str], int] = {}
        self._writes: dict[tuple[str, str], Write] = {}

    async def one(self, kind: str, key: str) -> dict[str, Any] | None:
        """The record of a key, before this decision's own writes."""
        record = await self._store.record(kind, key)
        self._seen[kind, key] = record.version if record else 0
        return self._read(record)

    async def of(self, kind: str, owner: str) -> list[dict[str, Any]]:
        """The records of a kind that belong to somebody. They are not bound: look at `one` before writing it."""
        found = [self._read(record) for record in await self._store.records(kind, owner)]
        return [value for value in found if value is not None]

    def write(
        self, kind: str, key: str, value: Mapping[str, Any], *, owner: str | None = None, until: int | None = None
    ) -> None:
        """Puts a record in its place. One that was not looked at is new, or the decision is made again."""
        self._put(Write(kind, key, self._seen.get((kind, key), 0), orjson.dumps(value), owner, until))

    def erase(self, kind: str, key: str) -> None:
        """Takes a record away that was looked at."""
        self._put(Write(kind, key, self._seen[kind, key], None))

    @property
    def writes(self) -> tuple[Write, ...]:
        """All changes, one for a record: the last."""
        return tuple(self._writes.values())

    def _put(self, write: Write) -> None:
        self._writes[write.kind, write.key] = write

    def _read(self, record: Record | None) -> dict[str, Any] | None:
        if record is None or (record.until is not None and record.until <= self._now):
            return None
        value: dict[str, Any] = orjson.loads(record.value)
        return value
